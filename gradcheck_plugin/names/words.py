"""What people call things: methods, labels, predictions, data, rates. Tables first, then what is asked of them."""

from __future__ import annotations

import re
from collections.abc import Sequence

from gradcheck_plugin.names.patterns import Pattern


def _spelled(*names: str) -> tuple[str, ...]:
    """Names with underscores, and as they are written without: `forward_pass`, `forwardPass`."""
    camel = [re.sub(r"(?<=[a-z])_([a-z])", lambda m: m[1].upper(), n) for n in names]
    return tuple(dict.fromkeys((*names, *camel)))


VERBS = ("evaluate", "calculate", "compute")  # which may be anything
OF_ACTIVATIONS = ("fn", "func", "function", "activate", "activation", "norm", *VERBS)  # and of penalties
DERIVATIVES = ("derivative", "first_derivative", "gradient", "grad", "calculate_gradient", "prime", "deriv")
WAYS_FORWARD = _spelled("forward", "forward_pass", "forward_propagation", "forward_propagate", "forward_prop",
                        "feedforward", "feed_forward", "fprop")  # fmt: skip
WAYS_BACK = _spelled("backprop", "back_prop", "backpropagate", "back_propagate", "backpropagation", "back_propagation")
FORWARD = (*WAYS_FORWARD, "__call__", *OF_ACTIVATIONS)
BACKWARD = (*_spelled("backward", "backward_pass", "backward_propagation", "backward_propagate"), *WAYS_BACK,
            "bprop", "_backward", *DERIVATIVES)  # fmt: skip
RATES = ("lr", "learning_rate", "learn_rate", "learningrate", "eta", "step_size", "l_rate", "alpha")
TRAINING = ("train_flg", "train_flag", "training", "is_train", "is_training", "train", "trainable")
TESTING = ("eval", "test", "is_test", "testing", "evaluate", "inference", "is_eval", "predict")
LABELS = ("t", "y", "y_true", "ytrue", "target", "targets", "label", "labels", "label_tensor", "labels_tensor", "true",
          "ground_truth", "gt", "truth", "actual", "y_batch", "expected", "desired")  # fmt: skip
PREDICTIONS = ("y_pred", "ypred", "pred", "preds", "prediction", "predictions", "predicted", "output", "outputs",
               "probs", "scores", "logits", "y_hat", "yhat", "a", "al", "p", "x", "z")  # fmt: skip
OUTPUTS = ("output", "outputs", "out")  # attributes in which an object keeps what its forward gave
WEIGHTS = ("w", "weights", "weight", "theta", "coef", "params")
INPUTS = ("x", "input", "inputs", "input_data", "input_tensor", "data", "in_data", "inp")
RATE = (
    378.75  # large, so that a gradient recovered from an update keeps its digits; no power of two, so nothing cancels
)

_OF_LABELS = frozenset(
    ("true", "truth", "target", "targets", "label", "labels", "actual", "expected", "desired", "gold", "gt", "correct")
)
_OF_PREDICTIONS = frozenset(
    ("pred", "preds", "predict", "predicted", "prediction", "predictions", "output", "outputs", "logit", "logits",
     "prob", "probs", "probabilities", "score", "scores", "hat", "estimate", "estimated")
)  # fmt: skip


NETWORK = Pattern(
    r"(\w*_)?(nn|mlp|cnn|rnn|lstm|perceptron|classifier|regressor)\d*|\w*(network|net|model)\d*",
    ("net", "self_net", "model", "my_network", "MLP", "NeuralNetwork", "net2", "ConvNet"),
    ("layer", "one_hot", "onehot", "mean", "annotate", "nnz", "connect"),
)


def says_network(name: str) -> bool:
    """Whether a name says that a thing is a network: what it gives is a prediction."""
    return NETWORK.fits(name)


def is_label(name: str) -> bool:
    """Whether a name is that of a target: as a whole, or by a word in it, such as `true_labels`."""
    return name.lower().strip("_") in LABELS or names_labels(name)


def names_labels(name: str) -> bool:
    """Whether a word in a name says that it is a target, and none that it is predicted: no `label_scores`."""
    words = set(re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", name).lower().split("_"))
    return bool(words & _OF_LABELS) and not words & _OF_PREDICTIONS


_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+")
_DATA = {
    "label", "labels", "target", "targets", "tgt", "true", "truth", "gt", "real", "actual", "expected", "desired",
    "goal", "onehot", "hot", "answer", "answers", "mask", "masks", "valid", "ignore",
    "idx", "index", "indices", "indexes", "ids", "len", "lens", "length", "lengths", "position", "positions",
    "advantage", "advantages", "reward", "rewards", "returns", "action", "actions", "teacher", "old", "switches",
    "time", "timestep", "timesteps",
    "adj", "adjacency", "laplacian", "edges", "noise", "seed", "rng", "running", "moving", "ema", "stat", "stats",
    "eps", "epsilon", "reg", "lam", "lambda", "lmbda", "decay", "lr", "rate",
}  # fmt: skip
_PREDICTED = re.compile(r"pred|logit|score|hat$|prob")
_PAIRWISE = re.compile(
    r"dist(ance)?($|[A-Z_])|distance|similarity|dtw|contrast|siamese|wasserstein|sinkhorn|hausdorff|chamfer|nt_?xent|"
    r"info_?nce|mmd|cosine",
    re.IGNORECASE,
)
_TWINS = (  # names of two arrays that come from the same place
    ("a", "b"), ("u", "v"), ("left", "right"), ("anchor", "positive"), ("anchor", "pos"), ("query", "key"), ("q", "k"),
    ("img", "txt"), ("image", "text"), ("mu", "logvar"), ("mean", "logvar"), ("mu", "sigma"), ("mean", "std"),
)  # fmt: skip


def is_data(name: str, loss: bool) -> bool:
    """Whether a name says that nobody wants a gradient: labels, a mask, indices, statistics, a coefficient.

    `y` and `t` are labels where they are given to a `loss`, and operands elsewhere.
    """
    words = {w.lower() for w in _WORD.findall(name)}
    return bool(words & _DATA) or (loss and is_label(name))


_STATISTICS = re.compile(r"(\w+_)?(mean|avg|mu|var|variance|std|sigma2?)(_\w+)?")
_AFFINE = re.compile(r"gamma|beta|scale|shift|weights?|bias|offset|w|b|γ|β")


def constants(names: Sequence[str]) -> set[str]:
    """The arrays that nobody wants a gradient of by their names: data, and statistics beside a scale and a shift."""
    normalises = sum(_AFFINE.fullmatch(n.lower()) is not None for n in names) >= 2
    return {n for n in names if is_data(n, loss=False) or (normalises and _STATISTICS.fullmatch(n.lower()))}


def compares(name: str) -> bool:
    """Whether the name of an object says that it compares two arrays of one kind: `y` is no label there."""
    return bool(_PAIRWISE.search(name))


def is_prediction(name: str) -> bool:
    """Whether a name says that the array is compared with labels: `y_pred`, `logits`."""
    low = name.lower().strip("_")
    return (low in PREDICTIONS and len(low) > 2) or bool(_PREDICTED.search(low))


def twins(first: str, second: str) -> bool:
    """Whether two names are those of two arrays of one kind: `z1, z2`, `left, right`, `anchor, positive`."""
    a, b = (n.lower().replace("_", "") for n in (first, second))
    stems = [re.sub(r"(\d+|[ijab]|left|right)$", "", n) for n in (a, b)]
    return (a, b) in _TWINS or (b, a) in _TWINS or (stems[0] == stems[1] != "" and a != b)


def label_first(names: Sequence[str]) -> bool:
    """Whether a loss takes its target before its prediction: `mse(y_true, y_pred)`."""
    if len(names) != 2:
        return False
    first, second = (n.lower().strip("_") for n in names)
    if second == "y" and (first in ("t", "target", "targets", "label", "labels") or names_labels(names[0])):
        return True  # beside a target, y is what was predicted
    if first == second:
        return names[0] == "Y"  # beside y, which is what was predicted
    if names_labels(names[0]):
        return not is_label(names[1])
    return first in LABELS and second in PREDICTIONS and second not in LABELS
