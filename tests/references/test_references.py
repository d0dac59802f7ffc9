"""Every reference: right in every variant, and each of its mistakes caught and named."""

from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from reference_subject import check_all, first_code, target

from gradcheck_plugin.diagnosis.codes import CODES
from gradcheck_plugin.model import Settings, Verdict
from gradcheck_plugin.oracles import autograd
from gradcheck_plugin.sizes import generic_sizes
from reference_impls import load, names, specs

VARIANTS = [(s.name, i) for s in specs().values() for i in range(len(s.layouts()))]
MISTAKES = [(s.name, i) for s in specs().values() for i in range(len(s.mistakes))]

# caught, and called something else first, each with the reason; the tables are beside those of the mistakes
TABLES = [importlib.import_module(path.stem) for path in sorted(Path(__file__).parent.glob("test_mistakes_*.py"))]
CONFUSED = {key: reason for table in TABLES for key, reason in getattr(table, "CONFUSED", {}).items()}

# named by what all the gradients of the layer show together, which says more than the mistake of one of them
SHARPER = {("affine", "weights_divided_by_batch"): "batch-average-mixed"}


@pytest.mark.parametrize(("name", "index"), VARIANTS)
def test_right_in_every_variant(name: str, index: int) -> None:
    spec = load(name)
    variant, _ = spec.layouts()[index]
    results = check_all(target(spec, variant, settings=Settings(cases=1)))  # the soundness campaign draws many more
    assert len(results) >= (1 if spec.rule else 3)
    assert [(r.property, r.reason) for r in results if r.verdict is not Verdict.PASS] == []


@pytest.mark.parametrize(("name", "index"), VARIANTS)
def test_agrees_with_torch(name: str, index: int) -> None:
    spec = load(name)
    variant, layout = spec.layouts()[index]
    subject = target(spec, variant).subject
    for shift in (0, 1):
        case = subject.sample(shift, generic_sizes(layout, spec, spec.layout, shift))
        arrays = subject.base_arrays(case, layout)
        out = spec.output(*(a.copy() for a in arrays.values()), **variant.options)
        theirs = _torch_forward(spec, arrays, dict(variant.options))
        if theirs is None and spec.rule:
            pytest.skip("torch does not have the rule in this form")
        np.testing.assert_allclose(out, theirs, rtol=1e-12, atol=1e-14)
        if spec.rule:
            continue
        dy = np.random.default_rng(shift).standard_normal(out.shape)
        ours = spec.gradients(dy, *arrays.values(), **variant.options)
        for key, gradient in autograd.gradients(spec, arrays, dy, variant.options).items():
            if key in ours:
                np.testing.assert_allclose(ours[key], gradient, rtol=1e-10, atol=1e-13, err_msg=key)


def _torch_forward(spec: object, arrays: dict[str, np.ndarray], options: dict[str, object]) -> np.ndarray | None:
    import torch

    out = spec.torch_forward(*(torch.tensor(a) for a in arrays.values()), **options)  # type: ignore[attr-defined]
    if out is None:
        return None
    given = out if isinstance(out, tuple) else (out,)
    arrays = [np.asarray(o.detach().numpy() if hasattr(o, "detach") else o) for o in given]
    return np.concatenate([a.ravel() for a in arrays]) if isinstance(out, tuple) else arrays[0]


@pytest.mark.parametrize(("name", "index"), MISTAKES)
def test_mistake_is_caught_and_named(name: str, index: int) -> None:
    spec = load(name)
    mistake = spec.mistakes[index]
    variant = next((v for v in spec.variants if v.note == mistake.variant), None) if mistake.variant else None
    assert variant is not None or not mistake.variant
    found = first_code(target(spec, variant, mistake, Settings(cases=6)))  # the campaign draws more
    assert found, "not caught"
    function = getattr(mistake.backward or mistake.forward, "__name__", "")
    if (name, function) in CONFUSED:
        assert found != mistake.code, "named now: take it off the list of confusions"
    else:
        assert found == SHARPER.get((name, function), mistake.code)


@pytest.mark.parametrize("name", names())
def test_every_mistake_has_its_sentences(name: str) -> None:
    for mistake in load(name).mistakes:
        assert mistake.code in CODES or (mistake.says and mistake.help), mistake.code
        assert bool(mistake.says) == bool(mistake.says_ko)
        assert bool(mistake.help) == bool(mistake.help_ko)


def test_few_are_named_second() -> None:
    assert len(CONFUSED) <= 0.06 * len(MISTAKES)


def test_one_name_takes_one_file() -> None:
    code = "import sys; from reference_impls import load; load('affine'); print(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    read = [m for m in run.stdout.split() if m.startswith("reference_impls.") and m.count(".") == 2]
    assert read == ["reference_impls.linear.affine"]


@pytest.mark.parametrize("name", names())
def test_a_name_stands_for_one_reference(name: str) -> None:
    assert load(name) is specs()[name]


def test_unknown_name_offers_the_nearest() -> None:
    with pytest.raises(KeyError, match="did you mean affine"):
        load("afine")


GOLDEN = {
    "graph_buy_apple": ({"apple": 100, "apple_num": 2, "tax": 1.1}, 220, [2.2, 110, 200]),
    "graph_buy_apple_orange": (
        {"apple": 100, "apple_num": 2, "orange": 150, "orange_num": 3, "tax": 1.1},
        715,
        [2.2, 110, 3.3, 165, 650],
    ),
}


@pytest.mark.parametrize("name", GOLDEN)
def test_golden_values(name: str) -> None:
    spec = load(name)
    arrays, price, gradients = GOLDEN[name]
    order = [np.asarray(v, dtype=float) for v in arrays.values()]
    assert [e.name for e in spec.layout.entries] == list(arrays)
    assert float(spec.forward(*order)) == pytest.approx(price)
    assert [float(g) for g in spec.backward(np.asarray(1.0), *order).values()] == pytest.approx(gradients)
