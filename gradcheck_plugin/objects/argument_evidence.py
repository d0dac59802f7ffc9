"""What kind of thing an argument of a constructor is, before its name is asked.

In this order: its annotation, the author's default, the author's own calls, what the body does with it. A name then
chooses among what that leaves: `size` is a size, and an option where the author gives it a text.
"""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args, get_origin
from weakref import WeakKeyDictionary

import numpy as np

from gradcheck_plugin.author.multiplied import kept_as
from gradcheck_plugin.author.reasons import ANNOTATION, BODY, CALL, DEFAULT
from gradcheck_plugin.author.signature import arguments
from gradcheck_plugin.author.written import nodes_of
from gradcheck_plugin.model import Unbindable
from gradcheck_plugin.objects import state
from gradcheck_plugin.objects.argument import Argument
from gradcheck_plugin.objects.made_by_author import LARGE, Call, Made, calls, compared_texts
from gradcheck_plugin.running.calls import UserCodeRaised, frozen, guarded
from gradcheck_plugin.running.limits import CallWatch, TimeLimit
from reference_impls.shapes import Layout

SMALL = (5, 7, 11, 13, 17, 19)  # sizes to try: no two alike, and none a part of another
_OF_KIND = {"text": str, "flag": bool}


@dataclass(frozen=True)
class Evidence:
    """What an argument is: `text`, `flag`, `function`, `object`, `several`, `number`, `whole` or `size`, and by what.

    `values` are those that the author has for it. A `size` is a whole number on which the shape of an array of the
    object depends.
    """

    kind: str
    by: str
    values: tuple[Any, ...] = ()

    def denies(self, answer: Argument, option: bool = False) -> bool:
        """Whether an argument cannot be what its name says; of a reference's `option` the value may be any number."""
        value = answer.what if answer.kind == "value" else None
        if answer.kind in ("written", "made", "object") or (answer.kind == "value" and value is None):
            return False
        if self.kind in _OF_KIND:
            return not isinstance(value, _OF_KIND[self.kind])
        if self.kind == "function":
            return not callable(value)
        if self.kind == "object":
            plain = not any(callable(v.make()) for v in self.values if isinstance(v, Made))
            return (
                answer.kind not in ("array", "value")
                or isinstance(value, int | float | str)
                or (callable(value) and plain)
            )
        if self.kind == "several":
            return answer.kind == "size" or callable(value) or isinstance(value, str)
        if self.kind == "size":
            return answer.kind != "size" and not (type(value) is int and value > 1)
        if self.kind == "number":
            whole = isinstance(value, list | tuple) or (type(value) is int and not option)
            return answer.kind not in ("array", "value") or whole
        if self.kind == "whole" and (isinstance(value, list | tuple | str) or callable(value)):
            return True
        large = self.kind == "whole" and bool(self.values) and min(self.values) > 1
        return large and not option and isinstance(value, float) and not value.is_integer()


def may_be_array(known: Evidence | None) -> bool:
    """Whether nothing speaks against that an argument is an array."""
    return known is None or not known.denies(Argument("array", ""))


_known: WeakKeyDictionary[Any, dict[str, Evidence]] = WeakKeyDictionary()
_grown: WeakKeyDictionary[Any, dict[str, frozenset[tuple[str, int, int]]]] = WeakKeyDictionary()


def evidence(cls: Any) -> Mapping[str, Evidence]:
    """What is known of the arguments of a constructor without their names."""
    if cls not in _known:
        _known[cls] = {}  # also for what is asked while this is found out
        _known[cls] = dict(_found(cls))
    return _known[cls]


def _found(cls: Any) -> Iterator[tuple[str, Evidence]]:
    signature = arguments(cls.__init__, method=True)
    written = getattr(cls.__init__, "__annotations__", {})
    for name in signature.names:
        found = (
            by_annotation(written.get(name))
            or _by_default(signature.defaults.get(name))
            or _by_calls(cls, name)
            or _by_body(cls, name)
        )
        if found is not None:
            yield name, found


def by_annotation(written: Any) -> Evidence | None:
    """What an annotation says: a text, a flag, a function; which numbers are sizes it does not say."""
    if get_origin(written) is Literal:
        values = get_args(written)
    else:
        text = written if isinstance(written, str) else getattr(written, "__name__", "") or str(written)
        options = re.fullmatch(r"(typing\.)?Literal\[(.*)\]", text)
        plain = text.replace("Optional[", "").rstrip("]").removesuffix("| None").strip()
        if options is None:
            kind = {"str": "text", "bool": "flag"}.get(
                plain, "function" if re.match(r"(\w+\.)*Callable\b", plain) else ""
            )
            return Evidence(kind, ANNOTATION) if kind else None
        try:
            values = ast.literal_eval(f"({options[2]},)")
        except (ValueError, SyntaxError):
            return None
    texts = all(isinstance(v, str) for v in values)
    return Evidence("text", ANNOTATION, tuple(values)) if values and texts else None


def _by_default(default: Any) -> Evidence | None:
    kinds = ((bool, "flag"), (str, "text"))
    kind = next((k for of, k in kinds if isinstance(default, of)), "")
    kind = "function" if inspect.isroutine(default) or isinstance(default, np.ufunc) else kind
    return Evidence(kind, DEFAULT, (default,)) if kind else None


def _by_calls(cls: Any, name: str) -> Evidence | None:
    """What the author's calls give; nothing where one gives a text and another a number."""
    shown = [c.shown[name] for c in calls(cls) if c.sure and name in c.shown]
    kinds = {s.kind for s in shown} - {"", "nothing"}
    if len(kinds) > 1:
        return Evidence("", CALL)  # either is meant
    if not kinds:
        return None
    values = tuple(s.value for s in shown if s.value is not None)
    (kind,) = kinds
    if kind == "number" and not all(isinstance(v, float) and not v.is_integer() for v in values):
        return None
    if kind == "whole" and name in grown(cls):
        return Evidence("size", CALL, values)
    return Evidence(kind, CALL, values)


def _by_body(cls: Any, name: str) -> Evidence | None:
    """What the class does with an argument: it compares it with texts, or takes two numbers out of it."""
    texts = compared_texts(cls, name)
    if texts and _only_compared(cls, name):
        return Evidence("text", BODY, texts)
    nodes = nodes_of(cls.__init__)
    if any(isinstance(n, ast.Call) and ast.unparse(n).startswith(f"isinstance({name},") for n in nodes):
        return None  # one number will do, too
    for node in nodes:
        unpacked = node.targets[0] if isinstance(node, ast.Assign) else None
        if isinstance(unpacked, ast.Tuple) and getattr(getattr(node, "value", None), "id", "") == name:
            return Evidence("several", BODY, ((1,) * len(unpacked.elts),))
    return None


def _only_compared(cls: Any, name: str) -> bool:
    """Whether a class does nothing with an argument but keep it and compare it: `padding == "same"` may be a number."""
    kept = {attribute for argument, attribute in kept_as(cls.__init__) if argument == name}
    inside = list(_uses(cls.__init__, {name}, set()))
    for method in (m for m in vars(cls).values() if inspect.isfunction(m)):
        inside += _uses(method, set(), kept)
    return bool(inside) and all(inside)


def _uses(function: Any, names: set[str], attributes: set[str]) -> Iterator[bool]:
    """Of each use of a name or an attribute whether it is kept, compared with texts, or told in a message."""
    nodes = nodes_of(function)
    told: list[ast.AST] = [
        n for n in nodes if isinstance(n, ast.Raise | ast.Assert) or (isinstance(n, ast.Compare) and _of_texts(n))
    ]
    told += [n.value for n in nodes if isinstance(n, ast.Assign) and isinstance(n.targets[0], ast.Attribute)
             and isinstance(n.value, ast.Name)]  # fmt: skip
    harmless = {id(inner) for n in told for inner in ast.walk(n)}
    for node in nodes:
        named = isinstance(node, ast.Name) and node.id in names
        held = isinstance(node, ast.Attribute) and node.attr in attributes and ast.unparse(node.value) == "self"
        if (named or held) and isinstance(getattr(node, "ctx", None), ast.Load):
            yield id(node) in harmless


def _of_texts(node: ast.Compare) -> bool:
    constants = [c.value for side in node.comparators for c in ast.walk(side) if isinstance(c, ast.Constant)]
    return bool(constants) and all(isinstance(c, str) for c in constants)


# --- which arguments are sizes, by the arrays of an object that is made with others ---


def grown(cls: Any) -> Mapping[str, frozenset[tuple[str, int, int]]]:
    """The axes of the arrays of an object that grow with an argument that the author gives a whole number.

    Each is the name of an array, how many axes it has, and which of them it is.
    """
    if cls not in _grown:
        _grown[cls] = {}
        _grown[cls] = next((found for call in calls(cls)[:2] if (found := _growing(cls, call))), {})
    return _grown[cls]


def _growing(cls: Any, call: Call) -> dict[str, frozenset[tuple[str, int, int]]]:
    whole = [n for n, s in call.shown.items() if s.kind == "whole" and type(s.value) is int and s.value > 1]
    if not call.sure or not call.readable or not whole or len(whole) > len(SMALL):
        return {}
    of_the_author = call.values()
    small = of_the_author | dict(zip(whole, SMALL, strict=False))
    large = max(of_the_author[n] for n in whole) > LARGE
    for given in (small,) if large else (small, of_the_author):
        if first := _shapes(cls, given):
            found = {n: _grown_with(cls, first, given, n) for n in whole}
            return {n: axes for n, axes in found.items() if axes}
    return {}


def _shapes(cls: Any, given: Mapping[str, Any]) -> dict[str, tuple[int, ...]]:
    """The shapes of the arrays of a new object, by their names; none where it cannot be made so."""
    fresh = {n: v.make() if isinstance(v, Made) else v for n, v in given.items()}
    try:
        with frozen(0):
            obj = guarded("__init__", cls, **fresh)
            return {state.label(path): array.shape for path, array in state.leaves(obj)}
    except (Unbindable, UserCodeRaised):
        return {}
    except TimeLimit as exc:
        if not isinstance(exc.watch, CallWatch):
            raise
        return {}


def _grown_with(
    cls: Any, first: Mapping[str, tuple[int, ...]], given: Mapping[str, Any], name: str
) -> frozenset[tuple[str, int, int]]:
    """The axes that change with one argument: by one, or where that makes no object, to the double."""
    other = _shapes(cls, {**given, name: given[name] + 1}) or _shapes(cls, {**given, name: 2 * given[name]})
    return frozenset(
        (array, len(shape), axis)
        for array, shape in first.items()
        if len(other.get(array, ())) == len(shape)
        for axis, size in enumerate(shape)
        if other[array][axis] != size
    )


def sizes_by_run(cls: Any, layout: Layout) -> dict[str, str]:
    """The arguments of a constructor that are axes of the parameters of a layout, as `grown` shows them."""
    found: dict[str, set[str]] = {}
    for argument, axes in grown(cls).items() if layout.params else ():
        for entry in layout.params:
            mine = [axis for name, rank, axis in axes if rank == len(entry.dims) and state.same(name, entry.name)]
            found.setdefault(argument, set()).update(entry.dims[axis] for axis in mine)
    one = {argument: next(iter(sizes)) for argument, sizes in found.items() if len(sizes) == 1}
    return one if all(len(sizes) <= 1 for sizes in found.values()) else {}
