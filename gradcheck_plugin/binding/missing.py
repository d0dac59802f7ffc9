"""Gradients that a backward does not give: those that are missing, and those that nobody wants or nothing decides.

Whether the forward depends on an array is measured. Where it does, its gradient is wanted, unless the author shows
that the array is data: by its name or a word about it in the text (labels, a mask, running statistics, a constant), or
because the object is a whole model that is trained on it.
"""

from __future__ import annotations

import dataclasses
import inspect
import re
from collections.abc import Iterator
from typing import Any

import numpy as np

from gradcheck_plugin.author.signature import arguments
from gradcheck_plugin.author.written import left_in_self
from gradcheck_plugin.conventions.base import Candidate
from gradcheck_plugin.judging.gradient import depends
from gradcheck_plugin.model import Case
from gradcheck_plugin.names.words import WEIGHTS, compares, constants, is_data, is_prediction, twins
from gradcheck_plugin.objects import state
from gradcheck_plugin.objects.told import Told
from gradcheck_plugin.running.calls import frozen
from gradcheck_plugin.sizes import generic_sizes
from gradcheck_plugin.subject import Subject

_LOSS = re.compile(
    r"loss|cost|error|entropy|criterion|objective|likelihood|penalty|hinge|^(mse|mae|rmse|bce|cce|nll|kl)",
    re.IGNORECASE,
)
_MODEL = re.compile(r"(^|[a-z_])(net|network|model|mlp|cnn|classifier|regress(ion|or)|perceptron)\d*$|MLP|CNN", re.I)
_SAID = (
    r"labels?|targets?|ground.truth|masks?|constants?|indices|not differentiable|no gradient|detach\w*|fixed|frozen|"
    r"pre-?trained|not trained"
)
_OF_TARGETS = re.compile(r"\b(labels?|targets?|ground.truth)\b", re.IGNORECASE)
_GRAPH = re.compile(r"graph|gcn|gnn|gat($|[A-Z_])|cheb", re.IGNORECASE)
_OF_GRAPH = ("a", "l", "s", "g", "a_hat", "a_norm", "ahat", "anorm", "support")
_TIMES, _COEFFICIENTS = ("t", "cond", "condition"), ("alpha", "scale")
_UNTRAINED = re.compile(
    r"random|fixed|frozen|freez|pre_?trained|untrained|not trained|constant|reservoir|fourier", re.IGNORECASE
)
_FROZEN = ("trainable", "requires_grad", "requires_gradient", "learnable")


def settled(subject: Subject, candidate: Candidate) -> Subject:
    """The subject with the gradients judged that its backward lacks, and those left open that may be meant so."""
    cases = [_generic(subject, shift) for shift in (0, 1)]
    given = _given(subject, cases[0])
    judged, left_open = list(subject.judged), dict(subject.open)
    constants = _constants(subject, cases[0]) - {n for n, g in given.items() if g is not None}
    if subject.caller.unasked is not None:  # which knows for itself what else is data
        return dataclasses.replace(subject, judged=tuple(n for n in judged if n not in constants))
    for entry in subject.layout.entries:
        name = entry.name
        if name in constants:
            judged = [n for n in judged if n != name]
            continue
        if given.get(name) is not None or not (entry.differentiable or _guessed(subject, candidate, name)):
            continue
        why = ""
        if any(depends(subject, name, case) for case in cases):
            why = _Author(subject, candidate, given).says(name)
        judged = [n for n in judged if n != name] + ([name] if why else [])
        if why and why != "missing":
            left_open[name] = why
    order = [e.name for e in subject.layout.entries]
    judged.sort(key=order.index)
    return dataclasses.replace(subject, judged=tuple(judged), open=left_open)


def _generic(subject: Subject, shift: int) -> Case:
    base = subject.spec.layout if subject.spec else None
    return subject.sample(23 + shift, generic_sizes(subject.layout, subject.spec, base, shift))


def _constants(subject: Subject, case: Case) -> set[str]:
    """The arrays of which the reference gives no gradient, such as the weights of classes: they are data."""
    spec = subject.spec
    if spec is None or not subject.matches or spec.rule:
        return set()
    try:
        arrays = [a.copy() for a in subject.base_arrays(case, subject.layout).values()]
        options = dict(subject.variant.options)
        dy = np.ones_like(spec.output(*(a.copy() for a in arrays), **options))
        known = spec.gradients(dy, *arrays, **options)
    except Exception:  # of a reference that needs more than these arrays
        return set()
    return {e.name for e in subject.layout.entries if e.name not in known}


def _given(subject: Subject, case: Case) -> dict[str, Any]:
    with frozen(case.seed):
        tape = subject.caller.forward(case.arrays)
        dy = case.rng(1).standard_normal(np.shape(tape.output)) if subject.caller.upstream else np.ones(())
        return tape.backward(dy if np.ndim(dy) else float(dy))


def _guessed(subject: Subject, candidate: Candidate, name: str) -> bool:
    """Whether an array is drawn as labels for no other reason than that it is the last of a loss."""
    return candidate.kind == "loss" and subject.spec is None and not candidate.shapes


class _Author:
    """What the author of one object shows about its arrays."""

    def __init__(self, subject: Subject, candidate: Candidate, given: dict[str, Any]) -> None:
        self.subject, self.candidate, self.given = subject, candidate, given
        self.shown = {e.name: subject.display(e.name) for e in subject.layout.entries}
        self.inputs = [e.name for e in subject.layout.inputs]
        self.found = [n for n, g in given.items() if g is not None]
        self.loss = candidate.kind == "loss" or not subject.caller.upstream or bool(_LOSS.search(candidate.name))

        self.labelled = self.loss and not compares(candidate.name)
        driven = subject.caller.objects
        self.told: Told | None = driven.told if driven is not None else None

    def says(self, name: str) -> str:
        """ "missing", why it may be meant so, or nothing where the gradient is not wanted."""
        shown = self.shown[name]
        if is_data(shown, self.labelled) or self._whole(shown) or self._documented(shown):
            return ""
        if shown in constants(list(self.shown.values())):
            return ""
        if self._of_another_kind(shown):
            return ""
        of_classes = len(self.subject.layout[name].dims) == 1
        if self.candidate.kind == "loss" and of_classes and name in self._made_with():
            return ""  # a loss is made with weights of classes, not with weights of its own
        if name not in self.inputs:
            if self._is_setting(name):
                return ""
            unclear = self.told.unclear.get(name) if self.told else ""
            return "" if self._frozen(name) else unclear or "missing"
        if self.candidate.kind == "network" or self._is_model():
            return ""
        trained = [n for n in self.found if self._is_weight(n)]
        if trained and name == next(n for n in self.inputs if not self._is_weight(n)):
            return f"no gradient of `{shown}`: right for a first layer only"
        if self.loss and len(self.inputs) == 2 and len(self.found) == 1:
            return self._second(self.shown[self.found[0]], shown)
        if not self.subject.layout[name].differentiable:
            return ""
        low, single = shown.lower(), not self.subject.layout[name].dims
        unsaid = low in _TIMES or (single and low in _COEFFICIENTS)
        return f"no gradient of `{shown}`: right only if it is data" if unsaid else "missing"

    def _is_setting(self, name: str) -> bool:
        """Whether a single number is a plain number of the constructor, by its default, and not made to be trained."""
        driven = self.subject.caller.objects
        if driven is None or self.subject.layout[name].dims:
            return False
        backward, path = self.subject.caller.code().backward, driven.paths.get(name, ())
        if backward is not None and path and any(state.is_gradient_of(n, path) for n in left_in_self(backward)):
            return False
        default = arguments(driven.built.cls.__init__, method=True).defaults.get(self.shown[name])
        return isinstance(default, int | float)

    def _of_another_kind(self, shown: str) -> bool:
        """Whether the other arrays tell that one is data: weights of samples beside labels, edges."""
        if _GRAPH.search(self.candidate.name) and shown.lower() in _OF_GRAPH:
            return True
        labelled = any(is_data(self.shown[n], loss=True) for n in self.inputs if self.shown[n] != shown)
        return self.loss and labelled and "weight" in shown.lower()

    def _second(self, first: str, shown: str) -> str:
        """The other array of a loss of two: data, one like the first, or nobody says."""
        if self.candidate.labels is not None and self.candidate.labels.told:
            return ""
        if is_prediction(first) or any(_OF_TARGETS.search(text) for text in _texts(self.candidate)):
            return ""
        known = self.subject.spec is not None and self.subject.spec.kind == "loss"
        if twins(first, shown) and not known:
            return "missing"
        return f"no gradient of `{shown}`: right only if it is data"

    def _whole(self, shown: str) -> bool:
        """Whether an annotation says whole numbers or truth values."""
        functions = [f for f in _functions(self.candidate) if inspect.isfunction(f)]
        kinds = [str(f.__annotations__.get(shown, "")) for f in functions]
        return any(re.search(r"\b(u?int\d*|bool_?|integer)\b|IntTensor|LongTensor", kind) for kind in kinds)

    def _documented(self, shown: str) -> bool:
        """Whether a line of the author's text says of an array that it is data, or constant."""
        said = re.compile(
            rf"\b{re.escape(shown)}\b.*\b({_SAID})\b|\b({_SAID})\b.*\b{re.escape(shown)}\b", re.IGNORECASE
        )
        lines = (line for text in _texts(self.candidate) for line in text.splitlines())
        return any(said.search(line) for line in lines)

    def _is_weight(self, name: str) -> bool:
        shown = self.shown[name]
        held = name not in self.inputs
        return (
            held or shown.lower().rstrip("0123456789") in (*WEIGHTS, "b", "bias") or state.is_weight((("attr", shown),))
        )

    def _is_model(self) -> bool:
        """Whether an object is trained on data: a loss that gives gradients of weights, or a network by its name."""
        if self.loss and any(self._is_weight(n) for n in self.found):
            return True
        spec = self.subject.spec
        if spec is not None and spec.kind == "layer" and self.subject.matches:
            return False  # a highway network is a layer, whatever it is called
        held = len([n for n in self.found if n not in self.inputs])
        return held > 2 and bool(_MODEL.search(self.candidate.name))

    def _made_with(self) -> tuple[str, ...]:
        driven = self.subject.caller.objects
        return tuple(driven.built.given) if driven is not None else ()

    def _frozen(self, name: str) -> bool:
        """Whether the object says of itself, or of the parameter, that it is not trained."""
        driven = self.subject.caller.objects
        if driven is None:
            return False
        try:
            obj = driven.build(_generic(self.subject, 0).arrays)
            path = driven.paths[name]
        except Exception:
            return False
        owners = (state.get(obj, path[:i]) for i in range(len(path) + 1))
        return any(getattr(owner, flag, None) is False for owner in owners for flag in _FROZEN)


def untrained(cls: Any) -> bool:
    """Whether the name or the docstring of a class says that what it holds is not trained."""
    return bool(_UNTRAINED.search(cls.__name__) or _UNTRAINED.search(inspect.getdoc(cls) or ""))


def _functions(candidate: Candidate) -> Iterator[Any]:
    """The functions, methods and classes of a candidate that the author wrote."""
    objects = candidate.objects
    owner = objects.get("class") or objects.get("cls") or getattr(objects.get("op"), "cls", None)
    if owner is not None:
        yield owner
    for key in ("forward", "backward", "function", "derivative", "loss", "gradient"):
        thing = objects.get(key)
        found = getattr(owner, thing, None) if isinstance(thing, str) and thing else thing
        if inspect.isfunction(found):
            yield found
    yield from (getattr(owner, n) for n in ("forward", "backward") if "cls" in objects and hasattr(owner, n))


def _texts(candidate: Candidate) -> Iterator[str]:
    """What the author says in words: docstrings and comments."""
    for thing in _functions(candidate):
        yield inspect.getdoc(thing) or ""
        try:
            source = inspect.getsource(thing)
        except (OSError, TypeError):
            continue
        yield "\n".join(re.findall(r"#(.*)", source))
