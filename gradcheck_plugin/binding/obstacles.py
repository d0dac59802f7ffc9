"""Why a candidate could not be driven: a fault of its own, or something that it needs and that is not here."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import FrameType, FunctionType
from typing import Any

import numpy as np

from gradcheck_plugin.conventions.base import Candidate
from gradcheck_plugin.faults import blame
from gradcheck_plugin.faults.blame import was_in_numpy
from gradcheck_plugin.faults.raised import nothing_returned, raised
from gradcheck_plugin.loading.notebook import from_python_2, parses
from gradcheck_plugin.loading.older import is_python_2
from gradcheck_plugin.loading.stand_in import StandIn, StandInModule
from gradcheck_plugin.model import PASSED_OVER, Case, Finding, NotDriven
from gradcheck_plugin.names.words import BACKWARD, FORWARD
from gradcheck_plugin.running.calls import NoGradient, NothingReturned, UserCodeRaised, place_of
from gradcheck_plugin.running.values import describe
from gradcheck_plugin.subject import Subject
from reference_impls.spec import LayerSpec


@dataclass(frozen=True)
class Tried:
    """The call that was made: a way of calling, and the arrays."""

    subject: Subject
    case: Case


@dataclass(frozen=True)
class Broken:
    """A target that cannot be judged because a fault of its own comes first: it raises, hangs, returns nothing."""

    name: str
    finding: Finding
    file: str = ""
    line: int = 0
    convention: str = ""
    layer: str = ""
    cause: BaseException | None = None  # what the user's code raised, for a debugger
    tried: Tried | None = None


def convention_of(candidate: Candidate) -> str:
    """What the candidate's calling convention is called."""
    return (candidate.convention.__doc__ or "").split(".")[0].split(":")[0].replace("`", "")


def not_bound(
    candidate: Candidate,
    fault: Exception | None,
    root: Path | None,
    place: dict[str, Any],
    pinned: LayerSpec | None = None,
    tried: Tried | None = None,
) -> Broken | NotDriven:
    """The outcome for a candidate that ran with no input that was tried: its own fault where that is proven.

    `pinned` is the reference that the user says it is: then its arrays are what the author meant.
    """
    if isinstance(fault, NoGradient):
        return NotDriven(candidate.name, str(fault), code=PASSED_OVER, **place)
    if isinstance(fault, NothingReturned):
        finding = nothing_returned(candidate.name, candidate.function, place)
        return Broken(candidate.name, finding, convention=convention_of(candidate), tried=tried, **place)
    if not isinstance(fault, UserCodeRaised):
        return NotDriven(candidate.name, str(fault) if fault else "no layout of its input was accepted", **place)
    if reason := elsewhere(candidate, fault, root):
        return _not_here(candidate, fault, reason, root, place)
    meant = pinned is not None and fault.where != "__init__" and not doubt(fault, root)
    refuses = isinstance(fault.cause, AssertionError) and fault.where != "backward"  # these inputs, and says so
    if blame.always(fault, root) or (meant and not refuses):
        return broken(candidate, fault, root, place, layer=pinned.name if pinned else "", tried=tried)
    frame = fault.frame(root)
    at = f" on line {frame.lineno}" if frame else ""
    if fault.where != "__init__" and (reason := doubt(fault, root)):
        return NotDriven(candidate.name, f"{reason} ({fault}{at})", code="needs-more", **place)
    reason = f"{_PARTS.get(fault.where, fault.where)} raised {fault}{at}, for every input that was tried"
    return NotDriven(candidate.name, reason, code="refuses-input", **place)


_PARTS = {"__init__": "its constructor"}


def backward_raised(
    candidate: Candidate,
    fault: UserCodeRaised,
    root: Path | None,
    place: dict[str, Any],
    *,
    clear: bool,
    convention: str = "",
    tried: Tried | None = None,
) -> Broken | NotDriven:
    """The outcome where the forward ran and the backward of the same arrays did not.

    It is the code's own fault where the call is `clear`, for there is one way only in which it may be meant.
    """
    if reason := elsewhere(candidate, fault, root):
        return _not_here(candidate, fault, reason, root, place)
    reason = "" if blame.always(fault, root) else doubt(fault, root)
    if not reason and not clear and not blame.always(fault, root):
        reason = "what the arguments of its backward are cannot be told, and it raised in every way that was tried"
    if reason:
        frame = fault.frame(root)
        at = f" on line {frame.lineno}" if frame else ""
        return NotDriven(candidate.name, f"{reason} ({fault}{at})", code="needs-more", **place)
    spec = tried.subject.spec if tried else None
    layer = spec.name if spec else ""
    return broken(candidate, fault, root, place, convention=convention, layer=layer, tried=tried)


def _not_here(
    candidate: Candidate, fault: UserCodeRaised, reason: str, root: Path | None, place: dict[str, Any]
) -> NotDriven:
    frame = fault.frame(root)
    at = f"line {frame.lineno}: " if frame else ""
    return NotDriven(candidate.name, f"does not run here: {at}{reason}", code="does-not-run-here", **place)


def broken(
    candidate: Candidate,
    fault: UserCodeRaised,
    root: Path | None,
    place: dict[str, Any],
    *,
    convention: str = "",
    layer: str = "",
    tried: Tried | None = None,
) -> Broken:
    """A candidate that raises by its own fault."""
    finding = raised(candidate.name, candidate.function, fault, root, place)
    convention = convention or convention_of(candidate)
    return Broken(candidate.name, finding, convention=convention, layer=layer, cause=fault.cause, tried=tried, **place)


def doubt(fault: UserCodeRaised, root: Path | None) -> str:
    """What else than a fault may be behind an exception: a call that nobody meant, an object that is not set up."""
    cause, found = fault.cause, place_of(fault.cause, root)
    if found is None:
        return "it raised outside of its own code"
    frame, line = found
    if isinstance(cause, NotImplementedError):
        return _stub(frame)
    name, always = blame.setter_of(fault)
    part = always and name in FORWARD and not blame.is_outermost(fault, root)  # which the user's own network forgot
    if name and name not in (fault.where, *BACKWARD) and not part:
        rarely = name in FORWARD and not always
        return f"its `{name}` {'sets that in some cases only' if rarely else 'has to be called first'}"
    if isinstance(cause, AttributeError) and isinstance(cause.obj, np.ndarray | np.generic | int | float | str | tuple):
        return f"it wants something with `.{cause.name}`, and got {describe(cause.obj)}"
    if empty := blame.left_empty(frame, line):
        return "its `{}` has to be called first: it sets `{}`".format(*empty)
    statement = blame.statement_at(frame, line)
    if fault.where in _FIRST and isinstance(statement, ast.Raise) and not blame.of_the_body(frame, statement):
        return "it says itself that it does not take this"
    other_rank = isinstance(cause, ValueError) and _UNPACKED.search(str(cause)) is not None
    other_rank = other_rank or (isinstance(cause, IndexError) and "tuple index" in str(cause))
    if other_rank and blame.reads_a_shape(statement):
        return "it is written for arrays of another rank"
    return ""


_FIRST = ("__init__", "forward", "loss")  # what runs on arrays of ours
_UNPACKED = re.compile(r"(not enough|too many) values to unpack")


def _stub(frame: FrameType) -> str:
    if blame.inherited(frame):
        return f"`{frame.f_code.co_name}` is only announced by its base class, for others to write"
    return "it has not been written for what it was given"


_REMOVED = re.compile(
    r"unexpected keyword argument 'newshape'|"
    r"'dict' object has no attribute '(iteritems|itervalues|iterkeys|has_key)'|"
    r"name '(xrange|unicode|raw_input|reduce|basestring|long)' is not defined|"
    r"only length-1 arrays|only 0-dimensional arrays"
)
_OF_PYTHON_2 = re.compile(r"'float' object cannot be interpreted as an integer")


def elsewhere(candidate: Candidate, fault: UserCodeRaised, root: Path | None) -> str:
    """Why the code cannot run on this machine though it may be right: another Python or NumPy, or tensors of torch."""
    text, cause = str(fault), fault.cause
    gone = isinstance(cause, AttributeError) and was_in_numpy(cause.obj, cause.name or "")
    old = _OF_PYTHON_2.search(text) and root is not None and is_python_2(root)
    if gone or old or _REMOVED.search(text):
        return f"{text} (written for another version of Python or NumPy)"
    missing = next(_stand_ins(candidate), "")
    if missing:
        return f"it uses `{missing}`, which could not be imported"
    frame = fault.frame(None)
    if isinstance(fault.cause, NameError) and frame and fault.cause.name in _tried_imports(frame.filename):
        return f"`{fault.cause.name}` could not be imported"
    if outside := _set_from_outside(candidate, fault):
        return outside
    if uses_torch(candidate) and isinstance(cause, TypeError | AttributeError) and fault.where != "backward":
        return f"{text.splitlines()[0][:100]} (it imports torch; neither arrays nor tensors were accepted)"
    return ""


_PREPARING = re.compile(r"^(initiali[sz]e|init_\w+|build|setup|setup_\w+|set_input_shape|compile)$")


def _set_from_outside(candidate: Candidate, fault: UserCodeRaised) -> str:
    """Why an object does not run by itself: something else gives it an attribute, or prepares it before its forward."""
    cls, cause = candidate.objects.get("class"), fault.cause
    if cls is None or not isinstance(cause, AttributeError | TypeError) or fault.where == "backward":
        return ""
    if isinstance(cause, AttributeError) and isinstance(cause.obj, cls):
        try:
            module = inspect.getsource(inspect.getmodule(cls) or cls)
        except (OSError, TypeError):
            return ""
        given = rf"setattr\([^,]+,\s*['\"]{cause.name}['\"]|\b(?!self\b)\w+\.{cause.name}\s*=[^=]"
        if re.search(given, module):
            return f"its `{cause.name}` is set from outside"
        setter = next((n for n in dir(cls) if _sets(cls, n, cause.name)), "")
        return f"its `{setter}` has to be called first" if setter else ""
    prepares = next((n for n in dir(cls) if _PREPARING.match(n) and callable(getattr(cls, n))), "")
    return f"its `{prepares}` has to be called first" if prepares and "None" in str(cause) else ""


def _sets(cls: type, method: str, attribute: str | None) -> bool:
    """Whether a method that prepares an object gives it an attribute."""
    function = getattr(cls, method, None)
    if not re.match(r"set_|setup|init|build|prepare|compile", method) or not inspect.isfunction(function):
        return False
    try:
        return re.search(rf"\bself\.{attribute}\s*=[^=]", inspect.getsource(function)) is not None
    except (OSError, TypeError):
        return False


def _tried_imports(file: str) -> set[str]:
    """The names that a file imports inside a `try`, and so may be without: compiled extensions, packages for a GPU."""
    try:
        text = Path(file).read_text(encoding="utf-8", errors="replace")
        tree = ast.parse(text if parses(text) else from_python_2(text) or "")
    except OSError:
        return set()
    tried = [n for block in ast.walk(tree) if isinstance(block, ast.Try) for n in ast.walk(block)]
    imports = [n for n in tried if isinstance(n, ast.Import | ast.ImportFrom)]
    return {alias.asname or alias.name.split(".")[0] for n in imports for alias in n.names}


def uses_torch(candidate: Candidate) -> bool:
    """Whether the candidate's own module has imported torch."""
    return any(getattr(f.__globals__.get("torch"), "__name__", "") == "torch" for f in _functions(candidate))


def _functions(candidate: Candidate) -> list[FunctionType]:
    plain = (o.__func__ if inspect.ismethod(o) else o for o in candidate.objects.values())
    functions = [f for f in plain if inspect.isfunction(f)]
    for cls in filter(inspect.isclass, candidate.objects.values()):
        functions += [m for m in vars(cls).values() if inspect.isfunction(m)]
    return functions


def _stand_ins(candidate: Candidate) -> Iterator[str]:
    """The names in the candidate's code, and in the functions of its file that this calls, that are only stand-ins."""
    seen: set[int] = set()
    called = {"__init__", "forward", "backward", "loss", *(v for v in candidate.objects.values() if isinstance(v, str))}
    waiting = [f for f in _functions(candidate) if "class" not in candidate.objects or f.__name__ in called]
    while waiting:
        function = waiting.pop()
        if id(function) in seen:
            continue
        seen.add(id(function))
        for name in function.__code__.co_names:
            value = function.__globals__.get(name)
            if isinstance(value, StandIn | StandInModule):
                yield name
            elif inspect.isfunction(value) and value.__globals__ is function.__globals__:
                waiting.append(value)
