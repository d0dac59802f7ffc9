"""A name never makes a FAIL that the numbers do not; where forward and name belong together, the forward is told."""

from __future__ import annotations

from pathlib import Path

import pytest
from from_file import checked

ELEMENTWISE = """
    import numpy as np

    def {name}_forward(x):
        return {forward}, x

    def {name}_backward(dout, x):
        return {backward}
"""
OF_OTHER_KINDS = {
    "log2": ("np.log2(np.abs(x) + 1)", "dout * np.sign(x) / ((np.abs(x) + 1) * np.log(2))"),
    "log10": ("np.log10(np.abs(x) + 1)", "dout * np.sign(x) / ((np.abs(x) + 1) * np.log(10))"),
    "exp2": ("2.0 ** x", "dout * np.log(2) * 2.0 ** x"),
    "inv": ("np.linalg.inv(x)", "-np.linalg.inv(x).T @ dout @ np.linalg.inv(x).T"),
}


@pytest.mark.parametrize("name", OF_OTHER_KINDS)
def test_another_function_of_a_name_is_judged_for_itself(tmp_path: Path, name: str) -> None:
    forward, backward = OF_OTHER_KINDS[name]
    right = checked(tmp_path, ELEMENTWISE.format(name=name, forward=forward, backward=backward))
    assert right.passes(name), right.report.text()
    wrong = checked(tmp_path, ELEMENTWISE.format(name=name, forward=forward, backward=f"3 * {backward}"))
    assert "dx" in wrong.failed(name)


def test_a_wrong_forward_of_the_kind_is_told(tmp_path: Path) -> None:
    source = """
        import numpy as np

        class Sigmoid:
            def forward(self, x):
                self.out = 1 / (1 + np.exp(-2 * x))
                return self.out

            def backward(self, dout):
                return dout * 2 * self.out * (1 - self.out)

        class LayerNorm:
            def __init__(self, gamma, beta):
                self.gamma, self.beta = gamma, beta

            def forward(self, x):
                self.d = x - x.mean(axis=1, keepdims=True)
                self.v = np.mean(self.d ** 2, axis=1, keepdims=True) + 1e-5
                self.h = self.d / self.v
                return self.gamma * self.h + self.beta

            def backward(self, dout):
                self.dgamma = (dout * self.h).sum(axis=0)
                self.dbeta = dout.sum(axis=0)
                dh = dout * self.gamma
                dv = -(dh * self.d).sum(axis=1, keepdims=True) / self.v ** 2
                dd = dh / self.v + 2 * self.d * dv / self.d.shape[1]
                return dd - dd.mean(axis=1, keepdims=True)
    """
    found = checked(tmp_path, source)
    for name in ("Sigmoid", "LayerNorm"):
        assert set(found.failed(name)) == {"forward"}, name
        assert found.failed(name)["forward"]


def test_digits_make_no_second_softmax_of_a_function_of_two(tmp_path: Path) -> None:
    source = """
        import numpy as np

        class Softmax2:
            def forward(self, x):
                self.e = 2.0 ** x
                self.s = self.e.sum()
                return self.e / self.s

            def backward(self, dout):
                y = self.e / self.s
                return np.log(2) * y * (dout - (dout * y).sum())
    """
    assert checked(tmp_path, source).passes("Softmax2")


def test_a_loss_of_other_arguments_is_no_divergence_of_distributions(tmp_path: Path) -> None:
    source = """
        import numpy as np

        class KLDivergence:
            def forward(self, mu, log_var):
                self.mu, self.log_var = mu, log_var
                return -0.5 * np.sum(1 + log_var - mu ** 2 - np.exp(log_var))

            def backward(self):
                return {factor} * self.mu, 0.5 * (np.exp(self.log_var) - 1)
    """
    right = checked(tmp_path, source.replace("{factor}", "1"))
    assert right.failed("KLDivergence") == {}
    assert right.verdicts("KLDivergence")
    assert "dmu" in checked(tmp_path, source.replace("{factor}", "3")).failed("KLDivergence")


def test_an_output_of_another_shape_is_advice(tmp_path: Path) -> None:
    source = """
        import numpy as np

        class Flatten:
            def forward(self, x):
                self.shape = x.shape
                return x.reshape(-1)

            def backward(self, dout):
                return {factor} * dout.reshape(self.shape)
    """
    right = checked(tmp_path, source.replace("{factor}", "1"))
    assert right.failed("Flatten") == {}
    assert right.verdicts("Flatten")
    assert "dx" in checked(tmp_path, source.replace("{factor}", "2")).failed("Flatten")


def test_a_backward_alone_is_not_failed_for_its_name(tmp_path: Path) -> None:
    source = """
        import numpy as np

        def max_backward(dout, x):
            return dout * (x > 0)
    """
    found = checked(tmp_path, source)
    assert found.report.failed == []
    assert any("relu" in reason for reason in found.refused.values())


AFFINE = """
    import numpy as np

    class Affine:
        def __init__(self, W, b):
            self.W, self.b = W, b

        def forward(self, x):
            self.x = x
            return x @ self.W + self.b

        def backward(self, dout):
            self.dW = self.x.T @ dout
            self.db = dout.sum(axis=0)
            return dout @ self.W.T

    class Square:
        def forward(self, x):
            self.x = x
            return x ** 2

        def backward(self, dout):
            return 2 * dout * self.x

    def mse_loss(y, t):
        return np.mean((y - t) ** 2)
"""


def test_a_name_that_a_person_gives_is_obeyed(tmp_path: Path) -> None:
    found = checked(tmp_path, AFFINE, pinned={"Affine": "relu", "Square": "relu", "mse_loss": "mse"})
    assert "forward-differs" in found.failed("Affine").values()
    assert found.failed("Square")["forward"] == "forward-differs"
    assert "pinned to `mse`" in found.refused["mse_loss"]


def test_a_name_that_a_person_gives_rightly_changes_nothing(tmp_path: Path) -> None:
    found = checked(tmp_path, AFFINE, pinned={"Affine": "affine", "Square": "square"})
    assert found.passes("Affine")
    assert found.passes("Square")


@pytest.mark.parametrize(("fan", "right"), [("rows", True), ("cols", True), ("(rows + 2 * cols)", False)])
def test_rows_may_be_outputs_as_well_as_inputs(tmp_path: Path, fan: str, right: bool) -> None:
    source = f"""
        import numpy as np

        def kaiming_normal(rows, cols):
            return np.random.randn(rows, cols) * np.sqrt(2.0 / {fan})
    """
    assert checked(tmp_path, source).passes("kaiming_normal") == right
