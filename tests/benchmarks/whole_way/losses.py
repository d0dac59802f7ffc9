"""Losses as classes, as functions that return the loss and its gradient, and as a loss with its prime; networks."""

from __future__ import annotations

import ast
import copy
from typing import Any

import numpy as np

from benchmarks.whole_way import layers
from benchmarks.whole_way.collect import Unwritable, loads, stores
from benchmarks.whole_way.evaluate import Renaming
from benchmarks.whole_way.kernels import Kernel
from benchmarks.whole_way.style import Style
from benchmarks.whole_way.written import (
    Arrays,
    Made,
    Run,
    body,
    camel,
    copies,
    defaults,
    docstring,
    helpers,
    indented,
    signature,
    snake,
    titled,
    unparsed,
)


class AtOne(ast.NodeTransformer):
    """The upstream gradient of a loss, which is 1, left away."""

    def __init__(self, name: str) -> None:
        self.name = name

    def _is(self, node: ast.AST) -> bool:
        return isinstance(node, ast.Name) and node.id == self.name

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        if isinstance(node.op, ast.Mult) and self._is(node.left):
            return self.visit(node.right)
        if isinstance(node.op, ast.Mult) and isinstance(node.left, ast.UnaryOp) and self._is(node.left.operand):
            return ast.UnaryOp(ast.USub(), self.visit(node.right))
        if isinstance(node.op, ast.Mult | ast.Div) and self._is(node.right) and isinstance(node.op, ast.Mult):
            return self.visit(node.left)
        return self.generic_visit(node)

    def visit_Name(self, node: ast.Name) -> ast.AST:
        return ast.Constant(1.0) if self._is(node) and isinstance(node.ctx, ast.Load) else node


def without_upstream(kernel: Kernel) -> Kernel:
    change = AtOne(kernel.upstream[0])
    kernel.backward = [change.visit(n) for n in kernel.backward]
    kernel.grads = {n: change.visit(e) for n, e in kernel.grads.items()}
    return kernel


def first_only(kernel: Kernel) -> Kernel:
    """A loss gives the gradient of its first input; the others are data."""
    kernel = copy.deepcopy(kernel)
    name = kernel.inputs[0]
    if name not in kernel.grads:
        raise Unwritable("no gradient of the first input")
    kernel.grads = {name: kernel.grads[name]}
    from benchmarks.whole_way.kernels import _pruned

    _pruned(kernel)
    return kernel


def _free(kernel: Kernel) -> str:
    """A name for the dictionary of gradients."""
    used = [*kernel.backward, *kernel.grads.values(), *kernel.helpers]
    return next(n for n in ("grads", "gradients", "result", "found_grads") if n not in loads(*used) | stores(*used))


def as_class(style: Style, kernel: Kernel, name: str) -> Made:
    """forward(y, t) and backward(dout=1), or backward() without an argument."""
    kernel = first_only(kernel)
    takes = style.chance(0.5)
    if not takes:
        kernel = without_upstream(kernel)
    name = camel(name)
    args, first = layers._initial(style, kernel, False)
    lines, values = layers._forward_lines(style, kernel, "self")
    loss = style.chance(0.5)
    lines += [f"self.loss = {values[0]}", "return self.loss"] if loss else [f"return {values[0]}"]
    forward = layers._method(style, f"forward({signature(style, kernel.inputs, [])})", lines)
    lines, found, _ = body(style, kernel, "backward", layers._read(kernel, "backward"), "self")
    head = f"backward({signature(style, [], [kernel.upstream[0] + '=1'] if takes else [])})"
    backward = layers._method(style, head, [*lines, f"return {found[0]}"])
    text = layers._class(style, kernel, name, args, first, [forward, backward])
    names = [e.name for e in kernel.layout.inputs]

    def drive(space: Any, arrays: Arrays, dy: list[Any]) -> Run:
        arrays = copies(arrays)
        made = space[name]()
        out = made.forward(*(arrays[n] for n in names))
        return [out], {names[0]: made.backward(*([float(dy[0])] if takes else []))}

    return Made(name, (name,), text, (f"{name}.backward",), drive, (names[0],), upstream=takes)


def of_nnfs(style: Style, kernel: Kernel, name: str) -> Made:
    """Neural Networks from Scratch: forward(y_pred, y_true); backward(dvalues, y_true) leaves self.dinputs."""
    kernel = without_upstream(first_only(kernel))
    if len(kernel.inputs) != 2 or kernel.params or set(kernel.needed()) - {*kernel.inputs, *kernel.settings}:
        raise Unwritable("the backward needs more than predictions and labels")
    guess, label = kernel.inputs
    if "dvalues" in loads(*kernel.backward, *kernel.grads.values()) | stores(*kernel.backward) | {label}:
        raise Unwritable("dvalues is something else")
    name = style.one_of("Loss_", "Loss_", "") + camel(name)
    args, first = layers._initial(style, kernel, False)
    lines, values = layers._forward_lines(style, kernel, "self")
    lines = [line for line in lines if line not in (f"self.{guess} = {guess}", f"self.{label} = {label}")]
    forward = layers._method(style, f"forward({signature(style, kernel.inputs, [])})",
                             [*lines, f"return {values[0]}"])  # fmt: skip
    back = copy.deepcopy(kernel)
    rename = Renaming({guess: "dvalues"})
    back.backward = [rename.visit(n) for n in back.backward]
    back.grads = {guess: rename.visit(back.grads[guess])}
    lines, found, _ = body(style, back, "backward", [n for n in kernel.needed() if n in kernel.settings], "self")
    backward = layers._method(style, f"backward({signature(style, ['dvalues', label], [])})",
                              [*lines, f"self.dinputs = {found[0]}"])  # fmt: skip
    text = layers._class(style, kernel, name, args, first, [forward, backward])
    names = [e.name for e in kernel.layout.inputs]

    def drive(space: Any, arrays: Arrays, dy: list[Any]) -> Run:
        arrays = copies(arrays)
        made = space[name]()
        every = [arrays[n] for n in names]
        out = made.forward(*every)
        made.backward(*every)
        return [out], {names[0]: getattr(made, "dinputs", None)}

    return Made(name, (name,), text, (f"{name}.backward",), drive, (names[0],), upstream=False)


def _once(kernel: Kernel) -> list[ast.stmt]:
    """The statements of the backward behind those of the forward, without those with which both begin."""
    rest = list(kernel.backward)
    for node in kernel.forward:
        if rest and ast.dump(rest[0]) == ast.dump(node):
            del rest[0]
    return rest


def loss_and_gradient(style: Style, kernel: Kernel, name: str) -> Made:
    """CS231n: loss, dx = softmax_loss(x, y)."""
    kernel = without_upstream(first_only(kernel))
    stem = snake(name) if name.lower().endswith("loss") else snake(name) + style.one_of("_loss", "_loss", "")
    own = style.one_of("grad", f"d{kernel.inputs[0]}", "dx")
    lines = [*style.text(kernel.forward), f"loss = {unparsed(kernel.out[0])}", *style.text(_once(kernel))]
    lines += [f"{own} = {unparsed(kernel.grads[kernel.inputs[0]])}", f"return loss, {own}"]
    text = helpers(style, kernel) + f"def {stem}({signature(style, kernel.inputs, defaults(kernel), '')}):\n"
    text += docstring(style, "Returns the loss and its gradient.", 4) + indented(lines, 4)
    names = [e.name for e in kernel.layout.inputs]

    def drive(space: Any, arrays: Arrays, dy: list[Any]) -> Run:
        arrays = copies(arrays)
        loss, grad = space[stem](*(arrays[n] for n in names))
        return [loss], {names[0]: grad}

    return Made(stem, (stem,), text, (stem,), drive, (names[0],), upstream=False)


def with_prime(style: Style, kernel: Kernel, name: str) -> Made:
    """mse(y_true, y_pred) and mse_prime(y_true, y_pred), in one order or the other."""
    kernel = without_upstream(first_only(kernel))
    needed = set(kernel.needed())
    if needed - set(kernel.inputs) - set(kernel.settings) or len(kernel.inputs) != 2:
        raise Unwritable("the backward needs more than the arguments")
    stem = snake(name)
    prime = stem + style.one_of("_prime", "_prime", "_derivative", "_grad", "_gradient")
    given = list(reversed(kernel.inputs)) if style.chance(0.4) else list(kernel.inputs)
    args = signature(style, given, defaults(kernel), "")
    lines = [*style.text(kernel.forward), f"return {unparsed(kernel.out[0])}"]
    text = helpers(style, kernel) + f"def {stem}({args}):\n{indented(lines, 4)}\n\ndef {prime}({args}):\n"
    text += indented([*style.text(kernel.backward), f"return {unparsed(kernel.grads[kernel.inputs[0]])}"], 4)
    first = kernel.layout.inputs[0].name
    names = [layers._reference_names(kernel)[n] for n in given]

    def drive(space: Any, arrays: Arrays, dy: list[Any]) -> Run:
        arrays = copies(arrays)
        every = [arrays[n] for n in names]
        return [space[stem](*every)], {first: space[prime](*every)}

    return Made(stem, (stem, prime), text, (prime,), drive, (first,), upstream=False)


def network(style: Style, kernel: Kernel, name: str) -> Made:
    """A class with self.params, loss(x, t) and gradient(x, t)."""
    kernel = without_upstream(kernel)
    name = camel(name)
    kernel.saved = []
    args, made = layers._from_sizes(style, kernel)
    first = [f"self.{n} = {n}" for n in kernel.settings] + ["self.params = {}"]
    first += [line.replace(f"self.{n} =", f"self.params['{n}'] =") for n, line in zip(kernel.params, made, strict=True)]
    read = {*kernel.params, *kernel.settings}
    wanted = [n for n in kernel.params if n in kernel.grads]
    own = _free(kernel)

    def head(which: str) -> list[str]:
        from benchmarks.whole_way.collect import loads

        every = (
            loads(*kernel.forward, *kernel.out)
            if which == "forward"
            else loads(*kernel.backward, *kernel.grads.values())
        )
        lines = [f"{n} = self.params['{n}']" for n in kernel.params if n in every & read]
        return lines + [f"{n} = self.{n}" for n in kernel.settings if n in every]

    lines = head("forward") + style.text(kernel.forward) + [f"return {unparsed(kernel.out[0])}"]
    loss = layers._method(style, f"loss({signature(style, kernel.inputs, [])})", lines)
    lines = head("backward") + style.text(kernel.backward) + [f"{own} = {{}}"]
    lines += [f"{own}['{n}'] = {unparsed(kernel.grads[n])}" for n in wanted] + [f"return {own}"]
    gradient = layers._method(style, f"gradient({signature(style, kernel.inputs, [])})", lines)
    text = layers._class(style, kernel, name, args, first, [loss, gradient])
    names = layers._reference_names(kernel)

    def drive(space: Any, arrays: Arrays, dy: list[Any]) -> Run:
        arrays = copies(arrays)
        net = space[name](*layers._sizes(kernel, arrays))
        net.params = {n: arrays[names[n]] for n in kernel.params}
        every = [arrays[e.name] for e in kernel.layout.inputs]
        out = net.loss(*every)
        grads = net.gradient(*every)
        return [out], {names[n]: grads.get(n) for n in wanted}

    return Made(name, (name,), text, (f"{name}.gradient",), drive, tuple(names[n] for n in wanted), upstream=False)


def network_function(style: Style, kernel: Kernel, name: str) -> Made:
    """loss, grads = net_loss(x, t, W1, b1, ...)."""
    kernel = without_upstream(kernel)
    kernel.saved = []
    stem = snake(name) + style.one_of("_loss", "_cost", "")
    wanted = [n for n in kernel.params if n in kernel.grads]
    order = kernel.arrays if style.chance(0.6) else [*kernel.params, *kernel.inputs]
    pairs = ", ".join(f"'{n}': {unparsed(kernel.grads[n])}" for n in wanted)
    lines = [*style.text(kernel.forward), f"loss = {unparsed(kernel.out[0])}", *style.text(_once(kernel))]
    own = _free(kernel)
    lines += [f"{own} = {{{pairs}}}", f"return loss, {own}"]
    text = helpers(style, kernel) + f"def {stem}({signature(style, order, defaults(kernel), '')}):\n"
    text += docstring(style, titled(kernel), 4) + indented(lines, 4)
    names = layers._reference_names(kernel)

    def drive(space: Any, arrays: Arrays, dy: list[Any]) -> Run:
        arrays = copies(arrays)
        loss, grads = space[stem](*(arrays[names[n]] for n in order))
        return [np.asarray(loss)], {names[n]: grads.get(n) for n in wanted}

    return Made(stem, (stem,), text, (stem,), drive, tuple(names[n] for n in wanted), upstream=False)
