"""What an author's own text says, outside the numbers of a gradient: names, docstrings, comments, and calls.

A gradient that looks wrong is right under another reading: as a plain derivative that somebody else multiplies, as the
average over a batch, as the gradient of a mean that is taken elsewhere. A forgotten factor looks the same. So a reading
of this kind is believed where something here speaks for it, and never because the numbers fit.
"""

from __future__ import annotations

import ast
import inspect
import io
import linecache
import re
import tokenize
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path
from types import CodeType
from typing import Any, Literal

from gradcheck_plugin.author.alive import alive
from gradcheck_plugin.names.arguments import ACTIVATION, DERIVATIVE, INPUT, OUTPUT, UPSTREAM
from gradcheck_plugin.names.words import DERIVATIVES, RATES

Of = Literal["input", "output"]
Whose = Literal["mine", "perhaps", ""]
EITHER: tuple[Of, ...] = ("input", "output")
SIBLINGS, LONGEST = 40, 200_000  # files beside the author's that are looked at, and the characters of one

_MULTIPLIES = re.compile(
    r"(caller|network|who(ever)? calls|outside)\W+(\w+\W+){0,5}multipl|multipli\w+ (is done )?(by|in|outside)|"
    r"(not|before it is|without being) multiplied|곱\w*\W+(\w+\W+){0,3}(호출|밖)|(호출|밖)\S*\W+(\S+\W+){0,3}곱",
    re.IGNORECASE,
)
_FUNCTION_OF = re.compile(r"(function|terms) of (its|the|their)? ?(layer'?s? )?(own )?(output|input)", re.IGNORECASE)


def is_upstream(name: str) -> bool:
    """Whether an argument is called what people call a gradient that comes from above."""
    return UPSTREAM.fits(name)


@dataclass(frozen=True)
class Text:
    """One parsed file of the author's."""

    tree: ast.Module
    source: str
    path: Path = Path()

    @cached_property
    def parents(self) -> dict[ast.AST, ast.AST]:
        return {child: node for node in ast.walk(self.tree) for child in ast.iter_child_nodes(node)}

    def scope(self, node: ast.AST) -> ast.AST:
        """The function around a node, or the module."""
        while node in self.parents:
            node = self.parents[node]
            if isinstance(node, ast.FunctionDef):
                return node
        return node

    def owner(self, node: ast.AST) -> str:
        """The class in whose text a node is; "" outside of classes."""
        while node in self.parents and not isinstance(node, ast.ClassDef):
            node = self.parents[node]
        return node.name if isinstance(node, ast.ClassDef) else ""

    @cached_property
    def imported(self) -> set[str]:
        """The last parts of the names of the modules that it imports, and of what it takes from them."""
        found: set[str] = set()
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                found |= {a.name.rpartition(".")[2] for a in node.names}
            elif isinstance(node, ast.ImportFrom):
                found |= {(node.module or "").rpartition(".")[2], *(a.name for a in node.names)}
        return found

    @cached_property
    def calls(self) -> tuple[ast.Call, ...]:
        return tuple(n for n in alive(self.tree) if isinstance(n, ast.Call))

    @cached_property
    def assignments(self) -> tuple[tuple[ast.expr, ast.expr], ...]:
        """Targets with the value that they get."""
        found = [n for n in alive(self.tree) if isinstance(n, ast.Assign)]
        return tuple(pair for n in found for target in n.targets for pair in _unpacked(target, n.value))


def _unpacked(target: ast.expr, value: ast.expr) -> Iterator[tuple[ast.expr, ast.expr]]:
    if not isinstance(target, ast.Tuple | ast.List):
        yield target, value
    elif isinstance(value, ast.Tuple | ast.List) and len(value.elts) == len(target.elts):
        for part, its in zip(target.elts, value.elts, strict=True):
            yield from _unpacked(part, its)
    else:
        for part in target.elts[:1]:  # of `out, cache = forward(x)` the first is the output
            yield from _unpacked(part, value)


@lru_cache(maxsize=64)
def _parsed(source: str, path: Path) -> Text | None:
    try:
        return Text(ast.parse(source), source, path)
    except (SyntaxError, ValueError):
        return None


def file_of(thing: Any) -> str:
    """The file in which a function or a class is written; "" where that is unknown."""
    if inspect.isclass(thing):
        thing = next((m for m in vars(thing).values() if inspect.isfunction(m)), thing)
    code = getattr(inspect.unwrap(thing), "__code__", None) if callable(thing) else None
    return str(code.co_filename) if code is not None else ""


def own_text(thing: Any) -> Text | None:
    """The file in which a thing is written."""
    file = file_of(thing)
    return _parsed("".join(linecache.getlines(file)), Path(file))


def texts(thing: Any) -> tuple[Text, ...]:
    """The file in which a thing is written, then the files that import it, and those beside it that these import."""
    own, path = own_text(thing), Path(file_of(thing))
    around: tuple[Text, ...] = ()
    if path.suffix == ".py" and path.is_file():
        around = _around(path, str(thing.__module__))
    return around if own is None else (own, *around)


@lru_cache(maxsize=32)
def _around(path: Path, module: str) -> tuple[Text, ...]:
    """The files that import the file at `path`, and its siblings that they import; anew for each load of it."""
    beside, above = path.parent, path.parent.parent
    found: dict[Path, Text] = {}
    for place in (beside, above, *_folders(above, beside)):
        if place != beside and (place / path.name).exists():
            continue  # what is imported there is another file of that name
        for other in sorted(place.glob("*.py"))[:SIBLINGS]:
            text = _read(other, path.stem) if other != path else None
            if text is not None and path.stem in text.imported:
                found[other] = text
    together = {beside / f"{name}.py" for text in found.values() for name in text.imported} - {path, *found}
    siblings = [_read(other) for other in sorted(together)[:SIBLINGS] if other.is_file()]
    return (*found.values(), *(text for text in siblings if text is not None))


def _folders(above: Path, beside: Path) -> list[Path]:
    try:
        return [f for f in sorted(above.iterdir())[:SIBLINGS] if f.is_dir() and f != beside]
    except OSError:
        return []


def _read(path: Path, word: str = "") -> Text | None:
    """A file of the author's, where it is of a size that people write and has a word in it."""
    try:
        whole = path.is_file() and path.stat().st_size <= LONGEST  # what is no file may never end
        source = path.read_text(encoding="utf-8", errors="replace") if whole else ""
    except OSError:
        return None
    return _parsed(source, path) if word in source else None


def remarks(thing: Any) -> str:
    """The docstrings and comments of a function, or of a class and the classes that it inherits from."""
    parts = list(thing.__mro__[:-1]) if inspect.isclass(thing) else [thing]
    found = []
    for part in parts:
        try:
            source = inspect.getsource(part)
        except (OSError, TypeError):
            continue
        found.append(_remarks(source))
    return "\n".join(found)


@lru_cache(maxsize=64)
def _remarks(source: str) -> str:
    kept = []
    with suppress(tokenize.TokenError, IndentationError, SyntaxError):
        last = None
        for token in tokenize.generate_tokens(io.StringIO(source).readline):
            alone = token.type == tokenize.STRING and last in (None, *_BEFORE_STATEMENTS)
            if token.type == tokenize.COMMENT or alone:
                kept.append(token.string)
            if token.type not in (tokenize.COMMENT, tokenize.NL):
                last = token.type
    return "\n".join(kept)


_BEFORE_STATEMENTS = (tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT)


def mentions(thing: Any, pattern: str) -> bool:
    """Whether the file of a thing, or one that imports it, has words of a pattern in it, in names or in remarks."""
    return any(re.search(pattern, text.source, re.IGNORECASE) for text in texts(thing))


# --- a backward that is a plain derivative ---


@dataclass(frozen=True)
class Derivative:
    """A backward of one argument that may be a plain derivative: how it is written.

    `owner` is the class that it is a method of, `forward` the name of the function that it belongs to, and `inputs`
    are the names of that one's arguments.
    """

    function: Callable[..., Any]
    argument: str
    forward: str
    inputs: tuple[str, ...]
    owner: str = ""
    thing: Any = field(default=None, compare=False)

    @property
    def name(self) -> str:
        return self.function.__name__

    @property
    def named(self) -> bool:
        """Whether it is called a derivative, and not a backward."""
        return (self.name in DERIVATIVES or DERIVATIVE.fits(self.name)) and not is_upstream(self.argument)

    @property
    def likely(self) -> tuple[Of, ...]:
        """What its argument is by its name."""
        if is_upstream(self.argument):
            return ()
        if self.argument in self.inputs or INPUT.fits(self.argument):
            return ("input",)
        return ("output",) if OUTPUT.fits(self.argument) else ()

    def said(self) -> tuple[Of, ...]:
        """Of what its author says that it is the derivative: of the input, of the output, of either, or nothing."""
        shown = self.given()
        if any(use.multiplied for use in self._used()) or self.named:
            return shown if len(shown) == 1 else EITHER
        if is_upstream(self.argument):
            return ()
        if shown == ("output",):
            return shown
        return self.likely or self._documented()

    def given(self) -> tuple[Of, ...]:
        """What its author's own calls give it, where that can be told."""
        return tuple(of for of in EITHER if any(of == use.given for use in self._used()))

    def _used(self) -> tuple[Use, ...]:
        return _used(self)

    def _documented(self) -> tuple[Of, ...]:
        """What docstrings and comments say of its argument, or of who multiplies."""
        text = remarks(self.function)
        hint = inspect.get_annotations(self.function).get(self.argument, "")
        lines = [*text.splitlines(), f"{self.argument}: {hint}" if isinstance(hint, str) else ""]
        for line in lines:
            told = re.search(rf"(?<!\w){re.escape(self.argument)}\W*[:(\-–—].*?(?P<what>\w+put|activations?)\b", line)
            if told and not re.search(r"grad|deriv|delta|error|loss|upstream", line, re.IGNORECASE):
                return ("input",) if told["what"].lower().endswith("input") else ("output",)
        if of := _FUNCTION_OF.search(text):
            return ("input",) if of[5].lower() == "input" else ("output",)
        return EITHER if _MULTIPLIES.search(text + remarks(self.thing)) else ()

    def uses(self, text: Text) -> Iterator[Use]:
        """The calls of it in one file. What it is given is told only where the object is of this class for sure."""
        made = {kept_as(t) for t, value in text.assignments if self._calls(text, value, self.forward)}
        passed = {kept_as(c.args[0]) for c in text.calls if c.args and self._calls(text, c, self.forward)}
        for call in text.calls:
            whose = self._calls(text, call, self.name) if len(call.args) == 1 else ""
            if not whose:
                continue
            what, given = call.args[0], kept_as(call.args[0])
            of: Of | Literal[""] = ""
            if self._calls(text, what, self.forward) or (given in made and given not in passed):
                of = "output"
            elif given in passed and given not in made:
                of = "input"
            if of or not is_upstream(given):
                yield Use(of if whose == "mine" else "", _multiplied(text, call))

    def _calls(self, text: Text, node: ast.AST, name: str) -> Whose:
        """Whether a node calls a function of this name, of an object that is, or may be, of this class."""
        if not isinstance(node, ast.Call):
            return ""
        if not self.owner:
            return "mine" if last_name(node.func) == name else ""
        if name == "__call__":
            return self._whose(text, node.func)
        named = isinstance(node.func, ast.Attribute) and node.func.attr == name
        return self._whose(text, node.func.value) if named and isinstance(node.func, ast.Attribute) else ""

    def _whose(self, text: Text, receiver: ast.expr) -> Whose:
        """Whether an object is of this class: made of it or named after it; what is called an activation may be one."""
        key = kept_as(receiver)
        direct = isinstance(receiver, ast.Call | ast.Name) and last_name(receiver) == self.owner
        if key == "self":
            return "mine" if text.owner(receiver) == self.owner else ""
        if direct or key.lower().strip("_") == self.owner.lower():
            return "mine"
        made = [value for target, value in text.assignments if key and kept_as(target) == key]
        names = {last_name(n) for value in made for n in ast.walk(value) if isinstance(n, ast.Call | ast.Name)}
        classes = {n.name for n in ast.walk(text.tree) if isinstance(n, ast.ClassDef)} | {self.owner}
        if known := names & classes:
            return "mine" if known == {self.owner} else "perhaps" if self.owner in known else ""
        return "perhaps" if ACTIVATION.fits(key) else ""


@lru_cache(maxsize=64)
def _used(written: Derivative) -> tuple[Use, ...]:
    return tuple(use for text in texts(written.thing or written.function) for use in written.uses(text))


@dataclass(frozen=True)
class Use:
    """One call of a derivative: what it is given, where that can be told, and whether the result is multiplied."""

    given: Of | Literal[""]
    multiplied: bool


def last_name(node: ast.AST) -> str:
    """The last name of an expression: of a function that is called, of an attribute."""
    if isinstance(node, ast.Call):
        return last_name(node.func)
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def kept_as(node: ast.AST) -> str:
    """The name under which a value is kept: `self.zs[-1]` is zs."""
    while isinstance(node, ast.Subscript):
        node = node.value
    return "" if isinstance(node, ast.Call) else last_name(node)


def _multiplied(text: Text, node: ast.AST, depth: int = 1) -> bool:
    """Whether a value is multiplied by something that is no constant and no learning rate, at once or later."""
    parent = text.parents.get(node)
    while isinstance(parent, ast.UnaryOp | ast.Attribute | ast.Subscript):
        node, parent = parent, text.parents.get(parent)
    if isinstance(parent, ast.BinOp) and isinstance(parent.op, ast.Mult):
        other = parent.right if parent.left is node else parent.left
        return _varies(other) or _multiplied(text, parent, depth)
    if isinstance(parent, ast.AugAssign) and isinstance(parent.op, ast.Mult):
        return parent.value is node
    if isinstance(parent, ast.Call) and last_name(parent) in ("multiply", "mul"):
        return any(_varies(a) for a in parent.args if a is not node) or isinstance(parent.func, ast.Attribute)
    if isinstance(parent, ast.Assign) and depth:
        targets, scope = {ast.unparse(t) for t in parent.targets}, text.scope(parent)
        later = (n for n in ast.walk(scope) if isinstance(n, ast.Name | ast.Attribute) and isinstance(n.ctx, ast.Load))
        return any(_multiplied(text, n, depth - 1) for n in later if ast.unparse(n) in targets)
    return False


def _varies(node: ast.AST) -> bool:
    names = [last_name(n) for n in ast.walk(node) if isinstance(n, ast.Name | ast.Attribute)]
    return any(n and n not in RATES for n in names)


# --- who calls whom ---


def functions_of(objects: Mapping[str, Any]) -> list[Any]:
    """The functions and classes among the objects of a candidate."""
    plain = (o.__func__ if inspect.ismethod(o) else o for o in objects.values())
    return [o for o in plain if inspect.isfunction(o) or inspect.isclass(o)]


def names_of(objects: Mapping[str, Any]) -> set[str]:
    """The names by which other code calls a candidate."""
    return {o.__name__ for o in functions_of(objects)}


def reached(objects: Mapping[str, Any]) -> set[str]:
    """The global names that the functions and classes of a candidate use, and those of its file that they call."""
    functions = (thing for thing in closure(objects) if inspect.isfunction(thing))
    return {name for function in functions for name in _code_names(function.__code__)}


def closure(objects: Mapping[str, Any]) -> list[Any]:
    """The functions and classes of a candidate, their methods, and those of their file that they call."""
    waiting, seen = functions_of(objects), dict[int, Any]()
    while waiting:
        thing = waiting.pop()
        if id(thing) in seen:
            continue
        seen[id(thing)] = thing
        if inspect.isclass(thing):
            waiting += [m for c in thing.__mro__[:-1] for m in vars(c).values() if inspect.isfunction(m)]
            continue
        near = [thing.__globals__.get(n) for n in _code_names(thing.__code__)]
        home = thing.__module__
        waiting += [o for o in near if (inspect.isfunction(o) or inspect.isclass(o)) and o.__module__ == home]
    return list(seen.values())


def _code_names(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            yield from _code_names(inner)
