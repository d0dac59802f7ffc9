"""SELU, the self-normalising linear unit: an ELU times a scale.

    y  = scale * x  where x > 0, else scale * alpha (exp(x) - 1)
    dx = scale * dy where x > 0, else dy * scale * alpha exp(x)

Shapes: x and y agree. The two constants are those for which mean 0 and variance 1 pass through a layer unchanged
(Klambauer et al. 2017). At x = 0 there is a kink: anything between scale * dy and scale * alpha * dy is a subgradient;
the latter is returned.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from reference_impls.spec import Array, Grads, LayerSpec, Mistake, Variant

SCALE, ALPHA = 1.0507009873554805, 1.6732632423543772
ROUNDED = {"scale": 1.0507, "alpha": 1.6733}


def forward(x: Array, scale: float = SCALE, alpha: float = ALPHA) -> Array:
    return scale * np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0)))  # np.where computes both sides


def backward(dy: Array, x: Array, scale: float = SCALE, alpha: float = ALPHA) -> Grads:
    return {"x": dy * scale * np.where(x > 0, 1, alpha * np.exp(np.minimum(x, 0)))}


def torch_forward(x: Any, scale: float = SCALE, alpha: float = ALPHA) -> Any:
    import torch.nn.functional as F

    return F.selu(x) if (scale, alpha) == (SCALE, ALPHA) else scale * F.elu(x, alpha)


def scale_dropped_on_the_right(dy: Array, x: Array, scale: float = SCALE, alpha: float = ALPHA) -> Grads:
    return {"x": np.where(x > 0, dy, backward(dy, x, scale, alpha)["x"])}


def scale_dropped_on_the_left(dy: Array, x: Array, scale: float = SCALE, alpha: float = ALPHA) -> Grads:
    return {"x": np.where(x > 0, scale * dy, backward(dy, x, 1.0, alpha)["x"])}


def rounded_in_backward(dy: Array, x: Array, scale: float = SCALE, alpha: float = ALPHA) -> Grads:
    return backward(dy, x, **ROUNDED)


# fmt: off
SPEC = LayerSpec(
    name="selu", korean="셀루", family="activations", aliases=("ScaledELU", "ScaledExponentialLinearUnit"),
    forward=forward, backward=backward, torch_forward=torch_forward,
    shapes="x: N D -> N D", kinks=(0.0,),
    variants=tuple(Variant(note=f"constants rounded to {s} and {a}", options={"scale": s, "alpha": a})
                   for s, a in (tuple(ROUNDED.values()), (1.0507, 1.67326), (1.05070098, 1.67326324))),
    mistakes=(
        *(Mistake("scale-missing", wrong,
                  says=f"`{{grad}}` of SELU lacks the scale where x is {side}",
                  help="The scale 1.0507 stands before both branches of the forward, and so of the slope.",
                  says_ko=f"x가 {side_ko}인 곳에서 SELU의 `{{grad}}`에 scale이 빠져 있다",
                  help_ko="scale 1.0507은 순전파의 두 갈래 모두에 곱해지므로 기울기에도 모두 곱한다.")
          for wrong, side, side_ko in ((scale_dropped_on_the_right, "positive", "양수"),
                                       (scale_dropped_on_the_left, "negative", "음수"))),
        Mistake("constant-differs", rounded_in_backward,
                says="the SELU backward has its constants rounded, and the forward has not",
                help="Keep scale and alpha in one place, with all of their digits.",
                says_ko="SELU의 순전파와 달리 역전파의 상수는 반올림되어 있다",
                help_ko="scale과 alpha는 모든 자릿수를 그대로 한 곳에만 둔다."),
    ),
)
# fmt: on
