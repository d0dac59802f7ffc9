"""The user's functions and classes as they are written: their syntax trees, and what these say."""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from types import MethodType
from typing import Any, cast

from gradcheck_plugin.names.words import BACKWARD, FORWARD

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef


def words_of(name: str) -> list[str]:
    """The words of a name, in lower case: `BinaryRBM_2` is made of binary, rbm and 2."""
    return [word for word in _apart(name).lower().split("_") if word]


def _apart(name: str) -> str:
    return re.sub(r"([a-z0-9])([A-Z])|([A-Z])([A-Z][a-z])", r"\1\3_\2\4", name)


def in_snake_case(name: str) -> str:
    """A name in camel case with underscores: `reluBackward` is relu_backward. Others stay as they are."""
    return name if "_" in name or name.islower() or name.isupper() else _apart(name).lower()


def is_sampler(name: str) -> bool:
    """Whether a name says Boltzmann machine: its backward is the other direction of a sampler, and no gradient."""
    return bool({"rbm", "boltzmann"} & {*words_of(name)})


def tree_of(thing: Callable[..., Any]) -> ast.AST | None:
    """The definition of a function or class; None where its source is not at hand."""
    try:
        return _tree_of(thing)
    except TypeError:  # no key of a cache
        return _tree_of.__wrapped__(thing)


def nodes_of(thing: Callable[..., Any]) -> tuple[ast.AST, ...]:
    """Every node of the definition of a function or class; none where its source is not at hand."""
    try:
        return _nodes_of(thing)
    except TypeError:  # no key of a cache
        return _nodes_of.__wrapped__(thing)


@lru_cache(maxsize=512)
def _nodes_of(thing: Callable[..., Any]) -> tuple[ast.AST, ...]:
    tree = tree_of(thing)
    return tuple(ast.walk(tree)) if tree is not None else ()


@lru_cache(maxsize=512)
def _tree_of(thing: Callable[..., Any]) -> ast.AST | None:
    try:
        body = ast.parse(textwrap.dedent(inspect.getsource(thing))).body
    except (OSError, TypeError, SyntaxError):
        return None
    return body[0] if body else None


def behind(function: Callable[..., Any]) -> list[Callable[..., Any]]:
    """A function, and the one of its name that a decorator put it around."""
    cells = inspect.getclosurevars(function).nonlocals.values() if inspect.isfunction(function) else ()
    name = getattr(function, "__name__", "")
    return [function, *(f for f in cells if inspect.isfunction(f) and f is not function and f.__name__ == name)]


def returned(function: Callable[..., Any]) -> Iterator[ast.expr]:
    """What a function returns, without what the functions in it return."""
    tree = tree_of(function)
    if isinstance(tree, FunctionNode):
        yield from (n.value for n in _own(tree) if isinstance(n, ast.Return) and n.value is not None)


def assigned(function: Callable[..., Any], name: str) -> list[ast.expr]:
    """What a function assigns to one of its names, in the order of its lines."""
    tree, found = tree_of(function), []
    for node in _own(tree) if isinstance(tree, FunctionNode) else ():
        targets = node.targets if isinstance(node, ast.Assign) else []
        if any(isinstance(t, ast.Name) and t.id == name for t in targets):
            assert isinstance(node, ast.Assign)
            found.append(node.value)
    return found


def _own(tree: ast.AST) -> Iterator[ast.AST]:
    """The nodes of a function, without those of the functions in it."""
    for child in ast.iter_child_nodes(tree):
        if not isinstance(child, FunctionNode | ast.Lambda | ast.ClassDef):
            yield child
            yield from _own(child)


def leaves_in_self(method: Callable[..., Any]) -> bool:
    """Whether a method sets an attribute of its object, or an entry of one."""
    return bool(left_in_self(method))


def left_in_self(method: Callable[..., Any]) -> tuple[str, ...]:
    """The attributes of its object that a method sets, and the keys of the entries; "" for a key that is computed."""
    tree = tree_of(method)
    return () if tree is None else _left_in_self(tree)


@lru_cache(maxsize=512)
def _left_in_self(tree: ast.AST) -> tuple[str, ...]:
    nodes = (n for n in ast.walk(tree) if isinstance(n, ast.Attribute | ast.Subscript) and _is_set_of_self(n))
    return tuple(n.attr if isinstance(n, ast.Attribute) else str(getattr(n.slice, "value", "")) for n in nodes)


def switches(forward: Callable[..., Any], backward: Callable[..., Any]) -> dict[str, bool]:
    """The values of a forward's flags with which it keeps what the backward reads: `if save: self.x = x`.

    What it keeps in any case needs no flag.
    """
    tree, back = tree_of(forward), tree_of(backward)
    if tree is None or back is None:
        return {}
    stores = [n for n in ast.walk(tree) if isinstance(n, ast.Attribute | ast.Subscript) and _is_set_of_self(n)]
    read = {n.attr for n in ast.walk(back) if isinstance(n, ast.Attribute) and ast.unparse(n.value) == "self"}
    found: dict[str, bool] = {}
    for node in (n for n in ast.walk(tree) if isinstance(n, ast.If)):
        inside = {id(n) for statement in node.body for n in ast.walk(statement)}
        kept = {ast.unparse(n) for n in stores if id(n) in inside}
        kept -= {ast.unparse(n) for n in stores if id(n) not in inside}
        asked = _SWITCH.fullmatch(ast.unparse(node.test))
        if asked and {re.split(r"[.\[]", place)[1] for place in kept} & read:
            found[asked["flag"]] = not asked["negated"] and asked["value"] != "False"
    return found


_SWITCH = re.compile(r"(?P<negated>not )?(?P<flag>\w+)( (is|==) (?P<value>True|False))?")


def _is_set_of_self(node: ast.Attribute | ast.Subscript) -> bool:
    """Whether something sets an attribute of its object, or an entry of one."""
    root: ast.expr = node
    while isinstance(root, ast.Attribute | ast.Subscript):
        root = root.value
    return isinstance(node.ctx, ast.Store) and isinstance(root, ast.Name) and root.id == "self"


def attributes_of_self(method: Callable[..., Any], kind: type[ast.expr_context]) -> set[str]:
    """The attributes of its object that a method reads, or sets: also where it sets a part of one."""
    tree = tree_of(method)
    nodes = [n for n in ast.walk(tree) if isinstance(n, ast.Attribute | ast.Subscript)] if tree is not None else []
    if kind is ast.Store:
        return {re.split(r"[.\[]", ast.unparse(n))[1] for n in nodes if _is_set_of_self(n)}
    return {n.attr for n in nodes if isinstance(n, ast.Attribute) and ast.unparse(n.value) == "self"}


def arrays_of_self(method: Callable[..., Any]) -> frozenset[str]:
    """The attributes of its object that a method slices or gives an axis, `self.a[:, None]`, or moves by a step of its
    own, `self.a -= lr * da`: no settings."""
    tree = tree_of(method)
    return frozenset() if tree is None else _arrays_of_self(tree)


@lru_cache(maxsize=512)
def _arrays_of_self(tree: ast.AST) -> frozenset[str]:
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Subscript):
            parts = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
            if any(isinstance(p, ast.Slice) or (isinstance(p, ast.Constant) and p.value is None) for p in parts):
                found.add(ast.unparse(node.value))
        elif isinstance(node, ast.AugAssign) and isinstance(node.op, ast.Sub):
            found.add(ast.unparse(node.target))
        elif isinstance(node, ast.Assign) and isinstance(node.value, ast.BinOp) and isinstance(node.value.op, ast.Sub):
            found |= {ast.unparse(t) for t in node.targets} & {ast.unparse(node.value.left)}
    return frozenset(t.removeprefix("self.") for t in found if t.startswith("self.") and t.count(".") == 1)


def sums_gradients(cls: type, but: tuple[str, ...]) -> bool:
    """Whether a method of a class, other than some, sums what it calls a gradient over the first axis."""
    trees = [tree_of(m) for n, m in vars(cls).items() if inspect.isfunction(m) and n not in but]
    calls = [n for tree in trees if tree is not None for n in ast.walk(tree) if isinstance(n, ast.Call)]
    sums = [n for n in calls if isinstance(n.func, ast.Attribute) and n.func.attr == "sum" and _of_first_axis(n)]
    summed = (ast.unparse(n.args[0] if _is_numpy(n) else cast("ast.Attribute", n.func).value) for n in sums)
    return any("grad" in words or "grads" in words for words in (re.findall(r"[a-z]+", t.lower()) for t in summed))


def _is_numpy(call: ast.Call) -> bool:
    return ast.unparse(call.func) in ("np.sum", "numpy.sum") and bool(call.args)


def _of_first_axis(call: ast.Call) -> bool:
    rest = call.args[1:] if _is_numpy(call) else call.args
    axes = [*rest[:1], *(k.value for k in call.keywords if k.arg == "axis")]
    return [ast.unparse(axis) for axis in axes] == ["0"]


def compared_with(function: Callable[..., Any]) -> dict[str, tuple[str, ...]]:
    """The arguments of a function that it compares with texts, and these: `if kind == "relu"` asks for a choice."""
    tree = tree_of(function)
    if not isinstance(tree, FunctionNode):
        return {}
    names, found = {a.arg for a in tree.args.args}, dict[str, tuple[str, ...]]()
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare) and isinstance(node.left, ast.Name) and node.left.id in names:
            texts = [n.value for c in node.comparators for n in ast.walk(c) if isinstance(n, ast.Constant)]
            kept = (*found.get(node.left.id, ()), *(t for t in texts if isinstance(t, str)))
            found |= {node.left.id: tuple(dict.fromkeys(kept))} if kept else {}
    return found


def free_functions(cls: type) -> dict[str, Any]:
    """The methods of a class that need nothing of an object: static ones, and those that never say `self`."""
    found: dict[str, Any] = {}
    for name, member in vars(cls).items():
        if isinstance(member, staticmethod) and inspect.isfunction(member.__func__):
            found[name] = member.__func__
        elif inspect.isfunction(member) and not name.startswith("__") and _says_not_self(member):
            found[name] = MethodType(member, cls)
    return found


def _says_not_self(method: Callable[..., Any]) -> bool:
    tree = tree_of(method)
    if not isinstance(tree, FunctionNode) or not tree.args.args or tree.decorator_list:
        return False
    first = tree.args.args[0].arg
    return first == "self" and not any(isinstance(n, ast.Name) and n.id == first for n in ast.walk(tree))


def is_stub(function: Callable[..., Any]) -> bool:
    """Whether a function only announces itself: a docstring, `pass`, `...`, or an exception that says so."""
    if getattr(function, "__isabstractmethod__", False):
        return True
    tree = tree_of(inspect.unwrap(function))
    return isinstance(tree, FunctionNode) and all(map(_says_nothing, tree.body))


def _says_nothing(statement: ast.stmt) -> bool:
    if isinstance(statement, ast.Pass):
        return True
    if isinstance(statement, ast.Expr):
        return isinstance(statement.value, ast.Constant)
    if isinstance(statement, ast.Return):
        return statement.value is None or ast.unparse(statement.value) in ("None", "NotImplemented")
    return isinstance(statement, ast.Raise) and "NotImplemented" in ast.unparse(statement)


def called_on_self(function: Callable[..., Any]) -> set[str]:
    """The names of the methods that a method calls on its own object."""
    tree = tree_of(function)
    calls = [n.func for n in ast.walk(tree) if isinstance(n, ast.Call)] if tree is not None else []
    owners = [f for f in calls if isinstance(f, ast.Attribute) and isinstance(f.value, ast.Name)]
    return {f.attr for f in owners if isinstance(f.value, ast.Name) and f.value.id == "self"}


def own_forward(cls: Any, backward: str) -> str:
    """The method of a class that its backward is the backward of, by what that reads; "" where not just one fits.

    It is asked for where a base class only announces a forward: the author has another name for it.
    """
    needed = {n.attr for n in _attributes(getattr(cls, backward), ast.Load)}
    fitting = []
    for name, method in vars(cls).items():
        if not inspect.isfunction(method) or name.startswith("__") or name in BACKWARD:
            continue
        takes = len(inspect.signature(method).parameters) > 1
        if takes and any(True for _ in returned(method)) and needed & {n.attr for n in _attributes(method, ast.Store)}:
            fitting.append(name)
    return fitting[0] if len(fitting) == 1 else ""


def _attributes(method: Callable[..., Any], context: type[ast.expr_context]) -> Iterator[ast.Attribute]:
    """The attributes of its own object that a method reads, or sets."""
    for node in nodes_of(method):
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, context) and ast.unparse(node.value) == "self":
            yield node


_PARTS = ("layers", "modules", "blocks")


def is_container(cls: Any) -> bool:
    """Whether a class is made of other layers, which are checked by themselves.

    Its constructor takes them under their name; any number of arguments are layers where it calls their backward.
    """
    if "__init__" not in vars(cls):
        return False
    try:
        parameters = inspect.signature(cls.__init__).parameters.values()
    except (TypeError, ValueError):
        return False
    several = any(p.kind is p.VAR_POSITIONAL for p in parameters)
    return any(p.name in _PARTS for p in parameters) or (several and _goes_back_through_others(cls))


def _goes_back_through_others(cls: Any) -> bool:
    methods = [m for m in vars(cls).values() if inspect.isfunction(m)]
    nodes = [n for tree in map(tree_of, methods) if tree is not None for n in ast.walk(tree)]
    called = [n.func for n in nodes if isinstance(n, ast.Call) and isinstance(n.func, ast.Attribute)]
    owners = [ast.unparse(f.value) for f in called if isinstance(f, ast.Attribute) and f.attr in BACKWARD]
    return any(owner not in ("self", "super()") for owner in owners)


def _first_method(cls: type, names: Iterable[str]) -> Any:
    """The first of the names that is a method which somebody wrote."""
    methods = (m.__func__ if isinstance(m, staticmethod) else m for n in names for m in [static(cls, n)])
    return next((m for m in methods if inspect.isfunction(m)), None)


def static(cls: type, name: str) -> Any:
    """What a class has under a name, without running anything of it."""
    return inspect.getattr_static(cls, name, None)


def is_abstract(cls: type) -> bool:
    """Whether a class leaves a part of its forward or backward to its heirs: a stub that is one, or is called there."""
    if inspect.isabstract(cls):
        return True
    ways = [m for names in (FORWARD, BACKWARD, ("loss",)) if (m := _first_method(cls, names)) is not None]
    hooks = {name for method in ways for name in called_on_self(method)}
    parts = [*ways, *(m for n in hooks if inspect.isfunction(m := static(cls, n)))]
    return any(map(is_stub, parts))


_OF_ARRAYS = ("shape", "reshape", "T", "ndim", "size", "sum", "mean", "copy", "astype", "dtype", "ravel", "transpose")


def used_as_array(function: Callable[..., Any], name: str) -> bool:
    """Whether a function asks of an argument what a number of Python's does not have: `x[None]`, `x.reshape(1)`."""
    for node in nodes_of(function):
        asked = node.value if isinstance(node, ast.Subscript) else None
        if isinstance(node, ast.Attribute) and node.attr in _OF_ARRAYS:
            asked = node.value
        if isinstance(asked, ast.Name) and asked.id == name:
            return True
    return False


@lru_cache(maxsize=512)
def counts(function: Callable[..., Any]) -> frozenset[str]:
    """The names that a function counts with: in range(), as the bound or the step of a slice, or to divide by with //.

    No array is one of these, so a name that is also used as an array does not count.
    """
    tree, found = tree_of(function), set[str]()
    for node in ast.walk(tree) if tree is not None else ():
        parts: list[ast.expr | None] = []
        if isinstance(node, ast.Slice):
            parts = [node.lower, node.upper, node.step]
        elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.FloorDiv | ast.Mod):
            parts = [node.right]
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "range":
            parts = [*node.args]
        found |= {name for part in parts if part is not None for name in _summed(part)}
    return frozenset(n for n in found if not used_as_array(function, n))


def _summed(node: ast.expr) -> Iterator[str]:
    """The names of a sum or product of names and numbers."""
    if isinstance(node, ast.Name):
        yield node.id
    elif isinstance(node, ast.BinOp):
        yield from _summed(node.left)
        yield from _summed(node.right)
