"""Selection by a condition, and filling of masked entries.

    z  = x where c, else y         y  = value where masked, else x
    dx = dz where c, else 0        dx = 0 where masked, else dy
    dy = 0 where c, else dz

Shapes: c, x, y and z agree, as do x, mask and y; an operand or a mask may be repeated along the axes that it lacks,
and a repeated operand gets the sum over its copies. c and mask hold 0 and 1 and have no gradient. An entry is masked
where mask = 1, with keep=True where mask = 0, as in scores[mask == 0] = value. value is a constant.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from reference_impls.ops import unbroadcast
from reference_impls.spec import Array, Grads, LayerSpec, Mistake, Variant


def where(c: Array, x: Array, y: Array) -> Array:
    return np.where(c, x, y)


def where_backward(dz: Array, c: Array, x: Array, y: Array) -> Grads:
    return {"x": unbroadcast(np.where(c, dz, 0), x.shape), "y": unbroadcast(np.where(c, 0, dz), y.shape)}


def where_torch(c: Any, x: Any, y: Any) -> Any:
    return x.where(c.bool(), y)


def both_branches_get_it(dz: Array, c: Array, x: Array, y: Array) -> Grads:
    return {"x": unbroadcast(dz, x.shape), "y": unbroadcast(dz, y.shape)}


def branches_swapped(dz: Array, c: Array, x: Array, y: Array) -> Grads:
    return where_backward(dz, 1 - c, x, y)


def repeated_operand_not_summed(dz: Array, c: Array, x: Array, y: Array) -> Grads:
    return {"x": np.where(c, dz, 0), "y": np.where(c, 0, dz)}


def masked_fill(x: Array, mask: Array, value: float = -5.0, keep: bool = False) -> Array:
    return np.where((mask == 0) == keep, value, x)


def masked_fill_backward(dy: Array, x: Array, mask: Array, value: float = -5.0, keep: bool = False) -> Grads:
    return {"x": np.where((mask == 0) == keep, 0, dy)}


def masked_fill_torch(x: Any, mask: Any, value: float = -5.0, keep: bool = False) -> Any:
    return x.masked_fill((mask == 0) == keep, value)


def inside(y: Array, x: Array, mask: Array, value: float = -5.0, keep: bool = False) -> dict[str, float]:
    """The number that a forward fills in."""
    filled = np.unique(y[np.broadcast_to((mask == 0) == keep, y.shape)])
    return {"value": float(filled[0])} if filled.size == 1 else {"value": value}


def mask_ignored(dy: Array, x: Array, mask: Array, **options: Any) -> Grads:
    return {"x": dy * 1.0}


def mask_reversed(dy: Array, x: Array, mask: Array, **options: Any) -> Grads:
    return masked_fill_backward(dy, x, 1 - mask, **options)


# fmt: off
WHERE = LayerSpec(
    name="where", korean="조건 선택", family="ops", aliases=("Select",),
    forward=where, backward=where_backward, torch_forward=where_torch,
    shapes="c: N D @binary, x: N D, y: N D -> N D",
    variants=(
        Variant("c: @binary, x: , y: ->", "scalar node"),
        Variant("y: D", "second operand repeated over the batch", incidental=True),
        Variant("c: D @binary", "condition repeated over the batch", incidental=True),
    ),
    mistakes=(
        Mistake("gradient-to-all", both_branches_get_it,
                says="where passes the whole upstream gradient to both of its branches",
                help="Only the branch that was taken moves the output: np.where(c, dz, 0) and np.where(c, 0, dz).",
                says_ko="where가 두 갈래 모두에 상류 기울기를 그대로 보낸다",
                help_ko="출력을 움직이는 것은 선택된 쪽뿐이므로 np.where(c, dz, 0)과 np.where(c, 0, dz)를 쓴다."),
        Mistake("mask-inverted", branches_swapped,
                says="`{grad}` of where goes to the branch that was not taken: the condition is reversed",
                help="x is taken where the condition holds: np.where(c, dz, 0) is dx.",
                says_ko="where의 `{grad}`가 선택되지 않은 쪽으로 간다: 조건이 뒤집혔다",
                help_ko="조건이 참인 곳에서 x가 선택되므로 dx는 np.where(c, dz, 0)이다."),
        Mistake("not-unbroadcast", repeated_operand_not_summed, variant="second operand repeated over the batch",
                says="`{grad}` has the shape of the output and not the shape of its operand",
                help="An operand that is repeated over the batch has the sum of its gradients over the rows.",
                says_ko="`{grad}`의 shape이 피연산자가 아니라 출력의 shape이다",
                help_ko="배치 방향으로 반복된 피연산자의 기울기는 행 방향으로 더한다."),
    ),
)
MASKED_FILL = LayerSpec(
    name="masked_fill", korean="마스크 채우기", family="ops", distinctive=False,
    aliases=("MaskFill", "FillMask", "ApplyMask"),
    forward=masked_fill, backward=masked_fill_backward, torch_forward=masked_fill_torch, inside=inside,
    shapes="x: N D, mask: N D @binary -> N D",
    variants=(
        Variant("mask: D @binary", "mask repeated over the batch", incidental=True),
        Variant(note="filled where the mask is 0", options={"keep": True}),
        *(Variant(note=f"filled with {value:g} where the mask is {int(not keep)}",
                  options={"value": value, "keep": keep})
          for value in (0.0, -1e9) for keep in (False, True)),
    ),
    mistakes=(
        Mistake("mask-missing", mask_ignored,
                says="`{grad}` leaks through the masked entries, whose output does not depend on x",
                help="A masked entry is a constant: set its gradient to 0.",
                says_ko="출력이 x와 무관한 마스크 자리로도 `{grad}`가 흘러간다",
                help_ko="마스크로 채운 원소는 상수이므로 그 자리의 기울기는 0이다."),
        Mistake("mask-inverted", mask_reversed,
                says="`{grad}` is 0 at the entries that stay and passes at those that are filled",
                help="The mask is the wrong way round: the gradient passes where x is kept.",
                says_ko="`{grad}`가 남는 자리에서 0이고 채운 자리로 흘러간다",
                help_ko="마스크가 뒤집혔다: 기울기는 x가 남는 자리로 흐른다."),
    ),
)
# fmt: on
SPECS = (WHERE, MASKED_FILL)
