"""A zoo of small functions with their right gradients, and the ways in which a gradient is made wrong.

A function is plain NumPy, arrays in and one array out, and comes with a hand-written vector-Jacobian product and a
sampler. A family makes a wrong vector-Jacobian product out of a right one; some functions bring wrong ones of their
own. No function has an exact twin in the references, so the judge has numerical differentiation to go by, and no more.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Forward = Callable[..., Array]
Vjp = Callable[..., tuple[Array, ...]]
Sampler = Callable[[np.random.Generator], tuple[Array, ...]]
EPS = 1e-5


@dataclass(frozen=True)
class Function:
    """A function with its right gradient. `wrong` holds wrong gradients that only this function can have.

    `smooth` says that the function has no kink, `single` that it computes in single precision, and `scaled` that its
    values or curvature are of an extreme size, which costs any numerical derivative more work.
    """

    name: str
    forward: Forward
    vjp: Vjp
    sample: Sampler
    wrong: dict[str, Vjp] = field(default_factory=dict)
    smooth: bool = True
    single: bool = False
    scaled: bool = False


def normal(*shapes: tuple[int, ...], size: float = 1.0, at: float = 0.0) -> Sampler:
    """One Gaussian array for every shape."""
    return lambda rng: tuple(at + size * rng.standard_normal(s) for s in shapes)


def between(low: float, high: float, shape: tuple[int, ...] = (3, 4)) -> Sampler:
    return lambda rng: (rng.uniform(low, high, size=shape),)


def away_from_zero(rng: np.random.Generator) -> tuple[Array, ...]:
    return (rng.choice([-1.0, 1.0], size=(3, 4)) * rng.uniform(0.3, 2.0, size=(3, 4)),)


# elementwise


def pointwise(
    name: str,
    value: Callable[[Array], Array],
    slope: Callable[[Array], Array],
    sample: Sampler | None = None,
    **more: Any,
) -> Function:
    """A function of every entry for itself."""
    return Function(name, value, lambda g, x: (g * slope(x),), sample or normal((3, 4)), **more)


def sigmoid(x: Array) -> Array:
    return np.asarray(1 / (1 + np.exp(-x)))


def error_function(x: Array) -> Array:
    return np.asarray([math.erf(t) for t in x.ravel()]).reshape(x.shape)


def gelu(x: Array) -> Array:
    return np.asarray(0.5 * x * (1 + error_function(x / math.sqrt(2))))


def gelu_slope(x: Array) -> Array:
    density = np.exp(-0.5 * x * x) / math.sqrt(2 * math.pi)
    return np.asarray(0.5 * (1 + error_function(x / math.sqrt(2))) + x * density)


def gelu_tanh_vjp(g: Array, x: Array) -> tuple[Array, ...]:
    """The gradient of the tanh form, which the forward is not."""
    c = math.sqrt(2 / math.pi)
    t = np.tanh(c * (x + 0.044715 * x**3))
    inner = c * (1 + 3 * 0.044715 * x**2)
    return (g * (0.5 * (1 + t) + 0.5 * x * (1 - t * t) * inner),)


def tanh_single(x: Array) -> Array:
    return np.asarray(np.tanh(x.astype(np.float32)))


def tanh_single_vjp(g: Array, x: Array) -> tuple[Array, ...]:
    y = np.tanh(x.astype(np.float32))
    return ((g.astype(np.float32) * (1 - y * y)).astype(np.float32),)


def elementwise() -> Iterator[Function]:
    yield pointwise("square", lambda x: x**2, lambda x: 2 * x)
    yield pointwise("tanh", np.tanh, lambda x: 1 - np.tanh(x) ** 2)
    yield pointwise("sigmoid", sigmoid, lambda x: sigmoid(x) * (1 - sigmoid(x)))
    yield pointwise("softplus", lambda x: np.log1p(np.exp(x)), sigmoid)
    yield pointwise("silu", lambda x: x * sigmoid(x), lambda x: sigmoid(x) * (1 + x * (1 - sigmoid(x))))
    yield pointwise("gelu, erf form", gelu, gelu_slope, wrong={"tanh form of gelu": gelu_tanh_vjp})
    yield pointwise("logarithm", np.log, lambda x: 1 / x, between(0.3, 2.0))
    yield pointwise("square root", np.sqrt, lambda x: 0.5 / np.sqrt(x), between(0.3, 2.0))
    yield pointwise("reciprocal", lambda x: 1 / x, lambda x: -1 / x**2, away_from_zero, scaled=True)
    yield pointwise("sin 50 x", lambda x: np.sin(50 * x), lambda x: 50 * np.cos(50 * x), scaled=True)
    yield pointwise("exp up to 15", np.exp, np.exp, between(-15, 15), scaled=True)
    yield pointwise("1e-6 x^2", lambda x: 1e-6 * x**2, lambda x: 2e-6 * x)
    yield pointwise("x^2 + 1e8", lambda x: x**2 + 1e8, lambda x: 2 * x, scaled=True)
    yield pointwise("x^2 at 1e6", lambda x: x**2, lambda x: 2 * x, normal((3, 4), size=1e6), scaled=True)
    yield pointwise("relu", lambda x: np.maximum(x, 0), lambda x: x > 0, smooth=False)
    yield pointwise(
        "leaky relu", lambda x: np.where(x > 0, x, 0.1 * x), lambda x: np.where(x > 0, 1, 0.1), smooth=False
    )
    yield pointwise("absolute value", np.abs, np.sign, smooth=False)
    yield Function("tanh, single", tanh_single, tanh_single_vjp, normal((3, 4)), single=True)


# rows


def softmax(x: Array) -> Array:
    e = np.exp(x - x.max(-1, keepdims=True))
    return np.asarray(e / e.sum(-1, keepdims=True))


def softmax_vjp(g: Array, x: Array) -> tuple[Array, ...]:
    y = softmax(x)
    return (y * (g - (g * y).sum(-1, keepdims=True)),)


def logsumexp(x: Array) -> Array:
    top = x.max(-1)
    return np.asarray(top + np.log(np.exp(x - top[..., None]).sum(-1)))


def standardised(x: Array, axis: int, eps: float) -> tuple[Array, Array]:
    deviation = np.sqrt(x.var(axis, keepdims=True) + eps)
    return (x - x.mean(axis, keepdims=True)) / deviation, deviation


def normalisation(axis: int) -> tuple[Forward, Vjp, Vjp]:
    """Forward, right gradient and the gradient that forgets eps, of a normalisation along one axis with a scale."""

    def forward(x: Array, gamma: Array, beta: Array) -> Array:
        return standardised(x, axis, EPS)[0] * gamma + beta

    def with_eps(eps: float) -> Vjp:
        def vjp(g: Array, x: Array, gamma: Array, beta: Array) -> tuple[Array, ...]:
            n, deviation = standardised(x, axis, eps)
            d = g * gamma
            dx = (d - d.mean(axis, keepdims=True) - n * (d * n).mean(axis, keepdims=True)) / deviation
            return dx, (g * standardised(x, axis, EPS)[0]).sum(0), g.sum(0)

        return vjp

    return forward, with_eps(EPS), with_eps(0.0)


def unit_rows(x: Array) -> Array:
    return np.asarray(x / np.sqrt((x * x).sum(-1, keepdims=True)))


def unit_rows_vjp(g: Array, x: Array) -> tuple[Array, ...]:
    size = np.sqrt((x * x).sum(-1, keepdims=True))
    y = x / size
    return ((g - y * (g * y).sum(-1, keepdims=True)) / size,)


def root_mean_square(x: Array) -> Array:
    return np.asarray(x / np.sqrt((x * x).mean(-1, keepdims=True) + EPS))


def root_mean_square_vjp(g: Array, x: Array) -> tuple[Array, ...]:
    size = np.sqrt((x * x).mean(-1, keepdims=True) + EPS)
    y = x / size
    return ((g - y * (g * y).mean(-1, keepdims=True)) / size,)


def row_wise() -> Iterator[Function]:
    layer, layer_vjp, layer_bad = normalisation(-1)
    batch, batch_vjp, batch_bad = normalisation(0)
    rows, tiny = normal((4, 5), (5,), (5,)), normal((4, 5), (5,), (5,))

    def tiny_variance(rng: np.random.Generator) -> tuple[Array, ...]:
        x, gamma, beta = tiny(rng)
        return 1 + 1e-3 * x, gamma, beta

    yield Function("softmax", softmax, softmax_vjp, normal((3, 5)))
    yield Function(
        "log softmax",
        lambda x: x - logsumexp(x)[..., None],
        lambda g, x: (g - softmax(x) * g.sum(-1, keepdims=True),),
        normal((3, 5)),
    )
    yield Function("logsumexp", logsumexp, lambda g, x: (g[..., None] * softmax(x),), normal((3, 5)))
    yield Function("layer norm", layer, layer_vjp, rows, {"no eps in backward": layer_bad})
    yield Function("layer norm, tiny variance", layer, layer_vjp, tiny_variance, scaled=True)
    yield Function("batch norm", batch, batch_vjp, rows, {"no eps in backward": batch_bad})
    yield Function("root mean square norm", root_mean_square, root_mean_square_vjp, normal((3, 5)))
    yield Function("unit rows", unit_rows, unit_rows_vjp, normal((3, 5)))
    yield Function(
        "centred rows",
        lambda x: x - x.mean(-1, keepdims=True),
        lambda g, x: (g - g.mean(-1, keepdims=True),),
        normal((3, 5)),
    )
    yield Function(
        "cumulative sum",
        lambda x: np.cumsum(x, -1),
        lambda g, x: (np.cumsum(g[..., ::-1], -1)[..., ::-1],),
        normal((3, 5)),
    )


# linear maps

DENSE = np.random.default_rng(1).standard_normal((40, 40))
ORDER = np.random.default_rng(2).permutation(2000)
TOKENS = np.random.default_rng(3).integers(0, 5, size=(3, 4))


def affine_vjp(g: Array, x: Array, w: Array, b: Array) -> tuple[Array, ...]:
    return g @ w.T, x.T @ g, g.sum(0)


def affine(n: int = 4, d: int = 3, m: int = 5) -> Function:
    return Function("affine", lambda x, w, b: x @ w + b, affine_vjp, normal((n, d), (d, m), (m,)))


def permuted_vjp(g: Array, x: Array) -> tuple[Array, ...]:
    out = np.empty_like(g)
    out[ORDER] = g
    return (out,)


def dense_vjp(matrix: Array) -> Vjp:
    return lambda g, x: (g @ matrix,)


def one_entry_of_the_matrix() -> Array:
    changed = DENSE.copy()
    changed[17, 23] *= 2
    return changed


def dense_single(x: Array) -> Array:
    return np.asarray((x.astype(np.float32) @ DENSE.astype(np.float32)).astype(np.float64))


def dense_single_vjp(g: Array, x: Array) -> tuple[Array, ...]:
    return ((g.astype(np.float32) @ DENSE.T.astype(np.float32)).astype(np.float64),)


def embedded_vjp(g: Array, w: Array) -> tuple[Array, ...]:
    out = np.zeros_like(w)
    np.add.at(out, TOKENS, g)
    return (out,)


def windows(x: Array, k: int) -> Array:
    """(N, C, L) as (N, C, L - k + 1, k)."""
    return np.lib.stride_tricks.sliding_window_view(x, k, axis=-1)


def convolution(x: Array, w: Array) -> Array:
    return np.asarray(np.einsum("nclk,fck->nfl", windows(x, w.shape[-1]), w))


def convolution_vjp(g: Array, x: Array, w: Array) -> tuple[Array, ...]:
    k = w.shape[-1]
    dx = np.zeros_like(x)
    for j in range(k):
        dx[..., j : j + g.shape[-1]] += np.einsum("nfl,fc->ncl", g, w[..., j])
    return dx, np.einsum("nfl,nclk->fck", g, windows(x, k))


def linear() -> Iterator[Function]:
    yield affine()
    yield Function("permutation of 2000", lambda x: x[ORDER], permuted_vjp, normal((2000,)), {
        "wrong permutation": lambda g, x: (g[ORDER],)
    })  # fmt: skip
    yield Function("dense 40 x 40", lambda x: DENSE @ x, dense_vjp(DENSE), normal((40,)), {
        "one Jacobian entry x2": dense_vjp(one_entry_of_the_matrix())
    })  # fmt: skip
    yield Function("dense, single", dense_single, dense_single_vjp, normal((40,)), single=True)
    yield Function("embedding", lambda w: w[TOKENS], embedded_vjp, normal((5, 3)))
    yield Function("convolution", convolution, convolution_vjp, normal((2, 2, 7), (3, 2, 3)))


# layers of several steps


def pooled(x: Array) -> Array:
    return np.asarray(x.reshape(2, 3, 4, 2).max(-1))


def pooled_vjp(g: Array, x: Array) -> tuple[Array, ...]:
    cells = x.reshape(2, 3, 4, 2)
    out = np.zeros_like(cells)
    np.put_along_axis(out, cells.argmax(-1)[..., None], g[..., None], axis=-1)
    return (out.reshape(x.shape),)


def mlp(x: Array, w1: Array, b: Array, w2: Array) -> Array:
    return np.asarray(np.maximum(x @ w1 + b, 0) @ w2)


def mlp_vjp(g: Array, x: Array, w1: Array, b: Array, w2: Array) -> tuple[Array, ...]:
    z = x @ w1 + b
    d = (g @ w2.T) * (z > 0)
    return d @ w1.T, x.T @ d, d.sum(0), np.maximum(z, 0).T @ g


def attention(q: Array, k: Array, v: Array) -> Array:
    return softmax(q @ k.T / math.sqrt(q.shape[-1])) @ v


def attention_vjp(g: Array, q: Array, k: Array, v: Array) -> tuple[Array, ...]:
    root = math.sqrt(q.shape[-1])
    p = softmax(q @ k.T / root)
    dp = g @ v.T
    ds = p * (dp - (dp * p).sum(-1, keepdims=True)) / root
    return ds @ k, ds.T @ q, p.T @ g


def rnn_step(x: Array, h: Array, wx: Array, wh: Array, b: Array) -> Array:
    return np.asarray(np.tanh(x @ wx + h @ wh + b))


def rnn_step_vjp(g: Array, x: Array, h: Array, wx: Array, wh: Array, b: Array) -> tuple[Array, ...]:
    d = g * (1 - rnn_step(x, h, wx, wh, b) ** 2)
    return d @ wx.T, d @ wh.T, x.T @ d, h.T @ d, d.sum(0)


def lstm_gates(x: Array, h: Array, wx: Array, wh: Array, b: Array) -> tuple[Array, ...]:
    i, f, o, a = np.split(x @ wx + h @ wh + b, 4, axis=1)
    return sigmoid(i), sigmoid(f), sigmoid(o), np.tanh(a)


def lstm_step(x: Array, h: Array, c: Array, wx: Array, wh: Array, b: Array) -> Array:
    """The next hidden state and the next cell state, side by side."""
    i, f, o, a = lstm_gates(x, h, wx, wh, b)
    cell = f * c + i * a
    return np.concatenate([o * np.tanh(cell), cell], axis=1)


def lstm_step_vjp(g: Array, x: Array, h: Array, c: Array, wx: Array, wh: Array, b: Array) -> tuple[Array, ...]:
    i, f, o, a = lstm_gates(x, h, wx, wh, b)
    t = np.tanh(f * c + i * a)
    dh, dc = np.split(g, 2, axis=1)
    dc = dc + dh * o * (1 - t * t)
    gates = [dc * a * i * (1 - i), dc * c * f * (1 - f), dh * t * o * (1 - o), dc * i * (1 - a * a)]
    d = np.concatenate(gates, axis=1)
    return d @ wx.T, d @ wh.T, dc * f, x.T @ d, h.T @ d, d.sum(0)


def lstm(n: int = 2, d: int = 3, h: int = 4) -> Function:
    shapes = ((n, d), (n, h), (n, h), (d, 4 * h), (h, 4 * h), (4 * h,))
    return Function("LSTM step", lstm_step, lstm_step_vjp, normal(*shapes, size=min(1.0, 2 / math.sqrt(h))))


def inverse_vjp(g: Array, a: Array) -> tuple[Array, ...]:
    y = np.linalg.inv(a)
    return (-y.T @ g @ y.T,)


def distances(a: Array, b: Array) -> Array:
    return np.asarray(np.sqrt(((a[:, None] - b[None]) ** 2).sum(-1)))


def distances_vjp(g: Array, a: Array, b: Array) -> tuple[Array, ...]:
    d = (g / distances(a, b))[..., None] * (a[:, None] - b[None])
    return d.sum(1), -d.sum(0)


LABELS = np.array([0, 2, 4])


def cross_entropy(x: Array) -> Array:
    return np.asarray([np.mean(logsumexp(x) - x[np.arange(3), LABELS])])


def cross_entropy_vjp(g: Array, x: Array) -> tuple[Array, ...]:
    return (g * (softmax(x) - np.eye(5)[LABELS]) / 3,)


def mean_square_vjp(g: Array, p: Array, t: Array) -> tuple[Array, ...]:
    d = 2 * g * (p - t) / p.size
    return d, -d


def layers() -> Iterator[Function]:
    yield Function("max pool", pooled, pooled_vjp, normal((2, 3, 8)), smooth=False)
    yield Function("relu network", mlp, mlp_vjp, normal((3, 4), (4, 6), (6,), (6, 2)), smooth=False)
    yield Function("attention", attention, attention_vjp, normal((3, 4), (5, 4), (5, 2)))
    yield Function("RNN step", rnn_step, rnn_step_vjp, normal((2, 3), (2, 4), (3, 4), (4, 4), (4,)))
    yield lstm()
    yield Function(
        "matrix inverse", np.linalg.inv, inverse_vjp, lambda rng: (rng.standard_normal((3, 3)) + 4 * np.eye(3),)
    )
    yield Function("distances", distances, distances_vjp, normal((3, 4), (2, 4)))
    yield Function("cross entropy", cross_entropy, cross_entropy_vjp, normal((3, 5)))
    yield Function(
        "mean square", lambda p, t: np.asarray([np.mean((p - t) ** 2)]), mean_square_vjp, normal((3, 4), (3, 4))
    )
    yield Function(
        "sum of squares + 1e8",
        lambda x: np.asarray([np.sum(x * x) + 1e8]),
        lambda g, x: (2 * g * x,),
        normal((3, 4)),
        scaled=True,
    )


def functions() -> list[Function]:
    """The whole zoo."""
    return [*elementwise(), *row_wise(), *linear(), *layers()]


# wrong gradients


def times(factor: float) -> Callable[[Vjp], Vjp]:
    return lambda vjp: lambda g, *x: tuple(factor * d for d in vjp(g, *x))


def upstream_through(change: Callable[[Array], Array]) -> Callable[[Vjp], Vjp]:
    return lambda vjp: lambda g, *x: vjp(change(g), *x)


def one_entry(vjp: Vjp) -> Vjp:
    """The middle entry of the first gradient is doubled."""

    def wrong(g: Array, *x: Array) -> tuple[Array, ...]:
        first, *rest = vjp(g, *x)
        first = np.array(first)
        first.reshape(-1)[first.size // 2] *= 2
        return first, *rest

    return wrong


def overwrites(vjp: Vjp) -> Vjp:
    """The values are right, and the upstream gradient is gone afterwards."""

    def wrong(g: Array, *x: Array) -> tuple[Array, ...]:
        given = tuple(np.array(d) for d in vjp(g, *x))
        g *= 0.5
        return given

    return wrong


def normalised(g: Array) -> Array:
    return np.asarray(g / (np.max(np.abs(g)) or 1.0))


OVERWRITES = "g overwritten"
FAMILIES: dict[str, Callable[[Vjp], Vjp]] = {
    "zero": times(0.0),
    "x2": times(2.0),
    "sign flipped": times(-1.0),
    "relative 1e-3": times(1 + 1e-3),
    "relative 1e-5": times(1 + 1e-5),
    "one entry x2": one_entry,
    "g^2": upstream_through(np.square),
    "|g|": upstream_through(np.abs),
    "g clipped to 1": upstream_through(lambda g: np.clip(g, -1, 1)),
    "g / max |g|": upstream_through(normalised),
    OVERWRITES: overwrites,
}


def wrong_gradients(function: Function) -> Iterator[tuple[str, Vjp]]:
    """Every wrong gradient of a function with the name of its family."""
    for name, family in FAMILIES.items():
        yield name, family(function.vjp)
    yield from function.wrong.items()


def differs(function: Function, wrong: Vjp, g: Array, arrays: tuple[Array, ...]) -> bool:
    """Whether a wrong gradient is wrong for this upstream gradient at this point: a doubled zero is not."""
    here, there = function.vjp(g.copy(), *arrays), wrong(g.copy(), *arrays)
    return any(np.any(np.asarray(a) != np.asarray(b)) for a, b in zip(here, there, strict=True))
