"""What no convention claims: it is refused with a reason where it may have a gradient of its own, else passed over."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator, Mapping
from typing import Any

from gradcheck_plugin.author.signature import arguments, line_of
from gradcheck_plugin.author.written import (
    in_snake_case,
    is_abstract,
    is_container,
    is_sampler,
    is_stub,
    returned,
    static,
    tree_of,
    words_of,
)
from gradcheck_plugin.conventions.base import Candidate
from gradcheck_plugin.model import PASSED_OVER, NotDriven
from gradcheck_plugin.names.words import BACKWARD, FORWARD

_DERIVATIVE = re.compile(
    r"^(?P<stem>\w+?)_*(backward|backprop|back_prop|backpropagation|bwd|bprop|vjp|grad|grads|gradient|gradients|"
    r"prime|deriv|derivative|der|jacobian)(_\w+)?$|"
    r"^(d|grad|gradient|deriv|derivative|backward|backprop)_(of_)?(?P<after>\w+)$|"
    r"^(backward|backprop|back_prop|backpropagate|backpropagation|gradient|grad|derivative)(_pass|_propagation)?$",
    re.IGNORECASE,
)
# what is done to a gradient, or with one, and gradients that come from differences
_NOT_OWN = re.compile(
    r"(?:^|_)(numerical|numeric|approx|approximate|finite|differences?|check\w*|test|eval|verify|compare|clip|clipping|"
    r"zero|reset|flush|apply|accumulate|sync|update|descent|ascent|plot|print|show|draw|enable|disable)(?=_|$)"
)
_ACCESS = re.compile(r"_*(get|set|has|is|needs?|requires?|no|save|load|add|append|step|scale|log|store)_")
_METHOD = re.compile(
    r"_*(d_?)?(backward|backprop|back_prop|backpropagat\w*|bprop|gradients?|grad|derivative|deriv|prime|vjp)"
    r"(_\w+)?|\w+_(prime|deriv|derivative|grad|gradient|gradients|backward|backprop)"
)
_PLAIN_FORWARD = tuple(n for n in FORWARD[: FORWARD.index("__call__")])


def left_over(
    defined: Mapping[str, Any], used: set[str], found: Mapping[str, Candidate]
) -> tuple[list[NotDriven], list[NotDriven]]:
    """The refusals among the objects that are not `used`, and those that are passed over."""
    refused, passed = [], []
    for name, thing in (*defined.items(), *_classes_inside(defined)):
        if name in used or not (callable(thing) or any(True for _ in _gradient_methods(type(thing)))):
            continue
        reason = _refusal(name, thing, defined, found, used)
        if reason:
            refused.append(NotDriven(name, reason, line=_line(thing)))
        else:
            passed.append(NotDriven(name, _excuse(name, thing), line=_line(thing), code=PASSED_OVER))
    return refused, passed


def _classes_inside(defined: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """The classes that are written inside of a class of the file."""
    for name, outer in defined.items():
        for inner in vars(outer).values() if inspect.isclass(outer) else ():
            if inspect.isclass(inner) and inner.__qualname__ == f"{outer.__qualname__}.{inner.__name__}":
                yield f"{name}.{inner.__name__}", inner


def _not_own(name: str) -> bool:
    return _NOT_OWN.search("_".join(words_of(name))) is not None


def _line(thing: Any) -> int:
    return line_of(thing) if inspect.isroutine(thing) or inspect.isclass(thing) else 0


def _refusal(name: str, thing: Any, defined: Mapping[str, Any], found: Mapping[str, Candidate], used: set[str]) -> str:
    """Why an object that may have a gradient of its own is not driven; "" where it has none."""
    if inspect.isclass(thing):
        return _of_class(name, thing, found, used)
    match = _DERIVATIVE.match(in_snake_case(name))
    if not match and inspect.isfunction(thing) and (several := _gradients_of_arguments(thing)):
        return f"it returns {several}, the gradients of its own arguments, in a form that is not known"
    if not inspect.isroutine(thing) and any(True for _ in _gradient_methods(type(thing))):
        return f"a decorator made it {_kind(thing)}, which is no class"
    if not match or _not_own(name):
        return ""
    if not inspect.isfunction(thing):
        return f"a decorator made it {_kind(thing)}, which is no function"
    if is_stub(thing):
        return "it is not written yet"
    stem = match["stem"] or match["after"] or ""
    if not stem:
        return "nothing says which function it is the backward of"
    spelled = {in_snake_case(n): n for n, other in defined.items() if callable(other)}
    partner = next((spelled[n] for n in (f"{stem}_forward", f"forward_{stem}", stem) if n in spelled), "")
    if partner:
        return f"it and `{partner}` are called in no way that is known"
    return f"no forward partner `{stem}_forward` or `{stem}` in the file"


def _kind(thing: Any) -> str:
    return f"an object of {type(thing).__name__}"


def _of_class(name: str, cls: Any, found: Mapping[str, Candidate], used: set[str]) -> str:
    if _sets_no_gradient(cls):
        return ""
    if is_sampler(name):
        return "it is taken for a Boltzmann machine, whose backward is the other direction of a sampler"
    methods = [m for m in _gradient_methods(cls) if f"{name}.{m}" not in used]
    if methods:
        forward = next((n for n in _PLAIN_FORWARD if static(cls, n) is not None), "")
        if not forward and methods[0] == "backward":
            return "it has a backward, and no method `forward` to compare it with"
        if forward and inspect.isfunction(static(cls, forward)) and is_stub(static(cls, forward)):
            return (
                f"its `{forward}` is not written yet, and nothing else says what its `{methods[0]}` is the backward of"
            )
        beside = f" beside its `{forward}`" if forward else ""
        return f"its `{methods[0]}`{beside} is called in no way that is known"
    if inside := _backward_inside(cls):
        return f"the `{inside[1]}` inside of its `{inside[0]}` is called in no way that is known"
    forward = next((n for n in _PLAIN_FORWARD if inspect.isfunction(static(cls, n))), "")
    siblings = _siblings(cls, forward, found) if forward and not _takes_no_part(cls) else []
    if not siblings:
        return ""
    return f"it has a `{forward}` and no backward, which {', '.join(f'`{s}`' for s in siblings[:2])} of this file has"


def _gradients_of_arguments(function: Any) -> str:
    """The names that a function returns, where they are two or more of its arguments with a d before them."""
    wanted = {f"d{n}" for n in arguments(function).names} | {f"grad_{n}" for n in arguments(function).names}
    names = [n.id for value in returned(function) for n in ast.walk(value) if isinstance(n, ast.Name)]
    found = [n for n in dict.fromkeys(names) if n in wanted]
    return ", ".join(f"`{n}`" for n in found[:3]) if len(found) > 1 else ""


def _backward_inside(cls: Any) -> tuple[str, str] | None:
    """A method that makes a function or a class of its own with a backward, and the name of that."""
    for name, method in vars(cls).items():
        plain = method.__func__ if isinstance(method, staticmethod | classmethod) else method
        tree = tree_of(plain) if inspect.isfunction(plain) else None
        inner = (n.name for n in ast.walk(tree) if n is not tree and isinstance(n, ast.FunctionDef)) if tree else ()
        if (found := next((n for n in inner if n in BACKWARD), None)) is not None:
            return name, found
    return None


def _sets_no_gradient(cls: Any) -> bool:
    """Whether a class has no gradient of its own: it only announces one, holds other layers, or only inherits."""
    heirs = bool(cls.__subclasses__())
    kinds = (staticmethod, classmethod, property)
    own = any(inspect.isfunction(m) or isinstance(m, kinds) for m in vars(cls).values())
    return not own or inspect.isabstract(cls) or (heirs and is_abstract(cls)) or is_container(cls)


def _takes_no_part(cls: Any) -> bool:
    """Whether a class is one of torch's, which differentiates by itself."""
    return any(base.__module__.partition(".")[0] == "torch" for base in cls.__mro__)


def _gradient_methods(cls: Any) -> Iterator[str]:
    """The methods of a class, or of its bases in the file, that give a gradient by their name."""
    for base in cls.__mro__:
        if base.__module__ != cls.__module__:
            continue
        for name, method in vars(base).items():
            plain = method.__func__ if isinstance(method, staticmethod | classmethod) else method
            plain = method.fget if isinstance(method, property) and _computes(method.fget) else plain
            accessor = _not_own(name) or _ACCESS.match(name)
            says = name in BACKWARD or (_METHOD.fullmatch(name) and not accessor)
            if inspect.isfunction(plain) and says and not is_stub(plain):
                yield name


def _computes(getter: Any) -> bool:
    """Whether a property works its value out, and does not only hand on what is kept."""
    tree = tree_of(getter) if inspect.isfunction(getter) else None
    return tree is not None and any(isinstance(n, ast.BinOp | ast.AugAssign) for n in ast.walk(tree))


def _siblings(cls: Any, forward: str, found: Mapping[str, Candidate]) -> list[str]:
    """The classes of the file that have a forward of this name and a backward: an heir of one base, or two of none."""
    classes = {n: c.objects["class"] for n, c in found.items() if inspect.isclass(c.objects.get("class"))}
    alike = [n for n, c in classes.items() if inspect.isfunction(static(c, forward)) and _is_layer(found[n])]
    related = [n for n in alike if {*cls.__mro__[1:-1]} & {*classes[n].__mro__[1:-1]}]
    return related or (alike if len(alike) > 1 else [])


def _is_layer(candidate: Candidate) -> bool:
    return candidate.kind in ("layer", "loss")


def _excuse(name: str, thing: Any) -> str:
    """Why an object is passed over."""
    if not inspect.isclass(thing):
        gradient = bool(_DERIVATIVE.match(in_snake_case(name)))
        return "it works on gradients, and has none of its own" if gradient else "nothing says that it has a gradient"
    if any(True for _ in _gradient_methods(thing)) or is_abstract(thing):
        if is_container(thing):
            return "a container of other layers, which are checked by themselves"
        if inspect.isabstract(thing) or is_abstract(thing):
            return "an abstract base, whose heirs are checked"
        return "all that it does is inherited"
    return "nothing says that it has a gradient" if tree_of(thing) else "its source is not at hand"
