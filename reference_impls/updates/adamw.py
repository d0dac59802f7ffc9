"""Weight decay: every step shrinks the parameter. In Adam that is not the same as a penalty in the loss.

    sgd_weight_decay    w <- w - lr (g + d w)                     the gradient of an L2 penalty, d / 2 |w|^2: "coupled"
    adamw               w <- w - lr (m^ / (sqrt(v^) + eps) + d w)      past m and v: "decoupled"

m^ and v^ as in `adam`. Options: lr; weight_decay, d; beta1; beta2; eps; `inside`: eps in the root; `order`: the decay
acts on the parameter as it was, "first" (torch, the paper), or "last", on the one that Adam has moved.
"""

from __future__ import annotations

from typing import Any

from reference_impls.rules import STEPS, State, no_backward, over_steps, over_torch_steps
from reference_impls.spec import Array, LayerSpec, Mistake, Variant
from reference_impls.updates import adam


def sgd_step(w: Array, g: Array, state: State, t: int, lr: float = 0.1, weight_decay: float = 0.1) -> None:
    w -= lr * (g + weight_decay * w)


def sgd_torch(params: list[Any], lr: float, weight_decay: float = 0.1) -> Any:
    import torch

    return torch.optim.SGD(params, lr=lr, weight_decay=weight_decay)


def sgd_decay_without_rate(
    w: Array, g: Array, state: State, t: int, lr: float = 0.1, weight_decay: float = 0.1
) -> None:
    w -= lr * g + weight_decay * w


def sgd_grows(w: Array, g: Array, state: State, t: int, lr: float = 0.1, weight_decay: float = 0.1) -> None:
    w -= lr * (g - weight_decay * w)


def step(
    w: Array, g: Array, state: State, t: int, lr: float = 0.1, weight_decay: float = 0.1, beta1: float = 0.9,
    beta2: float = 0.999, eps: float = 1e-8, order: str = "first", inside: bool = False,
) -> None:  # fmt: skip
    if order == "first":
        w -= lr * weight_decay * w
    adam.step(w, g, state, t, lr=lr, beta1=beta1, beta2=beta2, eps=eps, inside=inside)
    if order == "last":
        w -= lr * weight_decay * w


def torch_rule(
    params: list[Any], lr: float, weight_decay: float = 0.1, beta1: float = 0.9, beta2: float = 0.999,
    eps: float = 1e-8, order: str = "first", inside: bool = False,
) -> Any:  # fmt: skip
    import torch

    rule = torch.optim.AdamW(params, lr=lr, betas=(beta1, beta2), eps=eps, weight_decay=weight_decay)
    return None if inside or order == "last" else rule


def decay_in_the_gradient(w: Array, g: Array, state: State, t: int, lr: float = 0.1, weight_decay: float = 0.1,
                          order: str = "first", **options: Any) -> None:  # fmt: skip
    adam.step(w, g + weight_decay * w, state, t, lr=lr, **options)


def decay_without_rate(w: Array, g: Array, state: State, t: int, lr: float = 0.1, weight_decay: float = 0.1,
                       **options: Any) -> None:  # fmt: skip
    step(w, g, state, t, lr=lr, weight_decay=weight_decay / lr, **options)


def no_decay(w: Array, g: Array, state: State, t: int, weight_decay: float = 0.1, **options: Any) -> None:
    step(w, g, state, t, weight_decay=0.0, **options)


# fmt: off
SPECS = (
    LayerSpec(
        name="adamw", korean="AdamW", kind="update", family="updates",
        aliases=("AdamWOptimizer", "AdamWeightDecay"),
        forward=over_steps(step), backward=no_backward, torch_forward=over_torch_steps(torch_rule), shapes=STEPS,
        variants=(
            Variant(note="the decay behind Adam's step", options={"order": "last"}),
            Variant(note="eps inside the root", options={"inside": True}),
            Variant(note="eps inside the root, decay behind Adam's step", options={"inside": True, "order": "last"}),
            Variant(note="another rate and decay", options={"lr": 0.02, "weight_decay": 0.3}),
        ),
        mistakes=(
            Mistake("decay-coupled", forward=over_steps(decay_in_the_gradient),
                    says="the decay is added to the gradient and goes through m and v: this is Adam with an L2 penalty",
                    help="Leave the gradient as it is, and shrink the parameter itself: w -= lr * weight_decay * w",
                    says_ko="감쇠가 기울기에 더해져 m과 v를 거치므로 L2 벌점을 준 Adam이 된다",
                    help_ko="기울기는 그대로 두고 매개변수를 직접 줄인다. w -= lr * weight_decay * w"),
            Mistake("decay-without-rate", forward=over_steps(decay_without_rate),
                    says="the decay is not multiplied by the learning rate",
                    help="w -= lr * weight_decay * w: when the rate falls, the decay falls with it",
                    says_ko="감쇠에 학습률이 곱해지지 않는다",
                    help_ko="w -= lr * weight_decay * w로 쓴다. 학습률이 줄면 감쇠도 함께 줄어야 한다"),
            Mistake("decay-missing", forward=over_steps(no_decay),
                    says="the parameter does not decay: this is Adam",
                    help="w -= lr * weight_decay * w in every step",
                    says_ko="매개변수가 감쇠하지 않아서 그냥 Adam이다",
                    help_ko="단계마다 w -= lr * weight_decay * w로 줄인다"),
        ),
    ),
    LayerSpec(
        name="sgd_weight_decay", korean="가중치 감쇠", kind="update", family="updates",
        aliases=("SGDWeightDecay", "SGDW", "RegularizedSGD", "SGD with weight decay"),
        forward=over_steps(sgd_step), backward=no_backward, torch_forward=over_torch_steps(sgd_torch), shapes=STEPS,
        variants=(Variant(note="another rate and decay", options={"lr": 0.02, "weight_decay": 0.3}),),
        mistakes=(
            Mistake("decay-without-rate", forward=over_steps(sgd_decay_without_rate),
                    says="the decay is not multiplied by the learning rate",
                    help="w -= lr * (dw + weight_decay * w): the decay is the gradient of a penalty",
                    says_ko="감쇠에 학습률이 곱해지지 않는다",
                    help_ko="w -= lr * (dw + weight_decay * w)로 쓴다. 감쇠는 벌점의 기울기이다"),
            Mistake("wrong-sign", forward=over_steps(sgd_grows),
                    says="the decay has the wrong sign, and the parameter grows",
                    help="The penalty's gradient is weight_decay * w: it is added to dw",
                    says_ko="감쇠의 부호가 반대라서 매개변수가 커진다",
                    help_ko="벌점의 기울기 weight_decay * w는 dw에 더한다"),
        ),
    ),
)
# fmt: on
