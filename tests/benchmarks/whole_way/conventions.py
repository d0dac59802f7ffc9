"""All conventions, and which references suit each of them."""

from __future__ import annotations

import builtins
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from random import Random
from typing import Any

from benchmarks.whole_way import functions, layers, losses, rules, truth
from benchmarks.whole_way.kernels import Kernel, kernel_of
from benchmarks.whole_way.style import Style
from benchmarks.whole_way.written import Made, snake
from reference_impls.shapes import Layout
from reference_impls.spec import LayerSpec, Mistake, Variant

IMPORTS = "import math\n\nimport numpy as np\n"


@dataclass(frozen=True)
class Convention:
    """One way of writing; `style` names the tables of words that it uses."""

    name: str
    write: Callable[[Style, Any, str], Made]
    kinds: tuple[str, ...] = ("layer",)
    style: str = "book"
    header: Callable[[Style], str] = lambda style: IMPORTS
    only: Callable[[LayerSpec], bool] = lambda spec: True

    def suits(self, spec: LayerSpec) -> bool:
        return spec.kind in self.kinds and self.only(spec)

    def preamble(self, style: Style) -> str:
        return self.header(style)

    def kernel(
        self, spec: LayerSpec, variant: Variant, layout: Layout, mistake: Mistake | None, rng: Random, convert: bool
    ) -> Kernel:
        return kernel_of(spec, variant, layout, mistake, rng, convert)

    def named(self, style: Style, kernel: Any) -> Any:
        """The kernel under the names of an author."""
        return style.named(kernel, self.style)

    def fits(self, name: str, taken: Mapping[str, str]) -> bool:
        """Whether no object of the file has this name, and no function of Python's that others of the file call."""
        if self.name == "functions" and snake(name) in vars(builtins):
            return False
        return not {name, snake(name), layers.camel(name), snake(name) + "_forward"} & set(taken)

    def verdict(self, kernel: Kernel, made: Made, space: Mapping[str, Any]) -> tuple[str, str]:
        return truth.verdict(kernel, made, space)


@dataclass(frozen=True)
class RuleConvention(Convention):
    """A convention of rules, which have no gradient."""

    def kernel(
        self, spec: LayerSpec, variant: Variant, layout: Layout, mistake: Mistake | None, rng: Random, convert: bool
    ) -> Any:
        return rules.rule_of(spec, variant, mistake, rng)

    def named(self, style: Style, kernel: Any) -> Any:
        return kernel

    def verdict(self, kernel: Any, made: Made, space: Mapping[str, Any]) -> tuple[str, str]:
        return rules.verdict(kernel, made, space)


ALL = (
    Convention("book", layers.book),
    Convention("pair", layers.pair, style="pair"),
    Convention("sized", layers.sized),
    Convention("nnfs", layers.nnfs, style="nnfs"),
    Convention("cmu", layers.cmu, style="cmu"),
    Convention("static", layers.static, style="static"),
    Convention("rate", layers.rate, style="rate"),
    Convention("functions", layers.functions, style="pair"),
    Convention("loss class", losses.as_class, ("loss",)),
    Convention("loss, grad", losses.loss_and_gradient, ("loss",)),
    Convention("loss and prime", losses.with_prime, ("loss",)),
    Convention("nnfs loss", losses.of_nnfs, ("loss",), style="nnfs loss"),
    Convention("network", losses.network, ("network",), style="network"),
    Convention("net function", losses.network_function, ("network",), style="network"),
    Convention("torch ctx", functions.with_ctx, style="torch", header=lambda style: functions.TORCH),
    Convention("torch setup", functions.with_setup, style="setup", header=lambda style: functions.TORCH),
    Convention("engine", functions.engine, style="engine", header=functions.engine_preamble),
    RuleConvention("update", rules.update, ("update",)),
    RuleConvention("clip", rules.clip, ("clip",)),
    RuleConvention("schedule", rules.schedule, ("schedule",)),
    RuleConvention("initialiser", rules.initialiser, ("initialiser",)),
)
