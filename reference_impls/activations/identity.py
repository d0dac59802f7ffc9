"""Identity.

    y  = x
    dx = dy

Shapes: x and y agree. The gradient keeps the precision of x.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from reference_impls.spec import Array, Grads, LayerSpec, Mistake


def forward(x: Array) -> Array:
    return x.copy()


def backward(dy: Array, x: Array) -> Grads:
    return {"x": dy.copy()}


def torch_forward(x: Any) -> Any:
    return x.clone()


def upstream_array_returned(dy: Array, x: Array) -> Grads:
    return {"x": dy}


def cast_to_single(dy: Array, x: Array) -> Grads:
    return {"x": dy.astype(np.float32)}


SPEC = LayerSpec(
    name="identity",
    aliases=("LinearActivation", "ActivationLinear", "IdentityFunction", "Copy", "cast"),
    korean="항등함수",
    family="activations",
    distinctive=False,
    forward=forward,
    backward=backward,
    torch_forward=torch_forward,
    shapes="x: N D -> N D",
    mistakes=(
        Mistake(
            "aliased-gradients",
            upstream_array_returned,
            says="the identity returns the upstream array itself as `{grad}`",
            help="A later in-place change of `{grad}` would change the caller's dy too; return `dy.copy()`.",
            says_ko="항등함수가 상류 기울기 배열 자체를 `{grad}`로 돌려준다",
            help_ko="나중에 `{grad}`를 제자리에서 바꾸면 호출한 쪽의 dy도 바뀌므로 `dy.copy()`를 돌려준다.",
        ),
        Mistake(
            "dtype-changed",
            cast_to_single,
            says="`{grad}` of the identity is float32 although x is float64",
            help="The cast rounds the gradient after seven digits; give `{grad}` the dtype of x.",
            says_ko="x는 float64인데 항등함수의 `{grad}`는 float32이다",
            help_ko="형 변환으로 유효 숫자가 일곱 자리로 줄어드니 `{grad}`를 x의 dtype으로 돌려준다.",
        ),
    ),
)
