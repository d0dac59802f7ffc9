"""How one author writes: names, spacing, docstrings, annotations, and what is saved or worked out anew."""

from __future__ import annotations

import ast
import copy
import io
import keyword
import re
import tokenize
from random import Random

from benchmarks.whole_way.collect import Unwritable, loads, stores
from benchmarks.whole_way.evaluate import Renaming, Statements
from benchmarks.whole_way.kernels import Kernel

UPSTREAM = {
    "book": ("dout", "dout", "grad_output", "dy", "delta", "d_out", "grad", "gy", "upstream", "output_gradient"),
    "pair": ("dout", "dout", "dout", "dy", "d_out", "grad_out", "dZ", "upstream"),
    "static": ("dout", "dout", "d_out"),
    "nnfs": ("dvalues", "dvalues", "dvalues", "d_values"),
    "cmu": ("dLdZ", "dLdA", "dLdZ", "delta"),
    "rate": ("output_gradient", "output_error", "d_L_d_out", "accum_grad", "grad", "delta", "dout"),
    "torch": ("grad_output", "grad_output", "grad_out", "dout", "grad", "g"),
    "setup": ("grad_output", "grad_output", "grad_out", "dout", "grad", "g"),
    "engine": ("grad_output", "out_grad", "gy", "grad"),
}
WEIGHTS = {"W": ("W", "W", "w", "weight", "weights", "kernel"), "b": ("b", "b", "bias", "biases")}
OTHERS = {
    "gamma": ("gamma", "gamma", "scale", "g"), "beta": ("beta", "beta", "shift"), "a": ("a", "alpha", "slope"),
}  # fmt: skip
INPUTS = {
    "book": ("x", "x", "x", "X", "inputs", "inp", "input"), "nnfs": ("inputs",), "cmu": ("A", "Z", "x"),
    "rate": ("x", "input", "inputs", "input_data", "X"), "torch": ("x", "input", "input", "inp", "i"),
}  # fmt: skip
TARGETS = ("t", "y", "y_true", "target", "targets", "labels", "Y")
NNFS = {0: ("y_pred", "y_pred", "output"), 1: ("y_true", "y_true", "y")}
PREDICTIONS = ("y", "y_pred", "pred", "predictions", "y_hat", "x", "scores", "logits", "A")
PAIRS = (("a", "b"), ("x", "y"), ("x1", "x2"), ("x0", "x1"), ("left", "right"), ("u", "v"))
GRADIENTS = ("d{}", "d{}", "d{}", "grad_{}", "{}_grad", "d_{}", "dLd{}", "dL_d{}")
SETTINGS = {
    "slope": ("slope", "alpha", "negative_slope", "a"), "kernel": ("kernel", "kernel_size", "pool_size", "size"),
    "pad": ("pad", "padding"), "eps": ("eps", "epsilon"), "stride": ("stride",), "delta": ("delta",),
    "p": ("p", "dropout_ratio", "rate", "drop_prob"), "groups": ("groups", "num_groups", "G"),
    "heads": ("heads", "num_heads", "n_heads"),
}  # fmt: skip


class Style:
    """The habits of one author, drawn once for a file; `rng` draws what differs from object to object."""

    def __init__(self, rng: Random) -> None:
        self.rng = rng
        self.weights = {k: rng.choice(v) for k, v in {**WEIGHTS, **OTHERS}.items()}
        self.gradient = rng.choice(GRADIENTS)
        self.pair = rng.choice(PAIRS)
        self.docstrings = rng.random() < 0.4
        self.annotations = rng.random() < 0.25
        self.comments = rng.random() < 0.3
        self.tight = rng.random() < 0.25
        self.saves = rng.random() < 0.7
        self.attributes = rng.random() < 0.5  # self.W in the formulas, and no line that binds W first
        self.dots = rng.random() < 0.4
        self.bare = rng.random() < 0.6
        self.blank = rng.random() < 0.2
        self.none_first = rng.random() < 0.5
        self.guards = rng.random() < 0.2
        self.engine: dict[str, str] = {}  # the names of the file's own engine

    def chance(self, p: float) -> bool:
        return self.rng.random() < p

    def one_of(self, *choices: str) -> str:
        return self.rng.choice(choices)

    # names ----------------------------------------------------------------------------------------------------

    def named(self, kernel: Kernel, convention: str) -> Kernel:
        """The kernel under names of this author."""
        kernel = copy.deepcopy(kernel)
        names: dict[str, str] = {n: self._parameter(n) for n in kernel.params}
        inputs = [e.name for e in kernel.layout.inputs]
        if kernel.spec.kind in ("loss", "network"):
            names |= dict(zip(inputs, self._loss_inputs(kernel, inputs, convention), strict=True))
        elif len(inputs) == 2 and {*inputs} in ({"x", "y"}, {"A", "B"}):
            names |= dict(zip(inputs, self.pair, strict=True))
        elif inputs and inputs[0] in ("x", "A"):
            names[inputs[0]] = self.one_of(*INPUTS.get(convention, INPUTS["book"]))
        names |= {n: self.one_of(*SETTINGS.get(n, (n,))) for n in kernel.settings}
        if len(kernel.upstream) == 1:
            names[kernel.upstream[0]] = self.one_of(*UPSTREAM.get(convention, UPSTREAM["book"]))
        names = self._without_clashes(kernel, names)
        if kernel.spec.kind == "loss" and (names.get(inputs[0]), names.get(inputs[-1])) == ("y", "p"):
            raise Unwritable("its names say that y is the target")
        rename = Renaming(names)
        for part in ("forward", "backward", "out", "helpers"):
            if part != "helpers":
                setattr(kernel, part, [rename.visit(n) for n in getattr(kernel, part)])
        kernel.grads = {names.get(n, n): rename.visit(e) for n, e in kernel.grads.items()}
        kernel.called = {n: names.get(n, n) for n in (*kernel.inputs, *kernel.params)}
        kernel.inputs, kernel.params, kernel.upstream, kernel.saved = (
            [names.get(n, n) for n in part] for part in (kernel.inputs, kernel.params, kernel.upstream, kernel.saved)
        )
        kernel.settings = {names.get(n, n): v for n, v in kernel.settings.items()}
        self._habits(kernel, convention)
        return kernel

    def _parameter(self, name: str) -> str:
        if name in self.weights:
            return self.weights[name]
        match = re.fullmatch(r"(W|b)(\d)", name)
        if match:
            return self.weights[match[1]] + match[2]
        return name

    def _loss_inputs(self, kernel: Kernel, inputs: list[str], convention: str) -> list[str]:
        made = []
        for i, entry in enumerate(kernel.layout.inputs):
            if entry.name in ("t", "y", "p", "q", "x") and i < 2:
                own = NNFS[i] if convention == "nnfs loss" else PREDICTIONS if i == 0 else TARGETS
                made.append(self.one_of(*own))
            else:
                made.append(entry.name)
        return made if kernel.spec.kind == "loss" else inputs

    def _without_clashes(self, kernel: Kernel, names: dict[str, str]) -> dict[str, str]:
        body = [*kernel.forward, *kernel.backward, *kernel.out, *kernel.grads.values()]
        taken = stores(*body) | loads(*body) | {h for n in kernel.helpers for h in stores(n)} | {"np", "math", "self"}
        taken |= {"d" + n for n in names.values()}
        free: dict[str, str] = {}
        for name, new in names.items():
            others = (taken - {name}) | set(free.values()) | (set(names) - {name})
            free[name] = name if new in others or keyword.iskeyword(new) else new
        return free

    def _habits(self, kernel: Kernel, convention: str) -> None:
        flat = all(len(e.dims) <= 2 for e in (*kernel.layout.entries, kernel.layout.output, *kernel.layout.outputs,
                                              *kernel.spec.layout.entries))  # fmt: skip
        changes = [Dots()] if self.dots and flat else []
        changes += [Bare()] if self.bare else []
        changes += [Guarded(self.one_of("np.clip({}, -50, 50)", "np.minimum({}, 50)"))] if self.guards else []
        for change in changes:
            for part in ("forward", "backward", "out", "helpers"):
                setattr(kernel, part, [change.visit(n) for n in getattr(kernel, part)])
            kernel.grads = {n: change.visit(e) for n, e in kernel.grads.items()}
        if self.saves and convention not in ("setup", "network", "nnfs loss"):
            shared(kernel, self.rng)

    # text -----------------------------------------------------------------------------------------------------

    def text(self, nodes: Statements, indent: int = 0) -> list[str]:
        """Statements as lines."""
        lines = [line for n in nodes for line in ast.unparse(ast.fix_missing_locations(n)).splitlines()]
        return [" " * indent + without_brackets(line) for line in lines]

    def spaced(self, source: str) -> str:
        """The source with this author's spacing."""
        return tight(source) if self.tight else source

    def gradient_of(self, name: str) -> str:
        return self.gradient.format(name)


class Dots(ast.NodeTransformer):
    """np.dot in the place of @."""

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        self.generic_visit(node)
        if not isinstance(node.op, ast.MatMult):
            return node
        return ast.Call(ast.Attribute(ast.Name("np", ast.Load()), "dot", ast.Load()), [node.left, node.right], [])


class Bare(ast.NodeTransformer):
    """np.asarray left away where it only makes an array of one."""

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        named = ast.unparse(node.func)
        if named == "np.asarray" and len(node.args) == 1 and not node.keywords:
            return node.args[0]
        return node


class Guarded(ast.NodeTransformer):
    """Exponents cut off, so that no exponential overflows."""

    def __init__(self, guard: str) -> None:
        self.guard = guard

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        if ast.unparse(node.func) != "np.exp" or len(node.args) != 1 or node.keywords:
            return node
        guarded = ast.parse(self.guard.format(ast.unparse(node.args[0])), mode="eval").body
        return ast.Call(node.func, [guarded], [])


def shared(kernel: Kernel, rng: Random) -> None:
    """Let the forward save what the backward would work out again."""
    same: set[str] = set(kernel.arrays) | set(kernel.settings) | {"np", "math"}
    same -= stores(*kernel.forward) & set(kernel.arrays)
    helpers = {n for h in kernel.helpers for n in stores(h)}
    builtins = {
        "float",
        "int",
        "len",
        "range",
        "zip",
        "dict",
        "tuple",
        "list",
        "max",
        "min",
        "sum",
        "enumerate",
        "slice",
    }
    for node in kernel.forward:
        bound = stores(node)
        once = sum(bool(stores(s) & bound) for s in kernel.forward) == 1
        twins = [s for s in kernel.backward if ast.dump(s) == ast.dump(node)]
        only = len(twins) == 1 and sum(bool(stores(s) & bound) for s in kernel.backward) == 1
        known = loads(node) <= same | helpers | builtins
        if isinstance(node, ast.Assign) and once and only and known and not bound & set(kernel.arrays):
            kernel.backward.remove(twins[0])
            kernel.saved += sorted(bound - set(kernel.saved))
            same |= bound
    out = kernel.out[0]
    if len(kernel.out) == 1 and loads(out) <= same | helpers | builtins and not isinstance(out, ast.Name):
        change = Replacing(ast.dump(out), "out")
        if "out" in stores(*kernel.forward, *kernel.backward) | set(kernel.arrays) | helpers:
            return
        kernel.backward = [change.visit(n) for n in kernel.backward]
        kernel.grads = {n: change.visit(e) for n, e in kernel.grads.items()}
        if change.found:
            kernel.forward.append(ast.Assign([ast.Name("out", ast.Store())], out, lineno=0))
            kernel.out = [ast.Name("out", ast.Load())]
            kernel.saved.append("out")
    from benchmarks.whole_way.kernels import _pruned

    _pruned(kernel)


class Replacing(ast.NodeTransformer):
    """An expression replaced by a variable."""

    def __init__(self, dump: str, name: str) -> None:
        self.dump, self.name, self.found = dump, name, False

    def visit(self, node: ast.AST) -> ast.AST:
        if isinstance(node, ast.expr) and ast.dump(node) == self.dump:
            self.found = True
            return ast.Name(self.name, ast.Load())
        return self.generic_visit(node)


def without_brackets(line: str) -> str:
    """a, b = (c, d) without the brackets that nobody writes."""
    match = re.fullmatch(r"(\s*(?:return|[\w., \[\]':]+ =)) \((.*)\)", line)
    if not match:
        return line
    depth = 0
    comma = False
    for letter in match[2]:
        depth += (letter in "([{") - (letter in ")]}")
        comma |= letter == "," and depth == 0
        if depth < 0:
            return line
    bare = f"{match[1]} {match[2]}"
    return bare if comma and same(bare.strip(), line.strip()) else line


def same(one: str, other: str) -> bool:
    """Whether two lines mean the same."""
    try:
        return ast.dump(ast.parse(one)) == ast.dump(ast.parse(other))
    except SyntaxError:
        return False


def tight(source: str) -> str:
    """No blanks around * / and ** and none behind a comma in brackets."""
    lines = source.splitlines(keepends=True)
    found = []
    depth = 0
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        depth += (token.string in "([{") - (token.string in ")]}") if token.type == tokenize.OP else 0
        if token.type == tokenize.OP and token.string in ("*", "/", "**"):
            found.append(token)
    for token in reversed(found):
        row, (start, end) = token.start[0] - 1, (token.start[1], token.end[1])
        line = lines[row]
        if line[start - 1 : start] == " " and line[end : end + 1] == " ":
            lines[row] = line[: start - 1] + token.string + line[end + 1 :]
    return "".join(lines)


def direct(body: Statements, values: list[ast.expr], names: list[str], owner: str = "self") -> tuple[
    Statements, list[ast.expr], list[str]
]:  # fmt: skip
    """The body with owner.name in the place of names that it does not bind, and the names that are left."""
    bound = stores(*body)
    inner = {n for s in (*body, *values) for n in _inner(s)}
    free = {n for n in names if n not in bound and n not in inner}
    change = Owned(free, owner)
    made = [change.visit(copy.deepcopy(s)) for s in body]
    return made, [change.visit(copy.deepcopy(v)) for v in values], [n for n in names if n not in free]


def _inner(node: ast.AST) -> set[str]:
    """Names of comprehensions and lambdas."""
    return {a.arg for n in ast.walk(node) if isinstance(n, ast.Lambda) for a in n.args.args} | {
        x.id for n in ast.walk(node) if isinstance(n, ast.comprehension) for x in ast.walk(n.target)
        if isinstance(x, ast.Name)}  # fmt: skip


class Owned(ast.NodeTransformer):
    def __init__(self, names: set[str], owner: str) -> None:
        self.names, self.owner = names, owner

    def visit_Name(self, node: ast.Name) -> ast.AST:
        if node.id not in self.names or not isinstance(node.ctx, ast.Load):
            return node
        return ast.Attribute(ast.Name(self.owner, ast.Load()), node.id, ast.Load())


def refuse(reason: str) -> None:
    raise Unwritable(reason)
