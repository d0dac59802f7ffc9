"""What the arguments of a function are for: arrays, or settings such as `dim=-1` that have a value of their own.

Asked in this order: the annotation, the author's default, the author's own calls, what the body does with the argument,
and last its name. What nothing decides is an array.
"""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gradcheck_plugin.author.own_calls import TENSOR, UNKNOWN, OwnCall, source_tree
from gradcheck_plugin.names.arguments import AXES, DATA, FLAGS, FUNCTIONS, INTEGERS, SCALARS, WITHOUT_VALUE

_BY_AXIS = ("sum", "mean", "prod", "cumsum", "cumprod", "softmax", "log_softmax", "logsumexp", "size", "unsqueeze",
            "squeeze", "argsort", "sort", "transpose", "cat", "stack", "flip", "argmax", "argmin", "std", "var",
            "unbind", "swapaxes", "movedim", "norm", "stride")  # fmt: skip
_BY_SIZE = ("view", "reshape", "expand", "repeat", "chunk", "topk", "unfold", "narrow", "zeros", "ones", "arange",
            "linspace", "eye", "new_zeros", "new_ones", "empty", "range")  # fmt: skip
_BY_INDEX = ("gather", "index_select", "embedding", "nll_loss", "take", "index_add", "scatter", "scatter_", "one_hot",
             "index_add_", "take_along_dim", "cross_entropy", "scatter_add", "scatter_add_")  # fmt: skip
_OF_TENSORS = ("shape", "dtype", "device", "t", "T", "mm", "matmul", "transpose", "view", "reshape", "size", "dim",
               "ndim", "unsqueeze", "expand_as", "clone", "detach", "sum", "abs", "clamp", "exp", "pow", "is_cuda",
               "contiguous", "requires_grad", "new_zeros", "numel", "expand", "float", "to")  # fmt: skip


@dataclass(frozen=True)
class Setting:
    """An argument that is no array: the values that it may have, likeliest first."""

    values: tuple[Any, ...]
    known: bool = False  # whether the author wrote the value down
    option: bool = False  # whether the value of a reference's option of this name goes before these


@dataclass(frozen=True)
class Kinds:
    """What every argument is: its setting, or an array; `doubtful` are arrays that may be left out, or be a number."""

    names: tuple[str, ...]
    settings: Mapping[str, Setting]
    indices: frozenset[str] = frozenset()
    data: frozenset[str] = frozenset()  # arrays that a gradient is not asked for
    doubtful: Mapping[str, Setting] | None = None

    @property
    def arrays(self) -> tuple[str, ...]:
        return tuple(n for n in self.names if n not in self.settings)


def smooth(x: Any) -> Any:
    """A function for an argument that is called as one."""
    return x.tanh() if hasattr(x, "tanh") else x


def kinds(
    function: Callable[..., Any],
    names: Sequence[str],
    calls: Iterable[OwnCall] = (),
    saving: Callable[..., Any] | None = None,
    ungraded: frozenset[str] = frozenset(),
    graded: frozenset[str] = frozenset(),
) -> Kinds:
    """What the arguments `names` of `function` are; `saving` is a second function that is given them all in a tuple.

    `ungraded` are those for which its backward returns no gradient, ever, `graded` those for which it returns one.
    """
    body = _Body(names)
    body.read(source_tree(function))
    if saving is not None:
        body.read(source_tree(saving), unpacked=True)
    written = {n: _annotation(a) for n, a in getattr(function, "__annotations__", {}).items()}
    defaults = {p.name: p.default for p in inspect.signature(function).parameters.values()}
    own = list(calls)
    settings: dict[str, Setting] = {}
    doubtful: dict[str, Setting] = {}
    for position, name in enumerate(names):
        default = defaults.get(name, inspect.Parameter.empty)
        given = [call.argument(position, name) for call in own]
        found = _decided(name, written.get(name, ""), default, given, body, position == 0)
        unused = name in ungraded and name in body.kept and name not in body.saved
        if found is None and unused and not DATA.fits(name) and position:
            found = _number(name)  # torch saves tensors; what is left on ctx, and gets None back, is a number
        tensor = body.tensor(name) or name in graded
        if found is None and position and not tensor:
            found = _by_name(name, names)
        if isinstance(found, Setting):
            settings[name] = found
        elif default is None:
            doubtful[name] = Setting((None,), known=True)
        elif found is None and position and not tensor:
            doubtful[name] = _number(name)
    data = frozenset(n for n in names if DATA.fits(n) and n in ungraded)
    return Kinds(tuple(names), settings, frozenset(body.indices), data, doubtful)


ARRAY = "array"
Found = Setting | str | None


def _decided(name: str, written: str, default: Any, given: list[Any], body: _Body, first: bool) -> Found:
    """What annotation, default, calls and body say, in this order."""
    found = _by_annotation(name, written, body)
    if isinstance(found, Setting) and default is not inspect.Parameter.empty:
        return Setting((default, *(found.values if default is None else ())), known=True)
    if found is not None:
        return found
    if default is not inspect.Parameter.empty and default is not None:
        return Setting((default,), known=True)
    for value in given:
        if value is TENSOR:
            return ARRAY
        if value is not UNKNOWN and value is not None and not first:
            return Setting((value,), known=True)
    if default is None:
        return ARRAY if body.tensor(name) else Setting((None,), known=True)
    if first and name not in body.called:
        return ARRAY
    return body.setting(name)


def _annotation(value: Any) -> str:
    return (
        value if isinstance(value, str) else getattr(value, "__name__", "") if isinstance(value, type) else str(value)
    )


def _by_annotation(name: str, text: str, body: _Body) -> Found:
    """The kind that an annotation names."""
    if re.search(r"Tensor\b|ndarray|\bArray", text):
        return ARRAY
    low = name.lower()
    if re.search(r"\bbool\b", text):
        return Setting((True, False))
    if re.search(r"\bint\b", text):
        many = re.search(r"(list|tuple|sequence|iterable|size)", text.lower())
        return Setting(((2, 2), (2,), (0, 1)) if many else _whole(low).values, option=True)
    if re.search(r"\bfloat\b", text):
        return _number(name)
    if re.search(r"\bstr\b", text):
        return Setting((*body.compared.get(name, ()), "mean", "sum"))
    return Setting((smooth,)) if re.search(r"Callable|Module\b", text) else None


def _number(name: str) -> Setting:
    """A number that is not 1; an eps is small enough to be known as one, and not too small."""
    low = name.lower()
    if low in ("eps", "epsilon", "ε"):
        return Setting((0.05, 1e-6), option=True)
    if re.fullmatch(r"(\w+_)?(min|low|lower|lo)(_\w+)?|[xa]_?min", low):
        return Setting((-0.6, 0.2), option=True)
    if re.fullmatch(r"(\w+_)?(max|high|upper|hi)(_\w+)?|[xa]_?max", low):
        return Setting((0.8, 2.0), option=True)
    return Setting((0.7, 2, 1, 0), option=True)


def _whole(low: str) -> Setting:
    if low in AXES or re.search(r"(^|_)(dim|axis)$", low):
        return Setting((-1, 1, 0), option=True)
    return Setting((2, 1, 3), option=True)


def _by_name(name: str, names: Sequence[str]) -> Setting | None:
    """What a name alone says."""
    low, others = name.lower(), {n.lower() for n in names}
    if low in SCALARS:
        shifts = {"gamma", "weight"} & others
        return None if shifts and low == "beta" else _number(name)  # of a normalisation: an array like its gamma
    if low in AXES and low != "d":
        return _whole(low)
    if low in WITHOUT_VALUE:
        return Setting((None,))
    if FLAGS.fits(low):
        return Setting((True, False))
    if FUNCTIONS.fits(low):
        return Setting((smooth,))
    return _whole(low) if INTEGERS.fits(low) else None


class _Body:
    """What is done with arguments in the text of a function."""

    def __init__(self, names: Sequence[str]) -> None:
        self.names = tuple(names)
        self.axes: set[str] = set()
        self.sizes: set[str] = set()
        self.flags: set[str] = set()
        self.called: set[str] = set()
        self.numbers: set[str] = set()
        self.indices: set[str] = set()
        self.tensors: set[str] = set()
        self.saved: set[str] = set()
        self.kept: set[str] = set()  # on ctx, as an attribute
        self.compared: dict[str, tuple[str, ...]] = {}
        self._alias: dict[str, str] = {}

    def tensor(self, name: str) -> bool:
        return name in self.tensors or name in self.saved or name in self.indices

    def setting(self, name: str) -> Setting | None:
        """The setting that an argument is used as, or nothing."""
        if name in self.called:
            return Setting((smooth,))
        if name in self.compared:
            return Setting(self.compared[name])
        if name in self.saved:
            return None
        if name in self.axes:
            return Setting((-1, 1, 0), option=True)
        if name in self.tensors:
            return None
        if name in self.sizes:
            return Setting((2, 1, 3), option=True)
        if name in self.flags:
            return Setting((True, False))
        return _number(name) if name in self.numbers else None

    def read(self, tree: ast.AST | None, unpacked: bool = False) -> None:
        if tree is None:
            return
        self._alias = dict(_unpacked(tree, self.names)) if unpacked else {}
        self.kept.update(_kept_at_once(tree, self.names) if unpacked else ())
        for node in ast.walk(tree):
            self._node(node)

    def _name(self, node: ast.AST | None) -> str:
        name = node.id if isinstance(node, ast.Name) else ""
        name = self._alias.get(name, name)
        return name if name in self.names else ""

    def _add(self, kind: set[str], nodes: Iterable[ast.AST | None]) -> None:
        kind.update(filter(None, map(self._name, nodes)))

    def _node(self, node: ast.AST) -> None:
        if isinstance(node, ast.Call):
            self._call(node)
        elif isinstance(node, ast.If | ast.IfExp | ast.While):
            self._add(self.flags, _tested(node.test))
        elif isinstance(node, ast.Compare):
            self._compare(node)
        elif isinstance(node, ast.Subscript):
            self._subscript(node)
        elif isinstance(node, ast.Attribute) and node.attr in _OF_TENSORS:
            self._add(self.tensors, [node.value])
        elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.MatMult):
            self._add(self.tensors, [node.left, node.right])
        elif isinstance(node, ast.Assign):
            for target in node.targets:
                pairs = [(target, node.value)]
                if isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
                    pairs = list(zip(target.elts, node.value.elts, strict=False))
                for place, value in pairs:
                    self._add(self.kept, ast.walk(value) if isinstance(place, ast.Attribute) else [])

    def _call(self, call: ast.Call) -> None:
        self._add(self.called, [call.func])
        method = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
        owner = getattr(call.func.value, "id", "") if isinstance(call.func, ast.Attribute) else ""
        of_module = owner in ("torch", "F", "nn", "math", "np", "")
        self._add(self.axes, [k.value for k in call.keywords if k.arg in AXES])
        self._add(self.sizes, [k.value for k in call.keywords if k.arg in ("k", "size", "num_classes", "groups")])
        self._add(self.flags, [k.value for k in call.keywords if k.arg and FLAGS.fits(k.arg)])
        if method in ("save_for_backward", "mark_dirty"):
            self._add(self.saved, call.args)
        elif method in _BY_INDEX:
            self._add(self.indices, call.args[1:])
            self._add(self.axes, call.args[:-1] if method in ("gather", "index_select", "index_add") else [])
        elif method in _BY_AXIS:
            self._add(self.axes, call.args[1 if of_module else 0 :])
        elif method in _BY_SIZE:
            self._add(self.sizes, (n for a in call.args for n in _arithmetic(a)))
        elif owner == "math" or method in ("float", "int"):
            self._add(self.numbers, call.args)
        elif method in ("mm", "matmul", "bmm", "linear", "conv2d", "conv1d", "einsum"):
            self._add(self.tensors, call.args)

    def _compare(self, node: ast.Compare) -> None:
        name = self._name(node.left)
        texts = [c for side in node.comparators for c in ast.walk(side)]
        strings = tuple(c.value for c in texts if isinstance(c, ast.Constant) and isinstance(c.value, str))
        if name and strings:
            self.compared[name] = (*self.compared.get(name, ()), *strings)

    def _subscript(self, node: ast.Subscript) -> None:
        owner = node.value.attr if isinstance(node.value, ast.Attribute) else ""
        inside = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        bounds = [b for s in inside if isinstance(s, ast.Slice) for b in (s.lower, s.upper, s.step) if b is not None]
        self._add(self.sizes, (n for b in bounds for n in _arithmetic(b)))
        self._add(self.axes if owner == "shape" else self.indices, inside)


def _tested(test: ast.AST) -> Iterator[ast.AST]:
    """The parts of a condition that are a name alone."""
    if isinstance(test, ast.BoolOp):
        for value in test.values:
            yield from _tested(value)
    elif isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        yield from _tested(test.operand)
    else:
        yield test


def _arithmetic(node: ast.AST) -> Iterator[ast.AST]:
    """A name, or the names of a sum or product of names and numbers."""
    if isinstance(node, ast.BinOp):
        yield from _arithmetic(node.left)
        yield from _arithmetic(node.right)
    elif isinstance(node, ast.UnaryOp):
        yield from _arithmetic(node.operand)
    elif isinstance(node, ast.Tuple | ast.List):
        for part in node.elts:
            yield from _arithmetic(part)
    else:
        yield node


def _kept_at_once(tree: ast.AST, names: Sequence[str]) -> Iterator[str]:
    """The arguments that a function puts on its ctx as it unpacks them: `x, ctx.alpha = inputs`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Tuple):
            elements = node.targets[0].elts if getattr(node.value, "id", "") == "inputs" else []
            yield from (n for e, n in zip(elements, names, strict=False) if isinstance(e, ast.Attribute))


def _unpacked(tree: ast.AST, names: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Local names of a function that takes all arguments in one tuple: `x, k = inputs`, `k = inputs[1]`."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Assign) or len(node.targets) != 1:
            continue
        target, value = node.targets[0], node.value
        if isinstance(target, ast.Tuple) and isinstance(value, ast.Name) and value.id == "inputs":
            for element, name in zip(target.elts, names, strict=False):
                if isinstance(element, ast.Name):
                    yield element.id, name
        if isinstance(target, ast.Name) and isinstance(value, ast.Subscript) and isinstance(value.slice, ast.Constant):
            index = value.slice.value
            if getattr(value.value, "id", "") == "inputs" and isinstance(index, int) and index < len(names):
                yield target.id, names[index]
