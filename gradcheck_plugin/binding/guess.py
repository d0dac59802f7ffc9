"""Sizes and layouts to try: pairwise different axes, and shapes for objects that no reference knows."""

from __future__ import annotations

import dataclasses
import inspect
import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from gradcheck_plugin.author.multiplied import Held, beside, in_products, with_gradients
from gradcheck_plugin.author.said import Said
from gradcheck_plugin.author.signature import arguments
from gradcheck_plugin.binding import class_weights, fixed_sizes
from gradcheck_plugin.binding.author_shapes import kind_of, stated_ranks
from gradcheck_plugin.conventions.base import Candidate
from gradcheck_plugin.model import Array, Unbindable
from gradcheck_plugin.names.settings import WORD_TO_INDEX
from gradcheck_plugin.names.words import compares, is_data, is_label, is_prediction, twins
from gradcheck_plugin.objects import state
from gradcheck_plugin.objects.argument_evidence import evidence, may_be_array
from gradcheck_plugin.objects.constructor import DATA_SETS, IMAGE
from gradcheck_plugin.objects.drawn_sizes import is_bias
from gradcheck_plugin.running.calls import UserCodeRaised, frozen
from gradcheck_plugin.sizes import generic_sizes
from reference_impls.shapes import Entry, Layout

_PARAMETERS = {
    "w": "D M", "weight": "D M", "weights": "D M", "wx": "D H", "wh": "H H", "b": "M", "bias": "M",
    **dict.fromkeys(("gamma", "beta", "theta", "γ", "β", "θ"), "D"),
}  # fmt: skip
_SCALARS = ("reg", "reg_strength", "lam", "lambda_", "lmbda", "weight_decay", "alpha", "eps", "epsilon", "scale")
_STATES = ("h", "h_prev", "prev_h", "h0", "hprev", "h_prev_t", "hidden", "c", "c_prev", "prev_c")
_HIDDEN = {**dict.fromkeys(_STATES, "N H"), "b": "H"}
_GATED = {"h_prev": "N 5", "prev_h": "N 5", "h0": "N 5", "h": "N 5", "c_prev": "N 5", "prev_c": "N 5", "c": "N 5"}
_LSTM = {**_GATED, "wx": "D 20", "wh": "5 20", "b": "20"}
_GRU = {**_GATED, "wx": "D 15", "wh": "5 15", "b": "15"}
_COLUMNS = {"a_prev": "6 N", "a0": "6 N", "wax": "6 3", "waa": "6 6", "wya": "5 6", "ba": "6 1", "by": "5 1"}
_COLUMNS_LSTM = {"a_prev": "6 N", "c_prev": "6 N", "a0": "6 N", "wy": "5 6", "by": "5 1",
                 **dict.fromkeys(("wf", "wi", "wc", "wo"), "6 9"),
                 **dict.fromkeys(("bf", "bi", "bc", "bo"), "6 1")}  # fmt: skip
# words in the name of an object and its arguments, and the axes of its arrays; "" is its first input.
# Windows need room, so images have sizes that fit a window of 3 with stride 2, padded by one or not.
FAMILIES: tuple[tuple[str, dict[str, str]], ...] = (
    (r" features captions ", {"": "N D", "captions": "N T @label(7)"}),
    (
        rf" {WORD_TO_INDEX.text}$",
        {"": "T @label(7)", **dict.fromkeys(("y", "t", "y_train", "targets"), "T @label(7)")},
    ),
    (r" contexts? targets?\b", {"": "N 2 @label(7)", "target": "N @label(7)", "targets": "N @label(7)"}),
    (
        r"(encoder|decoder|seq2seq|rnnlm|\wlm|language)\w* xs\b",
        {"": "N T @label(7)", "ts": "N T @label(7)", "h": "N 6", "enc_hs": "N T 6"},
    ),
    (r"propagat\w* w b x y\b", {"": "D 1", "w": "D 1", "b": "", "x": "D N", "y": "1 N @binary"}),
    (r"(logistic|logreg)\w* .*\bw\b.*\bx\b", {"w": "D", "b": "", "y": "N @binary", "t": "N @binary"}),
    (r"(ridge|linreg|linear_reg)\w* .*\bw\b.*\bx\b", {"w": "D", "b": "", "y": "N", "t": "N"}),
    (
        r"softmax\w*loss.* mask\b|time\w*softmax",
        {"": "N T C", "y": "N T @label(C)", "ts": "N T @label(C)", "t": "N T @label(C)", "mask": "N T @binary"},
    ),
    (r"time\w*sigmoid\w*loss", {"": "N T", "ts": "N T @label(2)"}),
    (r"lstm\w* xt .*\bwf\b", {"": "3 N", **_COLUMNS_LSTM}),
    (r"lstm\w* x .*\bwf\b", {"": "3 N T", **_COLUMNS_LSTM}),
    (r" xt .*\bwax\b", {"": "3 N", **_COLUMNS}),
    (r" x .*\bwax\b", {"": "3 N T", **_COLUMNS}),
    (r"time_?lstm|lstm\w* .*h0", {"": "N T D", **_LSTM}),
    (r"lstm|prev_c|c_prev", {"": "N D", **_LSTM}),
    (r"time_?gru|gru\w* .*h0", {"": "N T D", **_GRU}),
    (r"gru", {"": "N D", **_GRU}),
    (r"time_?rnn|rnn\w* .*h0", {"": "N T D", **_HIDDEN}),
    (r"rnn|prev_h|h_prev", {"": "N D", **_HIDDEN}),
    (r"weight_?sum", {"": "N T H", "a": "N T"}),
    (r"time_?attention", {"": "N T H", "hs_dec": "N T H"}),
    (r"attention\w* hs h\b", {"": "N T H", "h": "N H"}),
    (
        r"attention\w* q\w* k\w* v\w*| q(uery|ueries|s)? k(eys?|s)? v(alues?|s)?\b",
        {
            "": "N T 4",
            **dict.fromkeys(("k", "key", "keys", "v", "value", "values"), "N 5 4"),
            "key_padding_mask": "N 5 @onehot",  # of the keys one is hidden from a sample, and one from a step
            **dict.fromkeys(("mask", "attn_mask", "attention_mask"), "T 5 @onehot"),
        },
    ),
    (r"bias", {"b": "1 D"}),
    (r"negative_?sampling", {"": "N D", "target": "N @label(7)", "t": "N @label(7)", "w": "7 D"}),
    (r"embedding_?dot", {"": "N D", "idx": "N @label(V)", "w": "V D"}),
    (r"time_?embed|temporal\w*embed|word_?embed|time_?id", {"": "N T @label(V)", "w": "V D"}),
    (r"embed", {"": "N @label(V)", "w": "V D"}),
    (r"time_?affine|temporal_?affine|temporal_?fc", {"": "N T D", "w": "D M", "b": "M"}),
    (r"time_?\w+|temporal\w*", {"": "N T D"}),
    (r"(linear|affine)\w* a_prev\b", {"": "D N", "w": "M D", "b": "M 1"}),
    (r"conv\w*_(bn|\w*norm)", {"": "N C 7 9", "w": "F C 3 3", "b": "F", "gamma": "F", "beta": "F"}),
    (r"(affine|fc|linear|dense)\w*_(bn|ln|\w*norm)", {"gamma": "M", "beta": "M"}),
    (r"conv\w*1d", {"": "N C 9", "w": "F C 3", "b": "F"}),
    (r"conv", {"": "N C 7 9", "w": "F C 3 3", "b": "F"}),
    (r"pool\w*1d", {"": "N C 9"}),
    (r"pool|(up|down)sample\w*2d|(batch|instance)_?norm\w*2d|dropout2d", {"": "N C 7 9"}),
    (r"(up|down)sample\w*1d", {"": "N C 9"}),
    (r"group_?norm", {"": "N 4 3 2", "gamma": "1 4 1 1", "beta": "1 4 1 1"}),
    (r"spatial", {"": "N C 3 2", "gamma": "C", "beta": "C"}),
)
OTHER_LAYOUTS: dict[str, list[dict[str, str]]] = {  # by the axes of the first input
    "N D": [  # cells that hold their own parameters, of a batch or of one sample
        {"": "N D", **dict.fromkeys(_STATES, "N H")},
        {"": "D", **dict.fromkeys(_STATES, "H")},
    ],
    "N T 4": [  # one sequence of queries, and one of keys with their values
        {
            "": "T 4",
            **dict.fromkeys(("k", "key", "keys", "v", "value", "values"), "5 4"),
            **dict.fromkeys(("mask", "attn_mask", "attention_mask"), "T 5 @onehot"),
        }
    ],
    "N 2 @label(7)": [{"": "N 2 7 @onehot", "target": "N 7 @onehot"}],
    "N C 7 9": [
        {"": "N C 7 9", "w": "F C 3 3", "b": "F 1"},
        {"": "N 7 9 C", "w": "3 3 C F", "b": "1 1 1 F"},
        {"": "N C 06 012", "w": "F C 3 3", "b": "F"},  # for what takes no other sides
        {"": "C 7 9", "w": "F C 3 3", "b": "F"},
        {"": "7 9 C", "w": "3 3 C F", "b": "F"},
    ],
}
_OF_OPTIMIZER = re.compile(r"[vms]_?([wb]|weights?|bias(es)?)\d*$", re.IGNORECASE)  # moments, zero at first: v_W, m_b
LOSS_SHAPES = ("N D", "N T D", "D", "D 1")
SEVERAL = ("N D", "D", "N T D", "N C 7 9", "1 D", "D 1")
SHAPES = ("N D", "N C 7 9", "N 7 9 C", "N T D", "N C 9", "D", "D 1", "1 D", "C 7 9", "7 9 C", "7 9", "N C 06 012",
          "N 06 012 C", "N C 8 8", "D D", "N 8 3 5")  # fmt: skip


def guesses(candidate: Candidate) -> Iterator[list[Layout]]:
    """Layouts for an object nobody knows, from the names of it and its arguments: natural shapes first."""
    if candidate.shapes:  # its convention knows them
        if all(rank == 1 for rank in map(stated_ranks(candidate).get, candidate.inputs)):
            vectors = ", ".join(f"{n}: {d}" for n, d in zip(candidate.inputs, "DTMH", strict=False))
            yield [Layout.parse(f"{vectors} -> Y")]
        yield from ([Layout.parse(text)] for text in candidate.shapes)
        if len(candidate.inputs) == 1:
            own_sizes = fixed_sizes.shapes(candidate)
            yield from ([Layout.parse(f"{candidate.inputs[0]}: {text} -> Y")] for text in own_sizes)
        return
    inputs = list(candidate.inputs)
    if not inputs:
        return
    if (own := getattr(candidate.convention, "layouts", None)) is not None:
        yield own(candidate)  # the convention knows its arrays
        return
    loss = candidate.kind in ("loss", "network")
    known: Said = candidate.reading.said or Said()
    numbers = [Layout.parse(", ".join(f"{n}:" for n in inputs) + " -> Y")]
    only_numbers = not loss and all(known.ranks.get(n) == 0 for n in inputs)
    if only_numbers:
        yield numbers
    families = _families(candidate)
    pairs = [(f[""], f) for f in families if "" in f] or []
    shapes = SHAPES if len(inputs) == 1 else LOSS_SHAPES if candidate.kind == "loss" else SEVERAL
    shapes = (*shapes, "D N") if candidate.kind == "network" else shapes  # and with the samples in columns
    shapes = (*_declared(candidate), *shapes, *fixed_sizes.shapes(candidate))
    pairs += [(s, families[0]) for s in shapes if s not in [p for p, _ in pairs]]
    if (axes := known.axes.get(inputs[0])) is not None and not families[0]:
        pairs.insert(0, (" ".join(axes), families[0]))
    yield from _chained(candidate)
    for shape, family in pairs:
        for texts in _groups(candidate, shape, family, known):
            layouts = []
            for text in texts:
                layouts += list(_with_state(candidate, Layout.parse(text + (" ->" if loss else " -> Y")), family))
            yield list(dict.fromkeys(layouts))
    if not loss and not only_numbers and candidate.reading.numbers:  # written for numbers
        yield numbers
    if masks := _masks(candidate):
        yield from guesses(dataclasses.replace(candidate, inputs=(*inputs, *masks)))


def _labels(candidate: Candidate) -> tuple[str, ...]:
    """The forms that the last array of a loss may have: numbers like any other first where its name says no label."""
    if candidate.kind not in ("loss", "network"):
        return ("",)
    names = candidate.inputs
    two = candidate.kind == "loss" and len(names) == 2
    told = candidate.labels is not None and candidate.labels.told
    if two and not told and not is_data(names[1], not compares(candidate.name)) and not is_prediction(names[0]):
        return ("",) if twins(*names) else ("", "@onehot", "@label", "@binary")
    return ("@onehot", "@label", "@binary", "")


_NUMBERED = re.compile(r"(?P<stem>w|weights?|b|bias(es)?)_?(?P<number>\d*)", re.IGNORECASE)


def names_parameter(name: str) -> bool:
    """Whether a name says that an array is a weight or a bias."""
    return _NUMBERED.fullmatch(name) is not None


def _numbered(names: Sequence[str]) -> tuple[dict[str, int], dict[str, int]]:
    """The weights and the biases among arguments by their names, and their numbers."""
    numbers = {n: (m["stem"][0] in "wW", int(m["number"] or 1)) for n in names if (m := _NUMBERED.fullmatch(n))}
    return {n: k for n, (w, k) in numbers.items() if w}, {n: k for n, (w, k) in numbers.items() if not w}


def _multiplied_in_turn(candidate: Candidate) -> tuple[dict[str, int], dict[str, int]]:
    """The weights and the biases of a function by what it does: it gives their gradients, and multiplies the weights.

    They are counted in their order.
    """
    function = candidate.objects.get("function")
    if function is None:
        return {}, {}
    trained, factors = with_gradients(function, candidate.inputs), in_products(function, candidate.inputs)
    weights = [n for n in candidate.inputs if n in trained and n in factors]
    biases = [n for n in candidate.inputs if n in trained and n not in factors]
    return {n: k for k, n in enumerate(weights)}, {n: k for k, n in enumerate(biases)}


def _chained(candidate: Candidate) -> Iterator[list[Layout]]:
    """The layouts of a loss that takes the weights of a network one by one.

    Each has as many inputs as the one before has outputs; a single one may give one number for a sample.
    """
    weights, biases = _numbered(candidate.inputs)
    if not weights or len(candidate.inputs) != len({**weights, **biases}) + 2:
        weights, biases = _multiplied_in_turn(candidate)
    numbered = {**weights, **biases}
    rest = [n for n in candidate.inputs if n not in numbered]
    labels = [n for n in rest if is_label(n)]
    if candidate.kind != "loss" or not weights or len(numbered) < 2 or len(rest) != 2 or len(labels) != 1:
        return
    widths = ["D", *(f"H{k}" for k in range(1, len(weights))), "C"]
    places = {n: k - min(numbered.values()) for n, k in numbered.items()}
    for samples, bias, turned in itertools.product(("N ", ""), ("", "1 "), (False, True)):
        axes = dict.fromkeys(rest, samples + "D")
        for name, k in places.items():
            pair = widths[k : k + 2][:: -1 if turned else 1]
            axes[name] = " ".join(pair) if name in weights else bias + widths[min(k + 1, len(weights))]
        forms = (f"{samples}C @onehot", f"{samples}@label(C)", f"{samples}C @binary", f"{samples}C")
        yield _with_labels(candidate.inputs, axes, labels[0], forms)
    if len(weights) == 1:
        for samples, weight, bias in (("N", "D", ""), ("N 1", "D 1", ""), ("N 1", "D 1", "1"), ("N", "D", "1")):
            axes = dict.fromkeys(rest, "N D") | {n: weight if n in weights else bias for n in numbered}
            yield _with_labels(candidate.inputs, axes, labels[0], (f"{samples} @binary", samples, f"{samples} @sign"))


def _with_labels(names: Sequence[str], axes: Mapping[str, str], label: str, forms: Sequence[str]) -> list[Layout]:
    texts = [", ".join(f"{n}: {form if n == label else axes[n]}" for n in names) for form in forms]
    return [Layout.parse(text + " ->") for text in texts]


def _groups(candidate: Candidate, shape: str, family: Mapping[str, str], known: Said) -> Iterator[list[str]]:
    """The arguments of a forward in groups: what comes in a later group is asked where nothing of an earlier one runs.

    The labels of a loss may have any form in one group; the axes of a parameter are in groups of their own, since what
    makes a backward right is no evidence of them.
    """
    inputs, kind = list(candidate.inputs), candidate.kind
    loss = kind in ("loss", "network")
    labels = _labels(candidate)
    domains = (
        ("", " @prob", " @unit") if loss and len(inputs) == 2 and " 7 9" not in shape and " 06 " not in shape else ("",)
    )
    several = not loss and len(inputs) > 1
    for stated in (known, dataclasses.replace(known, ranks={})) if several and known.ranks else (known,):
        for otherwise in (False, True) if several else (False,):
            texts = []
            for label in labels:
                for domain in domains:
                    entries = [
                        _guess(i, n, inputs, shape, label, kind, family, stated, otherwise)
                        for i, n in enumerate(inputs)
                    ]
                    entries[0] += domain if "@" not in entries[0] else ""
                    texts.append(", ".join(entries))
            yield texts


def positive(layout: Layout) -> Layout:
    """The layout with positive numbers, for a forward that makes nothing of others."""
    entries = (tuple(dataclasses.replace(e, domain="positive") if e.domain == "real" else e for e in part)
               for part in (layout.inputs, layout.params))  # fmt: skip
    inputs, params = entries
    return dataclasses.replace(layout, inputs=inputs, params=params)


def _masks(candidate: Candidate) -> list[str]:
    """The masks that a forward may be given behind its inputs: some do not run without."""
    cls, forward = candidate.objects.get("class"), candidate.objects.get("forward")
    if cls is None or not isinstance(forward, str):
        return []
    further = arguments(getattr(cls, forward), method=True).names[len(candidate.inputs) :]
    return list(itertools.takewhile(lambda name: "mask" in name.lower(), further))


def _families(candidate: Candidate) -> list[dict[str, str]]:
    """The axes of the arrays of objects with names like this one's: the first that fits, and its other layout."""
    words = " ".join([candidate.name, *candidate.inputs, *_vocabularies(candidate)]).lower()
    found = [axes for pattern, axes in FAMILIES if re.search(pattern, words)]
    return [*found[:1], *(OTHER_LAYOUTS.get(found[0].get("", ""), []) if found else [])] or [{}]


def _vocabularies(candidate: Candidate) -> list[str]:
    """The arguments of a constructor that turn words into numbers: what the object takes are such numbers."""
    cls = candidate.objects.get("class")
    names = arguments(cls.__init__, method=True).names if cls is not None else ()
    return [n for n in names if WORD_TO_INDEX.fits(n)]


def _declared(candidate: Candidate) -> list[str]:
    """The shape of one sample where a constructor has it as a default: `input_dim=(1, 28, 28)`."""
    cls = candidate.objects.get("class")
    defaults = arguments(cls.__init__, method=True).defaults if cls is not None else {}
    shapes = [v for n, v in defaults.items() if n in ("input_dim", "input_shape", "in_shape") and isinstance(v, tuple)]
    return [f"N {' '.join(map(str, shape))}" for shape in shapes if all(isinstance(s, int) for s in shape)]


def _guess(
    position: int,
    name: str,
    inputs: list[str],
    shape: str,
    label: str,
    kind: str,
    family: Mapping[str, str],
    known: Said,
    otherwise: bool,
) -> str:
    """The entry of one argument: what its author or the family says, what its name says, labels by their place.

    `otherwise`: a parameter of another shape than its name says first.
    """
    low, lows = name.lower(), [n.lower() for n in inputs]
    loss = kind in ("loss", "network")
    index = known.indices.get(name)
    if not loss and position and index is not None and index.of == inputs[0] and shape and "@" not in shape:
        return f"{name}: T @label({index.axis(shape.split())})"
    told = not loss and position and (known.axes.get(name) or name in known.ranks)
    if told and low not in family:
        domain = " @positive" if low in _SCALARS else ""
        return f"{name}: {' '.join(known.axes.get(name) or _of_rank(known.ranks[name], shape))}{domain}"
    arrays = [i for i, n in enumerate(lows) if n not in _SCALARS and (n not in _PARAMETERS or "x" not in lows)]
    if low in family and (position or low in _PARAMETERS):
        return f"{name}: {family[low]}"
    if low in _SCALARS:
        return f"{name}: @positive"
    if not loss and position and not otherwise and "mask" in low.split("_"):
        return f"{name}: {shape} @binary"
    factors = {**known.factors, **(known.operands if otherwise else {})}
    beside_them = [n for n in inputs[1:] if n not in known.factors and kind_of(n, inputs) == "operand"]
    if not loss and (name in factors or not otherwise or (beside_them and known.factors)):
        shown = _beside(name, inputs, shape, family, dataclasses.replace(known, factors=factors))
        if shown:
            return f"{name}: {shown}"
    if otherwise and not loss and known.factors and name in beside_them:
        return f"{name}: {beside(known.factors)}"
    if position not in arrays:
        if otherwise or (low in ("b", "bias") and not loss and not {"w", "weight", "weights"} & {*lows}):
            return f"{name}: {' '.join(_of_rank(1, shape))}"
        return f"{name}: {_PARAMETERS[low]}"
    if low in ("u", "v") and "w" in lows and not loss and not otherwise:
        return f"{name}: {_PARAMETERS['w']}"
    if not loss and position and not otherwise and kind_of(name, inputs) == "parameter":
        return f"{name}: {' '.join(_of_rank(1, shape))}"
    if not label or position == 0 or position != arrays[-1] or "@" in shape:
        return f"{name}: {shape}"
    if kind == "network":  # as many classes as the network has outputs, not as it has inputs
        samples = "N" if "N" in shape.split() else ""
        several = "C N" if shape == "D N" else f"{samples} C"
        return f"{name}: {several} {label}" if label in ("@onehot", "@binary") else f"{name}: {samples} @label(C)"
    samples, _, classes = shape.rpartition(" ")
    classes = "M" if "w" in lows else classes  # as many classes as W has columns
    if label in ("@onehot", "@binary"):
        return f"{name}: {samples} {classes} {label}"
    return f"{name}: {samples} @label({classes})"


def _beside(name: str, inputs: list[str], shape: str, family: Mapping[str, str], known: Said) -> str:
    """The axes of a parameter by the products of the forward: of a factor, or of what is added to them; else ""."""
    factor = known.factors.get(name)
    if factor is None:
        added = known.factors and name != inputs[0] and kind_of(name, inputs) == "parameter"
        return beside(known.factors) if added else ""
    if factor.by == inputs[0]:
        return " ".join(factor.axes(shape.split())) if shape and "@" not in shape else ""
    unmultiplied = dataclasses.replace(known, factors={})
    entry = _guess(inputs.index(factor.by), factor.by, inputs, shape, "", "layer", family, unmultiplied, False)
    other = entry.partition(":")[2].split()
    return " ".join(factor.axes(other)) if other and "@" not in entry else ""


def _of_rank(rank: int, shape: str) -> list[str]:
    """So many of the axes of the first input: one is that of the features, more are the first ones."""
    axes = shape.split()
    if rank == 1:
        return ["C"] if "C" in axes else axes[-1:] or ["D"]
    return axes[:rank] + ["D", "M", "T", "C"][: max(rank - len(axes), 0)]


def _made_by_forward(
    caller: Any, layout: Layout, sizes: Mapping[str, int], arrays: Mapping[str, Array]
) -> tuple[Any, set[state.Path]]:
    """An object that has run once, and where it keeps what does not depend on its input: parameters, not caches."""
    other = {**sizes, "N": sizes.get("N", 1) + 1}
    rng = np.random.default_rng(1)
    with frozen(0):
        first = caller.warmed(arrays)
    with frozen(0):
        second = caller.warmed({e.name: e.sample(other, rng) for e in layout.entries})
    held = dict(state.leaves(second))
    same = {p for p, a in state.leaves(first) if p in held and np.array_equal(a, held[p])}
    return first, {p for p in same if state.is_weight(p)}


def _named(leaves: list[tuple[state.Path, Array]]) -> list[tuple[str, Array]]:
    """Parameters by their names; with the names of the objects that hold them, where two have one name.

    A view of one, `word_vecs = W.T`, is no other parameter.
    """
    held: list[tuple[state.Path, Array]] = []
    for path, array in leaves:
        if not any(np.shares_memory(array, other) for _, other in held):
            held.append((path, array))
    names = [state.label(path) for path, _ in held]
    return [(n if names.count(n) == 1 else state.whole_label(p), a) for n, (p, a) in zip(names, held, strict=True)]


def parameter_entries(held: list[tuple[state.Path, Array]]) -> list[Entry]:
    """Arrays that an object holds as entries of a layout, of their own fixed sizes."""
    return [Entry(name, tuple((str(s),) for s in a.shape)) for name, a in _named(held)]


def _outputs(params: list[Entry], sizes: Mapping[str, int]) -> list[int]:
    """How many outputs a network may have by its last weight, where that has not as many as it was asked to have.

    Labels of any other number are none of its own, even where its forward takes them by broadcasting.
    """
    weights: list[tuple[str, ...]] = []
    for dims in (e.dims for e in params if len(e.dims) == 2):
        if not (weights and is_bias(dims, weights[-1])):
            weights.append(dims)
    if not weights:
        return []
    before = {*weights[-2]} if len(weights) > 1 else {str(sizes.get("D", 0))}
    found = [d for d in weights[-1] if d not in before] or list(weights[-1][::-1])
    return [] if str(sizes["C"]) in found else list(dict.fromkeys(int(d) for d in found))


def _images(shape: tuple[str, ...], kernel: tuple[str, ...]) -> list[tuple[str, ...]]:
    """Shapes of images for a network that has a convolution: of any size, then of those of a data set."""
    if len(shape) < 4:
        return [("N", kernel[1], *IMAGE)]
    if shape[2:] == IMAGE:
        return [("N", kernel[1], side, side) for side in DATA_SETS]
    return [("N", side, side, shape[3]) for side in DATA_SETS] if shape[1:3] == IMAGE else []


def _multiplied(candidate: Candidate, layout: Layout, required: Sequence[str]) -> dict[str, str]:
    """The axes of the arrays that a constructor is given, where the forward shows them by its products and sums."""
    cls, forward = candidate.objects["class"], candidate.objects.get("forward")
    method = getattr(cls, forward, None) if isinstance(forward, str) else None
    if not inspect.isfunction(method) or not inspect.isfunction(cls.__init__):
        return {}
    axes = Held(cls, method, candidate.inputs).axes({e.name: e.dims for e in layout.inputs})
    return {n: dims for n, dims in axes.items() if n in required}


def _with_state(candidate: Candidate, layout: Layout, family: Mapping[str, str]) -> Iterator[Layout]:
    """The layout with the parameters that a built object turns out to hold, and those its constructor asks for."""
    cls = candidate.objects.get("class")
    if cls is None:
        yield layout
        return
    widths: list[int] = []  # of the first matrix that a new object holds, whatever its name
    sizes: dict[str, int] = {}
    try:
        required = arguments(cls.__init__, method=True).required if candidate.reading.instance is None else ()
        axes = {**_PARAMETERS, **family}
        known = {n: axes[stem] for n in required if (stem := n.lower().rstrip("0123456789")) in axes}
        known |= _multiplied(candidate, layout, required)
        if known:
            kinds = evidence(cls)
            known = {n: dims for n, dims in known.items() if may_be_array(kinds.get(n))}
        weights = class_weights.entries(candidate, layout, family)
        known = {n: dims for n, dims in known.items() if n not in {e.name for e in weights}}
        asked = [*weights, *(Entry(n, tuple((d,) for d in dims.split())) for n, dims in known.items())]
        probe = dataclasses.replace(layout, params=tuple(asked))
        caller = candidate.convention.callers(candidate, probe, {})[0]
        sizes = generic_sizes(probe, None, None)
        rng = np.random.default_rng(0)
        with frozen(0):
            arrays = {e.name: e.sample(sizes, rng) for e in probe.entries}
            obj = caller.build(arrays)
        widths += next((list(reversed(a.shape)) for _, a in state.leaves(obj) if a.ndim == 2), [])
        made = None
        if not any(state.is_parameter(p) for p, _ in state.leaves(obj)):
            obj, made = _made_by_forward(caller, probe, sizes, arrays)
        given = {e.name for e in asked}
        held = [
            (p, a)
            for p, a in state.leaves(obj)
            if state.is_parameter(p)
            and (made is None or p in made)
            and not (_OF_OPTIMIZER.match(state.label(p)) and not a.any())
            and state.label(p) not in given
            and a.ndim
            and not any(np.array_equal(a, arrays[n]) for n in given)  # held under another name
        ]
        fixed = parameter_entries(held)
        if fixed:  # the object has sizes of its own now: what belongs to them stays as it is
            shown = {d for e in probe.entries for d in e.dims}  # labels alone do not show how many classes there are
            sizes["C"] = sizes["C"] if "C" in shown else 5
            network = candidate.kind == "network" and "C" not in probe.inputs[0].dims
            for outputs in _outputs(fixed, sizes) if network else ():
                pinned = probe.pinned({n: s for n, s in {**sizes, "C": outputs}.items() if n != "N"})
                yield dataclasses.replace(pinned, params=(*pinned.params, *fixed))
            probe = probe.pinned({n: s for n, s in sizes.items() if n != "N"})
        if all(a.size for _, a in held):  # a small image leaves nothing of itself after some pooling
            yield dataclasses.replace(probe, params=(*probe.params, *fixed))
        matrix = next((e.dims for e in fixed if len(e.dims) == 2), ())
        if layout.inputs[0].dims[-1:] == ("D",):  # a network of fixed sizes: its input fits the first weight
            sizes_of_it = dict.fromkeys([*map(int, reversed(matrix)), *widths])
            for size in (s for s in sizes_of_it if str(s) not in probe.inputs[0].dims):
                yield dataclasses.replace(layout.pinned({"D": size}), params=(*probe.params, *fixed))
        if fixed and len(fixed[0].dims) == 4 and candidate.kind == "network":
            for shape in _images(layout.inputs[0].dims, fixed[0].dims):
                images = dataclasses.replace(layout.inputs[0], axes=tuple((axis,) for axis in shape))
                larger = dataclasses.replace(layout, inputs=(images, *layout.inputs[1:]))
                yield from _with_state(candidate, larger, family)
    except (Unbindable, UserCodeRaised, TypeError):
        yield layout
        if layout.inputs[0].dims[-1:] == ("D",):
            yield from (layout.pinned({"D": width}) for width in dict.fromkeys(widths) if width != sizes.get("D"))
