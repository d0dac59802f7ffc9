"""How the author's own file calls a thing: with constants, and with names that have a default where the call stands."""

from __future__ import annotations

import ast
import inspect
import sys
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

_MAKESTENSORS = ("randn", "rand", "tensor", "zeros", "ones", "Parameter", "randn_like", "rand_like", "as_tensor",
                  "empty", "arange", "linspace", "from_numpy", "FloatTensor", "DoubleTensor")  # fmt: skip
UNKNOWN, TENSOR = object(), object()
Scope = tuple[ast.AST, ...]  # the functions and classes around a call, outermost first


@dataclass(frozen=True)
class OwnCall:
    """One call of the author's; `namespace` are the globals of the file."""

    call: ast.Call
    scope: Scope = ()
    namespace: Mapping[str, Any] = field(default_factory=dict)

    def expression(self, position: int, name: str) -> ast.expr | None:
        """What is given for an argument, or None where that cannot be read."""
        before = self.call.args[: position + 1]
        if any(isinstance(a, ast.Starred) for a in before):
            return None
        if position < len(self.call.args):
            return self.call.args[position]
        return next((k.value for k in self.call.keywords if k.arg == name), None)

    def argument(self, position: int, name: str) -> Any:
        """The value given for an argument; TENSOR where it is seen to be one, UNKNOWN where it cannot be read."""
        return self._value(self.expression(position, name))

    def _value(self, node: ast.expr | None) -> Any:
        if node is None:
            return UNKNOWN
        try:
            return ast.literal_eval(node)
        except (ValueError, TypeError, SyntaxError):
            pass
        if isinstance(node, ast.Call):
            made = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            return TENSOR if made in _MAKESTENSORS else UNKNOWN
        if isinstance(node, ast.Name):
            return self._named(node.id)
        if isinstance(node, ast.Attribute) and getattr(node.value, "id", "") == "self":
            return self._held(node.attr)
        return UNKNOWN

    def _named(self, name: str) -> Any:
        """The value of a name: the default of an argument around the call, or a constant of the module."""
        for function in reversed(self.scope):
            if isinstance(function, ast.FunctionDef):
                if name in [a.arg for a in (*function.args.args, *function.args.kwonlyargs)]:
                    return self._default(function, name)
                assigned = [n.value for n in ast.walk(function) if isinstance(n, ast.Assign)
                            and any(getattr(t, "id", "") == name for t in n.targets)]  # fmt: skip
                if assigned:
                    made = assigned[-1]
                    return self._value(made) if isinstance(made, ast.Call | ast.Constant) else UNKNOWN
        value = self.namespace.get(name, UNKNOWN)
        return value if isinstance(value, int | float | str) else UNKNOWN

    def _default(self, function: ast.FunctionDef, name: str) -> Any:
        arguments = function.args
        pairs = zip(reversed(arguments.args), reversed(arguments.defaults), strict=False)
        both = [*pairs, *zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)]
        default = next((d for a, d in both if a.arg == name), None)
        try:
            return UNKNOWN if default is None else ast.literal_eval(default)
        except (ValueError, TypeError, SyntaxError):
            return UNKNOWN

    def _held(self, attribute: str) -> Any:
        """The value of `self.attribute`, as the `__init__` of the class around the call sets it."""
        owner = next((s for s in reversed(self.scope) if isinstance(s, ast.ClassDef)), None)
        init = next((f for f in getattr(owner, "body", []) if getattr(f, "name", "") == "__init__"), None)
        if not isinstance(init, ast.FunctionDef):
            return UNKNOWN
        for node in ast.walk(init):
            targets = node.targets if isinstance(node, ast.Assign) else []
            if isinstance(node, ast.Assign) and any(getattr(t, "attr", "") == attribute for t in targets):
                inner = OwnCall(self.call, (*self.scope[: self.scope.index(owner) + 1], init), self.namespace)
                return inner._value(node.value)
        return UNKNOWN


def source_tree(thing: Any) -> ast.AST | None:
    """The syntax tree of a function, class or module, or None where its text is not at hand."""
    try:
        return ast.parse(textwrap.dedent(inspect.getsource(thing)))
    except (OSError, TypeError, SyntaxError):
        return None


@lru_cache(maxsize=16)
def _calls_in(module: str) -> tuple[tuple[ast.Call, Scope], ...]:
    """Every call of a module with what is around it."""
    tree = source_tree(sys.modules[module]) if module in sys.modules else None
    return tuple(_walk(tree, ())) if tree is not None else ()


def _walk(node: ast.AST, scope: Scope) -> Iterator[tuple[ast.Call, Scope]]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Call):
            yield child, scope
        inner = (*scope, child) if isinstance(child, ast.FunctionDef | ast.ClassDef) else scope
        yield from _walk(child, inner)


def calls_of(cls: type, method: str) -> tuple[OwnCall, ...]:
    """The calls `Cls.method(...)` in the file that defines a class, and those of a name that `Cls.method` is given."""
    namespace = vars(sys.modules[cls.__module__]) if cls.__module__ in sys.modules else {}
    held = getattr(cls, method, None)
    names = {n for n, v in namespace.items() if held is not None and _is_method(v, cls, method)}
    return tuple(
        OwnCall(c, s, namespace) for c, s in _calls_in(cls.__module__) if _calls(c, cls.__name__, method, names)
    )


def _is_method(value: Any, cls: type, method: str) -> bool:
    return getattr(value, "__self__", None) is cls and getattr(value, "__name__", "") == method


def _calls(call: ast.Call, owner: str, method: str, names: set[str]) -> bool:
    f = call.func
    if isinstance(f, ast.Attribute):
        return f.attr == method and getattr(f.value, "id", "") == owner
    return isinstance(f, ast.Name) and f.id in names


def texts_around(cls: type, method: str) -> Iterator[str]:
    """The docstrings of a class and of what calls its method in the file."""
    yield str(vars(cls).get("__doc__") or "")
    for call in calls_of(cls, method):
        for node in call.scope:
            if isinstance(node, ast.FunctionDef | ast.ClassDef):
                yield ast.get_docstring(node) or ""
