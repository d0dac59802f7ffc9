"""Arguments of an engine's operations: the shapes of those that are tensors, and values for those that are none.

An axis, a shape or an index gets a plausible value, told by its name.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from gradcheck_plugin.model import Unbindable
from gradcheck_plugin.names.settings import OPTION_NAMES, SETTINGS

CONSTANT = 1.5
_PATCHES = re.compile(r"col(umn)?s?2im|^fold", re.IGNORECASE)
_IMAGE = (4, 3, 7, 9)  # what patches of 3 x 3 are put together to, with a stride of 2 and a border of 1
_POSITIVE = re.compile(r"log|sqrt|pow|div|inv|recip", re.IGNORECASE)
_MATRIX = re.compile(r"^(matmul|mm|dot|matrix_?multiply|mat_?mul)$", re.IGNORECASE)
_LABELS = re.compile(r"target|label|^t$|^ys?_true$", re.IGNORECASE)
LISTS = re.compile(r"^(args|tensors|arrays|xs|inputs)$")
JOINS = re.compile(r"^[hvd]?stack|concat|^cat$|tuple", re.IGNORECASE)
SPLITS = re.compile(r"^([hvd]?split|chunk|unbind|unstack)", re.IGNORECASE)
_INDICES = re.compile(r"indices|^idx$|index", re.IGNORECASE)
_FIXED: dict[str, Any] = {
    **dict.fromkeys(("keepdims", "keepdim"), False),
    **dict.fromkeys(("c", "power", "exponent", "n", "p"), 3),
    **dict.fromkeys(("scalar", "const", "constant", "k", "factor", "c0", "c1"), CONSTANT),
    **dict.fromkeys(("x_min", "a_min", "min_val", "minimum", "low", "lower", "min_value"), -0.5),
    **dict.fromkeys(("x_max", "a_max", "max_val", "maximum", "high", "upper", "max_value"), 0.8),
    **dict.fromkeys(("slope", "alpha", "negative_slope"), 0.2),
    **dict.fromkeys(("slices", "slice", "indices", "copies", "item"), 0),
    **dict.fromkeys(("chunks", "sections", "num_splits", "n_chunks", "split_size"), 3),
    "copies": 3,
    "dilation": 1,
    "index": 0,
    "to_matrix": True,
}
_AXES = ("axis", "dim", "axes", "dims", "order", "perm", "permutation")
_SHAPES = ("shape", "new_shape", "target_shape", "output_shape", "size", "newshape")
_KNOWN = {*_FIXED, *_AXES, *_SHAPES, "in_shape", "input_shape", "mean", "var", "stride", "strides", "pad", "padding",
          "kernel_size", "eps", "decay", "num_classes"} - {"c", "n", "p", "k", "indices", "index"}  # fmt: skip


def is_target(name: str) -> bool:
    """Whether an operand of a loss is the target, which needs no gradient."""
    return _LABELS.search(name) is not None


def is_setting(name: str) -> bool:
    """Whether an argument of a forward is no tensor: an axis, a shape, an index, a stride."""
    return name.lower() in _KNOWN


def setting(name: str, owner: str, shape: tuple[int, ...], options: Mapping[str, Any]) -> Any:
    """A plausible value of an argument that is no tensor. Raises Unbindable that names it."""
    low, who = name.lower(), owner.lower()
    for option, group in OPTION_NAMES.items():
        if low in group and option in options:
            value = options[option]
            return len(shape) - 1 if option == "axis" and isinstance(value, int) and value >= len(shape) else value
    bound = {"min": "low", "low": "low", "lower": "low", "max": "high", "high": "high", "upper": "high"}
    if (word := next((w for w in bound if w in low), "")) and bound[word] in options:
        return options[bound[word]]
    if low in _AXES:
        if re.search("transpose|permute", who):
            return tuple(reversed(range(len(shape))))
        axis = min(1, len(shape) - 1)
        return (axis,) if low in ("axes", "dims") else axis
    if low in _SHAPES:
        if re.search("broadcast|expand", who):
            return (3, *shape[1:]) if shape[:1] == (1,) else (2, *shape)
        return (1, *shape[1:]) if re.search("sum_?to|unbroadcast", who) else tuple(reversed(shape))
    if low == "in_shape":  # the shape before x[0] was taken
        return (2, *shape)
    if low == "input_shape" and _PATCHES.search(who):
        return _IMAGE
    if low in ("mean", "var"):
        return np.full(shape[-1:] if len(shape) < 4 else shape[1:2], float(low == "var"))
    if low == "index" and "tuple" in who:
        return 1
    if low in _FIXED:
        return _FIXED[low]
    if low in SETTINGS and SETTINGS[low] is not None:
        return SETTINGS[low]
    raise Unbindable(f"{owner} takes `{name}`, and nothing is known about it")


def shapes_for(name: str, operands: Sequence[str]) -> list[str]:
    """The shapes of an operation's operands; [] where those of a layer with such argument names will do."""
    domain = " @positive" if _POSITIVE.search(name) else ""
    first, rest = operands[0], operands[1:]
    if len(rest) == 1 and _LABELS.search(rest[0]) and re.search("entropy|nll|loss", name, re.IGNORECASE):
        labels = ("N @label(D)", "N D @onehot", "N D") if "binary" not in name.lower() else ("N D",)
        return [f"{first}: N D, {rest[0]}: {label} ->" for label in labels]
    if len(rest) == 1 and _INDICES.search(rest[0]):
        return [f"{first}: N D, {rest[0]}: T @label(N) -> Y"]
    if len(rest) == 1 and _MATRIX.match(name):
        return [f"{first}: N D, {rest[0]}: D M -> Y"]
    if len(rest) == 2 and re.search("deconv|conv\\w*transpose", name, re.IGNORECASE):
        return [f"{first}: N C 7 9, {rest[0]}: C F 3 3, {rest[1]}: F -> Y"]
    if len(rest) == 1 and re.search("conv", name, re.IGNORECASE):
        return [f"{first}: N C 7 9, {rest[0]}: F C 3 3 -> Y", f"{first}: N 7 9 C, {rest[0]}: 3 3 C F -> Y",
                f"{first}: N C 7 7, {rest[0]}: F C 3 3 -> Y", f"{first}: N 7 7 C, {rest[0]}: 3 3 C F -> Y",
                f"{first}: N C 9, {rest[0]}: F C 3 -> Y"]  # fmt: skip
    if not rest and _PATCHES.search(name):
        return [f"{first}: 80 27 -> Y", f"{first}: 4 3 3 3 4 5 -> Y"]
    if not rest and SPLITS.match(name):
        return [f"{first}: N 6 -> Y"]
    if not rest and re.search("undilate", name, re.IGNORECASE):
        return [f"{first}: N 4 -> Y"]  # what a dilation by two gives is even
    if not rest and re.search("broadcast|expand", name, re.IGNORECASE):
        return [f"{first}: N D -> Y", f"{first}: 1 D -> Y"]
    if len(rest) == 1 and not re.search("conv|embed|linear|affine", name, re.IGNORECASE):
        second = " @binary" if "mask" in rest[0].lower().split("_") else domain
        return [f"{first}: N D{domain}, {rest[0]}: N D{second} -> Y"]
    return [f"{first}: N D{domain} -> Y"] if domain and not rest else []
