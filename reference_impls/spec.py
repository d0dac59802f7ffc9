"""What a reference says about its layer: plain data and plain functions.

A reference file defines `forward`, `backward`, `torch_forward`, its wrong backwards, and one `SPEC`.
Every function of a spec takes the arrays in the order in which `shapes` names them, then the options
as keywords: `forward(x, W, b, **options)`, `backward(dy, x, W, b, **options)`. Where a layer has several outputs,
`forward` returns a tuple of them and `dy` is a tuple; to the checker they are one vector, one after the other.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

import numpy as np

from reference_impls.shapes import Array, Layout

__all__ = ["RULES", "Array", "Grads", "Kind", "Kink", "LayerSpec", "Mistake", "Variant"]

Grads = dict[str, Array]
Kind = Literal["layer", "loss", "network", "update", "clip", "schedule", "initialiser"]
RULES = ("update", "clip", "schedule", "initialiser")  # kinds that have no gradient; see rules.py


@dataclass(frozen=True)
class Variant:
    """One convention in which people write the layer.

    `shapes` overrides only the entries that differ from the base: `Variant("W: M D", "weights stored (out, in)")`.
    `options` are keywords for forward, backward, torch_forward and the mistakes.
    `incidental`: NumPy may accept this layout by accident, so a gradient that is wrong only here is
    advice and not a failure.
    """

    shapes: str = ""
    note: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)
    incidental: bool = False


@dataclass(frozen=True)
class Mistake:
    """A classical wrong backward, executable.

    `backward` has the signature of the right one. `stateful`: it is a function without arguments that makes
    a fresh backward (for mistakes that live between two calls). `forward` replaces the forward where the mistake
    lies in the pair, or in the rule itself for an update. `variant` is the note of the variant in which the
    mistake shows, when the base layout hides it. `says` and `help` are needed only for a code that the shared
    catalogue of codes does not have; the Korean texts stand beside them. `any_scale`: the error grows with a number
    of the user's own, such as a learning rate, so a multiple of it is the same mistake. `any_draw`: it draws anew what
    the forward drew, and whatever it draws is the same mistake.
    `convention`: some courses mean it so, and another layer makes up for it; the verdict is then left open.
    """

    code: str
    backward: Callable[..., Any] | None = None
    forward: Callable[..., Any] | None = None
    stateful: bool = False
    any_scale: bool = False
    any_draw: bool = False
    convention: bool = False
    variant: str = ""
    says: str = ""
    help: str = ""
    says_ko: str = ""
    help_ko: str = ""


@dataclass(frozen=True)
class Kink:
    """A point on a kink with everything else generic, in the base layout.

    `arrays` holds the arrays that were changed, and `entries` what lies on the kink, each the name of an array and an
    index: one entry that meets a constant, or the entries that tie for a maximum or a minimum, in their order.
    """

    says: str
    arrays: Mapping[str, Array]
    entries: tuple[tuple[str, tuple[int, ...]], ...]


@dataclass(frozen=True)
class LayerSpec:
    """Everything the checker knows about one layer.

    `zero_gradient`: the gradient is zero wherever it exists (a step), so an all-zero gradient is right.
    `kinks`: where the forward has a kink. A number is a value of the first input, coordinate by coordinate; a function
    `place(rng, *arrays, **options)` puts one coordinate of the base arrays on a kink, or returns None where none fits.
    `minimum`: smallest size of an axis at which the layer means something (a softmax needs two classes).
    `inside`: what a forward may have inside and the reference asks for, read off its output y by
    `inside(y, *arrays, **options)`: the arrays that a layout leaves out, such as a mask that the forward draws (they
    come as None), and options of its own, such as an eps.
    `distinctive`: an object under another name that computes the same may be taken for this layer; not so for what
    many things do, such as a sum or a reshape.
    """

    name: str
    forward: Callable[..., Any]
    backward: Callable[..., dict[str, Any]]
    torch_forward: Callable[..., Any]
    shapes: str
    aliases: tuple[str, ...] = ()
    korean: str = ""
    kind: Kind = "layer"
    family: str = ""
    variants: tuple[Variant, ...] = ()
    mistakes: tuple[Mistake, ...] = ()
    minimum: Mapping[str, int] = field(default_factory=dict)
    zero_gradient: bool = False
    kinks: tuple[float | Callable[..., Kink | None], ...] = ()
    inside: Callable[..., dict[str, Any]] | None = None
    distinctive: bool = True

    @property
    def rule(self) -> bool:
        """Whether this is no layer but a rule, without a gradient to be checked."""
        return self.kind in RULES

    @cached_property
    def defaults(self) -> Mapping[str, Any]:
        """The options with their defaults."""
        parameters = inspect.signature(self.forward).parameters.values()
        return {p.name: p.default for p in parameters if p.default is not inspect.Parameter.empty}

    @cached_property
    def layout(self) -> Layout:
        """The base layout, parsed."""
        return Layout.parse(self.shapes)

    def layouts(self) -> list[tuple[Variant, Layout]]:
        """The base as a variant of its own, then every declared variant, each with its layout."""
        return [(Variant(), self.layout)] + [(v, self.layout.override(v.shapes)) for v in self.variants]

    def output(self, *arrays: Array, forward: Callable[..., Any] | None = None, **options: Any) -> Array:
        """What the forward gives, or another `forward` in its place; several outputs as one vector."""
        out = (forward or self.forward)(*arrays, **options)
        return np.concatenate([np.ravel(o) for o in out]) if self.layout.outputs else np.asarray(out)

    def gradients(
        self, dy: Array, *arrays: Array, backward: Callable[..., dict[str, Any]] | None = None, **options: Any
    ) -> dict[str, Any]:
        """What the backward gives, or another `backward` in its place, for the upstream gradient of `output`."""
        upstream = self.apart(dy, arrays) if self.layout.outputs else dy
        return (backward or self.backward)(upstream, *arrays, **options)

    def apart(self, dy: Array, arrays: tuple[Array, ...]) -> tuple[Array, ...]:
        """The vector of several outputs, or its gradient, as one array for each of them."""
        entries = self.layout.entries
        sizes = {d: s for e, a in zip(entries, arrays, strict=True) for d, s in zip(e.dims, a.shape, strict=True)}
        shapes = [e.shape(sizes) for e in self.layout.outputs]
        parts = np.split(dy, np.cumsum([int(np.prod(shape)) for shape in shapes])[:-1])
        return tuple(part.reshape(shape) for part, shape in zip(parts, shapes, strict=True))
