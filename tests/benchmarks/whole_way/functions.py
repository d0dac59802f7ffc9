"""Functions of an autograd engine: torch's, in its two styles, and small engines of the file's own."""

from __future__ import annotations

import ast
import copy
from typing import Any

import numpy as np

from benchmarks.whole_way import layers
from benchmarks.whole_way.collect import Unwritable, loads
from benchmarks.whole_way.kernels import Kernel
from benchmarks.whole_way.style import Style
from benchmarks.whole_way.written import (
    Arrays,
    Made,
    Run,
    as_list,
    camel,
    copies,
    docstring,
    helpers,
    indented,
    number,
    titled,
    unparsed,
)

ENGINE = """import math

import numpy as np


class {Context}:
    def __init__(self):
        self.saved_{tensors} = ()

    def save_for_backward(self, *{tensors}):
        self.saved_{tensors} = {tensors}


class {Tensor}:
    def __init__(self, data, requires_grad=True):
        self.data = np.asarray(data)
        self.requires_grad = requires_grad
        self.grad = None
        self.{creator} = None
        self.{parents} = ()

    def backward(self, grad=None):
        if grad is None:
            grad = np.ones_like(self.data)
        order, seen = [], set()

        def visit(node):
            if id(node) not in seen:
                seen.add(id(node))
                for parent in node.{parents}:
                    visit(parent)
                order.append(node)

        visit(self)
        self.grad = grad
        for node in reversed(order):
            if node.{creator} is None:
                continue
            function, ctx = node.{creator}
            grads = function.backward(ctx, node.grad)
            if not isinstance(grads, tuple):
                grads = (grads,)
            for parent, g in zip(node.{parents}, grads):
                if g is not None and parent.requires_grad:
                    parent.grad = g if parent.grad is None else parent.grad + g


class {Function}:
    @classmethod
    def apply(cls, *args):
        {parents} = tuple(a for a in args if isinstance(a, {Tensor}))
        ctx = {Context}()
        values = [a.data if isinstance(a, {Tensor}) else a for a in args]
        out = {Tensor}(cls.forward(ctx, *values))
        out.{creator} = (cls, ctx)
        out.{parents} = {parents}
        return out
"""


def engine_names(style: Style) -> dict[str, str]:
    return {
        "Context": style.one_of("Context", "Ctx", "Context"), "Tensor": style.one_of("Tensor", "Tensor", "Variable"),
        "Function": style.one_of("Function", "Function", "Op"), "tensors": style.one_of("tensors", "tensors", "values"),
        "creator": style.one_of("creator", "_ctx", "grad_fn"), "parents": style.one_of("parents", "_prev", "inputs"),
    }  # fmt: skip


def engine_preamble(style: Style) -> str:
    style.engine = engine_names(style)
    return ENGINE.format(**style.engine)


def engine(style: Style, kernel: Kernel, name: str) -> Made:
    """class Affine(Function) with static forward(ctx, x, W) and backward(ctx, grad_output), on a Tensor of the file."""
    if len(kernel.out) > 1:
        raise Unwritable("several outputs")
    names = style.engine
    made = _function(style, kernel, name, names["Function"], f"saved_{names['tensors']}", [], None)

    def drive(space: Any, arrays: Arrays, dy: list[Any]) -> Run:
        arrays = copies(arrays)
        tensor = space[names["Tensor"]]
        data = [e.name for e in kernel.layout.entries]
        wrapped = {n: tensor(arrays[n]) for n in data}
        out = space[made.name].apply(*(wrapped[n] for n in data))
        out.backward(dy[0])
        return [out.data], {n: wrapped[n].grad for n in made.gradients}

    made.drive = drive
    return made


def _function(
    style: Style,
    kernel: Kernel,
    name: str,
    base: str,
    saved: str,
    convert: list[str],
    after: Any,
    tensors: bool = False,
) -> Made:
    """`convert` are lines that make arrays of the arguments; `after` writes the output and the gradients."""
    name = camel(name)
    needed = kernel.needed()
    kept = layers._rebound(kernel, needed)
    arrays = [n for n in needed if n not in kernel.settings and (n in kernel.arrays or not tensors)]
    others = [n for n in needed if n not in arrays]
    wrap = after or (lambda text: text)
    values = [wrap(unparsed(v)) for v in kernel.out]
    settings = list(kernel.settings)
    lines = [f"{new} = {old}" for old, new in kept.items()]
    lines += (
        [f"ctx.save_for_backward({', '.join(kernel_name for kernel_name in arrays)})"] if arrays and tensors else []
    )
    lines += convert + style.text(kernel.forward)
    if not tensors and arrays:
        lines += [f"ctx.save_for_backward({', '.join(kept.get(n, n) for n in arrays)})"]
    lines += [f"ctx.{n} = {n}" for n in others]
    lines += [f"return {', '.join(values)}"]
    given = [*kernel.arrays, *(f"{n}={number(kernel.settings[n])}" for n in settings)]
    text = helpers(style, kernel) + f"class {name}({base}):\n" + docstring(style, titled(kernel), 4)
    text += f"    @staticmethod\n    def forward(ctx, {', '.join(given)}):\n" + indented(lines)
    back = _backward_lines(style, kernel, arrays, others, f"ctx.{saved}", wrap, len(settings) if tensors else 0)
    text += f"\n    @staticmethod\n    def backward(ctx, {', '.join(kernel.upstream)}):\n" + indented(back)
    return Made(name, (name,), text, (f"{name}.backward",), _no_drive, layers._given(kernel))


def _no_drive(space: Any, arrays: Arrays, dy: list[Any]) -> Run:
    raise NotImplementedError


def _backward_lines(
    style: Style, kernel: Kernel, arrays: list[str], others: list[str], saved: str, wrap: Any, settings: int
) -> list[str]:
    lines = []
    if arrays:
        comma = "," if len(arrays) == 1 else ""
        lines.append(f"{', '.join(arrays)}{comma} = {saved}")
    lines += [f"{n} = ctx.{n}" for n in others]
    lines += style.text(kernel.backward)
    values = [wrap(unparsed(kernel.grads[n])) if n in kernel.grads else "None" for n in kernel.arrays]
    return [*lines, f"return {', '.join(values + ['None'] * settings)}"]


# torch ----------------------------------------------------------------------------------------------------------------

TORCH = "import math\n\nimport numpy as np\nimport torch\n"
NAMED = {
    "concatenate": "cat", "power": "pow", "dot": "matmul", "split": "!", "pad": "!", "argsort": "!", "add": "!",
    "take": "!", "repeat": "!", "tile": "tile", "transpose": "!", "vectorize": "!", "einsum": "einsum",
}  # fmt: skip


METHODS = {"copy": "clone", "astype": "to"}


class Torch(ast.NodeTransformer):
    """NumPy's functions as torch's of the same name; raises Unwritable where there is none."""

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        self.generic_visit(node)
        if isinstance(node.value, ast.Name) and node.value.id == "np":
            import torch

            own = NAMED.get(node.attr, node.attr)
            if own == "!" or not hasattr(torch, own):
                raise Unwritable(f"torch has no {node.attr}")
            return ast.Attribute(ast.Name("torch", ast.Load()), own, ast.Load())
        if node.attr == "size":
            return ast.Call(ast.Attribute(node.value, "numel", ast.Load()), [], [])
        return node

    def visit_Call(self, node: ast.Call) -> ast.AST:
        named = ast.unparse(node.func)
        if named in ("np.asarray", "np.array", "float") and len(node.args) == 1:
            return self.visit(node.args[0])
        if named in ("np.maximum", "np.minimum") and isinstance(node.args[1], ast.Constant):
            side = ast.keyword("min" if named == "np.maximum" else "max", node.args[1])
            clamp = ast.Attribute(ast.Name("torch", ast.Load()), "clamp", ast.Load())
            return ast.Call(clamp, [self.visit(node.args[0])], [side])
        if named == "np.random.rand":
            return ast.Call(ast.Attribute(ast.Name("torch", ast.Load()), "rand", ast.Load()), node.args, [])
        own = isinstance(node.func, ast.Attribute) and ast.unparse(node.func.value) == "np"
        if isinstance(node.func, ast.Attribute) and not own:
            node.func.attr = METHODS.get(node.func.attr, node.func.attr)
            if node.func.attr in ("max", "min") and node.keywords:
                node.func.attr = "a" + node.func.attr
            if node.func.attr == "transpose" and len(node.args) != 2:
                node.func.attr = "permute"
        for word in node.keywords:
            word.arg = {"ddof": "correction", "axis": "dim", "keepdims": "keepdim"}.get(word.arg or "", word.arg)
        return self.generic_visit(node)


def native(kernel: Kernel) -> Kernel:
    """The kernel in torch's own functions."""
    if any(isinstance(h, ast.FunctionDef) and loads(h) & {"np"} for h in kernel.helpers):
        change = Torch()
        kernel.helpers = [change.visit(copy.deepcopy(h)) for h in kernel.helpers]
    change = Torch()
    kernel = copy.deepcopy(kernel)
    for part in ("forward", "backward", "out", "helpers"):
        setattr(kernel, part, [change.visit(n) for n in getattr(kernel, part)])
    kernel.grads = {n: change.visit(e) for n, e in kernel.grads.items()}
    return kernel


def _in_torch(style: Style, kernel: Kernel) -> tuple[Kernel, bool]:
    if style.chance(0.75):
        try:
            return native(copy.deepcopy(kernel)), True
        except Unwritable:
            pass
    return kernel, False


def with_ctx(style: Style, kernel: Kernel, name: str) -> Made:
    """class Affine(torch.autograd.Function) with forward(ctx, ...) and backward(ctx, grad_output)."""
    kernel, own = _in_torch(style, kernel)
    convert = [] if own else _to_numpy(kernel.arrays)
    wrap = None if own else _to_torch
    made = _function(style, kernel, name, "torch.autograd.Function", "saved_tensors", convert, wrap, tensors=True)
    if not own:
        made.text = _numpy_backward(made.text, kernel)
    return _driven(kernel, made)


def _to_numpy(names: list[str]) -> list[str]:
    return [f"{', '.join(names)} = {', '.join(f'{n}.detach().numpy()' for n in names)}"] if names else []


def _to_torch(text: str) -> str:
    return f"torch.as_tensor({text})"


def _numpy_backward(text: str, kernel: Kernel) -> str:
    """The lines that make arrays of what was saved and of the upstream gradient."""
    lines = text.splitlines(keepends=True)
    start = next(i for i, line in enumerate(lines) if "def backward" in line) + 1
    saved = [n for n in kernel.needed() if n in kernel.arrays]
    at = start + (1 if saved else 0)
    new = _to_numpy([*saved, *kernel.upstream])
    lines[at:at] = [indented(new)]
    return "".join(lines)


def with_setup(style: Style, kernel: Kernel, name: str) -> Made:
    """forward(x, W, b), setup_context(ctx, inputs, output) and backward(ctx, grad_output)."""
    kernel, own = _in_torch(style, kernel)
    if not own:
        raise Unwritable("torch has not all of its functions")
    name = camel(name)
    needed = kernel.needed()
    if set(needed) - set(kernel.arrays) - set(kernel.settings):
        raise Unwritable("the backward needs more than the arguments")
    settings = list(kernel.settings)
    lines = [*style.text(kernel.forward), f"return {', '.join(map(unparsed, kernel.out))}"]
    text = helpers(style, kernel) + f"class {name}(torch.autograd.Function):\n" + docstring(style, titled(kernel), 4)
    text += f"    @staticmethod\n    def forward({', '.join([*kernel.arrays, *settings])}):\n" + indented(lines)
    every = [*kernel.arrays, *settings]
    saved = [n for n in needed if n in kernel.arrays]
    lines = [f"{', '.join(every)}{',' if len(every) == 1 else ''} = inputs"]
    lines += [f"ctx.save_for_backward({', '.join(saved)})"] if saved else []
    lines += [f"ctx.{n} = {n}" for n in settings if n in needed]
    text += "\n    @staticmethod\n    def setup_context(ctx, inputs, output):\n" + indented(lines)
    back = _backward_lines(style, kernel, saved, [n for n in settings if n in needed], "ctx.saved_tensors", str,
                           len(settings))  # fmt: skip
    text += f"\n    @staticmethod\n    def backward(ctx, {', '.join(kernel.upstream)}):\n" + indented(back)
    made = Made(name, (name,), text, (f"{name}.backward",), _no_drive, layers._given(kernel))
    return _driven(kernel, made, list(kernel.settings.values()))


def _driven(kernel: Kernel, made: Made, settings: list[Any] | None = None) -> Made:
    def drive(space: Any, arrays: Arrays, dy: list[Any]) -> Run:
        import torch

        data = {n: torch.tensor(a) for n, a in copies(arrays).items()}
        for n in made.gradients:
            data[n].requires_grad_(True)
        out = space[made.name].apply(*(data[e.name] for e in kernel.layout.entries), *(settings or []))
        outs = as_list(out)
        torch.autograd.backward(
            outs, [torch.as_tensor(np.asarray(d)).reshape(o.shape) for d, o in zip(dy, outs, strict=True)]
        )
        grads = {n: None if data[n].grad is None else data[n].grad.numpy() for n in made.gradients}
        return [o.detach().numpy() for o in outs], grads

    made.drive = drive
    return made
