"""What torch is asked, and what that costs."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from gradcheck_plugin.oracles import autograd
from reference_impls import load

ASKED = """
import sys
import numpy as np
import torch
before = "sympy" in sys.modules
from gradcheck_plugin.oracles import autograd
from reference_impls import load
autograd.gradients(load("tanh"), {"x": np.ones((2, 3))}, np.ones((2, 3)), {})
print(before or "sympy" not in sys.modules)
"""


def test_torch_is_asked_for_nothing_that_imports_sympy() -> None:
    run = subprocess.run([sys.executable, "-c", ASKED], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "True"


@pytest.mark.parametrize("upstream", [0.0, -3.0, 1e-300, 1e300])
def test_the_upstream_gradient_arrives_as_it_is(upstream: float) -> None:
    x, dy = np.array([[0.5, -2.0]]), np.array([[upstream, 0.75]])
    found = autograd.gradients(load("exp"), {"x": x}, dy, {})
    assert np.allclose(found["x"], dy * np.exp(x), rtol=1e-15, atol=0)


def test_an_output_that_is_not_finite_leaves_other_gradients_as_they_are() -> None:
    x, dy = np.array([[800.0, -2.0]]), np.array([[0.0, 0.75]])
    found = autograd.gradients(load("exp"), {"x": x}, dy, {})
    assert np.isclose(found["x"][0, 1], 0.75 * np.exp(-2.0), rtol=1e-15)
