"""ReLU.

    y  = max(x, 0)
    dx = dy where x > 0, else 0

Shapes: x and y agree. At x = 0 any value between 0 and dy is a subgradient; 0 is returned.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from reference_impls.spec import Array, Grads, LayerSpec, Mistake


def forward(x: Array) -> Array:
    return np.maximum(x, 0)


def backward(dy: Array, x: Array) -> Grads:
    return {"x": dy * (x > 0)}


def torch_forward(x: Any) -> Any:
    import torch

    return torch.nn.functional.relu(x)


def mask_from_upstream(dy: Array, x: Array) -> Grads:
    return {"x": dy * (dy > 0)}


def upstream_zeroed_in_place(dy: Array, x: Array) -> Grads:
    dy[x <= 0] = 0
    return {"x": dy}


def mask_of_another_call() -> Callable[[Array, Array], Grads]:
    masks: dict[tuple[int, ...], Array] = {}

    def backward(dy: Array, x: Array) -> Grads:
        return {"x": dy * masks.setdefault(x.shape, x > 0)}

    return backward


def mask_from_output(dy: Array, x: Array) -> Grads:
    y = np.maximum(x, 0)  # after an in-place ReLU only this is left
    return {"x": dy * (y >= 0)}


SPEC = LayerSpec(
    name="relu",
    korean="렐루",
    family="activations",
    forward=forward,
    backward=backward,
    torch_forward=torch_forward,
    shapes="x: N D -> N D",
    kinks=(0.0,),
    mistakes=(
        Mistake(
            "mask-from-upstream",
            mask_from_upstream,
            says="the ReLU mask is made from the sign of dy and not from the sign of x",
            help="ReLU is open where its input was positive: use the mask x > 0 of the forward.",
            says_ko="ReLU 마스크를 x가 아니라 dy의 부호로 만들었다",
            help_ko="ReLU는 입력이 양수였던 곳에서만 열리므로 순전파의 x > 0 마스크를 쓴다.",
        ),
        Mistake(
            "mutates-upstream",
            upstream_zeroed_in_place,
            says="the ReLU backward writes its zeros into the caller's dy",
            help="Another branch of the graph may still need dy; use `dy * (x > 0)`, which makes a new array.",
            says_ko="ReLU의 역전파가 호출한 쪽의 dy 배열에 0을 써넣는다",
            help_ko="그래프의 다른 가지가 dy를 쓸 수 있으므로 새 배열을 만드는 `dy * (x > 0)`을 쓴다.",
        ),
        Mistake(
            "stale-state",
            mask_of_another_call,
            stateful=True,
            says="the ReLU backward uses the mask of another call",
            help="Each backward needs the mask of its own forward; do not share one mask between calls or layers.",
            says_ko="ReLU의 역전파가 다른 호출의 마스크를 쓴다",
            help_ko="역전파에는 짝이 되는 순전파의 마스크가 필요하므로 호출이나 계층 사이에 마스크를 공유하지 않는다.",
        ),
        Mistake(
            "mask-from-output",
            mask_from_output,
            says="the ReLU mask tests the output with y >= 0, which is true everywhere",
            help="After an in-place ReLU the negative inputs are gone; keep the mask x > 0 before x is overwritten.",
            says_ko="ReLU 마스크가 출력에 y >= 0을 물어서 모든 곳이 참이다",
            help_ko="제자리 ReLU 뒤에는 음수 입력이 남지 않으므로 x를 덮어쓰기 전에 x > 0 마스크를 저장한다.",
        ),
    ),
)
