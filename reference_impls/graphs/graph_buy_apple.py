"""Shopping graph: the price of some apples with tax.

    apple_price  = apple * apple_num               price = apple_price * tax
    dapple_price = dprice * tax                    dtax = dprice * apple_price
    dapple       = dapple_price * apple_num        dapple_num = dapple_price * apple

Shapes: scalars. Apples at 100, two of them, tax 1.1: price 220, dapple 2.2, dapple_num 110, dtax 200.
"""

from __future__ import annotations

from typing import Any

from reference_impls.spec import Array, Grads, LayerSpec, Mistake


def forward(apple: Array, apple_num: Array, tax: Array) -> Array:
    apple_price = apple * apple_num
    return apple_price * tax


def backward(dprice: Array, apple: Array, apple_num: Array, tax: Array) -> Grads:
    apple_price = apple * apple_num
    dapple_price, dtax = dprice * tax, dprice * apple_price  # the last node comes first
    dapple, dapple_num = dapple_price * apple_num, dapple_price * apple
    return {"apple": dapple, "apple_num": dapple_num, "tax": dtax}


def torch_forward(apple: Any, apple_num: Any, tax: Any) -> Any:
    return apple * apple_num * tax


def one_layer_for_two_nodes(dprice: Array, apple: Array, apple_num: Array, tax: Array) -> Grads:
    saved_x, saved_y = apple * apple_num, tax  # the second forward replaced apple and apple_num
    dapple_price, dtax = dprice * saved_y, dprice * saved_x
    return {"apple": dapple_price * saved_y, "apple_num": dapple_price * saved_x, "tax": dtax}


def nodes_not_reversed(dprice: Array, apple: Array, apple_num: Array, tax: Array) -> Grads:
    dapple, dapple_num = dprice * apple_num, dprice * apple
    return {"apple": dapple, "apple_num": dapple_num, "tax": dapple * apple * apple_num}


SPEC = LayerSpec(
    name="graph_buy_apple",
    aliases=("buy_apple",),
    korean="사과 쇼핑 계산 그래프",
    family="graphs",
    distinctive=False,
    forward=forward,
    backward=backward,
    torch_forward=torch_forward,
    shapes="apple: , apple_num: , tax: -> ",
    mistakes=(
        Mistake(
            "stale-state",
            one_layer_for_two_nodes,
            says="one multiply object serves two nodes, so the apple node reads the operands of the tax node",
            help="Each node must keep its own operands; make one multiply object for each node of the graph.",
            says_ko="곱셈 객체 하나를 두 노드에 써서 사과 노드가 세금 노드의 입력을 읽는다",
            help_ko="노드마다 자기 입력을 기억해야 하므로 그래프의 노드마다 곱셈 객체를 하나씩 만든다.",
        ),
        Mistake(
            "order-not-reversed",
            nodes_not_reversed,
            says="the backward visits the apple node before the tax node",
            help="Go through the nodes in reverse: first tax with dprice, then the apple node with dapple_price.",
            says_ko="역전파가 세금 노드보다 사과 노드를 먼저 지난다",
            help_ko="노드를 거꾸로 지난다. 먼저 dprice로 세금 노드를, 그다음 dapple_price로 사과 노드를 계산한다.",
        ),
    ),
)
