"""LeCun: the sum of fan_in products keeps the variance of its inputs, for tanh and SELU.

    lecun_normal       W = sqrt(1 / fan_in) z      z normal, mean 0 and deviation 1
    lecun_uniform      W = sqrt(3 / fan_in) z      z uniform between -1 and 1: the same deviation

fan_in counts the inputs of one output, in_channels k^2 for a kernel of k x k. "Deep Learning from Scratch" calls the
first one Xavier.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from reference_impls.rules import DRAWS, no_backward, times, torch_times
from reference_impls.spec import LayerSpec, Mistake, Variant


def lecun_normal(fan_in: int, fan_out: int) -> float:
    return float(np.sqrt(1 / fan_in))


def lecun_uniform(fan_in: int, fan_out: int) -> float:
    return float(np.sqrt(3 / fan_in))


def torch_normal(w: Any) -> Any:
    import torch

    return torch.nn.init.kaiming_normal_(w, nonlinearity="linear")


def torch_uniform(w: Any) -> Any:
    import torch

    return torch.nn.init.kaiming_uniform_(w, nonlinearity="linear")


def other_fan(fan_in: int, fan_out: int) -> float:
    return lecun_normal(fan_out, fan_in)


def variance_for_deviation(fan_in: int, fan_out: int) -> float:
    return 1 / fan_in


def both_fans(fan_in: int, fan_out: int) -> float:
    return float(np.sqrt(2 / (fan_in + fan_out)))


def other_fan_uniform(fan_in: int, fan_out: int) -> float:
    return lecun_uniform(fan_out, fan_in)


def deviation_for_limit(fan_in: int, fan_out: int) -> float:
    return lecun_normal(fan_in, fan_out)


# fmt: off
KERNEL = Variant(note="a kernel of 3 x 3", options={"receptive": 9})
SPECS = (
    LayerSpec(
        name="lecun_normal", korean="르쿤 초기화", kind="initialiser", family="initialisers", shapes=DRAWS,
        aliases=("lecun", "LeCun", "lecun_init", "init_lecun", "LecunNormal"),
        forward=times(lecun_normal), backward=no_backward,
        torch_forward=torch_times(torch_normal, lambda w: w.normal_()), minimum={"I": 120, "O": 75},
        variants=(
            Variant("z: O I -> O I", "weights stored (out, in)"), KERNEL,
            Variant(note="a truncated normal distribution", options={"distribution": "truncated"}),
            Variant(note="a truncated normal distribution, stretched", options={"distribution": "unit truncated"}),
        ),
        mistakes=(
            Mistake("other-fan", forward=times(other_fan),
                    says="the variance is 1 / fan_out: the fans changed places",
                    help="fan_in is the number of inputs of one output: rows of (in, out), columns of (out, in)",
                    says_ko="분산이 1 / fan_out이다. fan_in과 fan_out이 바뀌었다",
                    help_ko="fan_in은 출력 하나가 받는 입력의 수이다. (in, out) 가중치의 행, (out, in) 가중치의 열"),
            Mistake("variance-for-deviation", forward=times(variance_for_deviation),
                    says="1 / fan_in is the variance, and the numbers are multiplied by it without a root",
                    help="np.random.randn(...) / np.sqrt(fan_in)",
                    says_ko="1 / fan_in은 분산인데 제곱근 없이 그대로 곱했다",
                    help_ko="np.random.randn(...) / np.sqrt(fan_in)으로 쓴다"),
            Mistake("both-fans", forward=times(both_fans),
                    says="this is Xavier's variance, 2 / (fan_in + fan_out): LeCun's is 1 / fan_in",
                    help="np.random.randn(...) / np.sqrt(fan_in)",
                    says_ko="이것은 사비에르의 분산 2 / (fan_in + fan_out)이다. 르쿤의 분산은 1 / fan_in이다",
                    help_ko="np.random.randn(...) / np.sqrt(fan_in)으로 쓴다"),
        ),
    ),
    LayerSpec(
        name="lecun_uniform", korean="르쿤 균등 초기화", kind="initialiser", family="initialisers", shapes=DRAWS,
        aliases=("LecunUniform", "lecun_uniform_init"),
        forward=times(lecun_uniform, "uniform"), backward=no_backward,
        torch_forward=torch_times(torch_uniform, lambda w: w.uniform_(-1, 1)), minimum={"I": 120, "O": 75},
        variants=(Variant("z: O I -> O I", "weights stored (out, in)"), KERNEL),
        mistakes=(
            Mistake("other-fan", forward=times(other_fan_uniform, "uniform"),
                    says="the limit is sqrt(3 / fan_out): the fans changed places",
                    help="fan_in is the number of inputs of one output",
                    says_ko="한계가 sqrt(3 / fan_out)이다. fan_in과 fan_out이 바뀌었다",
                    help_ko="fan_in은 출력 하나가 받는 입력의 수이다"),
            Mistake("deviation-for-limit", forward=times(deviation_for_limit, "uniform"),
                    says="the limit is the deviation of the normal form: the factor sqrt(3) is missing",
                    help="limit = np.sqrt(3 / fan_in)",
                    says_ko="한계로 정규 분포의 표준편차를 써서 sqrt(3)이 빠졌다",
                    help_ko="limit = np.sqrt(3 / fan_in)"),
        ),
    ),
)
# fmt: on
