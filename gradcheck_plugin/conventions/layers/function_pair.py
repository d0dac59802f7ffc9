"""Function pairs: `affine_forward(x, w, b) -> out, cache` and `affine_backward(dout, cache) -> dx, dw, db`.

A `_naive`, `_fast`, `_alt` or `_vectorized` ending is part of the pair's own name; a backward that has no forward of
the same ending shares the plain one, or the function of the bare name (`relu`, `relu_backward`). Gradients are returned
in the order of the forward's array arguments. Settings come in dictionaries (`conv_param`), made anew for every call.
A forward with several outputs has a backward with one upstream gradient for each. Parameters may come in a dictionary.
Where no cache goes from one to the other, the backward takes again what the forward took: by their names, in any order.
A gradient of that kind may be called `affine_grad`, too; its upstream gradient tells it from a derivative.
"""

from __future__ import annotations

import ast
import copy
import inspect
import re
import sys
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from gradcheck_plugin.author.evidence import Derivative
from gradcheck_plugin.author.reasons import NAME, PLACE
from gradcheck_plugin.author.roles import mode
from gradcheck_plugin.author.signature import arguments, is_array, line_of
from gradcheck_plugin.author.uses import cache_place
from gradcheck_plugin.author.written import counts, in_snake_case, nodes_of, returned, used_as_array
from gradcheck_plugin.conventions.base import Caller, Candidate, Code, Tape
from gradcheck_plugin.conventions.outputs import join
from gradcheck_plugin.conventions.results import flat
from gradcheck_plugin.model import Array, Unbindable
from gradcheck_plugin.names.arguments import CACHE
from gradcheck_plugin.names.settings import DROP, SETTINGS
from gradcheck_plugin.objects import state
from gradcheck_plugin.objects.constructor import option_of
from gradcheck_plugin.objects.pasted import returned_count, returned_names
from gradcheck_plugin.running.calls import guarded, private
from reference_impls.shapes import Layout

ORDER = 10
_BACKWARD = re.compile(r"^(?P<stem>\w+?)_(backward|backprop|bwd)(?P<suffix>_\w+)?$")
_GRADIENT = re.compile(r"^(?P<stem>\w+?)_(grads?|gradients?|vjp|deriv|derivative|prime|bprop)(?P<suffix>)$")
_AHEAD = re.compile(r"^(backward|backprop|bwd|vjp)_(?!pass|prop|step)(?P<stem>\w+)(?P<suffix>)$")
_UPSTREAM = re.compile(
    r"g|g_?(out|y|o)|up\w*|grad\w*|delta\w*|err\w*|\w+_(grad|gradient|upstream|delta)|d_?(out\w*|[a-z]|l_?d?\w+|loss)",
    re.IGNORECASE,
)


def discover(defined: Mapping[str, Any]) -> Iterator[Candidate]:
    """Every backward function that has a forward partner in the file."""
    yield from _static_pairs(defined)
    spelled = {in_snake_case(n): n for n in defined}
    for name, function in defined.items():
        key = in_snake_case(name)
        match = _BACKWARD.match(key) or _GRADIENT.match(key) or _AHEAD.match(key)
        if not match or not inspect.isfunction(function):
            continue
        stem, suffix = match["stem"], match["suffix"] or ""
        names = [f"{stem}_forward{s}" for s in dict.fromkeys((suffix, "", "_naive"))]
        names = [f"forward_{stem}"] if match.re is _AHEAD else names
        known = (spelled[n] for n in (*names, stem) if n in spelled)
        partner = next((n for n in known if inspect.isfunction(defined[n])), None)
        if partner is None or (match.re is _GRADIENT and not _gives_gradient(defined[partner], function)):
            continue
        if match.re is _AHEAD and not _UPSTREAM.fullmatch(next(iter(arguments(function).names), "")):
            continue  # of a whole network, from its labels
        if key != name:
            stem, suffix = re.sub(r"^_?forward_?|_?forward(?=_|$)", "", partner, flags=re.IGNORECASE), ""
            stem = stem[:1].lower() + stem[1:] if partner[:1].islower() else stem
        objects = {"forward": defined[partner], "backward": function}
        boxes = _boxes(defined[partner])
        names = [n for n in arguments(defined[partner]).required if not _setting(n, defined[partner])]
        inputs = tuple(key for n in names for key in boxes.get(n, (n,)))
        yield Candidate(
            stem + suffix, "layer", sys.modules[__name__], objects, inputs, line_of(function), name, (name, partner)
        )


def _beside(forward: Callable[..., Any], backward: Callable[..., Any]) -> str:
    """The upstream gradient of a backward that takes all that its forward takes; "" where it has none.

    An argument of another name, as `reg` in `cost_grad(w, X, y, reg)`, is a setting.
    """
    names, taken = arguments(backward).required, {*arguments(forward).names}
    more = [n for n in names if n not in taken]
    if len(more) != 1 or not {*arguments(forward).required} <= {*names}:
        return ""
    return more[0] if _UPSTREAM.fullmatch(more[0]) else ""


def _gives_gradient(forward: Callable[..., Any], function: Callable[..., Any]) -> bool:
    """Whether a function takes an upstream gradient beside what the forward takes; the `dx` of a difference is none."""
    name = _beside(forward, function)
    return name not in ("", "dt") and not (name[1:] in arguments(forward).names and _steps(function, name))


def _steps(function: Callable[..., Any], name: str) -> bool:
    """Whether a function moves an argument by another, as `x + dx` does, or divides by it."""
    for node in nodes_of(function):
        if isinstance(node, ast.BinOp):
            left, right = (side.id if isinstance(side, ast.Name) else "" for side in (node.left, node.right))
            moved = isinstance(node.op, ast.Add | ast.Sub) and {left, right} == {name, name[1:]}
            if moved or (isinstance(node.op, ast.Div) and name in _names_in(node.right)):
                return True
    return False


def _names_in(node: ast.AST) -> set[str]:
    return {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}


CONFIGS: dict[str, dict[str, Any]] = {
    "conv_param": {"stride": 2, "pad": 1},
    "pool_param": {"pool_height": 3, "pool_width": 3, "stride": 2},
    "bn_param": {"mode": "train", "eps": 1e-5, "momentum": 0.9},
    "ln_param": {"eps": 1e-5},
    "gn_param": {"eps": 1e-5},
    "dropout_param": {"mode": "train", "p": 0.4, "seed": 123},
    "hparameters": {"stride": 2, "pad": 1, "f": 3},
}


_VALUES = {"G": 2, "activation": "relu", "stride": 2, "pad": 1, "padding": 1} | {n: 0.4 for n in DROP if len(n) > 1}


def _boxes(forward: Callable[..., Any]) -> dict[str, tuple[str, ...]]:
    """Arguments that are dictionaries of parameters, with the keys that the forward looks up in them."""
    names = [n for n in arguments(forward).required if n in ("parameters", "params")]
    found = {n: tuple(dict.fromkeys(_keys(forward, n))) for n in names}
    return {n: keys for n, keys in found.items() if keys}


def _keys(function: Callable[..., Any], box: str, depth: int = 1) -> Iterator[str]:
    """The keys that a function looks up in a dictionary, and that those look up which it hands the dictionary to."""
    try:
        source = inspect.getsource(function)
    except (OSError, TypeError):
        return
    yield from re.findall(rf"\b{box}\[['\"](\w+)['\"]\]", source)
    for name in re.findall(rf"\b(\w+)\([^()]*\b{box}\b", source) if depth else ():
        if inspect.isfunction(other := function.__globals__.get(name)) and other is not function:
            yield from _keys(other, box, depth - 1)


def _handed(function: Callable[..., Any], name: str, value: Any) -> Any:
    """A number as the array without axes that a function takes it for."""
    return np.asarray(value) if isinstance(value, float) and used_as_array(function, name) else value


def _setting(name: str, function: Callable[..., Any]) -> bool:
    """Whether an argument is a setting and no array: by its name, or because the body counts with it."""
    if is_array(function, name):
        return False
    return name in CONFIGS or name in _VALUES or mode(name) is not None or name in counts(function)


def _with_gradients(forward: Callable[..., Any], backward: Callable[..., Any]) -> set[str]:
    """The arguments of a forward that a backward gives a gradient of, where it returns one for each; not None."""
    names = arguments(forward).required
    found: set[str] = set()
    for value in returned(backward):
        if isinstance(value, ast.Tuple) and len(value.elts) == len(names):
            pairs = zip(names, value.elts, strict=True)
            found |= {n for n, e in pairs if not (isinstance(e, ast.Constant) and e.value is None)}
    return found


def _settings(function: Callable[..., Any], options: Mapping[str, Any], arrays: Container[str] = ()) -> dict[str, Any]:
    """The settings among a forward's arguments, with the options of a reference where it has them; none of `arrays`."""
    signature = arguments(function)
    given: dict[str, Any] = {}
    for name in signature.names:
        if name in arrays or is_array(function, name):
            continue
        option = option_of(name, options)
        if option:
            given[name] = options[option]
        elif name in CONFIGS:
            given[name] = {key: options.get(key, value) for key, value in CONFIGS[name].items()}
            if "kernel" in options:
                sides = [key for key in given[name] if key in ("pool_height", "pool_width", "f")]
                given[name] |= dict.fromkeys(sides, options["kernel"])
            if name == "pool_param" and "pool_stride" in options:
                given[name]["stride"] = options["pool_stride"]
            if name == "conv_param" and "pool_param" in signature.names and not options:
                given[name]["stride"] = 1  # the image stays large enough to be pooled
        elif (flag := mode(name)) is not None and not isinstance(signature.defaults.get(name), str):
            given[name] = flag.what
        elif name in _VALUES and name in signature.required:
            given[name] = _VALUES[name]
        elif name in signature.required and name in counts(function):
            given[name] = SETTINGS.get(name.lower(), 2)
    return given


def _static_pairs(defined: Mapping[str, Any]) -> Iterator[Candidate]:
    """Classes that are only a roof over a static forward and backward; a `ctx` argument is another convention."""
    cls: Any
    for name, cls in defined.items():
        if not inspect.isclass(cls):
            continue
        pair = [inspect.getattr_static(cls, m, None) for m in ("forward", "backward")]
        if not all(isinstance(p, staticmethod) for p in pair):
            continue
        forward, backward = getattr(cls, "forward"), getattr(cls, "backward")  # noqa: B009
        inputs = tuple(n for n in arguments(forward).required if not _setting(n, forward))
        if inputs and inputs[0] not in ("ctx", "context"):
            objects = {"forward": forward, "backward": backward, "owner": name}
            line, where = line_of(cls), f"{name}.backward"
            yield Candidate(name, "layer", sys.modules[__name__], objects, inputs, line, where)


def callers(candidate: Candidate, layout: Layout, options: Mapping[str, Any]) -> list[FunctionPair]:
    """Give the forward's arguments the arrays of `layout`, by name where the names say it, else by position."""
    forward, backward = candidate.objects["forward"], candidate.objects["backward"]
    signature = arguments(forward)
    entries = [e.name for e in layout.entries]
    extra = _settings(forward, options, _with_gradients(forward, backward))
    if set(arguments(backward).required) <= set(signature.required):
        raise Unbindable(f"{backward.__name__} takes no upstream gradient, only what the forward takes")
    boxes = _boxes(forward)
    required = [key for n in signature.required if n not in extra for key in boxes.get(n, (n,))]
    if len(required) != len(entries):
        raise Unbindable(f"{forward.__name__} takes {', '.join(required) or 'nothing'}, not {len(entries)} arrays")
    by_name = {n: e for n in required for e in entries if state.same(n, e)}
    complete = len(by_name) == len(entries) == len(set(by_name.values()))
    order = by_name if complete else dict(zip(required, entries, strict=True))
    upstream = not (len(arguments(backward).required) == 1 and CACHE.fits(arguments(backward).required[0]))
    owner = candidate.objects.get("owner", "")
    said: list[str] = []
    again = [n for n in arguments(backward).required if n in required] if _beside(forward, backward) else []
    if again != [n for n in required if n in again]:
        said = state.said_of(returned_names(backward), layout.entries, {n: a for a, n in order.items()})
        if not said:
            given = f"{', '.join(again)} where {forward.__name__} takes {', '.join(required)}"
            raise Unbindable(f"{backward.__name__} takes {given}, and nothing says in which order its gradients come")
    pair = FunctionPair(forward, backward, layout, order, extra, boxes, upstream=upstream, owner=owner, said=said)
    if upstream and not _beside(forward, backward):
        pair.cache = _cache_of(forward, backward)
    return [pair]


def _cache_of(forward: Callable[..., Any], backward: Callable[..., Any]) -> tuple[int, str]:
    """The place at which a backward takes what the forward kept, and what says so."""
    names = arguments(backward).required
    if len(names) != 2:
        return 1, PLACE
    if (shown := cache_place(forward, backward)) is not None:
        return shown
    called = [CACHE.fits(n) for n in names]
    return (called.index(True), NAME) if called[0] != called[1] else (1, PLACE)


@dataclass
class FunctionPair(Caller):
    """Drives a pair; `order` maps the forward's argument names to the arrays of the layout."""

    forward_function: Callable[..., Any]
    backward_function: Callable[..., Any]
    layout: Layout
    order: dict[str, str]
    extra: dict[str, Any]
    boxes: dict[str, tuple[str, ...]] = field(default_factory=dict)
    convention: str = "function pair with cache"
    upstream: bool = True
    owner: str = ""
    said: Sequence[str] = ()  # whose gradients are returned, where the order of the arguments does not tell
    cache: tuple[int, str] = (1, PLACE)  # where its backward takes what the forward kept, and what says so
    results: int = 0  # how many values the forward was seen to return at once

    def forward(self, arrays: Mapping[str, Array]) -> Tape:
        given = {a: _handed(self.forward_function, a, private(arrays[n])) for a, n in self.order.items()}
        for box, keys in self.boxes.items():
            given[box] = {key: given.pop(key) for key in keys}
        first_given = {**arguments(self.forward_function).defaults, **given, **self.extra}
        result = guarded("forward", self.forward_function, **given, **copy.deepcopy(self.extra))
        cached = isinstance(result, tuple) and len(result) >= 2
        self.results = len(result) if cached else 0
        count = self._upstreams(result) if cached else 1
        out, split = join(result, count) if cached else (result, lambda dy: [dy])
        if not self.upstream and np.size(out) != 1:
            name = self.backward_function.__name__
            raise Unbindable(f"{name} takes no upstream gradient, and the output is more than one number")
        left: tuple[Any, ...] = result[count:] if cached else ()
        whole = len(left) > 1 and not isinstance(left[-1], tuple | list | dict)
        rest = (left if whole else left[-1],) if cached else tuple(given.values())
        beside = "" if cached else _beside(self.forward_function, self.backward_function)

        def backward(dy: Any) -> dict[str, Any]:
            first = 0 if self.cache[0] else 1
            dy = _handed(self.backward_function, beside or arguments(self.backward_function).names[first], dy)
            again = {n: v for n, v in self.extra.items() if n in arguments(self.backward_function).required}
            given = self._in_turn(tuple(split(dy)), self._fitting(rest)[: 1 if again else None])
            if not self.upstream:  # the end of a graph
                given = rest[:1]
            elif beside:
                given, again = self._again(beside, dy, first_given), self._settings_again()
            returned = guarded("backward", self.backward_function, *given, **again)
            of = next((n for n in self.order.values() if self.layout[n].differentiable), "")
            return self.collect(flat(returned, self.layout[of], np.shape(arrays[of])) if of else returned)

        return Tape(out, backward)

    def _upstreams(self, result: tuple[Any, ...]) -> int:
        """How many upstream gradients backward takes before the cache: one for each of the first outputs."""
        names = [n for n in arguments(self.backward_function).required if not _setting(n, self.backward_function)]
        return min(max(len(names) - 1, 1), len(result) - 1)

    def _fitting(self, rest: tuple[Any, ...]) -> tuple[Any, ...]:
        """As much of what the forward left as the backward takes."""
        return rest[: max(len(arguments(self.backward_function).names) - 1, 0)]

    def _in_turn(self, upstream: tuple[Any, ...], kept: tuple[Any, ...]) -> tuple[Any, ...]:
        """The arguments of a backward: the gradients from above, then what was kept, or the other way round."""
        return (*upstream, *kept) if self.cache[0] else (*kept[:1], *upstream)

    def _again(self, upstream: str, dy: Any, given: Mapping[str, Any]) -> tuple[Any, ...]:
        """The arguments of a backward that takes again what the forward was given."""
        return tuple(dy if n == upstream else given[n] for n in arguments(self.backward_function).required)

    def _settings_again(self) -> dict[str, Any]:
        """The settings of the forward that a backward takes, too, and would else take as its own defaults."""
        names = arguments(self.backward_function)
        return {n: copy.deepcopy(v) for n, v in self.extra.items() if n in names.defaults}

    def collect(self, returned: Any) -> dict[str, Any]:
        names = [n for n in self.order.values() if self.layout[n].differentiable]
        if isinstance(returned, dict):
            display = {n: a for a, n in self.order.items()}
            return {n: g for n in names if (g := state.returned_as(display[n], returned)) is not None}
        if returned is None:
            return {}
        parts = returned if isinstance(returned, tuple | list) else (returned,)
        if self.said:
            return {n: g for n, g in zip(self.said, parts, strict=False) if n in names}
        said, shown = returned_names(self.backward_function), self.user_names()
        return state.in_order(parts, [self.layout[n] for n in self.order.values()], said, shown)

    def user_names(self) -> dict[str, str]:
        return {n: a for a, n in self.order.items()}

    @property
    def called(self) -> str:
        forward, backward = self.forward_function, self.backward_function
        given = [f"{a} = input ({PLACE})" for a in self.order]
        given += [f"{a} = {v!r} ({NAME})" for a, v in self.extra.items()]
        beside, place, by = _beside(forward, backward), *self.cache
        names = [n for n in arguments(backward).required if n not in self.extra]
        kinds = ["gradient from above"] * max(len(names) - 1, 1) + ["what the forward kept"]
        kinds = kinds if place else kinds[::-1]
        if beside:
            kinds, by = ["gradient from above" if n == beside else "what the forward got" for n in names], NAME
        taken = [f"{n} = {kind} ({by})" for n, kind in zip(names, kinds, strict=False)]
        parts = ((forward.__name__, given), (backward.__name__, taken if self.upstream else []))
        return "; ".join(f"{name}: {', '.join(said)}" for name, said in parts if said)

    @property
    def written(self) -> Derivative | None:
        """The backward as its author wrote it, where the upstream gradient is all that it takes."""
        names = arguments(self.backward_function).names
        if len(names) != 1:
            return None
        return Derivative(self.backward_function, names[0], self.forward_function.__name__, tuple(self.order))

    @property
    def settings(self) -> Mapping[str, Any]:
        """What the forward is given besides arrays."""
        return self.extra

    def code(self) -> Code:
        forward, backward = self.forward_function, self.backward_function
        if self.owner:
            return Code(forward, backward, {self.owner: forward.__globals__.get(self.owner)})
        return Code.of(forward, backward, forward, backward)

    def reproduce(self, arrays: Mapping[str, str], dy: str, gradient: str) -> list[str]:
        dot = f"{self.owner}." if self.owner else ""
        values = {a: arrays[n] for a, n in self.order.items()} | {k: repr(v) for k, v in self.extra.items()}
        for box, keys in self.boxes.items():
            values[box] = "{" + ", ".join(f"{key!r}: {values.pop(key)}" for key in keys) + "}"
        given = ", ".join(f"{a}={v}" for a, v in values.items())
        forward = f"{dot}{self.forward_function.__name__}({given})"
        lines, rest = [f"out = {forward}"], tuple(arrays[n] for n in self.order.values())
        if count := self.results or returned_count(self.forward_function):
            lines, rest = [f"out, {'cache' if count == 2 else '*cache'} = {forward}"], ("cache",)
        if not gradient:
            return [*lines, "print(out)"]
        beside = "" if self.results else _beside(self.forward_function, self.backward_function)
        if beside and self.upstream:
            texts = {n: repr(v) for n, v in arguments(self.forward_function).defaults.items()} | values
            more = (f"{n}={v!r}" for n, v in self._settings_again().items())
            passed = ", ".join([*self._again(beside, dy, texts), *more])
        else:
            passed = ", ".join(self._in_turn((dy,), self._fitting(rest)) if self.upstream else rest[:1])
        return [*lines, f"gradients = {dot}{self.backward_function.__name__}({passed})", "print(gradients)"]
