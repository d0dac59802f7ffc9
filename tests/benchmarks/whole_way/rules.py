"""Update rules as classes, clipping, schedules and initialisers as functions."""

from __future__ import annotations

import ast
import copy
from collections.abc import Mapping
from dataclasses import dataclass
from random import Random
from typing import Any

import numpy as np

from benchmarks.whole_way.collect import Collector, Unwritable, loads, stores
from benchmarks.whole_way.evaluate import Evaluator, Renaming, Statements
from benchmarks.whole_way.style import Style
from benchmarks.whole_way.truth import difference, run
from benchmarks.whole_way.written import Arrays, Made, Run, camel, docstring, helpers, indented, number, snake, unparsed
from reference_impls import specs
from reference_impls.spec import LayerSpec, Mistake, Variant

EPOCHS = 40
OUTER = {"update": ("lr_decay", "l2"), "initialiser": ("receptive", "distribution")}


@dataclass
class Rule:
    """The statements of a rule; `settings` are its numbers, `given` its arguments."""

    spec: LayerSpec
    variant: Variant
    given: list[str]
    settings: dict[str, Any]
    body: Statements
    value: ast.expr
    helpers: Statements


def rule_of(spec: LayerSpec, variant: Variant, mistake: Mistake | None, rng: Random) -> Rule:
    forward: Any = (mistake.forward if mistake and mistake.forward else None) or spec.forward
    cells = dict(zip(forward.__code__.co_freevars, forward.__closure__ or (), strict=True))
    if "clock" in cells and cells["clock"].cell_contents != "steps":
        raise Unwritable("a clock that counts tensors")
    inner = getattr(forward, "__wrapped__", None)
    if inner is None:
        raise Unwritable("a rule that is no function of one tensor")
    source = Collector()
    name = source.function(inner)
    evaluator = Evaluator(source, rng)
    args = source.functions[name].args
    given = {"update": 4, "clip": 2, "schedule": 2, "initialiser": 2}[spec.kind]
    names = [a.arg for a in args.args[:given]]
    taken = {a.arg for a in (*args.args, *args.kwonlyargs)} if not args.kwarg else set(spec.defaults)
    options = {**spec.defaults, **variant.options}
    outer = (
        {"lr_decay", "l2"}
        if spec.kind == "update"
        else {"receptive", "distribution"}
        if spec.kind == "initialiser"
        else set()
    )
    settings = {k: v for k, v in options.items() if isinstance(v, int | float) and not isinstance(v, bool)}
    settings = {k: v for k, v in settings.items() if k in taken and k not in outer and k not in names}
    values = {k: ast.Name(k, ast.Load()) if k in settings else source.value(v)
              for k, v in options.items() if k in taken and k not in outer and k not in names}  # fmt: skip
    body, value = evaluator.call(name, [ast.Name(n, ast.Load()) for n in names], dict(values), {*names, *settings})
    for n in sorted(loads(*body, value)):
        evaluator.constant(n)
    rest = [h for h in evaluator.helpers.values() if not isinstance(h, ast.Pass)]
    used = loads(*body, value) | stores(*body)
    kept = {k: v for k, v in settings.items() if k in used or (k == "lr" and spec.kind == "update")}
    return Rule(spec, variant, names, kept, body, value, rest)


# update rules ---------------------------------------------------------------------------------------------------------


class Kept(ast.NodeTransformer):
    """state["m"] as self.m[key]."""

    def __init__(self) -> None:
        self.names: list[str] = []

    def _of(self, name: Any) -> ast.expr:
        if name not in self.names:
            self.names.append(name)
        return ast.Attribute(ast.Name("self", ast.Load()), str(name), ast.Load())

    def visit_Subscript(self, node: ast.Subscript) -> ast.AST:
        self.generic_visit(node)
        if isinstance(node.value, ast.Name) and node.value.id == "state" and isinstance(node.slice, ast.Constant):
            return ast.Subscript(self._of(node.slice.value), ast.Name("key", ast.Load()), node.ctx)
        return node

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        match node:
            case ast.Call(ast.Attribute(ast.Name("state"), method), [ast.Constant(name), *rest], []):
                return ast.Call(
                    ast.Attribute(self._of(name), method, ast.Load()), [ast.Name("key", ast.Load()), *rest], []
                )
        return node


class Items(ast.NodeTransformer):
    """w and g as params[key] and grads[key]."""

    def __init__(self, names: Mapping[str, str]) -> None:
        self.names = names

    def visit_Name(self, node: ast.Name) -> ast.AST:
        if node.id not in self.names:
            return node
        return ast.Subscript(ast.Name(self.names[node.id], ast.Load()), ast.Name("key", ast.Load()), node.ctx)


def update(style: Style, rule: Rule, name: str) -> Made:
    """Deep Learning from Scratch: update(params, grads) with dictionaries of arrays."""
    name = camel(name)
    options = {**rule.spec.defaults, **rule.variant.options}
    w, g, state, t = rule.given
    body, value = copy.deepcopy(rule.body), copy.deepcopy(rule.value)
    first: list[str] = []
    lists: list[str] = []
    if style.chance(0.6):
        change = Kept()
        made = [change.visit(n) for n in copy.deepcopy(body)]
        if state not in loads(*made):
            body, lists = made, change.names
    if options.get("l2"):
        first.append(f"{g} = {g} + {number(options['l2'])} * {w}")
    decay = options.get("lr_decay")
    plain = not any(isinstance(n, ast.Name) and n.id in (w, g) and isinstance(n.ctx, ast.Store)
                    for s in body if not isinstance(s, ast.AugAssign) for n in ast.walk(s))  # fmt: skip
    if plain and not first and style.chance(0.6):
        body = [Items({w: "params", g: "grads"}).visit(n) for n in body]
        value = Items({w: "params", g: "grads"}).visit(value)
    else:
        first.insert(0, f"{w}, {g} = params[key], grads[key]")
    counter = style.one_of("iter", "t", "step_count")
    settings = [n for n in rule.settings if n in loads(*body, value) | stores(*body) or n == "lr"]
    changed = [n for n in settings if n in stores(*body)] + (["lr"] if decay else [])
    text = list(style.text(body))
    names = [n for n in settings if n not in changed]
    if style.attributes and not changed:
        owned = Owners(set(names))
        text = style.text([owned.visit(n) for n in body])
        value = owned.visit(value)
        names = []
    counted = bool(decay) or t in loads(*body, value)
    inner = [*first]
    inner += [f"{n} = self.{n}" for n in (*names, *changed) if n != "lr" or not decay]
    inner += [f"lr = self.lr / (1 + {number(decay)} * (self.{counter} - 1))"] if decay else []
    inner += [f"{t} = self.{counter}"] if t in loads(*body, value) | stores(*body) else []
    inner += ["state = self.state.setdefault(key, {})"] if state in loads(*body) else []
    inner += text
    if not (isinstance(value, ast.Constant) and value.value is None):
        inner.append(f"params[key] = {unparsed(value)}")
    lines = [f"self.{counter} += 1"] if counted else []
    lines += [style.one_of("for key in params:", "for key in params.keys():"), *("    " + line for line in inner)]
    start = [f"self.{n} = {n}" for n in settings] + [f"self.{n} = {{}}" for n in lists]
    start += ["self.state = {}"] if state in loads(*body) else []
    start += [f"self.{counter} = 0"] if counted else []
    args = ", ".join(["self", *(f"{n}={number(rule.settings[n])}" for n in settings)])
    source = _helpers(style, rule) + f"class {name}:\n" + docstring(style, f"{rule.spec.name} update rule.", 4)
    source += f"    def __init__({args}):\n{indented(start or ['pass'])}\n    def update(self, params, grads):\n"
    source += indented(lines)

    def drive(space: Any, arrays: Arrays, dy: list[Any]) -> Run:
        made, path = space[name](), ([], [])  # type: ignore[var-annotated]
        params = {"W": np.array(arrays["W"]), "b": np.array(arrays["b"])}
        for grads in zip(arrays["dW"], arrays["db"], strict=True):
            made.update(params, {"W": grads[0].copy(), "b": grads[1].copy()})
            for key, values in zip(("W", "b"), path, strict=True):
                values.append(params[key].copy())
        return [np.array(path[0]), np.array(path[1])], {}

    return Made(name, (name,), source, (f"{name}.update",), drive, ())


class Owners(ast.NodeTransformer):
    def __init__(self, names: set[str]) -> None:
        self.names = names

    def visit_Name(self, node: ast.Name) -> ast.AST:
        if node.id not in self.names:
            return node
        return ast.Attribute(ast.Name("self", ast.Load()), node.id, node.ctx)


def _helpers(style: Style, rule: Rule) -> str:
    return helpers(style, rule)  # type: ignore[arg-type]


# functions ------------------------------------------------------------------------------------------------------------


def clip(style: Style, rule: Rule, name: str) -> Made:
    """clip_grads(grads, max_norm): a list of arrays, changed in place or made anew."""
    grads, limit = rule.given
    names = {grads: "grads", limit: style.one_of("max_norm", "limit", "threshold", "max_norm")}
    rename = Renaming(names)
    body, value = [rename.visit(copy.deepcopy(n)) for n in rule.body], rename.visit(copy.deepcopy(rule.value))
    stem = snake(name)
    lines = style.text(body)
    returns = not (isinstance(value, ast.Constant) and value.value is None)
    if returns or style.chance(0.4):
        lines.append(f"return {unparsed(value) if returns else 'grads'}")
    text = _function(style, rule, stem, [names[grads], names[limit]], lines)

    def drive(space: Any, arrays: Arrays, dy: list[Any]) -> Run:
        clipped = []
        for bound, *given in zip(arrays["limit"], arrays["dW"].copy(), arrays["db"].copy(), strict=True):
            new = space[stem](given, float(bound))
            clipped.append(given if new is None else new)
        return [np.array([c[0] for c in clipped]), np.array([c[1] for c in clipped])], {}

    return Made(stem, (stem,), text, (stem,), drive, ())


def _function(style: Style, rule: Rule, name: str, given: list[str], lines: list[str]) -> str:
    args = ", ".join([*given, *(f"{n}={number(v)}" for n, v in rule.settings.items())])
    text = _helpers(style, rule) + f"def {name}({args}):\n"
    return text + docstring(style, f"{rule.spec.name.replace('_', ' ')}.", 4) + indented(lines, 4)


def schedule(style: Style, rule: Rule, name: str) -> Made:
    """step_decay(initial_lr, epoch)."""
    names = {rule.given[0]: style.one_of("initial_lr", "lr0", "lr", "base_lr", "learning_rate"),
             rule.given[1]: style.one_of("epoch", "step", "t", "iteration")}  # fmt: skip
    taken = stores(*rule.body) | set(rule.settings)
    names = {n: n if new in taken else new for n, new in names.items()}
    rename = Renaming(names)
    body, value = [rename.visit(copy.deepcopy(n)) for n in rule.body], rename.visit(copy.deepcopy(rule.value))
    stem = snake(name)
    text = _function(style, rule, stem, list(names.values()), [*style.text(body), f"return {unparsed(value)}"])

    def drive(space: Any, arrays: Arrays, dy: list[Any]) -> Run:
        return [np.array([float(space[stem](float(arrays["lr"]), t)) for t in range(EPOCHS)])], {}

    return Made(stem, (stem,), text, (stem,), drive, ())


DRAWS = {"normal": "np.random.randn({})", "uniform": "np.random.uniform(-1, 1, ({}))"}


def initialiser(style: Style, rule: Rule, name: str) -> Made:
    """he_normal(fan_in, fan_out), or he_normal(shape)."""
    options = {**rule.spec.defaults, **rule.variant.options}
    if options.get("distribution") not in DRAWS or options.get("receptive", 1) != 1:
        raise Unwritable("a distribution that NumPy does not draw")
    fan_in, fan_out = rule.given
    stem = snake(name)
    out_first = "z: O I" in rule.variant.shapes
    order = [fan_out, fan_in] if out_first else [fan_in, fan_out]
    draw = DRAWS[options["distribution"]].format(", ".join(order))
    if options["distribution"] == "uniform" and style.chance(0.7):
        last = [f"limit = {unparsed(rule.value)}", f"return np.random.uniform(-limit, limit, ({', '.join(order)}))"]
    else:
        last = [f"return {draw} * ({unparsed(rule.value)})"] if style.chance(0.5) else [
            f"std = {unparsed(rule.value)}", f"return std * {draw}"]  # fmt: skip
    text = _function(style, rule, stem, [fan_in, fan_out], [*style.text(rule.body), *last])

    def drive(space: Any, arrays: Arrays, dy: list[Any]) -> Run:
        return [space[stem](*np.shape(arrays["z"]))], {}

    return Made(stem, (stem,), text, (stem,), drive, ())


def verdict(rule: Rule, made: Made, space: Mapping[str, Any]) -> tuple[str, str]:
    """Whether a rule gives what its reference gives."""
    worst = _apart(rule.spec, rule.variant, made, space)
    if np.isinf(worst):
        return "wrong", "it raises or gives no number"
    if worst < 1e-9:
        return "right", ""
    if worst > 1e-4 and not another(rule, made, space):
        return "wrong", f"{worst:.1e}"
    return "unclear", f"{worst:.1e}"


def another(rule: Rule, made: Made, space: Mapping[str, Any]) -> bool:
    """Whether it is right as another rule, or as this one with other numbers."""
    for spec in specs().values():
        if spec.kind != rule.spec.kind:
            continue
        for variant in (Variant(), *spec.variants):
            if variant == rule.variant and spec is rule.spec:
                continue
            if _apart(spec, variant, made, space) < 1e-9:
                return True
    return False


def _apart(spec: LayerSpec, variant: Variant, made: Made, space: Mapping[str, Any]) -> float:
    """How far what an object gives is from what a rule gives."""
    options = dict(variant.options)
    worst = 0.0
    for seed in (1, 2):
        rng = np.random.default_rng(seed)
        sizes = {"T": 4 + seed, "N": 3, "D": 2, "I": 9, "O": 7}
        arrays = {e.name: e.sample(sizes, rng) for e in spec.layout.entries}
        out, fault = run(made, space, arrays, [], seed)
        if isinstance(fault, str):
            return float("inf")
        if spec.kind == "initialiser":
            np.random.seed(seed)
            shape = (7, 9) if "z: O I" in variant.shapes else (9, 7)
            drawn = {**spec.defaults, **options}["distribution"]
            z = np.random.randn(*shape) if drawn == "normal" else np.random.uniform(-1, 1, shape)
            expected: Any = spec.forward(z.T if "z: O I" in variant.shapes else z, **options)
            expected = [expected.T if "z: O I" in variant.shapes else expected]
        else:
            given = [np.array(a) for a in arrays.values()]
            expected = spec.forward(*given, **options)
            expected = list(expected) if isinstance(expected, tuple) else [expected]
        worst = max(worst, *(difference(a, b) for a, b in zip(out, expected, strict=True)))
    return worst
