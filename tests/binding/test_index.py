"""References are found by the outputs of a forward, which is called once in every distinct way."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from gradcheck_plugin.binding import choose
from gradcheck_plugin.binding.against import against
from gradcheck_plugin.binding.bind import bind
from gradcheck_plugin.binding.index import Asked, Index, References
from gradcheck_plugin.binding.recognise import recognised
from gradcheck_plugin.conventions.base import Candidate
from gradcheck_plugin.running.calls import meeting
from gradcheck_plugin.running.values import numeric
from gradcheck_plugin.subject import Subject
from reference_impls import load, specs
from reference_impls.shapes import OUTPUT
from reference_impls.spec import LayerSpec

Array = np.ndarray
MADE_UP = 300


class Wave:
    def forward(self, x: Array) -> Array:
        self.x = x
        return np.sin(x) * np.exp(x / 3) + 0.1 * x**3

    def backward(self, dout: Array) -> Array:
        x = self.x
        return dout * (np.exp(x / 3) * (np.cos(x) + np.sin(x) / 3) + 0.3 * x**2)


class Bend:
    def __init__(self, n_in: int, n_out: int) -> None:
        self.W, self.b = np.random.randn(n_in, n_out), np.zeros(n_out)

    def forward(self, x: Array) -> Array:
        self.x = x
        self.z = x @ self.W + self.b
        return np.sin(self.z) + 0.1 * self.z**3

    def backward(self, dout: Array) -> Array:
        dz = dout * (np.cos(self.z) + 0.3 * self.z**2)
        self.dW, self.db = self.x.T @ dz, dz.sum(axis=0)
        return dz @ self.W.T


class Set:
    def __init__(self, alpha: float = 0.3) -> None:
        self.alpha = alpha

    def forward(self, x: Array) -> Array:
        self.x = x
        return np.sin(self.alpha * x) + x**3

    def backward(self, dout: Array) -> Array:
        return dout * (self.alpha * np.cos(self.alpha * self.x) + 3 * self.x**2)


class Odd:
    def forward(self, x: Array, t: Array) -> float:
        self.d = x - t
        return float(np.sum(np.sin(self.d) ** 2 + 0.1 * self.d**4))

    def backward(self, dout: float = 1) -> Array:
        return dout * (2 * np.sin(self.d) * np.cos(self.d) + 0.4 * self.d**3)


def sway_forward(x: Array, w: Array) -> tuple[Array, tuple[Array, Array]]:
    return np.sin(x) * w + w**3, (x, w)


def sway_backward(dout: Array, cache: tuple[Array, Array]) -> tuple[Array, Array]:
    x, w = cache
    return dout * np.cos(x) * w, dout * (np.sin(x) + 3 * w**2)


UNKNOWN = {"Wave": (Wave,), "Bend": (Bend,), "Set": (Set,), "Odd": (Odd,), "sway": (sway_forward, sway_backward)}


def candidate_of(*things: Any) -> Candidate:
    (candidate,) = recognised({t.__name__: t for t in things}).candidates
    return candidate


def forwards(things: tuple[Any, ...]) -> tuple[Any, int]:
    """What a candidate is bound to, and the calls of its forward that it took."""
    names: list[str] = []

    def met(function: Callable[..., Any], _: tuple[Any, ...]) -> None:
        names.append(function.__name__)

    with meeting(met):
        bound = bind(candidate_of(*things))
    return bound, sum("forward" in name for name in names)


def made_up() -> Iterator[LayerSpec]:
    """References that nobody knows, with the arrays of those that people know."""
    known = [s for s in specs().values() if s.kind in ("layer", "loss") and not s.layout.outputs]
    for k in range(MADE_UP):
        spec = known[k % len(known)]

        @functools.wraps(spec.forward)
        def shifted(*arrays: Array, k: int = k, of: LayerSpec = spec, **options: Any) -> Array:
            return np.asarray(of.forward(*arrays, **options)) + 1.0 + k

        yield replace(spec, name=f"made_up_{k}", aliases=(), forward=shifted)


@pytest.mark.parametrize("name", UNKNOWN)
def test_more_references_take_no_more_calls(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    before, calls = forwards(UNKNOWN[name])
    more = {**specs(), **{s.name: s for s in made_up()}}
    monkeypatch.setattr(choose, "specs", lambda: more)
    after, calls_of_more = forwards(UNKNOWN[name])
    assert isinstance(before, Subject)
    assert isinstance(after, Subject)
    assert before.spec is after.spec is None
    assert before.layout == after.layout
    assert calls_of_more == calls


@pytest.mark.parametrize(("name", "most"), [("Wave", 100), ("Set", 110), ("Odd", 130), ("Bend", 170), ("sway", 200)])
def test_an_unknown_object_is_bound_with_few_calls(name: str, most: int) -> None:
    assert forwards(UNKNOWN[name])[1] <= most


# what is found is what a trial of every layout finds


class Squash:
    """A sigmoid."""

    def forward(self, x: Array) -> Array:
        self.y = 1 / (1 + np.exp(-x))
        return self.y

    def backward(self, dout: Array) -> Array:
        return dout * self.y * (1 - self.y)


class Leak:
    """A leaky ReLU with a slope that it is given, beside a number that it asks for."""

    def __init__(self, slope: float = 0.2) -> None:
        self.slope = slope

    def forward(self, x: Array) -> Array:
        self.x = x
        return np.where(x > 0, x, self.slope * x)

    def backward(self, dout: Array) -> Array:
        return np.where(self.x > 0, dout, self.slope * dout)


class Combine:
    """An affine layer that holds its parameters."""

    def __init__(self, n_in: int, n_out: int) -> None:
        self.W, self.b = np.random.randn(n_in, n_out), np.zeros(n_out)

    def forward(self, x: Array) -> Array:
        self.x = x
        return x @ self.W + self.b

    def backward(self, dout: Array) -> Array:
        self.dW, self.db = self.x.T @ dout, dout.sum(axis=0)
        return dout @ self.W.T


class Late:
    """The same, with parameters that its first forward makes."""

    W: Array | None = None

    def forward(self, x: Array) -> Array:
        if self.W is None:
            self.W, self.b = np.random.randn(x.shape[1], 5), np.zeros(5)
        self.x = x
        return x @ self.W + self.b

    def backward(self, dout: Array) -> Array:
        self.dW, self.db = self.x.T @ dout, dout.sum(axis=0)
        return dout @ self.W.T  # type: ignore[union-attr]


class Level:
    """A layer normalisation with an eps of its own."""

    def __init__(self, gamma: Array, beta: Array) -> None:
        self.gamma, self.beta = gamma, beta

    def forward(self, x: Array) -> Array:
        self.std = np.sqrt(x.var(axis=1, keepdims=True) + 3e-4)
        self.n = (x - x.mean(axis=1, keepdims=True)) / self.std
        return self.n * self.gamma + self.beta

    def backward(self, dout: Array) -> Array:
        self.dgamma, self.dbeta = (dout * self.n).sum(axis=0), dout.sum(axis=0)
        g = dout * self.gamma
        n = self.n
        return (g - g.mean(axis=1, keepdims=True) - n * (g * n).mean(axis=1, keepdims=True)) / self.std


class Drops:
    """A dropout that draws its mask."""

    def __init__(self, p: float = 0.4) -> None:
        self.p = p

    def forward(self, x: Array) -> Array:
        self.mask = (np.random.rand(*x.shape) > self.p) / (1 - self.p)
        return x * self.mask

    def backward(self, dout: Array) -> Array:
        return dout * self.mask


class EachSquare:
    """A squared error of each sample."""

    def forward(self, y: Array, t: Array) -> Array:
        self.d = y - t
        return np.mean(self.d**2, axis=1)

    def backward(self) -> Array:
        return 2 * self.d / self.d.size


class OneRow:
    """An affine layer of one sample, which takes its own steps."""

    def __init__(self, n_in: int, n_out: int) -> None:
        self.weights, self.bias = np.random.randn(n_in, n_out), np.zeros((1, n_out))

    def forward(self, x: Array) -> Array:
        self.x = x
        return np.dot(x, self.weights) + self.bias

    def backward(self, error: Array, learning_rate: float) -> Array:
        before = np.dot(error, self.weights.T)
        self.weights -= learning_rate * np.dot(self.x.T, error)
        self.bias -= learning_rate * error
        return before


class OfTensors:
    """An affine layer that takes tensors only."""

    def __init__(self, W: Any, b: Any) -> None:
        self.W, self.b = W.clone(), b.clone()

    def forward(self, x: Any) -> Any:
        self.x = x
        return torch.matmul(x, self.W) + self.b

    def backward(self, dout: Any) -> Any:
        self.dW, self.db = self.x.T @ dout, dout.sum(0)
        return dout @ self.W.T


def mixed_forward(a: Array, b: Array) -> tuple[Array, tuple[Array, Array]]:
    return a @ b, (a, b)


def mixed_backward(dout: Array, cache: tuple[Array, Array]) -> tuple[Array, Array]:
    a, b = cache
    return dout @ b.T, a.T @ dout


KNOWN: dict[str, tuple[tuple[Any, ...], str]] = {
    "sigmoid": ((Squash,), "sigmoid"),
    "leaky_relu": ((Leak,), "leaky_relu"),
    "affine": ((Combine,), "affine"),
    "affine made late": ((Late,), "affine"),
    "layernorm": ((Level,), "layernorm"),
    "dropout": ((Drops,), ""),
    "mse": ((EachSquare,), "mse"),
    "one row": ((OneRow,), "affine"),
    "affine of tensors": ((OfTensors,), "affine"),
    "matmul": ((mixed_forward, mixed_backward), "matmul"),
}
ALL = {**{n: (things, "") for n, things in UNKNOWN.items()}, **KNOWN}


def known_of(candidate: Candidate, monkeypatch: pytest.MonkeyPatch) -> Candidate:
    """The candidate as `bind` has it when the references are gone through."""
    met: list[Candidate] = []
    make = Index

    def kept(of: Candidate) -> Index:
        met.append(of)
        return make(of)

    with monkeypatch.context() as patched:
        patched.setattr(choose, "Index", kept)
        bind(candidate)
    return met[-1]


@pytest.mark.parametrize("name", ALL)
def test_the_index_finds_what_the_trials_find(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    things, expected = ALL[name]
    candidate = known_of(candidate_of(*things), monkeypatch)
    index = Index(candidate)
    suiting = [s for s in specs().values() if s.distinctive and choose.suits_kind(s, candidate)]
    found = [s.name for s in suiting if index.may_be(s)]
    matching = [s.name for s in suiting if against(candidate, s, quick=True).matches]
    assert {*matching} <= {*found}
    assert len(found) < 20
    assert expected in ("", *matching)


@pytest.mark.parametrize("name", [n for n, s in specs().items() if s.kind in ("layer", "loss", "network")])
def test_an_output_has_the_axes_that_its_shapes_name(name: str) -> None:
    spec, listed = load(name), References()
    for sought in [*listed.sought(spec, single=False), *listed.sought(spec, single=True)]:
        layout, case, base = sought.layout, sought.reading.case, spec.layout
        given = {e.name: layout.to_base(e.name, case.arrays[e.name], base, case.sizes) for e in layout.entries}
        arrays = [given[e.name] if e.name in given else np.zeros(e.shape(case.sizes)) for e in base.entries]
        out = layout.from_base(OUTPUT, spec.output(*arrays, **sought.variant.options), base, case.sizes)
        assert sought.may_have(out.shape)


def test_an_output_of_other_axes_is_compared_with_nothing() -> None:
    (affine, *_), (conv, *_) = (References().sought(load(n), single=False) for n in ("affine", "conv2d"))
    assert not affine.may_have((4, 3))
    assert not affine.may_have((4, 5, 1))
    assert conv.may_have((4, 7, 2, 9))
    assert not conv.may_have((4, 6, 2, 9))


def test_a_forward_that_has_run_is_not_run_again_for_options_that_it_is_not_given() -> None:
    index, calls = Index(candidate_of(Wave)), []
    with meeting(lambda function, _: calls.append(function)):
        assert not index.may_be(load("relu"))
        once = len(calls)
        assert not index.may_be(load("silu"))
        assert not index.may_be(load("lecun_tanh"))
    assert len(calls) == once


def test_an_option_that_is_given_is_tried_in_every_value() -> None:
    candidate = candidate_of(Leak)
    index = Index(candidate)
    slopes: set[float] = set()

    def met(function: Any, arguments: tuple[Any, ...]) -> None:
        if function is not Leak:
            slopes.add(function.__self__.slope)

    with meeting(met):
        index.may_be(replace(load("leaky_relu"), forward=lambda x, slope=0.01: x + slope))
    assert {v.options["slope"] for v in load("leaky_relu").variants} <= slopes


def test_options_that_were_not_asked_for_may_differ() -> None:
    asked = Asked({"kernel": 3, "stride": 2, "pad": None})
    assert asked["kernel"] == 3
    assert asked.get("dilation") is None
    assert asked.answers_alike({"kernel": 3, "stride": 1})
    assert not asked.answers_alike({"kernel": 2, "stride": 2})
    assert not asked.answers_alike({"kernel": 3, "dilation": 1})
    assert not asked.answers_alike({"kernel": 3.0})
    assert "pad" in asked
    assert not asked.answers_alike({"kernel": 3, "stride": 2})
    assert {**asked} == {"kernel": 3, "stride": 2, "pad": None}
    assert asked.answers_alike({"kernel": 3, "stride": 2, "pad": None})
    assert not asked.answers_alike({"kernel": 3, "stride": 1, "pad": None})
    assert not asked.answers_alike({"kernel": 3, "stride": 2, "pad": None, "dilation": 1})


def test_what_a_trial_gets_is_its_own() -> None:
    class Spoils:
        def forward(self, x: Array) -> Array:
            x *= 2
            return np.sin(x)

        def backward(self, dout: Array) -> Array:
            return dout

    index = Index(candidate_of(Spoils))
    outputs: list[Any] = []
    for _ in range(2):
        index.may_be(load("tanh"))
        outputs += [out for kept in index._outputs.values() for o in kept for _, _, out in o.given]
        index = Index(candidate_of(Spoils))
    assert outputs
    for one, other in zip(outputs[: len(outputs) // 2], outputs[len(outputs) // 2 :], strict=True):
        assert numeric(one) is not None
        assert np.array_equal(one, other)
