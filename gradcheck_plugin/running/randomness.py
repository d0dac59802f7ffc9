"""Frozen randomness: code that draws random numbers draws the same ones again, wherever it has its generator from.

Global states are set. Generators that a person keeps in a module, a class, a default argument or a closure are found
from the function that is called, and put back behind it. What a new generator takes from the system or from the clock,
as in `default_rng()`, comes from a sequence that the seed starts: a second one draws other numbers than the first.
"""

from __future__ import annotations

import contextlib
import os
import random
import secrets
import sys
import threading
import time
import types
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache, lru_cache
from typing import Any

import numpy as np

from gradcheck_plugin.running import conditions

DEPTH = 6  # function, module, helper module, object, dictionary, generator
NOT_OURS = {"numpy", "torch", "gradcheck_plugin", "reference_impls", "builtins", *sys.stdlib_module_names}


class _Held:
    """The generators seen in one frozen block, with the states that they had at its beginning."""

    def __init__(self) -> None:
        self.states: dict[int, tuple[Any, Any]] = {}
        self.seen: dict[int, Any] = {}  # the namespaces looked through; kept alive, for their ids are the keys

    def hold(self, function: Any) -> None:
        for generator in _within_reach(function, self.seen):
            if id(generator) not in self.states:
                self.states[id(generator)] = generator, _state(generator)

    def release(self) -> None:
        for generator, state in self.states.values():
            _restore(generator, state)


_blocks: list[_Held] = []
_steady: list[_Entropy] = []
_get_source: Callable[[], np.random.BitGenerator] = vars(np.random)["get_bit_generator"]  # no stubs have it
_set_source: Callable[[np.random.BitGenerator], None] = vars(np.random)["set_bit_generator"]
_spare: list[np.random.BitGenerator] = []  # one for each level of nested blocks


def hold(function: Any) -> None:
    """Inside a frozen block: put the generators that `function` can reach back at the end of it."""
    if _blocks:
        _blocks[-1].hold(function)


@contextlib.contextmanager
def frozen(seed: int) -> Iterator[None]:
    """Run with known random states and quiet warnings, and put everything back: dropout draws the same mask again.

    Inside a `steady` block that puts them back anyway, they are set only.
    """
    with contextlib.nullcontext() if _are_kept() else _kept_states():
        entropy = _steady[-1] if _steady else _Entropy()
        _start(seed)
        held = _Held()
        _blocks.append(held)
        before, condition = entropy.start(seed), conditions.opened("frozen", seed)
        try:
            with warnings.catch_warnings(), np.errstate(all="ignore"), entropy.taken():
                warnings.simplefilter("ignore")
                yield
        finally:
            conditions.closed(condition)
            entropy.resume(before)
            _blocks.remove(held)
            held.release()


@contextlib.contextmanager
def steady() -> Iterator[None]:
    """Keep all random states once, for a block in which many frozen ones follow each other."""
    if _steady or _blocks:
        yield
        return
    entropy = _Entropy()
    with _kept_states(), entropy.taken():
        _start(0)
        _steady.append(entropy)
        try:
            yield
        finally:
            _steady.remove(entropy)


def _are_kept() -> bool:
    """Whether the block around puts the global states back: all that there are now, for torch may have come since."""
    return bool(_steady) and not _blocks and _steady[-1].with_torch == (_torch_generator() is not None)


def _start(seed: int) -> None:
    np.random.seed(seed % 2**32)
    random.setstate(_started(seed))
    if (generator := _torch_generator()) is not None:
        generator.manual_seed(seed)


@lru_cache(maxsize=64)
def _started(seed: int) -> Any:
    return random.Random(seed).getstate()  # to set a state takes less than to make one


def _torch_generator() -> Any:
    return getattr(sys.modules.get("torch"), "default_generator", None)


@contextlib.contextmanager
def _kept_states() -> Iterator[None]:
    """The global random states are afterwards what they were before."""
    numpy_source, python_state, generator = _get_source(), random.getstate(), _torch_generator()
    torch_state = generator.get_state() if generator is not None else None
    _set_source(_spare.pop() if _spare else np.random.MT19937())  # to copy its state takes far longer
    try:
        yield
    finally:
        _spare.append(_get_source())
        _set_source(numpy_source)
        random.setstate(python_state)
        if generator is not None:
            generator.set_state(torch_state)


class _Entropy:
    """What seeds a generator by itself, and the clock: in this thread both come from a sequence that a seed starts."""

    def __init__(self) -> None:
        self.owner = threading.get_ident()
        self.with_torch = _torch_generator() is not None
        self.seed: int | None = None  # where it is None, they are what they always are
        self._source: random.Random | None = None
        self._ticks = 0
        self._taken = False

    def start(self, seed: int) -> Any:
        """Begin the sequence of a seed; gives where the one before is."""
        before = self.seed, self._source, self._ticks
        self.seed, self._source, self._ticks = seed, None, 1_700_000_000
        return before

    def resume(self, before: Any) -> None:
        self.seed, self._source, self._ticks = before

    def _bits(self, count: int) -> int:
        if self._source is None:
            self._source = random.Random(self.seed)
        return self._source.getrandbits(count)

    def _urandom(self, count: int) -> bytes:
        return self._bits(8 * count).to_bytes(count, "little")

    def _seconds(self) -> float:
        self._ticks += 1
        return float(self._ticks)

    @contextlib.contextmanager
    def taken(self) -> Iterator[None]:
        """Everything that seeds a generator by itself asks here."""
        if self._taken:
            yield
            return
        reseed = random.Random.seed

        def seeded(generator: random.Random, a: Any = None, version: int = 2) -> None:
            reseed(generator, self._bits(128) if a is None else a, version)

        replaced: list[tuple[Any, str, Callable[..., Any]]] = [
            (sys.modules["numpy.random.bit_generator"], "randbits", self._bits),
            (secrets, "randbits", self._bits),
            (os, "urandom", self._urandom),
            (random, "_urandom", self._urandom),
            (random.Random, "seed", seeded),
            (time, "time", self._seconds),
            (time, "time_ns", lambda: int(self._seconds()) * 10**9),
        ]
        kept = [(where, name, getattr(where, name)) for where, name, _ in replaced]

        def guard(ours: Callable[..., Any], theirs: Callable[..., Any]) -> Callable[..., Any]:
            def call(*args: Any, **kwargs: Any) -> Any:
                mine = self.seed is not None and threading.get_ident() == self.owner
                return (ours if mine else theirs)(*args, **kwargs)

            return call

        for (where, name, ours), (_, _, theirs) in zip(replaced, kept, strict=True):
            setattr(where, name, guard(ours, theirs))
        self._taken = True
        try:
            yield
        finally:
            self._taken = False
            for where, name, theirs in kept:
                setattr(where, name, theirs)


def _kinds() -> set[type]:
    return _kinds_with(getattr(sys.modules.get("torch"), "Generator", None))


@cache
def _kinds_with(torch: type | None) -> set[type]:
    bits = np.random.BitGenerator.__subclasses__()
    return {np.random.Generator, np.random.RandomState, random.Random, *bits, *([torch] if torch is not None else [])}


def _state(generator: Any) -> Any:
    if isinstance(generator, np.random.Generator):
        return generator.bit_generator.state
    if isinstance(generator, np.random.BitGenerator):
        return generator.state
    return generator.getstate() if isinstance(generator, random.Random) else generator.get_state()


def _restore(generator: Any, state: Any) -> None:
    if isinstance(generator, np.random.Generator):
        generator.bit_generator.state = state
    elif isinstance(generator, np.random.BitGenerator):
        generator.state = state
    elif isinstance(generator, random.Random):
        generator.setstate(state)
    else:
        generator.set_state(state)


@dataclass
class _Reach:
    """What a function can reach: the namespaces, which may change, and the generators that are held elsewhere."""

    function: Any  # kept alive, for its id is the key
    spaces: list[Mapping[str, Any]] = field(default_factory=list)
    fixed: list[Any] = field(default_factory=list)
    size: int = 0


_known: dict[int, _Reach] = {}


def _within_reach(function: Any, seen: dict[int, Any]) -> Iterator[Any]:
    """Every generator that a function or class can reach, but for those in namespaces that were `seen` before.

    The walk is done again when a name has come or gone.
    """
    function = getattr(function, "__func__", function)
    kinds = _kinds()
    reach = _known.get(id(function))
    if reach is None or reach.size != sum(map(len, reach.spaces)):
        if len(_known) > 200:
            _known.clear()
        reach = _known[id(function)] = _walk(function, kinds)
    yield from reach.fixed
    for space in reach.spaces:
        if id(space) in seen:
            continue
        seen[id(space)] = space
        values = list(space.values())  # a collection of garbage in between may run code that changes the space
        if not kinds.isdisjoint(map(type, values)):
            yield from [v for v in values if type(v) in kinds]


def _walk(function: Any, kinds: set[type]) -> _Reach:
    reach, seen, todo = _Reach(function), set[int](), [(function, DEPTH)]
    while todo:
        thing, depth = todo.pop()
        if type(thing) in kinds:
            reach.fixed.append(thing)
        elif depth and id(thing) not in seen and not isinstance(thing, _PLAIN):
            seen.add(id(thing))
            space, children = _held_by(thing)
            if space is not None and not any(space is known for known in reach.spaces):
                reach.spaces.append(space)
                children = [*children, *(v for v in list(space.values()) if type(v) not in kinds)]
            todo += [(c, depth - 1) for c in children]
    reach.size = sum(map(len, reach.spaces))
    return reach


_PLAIN = (str, int, float, complex, bytes, np.ndarray, np.generic, type(None))


def _held_by(thing: Any) -> tuple[Mapping[str, Any] | None, list[Any]]:
    """The namespace of a person's module, class or object, or what a function holds; nothing of those of libraries."""
    if isinstance(thing, types.FunctionType):
        space = thing.__globals__
        if not _own(space.get("__name__", ""), space.get("__file__")):
            return None, []
        cells = [c.cell_contents for c in thing.__closure__ or () if _filled(c)]
        return None, [space, *(thing.__defaults__ or ()), *(thing.__kwdefaults__ or {}).values(), *cells]
    if isinstance(thing, dict):
        return (thing, []) if len(thing) < 1000 else (None, [])
    if isinstance(thing, list | tuple):
        return None, list(thing) if len(thing) < 100 else []
    if isinstance(thing, types.MethodType):
        return None, [thing.__func__, thing.__self__]
    if isinstance(thing, staticmethod | classmethod):
        return None, [thing.__func__]
    if isinstance(thing, types.BuiltinMethodType):
        return None, [thing.__self__] if type(thing.__self__) in _kinds() else []
    if isinstance(thing, types.ModuleType):
        return (vars(thing), []) if _own(thing.__name__, getattr(thing, "__file__", None)) else (None, [])
    cls = thing if isinstance(thing, type) else type(thing)
    if not _own(cls.__module__, getattr(sys.modules.get(cls.__module__), "__file__", None)):
        return None, []
    if cls is thing:
        return vars(cls), list(cls.__bases__)
    return (vars(thing), []) if hasattr(thing, "__dict__") else (None, [])


def _filled(cell: types.CellType) -> bool:
    try:
        return cell.cell_contents is not None
    except ValueError:
        return False


def _own(module: str, file: Any) -> bool:
    """Whether a module is the person's own, and no library."""
    return module.partition(".")[0] not in NOT_OURS and "site-packages" not in str(file or "")
