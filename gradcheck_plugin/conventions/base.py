"""The nouns of a convention: an object that it claims, how that is called, and one forward with the way back."""

from __future__ import annotations

import copy
import dataclasses
import inspect
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

from gradcheck_plugin.author.evidence import Derivative
from gradcheck_plugin.author.said import Said
from gradcheck_plugin.author.uses import Order
from gradcheck_plugin.conventions.watch import Watch
from gradcheck_plugin.model import Array
from gradcheck_plugin.objects.argument import Argument
from gradcheck_plugin.objects.built import DrivesObjects
from gradcheck_plugin.objects.strengths import Strength
from reference_impls.shapes import Layout


@dataclass(frozen=True)
class Reading:
    """What is found out about a candidate before it is called as it stands.

    `said` is what its author says of the shapes of its arrays, None where its convention knows them; `numbers` whether
    it is written for single numbers, `tensors` for torch tensors; `thresholds` are the numbers that its code compares
    its input with; `doubts` readings of its arguments, by their names, under which a right gradient would be wrong;
    `instance` is the object itself where one was handed over.
    """

    said: Said | None = None
    numbers: bool = False
    tensors: bool = False
    thresholds: tuple[float, ...] = ()
    doubts: Mapping[str, str] = field(default_factory=dict)
    instance: Any = None


@dataclass(frozen=True)
class Candidate:
    """An object, or a pair of functions, that looks like hand-written backprop.

    `kind` is what it would be: layer, loss, network or update. `objects` are the user's own, by the part they play, and
    what else its convention knows about it. `inputs` are the names of the forward's arguments. `shapes` are its
    layouts, where its convention knows them; `steps` says whether it moves its own parameters, `unsure` whether it may
    be no gradient at all; `otherwise` is what else it may be; `labels` says of a loss which of its two arguments they
    are.
    """

    name: str
    kind: str
    convention: ModuleType
    objects: Mapping[str, Any]
    inputs: tuple[str, ...] = ()
    line: int = 0
    function: str = ""
    consumed: tuple[str, ...] = field(default=())
    shapes: tuple[str, ...] = ()
    steps: bool = False
    unsure: bool = False
    otherwise: Candidate | None = None
    labels: Order | None = None
    reading: Reading = field(default_factory=Reading)

    def read(self, **found: Any) -> Candidate:
        """The candidate with more that was found out about it."""
        return dataclasses.replace(self, reading=dataclasses.replace(self.reading, **found))


@dataclass
class Tape:
    """One forward pass and the way back. `backward` may be called more than once, with raw results by array name.

    `in_place` says of an update rule whether it left the new values in the arrays that it was given.
    """

    output: Any
    backward: Callable[[Any], dict[str, Any]]
    in_place: bool = True

    def disturb(self) -> None:
        """Add one to the output in its own memory, as whoever got it may do."""
        self.output[...] += 1.0


@dataclass(frozen=True)
class Code:
    """The user's own functions behind a caller, and the objects that lines which call them import, by name."""

    forward: Any = None
    backward: Any = None
    imported: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, forward: Any = None, backward: Any = None, *imported: Any) -> Code:
        return cls(forward, backward, {o.__name__: o for o in imported if o is not None})

    @classmethod
    def of_rule(cls, rule: Any, method: str = "") -> Code:
        """Of an update rule or the like: a function, or a class with a method that does the work."""
        called = rule if inspect.isfunction(rule) else getattr(rule, method or "__call__", rule)
        return cls.of(None, called, rule)


class Caller:
    """How one object is called. Everything here takes and gives arrays by the names of the layout.

    What a caller may be able to say or to do beside that has what holds for most of them.
    """

    @property
    def convention(self) -> str:
        """What the report calls this way of calling."""
        return ""

    @property
    def upstream(self) -> bool:
        """Whether backward takes an upstream gradient at all."""
        return True

    @property
    def optional_upstream(self) -> bool:
        """Whether that may be left away."""
        return False

    @property
    def multiplied(self) -> bool:
        """Whether what its backward gives is multiplied by the upstream gradient outside of it."""
        return False

    @property
    def here(self) -> bool:
        """Whether the user's code runs in this process, where lines that call it can be tried."""
        return True

    @property
    def tensors(self) -> bool:
        """Whether the user's code gets torch tensors."""
        return False

    @property
    def settings(self) -> Mapping[str, Any]:
        """What the user's code is given beside arrays."""
        return {}

    @property
    def readings(self) -> Sequence[str]:
        """How it was read, for the report."""
        return ()

    @property
    def called(self) -> str:
        """Which argument of its functions gets what, and by which evidence, for the report."""
        return ""

    @property
    def doubt(self) -> str:
        """Why its gradients are left open, though they are right."""
        return ""

    @property
    def cause(self) -> str:
        """The code of the one fault that can make its gradients wrong."""
        return ""

    @property
    def written(self) -> Derivative | None:
        """What the author says of a backward that may be a plain derivative."""
        return None

    @property
    def unasked(self) -> frozenset[str] | None:
        """The arrays that are data, where it knows for itself which are."""
        return None

    @property
    def rates(self) -> Mapping[str, float]:
        """Those of the steps that a layer takes by itself."""
        return {}

    @property
    def weights(self) -> bool:
        """Whether an initialiser gives the parameters of layers by name."""
        return False

    @property
    def ignored(self) -> tuple[str, ...]:
        """The settings that a rule was left without."""
        return ()

    @property
    def forward_after(self) -> Callable[[Mapping[str, Array], Mapping[str, Array]], Tape] | None:
        """A forward of an object that has run another one before."""
        return None

    @property
    def backward_with(self) -> Callable[[Mapping[str, Array], Any], dict[str, Any]] | None:
        """The gradients for another upstream gradient than none."""
        return None

    def call_key(self, arrays: Mapping[str, Array]) -> Hashable:
        """What the user's code is given in a forward: two of one object with equal ones are the same call.

        None where nothing is known of it. What it names by its id has to live as long as it is kept.
        """
        return None

    def forward(self, arrays: Mapping[str, Array]) -> Tape:
        raise NotImplementedError

    def watch(self, arrays: Mapping[str, Array], locked: str = "") -> Watch:
        """Watches the arrays of a forward and its backward, one of them read-only."""
        return Watch(arrays, lambda: self.objects.paths if self.objects is not None else {}, locked)

    def user_names(self) -> dict[str, str]:
        """The user's names of the arrays."""
        raise NotImplementedError

    def reproduce(self, arrays: Mapping[str, str], dy: str, gradient: str) -> list[str]:
        """Lines that call the user's code, with these expressions for the arrays."""
        raise NotImplementedError

    def code(self) -> Code:
        """The user's functions that are called."""
        return Code()

    def intended(self, name: str) -> str:
        """Why a gradient is another one than that of the forward on purpose; "" where nothing says so."""
        return ""

    def strengths(self, arrays: Mapping[str, Array]) -> list[Strength]:
        """The strengths of penalties in what it runs."""
        return []

    def weighted(self, values: Mapping[Strength, float]) -> Caller:
        """The same caller with other strengths."""
        raise NotImplementedError

    def with_setting(self, name: str, value: float) -> Caller | None:
        """The same caller with another value of one number that it gives the user's code; None where it gives none."""
        fields: dict[str, Any] = vars(self)
        if self.objects is not None:
            built = self.objects.built
            built = dataclasses.replace(built, plan=built.plan | {name: Argument("value", value)}, warming={})
            return dataclasses.replace(self, built=built)  # type: ignore[type-var]
        for place in ("settings", "extra"):
            given = fields.get(place)
            if isinstance(given, dict) and name in given:
                return dataclasses.replace(self, **{place: {**given, name: value}})  # type: ignore[type-var]
        return None

    def with_layout(self, layout: Layout) -> Caller:
        """The same caller for more parameters of its objects."""
        assert self.objects is not None
        built = self.objects.built
        built = dataclasses.replace(built, layout=layout, paths=dict(built.paths), places={}, warming={})
        return dataclasses.replace(self, built=built)  # type: ignore[type-var]

    @property
    def objects(self) -> DrivesObjects | None:
        """What makes the objects that are run, where there are any."""
        return self if isinstance(self, DrivesObjects) else None


class Wrapped(Caller):
    """Another caller, with something done to what it gets or gives."""

    def __init__(self, caller: Caller) -> None:
        self.wrapped = caller

    def around(self, caller: Caller) -> Caller:
        """The same around another caller."""
        other = copy.copy(self)
        other.wrapped = caller
        return other

    @property
    def convention(self) -> str:
        return self.wrapped.convention

    @property
    def upstream(self) -> bool:
        return self.wrapped.upstream

    @property
    def optional_upstream(self) -> bool:
        return self.wrapped.optional_upstream

    @property
    def multiplied(self) -> bool:
        return self.wrapped.multiplied

    @property
    def here(self) -> bool:
        return self.wrapped.here

    @property
    def tensors(self) -> bool:
        return self.wrapped.tensors

    @property
    def settings(self) -> Mapping[str, Any]:
        return self.wrapped.settings

    @property
    def readings(self) -> Sequence[str]:
        return self.wrapped.readings

    @property
    def doubt(self) -> str:
        return self.wrapped.doubt

    @property
    def cause(self) -> str:
        return self.wrapped.cause

    @property
    def written(self) -> Derivative | None:
        return self.wrapped.written

    @property
    def unasked(self) -> frozenset[str] | None:
        return self.wrapped.unasked

    @property
    def rates(self) -> Mapping[str, float]:
        return self.wrapped.rates

    @property
    def weights(self) -> bool:
        return self.wrapped.weights

    @property
    def ignored(self) -> tuple[str, ...]:
        return self.wrapped.ignored

    @property
    def backward_with(self) -> Callable[[Mapping[str, Array], Any], dict[str, Any]] | None:
        return self.wrapped.backward_with

    def watch(self, arrays: Mapping[str, Array], locked: str = "") -> Watch:
        return self.wrapped.watch(arrays, locked)

    def user_names(self) -> dict[str, str]:
        return self.wrapped.user_names()

    def reproduce(self, arrays: Mapping[str, str], dy: str, gradient: str) -> list[str]:
        return self.wrapped.reproduce(arrays, dy, gradient)

    def code(self) -> Code:
        return self.wrapped.code()

    def intended(self, name: str) -> str:
        return self.wrapped.intended(name)

    def with_setting(self, name: str, value: float) -> Caller | None:
        other = self.wrapped.with_setting(name, value)
        return None if other is None else self.around(other)

    def with_layout(self, layout: Layout) -> Caller:
        return self.around(self.wrapped.with_layout(layout))

    @property
    def objects(self) -> DrivesObjects | None:
        return self.wrapped.objects
