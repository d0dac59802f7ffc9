"""Exponential and natural logarithm, each the inverse of the other.

    y  = exp(x)            y  = log(x)
    dx = dy * y            dx = dy / x

Shapes: x and y agree. exp is its own derivative, so its backward needs only the output. log is defined for x > 0.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from reference_impls.spec import Array, Grads, LayerSpec, Mistake, Variant


def exp(x: Array) -> Array:
    return np.exp(x)


def exp_backward(dy: Array, x: Array) -> Grads:
    return {"x": dy * np.exp(x)}


def exp_torch(x: Any) -> Any:
    return x.exp()


def log(x: Array) -> Array:
    return np.log(x)


def log_backward(dy: Array, x: Array) -> Grads:
    return {"x": dy / x}


def log_torch(x: Any) -> Any:
    return x.log()


def multiplied_by_input(dy: Array, x: Array) -> Grads:
    return {"x": dy * x}


def exp_of_output(dy: Array, x: Array) -> Grads:
    return {"x": dy * np.exp(np.exp(x))}


def divided_by_output(dy: Array, x: Array) -> Grads:
    return {"x": dy / np.log(x)}


def base_ten(x: Array) -> Array:
    return np.log10(x)


def base_ten_in_backward(dy: Array, x: Array) -> Grads:
    return {"x": dy / (x * np.log(10))}


# fmt: off
EXP = LayerSpec(
    name="exp", korean="지수 노드", family="ops", aliases=("Exponential", "지수함수"),
    forward=exp, backward=exp_backward, torch_forward=exp_torch,
    shapes="x: N D -> N D",
    variants=(Variant("x: -> ", "scalar node"),),
    mistakes=(
        Mistake("local-derivative-at-input", multiplied_by_input,
                says="`{grad}` of exp is dy times the input x, not times the output exp(x)",
                help="exp is its own derivative: save y = exp(x) in the forward and return dy * y.",
                says_ko="exp의 `{grad}`에 출력 exp(x)가 아니라 입력 x를 곱했다",
                help_ko="exp의 도함수는 자기 자신이므로 순전파에서 y = exp(x)를 저장해 dy * y를 돌려준다."),
        Mistake("local-derivative-at-output", exp_of_output,
                says="`{grad}` takes exp of what is exp(x) already: dy * exp(exp(x))",
                help="The saved x is the output, or was overwritten by it: return dy * y, and leave x as it was.",
                says_ko="`{grad}`가 이미 exp(x)인 값에 exp를 또 적용한다: dy * exp(exp(x))",
                help_ko="저장한 x가 출력이거나 출력으로 덮어써진 것이다. x를 그대로 두고 dy * y를 돌려준다."),
    ),
)
LOG = LayerSpec(
    name="log", korean="로그 노드", family="ops", aliases=("Ln", "NaturalLog", "Logarithm", "로그함수"),
    forward=log, backward=log_backward, torch_forward=log_torch,
    shapes="x: N D @positive -> N D",
    variants=(Variant("x: @positive -> ", "scalar node"),),
    mistakes=(
        Mistake("local-derivative-at-output", divided_by_output,
                says="`{grad}` of log is dy / log(x): it divides by the output and not by the input",
                help="The derivative of log(x) is 1 / x: save the input in the forward and return dy / x.",
                says_ko="log의 `{grad}`가 dy / log(x)이다: 입력이 아니라 출력으로 나누었다",
                help_ko="log(x)의 도함수는 1 / x이므로 순전파에서 입력을 저장해 dy / x를 돌려준다."),
        Mistake("base-of-logarithm", log_backward, forward=base_ten,
                says="the forward takes the logarithm to base 10, the backward that to base e",
                help="np.log is the natural logarithm with derivative 1 / x; that of np.log10 is 1 / (x ln 10).",
                says_ko="순전파는 밑이 10인 로그인데 역전파는 밑이 e인 로그의 것이다",
                help_ko="도함수가 1 / x인 자연로그는 np.log이고, np.log10의 도함수는 1 / (x ln 10)이다."),
        Mistake("base-of-logarithm", base_ten_in_backward,
                says="`{grad}` is that of the logarithm to base 10, the forward takes the natural one",
                help="The ln 10 belongs to np.log10; the derivative of np.log is 1 / x.",
                says_ko="순전파는 자연로그인데 `{grad}`는 밑이 10인 로그의 기울기이다",
                help_ko="ln 10은 np.log10의 것이고, np.log의 도함수는 1 / x이다."),
    ),
)
# fmt: on
SPECS = (EXP, LOG)
