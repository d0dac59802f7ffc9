"""Causal self-attention: every step of a sequence looks at itself and the steps before it.

    q = x Wq      k = x Wk      v = x Wv
    y = softmax(q k^T / sqrt(E) + mask) v            mask = -inf above the diagonal, 0 elsewhere
    dq, dk, dv = the backward of scaled dot-product attention (sdpa) with this mask
    dx  = dq Wq^T + dk Wk^T + dv Wv^T                                   x goes three ways
    dWq = sum_n x^T dq      dWk = sum_n x^T dk      dWv = sum_n x^T dv

Shapes: x (N, T, D), Wq and Wk (D, E), Wv (D, F), y (N, T, F).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from reference_impls.attention import sdpa, softmax_backward
from reference_impls.spec import Array, Grads, LayerSpec, Mistake, Variant


def future(x: Array) -> Array:
    """-inf where a step would look at a later one."""
    return np.triu(np.full((x.shape[1], x.shape[1]), -np.inf), k=1)


def forward(x: Array, Wq: Array, Wk: Array, Wv: Array) -> Array:
    return sdpa.forward(x @ Wq, x @ Wk, x @ Wv, future(x))


def backward(dy: Array, x: Array, Wq: Array, Wk: Array, Wv: Array) -> Grads:
    return through(sdpa.backward(dy, x @ Wq, x @ Wk, x @ Wv, future(x)), x, Wq, Wk, Wv)


def through(g: Grads, x: Array, Wq: Array, Wk: Array, Wv: Array, paths: str = "qkv") -> Grads:
    """The gradients of x and of the weights from those of q, k and v."""
    W = {"q": Wq, "k": Wk, "v": Wv}
    shares = [g[n] @ W[n].T for n in paths]
    return {"x": np.sum(shares, axis=0)} | {f"W{n}": np.einsum("ntd,nte->de", x, g[n]) for n in W}


def torch_forward(x: Any, Wq: Any, Wk: Any, Wv: Any) -> Any:
    import torch

    return torch.nn.functional.scaled_dot_product_attention(x @ Wq, x @ Wk, x @ Wv, is_causal=True)


def one_path(which: str) -> Callable[..., Grads]:
    def one_path_only(dy: Array, x: Array, Wq: Array, Wk: Array, Wv: Array) -> Grads:
        g = sdpa.backward(dy, x @ Wq, x @ Wk, x @ Wv, future(x))
        return through(g, x, Wq, Wk, Wv, paths=which)

    return one_path_only


def mask_forgotten(dy: Array, x: Array, Wq: Array, Wk: Array, Wv: Array) -> Grads:
    return through(sdpa.backward(dy, x @ Wq, x @ Wk, x @ Wv, np.zeros(())), x, Wq, Wk, Wv)


def masked_after_softmax_forward(x: Array, Wq: Array, Wk: Array, Wv: Array) -> Array:
    return np.tril(sdpa.weights(x @ Wq, x @ Wk, np.zeros(()))) @ x @ Wv


def masked_after_softmax(dy: Array, x: Array, Wq: Array, Wk: Array, Wv: Array) -> Grads:
    q, k, v = x @ Wq, x @ Wk, x @ Wv
    a = sdpa.weights(q, k, np.zeros(()))
    ds = softmax_backward(np.tril(dy @ sdpa.turned(v)), a) / sdpa.root(q)
    g = {"q": ds @ k, "k": sdpa.turned(ds) @ q, "v": sdpa.turned(np.tril(a)) @ dy}
    return through(g, x, Wq, Wk, Wv)


PATHS = {"q": ("queries", "쿼리"), "k": ("keys", "키"), "v": ("values", "값")}

# fmt: off
SPEC = LayerSpec(
    name="causal_attention", korean="마스크드 셀프 어텐션", family="attention",
    aliases=("CausalSelfAttention", "MaskedSelfAttention", "CausalSelfAttentionHead", "MaskedAttention"),
    forward=forward, backward=backward, torch_forward=torch_forward,
    shapes="x: N T D; Wq: D E, Wk: D E, Wv: D F -> N T F", minimum={"E": 2},
    variants=(
        Variant("Wq: E D, Wk: E D, Wv: F D", "weights stored (out, in)"),
        Variant("x: T D -> T F", "one sequence"),
    ),
    mistakes=(
        *(Mistake("path-dropped", one_path(which),
                  says=f"`{{grad}}` of the self-attention comes through the {name} alone: two of three paths are lost",
                  help="x goes into q, k and v: dx = dq Wq^T + dk Wk^T + dv Wv^T.",
                  says_ko=f"셀프 어텐션의 `{{grad}}`가 {korean}를 거친 것뿐이다: 세 경로 가운데 둘이 빠져 있다",
                  help_ko="x는 q, k, v에 모두 들어가므로 dx = dq Wq^T + dk Wk^T + dv Wv^T이다.")
          for which, (name, korean) in PATHS.items()),
        Mistake("mask-forgotten", mask_forgotten,
                says="`{grad}` of the causal attention leaks to later steps: its backward has no mask",
                help="Use the masked weights of the forward, which are 0 above the diagonal, in the backward.",
                says_ko="역전파에 마스크가 없어 마스크드 어텐션의 `{grad}`가 뒤의 시각으로 새어 나간다",
                help_ko="순전파에서 구한, 대각선 위가 0인 가중치를 역전파에서도 쓴다."),
        Mistake("masked-after-softmax", masked_after_softmax, forward=masked_after_softmax_forward,
                says="the causal attention masks its weights after the softmax, so its rows do not sum to 1",
                help="Set the scores above the diagonal to -inf before the softmax.",
                says_ko="소프트맥스 뒤에 가중치를 가려서 마스크드 어텐션의 각 행의 합이 1이 아니다",
                help_ko="소프트맥스 전에 대각선 위의 점수를 -inf로 둔다."),
    ),
)
# fmt: on
