"""This project beside the gradient checkers that people use, over one zoo, in one run.

    python tests/benchmarks/side_by_side.py --seeds 1

Every checker judges the same function at the same point: one point a trial, so that no checker gains by repetition.
torch's gradcheck, SciPy's check_grad, autograd's and JAX's check_grads are the real ones with their defaults, the last
three only where they are installed. "courses" is the script that courses on neural networks hand out: central
differences with h = 1e-5, a fixed upstream gradient, and the greatest |a - n| / max(1e-8, |a| + |n|) below 1e-6.
SciPy's judges the sum of the outputs; "relative" is 1e-6 of the gradient's norm, "absolute" is 1e-6 as it stands.

JAX's arrays cannot be written to, so its pairs get copies and an overwritten upstream gradient harms nobody there.
A PASS of a wrong gradient is counted by family, a refusal of a right one as rejected. Only this project can say that it
cannot tell; that is neither, and has columns of its own.
"""

from __future__ import annotations

import argparse
import importlib.util
import random
import sys
import time
import warnings
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent.parent))

from benchmarks import zoo
from benchmarks.power import RIGHT, PairCaller, applies, outcome, subject_of
from gradcheck_plugin.model import Array, Case, Verdict

Arrays = tuple[Array, ...]
PASS, FAIL, INCONCLUSIVE = Verdict.PASS, Verdict.FAIL, Verdict.INCONCLUSIVE


@dataclass
class Pair:
    """A function with a gradient, right or wrong, and the count of its forwards."""

    function: zoo.Function
    gradient: zoo.Vjp
    forwards: int = 0

    def forward(self, *x: Array) -> Array:
        self.forwards += 1
        return np.asarray(self.function.forward(*x), dtype=np.float64)

    def vjp(self, g: Array, *x: Array) -> Arrays:
        return tuple(np.array(d, dtype=np.float64) for d in self.gradient(g, *x))


Checker = Callable[[Pair, Case], Verdict]


def verdict(accepted: bool) -> Verdict:
    return PASS if accepted else FAIL


def this_project(pair: Pair, case: Case) -> Verdict:
    subject = subject_of(pair.function, pair.gradient)
    assert isinstance(subject.caller, PairCaller)
    found = outcome(subject, [case]).verdict
    pair.forwards += subject.caller.forwards
    return found


class NumpyFunction(torch.autograd.Function):
    """A pair as torch sees it. The upstream gradient is torch's own memory, as it is for anyone who writes this."""

    @staticmethod
    def forward(ctx: Any, pair: Pair, *tensors: torch.Tensor) -> torch.Tensor:
        ctx.pair, ctx.arrays = pair, [t.detach().numpy().copy() for t in tensors]
        return torch.from_numpy(pair.forward(*ctx.arrays).copy())

    @staticmethod
    def backward(ctx: Any, g: torch.Tensor) -> Any:
        given = ctx.pair.vjp(g.detach().contiguous().numpy(), *ctx.arrays)
        return None, *map(torch.from_numpy, given)


def torch_gradcheck(fast: bool) -> Checker:
    def check(pair: Pair, case: Case) -> Verdict:
        tensors = tuple(torch.from_numpy(a.copy()).requires_grad_() for a in case.arrays.values())
        accepted = torch.autograd.gradcheck(
            lambda *x: NumpyFunction.apply(pair, *x), tensors, fast_mode=fast, raise_exception=False
        )
        return verdict(accepted)

    return check


def flat_sum(pair: Pair, case: Case) -> tuple[Callable[[Array], float], Callable[[Array], Array], Array]:
    """The sum of the outputs as a function of one long vector, its gradient by the pair, and the point."""
    arrays = list(case.arrays.values())
    ends = np.cumsum([a.size for a in arrays])[:-1]

    def split(z: Array) -> list[Array]:
        return [p.reshape(a.shape) for p, a in zip(np.split(z, ends), arrays, strict=True)]

    def slope(z: Array) -> Array:
        x = split(z)
        g = np.ones(np.shape(pair.function.forward(*x)))
        return np.concatenate([d.ravel() for d in pair.vjp(g, *x)])

    return lambda z: float(pair.forward(*split(z)).sum()), slope, np.concatenate([a.ravel() for a in arrays])


def scipy_check_grad(relative: bool) -> Checker:
    def check(pair: Pair, case: Case) -> Verdict:
        from scipy.optimize import check_grad

        value, slope, z = flat_sum(pair, case)
        size = max(float(np.linalg.norm(slope(z))), 1e-8) if relative else 1.0
        return verdict(bool(check_grad(value, slope, z) <= 1e-6 * size))

    return check


def courses(pair: Pair, case: Case) -> Verdict:
    """The relative-error script of the courses."""
    arrays = [a.copy() for a in case.arrays.values()]
    g = np.random.default_rng(231).standard_normal(np.shape(pair.function.forward(*arrays)))
    given, h = pair.vjp(g.copy(), *arrays), 1e-5
    for array, analytic in zip(arrays, given, strict=True):
        numerical = np.empty_like(array)
        for i in np.ndindex(array.shape):
            kept = array[i]
            array[i] = kept + h
            plus = pair.forward(*arrays).copy()
            array[i] = kept - h
            minus = pair.forward(*arrays).copy()
            array[i] = kept
            numerical[i] = np.sum((plus - minus) * g) / (2 * h)
        size = np.maximum(1e-8, np.abs(analytic) + np.abs(numerical))
        if not np.max(np.abs(analytic - numerical) / size) < 1e-6:
            return FAIL
    return PASS


def autograd_check_grads(pair: Pair, case: Case) -> Verdict:
    from autograd.extend import defvjp, primitive
    from autograd.test_util import check_grads

    arrays = [a.copy() for a in case.arrays.values()]
    call = primitive(lambda *x: pair.forward(*x))
    defvjp(call, *[lambda ans, *x, i=i: lambda g: pair.vjp(g, *x)[i] for i in range(len(arrays))])
    check_grads(call, modes=["rev"], order=1)(*arrays)
    return PASS


def jax_check_grads(pair: Pair, case: Case) -> Verdict:
    import jax
    from jax.test_util import check_grads

    jax.config.update("jax_enable_x64", True)
    arrays = [np.array(a) for a in case.arrays.values()]
    shape = jax.ShapeDtypeStruct(np.shape(pair.function.forward(*arrays)), np.float64)
    shapes = tuple(jax.ShapeDtypeStruct(a.shape, np.float64) for a in arrays)
    numpy = [lambda *x: pair.forward(*map(np.array, x)), lambda g, *x: pair.vjp(np.array(g), *map(np.array, x))]

    @jax.custom_vjp
    def call(*x: Any) -> Any:
        return jax.pure_callback(numpy[0], shape, *x)

    call.defvjp(lambda *x: (call(*x), x), lambda x, g: jax.pure_callback(numpy[1], shapes, g, *x))
    check_grads(call, tuple(arrays), order=1, modes=["rev"])
    return PASS


CHECKERS: dict[str, tuple[str, Checker]] = {  # a name, the package that it takes, the checker
    "this project": ("", this_project),
    "torch gradcheck, slow": ("", torch_gradcheck(fast=False)),
    "torch gradcheck, fast": ("", torch_gradcheck(fast=True)),
    "scipy check_grad, relative": ("scipy", scipy_check_grad(relative=True)),
    "scipy check_grad, absolute": ("scipy", scipy_check_grad(relative=False)),
    "courses": ("", courses),
    "autograd check_grads": ("autograd", autograd_check_grads),
    "jax check_grads": ("jax", jax_check_grads),
}


def installed() -> Iterator[str]:
    return (n for n, (package, _) in CHECKERS.items() if not package or importlib.util.find_spec(package))


@dataclass
class Score:
    """What one checker made of the zoo. Lists hold the functions."""

    right: dict[Verdict, list[str]] = field(default_factory=lambda: defaultdict(list))
    wrong: dict[str, dict[Verdict, list[str]]] = field(default_factory=lambda: defaultdict(lambda: defaultdict(list)))
    single: dict[Verdict, list[str]] = field(default_factory=lambda: defaultdict(list))
    forwards: list[int] = field(default_factory=list)
    seconds: float = 0.0

    def passed(self, family: str) -> float:
        rows = self.wrong[family]
        return 100 * len(rows[PASS]) / max(1, sum(map(len, rows.values())))

    def open(self) -> float:
        every = [len(r[INCONCLUSIVE]) for r in self.wrong.values()]
        return 100 * sum(every) / max(1, sum(len(v) for r in self.wrong.values() for v in r.values()))


def run(checker: Checker, pair: Pair, case: Case) -> Verdict:
    """One verdict; a checker that raises has not accepted the gradient."""
    np.random.seed(case.seed % 2**32)
    random.seed(case.seed)
    torch.manual_seed(case.seed)
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            return checker(pair, case)
    except Exception:
        return FAIL


def record(score: Score, checker: Checker, function: zoo.Function, family: str, vjp: zoo.Vjp, case: Case) -> None:
    pair = Pair(function, vjp)
    start = time.perf_counter()
    found = run(checker, pair, case)
    score.seconds += time.perf_counter() - start
    if family != RIGHT:
        score.wrong[family][found].append(function.name)
        return
    (score.single if function.single else score.right)[found].append(function.name)
    score.forwards.append(pair.forwards)


def compare(functions: list[zoo.Function], seeds: int, names: list[str]) -> dict[str, Score]:
    """Every checker on every function, right and wrong. Wrong gradients of single-precision functions are left out."""
    scores = {n: Score() for n in names}
    for function in functions:
        wrongs = [] if function.single else list(zoo.wrong_gradients(function))
        for family, vjp in ((RIGHT, function.vjp), *wrongs):
            subject = subject_of(function, vjp)
            for seed in range(seeds):
                case = subject.sample(7919 * seed + 11, {})
                if family != RIGHT and not applies(subject, function, family, vjp, [case]):
                    continue
                for name in names:
                    record(scores[name], CHECKERS[name][1], function, family, vjp, case)
    return scores


def percent(rows: dict[Verdict, list[str]], which: Verdict) -> float:
    return 100 * len(rows[which]) / max(1, sum(map(len, rows.values())))


def table(scores: dict[str, Score]) -> list[str]:
    """Per cent: right code rejected and left open, wrong code passed by family; then forwards and seconds."""
    families = [*zoo.FAMILIES, *dict.fromkeys(f for s in scores.values() for f in s.wrong if f not in zoo.FAMILIES)]
    heads = ["right: rejected", "open", "single: rejected", "open", *families, "wrong: open", "forwards", "seconds"]
    lines = [f"({i}) {head}" for i, head in enumerate(heads)]
    lines += ["", " " * 27 + "".join(f"{f'({i})':>7}" for i in range(len(heads)))]
    for name in CHECKERS:
        if name not in scores:
            lines.append(f"{name:<27} not installed")
            continue
        s = scores[name]
        numbers = [percent(r, v) for r in (s.right, s.single) for v in (FAIL, INCONCLUSIVE)]
        numbers += [s.passed(f) for f in families] + [s.open(), float(np.median(s.forwards)), s.seconds]
        lines.append(f"{name:<27}" + "".join(f"{n:>7.1f}" for n in numbers))
    return lines


def details(scores: dict[str, Score]) -> list[str]:
    """Which right functions each checker rejected, and which wrong ones this project passed."""
    lines = []
    for name, s in scores.items():
        rejected = sorted({*s.right[FAIL], *s.single[FAIL]})
        lines.append(f"{name} rejects: {', '.join(rejected) or 'nothing that is right'}")
    for family, rows in scores["this project"].wrong.items() if "this project" in scores else ():
        for which in (PASS, INCONCLUSIVE):
            lines += [f"this project, {family}, {which.value}: {n}" for n in rows[which]]
    return lines


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=1)
    args = parser.parse_args()
    functions = zoo.functions()
    scores = compare(functions, args.seeds, list(installed()))
    print(f"{len(functions)} functions, {args.seeds} seed(s), per cent\n")
    print(*table(scores), "", *details(scores), sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
