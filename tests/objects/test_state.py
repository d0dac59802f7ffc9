"""Where objects keep parameters and gradients."""

from __future__ import annotations

import numpy as np

from gradcheck_plugin.objects import state


def test_a_parameter_under_two_names_has_the_gradient_of_either() -> None:
    class Held:
        def __init__(self) -> None:
            self.W, self.dW = np.ones((2, 3)), np.zeros((2, 3))
            self.params = [self.W]

    obj = Held()
    path = next(p for p, a in state.leaves(obj) if a is obj.W)
    assert state.label(path) == "params[0]"
    assert state.get(obj, state.gradient_path(obj, path)) is obj.dW
