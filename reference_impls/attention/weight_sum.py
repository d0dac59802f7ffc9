"""Dot-product attention, and the two steps it is made of.

    attention_weight    s = h hs^T       a = softmax(s), a number for each of the T vectors
                        ds = a (da - sum_t a da)        dh = ds hs        dhs = ds^T h
    weight_sum          c = a hs, the average of the vectors with these weights
                        da = dc hs^T                    dhs = a^T dc
    attention           c = weight_sum(hs, attention_weight(hs, h))
                        dh, and dhs from both steps: hs goes into the weights and into the sum

Shapes: hs (N, T, H), T vectors for each sample; h (N, U, H), U queries; s and a (N, U, T), c (N, U, H). With one query
the axis U is not there, as in the layers WeightSum, AttentionWeight and Attention of Deep Learning from Scratch 2; its
TimeAttention has all queries at once. The scores are not scaled; see sdpa.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from reference_impls.attention import softmax, softmax_backward
from reference_impls.spec import Array, Grads, LayerSpec, Mistake, Variant


def turned(a: Array) -> Array:
    return np.swapaxes(a, -1, -2)


def weight_sum(hs: Array, a: Array) -> Array:
    return a @ hs


def weight_sum_backward(dc: Array, hs: Array, a: Array) -> Grads:
    return {"hs": turned(a) @ dc, "a": dc @ turned(hs)}


def weight_sum_torch(hs: Any, a: Any) -> Any:
    return a @ hs


def attention_weight(hs: Array, h: Array) -> Array:
    return softmax(h @ turned(hs))


def attention_weight_backward(da: Array, hs: Array, h: Array) -> Grads:
    ds = softmax_backward(da, attention_weight(hs, h))
    return {"hs": turned(ds) @ h, "h": ds @ hs}


def attention_weight_torch(hs: Any, h: Any) -> Any:
    return (h @ hs.mT).softmax(-1)


def attention(hs: Array, h: Array) -> Array:
    return weight_sum(hs, attention_weight(hs, h))


def attention_backward(dc: Array, hs: Array, h: Array) -> Grads:
    of_sum = weight_sum_backward(dc, hs, attention_weight(hs, h))
    of_weight = attention_weight_backward(of_sum["a"], hs, h)
    return {"hs": of_sum["hs"] + of_weight["hs"], "h": of_weight["h"]}


def attention_torch(hs: Any, h: Any) -> Any:
    import torch

    return torch.nn.functional.scaled_dot_product_attention(h, hs, hs, scale=1.0)


def weights_left_out(dc: Array, hs: Array, a: Array) -> Grads:
    return weight_sum_backward(dc, hs, a) | {"hs": turned(np.ones_like(a)) @ dc}


def softmax_over_the_batch(da: Array, hs: Array, h: Array) -> Grads:
    a = attention_weight(hs, h)
    ds = a * (da - (da * a).sum(axis=0))
    return {"hs": turned(ds) @ h, "h": ds @ hs}


def softmax_diagonal_only(da: Array, hs: Array, h: Array) -> Grads:
    a = attention_weight(hs, h)
    ds = da * a * (1 - a)
    return {"hs": turned(ds) @ h, "h": ds @ hs}


def path_through_weights_dropped(dc: Array, hs: Array, h: Array) -> Grads:
    of_sum = weight_sum_backward(dc, hs, attention_weight(hs, h))
    return attention_backward(dc, hs, h) | {"hs": of_sum["hs"]}


def path_through_sum_dropped(dc: Array, hs: Array, h: Array) -> Grads:
    da = weight_sum_backward(dc, hs, attention_weight(hs, h))["a"]
    return attention_weight_backward(da, hs, h)


# fmt: off
SPECS = (
    LayerSpec(
        name="weight_sum", korean="가중합 계층 (WeightSum)", family="attention",
        forward=weight_sum, backward=weight_sum_backward, torch_forward=weight_sum_torch,
        shapes="hs: N T H, a: N U T -> N U H",
        variants=(Variant("a: N T -> N H", "one query"),), distinctive=False,
        mistakes=(
            Mistake("weights-left-out", weights_left_out,
                    says="`{grad}` of the weighted sum does not carry the weights a",
                    help="Each vector was multiplied by its weight, so its gradient is, too: dhs = a * dc.",
                    says_ko="가중합의 `{grad}`에 가중치 a를 곱하지 않았다",
                    help_ko="각 벡터에 가중치를 곱했으므로 그 기울기에도 곱한다: dhs = a * dc."),
        ),
    ),
    LayerSpec(
        name="attention_weight", korean="어텐션 가중치 계층 (AttentionWeight)", family="attention",
        forward=attention_weight, backward=attention_weight_backward, torch_forward=attention_weight_torch,
        shapes="hs: N T H, h: N U H -> N U T", minimum={"T": 2},
        variants=(Variant("h: N H -> N T", "one query"),),
        mistakes=(
            Mistake("wrong-axis", softmax_over_the_batch,
                    says="`{grad}` of the attention weights sums in the softmax over the samples, not over the steps",
                    help="Each sample has a softmax over its own T scores: sum da * a over the last axis.",
                    says_ko="어텐션 가중치의 `{grad}`가 소프트맥스에서 시각이 아니라 샘플에 대해 더한다",
                    help_ko="샘플마다 T개의 점수에 소프트맥스가 하나이므로 da * a를 마지막 축으로 더한다."),
            Mistake("diagonal-only", softmax_diagonal_only,
                    says="`{grad}` of the attention weights takes a (1 - a) for the whole derivative of the softmax",
                    help="Every weight depends on every score: ds = a * (da - sum(da * a)).",
                    says_ko="어텐션 가중치의 `{grad}`가 소프트맥스의 도함수를 a (1 - a)만으로 계산한다",
                    help_ko="모든 가중치가 모든 점수에 달려 있다: ds = a * (da - sum(da * a))."),
        ),
    ),
    LayerSpec(
        name="attention", korean="어텐션 계층 (Attention)", family="attention",
        aliases=("TimeAttention", "DotProductAttention"),
        forward=attention, backward=attention_backward, torch_forward=attention_torch,
        shapes="hs: N T H, h: N U H -> N U H", minimum={"T": 2},
        variants=(Variant("h: N H -> N H", "one query"),),
        mistakes=(
            *(Mistake("path-dropped", wrong,
                      says=f"`{{grad}}` of the attention comes from the {which} alone: one of its two paths is missing",
                      help="hs goes into the weights and into the sum, so its gradients add up: dhs = dhs0 + dhs1.",
                      says_ko=f"어텐션의 `{{grad}}`에 두 경로 가운데 하나가 빠져 있다: {korean}에서 온 것뿐이다",
                      help_ko="hs는 가중치와 합 두 곳에 들어가므로 기울기를 더한다: dhs = dhs0 + dhs1.")
              for wrong, which, korean in ((path_through_weights_dropped, "weighted sum", "가중합"),
                                           (path_through_sum_dropped, "attention weights", "어텐션 가중치"))),
        ),
    ),
)
# fmt: on
