"""The nouns of a check: frozen data, plain dictionaries both ways, no behaviour."""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
SCHEMA = 1


class Verdict(enum.StrEnum):
    """What a check can honestly say. NOT_JUDGED: another finding came first (a failed contract)."""

    PASS = "PASS"
    FAIL = "FAIL"
    INCONCLUSIVE = "INCONCLUSIVE"
    NOT_JUDGED = "NOT JUDGED"


class Severity(enum.StrEnum):
    """An error makes training wrong; advice is a habit to mend and never fails an item unless asked for.

    A note is of use only to someone who looks closely: it is shown with -v, and never fails anything.
    """

    ERROR = "error"
    ADVICE = "advice"
    NOTE = "note"


@dataclass(frozen=True)
class Case:
    """One drawn situation: axis sizes, the arrays by name, and the seed that everything followed from."""

    seed: int
    sizes: Mapping[str, int]
    arrays: Mapping[str, Array]
    short: bool = False

    def rng(self, purpose: int) -> np.random.Generator:
        """A stream of its own for one purpose, so that what one check draws moves no other."""
        return np.random.default_rng((self.seed, purpose))


@dataclass(frozen=True)
class Entry:
    """One entry of an array: its index, what the user returned there and what is right."""

    index: tuple[int, ...]
    yours: float
    expected: float


@dataclass(frozen=True)
class Comparison:
    """What the user returned beside what the oracles say, in the smallest failing case."""

    name: str
    yours: Any
    expected: Any = None
    numerical: Any = None
    error: float = 0.0  # of the numerical gradient
    torch: Any = None
    wrong: int = 0  # entries, where that is known
    total: int = 0
    where: str = ""  # the indices of the first few wrong entries
    at_least: bool = False  # more than `wrong` may be: the search stopped there
    place: str = ""  # one phrase, where the wrong entries are exactly a structure
    entries: tuple[Entry, ...] = ()  # the first few wrong entries


@dataclass(frozen=True)
class Finding:
    """One fault: a code, a sentence that stands alone, the user's line, evidence, help and a reproducer."""

    code: str
    message: str
    severity: Severity = Severity.ERROR
    file: str = ""
    line: int = 0
    function: str = ""
    source: str = ""
    case: Mapping[str, Array] = field(default_factory=dict)
    cases: int = 0
    comparison: Comparison | None = None
    evidence: tuple[str, ...] = ()
    agrees: tuple[str, ...] = ()
    help: str = ""
    reproduce: str = ""
    output: str = ""
    traceback: str = ""


@dataclass(frozen=True)
class Result:
    """The verdict on one property of one target, with everything a report needs."""

    target: str
    property: str
    verdict: Verdict
    file: str = ""
    line: int = 0
    layer: str = ""
    convention: str = ""
    variant: str = ""
    finding: Finding | None = None
    advice: tuple[Finding, ...] = ()
    reason: str = ""
    resolution: float | None = None
    cases: int = 0
    evaluations: int = 0
    seconds: float = 0.0
    code: str = ""  # of an open verdict that has one: `internal`
    made: str = ""  # with which arguments the object was made, and by which evidence
    called: str = ""  # which argument of its functions gets what, and by which evidence


PASSED_OVER = "passed-over"  # the code of an object that has no gradient of its own


@dataclass(frozen=True)
class NotDriven:
    """An object that looks like backprop code and could not be called, with the reason and the way to name it."""

    target: str
    reason: str
    file: str = ""
    line: int = 0
    code: str = "not-driven"


@dataclass(frozen=True)
class Problem:
    """Something asked for that could not be checked at all, a file as a rule, in one line."""

    file: str
    code: str
    message: str


def plain(value: Any) -> Any:
    """`value` as JSON can hold it: dataclasses as dictionaries, arrays as nested lists, non-finite numbers as text."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, Mapping):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    if isinstance(value, np.generic):
        return plain(value.item())
    if isinstance(value, list | tuple):
        return [plain(v) for v in value]
    if isinstance(value, float) and not np.isfinite(value):
        return str(value)
    return value if value is None or isinstance(value, str | int | float | bool) else repr(value)


def result_from_plain(data: Mapping[str, Any]) -> Result:
    """The Result that `plain` wrote; arrays of the case come back as arrays."""
    return Result(
        **{
            **data,
            "verdict": Verdict(data["verdict"]),
            "finding": _finding(data["finding"]),
            "advice": tuple(f for f in map(_finding, data["advice"]) if f),
        }
    )


def _finding(data: Mapping[str, Any] | None) -> Finding | None:
    if data is None:
        return None
    comparison = data["comparison"]
    return Finding(
        **{
            **data,
            "severity": Severity(data["severity"]),
            "case": {k: np.asarray(v) for k, v in data["case"].items()},
            "comparison": _comparison(comparison) if comparison else None,
            "evidence": tuple(data["evidence"]),
            "agrees": tuple(data["agrees"]),
        }
    )


def _comparison(data: Mapping[str, Any]) -> Comparison:
    entries = tuple(Entry(tuple(e["index"]), float(e["yours"]), float(e["expected"])) for e in data["entries"])
    return Comparison(**{**data, "entries": entries})


class Unbindable(Exception):
    """This way of calling does not fit the object; the text says why, for the person who reads the report."""


class GivesNothing(Unbindable):
    """A backward runs and gives no gradient at all."""

    def __init__(self) -> None:
        super().__init__("its backward gives no gradient")


@dataclass(frozen=True)
class Settings:
    """What a person may set: cases an item, seconds a call, the seed, names pinned to references."""

    cases: int = 25
    seconds: float = 10.0
    seed: int = 0
    strict: bool = False
    pinned: Mapping[str, str] = field(default_factory=dict)
    required: tuple[str, ...] = ()  # objects that have to be judged
    allow_open: bool = False  # whether what is open or refused leaves a run successful
