"""What of a text may run: no branch that is switched off, nothing behind a return, no call that is meant to raise."""

from __future__ import annotations

import ast
from collections.abc import Iterator

_ENDS = (ast.Return, ast.Raise, ast.Continue, ast.Break)
_RAISES = ("raises", "assertRaises", "assertRaisesRegex", "assert_raises")  # whatever is called in there is wrong


def alive(node: ast.AST) -> Iterator[ast.AST]:
    """A node and everything in it that may run, in the order of the text."""
    yield node
    for name, value in ast.iter_fields(node):
        if isinstance(value, list):
            for child in _running(node, name, value):
                yield from alive(child)
        elif isinstance(value, ast.AST):
            yield from alive(value)


def _running(owner: ast.AST, field: str, block: list[ast.AST]) -> Iterator[ast.AST]:
    if isinstance(owner, ast.If | ast.While) and isinstance(owner.test, ast.Constant):
        block = [] if field == ("orelse" if owner.test.value else "body") else block
    if field == "body" and isinstance(owner, ast.With) and any(map(_expects_to_raise, owner.items)):
        block = []
    for child in block:
        if isinstance(child, ast.AST):
            yield child
        if isinstance(child, _ENDS):
            return


def _expects_to_raise(item: ast.withitem) -> bool:
    called = item.context_expr.func if isinstance(item.context_expr, ast.Call) else None
    return (called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")) in _RAISES
