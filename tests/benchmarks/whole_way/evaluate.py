"""Calls written out and options filled in: what a person would have written who needs one setting only."""

from __future__ import annotations

import ast
import copy
from collections.abc import Callable, Mapping
from random import Random
from typing import Any

import numpy as np

from benchmarks.whole_way.collect import Collector, Substitution, Unwritable, loads, stores

Statements = list[ast.stmt]
ALWAYS = ("forward", "backward", "scaled", "parts", "through", "weight", "share", "scale")
UNROLLED = 12


def plain(node: ast.AST) -> bool:
    """Whether an expression holds no names, so that it can be worked out here."""
    names = {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}
    calls = any(isinstance(n, ast.Call) for n in ast.walk(node))
    return not any(isinstance(n, ast.Lambda) for n in ast.walk(node)) and (not names or (names == {"np"} and not calls))


def known(node: ast.AST) -> bool:
    """Whether a value may stand in the place of its variable: constants, functions, tuples and tables of names."""
    if isinstance(node, ast.Constant | ast.Lambda | ast.Name):
        return True
    if isinstance(node, ast.Attribute):
        return isinstance(node.value, ast.Name) and node.value.id in ("np", "math")
    if isinstance(node, ast.Tuple | ast.List):
        return all(map(known, node.elts))
    if isinstance(node, ast.Dict):
        return all(isinstance(k, ast.Constant) for k in node.keys) and all(map(known, node.values))
    return isinstance(node, ast.UnaryOp) and known(node.operand)


def cheap(node: ast.AST) -> bool:
    return isinstance(node, ast.Name | ast.Constant) or (isinstance(node, ast.Attribute) and known(node))


class Evaluator:
    """One way of writing the functions of a collector; `rng` decides which helpers stay functions."""

    def __init__(self, source: Collector, rng: Random) -> None:
        self.source, self.rng = source, rng
        self.helpers: dict[str, ast.stmt] = {}  # functions and constants that the file needs, in their order
        self._made: dict[str, str] = {}
        self._kept: dict[str, bool] = {}
        self._depth = 0

    # a call written out -------------------------------------------------------------------------------------------

    def call(self, name: str, args: list[ast.expr], keywords: dict[str, ast.expr], used: set[str]) -> tuple[
        Statements, ast.expr
    ]:  # fmt: skip
        """The statements of a call, and its value; raises Unwritable where it cannot be written out."""
        tree = copy.deepcopy(self.source.functions[name])
        if self._depth > 25:
            raise Unwritable("it calls itself")
        self._depth += 1
        try:
            return self._written_out(tree, self._bound(tree.args, args, keywords), used)
        finally:
            self._depth -= 1

    def _written_out(
        self, tree: ast.FunctionDef, bound: dict[str, ast.expr], used: set[str]
    ) -> tuple[Statements, ast.expr]:
        inner = stores(*tree.body)
        if any(isinstance(n, ast.Yield | ast.YieldFrom | ast.FunctionDef | ast.Global) for s in tree.body
               for n in ast.walk(s)):  # fmt: skip
            raise Unwritable(f"{tree.name} is more than its statements")
        first: Statements = []
        env: dict[str, ast.expr] = {}
        renamed = {n: fresh(n, used) for n in sorted(inner - set(bound)) if n in used}
        for param, value in bound.items():
            count = sum(isinstance(n, ast.Name) and n.id == param for s in tree.body for n in ast.walk(s))
            once = count <= 1 and not repeated(tree, param)
            if param not in inner and (known(value) or once):
                env[param] = value
                continue
            if param in inner and isinstance(value, ast.Name) and value.id == param:
                continue  # an argument that is bound anew under its own name
            if param in used:
                renamed[param] = fresh(param, used)
            first.append(assign(renamed.get(param, param), value))
        body = [Renaming(renamed).visit(s) for s in tree.body]
        used |= set(renamed.values()) | inner | set(bound)
        block = Block(self, env, used)
        made = block.run(body)
        if not any(isinstance(n, ast.Return) for s in made for n in ast.walk(s)):
            return first + made, ast.Constant(None)
        if not made or not isinstance(made[-1], ast.Return) or any(
            isinstance(n, ast.Return) for s in made[:-1] for n in ast.walk(s)
        ):  # fmt: skip
            raise Unwritable(f"{tree.name} returns in several places")
        end = made[-1]
        assert isinstance(end, ast.Return)
        return first + made[:-1], end.value or ast.Constant(None)

    @staticmethod
    def _bound(given: ast.arguments, args: list[ast.expr], keywords: Mapping[str, ast.expr]) -> dict[str, ast.expr]:
        names = [a.arg for a in (*given.posonlyargs, *given.args)]
        bound: dict[str, ast.expr] = dict(zip(names, args, strict=False))
        defaults: dict[str, ast.expr] = dict(
            zip(names[len(names) - len(given.defaults) :], given.defaults, strict=True)
        )
        defaults |= {a.arg: d for a, d in zip(given.kwonlyargs, given.kw_defaults, strict=True) if d is not None}
        rest = dict(keywords)
        for name in (*names, *(a.arg for a in given.kwonlyargs)):
            if name in rest:
                bound[name] = rest.pop(name)
            elif name not in bound:
                if name not in defaults:
                    raise Unwritable(f"the argument {name} is not given")
                bound[name] = copy.deepcopy(defaults[name])
        if given.vararg:
            bound[given.vararg.arg] = ast.Tuple(args[len(names) :], ast.Load())
        elif len(args) > len(names):
            raise Unwritable("too many arguments")
        if given.kwarg:
            bound[given.kwarg.arg] = ast.Dict([ast.Constant(k) for k in rest], list(rest.values()))
        elif rest:
            raise Unwritable(f"an argument {sorted(rest)[0]} that it does not take")
        return bound

    # a call that stays a call -------------------------------------------------------------------------------------

    def keeps(self, name: str) -> bool:
        """Whether a helper stays a function of the file, by chance and the same for all calls."""
        args = self.source.functions[name].args
        inside = any(word in name.split("_") for word in ALWAYS) or args.vararg or args.kwarg
        return self._kept.setdefault(name, not inside and self.rng.random() < 0.6)

    def helper(self, name: str, args: list[ast.expr], keywords: dict[str, ast.expr]) -> ast.expr:
        """A call of a function of the file, with what is known filled into its body."""
        tree = copy.deepcopy(self.source.functions[name])
        if tree.args.vararg or tree.args.kwarg:
            raise Unwritable(f"{name} takes any arguments")
        bound = self._bound(tree.args, args, keywords)
        inner = stores(*tree.body)
        fixed = {n: v for n, v in bound.items() if n not in inner and fills(v)}
        if any(isinstance(v, ast.Starred) for v in bound.values()):
            raise Unwritable(f"{name} is called with a list of arguments")
        key = name + "".join(f" {n}={ast.dump(v)}" for n, v in sorted(fixed.items()))
        left = [n for n in bound if n not in fixed]
        if key not in self._made:
            own = free_name(name, {*self.helpers, *self.source.constants})
            self._made[key] = own
            block = Block(self, dict(fixed), inner | set(bound))
            body = block.run(tree.body)
            for n in sorted(loads(*body)):
                self.constant(n)
            params = ast.arguments([], [ast.arg(n) for n in left], None, [], [], None, [])
            self.helpers[own] = ast.FunctionDef(own, params, body, [], None, lineno=0)
        return ast.Call(ast.Name(self._made[key], ast.Load()), [bound[n] for n in left], [])

    def constant(self, name: str) -> None:
        """A constant of the file, with what its value needs."""
        if name in self.source.functions and name not in self.helpers:
            self.reference(name)
        if name not in self.source.constants or name in self.helpers:
            return
        node = copy.deepcopy(self.source.constants[name])
        for n in sorted(loads(node.value)):
            self.constant(n)
        same = [n for n, other in self.source.constants.items() if other is self.source.constants[name]]
        self.helpers.update({n: node if n == same[0] else ast.Pass() for n in same})

    def reference(self, name: str) -> None:
        """A function of the file that is named and not called."""
        tree = copy.deepcopy(self.source.functions[name])
        self.helpers[name] = ast.Pass()
        if not (tree.args.vararg or tree.args.kwarg):
            tree.body = Block(self, {}, stores(tree)).run(tree.body)
        else:
            raise Unwritable(f"{name} takes any arguments")
        for n in sorted(loads(*tree.body)):
            self.constant(n)
        del self.helpers[name]
        self.helpers[name] = tree


class Block:
    """The statements of one function, one after the other, with what is known of its variables."""

    def __init__(self, evaluator: Evaluator, env: dict[str, ast.expr], used: set[str]) -> None:
        self.evaluator, self.env, self.used = evaluator, env, used
        self.hoisted: Statements = []
        self.bound: set[str] = set()

    def run(self, body: Statements) -> Statements:
        made: Statements = []
        self.bound |= stores(*body)
        for node in body:
            for new in self.statement(copy.deepcopy(node)):
                made.append(new)
                if isinstance(new, ast.Return | ast.Raise | ast.Continue | ast.Break):
                    return made
        return made

    def stays(self, value: ast.expr) -> bool:
        """Whether a variable may be replaced by `value` for good."""
        if isinstance(value, ast.Name):
            return value.id not in self.bound
        return known(value) and not isinstance(value, ast.List)  # a list may grow

    def statement(self, node: ast.stmt) -> Statements:
        self.hoisted, before = [], self.hoisted
        made = self._statement(node)
        made, self.hoisted = self.hoisted + made, before
        return made

    def _statement(self, node: ast.stmt) -> Statements:
        match node:
            case ast.Return(value):
                return [ast.Return(self.expr(value) if value else None)]
            case ast.Assign([target], value):
                return self.assignment(target, self.expr(value))
            case ast.AugAssign(ast.Name(name) as target, ast.BitOr(), value) if name in self.env:
                merged = ast.BinOp(ast.Name(target.id, ast.Load()), ast.BitOr(), value)
                return self.assignment(target, self.expr(merged))
            case ast.Expr(value):
                value = self.expr(value)
                return [] if isinstance(value, ast.Constant) else [ast.Expr(value)]
            case ast.AugAssign(_, ast.Add() | ast.Sub(), value) if worked_out(value) == 0:
                return []
            case ast.If(test, body, other):
                return self.condition(self.expr(test), body, other)
            case ast.For(ast.Name(name), iterated, body, []):
                items = elements(self.expr(iterated))
                if items is not None and len(items) <= UNROLLED and all(map(known, items)):
                    unrolled: Statements = []
                    for item in items:
                        self.env[name] = item
                        unrolled += self.run(body)
                    return unrolled
        return [self.other(node)]

    def condition(self, test: ast.expr, body: Statements, other: Statements) -> Statements:
        if isinstance(test, ast.Constant):
            return self.run(body if test.value else other)
        self.materialised(*body, *other)
        hoisted = self.hoisted
        made = ast.If(test, self.inner(body), self.inner(other))
        self.hoisted = hoisted
        return [made]

    def materialised(self, *nodes: ast.stmt) -> None:
        """Variables that a loop or a branch changes are no longer only kept in mind."""
        items = {n.value.id for s in nodes for n in ast.walk(s) if isinstance(n, ast.Subscript)
                 and isinstance(n.ctx, ast.Store) and isinstance(n.value, ast.Name)}  # fmt: skip
        for name in sorted((stores(*nodes) | items) & set(self.env)):
            self.hoisted.append(assign(name, self.env.pop(name)))

    def inner(self, body: Statements) -> Statements:
        before = dict(self.env)
        made = self.run(body)
        for name in set(self.env) - set(before):  # what is known in a branch only, and may be read behind it
            value = self.env.pop(name)
            made.append(assign(name, value))
        return made or ([ast.Pass()] if body else [])

    def other(self, node: ast.stmt) -> ast.stmt:
        if not isinstance(node, ast.Assign):
            self.materialised(node)
        for field, value in ast.iter_fields(node):
            if isinstance(value, ast.expr):
                setattr(node, field, self.expr(value, hoist=not isinstance(node, ast.While)))
            elif isinstance(value, list) and value and isinstance(value[0], ast.stmt):
                setattr(node, field, self.inner(value))
            elif isinstance(value, list):
                setattr(node, field, [self.expr(v) if isinstance(v, ast.expr) else v for v in value])
        return node

    def assignment(self, target: ast.expr, value: ast.expr) -> Statements:
        match target, value:
            case ast.Name(name), ast.Dict(keys, values) if all(isinstance(k, ast.Constant) for k in keys):
                return self.table(name, keys, values)
            case ast.Name(name), _ if self.stays(value):
                self.env[name] = value
                return []
            case ast.Name(name), _:
                self.env.pop(name, None)
                if isinstance(value, ast.Name) and value.id == name:
                    return []
            case ast.Subscript(ast.Name(name), ast.Constant() as key), _ if isinstance(self.env.get(name), ast.Dict):
                table = self.env[name]
                assert isinstance(table, ast.Dict)
                others = [(k, v) for k, v in zip(table.keys, table.values, strict=True)
                          if not (isinstance(k, ast.Constant) and k.value == key.value)]  # fmt: skip
                return self.table(name, [*(k for k, _ in others), key], [*(v for _, v in others), value])
            case ast.Tuple(names), ast.Tuple(values) | ast.List(values) if len(names) == len(values):
                return self.several(names, values)
            case ast.Tuple(names), _:
                for name in stores(target):
                    self.env.pop(name, None)
        if isinstance(target, ast.Subscript):
            target = self.expr(target)
        return [ast.Assign([target], value, lineno=0)]

    def table(self, name: str, keys: list[Any], values: list[ast.expr]) -> Statements:
        """A dictionary taken apart: a variable for each of its values that is more than a name."""
        made: Statements = []
        kept = []
        for key, value in zip(keys, values, strict=True):
            if known(value):
                kept.append(value)
                continue
            own = free_name(f"{name}_{key.value}", self.used)
            self.used.add(own)
            made.append(assign(own, value))
            kept.append(ast.Name(own, ast.Load()))
        self.env[name] = ast.Dict(keys, kept)
        return made

    def several(self, names: list[ast.expr], values: list[ast.expr]) -> Statements:
        """a, b = c, d: what is known is kept in mind, and the rest stays one statement."""
        left: list[tuple[ast.expr, ast.expr]] = []
        made: Statements = []
        pairs = list(zip(names, values, strict=True))
        nested = [(n, v) for n, v in pairs if isinstance(n, ast.Tuple) and (elements(v) is not None)]
        for name, value in nested:
            assert isinstance(name, ast.Tuple)
            left += list(zip(name.elts, elements(value) or [], strict=True))
        pairs, left = [p for p in pairs if p not in nested] + left, []
        for name, value in pairs:
            if isinstance(name, ast.Name) and isinstance(value, ast.Dict):
                made += self.assignment(name, value)
            elif isinstance(name, ast.Name) and self.stays(value):
                self.env[name.id] = value
            elif not (isinstance(name, ast.Name) and isinstance(value, ast.Name) and name.id in (value.id, "_")):
                left.append((name, value))
                self.env.pop(getattr(name, "id", ""), None)
        if len(left) == 1:
            return made + self.assignment(*left[0])
        if not left:
            return made
        return [*made, ast.Assign([ast.Tuple([n for n, _ in left], ast.Store())],
                           ast.Tuple([v for _, v in left], ast.Load()), lineno=0)]  # fmt: skip

    def expr(self, node: ast.expr, hoist: bool = True) -> ast.expr:
        made: ast.expr = Folding(self, hoist).visit(node)
        return made


class Folding(ast.NodeTransformer):
    """An expression with everything worked out that is known."""

    def __init__(self, block: Block, hoist: bool) -> None:
        self.block, self.hoist = block, hoist
        self.shadowed: set[str] = set()

    def visit_Name(self, node: ast.Name) -> ast.expr:
        if isinstance(node.ctx, ast.Load) and node.id in self.block.env and node.id not in self.shadowed:
            return copy.deepcopy(self.block.env[node.id])
        return node

    def _inside(self, node: ast.AST, names: set[str]) -> ast.AST:
        before, hoist = set(self.shadowed), self.hoist
        self.shadowed |= names
        self.hoist = False
        self.generic_visit(node)
        self.shadowed, self.hoist = before, hoist
        return node

    def visit_Lambda(self, node: ast.Lambda) -> ast.AST:
        return self._inside(node, stores(node.args))

    def visit_ListComp(self, node: ast.ListComp) -> ast.AST:
        return self._unrolled(node)

    def visit_GeneratorExp(self, node: ast.GeneratorExp) -> ast.AST:
        return self._unrolled(node)

    def _unrolled(self, node: Any) -> ast.AST:
        rows = self._rows(node.generators)
        if rows is None:
            return self._inside(node, stores(*node.generators))
        elts = [self.visit(Substitution(row).visit(copy.deepcopy(node.elt))) for row in rows]
        return ast.Tuple(elts, ast.Load()) if isinstance(node, ast.GeneratorExp) else ast.List(elts, ast.Load())

    def visit_DictComp(self, node: ast.DictComp) -> ast.AST:
        rows = self._rows(node.generators)
        if rows is None:
            return self._inside(node, stores(*node.generators))
        pairs = [
            [self.visit(Substitution(row).visit(copy.deepcopy(n))) for n in (node.key, node.value)] for row in rows
        ]
        return ast.Dict([k for k, _ in pairs], [v for _, v in pairs])

    def _rows(self, generators: list[ast.comprehension]) -> list[dict[str, ast.expr]] | None:
        """What the variables of a comprehension stand for, where all that they run over is known."""
        rows: list[dict[str, ast.expr]] = [{}]
        for generator in generators:
            new = []
            for row in rows:
                iterated = Substitution(row).visit(copy.deepcopy(generator.iter))
                items = elements(self.visit(iterated))
                if items is None or len(items) > 16:
                    return None
                for item in items:
                    pair = matched(generator.target, item)
                    if pair is None:
                        return None
                    whole = {**row, **pair}
                    tests = [self.visit(Substitution(whole).visit(copy.deepcopy(test))) for test in generator.ifs]
                    if not all(isinstance(test, ast.Constant) for test in tests):
                        return None
                    if all(test.value for test in tests if isinstance(test, ast.Constant)):
                        new.append(whole)
            rows = new
        return rows

    def visit_IfExp(self, node: ast.IfExp) -> ast.AST:
        test = self.visit(node.test)
        if isinstance(test, ast.Constant):
            return self.visit(node.body if test.value else node.orelse)
        node.test = test
        hoist, self.hoist = self.hoist, False
        node.body, node.orelse = self.visit(node.body), self.visit(node.orelse)
        self.hoist = hoist
        return node

    def visit_BoolOp(self, node: ast.BoolOp) -> ast.AST:
        made: list[ast.expr] = []
        for value in map(self.visit, node.values):
            if isinstance(value, ast.Constant):
                if bool(value.value) == isinstance(node.op, ast.Or):
                    made.append(value)
                    break
                if value is not node.values[-1]:
                    continue
            made.append(value)
        if not made:
            return ast.Constant(isinstance(node.op, ast.And))
        return made[0] if len(made) == 1 else ast.BoolOp(node.op, made)

    def visit_Subscript(self, node: ast.Subscript) -> ast.AST:
        self.generic_visit(node)
        value = self._constant_table(node.value)
        if isinstance(node.ctx, ast.Load) and isinstance(value, ast.Dict) and isinstance(node.slice, ast.Constant):
            for key, found in zip(value.keys, value.values, strict=True):
                if isinstance(key, ast.Constant) and key.value == node.slice.value:
                    return self.visit(copy.deepcopy(found)) if value is not node.value else found
        if isinstance(node.ctx, ast.Load) and isinstance(value, ast.Tuple | ast.List):
            index = worked_out(node.slice)
            if isinstance(index, int) and not isinstance(index, bool) and index < len(value.elts):
                return value.elts[index]
            if isinstance(node.slice, ast.Slice) and plain(node.slice):
                bounds = [worked_out(b) if b else None for b in (node.slice.lower, node.slice.upper, node.slice.step)]
                return type(value)(value.elts[slice(*bounds)], ast.Load())
        return self._worked_out(node)

    def _constant_table(self, node: ast.expr) -> ast.expr:
        if isinstance(node, ast.Name) and node.id in self.block.evaluator.source.constants:
            value = self.block.evaluator.source.constants[node.id].value
            return value if isinstance(value, ast.Dict) else node
        return node

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        self.generic_visit(node)
        if isinstance(node.op, ast.BitOr) and isinstance(node.left, ast.Dict) and isinstance(node.right, ast.Dict):
            merged = {k.value: (k, v) for d in (node.left, node.right) for k, v in zip(d.keys, d.values, strict=True)
                      if isinstance(k, ast.Constant)}  # fmt: skip
            return ast.Dict([k for k, _ in merged.values()], [v for _, v in merged.values()])
        one = {ast.Mult: 1.0, ast.Div: 1.0, ast.Add: 0.0, ast.Sub: 0.0}.get(type(node.op))
        if one is not None and getattr(node.right, "left_out", None) == one:
            return node.left
        if isinstance(node.op, ast.Add | ast.Mult) and getattr(node.left, "left_out", None) == one:
            return node.right
        if isinstance(node.op, ast.Add) and isinstance(node.left, ast.Tuple) and isinstance(node.right, ast.Tuple):
            return ast.Tuple(node.left.elts + node.right.elts, ast.Load())
        return self._worked_out(node)

    def visit_Compare(self, node: ast.Compare) -> ast.AST:
        self.generic_visit(node)
        return self._worked_out(node, always=True)

    def visit_UnaryOp(self, node: ast.UnaryOp) -> ast.AST:
        self.generic_visit(node)
        if isinstance(node.op, ast.Not) and isinstance(node.operand, ast.Constant):
            return ast.Constant(not node.operand.value)
        return node

    def visit_JoinedStr(self, node: ast.JoinedStr) -> ast.AST:
        self.generic_visit(node)
        return self._worked_out(node)

    def _worked_out(self, node: Any, always: bool = False) -> Any:
        """A constant for an expression of constants with a word or a flag in it; numbers stay as they are written."""
        if not plain(node):
            return node
        words = any(isinstance(n, ast.Constant) and (n.value is None or isinstance(n.value, str | bool))
                    for n in ast.walk(node))  # fmt: skip
        if not (always or words):
            return node
        value = worked_out(node)
        return ast.Constant(value) if isinstance(value, str | int | float | None) and value is not UNKNOWN else node

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        node.args = [e for a in node.args for e in spread(a)]
        node.keywords = [k for word in node.keywords for k in spread_keywords(word)]
        evaluator = self.block.evaluator
        match node.func:
            case ast.Lambda(args, body):
                names = [a.arg for a in args.args]
                return self.visit(Substitution(dict(zip(names, node.args, strict=False))).visit(copy.deepcopy(body)))
            case ast.Name("getattr") if len(node.args) == 2 and isinstance(node.args[1], ast.Constant):
                return ast.Attribute(node.args[0], str(node.args[1].value), ast.Load())
            case ast.Name("zip") if all(elements(a) is not None for a in node.args):
                rows = zip(*(elements(a) or [] for a in node.args), strict=False)
                return ast.Tuple([ast.Tuple(list(row), ast.Load()) for row in rows], ast.Load())
            case ast.Name("dict") if len(node.args) == 1 and (rows := elements(node.args[0])) is not None:
                pairs = [elements(row) or [] for row in rows]
                if all(len(p) == 2 for p in pairs):
                    return ast.Dict([p[0] for p in pairs], [p[1] for p in pairs])
            case ast.Name("len") if len(node.args) == 1 and isinstance(node.args[0], ast.Constant):
                return self._worked_out(ast.Constant(len(str(node.args[0].value))), always=True)
            case ast.Name("tuple" | "list") if len(node.args) == 1 and (made := elements(node.args[0])) is not None:
                return ast.Tuple(made, ast.Load())
            case ast.Name("float" | "int" | "bool") if node.args and isinstance(node.args[0], ast.Constant):
                kind: Callable[..., Any] = {"float": float, "int": int, "bool": bool}[node.func.id]
                return ast.Constant(kind(node.args[0].value))
            case ast.Attribute(ast.Dict(keys, values), "items") if not node.args:
                return ast.Tuple([ast.Tuple([k or ast.Constant(None), v], ast.Load())
                                  for k, v in zip(keys, values, strict=True)], ast.Load())  # fmt: skip
            case ast.Attribute(ast.Dict(keys, values), "values") if not node.args:
                return ast.Tuple(values, ast.Load())
            case ast.Name(name) if name in evaluator.source.functions and name not in self.shadowed:
                return self._function(name, node)
        return self._worked_out(node)

    def _function(self, name: str, node: ast.Call) -> ast.expr:
        evaluator = self.block.evaluator
        keywords = {k.arg: k.value for k in node.keywords if k.arg}
        if len(keywords) < len(node.keywords):
            raise Unwritable(f"{name} is called with a dictionary of arguments")
        if any(isinstance(a, ast.Starred) for a in node.args):
            raise Unwritable(f"{name} is called with a list of arguments")
        named = any(isinstance(a, ast.Dict) and not plain(a) for a in (*node.args, *keywords.values()))
        if named or not evaluator.keeps(name):
            try:
                statements, value = evaluator.call(name, list(node.args), dict(keywords), set(self.block.used))
            except Unwritable:
                statements, value = [], None  # type: ignore[assignment]
            if value is not None and (self.hoist or not statements):
                self.block.used |= stores(*statements)
                self.block.hoisted += statements
                return value
        return evaluator.helper(name, list(node.args), keywords)


UNKNOWN = object()


def worked_out(node: ast.expr | None) -> Any:
    """The value of an expression of constants, or UNKNOWN."""
    if node is None or not plain(node):
        return UNKNOWN
    try:
        return eval(compile(ast.fix_missing_locations(ast.Expression(copy.deepcopy(node))), "", "eval"), {"np": np})
    except Exception:
        return UNKNOWN


def elements(node: ast.AST) -> list[ast.expr] | None:
    """The items of something that is known to the last of them."""
    if isinstance(node, ast.Tuple | ast.List) and not any(isinstance(e, ast.Starred) for e in node.elts):
        return list(node.elts)
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return [ast.Constant(letter) for letter in node.value]
    if isinstance(node, ast.Dict) and all(node.keys):
        return [k for k in node.keys if k]
    return None


def matched(target: ast.expr, item: ast.expr) -> dict[str, ast.expr] | None:
    if isinstance(target, ast.Name):
        return {target.id: item}
    parts = elements(item)
    if not isinstance(target, ast.Tuple) or parts is None or len(parts) != len(target.elts):
        return None
    found: dict[str, ast.expr] = {}
    for one, part in zip(target.elts, parts, strict=True):
        more = matched(one, part)
        if more is None:
            return None
        found |= more
    return found


def spread(argument: ast.expr) -> list[ast.expr]:
    if isinstance(argument, ast.Starred) and (items := elements(argument.value)) is not None:
        return items
    return [argument]


def spread_keywords(word: ast.keyword) -> list[ast.keyword]:
    if (
        word.arg is None
        and isinstance(word.value, ast.Dict)
        and all(isinstance(k, ast.Constant) for k in word.value.keys)
    ):
        pairs = zip(word.value.keys, word.value.values, strict=True)
        return [ast.keyword(str(k.value), v) for k, v in pairs if isinstance(k, ast.Constant)]
    return [word]


def fills(node: ast.expr) -> bool:
    """Whether an argument goes into the body of a helper: words, flags, functions and tables, and no numbers."""
    if isinstance(node, ast.Constant):
        return node.value is None or isinstance(node.value, str | bool)
    if isinstance(node, ast.Dict | ast.Lambda):
        return not any(isinstance(n, ast.Name) for n in ast.walk(node)) or isinstance(node, ast.Lambda)
    return isinstance(node, ast.Attribute) and known(node)


def repeated(tree: ast.FunctionDef, param: str) -> bool:
    """Whether a parameter is read inside of a loop or an inner function."""
    loops = (ast.For, ast.While, ast.ListComp, ast.GeneratorExp, ast.DictComp, ast.Lambda)
    return any(isinstance(n, loops) and param in loads(n) for s in tree.body for n in ast.walk(s))


def assign(name: str, value: ast.expr) -> ast.Assign:
    return ast.Assign([ast.Name(name, ast.Store())], value, lineno=0)


def free_name(name: str, used: set[str]) -> str:
    return name if name not in used else fresh(name, used)


def fresh(name: str, used: set[str]) -> str:
    """A name like `name` that is not used."""
    return next(n for n in (f"{name}{i}" for i in range(2, 1000)) if n not in used)


class Renaming(ast.NodeTransformer):
    """Variables under other names."""

    def __init__(self, names: Mapping[str, str]) -> None:
        self.names = names

    def visit_Name(self, node: ast.Name) -> ast.Name:
        return ast.Name(self.names.get(node.id, node.id), node.ctx)

    def visit_arg(self, node: ast.arg) -> ast.arg:
        return ast.arg(self.names.get(node.arg, node.arg), node.annotation)
