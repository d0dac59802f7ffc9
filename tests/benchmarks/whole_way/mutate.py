"""Faults put into the backward of a right object, one at a time."""

from __future__ import annotations

import ast
import copy
from collections.abc import Callable, Iterator
from random import Random

Change = tuple[str, Callable[[], None]]


def mutated(text: str, backwards: tuple[str, ...], rng: Random) -> tuple[str, str] | None:
    """The text with one fault in a backward, and the kind of the fault; None where there is no place for one."""
    tree = ast.parse(text)
    places = [change for name in backwards for f in found(tree, name) for change in changes(f)]
    if not places:
        return None
    kinds = sorted({kind for kind, _ in places})
    kind = rng.choice(kinds)
    rng.choice([c for k, c in places if k == kind])()
    return ast.unparse(ast.fix_missing_locations(tree)) + "\n", kind


def found(tree: ast.Module, name: str) -> Iterator[ast.FunctionDef]:
    owner, _, method = name.rpartition(".")
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and not owner and node.name == method:
            yield node
        if isinstance(node, ast.ClassDef) and node.name == owner:
            yield from (f for f in node.body if isinstance(f, ast.FunctionDef) and f.name == method)


def changes(function: ast.FunctionDef) -> Iterator[Change]:
    """Every fault that fits somewhere in a function."""
    upstream = next((a.arg for a in function.args.args if a.arg not in ("self", "ctx")), "")
    for i, statement in enumerate(function.body):
        yield from _statement(function.body, i, statement, upstream)
    for parent in (n for s in function.body for n in ast.walk(s)):  # defaults of arguments are no part of the backward
        for field, value in ast.iter_fields(parent):
            if isinstance(value, ast.expr):
                yield from _expression(parent, field, None, value)
            elif isinstance(value, list):
                for i, item in enumerate(value):
                    if isinstance(item, ast.expr):
                        yield from _expression(parent, field, i, item)
                    elif isinstance(item, ast.stmt):
                        yield from _statement(value, i, item, upstream)


def _put(parent: ast.AST, field: str, index: int | None, new: ast.expr) -> Callable[[], None]:
    def change() -> None:
        if index is None:
            setattr(parent, field, new)
        else:
            getattr(parent, field)[index] = new

    return change


def _expression(parent: ast.AST, field: str, index: int | None, node: ast.expr) -> Iterator[Change]:
    if field in ("targets", "target", "func", "slice", "test") or isinstance(parent, ast.Slice):
        return
    put = lambda new: _put(parent, field, index, new)  # noqa: E731
    match node:
        case ast.BinOp(left, ast.Mult(), right):
            yield "a factor dropped", put(left)
            yield "a factor dropped", put(right)
        case ast.BinOp(left, ast.BitAnd() | ast.BitOr(), right):
            yield "a condition dropped", put(left)
            yield "a condition dropped", put(right)
        case ast.BinOp(left, ast.Div(), right):
            yield "a divisor dropped", put(left)
            yield "/ the other way round", put(ast.BinOp(right, ast.Div(), left))
        case ast.BinOp(left, ast.Sub(), right):
            yield "- the other way round", put(ast.BinOp(right, ast.Sub(), left))
            yield "+ for -", put(ast.BinOp(left, ast.Add(), right))
            yield "a term dropped", put(left)
        case ast.BinOp(left, ast.Add(), right):
            yield "- for +", put(ast.BinOp(left, ast.Sub(), right))
            yield "a term dropped", put(left)
            yield "a term dropped", put(right)
        case ast.BinOp(left, ast.Pow(), right):
            yield "a power dropped", put(left)
        case ast.UnaryOp(ast.USub(), operand):
            yield "a sign dropped", put(operand)
        case ast.Attribute(value, "T"):
            yield "a transpose dropped", put(value)
        case ast.Call(ast.Attribute(ast.Name("np"), "sum"), [array, *_], _):
            yield "a sum dropped", put(array)
            yield "mean for sum", put(_renamed(node, "mean"))
        case ast.Call(ast.Attribute(value, "sum"), _, _):
            yield "a sum dropped", put(value)
            yield "mean for sum", put(_renamed(node, "mean"))
        case ast.Call(ast.Attribute(value, "mean"), _, _):
            yield "sum for mean", put(_renamed(node, "sum"))
        case ast.Compare(left, [op], [right]):
            flipped = {ast.Gt: ast.Lt, ast.Lt: ast.Gt, ast.GtE: ast.LtE, ast.LtE: ast.GtE, ast.Eq: ast.NotEq,
                       ast.NotEq: ast.Eq}.get(type(op))  # fmt: skip
            if flipped:
                yield "a comparison flipped", put(ast.Compare(left, [flipped()], [right]))
        case ast.Call(ast.Attribute(ast.Name("np"), "dot"), [left, right], []):
            yield "operands of a product swapped", put(ast.Call(node.func, [right, left], []))
        case ast.BinOp(left, ast.MatMult(), right):
            yield "operands of a product swapped", put(ast.BinOp(right, ast.MatMult(), left))
        case ast.Constant(bool()) | ast.Constant(str()) | ast.Constant(None):
            pass
        case ast.Constant(value) if not isinstance(parent, ast.keyword) and isinstance(value, int | float):
            yield "a constant changed", put(ast.Constant(value + 1))
    if isinstance(node, ast.Call):
        for word in node.keywords:
            if word.arg == "axis" and isinstance(word.value, ast.Constant) and isinstance(word.value.value, int):
                yield "another axis", _put(word, "value", None, ast.Constant(0 if word.value.value else 1))


def _renamed(node: ast.Call, name: str) -> ast.Call:
    made = copy.deepcopy(node)
    assert isinstance(made.func, ast.Attribute)
    made.func.attr = name
    return made


def _statement(body: list[ast.stmt], i: int, node: ast.stmt, upstream: str) -> Iterator[Change]:
    def to(new: ast.stmt | None) -> Callable[[], None]:
        def change() -> None:
            body[i] = new or ast.Pass()

        return change

    match node:
        case ast.Return(ast.Tuple([ast.Name("loss"), value])):
            yield "a gradient twice as large", to(ast.Return(ast.Tuple([ast.Name("loss"), _twice(value)], ast.Load())))
        case ast.Return(ast.Tuple(values) as whole) if len(values) > 1 and not _is_cache(values[-1]):
            yield "a gradient left out of several", to(ast.Return(ast.Tuple(values[:-1], ast.Load())))
            yield "None for a gradient", to(ast.Return(ast.Tuple([*values[:-1], ast.Constant(None)], ast.Load())))
            yield "two gradients swapped", to(ast.Return(ast.Tuple([*values[:-2], values[-1], values[-2]], ast.Load())))
            yield (
                "a gradient twice as large",
                to(ast.Return(ast.Tuple([_twice(values[0]), *whole.elts[1:]], ast.Load()))),
            )
        case ast.Return(value) if value is not None and not isinstance(value, ast.Constant | ast.Tuple):
            yield "a gradient twice as large", to(ast.Return(_twice(value)))
            yield "nothing returned", to(ast.Pass())
            if upstream:
                yield "the upstream gradient returned", to(ast.Return(ast.Name(upstream, ast.Load())))
        case ast.Assign([ast.Attribute(ast.Name("self"), _)], value):
            yield "a gradient that is not kept", to(None)
            yield "a kept gradient twice as large", to(ast.Assign(node.targets, _twice(value), lineno=0))
        case ast.AugAssign(ast.Subscript() as target, ast.Add(), value):
            yield "= for +=", to(ast.Assign([target], value, lineno=0))
        case ast.AugAssign(ast.Attribute(), _, _):
            yield "an update that is not made", to(None)


def _twice(value: ast.expr) -> ast.expr:
    return ast.BinOp(ast.Constant(2), ast.Mult(), value)


def _is_cache(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id == "cache"
