"""Gradients that are another one on purpose: a whole word of the name, a docstring, or a forward in steps says so."""

from __future__ import annotations

from pathlib import Path

import pytest
from from_file import checked

from gradcheck_plugin.author import intent
from gradcheck_plugin.model import Verdict

FUNCTION = '''
import torch
import torch.nn.functional as F


class {name}(torch.autograd.Function):
    """{said}"""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return {forward}

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return {backward}
'''


def verdict_of(tmp_path: Path, name: str, forward: str, backward: str, said: str = "") -> Verdict:
    """The verdict on dx, or on the contract where that failed first."""
    found = checked(tmp_path, FUNCTION.format(name=name, forward=forward, backward=backward, said=said), cases=3)
    seen = found.verdicts(name)
    return seen["contract"] if seen["contract"] is not Verdict.PASS else seen["dx"]


PARTS = ("SignalMix", "Quantile", "Reversible", "SoftUnitStep", "SoftSign", "Surround", "TimeStep", "Gradual", "Design")


@pytest.mark.parametrize("name", PARTS)
def test_a_part_of_a_word_excuses_nothing(tmp_path: Path, name: str) -> None:
    assert verdict_of(tmp_path, name, "x * torch.sigmoid(x)", "3 * g * torch.sigmoid(x)") is Verdict.FAIL


@pytest.mark.parametrize("name", ["SignalMix", "Quantile"])
def test_right_code_of_such_a_name_passes(tmp_path: Path, name: str) -> None:
    assert verdict_of(tmp_path, name, "x * x", "2 * g * x") is Verdict.PASS


@pytest.mark.parametrize(
    ("name", "forward", "backward"),
    [
        ("GradReverse", "x.view_as(x)", "-0.5 * g"),
        ("GradientReversal", "x.clone()", "-g"),
        ("RevGrad", "x.clone()", "-g"),
        ("GRL", "x.clone()", "-0.1 * g"),
        ("RoundSTE", "x.round()", "g"),
        ("StraightThrough", "(x > 0).to(x.dtype)", "g"),
        ("Sign", "x.sign() * x.abs().mean()", "g * (x.abs() < 1)"),
        ("UniformQuantizer", "(x * 7).round() / 7", "g"),
        ("BinarizeWeight", "x.sign()", "g"),
        ("HeavisideSurrogate", "(x > 0).to(x.dtype)", "g / (1 + x.abs()) ** 2"),
        ("GradClip", "x.clone()", "g.clamp(-0.01, 0.01)"),
        ("ScaleGradient", "x.clone()", "0.1 * g"),
    ],
)
def test_words_of_the_name_say_so(tmp_path: Path, name: str, forward: str, backward: str) -> None:
    assert verdict_of(tmp_path, name, forward, backward) is Verdict.INCONCLUSIVE


@pytest.mark.parametrize(
    "said",
    [
        "Lower bound whose derivative is replaced by the identity where x moves towards it.",
        "Rounds; a straight-through estimator.",
        "Reverses the gradient on the way back.",
        "The gradient is scaled down.",
    ],
)
def test_a_docstring_says_so(tmp_path: Path, said: str) -> None:
    assert verdict_of(tmp_path, "Bounded", "x.clamp(min=0.1)", "g", said) is Verdict.INCONCLUSIVE
    assert verdict_of(tmp_path, "Bounded", "x * x", "g", "The square of x, and its gradient.") is Verdict.FAIL


def test_the_docstring_of_the_module_that_uses_it_counts(tmp_path: Path) -> None:
    source = FUNCTION.format(name="Lower", forward="x.clamp(min=0.1)", backward="g", said="Used by LowerBound.")
    source += '''

class LowerBound(torch.nn.Module):
    """max(x, bound); the gradient is replaced by the identity below the bound."""

    def forward(self, x):
        return Lower.apply(x)
'''
    assert checked(tmp_path, source).verdicts("Lower")["dx"] is Verdict.INCONCLUSIVE


CONSTANT_UNDER_A_SHIFT = {
    "cross entropy": ("F.cross_entropy(x, torch.zeros(len(x), dtype=torch.long))", "g * torch.softmax(x, -1) / len(x)"),
    "total variation": ("((x[..., 1:] - x[..., :-1]) ** 2).sum()", "2 * g * x"),
    "range": ("x.max() - x.min()", "g * (x == x.max()).to(x.dtype)"),
    "softmax": ("torch.softmax(x, -1)", "g * torch.softmax(x, -1)"),
    "centred": ("x - x.mean()", "g"),
}


@pytest.mark.parametrize("name", CONSTANT_UNDER_A_SHIFT)
def test_what_does_not_change_under_a_common_shift_is_no_step(tmp_path: Path, name: str) -> None:
    forward, backward = CONSTANT_UNDER_A_SHIFT[name]
    assert verdict_of(tmp_path, "Mine", forward, backward) is Verdict.FAIL


@pytest.mark.parametrize("forward", ["torch.floor(3 * x)", "(x > 0.2).to(x.dtype)", "x.sign()"])
def test_a_forward_in_steps_has_a_surrogate(tmp_path: Path, forward: str) -> None:
    assert verdict_of(tmp_path, "Mine", forward, "g") is Verdict.INCONCLUSIVE


def test_words_are_taken_apart_at_capitals_and_underscores() -> None:
    assert intent.words("RoundSTE_v2") == ["round", "ste", "v"]
    assert intent.words("fake_quantize") == ["fake", "quantize"]
    assert intent.words("GRLayer") == ["gr", "layer"]
    assert intent.words("TurbModel") == ["turb", "model"]


LAYER = """
import numpy as np


class {name}:
    def forward(self, x):
        self.x = x
        return x ** 2

    def backward(self, dout):
        return {backward} * dout * self.x
"""


def test_a_layer_whose_name_holds_the_letters_rbm_is_judged(tmp_path: Path) -> None:
    assert set(checked(tmp_path, LAYER.format(name="TurbModel", backward=3)).failed("TurbModel")) == {"dx"}
    assert checked(tmp_path, LAYER.format(name="TurbModel", backward=2)).passes("TurbModel")


def test_a_layer_that_is_called_reverse_and_turns_nothing_reverses_its_gradient(tmp_path: Path) -> None:
    """One that turns its input round is a layer as any other."""
    report = checked(
        tmp_path,
        """
        import torch
        from torch.autograd import Function


        class ReverseLayer(Function):
            @staticmethod
            def forward(ctx, x, alpha):
                ctx.alpha = alpha
                return x.view_as(x)

            @staticmethod
            def backward(ctx, grad_output):
                return grad_output.neg() * ctx.alpha, None


        class ReverseRows(Function):
            @staticmethod
            def forward(ctx, x):
                return x.flip(0)

            @staticmethod
            def backward(ctx, grad_output):
                return grad_output
        """,
    )
    assert set(report.verdicts("ReverseLayer").values()) <= {Verdict.PASS, Verdict.INCONCLUSIVE}
    assert report.verdicts("ReverseLayer")["dx"] is Verdict.INCONCLUSIVE
    assert set(report.failed("ReverseRows")) == {"dx"}
