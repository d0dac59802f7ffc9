"""Powers with a constant exponent: x^c, the square root and the reciprocal.

    y  = x^c                  y  = sqrt(x + eps)       y  = 1 / x
    dx = dy * c x^(c - 1)     dx = dy / (2 y)          dx = -dy / x^2 = -dy * y^2

Shapes: x and y agree. c, a number and no array, has no gradient; unless it is a whole number x has to be positive.
The root's eps, 0 if nobody adds one, keeps its slope finite at x = 0 and stands in both passes.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from reference_impls.normalization import own_eps
from reference_impls.spec import Array, Grads, LayerSpec, Mistake, Variant


def power(x: Array, c: float = 3.0) -> Array:
    return np.asarray(x**c)


def power_backward(dy: Array, x: Array, c: float = 3.0) -> Grads:
    return {"x": dy * c * x ** (c - 1)}


def power_torch(x: Any, c: float = 3.0) -> Any:
    return x.pow(c)


def exponent_not_lowered(dy: Array, x: Array, c: float = 3.0) -> Grads:
    return {"x": dy * c * x**c}


def exponent_dropped(dy: Array, x: Array, c: float = 3.0) -> Grads:
    return {"x": dy * x ** (c - 1)}


def root(x: Array, eps: float = 0.0) -> Array:
    return np.sqrt(x + eps)


def root_backward(dy: Array, x: Array, eps: float = 0.0) -> Grads:
    return {"x": dy / (2 * root(x, eps))}


def root_torch(x: Any, eps: float = 0.0) -> Any:
    return (x + eps).sqrt()


def inside(y: Array, x: Array, eps: float = 0.0) -> dict[str, float]:
    """The eps that a forward has under the root."""
    return {"eps": own_eps(x, y, eps)}


def half_dropped(dy: Array, x: Array, eps: float = 0.0) -> Grads:
    return {"x": dy / root(x, eps)}


def eps_in_forward_only(dy: Array, x: Array, eps: float = 0.0) -> Grads:
    return root_backward(dy, x)


def reciprocal(x: Array) -> Array:
    return np.asarray(1 / x)


def reciprocal_backward(dy: Array, x: Array) -> Grads:
    return {"x": -dy / x**2}


def reciprocal_torch(x: Any) -> Any:
    return x.reciprocal()


def reciprocal_not_squared(dy: Array, x: Array) -> Grads:
    return {"x": -dy / x}


def minus_dropped(dy: Array, x: Array) -> Grads:
    return {"x": dy / x**2}


# fmt: off
POWER = LayerSpec(
    name="pow_scalar", korean="거듭제곱", family="ops", distinctive=False,
    aliases=("Pow", "Power", "PowerScalar", "pow_const"),
    forward=power, backward=power_backward, torch_forward=power_torch,
    shapes="x: N D -> N D",
    variants=(
        Variant("x: ->", "scalar node"),
        Variant(note="square", options={"c": 2.0}),
        *(Variant("x: N D @positive", f"exponent {c:g}", {"c": c}) for c in (2.5, 0.5, -1.0, -2.0)),
    ),
    mistakes=(
        Mistake("exponent-not-lowered", exponent_not_lowered,
                says="`{grad}` of the power keeps the exponent c: c x^c for c x^(c - 1)",
                help="The derivative of x^c is c x^(c - 1): the exponent falls by one.",
                says_ko="거듭제곱의 `{grad}`에서 지수가 그대로이다: c x^(c - 1)이 아니라 c x^c이다",
                help_ko="x^c의 도함수는 c x^(c - 1)이므로 지수를 하나 줄인다."),
        Mistake("missing-factor", exponent_dropped,
                says="`{grad}` of the power lacks the factor c",
                help="The derivative of x^c is c x^(c - 1): the exponent comes down as a factor.",
                says_ko="거듭제곱의 `{grad}`에 계수 c가 빠졌다",
                help_ko="x^c의 도함수는 c x^(c - 1)이므로 지수를 계수로 곱한다."),
    ),
)
ROOT = LayerSpec(
    name="sqrt", korean="제곱근", family="ops", aliases=("SquareRoot", "Root", "제곱근"),
    forward=root, backward=root_backward, torch_forward=root_torch, inside=inside,
    shapes="x: N D @positive -> N D",
    variants=(
        Variant("x: @positive ->", "scalar node"),
        *(Variant(note=f"{eps:g} added under the root", options={"eps": eps}) for eps in (1e-5, 1e-3)),
    ),
    mistakes=(
        Mistake("factor-two", half_dropped,
                says="`{grad}` of the square root lacks the factor 1/2",
                help="The derivative of sqrt(x) is 1 / (2 sqrt(x)): return dy / (2 * y).",
                says_ko="제곱근의 `{grad}`에 계수 1/2이 빠졌다",
                help_ko="sqrt(x)의 도함수는 1 / (2 sqrt(x))이므로 dy / (2 * y)를 돌려준다."),
        Mistake("guard-in-one-pass", eps_in_forward_only, variant="1e-05 added under the root",
                says="the forward adds eps under the root and `{grad}` is that of the root without it",
                help="Save the output y = sqrt(x + eps) and return dy / (2 * y): then eps stands in both passes.",
                says_ko="순전파는 근호 안에 eps를 더하는데 `{grad}`는 eps가 없는 제곱근의 기울기이다",
                help_ko="출력 y = sqrt(x + eps)를 저장해 dy / (2 * y)를 돌려주면 양쪽에 eps가 들어간다."),
    ),
)
RECIPROCAL = LayerSpec(
    name="reciprocal", korean="역수", family="ops", aliases=("Inv", "Inverse", "Recip", "OneOver", "역수"),
    forward=reciprocal, backward=reciprocal_backward, torch_forward=reciprocal_torch,
    shapes="x: N D @positive -> N D",
    variants=(Variant("x: @positive ->", "scalar node"),),
    mistakes=(
        Mistake("denominator-not-squared", reciprocal_not_squared,
                says="`{grad}` of the reciprocal is -dy / x, which is -dy * y; the square is missing",
                help="The derivative of 1 / x is -1 / x^2: return -dy / x**2, or -dy * y**2 with the output y.",
                says_ko="역수의 `{grad}`가 -dy / x, 곧 -dy * y이다: 제곱이 빠졌다",
                help_ko="1 / x의 도함수는 -1 / x^2이므로 -dy / x**2나, 출력 y로 -dy * y**2를 돌려준다."),
        Mistake("wrong-sign", minus_dropped,
                says="`{grad}` of the reciprocal lacks the minus",
                help="1 / x falls as x grows: the derivative is -1 / x^2.",
                says_ko="역수의 `{grad}`에 음수 부호가 빠졌다",
                help_ko="x가 커지면 1 / x는 작아지므로 도함수는 -1 / x^2이다."),
    ),
)
# fmt: on
SPECS = (POWER, ROOT, RECIPROCAL)
