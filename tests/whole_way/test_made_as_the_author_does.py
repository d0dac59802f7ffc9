"""Objects are made as the author's own calls make them, and prepared as their classes say, before they are judged."""

from __future__ import annotations

import textwrap
from pathlib import Path

from from_file import Checked, checked


def with_main(folder: Path, layers: str, main: str, **others: str) -> Checked:
    """A file of layers in a repository whose other files use them."""
    (folder / ".git").mkdir()
    for name, text in {"main": main, **others}.items():
        (folder / f"{name}.py").write_text(textwrap.dedent(text), encoding="utf-8")
    (folder / "parts").mkdir()
    return checked(folder, "import numpy as np\n" + textwrap.dedent(layers), "parts/layers.py")


def test_constants_that_the_author_gives(tmp_path: Path) -> None:
    layers = """
        class Dense:
            def __init__(self, n_in, n_out, scheme):
                if scheme not in ("gaussian", "flat"):
                    raise ValueError(scheme)
                self.W, self.b = np.random.randn(n_in, n_out), np.zeros(n_out)

            def forward(self, x):
                self.x = x
                return x @ self.W + self.b

            def backward(self, dout):
                self.dW, self.db = self.x.T @ dout, dout.sum(axis=0)
                return dout @ self.W.T


        class Wrong(Dense):
            def backward(self, dout):
                self.dW, self.db = self.x.T @ dout, dout.mean(axis=0)
                return dout @ self.W.T


        class Unused(Dense):
            def __init__(self, n_in, n_out, plan):
                super().__init__(n_in, n_out, plan["scheme"])
    """
    report = with_main(
        tmp_path,
        layers,
        """
        from parts.layers import Dense, Wrong

        if __name__ == "__main__":
            net = [Dense(784, 10, scheme="gaussian"), Wrong(784, 10, "flat")]
        """,
    )
    assert report.passes("Dense"), report.refused
    assert "made as its author does, with scheme='gaussian'" in report.result("Dense", "db").variant
    assert set(report.failed("Wrong")) == {"db"}
    assert "plan" in report.refused["Unused"]
    assert not report.failed("Unused")


def test_functions_and_objects_that_the_author_gives(tmp_path: Path) -> None:
    layers = """
        class Layer:
            def __init__(self, function):
                self.function = function

            def forward(self, x):
                self.x = x
                return self.function(x)

            def backward(self, dout):
                return dout * self.function(self.x, derivative=True)


        class Held(Layer):
            def __init__(self, shape_of_it):
                self.function = shape_of_it.curve


        class Lost(Layer):
            def backward(self, dout):
                return self.function(self.x, derivative=True)
    """
    report = with_main(
        tmp_path,
        layers,
        """
        import numpy as np
        from curves import *
        from curves import Curved
        from parts.layers import Held, Layer, Lost

        net = [Layer(function=bend), Held(Curved()), Lost(bend)]
        raise RuntimeError("this file is never run")
        """,
        curves="""
        import numpy as np


        def bend(x, derivative=False):
            return 1 - np.tanh(x) ** 2 if derivative else np.tanh(x)


        class Curved:
            curve = staticmethod(bend)
        """,
    )
    assert report.passes("Layer"), report.refused
    assert report.passes("Held"), report.refused
    assert report.failed("Lost")


def test_a_text_with_which_the_class_compares_it(tmp_path: Path) -> None:
    layers = """
        class Scaled:
            def __init__(self, way):
                self.way = way
                self.gain = np.ones(3)

            def forward(self, x):
                if self.way == "plain":
                    self.x = x
                    return x * self.gain
                raise NotImplementedError(self.way)

            def backward(self, dout):
                self.dgain = (dout * self.x).sum(axis=0)
                return dout * self.gain
    """
    assert with_main(tmp_path, layers, "").passes("Scaled")


def test_a_pair_where_the_author_has_a_pair(tmp_path: Path) -> None:
    layers = """
        class MaxPool2D:
            def __init__(self, pool_size, stride=(1, 1)):
                self.h, self.w = pool_size
                self.down, self.right = stride

            def forward(self, x):
                self.x = x
                n, c, rows, columns = x.shape
                out = np.zeros((n, c, 1 + (rows - self.h) // self.down, 1 + (columns - self.w) // self.right))
                for i in range(out.shape[2]):
                    for j in range(out.shape[3]):
                        out[:, :, i, j] = x[:, :, self.rows(i), self.columns(j)].max(axis=(2, 3))
                return out

            def rows(self, i):
                return slice(i * self.down, i * self.down + self.h)

            def columns(self, j):
                return slice(j * self.right, j * self.right + self.w)

            def backward(self, dout):
                dx = np.zeros_like(self.x)
                for i in range(dout.shape[2]):
                    for j in range(dout.shape[3]):
                        part = self.x[:, :, self.rows(i), self.columns(j)]
                        mask = part == part.max(axis=(2, 3), keepdims=True)
                        dx[:, :, self.rows(i), self.columns(j)] += mask * dout[:, :, i : i + 1, j : j + 1]
                return dx
    """
    report = with_main(tmp_path, layers, "from parts.layers import MaxPool2D\npool = MaxPool2D((2, 2))")
    assert report.passes("MaxPool2D"), report.refused


PREPARED = """
    import numpy as np


    class Layer:
        def __init__(self):
            self.input_shape = None
            self.weights = None
            self.bias = None

        @property
        def width(self):
            return int(np.prod(self.input_shape))

        def set_weights(self, weights):
            self.weights = weights

        def initialize(self):
            pass

        def backward(self, dout):
            self.dweights, self.dbias = self.x.T @ dout, dout.sum(axis=0)
            return dout @ self.weights.T


    class Dense(Layer):
        def __init__(self, units):
            super().__init__()
            self.units = units

        def initialize(self):
            self.weights = np.random.randn(self.width, self.units)
            self.bias = np.zeros(self.units)

        def forward(self, x):
            self.x = x
            return x @ self.weights + self.bias


    class Flat(Dense):
        def backward(self, dout):
            self.dweights, self.dbias = self.x.T @ dout, dout.sum(axis=0)
            return dout @ self.weights.T / self.units


    class Told:
        def __init__(self, output_num):
            self.output_num = output_num

        def out_shape(self, shape):
            self.inputs = shape[1]
            self.weights = np.random.randn(shape[1:][0], self.output_num)
            return [shape[0], self.output_num]

        def forward(self, x):
            self.x = x.reshape(-1, self.inputs)
            return self.x @ self.weights

        def backward(self, dout):
            self.dweights = self.x.T @ dout
            return dout @ self.weights.T


    class Lazy:
        def __init__(self):
            self.scale = None

        def build(self, n_in):
            self.scale = np.full(n_in, 2.0)

        def forward(self, x):
            if self.scale is None:
                self.build(x.shape[1])
            self.x = x
            return x * self.scale

        def backward(self, dout):
            self.dscale = (self.x * dout).sum(axis=0)
            return dout * self.scale


    class Forgotten:
        def forward(self, x):
            self.y = np.tanh(x) * self.slope
            return self.y

        def backward(self, dout):
            return dout * (self.slope - self.y ** 2)
"""


def test_layers_that_are_built_in_a_second_step(tmp_path: Path) -> None:
    report = checked(tmp_path, PREPARED)
    assert report.passes("Dense"), (report.refused, report.failed("Dense"))
    assert "prepared by input_shape = x.shape[1:], initialize()" in report.result("Dense", "dx").variant
    assert set(report.failed("Flat")) == {"dx"}
    assert report.passes("Told"), (report.refused, report.failed("Told"))
    assert report.passes("Lazy"), (report.refused, report.failed("Lazy"))


def test_what_no_method_sets_is_not_made_up(tmp_path: Path) -> None:
    report = checked(tmp_path, PREPARED)
    assert not report.passes("Forgotten")


def test_an_object_is_prepared_also_where_a_decorator_is_around_its_forward(tmp_path: Path) -> None:
    report = checked(
        tmp_path,
        """
        import numpy as np


        def recorded(method):
            def forward(self, x):
                out = method(self, x)
                self.kept = x
                return out
            return forward


        class Dense:
            def __init__(self, units=4, input_shape=None):
                self.units, self.input_shape = units, input_shape

            def build(self, weights=None):
                self.weights = np.ones((self.input_shape[0], self.units)) if weights is None else weights

            @recorded
            def forward(self, x):
                return x @ self.weights

            def backward(self, dout):
                return dout @ self.weights.T, self.kept.T @ dout


        class Twice(Dense):
            def backward(self, dout):
                return dout @ self.weights.T, 2 * self.kept.T @ dout
        """,
    )
    assert report.passes("Dense")
    assert set(report.failed("Twice")) == {"dweights"}
