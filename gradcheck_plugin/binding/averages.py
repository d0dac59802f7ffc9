"""Where a mean over the batch is taken: in a layer, for its parameters, or outside a loss of one number a sample.

Both are what some courses want, and both look like a factor that was forgotten or is too much. What is said here is
said by the text around them: a comment, a `np.mean(sample_losses)`, a gradient of the loss that nobody divides.
"""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator, Mapping
from typing import Any

from gradcheck_plugin.author.evidence import Text, closure, functions_of, kept_as, last_name, remarks, texts
from gradcheck_plugin.names.words import BACKWARD, LABELS

_SAMPLES = r"(mini-?)?batch(es)?|samples?|examples?|rows"
_SAID = re.compile(
    rf"\b(averag\w*|means?)\W+(\w+\W+){{0,4}}({_SAMPLES})\b|\b({_SAMPLES})\W+(\w+\W+){{0,2}}(averag\w*|mean)\b|"
    rf"divid\w*\W+(\w+\W+){{0,3}}by\W+(\w+\W+){{0,3}}({_SAMPLES}|m|n)\b|\b1 ?/ ?(m|n)(\b|\W|[가-힣])|"
    r"배치\S*\s*평균|평균\S*\s*배치|(표본|샘플)\S*\s*평균",
    re.IGNORECASE,
)
_SIZES = (
    "n",
    "m",
    "len",
    "shape",
    "size",
    "batch_size",
    "batch",
    "num_samples",
    "n_samples",
    "num_examples",
    "samples",
)
_LOSS = re.compile(r"\w*(loss|cost|error|objective)\w*|errs?", re.IGNORECASE)
_MEANS = ("mean", "average", "nanmean")


def said(objects: Mapping[str, Any]) -> str:
    """What the text around a layer says of gradients that are averaged in it; "" where it says nothing."""
    things = functions_of(objects)
    for thing in things:
        for line in _of_backward(thing).splitlines():
            if _SAID.search(line):
                return "its author says so: " + line.strip().strip("#\"' ")
    for thing in things:
        for text in texts(thing):
            for line in _undivided(text):
                return f"the gradient of the loss beside it is not divided: {line}"
    return ""


def _of_backward(thing: Any) -> str:
    """Docstrings and comments that are about a backward: those in it, and the docstring of its class."""
    if not inspect.isclass(thing):
        return remarks(thing) if re.search(r"back|bwd|grad|deriv", thing.__name__) else ""
    own = [getattr(thing, n) for n in BACKWARD if inspect.isfunction(getattr(thing, n, None))]
    return "\n".join([thing.__doc__ or "", *map(remarks, own)])


def _undivided(text: Text) -> Iterator[str]:
    """Differences of prediction and label that go back as they are: returned, or handed to a backward."""
    for node in ast.walk(text.tree):
        if not isinstance(node, ast.BinOp) or not isinstance(node.op, ast.Sub):
            continue
        names = [kept_as(side).lower().strip("_") for side in (node.left, node.right)]
        if not all(names) or names[1] not in (*LABELS, "y_one_hot", "one_hot") or names[0] in LABELS:
            continue
        outer = _scaled(text, node)
        parent = text.parents.get(outer)
        if isinstance(parent, ast.Return) or _goes_back(text, outer):
            yield ast.unparse(outer)
        elif isinstance(parent, ast.Assign) and _assigned_goes_back(text, parent):
            yield ast.unparse(parent)


def _scaled(text: Text, node: ast.AST) -> ast.AST:
    """The expression around a difference that only multiplies it by constants."""
    while True:
        parent = text.parents.get(node)
        times = isinstance(parent, ast.BinOp) and isinstance(parent.op, ast.Mult) and _constant(parent, node)
        if parent is None or not (times or isinstance(parent, ast.UnaryOp)):
            return node
        node = parent


def _constant(product: ast.BinOp, node: ast.AST) -> bool:
    return isinstance(product.right if product.left is node else product.left, ast.Constant)


def _goes_back(text: Text, node: ast.AST) -> bool:
    parent = text.parents.get(node)
    return isinstance(parent, ast.Call) and node in parent.args and bool(re.search(r"back", last_name(parent)))


def _assigned_goes_back(text: Text, statement: ast.Assign) -> bool:
    """Whether what is assigned is handed to a backward, or returned, and nowhere divided by the size of the batch."""
    names = {ast.unparse(t) for t in statement.targets}
    found = False
    for node in ast.walk(text.scope(statement)):
        if isinstance(node, ast.AugAssign) and isinstance(node.op, ast.Div) and ast.unparse(node.target) in names:
            return False
        if not isinstance(node, ast.Name | ast.Attribute) or ast.unparse(node) not in names:
            continue
        parent = text.parents.get(node)
        if isinstance(parent, ast.BinOp) and isinstance(parent.op, ast.Div) and parent.left is node and _size(parent):
            return False
        found = found or _goes_back(text, node) or isinstance(parent, ast.Return)
    return found


def _size(division: ast.BinOp) -> bool:
    names = {
        last_name(n).lower() for n in ast.walk(division.right) if isinstance(n, ast.Name | ast.Attribute | ast.Call)
    }
    return bool(names & set(_SIZES))


def takes_mean(objects: Mapping[str, Any]) -> bool:
    """Whether the mean of what a loss gives is taken somewhere: in its class, its base, its file, a training loop."""
    things = functions_of(objects)
    bases = [b for t in things if inspect.isclass(t) for b in t.__mro__[1:-1]]
    own = {o for o in objects.values() if isinstance(o, str)} | {t.__name__ for t in things if not inspect.isclass(t)}
    classes = {t.__name__ for t in things if inspect.isclass(t)}
    seen = [text for thing in (*things, *bases) for text in texts(thing)]
    if any(_takes_mean(text, own, classes) for text in seen):
        return True
    said = "\n".join([*map(remarks, things), *map(_of_backward, closure(objects))])
    return any(_SAID.search(line) for line in said.splitlines())


def _takes_mean(text: Text, own: set[str], classes: set[str]) -> bool:
    for node in ast.walk(text.tree):
        for operand in _averaged(node):
            if not _inside_itself(text, node, own, classes) and _is_loss(text, operand, own | classes):
                return True
    return False


def _averaged(node: ast.AST) -> Iterator[ast.expr]:
    """What a node is the mean of: `np.mean(losses)`, `losses.mean()`, `sum(losses) / len(losses)`."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div) and isinstance(node.left, ast.Call):
        if last_name(node.left) == "sum" and _size(node):
            yield from _operands(node.left)
    elif isinstance(node, ast.Call) and last_name(node) in _MEANS and not any(k.arg == "axis" for k in node.keywords):
        yield from _operands(node)


def _operands(call: ast.Call) -> Iterator[ast.expr]:
    if call.args:
        yield call.args[0]
    elif isinstance(call.func, ast.Attribute):
        yield call.func.value


def _inside_itself(text: Text, node: ast.AST, own: set[str], classes: set[str]) -> bool:
    """Whether a node is in the forward or the backward of the loss: there a mean is taken over other axes."""
    scope = text.scope(node)
    if not isinstance(scope, ast.FunctionDef) or scope.name not in own:
        return False
    around = text.parents.get(scope)
    return not isinstance(around, ast.ClassDef) or around.name in classes


def _is_loss(text: Text, node: ast.expr, names: set[str]) -> bool:
    """Whether an expression is what a loss gives: a call of it, or what is kept of that, or what is called a loss."""
    called = last_name(node)
    if isinstance(node, ast.Call):
        return called in names or bool(_LOSS.fullmatch(called))
    key = kept_as(node)
    if _LOSS.fullmatch(key):
        return True
    values = (value for target, value in text.assignments if key and kept_as(target) == key)
    return any(isinstance(v, ast.Call) and last_name(v) in names for v in values)
