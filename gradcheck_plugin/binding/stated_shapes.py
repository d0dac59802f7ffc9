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
    gradient of a parameter that has all the axes of the input is one that was not summed, and says nothing. What was in
    doubt when the shapes were read stays so: that they were read is no more evidence than there was.
    """
    subject = read(candidate, None)
    if subject is None:
        return candidate
    layout, given = subject.layout, given_shapes(subject)
    first = candidate.inputs[0]
    if first in given and not _same_axes(given[first], subject, first):
        return _of_one_output(candidate, known, layout, read)  # it ran with what it is not written for
    whole = len(layout[candidate.inputs[0]].dims)
    ranks, axes, doubts = (
        {candidate.inputs[0]: whole, **known.ranks},
        dict(known.axes),
        {**subject.doubts, **candidate.reading.doubts},
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
                if not shape and _goes_with_a_matrix(layout, name):
                    doubts[name] = f"right if `{name}` is one number; wrong if it has one entry a feature"
        elif kind == "open" and len(entry.dims) == whole > 1:
            other = _read_as(candidate, read, layout, name, layout[candidate.inputs[0]].dims[-1:])
            if other is not None and not _same_axes(given_shapes(other).get(name), other, name):
                doubts[name] = (
                    f"right if `{name}` has the shape of `{candidate.inputs[0]}`; wrong if it is one number a feature"
                )
    settled = dataclasses.replace(known, ranks=ranks, axes=axes)
    return candidate.read(said=settled, doubts=doubts)


def _of_one_output(candidate: Candidate, known: Said, layout: Layout, read: Read) -> Candidate:
    """The candidate with a vector for a matrix, and a number for a vector, where all of its gradients are for those.

    `X @ w + b` takes weights for many outputs as well as for one; `np.outer(dout, w)` is for one.
    """
    first, *others = layout.entries
    extra = {d for e in others for d in e.dims} - {*first.dims}
    if not extra or layout.params or not any(len(e.dims) == 2 for e in others):
        return candidate
    fewer = {e.name: tuple(d for d in e.dims if d not in extra) for e in others}
    axes = {n: tuple((d,) for d in dims) for n, dims in fewer.items()}
    inputs = (first, *(dataclasses.replace(e, axes=axes[e.name]) for e in others))
    subject = read(candidate, dataclasses.replace(layout, inputs=inputs))
    given = given_shapes(subject) if subject is not None else {}
    if subject is None or not given or not all(_same_axes(given.get(n), subject, n) for n in subject.judged):
        return candidate
    ranks = {first.name: len(first.dims), **{n: len(dims) for n, dims in fewer.items()}}
    settled = dataclasses.replace(known, ranks={**ranks, **known.ranks}, axes={**fewer, **known.axes})
    return candidate.read(said=settled)


def _goes_with_a_matrix(layout: Layout, name: str) -> bool:
    """Whether a vector has the axis of a matrix beside it, as a bias has that of its weights.

    Then the sum of everything is the gradient of a number that nobody has there, and of a bias a mistake.
    """
    dims, first = layout[name].dims, layout.inputs[0].name
    others = [e for e in layout.entries if e.name not in (name, first)]
    return len(dims) == 1 and any(len(e.dims) == 2 and dims[0] in e.dims for e in others)


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
