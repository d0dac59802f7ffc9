"""Findings for code that does not get as far as a wrong number: it raises, hangs, or is not written yet."""

from __future__ import annotations

import ast
import linecache
import traceback
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np

from gradcheck_plugin.faults import blame
from gradcheck_plugin.model import Finding
from gradcheck_plugin.running.calls import UserCodeRaised, place_of, user_frame
from gradcheck_plugin.running.limits import Seen

LOOP = "look for a loop whose condition never becomes false"


def raised(target: str, function: str, fault: UserCodeRaised, root: Path | None, place: dict[str, Any]) -> Finding:
    """The user's code raised: its own line and message, never our traceback."""
    frame = fault.frame(root)
    at = {**place}
    source = ""
    if frame is not None and frame.lineno:
        at = {"file": place.get("file", ""), "line": frame.lineno}
        if root is not None and Path(frame.filename).name != Path(place.get("file", "")).name:
            at["file"] = Path(frame.filename).name
        source = (frame.line or linecache.getline(frame.filename, frame.lineno)).strip()
    if isinstance(fault.cause, NotImplementedError):
        return not_implemented(target, function, {**at}, source)
    text = str(fault).splitlines()[0][:160] if str(fault) else type(fault.cause).__name__
    seen = fault.seen or seen_at(fault, root)
    return Finding(
        "raised",
        f"`{target}` raised {text} in its {_PARTS.get(fault.where, fault.where)}",
        function=seen.function or function,
        source=source,
        evidence=(f"on that line: {seen.values}",) if seen.values else (),
        help=seen.help,
        traceback=seen.trace,
        **at,
    )


def seen_at(fault: UserCodeRaised, root: Path | None) -> Seen:
    """What is seen where the user's code raised."""
    frame, found = fault.frame(root), place_of(fault.cause, root)
    own = [f for f in traceback.extract_tb(fault.cause.__traceback__) if root and f.filename.startswith(str(root))]
    line = (frame.lineno or 0, frame.line or linecache.getline(frame.filename, frame.lineno or 0)) if frame else (0, "")
    return Seen(
        frame.filename if frame else "",
        line[0],
        frame.name if frame else "",
        line[1].strip(),
        function=_function(found),
        values=on_line(*found) if found else "",
        help=_help(fault, root, found),
        trace="".join(traceback.format_list(own)),
        always=blame.always(fault, root) is not None,
    )


_PARTS = {"__init__": "constructor"}
LONGEST = 160  # characters of what is told about the values on a line


def _function(found: tuple[FrameType, int] | None) -> str:
    """The function in which it raised, as people call it."""
    if found is None:
        return ""
    frame, _ = found
    owner = frame.f_locals.get("self")
    name = frame.f_code.co_name
    return f"{type(owner).__name__}.{name}" if owner is not None else name


def on_line(frame: FrameType, line: int) -> str:
    """The shapes of what stands on a line, as it was when the line raised: `x (4,3), self.W (5,3)`."""
    statement = blame.statement_at(frame, line)
    told: dict[str, str] = {}
    for node in ast.walk(_head(statement)) if statement else ():
        if isinstance(node, ast.Name | ast.Attribute) and isinstance(node.ctx, ast.Load):
            text = ast.unparse(node)
            if text not in told and (value := _told(node, frame)):
                told[text] = value
    return ", ".join(f"{name} {value}" for name, value in told.items())[:LONGEST]


def _head(statement: ast.stmt) -> ast.AST:
    """What of a statement is executed on its own line: of a loop or a branch, not its body."""
    if isinstance(statement, ast.For):
        return statement.iter
    return statement.test if isinstance(statement, ast.If | ast.While) else statement


def _told(node: ast.Name | ast.Attribute, frame: FrameType) -> str:
    """What a name or an attribute holds, in a few words; nothing is called for that."""
    if isinstance(node, ast.Name):
        value = frame.f_locals.get(node.id, _NOTHING)
    elif isinstance(node.value, ast.Name) and node.value.id in frame.f_locals:
        value = getattr(frame.f_locals[node.value.id], "__dict__", {}).get(node.attr, _NOTHING)
    else:
        return ""
    if isinstance(value, np.ndarray):
        return "(" + ",".join(map(str, value.shape)) + ("," if value.ndim == 1 else "") + ")"
    if value is None or isinstance(value, bool | int | float | np.number):
        return f"= {value!r}" if not isinstance(value, float) else f"= {value:.6g}"
    shape = getattr(value, "shape", None)
    if isinstance(shape, tuple):
        return f"{type(value).__name__} {tuple(shape)}"
    if isinstance(value, list | tuple | dict):
        return f"a {type(value).__name__} of {len(value)}"
    return ""


_NOTHING = object()
_HELP: tuple[tuple[type[BaseException], str], ...] = (
    (IndexError, "an index goes past the end: compare it with the shapes on that line"),
    (KeyError, "nothing was put there under this key: compare the spelling with the line that does"),
    (ZeroDivisionError, "a size or a count is 0 here"),
    (RecursionError, "a function calls itself without end"),
    (MemoryError, "an array is far larger than it should be: look at the shapes on that line"),
    (SystemExit, "a layer that ends the program takes everything else along: raise an exception instead"),
    (EOFError, "a layer cannot ask a person: take what it needs as an argument"),
    (AssertionError, "your own test does not hold here: print what it compares"),
    (UnboundLocalError, "the variable gets its value in a branch that was not taken"),
)


def _help(fault: UserCodeRaised, root: Path | None, found: tuple[FrameType, int] | None) -> str:
    """What to do about it, by the kind of exception."""
    proof, cause, text = blame.always(fault, root), fault.cause, str(fault.cause)
    if proof is not None and proof.help:
        return proof.help
    if isinstance(cause, AttributeError) and cause.obj is None:
        return f"what `.{cause.name}` is asked of is None: forward has to set it, or return it"
    if isinstance(cause, AttributeError):
        return f"nothing has set `{cause.name}` when this line runs"
    if isinstance(cause, TypeError) and "NoneType" in text:
        return "something on that line is None: it was never set, or a function forgot its return"
    known = next((told for kind, told in _HELP if isinstance(cause, kind)), "")
    if (
        not known
        and isinstance(cause, ValueError)
        and any(w in text for w in ("shape", "broadcast", "aligned", "matmul"))
    ):
        known = "the shapes on that line do not fit: write down what each of them should be"
    return known or "run the lines below, and look at what that line gets"


def timed_out(
    function: str, exception: BaseException | None, seconds: float, root: Path | None, **place: Any
) -> Finding:
    """The user's code did not come back: the line on which it was when the time was up."""
    frame = user_frame(exception, root) if exception else None
    source = ""
    if frame is not None and frame.lineno:
        owner = function.partition(".")[0]
        function = f"{owner}.{frame.name}" if "." in function and not frame.name.startswith(owner) else frame.name
        place["line"], source = frame.lineno, (frame.line or "").strip()
    return Finding(
        "time-limit",
        f"`{function}` did not come back within {seconds:g} s",
        function=function,
        source=source,
        help=LOOP,
        **place,
    )


def not_implemented(target: str, function: str, place: dict[str, Any], source: str = "") -> Finding:
    """The function is there and its body is not."""
    return Finding(
        "not-implemented",
        f"`{function or target}` is not implemented yet: it gives no gradient",
        function=function,
        source=source,
        help="return the gradient of every input, and leave those of the parameters where the layer keeps them",
        **place,
    )


def not_as_pinned(target: str, function: str, layer: str, reason: str, place: dict[str, Any]) -> Finding:
    """A person says which reference an object stands for, and it cannot be called as that one is."""
    return Finding(
        "forward-differs",
        f"`{target}` is to be `{layer}`, and cannot be called as it: {reason}",
        function=function,
        help="name another reference, or none: then the backward is judged for the forward that is there",
        **place,
    )


def nothing_returned(target: str, function: str, place: dict[str, Any]) -> Finding:
    """A forward without its `return`."""
    owner = function.partition(".")[0]
    return Finding(
        "returns-nothing",
        f"the forward of `{target}` returns nothing",
        function=f"{owner}.forward" if "." in function else function,
        help="end it with `return`: what it computes is given to nobody",
        **place,
    )
