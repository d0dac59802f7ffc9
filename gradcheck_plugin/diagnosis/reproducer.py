"""Lines that reproduce a failure when pasted into Python. They are run before they are shown."""

from __future__ import annotations

import keyword
import re
import sys
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from gradcheck_plugin.diagnosis.examined import OfFile
from gradcheck_plugin.judging.gradient import gradients, output_of, upstream
from gradcheck_plugin.model import Array, Case
from gradcheck_plugin.objects import state
from gradcheck_plugin.objects.pasted import place
from gradcheck_plugin.oracles.equal import DIGITS, equal
from gradcheck_plugin.running.calls import frozen
from gradcheck_plugin.running.limits import TimeLimit, time_limit
from gradcheck_plugin.running.values import numeric
from gradcheck_plugin.search import Drawn
from gradcheck_plugin.subject import Subject
from reference_impls.shapes import Layout

UPSTREAM = "dout"
_OURS = ("np", "sys", "torch", "gradcheck_plugin", "layer", "net", "out", "loss", "cache", "dx", "before", "params",
         "gradient", "gradients", "grads", UPSTREAM)  # fmt: skip
_NOT_PLAIN = {*sys.stdlib_module_names, "numpy", "torch", "pytest", "hypothesis", "gradcheck_plugin", "reference_impls"}


def identifiers(subject: Subject, layout: Layout) -> dict[str, str]:
    """The user's own names of the arrays of a layout as Python identifiers: `params_0` for params[0]."""
    taken = {*_OURS, *keyword.kwlist, *subject.caller.code().imported, "print", "globals"}
    names: dict[str, str] = {}
    for entry in layout.entries:
        name = re.sub(r"\W+", "_", subject.display(entry.name)).rstrip("_") or "array"
        name = f"_{name}" if name[0].isdigit() else name
        while name in taken:
            name += "_"
        taken.add(name)
        names[entry.name] = name
    return names


def reproduce(
    target: OfFile,
    subject: Subject,
    drawn: Drawn,
    name: str,
    *,
    dy: Array | None = None,
    yours: Any = None,
    expected: Array | None = None,
    index: tuple[int, ...] = (),
    raises: bool = False,
) -> str:
    """Lines that print the user's gradient of the array `name`, the output where that is "", and the expected value.

    What the last line prints is found by running them: backward may return it, or a tuple or dictionary that holds
    it, or leave it on the object. "" where nothing runs that can be pasted.
    """
    head = _imports(target, subject)
    names = identifiers(subject, drawn.layout)
    lines = subject.caller.reproduce(names, UPSTREAM, name) if head else []
    if not lines:
        return ""
    if name and dy is None:
        dy, yours = _upstream(subject, drawn.case), None if raises else _gradient(subject, name, drawn.case)
    values: dict[str, Any] = {names[e.name]: drawn.case.arrays[e.name] for e in drawn.layout.entries}
    if any(re.search(rf"\b{UPSTREAM}\b", line) for line in lines) or (name and subject.caller.upstream):
        values[UPSTREAM] = np.asarray(1.0) if dy is None or not subject.caller.upstream else dy
    if subject.caller.tensors:
        head[0] += ", torch"
        given_arrays = [n for n, v in values.items() if np.ndim(v) or n == UPSTREAM]
        lines = [*(f"{n} = torch.tensor({n})" for n in given_arrays), *lines]
    trial = _Trial(subject, name, values, numeric(yours), drawn.case.seed, target.settings.seconds)
    body = lines if raises or not subject.caller.here else trial.settle(lines)
    if not body:
        return ""
    if index:
        printed = body[-1].removeprefix("print(").removesuffix(")")
        printed = f"({printed})" if " " in printed else printed
        body = [*body[:-1], f"print({printed}[{', '.join(map(str, index))}])"]
    tail = [f"print('expected', {literal(expected)})"] if expected is not None else []
    return "\n".join([*head, *(f"{n} = {literal(v)}" for n, v in values.items()), *body, *tail])


def _upstream(subject: Subject, case: Case) -> Array | None:
    try:
        with frozen(case.seed):
            return upstream(subject, case, output_of(subject, case)[1])
    except Exception:
        return None


def _gradient(subject: Subject, name: str, case: Case) -> Any:
    try:
        return gradients(subject, case)[2].get(name)
    except Exception:
        return None


class _Trial:
    """Runs the lines, to see which expression is the value that they are to print."""

    def __init__(
        self, subject: Subject, name: str, values: Mapping[str, Any], wanted: Array | None, seed: int, seconds: float
    ) -> None:
        self.subject, self.name, self.values = subject, name, values
        self.wanted, self.seed, self.seconds = wanted, seed, seconds

    def settle(self, lines: list[str]) -> list[str]:
        """The lines with a last one that prints the wanted value; as they are where none does; [] where none run.

        Parameters are written into the arrays that are there, which others may share, else put in their place.
        """
        ran: list[str] = []
        for body in (lines, [line.replace("[...] = ", " = ") for line in lines]):
            expression, exact = self._expression(body, self.seed)
            if not expression:
                continue
            settled = [*body[:-1], f"print({expression})"]
            if exact:
                others = (self._expression(body, self.seed + k)[1] for k in range(1, 9))
                drawn = self.wanted is not None and not all(others)
                seeds = [f"np.random.seed({self.seed % 2**32})"]
                if self.subject.caller.tensors:
                    seeds.append(f"torch.manual_seed({self.seed})")
                return [*seeds, *settled] if drawn else settled
            ran = ran or settled
        return ran

    def _expression(self, body: list[str], seed: int) -> tuple[str, bool]:
        """The expression to print, and whether it is the wanted value; "" where the lines do not run."""
        scope = dict(self.subject.caller.code().imported) | {"np": np, "torch": sys.modules.get("torch")}
        scope |= {n: np.array(v) if np.ndim(v) else np.asarray(v).item() for n, v in self.values.items()}
        printed = body[-1].removeprefix("print(").removesuffix(")")
        try:
            with time_limit(self.seconds), frozen(seed):
                exec("\n".join(body[:-1]), scope)
                value = eval(printed, scope)
                choices = list(dict.fromkeys(self._choices(printed, value, scope)))
                if self.wanted is None:
                    return choices[0], True
                exact = next((e for e in choices if self._same(_value(e, scope))), "")
                return exact or choices[0], bool(exact)
        except (Exception, SystemExit, TimeLimit):
            return "", False

    def _choices(self, printed: str, value: Any, scope: Mapping[str, Any]) -> Iterator[str]:
        """Expressions that may hold what is wanted, likeliest first."""
        parts = [f"{printed}{part}" for part in self._parts(value)]
        if self.wanted is None:
            yield from parts
        yield from (printed, *parts)
        if self.name:
            yield from (f"{UPSTREAM} * {e}" for e in (printed, *parts) if UPSTREAM in scope)
        else:
            yield from (f"np.mean({printed})", f"np.sum({printed})")
        for owner in ("layer", "net"):
            yield from (f"{owner}{place(p)}" for p in self._held(scope.get(owner)))

    def _parts(self, value: Any) -> list[str]:
        if isinstance(value, dict):
            own = {self.name, self.subject.display(self.name)}
            keys = sorted(value, key=lambda k: all(state.returned_as(n, {k: 0}) is None for n in own))
            return [f"[{key!r}]" for key in keys]
        if isinstance(value, tuple | list):
            order = [e.name for e in self.subject.layout.entries if e.differentiable]
            mine = order.index(self.name) if self.name in order else 0
            return [f"[{i}]" for i in sorted(range(len(value)), key=lambda i: i != mine)]
        return []

    def _held(self, owner: Any) -> list[state.Path]:
        """Arrays that the object holds: gradients first where one is wanted, else outputs."""
        looks = re.compile(r"^d|grad" if self.name else r"^out|^y|^a$|^z$", re.IGNORECASE)
        held = [p for p, _ in state.leaves(owner)] if owner is not None else []
        return sorted(held, key=lambda p: not looks.search(state.label(p).strip("_")))

    def _same(self, value: Any) -> bool:
        got = numeric(value)
        if got is None or self.wanted is None or got.size != self.wanted.size:
            return False
        return equal(got.ravel(), self.wanted.ravel(), DIGITS, least=1e-6, nan=True)


def _value(expression: str, scope: dict[str, Any]) -> Any:
    try:
        return eval(expression, scope)
    except Exception:
        return None


def _imports(target: OfFile, subject: Subject) -> list[str]:
    """Lines that import the user's objects; [] where they cannot be imported, as from inside another function."""
    imported, path = subject.caller.code().imported, target.path
    if path is None or not imported or any("<" in getattr(o, "__qualname__", "<") for o in imported.values()):
        return []
    plain = path.suffix == ".py" and path.stem.isidentifier() and not keyword.iskeyword(path.stem)
    if target.plain_import and plain and path.stem not in _NOT_PLAIN:
        where = f"sys.path.insert(0, {str(path.parent)!r})"
        return ["import sys, numpy as np", where, f"from {path.stem} import {', '.join(imported)}"]
    loaded = f"globals().update(gradcheck_plugin.namespace({str(path)!r}))"
    return ["import numpy as np", "import gradcheck_plugin", loaded]


def literal(value: Any) -> str:
    """An array as Python source, exactly."""
    if not np.asarray(value).size:
        return f"np.zeros({np.shape(value)})"
    text = re.sub(r"\b(nan|inf)\b", r"np.\1", repr(np.asarray(value).tolist()))
    return f"np.array({text})" if np.ndim(value) else text
