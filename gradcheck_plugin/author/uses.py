"""What the author's own code gives the methods of an object: an input, the output, a gradient from above, labels.

A call counts where the object is of the class for sure, or may be and is used as one of its kind: in a loop over the
layers of a network, whose `grad = layer.backward(y, grad)` says which argument is the gradient from above.
"""

from __future__ import annotations

import ast
import inspect
import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from gradcheck_plugin.author.evidence import Text, file_of, is_upstream, kept_as, last_name, texts
from gradcheck_plugin.author.reasons import BODY, CALL, NAME, PLACE
from gradcheck_plugin.author.whose import bound, means
from gradcheck_plugin.author.written import nodes_of
from gradcheck_plugin.names.arguments import GRADIENT_OF, LOSS
from gradcheck_plugin.names.words import (
    FORWARD,
    OUTPUTS,
    PREDICTIONS,
    TESTING,
    TRAINING,
    is_label,
    is_prediction,
    label_first,
    names_labels,
    says_network,
)

Of = Literal["mine", "perhaps", ""]
Passed = tuple[str, int]  # "upstream", "output" or "input", and of an input its place in the forward


@dataclass(frozen=True)
class Order:
    """Whether a loss takes its labels before its prediction, and what says so."""

    label_first: bool
    by: str

    @property
    def told(self) -> bool:
        """Whether the author's calls or the code say it, and not a name or a place."""
        return self.by in (CALL, BODY)

    def shown(self, function: str, names: Sequence[str]) -> str:
        """What the two arguments of a function are, for the reader."""
        kinds = ("labels", "prediction") if self.label_first else ("prediction", "labels")
        said = ", ".join(f"{n} = {kind} ({self.by})" for n, kind in zip(names, kinds, strict=False))
        return f"{function}: {said}" if len(names) == 2 else ""


def usable(thing: Any) -> Iterator[Text]:
    """The files in which the name of a class or a function may mean this one."""
    name, home = thing.__name__, Path(file_of(thing))
    for text in texts(thing):
        if text.path == home or means(ast.Name(name), name, text.tree, text.path, home):
            yield text


# --- the arguments of a backward ---


@lru_cache(maxsize=128)
def given_back(cls: Any, forward: str, backward: str) -> dict[str, Passed]:
    """What the required arguments of a backward get in the author's calls, where all of them say the same."""
    names = _positional(getattr(cls, backward))
    found: dict[str, set[Passed]] = {}
    for text, call in _calls_of(cls, backward):
        whose = _whose(text, _receiver(call), cls.__name__)
        told = {n: _passed(text, call, e, forward) for n, e in _given(call, names).items()} if whose else {}
        if whose == "mine" or ("upstream", 0) in told.values():
            for name, what in told.items():
                if what is not None:
                    found.setdefault(name, set()).add(what)
    return {n: next(iter(all_)) for n, all_ in found.items() if len(all_) == 1}


@lru_cache(maxsize=128)
def flags_given(cls: Any, forward: str, backward: str) -> dict[str, Any]:
    """The required arguments behind the first of a forward that get a truth value or a text in all the author's calls.

    Of several values that one counts which is given where the backward is called, too: it is meant for training. What
    is named after the mode, `training`, gets no other one: `False` may be all that is written out.
    """
    names = _positional(getattr(cls, forward))
    required = {p.name for p in inspect.signature(getattr(cls, forward)).parameters.values() if p.default is p.empty}
    found: dict[str, list[tuple[bool, Any]]] = {}
    for text, call in _calls_of(cls, forward):
        kept = _kept_under(text, call)
        in_turn = bool(call.args) and ast.unparse(call.args[0]) in kept
        if _whose(text, _receiver(call), cls.__name__) != "mine" and not in_turn:
            continue
        trains = any(isinstance(n, ast.Attribute) and n.attr == backward for n in ast.walk(text.scope(call)))
        for name, node in list(_given(call, names).items())[1:]:
            value = node.value if isinstance(node, ast.Constant) else node
            found.setdefault(name, []).append((trains, value))
    told = {n: values for n, values in found.items() if all(isinstance(v, bool | str) for _, v in values)}
    of_training = {n: [v for trains, v in values if trains] for n, values in told.items() if n in required}
    free = [n for n in of_training if n.lower() not in (*TRAINING, *TESTING, "mode")]
    return {n: (of_training[n] or [told[n][0][1]])[0] for n in of_training if of_training[n] or n in free}


@lru_cache(maxsize=128)
def shapes_given(cls: Any, method: str) -> dict[str, str]:
    """What a method that sets an object up gets of what comes in: its `batch` of a shape, the `shape` of one sample, or
    its `size`."""
    names = _positional(getattr(cls, method))
    found: dict[str, set[str]] = {}
    for text, call in _calls_of(cls, method):
        if _whose(text, _receiver(call), cls.__name__):
            for name, node in _given(call, names).items():
                found.setdefault(name, set()).update(_of_shape(v) for v in _sources(text, node)[-1:])
    return {n: next(iter(kinds)) for n, kinds in found.items() if len(kinds) == 1 and kinds != {""}}


def _of_shape(node: ast.expr) -> str:
    """What an expression takes of the shape of an array."""
    if isinstance(node, ast.Attribute) and node.attr == "shape":
        return "batch"
    if not isinstance(node, ast.Subscript) or not isinstance(node.value, ast.Attribute) or node.value.attr != "shape":
        return ""
    return {"1:": "shape", "1": "size", "-1": "size"}.get(ast.unparse(node.slice), "")


def _calls_of(cls: Any, method: str) -> Iterator[tuple[Text, ast.Call]]:
    """The calls of a method of this name in the files that may use the class, with arguments that it takes."""
    for text in usable(cls):
        for call in text.calls:
            if isinstance(call.func, ast.Attribute) and call.func.attr == method and _fits(getattr(cls, method), call):
                yield text, call


def _fits(method: Any, call: ast.Call) -> bool:
    """Whether a method takes so many arguments, of these names."""
    if any(isinstance(a, ast.Starred) for a in call.args) or any(k.arg is None for k in call.keywords):
        return True
    try:
        inspect.signature(method).bind(None, *call.args, **{str(k.arg): k for k in call.keywords})
    except TypeError:
        return False
    return True


def _receiver(call: ast.Call) -> ast.expr:
    """The object whose method is called."""
    return call.func.value if isinstance(call.func, ast.Attribute) else call.func


def _given(call: ast.Call, names: Sequence[str]) -> dict[str, ast.expr]:
    """What a call gives for each of some arguments."""
    plain = itertools.takewhile(lambda a: not isinstance(a, ast.Starred), call.args)
    return dict(zip(names, plain, strict=False)) | {
        k.arg: k.value for k in call.keywords if k.arg is not None and k.arg in names
    }


def _positional(function: Any) -> list[str]:
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return [p.name for p in inspect.signature(function).parameters.values() if p.kind in kinds][1:]


def _passed(text: Text, call: ast.Call, given: ast.expr, forward: str) -> Passed | None:
    """What one argument of a backward is: by where it comes from, and where else it goes."""
    receiver = _receiver(call)
    if ast.unparse(given) in _kept_under(text, call):
        return "upstream", 0
    if isinstance(given, ast.Attribute) and ast.unparse(given.value) == ast.unparse(receiver):
        return ("output", 0) if given.attr in OUTPUTS else None
    sources = _sources(text, given)
    own = [v for v in sources if _calls(v, receiver, forward)]
    places = {i for c in text.calls if _calls(c, receiver, forward) for i, a in enumerate(c.args) if _same(a, given)}
    back = [v for v in sources if isinstance(v, ast.Call) and GRADIENT_OF.fits(last_name(v))]
    if back and not own and not places:
        return "upstream", 0
    if own and not places and not back:
        return "output", 0
    if len(places) == 1 and not own and not back:
        return "input", places.pop()
    if not own and not places and not isinstance(given, ast.Constant) and is_upstream(kept_as(given)):
        return ("upstream", 0) if len(kept_as(given)) > 1 else None
    return None


def _kept_under(text: Text, call: ast.Call) -> set[str]:
    """The names under which the result of a call is kept; of several results the first, a gradient of the input."""
    parent = text.parents.get(call)
    targets = parent.targets if isinstance(parent, ast.Assign) and parent.value is call else []
    firsts = (t.elts[0] if isinstance(t, ast.Tuple | ast.List) and t.elts else t for t in targets)
    return {ast.unparse(t) for t in firsts}


def _sources(text: Text, node: ast.expr) -> list[ast.expr]:
    """What an expression is: itself, and what is assigned to it; to a name, in its own function."""
    found = [node]
    if isinstance(node, ast.Name | ast.Attribute | ast.Subscript):
        scope = text.scope(node)
        for target, value in text.assignments:
            if _same(target, node) and (not isinstance(node, ast.Name) or text.scope(target) is scope):
                found.append(value)
    return found


def _same(one: ast.expr, other: ast.expr) -> bool:
    return not isinstance(one, ast.Constant) and ast.unparse(one) == ast.unparse(other)


def _calls(node: ast.AST, receiver: ast.expr, forward: str) -> bool:
    """Whether a node is a call of the forward of the object that `receiver` stands for."""
    if not isinstance(node, ast.Call):
        return False
    if isinstance(node.func, ast.Attribute) and node.func.attr == forward:
        return ast.unparse(node.func.value) == ast.unparse(receiver)
    return forward == "__call__" and ast.unparse(node.func) == ast.unparse(receiver)


def _whose(text: Text, receiver: ast.expr, owner: str) -> Of:
    """Whether an object is of a class: made of it, named after it, or one of several or of nobody knows which."""
    key = kept_as(receiver)
    if isinstance(receiver, ast.Call):
        return "mine" if last_name(receiver) == owner else ""
    if key == "self":
        return "mine" if text.owner(receiver) == owner else ""
    if key.lower().strip("_") == owner.lower():
        return "mine"
    classes = _classes_of(text, key)
    if not classes:
        return "perhaps"
    return "mine" if classes == {owner} else "perhaps" if owner in classes else ""


def _classes_of(text: Text, key: str, depth: int = 2) -> set[str]:
    """The classes of the objects that are kept under a name, or in the list that it runs over."""
    found: set[str] = set()
    for target, value in text.assignments:
        if kept_as(target) == key:
            found |= {last_name(n) for n in ast.walk(value) if isinstance(n, ast.Call)}
    for loop in (n for n in ast.walk(text.tree) if isinstance(n, ast.For) and depth and kept_as(n.target) == key):
        over = [n for n in ast.walk(loop.iter) if isinstance(n, ast.Name | ast.Attribute)]
        for name in {kept_as(n) for n in over} - {key, "self", "reversed", "enumerate", "zip", ""}:
            found |= _classes_of(text, name, depth - 1)
    return {name for name in found if name[:1].isupper()}


@lru_cache(maxsize=128)
def cache_place(forward: Any, backward: Any) -> tuple[int, str] | None:
    """At which of two places a backward takes what its forward kept, and what says so: the author's calls, or its text.

    `_, cache = f(x)` and `f_backward(cache, d)`, or `x, W = cache`; None where neither says it.
    """
    found = set[int]()
    for text in usable(backward):
        kept = {ast.unparse(target) for call in text.calls if last_name(call.func) == forward.__name__
                for target in _further_targets(text, call)}  # fmt: skip
        for call in text.calls:
            if last_name(call.func) == backward.__name__ and len(call.args) == 2 and kept:
                places = [i for i, a in enumerate(call.args) if ast.unparse(a) in kept]
                found |= set(places) if len(places) == 1 else set()
    if len(found) == 1:
        return found.pop(), CALL
    names = [p.name for p in inspect.signature(backward).parameters.values()][:2]
    opened = {name for node in nodes_of(backward) for name in _opened(node)} & {*names}
    kept_by_name = [n for n in opened if not is_upstream(n) or len(n) == 1]  # of several outputs there are several
    return (names.index(kept_by_name[0]), BODY) if len(opened) == len(kept_by_name) == 1 else None


def _further_targets(text: Text, call: ast.Call) -> list[ast.expr]:
    """What gets the results of a call behind the first."""
    parent = text.parents.get(call)
    targets = parent.targets if isinstance(parent, ast.Assign) and parent.value is call else []
    return [part for t in targets if isinstance(t, ast.Tuple | ast.List) for part in t.elts[1:]]


def _opened(node: ast.AST) -> Iterator[str]:
    """The name that a line takes several things out of: `x, W = cache`, `x = cache["x"]`."""
    if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Tuple) and isinstance(node.value, ast.Name):
        yield node.value.id
    elif isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name):
        yield from [node.value.id] if isinstance(getattr(node.slice, "value", None), str) else []


# --- the labels of a loss ---


def order_of(
    names: Sequence[str], forward: Callable[..., Any], thing: Any, deciding: Sequence[tuple[str, tuple[str, ...]]]
) -> Order:
    """Which of the two arguments of a loss are its labels.

    `deciding` are the functions or methods, with the names of their arguments, whose calls say it: that of the gradient
    first. What a word of a name says outright, `y_true` or `predictions`, no call contradicts: a loss that does not
    change when its arguments are swapped may be called either way.
    """
    if len(names) != 2:
        return Order(False, PLACE)
    labels, predictions = ([says(n) for n in names] for says in (names_labels, is_prediction))
    if labels[0] != labels[1] or predictions[0] != predictions[1]:
        return Order(label_first(names), NAME)
    for name, taken in deciding:
        told = _votes(thing, name, tuple(taken)) if {*taken[:2]} == {*names} else ()
        if len(told) == 1:
            return Order(names[0] in told, CALL)
    if (told_by_code := _told_by_code(forward, names)) is not None:
        return Order(told_by_code == names[0], BODY)
    return order_by_names(names)


def order_by_names(names: Sequence[str]) -> Order:
    """Which of two arguments are labels by their names; the second where these say nothing."""
    return Order(label_first(names), NAME if any(is_label(n) or n.lower() in PREDICTIONS for n in names) else PLACE)


@lru_cache(maxsize=128)
def _votes(thing: Any, called: str, names: tuple[str, ...]) -> frozenset[str]:
    """The arguments that are labels in the author's calls of a function or a method."""
    found = set()
    for text in usable(thing):
        for call in text.calls:
            if last_name(call.func) != called or not _is_meant(text, call, thing):
                continue
            given = _given(call, names)
            if {*names[:2]} <= {*given}:
                place = _label_place(text, *(given[n] for n in names[:2]))
                found |= {names[place]} if place is not None else set()
    return frozenset(found)


def _is_meant(text: Text, call: ast.Call, thing: Any) -> bool:
    """Whether a call of such a name is one of this function, or of a method of this class."""
    if not inspect.isclass(thing):
        owner = ast.unparse(call.func.value).partition(".")[0] if isinstance(call.func, ast.Attribute) else ""
        return not owner or owner[:1].isupper() or owner in {name for name, _, _ in bound(text.tree)}
    if not isinstance(call.func, ast.Attribute):
        return False
    whose = _whose(text, call.func.value, thing.__name__)
    named = kept_as(call.func.value)
    return whose == "mine" or (whose == "perhaps" and LOSS.fits(named))


def _label_place(text: Text, first: ast.expr, second: ast.expr) -> int | None:
    """Which of two arguments are labels: not what a network gave, or what the author calls so."""
    made = [_is_predicted(text, e) for e in (first, second)]
    if made[0] != made[1]:
        return made.index(False)
    called = [is_label(kept_as(e)) for e in (first, second)]
    if not made[0] and called[0] != called[1]:
        return called.index(True)
    return None


def _is_predicted(text: Text, node: ast.expr) -> bool:
    """Whether an expression is what a forward gives, in some step of a loop over layers as well."""
    for value in _sources(text, node):
        if isinstance(value, ast.Call):
            name = last_name(value.func)
            if name in FORWARD or name.startswith("predict") or says_network(name):
                return True
            if isinstance(value.func, ast.Name | ast.Attribute) and any(
                map(says_network, _classes_of(text, kept_as(value.func)))
            ):
                return True
        if isinstance(value, ast.Attribute) and value.attr in OUTPUTS:
            return True
    return False


def _told_by_code(function: Callable[..., Any], names: Sequence[str]) -> str | None:
    """Which of two arguments are labels by what a loss does: it takes entries at them.

    Of which it takes the logarithm says nothing: a divergence takes that of its target.
    """
    index = set[str]()
    for node in nodes_of(function):
        masks = isinstance(node, ast.Subscript) and any(isinstance(n, ast.Compare) for n in ast.walk(node.slice))
        if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Load) and not masks:
            inside = {n.id for n in ast.walk(node.slice) if isinstance(n, ast.Name)} & {*names}
            index |= inside - {n.id for n in ast.walk(node.value) if isinstance(n, ast.Name)}
    return next(iter(index)) if len(index) == 1 else None


# --- the step that a backward takes ---


@lru_cache(maxsize=128)
def rates_by_the_body(function: Callable[..., Any]) -> frozenset[str]:
    """The arguments of a backward that do nothing but scale a step: `self.W -= k * dW`."""
    nodes = nodes_of(function)
    factors: set[int] = set()
    for node in nodes:
        step = node.value if isinstance(node, ast.AugAssign) and isinstance(node.op, ast.Sub) else None
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.BinOp) and isinstance(node.value.op, ast.Sub):
            held = {ast.unparse(t) for t in node.targets}
            step = node.value.right if ast.unparse(node.value.left) in held else None
        if isinstance(step, ast.BinOp) and ast.unparse(node).startswith("self."):
            factors |= {id(n) for n in _factors(step)}
    names = {n.id for n in nodes if isinstance(n, ast.Name) and id(n) in factors} & {*_positional(function)}
    uses = [n for n in nodes if isinstance(n, ast.Name) and n.id in names and isinstance(n.ctx, ast.Load)]
    found = frozenset(name for name in names if all(id(n) in factors for n in uses if n.id == name))
    return found if {*_positional(function)} - found else frozenset()  # one of them is the gradient from above


def _factors(node: ast.expr) -> Iterator[ast.Name]:
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult | ast.Div):
        yield from _factors(node.left)
        yield from _factors(node.right) if isinstance(node.op, ast.Mult) else ()
    elif isinstance(node, ast.Name):
        yield node
