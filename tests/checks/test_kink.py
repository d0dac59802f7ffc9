"""On a kink any slope between the two is right, and nothing else is."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from benchmarks import references
from reference_subject import check_all, codes, target

from gradcheck_plugin.api import Report, check
from gradcheck_plugin.judging.kink import judge
from gradcheck_plugin.model import Settings, Severity, Verdict
from reference_impls import load, specs
from reference_impls.spec import LayerSpec, Mistake


class Relu:
    slope_at_zero = 0.0

    def forward(self, x):
        self.x = x
        return np.maximum(x, 0)

    def backward(self, dout):
        return dout * np.where(self.x == 0, self.slope_at_zero, self.x > 0)


class ReluByQuotient(Relu):
    def backward(self, dout):
        return dout * (self.x + np.abs(self.x)) / (2 * self.x)


class LeakyRelu:
    def forward(self, x):
        self.x = x
        return np.where(x > 0, x, 0.01 * x)

    def backward(self, dout):
        return dout * np.where(self.x > 0, 1, 0.01)


def with_slope(value: float) -> Report:
    return check(type("Relu", (Relu,), {"slope_at_zero": value, "__init__": lambda self: None}), cases=10)


def kink(report: Report) -> object:
    return next(r for r in report.results if r.property == "kink")


SIDES = {0.0: "the slope from the left", 1.0: "the slope from the right", 0.5: "a slope between the two"}


@pytest.mark.parametrize("value", SIDES)
def test_any_slope_between_the_two_passes_and_is_named(value: float) -> None:
    result = kink(with_slope(value))
    assert result.verdict is Verdict.PASS
    assert result.reason == f"on the kink x = 0 it takes {SIDES[value]}; torch takes the slope from the left"


@pytest.mark.parametrize("value", [-0.1, 1.1, 100.0])
def test_any_other_fails(value: float) -> None:
    report = with_slope(value)
    assert [r.property for r in report.failed] == ["kink"]
    assert report.failed[0].finding.code == "kink"


def test_nan_on_the_kink_fails_there_only() -> None:
    report = check(type("Relu", (ReluByQuotient,), {"__init__": lambda self: None}), cases=10)
    assert [r.property for r in report.failed] == ["kink"]


def test_leaky_relu_takes_the_left_as_torch_does() -> None:
    result = kink(check(LeakyRelu))
    assert result.reason == "on the kink x = 0 it takes the slope from the left; torch takes the slope from the left"


def at_bounds_of_torch() -> list[str]:
    """Which slope torch takes where clip begins and ends: releases differ."""
    x = torch.tensor([-1.0, 1.0], requires_grad=True)
    torch.clamp(x, -1.0, 1.0).sum().backward()
    assert x.grad is not None
    inside = [bool(g) for g in x.grad]
    return ["right" if inside[0] else "left", "left" if inside[1] else "right"]


# every kind of kink: the reference's convention and torch's, in words

LOWER, UPPER = at_bounds_of_torch()
CONVENTIONS = {
    "abs": "on the kink x = 0 it takes a slope between the two; torch takes a slope between the two",
    "clip": f"on the kink x = -1 it takes the slope from the right; torch takes the slope from the {LOWER}; "
    f"on the kink x = 1 it takes the slope from the left; torch takes the slope from the {UPPER}",
    "maximum": "at x = y it gives each the same share; torch gives each the same share",
    "minimum": "at x = y it gives each the same share; torch gives each the same share",
    "max": "at a tie for the maximum it gives all to the first; torch gives all to the first",
    "maxpool2d": "at a tie for the maximum it gives all to the first; torch gives all to the first",
    "svm_multiclass": "on the kink margin = 0 it takes the slope from the left; torch takes the slope from the left",
}


@pytest.mark.parametrize("name", CONVENTIONS)
def test_the_convention_is_named_beside_that_of_torch(name: str) -> None:
    result = target(load(name)).check("kink")
    assert (result.verdict, result.reason) == (Verdict.PASS, CONVENTIONS[name])
    assert result.advice == ()


def on_the_kink(name: str, backward: object, forward: object = None) -> object:
    """The kink property of a reference with another backward."""
    return target(load(name), mistake=Mistake("", backward, forward)).check("kink")  # type: ignore[arg-type]


def to_all(dy, x, **options):  # type: ignore[no-untyped-def]
    """Max pooling that gives the gradient to every entry that equals the maximum."""
    options = {"kernel": 3, "stride": 2, "pad": 1} | options
    k, s, p = options["kernel"], options["stride"], options["pad"]
    wide = np.pad(1.0 * x, ((0, 0), (0, 0), (p, p), (p, p)), constant_values=-np.inf)
    dx = np.zeros_like(wide)
    for i, j in np.ndindex(dy.shape[2:]):
        at = np.s_[:, :, i * s : i * s + k, j * s : j * s + k]
        top = wide[at] == wide[at].max(axis=(2, 3), keepdims=True)
        dx[at] += top * dy[:, :, i, j][..., None, None]
    return {"x": dx[:, :, p : wide.shape[2] - p, p : wide.shape[3] - p]}


DOUBLED = {
    "maxpool2d": to_all,
    "max": lambda dy, x: {"x": dy[:, None] * (x == x.max(axis=1, keepdims=True))},
    "maximum": lambda dz, x, y: {"x": dz * (x >= y), "y": dz * (y >= x)},
    "minimum": lambda dz, x, y: {"x": dz * (x <= y), "y": dz * (y <= x)},
}


@pytest.mark.parametrize("name", DOUBLED)
def test_the_whole_gradient_to_every_tied_entry_is_advice(name: str) -> None:
    result = on_the_kink(name, DOUBLED[name])
    assert result.verdict is Verdict.PASS
    assert [(a.code, a.severity) for a in result.advice] == [("tie", Severity.ADVICE)]
    assert "gives more than there is" in result.reason


SPLITS = {
    "max": lambda dy, x: {"x": dy[:, None] * (t := x == x.max(axis=1, keepdims=True)) / t.sum(axis=1, keepdims=True)},
    "maximum": lambda dz, x, y: {"x": dz * (x >= y), "y": dz * (y > x)},
    "minimum": lambda dz, x, y: {"x": dz * (0.3 * (x == y) + (x < y)), "y": dz * (0.7 * (x == y) + (y < x))},
}


@pytest.mark.parametrize("name", SPLITS)
def test_any_split_among_tied_entries_passes(name: str) -> None:
    result = on_the_kink(name, SPLITS[name])
    assert (result.verdict, result.advice) == (Verdict.PASS, ())


def only_where_there_is_one(dy, x):  # type: ignore[no-untyped-def]
    top = x == x.max(axis=1, keepdims=True)
    return {"x": dy[:, None] * top * (top.sum(axis=1, keepdims=True) == 1)}


LOST = {
    "maximum": lambda dz, x, y: {"x": dz * (x > y), "y": dz * (y > x)},
    "minimum": lambda dz, x, y: {"x": dz * (x < y), "y": dz * (y < x)},
    "max": only_where_there_is_one,
}


@pytest.mark.parametrize("name", LOST)
def test_a_gradient_that_is_lost_at_a_tie_fails(name: str) -> None:
    result = on_the_kink(name, LOST[name])
    assert result.verdict is Verdict.FAIL
    assert result.finding.code == "tie-lost"


def minus_at_ties(dy, x):  # type: ignore[no-untyped-def]
    top = x == x.max(axis=1, keepdims=True)
    return {"x": dy[:, None] * top * np.where(top.sum(axis=1) > 1, -1, 1)[:, None]}


def far_off_at_the_margin(dy, x, t):  # type: ignore[no-untyped-def]
    right = load("svm_multiclass").backward(dy, x, t)["x"]
    return {"x": right + dy * (x - x[np.arange(len(x)), t][:, None] == -1)}


OUTSIDE = {
    "abs": lambda dy, x: {"x": dy * np.where(x == 0, 3.0, np.sign(x))},
    "clip": lambda dy, x: {"x": dy * np.where(np.abs(x) == 1, -1.0, np.abs(x) < 1)},
    "maximum": lambda dz, x, y: {"x": dz * np.where(x == y, 2.0, x > y), "y": dz * np.where(x == y, -1.0, x < y)},
    "max": minus_at_ties,
    "svm_multiclass": far_off_at_the_margin,
}


@pytest.mark.parametrize("name", OUTSIDE)
def test_a_value_outside_the_slopes_fails(name: str) -> None:
    result = on_the_kink(name, OUTSIDE[name])
    assert result.verdict is Verdict.FAIL
    assert result.finding.code == "kink"
    assert "from the left" in result.finding.evidence[0]


def test_a_kink_in_any_convention_of_the_arrays() -> None:
    for name in CONVENTIONS:
        spec = load(name)
        for variant in spec.variants:
            assert target(spec, variant).check("kink").verdict is Verdict.PASS, (name, variant.note)


def test_a_loss_whose_margin_counts_at_zero() -> None:
    def inclusive(dy, x, t):  # type: ignore[no-untyped-def]
        rows = np.arange(len(x))
        m = (x - x[rows, t][:, None] + 1 >= 0).astype(float)
        m[rows, t] = 0
        m[rows, t] = -m.sum(axis=1)
        return {"x": dy * m / len(x)}

    result = on_the_kink("svm_multiclass", inclusive)
    assert result.reason == (
        "on the kink margin = 0 it takes the slope from the right; torch takes the slope from the left"
    )


def test_single_precision_is_no_failure_on_a_kink() -> None:
    for name in CONVENTIONS:
        spec = load(name)

        def forward(*arrays, spec=spec, **options):  # type: ignore[no-untyped-def]
            low = [a.astype(np.float32) if a.dtype.kind == "f" else a for a in arrays]
            return np.asarray(spec.forward(*low, **options)).astype(np.float32)

        assert on_the_kink(name, spec.backward, forward).verdict is not Verdict.FAIL, name


# a jump is no kink: there is no slope on either side


def jump(forward: object, shapes: str = "x: N D -> N D", place: object = 0.0) -> LayerSpec:
    def backward(dy, x):  # type: ignore[no-untyped-def]
        return {"x": np.zeros_like(x)}

    def constant(x):  # type: ignore[no-untyped-def]
        return 0 * (x if shapes.endswith("D") else x[:, 0])

    return replace(load("step"), forward=forward, backward=backward, torch_forward=constant, shapes=shapes,
                   kinks=(place,), variants=(), mistakes=())  # fmt: skip


JUMPS = {
    "step": jump(lambda x: np.where(x > 0, 1.0, 0.0)),
    "sign": jump(lambda x: np.sign(x)),
    "floor": jump(lambda x: np.floor(x), place=1.0),
    "argmax": jump(lambda x: x.argmax(axis=1) * 1.0, "x: N D -> N", load("max").kinks[0]),
}


@pytest.mark.parametrize("name", JUMPS)
def test_a_jump_is_called_one(name: str) -> None:
    subject = target(JUMPS[name]).subject
    judged = [judge(subject, subject.sample(seed, {"N": 2, "D": 3}), JUMPS[name].kinks[0]) for seed in range(5)]
    assert {(j.verdict, j.reason) for j in judged} == {(Verdict.INCONCLUSIVE, "the forward is discontinuous here")}


def test_a_jump_fails_no_item() -> None:
    results = [target(spec).check("kink") for spec in JUMPS.values()]
    assert {(r.verdict, r.reason) for r in results} == {(Verdict.INCONCLUSIVE, "the forward is discontinuous here")}
    assert codes(results) == []


def test_nan_at_a_kink_is_told_by_the_kink_alone() -> None:
    """The standard deviation of equal entries is 0 / 0 in most code, torch's too: the other points are right."""
    spec = specs()["std"]
    results = check_all(target(spec, None, references.equivalent(spec), Settings(cases=25)))
    assert {r.property: r.verdict for r in results if r.verdict is not Verdict.PASS} == {"kink": Verdict.FAIL}
