"""He (Kaiming): for ReLU, which lets half of the variance through, twice LeCun's variance.

    he_normal       W = sqrt(2 / fan_in) z      z normal, mean 0 and deviation 1
    he_uniform      W = sqrt(6 / fan_in) z      z uniform between -1 and 1: the same deviation

fan_in counts the inputs of one output, in_channels k^2 for a kernel of k x k. Options: slope, that of a leaky ReLU,
sqrt(2 / ((1 + slope^2) fan_in)); torch's Linear starts with the uniform form and slope sqrt(5), 1 / sqrt(fan_in).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from reference_impls.rules import DRAWS, no_backward, times, torch_times
from reference_impls.spec import Array, LayerSpec, Mistake, Variant


def he_normal(fan_in: int, fan_out: int, slope: float = 0.0) -> float:
    return float(np.sqrt(2 / ((1 + slope**2) * fan_in)))


def he_uniform(fan_in: int, fan_out: int, slope: float = 0.0) -> float:
    return float(np.sqrt(3) * he_normal(fan_in, fan_out, slope))


def torch_normal(w: Any, slope: float = 0.0) -> Any:
    import torch

    return torch.nn.init.kaiming_normal_(w, slope)


def torch_uniform(w: Any, slope: float = 0.0) -> Any:
    import torch

    return torch.nn.init.kaiming_uniform_(w, slope)


def other_fan(fan_in: int, fan_out: int, slope: float = 0.0) -> float:
    return he_normal(fan_out, fan_in, slope)


def two_forgotten(fan_in: int, fan_out: int, slope: float = 0.0) -> float:
    return float(np.sqrt(1 / fan_in))


def variance_for_deviation(fan_in: int, fan_out: int, slope: float = 0.0) -> float:
    return 2 / fan_in


def receptive_field_omitted(z: Array, receptive: int = 1, **options: Any) -> Array:
    return np.asarray(times(he_normal)(z, **options))


def all_zero(z: Array, **options: Any) -> Array:
    return np.zeros(z.shape)


def one_row_for_all(z: Array, **options: Any) -> Array:
    return np.asarray(times(he_normal)(np.repeat(z[:1], len(z), axis=0), **options))


def other_fan_uniform(fan_in: int, fan_out: int, slope: float = 0.0) -> float:
    return he_uniform(fan_out, fan_in, slope)


def deviation_for_limit(fan_in: int, fan_out: int, slope: float = 0.0) -> float:
    return he_normal(fan_in, fan_out, slope)


# fmt: off
KERNEL = Variant(note="a kernel of 3 x 3", options={"receptive": 9})
LEAKY = Variant(note="for a leaky ReLU", options={"slope": 0.5})
SPECS = (
    LayerSpec(
        name="he_normal", korean="He 초기화", kind="initialiser", family="initialisers", shapes=DRAWS,
        aliases=("he", "He", "he_init", "init_he", "kaiming", "kaiming_normal", "kaiming_init", "kaiming_initializer",
                 "initialize_parameters_he", "HeNormal", "he_initializer", "kaiming_normal_", "he_initialization"),
        forward=times(he_normal), backward=no_backward,
        torch_forward=torch_times(torch_normal, lambda w: w.normal_()), minimum={"I": 120, "O": 75},
        variants=(
            Variant("z: O I -> O I", "weights stored (out, in)"), LEAKY, KERNEL,
            Variant(note="a truncated normal distribution", options={"distribution": "truncated"}),
            Variant(note="a truncated normal distribution, stretched", options={"distribution": "unit truncated"}),
        ),
        mistakes=(
            Mistake("other-fan", forward=times(other_fan),
                    says="the variance is 2 / fan_out: the fans changed places",
                    help="fan_in is the number of inputs of one output: rows of (in, out), columns of (out, in)",
                    says_ko="분산이 2 / fan_out이다. fan_in과 fan_out이 바뀌었다",
                    help_ko="fan_in은 출력 하나가 받는 입력의 수이다. (in, out) 가중치의 행, (out, in) 가중치의 열"),
            Mistake("factor-forgotten", forward=times(two_forgotten),
                    says="the 2 is missing: 1 / fan_in is LeCun's variance, half of what ReLU needs",
                    help="np.random.randn(...) * np.sqrt(2 / fan_in)",
                    says_ko="2가 빠져서 분산이 ReLU에 필요한 값의 절반인 1 / fan_in이 된다",
                    help_ko="np.random.randn(...) * np.sqrt(2 / fan_in)로 쓴다"),
            Mistake("variance-for-deviation", forward=times(variance_for_deviation),
                    says="2 / fan_in is the variance, and the numbers are multiplied by it without a root",
                    help="np.random.randn(...) * np.sqrt(2 / fan_in)",
                    says_ko="2 / fan_in은 분산인데 제곱근 없이 그대로 곱했다",
                    help_ko="np.random.randn(...) * np.sqrt(2 / fan_in)로 쓴다"),
            Mistake("receptive-field-omitted", forward=receptive_field_omitted, variant="a kernel of 3 x 3",
                    says="the fan of a kernel is its channels only, without the k * k places of the kernel",
                    help="fan_in = in_channels * k * k",
                    says_ko="커널의 k * k개 자리를 곱하지 않고 채널 수만 fan으로 쓴다",
                    help_ko="fan_in = in_channels * k * k"),
            Mistake("symmetric-weights", forward=all_zero,
                    says="all weights start with the same number: the units get the same gradient and stay alike",
                    help="Draw them at random; only biases may start with 0",
                    says_ko="모든 가중치가 같은 값으로 시작해서 유닛들이 같은 기울기를 받아 계속 똑같다",
                    help_ko="가중치는 난수로 시작한다. 0으로 시작해도 되는 것은 편향뿐이다"),
            Mistake("repeated-draws", forward=one_row_for_all,
                    says="the same random numbers are used many times, so that whole rows or columns are equal",
                    help="Draw the full shape: np.random.randn(n_in, n_out)",
                    says_ko="같은 난수를 여러 번 써서 행이나 열이 통째로 같다",
                    help_ko="전체 모양으로 뽑는다. np.random.randn(n_in, n_out)"),
        ),
    ),
    LayerSpec(
        name="he_uniform", korean="He 균등 초기화", kind="initialiser", family="initialisers", shapes=DRAWS,
        aliases=("kaiming_uniform", "HeUniform", "he_uniform_init", "kaiming_uniform_"),
        forward=times(he_uniform, "uniform"), backward=no_backward,
        torch_forward=torch_times(torch_uniform, lambda w: w.uniform_(-1, 1)), minimum={"I": 120, "O": 75},
        variants=(
            Variant("z: O I -> O I", "weights stored (out, in)"), LEAKY, KERNEL,
            Variant(note="as torch starts Linear, 1 / sqrt(fan_in)", options={"slope": 5**0.5}),
        ),
        mistakes=(
            Mistake("other-fan", forward=times(other_fan_uniform, "uniform"),
                    says="the limit is sqrt(6 / fan_out): the fans changed places",
                    help="fan_in is the number of inputs of one output",
                    says_ko="한계가 sqrt(6 / fan_out)이다. fan_in과 fan_out이 바뀌었다",
                    help_ko="fan_in은 출력 하나가 받는 입력의 수이다"),
            Mistake("deviation-for-limit", forward=times(deviation_for_limit, "uniform"),
                    says="the limit is the deviation of the normal form: the factor sqrt(3) is missing",
                    help="limit = np.sqrt(6 / fan_in)",
                    says_ko="한계로 정규 분포의 표준편차를 써서 sqrt(3)이 빠졌다",
                    help_ko="limit = np.sqrt(6 / fan_in)"),
        ),
    ),
)
# fmt: on
