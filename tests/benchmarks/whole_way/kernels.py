"""What a generated layer computes: statements of its forward and of its backward, in the layout of a variant."""

from __future__ import annotations

import ast
import copy
from collections.abc import Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any

from benchmarks.whole_way.collect import Collector, Unwritable, loads, stores
from benchmarks.whole_way.evaluate import Evaluator, Statements, assign
from reference_impls.shapes import Entry, Layout
from reference_impls.spec import LayerSpec, Mistake, Variant


@dataclass
class Kernel:
    """Names are those of the reference; `settings` are options that stay variables."""

    spec: LayerSpec
    variant: Variant
    layout: Layout
    inputs: list[str]
    params: list[str]
    settings: dict[str, Any]
    upstream: list[str]
    forward: Statements
    out: list[ast.expr]
    backward: Statements
    grads: dict[str, ast.expr]
    helpers: Statements
    mistake: str = ""
    saved: list[str] = field(default_factory=list)  # variables of the forward that the backward reads
    called: dict[str, str] = field(default_factory=dict)  # the names of the arrays as an author has them

    @property
    def arrays(self) -> list[str]:
        return self.inputs + self.params

    def needed(self) -> list[str]:
        """The variables of the forward that the backward needs, in their order."""
        every = loads(*self.backward, *self.grads.values())
        bound_first = _read_first(self.backward, list(self.grads.values()))
        return [n for n in [*self.arrays, *self.settings, *self.saved] if n in every and n in bound_first]


def _read_first(body: Statements, values: list[ast.expr]) -> set[str]:
    """Names that are read before the body binds them."""
    bound: set[str] = set()
    found: set[str] = set()
    for node in [*body, *values]:
        if isinstance(node, ast.Assign):
            found |= loads(node.value, *(t for t in node.targets if not isinstance(t, ast.Name | ast.Tuple))) - bound
        else:
            found |= loads(node) - bound
        if isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name) and node.target.id not in bound:
            found.add(node.target.id)
        bound |= stores(node)
    return found


def kernel_of(
    spec: LayerSpec, variant: Variant, layout: Layout, mistake: Mistake | None, rng: Random, convert: bool = True
) -> Kernel:
    """The kernel of a reference, or of one of its mistakes; raises Unwritable with the reason.

    Without `convert` the code is that of the base layout, which is right for some other layouts as it is.
    """
    settings = _settings(spec, variant, rng)
    if settings:
        try:
            kernel = _kernel(spec, variant, layout, mistake, rng, settings, convert)
            if set(kernel.settings) <= loads(*kernel.backward, *kernel.grads.values()):
                return kernel  # else the backward has the number, and another setting would make it wrong
        except Unwritable:
            pass  # where numbers decide which branch is taken, they are written as numbers
    return _kernel(spec, variant, layout, mistake, rng, {}, convert)


def _kernel(
    spec: LayerSpec,
    variant: Variant,
    layout: Layout,
    mistake: Mistake | None,
    rng: Random,
    settings: dict[str, Any],
    convert: bool,
) -> Kernel:
    source = Collector()
    backward = mistake.backward if mistake and mistake.backward else spec.backward
    stateful = bool(mistake and mistake.stateful)
    if stateful:
        raise Unwritable("a mistake that lives between two calls")
    names = [source.function((mistake.forward if mistake and mistake.forward else None) or spec.forward),
             source.function(backward)]  # fmt: skip
    evaluator = Evaluator(source, rng)
    arrays = [e.name for e in spec.layout.entries]
    options = {k: source.value(v) for k, v in {**spec.defaults, **variant.options}.items()}
    given = {k: ast.Name(k, ast.Load()) if k in settings else v for k, v in options.items()}
    upstream = ["d" + e.name for e in layout.outputs] if layout.outputs else ["dy"]
    upstream = [n + "_out" if n in arrays else n for n in upstream]
    used = {*arrays, *settings, *upstream, *(f"d{n}" for n in arrays)}
    load: list[ast.expr] = [_array(n, layout) for n in arrays]
    first, out = evaluator.call(names[0], load, _taken(source, names[0], given, variant), set(used))
    dy: ast.expr = ast.Name("dy", ast.Load())
    if layout.outputs:
        dy = ast.Tuple([ast.Name(n, ast.Load()) for n in upstream], ast.Load())
    second, grads = evaluator.call(names[1], [dy, *load], _taken(source, names[1], given, variant), set(used))
    values = [out]
    if layout.outputs:
        if not isinstance(out, ast.Tuple):
            names = ["out_" + e.name for e in layout.outputs]
            first.append(ast.Assign([ast.Tuple([ast.Name(n, ast.Store()) for n in names], ast.Store())], out, lineno=0))
            out = ast.Tuple([ast.Name(n, ast.Load()) for n in names], ast.Load())
        values = list(out.elts)
    for n in sorted(loads(*first, *second, *values, grads)):
        evaluator.constant(n)
    kernel = Kernel(
        spec, variant, layout, [e.name for e in layout.inputs], [e.name for e in layout.params], settings, upstream,
        first, values, second, _apart(grads, spec, second), list(evaluator.helpers.values()),
        mistake.code if mistake else "",
    )  # fmt: skip
    kernel.helpers = [h for h in kernel.helpers if not isinstance(h, ast.Pass)]
    if convert:
        _converted(kernel)
    if "mask" in set(arrays) - set(kernel.arrays) and spec.family == "stochastic":
        _drawn(kernel, spec, variant)
        arrays.remove("mask")
    for name in set(arrays) - set(kernel.arrays):
        if name in _read_first(kernel.forward, kernel.out) | _read_first(kernel.backward, list(kernel.grads.values())):
            raise Unwritable(f"the variant leaves {name} out, and its code reads it")
    kernel.settings = {k: v for k, v in settings.items() if k in loads(*kernel.forward, *kernel.backward, *kernel.out,
                                                                       *kernel.grads.values())}  # fmt: skip
    _pruned(kernel)
    return kernel


def _array(name: str, layout: Layout) -> ast.expr:
    """An argument; gamma and beta that a variant leaves out are 1 and 0, and stand nowhere."""
    node: Any = ast.Name(name, ast.Load())
    if name in ("gamma", "beta") and name not in [e.name for e in layout.entries]:
        node = ast.Constant(1.0 if name == "gamma" else 0.0)
        node.left_out = node.value
    return node


def _drawn(kernel: Kernel, spec: LayerSpec, variant: Variant) -> None:
    """A mask that the forward draws itself."""
    p = ast.unparse(ast.Name("p")) if "p" in kernel.settings else repr({**spec.defaults, **variant.options}["p"])
    sign = "<" if variant.options.get("keep") else ">"
    kernel.forward.insert(0, _statement(f"mask = np.random.rand(*x.shape) {sign} {p}"))
    kernel.saved.append("mask")


def _settings(spec: LayerSpec, variant: Variant, rng: Random) -> dict[str, Any]:
    """Numeric options that stay variables, such as a slope or a stride."""
    every = {**spec.defaults, **variant.options}
    numbers = {k: v for k, v in every.items() if isinstance(v, int | float) and not isinstance(v, bool)}
    return numbers if rng.random() < 0.6 else {}


def _taken(source: Collector, name: str, given: Mapping[str, ast.expr], variant: Variant) -> dict[str, ast.expr]:
    """The options that a function takes; what it does not know must have its default."""
    args = source.functions[name].args
    known = {a.arg for a in (*args.args, *args.kwonlyargs)}
    if args.kwarg:
        own = source.functions["backward" if "backward" in source.functions else name].args
        passed = {a.arg for a in (*own.args, *own.kwonlyargs)}
        known |= {k for k in given if k in variant.options or (k in passed and isinstance(given[k], ast.Name))}
    for option in variant.options:
        if option not in known:
            raise Unwritable(f"{name} does not take the option {option}")
    return {k: copy.deepcopy(v) for k, v in given.items() if k in known}


def _apart(grads: ast.expr, spec: LayerSpec, body: Statements) -> dict[str, ast.expr]:
    """The gradient of each array as an expression."""
    if isinstance(grads, ast.Dict) and all(isinstance(k, ast.Constant) for k in grads.keys):
        return {str(k.value): v for k, v in zip(grads.keys, grads.values, strict=True) if isinstance(k, ast.Constant)}
    names = [e.name for e in spec.layout.entries if e.differentiable]
    body.append(assign("grads", grads))
    read = ast.Name("grads", ast.Load())
    return {n: ast.Subscript(read, ast.Constant(n), ast.Load()) for n in names}


def _pruned(kernel: Kernel) -> None:
    """Drop assignments that nobody reads."""
    for body, values in ((kernel.forward, kernel.out), (kernel.backward, list(kernel.grads.values()))):
        again = True
        while again:
            again = False
            for i in range(len(body) - 1, -1, -1):
                node = body[i]
                if not isinstance(node, ast.Assign) or not all(isinstance(t, ast.Name) for t in node.targets):
                    continue
                later = loads(*body[i + 1 :], *values) | {n.id for s in body[i + 1 :] for n in ast.walk(s)
                    if isinstance(s, ast.AugAssign) and isinstance(n, ast.Name)}  # fmt: skip
                if not later & stores(node):
                    del body[i]
                    again = True


# layouts --------------------------------------------------------------------------------------------------------------


def _expression(text: str) -> ast.expr:
    return ast.parse(text, mode="eval").body


def _statement(text: str) -> ast.stmt:
    return ast.parse(text).body[0]


def _converted(kernel: Kernel) -> None:
    """The code of the base layout, made to take and give arrays in the layout of the variant."""
    base, here = kernel.spec.layout, kernel.layout
    first: list[str] = []
    reshaped: dict[str, str] = {}
    for entry in here.entries:
        name, there = entry.name, base[entry.name]
        if entry.domain == "label" and there.domain == "onehot":
            first.append(f"{name} = np.eye({_size(kernel, entry.classes)})[{name}]")
        elif entry.domain == "onehot" and there.domain == "label":
            first.append(f"{name} = {name}.argmax(axis=-1)")
        elif entry.axes != there.axes:
            to, back = _conversion(name, entry, there)
            if "_shape" in back:
                reshaped[name] = f"{name}_shape"
                first.append(f"{name}_shape = {name}.shape")
            first.append(f"{name} = {to}")
            if name in kernel.grads:
                kernel.grads[name] = _expression(back.replace("GRAD", f"({ast.unparse(kernel.grads[name])})"))
    output = here.output
    start = [_statement(t) for t in first]
    if not here.outputs and output.axes != base.output.axes:
        to, back = _output(kernel, output, base.output)
        shapes = [f"{n}_shape" for n in _known_shapes(to) if f"{n}_shape" not in reshaped.values()]
        start = [_statement(f"{s} = {s.removesuffix('_shape')}.shape") for s in shapes] + start
        kernel.out = [_expression(to.replace("GRAD", f"({ast.unparse(kernel.out[0])})"))]
        kernel.backward.insert(0, _statement(f"dy = {back}"))
    kernel.forward[:0] = copy.deepcopy(start)
    kernel.backward[:0] = start


def _known_shapes(text: str) -> list[str]:
    import re

    return list(dict.fromkeys(re.findall(r"(\w+)_shape\[", text)))


def _size(kernel: Kernel, axis: str) -> str:
    for entry in kernel.layout.entries:
        if axis.isdigit():
            return axis
        if axis in entry.dims and entry.domain != "label":
            return f"{entry.name}.shape[{kernel.spec.layout[entry.name].dims.index(axis)}]"
    raise Unwritable(f"the number of classes {axis} is not the size of an array")


def _conversion(name: str, here: Entry, there: Entry) -> tuple[str, str]:
    """Expressions: the array in the base layout, and back from there its gradient, called GRAD."""
    order, names = Layout._order(None, here, there)  # type: ignore[arg-type]
    flat = len(names) == len(here.dims) and all(len(a) == 1 for a in here.axes)
    squeezed = name
    if not flat:
        sizes = []
        position = 0
        for axis in here.axes:
            if axis != ("1",):
                sizes.append("-1" if len(axis) > 1 else f"{name}.shape[{position}]")
            position += len(axis)
        if not sizes:
            raise Unwritable("a scalar that is made a matrix")
        squeezed = f"{name}.reshape({', '.join(sizes)})"
        if sizes.count("-1") > 1:
            raise Unwritable("two groups of axes")
    to, back = squeezed, "GRAD"
    if order != sorted(order):
        to = f"{squeezed}.T" if len(order) == 2 else f"{squeezed}.transpose({', '.join(map(str, order))})"
        inverse = [order.index(i) for i in range(len(order))]
        back = "GRAD.T" if len(order) == 2 else f"GRAD.transpose({', '.join(map(str, inverse))})"
    present = [n for n in there.dims if n in names]
    if len(present) < len(there.dims):  # axes that this layout does not have are 1 long
        where = [("None" if n not in names else ":") for n in there.dims]
        to = f"{to}[{', '.join(where)}]"
        back = back.replace("GRAD", f"GRAD.reshape({_lengths(name, here, present)})")
    if not flat:
        back = f"{back}.reshape({name}_shape)"
    return to, back


def _lengths(name: str, here: Entry, names: list[str]) -> str:
    """The sizes of axes as a shape."""
    return ", ".join(f"{name}_shape[{here.dims.index(n)}]" for n in names) if names else "()"


def _output(kernel: Kernel, here: Entry, there: Entry) -> tuple[str, str]:
    """Expressions: the output, called GRAD, as the layout has it, and its gradient dy as the base has it."""
    order, names = Layout._order(None, here, there)  # type: ignore[arg-type]
    if len(names) == len(here.dims) == len(there.dims) and all(len(a) == 1 for a in here.axes):
        inverse = [order.index(i) for i in range(len(order))]
        if len(order) == 2:
            return "GRAD.T", "dy.T"
        return f"GRAD.transpose({', '.join(map(str, inverse))})", f"dy.transpose({', '.join(map(str, order))})"
    to, back = "GRAD", "dy"
    present = [n for n in there.dims if n in names]
    inverse = [order.index(i) for i in range(len(order))]
    moved = order != sorted(order)
    if len(names) == len(here.dims) and list(there.dims[1:]) == present and all(len(a) == 1 for a in here.axes):
        move = f".transpose({', '.join(map(str, inverse))})" if moved else ""
        other = f".transpose({', '.join(map(str, order))})" if moved else ""
        return f"GRAD[0]{move}", f"dy{other}[None]" if here.dims else "np.reshape(dy, (1,))"
    shape: list[str] = []
    for axis in here.axes:
        for n in axis:
            shape.append("1" if n == "1" else n if n.isdigit() else _length_of(kernel, n, shape))
    to += f".transpose({', '.join(map(str, inverse))})" if moved and len(present) == len(there.dims) else ""
    if moved and len(present) < len(there.dims):
        raise Unwritable("an output that loses an axis and is transposed")
    to += f".reshape({', '.join(shape)})" if shape else ".reshape(())"
    merged = []
    position = 0
    for axis in here.axes:
        if axis != ("1",):
            merged.append("-1" if len(axis) > 1 else f"dy.shape[{position}]")
        position += len(axis)
    if any(len(axis) > 1 for axis in here.axes) or ("1",) in here.axes:
        back = f"{back}.reshape({', '.join(merged) or '()'})"
    if moved:
        back += f".transpose({', '.join(map(str, order))})"
    if len(present) < len(there.dims):
        where = ", ".join("None" if n not in names else ":" for n in there.dims)
        back = f"np.asarray({back})[{where}]" if not here.dims else f"{back}[{where}]"
    return to, back


def _length_of(kernel: Kernel, axis: str, before: list[str]) -> str:
    for entry in kernel.layout.entries:
        if axis in entry.dims and entry.domain != "label":
            return f"{entry.name}_shape[{entry.dims.index(axis)}]"
    if "-1" in before:
        raise Unwritable("an output with two axes that no input has")
    return "-1"
