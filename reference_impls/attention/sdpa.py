"""Scaled dot-product attention.

    s  = q k^T / sqrt(E) + mask         a = softmax(s) along each row         y = a v
    da = dy v^T                         ds = a (da - sum_j a_j da_j)
    dq = ds k / sqrt(E)                 dk = ds^T q / sqrt(E)                 dv = a^T dy            dmask = sum_n ds

Shapes: q (N, L, E), k (N, S, E), v (N, S, F), s and a (N, L, S), y (N, L, F), mask (L, S), the same for all samples.
The heads of a layer are an axis like the samples. The mask is added to the scores and is 0 where there is none; with
mask_is="ignore" it is 1 where a key is not to be seen, and has no gradient. With scaled=False nothing is divided.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from reference_impls.attention import softmax, softmax_backward
from reference_impls.spec import Array, Grads, LayerSpec, Mistake, Variant


def turned(a: Array) -> Array:
    return np.swapaxes(a, -1, -2)


def root(q: Any, scaled: bool = True) -> float:
    return float(q.shape[-1] ** 0.5) if scaled else 1.0


def weights(q: Array, k: Array, mask: Array, mask_is: str = "added", scaled: bool = True) -> Array:
    s = q @ turned(k) / root(q, scaled)
    return softmax(s + mask if mask_is == "added" else np.where(mask, -np.inf, s))


def forward(q: Array, k: Array, v: Array, mask: Array, *, mask_is: str = "added", scaled: bool = True) -> Array:
    return weights(q, k, mask, mask_is, scaled) @ v


def backward(
    dy: Array, q: Array, k: Array, v: Array, mask: Array, *, mask_is: str = "added", scaled: bool = True
) -> Grads:
    a = weights(q, k, mask, mask_is, scaled)
    ds = softmax_backward(dy @ turned(v), a)
    g = {"q": ds @ k / root(q, scaled), "k": turned(ds) @ q / root(q, scaled), "v": turned(a) @ dy}
    return g | ({"mask": ds.sum(axis=tuple(range(ds.ndim - 2)))} if mask_is == "added" else {})


def torch_forward(q: Any, k: Any, v: Any, mask: Any, *, mask_is: str = "added", scaled: bool = True) -> Any:
    import torch

    mask = mask if mask_is == "added" else mask == 0  # torch: True is a key to be seen
    return torch.nn.functional.scaled_dot_product_attention(q, k, v, attn_mask=mask, scale=1 / root(q, scaled))


def scale_missing_for_q(dy: Array, q: Array, *arrays: Array, **options: Any) -> Grads:
    g = backward(dy, q, *arrays, **options)
    return g | {"q": g["q"] * root(q)}


def scale_missing_for_k(dy: Array, q: Array, *arrays: Array, **options: Any) -> Grads:
    g = backward(dy, q, *arrays, **options)
    return g | {"k": g["k"] * root(q)}


def scaled_twice(dy: Array, q: Array, *arrays: Array, **options: Any) -> Grads:
    g = backward(dy, q, *arrays, **options)
    return g | {"q": g["q"] / root(q), "k": g["k"] / root(q)}


def scaled_by_the_width_of_v(dy: Array, q: Array, k: Array, v: Array, mask: Array, **options: Any) -> Grads:
    g = backward(dy, q, k, v, mask, **options)
    return g | {n: g[n] * root(q) / root(v) for n in "qk"}


def softmax_diagonal_only(dy: Array, q: Array, k: Array, v: Array, mask: Array, **options: Any) -> Grads:
    a = weights(q, k, mask, **options)
    ds = dy @ turned(v) * a * (1 - a) / root(q, options.get("scaled", True))
    return backward(dy, q, k, v, mask, **options) | {"q": ds @ k, "k": turned(ds) @ q}


def keys_not_transposed(dy: Array, *arrays: Array, **options: Any) -> Grads:
    g = backward(dy, *arrays, **options)
    return g | {"k": turned(g["k"]).copy()}


def masked_after_softmax_forward(q: Array, k: Array, v: Array, mask: Array) -> Array:
    return (weights(q, k, 0 * mask) + mask) @ v


def masked_after_softmax(dy: Array, q: Array, k: Array, v: Array, mask: Array) -> Grads:
    da = dy @ turned(v)
    g = backward(dy, q, k, v, 0 * mask)
    return g | {"v": turned(weights(q, k, 0 * mask) + mask) @ dy, "mask": da.sum(axis=tuple(range(da.ndim - 2)))}


# fmt: off
SPEC = LayerSpec(
    name="sdpa", korean="스케일드 닷 프로덕트 어텐션", family="attention",
    aliases=("ScaledDotProductAttention", "ScaledDotProduct", "ScaledAttention"),
    forward=forward, backward=backward, torch_forward=torch_forward,
    shapes="q: N L E, k: N S E, v: N S F, mask: L S -> N L F", minimum={"E": 2, "S": 2},
    variants=(
        Variant("q: (B H) L E, k: (B H) S E, v: (B H) S F -> (B H) L F", "heads as an axis"),
        Variant("q: L E, k: S E, v: S F -> L F", "one sequence"),
        Variant("mask: L S @onehot", "mask is 1 where a key is ignored", {"mask_is": "ignore"}),
        Variant("", "not scaled", {"scaled": False}),
    ),
    mistakes=(
        *(Mistake("scale-missing", wrong,
                  says="`{grad}` of the attention is not divided by sqrt(d), and the scores are",
                  help="s = q k^T / sqrt(d), so both dq and dk carry 1 / sqrt(d).",
                  says_ko="점수는 sqrt(d)로 나누는데 어텐션의 `{grad}`는 나누지 않았다",
                  help_ko="s = q k^T / sqrt(d)이므로 dq와 dk에 모두 1 / sqrt(d)가 붙는다.")
          for wrong in (scale_missing_for_q, scale_missing_for_k)),
        Mistake("scaled-twice", scaled_twice,
                says="`{grad}` of the attention is divided by sqrt(d) twice",
                help="Divide ds once, or dq and dk once each, but not both.",
                says_ko="어텐션의 `{grad}`를 sqrt(d)로 두 번 나누었다",
                help_ko="ds를 한 번 나누거나 dq와 dk를 한 번씩 나눈다. 둘 다 하지는 않는다."),
        Mistake("wrong-width", scaled_by_the_width_of_v,
                says="`{grad}` of the attention is divided by the root of another width than its scores",
                help="d is the width of the queries and keys, d = q.shape[-1], in both passes.",
                says_ko="어텐션의 `{grad}`를 점수와 다른 너비의 제곱근으로 나눈다",
                help_ko="d는 양쪽 모두 쿼리와 키의 너비 q.shape[-1]이다."),
        Mistake("diagonal-only", softmax_diagonal_only,
                says="`{grad}` of the attention takes a (1 - a) for the whole derivative of the softmax",
                help="Every weight depends on every score of its row: ds = a * (da - sum(da * a)).",
                says_ko="어텐션의 `{grad}`가 소프트맥스의 도함수를 a (1 - a)만으로 계산한다",
                help_ko="모든 가중치가 그 행의 모든 점수에 달려 있다: ds = a * (da - sum(da * a))."),
        Mistake("not-transposed-back", keys_not_transposed,
                says="`{grad}` of the attention is the gradient of the transposed keys",
                help="The scores are q k^T, so dk = ds^T q has the shape of k.",
                says_ko="어텐션의 `{grad}`가 전치된 키의 기울기이다",
                help_ko="점수가 q k^T이므로 dk = ds^T q이고 shape은 k와 같다."),
        Mistake("masked-after-softmax", masked_after_softmax, forward=masked_after_softmax_forward,
                says="the mask of the attention is added to the weights, after the softmax",
                help="Add the mask to the scores before the softmax, so that every row still sums to 1.",
                says_ko="어텐션의 마스크를 소프트맥스 뒤에 가중치에 더한다",
                help_ko="각 행의 합이 1이 되도록 소프트맥스 전에 점수에 더한다."),
    ),
)
# fmt: on
