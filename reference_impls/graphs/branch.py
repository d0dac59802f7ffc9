"""Branch node: one value, used twice.

    a  = x,  b = x
    dx = da + db

Shapes: x, a and b agree. Each use sends its own gradient back; the node waits for both of them and adds them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from reference_impls.spec import Array, Grads, LayerSpec, Mistake, Variant

Pair = tuple[Array, Array]


def forward(x: Array) -> Pair:
    return x.copy(), x.copy()


def backward(dy: Pair, x: Array) -> Grads:
    da, db = dy
    return {"x": da + db}


def torch_forward(x: Any) -> Any:
    return x.clone(), x.clone()


def overwritten(dy: Pair, x: Array) -> Grads:
    for d in dy:
        dx = d.copy()  # += would be right
    return {"x": dx}


def passed_on_after_the_first(dy: Pair, x: Array) -> Grads:
    return {"x": dy[0].copy()}


def averaged(dy: Pair, x: Array) -> Grads:
    da, db = dy
    return {"x": (da + db) / 2}


def kept_between_calls() -> Callable[[Pair, Array], Grads]:
    total: dict[tuple[int, ...], Array] = {}

    def wrong(dy: Pair, x: Array) -> Grads:
        total[x.shape] = total.get(x.shape, 0) + dy[0] + dy[1]
        return {"x": total[x.shape].copy()}

    return wrong


# fmt: off
SPEC = LayerSpec(
    name="branch", korean="분기 노드", family="graphs", aliases=("BranchNode", "Fork"), distinctive=False,
    forward=forward, backward=backward, torch_forward=torch_forward,
    shapes="x: N D -> a: N D, b: N D",
    variants=(
        Variant("x: D -> a: D, b: D", "vectors"),
        Variant("x: -> a: , b: ", "scalars"),
    ),
    mistakes=(
        Mistake("not-accumulated", overwritten,
                says="`{grad}` of the branch node is that of the second use: it overwrites the first",
                help="A value that is used twice gets both gradients: start at zero and add with +=.",
                says_ko="분기 노드의 `{grad}`에 두 번째로 쓰인 곳의 기울기만 남아 첫째를 덮어썼다",
                help_ko="두 번 쓰인 값은 두 기울기를 다 받으므로 0에서 시작해 +=로 더한다."),
        Mistake("wrong-order", passed_on_after_the_first,
                says="the branch node passes `{grad}` on when the first use has answered and the second has not",
                help="Visit a node after all of its users: reverse topological order.",
                says_ko="분기 노드가 첫째 쓰임의 기울기만 받고 둘째가 오기 전에 `{grad}`를 넘긴다",
                help_ko="노드는 그것을 쓰는 노드를 모두 거친 뒤에 방문한다: 위상 정렬의 역순."),
        Mistake("mean-for-sum", averaged,
                says="`{grad}` of the branch node is the mean of the two gradients and not their sum",
                help="The chain rule adds over the paths: dx = da + db.",
                says_ko="분기 노드의 `{grad}`가 두 기울기의 합이 아니라 평균이다",
                help_ko="연쇄법칙은 경로마다의 기울기를 더한다: dx = da + db."),
        Mistake("accumulates", kept_between_calls, stateful=True,
                says="the branch node adds `{grad}` to that of the call before",
                help="Set the gradient back to zero before every backward pass.",
                says_ko="분기 노드의 `{grad}`가 앞선 호출의 값에 더해진다",
                help_ko="역전파를 할 때마다 먼저 기울기를 0으로 되돌린다."),
    ),
)
# fmt: on
