"""Tensors that start with one number: biases with 0, gamma of a normalisation with 1.

    zeros       W = 0          ones       W = 1          constant       W = value

For biases and for gamma, and not for weight matrices: units that start alike get the same gradient and stay alike.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from reference_impls.rules import DRAWS, no_backward
from reference_impls.spec import Array, LayerSpec, Mistake, Variant


def zeros(z: Array, distribution: str = "none") -> Array:
    return np.zeros(z.shape)


def torch_zeros(z: Any) -> Any:
    import torch

    return torch.nn.init.zeros_(z.clone())


def ones(z: Array, distribution: str = "none") -> Array:
    return np.ones(z.shape)


def torch_ones(z: Any) -> Any:
    import torch

    return torch.nn.init.ones_(z.clone())


def constant(z: Array, value: float = 0.1, distribution: str = "none") -> Array:
    return np.full(z.shape, value)


def torch_constant(z: Any, value: float = 0.1) -> Any:
    import torch

    return torch.nn.init.constant_(z.clone(), value)


def random_numbers(z: Array, **options: Any) -> Array:
    return 0.01 * z


# fmt: off
SPECS = (
    LayerSpec(
        name="zeros", korean="0 초기화", kind="initialiser", family="initialisers", shapes=DRAWS,
        aliases=("initialize_parameters_zeros", "initialize_with_zeros", "zeros_init", "init_zeros", "zero_init"),
        forward=zeros, backward=no_backward, torch_forward=torch_zeros, minimum={"I": 120, "O": 75},
        variants=(Variant("z: O I -> O I", "weights stored (out, in)"),),
        mistakes=(
            Mistake("ones-for-zeros", forward=ones,
                    says="the tensor starts with 1 where it has to start with 0",
                    help="np.zeros(shape): a shift starts with 0",
                    says_ko="0으로 시작해야 할 텐서가 1로 시작한다",
                    help_ko="np.zeros(shape)를 쓴다. 이동(편향, beta)은 0에서 시작한다"),
            Mistake("random-for-constant", forward=random_numbers,
                    says="the tensor starts with random numbers where it has to start with 0",
                    help="np.zeros(shape)",
                    says_ko="0으로 시작해야 할 텐서가 난수로 시작한다",
                    help_ko="np.zeros(shape)를 쓴다"),
        ),
    ),
    LayerSpec(
        name="ones", korean="1 초기화", kind="initialiser", family="initialisers", shapes=DRAWS,
        aliases=("ones_init", "init_ones", "init_gamma", "gamma_init", "one_init"),
        forward=ones, backward=no_backward, torch_forward=torch_ones, minimum={"I": 120, "O": 75},
        variants=(Variant("z: O I -> O I", "weights stored (out, in)"),),
        mistakes=(
            Mistake("gamma-zero", forward=zeros,
                    says="gamma starts with 0, so the layer gives 0 and no gradient passes it",
                    help="np.ones(shape): a scale starts with 1, only a shift such as beta with 0",
                    says_ko="gamma가 0으로 시작해서 층의 출력이 0이 되고 기울기가 지나가지 못한다",
                    help_ko="np.ones(shape)를 쓴다. 크기 gamma는 1에서, beta 같은 이동만 0에서 시작한다"),
        ),
    ),
    LayerSpec(
        name="constant", korean="상수 초기화", kind="initialiser", family="initialisers", shapes=DRAWS,
        aliases=("constant_init", "init_constant", "Constant"),
        forward=constant, backward=no_backward, torch_forward=torch_constant, minimum={"I": 120, "O": 75},
        variants=(Variant("z: O I -> O I", "weights stored (out, in)"),),
        mistakes=(
            Mistake("value-ignored", forward=ones,
                    says="the tensor starts with 1 whatever value is asked for",
                    help="np.full(shape, value)",
                    says_ko="어떤 값을 주든 텐서가 1로 시작한다",
                    help_ko="np.full(shape, value)를 쓴다"),
        ),
    ),
)
# fmt: on
