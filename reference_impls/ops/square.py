"""Square node.

    y  = x^2
    dx = dy * 2 x

Shapes: x and y agree.
"""

from __future__ import annotations

from typing import Any

from reference_impls.spec import Array, Grads, LayerSpec, Mistake, Variant


def forward(x: Array) -> Array:
    return x**2


def backward(dy: Array, x: Array) -> Grads:
    return {"x": dy * 2 * x}


def torch_forward(x: Any) -> Any:
    import torch

    return torch.square(x)


def two_dropped(dy: Array, x: Array) -> Grads:
    return {"x": dy * x}


def derivative_at_output(dy: Array, x: Array) -> Grads:
    return {"x": dy * 2 * x**2}


def upstream_ignored(dy: Array, x: Array) -> Grads:
    return {"x": 2 * x}


SPEC = LayerSpec(
    name="square",
    korean="제곱 노드",
    family="ops",
    forward=forward,
    backward=backward,
    torch_forward=torch_forward,
    shapes="x: N D -> N D",
    variants=(Variant("x: -> ", "scalar node"),),
    mistakes=(
        Mistake(
            "factor-half",
            two_dropped,
            says="`{grad}` of the square lacks the factor 2",
            help="The derivative of x^2 is 2x: the exponent comes down as a factor.",
            says_ko="제곱의 `{grad}`에 계수 2가 빠졌다",
            help_ko="x^2의 도함수는 2x이므로 지수 2를 계수로 곱해야 한다.",
        ),
        Mistake(
            "local-derivative-at-output",
            derivative_at_output,
            says="the derivative 2x of the square is taken at the output x^2 and not at the input x",
            help="Save the input in the forward and use it in the backward: dx = dy * 2 * x.",
            says_ko="제곱의 도함수 2x를 입력 x가 아니라 출력 x^2에서 계산했다",
            help_ko="순전파에서 입력을 저장해 두고 역전파에서 dx = dy * 2 * x로 쓴다.",
        ),
        Mistake(
            "upstream-ignored",
            upstream_ignored,
            says="the square node returns 2x without the upstream gradient",
            help="The chain rule multiplies the local derivative 2x by dy.",
            says_ko="제곱 노드가 상류 기울기를 곱하지 않고 2x만 돌려준다",
            help_ko="연쇄법칙에 따라 국소 미분 2x에 dy를 곱해야 한다.",
        ),
    ),
)
