"""Operations of an engine: subclasses of its Function class, methods and operators of its tensors, small graphs.

Each knows its operands, the shapes to try, how it is called, and the source text of that call. Arguments that are no
tensors (an axis, a shape, an index) get a plausible value, told by their names.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from gradcheck_plugin.submission.calls import Unbindable
from gradcheck_plugin.submission.constructor import OPTION_NAMES, SETTINGS
from gradcheck_plugin.submission.engine import Engine
from gradcheck_plugin.submission.signature import Signature, arguments

CONSTANT = 1.5
BINARY: dict[str, tuple[Callable[[Any, Any], Any], str]] = {
    "add": (operator.add, "+"), "sub": (operator.sub, "-"), "mul": (operator.mul, "*"),
    "truediv": (operator.truediv, "/"), "matmul": (operator.matmul, "@"), "pow": (operator.pow, "**"),
}  # fmt: skip
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
        if option in options and low in group:
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
        return [f"{first}: N D{domain}, {rest[0]}: N D{domain} -> Y"]
    return [f"{first}: N D{domain} -> Y"] if domain and not rest else []


@dataclass(eq=False)
class Op:
    """One operation. `feed` is how its upstream gradient is given, once that is known; `form` how it is called."""

    name: str
    operands: tuple[str, ...]
    feed: Any = None
    form: str = ""
    axis: str = ""  # an argument for an axis that is None by default: given where a reference has one
    axes: str = ""  # one for several of them
    cause: str = ""  # the code of the one fault that can make its gradient wrong

    @property
    def shapes(self) -> list[str]:
        return shapes_for(self.name, self.operands)

    def run(self, engine: Engine, tensors: Sequence[Any], options: Mapping[str, Any]) -> tuple[Any, Any]:
        """The output, and the node that knows the way back where it is an object of its own."""
        raise NotImplementedError

    @property
    def classes(self) -> tuple[Any, ...]:
        """The user's classes, other than that of the tensors, that its source names."""
        return ()

    def source(self, names: Sequence[str]) -> list[str]:
        """Lines that compute `out` from tensors of these names; [] where they cannot be written down."""
        return []


@dataclass(eq=False)
class FunctionOp(Op):
    """A subclass of the engine's Function: an object that is called, or a class with `apply`."""

    cls: Any = None
    runner: str = "__call__"
    built: tuple[str, ...] = ()  # arguments of the constructor
    order: tuple[str, ...] = ()  # all arguments of the forward
    gathered: str = ""  # how one argument gets all operands: as a "list", or "packed" by another operation
    packer: Any = None  # the class of the operation that packs tensors
    any_number: bool = False  # whether the forward is written for any number of tensors
    written: str = field(default="", init=False)

    @property
    def classes(self) -> tuple[Any, ...]:
        return (self.cls,)

    def run(self, engine: Engine, tensors: Sequence[Any], options: Mapping[str, Any]) -> tuple[Any, Any]:
        shape = np.shape(engine.numbers(tensors[0]))
        given = dict(zip(self.operands, tensors, strict=True))
        if self.gathered:
            given = {self.argument: self.gather(tensors)}
        names = (*self.built, *self.order, *([self.axis] if self.axis and "axis" in options else []))
        values = self.constants(engine)
        values |= {n: setting(n, self.cls.__name__, shape, options) for n in names if n not in (*given, *values)}
        if self.runner == "__call__":
            built = {n: v for n, v in values.items() if n in (*self.built, self.axis)}
            node = self.cls(**built)
            settings = ", ".join(f"{n}={v!r}" for n, v in built.items())
            flags = [f"{n}={v}" for n, v in self.folding.items()]
            self.written = f"{self.cls.__name__}({settings})({', '.join([*map(self._text, given), *flags])})"
            return node(*given.values(), **self.folding), node
        return self._applied(engine, given, values), None

    def constants(self, engine: Engine) -> dict[str, Any]:
        """Arguments that are neither operands nor told by their names."""
        return {}

    @property
    def folding(self) -> dict[str, bool]:
        """The flags of a call that would give back an operand without the operation, turned off."""
        own = arguments(self.cls.__call__, method=True).defaults
        return {n: False for n, value in own.items() if n.startswith("fold") and value is True}

    @property
    def argument(self) -> str:
        """The argument that gets all operands, whose names are its own with numbers."""
        return self.operands[0].removesuffix("0")

    def gather(self, tensors: Sequence[Any]) -> Any:
        """Tensors in the form in which the operation takes them."""
        return self.packer()(*tensors) if self.gathered == "packed" else [*tensors]

    def _text(self, argument: str) -> str:
        if not self.gathered:
            return f"{{{argument}}}"
        inner = ", ".join(f"{{{n}}}" for n in self.operands)
        return f"{self.packer.__name__}()({inner})" if self.gathered == "packed" else f"[{inner}]"

    def _applied(self, engine: Engine, given: Mapping[str, Any], values: dict[str, Any]) -> Any:
        """`F.apply`, with settings by their places, as keywords, or as tensors; else the tensors' own method."""
        apply = getattr(self.cls, "apply")  # noqa: B009
        bound = [] if hasattr(apply, "__self__") or _static(self.cls, "apply") else [self.cls]
        faults: list[Exception] = []
        for form in (self.form,) if self.form else ("places", "keywords", "tensors", "method"):
            if form in ("keywords", "tensors") and not values:
                continue
            try:
                if form == "method":
                    out = self._method(given, values)
                elif form == "keywords":
                    out = apply(*bound, *given.values(), **values)
                else:
                    wrap = engine.make if form == "tensors" else _same
                    places = [given[n] if n in given else wrap(values[n]) for n in self._places(values)]
                    out = apply(*bound, *places)
            except Unbindable:
                raise
            except Exception as exc:
                faults.append(exc)
                if isinstance(exc, NotImplementedError):
                    break
                continue
            self.form = form if values or form == "method" else ""
            self.written = self._apply_text(form, values, bool(bound))
            return out
        fault = next((f for f in faults if isinstance(f, NotImplementedError)), faults[0])
        lacks = rf"'{self.cls.__name__}' object has no attribute '(\w+)'"
        if missing := next((m for f in faults if (m := re.search(lacks, str(f)))), None):
            raise Unbindable(f"`apply` needs `{missing[1]}`, which something else sets on `{self.cls.__name__}`")
        raise fault

    def _places(self, values: Mapping[str, Any]) -> tuple[str, ...]:
        return (*self.order, self.axis) if self.axis in values else self.order

    def _method(self, given: Mapping[str, Any], values: Mapping[str, Any]) -> Any:
        first, *rest = given.values()
        low = self.cls.__name__.lower()
        method = getattr(first, low, None) or getattr(first, f"__{low}__", None)
        if method is None:
            raise AttributeError(f"no method {low}")
        return method(*rest, **values)

    def _apply_text(self, form: str, values: Mapping[str, Any], itself: bool) -> str:
        if form not in ("keywords", "places"):
            return ""
        named = [f"{n}={v!r}" for n, v in values.items()] if form == "keywords" else []
        operands = [self.argument] if self.gathered else self.operands
        order = operands if form == "keywords" else self._places(values)
        places = [self._text(n) if n in operands else repr(values[n]) for n in order]
        own = [self.cls.__name__] if itself else []
        return f"{self.cls.__name__}.apply({', '.join([*own, *places, *named])})"

    def source(self, names: Sequence[str]) -> list[str]:
        given = dict(zip(self.operands, names, strict=True))
        text = re.sub(r"[{](\w+)[}]", lambda m: given[m[1]], self.written)
        return [f"out = {text}"] if text else []


def _same(value: Any) -> Any:
    return value


def _static(cls: Any, name: str) -> bool:
    return any(isinstance(vars(c).get(name), staticmethod) for c in cls.__mro__)


@dataclass(eq=False)
class MethodOp(Op):
    """A method or operator of the class of tensors. `number` is the other operand where that is no tensor."""

    method: str = ""
    settings: tuple[str, ...] = ()
    number: float | None = None
    values: tuple[Any, ...] = ()  # of the settings, in the last run
    named: dict[str, Any] = field(default_factory=dict)

    def run(self, engine: Engine, tensors: Sequence[Any], options: Mapping[str, Any]) -> tuple[Any, Any]:
        low = self.method.strip("_")
        if self.method.startswith("__") and (low in BINARY or low[1:] in BINARY):
            both = [*tensors, *([] if self.number is None else [self.number])]
            if low not in BINARY:
                low, both = low[1:], both[::-1]
            return BINARY[low][0](*both), None
        shape = np.shape(engine.numbers(tensors[0]))
        self.values = tuple(setting(n, low, shape, options) for n in self.settings)
        axis = [self.axis] if self.axis and "axis" in options else []
        self.named = {n: setting(n, low, shape, options) for n in axis}
        method = getattr(tensors[0], self.method)
        return method(*tensors[1:], *self.values, **self.named), None

    def source(self, names: Sequence[str]) -> list[str]:
        low = self.method.strip("_")
        both = [*names, *([] if self.number is None else [repr(self.number)])]
        if self.method.startswith("__") and low in BINARY:
            return [f"out = {both[0]} {BINARY[low][1]} {both[1]}"]
        if self.method.startswith("__") and low[1:] in BINARY:
            return [f"out = {both[1]} {BINARY[low[1:]][1]} {both[0]}"]
        if self.method in ("__neg__", "__abs__"):
            return [f"out = -{names[0]}" if low == "neg" else f"out = abs({names[0]})"]
        given = [*names[1:], *map(repr, self.values), *(f"{n}={v!r}" for n, v in self.named.items())]
        return [f"out = {names[0]}.{self.method}({', '.join(given)})"]


def method_op(cls: Any, method: str) -> MethodOp | None:
    """The operation that a method would be, by its name and arguments; None where it can be none."""
    low = method.strip("_")
    try:
        signature = arguments(getattr(cls, method), method=True)
        required = signature.required
    except Unbindable:
        return None
    if method.startswith("__"):
        if low in BINARY:
            other = required[0] if required else "other"
            return MethodOp(low, ("self", other), method=method)
        if low.startswith("r") and low[1:] in BINARY and low != "rmatmul":
            return MethodOp(low, ("self",), method=method, number=CONSTANT)
        return MethodOp(low, ("self",), method=method) if low in ("neg", "abs") else None
    settings = tuple(n for n in required if is_setting(n))
    operands = ("self", *(n for n in required if n not in settings))
    axis = optional_axis(signature)
    return MethodOp(low, operands, axis=axis, method=method, settings=settings) if len(operands) <= 2 else None


def optional_axis(signature: Signature) -> str:
    """The argument for an axis that is None by default, or ""."""
    return next((n for n in ("axis", "dim") if signature.defaults.get(n, "") is None), "")
