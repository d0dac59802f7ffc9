"""CTC losses, with the loss itself or the expected divergence as their forward."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from gradcheck_plugin.conventions.layers.ctc_loss import divergences
from gradcheck_plugin.model import Settings, Verdict
from gradcheck_plugin.suite import open_namespace


def paths(y: Any, target: Any, blank: int) -> tuple[Any, Any, Any]:
    """The symbols with blanks, and the probabilities of the beginnings and ends of all paths."""
    s = [blank]
    for word in target:
        s += [word, blank]
    alpha, beta = np.zeros((len(y), len(s))), np.zeros((len(y), len(s)))
    alpha[0, 0], alpha[0, 1], beta[-1, -1], beta[-1, -2] = y[0, s[0]], y[0, s[1]], 1, 1
    for t in range(1, len(y)):
        for i in range(len(s)):
            skip = i > 1 and s[i] != s[i - 2]
            alpha[t, i] = alpha[t - 1, max(i - 1, 0) : i + 1].sum() + (alpha[t - 1, i - 2] if skip else 0)
            alpha[t, i] *= y[t, s[i]]
    for t in range(len(y) - 2, -1, -1):
        after = beta[t + 1] * y[t + 1, s]
        for i in range(len(s)):
            skip = i + 2 < len(s) and s[i] != s[i + 2]
            beta[t, i] = after[i : i + 2].sum() + (after[i + 2] if skip else 0)
    return np.array(s), alpha, beta


class Divergence:
    """The expected divergence, and what is taught as its gradient."""

    def __init__(self, BLANK: int = 0) -> None:
        self.BLANK = BLANK

    def forward(self, logits: Any, target: Any, input_lengths: Any, target_lengths: Any) -> Any:
        self.logits, self.input_lengths = logits, input_lengths
        self.kept, losses = [], []
        for b in range(len(target)):
            y = logits[: input_lengths[b], b]
            s, alpha, beta = paths(y, target[b, : target_lengths[b]], self.BLANK)
            gamma = self.posterior(alpha, beta)
            self.kept.append((s, gamma))
            losses.append(self.loss(y[:, s], gamma, alpha))
        return np.mean(losses)

    def posterior(self, alpha: Any, beta: Any) -> Any:
        return alpha * beta / (alpha * beta).sum(1, keepdims=True)

    def loss(self, y: Any, gamma: Any, alpha: Any) -> Any:
        return -(gamma * np.log(y)).sum()

    def backward(self) -> Any:
        d = np.zeros(self.logits.shape)
        for b, (s, gamma) in enumerate(self.kept):
            length = self.input_lengths[b]
            for i, symbol in enumerate(s):
                d[:length, b, symbol] -= gamma[:, i] / self.logits[:length, b, symbol]
        return d


class DivergenceOnceEach(Divergence):
    """A symbol that is there more than once, as the blank is, is counted once."""

    def backward(self) -> Any:
        d = np.zeros(self.logits.shape)
        for b, (s, gamma) in enumerate(self.kept):
            length = self.input_lengths[b]
            for i, symbol in enumerate(s):
                d[:length, b, symbol] = -gamma[:, i] / self.logits[:length, b, symbol]
        return d


class DivergenceKeepsTheFirst(Divergence):
    """The posteriors of every forward are put behind those of the first."""

    def __init__(self, BLANK: int = 0) -> None:
        super().__init__(BLANK)
        self.every: list[Any] = []

    def forward(self, logits: Any, target: Any, input_lengths: Any, target_lengths: Any) -> Any:
        loss = super().forward(logits, target, input_lengths, target_lengths)
        self.every += self.kept
        self.kept = self.every[: len(target)]
        return loss


class Likelihood(Divergence):
    """-log p, of samples that come first."""

    def forward(self, logits: Any, target: Any, input_lengths: Any, target_lengths: Any) -> Any:
        if logits.shape[0] != len(target):
            raise ValueError("samples first")
        return super().forward(np.swapaxes(logits, 0, 1), target, input_lengths, target_lengths)

    def loss(self, y: Any, gamma: Any, alpha: Any) -> Any:
        return -np.log(alpha[-1, -1] + alpha[-1, -2])

    def backward(self) -> Any:
        return np.swapaxes(super().backward(), 0, 1) / len(self.kept)


class LikelihoodNotAveraged(Likelihood):
    def backward(self) -> Any:
        return super().backward() * len(self.kept)


class LikelihoodOfBeginnings(Likelihood):
    """Posteriors without the ends of the paths."""

    def posterior(self, alpha: Any, beta: Any) -> Any:
        return alpha / alpha.sum(1, keepdims=True)


def failing(thing: type) -> tuple[set[str], set[str]]:
    """The properties that fail, and those that pass."""
    thing.__module__ = __name__
    (target,) = open_namespace({thing.__name__: thing}, Settings(cases=3)).targets
    found = {r.property: r.verdict for r in target.check_all()}
    return {p for p, v in found.items() if v is Verdict.FAIL}, {p for p, v in found.items() if v is Verdict.PASS}


@pytest.mark.parametrize("thing", [Divergence, Likelihood], ids=lambda c: c.__name__)
def test_right_ctc_passes(thing: type) -> None:
    assert failing(thing) == (set(), {"contract", "dlogits"})


@pytest.mark.parametrize(
    ("thing", "wrong"),
    [
        (DivergenceOnceEach, {"dlogits"}),
        (DivergenceKeepsTheFirst, {"contract"}),
        (LikelihoodNotAveraged, {"dlogits"}),
        (LikelihoodOfBeginnings, {"dlogits"}),
    ],
    ids=lambda v: getattr(v, "__name__", ""),
)
def test_wrong_ctc_fails(thing: type, wrong: set[str]) -> None:
    assert failing(thing)[0] == wrong


@pytest.mark.parametrize("target", [[1, 2], [1, 1], [3]])
def test_the_probability_is_that_of_all_paths(target: list[int]) -> None:
    y = np.random.default_rng(0).dirichlet(np.ones(4), size=5)
    total = 0.0
    for path in np.ndindex(*(4,) * 5):
        merged = [s for k, s in enumerate(path) if k == 0 or s != path[k - 1]]
        if [s for s in merged if s] == target:
            total += float(np.prod(y[np.arange(5), path]))
    assert np.isclose(divergences(y, np.array(target))[1], -np.log(total))
