"""Subclasses of torch.autograd.Function: every output, every input, settings that are no tensors, both styles."""

from __future__ import annotations

from pathlib import Path

import pytest
from from_file import Checked, checked

HEAD = (
    "import torch\nfrom torch.autograd import Function\nfrom torch.autograd.function import once_differentiable\n\n\n"
)


def of(tmp_path: Path, forward: str, backward: str, *, head: str = "", arguments: str = "x", tail: str = "") -> Checked:
    """The verdicts on a Function `F` with these bodies."""
    lines = ["class F(Function):", "    @staticmethod", f"    def forward(ctx, {arguments}):"]
    lines += [f"        {line}" for line in forward.strip().splitlines()]
    lines += ["", "    @staticmethod", "    def backward(ctx, *grads):", "        g = grads[0]"]
    lines += [f"        {line}" for line in backward.strip().splitlines()]
    return checked(tmp_path, HEAD + head + "\n".join(lines) + "\n\n\n" + tail, cases=4)


SIN_COS = "ctx.save_for_backward(x)\nreturn torch.sin(x), torch.cos(x)"


@pytest.mark.parametrize(("second", "right"), [("-g2 * x.sin()", True), ("g2 * x.sin()", False), ("0", False)])
def test_every_output_is_judged(tmp_path: Path, second: str, right: bool) -> None:
    found = of(tmp_path, SIN_COS, f"(x,) = ctx.saved_tensors\ng2 = grads[1]\nreturn g * x.cos() + {second}")
    assert found.passes("F") if right else "dx" in found.failed("F")


@pytest.mark.parametrize(("factor", "right"), [("g", True), ("2 * g", False)])
def test_outputs_without_a_gradient_are_left_out(tmp_path: Path, factor: str, right: bool) -> None:
    forward = """
values, index = x.sort(dim=-1)
ctx.save_for_backward(index)
ctx.mark_non_differentiable(index)
return values, index
"""
    backward = f"(index,) = ctx.saved_tensors\nreturn torch.zeros_like(g).scatter(-1, index, {factor})"
    found = of(tmp_path, forward, backward)
    assert found.passes("F") if right else "dx" in found.failed("F")


@pytest.mark.parametrize(("second", "right"), [("g * x", True), ("None", False)])
def test_none_for_an_input_that_has_a_gradient_fails(tmp_path: Path, second: str, right: bool) -> None:
    forward, backward = "ctx.save_for_backward(x, y)\nreturn x * y + y", "x, y = ctx.saved_tensors\n"
    second = second if second == "None" else "g * x + g"
    found = of(tmp_path, forward, backward + f"return g * y, {second}", arguments="x, y")
    if right:
        assert found.passes("F")
    else:
        assert found.failed("F") == {"dy": "missing-gradient"}
        assert found.exit_code == 1


def test_none_is_right_where_nothing_depends_on_an_input(tmp_path: Path) -> None:
    forward = "ctx.save_for_backward(y > 0)\nreturn torch.where(y > 0, x, 2 * x)"
    found = of(tmp_path, forward, "(m,) = ctx.saved_tensors\nreturn torch.where(m, g, 2 * g), None", arguments="x, y")
    assert found.passes("F")
    assert set(found.verdicts("F")) == {"contract", "dx"}


@pytest.mark.parametrize(("factor", "right"), [("", True), ("0.5 * ", False)])
def test_targets_are_not_asked_for_a_gradient(tmp_path: Path, factor: str, right: bool) -> None:
    forward = "ctx.save_for_backward(x, target)\nreturn ((x - target) ** 2).sum()"
    backward = f"x, target = ctx.saved_tensors\nreturn {factor}2 * g * (x - target), None"
    found = of(tmp_path, forward, backward, arguments="x, target")
    assert set(found.failed("F")) == (set() if right else {"dx"})
    assert "dtarget" not in found.verdicts("F")


@pytest.mark.parametrize(("given", "right"), [("g * y", True), ("y", False), ("g", False)])
def test_what_the_forward_saved_may_come_back(tmp_path: Path, given: str, right: bool) -> None:
    forward = "y = torch.exp(x)\nctx.save_for_backward(y)\nreturn y"
    found = of(tmp_path, forward, f"(y,) = ctx.saved_tensors\nreturn {given}")
    assert not found.refused
    assert found.passes("F") if right else found.failed("F")


def test_a_saved_input_that_comes_back_is_judged(tmp_path: Path) -> None:
    found = of(tmp_path, "ctx.save_for_backward(x)\nreturn x * x", "(x,) = ctx.saved_tensors\nreturn x")
    assert found.failed("F")
    assert not found.refused


SOFTMAX = "y = torch.softmax(x, dim)\nctx.save_for_backward(y)\nctx.dim = dim\nreturn y"
SOFTMAX_BACK = "(y,) = ctx.saved_tensors\nreturn y * (g - {0}(y * g).sum(ctx.dim, keepdim=True)), None"
TOP = "v, i = x.topk({0}, dim=-1)\nctx.save_for_backward(i)\nctx.shape = x.shape\nreturn v"
TOP_BACK = "(i,) = ctx.saved_tensors\nreturn {0}torch.zeros(ctx.shape).scatter(-1, i, g), None"
REPEATED = "ctx.n = n\ny = x\nfor _ in range(n):\n    y = 2 * y\nreturn y"
CALLED = (
    "with torch.enable_grad():\n    z = x.detach().requires_grad_()\n    y = f(z)\nctx.kept = (z, y)\nreturn y.detach()"
)
CALLED_BACK = "z, y = ctx.kept\nreturn {0}torch.autograd.grad(y, z, g, retain_graph=True)[0], None"
SETTINGS = {
    "axis by default": ("x, dim=-1", SOFTMAX, SOFTMAX_BACK, ""),
    "axis by use": ("x, along", SOFTMAX.replace("dim)", "along)").replace("= dim", "= along"), SOFTMAX_BACK, ""),
    "whole number by annotation": ("x, n: int", TOP.format("n"), TOP_BACK, ""),
    "whole number by use": ("x, count", TOP.format("count"), TOP_BACK, ""),
    "count of a loop": ("x, n", REPEATED, "return {0}g * 2 ** ctx.n, None", ""),
    "function": ("x, f", CALLED, CALLED_BACK, ""),
    "nothing by default": ("x, top=None", TOP.format("2 if top is None else top"), TOP_BACK, ""),
    "text": (
        "x, kind",
        "ctx.kind = kind\nif kind == 'double':\n    return 2 * x\nelif kind == 'triple':\n    return 3 * x\n"
        "raise ValueError(kind)",
        "return {0}g * (2 if ctx.kind == 'double' else 3), None",
        "",
    ),
    "bounds": (
        "x, low: float, high: float",
        "ctx.save_for_backward((x >= low) & (x <= high))\nreturn x.clamp(low, high)",
        "return {0}g * ctx.saved_tensors[0], None, None",
        "",
    ),
}  # fmt: skip
SETTINGS["the author's own call"] = (
    "x, spread",
    "ctx.save_for_backward(x)\nctx.s = spread\nreturn x**2 * spread[0] + x * spread[1]",
    "(x,) = ctx.saved_tensors\nreturn {0}g * (2 * x * ctx.s[0] + ctx.s[1]), None",
    "def f(x):\n    return F.apply(x, (1.5, 2))\n",
)


@pytest.mark.parametrize("name", SETTINGS)
@pytest.mark.parametrize("right", [True, False])
def test_settings_get_no_tensors(tmp_path: Path, name: str, right: bool) -> None:
    arguments, forward, backward, tail = SETTINGS[name]
    found = of(tmp_path, forward, backward.format("" if right else "3 * "), arguments=arguments, tail=tail)
    assert not found.refused
    assert set(found.verdicts("F")) <= {"contract", "forward", "dx", "kink"}
    assert found.passes("F") if right else "dx" in found.failed("F")


@pytest.mark.parametrize(("divided", "right"), [("12", True), ("1", False)])
def test_a_flag_is_a_setting(tmp_path: Path, divided: str, right: bool) -> None:
    forward = "ctx.flag, ctx.shape = flag, x.shape\nif flag:\n    return x.mean()\nreturn x.sum()"
    count = "1" if divided == "1" else "torch.Size(ctx.shape).numel()"
    found = of(
        tmp_path, forward, f"return (g / ({count} if ctx.flag else 1)).expand(ctx.shape), None", arguments="x, flag"
    )
    assert found.passes("F") if right else "dx" in found.failed("F")


def test_the_default_of_a_wrapper_is_the_value(tmp_path: Path) -> None:
    tail = "def sharpen(x, power=3):\n    return F.apply(x, power)\n"
    forward = "ctx.save_for_backward(x)\nctx.power = power\nassert isinstance(power, int), power\nreturn x ** power"
    backward = "(x,) = ctx.saved_tensors\nreturn {}g * ctx.power * x ** (ctx.power - 1), None"
    assert of(tmp_path, forward, backward.format(""), arguments="x, power", tail=tail).passes("F")
    assert "dx" in of(tmp_path, forward, backward.format("2 * "), arguments="x, power", tail=tail).failed("F")


NEW_STYLE = """
class F(Function):
    @staticmethod
    def forward(x, n):
        return x ** n

    @staticmethod
    def setup_context(ctx, inputs, output):
        x, n = inputs
        ctx.save_for_backward(x)
        ctx.n = n

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return grad_output * {factor} * x ** (ctx.n - 1), None


def power(x, n=3):
    return F.apply(x, n)
"""


@pytest.mark.parametrize(("factor", "right"), [("ctx.n", True), ("1", False)])
def test_setup_context_is_driven(tmp_path: Path, factor: str, right: bool) -> None:
    found = checked(tmp_path, HEAD + NEW_STYLE.format(factor=factor))
    assert found.passes("F") if right else set(found.failed("F")) == {"dx"}


TWO_IN_NEW_STYLE = """
class Mul(Function):
    @staticmethod
    def forward(a, b):
        return a * b

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx, grad_output):
        a, b = ctx.saved_tensors
        return grad_output * {first}, grad_output * a
"""


@pytest.mark.parametrize(("first", "right"), [("b", True), ("a", False)])
def test_setup_context_with_two_tensors(tmp_path: Path, first: str, right: bool) -> None:
    found = checked(tmp_path, HEAD + TWO_IN_NEW_STYLE.format(first=first))
    assert found.passes("Mul") if right else "da" in found.failed("Mul")


def test_float32_is_said_to_be_promoted_only_where_it_is(tmp_path: Path) -> None:
    plain = of(tmp_path, "ctx.save_for_backward(x)\nreturn 0.5 * (5 * x**3 - 3 * x)",
               "(x,) = ctx.saved_tensors\nreturn g * 1.5 * (5 * x**2 - 1)")  # fmt: skip
    assert plain.passes("F")
    assert not plain.result("F", "contract").advice
    wide = of(tmp_path, "ctx.save_for_backward(x)\nreturn (x.double()) ** 3",
              "(x,) = ctx.saved_tensors\nreturn (3 * g * x**2).to(x.dtype)")  # fmt: skip
    assert [a.code for a in wide.result("F", "contract").advice] == ["promotes-float32"]


ON_CTX = {
    "needs_input_grad": (
        "x, y",
        "ctx.save_for_backward(x, y)\nreturn x * y + y",
        "x, y = ctx.saved_tensors\na = b = None\nif ctx.needs_input_grad[0]:\n    a = g * y\n"
        "if ctx.needs_input_grad[1]:\n    b = {0}g * (x + 1)\nreturn a, b",
        "dy",
    ),
    "mark_dirty": (
        "x",
        "x.exp_()\nctx.mark_dirty(x)\nctx.save_for_backward(x)\nreturn x",
        "(y,) = ctx.saved_tensors\nreturn {0}g * y",
        "dx",
    ),
    "set_materialize_grads": (
        "x",
        "ctx.set_materialize_grads(False)\nctx.save_for_backward(x)\nreturn x**3",
        "if g is None:\n    return None\n(x,) = ctx.saved_tensors\nreturn {0}3 * g * x**2",
        "dx",
    ),
    "nothing saved": (
        "x, bias=None",
        "ctx.save_for_backward(x, bias)\nreturn x**2 if bias is None else x**2 + bias",
        "x, bias = ctx.saved_tensors\nreturn {0}2 * g * x, None if bias is None else g",
        "dx",
    ),
}


@pytest.mark.parametrize("name", ON_CTX)
@pytest.mark.parametrize("right", [True, False])
def test_what_ctx_offers_works(tmp_path: Path, name: str, right: bool) -> None:
    arguments, forward, backward, wrong = ON_CTX[name]
    found = of(tmp_path, forward, backward.format("" if right else "2 * "), arguments=arguments)
    assert found.passes("F") if right else wrong in found.failed("F")
    assert "mutates-upstream" not in [a.code for a in found.result("F", "contract").advice]


ONCE = """
class Square(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * x

    @staticmethod
    @once_differentiable
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return {factor}g * x
"""


@pytest.mark.parametrize(("factor", "right"), [("2 * ", True), ("", False)])
def test_once_differentiable(tmp_path: Path, factor: str, right: bool) -> None:
    found = checked(tmp_path, HEAD + ONCE.format(factor=factor))
    assert found.passes("Square") if right else "dx" in found.failed("Square")


@pytest.mark.parametrize(
    ("back", "right"), [("zeros.index_add(0, rows, g)", True), ("zeros.index_copy(0, rows, g)", False)]
)
def test_indices_are_whole_numbers(tmp_path: Path, back: str, right: bool) -> None:
    forward = "ctx.save_for_backward(rows)\nctx.shape = x.shape\nreturn x.index_select(0, rows)"
    backward = f"(rows,) = ctx.saved_tensors\nzeros = torch.zeros(ctx.shape)\nreturn {back}, None"
    found = of(tmp_path, forward, backward, arguments="x, rows")
    assert found.passes("F") if right else "dx" in found.failed("F")


ANY_NUMBER = """
class Again(Function):
    @staticmethod
    def forward(ctx, run_function, *args):
        ctx.run_function = run_function
        ctx.save_for_backward(*args)
        with torch.no_grad():
            return run_function(*args)

    @staticmethod
    def backward(ctx, *grads):
        inputs = [x.detach().requires_grad_() for x in ctx.saved_tensors]
        with torch.enable_grad():
            out = ctx.run_function(*inputs)
        torch.autograd.backward(out, grads)
        return (None,) + tuple({factor}x.grad for x in inputs)
"""


@pytest.mark.parametrize(("factor", "right"), [("", True), ("2 * ", False)])
def test_any_number_of_tensors(tmp_path: Path, factor: str, right: bool) -> None:
    found = checked(tmp_path, HEAD + ANY_NUMBER.format(factor=factor), cases=3)
    assert found.passes("Again") if right else "dargs" in found.failed("Again")


def test_a_mask_is_asked_for_a_gradient_where_backward_may_give_one(tmp_path: Path) -> None:
    forward = "ctx.save_for_backward(x, mask)\nreturn x * mask"
    backward = "x, mask = ctx.saved_tensors\nreturn tuple([g * mask, {0}g * x])"
    assert of(tmp_path, forward, backward.format(""), arguments="x, mask").passes("F")
    assert "dmask" in of(tmp_path, forward, backward.format("2 * "), arguments="x, mask").failed("F")


SLOPES = """
import torch


class ParametricReLU(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, slope):
        ctx.save_for_backward(x, slope)
        return torch.where(x > 0, x, slope[:, None] * x)

    @staticmethod
    def backward(ctx, grad_output):
        x, slope = ctx.saved_tensors
        each = (grad_output * x.clamp(max=0)).sum(dim=(0, 2))
        return grad_output * torch.where(x > 0, 1.0, slope[:, None]), {slopes}
"""


def test_a_gradient_of_a_shape_that_only_another_reading_has_stays_open(tmp_path: Path) -> None:
    assert checked(tmp_path, SLOPES.format(slopes="each"), "each.py").passes("ParametricReLU")
    found = checked(tmp_path, SLOPES.format(slopes="each.sum(0, keepdim=True)"), "one.py")
    assert found.failed("ParametricReLU") == {}
    assert "the forward takes both" in found.result("ParametricReLU", "dslope").reason
    wrong = checked(tmp_path, SLOPES.format(slopes="2 * each.sum(0, keepdim=True)"), "wrong.py")
    assert wrong.failed("ParametricReLU") != {}


SCALED = """
class Scaled(Function):
    @staticmethod
    def forward(x, scale, beta):
        return torch.tanh(x) * scale + beta

    @staticmethod
    def setup_context(ctx, inputs, output):
        x, scale, beta = inputs
        ctx.save_for_backward(x, scale)

    @staticmethod
    def backward(ctx, dy):
        x, scale = ctx.saved_tensors
        y = torch.tanh(x)
        return dy * scale * (1 - y * y), (dy * y).sum(dim=0), {dbeta}
"""


@pytest.mark.parametrize(("dbeta", "right"), [("dy.sum(dim=0)", True), ("2 * dy.sum(dim=0)", False)])
def test_what_backward_gives_a_gradient_of_is_a_tensor_whatever_its_name(
    tmp_path: Path, dbeta: str, right: bool
) -> None:
    found = checked(tmp_path, HEAD + SCALED.format(dbeta=dbeta))
    assert found.passes("Scaled") if right else set(found.failed("Scaled")) == {"dbeta"}


def test_what_gets_none_may_be_a_number(tmp_path: Path) -> None:
    forward = "ctx.save_for_backward(x)\nctx.beta = beta\nreturn x * beta"
    assert of(tmp_path, forward, "return g * ctx.beta, None", arguments="x, beta").passes("F")
    assert "dx" in of(tmp_path, forward, "return g * ctx.beta ** 2, None", arguments="x, beta").failed("F")


AT_TEST_TIME = """
class Batchnorm(Function):
    @staticmethod
    def forward(ctx, x, mean, var, gamma, beta):
        ctx.save_for_backward(x, mean, var, gamma)
        return gamma * (x - mean) / torch.sqrt(var + 1e-5) + beta

    @staticmethod
    def backward(ctx, dy):
        x, mean, var, gamma = ctx.saved_tensors
        s = torch.sqrt(var + 1e-5)
        return {dx}, {dmean}, None, {dgamma}, dy.sum(dim=0)
"""


@pytest.mark.parametrize(
    ("wrong", "failed"),
    [
        ({}, set()),
        ({"dx": "dy * gamma"}, {"dx"}),
        ({"dmean": "(dy * gamma / s).sum(dim=0)"}, {"dmean"}),  # given, and of the wrong sign
        ({"dgamma": "None"}, {"dgamma"}),
    ],
)
def test_running_statistics_are_data(tmp_path: Path, wrong: dict[str, str], failed: set[str]) -> None:
    parts = {"dx": "dy * gamma / s", "dmean": "None", "dgamma": "(dy * (x - mean) / s).sum(dim=0)", **wrong}
    found = checked(tmp_path, HEAD + AT_TEST_TIME.format(**parts))
    assert set(found.failed("Batchnorm")) == failed
    assert failed or found.passes("Batchnorm")


SUBTRACT = """
import torch


class {name}(torch.autograd.Function):
    @staticmethod
    def forward(ctx, u, v):
        ctx.save_for_backward(u, v)
        return torch.as_tensor(u.detach().numpy() - v.detach().numpy())

    @staticmethod
    def backward(ctx, g):
        u, v = (a.detach().numpy() for a in ctx.saved_tensors)
        g = g.detach().numpy()
        ones, more = (1,) * (g.ndim - len(u.shape)) + u.shape, {more} + v.shape
        du = g.sum(axis=tuple(k for k, size in enumerate(ones) if size == 1)).reshape(u.shape)
        dv = -g.sum(axis=tuple(k for k, size in enumerate(more) if size == 1)).reshape(v.shape)
        return torch.as_tensor(du), torch.as_tensor(dv)
"""


@pytest.mark.parametrize("name", ["Subtract", "EWiseSub"])
def test_a_function_that_is_right_for_one_shape_of_several_is_open(tmp_path: Path, name: str) -> None:
    """It asks how many axes there are, so it is written for several numbers of them."""
    right = SUBTRACT.format(name=name, more="(1,) * (g.ndim - len(v.shape))")
    assert checked(tmp_path, right, "right.py").passes(name)
    assert not checked(tmp_path, SUBTRACT.format(name=name, more="(1,)"), "wrong.py").passes(name)


FLAT = """
import torch


class {name}(torch.autograd.Function):
    @staticmethod
    def forward(inp):
        return inp.reshape((-1,)).clone()

    @staticmethod
    def setup_context(ctx, inputs, output):
        (inp,) = inputs
        ctx.shape = inp.shape

    @staticmethod
    def backward(ctx, grad_out):
        return grad_out.{back}.clone()
"""


@pytest.mark.parametrize("name", ["Flatten", "Module"])
def test_what_makes_a_vector_of_all_is_not_judged_on_vectors(tmp_path: Path, name: str) -> None:
    """For a vector its forward does nothing; for whatever else its backward raises."""
    assert checked(tmp_path, FLAT.format(name=name, back="reshape(ctx.shape)"), "right.py").passes(name)
    assert not checked(tmp_path, FLAT.format(name=name, back="reshape(-1)"), "wrong.py").passes(name)


RESHAPE = """
import numpy as np


class Reshape:
    def __init__(self, input_shape, output_shape):
        self.input_shape, self.output_shape = input_shape, output_shape

    def forward(self, input):
        return np.reshape(input, self.output_shape).copy()

    def backward(self, output_gradient, learning_rate):
        return {factor} * np.reshape(output_gradient, self.input_shape)
"""


def test_what_changes_the_shape_and_no_number_is_judged(tmp_path: Path) -> None:
    assert checked(tmp_path, RESHAPE.format(factor=1), "right.py").passes("Reshape")
    assert not checked(tmp_path, RESHAPE.format(factor=2), "wrong.py").passes("Reshape")
