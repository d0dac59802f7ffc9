"""Arrays of the caller that user code writes into: inputs, parameters, the upstream gradient.

What came back changed is a habit to mend. A second run gets that one array read-only, so that NumPy's own exception
stands on the line that writes; nothing else is judged by that run.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from gradcheck_plugin.conventions.watch import PARAMETER, UPSTREAM
from gradcheck_plugin.judging.breach import Breach
from gradcheck_plugin.judging.gradient import output_of
from gradcheck_plugin.model import Array, Case, Severity
from gradcheck_plugin.running.calls import UserCodeRaised, frozen
from gradcheck_plugin.subject import Subject


def breaches(subject: Subject, case: Case, dy: Array, changed: Iterable[str], *, lines: bool) -> Iterator[Breach]:
    """What a run has changed, with the line that does it where `lines` are asked for."""
    for name in changed:
        raised = _writing(subject, case, dy, name) if lines else None
        if name == UPSTREAM:
            yield Breach("mutates-upstream", Severity.ADVICE, raised=raised)
        else:
            code = "mutates-parameter" if name.startswith(PARAMETER) else "mutates-input"
            array = name.removeprefix(PARAMETER)
            yield Breach(code, Severity.ADVICE, array, property="forward", raised=raised)


def _writing(subject: Subject, case: Case, dy: Array, name: str) -> UserCodeRaised | None:
    """What NumPy raises on the line that writes into an array, when that array alone is read-only."""
    watch = subject.caller.watch(case.arrays, locked=name)
    try:
        with frozen(case.seed), watch.watching():
            tape, _ = output_of(subject, case)
            tape.backward(watch.upstream(dy))
    except UserCodeRaised as exc:
        return exc if "read-only" in str(exc.cause) else None
    except Exception:
        return None
    return None
