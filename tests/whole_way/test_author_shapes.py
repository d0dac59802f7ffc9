"""The shapes of arrays are those that the forward takes and the author means; the backward is judged under them."""

from __future__ import annotations

from pathlib import Path

import pytest
from from_file import checked

from gradcheck_plugin.model import Verdict

SCALE = """
    import numpy as np

    def scale_features_forward(x, {name}):
        {said}
        return x * {name}, (x, {name})

    def scale_features_backward(dout, cache):
        x, {name} = cache
        return dout * {name}, {gradient}
"""
SUMMED, WHOLE = "(dout * x).sum(axis=0)", "dout * x"


@pytest.mark.parametrize("name", ["s", "gain", "scale"])
def test_a_parameter_by_its_name_is_one_number_a_feature(tmp_path: Path, name: str) -> None:
    right = checked(tmp_path, SCALE.format(name=name, said="", gradient=SUMMED))
    assert right.passes("scale_features")
    wrong = checked(tmp_path, SCALE.format(name=name, said="", gradient=WHOLE))
    assert set(wrong.failed("scale_features")) == {f"d{name}"}


@pytest.mark.parametrize(
    "said",
    ['"""Scales x of shape (N, D) by r of shape (D,)."""', "assert r.ndim == 1", "assert r.shape == (x.shape[1],)"],
)
def test_what_the_author_says_of_a_shape_counts(tmp_path: Path, said: str) -> None:
    right = checked(tmp_path, SCALE.format(name="r", said=said, gradient=SUMMED))
    assert right.passes("scale_features")
    wrong = checked(tmp_path, SCALE.format(name="r", said=said, gradient=WHOLE))
    assert set(wrong.failed("scale_features")) == {"dr"}


def test_the_own_calls_of_a_file_say_the_shapes(tmp_path: Path) -> None:
    calls = """
    if __name__ == "__main__":
        r = np.ones(3)
        scale_features_forward(np.random.randn(4, 3), r)
"""
    wrong = checked(tmp_path, SCALE.format(name="r", said="", gradient=WHOLE) + calls)
    assert set(wrong.failed("scale_features")) == {"dr"}
    assert checked(tmp_path, SCALE.format(name="r", said="", gradient=SUMMED) + calls).passes("scale_features")


def test_where_nothing_decides_the_number_of_axes_of_the_gradient_does(tmp_path: Path) -> None:
    assert checked(tmp_path, SCALE.format(name="r", said="", gradient=SUMMED)).passes("scale_features")


def test_where_nothing_decides_and_the_readings_disagree_the_verdict_is_open(tmp_path: Path) -> None:
    found = checked(tmp_path, SCALE.format(name="r", said="", gradient=WHOLE))
    assert found.verdicts("scale_features")["dr"] is Verdict.INCONCLUSIVE
    assert "number a feature" in found.result("scale_features", "dr").reason
    assert found.verdicts("scale_features")["dx"] is Verdict.PASS


@pytest.mark.parametrize("names", [("x", "y"), ("a", "b"), ("left", "right")])
def test_two_operands_have_one_shape(tmp_path: Path, names: tuple[str, str]) -> None:
    a, b = names
    source = """
        import numpy as np

        def gated_forward({a}, {b}):
            return {a} * np.tanh({b}), ({a}, {b})

        def gated_backward(dout, cache):
            {a}, {b} = cache
            return dout * np.tanh({b}), {gradient}
    """
    right = source.format(a=a, b=b, gradient=f"dout * {a} * (1 - np.tanh({b}) ** 2)")
    assert checked(tmp_path, right).passes("gated")
    wrong = source.format(a=a, b=b, gradient=f"(dout * {a} * (1 - np.tanh({b}) ** 2)).sum(axis=0)")
    assert set(checked(tmp_path, wrong).failed("gated")) == {f"d{b}"}


@pytest.mark.parametrize("wrong", [False, True])
def test_a_rate_a_feature_of_an_activation(tmp_path: Path, wrong: bool) -> None:
    gradient = "dout * slope" if wrong else "(dout * slope).sum(axis=0)"
    source = f"""
        import numpy as np

        def snake_forward(x, alpha):
            return x + np.sin(alpha * x) ** 2 / alpha, (x, alpha)

        def snake_backward(dout, cache):
            x, alpha = cache
            slope = x * np.sin(2 * alpha * x) / alpha - np.sin(alpha * x) ** 2 / alpha ** 2
            return dout * (1 + np.sin(2 * alpha * x)), {gradient}
    """
    found = checked(tmp_path, source)
    assert set(found.failed("snake")) == ({"dalpha"} if wrong else set())
    assert found.passes("snake") == (not wrong)


SEVERAL = """
    import numpy as np

    class Scale:
        def forward(self, x, s):
            self.x, self.s = x, s
            return x * s

        def backward(self, dout):
            return dout * self.s, {scale}

    def swiglu_forward(x, w, v):
        a, b = x @ w, x @ v
        s = 1 / (1 + np.exp(-a))
        return a * s * b, (x, w, v, a, b, s)

    def swiglu_backward(dout, cache):
        x, w, v, a, b, s = cache
        da, db = dout * b * (s + a * s * (1 - s)), dout * a * s
        return da @ w.T + db @ v.T, {factor} * x.T @ da, x.T @ db

    def lerp_forward(a, b, t):
        return a + t * (b - a), (a, b, t)

    def lerp_backward(dout, cache):
        a, b, t = cache
        return dout * (1 - t), dout * t, {factor} * np.sum(dout * (b - a))

    def logdet_forward(a):
        return np.linalg.slogdet(a)[1], a

    def logdet_backward(dout, a):
        return {factor} * dout * np.linalg.inv(a).T

    class Entropy:
        def forward(self, x):
            self.x = x
            return x * np.log(x)

        def backward(self, dout):
            return {factor} * dout * (np.log(self.x) + 1)

    def xent_forward(logits, labels):
        p = np.exp(logits - logits.max(1, keepdims=True))
        p /= p.sum(1, keepdims=True)
        return -np.mean(np.log(p[np.arange(len(p)), labels])), (p, labels)

    def xent_backward(cache):
        p, labels = cache
        d = p.copy()
        d[np.arange(len(p)), labels] -= 1
        return {factor} * d / len(p)
"""
NAMES = ("Scale", "swiglu", "lerp", "logdet", "Entropy", "xent")


def test_right_code_of_several_shapes_passes(tmp_path: Path) -> None:
    found = checked(tmp_path, SEVERAL.format(factor=1, scale="(dout * self.x).sum(axis=0)"))
    assert [n for n in NAMES if not found.passes(n)] == []


def test_wrong_code_of_several_shapes_fails(tmp_path: Path) -> None:
    found = checked(tmp_path, SEVERAL.format(factor=3, scale="dout * self.x"))
    assert [n for n in NAMES if len(found.failed(n)) != 1] == []


def test_the_labels_of_a_loss_have_the_form_in_which_its_gradient_has_the_shape_of_the_input(tmp_path: Path) -> None:
    source = """
        import numpy as np

        def pinball_loss(y, t):
            d = t[:, None] - y
            dy = -np.where(d > 0, 0.9, -0.1) / {size}
            return np.mean(np.maximum(0.9 * d, -0.1 * d)), dy
    """
    assert checked(tmp_path, source.format(size="d.size")).passes("pinball_loss")
    wrong = checked(tmp_path, source.format(size="d.shape[0]"))
    assert set(wrong.failed("pinball_loss")) == {"dy"}


def test_a_layer_whose_backward_forgets_the_upstream_gradient_is_no_loss(tmp_path: Path) -> None:
    source = """
        import numpy as np

        def cube_forward(x):
            return x ** 3, (x,)

        def cube_backward(cache):
            return 3 * cache[0] ** 2
    """
    found = checked(tmp_path, source)
    assert not found.passes("cube")
    assert "upstream" in found.refused.get("cube", "upstream")


NETWORKS = """
    import numpy as np

    def log_softmax(s):
        s = s - s.max(axis=1, keepdims=True)
        return s - np.log(np.exp(s).sum(axis=1, keepdims=True))

    def mlp_loss(W1, b1, W2, b2, x, t):
        h = np.maximum(x @ W1 + b1, 0)
        log_p = log_softmax(h @ W2 + b2)
        ds = (np.exp(log_p) - t) / len(x)
        da = ds @ W2.T * (h > 0)
        grads = {{"W1": x.T @ da, "b1": {first}, "W2": h.T @ ds, "b2": ds.sum(axis=0)}}
        return -np.sum(t * log_p) / len(x), grads

    def line_cost(x, t, w, bias):
        d = x @ w + bias - t
        result = {{"w": {factor} * x.T @ d / len(x), "bias": {second}}}
        return np.sum(d ** 2) / len(x), result
"""


def test_the_weights_of_a_loss_have_the_axes_that_fit_one_another(tmp_path: Path) -> None:
    right = checked(tmp_path, NETWORKS.format(first="da.sum(axis=0)", factor=2, second="2 * d.sum() / len(x)"))
    assert right.passes("mlp_loss"), right.report.text()
    assert right.passes("line_cost"), right.report.text()


def test_weights_that_are_wrong_under_these_axes_fail(tmp_path: Path) -> None:
    wrong = checked(tmp_path, NETWORKS.format(first="da", factor=1, second="2 * d / len(x)"))
    assert set(wrong.failed("mlp_loss")) == {"db1"}
    assert {"dw", "dbias"} & set(wrong.failed("line_cost"))


@pytest.mark.parametrize("factor", [1, 2])
def test_beside_a_target_y_is_the_prediction(tmp_path: Path, factor: int) -> None:
    source = f"""
        import numpy as np

        def nll(t, y):
            return -np.mean(y[np.arange(len(y)), t])

        def nll_gradient(t, y):
            d = np.zeros_like(y)
            d[np.arange(len(y)), t] = -{factor} / len(y)
            return d

        def quartic(t, y):
            return np.sum((y - t) ** 4)

        def quartic_gradient(t, y):
            return {factor} * 4 * (y - t) ** 3
    """
    found = checked(tmp_path, source)
    for name in ("nll", "quartic"):
        assert found.passes(name) == (factor == 1), name
        assert set(found.failed(name)) == (set() if factor == 1 else {"dy"})
