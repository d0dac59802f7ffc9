"""Layers in the conventions of books and courses."""

from __future__ import annotations

import ast
from typing import Any

import numpy as np

from benchmarks.whole_way.collect import Unwritable
from benchmarks.whole_way.kernels import Kernel
from benchmarks.whole_way.style import Style
from benchmarks.whole_way.written import (
    Arrays,
    Drive,
    Made,
    Run,
    as_list,
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
)

SIZES = {
    "D": ("n_inputs", "input_size", "in_features", "in_dim", "n_in"),
    "M": ("n_neurons", "output_size", "out_features", "out_dim", "n_out"),
    "H": ("hidden_size", "hidden_dim", "n_hidden"),
    "C": ("in_channels", "n_channels", "channels"),
    "F": ("out_channels", "n_filters", "num_filters"),
    "K": ("vocab_size", "num_embeddings"),
    "E": ("d_model", "embed_dim"),
}
NETWORK = {
    "D": ("input_size", "input_dim", "n_inputs"), "H": ("hidden_size", "hidden_dim", "n_hidden"),
    "E": ("hidden_size1", "hidden1"), "F": ("hidden_size2", "hidden2"), "C": ("output_size", "num_classes"),
    "I": ("input_size",), "O": ("output_size",),
}  # fmt: skip


def _differentiable(kernel: Kernel) -> list[str]:
    """The inputs that a gradient is returned of, under the author's names."""
    return [n for n in kernel.inputs if n in kernel.grads]


def _reference_names(kernel: Kernel) -> dict[str, str]:
    """The author's name of each array -> the reference's."""
    return {new: old for old, new in kernel.called.items()}


def _forward_lines(style: Style, kernel: Kernel, owner: str) -> tuple[list[str], list[str]]:
    """The lines of a forward method and its values; what the backward needs is saved on the object."""
    needed = kernel.needed()
    lines, values, _ = body(style, kernel, "forward", _read(kernel, "forward"), owner)
    first = [f"{owner}.{n} = {n}" for n in kernel.inputs if n in needed]
    last = [f"{owner}.{n} = {n}" for n in kernel.saved if n in needed]
    return first + lines + last, values


def _read(kernel: Kernel, which: str) -> list[str]:
    """Parameters and settings that a method reads from its object, and in the backward all that was saved."""
    from benchmarks.whole_way.collect import loads
    from benchmarks.whole_way.kernels import _read_first

    values = kernel.out if which == "forward" else list(kernel.grads.values())
    if which == "backward":
        return kernel.needed()
    first = _read_first(kernel.forward, values) & loads(*kernel.forward, *values)
    return [n for n in (*kernel.params, *kernel.settings) if n in first]


def _initial(style: Style, kernel: Kernel, sizes: bool) -> tuple[list[str], list[str]]:
    """The arguments of a constructor, and its lines."""
    lines = []
    args: list[str] = []
    if sizes:
        args, lines = _from_sizes(style, kernel)
    else:
        args = list(kernel.params)
        lines = [f"self.{n} = {n}" for n in kernel.params]
    lines += [f"self.{n} = {n}" for n in kernel.settings]
    if style.none_first:
        needed = kernel.needed()
        lines += [f"self.{n} = None" for n in (*kernel.inputs, *kernel.saved) if n in needed]
        lines += [f"self.{style.gradient_of(n)} = None" for n in kernel.params if n in kernel.grads]
    return args, lines


def _from_sizes(style: Style, kernel: Kernel) -> tuple[list[str], list[str]]:
    """A constructor that is given sizes and makes its parameters."""
    args: dict[str, str] = {}
    lines = []
    for entry in kernel.layout.params:
        name = kernel.called[entry.name]
        dims = []
        for axis in entry.dims:
            if axis.isdigit():
                dims.append(str(int(axis)))
                continue
            if axis not in args:
                words = NETWORK if kernel.spec.kind == "network" else SIZES
                args[axis] = style.one_of(*words.get(axis, (f"n_{axis.lower()}",)))
            dims.append(args[axis])
        shape = ", ".join(dims)
        if entry.name.startswith("W"):
            lines.append(f"self.{name} = {style.one_of('0.01', '0.1')} * np.random.randn({shape})")
        elif entry.name == "gamma":
            lines.append(
                f"self.{name} = np.ones(({shape},))" if len(dims) == 1 else f"self.{name} = np.ones(({shape}))"
            )
        elif not dims:
            indexed = any(f"{name}[" in ast.unparse(ast.fix_missing_locations(n)) for n in kernel.forward)
            lines.append(f"self.{name} = {'np.array(1.0)' if indexed else '1.0'}")
        else:
            lines.append(f"self.{name} = np.zeros(({shape}{',' if len(dims) == 1 else ''}))")
    if len(set(args.values())) < len(args) or set(args.values()) & set(kernel.settings):
        raise Unwritable("two sizes of one name")
    return list(args.values()), lines


def _sizes(kernel: Kernel, arrays: Arrays) -> list[int]:
    found: dict[str, int] = {}
    for entry in kernel.layout.params:
        for axis, size in zip(entry.dims, np.shape(arrays[entry.name]), strict=True):
            if not axis.isdigit():
                found.setdefault(axis, size)
    return list(found.values())


def _built(kernel: Kernel, made: Any, arrays: Arrays, sizes: bool) -> Any:
    """An object of the class with these parameters."""
    params = [e.name for e in kernel.layout.params]
    if not sizes:
        return made(*(arrays[n] for n in params))
    found = made(*_sizes(kernel, arrays))
    for n in params:
        setattr(found, kernel.called[n], arrays[n])
    return found


def _class(style: Style, kernel: Kernel, name: str, args: list[str], first: list[str], methods: list[str]) -> str:
    base = style.one_of("", "", "(object)") if not style.annotations else ""
    text = helpers(style, kernel) + f"class {name}{base}:\n" + docstring(style, titled(kernel), 4)
    if first or args:
        given = signature(style, args, defaults(kernel), kind="np.ndarray" if args == kernel.params else "int")
        text += f"    def __init__({given}):\n" + indented(first or ["pass"])
        text += "\n"
    return text + "\n".join(methods)


def _method(style: Style, head: str, lines: list[str], words: str = "") -> str:
    blank = "\n" if style.blank and len(lines) > 3 else ""
    comment = [f"# {words}"] if words and style.comments else []
    return f"    def {head}:\n" + indented([*comment, *lines[:-1]]) + blank + indented(lines[-1:])


def book(style: Style, kernel: Kernel, name: str) -> Made:
    """Deep Learning from Scratch: Affine(W, b).forward(x); backward(dout) returns dx and leaves self.dW."""
    return _layer(style, kernel, camel(name), "dx")


def _layer(style: Style, kernel: Kernel, name: str, returned: str, sizes: bool = False) -> Made:
    args, first = _initial(style, kernel, sizes)
    lines, values = _forward_lines(style, kernel, "self")
    forward = _method(style, f"forward({signature(style, kernel.inputs, [])})",
                      [*lines, f"return {', '.join(values)}"], "forward pass")  # fmt: skip
    lines, _, _ = body(style, kernel, "backward", _read(kernel, "backward"), "self")
    lines += _kept(style, kernel)
    lines += _returned(style, kernel)
    backward = _method(style, f"backward({signature(style, kernel.upstream, [])})", lines, "gradients")
    text = _class(style, kernel, name, args, first, [forward, backward])

    def drive(space: Any, arrays: Arrays, dy: list[Any]) -> Run:
        arrays = copies(arrays)
        layer = _built(kernel, space[name], arrays, sizes)
        out = layer.forward(*(arrays[n] for n in (e.name for e in kernel.layout.inputs)))
        given = layer.backward(*dy)
        return as_list(out), _gathered(style, kernel, layer, given)

    return Made(name, (name,), text, (f"{name}.backward",), drive, _given(kernel))


def _given(kernel: Kernel) -> tuple[str, ...]:
    names = _reference_names(kernel)
    return tuple(names[n] for n in kernel.grads if n in names)


def _gathered(style: Style, kernel: Kernel, layer: Any, given: Any) -> dict[str, Any]:
    names = _reference_names(kernel)
    inputs = _differentiable(kernel)
    found = dict(zip(inputs, as_list(given) if len(inputs) != 1 else [given], strict=False))
    found |= {n: getattr(layer, style.gradient_of(n), None) for n in kernel.params if n in kernel.grads}
    return {names[n]: g for n, g in found.items()}


def _values(style: Style, kernel: Kernel) -> dict[str, str]:
    _, values, _ = body(style, kernel, "backward", _read(kernel, "backward"), "self")
    return dict(zip(kernel.grads, values, strict=True))


def _kept(style: Style, kernel: Kernel) -> list[str]:
    """Lines that keep the gradients of the parameters."""
    values = _values(style, kernel)
    return [f"self.{style.gradient_of(n)} = {values[n]}" for n in kernel.params if n in values]


def _returned(style: Style, kernel: Kernel) -> list[str]:
    values = _values(style, kernel)
    inputs = _differentiable(kernel)
    if not inputs:
        return ["return None"] if style.chance(0.5) else ["pass"] if not any(p in values for p in kernel.params) else []
    if len(inputs) == 1 and style.chance(0.6):
        own = "d" + inputs[0]
        if own not in values[inputs[0]]:
            return [f"{own} = {values[inputs[0]]}", f"return {own}"]
    return ["return " + ", ".join(values[n] for n in inputs)]


def sized(style: Style, kernel: Kernel, name: str) -> Made:
    """Linear(in, out): the constructor is given sizes and makes its parameters."""
    if not kernel.params:
        raise Unwritable("no parameters")
    return _layer(style, kernel, camel(name), "dx", sizes=True)


def cmu(style: Style, kernel: Kernel, name: str) -> Made:
    """CMU 11-785: Linear(in, out).forward(A); backward(dLdZ); self.dLdW."""
    if len(kernel.out) > 1:
        raise Unwritable("several outputs")
    style.gradient = "dLd{}"
    return _layer(style, kernel, camel(name), "dLdA", sizes=bool(kernel.params))


def nnfs(style: Style, kernel: Kernel, name: str) -> Made:
    """Neural Networks from Scratch: forward sets self.output, backward(dvalues) sets self.dinputs and self.dweights."""
    if len(kernel.inputs) != 1 or len(kernel.out) > 1 or not _differentiable(kernel):
        raise Unwritable("several inputs or outputs")
    style.gradient = "d{}"
    name = style.one_of("Layer_", "Activation_", "") + camel(name)
    sizes = bool(kernel.params) and style.chance(0.7)
    args, first = _initial(style, kernel, sizes)
    lines, values = _forward_lines(style, kernel, "self")
    forward = _method(style, f"forward({signature(style, kernel.inputs, [])})", [*lines, f"self.output = {values[0]}"])
    lines, _, _ = body(style, kernel, "backward", _read(kernel, "backward"), "self")
    lines += [f"self.d{n} = {v}" for n, v in _values(style, kernel).items() if n in kernel.params]
    lines += [f"self.dinputs = {_values(style, kernel)[kernel.inputs[0]]}"]
    backward = _method(style, f"backward({signature(style, kernel.upstream, [])})", lines)
    text = _class(style, kernel, name, args, first, [forward, backward])
    names = _reference_names(kernel)

    def drive(space: Any, arrays: Arrays, dy: list[Any]) -> Run:
        arrays = copies(arrays)
        layer = _built(kernel, space[name], arrays, sizes)
        layer.forward(arrays[kernel.layout.inputs[0].name])
        out = layer.output
        layer.backward(dy[0])
        grads = {names[n]: getattr(layer, f"d{n}", None) for n in kernel.params if n in kernel.grads}
        return [out], {names[kernel.inputs[0]]: getattr(layer, "dinputs", None), **grads}

    return Made(name, (name,), text, (f"{name}.backward",), drive, _given(kernel))


def rate(style: Style, kernel: Kernel, name: str) -> Made:
    """backward(output_gradient, learning_rate) moves the parameters itself."""
    if len(kernel.inputs) != 1 or len(kernel.out) > 1 or not _differentiable(kernel):
        raise Unwritable("several inputs or outputs")
    if any(not e.axes for e in kernel.layout.params):
        raise Unwritable("a parameter that is a number")
    name = camel(name)
    sizes = bool(kernel.params) and style.chance(0.5)
    backward_name = style.one_of("backward", "backward", "backward_propagation", "backprop")
    forward_name = "forward_propagation" if backward_name.endswith("propagation") else "forward"
    args, first = _initial(style, kernel, sizes)
    lr = style.one_of("learning_rate", "learning_rate", "lr", "learn_rate")
    lines, values = _forward_lines(style, kernel, "self")
    forward = _method(style, f"{forward_name}({signature(style, kernel.inputs, [])})",
                      [*lines, f"return {values[0]}"])  # fmt: skip
    lines, _, _ = body(style, kernel, "backward", _read(kernel, "backward"), "self")
    made = _values(style, kernel)
    own = {n: style.one_of(f"{n}_gradient", f"d{n}_") for n in kernel.grads}
    lines += [f"{own[n]} = {made[n]}" for n in kernel.grads]
    sign = style.chance(0.6)
    lines += [f"self.{n} -= {lr} * {own[n]}" if sign else f"self.{n} = self.{n} - {lr} * {own[n]}"
              for n in kernel.params if n in kernel.grads]  # fmt: skip
    lines += [f"return {own[kernel.inputs[0]]}"]
    backward = _method(style, f"{backward_name}({signature(style, kernel.upstream, [lr])})", lines)
    text = _class(style, kernel, name, args, first, [forward, backward])
    names = _reference_names(kernel)

    def drive(space: Any, arrays: Arrays, dy: list[Any]) -> Run:
        arrays = copies(arrays)
        layer = _built(kernel, space[name], arrays, sizes)
        before = {n: np.array(getattr(layer, n)) for n in kernel.params}
        out = getattr(layer, forward_name)(arrays[kernel.layout.inputs[0].name])
        dx = getattr(layer, backward_name)(dy[0], 0.25)
        grads = {names[n]: (before[n] - getattr(layer, n)) / 0.25 for n in kernel.params if n in kernel.grads}
        return [out], {names[kernel.inputs[0]]: dx, **grads}

    return Made(name, (name,), text, (f"{name}.{backward_name}",), drive, _given(kernel), steps=True)


def pair(style: Style, kernel: Kernel, name: str) -> Made:
    """CS231n: out, cache = affine_forward(x, w, b); dx, dw, db = affine_backward(dout, cache)."""
    stem = snake(name)
    forward, backward = _functions(style, kernel, f"{stem}_forward", f"{stem}_backward", "")
    text = helpers(style, kernel) + f"{forward}\n\n{backward}"
    drive = _pair_drive(kernel, lambda s: (s[f"{stem}_forward"], s[f"{stem}_backward"]))
    names = (stem, f"{stem}_forward", f"{stem}_backward")
    return Made(stem, names, text, (f"{stem}_backward",), drive, _given(kernel))


def static(style: Style, kernel: Kernel, name: str) -> Made:
    """EECS 498: a class with static forward(x, w, b) and backward(dout, cache)."""
    name = camel(name)
    forward, backward = _functions(style, kernel, "forward", "backward", "    ")
    text = helpers(style, kernel) + f"class {name}:\n" + docstring(style, titled(kernel), 4)
    text += f"    @staticmethod\n{forward}\n    @staticmethod\n{backward}"
    return Made(name, (name,), text, (f"{name}.backward",),
                _pair_drive(kernel, lambda s: (s[name].forward, s[name].backward)), _given(kernel))  # fmt: skip


def _functions(style: Style, kernel: Kernel, forward: str, backward: str, margin: str) -> tuple[str, str]:
    needed = kernel.needed()
    lines, values, _ = body(style, kernel, "forward", [], "")
    kept = _rebound(kernel, needed)
    lines = [f"{new} = {old}" for old, new in kept.items()] + lines
    cache = ", ".join(kept.get(n, n) for n in needed)
    cache = f"({cache},)" if len(needed) == 1 and style.chance(0.5) else f"({cache})" if needed else "None"
    single = len(needed) == 1 and not cache.endswith(",)")
    lines += [f"cache = {cache}", f"return {', '.join(values)}, cache"]
    depth = len(margin) + 4
    text = f"{margin}def {forward}({signature(style, kernel.arrays, defaults(kernel), '')}):\n"
    text += docstring(style, f"Computes the forward pass of {kernel.spec.name.replace('_', ' ')}.", depth)
    text += indented(lines, depth)
    unpacked = ", ".join(needed) + ("," if len(needed) == 1 and not single else "")
    lines, found, _ = body(style, kernel, "backward", [], "")
    lines = ([f"{unpacked} = cache"] if needed else []) + lines
    values = dict(zip(kernel.grads, found, strict=True))
    wanted = [n for n in kernel.arrays if n in values]
    if style.chance(0.6) and not any(f"d{n}" in " ".join(found) for n in wanted):
        lines += [f"d{n} = {values[n]}" for n in wanted]
        lines += ["return " + ", ".join(f"d{n}" for n in wanted)]
    else:
        lines += ["return " + ", ".join(values[n] for n in wanted)]
    second = f"{margin}def {backward}({signature(style, [*kernel.upstream, 'cache'], [], '')}):\n"
    second += docstring(style, "Computes the backward pass.", depth)
    return text, second + indented(lines, depth)


def _rebound(kernel: Kernel, needed: list[str]) -> dict[str, str]:
    """Arguments that the forward binds anew, and under which name they are kept for the cache."""
    from benchmarks.whole_way.collect import stores

    changed = stores(*kernel.forward)
    return {n: f"{n}_in" for n in needed if n in changed and n in kernel.arrays}


def _pair_drive(kernel: Kernel, find: Any) -> Drive:
    names = _reference_names(kernel)

    def drive(space: Any, arrays: Arrays, dy: list[Any]) -> Run:
        arrays = copies(arrays)
        forward, backward = find(space)
        *out, cache = forward(*(arrays[e.name] for e in kernel.layout.entries))
        given = backward(*dy, cache)
        wanted = [n for n in kernel.arrays if n in kernel.grads]
        found = as_list(given) if len(wanted) != 1 else [given]
        return out, {names[n]: g for n, g in zip(wanted, found, strict=False)}

    return drive


def functions(style: Style, kernel: Kernel, name: str) -> Made:
    """f(x) and the derivative that goes with it: relu(x) and relu_backward(dout, x)."""
    stem = snake(name)
    needed = kernel.needed()
    if len(kernel.out) > 1 or set(needed) - set(kernel.arrays) - set(kernel.settings):
        raise Unwritable("the backward needs more than the arguments")
    lines, values, _ = body(style, kernel, "forward", [], "")
    text = helpers(style, kernel)
    text += f"def {stem}({signature(style, kernel.arrays, defaults(kernel), '')}):\n"
    text += docstring(style, titled(kernel), 4) + indented([*lines, f"return {values[0]}"], 4)
    lines, found, _ = body(style, kernel, "backward", [], "")
    wanted = [n for n in kernel.arrays if n in kernel.grads]
    made = dict(zip(kernel.grads, found, strict=True))
    backward = stem + style.one_of("_backward", "_backward", "_grad")
    args = [*kernel.upstream, *kernel.arrays]
    text += f"\n\ndef {backward}({signature(style, args, defaults(kernel), '')}):\n"
    text += indented([*lines, "return " + ", ".join(made[n] for n in wanted)], 4)
    names = _reference_names(kernel)

    def drive(space: Any, arrays: Arrays, dy: list[Any]) -> Run:
        arrays = copies(arrays)
        every = [arrays[e.name] for e in kernel.layout.entries]
        out = space[stem](*every)
        given = space[backward](*dy, *every)
        grads = as_list(given) if len(wanted) != 1 else [given]
        return [out], {names[n]: g for n, g in zip(wanted, grads, strict=False)}

    return Made(stem, (stem, backward), text, (backward,), drive, _given(kernel))
