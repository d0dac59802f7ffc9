"""Learning-rate schedules: `update_lr(learning_rate0, epoch_num, decay_rate)`, objects that are called with a step, and
schedulers that change the rate of an optimizer, `StepLR(optimizer, step_size, gamma).step()`.
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from gradcheck_plugin.author.signature import Signature, arguments, line_of
from gradcheck_plugin.conventions.base import Caller, Candidate, Code, Tape
from gradcheck_plugin.conventions.rules.settings import constants, settled
from gradcheck_plugin.model import Array, Unbindable
from gradcheck_plugin.names.aliases import spec_named
from gradcheck_plugin.running.calls import UserCodeRaised, guarded
from gradcheck_plugin.running.values import numeric
from reference_impls.rules import EPOCHS
from reference_impls.shapes import Layout

ORDER = 17
_FUNCTION = re.compile(r"(^|_)(lr|learning_?rate|decay|schedul\w*|anneal\w*)(_|$)|decay$", re.I)
_CLASS = re.compile(r"^(?!.*Weight).*(LR|Scheduler|Schedule|Decay)$")
_TIME = re.compile(
    r"(cur(rent)?_?)?(epochs?|epoch_?(num|idx|i)?|step(_num)?|t|iter(ation)?s?|i|n|it|global_step|num_epoch)$", re.I
)
_OPTIMIZER = ("optimizer", "optim", "optimiser", "opt")
_METHODS = ("get_lr", "get_learning_rate", "learning_rate", "lr", "__call__")
NAMES: dict[str, tuple[str, ...]] = {
    "lr": ("learning_rate0", "lr0", "initial_lr", "init_lr", "base_lr", "initial_learning_rate", "lr_init", "eta0",
           "start_lr", "lr_0", "alpha0", "alpha_0", "initial_lrate", "lr", "learning_rate", "alpha"),
    "gamma": ("gamma", "decay_rate", "decay", "drop", "drop_rate", "lr_decay", "decay_factor", "factor", "rate", "k"),
    "size": ("step_size", "drop_every", "epochs_drop", "time_interval", "decay_steps", "stage_length", "interval",
             "decay_every", "every", "period", "decay_step", "drop_epochs", "size"),
    "milestones": ("milestones", "boundaries", "steps", "epochs", "drops"),
    "f": ("lr_lambda", "lambda_", "func", "fn", "f", "lmbda", "factor"),
    "factor": ("factor",),
    "until": ("total_iters", "until", "total_iter", "total"),
}  # fmt: skip
TELLING: dict[str, Any] = {"lr": 0.0, "gamma": 0.7, "size": 4, "milestones": (3, 10, 17), "factor": 0.4, "until": 5}


class Rate:
    """What a scheduler takes for its optimizer: the rate under every name."""

    def __init__(self, lr: float) -> None:
        self.param_groups: list[dict[str, Any]] = [{"lr": lr, "initial_lr": lr, "params": []}]

    @property
    def lr(self) -> Any:
        return self.param_groups[0]["lr"]

    @lr.setter
    def lr(self, value: Any) -> None:
        self.param_groups[0]["lr"] = value

    learning_rate = lr


def discover(defined: Mapping[str, Any]) -> Iterator[Candidate]:
    """Functions of a rate and a time, or of a time alone, and classes that are called a schedule.

    What has the very name of a reference and takes a time is driven or refused, and does not vanish.
    """
    for name, thing in defined.items():
        known = spec_named(name, "schedule") is not None
        if inspect.isfunction(thing) and (known or _FUNCTION.search(name)):
            required = [n for n in arguments(thing).names if _TIME.match(n)]
            objects: dict[str, Any] = {"function": thing}
            if not required or not (known or _filled(arguments(thing))):
                continue
        elif inspect.isclass(thing) and _CLASS.search(name) and (way := _way(thing)):
            objects = {"class": thing, "method": way}
        else:
            continue
        yield Candidate(name, "schedule", sys.modules[__name__], objects, ("lr",), line_of(thing), name, (name,))


def _filled(signature: Signature) -> bool:
    known = {n for names in NAMES.values() for n in names}
    return all(n.lower() in known or _TIME.match(n) for n in signature.required)


def _way(cls: Any) -> str:
    """The method that gives the rate of a step, or that takes one; "" where there is none, or in a base class."""
    first = (arguments(cls.__init__, method=True).names or ("",))[0]
    methods = [m for m in vars(cls).values() if inspect.isfunction(m)]
    if cls.__subclasses__() and any("NotImplementedError" in m.__code__.co_names for m in methods):
        return ""
    if first.lower() in _OPTIMIZER:
        return "step" if inspect.isfunction(getattr(cls, "step", None)) else ""
    timed = (m for m in _METHODS if inspect.isfunction(f := getattr(cls, m, None)) and len(arguments(f).required) == 2)
    return next(timed, "")


def callers(candidate: Candidate, layout: Layout, options: Mapping[str, Any]) -> list[Schedule]:
    """The arguments by their names; numbers that stand in the code are tried for the others."""
    if not layout.inputs or layout.inputs[0].name != "lr":
        raise Unbindable("no reference explains its numbers: it is none of the schedules that are known")
    rule = candidate.objects.get("function") or candidate.objects["class"]
    signature = arguments(rule) if "function" in candidate.objects else arguments(rule.__init__, method=True)
    method = candidate.objects.get("method", "")
    given_first = signature.names[0] if method == "step" else ""
    names = tuple(
        n for n in signature.names if n != given_first and not ("function" in candidate.objects and _TIME.match(n))
    )
    wanted = {"lr": 0.0, **options}
    made = []
    for given, found in settled(names, wanted, constants(rule), table=NAMES, telling=TELLING):
        rate = next((n for n in names if n in given and n.lower() in NAMES["lr"]), "")
        if missing := [n for n in signature.required if n not in given and n in names]:
            raise Unbindable(f"{rule.__name__} cannot be called: nothing is known about its argument `{missing[0]}`")
        found.pop("lr")
        made.append(Schedule(rule, layout, method, rate, {n: v for n, v in given.items() if n != rate}, found))
    return made


@dataclass
class Schedule(Caller):
    """Asks for the rates of the first steps. Where the first rate stands in the code, it is scaled to the drawn one."""

    rule: Any
    layout: Layout
    method: str
    rate: str
    given: dict[str, Any]
    options: dict[str, Any]
    upstream: bool = False

    @property
    def convention(self) -> str:
        return {"": "schedule, a function of time", "step": "schedule, step() changes an optimizer's rate"}.get(
            self.method, "schedule, an object that is asked for the rate of a step"
        )

    def forward(self, arrays: Mapping[str, Array]) -> Tape:
        lr = float(arrays["lr"])
        given = {**self.given, **({self.rate: lr} if self.rate else {})}
        try:
            rates = self._rates(lr, given)
        except UserCodeRaised as exc:
            if isinstance(exc.cause, KeyError | AttributeError | TypeError | IndexError):
                raise Unbindable(f"it cannot be called like this: {exc}") from exc
            raise
        if any(np.size(r) != 1 for r in rates):
            raise Unbindable("it gives no rate, a number")
        known = np.array([float(np.ravel(r)[0]) for r in rates if r is not None])
        return Tape(known if self.rate or self.method == "step" or not known[0] else known * lr / known[0], dict)

    def _rates(self, lr: float, given: dict[str, Any]) -> list[Any]:
        if not self.method:
            time = next(n for n in arguments(self.rule).names if _TIME.match(n) and n not in given)
            return [numeric(guarded("schedule", self.rule, **given, **{time: t})) for t in range(EPOCHS)]
        if self.method != "step":
            schedule = guarded("__init__", self.rule, **given)
            return [numeric(guarded("schedule", getattr(schedule, self.method), t)) for t in range(EPOCHS)]
        rate, rates = Rate(lr), []
        schedule = guarded("__init__", self.rule, rate, **given)
        for _ in range(EPOCHS):
            rates.append(numeric(rate.lr))
            guarded("schedule", schedule.step)
        return rates

    def key(self) -> str:
        """What a run depends on."""
        return f"{self.given}"

    def user_names(self) -> dict[str, str]:
        return {}

    def code(self) -> Code:
        return Code.of_rule(self.rule, self.method)

    def reproduce(self, arrays: Mapping[str, str], dy: str, gradient: str) -> list[str]:
        if self.method or not self.rate or any(callable(v) for v in self.given.values()):
            return []
        given = ", ".join(f"{k}={v!r}" for k, v in self.given.items())
        rate = f"{self.rate}={arrays['lr']}, "
        time = next(n for n in arguments(self.rule).names if _TIME.match(n) and n not in self.given)
        return [f"print([{self.rule.__name__}({rate}{given}{', ' * bool(given)}{time}=t) for t in range({EPOCHS})])"]
