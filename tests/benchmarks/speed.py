"""What a check costs: CPU seconds of whole processes, and calls of the code that is checked.

    python tests/benchmarks/speed.py

The time of a case is that of a whole item list over its 25 cases, in forwards and backwards of the layer itself: 6
means that to check a layer of three gradients in one case, contract and forward included, takes as long as it takes to
run it six times.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1]))

from reference_subject import target

from gradcheck_plugin.model import Settings, Verdict
from gradcheck_plugin.suite import open_file
from gradcheck_plugin.target import Target
from reference_impls import load

UNKNOWN = """
import numpy as np


class Wave:
    def forward(self, x):
        self.x = x
        return np.sin(x) * np.exp(x / 3) + 0.1 * x**3

    def backward(self, dout):
        x = self.x
        return dout * (np.exp(x / 3) * (np.cos(x) + np.sin(x) / 3) + 0.3 * x**2)
"""
AFFINE = """
class Affine:
    def __init__(self, W, b):
        self.W, self.b = W, b

    def forward(self, x):
        self.x = x
        return x @ self.W + self.b

    def backward(self, dout):
        self.dW = self.x.T @ dout
        self.db = dout.sum(axis=0)
        return dout @ self.W.T
"""
SIZES = {"N": 64, "D": 512, "M": 256}


def cpu(code: str, bytecode: str) -> float:
    """CPU seconds of a Python process that runs this, with the compiled modules that an installed package has."""
    kept = {n: v for n, v in os.environ.items() if n != "PYTHONDONTWRITEBYTECODE"}
    environment = kept | {"PYTHONPYCACHEPREFIX": bytecode}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL, env=environment)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


def best(run: Callable[[], float], repeats: int) -> float:
    """The shortest of a few runs, which is the least disturbed one."""
    return min(run() for _ in range(repeats))


def opened(source: str) -> tuple[Target, float]:
    """The one target of a file, and the CPU seconds that it took to open the file, after one that is not counted."""
    with tempfile.TemporaryDirectory() as folder:
        for name in ("first.py", "second.py"):
            path = Path(folder) / name
            path.write_text(source, encoding="utf-8")
            start = time.process_time()
            suite = open_file(path, Settings())
            seconds = time.process_time() - start
    return suite.targets[0], seconds


def evaluations(of: Target) -> int:
    """Forwards and backwards of all its properties, every one of which has to pass."""
    results = of.check_all()
    assert all(r.verdict is Verdict.PASS for r in results), results
    return sum(r.evaluations for r in results)


def times_its_own_run(known: bool) -> float:
    """The time of a verified case of a layer 64 x 512 -> 256, over that of its own forward and backward."""
    made = target(load("affine"), settings=Settings(cases=25))
    subject = replace(made.subject, fixed=SIZES)
    if not known:
        subject = replace(subject, spec=None, matches=False)
    case = made.subject.sample(1, SIZES)
    x, W, b = case.arrays.values()
    dy = np.random.default_rng(1).standard_normal((SIZES["N"], SIZES["M"]))

    def own() -> float:
        start = time.process_time()
        for _ in range(20):
            x @ W + b
            dy @ W.T, x.T @ dy, dy.sum(axis=0)
        return (time.process_time() - start) / 20

    Target(subject, Settings(cases=1)).check_all()  # torch is imported now
    start = time.process_time()
    results = Target(subject, Settings(cases=25)).check_all()
    seconds = time.process_time() - start
    assert all(r.verdict is Verdict.PASS for r in results), results
    return seconds / max(r.cases for r in results) / best(own, 5)


def main() -> int:
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    imported = "import numpy, hypothesis, gradcheck_plugin.suite, reference_impls as r; r.specs()"
    shown = "import gradcheck_plugin.cli as c; c.main(['demo'])"
    codes = ("import numpy, hypothesis", "import torch", imported, shown)
    with tempfile.TemporaryDirectory() as folder:  # the first of the runs fills it
        numpy, torch, ours, demo = (best(partial(cpu, code, folder), 3) for code in codes)
    _, unknown = opened(UNKNOWN)
    rows = [
        ("the demo beyond `import torch`, CPU s", demo - torch),
        ("references and plugin imported, CPU s", ours - numpy),
        ("an unknown class of one input bound, CPU s", unknown),
        ("Affine, all properties, 25 cases: forwards and backwards", evaluations(opened(AFFINE)[0])),
        ("an unknown layer of one input, the same", evaluations(opened(UNKNOWN)[0])),
        ("a case of a known layer 64 x 512 -> 256, in runs of its own", times_its_own_run(known=True)),
        ("a case of an unknown one", times_its_own_run(known=False)),
    ]
    for what, value in rows:
        print(f"{what:<64}{value:>8.4g}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
