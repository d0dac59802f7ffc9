"""A batch normalisation as torch's own Function: its arrays are told by their names, and its eps is seen."""

from __future__ import annotations

from typing import Any

import pytest

from gradcheck_plugin.model import Settings, Verdict
from gradcheck_plugin.suite import open_namespace

torch = pytest.importorskip("torch")
LATIN, GREEK = ("gamma", "beta", "eps"), ("γ", "β", "ε")
TEXT = """
class NormFunction(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, gamma, beta, eps=1e-5):
        assert x.size(1) == gamma.size(0) == beta.size(0)
        root = torch.sqrt(x.var(0, unbiased=False) + eps)
        hat = (x - x.mean(0)) / root
        ctx.save_for_backward(hat, gamma, {kept})
        return gamma * hat + beta

    @staticmethod
    def backward(ctx, g):
        hat, gamma, root = ctx.saved_tensors
        dhat = g * gamma
        dx = (dhat - dhat.mean(0) - hat * (dhat * hat).mean(0)) / root
        return dx, {dgamma}, g.sum(0), None
"""


def verdicts(names: tuple[str, ...], kept: str = "root", dgamma: str = "(g * hat).sum(0)") -> dict[str, Verdict]:
    text = TEXT.format(kept=kept, dgamma=dgamma)
    for latin, name in zip(LATIN, names, strict=True):
        text = text.replace(f"{latin}", name)
    space: dict[str, Any] = {"torch": torch, "__name__": __name__}
    exec(text, space)
    made = open_namespace({"NormFunction": space["NormFunction"]}, Settings(cases=5))
    (target,) = made.targets
    return {r.property: r.verdict for r in target.check_all()}


@pytest.mark.parametrize("names", [LATIN, GREEK], ids=["latin", "greek"])
def test_a_batch_normalisation(names: tuple[str, ...]) -> None:
    found = verdicts(names)
    assert set(found.values()) == {Verdict.PASS}
    assert {"dx", f"d{names[0]}", f"d{names[1]}"} <= set(found)


@pytest.mark.parametrize(
    ("wrong", "property_"),
    [({"kept": "torch.sqrt(x.var(0, unbiased=False))"}, "dx"), ({"dgamma": "(g * hat).mean(0)"}, "dγ")],
)
def test_a_wrong_one(wrong: dict[str, str], property_: str) -> None:
    assert [p for p, v in verdicts(GREEK, **wrong).items() if v is Verdict.FAIL] == [property_]
