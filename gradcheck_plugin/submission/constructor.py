"""Arguments for the constructor of an object that nobody prepared: arrays, sizes and settings, told by their names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from gradcheck_plugin.model import Array
from gradcheck_plugin.submission.calls import Unbindable, private
from gradcheck_plugin.submission.signature import Signature
from gradcheck_plugin.submission.state import same
from reference_impls.shapes import Layout

IN_SIZE = ("in_features", "input_size", "input_dim", "in_dim", "n_in", "nin", "n_inputs", "num_inputs", "fan_in",
           "in_size", "n_input", "inputs", "input", "d_in", "in_channels", "n_features", "num_features", "size",
           "dim", "features", "in_feature", "ninputs", "insize", "d")  # fmt: skip
OUT_SIZE = ("out_features", "output_size", "output_dim", "out_dim", "n_out", "nout", "n_outputs", "num_outputs",
            "fan_out", "out_size", "n_neurons", "units", "n_units", "num_classes", "n_output", "outputs", "output",
            "d_out", "n_classes", "neurons", "out_feature", "noutputs", "outsize", "classes", "m", "c")  # fmt: skip
HIDDEN_SIZE = ("hidden_size", "hidden_dim", "hidden", "n_hidden", "num_hidden", "hidden_units", "h", "hidden_features")
OPTION_NAMES = {
    "slope": ("slope", "alpha", "negative_slope", "leak", "a"),
    "reg": ("reg", "lam", "lambda_", "weight_decay", "weight_decay_lambda", "l2"),
    "lr": ("lr", "learning_rate", "eta"),
    "axis": ("axis", "dim"),
    "reduction": ("reduction",),
}
_INITIALISERS = ("weight_init_fn", "bias_init_fn", "weight_init", "bias_init", "init_fn")


def plan_arguments(
    signature: Signature, layout: Layout, options: Mapping[str, Any], owner: str
) -> dict[str, tuple[str, Any]]:
    """What every constructor argument gets: ("array", name), ("size", axis) or ("value", constant).

    Raises Unbindable that names the first argument nobody can fill.
    """
    plan: dict[str, tuple[str, Any]] = {}
    free = [e.name for e in layout.params]
    unfilled = []
    for name in signature.names:
        hit = next((p for p in free if same(name, p)), None)
        if hit and signature.defaults.get(name) is None:
            plan[name] = ("array", hit)
            free.remove(hit)
            continue
        option = next((o for o, group in OPTION_NAMES.items() if o in options and name.lower() in group), None)
        if option:
            plan[name] = ("value", options[option])
        elif (size := _size(name, layout)) is not None and _is_size(signature.defaults.get(name, 2)):
            plan[name] = ("size", size)
        elif name in signature.defaults:
            continue
        elif name.lower() in HIDDEN_SIZE:
            plan[name] = ("value", 6)
        elif name.lower() in ("hidden_size_list", "hidden_dims", "hidden_sizes", "hidden_layers"):
            plan[name] = ("value", [6, 7])
        elif name.lower() in _INITIALISERS:
            plan[name] = ("value", _initial)
        else:
            unfilled.append(name)
    if unfilled and len(unfilled) == len(free):
        plan.update({name: ("array", p) for name, p in zip(unfilled, free, strict=True)})
        unfilled = []
    if unfilled:
        raise Unbindable(f"{owner} cannot be constructed: nothing is known about its argument `{unfilled[0]}`")
    return plan


def filled(
    plan: Mapping[str, tuple[str, Any]], arrays: Mapping[str, Array], sizes: Mapping[str, int]
) -> dict[str, Any]:
    """The constructor's arguments for the arrays of a case."""
    values: dict[str, Any] = {}
    for argument, (kind, what) in plan.items():
        values[argument] = what
        if kind == "array":
            values[argument] = private(np.asarray(arrays[what]))
        elif kind == "size":
            values[argument] = int(what) if what.isdigit() else sizes.get(what, 5)  # an axis that no array shows
    return values


def size_source(layout: Layout, axis: str) -> str:
    """Source text for the size of an axis: `W.shape[0]`."""
    for entry in layout.entries:
        if axis in entry.dims:
            return f"{entry.name}.shape[{entry.dims.index(axis)}]"
    return "1"


def _initial(*shape: Any) -> Array:
    flat = shape[0] if len(shape) == 1 and isinstance(shape[0], tuple) else shape
    return np.random.standard_normal(tuple(int(s) for s in flat))


def _is_size(default: Any) -> bool:
    """Whether a default can be a size that ours may replace."""
    return isinstance(default, int) and not isinstance(default, bool) and default > 1


def _size(name: str, layout: Layout) -> str | None:
    low = name.strip("_").lower()
    if low in HIDDEN_SIZE and "H" in layout.dims():
        return "H"
    if low in IN_SIZE:
        return _features(layout.inputs[0].dims, layout) if layout.inputs else None
    if low in OUT_SIZE:
        labels = layout.inputs[-1] if layout.inputs else None
        if layout.output.dims or layout.params:
            return _features(layout.output.dims or layout.params[-1].dims, layout)
        return (labels.classes or _features(labels.dims, layout)) if labels else None
    return None


def _features(dims: tuple[str, ...], layout: Layout) -> str | None:
    """The axis of features: the last that is not the batch."""
    named = [d for d in dims if d not in ("N", "1")]
    return named[-1] if named else None


def axis_sizes(layout: Layout, arrays: Mapping[str, Array]) -> dict[str, int]:
    """The size of every axis, read off the arrays."""
    sizes: dict[str, int] = {}
    for entry in layout.entries:
        shape = np.shape(arrays[entry.name])
        if len(shape) == len(entry.dims):  # a further layout of the same input may have more axes
            sizes.update(zip(entry.dims, shape, strict=True))
    return sizes
