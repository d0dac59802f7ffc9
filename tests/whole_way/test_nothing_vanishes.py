"""Every object with a gradient of its own is judged, or refused with a reason; what has none is passed over."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest
from from_file import Checked, checked

from gradcheck_plugin.binding import recognise
from gradcheck_plugin.loading.load import LoadError, load
from gradcheck_plugin.model import NotDriven, Verdict
from gradcheck_plugin.target import quiet

SUBMISSIONS = Path(__file__).parent.parent / "submissions"
FILES = sorted(p for folder in ("right", "wrong") for p in (SUBMISSIONS / folder).iterdir() if p.suffix == ".py")
GRADIENT = re.compile(r"(^|_)(backward|backprop|bprop|gradients?|grad|derivative|deriv|prime)(_pass)?$", re.IGNORECASE)


def says_gradient(thing: object) -> bool:
    """Whether a function, or a method of a class, is called after a gradient."""
    if inspect.isfunction(thing):
        return GRADIENT.search(thing.__name__) is not None
    return inspect.isclass(thing) and any(GRADIENT.search(n) and callable(m) for n, m in vars(thing).items())


@pytest.mark.parametrize("path", FILES, ids=lambda p: f"{p.parent.name}-{p.stem}")
def test_every_object_of_the_samples_has_an_outcome(path: Path) -> None:
    try:
        defined = load(path).defined()
    except LoadError as exc:
        pytest.skip(exc.message)
    with quiet():
        known = recognise.recognised(defined)
    used = {name for c in known.candidates for name in (c.name, *c.consumed)}
    accounted = used | {n.target for n in (*known.refused, *known.passed_over)}
    assert {n for n, o in defined.items() if says_gradient(o)} - accounted == set()
    assert [n.code for n in known.refused if n.code == "internal"] == []


def outcome(found: Checked, name: str) -> str:
    if found.verdicts(name):
        return "judged"
    if name in found.refused:
        return "refused"
    return "passed over" if name in {n.target for n in found.report.passed_over} else "vanished"


AFFINE = '''
    import numpy as np

    class Affine:
        """The backward pass keeps dW; there is no NotImplementedError and no abstractmethod here."""

        def __init__(self, W, b):
            self.W, self.b = W, b

        def forward(self, x):
            self.x = x
            return x @ self.W + self.b

        def backward(self, dout):
            # we pass dout on
            self.dW = {factor} * self.x.T @ dout
            self.db = dout.sum(axis=0)
            return dout @ self.W.T

    class AffineAgain(Affine):
        def backward(self, dout):
            return super().backward(dout)
'''


@pytest.mark.parametrize("factor", [1, 2])
def test_words_in_a_text_make_no_abstract_base(tmp_path: Path, factor: int) -> None:
    found = checked(tmp_path, AFFINE.format(factor=factor))
    for name in ("Affine", "AffineAgain"):
        assert found.failed(name) == ({} if factor == 1 else {"dW": "factor-two"})
        assert found.verdicts(name)["dx"] is Verdict.PASS


def test_a_base_that_leaves_its_hook_to_its_heirs_is_passed_over(tmp_path: Path) -> None:
    source = """
        import numpy as np

        class Elementwise:
            def forward(self, x):
                self.x = x
                return self.f(x)

            def backward(self, dout):
                return dout * self.slope(self.x)

            def f(self, x):
                raise NotImplementedError

            def slope(self, x):
                ...

        class Cube(Elementwise):
            def f(self, x):
                return x ** 3

            def slope(self, x):
                return 3 * x ** 2
    """
    found = checked(tmp_path, source)
    assert outcome(found, "Elementwise") == "passed over"
    assert found.passes("Cube")


@pytest.mark.parametrize("slope", ["3 * self.x ** 2", "5 * self.x ** 2"])
def test_letters_inside_a_name_are_no_boltzmann_machine(tmp_path: Path, slope: str) -> None:
    source = f"""
        class TurbModel:
            def forward(self, x):
                self.x = x
                return x ** 3

            def backward(self, dout):
                return dout * {slope}

        class BinaryRBM:
            def forward(self, v):
                return v > 0

            def backward(self, h):
                return h > 0
    """
    found = checked(tmp_path, source)
    assert found.passes("TurbModel") == (slope == "3 * self.x ** 2")
    assert "sampler" in found.refused["BinaryRBM"]


PAIRS = """
    import numpy as np

    def f(x):
        return x ** 3 + np.sin(x)

    def f_prime(x):
        return {wrong} * 3 * x ** 2 + np.cos(x)

    def double_well(x):
        return (x ** 2 - 1) ** 2

    def double_well_prime(x):
        return {wrong} * 4 * x * (x ** 2 - 1)

    def dice_loss(p, t):
        return 1 - 2 * np.sum(p * t) / (np.sum(p) + np.sum(t))

    def dice_loss_grad(p, t):
        s = np.sum(p) + np.sum(t)
        return {wrong} * (2 * np.sum(p * t) / s ** 2 - 2 * t / s)

    def dual(x):
        return x * x

    def ddual(x):
        return {wrong} * 2 * x
"""


@pytest.mark.parametrize("wrong", [1, 3])
def test_a_derivative_is_found_whatever_letter_its_name_starts_with(tmp_path: Path, wrong: int) -> None:
    found = checked(tmp_path, PAIRS.format(wrong=wrong))
    for name in ("f", "double_well", "dice_loss", "dual"):
        assert found.verdicts(name), name
        assert bool(found.failed(name)) == (wrong == 3), name


LOSSES = """
    import numpy as np

    def mse_b(y, t):
        return np.mean((y - t) ** 2), {wrong} * 2 * (y - t) / y.size

    def l2_loss(y, t):
        d = y - t
        return 0.5 * np.sum(d ** 2), {wrong} * (y - t)

    def huge_loss(y_true, y_pred):
        return np.sum((y_pred - y_true) ** 4), {wrong} * 4 * (y_pred - y_true) ** 3

    def softmax_loss_vectorized(W, X, y, reg):
        n = X.shape[0]
        s = X.dot(W)
        p = np.exp(s - s.max(axis=1, keepdims=True))
        p /= p.sum(axis=1, keepdims=True)
        loss = -np.mean(np.log(p[np.arange(n), y])) + reg * np.sum(W * W)
        p[np.arange(n), y] -= 1
        return loss, {wrong} * X.T.dot(p) / n + 2 * reg * W

    def bowl(x):
        \"\"\"The value and the gradient.\"\"\"
        return np.sum(x ** 4), {wrong} * 4 * x ** 3
"""


@pytest.mark.parametrize("wrong", [1, 3])
def test_a_loss_that_returns_expressions_is_judged(tmp_path: Path, wrong: int) -> None:
    found = checked(tmp_path, LOSSES.format(wrong=wrong))
    for name in ("mse_b", "l2_loss", "huge_loss", "softmax_loss_vectorized", "bowl"):
        assert found.verdicts(name), name
        assert bool(found.failed(name)) == (wrong == 3), name


def test_what_else_comes_with_a_loss_is_not_taken_for_its_gradient(tmp_path: Path) -> None:
    source = """
        import numpy as np

        def softmax(x):
            e = np.exp(x - x.max(axis=1, keepdims=True))
            return e / e.sum(axis=1, keepdims=True)

        def loss_and_probabilities(x, t):
            p = softmax(x)
            return -np.sum(t * np.log(p)), p

        def loss_with_softmax(x, t):
            return -np.sum(t * np.log(softmax(x))), softmax(x)

        def loss_and_accuracy(y, t):
            return np.mean((y - t) ** 2), np.mean(y.argmax(axis=1) == t.argmax(axis=1))

        def loss_and_size(y, t):
            r = np.abs(y)
            return np.mean((y - t) ** 2), r
    """
    found = checked(tmp_path, source)
    assert found.report.results == []
    for name in ("loss_with_softmax", "loss_and_accuracy"):
        assert outcome(found, name) == "passed over"
    assert "nothing says" in found.refused["loss_and_size"]


def test_a_gradient_whose_name_says_nothing_passes_where_it_is_right(tmp_path: Path) -> None:
    source = """
        import numpy as np

        def quartic_loss(y, t):
            e = y - t
            r = 4 * e ** 3
            return np.sum(e ** 4), r
    """
    assert checked(tmp_path, source).passes("quartic_loss")


def test_containers_and_what_decorators_made_are_not_silent(tmp_path: Path) -> None:
    source = """
        from dataclasses import dataclass

        import numpy as np

        def registered(cls):
            return cls()

        @registered
        class Square:
            def forward(self, x):
                self.x = x
                return x ** 2

            def backward(self, dout):
                return 5 * dout * self.x

        @np.vectorize
        def step_prime(x):
            return 0.0

        @dataclass
        class Chain:
            layers: list

            def forward(self, x):
                for layer in self.layers:
                    x = layer.forward(x)
                return x

            def backward(self, dout):
                for layer in reversed(self.layers):
                    dout = layer.backward(dout)
                return dout

        class Cube:
            def forward(self, x):
                self.x = x
                return x ** 3

            def backward(self, dout):
                return 3 * dout * self.x ** 2
    """
    found = checked(tmp_path, source)
    assert outcome(found, "Square") in ("judged", "refused")
    assert outcome(found, "step_prime") == "refused"
    assert outcome(found, "Chain") == "passed over"
    assert found.passes("Cube")


def test_a_class_without_the_backward_that_its_siblings_have_is_refused(tmp_path: Path) -> None:
    source = """
        import numpy as np

        class Layer:
            def backward(self, dout):
                raise NotImplementedError

        class Cube(Layer):
            def forward(self, x):
                self.x = x
                return x ** 3

            def backward(self, dout):
                return 3 * dout * self.x ** 2

        class Fourth:
            def forward(self, x):
                self.x = x
                return x ** 4

            def backward(self, dout):
                return 4 * dout * self.x ** 3

        class Fifth:
            def forward(self, x):
                self.x = x
                return x ** 5

        class Reader:
            def read(self, path):
                return path
    """
    found = checked(tmp_path, source)
    assert "no backward" in found.refused["Fifth"]
    assert outcome(found, "Layer") == "passed over"
    assert outcome(found, "Reader") == "passed over"


def test_backwards_without_a_known_partner_are_refused(tmp_path: Path) -> None:
    source = """
        import numpy as np

        def relu_grad(dout, mask, table):
            return dout * mask

        def backprop(net, x, y):
            return net

        def numerical_gradient(f, x):
            return x

        class Network:
            def sigmoid_prime(self, z):
                return z * (1 - z)

            def fit(self, x, y):
                return self
    """
    found = checked(tmp_path, source)
    assert [outcome(found, n) for n in ("relu_grad", "backprop", "Network")] == ["refused"] * 3
    assert outcome(found, "numerical_gradient") == "passed over"


def test_what_is_passed_over_is_shown_to_who_asks(tmp_path: Path) -> None:
    found = checked(tmp_path, AFFINE.format(factor=1) + "\n    def helper(x):\n        return x\n")
    assert "helper: passed over" in found.report.text(verbose=True)
    assert "helper" not in found.report.text()
    assert [n["target"] for n in found.report.to_json()["passed_over"]] == ["helper"]


def test_a_fault_of_ours_in_one_convention_hides_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from gradcheck_plugin.conventions.rules import schedule

    def broken(defined: object) -> list[NotDriven]:
        raise ZeroDivisionError

    monkeypatch.setattr(schedule, "discover", broken)
    found = checked(tmp_path, AFFINE.format(factor=1))
    assert found.passes("Affine")
    assert [n.code for n in found.report.not_driven] == ["internal"]


def test_a_constructor_behind_a_decorator_makes_no_container(tmp_path: Path) -> None:
    source = """
        import numpy as np

        def logged(method):
            def wrapper(self, *args, **kwargs):
                return method(self, *args, **kwargs)
            return wrapper

        class Cube:
            @logged
            def __init__(self):
                self.x = None

            def forward(self, x):
                self.x = x
                return x ** 3

            def backward(self, dout):
                return 7 * dout * self.x ** 2
    """
    assert "dx" in checked(tmp_path, source).failed("Cube")


def test_what_is_hidden_inside_of_a_class_or_a_result_is_refused_by_its_name(tmp_path: Path) -> None:
    """Classes inside of a class, closures that nobody runs, gradients of many arguments in a list."""
    report = checked(
        tmp_path,
        """
        import numpy as np


        class Tensor:
            class Double:
                def _forward(self):
                    self.out = 2 * self.given

                def _backward(self):
                    self.gradient = 3 * self.above

            class Shape:
                def __init__(self, rows):
                    self.rows = rows


        class Node:
            def thrice(self):
                result = 3 * self.number

                def _backward():
                    self.slope = 3

                self.later = _backward
                return result

            def twice(self):
                def helper():
                    return 2
                return helper()


        class Kernel:
            @property
            def grad(self):
                return self.node.slope / self.count


        class Held:
            @property
            def grad(self):
                return self.kept


        def step_once(image, kernel, shift, rate):
            out = np.sum(image * kernel) + shift
            dkernel = image * out
            dshift = out
            return [dkernel, dshift, out]


        def spread(kernel, shift):
            dkernel = kernel - kernel.mean()
            return dkernel, shift
        """,
    )
    assert set(report.refused) >= {"Tensor.Double", "Node", "Kernel", "step_once"}
    assert "_backward" in report.refused["Tensor.Double"]
    assert "thrice" in report.refused["Node"]
    assert "dkernel" in report.refused["step_once"]
    assert not {"Tensor.Shape", "Held", "spread"} & set(report.refused)


def test_a_schedule_or_an_initialiser_is_known_by_any_spelling_of_its_name(tmp_path: Path) -> None:
    source = """
        import numpy as np

        def constant_rate(lr, epoch):
            return {lr}

        def le_cun(n_in, n_out):
            return np.random.randn(n_in, n_out) * np.sqrt({gain} / n_in)

        def constant_lr(lr, epoch, magic):
            return lr * magic
    """
    right = checked(tmp_path, source.format(lr="lr", gain=1), "right.py")
    assert right.passes("constant_rate")
    assert right.passes("le_cun")
    assert "magic" in right.refused["constant_lr"]
    wrong = checked(tmp_path, source.format(lr="lr * (epoch < 30)", gain=3), "wrong.py")
    assert not wrong.passes("constant_rate")
    assert not wrong.passes("le_cun")
    assert {outcome(wrong, n) for n in ("constant_rate", "le_cun")} == {"judged"}


def test_a_function_of_such_a_name_that_takes_no_time_and_no_shape_is_none(tmp_path: Path) -> None:
    source = """
        def constant(value):
            return value

        def ones(n):
            return [1] * n

        def step_decay(net, rate):
            return net
    """
    found = checked(tmp_path, source)
    assert {outcome(found, n) for n in ("constant", "ones", "step_decay")} == {"passed over"}


@pytest.mark.parametrize("grad", ["dW", "2 * dW", "-dW", "dW * 0.5", "dW / W.size", "dW / len(W)"])
def test_a_gradient_with_a_factor_is_a_gradient(tmp_path: Path, grad: str) -> None:
    source = f"""
        import numpy as np

        def ridge(W):
            loss = 0.2 * np.sum(W ** 2)
            dW = 0.4 * W
            return loss, {grad}
    """
    found = checked(tmp_path, source)
    assert found.passes("ridge") if grad == "dW" else "dW" in found.failed("ridge")


@pytest.mark.parametrize("scale", ["limit", "2 * limit", "3.0"])
def test_an_initialiser_draws_as_far_as_its_author_says(tmp_path: Path, scale: str) -> None:
    source = f"""
        import numpy as np

        def random_uniform(fan_in, fan_out, limit=1.0):
            return np.random.uniform(-1, 1, (fan_in, fan_out)) * {scale}
    """
    found = checked(tmp_path, source)
    assert found.passes("random_uniform") if scale == "limit" else found.failed("random_uniform")


OF_ONE_NAME = """
class Scale:
    def forward(self, x):
        return 3 * x

    def backward(self, dout):
        return {of_class} * dout


def Scale_forward(x, y):
    return x * y, (x, y)


def Scale_backward(dout, cache):
    x, y = cache
    return dout * y, {of_pair} * dout * x
"""


@pytest.mark.parametrize(("of_class", "of_pair"), [(3, 1), (4, 1), (3, 5), (4, 5)])
def test_a_class_and_a_pair_of_one_name_are_both_judged(tmp_path: Path, of_class: int, of_pair: int) -> None:
    found = checked(tmp_path, OF_ONE_NAME.format(of_class=of_class, of_pair=of_pair))
    assert set(found.failed("Scale")) == ({"dx"} if of_class == 4 else set())
    assert set(found.failed("Scale_backward")) == ({"dy"} if of_pair == 5 else set())
    assert {"dx"} <= set(found.verdicts("Scale"))
    assert {"dx", "dy"} <= set(found.verdicts("Scale_backward"))
