"""Dropout as first published: a mask in training, and a scale at test time to make up for it.

    training:  y = x m              dx = dy m
    test:      y = x (1 - p)        dx = dy (1 - p)

Shapes: x, y and the mask m agree. m is 0 where an entry is dropped, which happens with probability p, else 1; it is an
input here. With keep=True p is the probability to keep, and the scale at test time is p.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from reference_impls.spec import Array, Grads, LayerSpec, Mistake, Variant


def forward(x: Array, mask: Array, p: float = 0.4, keep: bool = False, training: bool = True) -> Array:
    return x * mask if training else x * (p if keep else 1 - p)


def backward(dy: Array, x: Array, mask: Array, p: float = 0.4, keep: bool = False, training: bool = True) -> Grads:
    return {"x": dy * mask if training else dy * (p if keep else 1 - p)}


def torch_forward(x: Any, mask: Any, p: float = 0.4, keep: bool = False, training: bool = True) -> Any:
    return x * mask if training else x * (p if keep else 1 - p)


def inside(y: Array, x: Array, mask: Any, **options: Any) -> dict[str, Any]:
    """The mask that a forward has drawn."""
    return {"mask": 1.0 * (y != 0)}


def scale_of_inverted_dropout(dy: Array, x: Array, mask: Array, p: float = 0.4, **options: Any) -> Grads:
    return {"x": dy * mask / (1 - p)}


def scale_of_inverted_dropout_by_p(dy: Array, x: Array, mask: Array, p: float = 0.4, **options: Any) -> Grads:
    return {"x": dy * mask / p}  # a forward without a scale does not tell what p means


def scale_of_test_time(dy: Array, x: Array, mask: Array, p: float = 0.4, keep: bool = False) -> Grads:
    return {"x": dy * mask * (p if keep else 1 - p)}


def mask_missing(dy: Array, x: Array, mask: Array, **options: Any) -> Grads:
    return {"x": dy * 1.0}


def mask_inverted(dy: Array, x: Array, mask: Array, **options: Any) -> Grads:
    return {"x": dy * (1 - mask)}


def mask_drawn_again(dy: Array, x: Array, mask: Array, p: float = 0.4, keep: bool = False) -> Grads:
    return {"x": dy * (np.random.random(mask.shape) < (p if keep else 1 - p))}


def scale_missing_at_test(dy: Array, x: Array, mask: Array, training: bool = True, **options: Any) -> Grads:
    return {"x": dy * mask if training else dy * 1.0}


def mask_at_test_time(dy: Array, x: Array, mask: Array, **options: Any) -> Grads:
    return {"x": dy * mask}


# fmt: off
SPEC = LayerSpec(
    name="dropout_standard", korean="드롭아웃 (테스트 때 배율을 곱하는 방식)", family="stochastic", distinctive=False,
    aliases=("Dropout", "vanilla_dropout", "standard_dropout"),  # one name, two layers: the forward tells which
    forward=forward, backward=backward, torch_forward=torch_forward, inside=inside,
    shapes="x: N D, mask: N D @binary -> N D",
    variants=(
        Variant("mask: -", "draws its mask"),
        Variant(note="at test time", options={"training": False}),
        Variant(note="at test time, p is the probability to keep", options={"training": False, "keep": True}),
    ),
    mistakes=(
        *(Mistake("scale-not-in-forward", wrong,
                  says="`{grad}` of dropout is divided by the probability to keep, which its forward does not do",
                  help="That scale belongs to inverted dropout; here the training forward is x * mask: dout * mask.",
                  says_ko="순전파에서는 나누지 않는데 드롭아웃의 `{grad}`만 남길 확률로 나눈다",
                  help_ko="그 배율은 역 드롭아웃의 것이다. 여기서는 학습 때 x * mask이므로 dout * mask이다.")
          for wrong in (scale_of_inverted_dropout, scale_of_inverted_dropout_by_p)),
        Mistake("test-scale-in-training", scale_of_test_time,
                says="`{grad}` of dropout has the scale of test time in training",
                help="In training the forward is x * mask, without a scale: dout * mask.",
                says_ko="드롭아웃의 학습 때 `{grad}`에 테스트 때의 배율이 들어 있다",
                help_ko="학습 때의 순전파는 배율이 없는 x * mask이므로 dout * mask이다."),
        Mistake("test-scale-missing", scale_missing_at_test, variant="at test time",
                says="`{grad}` of dropout lacks the scale 1 - p of the forward at test time",
                help="At test time the forward is x * (1 - p), so the gradient is dout * (1 - p).",
                says_ko="테스트 때 순전파의 배율 1 - p가 드롭아웃의 `{grad}`에는 빠져 있다",
                help_ko="테스트 때의 순전파가 x * (1 - p)이므로 기울기는 dout * (1 - p)이다."),
        Mistake("mask-missing", mask_missing,
                says="`{grad}` of dropout is not masked: dropped entries get a gradient, too",
                help="What was dropped did not move the output: multiply by the mask of the forward.",
                says_ko="드롭아웃의 `{grad}`에 마스크가 없어서 버린 원소도 기울기를 받는다",
                help_ko="버린 원소는 출력을 움직이지 않으므로 순전파의 마스크를 곱한다."),
        Mistake("mask-inverted", mask_inverted,
                says="`{grad}` of dropout goes to the entries that were dropped: the mask is inverted",
                help="Use the mask of the forward as it is: 1 where the entry was kept.",
                says_ko="드롭아웃의 `{grad}`가 버린 원소로 간다: 마스크가 뒤집혔다",
                help_ko="남긴 원소가 1인 순전파의 마스크를 그대로 쓴다."),
        Mistake("mask-drawn-again", mask_drawn_again, any_draw=True,
                says="`{grad}` of dropout is masked by a mask that the backward draws anew",
                help="Keep the mask of the forward, self.mask, and use that one: other entries were dropped.",
                says_ko="드롭아웃의 역전파가 마스크를 새로 뽑아서 `{grad}`에 곱한다",
                help_ko="버린 원소가 달라지므로 순전파에서 뽑은 마스크를 self.mask에 저장해 그대로 쓴다."),
        Mistake("mask-at-test-time", mask_at_test_time, variant="at test time",
                says="`{grad}` of dropout is masked at test time, when the forward only scales",
                help="Look at the mode in both passes: at test time the gradient is dout * (1 - p).",
                says_ko="테스트 때는 순전파가 배율만 곱하는데 드롭아웃의 `{grad}`에 마스크를 곱한다",
                help_ko="양쪽에서 모드를 확인한다. 테스트 때의 기울기는 dout * (1 - p)이다."),
    ),
)
# fmt: on
