"""Dropout in every way that people write it: the same mask again in every frozen run, and wrong backwards are found."""

from __future__ import annotations

import gc
import random
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from gradcheck_plugin.api import Report, check
from gradcheck_plugin.model import Verdict
from gradcheck_plugin.running.calls import frozen, guarded
from gradcheck_plugin.running.randomness import steady

HEAD = """
import random, secrets, time, os
import numpy as np
"""
# how the mask is drawn: what the module says, what __init__ says, and the uniform numbers
GENERATORS = {
    "rand": ("", "", "np.random.rand(*x.shape)"),
    "random": ("", "", "np.random.random(x.shape)"),
    "uniform": ("", "", "np.random.uniform(0.0, 1.0, size=x.shape)"),
    "randn": ("", "", "(np.random.randn(*x.shape) + 1.5) / 3"),
    "binomial": ("", "", "1.0 - np.random.binomial(1, 0.4, size=x.shape)"),
    "choice": ("", "", "np.random.choice([0.0, 1.0], size=x.shape, p=[0.4, 0.6])"),
    "seed inside": ("", "np.random.seed(7)", "np.random.rand(*x.shape)"),
    "RandomState attribute": ("", "self.rng = np.random.RandomState(3)", "self.rng.rand(*x.shape)"),
    "RandomState unseeded": ("", "self.rng = np.random.RandomState()", "self.rng.rand(*x.shape)"),
    "RandomState in forward": ("", "", "np.random.RandomState().rand(*x.shape)"),
    "default_rng in forward": ("", "", "np.random.default_rng().random(x.shape)"),
    "default_rng in __init__": ("", "self.rng = np.random.default_rng()", "self.rng.random(x.shape)"),
    "default_rng seeded": ("", "self.rng = np.random.default_rng(5)", "self.rng.random(x.shape)"),
    "module default_rng": ("rng = np.random.default_rng()", "", "rng.random(x.shape)"),
    "module default_rng seeded": ("rng = np.random.default_rng(1)", "", "rng.random(x.shape)"),
    "module RandomState": ("rng = np.random.RandomState(1)", "", "rng.rand(*x.shape)"),
    "module method": ("draw = np.random.default_rng(1).random", "", "draw(x.shape)"),
    "imported default_rng": (
        "from numpy.random import default_rng",
        "self.rng = default_rng()",
        "self.rng.random(x.shape)",
    ),
    "imported rand": ("from numpy.random import rand", "", "rand(*x.shape)"),
    "Generator": ("from numpy.random import Generator, PCG64", "", "Generator(PCG64()).random(x.shape)"),
    "dictionary": ("state = {'rng': np.random.default_rng()}", "", "state['rng'].random(x.shape)"),
    "object": (
        "class Source:\n    def __init__(self):\n        self.rng = np.random.default_rng()\nsource = Source()",
        "",
        "source.rng.random(x.shape)",
    ),
    "helper with entropy": ("def fresh():\n    return np.random.default_rng()", "", "fresh().random(x.shape)"),
    "helper with secrets": (
        "def fresh():\n    return np.random.default_rng(secrets.randbits(128))",
        "",
        "fresh().random(x.shape)",
    ),
    "helper with urandom": (
        "def fresh():\n    return np.random.default_rng(int.from_bytes(os.urandom(8), 'little'))",
        "",
        "fresh().random(x.shape)",
    ),
    "helper with the clock": (
        "def fresh():\n    return np.random.RandomState(time.time_ns() % 2**32)",
        "",
        "fresh().rand(*x.shape)",
    ),
    "helper with SeedSequence": (
        "def fresh():\n    return np.random.default_rng(np.random.SeedSequence().entropy)",
        "",
        "fresh().random(x.shape)",
    ),
    "helper with a default argument": (
        "def draw(shape, rng=np.random.default_rng()):\n    return rng.random(shape)",
        "",
        "draw(x.shape)",
    ),
    "helper with a closure": (
        "def make():\n    rng = np.random.default_rng()\n    return lambda shape: rng.random(shape)\ndraw = make()",
        "",
        "draw(x.shape)",
    ),
    "helper with a global": (
        "rng = None\ndef draw(n):\n    global rng\n    rng = rng or np.random.default_rng()\n    return rng.random(n)",
        "",
        "draw(x.shape)",
    ),
    "random module": ("", "", "np.array([random.random() for _ in range(x.size)]).reshape(x.shape)"),
    "random.Random": (
        "",
        "self.rng = random.Random()",
        "np.array([self.rng.random() for _ in range(x.size)]).reshape(x.shape)",
    ),
    "module random.Random": (
        "source = random.Random()",
        "",
        "np.array([source.random() for _ in range(x.size)]).reshape(x.shape)",
    ),
    "SystemRandom": ("", "", "np.array([random.SystemRandom().random() for _ in range(x.size)]).reshape(x.shape)"),
    "torch.rand": ("import torch", "", "torch.rand(*x.shape).numpy().astype(float)"),
    "torch.bernoulli": ("import torch", "", "torch.bernoulli(torch.full(x.shape, 0.6)).numpy().astype(float)"),
    "torch generator": (
        "import torch\nsource = torch.Generator()",
        "",
        "torch.rand(*x.shape, generator=source).numpy().astype(float)",
    ),
}
LAYER = """
class Dropout:
    p = 0.4

    def __init__(self):
        {init}
        self.mask = None

    def forward(self, x, train_flg=True):
        u = {draw}
        self.mask = (u >= self.p) / (1 - self.p)
        return x * self.mask

    def backward(self, dout):
        {backward}
"""
PAIR = """
def dropout_forward(x, dropout_param):
    p, mode = dropout_param["p"], dropout_param["mode"]
    if "seed" in dropout_param:
        np.random.seed(dropout_param["seed"])
    mask = None
    if mode == "train":
        {mask}
        out = {out}
    else:
        out = x
    return out, (dropout_param, mask)


def dropout_backward(dout, cache):
    dropout_param, mask = cache
    p = dropout_param["p"]
    if dropout_param["mode"] == "train":
        {backward}
    return dout
"""
RIGHT_PAIRS = {
    "keep": ("mask = (np.random.rand(*x.shape) < p) / p", "x * mask", "return dout * mask"),
    "drop": ("mask = (np.random.rand(*x.shape) >= p) / (1 - p)", "x * mask", "return dout * mask"),
    "scale apart": ("mask = np.random.rand(*x.shape) < p", "x * mask / p", "return dout * mask / p"),
    "no scale": ("mask = np.random.rand(*x.shape) < p", "x * mask", "return dout * mask"),
    "seeded again": (
        "mask = (np.random.rand(*x.shape) < p) / p",
        "x * mask",
        "np.random.seed(dropout_param['seed']); return dout * (np.random.rand(*dout.shape) < p) / p",
    ),
}
WRONG_PAIRS = {
    "scale missing": ("mask = np.random.rand(*x.shape) < p", "x * mask / p", "return dout * mask"),
    "scale of the other meaning": (
        "mask = np.random.rand(*x.shape) < p",
        "x * mask / p",
        "return dout * mask / (1 - p)",
    ),
    "the dropped ones": ("mask = np.random.rand(*x.shape) < p", "x * mask / p", "return dout * ~mask / p"),
    "drawn again": (
        "mask = (np.random.rand(*x.shape) < p) / p",
        "x * mask",
        "return dout * (np.random.rand(*dout.shape) < p) / p",
    ),
    "no mask": ("mask = (np.random.rand(*x.shape) < p) / p", "x * mask", "return dout"),
}
KEEPS = "return dout * self.mask"
WRONG = {
    "scale missing": "return dout * (self.mask > 0)",
    "scale of the other meaning": "return dout * (self.mask > 0) / self.p",
    "the dropped ones": "return dout * (self.mask == 0) / (1 - self.p)",
}


def report(folder: Path, source: str) -> Report:
    path = folder / "dropout.py"
    path.write_text(HEAD + source, encoding="utf-8")
    return check(path, cases=8)


def layer(generator: str, backward: str = KEEPS) -> str:
    module, init, draw = GENERATORS[generator]
    return module + LAYER.format(init=init or "pass", draw=draw, backward=backward)


@pytest.mark.parametrize("generator", GENERATORS)
def test_a_kept_mask_is_right(tmp_path: Path, generator: str) -> None:
    found = report(tmp_path, layer(generator))
    assert found.ok, str(found)
    assert {"contract", "dx"} <= {r.property for r in found.results if r.verdict is Verdict.PASS}, str(found)


@pytest.mark.parametrize("generator", GENERATORS)
def test_a_mask_that_is_drawn_again_is_found(tmp_path: Path, generator: str) -> None:
    _, _, draw = GENERATORS[generator]
    again = f"x = dout; return dout * ({draw} >= self.p) / (1 - self.p)"
    found = report(tmp_path, layer(generator, again))
    assert [r.property for r in found.failed] == ["dx"], str(found)


@pytest.mark.parametrize("generator", ["rand", "module default_rng", "default_rng in __init__", "torch.rand"])
@pytest.mark.parametrize("wrong", WRONG)
def test_a_wrong_backward_is_found(tmp_path: Path, generator: str, wrong: str) -> None:
    found = report(tmp_path, layer(generator, WRONG[wrong]))
    assert [r.property for r in found.failed] == ["dx"], str(found)


@pytest.mark.parametrize("kind", RIGHT_PAIRS)
def test_a_pair_with_a_seed_is_right(tmp_path: Path, kind: str) -> None:
    mask, out, backward = RIGHT_PAIRS[kind]
    found = report(tmp_path, PAIR.format(mask=mask, out=out, backward=backward))
    assert found.ok, str(found)


@pytest.mark.parametrize("kind", WRONG_PAIRS)
def test_a_wrong_pair_is_found(tmp_path: Path, kind: str) -> None:
    mask, out, backward = WRONG_PAIRS[kind]
    found = report(tmp_path, PAIR.format(mask=mask, out=out, backward=backward))
    assert [r.property for r in found.failed] == ["dx"], str(found)


def test_tensors(tmp_path: Path) -> None:
    source = LAYER.format(init="pass", draw="torch.rand(x.shape)", backward=KEEPS).replace(
        "(u >= self.p)", "(u >= self.p).double()"
    )
    found = report(tmp_path, "import torch" + source)
    assert found.ok, str(found)


def test_a_forward_that_counts_its_calls_is_not_random(tmp_path: Path) -> None:
    found = report(
        tmp_path,
        "count = [0]" + LAYER.format(init="pass", draw="count.append(0) or len(count) % 7 / 7 + 0 * x", backward=KEEPS),
    )
    assert [f.finding.code for f in found.failed if f.finding][:1] == ["not-reproducible"], str(found)


def test_every_state_is_put_back() -> None:
    rng, source, tensors = np.random.default_rng(1), random.Random(1), torch.Generator()
    np.random.seed(3)
    random.seed(3)
    torch.manual_seed(3)

    def draw() -> list[float]:
        mine = [np.random.rand(), random.random(), float(torch.rand(1)), rng.random(), source.random()]
        return [*mine, float(torch.rand(1, generator=tensors))]

    first = []
    for _ in range(2):
        with frozen(5):
            first.append(guarded("forward", draw))
    assert first[0] == first[1]
    after = draw()
    np.random.seed(3)
    random.seed(3)
    torch.manual_seed(3)
    assert draw()[:3] == after[:3]
    assert after[3:5] == [np.random.default_rng(1).random(), random.Random(1).random()]


def test_entropy_is_known_only_inside() -> None:
    with frozen(1):
        inside = np.random.default_rng().random(), np.random.default_rng().random(), random.Random().random()
        clock = time.time()
    with frozen(1):
        again = np.random.default_rng().random(), np.random.default_rng().random(), random.Random().random()
    assert inside == again
    assert inside[0] != inside[1]
    assert np.random.default_rng().random() != np.random.default_rng().random()
    assert random.Random().random() != random.Random().random()
    assert abs(time.time() - clock) > 1


class Changing:
    """A class whose namespace changes whenever garbage is collected, as one of an object with `__del__` may."""

    def forward(self, x):
        return 2 * x


def changes(phase: str, info: dict[str, int]) -> None:
    if phase == "start" and "running" in vars(Changing):
        del Changing.running  # type: ignore[attr-defined]
    elif phase == "start":
        Changing.running = True  # type: ignore[attr-defined]


def test_a_class_that_changes_when_garbage_is_collected() -> None:
    usual = gc.get_threshold()
    gc.callbacks.append(changes)
    gc.set_threshold(1)
    try:
        for seed in range(50):
            with frozen(seed):
                assert guarded("forward", Changing.forward, Changing(), 1.5) == 3.0
                assert guarded("__init__", Changing) is not None
    finally:
        gc.set_threshold(*usual)
        gc.callbacks.remove(changes)


def test_torch_that_comes_in_the_middle_is_put_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "torch")
    with steady():
        with frozen(3):
            pass
        monkeypatch.setitem(sys.modules, "torch", torch)
        before = torch.get_rng_state()
        with frozen(3):
            torch.rand(4)
        assert torch.equal(torch.get_rng_state(), before)
