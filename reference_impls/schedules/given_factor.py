"""Learning rates whose factor somebody else gives, at t = 0, 1, 2, ...

constant_rate           lr * factor while t < until, then lr       factor = 1: the rate never changes
lambda_decay            lr * f(t)                                  f is the whole factor of step t
multiplicative_decay    lr * f(1) * f(2) * ... * f(t)              f(t) is the factor from step t - 1 to step t
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from reference_impls.rules import no_backward, over_time, over_torch_time
from reference_impls.spec import LayerSpec, Mistake, Variant

Factor = Callable[[int], float]


def falling(t: int) -> float:
    return 1 / (1 + 0.1 * t)


def constant_rate(lr: float, t: int, factor: float = 0.5, until: int = 5) -> float:
    return lr * factor if t < until else lr


def torch_constant(rule: Any, factor: float = 0.5, until: int = 5) -> Any:
    import torch

    return torch.optim.lr_scheduler.ConstantLR(rule, factor, until)


def one_step_longer(lr: float, t: int, factor: float = 0.5, until: int = 5) -> float:
    return lr * factor if t <= until else lr


def never_back(lr: float, t: int, factor: float = 0.5, until: int = 5) -> float:
    return lr * factor


def lambda_decay(lr: float, t: int, f: Factor = falling) -> float:
    return lr * f(t)


def torch_lambda(rule: Any, f: Factor = falling) -> Any:
    import torch

    return torch.optim.lr_scheduler.LambdaLR(rule, f)


def multiplicative_decay(lr: float, t: int, f: Factor = falling) -> float:
    return float(lr * np.prod([f(s) for s in range(1, t + 1)]))


def torch_multiplicative(rule: Any, f: Factor = falling) -> Any:
    import torch

    return torch.optim.lr_scheduler.MultiplicativeLR(rule, f)


def factors_from_zero(lr: float, t: int, f: Factor = falling) -> float:
    return float(lr * np.prod([f(s) for s in range(t)]))


def one_step_ahead(lr: float, t: int, f: Factor = falling) -> float:
    return lr * f(t + 1)


# fmt: off
SPECS = (
    LayerSpec(
        name="constant_rate", korean="상수 학습률", kind="schedule", family="schedules",
        aliases=("ConstantLR", "ConstantScheduler", "constant_lr", "constant_learning_rate"),
        forward=over_time(constant_rate), backward=no_backward, torch_forward=over_torch_time(torch_constant),
        shapes="lr: @positive -> T",
        variants=(Variant(note="the rate never changes", options={"factor": 1.0}),),
        mistakes=(
            Mistake("off-by-one", forward=over_time(one_step_longer),
                    says="the factor holds one step too long, at t = until as well",
                    help="t = 0 ... until - 1 are `until` steps: compare with t < until",
                    says_ko="계수가 t = until에서도 곱해져 한 단계 더 이어진다",
                    help_ko="t = 0 ... until - 1이 until개의 단계다. t < until로 비교한다"),
            Mistake("never-back", forward=over_time(never_back),
                    says="the rate does not come back when the time of the factor is over",
                    help="From t = until on the rate is lr itself",
                    says_ko="계수를 곱하는 기간이 끝나도 학습률이 돌아오지 않는다",
                    help_ko="t = until부터는 학습률이 lr 그대로다"),
        ),
    ),
    LayerSpec(
        name="lambda_decay", korean="람다 학습률", kind="schedule", family="schedules",
        aliases=("LambdaLR", "lambda_lr", "LambdaScheduler"),
        forward=over_time(lambda_decay), backward=no_backward, torch_forward=over_torch_time(torch_lambda),
        shapes="lr: @positive -> T",
        mistakes=(
            Mistake("off-by-one", forward=over_time(one_step_ahead),
                    says="the factor is that of the next step, f(t + 1)",
                    help="lr0 * f(t), with t = 0 in the first step: count behind it",
                    says_ko="다음 단계의 계수 f(t + 1)을 쓴다",
                    help_ko="첫 단계가 t = 0인 lr0 * f(t)로 쓰고, 세는 것은 그 뒤에 한다"),
            Mistake("decays-twice", forward=over_time(multiplicative_decay),
                    says="the factor is multiplied to the rate of the step before, and not to the first one",
                    help="f(t) is the whole factor: lr = lr0 * f(t)",
                    says_ko="처음 학습률이 아니라 바로 전 단계의 학습률에 계수를 곱한다",
                    help_ko="f(t)가 전체 계수이다. lr = lr0 * f(t)"),
        ),
    ),
    LayerSpec(
        name="multiplicative_decay", korean="곱셈 학습률", kind="schedule", family="schedules",
        aliases=("MultiplicativeLR", "multiplicative_lr", "MultiplicativeScheduler"),
        forward=over_time(multiplicative_decay), backward=no_backward,
        torch_forward=over_torch_time(torch_multiplicative), shapes="lr: @positive -> T",
        mistakes=(
            Mistake("off-by-one", forward=over_time(factors_from_zero),
                    says="the factors are counted from f(0) on, one step behind",
                    help="The rate of step t is that of t - 1 times f(t); f(0) is never used",
                    says_ko="계수를 f(0)부터 곱해서 한 단계 뒤처진다",
                    help_ko="t단계의 학습률은 t - 1단계의 학습률에 f(t)를 곱한 것이다. f(0)은 쓰지 않는다"),
            Mistake("not-accumulated", forward=over_time(lambda_decay),
                    says="the factor is multiplied to the first rate, and not to that of the step before",
                    help="lr *= f(t) in every step",
                    says_ko="바로 전 단계의 학습률이 아니라 처음 학습률에 계수를 곱한다",
                    help_ko="매 단계 lr *= f(t)로 곱한다"),
        ),
    ),
)
# fmt: on
