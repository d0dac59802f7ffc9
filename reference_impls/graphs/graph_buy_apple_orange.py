"""Shopping graph: apples and oranges with tax.

    apple_price = apple * apple_num                orange_price = orange * orange_num
    total       = apple_price + orange_price       price = total * tax

Backward from the last node: the tax node swaps its operands, the add node copies, each fruit node swaps.
Shapes: scalars. Apples at 100, two; oranges at 150, three; tax 1.1: price 715, dapple 2.2, dapple_num 110,
dorange 3.3, dorange_num 165, dtax 650.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from reference_impls.spec import Array, Grads, LayerSpec, Mistake


def forward(apple: Array, apple_num: Array, orange: Array, orange_num: Array, tax: Array) -> Array:
    apple_price = apple * apple_num
    orange_price = orange * orange_num
    total = apple_price + orange_price
    return np.asarray(total * tax)


def backward(dprice: Array, apple: Array, apple_num: Array, orange: Array, orange_num: Array, tax: Array) -> Grads:
    total = apple * apple_num + orange * orange_num
    dtotal, dtax = dprice * tax, dprice * total
    dapple_price, dorange_price = dtotal, dtotal
    dorange, dorange_num = dorange_price * orange_num, dorange_price * orange
    dapple, dapple_num = dapple_price * apple_num, dapple_price * apple
    return {"apple": dapple, "apple_num": dapple_num, "orange": dorange, "orange_num": dorange_num, "tax": dtax}


def torch_forward(apple: Any, apple_num: Any, orange: Any, orange_num: Any, tax: Any) -> Any:
    return (apple * apple_num + orange * orange_num) * tax


def tax_node_unpacked_in_wrong_order(
    dprice: Array, apple: Array, apple_num: Array, orange: Array, orange_num: Array, tax: Array
) -> Grads:
    dtax, dtotal = dprice * tax, dprice * (apple * apple_num + orange * orange_num)
    fruits = {"apple": apple_num, "apple_num": apple, "orange": orange_num, "orange_num": orange}
    return {name: dtotal * other for name, other in fruits.items()} | {"tax": dtax}


def tax_on_taxed_price(
    dprice: Array, apple: Array, apple_num: Array, orange: Array, orange_num: Array, tax: Array
) -> Grads:
    price = forward(apple, apple_num, orange, orange_num, tax)
    return backward(dprice, apple, apple_num, orange, orange_num, tax) | {"tax": dprice * price}


def add_node_passes_nothing(
    dprice: Array, apple: Array, apple_num: Array, orange: Array, orange_num: Array, tax: Array
) -> Grads:
    grads = backward(dprice, apple, apple_num, orange, orange_num, tax)
    return {name: np.zeros_like(grad) for name, grad in grads.items()} | {"tax": grads["tax"]}


SPEC = LayerSpec(
    name="graph_buy_apple_orange",
    aliases=("buy_apple_orange",),
    korean="사과와 귤 쇼핑 계산 그래프",
    family="graphs",
    distinctive=False,
    forward=forward,
    backward=backward,
    torch_forward=torch_forward,
    shapes="apple: , apple_num: , orange: , orange_num: , tax: -> ",
    mistakes=(
        Mistake(
            "swapped-gradients",
            tax_node_unpacked_in_wrong_order,
            says="the two gradients of the tax node are unpacked in the wrong order",
            help="The backward returns gradients in the order of the forward's operands: first total, then tax.",
            says_ko="세금 노드가 돌려준 두 기울기를 뒤바꿔 받았다",
            help_ko="역전파는 순전파의 입력 순서대로 기울기를 돌려준다. 먼저 total, 다음이 tax이다.",
        ),
        Mistake(
            "local-derivative-at-output",
            tax_on_taxed_price,
            says="`{grad}` is the price with tax and not the total before tax",
            help="The tax node multiplies total by tax, so its gradient by tax is dprice times the total before tax.",
            says_ko="`{grad}`가 세금을 곱하기 전의 합계가 아니라 세금을 포함한 가격이다",
            help_ko="세금 노드는 total에 tax를 곱하므로 tax의 기울기는 dprice에 세금 전 합계를 곱한 값이다.",
        ),
        Mistake(
            "gradient-missing",
            add_node_passes_nothing,
            says="no gradient comes back through the add node of the two fruit prices",
            help="The add node copies its upstream gradient to both operands; pass dtotal to both fruit nodes.",
            says_ko="두 과일 가격을 더하는 노드를 지나 돌아오는 기울기가 없다",
            help_ko="덧셈 노드는 상류 기울기를 두 입력에 그대로 보내므로 dtotal을 두 과일 노드에 모두 넘긴다.",
        ),
    ),
)
