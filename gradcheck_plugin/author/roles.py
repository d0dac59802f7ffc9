"""What the arguments of a forward and a backward stand for: by the author's calls, by the code, last by their names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from gradcheck_plugin.author.reasons import BODY, CALL, NAME, REST
from gradcheck_plugin.author.signature import Signature
from gradcheck_plugin.author.uses import Passed
from gradcheck_plugin.model import Unbindable
from gradcheck_plugin.names.arguments import INPUT
from gradcheck_plugin.names.arguments import OUTPUT as OUTPUT_NAME
from gradcheck_plugin.names.words import INPUTS, RATE, RATES, TESTING, TRAINING, is_label

Kind = Literal["upstream", "input", "output", "value"]


@dataclass(frozen=True)
class Role:
    """What one argument gets: the upstream gradient, an input by its place, the forward's output, or a constant."""

    kind: Kind
    what: Any = None
    by: str = field(default=NAME, compare=False)

    @property
    def shown(self) -> str:
        """What the argument gets, for the reader."""
        texts = {"upstream": "gradient from above", "output": "output", "value": repr(self.what)}
        return "learning rate" if self.what == RATE else texts.get(self.kind, "input")


UPSTREAM, OUTPUT = Role("upstream"), Role("output")


def mode(name: str) -> Role | None:
    """The value of a flag that tells training from testing, or None where the name is no such flag."""
    low = name.lower()
    if low in TRAINING or low in TESTING:
        return Role("value", low in TRAINING)
    return Role("value", "train") if low == "mode" else None


def forward_inputs(signature: Signature) -> tuple[str, ...]:
    """The required arguments of a forward that are arrays."""
    return tuple(n for n in signature.required if mode(n) is None)


def backward_roles(
    signature: Signature,
    inputs: Sequence[str],
    label_first: bool = False,
    given: Mapping[str, Passed] | None = None,
    rates: Sequence[str] = (),
) -> list[tuple[Role, ...]]:
    """The ways in which a backward's required arguments may be meant, likeliest first; `inputs` are the forward's.

    `label_first` says of a loss which of its two inputs are the labels, `given` what the author's calls give, `rates`
    which arguments do nothing but scale a step.

    Raises Unbindable that names the arguments nobody can fill.
    """
    known: dict[str, Role] = {n: Role("value", RATE, BODY) for n in rates}
    for name, (kind, place) in (given or {}).items():
        role = Role("input", place, CALL) if kind == "input" and place < len(inputs) else None
        role = UPSTREAM if kind == "upstream" else OUTPUT if kind == "output" else role
        known |= {name: replace(role, by=CALL)} if role is not None and name not in known else {}
    ways = list(dict.fromkeys(_ways(signature, [n.lower() for n in inputs], label_first, known)))
    if not ways:
        raise Unbindable(f"backward wants {', '.join(signature.required)}, not one upstream gradient")
    return ways


def _ways(
    signature: Signature, inputs: list[str], label_first: bool, known: Mapping[str, Role]
) -> Iterator[tuple[Role, ...]]:
    names = [n.lower() for n in signature.required]
    if len(inputs) == 2 and len(names) == 4 and names[2:] == ["h_prev_l", "h_prev_t"]:  # a recurrent cell
        yield (UPSTREAM, OUTPUT, Role("input", 0), Role("input", 1))
        return
    roles = [known.get(n) or _told_by_name(n.lower(), inputs, label_first) for n in signature.required]
    open_places = [i for i, role in enumerate(roles) if role is None]
    loss = len(inputs) == 2
    if open_places and any(r is not None and r.kind == "upstream" for r in roles):
        rest = [signature.required[i] for i in open_places]
        if loss or len(rest) > 1 or not (INPUT.fits(rest[0]) or OUTPUT_NAME.fits(rest[0])):  # nothing says what it is
            sure = {n: r for n, r in known.items() if r.kind == "value"}
            roles = [sure.get(n) or _told_by_name(n.lower(), inputs, label_first) for n in signature.required]
            open_places = [i for i, role in enumerate(roles) if role is None]
    if len(roles) == 1 and not loss:  # whatever its name, it is the upstream gradient
        yield (replace(UPSTREAM, by=REST),)
        return
    if open_places and any(r is not None and r.kind == "upstream" for r in roles):
        for beside in (Role("input", 0, REST), replace(OUTPUT, by=REST)):  # what else the slope is a function of
            yield tuple(beside if role is None else role for role in roles)
        return
    if len(open_places) > 1 and (loss or len(open_places) > 3):
        return
    choices: tuple[Role, ...] = (replace(UPSTREAM, by=REST),)
    if loss and len(roles) > 1:  # backward(dvalues, y_true): the prediction, or what a fused class left as output
        choices = (Role("input", 1 if label_first else 0, REST), replace(OUTPUT, by=REST), replace(UPSTREAM, by=REST))
    for choice in choices if open_places else (UPSTREAM,):
        yield tuple(choice if role is None else role for role in roles)
    if not open_places and len(inputs) == 1 and all(r and r.kind == "input" for r in roles) and not known:
        yield (UPSTREAM, *[r for r in roles[1:] if r])


def _told_by_name(name: str, inputs: list[str], label_first: bool) -> Role | None:
    if name in RATES:
        return Role("value", RATE)
    if (flag := mode(name)) is not None:
        return flag
    if name in inputs:
        return Role("input", inputs.index(name))
    if len(inputs) == 2 and is_label(name):
        return Role("input", 0 if label_first else 1)
    if len(inputs) == 1 and name in INPUTS and inputs[0] in (*INPUTS, "z"):
        return Role("input", 0)
    return None
