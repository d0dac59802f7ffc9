"""What a reference says about its layer: plain data and plain functions.

A reference file defines `forward`, `backward`, `torch_forward`, its wrong backwards, and one `SPEC`.
Every function of a spec takes the arrays in the order in which `shapes` names them, then the options
as keywords: `forward(x, W, b, **options)`, `backward(dy, x, W, b, **options)`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

from reference_impls.shapes import Array, Layout

__all__ = ["Array", "Grads", "Kind", "Kink", "LayerSpec", "Mistake", "Variant"]

Grads = dict[str, Array]
Kind = Literal["layer", "loss", "network", "update"]


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
    of the user's own, such as a learning rate, so a multiple of it is the same mistake.
    `convention`: some courses mean it so, and another layer makes up for it; the verdict is then left open.
    """

    code: str
    backward: Callable[..., Any] | None = None
    forward: Callable[..., Any] | None = None
    stateful: bool = False
    any_scale: bool = False
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

    @cached_property
    def layout(self) -> Layout:
        """The base layout, parsed."""
        return Layout.parse(self.shapes)

    def layouts(self) -> list[tuple[Variant, Layout]]:
        """The base as a variant of its own, then every declared variant, each with its layout."""
        return [(Variant(), self.layout)] + [(v, self.layout.override(v.shapes)) for v in self.variants]
