"""Layers that bring numbers to mean 0 and variance 1, or vectors to one length; and the mistakes that they share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from reference_impls.spec import Array, Grads, Mistake

Average = Callable[..., Any]
MEANS: tuple[Average, Average] = (np.mean, np.mean)  # the two averages in dx of a normalization; mistakes have others


def own_eps(squares: Array, scale: Array, eps: float, outside: bool = False) -> float:
    """The eps of a layer that divides by `scale` where the mean square is `squares`; `eps` where none fits them all.

    scale^2 = squares + eps, or scale = sqrt(squares) + eps where it is `outside` the root.
    """
    seen = scale - np.sqrt(squares) if outside else scale**2 - squares
    middle = float(np.median(seen))
    if not np.median(np.abs(seen - middle)) <= 0.01 * abs(middle) + 1e-13 or middle > 0.1:
        return eps
    return max(0.0, float(f"{middle:.1e}")) if abs(middle) > 1e-13 else 0.0


def stretched(s: Array, eps: float, outside: bool) -> Any:
    """How much larger the term of the variance in dx is where s = sqrt(var) + eps; it is 0 where nothing varies."""
    return s / np.maximum(s - eps, 1e-99) if outside else 1.0


def nothing(x: Array, **axes: Any) -> float:
    return 0.0


def with_averages(backward: Callable[..., Grads], name: str, of_g: Average, of_g_xhat: Average) -> Callable[..., Grads]:
    """The backward with other averages in the place of the two means of dx."""

    def wrong(dy: Array, *arrays: Array, **options: Any) -> Grads:
        return backward(dy, *arrays, **options, averages=(of_g, of_g_xhat))

    wrong.__name__ = name
    return wrong


def without_gamma(backward: Callable[..., Grads]) -> Callable[..., Grads]:
    """The backward whose dx does not see gamma, the last array but one."""

    def gamma_forgotten(dy: Array, *arrays: Array, **options: Any) -> Grads:
        *given, gamma, beta = arrays
        without = backward(dy, *given, np.ones_like(gamma), beta, **options)
        return backward(dy, *arrays, **options) | {"x": without["x"]}

    return gamma_forgotten


def shared_mistakes(backward: Callable[..., Grads], over: str, over_ko: str) -> tuple[Mistake, ...]:
    """The mistakes in dx of a normalization whose mean and variance are taken `over` something."""

    def wrong(name: str, of_g: Average, of_g_xhat: Average) -> Callable[..., Grads]:
        return with_averages(backward, name, of_g, of_g_xhat)

    # fmt: off
    return (
        Mistake("statistics-as-constants", wrong("statistics_as_constants", nothing, nothing),
                says="`{grad}` takes the mean and the variance for constants",
                help=f"Both depend on x: from gamma * dy subtract its mean over {over}, and a second term.",
                says_ko="`{grad}`가 평균과 분산을 상수로 본다",
                help_ko=f"둘 다 x에 따라 변하므로 gamma * dy에서 {over_ko} 방향의 평균 등 두 항을 뺀다."),
        Mistake("variance-as-constant", wrong("variance_as_constant", np.mean, nothing),
                says="`{grad}` lacks the term of the variance",
                help=f"The variance depends on x, too: subtract xhat * mean(gamma * dy * xhat) over {over}.",
                says_ko="`{grad}`에 분산에서 오는 항이 없다",
                help_ko=f"분산도 x에 따라 변하므로 {over_ko} 방향으로 xhat * mean(gamma * dy * xhat)을 뺀다."),
        Mistake("mean-as-constant", wrong("mean_as_constant", nothing, np.mean),
                says="`{grad}` lacks the term of the mean",
                help=f"The mean depends on x, too: subtract mean(gamma * dy) over {over}.",
                says_ko="`{grad}`에 평균에서 오는 항이 없다",
                help_ko=f"평균도 x에 따라 변하므로 {over_ko} 방향으로 mean(gamma * dy)를 뺀다."),
        *(Mistake("sum-for-mean", function,
                  says="`{grad}` has a sum where the derivative of the mean or the variance has a mean",
                  help=f"The mean and the variance over {over} divide by the count, so their terms in dx do, too.",
                  says_ko="`{grad}`에서 평균이나 분산의 미분이 평균이 아니라 합으로 들어갔다",
                  help_ko=f"{over_ko} 방향의 평균과 분산은 개수로 나누므로 dx의 두 항도 나눈다.")
          for function in (wrong("sums_for_means", np.sum, np.sum), wrong("sum_in_the_mean_term", np.sum, np.mean),
                           wrong("sum_in_the_variance_term", np.mean, np.sum))),
        Mistake("gamma-forgotten", without_gamma(backward),
                says="`{grad}` is computed from dy where it should be from gamma * dy",
                help="gamma stands between xhat and the output: multiply dy by it before everything else.",
                says_ko="`{grad}`를 gamma * dy가 아니라 dy로 계산했다",
                help_ko="xhat과 출력 사이에 gamma가 있으므로 먼저 dy에 gamma를 곱한다."),
    )
    # fmt: on
