"""Clipping one by one: every entry, or every tensor, for itself. Both change the direction of the whole gradient.

    clip_value              g <- min(max(g, -c), c)  entry by entry              c = limit
    clip_norm_per_tensor    g <- g * min(1, c / (|g| + eps))                     |g| the norm of this one tensor

Option of the second: eps, 0 or 1e-6. In place, as the optimizer reads the same arrays.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from reference_impls.rules import CALLS, no_backward, over_calls, over_torch_calls
from reference_impls.spec import Array, LayerSpec, Mistake, Variant


def clip_value(grads: list[Array], limit: float) -> None:
    for g in grads:
        np.clip(g, -limit, limit, out=g)


def torch_clip_value(params: list[Any], limit: float) -> None:
    import torch

    torch.nn.utils.clip_grad_value_(params, limit)


def from_above_only(grads: list[Array], limit: float) -> None:
    for g in grads:
        np.minimum(g, limit, out=g)


def bounds_swapped(grads: list[Array], limit: float) -> None:
    for g in grads:
        np.clip(g, limit, -limit, out=g)


def size_only(grads: list[Array], limit: float) -> None:
    for g in grads:
        np.minimum(np.abs(g), limit, out=g)


def clip_norm_per_tensor(grads: list[Array], limit: float, eps: float = 0.0) -> None:
    for g in grads:
        g *= min(1.0, limit / (np.sqrt(np.sum(g**2)) + eps))


def torch_clip_norm_per_tensor(params: list[Any], limit: float, eps: float = 0.0) -> Any:
    import torch

    if eps != 1e-6:
        return False
    return [torch.nn.utils.clip_grad_norm_([p], limit) for p in params]


def one_norm_for_all(grads: list[Array], limit: float, eps: float = 0.0) -> None:
    n = np.sqrt(sum(np.sum(g**2) for g in grads))
    for g in grads:
        g *= min(1.0, limit / (n + eps))


def always_scaled(grads: list[Array], limit: float, eps: float = 0.0) -> None:
    for g in grads:
        g *= limit / (np.sqrt(np.sum(g**2)) + eps)


# fmt: off
SPECS = (
    LayerSpec(
        name="clip_value", korean="기울기 값 클리핑", kind="clip", family="clipping",
        aliases=("clip", "clip_values", "clip_grad_value", "clip_by_value", "clip_gradients_by_value"),
        forward=over_calls(clip_value), backward=no_backward, torch_forward=over_torch_calls(torch_clip_value),
        shapes=CALLS.replace("@wide", "@positive"),
        mistakes=(
            Mistake("one-sided", forward=over_calls(from_above_only),
                    says="only large positive gradients are clipped, large negative ones pass",
                    help="np.clip(g, -limit, limit, out=g)",
                    says_ko="큰 양수만 잘리고 큰 음수는 그대로 지나간다",
                    help_ko="np.clip(g, -limit, limit, out=g)로 쓴다"),
            Mistake("bounds-swapped", forward=over_calls(bounds_swapped),
                    says="the two bounds changed places, and every entry becomes -limit",
                    help="The lower bound comes first: np.clip(g, -limit, limit, out=g)",
                    says_ko="두 경계가 바뀌어 모든 성분이 -limit이 된다",
                    help_ko="아래쪽 경계를 먼저 쓴다. np.clip(g, -limit, limit, out=g)"),
            Mistake("sign-lost", forward=over_calls(size_only),
                    says="the clipped gradients have lost their sign",
                    help="np.clip(g, -limit, limit, out=g) keeps it; np.minimum(np.abs(g), limit) does not",
                    says_ko="잘린 기울기가 부호를 잃었다",
                    help_ko="np.clip(g, -limit, limit, out=g)는 부호를 지키지만 np.minimum(np.abs(g), limit)은 잃는다"),
        ),
    ),
    LayerSpec(
        name="clip_norm_per_tensor", korean="텐서별 노름 클리핑", kind="clip", family="clipping",
        aliases=("clip_norm", "clip_by_norm", "clip_grad_norm_per_tensor"),
        forward=over_calls(clip_norm_per_tensor), backward=no_backward,
        torch_forward=over_torch_calls(torch_clip_norm_per_tensor), shapes=CALLS,
        variants=(Variant(note="eps 1e-6 in the denominator", options={"eps": 1e-6}),),
        mistakes=(
            Mistake("norm-of-all", forward=over_calls(one_norm_for_all),
                    says="every tensor is scaled by the norm of all of them",
                    help="Take the norm of each gradient by itself, inside of the loop",
                    says_ko="텐서마다의 노름이 아니라 전체의 노름으로 줄인다",
                    help_ko="반복문 안에서 기울기마다 노름을 따로 구한다"),
            Mistake("scales-up", forward=over_calls(always_scaled),
                    says="gradients whose norm is below the limit are scaled up to it",
                    help="Scale only if the norm is above the limit",
                    says_ko="노름이 한계보다 작은 기울기까지 한계로 키운다",
                    help_ko="노름이 한계보다 클 때만 줄인다"),
        ),
    ),
)
# fmt: on
