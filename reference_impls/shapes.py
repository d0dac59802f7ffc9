"""The shape language of the references: what the arrays of a layer look like, in one line.

    "x: N D; W: D M, b: M -> N M"

Inputs stand before the semicolon, parameters behind it, the output behind the arrow (nothing there: a scalar).
An axis is a letter or a word (its size is drawn), a number (a fixed size), or a group `(E F)`: two axes of the array
that together are one axis of the base layout. An axis that only the output has, such as the rows that a window
leaves of an image, is as long as the forward makes it. Several outputs have names, `-> h: N H, c: N H`: the forward
returns a tuple of them, and the upstream gradient of backward is a tuple, too. An entry may end in a domain,
`t: N C @onehot`:

    real      any number (the default)        positive  in (0.3, 1.7)         unit    in (0.1, 0.9)
    prob      rows that sum to one            onehot    one 1 in each row     label(C)  integers below C
    onehot(C) one 1 along the axis C
    word(C)   integers from 1, below C           length(T)  the size of an axis, or one less
    binary    0.0 or 1.0                      sign      -1.0 or +1.0          wide    in (0.1, 10)

Labels, words, lengths, one-hot rows, binary entries and signs carry no gradient. A variant overrides entries; because
axes have names, an array can be carried between a variant and the base: axes are permuted, `1`s dropped or added,
groups merged, an axis that the variant does not have gets size 1, labels become one-hot rows. `mask: -` leaves an array
out: the layer has it inside.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
OUTPUT = "->"  # the name of the output among the entries of a layout
DISCRETE = ("onehot", "label", "word", "length", "binary", "sign")
_ENTRY = re.compile(r"^\s*(\w+)\s*:\s*([^@]*?)\s*(?:@(\w+)(?:\((\w+)\))?)?\s*$")
_AXIS = re.compile(r"\(([^)]*)\)|(\w+|-)")
_LEFT_OUT = (("-",),)


def _axes(text: str) -> tuple[tuple[str, ...], ...]:
    """Axes of an entry, each the tuple of its names: `N (E F)` is (("N",), ("E", "F"))."""
    return tuple(tuple((group or name).split()) for group, name in _AXIS.findall(text))


@dataclass(frozen=True)
class Entry:
    """One array of a layout: its name, axes and domain."""

    name: str
    axes: tuple[tuple[str, ...], ...]
    domain: str = "real"
    classes: str = ""

    @property
    def differentiable(self) -> bool:
        return self.domain not in DISCRETE

    @cached_property
    def dims(self) -> tuple[str, ...]:
        """The axes as the array has them, groups taken apart."""
        return tuple(name for axis in self.axes for name in axis)

    def shape(self, sizes: Mapping[str, int]) -> tuple[int, ...]:
        return tuple(int(name) if name.isdigit() else sizes[name] for name in self.dims)

    def sample(self, sizes: Mapping[str, int], rng: np.random.Generator, short: bool = False) -> Array:
        """A random array of this shape and domain; `short` draws quarters that are easy to read and never 0."""
        shape = self.shape(sizes)
        if self.domain in ("label", "word", "length"):
            size = int(self.classes) if self.classes.isdigit() else sizes[self.classes]
            span = {"label": (0, size), "word": (1, size), "length": (size - 1, size + 1)}[self.domain]
            return rng.integers(*span, size=shape)
        if self.domain == "onehot":
            axis = self.dims.index(self.classes) if self.classes else len(shape) - 1
            rows = rng.integers(0, shape[axis], size=(*shape[:axis], *shape[axis + 1 :]))
            return np.moveaxis(np.eye(shape[axis])[rows], -1, axis)
        if self.domain == "binary":
            return rng.integers(0, 2, size=shape).astype(float)
        if self.domain == "sign":
            return rng.choice([-1.0, 1.0], size=shape)
        if self.domain == "prob":
            e = np.exp(rng.standard_normal(shape))
            return np.asarray(e / e.sum(axis=-1, keepdims=True))
        low, high = {"positive": (0.3, 1.7), "unit": (0.1, 0.9), "wide": (0.1, 10.0)}.get(self.domain, (0.0, 0.0))
        if high:
            values = rng.uniform(low, high, size=shape)
            return np.round(values, 1) if short else values
        if short:
            return rng.choice([-2.0, -1.5, -1.0, -0.5, 0.5, 1.0, 1.5, 2.0], size=shape)
        return rng.standard_normal(shape)

    @property
    def text(self) -> str:
        """The entry in the one-line form."""
        axes = " ".join(axis[0] if len(axis) == 1 else f"({' '.join(axis)})" for axis in self.axes)
        domain = "" if self.domain == "real" else f"@{self.domain}" + (f"({self.classes})" if self.classes else "")
        return " ".join(filter(None, [f"{self.name}:" if self.name != OUTPUT else "", axes, domain]))


@dataclass(frozen=True)
class Layout:
    """The arrays of a layer in one convention."""

    inputs: tuple[Entry, ...]
    params: tuple[Entry, ...]
    output: Entry  # of several outputs: all of them, one after the other, as one axis
    outputs: tuple[Entry, ...] = ()  # where there are several: each of them

    @classmethod
    def parse(cls, text: str) -> Layout:
        """Read the one-line form. Raises ValueError that names the entry which cannot be read."""
        left, arrow, right = text.partition("->")
        if not arrow:
            raise ValueError(f"shapes {text!r}: no '->' with the output behind it")
        inputs, _, params = left.partition(";")
        return cls(cls._entries(inputs), cls._entries(params), *cls._outputs(right))

    @property
    def text(self) -> str:
        """The one-line form, which `parse` reads."""
        inputs, params, outputs = (", ".join(e.text for e in part) for part in (self.inputs, self.params, self.outputs))
        return f"{inputs}{'; ' if params else ''}{params} -> {outputs or self.output.text}".strip()

    @classmethod
    def _outputs(cls, text: str) -> tuple[Entry, tuple[Entry, ...]]:
        if ":" not in text:
            return Entry(OUTPUT, _axes(text)), ()
        return Entry(OUTPUT, (("outputs",),)), cls._entries(text)

    @staticmethod
    def _entries(text: str) -> tuple[Entry, ...]:
        entries = []
        for part in filter(str.strip, text.split(",")):
            match = _ENTRY.match(part)
            if not match:
                raise ValueError(
                    f"shapes: cannot read {part.strip()!r}; write it as 'name: N D' or 'name: N @label(C)'"
                )
            name, axes, domain, classes = match.groups()
            entries.append(Entry(name, _axes(axes), domain or "real", classes or ""))
        return tuple(entries)

    @cached_property
    def entries(self) -> tuple[Entry, ...]:
        return self.inputs + self.params

    @cached_property
    def _named(self) -> dict[str, Entry]:
        return {entry.name: entry for entry in (self.output, *self.entries)}

    @cached_property
    def _axis_names(self) -> tuple[str, ...]:
        """The names of all axes and classes, each once."""
        every = (name for entry in (*self.entries, self.output) for name in (*entry.dims, entry.classes) if name)
        return tuple(dict.fromkeys(every))

    @cached_property
    def _has_groups(self) -> bool:
        return any(len(axis) > 1 for entry in self.entries for axis in entry.axes)

    def __getitem__(self, name: str) -> Entry:
        return self._named[name]

    def override(self, text: str) -> Layout:
        """This layout with the entries of `text` in place of its own; an arrow in `text` replaces the output.

        An entry with a dash for axes is left out.
        """
        left, arrow, right = text.partition("->")
        changed = {entry.name: entry for entry in self._entries(left.replace(";", ","))}
        known = {entry.name for entry in self.entries}
        if unknown := set(changed) - known:
            raise ValueError(f"variant {text!r}: no array {sorted(unknown)[0]!r} in the base layout")
        inputs, params = (
            tuple(e for e in (changed.get(e.name, e) for e in part) if e.axes != _LEFT_OUT)
            for part in (self.inputs, self.params)
        )
        return Layout(inputs, params, *(self._outputs(right) if arrow else (self.output, self.outputs)))

    def pinned(self, sizes: Mapping[str, int]) -> Layout:
        """This layout with numbers in place of the axes in `sizes`."""

        def pin(entry: Entry) -> Entry:
            axes = tuple(tuple(str(sizes.get(name, name)) for name in axis) for axis in entry.axes)
            return Entry(entry.name, axes, entry.domain, str(sizes.get(entry.classes, entry.classes)))

        inputs, params, outputs = (tuple(map(pin, part)) for part in (self.inputs, self.params, self.outputs))
        return Layout(inputs, params, pin(self.output), outputs)

    def dims(self, base: Layout | None = None) -> list[str]:
        """The axis names whose sizes are drawn, in order of appearance; a group's base axis is derived, not drawn."""
        derived = set(self.derived(base)) if base else set()
        seen: dict[str, None] = {}
        for entry in self.entries:
            for name in (*entry.dims, *filter(None, [entry.classes])):
                if not name.isdigit() and name not in derived:
                    seen[name] = None
        return list(seen)

    def derived(self, base: Layout) -> dict[str, tuple[str, ...]]:
        """Base axes that this layout splits into groups: {"D": ("E", "F")}."""
        groups: dict[str, tuple[str, ...]] = {}
        for entry in self.entries if self._has_groups else ():
            parts = [axis for axis in entry.axes if len(axis) > 1]
            named = {axis[0] for axis in entry.axes if len(axis) == 1}
            whole = [axis[0] for axis in base[entry.name].axes if axis[0] not in named]
            groups.update(zip(whole, parts, strict=False))
        return groups

    def complete(self, sizes: Mapping[str, int], base: Layout) -> dict[str, int]:
        """`sizes` with the axes that follow from groups, numbers, and 1 for base axes this layout does not have."""
        full = dict(sizes)
        for whole, parts in self.derived(base).items():
            full[whole] = int(np.prod([full[p] for p in parts]))
        for name in base._axis_names:
            if name not in full:
                full[name] = int(name) if name.isdigit() else 1
        return full

    def to_base(self, name: str, value: Array, base: Layout, sizes: Mapping[str, int]) -> Array:
        """The array `name`, written in this layout, as the base layout has it. `sizes` must be complete."""
        here, there = self[name], base[name]
        if here.domain == "label" and there.domain == "onehot":
            return np.asarray(np.eye(sizes[here.classes])[np.asarray(value, dtype=int)])
        if here.domain == "onehot" and there.domain == "label":
            return np.asarray(np.asarray(value).argmax(axis=-1))
        if here.domain == "label" and there.domain == "binary":
            value = np.asarray(value, dtype=float)
        if here.axes == there.axes:
            return value
        if name == OUTPUT:
            sizes = {**sizes, **dict(zip(here.dims, np.shape(value), strict=False))}
        squeezed = np.asarray(value).reshape([sizes[n] for n in here.dims if n != "1"])
        order, names = self._order(here, there)
        merged = squeezed.reshape([sizes[n] for n in names]) if names else squeezed
        return merged.transpose(order).reshape([sizes[n] if n in names else 1 for n in there.dims])

    def from_base(self, name: str, value: Array, base: Layout, sizes: Mapping[str, int]) -> Array:
        """The inverse of `to_base` for an array, a gradient or the output."""
        here, there = self[name], base[name]
        if here.axes == there.axes:
            return value
        if name == OUTPUT:
            sizes = {**sizes, **dict(zip(there.dims, np.shape(value), strict=False))}
        order, names = self._order(here, there)
        lengths = [sizes[names[i]] for i in order]
        if name == OUTPUT and np.size(value) != np.prod(lengths, dtype=int):
            return value  # its axes are not those of the base: options of a reshape
        kept = np.asarray(value).reshape(lengths)
        return kept.transpose(np.argsort(order)).reshape(here.shape(sizes))

    def _order(self, here: Entry, there: Entry) -> tuple[list[int], list[str]]:
        """The base axes that `here` has, in `here`'s order, and the permutation that puts them in the base's."""
        named = {axis[0] for axis in here.axes if len(axis) == 1}
        whole = iter([axis[0] for axis in there.axes if axis[0] not in named])
        names = [axis[0] if len(axis) == 1 else next(whole) for axis in here.axes if axis != ("1",)]
        present = [axis[0] for axis in there.axes if axis[0] in names]
        return [names.index(n) for n in present], names
