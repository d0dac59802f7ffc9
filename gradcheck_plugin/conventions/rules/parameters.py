"""Stand-ins for what an optimizer looks at: parameters with `data` and `grad`, layers with W and dW, models of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from gradcheck_plugin.model import Array


class Tensor(np.ndarray):
    """An array that also has `data`, as tensors of an engine have; what is assigned to it is written into the array."""

    grad: Any = None
    requires_grad = True

    @property  # type: ignore[override]
    def data(self) -> Array:
        return self.view(np.ndarray)

    @data.setter
    def data(self, value: Any) -> None:
        self[...] = value

    def numpy(self) -> Array:
        return self.view(np.ndarray)

    def detach(self) -> Tensor:
        return self

    def __hash__(self) -> int:  # type: ignore[override]
        return id(self)


def tensor(array: Array) -> Tensor:
    """A copy of an array as a Tensor."""
    return np.array(array).view(Tensor)


_SAME = {
    "W": ("W", "w", "weight", "weights"),
    "b": ("b", "bias", "biases"),
    "dW": ("dW", "dw", "dLdW", "dweights", "dweight", "grad_W", "grad_weight", "grad_weights", "gradW", "W_grad"),
    "db": ("db", "dLdb", "dbiases", "dbias", "grad_b", "grad_bias", "gradb", "b_grad"),
}
_NAMES = {name: key for key, names in _SAME.items() for name in names}


class Layer:
    """One layer of parameters W and b with their gradients, under every name that people give them."""

    def __init__(self, params: Mapping[str, Array]) -> None:
        values: dict[str, Any] = {n: np.array(a) for n, a in params.items()}
        vars(self)["held"] = values | {"d" + n: np.zeros_like(a) for n, a in values.items()}

    def __getattr__(self, name: str) -> Any:
        held = vars(self)["held"]
        if _NAMES.get(name) in held:
            return held[_NAMES[name]]
        raise AttributeError(name)

    def __setattr__(self, name: str, value: Any) -> None:
        if name in _NAMES:
            vars(self)["held"][_NAMES[name]] = value
        else:
            vars(self)[name] = value

    @property
    def params(self) -> list[Any]:
        return [self.W, self.b]

    @property
    def grads(self) -> list[Any]:
        return [self.dW, self.db]


class Model:
    """A model of two layers with the same numbers; what it holds can be reached in the ways of several courses."""

    def __init__(self, params: Mapping[str, Array], lr: float) -> None:
        self.layers = self.linear_layers = [Layer(params), Layer(params)]
        self.lr = lr

    def params_and_grads(self) -> Iterator[tuple[Any, Any]]:
        yield from zip(self.params(), self.param_grads(), strict=True)

    def params(self) -> list[Any]:
        return [p for layer in self.layers for p in layer.params]

    parameters = params

    def param_grads(self) -> list[Any]:
        return [g for layer in self.layers for g in layer.grads]


class TensorModel:
    """A model of parameters with `data` and `grad`."""

    def __init__(self, params: list[Tensor]) -> None:
        self.held = params

    def params(self) -> list[Tensor]:
        return self.held

    parameters = params
