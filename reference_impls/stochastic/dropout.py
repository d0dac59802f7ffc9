"""Dropout, inverted: what is kept is scaled up in training, so that nothing is left to do at test time.

    training:  y = x m / q        dx = dy m / q
    test:      y = x              dx = dy

Shapes: x, y and the mask m agree. m is 1 where an entry is kept, which happens with probability q, else 0; it is an
input here, and the m of the forward is that of the backward. p is the probability to drop, q = 1 - p; with keep=True
p is the probability to keep, q = p.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from reference_impls.spec import Array, Grads, LayerSpec, Mistake, Variant


def kept(p: float, keep: bool) -> float:
    """The q of the formulas."""
    return p if keep else 1 - p


def forward(x: Array, mask: Array, *, p: float = 0.4, keep: bool = False, training: bool = True) -> Array:
    return x * mask / kept(p, keep) if training else x * 1.0


def backward(dy: Array, x: Array, mask: Array, *, p: float = 0.4, keep: bool = False, training: bool = True) -> Grads:
    return {"x": dy * mask / kept(p, keep) if training else dy * 1.0}


def torch_forward(x: Any, mask: Any, p: float = 0.4, keep: bool = False, training: bool = True) -> Any:
    return x * mask / kept(p, keep) if training else x * 1.0


def inside(y: Array, x: Array, mask: Any, p: float = 0.4, keep: bool = False, training: bool = True) -> dict[str, Any]:
    """The mask that a forward has drawn; and its own p, where the scale fits the given p in neither meaning."""
    own: dict[str, Any] = {"mask": 1.0 * (y != 0)}
    if not y.any():
        return own
    scale = y[y != 0] / x[y != 0]
    q = 1 / float(np.median(scale))
    fits = abs(q - kept(p, keep)) < 1e-6 or abs(q - kept(p, not keep)) > 1e-6
    return own | {"p": kept(q, keep)} if fits and 0 < q < 1 and np.ptp(scale * q) < 1e-6 else own


def scale_missing(dy: Array, x: Array, mask: Array, **options: Any) -> Grads:
    return {"x": dy * mask}


def scale_squared(dy: Array, x: Array, mask: Array, p: float = 0.4, keep: bool = False, **options: Any) -> Grads:
    return {"x": dy * mask / kept(p, keep) ** 2}  # the kept mask has the scale already


def keep_for_drop(dy: Array, x: Array, mask: Array, p: float = 0.4, keep: bool = False, **options: Any) -> Grads:
    return backward(dy, x, mask, p=p, keep=not keep)


def mask_missing(dy: Array, x: Array, mask: Array, **options: Any) -> Grads:
    return backward(dy, x, np.ones_like(mask), **options)


def upstream_passed_on(dy: Array, x: Array, mask: Array, **options: Any) -> Grads:
    return {"x": dy * 1.0}


def mask_inverted(dy: Array, x: Array, mask: Array, **options: Any) -> Grads:
    return backward(dy, x, 1 - mask, **options)


def mask_drawn_again(dy: Array, x: Array, mask: Array, p: float = 0.4, keep: bool = False, **options: Any) -> Grads:
    return backward(dy, x, np.random.random(mask.shape) < kept(p, keep), p=p, keep=keep)


def mask_of_the_first_sample(dy: Array, x: Array, mask: Array, **options: Any) -> Grads:
    return backward(dy, x, np.broadcast_to(mask[:1], mask.shape), **options)


def mask_at_test_time(dy: Array, x: Array, mask: Array, p: float = 0.4, keep: bool = False, **options: Any) -> Grads:
    return backward(dy, x, mask, p=p, keep=keep)


# fmt: off
SPEC = LayerSpec(
    name="dropout", korean="드롭아웃 (역 드롭아웃)", family="stochastic",
    aliases=("Dropout", "inverted_dropout", "TimeDropout"), distinctive=False,
    forward=forward, backward=backward, torch_forward=torch_forward, inside=inside,
    shapes="x: N D, mask: N D @binary -> N D",
    variants=(
        Variant("mask: -", "draws its mask, p is the probability to drop"),
        Variant("mask: -", "draws its mask, p is the probability to keep", {"keep": True}),
        Variant(note="p is the probability to keep", options={"keep": True}),
        Variant(note="at test time", options={"training": False}),
    ),
    mistakes=(
        Mistake("scale-missing", scale_missing,
                says="`{grad}` of dropout lacks the scale by which its forward divides",
                help="The forward is x * mask / q, so the backward is dout * mask / q: keep the scaled mask.",
                says_ko="순전파에서 나눈 배율이 드롭아웃의 `{grad}`에는 빠져 있다",
                help_ko="순전파가 x * mask / q이므로 역전파도 dout * mask / q이다. 배율을 곱한 마스크를 저장해 쓴다."),
        Mistake("scale-applied-twice", scale_squared,
                says="`{grad}` of dropout is scaled twice",
                help="The mask that the forward keeps may have the scale in it already: divide once.",
                says_ko="드롭아웃의 `{grad}`에 배율이 두 번 들어갔다",
                help_ko="저장한 마스크에 배율이 이미 들어 있을 수 있으므로 한 번만 나눈다."),
        Mistake("keep-for-drop", keep_for_drop,
                says="`{grad}` of dropout is scaled as if p had the other meaning: kept for dropped",
                help="Divide by the probability to keep in both passes: p or 1 - p, as in your forward.",
                says_ko="드롭아웃의 `{grad}`가 p의 뜻을 남길 확률과 버릴 확률 중 반대로 보고 나누었다",
                help_ko="양쪽 모두 남길 확률로 나눈다: 순전파와 똑같이 p 또는 1 - p."),
        *(Mistake("mask-missing", wrong,
                  says="`{grad}` of dropout is not masked: dropped entries get a gradient, too",
                  help="What was dropped did not move the output: multiply by the mask of the forward.",
                  says_ko="드롭아웃의 `{grad}`에 마스크가 없어서 버린 원소도 기울기를 받는다",
                  help_ko="버린 원소는 출력을 움직이지 않으므로 순전파의 마스크를 곱한다.")
          for wrong in (mask_missing, upstream_passed_on)),
        Mistake("mask-inverted", mask_inverted,
                says="`{grad}` of dropout goes to the entries that were dropped: the mask is inverted",
                help="Use the mask of the forward as it is: 1 where the entry was kept.",
                says_ko="드롭아웃의 `{grad}`가 버린 원소로 간다: 마스크가 뒤집혔다",
                help_ko="남긴 원소가 1인 순전파의 마스크를 그대로 쓴다."),
        Mistake("mask-of-one-sample", mask_of_the_first_sample,
                says="`{grad}` of dropout has the mask of the first sample for the whole batch",
                help="Every sample has its own mask: draw it with the shape of x and keep all of it.",
                says_ko="드롭아웃의 `{grad}`가 첫 샘플의 마스크를 배치 전체에 쓴다",
                help_ko="샘플마다 마스크가 다르므로 x의 shape으로 뽑아 전부 저장한다."),
        Mistake("mask-drawn-again", mask_drawn_again, any_draw=True,
                says="`{grad}` of dropout is masked by a mask that the backward draws anew",
                help="Keep the mask of the forward, self.mask, and use that one: other entries were dropped.",
                says_ko="드롭아웃의 역전파가 마스크를 새로 뽑아서 `{grad}`에 곱한다",
                help_ko="버린 원소가 달라지므로 순전파에서 뽑은 마스크를 self.mask에 저장해 그대로 쓴다."),
        Mistake("mask-at-test-time", mask_at_test_time, variant="at test time",
                says="`{grad}` of dropout is masked at test time, when the forward passes everything on",
                help="Look at the mode in both passes: without dropout the gradient is the upstream gradient.",
                says_ko="테스트 때는 순전파가 모두 통과시키는데 드롭아웃의 `{grad}`에 마스크를 곱한다",
                help_ko="양쪽에서 모드를 확인한다. 드롭아웃이 꺼져 있으면 상류 기울기를 그대로 돌려준다."),
    ),
)
# fmt: on
