"""Attention whose weights have the names of what they project, and attention that does not run without its masks."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from gradcheck_plugin.model import Settings, Verdict
from gradcheck_plugin.suite import FileSuite, open_namespace


def opened(thing: type) -> FileSuite:
    thing.__module__ = __name__
    return open_namespace({thing.__name__: thing}, Settings(cases=3))


def failing(thing: type) -> set[str]:
    """The properties of the one object that fail; it has to be driven."""
    (target,) = opened(thing).targets
    return {r.property for r in target.check_all() if r.verdict is Verdict.FAIL}


def passing(thing: type) -> set[str]:
    (target,) = opened(thing).targets
    return {r.property for r in target.check_all() if r.verdict is Verdict.PASS}


def softmax(s: Any) -> Any:
    e = np.exp(s - s.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def turned(a: Any) -> Any:
    return np.swapaxes(a, -1, -2)


class SelfAttention:
    """Self-attention with a mask of the future."""

    def __init__(self, weights_keys: Any, weights_queries: Any, weights_values: Any) -> None:
        self.W_k, self.W_q, self.W_v = weights_keys, weights_queries, weights_values

    def forward(self, X: Any) -> Any:
        self.X = X
        self.Q, self.K, self.V = X @ self.W_q, X @ self.W_k, X @ self.W_v
        s = self.Q @ turned(self.K) - 1e9 * np.triu(np.ones((X.shape[1], X.shape[1])), 1)
        self.A = softmax(s / np.sqrt(self.K.shape[-1]))
        return self.A @ self.V

    def backward(self, dY: Any) -> Any:
        dA = dY @ turned(self.V)
        ds = self.A * (dA - (dA * self.A).sum(-1, keepdims=True)) / np.sqrt(self.K.shape[-1])
        dV, dK, dQ = turned(self.A) @ dY, turned(ds) @ self.Q, ds @ self.K
        self.dLdWq, self.dLdWk, self.dLdWv = ((turned(self.X) @ d).sum(0) for d in (dQ, dK, dV))
        return dQ @ self.W_q.T + dK @ self.W_k.T + dV @ self.W_v.T


class KeysUnscaled(SelfAttention):
    def backward(self, dY: Any) -> Any:
        dx = super().backward(dY)
        self.dLdWk = self.dLdWk * np.sqrt(self.K.shape[-1])
        return dx


class MultiHeadAttention:
    """Two heads without biases, which asks for both of its masks though they have a default."""

    def __init__(self, embed_dim: int, num_heads: int) -> None:
        self.heads = num_heads
        self.W_in = np.random.randn(3, embed_dim, embed_dim)
        self.W_out = np.random.randn(embed_dim, embed_dim)

    def split(self, x: Any) -> Any:
        return x.reshape(*x.shape[:2], self.heads, -1).swapaxes(1, 2)

    def merge(self, x: Any) -> Any:
        x = x.swapaxes(1, 2)
        return x.reshape(*x.shape[:2], -1)

    def forward(self, query: Any, key: Any, value: Any, key_padding_mask: Any = None, attn_mask: Any = None) -> Any:
        self.x = query, key, value
        self.q, self.k, self.v = (self.split(x @ W) for x, W in zip(self.x, self.W_in, strict=True))
        hidden = np.logical_or(key_padding_mask[:, None, None, :], attn_mask[None, None])
        s = self.q @ turned(self.k) / np.sqrt(self.q.shape[-1])
        self.a = softmax(np.where(hidden, -np.inf, s))
        self.m = self.merge(self.a @ self.v)
        return self.m @ self.W_out

    def backward(self, dy: Any) -> Any:
        dm = self.split(dy @ self.W_out.T)
        da = dm @ turned(self.v)
        ds = self.a * (da - (da * self.a).sum(-1, keepdims=True)) / np.sqrt(self.q.shape[-1])
        d = [self.merge(part) for part in (ds @ self.k, turned(ds) @ self.q, turned(self.a) @ dm)]
        self.dW_in = np.array([(turned(x) @ part).sum(0) for x, part in zip(self.x, d, strict=True)])
        self.dW_out = (turned(self.m) @ dy).sum(0)
        return tuple(part @ W.T for part, W in zip(d, self.W_in, strict=True))


class MultiHeadAttentionMergedWrong(MultiHeadAttention):
    def backward(self, dy: Any) -> Any:
        dq, dk, dv = super().backward(dy)
        return dq, dk, dv * 0.5


class MultiHeadAttentionOutTwice(MultiHeadAttention):
    def backward(self, dy: Any) -> Any:
        dx = super().backward(dy)
        self.dW_out = 2 * self.dW_out
        return dx


@pytest.mark.parametrize("thing", [SelfAttention, MultiHeadAttention], ids=lambda c: c.__name__)
def test_right_attention_passes(thing: type) -> None:
    assert not failing(thing)
    assert len(passing(thing)) >= 5  # the contract, inputs and weights


@pytest.mark.parametrize(
    ("thing", "wrong"),
    [(KeysUnscaled, "weights_keys"), (MultiHeadAttentionMergedWrong, "value"), (MultiHeadAttentionOutTwice, "W_out")],
    ids=lambda v: getattr(v, "__name__", v),
)
def test_wrong_attention_fails(thing: type, wrong: str) -> None:
    assert {p.removeprefix("d") for p in failing(thing)} == {wrong}
