"""Graph of z = (x + y)^2.

    t  = x + y                    z = t^2
    dt = dz * 2 t                 dx = dt * 1,  dy = dt * 1

Shapes: x, y and z agree. Both inputs get 2 (x + y) times the upstream gradient.
"""

from __future__ import annotations

from typing import Any

from reference_impls.spec import Array, Grads, LayerSpec, Mistake, Variant


def forward(x: Array, y: Array) -> Array:
    t = x + y  # add node
    return t**2  # square node


def backward(dz: Array, x: Array, y: Array) -> Grads:
    t = x + y
    dt = dz * 2 * t  # square node
    return {"x": dt * 1.0, "y": dt * 1.0}  # add node


def torch_forward(x: Any, y: Any) -> Any:
    return (x + y) ** 2


def t_overwritten(dz: Array, x: Array, y: Array) -> Grads:
    t = x + y
    t = t**2  # the forward kept its result under the same name
    dt = dz * 2 * t
    return {"x": dt * 1.0, "y": dt * 1.0}


def upstream_ignored(dz: Array, x: Array, y: Array) -> Grads:
    return {"x": 2 * (x + y), "y": 2 * (x + y)}


def add_node_multiplies(dz: Array, x: Array, y: Array) -> Grads:
    dt = dz * 2 * (x + y)
    return {"x": dt * y, "y": dt * x}


SPEC = LayerSpec(
    name="graph_square_sum",
    korean="(x+y)^2 계산 그래프",
    family="graphs",
    distinctive=False,
    forward=forward,
    backward=backward,
    torch_forward=torch_forward,
    shapes="x: D, y: D -> D",
    variants=(Variant("x: , y: -> ", "scalar graph"),),
    mistakes=(
        Mistake(
            "local-derivative-at-output",
            t_overwritten,
            says="the derivative 2t is taken after t was overwritten by t^2",
            help="The square node needs t = x + y as it was in the forward; store t^2 under another name.",
            says_ko="t를 t^2으로 덮어쓴 뒤에 도함수 2t를 계산했다",
            help_ko="제곱 노드에는 순전파 때의 t = x + y가 필요하므로 t^2은 다른 이름에 저장한다.",
        ),
        Mistake(
            "upstream-ignored",
            upstream_ignored,
            says="`{grad}` of (x + y)^2 is not multiplied by the gradient that enters the graph",
            help="Backpropagation starts with dz, which is 1 only when z is the end; multiply 2 (x + y) by dz.",
            says_ko="(x + y)^2의 `{grad}`에 그래프로 들어온 기울기를 곱하지 않았다",
            help_ko="역전파는 dz에서 시작하고 dz는 z가 끝일 때만 1이므로 2 (x + y)에 dz를 곱한다.",
        ),
        Mistake(
            "wrong-local-derivative",
            add_node_multiplies,
            says="the add node multiplies the gradient by an operand, as a multiply node would",
            help="The derivative of x + y by either operand is 1, so the add node passes dt on unchanged.",
            says_ko="덧셈 노드가 곱셈 노드처럼 기울기에 피연산자를 곱한다",
            help_ko="x + y를 어느 쪽으로 미분해도 1이므로 덧셈 노드는 dt를 그대로 보낸다.",
        ),
    ),
)
