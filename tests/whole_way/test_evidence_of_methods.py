"""Which argument of a method gets what: the author's calls say it before the names of the arguments do."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest
from from_file import Checked, checked

from gradcheck_plugin.model import Verdict
from gradcheck_plugin.report.as_json import document


def beside(folder: Path, layers: str, network: str) -> Checked:
    """A file of layers beside a file that uses them."""
    (folder / ".git").mkdir()
    (folder / "network.py").write_text(textwrap.dedent(network), encoding="utf-8")
    return checked(folder, "import numpy as np\n" + textwrap.dedent(layers))


# --- what a backward gets ---

BENT = """
class Bent:
    def forward(self, {x}):
        return np.tanh({x})

    def backward(self, {first}, {second}):
        return {dx}
"""
STEP_BY_STEP = """
from layers import Bent


class Network:
    def __init__(self):
        self.first, self.second = Bent(), Bent()

    def train(self, x, target):
        a = self.first.forward(x)
        out = self.second.forward(a)
        change = out - target
        for _ in range(3):
            change = {second}
        return {first}
"""


@pytest.mark.parametrize(
    ("first", "second", "right", "wrong"),
    [
        ("y", "dz", "dz * (1 - y**2)", "dz * (1 - y)"),
        ("a", "b", "b * (1 - a**2)", "a * (1 - b**2)"),
        ("x", "y", "y * (1 - x**2)", "x * (1 - y**2)"),
        ("z", "y", "y * (1 - z**2)", "z * (1 - y**2)"),
    ],
)
def test_the_output_and_then_the_gradient_from_above(
    tmp_path: Path, first: str, second: str, right: str, wrong: str
) -> None:
    """`x` is the input by its name, and what the author gives it is the output."""
    calls = {"second": "self.second.backward(out, change)", "first": "self.first.backward(a, change)"}
    network = STEP_BY_STEP.format(**calls)
    names = {"x": "x", "first": first, "second": second}
    report = beside(tmp_path, BENT.format(**names, dx=right), network)
    assert report.passes("Bent"), (report.refused, report.failed("Bent"))
    said = f"backward: {first} = output (the author's call), {second} = gradient from above (the author's call)"
    assert said in report.result("Bent", "dx").called
    assert "called with forward: x = input (its place)" in report.report.text(verbose=True)
    rows = document(report.report)["results"]
    assert {said in row["called"] for row in rows} == {True}
    other = checked(tmp_path, "import numpy as np\n" + BENT.format(**names, dx=wrong))
    assert other.failed("Bent")


def test_a_loop_over_layers_says_which_is_the_gradient(tmp_path: Path) -> None:
    layers = """
        class Squared:
            def forward(self, x):
                return x**2

            def backward(self, y, x):
                return 2 * x * y


        class Lost(Squared):
            def backward(self, y, x):
                return 2 * y
    """
    network = """
        from layers import Lost, Squared

        layers = [Squared(), Lost()]


        def train(x, grad):
            kept = []
            for layer in layers:
                kept.append(x)
                x = layer.forward(x)
            for layer in reversed(layers):
                grad = layer.backward(grad, kept.pop())
            return grad
    """
    report = beside(tmp_path, layers, network)
    assert report.passes("Squared"), (report.refused, report.failed("Squared"))
    assert "y = gradient from above (the author's call)" in report.result("Squared", "dx").called
    assert set(report.failed("Lost")) == {"dx"}


def test_what_nobody_says_anything_of_is_not_made_up(tmp_path: Path) -> None:
    """The gradient from above is known by the calls; what stands beside it is no array that could be guessed."""
    layers = """
        class Node:
            def forward(self, x):
                return np.tanh(x)

            def backward(self, change, caller):
                if not isinstance(caller, Node):
                    raise TypeError(caller)
                return change
    """
    network = """
        from layers import Node


        def train(x, change, caller):
            node = Node()
            out = node.forward(x)
            change = node.backward(change, caller)
            return change
    """
    assert not beside(tmp_path, layers, network).failed("Node")


@pytest.mark.parametrize("made", ["layer, loss = Dense(), Absolute()", "layer, loss = given"])
def test_a_call_with_other_arguments_is_of_another_class(tmp_path: Path, made: str) -> None:
    layers = """
        class Dense:
            def forward(self, x):
                self.output = 2 * x

            def backward(self, dvalues):
                self.dinputs = 2 * dvalues


        class Absolute:
            def forward(self, y_pred, y_true):
                return np.mean(np.abs(y_true - y_pred))

            def backward(self, dvalues, y_true):
                samples, outputs = dvalues.shape
                self.dinputs = {}np.sign(dvalues - y_true) / outputs / samples
    """
    network = f"""
        from layers import Absolute, Dense


        def train(x, y, given):
            {made}
            layer.forward(x)
            loss.forward(layer.output, y)
            loss.backward(layer.output, y)
            layer.backward(loss.dinputs)
    """
    right = beside(tmp_path, layers.format(""), network)
    assert right.passes("Absolute"), (right.refused, right.failed("Absolute"))
    wrong = checked(tmp_path, "import numpy as np\n" + textwrap.dedent(layers.format("-")))
    assert wrong.failed("Absolute")


STEPS = """
class Dense:
    def __init__(self, n_in, n_out):
        self.W = np.random.randn(n_in, n_out)

    def forward(self, x):
        self.x = x
        return x @ self.W

    def backward(self, dout, k):
        dx = dout @ self.W.T
        self.W -= {step}
        return dx
"""


def test_a_learning_rate_by_the_step_that_it_scales(tmp_path: Path) -> None:
    right = checked(tmp_path, "import numpy as np\n" + STEPS.format(step="k * (self.x.T @ dout)"))
    assert right.passes("Dense"), (right.refused, right.failed("Dense"))
    assert "k = learning rate (the code)" in right.result("Dense", "dx").called
    wrong = checked(tmp_path, "import numpy as np\n" + STEPS.format(step="k * (self.x.T @ dout) / len(dout)"))
    assert set(wrong.failed("Dense")) == {"dW"}


@pytest.mark.parametrize("step", ["0.01 * (self.x * g).sum(axis=0)", "g.sum(axis=0)", "0.1 * g"])
def test_an_argument_that_does_more_than_scale_a_step_is_no_rate(tmp_path: Path, step: str) -> None:
    layers = f"""
        class Scaled:
            def __init__(self):
                self.gain = np.ones(3)

            def forward(self, x):
                self.x = x
                return x * self.gain

            def backward(self, g):
                dx = g * self.gain
                self.gain = self.gain - {step}
                return dx
    """
    report = checked(tmp_path, "import numpy as np\n" + textwrap.dedent(layers))
    assert "g = gradient from above (what is left)" in report.result("Scaled", "contract").called


PAIR = """
def dense_forward(x, W, b):
    return x @ W + b, (x, W)


def dense_backward({first}, {second}):
    x, W = {kept}
    return {above} @ W.T, x.T @ {above}, {above}.{reduced}(axis=0)


def bend_forward(x):
    y = np.tanh(x)
    return y, y


def bend_backward({first}, {second}):
    return {above} * (1 - {kept} ** {power})
"""
IN_STEPS = """
from layers import *


def train(x, W, b, d):
    a, one = dense_forward(x, W, b)
    y, two = bend_forward(a)
    d = bend_backward({bend})
    return dense_backward({dense})
"""


@pytest.mark.parametrize(("first", "second"), [("cache", "dout"), ("a", "b"), ("dz", "y")])
@pytest.mark.parametrize("kept_first", [True, False])
def test_what_a_forward_kept_and_the_gradient(tmp_path: Path, first: str, second: str, kept_first: bool) -> None:
    """Calls and the code say where each goes, against any names."""
    kept, above = (first, second) if kept_first else (second, first)
    names = {"first": first, "second": second, "kept": kept, "above": above}
    network = IN_STEPS.format(bend="two, d" if kept_first else "d, two", dense="one, d" if kept_first else "d, one")
    report = beside(tmp_path, PAIR.format(**names, reduced="sum", power=2), network)
    assert report.passes("dense"), (report.refused, report.failed("dense"))
    assert report.passes("bend"), (report.refused, report.failed("bend"))
    assert f"{kept} = what the forward kept (the author's call)" in report.result("bend", "dx").called
    wrong = checked(tmp_path, "import numpy as np\n" + PAIR.format(**names, reduced="mean", power=3))
    assert set(wrong.failed("dense")) == {"db"}
    assert wrong.failed("bend")


def test_what_a_forward_kept_by_what_is_taken_out_of_it(tmp_path: Path) -> None:
    names = {"first": "a", "second": "b", "kept": "a", "above": "b"}
    report = checked(tmp_path, "import numpy as np\n" + PAIR.format(**names, reduced="sum", power=2))
    assert report.passes("dense"), (report.refused, report.failed("dense"))
    assert "a = what the forward kept (the code)" in report.result("dense", "dx").called


# --- what a forward gets beside its input, and what comes before it ---


@pytest.mark.parametrize(("flag", "other"), [("True", "False"), ("'fit'", "'use'")])
def test_a_flag_by_the_calls(tmp_path: Path, flag: str, other: str) -> None:
    layers = f"""
        class Shifted:
            def forward(self, x, way):
                if way not in ({flag}, {other}):
                    raise ValueError(way)
                self.factor = 2 if way == {flag} else 0
                return x * self.factor

            def backward(self, dout):
                return dout * 2


        class Lost(Shifted):
            def backward(self, dout):
                return dout
    """
    network = f"""
        from layers import Lost, Shifted


        def use(x):
            return Lost().forward(Shifted().forward(x, {other}), {other})


        def train(x, grad):
            first, second = Shifted(), Lost()
            for layer in (first, second):
                x = layer.forward(x, {flag})
            return first.backward(second.backward(grad))
    """
    report = beside(tmp_path, layers, network)
    assert report.passes("Shifted"), (report.refused, report.failed("Shifted"))
    assert f"way = {flag} (the author's call)" in report.result("Shifted", "dx").called
    assert set(report.failed("Lost")) == {"dx"}


def test_an_array_beside_the_input_is_no_flag(tmp_path: Path) -> None:
    layers = """
        class Product:
            def forward(self, x, way):
                self.x, self.way = x, way
                return x * way

            def backward(self, dout):
                return dout * self.way, dout * self.x
    """
    network = """
        from layers import Product


        def train(x, other):
            product = Product()
            return product.forward(x, other), product.forward(x, True)
    """
    assert {"dx", "dway"} <= set(beside(tmp_path, layers, network).verdicts("Product"))


@pytest.mark.parametrize("call", ["layer.forward(x, False)", "layer.forward(x, training=False)"])
@pytest.mark.parametrize("argument", ["training", "training=True"])
def test_what_is_written_out_for_a_prediction_alone_is_not_how_it_trains(
    tmp_path: Path, call: str, argument: str
) -> None:
    layers = f"""
        class Centred:
            def forward(self, x, {argument}):
                mean = x.mean(axis=0) if training else 0.5
                return x - mean

            def backward(self, dout):
                return dout - dout.mean(axis=0)
    """
    network = f"""
        from layers import Centred


        def predict(x):
            layer = Centred()
            return {call}
    """
    report = beside(tmp_path, layers, network)
    assert report.passes("Centred"), (report.refused, report.failed("Centred"))


@pytest.mark.parametrize("given", ["x.shape[1]", "x.shape[-1]"])
def test_a_method_that_the_author_calls_first(tmp_path: Path, given: str) -> None:
    layers = """
        class Dense:
            def __init__(self, units):
                self.units = units

            def connect(self, k):
                self.W = np.random.randn(k, self.units)

            def forward(self, x):
                self.x = x
                return x @ self.W

            def backward(self, dout):
                self.dW = self.x.T @ dout
                return dout @ self.W.T


        class Lost(Dense):
            def backward(self, dout):
                self.dW = self.x.T @ dout / len(dout)
                return dout @ self.W.T
    """
    network = f"""
        from layers import Dense, Lost


        def train(x):
            for layer in [Dense(8), Lost(3)]:
                width = {given}
                layer.connect(width)
                x = layer.forward(x)
    """
    report = beside(tmp_path, layers, network)
    assert report.passes("Dense"), (report.refused, report.failed("Dense"))
    assert "prepared by connect(" in report.result("Dense", "dx").variant
    assert set(report.failed("Lost")) == {"dW"}


# --- which input of a loss are the labels ---

LOSS = """
class Squared:
    def forward(self, a, b):
        self.a, self.b = a, b
        return ((a - b) ** 2).mean()

    def backward(self):
        return {gradient}
"""
OF_A, OF_B = "2 * (self.a - self.b) / self.a.size", "2 * (self.b - self.a) / self.a.size"
LOOP = """
{imported}


def train(net, x, labels):
    loss = Squared()
    {line}
    return loss.backward()
"""


@pytest.mark.parametrize(
    ("line", "right", "wrong"),
    [
        ("value = loss.forward(net(x), labels)", OF_A, OF_B),
        ("value = loss.forward(labels, net(x))", OF_B, OF_A),
        ("guess = net.forward(x)\n    value = loss.forward(labels, guess)", OF_B, OF_A),
        ("value = loss.forward(b=net.predict(x), a=labels)", OF_B, OF_A),
        ("for layer in net:\n        x = layer.forward(x)\n    value = loss.forward(labels, x)", OF_B, OF_A),
    ],
)
def test_the_labels_are_what_no_network_gave(tmp_path: Path, line: str, right: str, wrong: str) -> None:
    network = LOOP.format(imported="from layers import Squared", line=line)
    report = beside(tmp_path, LOSS.format(gradient=right), network)
    assert report.passes("Squared"), (report.refused, report.failed("Squared"))
    place = "ab"[right == OF_A]
    assert f"{place} = labels (the author's call)" in report.result("Squared", "contract").called
    other = checked(tmp_path, "import numpy as np\n" + LOSS.format(gradient=wrong))
    assert other.failed("Squared")


@pytest.mark.parametrize(
    ("imported", "line"),
    [
        ("from keras.losses import Squared", "value = loss.forward(labels, net(x))"),
        ("class Squared:\n    pass", "value = loss.forward(labels, net(x))"),
        ("from layers import Squared", "if False:\n        loss.forward(labels, net(x))"),
        ("from layers import Squared", "'loss.forward(labels, net(x))'  # or so"),
        ("from layers import Squared", "value = loss.forward(net(x), net(labels))"),
        ("from layers import Squared", "value = loss.forward(x, x)"),
        ("from layers import Squared", "other = Other()\n    other.forward(labels, net(x))"),
    ],
    ids=["library", "namesake", "if-False", "remark", "two-of-a-network", "nobody-knows", "another-class"],
)
def test_what_says_nothing_of_the_labels(tmp_path: Path, imported: str, line: str) -> None:
    report = beside(tmp_path, LOSS.format(gradient=OF_A), LOOP.format(imported=imported, line=line))
    assert report.verdicts("Squared")["da"] is Verdict.PASS, (report.refused, report.failed("Squared"))
    assert "a = prediction (its name)" in report.result("Squared", "contract").called


def test_a_function_and_the_call_of_its_derivative(tmp_path: Path) -> None:
    """The call of the derivative decides; the loss itself may be called either way round."""
    layers = """
        def quadratic(a, b):
            return ((a - b) ** 2).mean()


        def quadratic_prime(a, b):
            return {} * (b - a) / a.size
    """
    network = """
        from layers import quadratic, quadratic_prime


        def train(net, x, labels):
            out = net.predict(x)
            print(quadratic(out, labels))
            return quadratic_prime(labels, out)
    """
    report = beside(tmp_path, layers.format("2"), network)
    assert report.passes("quadratic"), (report.refused, report.failed("quadratic"))
    other = checked(tmp_path, "import numpy as np\n" + textwrap.dedent(layers.format("-2")))
    assert other.failed("quadratic")


def test_a_function_that_gives_the_gradient_with_the_loss(tmp_path: Path) -> None:
    layers = """
        def squared_loss(a, b):
            loss = ((a - b) ** 2).mean()
            grad = {} * (b - a) / a.size
            return loss, grad
    """
    network = """
        from layers import *


        def train(model, x, labels):
            return squared_loss(labels, model(x))
    """
    report = beside(tmp_path, layers.format("2"), network)
    assert report.passes("squared_loss"), (report.refused, report.failed("squared_loss"))
    assert "squared_loss: a = labels (the author's call)" in report.result("squared_loss", "contract").called
    other = checked(tmp_path, "import numpy as np\n" + textwrap.dedent(layers.format("-2")))
    assert other.failed("squared_loss")


def test_labels_are_what_entries_are_taken_at(tmp_path: Path) -> None:
    layers = """
        class Surprise:
            def forward(self, a, b):
                self.a, self.b = a, b
                return -np.log(b[np.arange(len(a)), a]).mean()

            def backward(self):
                db = np.zeros_like(self.b)
                rows = np.arange(len(self.a))
                db[rows, self.a] = {} / self.b[rows, self.a] / len(self.a)
                return db
    """
    report = checked(tmp_path, "import numpy as np\n" + textwrap.dedent(layers.format("-1")))
    assert report.passes("Surprise"), (report.refused, report.failed("Surprise"))
    assert "a = labels (the code)" in report.result("Surprise", "contract").called
    other = checked(tmp_path, "import numpy as np\n" + textwrap.dedent(layers.format("1")))
    assert other.failed("Surprise")


def test_a_mask_is_no_label(tmp_path: Path) -> None:
    layers = """
        class Hinged:
            def forward(self, a, b):
                self.a, self.b = a, b
                self.missed = a * b < 1
                return np.sum((1 - b * a)[a * b < 1])

            def backward(self):
                return -self.b * self.missed
    """
    report = checked(tmp_path, "import numpy as np\n" + textwrap.dedent(layers))
    assert "a = prediction (its name)" in report.result("Hinged", "contract").called


def test_several_gradients_from_above_are_not_what_was_kept(tmp_path: Path) -> None:
    layers = """
        def halves_forward(x):
            return (x[:, :2] ** 2, 3 * x[:, 2:]), x


        def halves_backward(grads, saved_x):
            left, right = grads
            return np.hstack([2 * saved_x[:, :2] * left, 3 * right])
    """
    report = checked(tmp_path, "import numpy as np\n" + textwrap.dedent(layers))
    assert not report.failed("halves")


def test_what_a_name_says_outright_no_call_turns_round(tmp_path: Path) -> None:
    """A loss that is only shown may be called the other way round; its gradient is that of what is called predicted."""
    layers = """
        def mse(y_true, y_pred):
            return ((y_true - y_pred) ** 2).mean()


        def mse_prime(y_true, y_pred):
            return 2 * (y_pred - y_true) / y_true.size
    """
    network = "from layers import mse\n\n\ndef show(net, x, labels):\n    print(mse(net(x), labels))\n"
    assert beside(tmp_path, layers, network).passes("mse")
