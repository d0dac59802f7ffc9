"""Stochastic gradient descent, the plain rule.

    w <- w - lr dw

Shapes: w and dw (N, D) or (D,). The rule writes into the caller's array, because the layer and the parameter list
hold that very array: `w -= lr * dw`. So `forward` here changes its `w` and returns the same array; whoever needs
the old values passes a copy. A right rule shows the new values in both places, and `w` keeps its shape.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from reference_impls.spec import Array, Grads, LayerSpec, Mistake, Variant


def forward(w: Array, dw: Array, lr: float = 0.1) -> Array:
    w -= lr * dw
    return w


def backward(*arrays: Array, **options: Any) -> Grads:
    raise TypeError("an update rule has no backward")


def torch_forward(w: Any, dw: Any, lr: float = 0.1) -> Any:
    import torch

    parameter = torch.nn.Parameter(w.detach().clone())
    parameter.grad = dw.detach().clone()
    torch.optim.SGD([parameter], lr=lr).step()
    return parameter.detach()


def uphill(w: Array, dw: Array, lr: float = 0.1) -> Array:
    w += lr * dw
    return w


def rate_applied_twice(w: Array, dw: Array, lr: float = 0.1) -> Array:
    w -= lr * (lr * dw)
    return w


def without_rate(w: Array, dw: Array, lr: float = 0.1) -> Array:
    w -= dw
    return w


def time_read_as_factor(w: Array, dw: Array, lr: float = 0.1) -> Array:
    t = 2  # the number of the step, any but the first
    w *= t  # w(t + 1) = w(t) - lr dw, read as w times t
    w -= lr * dw
    return w


def rebound(w: Array, dw: Array, lr: float = 0.1) -> Array:
    return w - lr * dw  # w = w - lr * dw makes a new array: the caller's stays as it was


def broadcast_over_the_batch(w: Array, dw: Array, lr: float = 0.1) -> Array:
    each = np.stack([dw / 2, dw / 2])  # a gradient a sample, of two samples, that was never summed
    return np.asarray(w - lr * each)


# fmt: off
SPEC = LayerSpec(
    name="sgd", korean="경사하강법", kind="update", family="updates",
    aliases=("SGD", "GradientDescent", "update_parameters_with_gd", "Optimizer_SGD", "VanillaSGD", "경사하강법"),
    forward=forward, backward=backward, torch_forward=torch_forward,
    shapes="w: N D, dw: N D -> N D",
    variants=(
        Variant("w: D, dw: D -> D", "a vector"),
        Variant(note="another learning rate", options={"lr": 0.01}),
    ),
    mistakes=(
        Mistake("wrong-sign", forward=uphill,
                says="SGD adds the gradient to the parameter and climbs",
                help="The gradient points uphill: subtract it, w -= lr * dw",
                says_ko="SGD가 기울기를 더해서 손실이 커지는 쪽으로 간다",
                help_ko="기울기는 커지는 방향이므로 w -= lr * dw로 뺀다"),
        Mistake("rate-applied-twice", forward=rate_applied_twice,
                says="SGD multiplies the gradient by the learning rate twice",
                help="Scale in one place only: the gradient stays as backward gave it, the rule multiplies by lr",
                says_ko="SGD가 기울기에 학습률을 두 번 곱한다",
                help_ko="기울기는 그대로 두고 갱신할 때 한 번만 lr를 곱한다"),
        Mistake("missing-factor", forward=without_rate,
                says="SGD subtracts the whole gradient, without the learning rate",
                help="The step is lr * dw; without lr it is mostly far too long",
                says_ko="SGD가 학습률 없이 기울기를 그대로 뺀다",
                help_ko="갱신량은 lr * dw이고, lr가 없으면 대개 너무 크다"),
        Mistake("time-as-factor", forward=time_read_as_factor,
                says="SGD multiplies the parameter by the number of the step",
                help="In w(t + 1) = w(t) - lr * dw the t in brackets only counts the steps: w -= lr * dw",
                says_ko="SGD가 매개변수에 단계 번호 t를 곱한다",
                help_ko="w(t + 1) = w(t) - lr * dw에서 괄호 안의 t는 단계를 세는 번호일 뿐이므로 w -= lr * dw로 쓴다"),
        Mistake("not-in-place", forward=rebound,
                says="SGD computes the new parameter as a new array, and the caller's array does not change",
                help="w = w - lr * dw only rebinds the name; write w -= lr * dw, or put the result back into the dict",
                says_ko="SGD가 새 배열을 만들어서 호출한 쪽의 매개변수는 바뀌지 않는다",
                help_ko="w = w - lr * dw는 이름만 바꾸므로 w -= lr * dw로 쓰거나 결과를 딕셔너리에 다시 넣는다"),
        Mistake("not-unbroadcast", forward=broadcast_over_the_batch,
                says="SGD lets the parameter grow a batch axis: b = b - db broadcasts a db that was not summed",
                help="Sum db over the batch in backward; b -= lr * db would have raised an error instead of growing b",
                says_ko="합하지 않은 db 때문에 b = b - db가 브로드캐스트되어 매개변수에 배치 축이 생긴다",
                help_ko="역전파에서 db를 배치에 대해 더한다. b -= lr * db였다면 오류로 드러났을 것이다"),
    ),
)
# fmt: on
