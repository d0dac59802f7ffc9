"""Xavier (Glorot): the variance halfway between what forward and backward want, for tanh and sigmoid.

    xavier_normal       W = gain sqrt(2 / (fan_in + fan_out)) z      z normal, mean 0 and deviation 1
    xavier_uniform      W = gain sqrt(6 / (fan_in + fan_out)) z      z uniform between -1 and 1: the same deviation

A kernel of k x k has k^2 times the fans. Options: gain; `fans`: "both", or "in", what the book calls Xavier:
1 / sqrt(fan_in), which is LeCun's rule.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from reference_impls.rules import DRAWS, no_backward, times, torch_times
from reference_impls.spec import Array, LayerSpec, Mistake, Variant


def xavier_normal(fan_in: int, fan_out: int, gain: float = 1.0, fans: str = "both") -> float:
    return float(gain * np.sqrt(2 / (2 * fan_in if fans == "in" else fan_in + fan_out)))


def xavier_uniform(fan_in: int, fan_out: int, gain: float = 1.0, fans: str = "both") -> float:
    return float(np.sqrt(3) * xavier_normal(fan_in, fan_out, gain, fans))


def torch_normal(w: Any, gain: float = 1.0, fans: str = "both") -> Any:
    import torch

    return torch.nn.init.xavier_normal_(w, gain) if fans == "both" else None


def torch_uniform(w: Any, gain: float = 1.0, fans: str = "both") -> Any:
    import torch

    return torch.nn.init.xavier_uniform_(w, gain) if fans == "both" else None


def variance_for_deviation(fan_in: int, fan_out: int, gain: float = 1.0, fans: str = "both") -> float:
    return gain * 2 / (fan_in + fan_out)


def two_forgotten(fan_in: int, fan_out: int, gain: float = 1.0, fans: str = "both") -> float:
    return float(gain * np.sqrt(1 / (fan_in + fan_out)))


def gain_squared(fan_in: int, fan_out: int, gain: float = 1.0, fans: str = "both") -> float:
    return gain * xavier_normal(fan_in, fan_out, gain)


def gain_forgotten(fan_in: int, fan_out: int, gain: float = 1.0, fans: str = "both") -> float:
    return xavier_normal(fan_in, fan_out)


def receptive_field_omitted(z: Array, receptive: int = 1, **options: Any) -> Array:
    return np.asarray(times(xavier_normal)(z, **options))


def deviation_for_limit(fan_in: int, fan_out: int, gain: float = 1.0, fans: str = "both") -> float:
    return xavier_normal(fan_in, fan_out, gain)


# fmt: off
KERNEL = Variant(note="a kernel of 3 x 3", options={"receptive": 9})
GAIN = Variant(note="with a gain", options={"gain": 1.6})
ONE_FAN = Variant(note="1 / sqrt(fan_in), which is LeCun's rule", options={"fans": "in"})
SPECS = (
    LayerSpec(
        name="xavier_normal", korean="사비에르 초기화", kind="initialiser", family="initialisers", shapes=DRAWS,
        aliases=("xavier", "Xavier", "xavier_init", "init_xavier", "glorot", "glorot_normal", "glorot_init",
                 "initialize_parameters_xavier", "GlorotNormal", "XavierNormal", "xavier_initializer"),
        forward=times(xavier_normal), backward=no_backward,
        torch_forward=torch_times(torch_normal, lambda w: w.normal_()), minimum={"I": 120, "O": 75},
        variants=(
            Variant("z: O I -> O I", "weights stored (out, in)"), GAIN, KERNEL, ONE_FAN,
            Variant("z: O I -> O I", "1 / sqrt(fan_in), which is LeCun's rule; stored (out, in)", {"fans": "in"}),
            Variant(note="a truncated normal distribution", options={"distribution": "truncated"}),
            Variant(note="a truncated normal distribution, stretched", options={"distribution": "unit truncated"}),
        ),
        mistakes=(
            Mistake("variance-for-deviation", forward=times(variance_for_deviation),
                    says="2 / (fan_in + fan_out) is the variance, and the numbers are multiplied by it without a root",
                    help="np.random.randn(...) * np.sqrt(2 / (fan_in + fan_out))",
                    says_ko="2 / (fan_in + fan_out)는 분산인데 제곱근 없이 그대로 곱했다",
                    help_ko="np.random.randn(...) * np.sqrt(2 / (fan_in + fan_out))로 쓴다"),
            Mistake("factor-forgotten", forward=times(two_forgotten),
                    says="the 2 is missing: 1 / (fan_in + fan_out) is half of the variance",
                    help="np.sqrt(2 / (fan_in + fan_out)): the average of both fans is half of their sum",
                    says_ko="2가 빠져서 분산이 절반인 1 / (fan_in + fan_out)이 된다",
                    help_ko="np.sqrt(2 / (fan_in + fan_out))로 쓴다. 두 fan의 평균은 합의 절반이다"),
            Mistake("gain-squared", forward=times(gain_squared), variant="with a gain",
                    says="the gain is multiplied twice",
                    help="gain * sqrt(2 / (fan_in + fan_out)); under the root it has to be gain ** 2",
                    says_ko="gain을 두 번 곱한다",
                    help_ko="gain * sqrt(2 / (fan_in + fan_out))로 쓴다. 제곱근 안에서는 gain ** 2여야 한다"),
            Mistake("gain-ignored", forward=times(gain_forgotten), variant="with a gain",
                    says="the gain is not used",
                    help="gain * sqrt(2 / (fan_in + fan_out))",
                    says_ko="gain을 쓰지 않는다",
                    help_ko="gain * sqrt(2 / (fan_in + fan_out))로 쓴다"),
            Mistake("receptive-field-omitted", forward=receptive_field_omitted, variant="a kernel of 3 x 3",
                    says="the fans of a kernel are its channels only, without the k * k places of the kernel",
                    help="fan_in = in_channels * k * k, fan_out = out_channels * k * k",
                    says_ko="커널의 k * k개 자리를 곱하지 않고 채널 수만 fan으로 쓴다",
                    help_ko="fan_in = in_channels * k * k, fan_out = out_channels * k * k"),
        ),
    ),
    LayerSpec(
        name="xavier_uniform", korean="사비에르 균등 초기화", kind="initialiser", family="initialisers", shapes=DRAWS,
        aliases=("glorot_uniform", "GlorotUniform", "XavierUniform", "xavier_uniform_init"),
        forward=times(xavier_uniform, "uniform"), backward=no_backward,
        torch_forward=torch_times(torch_uniform, lambda w: w.uniform_(-1, 1)), minimum={"I": 120, "O": 75},
        variants=(Variant("z: O I -> O I", "weights stored (out, in)"), GAIN, KERNEL, ONE_FAN),
        mistakes=(
            Mistake("deviation-for-limit", forward=times(deviation_for_limit, "uniform"),
                    says="the limit is the deviation of the normal form: the factor sqrt(3) is missing",
                    help="limit = np.sqrt(6 / (fan_in + fan_out))",
                    says_ko="한계로 정규 분포의 표준편차를 써서 sqrt(3)이 빠졌다",
                    help_ko="limit = np.sqrt(6 / (fan_in + fan_out))"),
        ),
    ),
)
# fmt: on
