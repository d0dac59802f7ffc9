"""Rules that are no layer, as functions of arrays, so that they are compared as a forward is.

    update       step(w, g, state, t, lr=...)   one step of one tensor; `over_steps` takes several steps of two tensors
    clip         clip(grads, limit)             a list of gradients; `over_calls` clips several lists
    schedule     rate(lr, t, ...)               the learning rate at t = 0, 1, ...; `over_time` gives the first forty
    initialiser  scale(fan_in, fan_out, ...)    what random numbers are multiplied by; `times` multiplies them

`state` is a dictionary of the tensor's own, empty before the first step; t is 1 in the first step. A step or clip works
in place, `w -= ...`, because the layer and the list of parameters hold that very array. One that returns an array has
made a new one, which is put in the place of the old.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import wraps
from typing import Any

import numpy as np

from reference_impls.spec import Array, Grads

Function = Callable[..., Any]
Pair = tuple[Any, Any]
State = dict[str, Any]
CALLS = "dW: T N D, db: T D, limit: T @wide -> cW: T N D, cb: T D"
DRAWS = "z: I O -> I O"
EPOCHS = 40
STEPS = "W: N D, b: D, dW: T N D, db: T D -> Ws: T N D, bs: T D"


def no_backward(*arrays: Array, **options: Any) -> Grads:
    raise TypeError("a rule has no backward")


def over_steps(step: Function, clock: str = "steps") -> Function:
    """forward(W, b, dW, db, **options): W and b after each of T steps, with the gradients dW[0], dW[1], ...

    Two options go with every rule: `lr_decay` lets the rate fall, lr / (1 + lr_decay (t - 1)), and `l2` adds the
    gradient of a penalty, g + l2 w. A `clock` of "tensors" counts every tensor as a step.
    """

    @wraps(step)
    def forward(
        W: Array,
        b: Array,
        dW: Array,
        db: Array,
        lr: float = 0.1,
        lr_decay: float = 0.0,
        l2: float = 0.0,
        **options: Any,
    ) -> Pair:
        params, states, path = [W, b], ({}, {}), ([], [])  # type: ignore[var-annotated]
        for t, grads in enumerate(zip(dW, db, strict=True), start=1):
            rate = lr / (1 + lr_decay * (t - 1))
            for i, g in enumerate(grads):
                tick = 2 * t - 1 + i if clock == "tensors" else t
                new = step(params[i], g + l2 * params[i] if l2 else g, states[i], tick, lr=rate, **options)
                params[i] = params[i] if new is None else new
                path[i].append(params[i].copy())
        return np.array(path[0]), np.array(path[1])

    return _with_options(forward, step, lr_decay=0.0, l2=0.0)


def over_torch_steps(make: Function) -> Function:
    """The same with `make(params, **options)`, a rule of torch.optim, or None where torch does not have this form."""

    def forward(
        W: Any, b: Any, dW: Any, db: Any, lr: float = 0.1, lr_decay: float = 0.0, l2: float = 0.0, **options: Any
    ) -> Any:
        import torch

        params, path = [torch.nn.Parameter(w.clone()) for w in (W, b)], ([], [])  # type: ignore[var-annotated]
        rule = make(params, lr=lr, **options)
        for t, grads in enumerate(zip(dW, db, strict=True)):
            if rule is None:
                return None
            for group in rule.param_groups:
                group["lr"] *= (1 + lr_decay * max(t - 1, 0)) / (1 + lr_decay * t)
            for p, g in zip(params, grads, strict=True):
                p.grad = g + l2 * p.detach()
            rule.step()
            for p, values in zip(params, path, strict=True):
                values.append(p.detach().clone())
        return torch.stack(path[0]), torch.stack(path[1])

    return forward


def over_calls(clip: Function) -> Function:
    """forward(dW, db, limit, **options): the gradients dW[t], db[t] clipped with limit[t], one call for each t."""

    @wraps(clip)
    def forward(dW: Array, db: Array, limit: Array, **options: Any) -> Pair:
        clipped = []
        for bound, *grads in zip(limit, dW.copy(), db.copy(), strict=True):
            new = clip(grads, float(bound), **options)
            clipped.append(grads if new is None else new)
        return np.array([g[0] for g in clipped]), np.array([g[1] for g in clipped])

    return _with_options(forward, clip)


def over_torch_calls(clip: Function) -> Function:
    """The same with `clip(params, limit, **options)` of torch, or None where torch does not have this form."""

    def forward(dW: Any, db: Any, limit: Any, **options: Any) -> Any:
        import torch

        clipped = []
        for bound, *grads in zip(limit, dW, db, strict=True):
            params = [torch.nn.Parameter(torch.zeros_like(g)) for g in grads]
            for p, g in zip(params, grads, strict=True):
                p.grad = g.clone()
            if clip(params, float(bound), **options) is False:
                return None
            given: list[Any] = [p.grad for p in params]
            clipped.append(given)
        return torch.stack([g[0] for g in clipped]), torch.stack([g[1] for g in clipped])

    return forward


def over_time(rate: Function) -> Function:
    """forward(lr, **options): the learning rates at t = 0, 1, ..., 39, where `rate(lr, t, **options)` gives one."""

    @wraps(rate)
    def forward(lr: float, **options: Any) -> Array:
        return np.array([float(rate(float(lr), t, **options)) for t in range(EPOCHS)])

    return _with_options(forward, rate)


def over_torch_time(make: Function) -> Function:
    """The same with `make(optimizer, **options)`, a scheduler of torch, or None where torch does not have this form."""

    def forward(lr: Any, **options: Any) -> Any:
        import torch

        rule = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=float(lr))
        scheduler, rates = make(rule, **options), []
        for _ in range(EPOCHS):
            rates.append(float(rule.param_groups[0]["lr"]))
            rule.step()
            if scheduler is None:
                return None
            scheduler.step()
        return torch.tensor(rates, dtype=torch.float64)

    return forward


def times(scale: Function, distribution: str = "normal") -> Function:
    """forward(z, **options): random numbers z, multiplied by `scale(fan_in, fan_out, **options)`.

    z has the `distribution` "normal" (mean 0, deviation 1), "uniform" (between -1 and 1), "truncated" (normal, drawn
    again beyond 2) or "unit truncated" (the same, with deviation 1), "unit" (uniform between 0 and 1); "none": it does
    not matter. The weights are stored (in, out). A kernel has `receptive` places, and that many times the fans.
    """

    @wraps(scale)
    def forward(z: Array, receptive: int = 1, distribution: str = distribution, **options: Any) -> Array:
        return np.asarray(scale(z.shape[0] * receptive, z.shape[1] * receptive, **options) * z)

    return _with_options(forward, scale, receptive=1, distribution=distribution)


def torch_times(fill: Function, standard: Function) -> Function:
    """The same with an initialiser of torch.nn.init: `fill` and `standard` fill a tensor from the same generator.

    torch has no initialiser of a distribution that is not the spec's own.
    """

    def forward(z: Any, receptive: int = 1, distribution: str = "", **options: Any) -> Any:
        import torch

        if distribution:
            return None
        shape = (z.shape[1], z.shape[0], *([round(receptive**0.5)] * 2 if receptive > 1 else []))
        drawn = []
        with torch.random.fork_rng():
            for draw in (fill, standard):
                torch.manual_seed(0)
                drawn.append(draw(torch.zeros(shape, dtype=torch.float64), **(options if draw is fill else {})))
        if drawn[0] is None:
            return None
        return z * float((drawn[0] * drawn[1]).sum() / (drawn[1] * drawn[1]).sum())

    return forward


def _with_options(forward: Function, inner: Function, **more: Any) -> Function:
    """`forward`, showing the options of `inner`, and some more, as its own."""
    options = [p for p in inspect.signature(inner).parameters.values() if p.default is not p.empty]
    shown = {p.name: p.default for p in options} | more
    keyword = inspect.Parameter.KEYWORD_ONLY
    signature = inspect.Signature([inspect.Parameter(n, keyword, default=v) for n, v in shown.items()])
    forward.__signature__ = signature  # type: ignore[attr-defined]
    return forward
