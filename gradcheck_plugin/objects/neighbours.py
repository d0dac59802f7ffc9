"""Objects of other classes that a constructor asks for: activations, a criterion, the engine that records operations.

They are looked for among the classes that the class's own module knows, and made anew for every object. What is made
for one object shares one engine.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

from gradcheck_plugin.author.namespaces import namespaces
from gradcheck_plugin.author.signature import Signature, arguments
from gradcheck_plugin.names.aliases import spec_named
from gradcheck_plugin.names.arguments import ACTIVATION_LISTS, CRITERIA, ENGINES
from gradcheck_plugin.running.calls import guarded

_LIKELY: dict[tuple[str, ...], tuple[str, ...]] = {
    ACTIVATION_LISTS: ("tanh", "sigmoid"),
    CRITERIA: ("softmax_with_loss", "mse"),
}
LAYERS = 3  # of a network with the hidden layers that a constructor is given


@dataclass(frozen=True)
class Neighbour:
    """A class of which a constructor wants one object, or a list of `count`."""

    cls: Any
    count: int = 0

    @property
    def is_engine(self) -> bool:
        return records(self.cls)

    def make(self, engine: Any) -> Any:
        given = [engine] if _asks_for_engine(self.cls) else []
        made = [_alone(self.cls, given) for _ in range(self.count or 1)]
        return made if self.count else made[0]

    def source(self, engine: str) -> str:
        one = f"{self.cls.__name__}({engine if _asks_for_engine(self.cls) else ''})"
        return f"[{', '.join([one] * self.count)}]" if self.count else one


def records(thing: Any) -> bool:
    """Whether a class is an engine that is told of every operation, and goes back through them."""
    return inspect.isclass(thing) and all(
        inspect.isfunction(getattr(thing, n, None)) for n in ("add_operation", "backward")
    )


def needed(cls: Any, signature: Signature) -> dict[str, Neighbour]:
    """The arguments of a constructor that are objects of classes which its module knows."""
    found = {}
    for name in signature.required:
        low = name.lower()
        if low in ENGINES and (engine := next(filter(records, classes_near(cls)), None)):
            found[name] = Neighbour(engine)
        elif low in ACTIVATION_LISTS and (activation := _likely(cls, ACTIVATION_LISTS)):
            found[name] = Neighbour(activation, LAYERS)
        elif low in CRITERIA and (criterion := _likely(cls, CRITERIA)):
            found[name] = Neighbour(criterion)
    return found


def made(neighbours: Mapping[str, Neighbour]) -> dict[str, Any]:
    """An object or a list for each argument, with one engine for all."""
    wanted = neighbours.values()
    engine = next((n.make(None) for n in wanted if n.is_engine), None)
    return {name: engine if n.is_engine else n.make(engine) for name, n in neighbours.items()}


def classes_near(cls: Any) -> Iterator[Any]:
    """The classes in the modules of a class and its bases, in those that they import, and in those of its functions."""
    seen: set[int] = set()
    for namespace in list(namespaces(cls)):
        values = list(namespace.values())
        further = [f.__globals__ for f in values if inspect.isfunction(f) and not _foreign(f)]
        for thing in [*values, *(v for g in further for v in list(g.values()))]:
            if inspect.isclass(thing) and not _foreign(thing) and id(thing) not in seen:
                seen.add(id(thing))
                yield thing


def _foreign(thing: Any) -> bool:
    return str(thing.__module__).split(".")[0] in ("numpy", "torch", "builtins", "typing", "gradcheck_plugin")


def _likely(cls: Any, asked: tuple[str, ...]) -> Any:
    """The likeliest class for an argument of such a name, of those that can be made without anything but an engine."""
    names = {c: s.name for c in classes_near(cls) if (s := spec_named(c.__name__)) and s.name in _LIKELY[asked]}
    return min(filter(_makeable, names), key=lambda c: _LIKELY[asked].index(names[c]), default=None)


def _makeable(cls: Any) -> bool:
    required = arguments(cls.__init__, method=True).required if inspect.isfunction(cls.__init__) else ()
    return not required or _asks_for_engine(cls)


def _asks_for_engine(cls: Any) -> bool:
    if not inspect.isfunction(cls.__init__):
        return False
    required = arguments(cls.__init__, method=True).required
    return len(required) == 1 and required[0].lower() in ENGINES


_at_first: WeakKeyDictionary[Any, dict[str, Any]] = WeakKeyDictionary()


def _alone(cls: Any, given: list[Any]) -> Any:
    """An object of a class, whatever the class keeps of those before: some engines allow but one at a time."""
    kept = _at_first.setdefault(cls, dict(vars(cls)))
    _restore(cls, kept)
    try:
        return guarded("__init__", cls, *given)
    finally:
        _restore(cls, kept)


def _restore(cls: Any, kept: Mapping[str, Any]) -> None:
    for name, value in list(vars(cls).items()):
        if name not in kept:
            delattr(cls, name)
        elif value is not kept[name]:
            setattr(cls, name, kept[name])
