"""PReLU, a leaky ReLU whose slope is learned, one for each channel or one for all.

    y  = x  where x > 0, else a_c x
    dx = dy where x > 0, else a_c dy         da_c = sum over n and h of dy min(x, 0)

Shapes: x and y (N, C, H), channels on axis 1, and H all the places of an image; a (C,). Every place of every sample
shares the slope of its channel, so da adds up over both; with shared=True a is one number, and da adds up over all.
At x = 0 any value between a_c dy and dy is a subgradient; a_c dy is returned.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from reference_impls.spec import Array, Grads, LayerSpec, Mistake, Variant


def forward(x: Array, a: Array, shared: bool = False) -> Array:
    return np.where(x > 0, x, a[:, None] * x)


def backward(dy: Array, x: Array, a: Array, shared: bool = False) -> Grads:
    da = (dy * np.minimum(x, 0)).sum(axis=(0, 2))
    return {"x": dy * np.where(x > 0, 1, a[:, None]), "a": da.sum(keepdims=True) if shared else da}


def torch_forward(x: Any, a: Any, shared: bool = False) -> Any:
    import torch

    return torch.nn.functional.prelu(x, a)


def not_summed_over_batch_and_places(dy: Array, x: Array, a: Array, shared: bool = False) -> Grads:
    return backward(dy, x, a, shared) | {"a": dy * np.minimum(x, 0)}


def summed_over_batch_only(dy: Array, x: Array, a: Array, shared: bool = False) -> Grads:
    return backward(dy, x, a, shared) | {"a": (dy * np.minimum(x, 0)).sum(axis=0)}


def summed_over_channels_too(dy: Array, x: Array, a: Array, shared: bool = False) -> Grads:
    return backward(dy, x, a, shared) | {"a": np.full_like(a, np.sum(dy * np.minimum(x, 0)))}


def channels_taken_to_be_last(dy: Array, x: Array, a: Array, shared: bool = False) -> Grads:
    return backward(dy, x, a, shared) | {"a": (dy * np.minimum(x, 0)).sum(axis=(0, 1))}


def positive_side_counted(dy: Array, x: Array, a: Array, shared: bool = False) -> Grads:
    return backward(dy, x, a, shared) | {"a": (dy * x).sum(axis=(0, 2))}


# fmt: off
SPEC = LayerSpec(
    name="prelu", korean="피렐루", family="activations", aliases=("ParametricReLU", "LearnableReLU"),
    forward=forward, backward=backward, torch_forward=torch_forward,
    shapes="x: N C H; a: C -> N C H", kinks=(0.0,),
    variants=(
        Variant("x: N C (I J) -> N C (I J)", "images"),
        Variant("a: 1", "one slope for all", {"shared": True}, incidental=True),  # a * x runs with any of these
        Variant("x: N C -> N C", "features", incidental=True),
        Variant("x: N (I J) C -> N (I J) C", "images, channels last", incidental=True),
    ),
    mistakes=(
        *(Mistake("not-summed", wrong,
                  says="`{grad}` of PReLU is not summed over the batch and the places of the image",
                  help="All of them share the slope of their channel: sum over every axis but that of the channels.",
                  says_ko="PReLU의 `{grad}`를 배치와 이미지의 위치에 대해 더하지 않았다",
                  help_ko="모두가 채널의 계수 하나를 함께 쓰므로 채널 축을 뺀 모든 축으로 더한다.")
          for wrong in (not_summed_over_batch_and_places, summed_over_batch_only)),
        Mistake("summed-over-channels", summed_over_channels_too,
                says="`{grad}` of PReLU is summed over the channels, too, though each has a slope of its own",
                help="Sum over the batch and the places only: sum(axis=(0, 2, 3)) for images.",
                says_ko="채널마다 계수가 따로 있는데 PReLU의 `{grad}`를 채널 축으로도 더했다",
                help_ko="배치와 위치로만 더한다: 이미지라면 sum(axis=(0, 2, 3))이다."),
        Mistake("wrong-axis", channels_taken_to_be_last,
                says="`{grad}` of PReLU keeps the last axis, and the channels are axis 1",
                help="Sum over axis 0 and everything behind axis 1.",
                says_ko="채널은 1번 축인데 PReLU의 `{grad}`에 마지막 축이 남아 있다",
                help_ko="0번 축과 1번 축 뒤의 모든 축으로 더한다."),
        Mistake("mask-missing", positive_side_counted,
                says="`{grad}` of PReLU counts the positive inputs, which the slope does not touch",
                help="Only negative inputs are multiplied by a: sum dy * np.minimum(x, 0).",
                says_ko="PReLU의 `{grad}`에 계수와 상관없는 양수 입력까지 들어 있다",
                help_ko="a는 음수 입력에만 곱해지므로 dy * np.minimum(x, 0)을 더한다."),
    ),
)
# fmt: on
