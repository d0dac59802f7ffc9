"""GELU, the Gaussian error linear unit.

    y  = x Phi(x)                          Phi(x) = (1 + erf(x / sqrt 2)) / 2, the normal distribution function
    dx = dy * (Phi(x) + x phi(x))          phi(x) = exp(-x^2 / 2) / sqrt(2 pi), its density

or, with approximate="tanh" (Hendrycks and Gimpel 2016; the two differ by up to 4.7e-4),

    y  = x (1 + t) / 2                     t = tanh(c (x + 0.044715 x^3)), c = sqrt(2 / pi)
    dx = dy * ((1 + t) / 2 + x (1 - t^2) / 2 * c (1 + 3 * 0.044715 x^2))

Shapes: x and y agree. NumPy has no erf; the erf and erfc of Python's math module are exact to rounding.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from reference_impls.spec import Array, Grads, LayerSpec, Mistake, Variant

C, CUBIC = math.sqrt(2 / math.pi), 0.044715
TANH = {"approximate": "tanh"}
erfc = np.vectorize(math.erfc, otypes=[float])


def Phi(x: Array) -> Array:
    z = x / math.sqrt(2)
    return np.asarray(erfc(-z).astype(z.dtype) / 2)  # erfc(-z) = 1 + erf(z), exact where that is nearly 0


def phi(x: Array) -> Array:
    return np.asarray(np.exp(-(x**2) / 2) / math.sqrt(2 * math.pi))


def forward(x: Array, approximate: str = "") -> Array:
    if approximate == "tanh":
        return np.asarray(x * (1 + np.tanh(C * (x + CUBIC * x**3))) / 2)
    return x * Phi(x)


def backward(dy: Array, x: Array, approximate: str = "") -> Grads:
    if approximate == "tanh":
        t = np.tanh(C * (x + CUBIC * x**3))
        return {"x": dy * ((1 + t) / 2 + x * (1 - t**2) / 2 * C * (1 + 3 * CUBIC * x**2))}
    return {"x": dy * (Phi(x) + x * phi(x))}


def torch_forward(x: Any, approximate: str = "") -> Any:
    import torch

    return torch.nn.functional.gelu(x, approximate=approximate or "none")


def second_term_dropped(dy: Array, x: Array, approximate: str = "") -> Grads:
    return {"x": dy * (1 + np.tanh(C * (x + CUBIC * x**3))) / 2 if approximate else dy * Phi(x)}


def density_not_normalised(dy: Array, x: Array, approximate: str = "") -> Grads:
    return {"x": dy * (Phi(x) + x * np.exp(-(x**2) / 2))}


def root_of_two_dropped(dy: Array, x: Array, approximate: str = "") -> Grads:
    return {"x": dy * (Phi(x * math.sqrt(2)) + x * phi(x))}


def tanh_backward_of_exact_forward(dy: Array, x: Array, approximate: str = "") -> Grads:
    return backward(dy, x, "tanh")


def exact_backward_of_tanh_forward(dy: Array, x: Array, approximate: str = "") -> Grads:
    return backward(dy, x)


def inner_derivative_dropped(dy: Array, x: Array, approximate: str = "") -> Grads:
    t = np.tanh(C * (x + CUBIC * x**3))
    return {"x": dy * ((1 + t) / 2 + x * (1 - t**2) / 2 * C)}


# fmt: off
SPEC = LayerSpec(
    name="gelu", korean="젤루", family="activations", aliases=("GaussianErrorLinearUnit", "gelu_tanh", "new_gelu"),
    forward=forward, backward=backward, torch_forward=torch_forward,
    shapes="x: N D -> N D",
    variants=(Variant(note="tanh approximation", options=TANH),),
    mistakes=(
        Mistake("product-rule", second_term_dropped,
                says="`{grad}` of GELU has only the first term of the product rule",
                help="x stands in front of Phi(x) and inside it: the slope is Phi(x) + x phi(x).",
                says_ko="GELU의 `{grad}`에 곱의 미분법의 첫째 항만 있다",
                help_ko="x는 Phi(x)의 앞에도 안에도 있으므로 기울기는 Phi(x) + x phi(x)이다."),
        Mistake("density-not-normalised", density_not_normalised,
                says="the normal density in `{grad}` of GELU lacks its factor 1 / sqrt(2 pi)",
                help="phi(x) = exp(-x**2 / 2) / sqrt(2 * pi).",
                says_ko="GELU의 `{grad}`에서 정규분포 밀도의 계수 1 / sqrt(2 pi)가 빠져 있다",
                help_ko="phi(x) = exp(-x**2 / 2) / sqrt(2 * pi)이다."),
        Mistake("inner-factor-missing", root_of_two_dropped,
                says="`{grad}` of GELU takes erf(x) where Phi(x) has erf(x / sqrt 2)",
                help="Phi(x) = (1 + erf(x / sqrt(2))) / 2, in the backward as in the forward.",
                says_ko="Phi(x)에는 erf(x / sqrt 2)가 있는데 GELU의 `{grad}`에는 erf(x)를 썼다",
                help_ko="순전파와 마찬가지로 역전파에서도 Phi(x) = (1 + erf(x / sqrt(2))) / 2이다."),
        Mistake("another-approximation", tanh_backward_of_exact_forward,
                says="`{grad}` is that of GELU's tanh approximation, and the forward is the exact GELU",
                help="Take both from one formula: here Phi(x) + x phi(x), with erf.",
                says_ko="순전파는 정확한 GELU인데 `{grad}`는 tanh 근사의 기울기이다",
                help_ko="둘을 같은 식에서 얻는다: 여기서는 erf를 쓰는 Phi(x) + x phi(x)이다."),
        Mistake("another-approximation", exact_backward_of_tanh_forward, variant="tanh approximation",
                says="`{grad}` is that of the exact GELU, and the forward is its tanh approximation",
                help="Take both from one formula: here differentiate the tanh, with 1 - t**2 and its inner slope.",
                says_ko="순전파는 tanh 근사인데 `{grad}`는 정확한 GELU의 기울기이다",
                help_ko="둘을 같은 식에서 얻는다: 여기서는 1 - t**2과 안쪽 기울기로 tanh를 미분한다."),
        Mistake("inner-derivative-missing", inner_derivative_dropped, variant="tanh approximation",
                says="`{grad}` of the tanh GELU lacks the slope of the cubic term inside the tanh",
                help="The inside is c (x + 0.044715 x**3), and its slope c (1 + 3 * 0.044715 x**2).",
                says_ko="tanh GELU의 `{grad}`에 tanh 안의 세제곱 항의 기울기가 빠져 있다",
                help_ko="tanh 안은 c (x + 0.044715 x**3)이고 그 기울기는 c (1 + 3 * 0.044715 x**2)이다."),
    ),
)
# fmt: on
