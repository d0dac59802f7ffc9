"""Backward functions alone: `mul_backward(grad_output, a, b)`, whose forward is in no function of the file.

The name says what the forward computes; the reference's own forward stands in for it. Where a reference has several
variants (the axis of a sum), the one is meant whose gradient the backward gives; the one array of an activation may be
its input or its output. What is right in none of these ways is wrong only where the arguments can be nothing but the
operands: `probs`, `mask` or `x_hat` are whatever the missing forward has kept.
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np

from gradcheck_plugin.author.evidence import mentions
from gradcheck_plugin.author.reasons import PLACE
from gradcheck_plugin.author.signature import arguments, line_of
from gradcheck_plugin.author.written import in_snake_case
from gradcheck_plugin.conventions.base import Candidate, Tape
from gradcheck_plugin.conventions.layers import function_pair
from gradcheck_plugin.conventions.layers.function_pair import FunctionPair
from gradcheck_plugin.model import Array, Unbindable
from gradcheck_plugin.names.aliases import spec_named
from gradcheck_plugin.objects.constructor import option_of
from gradcheck_plugin.oracles.equal import equal
from gradcheck_plugin.running.calls import UserCodeRaised, frozen, guarded, private
from gradcheck_plugin.running.values import numeric
from reference_impls import specs
from reference_impls.shapes import OUTPUT, Layout
from reference_impls.spec import LayerSpec

ORDER = 30
KEPT = "right where the forward keeps the axis with size 1, and nothing in the file says that it does"
FORWARD_IS_OURS = True  # what its backward takes is a guess, then
_BACKWARD = re.compile(r"^(?P<stem>\w+?)_(backward|backprop|bwd)$")
_UPSTREAM = re.compile(r"^(grad|d_?out|d_?[a-z]$|delta|upstream|dl_?d?\w*|g_?out)", re.IGNORECASE)
_OPERAND = re.compile(r"^(a|b|[xyzuv]\d?|lhs|rhs|left|right|in\d?|inp|inputs?|other|arr|array|tensor)$", re.IGNORECASE)
_SEVERAL_KINDS = re.compile(r"(up|down)_?sampl", re.IGNORECASE)  # by zeros, copies or means
_INPUT = re.compile(r"^(x|z|inp|inputs?)$", re.IGNORECASE)


def discover(defined: Mapping[str, Any]) -> Iterator[Candidate]:
    """Backward functions of an upstream gradient and arrays, named as a reference is, with no forward beside them."""
    paired = {candidate.function for candidate in function_pair.discover(defined)}
    for name, function in defined.items():
        match = _BACKWARD.match(in_snake_case(name))
        if not match or not inspect.isfunction(function) or name in paired:
            continue
        spec, names = spec_named(match["stem"]), arguments(function).required
        if spec is None or len(names) < 2 or not _UPSTREAM.match(names[0]) or "cache" in names[1]:
            continue
        inputs = tuple(n for n in names[1:] if not option_of(n, spec.defaults))
        objects = {"spec": spec, "backward": function, "fitting": []}
        yield Candidate(
            match["stem"], spec.kind, sys.modules[__name__], objects, inputs, line_of(function), name, (name,)
        )


def callers(candidate: Candidate, layout: Layout, options: Mapping[str, Any]) -> list[BackwardAlone]:
    """Give the arguments after the upstream gradient the arrays of the layout, in their order."""
    spec, backward = candidate.objects["spec"], candidate.objects["backward"]
    if len(candidate.inputs) != len(layout.entries) or layout not in [known for _, known in spec.layouts()]:
        raise Unbindable(f"{candidate.function} takes {', '.join(candidate.inputs)}, not {len(layout.entries)} arrays")
    fitting = candidate.objects["fitting"]
    if not fitting:
        fitting += _fitting(candidate, spec, backward)
    found = [c for c in fitting if c.layout == layout and c.options == dict(options)]
    if not found:
        raise Unbindable(f"{candidate.function} gives the gradient of another variant of {spec.name}")
    return found


def _fitting(candidate: Candidate, spec: LayerSpec, backward: Callable[..., Any]) -> list[BackwardAlone]:
    """The ways in which the backward is right; where there is none, those in which it must be wrong."""
    whole = [(v, known) for v, known in spec.layouts() if len(known.entries) == len(candidate.inputs)]
    made = [_caller(candidate, spec, backward, known, v.options) for v, known in whole]
    if len(candidate.inputs) == 1 and _may_be_output(candidate.inputs[0], spec):
        made += [replace(caller, of_output=True) for caller in made]
    tried = [way for c in made for way in _tried(c)]
    run = [(c, fault) for c, fault in tried if not isinstance(fault, UserCodeRaised | Unbindable)]
    if made and not run:
        raise Unbindable(f"{candidate.function} raises for every variant of {spec.name}")
    right = [c for c, fault in run if fault is None]
    operands = spec.family == "ops" and all(map(_OPERAND.match, candidate.inputs))
    unwritten = any(isinstance(fault, NotImplementedError) for _, fault in run)
    if not right and not unwritten and _SEVERAL_KINDS.search(candidate.name):
        raise Unbindable(f"there is no forward beside {candidate.function} that says which kind of sampling it is")
    if not right and not unwritten and (other := _other(candidate, spec, backward)):
        raise Unbindable(f"its gradient is that of `{other}`, and no forward says that `{spec.name}` is meant")
    if not right and not unwritten and not operands and not all(map(_INPUT.match, candidate.inputs)):
        kept = ", ".join(candidate.inputs)
        raise Unbindable(f"there is no forward beside {candidate.function} that says what it keeps in {kept}")
    if right and all(_keeps(c.layout) for c in right) and not all(_keeps(known) for _, known in spec.layouts()):
        right = [replace(c, doubt="" if mentions(backward, "keep_?dims?") else KEPT) for c in right]
    return right or [c for c, _ in run if not c.of_output]


def _keeps(layout: Layout) -> bool:
    """Whether an axis that is gone is kept with size 1 in the output."""
    return "1" in layout.output.dims


def _may_be_output(name: str, spec: LayerSpec) -> bool:
    """Whether an argument may be the output by its name: an operand is none, but for y, and the a of an activation."""
    kept = "y" if spec.family == "ops" else "ya"
    return name.lower() in kept or not (_INPUT.match(name) or _OPERAND.match(name))


def _other(candidate: Candidate, spec: LayerSpec, backward: Callable[..., Any]) -> str:
    """A reference of another name whose gradient the backward gives: `max_backward` may be that of a ReLU."""
    for other in specs().values():
        if other is spec or other.rule or not other.distinctive or other.layout.outputs:
            continue
        if len(other.layout.entries) != len(candidate.inputs) or any(e.domain != "real" for e in other.layout.entries):
            continue
        try:
            if _caller(candidate, other, backward, other.layout, {}).misfit() is None:
                return other.name
        except Exception:  # of the reference, for arguments that are not its own
            continue
    return ""


def _tried(caller: BackwardAlone) -> Iterator[tuple[BackwardAlone, Exception | None]]:
    """A caller and its misfit; where a number as a setting raises, an array of that one number."""
    fault = caller.misfit()
    yield caller, fault
    numbers = {n: np.array([v]) for n, v in caller.extra.items() if type(v) is int}
    if numbers and isinstance(fault, UserCodeRaised) and isinstance(fault.cause, TypeError):
        other = replace(caller, extra=caller.extra | numbers)
        yield other, other.misfit()


def _caller(
    candidate: Candidate, spec: LayerSpec, backward: Callable[..., Any], layout: Layout, chosen: Mapping[str, Any]
) -> BackwardAlone:
    options = {**spec.defaults, **chosen}
    order = dict(zip(candidate.inputs, [e.name for e in layout.entries], strict=True))
    settings = [n for n in arguments(backward).required[1:] if n not in order]
    extra = {n: options[option] for n in settings if (option := option_of(n, options))}
    forward = partial(reference_output, spec, layout, dict(chosen))
    return BackwardAlone(
        backward, backward, layout, order, extra, spec=spec, options=options, reference=forward, chosen=chosen
    )


def reference_output(spec: LayerSpec, layout: Layout, options: dict[str, Any], arrays: Mapping[str, Array]) -> Array:
    """The reference's output for arrays in one of its layouts, in that layout."""
    known = (la for v, la in spec.layouts() if {**spec.defaults, **v.options} == {**spec.defaults, **options})
    layout = next(la for la in (layout, *known) if all(len(e.dims) == np.ndim(arrays[e.name]) for e in la.entries))
    base, sizes = _in_base(spec, layout, arrays)
    return layout.from_base(OUTPUT, spec.output(*base.values(), **options), spec.layout, sizes)


def _in_base(spec: LayerSpec, layout: Layout, arrays: Mapping[str, Array]) -> tuple[dict[str, Array], dict[str, int]]:
    sizes: dict[str, int] = {}
    for entry in layout.entries:
        sizes.update(zip(entry.dims, np.shape(arrays[entry.name]), strict=True))
    sizes = layout.complete(sizes, spec.layout)
    return {n: layout.to_base(n, np.array(a), spec.layout, sizes) for n, a in arrays.items()}, sizes


@dataclass
class BackwardAlone(FunctionPair):
    """A backward beside the reference's forward; the only function of the user's is the backward."""

    convention: str = "backward function alone, with the forward of the reference"
    spec: LayerSpec = None  # type: ignore[assignment]
    options: Mapping[str, Any] = None  # type: ignore[assignment]
    reference: Callable[[Mapping[str, Array]], Array] = None  # type: ignore[assignment]
    chosen: Mapping[str, Any] = field(default_factory=dict)  # the options that the variant sets
    known: frozenset[str] = frozenset()  # the arrays of which the reference gives a gradient
    doubt: str = ""  # why its gradients are left open, though they are right under this reading
    of_output: bool = False  # whether the one array is the output of the forward

    def forward(self, arrays: Mapping[str, Array]) -> Tape:
        out = self.reference(arrays)
        given = {a: private(out if self.of_output else arrays[n]) for a, n in self.order.items()} | self.extra
        values = [given[n] for n in arguments(self.backward_function).required[1:]]
        return Tape(out, lambda dy: self.collect(guarded("backward", self.backward_function, dy, *values)))

    def collect(self, returned: Any) -> dict[str, Any]:
        """What came back; None for an array of which the reference gives no gradient either is no gradient."""
        found = super().collect(returned)
        return {n: g for n, g in found.items() if g is not None or n in self.known}

    def misfit(self) -> Exception | None:
        """None where the backward gives this variant's gradient in generic cases, else what says that it does not."""
        return next((fault for seed in (5, 6, 7) if (fault := self._misfit(np.random.default_rng(seed)))), None)

    def _misfit(self, rng: np.random.Generator) -> Exception | None:
        spec, layout = self.spec, self.layout
        lengths = {d: int(d) if d.isdigit() else 3 + k % 3 for k, d in enumerate(layout.dims(spec.layout))}
        sizes = layout.complete(lengths, spec.layout)
        arrays = {e.name: e.sample(sizes, rng) for e in layout.entries}
        try:
            tape = self.forward(arrays)
        except (TypeError, ValueError) as fault:  # a variant that leaves out what the reference needs
            return Unbindable(str(fault))
        dy = rng.standard_normal(np.shape(tape.output))
        base, sizes = _in_base(spec, layout, arrays)
        upstream = layout.to_base(OUTPUT, dy, spec.layout, sizes)
        right = spec.gradients(upstream, *base.values(), **self.chosen)
        self.known = frozenset(right)
        try:
            with frozen(0):
                given = tape.backward(dy)
        except UserCodeRaised as fault:
            return fault.cause if isinstance(fault.cause, NotImplementedError) else fault
        expected = {n: layout.from_base(n, g, spec.layout, sizes) for n, g in right.items() if n in given}
        same = [(a := numeric(given[n])) is not None and equal(a, g) for n, g in expected.items()]
        return None if same and all(same) else ArithmeticError()

    @property
    def called(self) -> str:
        of = "output" if self.of_output else "input"
        return f"{self.backward_function.__name__}: " + ", ".join(f"{a} = {of} ({PLACE})" for a in self.order)

    @property
    def settings(self) -> Mapping[str, Any]:
        """None: there is no forward of the user's that could follow them."""
        return {}

    def reproduce(self, arrays: Mapping[str, str], dy: str, gradient: str) -> list[str]:
        given = {a: arrays[n] for a, n in self.order.items()}
        given |= {n: f"np.{v!r}" if isinstance(v, np.ndarray) else repr(v) for n, v in self.extra.items()}
        names = arguments(self.backward_function).required[1:]
        call = f"{self.backward_function.__name__}({', '.join([dy, *(given[n] for n in names)])})"
        return [f"print({call})"] if gradient and not self.of_output else []
