"""Clip by the global norm: all gradients become shorter together, and keep their direction.

    n = sqrt(sum of the squares of all entries of all gradients)
    g <- g * min(1, c / (n + eps))                   c = limit

Option: eps, 1e-6 in torch and the book, 0 elsewhere (c / n). In place, as the optimizer reads the same arrays.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from reference_impls.rules import CALLS, no_backward, over_calls, over_torch_calls
from reference_impls.spec import Array, LayerSpec, Mistake, Variant


def clip(grads: list[Array], limit: float, eps: float = 1e-6) -> None:
    n = np.sqrt(sum(np.sum(g**2) for g in grads))
    for g in grads:
        g *= min(1.0, limit / (n + eps))


def torch_clip(params: list[Any], limit: float, eps: float = 1e-6) -> Any:
    import torch

    return torch.nn.utils.clip_grad_norm_(params, limit) if eps == 1e-6 else False


def each_by_its_own_norm(grads: list[Array], limit: float, eps: float = 1e-6) -> None:
    for g in grads:
        clip([g], limit, eps)


def always_scaled(grads: list[Array], limit: float, eps: float = 1e-6) -> None:
    n = np.sqrt(sum(np.sum(g**2) for g in grads))
    for g in grads:
        g *= limit / (n + eps)


def root_forgotten(grads: list[Array], limit: float, eps: float = 1e-6) -> None:
    n = sum(np.sum(g**2) for g in grads)
    for g in grads:
        g *= min(1.0, limit / (n + eps))


def norms_added(grads: list[Array], limit: float, eps: float = 1e-6) -> None:
    n = sum(np.sqrt(np.sum(g**2)) for g in grads)
    for g in grads:
        g *= min(1.0, limit / (n + eps))


def scaled_to_one(grads: list[Array], limit: float, eps: float = 1e-6) -> None:
    n = np.sqrt(sum(np.sum(g**2) for g in grads))
    for g in grads:
        g *= 1 / (n + eps) if n > limit else 1.0


# fmt: off
SPEC = LayerSpec(
    name="clip_global_norm", korean="기울기 노름 클리핑", kind="clip", family="clipping",
    aliases=("clip_grads", "clip_grad_norm", "clip_grad_norm_", "clip_gradients", "ClipGrad", "clip_by_global_norm",
             "gradient_clipping", "clip_gradient", "기울기_클리핑"),
    forward=over_calls(clip), backward=no_backward, torch_forward=over_torch_calls(torch_clip), shapes=CALLS,
    variants=(Variant(note="no eps, limit / norm", options={"eps": 0.0}),),
    mistakes=(
        Mistake("norm-per-tensor", forward=over_calls(each_by_its_own_norm),
                says="every tensor is clipped by its own norm, which changes the direction of the whole gradient",
                help="Add the squares of all tensors first, and scale all of them by one rate",
                says_ko="텐서마다 자기 노름으로 잘라서 전체 기울기의 방향이 바뀐다",
                help_ko="먼저 모든 텐서의 제곱을 더하고, 모두 같은 비율로 줄인다"),
        Mistake("scales-up", forward=over_calls(always_scaled),
                says="gradients whose norm is below the limit are scaled up to it",
                help="Scale only if the rate is below 1: min(1, max_norm / norm)",
                says_ko="노름이 한계보다 작은 기울기까지 한계로 키운다",
                help_ko="비율이 1보다 작을 때만 곱한다. min(1, max_norm / norm)"),
        Mistake("root-missing", forward=over_calls(root_forgotten),
                says="the norm is the sum of the squares, without the square root",
                help="norm = np.sqrt(sum of all squares)",
                says_ko="제곱근을 취하지 않아서 노름이 제곱의 합이다",
                help_ko="norm = np.sqrt(모든 제곱의 합)으로 구한다"),
        Mistake("norms-added", forward=over_calls(norms_added),
                says="the norms of the tensors are added: the global norm is the root of the sum of all squares",
                help="Add the squares of all entries, and take one root at the end",
                says_ko="텐서들의 노름을 더했는데, 전체 노름은 모든 제곱의 합의 제곱근이다",
                help_ko="모든 성분의 제곱을 더하고 마지막에 제곱근을 한 번만 취한다"),
        Mistake("wrong-limit", forward=over_calls(scaled_to_one),
                says="gradients above the limit are scaled to the norm 1, not to the limit",
                help="Multiply by max_norm / norm",
                says_ko="한계를 넘는 기울기를 한계가 아니라 노름 1로 줄인다",
                help_ko="max_norm / norm을 곱한다"),
    ),
)
# fmt: on
