"""Findings for code that does not get as far as a wrong number: it raises, hangs, or is not written yet."""

from __future__ import annotations

import linecache
import traceback
from pathlib import Path
from typing import Any

from gradcheck_plugin.model import Finding
from gradcheck_plugin.submission.calls import UserCodeRaised, user_frame

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
    own = [f for f in traceback.extract_tb(fault.cause.__traceback__) if root and f.filename.startswith(str(root))]
    return Finding(
        "raised",
        f"`{target}` raised {text} in its {fault.where}",
        function=function if fault.where == "backward" else f"{function.split('.')[0]}.{fault.where}",
        source=source,
        help="run the reproducer and look at the shapes on that line",
        traceback="".join(traceback.format_list(own)),
        **at,
    )


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
