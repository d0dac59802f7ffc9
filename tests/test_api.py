"""`check`: every kind of thing it takes, and what it refuses."""

from __future__ import annotations

import numpy as np
import pytest

import gradcheck_plugin
from gradcheck_plugin import Report, check


class Affine:
    def __init__(self, W, b):
        self.W, self.b = W, b

    def forward(self, x):
        self.x = x
        return x @ self.W + self.b

    def backward(self, dout):
        self.dW, self.db = self.x.T @ dout, dout.sum(axis=0)
        return dout @ self.W.T


class Verdoppeln:
    def forward(self, x):
        return 2 * x

    def backward(self, dout):
        return 3 * dout


def scale_forward(x):
    return 2 * x, x


def scale_backward(dout, cache):
    return 2 * dout


def test_a_class() -> None:
    report = check(Affine)
    assert report.ok
    assert [r.property for r in report.results] == ["contract", "forward", "dx", "dW", "db"]


def test_an_instance_with_its_own_sizes() -> None:
    report = check(Affine(np.ones((3, 2)), np.zeros(2)))
    assert report.ok, str(report)
    assert "dW" in [r.property for r in report.results]


def test_a_function_finds_its_partner() -> None:
    assert [r.property for r in check(scale_backward).results] == ["contract", "dx"]


def test_a_pair() -> None:
    assert check((scale_forward, scale_backward)).ok


def test_a_path(submissions) -> None:
    assert check(submissions / "right/activations_misc.py").ok
    assert check(str(submissions / "right/activations_misc.py")).ok


def test_a_wrong_gradient_does_not_raise() -> None:
    report = check(Verdoppeln)
    assert [r.property for r in report.failed] == ["dx"]
    assert report.exit_code == 1
    assert "1.5 times the gradient" in str(report)


def test_a_layer_of_the_callers_choice() -> None:
    report = check(Verdoppeln, "identity")
    assert {r.property for r in report.failed} == {"forward", "dx"}


def test_an_unknown_layer_is_refused() -> None:
    with pytest.raises(KeyError, match="did you mean"):
        check(Affine, "afine")


@pytest.mark.parametrize("thing", [3, None, [1, 2]])
def test_what_cannot_hold_a_backward_is_refused(thing: object) -> None:
    with pytest.raises(TypeError, match="check\\(\\) takes a class, function, instance, module or path"):
        check(thing)


def test_it_shows_in_a_notebook() -> None:
    html = check(Verdoppeln)._repr_html_()
    assert "<table>" in html
    assert "dx FAIL" in html
    assert "<script" not in html


def test_html_escapes_what_the_user_wrote() -> None:
    cls = type("<b>X", (Verdoppeln,), {"__init__": lambda self: None})
    assert "<b>X" not in Report(results=check(cls).results)._repr_html_()


def test_public_names() -> None:
    assert set(gradcheck_plugin.__all__) <= set(dir(gradcheck_plugin))
    for name in gradcheck_plugin.__all__:
        assert getattr(gradcheck_plugin, name) is not None
    with pytest.raises(AttributeError):
        gradcheck_plugin.no_such_name  # noqa: B018


def test_the_global_random_state_is_untouched() -> None:
    np.random.seed(3)
    before = np.random.get_state()[1].copy()
    check(Affine, cases=3)
    assert np.array_equal(np.random.get_state()[1], before)
