"""Weights drawn with a scale that somebody chose: small random numbers.

    normal          W = std z        z normal, mean 0 and deviation 1          np.random.randn(n, m) * 0.01
    uniform         W = limit z      z uniform between -1 and 1 (`distribution` "unit": 0 and 1)
    trunc_normal    W = std z        z normal, drawn again beyond 2            tf.truncated_normal; std(W) = 0.88 std

`std` is a standard deviation and no variance. A uniform number between -a and a has the deviation a / sqrt(3).
"""

from __future__ import annotations

from statistics import NormalDist
from typing import Any

import numpy as np

from reference_impls.rules import DRAWS, no_backward, times, torch_times
from reference_impls.spec import Array, LayerSpec, Mistake, Variant


def normal(fan_in: int, fan_out: int, std: float = 0.01) -> float:
    return std


def torch_normal(w: Any, std: float = 0.01) -> Any:
    return w.normal_(0, std)


def uniform(fan_in: int, fan_out: int, limit: float = 0.05) -> float:
    return limit


def torch_uniform(w: Any, limit: float = 0.05) -> Any:
    return w.uniform_(-limit, limit)


def trunc_normal(fan_in: int, fan_out: int, std: float = 0.02) -> float:
    return std


def torch_trunc(w: Any, std: float = 0.02) -> Any:
    import torch

    return torch.nn.init.trunc_normal_(w, 0, std, -2 * std, 2 * std)


def variance_for_deviation(z: Array, std: float = 0.01, **_: Any) -> Array:
    return np.asarray(np.sqrt(std) * z)


def uniform_for_normal(z: Array, std: float = 0.01, **_: Any) -> Array:
    return np.asarray(std * np.vectorize(NormalDist().cdf)(z))  # np.random.rand: between 0 and 1, never negative


def deviation_for_limit(z: Array, limit: float = 0.05, **_: Any) -> Array:
    return np.asarray(np.sqrt(3) * limit * z)


def all_positive(z: Array, limit: float = 0.05, **_: Any) -> Array:
    return limit * (z + 1) / 2


def not_truncated(z: Array, std: float = 0.02, **_: Any) -> Array:
    flat = np.vectorize(NormalDist().cdf)(z)  # from 0.0228 to 0.9772
    return np.asarray(std * np.vectorize(NormalDist().inv_cdf)((flat - 0.02275013) / 0.95449974))


def clipped(z: Array, std: float = 0.02, **_: Any) -> Array:
    return np.asarray(np.clip(not_truncated(z, std), -2 * std, 2 * std))


# fmt: off
SPECS = (
    LayerSpec(
        name="normal", korean="가우시안 초기화", kind="initialiser", family="initialisers", shapes=DRAWS,
        aliases=("initialize_parameters_random", "normal_init", "init_normal", "random_normal", "gaussian",
                 "RandomNormal", "gaussian_init"),
        forward=times(normal), backward=no_backward, torch_forward=torch_times(torch_normal, lambda w: w.normal_()),
        minimum={"I": 120, "O": 75},
        variants=(
            Variant("z: O I -> O I", "weights stored (out, in)"),
            Variant(note="large numbers", options={"std": 10.0}),
        ),
        mistakes=(
            Mistake("variance-for-deviation", forward=variance_for_deviation,
                    says="the root of the standard deviation is taken, as if it were a variance",
                    help="np.random.randn(n, m) * std; np.random.normal(0, std, (n, m)) takes a deviation, too",
                    says_ko="표준편차를 분산처럼 다루어 제곱근을 취했다",
                    help_ko="np.random.randn(n, m) * std로 쓴다. np.random.normal(0, std, ...)의 std도 표준편차이다"),
            Mistake("rand-for-randn", forward=uniform_for_normal,
                    says="the numbers are uniform between 0 and std, none of them negative: rand was used for randn",
                    help="np.random.randn has mean 0 and deviation 1, np.random.rand lies between 0 and 1",
                    says_ko="randn 대신 rand를 써서 0과 std 사이의 균등 분포이고 음수가 없다",
                    help_ko="np.random.randn은 평균 0, 표준편차 1이고 np.random.rand는 0과 1 사이다"),
        ),
    ),
    LayerSpec(
        name="uniform", korean="균등 초기화", kind="initialiser", family="initialisers", shapes=DRAWS,
        aliases=("uniform_init", "init_uniform", "random_uniform", "UniformRandom", "RandomUniform"),
        forward=times(uniform, "uniform"), backward=no_backward,
        torch_forward=torch_times(torch_uniform, lambda w: w.uniform_(-1, 1)), minimum={"I": 120, "O": 75},
        variants=(
            Variant("z: O I -> O I", "weights stored (out, in)"),
            Variant(note="between -1 and 1", options={"limit": 1.0}),
            Variant(note="between 0 and 1, none of them negative", options={"limit": 1.0, "distribution": "unit"}),
        ),
        mistakes=(
            Mistake("deviation-for-limit", forward=deviation_for_limit,
                    says="the limits are sqrt(3) times too wide: the limit was taken for the standard deviation",
                    help="np.random.uniform(-limit, limit, shape)",
                    says_ko="한계를 표준편차로 여겨서 범위가 sqrt(3)배 넓다",
                    help_ko="np.random.uniform(-limit, limit, shape)로 쓴다"),
            Mistake("never-negative", forward=all_positive,
                    says="the numbers lie between 0 and the limit, none of them is negative",
                    help="np.random.uniform(-limit, limit, shape), or limit * (2 * np.random.rand(...) - 1)",
                    says_ko="값이 0과 한계 사이에만 있고 음수가 없다",
                    help_ko="np.random.uniform(-limit, limit, shape)나 limit * (2 * np.random.rand(...) - 1)로 쓴다"),
        ),
    ),
    LayerSpec(
        name="trunc_normal", korean="절단 정규 초기화", kind="initialiser", family="initialisers", shapes=DRAWS,
        aliases=("truncated_normal", "TruncatedNormal", "trunc_normal_init", "init_trunc_normal"),
        forward=times(trunc_normal, "truncated"), backward=no_backward,
        torch_forward=torch_times(torch_trunc, lambda w: torch_trunc(w, 1.0)), minimum={"I": 120, "O": 75},
        variants=(Variant("z: O I -> O I", "weights stored (out, in)"),),
        mistakes=(
            Mistake("not-truncated", forward=not_truncated,
                    says="the numbers go beyond two deviations: the normal distribution is not truncated",
                    help="Draw again where abs(w) > 2 * std, until there is none",
                    says_ko="값이 표준편차의 두 배를 넘는다. 정규 분포를 자르지 않았다",
                    help_ko="abs(w) > 2 * std인 값을 없어질 때까지 다시 뽑는다"),
            Mistake("clipped-not-drawn-again", forward=clipped,
                    says="numbers beyond two deviations are set to the bound, where many are now exactly equal",
                    help="Draw them again instead of clipping them",
                    says_ko="표준편차의 두 배를 넘는 값을 경계로 바꾸어서 경계에 같은 값이 몰린다",
                    help_ko="경계로 자르지 말고 다시 뽑는다"),
        ),
    ),
)
# fmt: on
