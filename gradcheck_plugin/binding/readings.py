"""The layouts of a reference in the order in which they are tried: what the author states comes first."""

from __future__ import annotations

import dataclasses
import inspect
import itertools
from collections.abc import Iterator

from gradcheck_plugin.author.said import Said
from gradcheck_plugin.author.signature import Signature, arguments
from gradcheck_plugin.binding import author_shapes
from gradcheck_plugin.binding.fit import defaults
from gradcheck_plugin.conventions.base import Candidate
from gradcheck_plugin.names.aliases import spec_named
from gradcheck_plugin.objects.constructor import option_of
from reference_impls.shapes import Entry, Layout
from reference_impls.spec import LayerSpec, Variant


def with_own_defaults(
    candidate: Candidate, spec: LayerSpec, kinds: type | tuple[type, ...] = int
) -> list[tuple[Variant, Layout]]:
    """The variants of a reference with the numbers that the author has as defaults for its options."""
    options, written = defaults(spec), arguments_of(candidate).defaults
    own = {o: v for n, v in written.items() if isinstance(v, kinds) and (o := option_of(n, options))}
    found: list[tuple[Variant, Layout]] = []
    for variant, layout in spec.layouts() if own else ():
        note = ", ".join(f"{n} {v}" for n, v in own.items())
        mine = dataclasses.replace(variant, options={**variant.options, **own}, note=note)
        if (mine, layout) not in found:
            found.append((mine, layout))
    return found


def arguments_of(candidate: Candidate) -> Signature:
    """The arguments of a constructor, or of a function."""
    cls = candidate.objects.get("class")
    maker = cls.__init__ if cls is not None else candidate.objects.get("forward") or candidate.objects.get("function")
    return arguments(maker, method=cls is not None) if inspect.isroutine(maker) else Signature((), {})


def as_stated(
    candidate: Candidate, spec: LayerSpec, layouts: list[tuple[Variant, Layout]]
) -> list[tuple[Variant, Layout]]:
    """The layouts whose arrays have as many axes as the author says; a reference that the name promises has its own."""
    known: Said | None = candidate.reading.said
    if known is None:
        return layouts
    by_name = spec_named(candidate.name, candidate.kind) is spec
    if not candidate.reading.numbers and not (by_name and not any(e.dims for e in spec.layout.entries)):
        layouts = [(v, l) for v, l in layouts if any(e.dims for e in l.entries) or not l.entries]
    if candidate.kind != "layer" or (spec.family != "ops" and by_name):
        return layouts
    fitting = [(v, l) for v, l in layouts if _of_ranks(candidate, l, known)]
    return [(dataclasses.replace(v, incidental=False) if known.ranks else v, l) for v, l in fitting]


def stated_first(
    candidate: Candidate, spec: LayerSpec, layouts: list[tuple[Variant, Layout]]
) -> Iterator[list[tuple[Variant, Layout]]]:
    """The layouts in groups: first those whose arrays have the axes that the code states, then others that it takes.

    `x[:, None]` is written for a vector, mostly; it takes arrays of more axes, too.
    """
    meant = as_stated(candidate, spec, layouts)
    turned = Said(matrices=author_shapes.turned(candidate))
    known: Said | None = candidate.reading.said
    if candidate.kind == "layer":
        yield meant if known is not None else [pair for pair in meant if _of_ranks(candidate, pair[1], turned)]
        if (freer := _with_fewer_ranks(candidate)) is not None:
            yield [pair for pair in as_stated(candidate.read(said=freer), spec, layouts) if pair not in meant]
        return
    layouts = [pair for pair in meant if _of_ranks(candidate, pair[1], turned)]
    ranks = author_shapes.stated_ranks(candidate)
    stated = [pair for pair in layouts if _of_ranks(candidate, pair[1], Said(ranks=ranks))]
    yield from filter(None, (stated, [pair for pair in layouts if pair not in stated]))


def _with_fewer_ranks(candidate: Candidate) -> Said | None:
    """What is said of a layer, without the ranks of what it indexes; None where that is all that is said."""
    known: Said | None = candidate.reading.said
    indexed = author_shapes.indexed(candidate) if known is not None and known.ranks else set()
    if known is None or not indexed:
        return None
    return dataclasses.replace(
        known, ranks={n: r for n, r in known.ranks.items() if n not in indexed or n in known.axes}
    )


def said_of_ranks(candidate: Candidate) -> list[Said]:
    """What may be said of the ranks of arrays: a layout is tried where one of these holds."""
    known: Said | None = candidate.reading.said
    if candidate.kind != "layer" or known is None:
        return [Said(matrices=author_shapes.turned(candidate))]
    freer = _with_fewer_ranks(candidate)
    return [known] if freer is None else [known, freer]


def is_tried(candidate: Candidate, layout: Layout, ranks: list[Said]) -> bool:
    """Whether a layout is among those of `stated_first`, for a reference that the name does not promise."""
    only_numbers = bool(layout.entries) and not any(e.dims for e in layout.entries)
    if only_numbers and candidate.reading.said is not None and not candidate.reading.numbers:
        return False
    return any(_of_ranks(candidate, layout, known) for known in ranks)


def _of_ranks(candidate: Candidate, layout: Layout, known: Said) -> bool:
    """Whether the arrays of a layout have as many axes as is said: two or more where they are turned."""
    whole = len(layout.entries) == len(candidate.inputs)
    orders = [layout.entries if whole else layout.inputs]
    if whole and layout.params and candidate.kind != "layer":  # a function may take its weights first
        orders.append((*layout.params, *layout.inputs))
    return any(all(_is_of_rank(n, e, known) for n, e in zip(candidate.inputs, o, strict=False)) for o in orders)


def _is_of_rank(name: str, entry: Entry, known: Said) -> bool:
    rank = len(entry.dims)
    if name in known.matrices and rank < 2:
        return False
    return known.ranks.get(name, rank) in (rank, len([d for d in entry.dims if d != "1"]))


# arrays of references that not everybody has: where the user's code has none they are zero. One group of each row
_NOT_EVERYWHERE = ((("c0",), ("h0", "c0")), (("bh",), ("brh", "bzh", "bnh"), ("bq", "bk", "bv", "bo")), (("mask",),))


def layouts_of(spec: LayerSpec) -> Iterator[list[tuple[Variant, Layout]]]:
    """The layouts of a reference: whole, then without initial states, second biases, a mask, or several of these.

    A loss may be made with what is neither its prediction nor its labels, such as weights of classes.
    """
    names = {e.name for e in spec.layout.entries if e.domain == "real"}
    groups = [[frozenset(), *(frozenset(names.intersection(group)) for group in kind)] for kind in _NOT_EVERYWHERE]
    for left_out in dict.fromkeys(frozenset().union(*groups) for groups in itertools.product(*groups)):
        yield [(variant, _without(layout, left_out)) for variant, layout in spec.layouts()]
    if spec.kind == "loss" and len(spec.layout.inputs) > 2 and not spec.layout.params:
        pairs = ((variant, layout, layout.inputs) for variant, layout in spec.layouts())
        yield [(v, dataclasses.replace(l, inputs=given[:2], params=given[2:])) for v, l, given in pairs]


def _without(layout: Layout, names: frozenset[str]) -> Layout:
    inputs, params = (tuple(e for e in part if e.name not in names) for part in (layout.inputs, layout.params))
    return dataclasses.replace(layout, inputs=inputs, params=params)
