"""Sigmoid as a graph of four nodes.

    t  = -x             e  = exp(t)          s  = 1 + e          y  = 1 / s
    ds = -dy / s^2      de = ds              dt = de e           dx = -dt

Shapes: x and y agree. All nodes together give dx = dy y (1 - y): the two minus signs cancel.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from reference_impls.spec import Array, Grads, LayerSpec, Mistake, Variant


def forward(x: Array) -> Array:
    t = -x
    e = np.exp(t)
    s = 1 + e
    return np.asarray(1 / s)


def backward(dy: Array, x: Array) -> Grads:
    e = np.exp(-x)
    s = 1 + e
    ds = -dy / s**2  # 1/x node
    de = ds  # add node: the gradient passes unchanged
    dt = de * e  # exp node
    dx = -dt  # product with -1
    return {"x": dx}


def torch_forward(x: Any) -> Any:
    import torch

    return torch.sigmoid(x)


def first_minus_dropped(dy: Array, x: Array) -> Grads:
    e = np.exp(-x)
    ds = -dy / (1 + e) ** 2
    return {"x": ds * e}


def reciprocal_minus_dropped(dy: Array, x: Array) -> Grads:
    e = np.exp(-x)
    ds = dy / (1 + e) ** 2
    return {"x": -ds * e}


def exp_node_skipped(dy: Array, x: Array) -> Grads:
    ds = -dy / (1 + np.exp(-x)) ** 2
    return {"x": -ds}


# fmt: off
SPEC = LayerSpec(
    name="graph_sigmoid_decomposed", korean="Sigmoid 계산 그래프", family="graphs",
    aliases=("sigmoid_graph", "sigmoid_decomposed"), distinctive=False,
    forward=forward, backward=backward, torch_forward=torch_forward,
    shapes="x: N D -> N D",
    variants=(Variant("x: -> ", "scalar graph"), Variant("x: D -> D", "vectors")),
    mistakes=(
        *(Mistake("wrong-sign", wrong,
                  says="`{grad}` of the sigmoid graph has lost one of its two minus signs, of -x or of 1/s",
                  help="The node 1/s has the derivative -1/s^2 and the node -x has -1; together they cancel.",
                  says_ko="Sigmoid 그래프의 `{grad}`에 -x 노드나 1/s 노드의 마이너스 부호 하나가 빠졌다",
                  help_ko="1/s 노드의 미분은 -1/s^2이고 -x 노드의 미분은 -1이므로 두 부호가 서로 지워진다.")
          for wrong in (first_minus_dropped, reciprocal_minus_dropped)),
        Mistake("node-skipped", exp_node_skipped,
                says="`{grad}` of the sigmoid graph does not pass through the exp node",
                help="The exp node multiplies by its own output: dt = de * exp(-x).",
                says_ko="Sigmoid 그래프의 `{grad}`가 exp 노드를 거치지 않았다",
                help_ko="exp 노드는 자기 출력을 곱한다: dt = de * exp(-x)."),
    ),
)
# fmt: on
