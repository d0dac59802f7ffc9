"""The shapes of arrays that nothing names: those that the author says, and those that his backward gives them."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np

from gradcheck_plugin.author.said import Said
from gradcheck_plugin.binding.author_shapes import kind_of, said, shows_scalars
from gradcheck_plugin.conventions.base import Candidate
from gradcheck_plugin.model import Array, Unbindable
from gradcheck_plugin.running.calls import UserCodeRaised, frozen
from gradcheck_plugin.running.values import numeric
from gradcheck_plugin.sizes import generic_sizes
from gradcheck_plugin.subject import Subject
from reference_impls.shapes import Layout
from reference_impls.spec import LayerSpec

Read = Callable[[Candidate, Layout | None], Subject | None]  # with a layout, or with the first that runs
_SHAPED = ("function_pair", "layer_class", "derivative_pair", "loss_function")


def with_shapes(candidate: Candidate, named: LayerSpec | None, read: Read) -> Candidate:
    """The candidate with what its author says of the shapes of its arrays: in words and code, and by its gradients."""
    known_by_convention = candidate.convention.__name__.rpartition(".")[2] not in _SHAPED
    if known_by_convention or candidate.shapes or candidate.reading.instance is not None or not candidate.inputs:
        return candidate
    known = said(candidate)
    numbers = shows_scalars(candidate, known)
    doubts = {n: f"right if `{n}` is a number; the forward repeats arrays, too" for n in known.summed}
    candidate = candidate.read(said=known, numbers=numbers, doubts=doubts)
    open_ = [n for n in candidate.inputs[1:] if n not in known.ranks and kind_of(n, candidate.inputs) != "operand"]
    settled = candidate.inputs[0] in known.ranks or not known.ranks
    if candidate.kind != "layer" or (settled and not open_) or (named is not None and named.family != "ops"):
        return candidate
    return _stated(candidate, known, open_, read)


def _stated(candidate: Candidate, known: Said, names: list[str], read: Read) -> Candidate:
    """The candidate with the shapes that its backward gives to the arrays that nothing else is known of.

    The number of axes of a gradient is what the author says of its array, where the forward runs with such a one. The
    gradient of a parameter that has all the axes of the input is one that was not summed, and says nothing.
    """
    subject = read(candidate, None)
    if subject is None:
        return candidate
    layout, given = subject.layout, given_shapes(subject)
    first = candidate.inputs[0]
    if first in given and not _same_axes(given[first], subject, first):
        return candidate  # it ran with what it is not written for
    whole = len(layout[candidate.inputs[0]].dims)
    ranks, axes, doubts = (
        {candidate.inputs[0]: whole, **known.ranks},
        dict(known.axes),
        dict(candidate.reading.doubts),
    )
    for name in names:
        kind, entry, shape = kind_of(name, candidate.inputs), layout[name], given.get(name)
        ranks[name] = len(entry.dims)
        axes[name] = entry.dims
        if shape is None:
            continue
        if not _same_axes(shape, subject, name) and not (kind == "parameter" and len(shape) >= whole):
            other = _read_as(candidate, read, layout, name, _axes_of(shape, subject))
            if other is not None and _same_axes(given_shapes(other).get(name), other, name):
                ranks[name], axes[name] = len(other.layout[name].dims), other.layout[name].dims
        elif kind == "open" and len(entry.dims) == whole > 1:
            other = _read_as(candidate, read, layout, name, layout[candidate.inputs[0]].dims[-1:])
            if other is not None and not _same_axes(given_shapes(other).get(name), other, name):
                doubts[name] = (
                    f"right if `{name}` has the shape of `{candidate.inputs[0]}`; wrong if it is one number a feature"
                )
    settled = dataclasses.replace(known, ranks=ranks, axes=axes)
    return candidate.read(said=settled, doubts=doubts)


def given_shapes(subject: Subject) -> dict[str, tuple[int, ...]]:
    """The shapes of the gradients that a backward gives in a generic case."""
    return {n: g.shape for n, g in given_gradients(subject).items()}


def given_gradients(subject: Subject) -> dict[str, Array]:
    """The gradients that a backward gives in a generic case; none where it raises."""
    case = subject.sample(7, generic_sizes(subject.layout, None, None))
    try:
        with frozen(case.seed):
            tape = subject.caller.forward(case.arrays)
            dy = np.random.default_rng(3).standard_normal(np.shape(tape.output))
            given = tape.backward(dy if np.ndim(dy) else float(dy))
    except (Unbindable, UserCodeRaised):
        return {}
    return {n: a for n, g in given.items() if (a := numeric(g)) is not None}


def _same_axes(shape: tuple[int, ...] | None, subject: Subject, name: str) -> bool:
    """Whether a gradient has the shape of its array, but for axes of one."""
    mine = subject.layout[name].shape(generic_sizes(subject.layout, None, None))
    return shape is not None and [s for s in shape if s > 1] == [s for s in mine if s > 1]


def _axes_of(shape: tuple[int, ...], subject: Subject) -> tuple[str, ...]:
    """The names of the axes that have these sizes in a generic case."""
    names = {size: name for name, size in generic_sizes(subject.layout, None, None).items()}
    return tuple(names.get(size, str(size)) for size in shape)


def _read_as(candidate: Candidate, read: Read, layout: Layout, name: str, dims: tuple[str, ...]) -> Subject | None:
    """The candidate with other axes of one array, where it runs so."""
    axes = tuple((d,) for d in dims)
    inputs = tuple(dataclasses.replace(e, axes=axes) if e.name == name else e for e in layout.inputs)
    return read(candidate, dataclasses.replace(layout, inputs=inputs))
