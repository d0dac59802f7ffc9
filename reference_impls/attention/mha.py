"""Multi-head attention.

    Q = split(q Wq + bq)      K = split(k Wk + bk)      V = split(v Wv + bv)          one block of columns for each head
    m = merge(attention(Q, K, V))      y = m Wo + bo                                  attention of each head: see sdpa
    dWo = sum m^T dy          dbo = sum dy              over samples and steps
    dQ, dK, dV = the backward of the attention of each head for split(dy Wo^T)
    dq = merge(dQ) Wq^T       dWq = sum q^T merge(dQ)          dbq = sum merge(dQ)    and so for k and v

Shapes: q (N, L, E), k and v (N, S, E), W (E, E), b (E,), y (N, L, E). A head has E / heads columns, and its scores are
divided by the root of that number. split makes (N, heads, L, E / heads) of (N, L, E) by a reshape and a transpose, and
merge takes it back. bk adds the same number to every score of a row, which softmax does not see: its gradient is 0, and
there is nothing to check. In self-attention q, k and v are one x, and dx = dq + dk + dv. out_in=True: W is (out, in).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from reference_impls.attention import sdpa
from reference_impls.spec import Array, Grads, LayerSpec, Mistake, Variant

NO_MASK = np.zeros(())
Split = Callable[[Array, int], Array]


def split(x: Array, heads: int) -> Array:
    return x.reshape(*x.shape[:2], heads, -1).swapaxes(1, 2)


def merge(x: Array) -> Array:
    x = x.swapaxes(1, 2)
    return x.reshape(*x.shape[:2], -1)


def projected(q: Array, k: Array, v: Array, params: tuple[Array, ...], out_in: bool) -> tuple[Array, Array, Array]:
    Wq, bq, Wk, bk, Wv, bv = (p.T if out_in and p.ndim == 2 else p for p in params[:6])
    return q @ Wq + bq, k @ Wk + bk, v @ Wv + bv


def forward(q: Array, k: Array, v: Array, *params: Array, heads: int = 2, out_in: bool = False) -> Array:
    Q, K, V = (split(x, heads) for x in projected(q, k, v, params, out_in))
    return output(merge(sdpa.forward(Q, K, V, NO_MASK)), params, out_in)


def output(m: Array, params: tuple[Array, ...], out_in: bool) -> Array:
    Wo, bo = params[6:]
    return m @ (Wo.T if out_in else Wo) + bo


def backward(dy: Array, *arrays: Array, heads: int = 2, out_in: bool = False) -> Grads:
    g, y = of_heads(dy, *arrays, heads=heads, out_in=out_in)
    return through({n: merge(g[n]) for n in "qkv"}, merge(y), dy, arrays, out_in)


def of_heads(
    dy: Array, q: Array, k: Array, v: Array, *params: Array, heads: int, out_in: bool, split: Split = split
) -> tuple[Grads, Array]:  # fmt: skip
    """The gradients of Q, K and V, and the output of the attention, head by head."""
    Q, K, V = (split(x, heads) for x in projected(q, k, v, params, out_in))
    d = split(dy @ (params[6] if out_in else params[6].T), heads)
    return sdpa.backward(d, Q, K, V, NO_MASK), sdpa.forward(Q, K, V, NO_MASK)


def through(d: Grads, m: Array, dy: Array, arrays: tuple[Array, ...], out_in: bool) -> Grads:
    """The gradients of all arrays from those of the projections of q, k and v."""
    found: Grads = {}
    inputs, weights, upstream = (*arrays[:3], m), arrays[3::2], (d["q"], d["k"], d["v"], dy)
    for name, x, W, dx in zip("qkvo", inputs, weights, upstream, strict=True):
        dW = np.einsum("nld,nle->de", x, dx)
        found |= {f"W{name}": dW.T.copy() if out_in else dW, f"b{name}": dx.sum(axis=(0, 1))}
        found |= {name: dx @ (W if out_in else W.T)}
    return {n: g for n, g in found.items() if n not in ("o", "bk")}


def torch_forward(q: Any, k: Any, v: Any, *params: Any, heads: int = 2, out_in: bool = False) -> Any:
    import torch

    Wq, bq, Wk, bk, Wv, bv, Wo, bo = (p.T if p.ndim == 2 and not out_in else p for p in params)
    Q, K, V = (x.swapaxes(0, 1) for x in (q, k, v))
    y, _ = torch.nn.functional.multi_head_attention_forward(
        Q, K, V, q.shape[-1], heads, None, torch.cat([bq, bk, bv]), None, None, False, 0.0, Wo, bo,
        need_weights=False, use_separate_proj_weight=True, q_proj_weight=Wq, k_proj_weight=Wk, v_proj_weight=Wv,
    )  # fmt: skip
    return y.swapaxes(0, 1)


def by_reshape(x: Array, heads: int) -> Array:
    return x.reshape(len(x), heads, x.shape[1], -1)


def flat(x: Array) -> Array:
    return x.reshape(len(x), x.shape[2], -1)


def heads_by_reshape_forward(
    q: Array, k: Array, v: Array, *params: Array, heads: int = 2, out_in: bool = False
) -> Array:
    Q, K, V = (by_reshape(x, heads) for x in projected(q, k, v, params, out_in))
    return output(flat(sdpa.forward(Q, K, V, NO_MASK)), params, out_in)


def heads_by_reshape(dy: Array, *arrays: Array, heads: int = 2, out_in: bool = False) -> Grads:
    g, y = of_heads(dy, *arrays, heads=heads, out_in=out_in, split=by_reshape)
    return through({n: flat(g[n]) for n in "qkv"}, flat(y), dy, arrays, out_in)


def merged_without_transpose(dy: Array, *arrays: Array, heads: int = 2, out_in: bool = False) -> Grads:
    g, y = of_heads(dy, *arrays, heads=heads, out_in=out_in)
    return through({n: flat(g[n]) for n in "qkv"}, merge(y), dy, arrays, out_in)


def scaled_by_the_model_width(dy: Array, *arrays: Array, heads: int = 2, out_in: bool = False) -> Grads:
    g, y = of_heads(dy, *arrays, heads=heads, out_in=out_in)
    off = {"q": heads**-0.5, "k": heads**-0.5, "v": 1.0}  # sqrt(E / heads) / sqrt(E)
    return through({n: merge(g[n]) * off[n] for n in "qkv"}, merge(y), dy, arrays, out_in)


# fmt: off
SPEC = LayerSpec(
    name="mha", korean="멀티 헤드 어텐션", family="attention",
    aliases=("MultiHeadAttention", "MultiHeadedAttention", "MultiHead", "MultiHeadSelfAttention"),
    forward=forward, backward=backward, torch_forward=torch_forward,
    shapes="q: N L 4, k: N S 4, v: N S 4; Wq: 4 4, bq: 4, Wk: 4 4, bk: 4, Wv: 4 4, bv: 4, Wo: 4 4, bo: 4 -> N L 4",
    minimum={"S": 2},
    variants=(Variant("", "weights stored (out, in)", {"out_in": True}),),
    mistakes=(
        Mistake("heads-mixed", heads_by_reshape, forward=heads_by_reshape_forward,
                says="multi-head attention cuts its heads by a reshape alone, which mixes steps and columns",
                help="Reshape (N, L, E) to (N, L, heads, d) first, then transpose to (N, heads, L, d).",
                says_ko="멀티 헤드 어텐션이 헤드를 reshape만으로 나누어 시각과 열이 섞인다",
                help_ko="(N, L, E)를 먼저 (N, L, heads, d)로 reshape한 다음 (N, heads, L, d)로 전치한다."),
        Mistake("heads-merged-in-wrong-order", merged_without_transpose,
                says="`{grad}` of multi-head attention merges its heads in the wrong order: the transpose is missing",
                help="Transpose (N, heads, L, d) back to (N, L, heads, d) before the reshape.",
                says_ko="멀티 헤드 어텐션의 `{grad}`가 전치 없이 헤드를 합쳐 순서가 틀린다",
                help_ko="reshape하기 전에 (N, heads, L, d)를 (N, L, heads, d)로 되돌려 전치한다."),
        Mistake("wrong-width", scaled_by_the_model_width,
                says="`{grad}` of multi-head attention is divided by sqrt(d_model), its scores by sqrt(d_head)",
                help="The scores of a head are divided by the root of its own width, d_model / heads.",
                says_ko="점수는 sqrt(d_head)로 나누는데 멀티 헤드 어텐션의 `{grad}`는 sqrt(d_model)로 나눈다",
                help_ko="헤드의 점수는 그 헤드의 너비 d_model / heads의 제곱근으로 나눈다."),
    ),
)
# fmt: on
