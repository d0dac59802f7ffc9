"""Variance and standard deviation over an axis.

    v  = 1/(n - ddof) sum_i (x_i - m)^2       s  = sqrt(v)
    dx = dv 2 (x - m) / (n - ddof)            dx = ds (x - m) / ((n - ddof) s)

Shapes: x (N, D), the output (N, 1) for axis=1, (1, D) for axis=0, (1, 1) for axis=None; m is the mean of the n entries
that are reduced together. It depends on x, too, but its share vanishes since the x_i - m add up to 0. ddof is 0 in
NumPy, 1 in torch. Where these entries are all equal s = 0, and 0 is returned, unless s = sqrt(v + eps).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from reference_impls.axes import LAYOUT, VARIANTS, Axis, along_each_axis
from reference_impls.normalization import own_eps
from reference_impls.spec import Array, Grads, Kink, LayerSpec, Mistake


def centred(x: Array, axis: Axis) -> Array:
    return np.asarray(x - x.mean(axis=axis, keepdims=True))


def var(x: Array, axis: Axis = 1, ddof: int = 0) -> Array:
    return np.asarray(x.var(axis=axis, ddof=ddof, keepdims=True))


def var_backward(dv: Array, x: Array, axis: Axis = 1, ddof: int = 0) -> Grads:
    n = x.size // dv.size
    return {"x": dv * 2 * centred(x, axis) / (n - ddof)}


def var_torch(x: Any, axis: Axis = 1, ddof: int = 0) -> Any:
    return x.var(dim=axis, correction=ddof, keepdim=True)


def std(x: Array, axis: Axis = 1, ddof: int = 0, eps: float = 0.0) -> Array:
    return np.sqrt(var(x, axis, ddof) + eps)


def std_backward(ds: Array, x: Array, axis: Axis = 1, ddof: int = 0, eps: float = 0.0) -> Grads:
    n, s = x.size // ds.size, std(x, axis, ddof, eps)
    return {"x": ds * centred(x, axis) / ((n - ddof) * np.where(s == 0, 1, s))}


def std_torch(x: Any, axis: Axis = 1, ddof: int = 0, eps: float = 0.0) -> Any:
    return (x.var(dim=axis, correction=ddof, keepdim=True) + eps).sqrt()


def inside(s: Array, x: Array, axis: Axis = 1, ddof: int = 0, eps: float = 0.0) -> dict[str, float]:
    """The eps that a forward has under the root."""
    return {"eps": own_eps(var(x, axis, ddof), s, eps)}


def divided_by_n_less_one(dv: Array, x: Array, axis: Axis = 1, ddof: int = 0) -> Grads:
    return var_backward(dv, x, axis, 1)


def divided_by_n(dv: Array, x: Array, axis: Axis = 1, ddof: int = 0) -> Grads:
    return var_backward(dv, x, axis, 0)


def two_dropped(dv: Array, x: Array, axis: Axis = 1, ddof: int = 0) -> Grads:
    return {"x": var_backward(dv, x, axis, ddof)["x"] / 2}


def mean_not_subtracted(dv: Array, x: Array, axis: Axis = 1, ddof: int = 0) -> Grads:
    return {"x": dv * 2 * x / (x.size // dv.size - ddof)}


def std_divided_by_n_less_one(ds: Array, x: Array, axis: Axis = 1, ddof: int = 0, eps: float = 0.0) -> Grads:
    return {"x": ds * centred(x, axis) / ((x.size // ds.size - 1) * std(x, axis, ddof, eps))}


def std_divided_by_n(ds: Array, x: Array, axis: Axis = 1, ddof: int = 0, eps: float = 0.0) -> Grads:
    return {"x": ds * centred(x, axis) / (x.size // ds.size * std(x, axis, ddof, eps))}


def gradient_of_the_variance(ds: Array, x: Array, axis: Axis = 1, ddof: int = 0, eps: float = 0.0) -> Grads:
    return var_backward(ds, x, axis, ddof)


def divided_by_the_variance(ds: Array, x: Array, axis: Axis = 1, ddof: int = 0, eps: float = 0.0) -> Grads:
    return std_backward(ds / std(x, axis, ddof, eps), x, axis, ddof, eps)


def constant(rng: np.random.Generator, x: Array, axis: Axis = 1, ddof: int = 0, eps: float = 0.0) -> Kink:
    """Entries that are reduced together and all the same."""
    n, d = (int(rng.integers(size)) for size in x.shape)
    moved = x.copy()
    moved[{1: (n,), 0: (slice(None), d), None: ()}[axis]] = 0.5
    return Kink("entries that are all equal", {"x": moved}, (("x", (n, d)),))


LESS_ONE = along_each_axis("divided by n - 1", ddof=1)


# fmt: off
def degrees(function: Any, what: str, ko: str, yours: str, right: str, variant: str = "") -> Mistake:
    return Mistake("wrong-degrees-of-freedom", function, variant=variant,
                   says=f"`{{grad}}` of the {what} divides by {yours}, the forward by {right}",
                   help="Divide by n - ddof, as the forward does: ddof is 0 in np.var and 1 in torch.var.",
                   says_ko=f"{ko}의 `{{grad}}`를 나누는 수는 {yours}인데 순전파에서는 {right}이다",
                   help_ko="순전파와 같이 n - ddof로 나눈다: ddof는 np.var에서 0이고 torch.var에서 1이다.")


VAR = LayerSpec(
    name="var", korean="분산", family="ops", aliases=("Variance", "ReduceVar"), minimum={"N": 2, "D": 2},
    forward=var, backward=var_backward, torch_forward=var_torch, shapes=LAYOUT, variants=(*VARIANTS, *LESS_ONE),
    mistakes=(
        degrees(divided_by_n_less_one, "variance", "분산", "n - 1", "n"),
        degrees(divided_by_n, "variance", "분산", "n", "n - 1", LESS_ONE[0].note),
        Mistake("factor-half", two_dropped,
                says="`{grad}` of the variance lacks the factor 2",
                help="The square (x - m)^2 brings down a 2: 2 (x - m) / n.",
                says_ko="분산의 `{grad}`에 계수 2가 빠졌다",
                help_ko="제곱 (x - m)^2을 미분하면 2가 나온다: 2 (x - m) / n."),
        Mistake("mean-not-subtracted", mean_not_subtracted,
                says="`{grad}` of the variance uses x where x - mean belongs",
                help="The variance measures distances from the mean: 2 (x - m) / n.",
                says_ko="분산의 `{grad}`에 x - 평균이 아니라 x를 썼다",
                help_ko="분산은 평균에서의 거리를 재므로 2 (x - m) / n이다."),
    ),
)
STD = LayerSpec(
    name="std", korean="표준편차", family="ops", aliases=("StandardDeviation", "StdDev"), kinks=(constant,),
    forward=std, backward=std_backward, torch_forward=std_torch, shapes=LAYOUT, variants=(*VARIANTS, *LESS_ONE),
    inside=inside, minimum={"N": 2, "D": 2},
    mistakes=(
        degrees(std_divided_by_n_less_one, "standard deviation", "표준편차", "n - 1", "n"),
        degrees(std_divided_by_n, "standard deviation", "표준편차", "n", "n - 1", LESS_ONE[0].note),
        Mistake("gradient-of-variance", gradient_of_the_variance,
                says="`{grad}` is that of the variance; the root of the standard deviation is left out",
                help="s = sqrt(v) adds the factor 1 / (2 s) to the chain: (x - m) / (n s).",
                says_ko="`{grad}`가 분산의 기울기이다: 표준편차의 제곱근이 빠졌다",
                help_ko="s = sqrt(v)이므로 1 / (2 s)를 더 곱한다: (x - m) / (n s)."),
        Mistake("variance-for-deviation", divided_by_the_variance,
                says="`{grad}` of the standard deviation divides by the variance s^2, not by s",
                help="The root has the derivative 1 / (2 s): what is left is (x - m) / (n s).",
                says_ko="표준편차의 `{grad}`를 s가 아니라 분산 s^2로 나누었다",
                help_ko="제곱근의 도함수는 1 / (2 s)이므로 (x - m) / (n s)만 남는다."),
    ),
)
# fmt: on
SPECS = (VAR, STD)
