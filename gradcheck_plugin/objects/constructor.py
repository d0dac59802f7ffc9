"""Arguments for the constructor of an object that nobody prepared: arrays, sizes and settings, told by their names."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

import numpy as np

from gradcheck_plugin.author.reasons import ANNOTATION, BODY, CALL, DEFAULT, NAME, REST
from gradcheck_plugin.author.signature import Signature
from gradcheck_plugin.model import Array, Unbindable
from gradcheck_plugin.names.settings import (
    FILTERS,
    HIDDEN_SIZE,
    IN_SHAPES,
    IN_SIZE,
    INDEX_TO_WORD,
    INITIALISERS,
    KEEPS_AXES,
    KERNEL,
    MODEL_SIZE,
    OPTION_NAMES,
    OUT_SHAPES,
    OUT_SIZE,
    PAIRS,
    SETTINGS,
    SIZES,
    SLOPE,
    WORD_SIZE,
    WORD_TO_INDEX,
    WORDS,
)
from gradcheck_plugin.objects.argument import Argument, Plan
from gradcheck_plugin.objects.argument_evidence import Evidence, may_be_array
from gradcheck_plugin.objects.drawn_sizes import HIDDEN, IN, hidden_size
from gradcheck_plugin.objects.made_by_author import Made
from gradcheck_plugin.objects.neighbours import made
from gradcheck_plugin.objects.state import same
from gradcheck_plugin.running.calls import private
from reference_impls.shapes import Layout

IMAGE = ("7", "9")  # height and width of images for layers that no reference knows
EVEN_IMAGE = ("06", "012")  # for those that cut an image into equal parts; no size of features is written so
DATA_SETS = ("28", "32")  # the sides of those of MNIST and of CIFAR
_ARRAY_LIKE = (bool, int, float, list, tuple)
_VOCABULARY = {word: i for i, word in enumerate(("<NULL>", "<START>", "<END>", "<UNK>", "a", "b", "c"))}  # as V


def option_of(name: str, options: Mapping[str, Any]) -> str | None:
    """The option of a reference that an argument stands for, under another name or its own; there it is a number."""
    low = name.lower()
    other = (o for o, group in OPTION_NAMES.items() if low in group and o in options)
    return next(other, low if isinstance(options.get(low), int | float) else None)


def plan_arguments(
    signature: Signature,
    layout: Layout,
    options: Mapping[str, Any],
    owner: str,
    written: Callable[[], Mapping[str, Any]] = dict,
    drawn: Mapping[str, str] | None = None,
    shown: Mapping[str, str] | None = None,
    trained: Collection[str] = (),
    sizes: Mapping[str, int] | None = None,
    evidence: Mapping[str, Evidence] | None = None,
) -> dict[str, Argument]:
    """What every constructor argument gets, and what says so.

    `written` gives what the author's own calls have, `drawn` which sizes of a network go in and come out, by the arrays
    that it draws, `shown` which axes of the parameters are arguments; of what is `trained` the object leaves gradients:
    that is no setting; `sizes` are of arguments of which only that is known; `evidence` is what kind of thing each is,
    before its name is asked.

    Raises Unbindable that names the first argument nobody can fill.
    """
    plan: dict[str, Argument] = {}
    known_kinds = evidence or {}
    free = [e.name for e in layout.params]
    unfilled = []
    slopes = len(signature.required) == 2 and any(map(SLOPE.fits, signature.required))
    table = _table(signature, layout)
    lone = bool(layout.inputs) and not any(IN_SIZE.fits(n) for n in signature.required)
    for name in signature.names:
        hit = next((p for p in free if same(name, p)), None)
        if hit and signature.defaults.get(name) is None and may_be_array(known_kinds.get(name)):
            plan[name] = Argument("array", hit)
            free.remove(hit)
            continue
        if name.lower() in OUT_SHAPES and layout.inputs and "Y" in layout.output.dims:
            plan[name] = Argument("flat", layout.inputs[0].name)
            continue
        if slopes:
            plan[name] = Argument("value", _tanh_slope if SLOPE.fits(name) else np.tanh)
            continue
        if name.lower() == "convolution_shape" and layout.inputs and len(layout.inputs[0].dims) == 4:
            plan[name] = Argument("window", layout.inputs[0].name)
            continue
        default = signature.defaults.get(name)
        if shown and name in shown and (default is None or _is_size(default)):
            plan[name] = Argument("size", shown[name], BODY)
            continue
        if free and name in trained and default is None:
            unfilled.append(name)
            continue
        if layout.inputs and (
            (name.lower() in IN_SHAPES and default is None) or _is_image_shape(name, default, layout)
        ):
            plan[name] = Argument("shape", layout.inputs[0].name)
            continue
        if isinstance(default, dict) and _kernel(layout):  # conv_param={"filter_num": 30, "filter_size": 5, ...}
            inner = plan_arguments(Signature(tuple(default), default), layout, options, owner)
            whole = {k: a for k, a in inner.items() if str(a.what).isdigit()}
            known = {k: a.what if a.kind == "value" else int(a.what) for k, a in whole.items()}
            plan[name] = Argument("value", {**default, **known}, DEFAULT)
            continue
        if name.lower() in KEEPS_AXES and name in signature.required:
            plan[name] = Argument(
                "value", bool(layout.inputs) and len(layout.output.dims) == len(layout.inputs[0].dims)
            )
            continue
        if (own_size := _drawn_size(name, drawn or {}, layout, default)) is not None:
            plan[name] = own_size
            continue
        if table and _is_size(signature.defaults.get(name, 2)) and (axis := _of_table(name, table)) is not None:
            plan[name] = Argument("size", axis)
            continue
        option = option_of(name, options)
        if option and not (isinstance(default, str) and not isinstance(options[option], str)):
            plan[name] = Argument("value", options[option])
        elif PAIRS.get(name.lower()) in options:
            plan[name] = Argument("value", (options[PAIRS[name.lower()]],) * 2)
        elif name.lower() in KERNEL and (side := _kernel(layout)):
            plan[name] = Argument("value", side)
        elif (
            lone
            and OUT_SIZE.fits(name)
            and layout.output.dims == ("Y",)
            and (own := _features(layout.inputs[0].dims, layout))
        ):
            plan[name] = Argument("size", own)  # the only size is that of the features
        elif name.lower() == "size" and name in signature.defaults and not layout.params:
            continue  # of a window: what holds no array has no other
        elif (size := _size(name, layout)) is not None and _is_size(signature.defaults.get(name, 2)):
            plan[name] = Argument("size", size)
        elif WORDS.fits(name) and _is_size(signature.defaults.get(name, 2)):
            plan[name] = Argument("size", "V") if "V" in layout.dims() else Argument("value", 7)
        elif WORD_SIZE.fits(name) and _is_size(signature.defaults.get(name, 2)):
            same_as_hidden = any(HIDDEN_SIZE.fits(n) and d == default for n, d in signature.defaults.items())
            plan[name] = Argument(
                "value", 6 if default is not None and same_as_hidden else 4
            )  # tied weights need one size
        elif HIDDEN_SIZE.fits(name) and isinstance(default, tuple | list) and not default:
            plan[name] = Argument("value", [6, 7])  # of how many hidden layers there are, none is nothing to check
        elif HIDDEN_SIZE.fits(name) and type(default) is int and default > 32:
            plan[name] = Argument("value", 6)  # nothing is gained by a wide layer
        elif name.lower() == "window_size" and "corpus" in signature.names:
            plan[name] = Argument("value", 1)  # words on either side, not the width of a kernel
        elif name in signature.defaults:
            continue  # what the author leaves at zero is not there
        elif name.lower() in SIZES:
            plan[name] = Argument("value", [3, 6, 5])  # the features of a generic case, one hidden layer, the outputs
        elif name.lower() in SETTINGS:
            plan[name] = Argument("value", SETTINGS[name.lower()])
        elif HIDDEN_SIZE.fits(name):
            plan[name] = Argument("value", 6)
        elif name.lower() == "corpus":
            plan[name] = Argument("value", np.arange(42) % 7)
        elif WORD_TO_INDEX.fits(name):
            plan[name] = Argument("value", _VOCABULARY)
        elif INDEX_TO_WORD.fits(name):
            plan[name] = Argument("value", {i: word for word, i in _VOCABULARY.items()})
        elif INITIALISERS.fits(name):
            plan[name] = Argument("value", _initial)
        else:
            unfilled.append(name)
    for name in [n for n, a in plan.items() if n in known_kinds and a.by == NAME]:
        if known_kinds[name].denies(plan[name], option_of(name, options) is not None):
            dropped = plan.pop(name)
            free += [dropped.what] if dropped.kind == "array" else []
            unfilled += [name] if name in signature.required else []
    if unfilled:
        may_be_arrays = all(may_be_array(known_kinds.get(n)) for n in unfilled)
        arrays = len(unfilled) == len(free) and may_be_arrays  # which the author may give as numbers
        known = {n: v for n, v in written().items() if n in unfilled and not (arrays and isinstance(v, _ARRAY_LIKE))}
        for name, value in known.items():
            by = known_kinds[name].by if name in known_kinds else CALL
            plan[name] = Argument("made" if isinstance(value, Made) else "written", value, by)
        stated = {n: e for n, e in known_kinds.items() if n in unfilled and n not in known and e.by == ANNOTATION}
        plan |= {n: Argument("value", e.values[0], ANNOTATION) for n, e in stated.items() if e.values}
        plan |= {n: Argument("value", True, ANNOTATION) for n, e in stated.items() if e.kind == "flag"}
        unfilled = [n for n in unfilled if n not in plan]
        plan |= {n: Argument("value", s, BODY) for n, s in (sizes or {}).items() if n in unfilled}
        unfilled = [n for n in unfilled if n not in plan]
        if unfilled and len(unfilled) == len(free) and may_be_arrays:
            plan.update({name: Argument("array", p, REST) for name, p in zip(unfilled, free, strict=True)})
            unfilled = []
    if unfilled:
        raise Unbindable(f"{owner} cannot be constructed: nothing is known about its argument `{unfilled[0]}`")
    return {
        n: _of_the_kind(n, a, signature, written, known_kinds.get(n)) if a.kind == "value" else a
        for n, a in plan.items()
    }


def _of_the_kind(
    name: str,
    ours: Argument,
    signature: Signature,
    written: Callable[[], Mapping[str, Any]],
    evidence: Evidence | None,
) -> Argument:
    """A value of ours in the form that the author's default has, or the author's calls: a pair for a pair.

    Where ours is nothing at all, the author's is taken.
    """
    value = ours.what
    if not isinstance(value, int | float | None) or isinstance(value, bool):
        return ours
    author = signature.defaults[name] if name in signature.defaults else written().get(name)
    if evidence is not None and evidence.kind == "several" and evidence.values and author is None:
        author = evidence.values[0]
    by = DEFAULT if name in signature.defaults else CALL
    if value is None:
        return ours if isinstance(author, Made) or author is None else Argument("value", author, by)
    if isinstance(author, tuple | list) and author and all(isinstance(a, int | float) for a in author):
        return Argument("value", type(author)([value] * len(author)), ours.by)
    return ours


def filled(plan: Plan, arrays: Mapping[str, Array], sizes: Mapping[str, int], layout: Layout) -> dict[str, Any]:
    """The constructor's arguments for the arrays of a case."""
    values: dict[str, Any] = made({argument: a.what for argument, a in plan.items() if a.kind == "object"})
    for argument, known in plan.items():
        kind, what = known.kind, known.what
        if kind != "object":
            values[argument] = what
        if kind == "made":
            values[argument] = what.make()
        elif kind == "array":
            values[argument] = private(np.asarray(arrays[what]))
        elif kind == "size":
            values[argument] = int(what) if what.isdigit() else sizes.get(what, 5)  # an axis that no array shows
        elif kind == "window":
            values[argument] = (np.shape(arrays[what])[1], 3, 3)
        elif kind == "flat":
            values[argument] = (int(np.size(arrays[what])), 1)
        elif kind == "shape":
            shape = np.shape(arrays[what])
            values[argument] = shape[1:] if layout[what].dims[:1] == ("N",) else shape
    return values


def _is_image_shape(name: str, default: Any, layout: Layout) -> bool:
    """Whether an argument is the shape of one image, for a network that is built for one."""
    tuples = isinstance(default, tuple) and name.lower() in (*IN_SHAPES, "input_dim", "input_size")
    return tuples and len(default) + 1 == len(layout.inputs[0].dims)


def _kernel(layout: Layout) -> int:
    """The side of the kernels of the first convolution among the parameters, where they are square; else 0."""
    sides = next(([d for d in e.dims if d.isdigit()][-2:] for e in layout.params if len(e.dims) in (3, 4)), [])
    return int(sides[0]) if sides and len({int(d) for d in sides}) == 1 else 0


def _tanh_slope(x: Array) -> Array:
    return np.asarray(1 - np.tanh(x) ** 2)


def _initial(*shape: Any) -> Array:
    flat = shape[0] if len(shape) == 1 and isinstance(shape[0], tuple) else shape
    return np.random.standard_normal(tuple(int(s) for s in flat))


def _drawn_size(name: str, drawn: Mapping[str, str], layout: Layout, default: Any) -> Argument | None:
    """What a size of a network is, where the arrays that its constructor draws show that; its labels come last."""
    if name not in drawn or layout.output.dims or len(layout.inputs) < 2 or not (default is None or _is_size(default)):
        return None
    if drawn[name] == HIDDEN:
        return (
            Argument("size", "H", BODY) if "H" in layout.dims() else Argument("value", hidden_size(drawn, name), BODY)
        )
    size = _size("input_size" if drawn[name] == IN else "output_size", layout)
    return None if size is None else Argument("size", size, BODY)


def _is_size(default: Any) -> bool:
    """Whether a default can be a size that ours may replace."""
    return isinstance(default, int) and not isinstance(default, bool) and default > 1


def _table(signature: Signature, layout: Layout) -> tuple[str, str] | None:
    """The axes of a table with a row for each word, where what goes in are words and an argument counts them."""
    if not layout.inputs or not layout.params or not any(WORDS.fits(n) for n in signature.names):
        return None
    first, dims = layout.inputs[0], layout.params[0].dims
    words = first.classes or (first.dims[-1] if first.domain == "onehot" and first.dims else "")
    return (dims[0], dims[1]) if len(dims) == 2 and words and dims[0] == words and not words.isdigit() else None


def _of_table(name: str, table: tuple[str, str]) -> str | None:
    """The axis of a table that an argument is the size of: how many words, or how long the row of each is."""
    low = name.lower()
    if WORDS.fits(low):
        return table[0]
    return table[1] if any(p.fits(low) for p in (IN_SIZE, WORD_SIZE, OUT_SIZE, HIDDEN_SIZE)) else None


def _size(name: str, layout: Layout) -> str | None:
    low = name.strip("_").lower().replace("_of_", "_")
    if HIDDEN_SIZE.fits(low) and "H" in layout.dims():
        return "H"
    if HIDDEN_SIZE.fits(low) and layout.output.dims and any(e.name == "Wh" for e in layout.params):
        return next((e.dims[-1] for e in layout.inputs if e.name in ("h", "h0")), layout.output.dims[-1])
    weights = [e.dims for e in layout.params[:1] if len(e.dims) > 2]  # of a convolution, which has channels
    if IN_SIZE.fits(low) or low in MODEL_SIZE:
        if layout.inputs and layout.inputs[0].domain == "label":
            return layout.inputs[0].classes  # what goes in is one of so many words
        shared = [d for dims in weights for d in dims if layout.inputs and d in layout.inputs[0].dims]
        return shared[0] if shared else _features(layout.inputs[0].dims, layout) if layout.inputs else None
    if weights and FILTERS.fits(low) and not layout.output.dims:
        return weights[0][0]
    if OUT_SIZE.fits(low) and low not in SETTINGS:
        shared = [d for dims in weights for d in dims if d in layout.output.dims and not d.isdigit()]
        if shared:
            return shared[0]
        labels = layout.inputs[-1] if layout.inputs else None
        told = (labels.classes or _features(labels.dims, layout)) if labels else None
        if layout.output.dims or (layout.params and not (told and len(layout.inputs) > 1)):
            return _features(layout.output.dims or layout.params[-1].dims, layout)
        return told
    return None


def _features(dims: tuple[str, ...], layout: Layout) -> str | None:
    """The axis of features: the channels of an image, else the last that is not the batch."""
    named = [d for d in dims if d not in ("N", "1")]
    image = (*IMAGE, *EVEN_IMAGE, *DATA_SETS, *(("H", "W") if {"H", "W"} <= set(named) else ()))
    channels = [d for d in named if d not in image]
    return channels[0] if len(named) > 1 and len(channels) == 1 else named[-1] if named else None


def axis_sizes(layout: Layout, arrays: Mapping[str, Array]) -> dict[str, int]:
    """The size of every axis, read off the arrays."""
    sizes: dict[str, int] = {}
    for entry in layout.entries:
        shape = np.shape(arrays[entry.name])
        if len(shape) == len(entry.dims):  # a further layout of the same input may have more axes
            sizes.update(zip(entry.dims, shape, strict=True))
    return sizes
