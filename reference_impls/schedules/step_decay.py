"""Learning rates that fall in steps, at t = 0, 1, 2, ... (epochs or iterations, whichever the caller counts).

    step_decay          lr * gamma ^ floor(t / size)                   the first fall is at t = size
    multistep_decay     lr * gamma ^ (how many milestones are <= t)    the rate falls at t = milestone itself

Every rate is computed from the first one, lr, and t = 0 gives lr itself. Whoever writes the result back into lr lets it
decay twice.
"""

from __future__ import annotations

from typing import Any

from reference_impls.rules import no_backward, over_time, over_torch_time
from reference_impls.spec import LayerSpec, Mistake, Variant

STONES = (3, 10, 17)


def step_decay(lr: float, t: int, gamma: float = 0.5, size: int = 4) -> float:
    return lr * gamma ** (t // size)


def torch_step(rule: Any, gamma: float = 0.5, size: int = 4) -> Any:
    import torch

    return torch.optim.lr_scheduler.StepLR(rule, size, gamma)


def boundary_early(lr: float, t: int, gamma: float = 0.5, size: int = 4) -> float:
    return lr * gamma ** ((t + 1) // size)


def boundary_late(lr: float, t: int, gamma: float = 0.5, size: int = 4) -> float:
    return lr * gamma ** (max(t - 1, 0) // size)


def iterations_for_epochs(lr: float, t: int, gamma: float = 0.5, size: int = 4, per_epoch: int = 10) -> float:
    return step_decay(lr, t * per_epoch, gamma, size)


def not_rounded(lr: float, t: int, gamma: float = 0.5, size: int = 4) -> float:
    return float(lr * gamma ** (t / size))


def written_back(lr: float, t: int, gamma: float = 0.5, size: int = 4) -> float:
    for s in range(1, t + 1):  # self.lr *= gamma ** (t // size) in every step
        lr *= gamma ** (s // size)
    return lr


def once_only(lr: float, t: int, gamma: float = 0.5, size: int = 4) -> float:
    return lr * (gamma if t >= size else 1)


def multistep_decay(lr: float, t: int, gamma: float = 0.5, milestones: tuple[int, ...] = STONES) -> float:
    return lr * gamma ** sum(m <= t for m in milestones)


def torch_multistep(rule: Any, gamma: float = 0.5, milestones: tuple[int, ...] = STONES) -> Any:
    import torch

    return torch.optim.lr_scheduler.MultiStepLR(rule, list(milestones), gamma)


def milestone_late(lr: float, t: int, gamma: float = 0.5, milestones: tuple[int, ...] = STONES) -> float:
    return lr * gamma ** sum(m < t for m in milestones)


def first_milestone_only(lr: float, t: int, gamma: float = 0.5, milestones: tuple[int, ...] = STONES) -> float:
    return lr * (gamma if t >= milestones[0] else 1)


# fmt: off
SPECS = (
    LayerSpec(
        name="step_decay", korean="계단식 학습률 감쇠", kind="schedule", family="schedules",
        aliases=("StepLR", "StepScheduler", "lr_step_decay", "step_lr", "step_based_decay", "StepDecay"),
        forward=over_time(step_decay), backward=no_backward, torch_forward=over_torch_time(torch_step),
        shapes="lr: @positive -> T",
        variants=(Variant(note="another factor and size", options={"gamma": 0.1, "size": 7}),),
        mistakes=(
            Mistake("off-by-one", forward=over_time(boundary_early),
                    says="the rate falls one step early, at t = size - 1",
                    help="lr * gamma ** (t // size): the first `size` steps, t = 0 ... size - 1, have the first rate",
                    says_ko="학습률이 한 단계 일찍, t = size - 1에서 떨어진다",
                    help_ko="lr * gamma ** (t // size)로 쓴다. t = 0 ... size - 1에서는 처음 학습률 그대로다"),
            Mistake("off-by-one", forward=over_time(boundary_late),
                    says="the rate falls one step late, at t = size + 1",
                    help="lr * gamma ** (t // size): the rate of t = size is the second one",
                    says_ko="학습률이 한 단계 늦게, t = size + 1에서 떨어진다",
                    help_ko="lr * gamma ** (t // size)로 쓴다. t = size에서 이미 두 번째 학습률이다"),
            Mistake("epoch-or-iteration", forward=over_time(iterations_for_epochs),
                    says="iterations are counted where epochs are meant: the rate falls many times in one epoch",
                    help="Count in one unit: epoch = iteration // iterations_per_epoch",
                    says_ko="에폭을 세어야 할 곳에서 반복을 세어, 한 에폭 동안 학습률이 여러 번 떨어진다",
                    help_ko="단위를 하나로 맞춘다. epoch = iteration // iterations_per_epoch"),
            Mistake("not-rounded", forward=over_time(not_rounded),
                    says="t / size is not rounded down, so the rate falls in every step",
                    help="t // size, or np.floor(t / size)",
                    says_ko="t / size를 내림하지 않아서 학습률이 매 단계 떨어진다",
                    help_ko="t // size 또는 np.floor(t / size)를 쓴다"),
            Mistake("decays-twice", forward=over_time(written_back),
                    says="the rate that has fallen is taken for the first one in the next step, and falls twice",
                    help="Keep the first rate apart: lr = lr0 * gamma ** (t // size)",
                    says_ko="이미 떨어진 학습률을 다음 단계에서 처음 값으로 써서 거듭 떨어진다",
                    help_ko="처음 학습률을 따로 둔다. lr = lr0 * gamma ** (t // size)"),
            Mistake("once-only", forward=over_time(once_only),
                    says="the rate falls once and then no more",
                    help="The exponent counts the falls: gamma ** (t // size)",
                    says_ko="학습률이 한 번만 떨어지고 그 뒤로는 그대로다",
                    help_ko="지수가 떨어진 횟수를 센다. gamma ** (t // size)"),
        ),
    ),
    LayerSpec(
        name="multistep_decay", korean="다단계 학습률 감쇠", kind="schedule", family="schedules",
        aliases=("MultiStepLR", "multistep_lr", "PiecewiseConstantDecay", "milestone_decay", "MultiStepDecay"),
        forward=over_time(multistep_decay), backward=no_backward, torch_forward=over_torch_time(torch_multistep),
        shapes="lr: @positive -> T",
        variants=(Variant(note="another factor", options={"gamma": 0.1, "milestones": (5, 6)}),),
        mistakes=(
            Mistake("off-by-one", forward=over_time(milestone_late),
                    says="the rate falls one step late, at t = milestone + 1",
                    help="At t = milestone the rate has fallen already: compare with t >= milestone",
                    says_ko="학습률이 한 단계 늦게, t = milestone + 1에서 떨어진다",
                    help_ko="t = milestone에서 이미 떨어져 있어야 한다. t >= milestone으로 비교한다"),
            Mistake("once-only", forward=over_time(first_milestone_only),
                    says="the rate falls at the first milestone only",
                    help="Count all milestones that are behind: gamma ** sum(t >= m for m in milestones)",
                    says_ko="첫 번째 milestone에서만 학습률이 떨어진다",
                    help_ko="지나온 milestone을 모두 센다. gamma ** sum(t >= m for m in milestones)"),
        ),
    ),
)
# fmt: on
