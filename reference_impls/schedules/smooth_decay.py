"""Learning rates that fall a little in every step t = 0, 1, 2, ... (epochs or iterations, as the caller counts).

    exponential_decay      lr * gamma ^ (t / size)          `natural`: lr * exp(-gamma t / size)
    inverse_time_decay     lr / (1 + gamma t / size)

`staircase`: floor(t / size) in the place of t / size, so that the rate stays the same for `size` steps.
Every rate is computed from the first one, lr, and t = 0 gives lr itself.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from reference_impls.rules import no_backward, over_time, over_torch_time
from reference_impls.spec import LayerSpec, Mistake, Variant


def exponential_decay(
    lr: float, t: int, gamma: float = 0.9, size: int = 1, staircase: bool = False, natural: bool = False
) -> float:
    s = t // size if staircase else t / size
    return float(lr * (np.exp(-gamma * s) if natural else gamma**s))


def torch_exponential(rule: Any, gamma: float = 0.9, **form: Any) -> Any:
    import torch

    return None if form else torch.optim.lr_scheduler.ExponentialLR(rule, gamma)


def inverse_time_decay(lr: float, t: int, gamma: float = 0.1, size: int = 1, staircase: bool = False) -> float:
    return lr / (1 + gamma * (t // size if staircase else t / size))


def torch_inverse_time(rule: Any, gamma: float = 0.1, **form: Any) -> Any:
    import torch

    return None if form else torch.optim.lr_scheduler.LambdaLR(rule, lambda t: 1 / (1 + gamma * t))


def starts_late(lr: float, t: int, **options: Any) -> float:
    return exponential_decay(lr, t + 1, **options)


def written_back(lr: float, t: int, **options: Any) -> float:
    for s in range(1, t + 1):  # self.lr = self.lr * gamma ** t in every step
        lr = exponential_decay(lr, s, **options)
    return lr


def linear(lr: float, t: int, gamma: float = 0.9, size: int = 1) -> float:
    return lr * gamma * t / size


def inverse_starts_late(lr: float, t: int, **options: Any) -> float:
    return inverse_time_decay(lr, t + 1, **options)


def inverse_written_back(lr: float, t: int, **options: Any) -> float:
    for s in range(1, t + 1):  # self.lr /= 1 + gamma * t in every step
        lr = inverse_time_decay(lr, s, **options)
    return lr


def iterations_for_epochs(lr: float, t: int, **options: Any) -> float:
    return inverse_time_decay(lr, 10 * t, **options)


def one_dropped(lr: float, t: int, gamma: float = 0.1, size: int = 1) -> float:
    return lr / (gamma * t / size) if t else lr


# fmt: off
SPECS = (
    LayerSpec(
        name="exponential_decay", korean="지수 학습률 감쇠", kind="schedule", family="schedules",
        aliases=("ExponentialLR", "ExponentialScheduler", "ExponentialDecay", "exp_decay", "exp_lr"),
        forward=over_time(exponential_decay), backward=no_backward, torch_forward=over_torch_time(torch_exponential),
        shapes="lr: @positive -> T",
        variants=(
            Variant(note="per `size` steps", options={"size": 4}),
            Variant(note="per `size` steps, in stairs", options={"size": 4, "staircase": True}),
            Variant(note="exp(-gamma t)", options={"natural": True, "gamma": 0.1}),
            Variant(note="exp(-gamma t / size)", options={"natural": True, "gamma": 0.1, "size": 4}),
        ),
        mistakes=(
            Mistake("off-by-one", forward=over_time(starts_late),
                    says="the rate has fallen already at t = 0",
                    help="lr0 * gamma ** t gives lr0 itself at t = 0; count the step behind it",
                    says_ko="t = 0에서 이미 학습률이 떨어져 있다",
                    help_ko="lr0 * gamma ** t는 t = 0에서 lr0 그대로다. 학습률을 구한 뒤에 단계를 센다"),
            Mistake("decays-twice", forward=over_time(written_back),
                    says="the rate that has fallen is taken for the first one in the next step, and falls twice",
                    help="lr = lr0 * gamma ** t from the first rate, or lr *= gamma in every step: not both",
                    says_ko="이미 떨어진 학습률을 다음 단계에서 처음 값으로 써서 거듭 떨어진다",
                    help_ko="처음 값에서 lr0 * gamma ** t로 구하거나 매 단계 lr *= gamma로 줄이거나, 하나만 한다"),
            Mistake("power-missing", forward=over_time(linear),
                    says="the rate is multiplied by gamma * t, and not by gamma ** t: it is 0 at first and grows",
                    help="lr0 * gamma ** t",
                    says_ko="gamma ** t가 아니라 gamma * t를 곱해서 학습률이 0에서 시작해 커진다",
                    help_ko="lr0 * gamma ** t로 쓴다"),
        ),
    ),
    LayerSpec(
        name="inverse_time_decay", korean="역시간 학습률 감쇠", kind="schedule", family="schedules",
        aliases=("update_lr", "schedule_lr_decay", "time_based_decay", "inverse_decay", "InverseLR"),
        forward=over_time(inverse_time_decay), backward=no_backward,
        torch_forward=over_torch_time(torch_inverse_time), shapes="lr: @positive -> T",
        variants=(
            Variant(note="per `size` steps", options={"size": 4}),
            Variant(note="per `size` steps, in stairs", options={"size": 4, "staircase": True}),
        ),
        mistakes=(
            Mistake("off-by-one", forward=over_time(inverse_starts_late),
                    says="the rate has fallen already at t = 0",
                    help="lr0 / (1 + decay * t) gives lr0 itself at t = 0; count the step behind it",
                    says_ko="t = 0에서 이미 학습률이 떨어져 있다",
                    help_ko="lr0 / (1 + decay * t)는 t = 0에서 lr0 그대로다. 학습률을 구한 뒤에 단계를 센다"),
            Mistake("decays-twice", forward=over_time(inverse_written_back),
                    says="the rate that has fallen is taken for the first one in the next step, and falls twice",
                    help="Keep the first rate apart: current_lr = lr0 / (1 + decay * t)",
                    says_ko="이미 떨어진 학습률을 다음 단계에서 처음 값으로 써서 거듭 떨어진다",
                    help_ko="처음 학습률을 따로 둔다. current_lr = lr0 / (1 + decay * t)"),
            Mistake("epoch-or-iteration", forward=over_time(iterations_for_epochs),
                    says="iterations are counted where epochs are meant: the rate falls many times faster",
                    help="Count in one unit: epoch = iteration // iterations_per_epoch",
                    says_ko="에폭을 세어야 할 곳에서 반복을 세어 학습률이 몇 배 빨리 떨어진다",
                    help_ko="단위를 하나로 맞춘다. epoch = iteration // iterations_per_epoch"),
            Mistake("one-missing", forward=over_time(one_dropped),
                    says="the 1 of the denominator is missing, so that the rate rises while decay * t is below 1",
                    help="lr0 / (1 + decay * t)",
                    says_ko="분모에 1이 빠져서 decay * t가 1보다 작은 동안 학습률이 오히려 커진다",
                    help_ko="lr0 / (1 + decay * t)로 쓴다"),
        ),
    ),
)
# fmt: on
