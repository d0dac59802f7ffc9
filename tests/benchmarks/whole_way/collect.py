"""The functions of a reference as syntax trees, with the helpers and constants that their bodies need."""

from __future__ import annotations

import ast
import builtins
import copy
import inspect
import math
import sys
import textwrap
from collections.abc import Iterator
from functools import cache
from types import FunctionType, ModuleType
from typing import Any

import numpy as np

PACKAGE = "reference_impls"


class Unwritable(Exception):
    """A function that cannot stand in a file of its own, with the reason."""


def loads(*nodes: ast.AST) -> set[str]:
    """The names that are read."""
    every = (n for node in nodes for n in ast.walk(node))
    return {n.id for n in every if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)}


def stores(*nodes: ast.AST) -> set[str]:
    """The names that are bound, arguments of inner functions and comprehensions among them."""
    found: set[str] = set()
    for node in (n for root in nodes for n in ast.walk(root)):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store | ast.Del):
            found.add(node.id)
        elif isinstance(node, ast.arg):
            found.add(node.arg)
        elif isinstance(node, ast.FunctionDef):
            found.add(node.name)
    return found


class Collector:
    """Functions and constants by the names that they have in the file to be written."""

    def __init__(self) -> None:
        self.functions: dict[str, ast.FunctionDef] = {}
        self.constants: dict[str, ast.Assign] = {}
        self._named: dict[Any, str] = {}

    def function(self, function: Any) -> str:
        """The name of a function of the references, which is collected with all that it needs."""
        if id(function) in self._named:
            return self._named[id(function)]
        tree = _definition(function)
        name = tree.name
        while name in self.functions or name in self.constants:
            name += "_of"
        self._named[id(function)] = name
        self._named["keep", id(function)] = function  # an id is good as long as its object lives
        self.functions[name] = tree
        tree.name = name
        tree, resolved = self._through_modules(tree, sys.modules[function.__module__])
        self.functions[name] = tree
        free = {n: self._free(n, function) for n in sorted(loads(tree) - stores(tree) - resolved)}
        self.functions[name] = Substitution({n: v for n, v in free.items() if v is not None}).visit(tree)
        return name

    def _through_modules(self, tree: Any, module: ModuleType) -> tuple[Any, set[str]]:
        """What is read from another module of the references, as a name of this file."""
        collector, resolved = self, set[str]()

        class Through(ast.NodeTransformer):
            def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
                self.generic_visit(node)
                owner = vars(module).get(node.value.id) if isinstance(node.value, ast.Name) else None
                if isinstance(owner, ModuleType) and owner.__name__.startswith(PACKAGE):
                    found = collector._global(node.attr, owner)
                    resolved.update(loads(found) if found else ())
                    return found or node
                return node

        return Through().visit(tree), resolved

    def value(self, value: Any) -> ast.expr:
        """A value as an expression."""
        if isinstance(value, bool | int | str | None) or value is ...:
            return ast.Constant(value)
        if isinstance(value, slice):
            bounds = [self.value(v) for v in (value.start, value.stop, value.step)]
            return ast.Call(ast.Name("slice", ast.Load()), bounds, [])
        if isinstance(value, float):
            if math.isinf(value):
                return ast.parse("np.inf" if value > 0 else "-np.inf", mode="eval").body
            return ast.Constant(value)
        if isinstance(value, tuple | list):
            made = [self.value(v) for v in value]
            return ast.Tuple(made, ast.Load()) if isinstance(value, tuple) else ast.List(made, ast.Load())
        if isinstance(value, dict):
            return ast.Dict([self.value(k) for k in value], [self.value(v) for v in value.values()])
        name = getattr(value, "__name__", "")
        for module, short in ((np, "np"), (math, "math")):
            if name and getattr(module, name, None) is value:
                return ast.Attribute(ast.Name(short, ast.Load()), name, ast.Load())
        if isinstance(value, FunctionType) and value.__module__.startswith(PACKAGE):
            return self._lambda(value) if name == "<lambda>" else ast.Name(self.function(value), ast.Load())
        if isinstance(value, type) and getattr(builtins, name, None) is value:
            return ast.Name(name, ast.Load())
        raise Unwritable(f"a {type(value).__name__} has no source")

    def _lambda(self, function: Any) -> ast.expr:
        tree = _module_tree(sys.modules[function.__module__])
        line = function.__code__.co_firstlineno
        same = [n for n in ast.walk(tree) if isinstance(n, ast.Lambda) and n.lineno == line]
        same = [n for n in same if _code(n) == function.__code__.co_code] if len(same) > 1 else same
        if len({ast.dump(n) for n in same}) != 1:
            raise Unwritable("a lambda that cannot be told from others")
        free = {n: self._free(n, function) for n in sorted(loads(same[0]) - stores(same[0]))}
        node: ast.expr = Substitution({n: v for n, v in free.items() if v is not None}).visit(copy.deepcopy(same[0]))
        return node

    def _free(self, name: str, function: Any) -> ast.expr | None:
        """What a free name of a function stands for; None where the name itself will do."""
        variables = function.__code__.co_freevars
        if name in variables:
            return self.value(function.__closure__[variables.index(name)].cell_contents)
        return self._global(name, sys.modules[function.__module__])

    def _global(self, name: str, module: ModuleType) -> ast.expr | None:
        if name not in vars(module):
            if hasattr(builtins, name):
                return None
            raise Unwritable(f"the name {name} is not to be found")
        value = vars(module)[name]
        if isinstance(value, ModuleType):
            if value not in (np, math):
                raise Unwritable(f"it uses the module {value.__name__}")
            return None
        if isinstance(value, FunctionType) and value.__name__ != "<lambda>":
            return self.value(value)
        return ast.Name(self._constant(name, module), ast.Load())

    def _constant(self, name: str, module: ModuleType) -> str:
        if ("constant", module.__name__, name) in self._named:
            return self._named["constant", module.__name__, name]
        for node in _module_tree(module).body:
            if isinstance(node, ast.ImportFrom) and any(name == (a.asname or a.name) for a in node.names):
                origin = next(a.name for a in node.names if name == (a.asname or a.name))
                return self._constant(origin, sys.modules[node.module or ""])
            if isinstance(node, ast.Assign | ast.AnnAssign) and node.value and name in stores(node):
                return self._assignment(name, node, module)
        raise Unwritable(f"the constant {name} is not assigned in {module.__name__}")

    def _assignment(self, name: str, node: ast.Assign | ast.AnnAssign, module: ModuleType) -> str:
        targets = [node.target] if isinstance(node, ast.AnnAssign) else node.targets
        assert node.value is not None
        names = sorted(stores(*targets))
        if any(n in self.constants or n in self.functions for n in names):
            raise Unwritable(f"two things are called {name}")
        made = ast.Assign(copy.deepcopy(targets), copy.deepcopy(node.value), lineno=0)
        for n in names:
            self._named["constant", module.__name__, n] = n
            self.constants[n] = made
        made.value, resolved = self._through_modules(made.value, module)
        free = {n: self._global(n, module) for n in sorted(loads(made.value) - stores(made.value) - resolved)}
        made.value = Substitution({n: v for n, v in free.items() if v is not None}).visit(made.value)
        return name


class Substitution(ast.NodeTransformer):
    """Names replaced by expressions, where they are not bound anew."""

    def __init__(self, values: dict[str, ast.expr]) -> None:
        self.values = values

    def visit_Name(self, node: ast.Name) -> ast.expr:
        if not isinstance(node.ctx, ast.Load) or node.id not in self.values:
            return node
        return copy.deepcopy(self.values[node.id])

    def visit_Lambda(self, node: ast.Lambda) -> ast.AST:
        inner = Substitution({n: v for n, v in self.values.items() if n not in stores(node.args)})
        node.body = inner.visit(node.body)
        return node


def _code(node: ast.Lambda) -> bytes:
    made: bytes = eval(compile(ast.Expression(node), "", "eval"), {}).__code__.co_code
    return made


@cache
def _module_tree(module: ModuleType) -> ast.Module:
    return ast.parse(inspect.getsource(module))


def _definition(function: Any) -> ast.FunctionDef:
    return copy.deepcopy(_parsed(function))


@cache
def _parsed(function: Any) -> ast.FunctionDef:
    """The definition of a function without annotations, decorators and docstring."""
    if not (isinstance(function, FunctionType) and function.__module__.startswith(PACKAGE)):
        raise Unwritable(f"{getattr(function, '__name__', function)} is no function of a reference")
    tree = ast.parse(textwrap.dedent(inspect.getsource(function))).body[0]
    if not isinstance(tree, ast.FunctionDef):
        raise Unwritable(f"{function.__name__} has no definition of its own")
    tree.decorator_list, tree.returns = [], None
    for node in list(_bare(tree)):
        if isinstance(node, ast.arg):
            node.annotation = None
    if isinstance(tree.body[0], ast.Expr) and isinstance(tree.body[0].value, ast.Constant) and len(tree.body) > 1:
        del tree.body[0]
    return tree


def _bare(tree: ast.FunctionDef) -> Iterator[ast.AST]:
    for owner in list(ast.walk(tree)):
        body = getattr(owner, "body", None)
        for i, node in enumerate(body if isinstance(body, list) else []):
            if isinstance(node, ast.AnnAssign) and node.value is not None:
                owner.body[i] = ast.Assign([node.target], node.value, lineno=0)
    yield from ast.walk(tree)
