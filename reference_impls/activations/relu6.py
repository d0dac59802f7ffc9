"""ReLU6, a ReLU that is cut off at 6.

    y  = min(max(x, 0), high)                with high = 6
    dx = dy where 0 < x < high, else 0

Shapes: x and y agree. `high` is a constant of the layer; other caps are found under the name of clipped ReLU. At x = 0
and at x = high any value between 0 and dy is a subgradient; 0 is returned.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from reference_impls.spec import Array, Grads, Kink, LayerSpec, Mistake, Variant


def forward(x: Array, high: float = 6.0) -> Array:
    return np.clip(x, 0, high)


def backward(dy: Array, x: Array, high: float = 6.0) -> Grads:
    return {"x": dy * ((x > 0) & (x < high))}


def torch_forward(x: Any, high: float = 6.0) -> Any:
    import torch.nn.functional as F

    return F.relu6(x) if high == 6 else F.hardtanh(x, 0.0, high)


def cut(rng: np.random.Generator, x: Array, high: float = 6.0) -> Kink:
    index = tuple(int(rng.integers(size)) for size in x.shape)
    moved = x.copy()
    moved[index] = high
    return Kink(f"x = {high:g}", {"x": moved}, (("x", index),))


def cut_forgotten(dy: Array, x: Array, high: float = 6.0) -> Grads:
    return {"x": dy * (x > 0)}


def zero_forgotten(dy: Array, x: Array, high: float = 6.0) -> Grads:
    return {"x": dy * (x < high)}


# fmt: off
SPEC = LayerSpec(
    name="relu6", korean="렐루6", family="activations", aliases=("ClippedReLU", "CappedReLU", "BoundedReLU"),
    forward=forward, backward=backward, torch_forward=torch_forward,
    shapes="x: N D -> N D", kinks=(0.0, cut),
    variants=(
        Variant(note="cut off at 1", options={"high": 1.0}),
        Variant(note="cut off at 0.5", options={"high": 0.5}),
    ),
    mistakes=(
        Mistake("gradient-of-clipped", cut_forgotten, variant="cut off at 1",
                says="`{grad}` of the capped ReLU passes the gradient above the cap",
                help="The output stands still there: the mask is (0 < x) & (x < 6), not x > 0 alone.",
                says_ko="상한이 있는 ReLU의 `{grad}`가 상한 위에서도 기울기를 흘려보낸다",
                help_ko="그곳에서는 출력이 변하지 않으므로 x > 0만이 아니라 (0 < x) & (x < 6)을 마스크로 쓴다."),
        Mistake("gradient-of-negative", zero_forgotten,
                says="`{grad}` of the capped ReLU passes the gradient of negative inputs",
                help="Both ends close the gate: the mask is (0 < x) & (x < 6).",
                says_ko="상한이 있는 ReLU의 `{grad}`가 음수 입력의 기울기를 흘려보낸다",
                help_ko="양쪽 끝에서 모두 막아야 하므로 마스크는 (0 < x) & (x < 6)이다."),
    ),
)
# fmt: on
