"""Why a candidate could not be driven: a fault of its own, or something that it needs and that is not here."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import FunctionType
from typing import Any

from gradcheck_plugin.model import PASSED_OVER, Finding, NotDriven
from gradcheck_plugin.submission.calls import NoGradient, UserCodeRaised
from gradcheck_plugin.submission.conventions import Candidate
from gradcheck_plugin.submission.faults import not_implemented, raised
from gradcheck_plugin.submission.notebook import from_python_2, parses
from gradcheck_plugin.submission.stand_in import StandIn, StandInModule
from reference_impls.spec import LayerSpec

OWN_FAULTS = (NotImplementedError, NameError)  # wrong whatever the input is


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


def convention_of(candidate: Candidate) -> str:
    """What the candidate's calling convention is called."""
    return (candidate.convention.__doc__ or "").split(".")[0].split(":")[0].replace("`", "")


def not_bound(
    candidate: Candidate, fault: Exception | None, named: LayerSpec | None, root: Path | None, place: dict[str, Any]
) -> Broken | NotDriven:
    """The outcome for a candidate that ran with no input that was tried: its own fault, this machine's, or unknown."""
    if isinstance(fault, NoGradient):
        return NotDriven(candidate.name, str(fault), code=PASSED_OVER, **place)
    if isinstance(fault, UserCodeRaised):
        reason = elsewhere(candidate, fault)
        if reason:
            frame = fault.frame(root)
            at = f"line {frame.lineno}: " if frame else ""
            return NotDriven(candidate.name, f"does not run here: {at}{reason}", code="does-not-run-here", **place)
        refuses = isinstance(fault.cause, AssertionError) and fault.where != "backward"  # these inputs, and says so
        if (named and not refuses) or isinstance(fault.cause, OWN_FAULTS):
            finding = fault_of(candidate, fault, root, place)
            if finding:
                layer = named.name if named else ""
                return Broken(
                    candidate.name,
                    finding,
                    convention=convention_of(candidate),
                    layer=layer,
                    cause=fault.cause,
                    **place,
                )
    reason = str(fault) if fault else "no layout of its input was accepted"
    if isinstance(fault, UserCodeRaised):
        frame = fault.frame(root)
        at = f" on line {frame.lineno}" if frame else ""
        reason = f"{fault.where} raised {fault}{at}, for every input that was tried"
    return NotDriven(candidate.name, reason, **place)


_REMOVED = re.compile(
    r"module 'numpy' has no attribute|unexpected keyword argument 'newshape'|"
    r"'dict' object has no attribute '(iteritems|itervalues|iterkeys|has_key)'|"
    r"name '(xrange|unicode|raw_input|reduce|basestring|long)' is not defined|"
    r"'float' object cannot be interpreted as an integer|only length-1 arrays|only 0-dimensional arrays"
)


def elsewhere(candidate: Candidate, fault: UserCodeRaised) -> str:
    """Why the code cannot run on this machine though it may be right: another Python or NumPy, or tensors of torch."""
    text = str(fault)
    if _REMOVED.search(text):
        return f"{text} (written for another version of Python or NumPy)"
    missing = next(_stand_ins(candidate), "")
    if missing:
        return f"it uses `{missing}`, which could not be imported"
    frame = fault.frame(None)
    if isinstance(fault.cause, NameError) and frame and fault.cause.name in _tried_imports(frame.filename):
        return f"`{fault.cause.name}` could not be imported"
    if outside := _set_from_outside(candidate, fault):
        return outside
    if uses_torch(candidate) and isinstance(fault.cause, TypeError | AttributeError):
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
    functions = [f for f in candidate.objects.values() if inspect.isfunction(f)]
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


def fault_of(candidate: Candidate, fault: Exception, root: Path | None, place: dict[str, Any]) -> Finding | None:
    """What the candidate itself does wrong, as a finding; None where it only refuses an input."""
    if isinstance(fault, UserCodeRaised):
        return raised(candidate.name, candidate.function, fault, root, place)
    if str(fault) == "not-implemented":
        return not_implemented(candidate.name, candidate.function, place)
    return None
