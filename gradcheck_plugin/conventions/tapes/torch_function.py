"""Subclasses of `torch.autograd.Function`, called through `apply`; torch itself runs their backward.

Both styles are driven: `forward(ctx, x)`, and `forward(x)` with `setup_context(ctx, inputs, output)`. Settings among
the arguments get no tensors. Every output that has a gradient is judged, and every input that one is asked for.
Some are not the gradient of their forward on purpose: gradient reversal, straight-through estimators, surrogate slopes.
They are known by a word of their names, by a docstring, or by a forward that is constant in pieces, and are reported,
not failed.
"""

from __future__ import annotations

import ast
import inspect
import itertools
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from gradcheck_plugin.author import intent, own_calls
from gradcheck_plugin.author.argument_kinds import Kinds, Setting, kinds, smooth
from gradcheck_plugin.author.signature import arguments, line_of
from gradcheck_plugin.conventions.base import Caller, Candidate, Code, Tape
from gradcheck_plugin.conventions.outputs import join
from gradcheck_plugin.model import Array, Unbindable
from gradcheck_plugin.names.arguments import TARGETS
from gradcheck_plugin.objects.constructor import option_of
from gradcheck_plugin.running.calls import UserCodeRaised, frozen, guarded, private
from gradcheck_plugin.running.tensors import double, is_tensor
from gradcheck_plugin.running.values import numeric
from reference_impls.shapes import Layout

ORDER = 8
TRIED = 8  # combinations of values for settings that no value is known of
_INDEXED = ("M @label(N)", "N @label(D)", "N 2 @label(D)", "M 2 @label(N)")


def discover(defined: Mapping[str, Any]) -> Iterator[Candidate]:
    """Classes of the file with torch's Function among their bases."""
    for name, cls in defined.items():
        if not inspect.isclass(cls) or not any(_is_function(base) for base in cls.__mro__[1:]):
            continue
        if not (
            {"forward", "backward", "vjp"} & {n for base in cls.__mro__ if not _is_function(base) for n in vars(base)}
        ):
            continue
        yield _candidate(name, cls)


def _candidate(name: str, cls: Any) -> Candidate:
    """The likeliest reading of the arguments; others are tried where it cannot be called so."""
    saving = cls.setup_context if _sets_up(cls) else None
    names = arguments(cls.forward).names[0 if saving else 1 :]  # without ctx
    parameters = inspect.signature(cls.forward).parameters.values()
    names += tuple(p.name for p in parameters if p.kind is p.VAR_POSITIONAL)  # one of any number
    ungraded, graded = gradients_of(cls, names)
    found = kinds(cls.forward, names, own_calls.calls_of(cls, "apply"), saving, ungraded, graded)
    doubtful = found.doubtful or {}
    some = {n: s for n, s in doubtful.items() if n in ungraded}
    readings = [found]
    for others in (some, doubtful):
        if others and {**found.settings, **others} != readings[-1].settings:
            readings.append(replace(found, settings={**found.settings, **others}))
    made: Candidate | None = None
    for reading in reversed(readings):
        inputs = reading.arrays or names[:1]
        objects: dict[str, Any] = {"function": cls, "kinds": reading, "style": saving is not None}
        kind = "loss" if any(TARGETS.fits(n) for n in inputs[1:]) else "layer"
        place = sys.modules[__name__], objects, inputs, line_of(cls), f"{name}.backward"
        made = Candidate(name, kind, *place, shapes=tuple(_shapes(reading) or ()), otherwise=made)
    assert made is not None
    return made


def _is_function(cls: type) -> bool:
    return cls.__name__ == "Function" and cls.__module__.startswith("torch.autograd")


def _sets_up(cls: Any) -> bool:
    """Whether a class saves what its backward needs in a method of its own."""
    owner = next((base for base in cls.__mro__ if "setup_context" in vars(base)), None)
    return owner is not None and not owner.__module__.startswith("torch.")


def gradients_of(cls: Any, names: tuple[str, ...]) -> tuple[frozenset[str], frozenset[str]]:
    """The arguments for which backward returns None wherever it returns, and those for which it returns a gradient.

    Torch refuses a gradient of what is no tensor.
    """
    nobody: frozenset[str] = frozenset()
    tree = own_calls.source_tree(cls.backward)
    if tree is None:
        return nobody, nobody
    returned = [n.value for n in ast.walk(tree) if isinstance(n, ast.Return) and n.value is not None]
    returned = [r for r in returned if not (isinstance(r, ast.Constant) and r.value is None)]
    lists = [r.elts for r in returned if isinstance(r, ast.Tuple)]
    unread = len(lists) < len(returned)  # a list made elsewhere, a sum of tuples
    if not lists or unread or any(isinstance(e, ast.Starred) for given in lists for e in given):
        return nobody, nobody
    assigned: dict[str, list[ast.expr]] = {}
    for node in (n for n in ast.walk(tree) if isinstance(n, ast.Assign)):
        for target in node.targets:
            if isinstance(target, ast.Name):
                assigned.setdefault(target.id, []).append(node.value)

    def nothing(e: ast.expr) -> bool:
        if isinstance(e, ast.Name) and e.id in assigned:
            return all(isinstance(v, ast.Constant) and v.value is None for v in assigned[e.id])
        return isinstance(e, ast.Constant) and e.value is None

    ungraded = frozenset(n for i, n in enumerate(names) if all(i >= len(g) or nothing(g[i]) for g in lists))
    return ungraded, frozenset(names) - ungraded


def _shapes(reading: Kinds) -> list[str]:
    """Layouts for a function that takes indices into its first array."""
    inputs = reading.arrays
    index = [n for n in inputs[1:] if n in reading.indices]
    if not index or any(TARGETS.fits(n) for n in index):
        return []
    rest = [f"{n}: N D" for n in inputs if n not in index]
    return [", ".join([*rest, *(f"{n}: {axes}" for n in index)]) + " -> Y" for axes in _INDEXED]


def callers(candidate: Candidate, layout: Layout, options: Mapping[str, Any]) -> list[TorchFunction]:
    """Arrays become tensors that ask for a gradient; settings get the author's value, or the first that runs."""
    cls, reading = candidate.objects["function"], candidate.objects["kinds"]
    entries = [e.name for e in layout.entries]
    if len(entries) != len(candidate.inputs):
        raise Unbindable(f"{cls.__name__}.forward takes {len(candidate.inputs)} arrays, not {len(entries)}")
    order = dict(zip(candidate.inputs, entries, strict=True))
    unasked = frozenset(order[n] for n in reading.data if n in order)
    made = TorchFunction(cls, layout, reading.names, order, unasked=unasked)
    choices = [{n: _values(n, s, options) for n, s in reading.settings.items() if n not in order}]
    if len(choices[0]) and any(len(v) > 1 for v in choices[0].values()):
        ways = [replace(made, values=values) for values in _combined(choices[0])]
        return [next((way for way in ways if _runs(way)), ways[0])]
    return [replace(made, values={n: v[0] for n, v in choices[0].items()})]


def _values(name: str, setting: Setting, options: Mapping[str, Any]) -> tuple[Any, ...]:
    """The values to try: that of a reference's option goes first, but for one that hides a factor or a term."""
    option = option_of(name, options) if setting.option and not setting.known else None
    value = options[option] if option else None
    hides = isinstance(value, float) and value in (0.0, 1.0)
    return setting.values if value is None or hides else (value, *setting.values)


def _combined(choices: Mapping[str, tuple[Any, ...]]) -> list[dict[str, Any]]:
    """Combinations of values, those with the first of each in front."""
    every = itertools.product(*(range(len(v)) for v in choices.values()))
    first = sorted(itertools.islice(every, 200), key=sum)[:TRIED]
    return [{n: v[i] for (n, v), i in zip(choices.items(), at, strict=True)} for at in first]


def _runs(caller: TorchFunction) -> bool:
    try:
        with frozen(0):
            caller.forward(caller.sample(np.random.default_rng(0)))
    except (Unbindable, UserCodeRaised, ValueError):
        return False
    return True


@dataclass
class TorchFunction(Caller):
    """Drives one Function; `order` maps the arguments that are tensors to the arrays of the layout.

    `values` are the values of the others, `unasked` arrays such as targets that no gradient is asked for.
    """

    cls: Any
    layout: Layout
    names: tuple[str, ...]
    order: dict[str, str]
    values: dict[str, Any] = field(default_factory=dict)
    unasked: frozenset[str] = frozenset()
    convention: str = "torch.autograd.Function"
    upstream: bool = True
    multiplied: bool = True  # torch hands it the upstream gradient: its backward is no plain derivative
    _still: dict[str, bool] = field(default_factory=dict)
    _why: dict[str, str] = field(default_factory=dict)

    def sample(self, rng: np.random.Generator) -> dict[str, Array]:
        """Arrays of the layout with pairwise different axes."""
        sizes = {d: 3 + i for i, d in enumerate(self.layout.dims(None))}
        return {e.name: np.asarray(e.sample(sizes, rng)) for e in self.layout.entries}

    def forward(self, arrays: Mapping[str, Array]) -> Tape:
        import torch

        wanted = [n for n in self.order.values() if self.layout[n].differentiable and n not in self.unasked]
        tensors = {n: _tensor(arrays[n], n in wanted) for n in self.order.values()}
        single = any(t.dtype == torch.float32 for t in tensors.values())
        with double(torch.float32 if single else torch.float64), torch.enable_grad():
            given = {
                n: t.clone() if n in wanted else t for n, t in tensors.items()
            }  # no leaves: it may mark them dirty
            values = [given[self.order[n]] if n in self.order else self.values[n] for n in self.names]
            out = guarded("forward", self.cls.apply, *values)
        outputs = out if isinstance(out, tuple | list) else (out,)
        if not any(is_tensor(o) for o in outputs):
            return Tape(out, lambda _: {})
        real = [o for o in outputs if is_tensor(o) and o.is_floating_point() and o.requires_grad]
        if not real:
            raise Unbindable("none of its outputs has a gradient")
        joined, split = join(tuple(real), len(real))

        def backward(dy: Any) -> dict[str, Any]:
            whole = np.broadcast_to(dy, np.shape(joined)).copy()
            parts = [torch.tensor(np.asarray(p), dtype=o.dtype) for p, o in zip(split(whole), real, strict=True)]
            with double(torch.float32 if single else torch.float64):
                found = guarded("backward", torch.autograd.grad, real, [tensors[n] for n in wanted], parts,
                                retain_graph=True, allow_unused=True)  # fmt: skip
            gradients = {n: None if g is None else g.detach() for n, g in zip(wanted, found, strict=True)}
            return {n: g for n, g in gradients.items() if g is not None or not self._constant(n)}

        return Tape(joined, backward)

    def _along(self, name: str, arrays: Mapping[str, Array]) -> Callable[[Array], Array | None]:
        """The output as a function of one array."""

        def output(value: Array) -> Array | None:
            try:
                with frozen(0):
                    return numeric(self.forward({**arrays, name: value}).output)
            except (Unbindable, UserCodeRaised):
                return None

        return output

    def _constant(self, name: str) -> bool:
        """Whether the output does not change, or changes in jumps only, when an array moves: None is right then."""
        if name not in self._still:
            self._still[name] = self._measured(name, intent.still)
        return self._still[name]

    def _measured(self, name: str, see: Callable[..., bool]) -> bool:
        rng = np.random.default_rng(5)
        try:
            arrays = self.sample(rng)
            return see(self._along(name, arrays), arrays[name], rng)
        except ValueError:  # no array of this domain has such sizes
            return False

    def intended(self, name: str) -> str:
        """Why the gradient of an array, or any where it is "", is another one on purpose, or nothing."""
        if name not in self._why:
            self._why[name] = self._intent(name)
        return self._why[name]

    def _intent(self, name: str) -> str:
        moved = [n for n in self.order.values() if self.layout[n].domain == "real" and n not in self.unasked]
        said = intent.named(self.cls.__name__) or intent.documented(own_calls.texts_around(self.cls, "apply"))
        if said:
            return said
        for n in [name] if name else moved:
            if n in moved and self._measured(n, intent.in_steps):
                return "its forward is constant in pieces, and its gradient a surrogate"
        name = self.cls.__name__
        said = intent.named_for_reversal(name, lambda: any(self._measured(n, intent.same) for n in moved))
        return said or intent.named_for_steps(name, lambda: any(self._measured(n, intent.jumps) for n in moved))

    def user_names(self) -> dict[str, str]:
        return {n: a for a, n in self.order.items()}

    @property
    def settings(self) -> Mapping[str, Any]:
        return self.values

    def with_setting(self, name: str, value: float) -> Caller | None:
        return replace(self, values={**self.values, name: value}) if name in self.values else None

    def code(self) -> Code:
        return Code.of(self.cls.forward, self.cls.backward, self.cls)

    def reproduce(self, arrays: Mapping[str, str], dy: str, gradient: str) -> list[str]:
        written = {n: _written(v) for n, v in self.values.items()}
        if not all(written.values()):
            return []
        real = {n for n in self.order.values() if self.layout[n].differentiable}
        lines = ["import torch"]
        lines += [
            f"{arrays[n]} = torch.tensor({arrays[n]}"
            + (", dtype=torch.float64, requires_grad=True)" if n in real else ")")
            for n in self.order.values()
        ]
        dirty = "mark_dirty" in (inspect.getsource(self.cls) if _has_source(self.cls) else "")
        given = ", ".join(
            (arrays[self.order[n]] + (".clone()" if dirty else "")) if n in self.order else written[n]
            for n in self.names
        )
        try:
            many = isinstance(self._plain(), tuple | list)
        except Exception:
            many = False
        call = f"{self.cls.__name__}.apply({given})"
        lines.append(f"out = [o for o in {call} if o.requires_grad]" if many else f"out = {call}")
        if not gradient:
            return [*lines, f"print({'out[0]' if many else 'out'}.detach().numpy())"]
        upstream = f"torch.tensor({dy})"
        if many:
            lines.append(f"parts = torch.split({upstream}, [o.numel() for o in out])")
            upstream = "[p.reshape(o.shape) for p, o in zip(parts, out)]"
        gradients = f"torch.autograd.grad(out, {arrays[gradient]}, {upstream}, allow_unused=True)"
        return [*lines, f"print(np.asarray({gradients}[0]))"]

    def _plain(self) -> Any:
        """What `apply` itself returns."""
        arrays = self.sample(np.random.default_rng(0))
        with double(), frozen(0):
            values = [_tensor(arrays[self.order[n]], False) if n in self.order else self.values[n] for n in self.names]
            return self.cls.apply(*values)


def _tensor(value: Array, real: bool) -> Any:
    """An array as a tensor of its own memory; one that asks for a gradient holds floats."""
    import torch

    given = np.asarray(private(value) if value.ndim else value.copy())
    if real and given.dtype.kind != "f":
        given = given.astype(np.float64)
    tensor = torch.from_numpy(given.copy(order="K"))
    return tensor.requires_grad_() if real else tensor


def _written(value: Any) -> str:
    """The value of a setting as source text, or "" where it has none."""
    if value is smooth:
        return "torch.tanh"
    text = repr(value)
    try:
        ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return ""
    return text


def _has_source(cls: Any) -> bool:
    try:
        return bool(inspect.getsource(cls))
    except (OSError, TypeError):
        return False
