"""What a forward has inside - a mask that it draws, a p or an eps of its own - is read off its output."""

from __future__ import annotations

from pathlib import Path

import pytest

from gradcheck_plugin.api import Report, check
from gradcheck_plugin.model import Verdict
from reference_impls.shapes import Layout

DROPOUT = """
import numpy as np


class Dropout:
    def __init__(self, p=0.5):
        self.p = p

    def forward(self, x):
        self.mask = {mask}
        return {out}

    def backward(self, dout):
        return {back}
"""
RIGHT = {  # how it is written: the mask, the forward, the backward; the reference and the variant that -v shows
    "drop": ("np.random.rand(*x.shape) >= self.p", "x * self.mask / (1 - self.p)", "dout * self.mask / (1 - self.p)",
             "dropout", "draws its mask, p is the probability to drop"),
    "keep": ("(np.random.rand(*x.shape) < self.p) / self.p", "x * self.mask", "dout * self.mask",
             "dropout", "draws its mask, p is the probability to keep"),
    "single precision": ("(np.random.rand(*x.shape) < self.p).astype(np.float32) / np.float32(self.p)",
                         "x * self.mask", "dout * self.mask",
                         "dropout", "draws its mask, p is the probability to keep"),
    "its own p": ("np.random.rand(*x.shape) < 0.9", "x * self.mask / 0.9", "dout * self.mask / 0.9",
                  "dropout", "draws its mask, p is the probability to drop, p 0.1"),
    "no scale": ("np.random.rand(*x.shape) > self.p", "x * self.mask", "dout * self.mask",
                 "dropout_standard", "draws its mask; computes what `dropout_standard` computes"),
    "one mask for every sample": ("np.random.rand(x.shape[1]) < 1 - self.p", "x * self.mask / (1 - self.p)",
                                  "dout * self.mask / (1 - self.p)",
                                  "dropout", "draws its mask, p is the probability to drop"),
    "noise and no mask": ("1 + 0.3 * np.random.randn(*x.shape)", "x * self.mask", "dout * self.mask",
                          "", "no reference: checked numerically"),
}  # fmt: skip
WRONG = {
    "scale-missing": ("np.random.rand(*x.shape) < self.p", "x * self.mask / self.p", "dout * self.mask"),
    "keep-for-drop": ("np.random.rand(*x.shape) < self.p", "x * self.mask / self.p", "dout * self.mask / (1 - self.p)"),
    "scale-not-in-forward": ("np.random.rand(*x.shape) < self.p", "x * self.mask", "dout * self.mask / self.p"),
    "mask-drawn-again": ("np.random.rand(*x.shape) < self.p", "x * self.mask / self.p",
                         "dout * (np.random.rand(*dout.shape) < self.p) / self.p"),
    "mask-inverted": ("np.random.rand(*x.shape) < self.p", "x * self.mask / self.p", "dout * ~self.mask / self.p"),
}  # fmt: skip
BATCHNORM = """
import numpy as np


class {name}:
    def __init__(self, gamma, beta):
        self.gamma, self.beta = gamma, beta

    def forward(self, x):
        self.shape = x.shape
        x = x.reshape({rows})
        self.std = np.sqrt(x.var(axis=0) + {eps})
        self.xn = (x - x.mean(axis=0)) / self.std
        return (self.gamma * self.xn + self.beta).reshape(self.shape)

    def backward(self, dout):
        d = {back}
        self.dgamma, self.dbeta = (d * self.xn).sum(axis=0), d.sum(axis=0)
        d = d * self.gamma
        return ((d - d.mean(axis=0) - self.xn * (d * self.xn).mean(axis=0)) / self.std).reshape(self.shape)
"""


def report(folder: Path, source: str) -> Report:
    path = folder / "layers.py"
    path.write_text(source, encoding="utf-8")
    return check(path, cases=12)


@pytest.mark.parametrize("how", RIGHT)
def test_a_right_dropout_has_a_reference(tmp_path: Path, how: str) -> None:
    mask, out, back, layer, variant = RIGHT[how]
    found = report(tmp_path, DROPOUT.format(mask=mask, out=out, back=back))
    assert found.ok, str(found)
    assert {(r.layer, r.variant) for r in found.results} == {(layer, variant)}
    assert {"contract", "dx"} <= {r.property for r in found.results if r.verdict is Verdict.PASS}


@pytest.mark.parametrize("code", WRONG)
def test_a_wrong_dropout_has_the_sentence_of_the_reference(tmp_path: Path, code: str) -> None:
    mask, out, back = WRONG[code]
    found = report(tmp_path, DROPOUT.format(mask=mask, out=out, back=back))
    assert [(r.property, r.finding.code) for r in found.failed if r.finding] == [("dx", code)]
    assert "of dropout" in str(found)


def test_an_eps_of_its_own_is_read_off(tmp_path: Path) -> None:
    found = report(
        tmp_path,
        BATCHNORM.format(name="BatchNormalization", eps=3e-4, rows="len(x), -1", back="dout.reshape(len(dout), -1)"),
    )
    assert found.ok, str(found)
    assert {(r.layer, r.variant) for r in found.results} == {("batchnorm", "eps 0.0003")}


def test_images_are_drawn_where_the_forward_takes_them(tmp_path: Path) -> None:
    mixed = "dout.reshape(len(dout), -1) if dout.ndim == 2 else dout.reshape(-1, len(dout)).T"
    found = report(tmp_path, BATCHNORM.format(name="BatchNormalization", eps=3e-4, rows="len(x), -1", back=mixed))
    assert "dx" in {r.property for r in found.failed}, str(found)


def test_a_known_wrong_forward_is_no_other_layer(tmp_path: Path) -> None:
    found = report(
        tmp_path,
        BATCHNORM.format(name="BatchNorm2d", eps=1e-5, rows="-1, x.shape[1]", back="dout.reshape(-1, dout.shape[1])"),
    )
    assert [(r.layer, r.property, r.finding.code) for r in found.failed if r.finding] == [
        ("spatial_batchnorm", "forward", "channels-mixed")
    ]


def test_a_dash_leaves_an_array_out() -> None:
    layout = Layout.parse("x: N D, mask: N D @binary; gamma: D -> N D").override("mask: -, gamma: 1 D")
    assert [e.name for e in layout.entries] == ["x", "gamma"]
    assert layout.output.dims == ("N", "D")
