"""Networks whose sizes and labels are those of their own arrays, whatever their arguments are called."""

from pathlib import Path

import pytest
from from_file import checked

from gradcheck_plugin.outcome import Verdict

SOFTMAX = """
    import numpy as np

    class Model:
        def __init__(self, n_i, {hidden}, {out}):
            self.params = {{}}
            self.params['W1'] = 0.1 * np.random.randn(n_i, {hidden})
            self.params['b1'] = np.zeros(({hidden},))
            self.params['W2'] = 0.1 * np.random.randn({hidden}, {out})
            self.params['b2'] = np.zeros(({out},))

        def scores(self, x):
            h = np.tanh(x @ self.params['W1'] + self.params['b1'])
            return h, h @ self.params['W2'] + self.params['b2']

        def loss(self, x, t):
            h, s = self.scores(x)
            s = s - s.max(axis=1, keepdims=True)
            return float(-np.sum(t * (s - np.log(np.exp(s).sum(axis=1, keepdims=True)))) / len(x))

        def gradient(self, x, t):
            h, s = self.scores(x)
            e = np.exp(s - s.max(axis=1, keepdims=True))
            ds = (e / e.sum(axis=1, keepdims=True) {sign} t) / len(x)
            da = ds @ self.params['W2'].T * (1 - {square})
            return {{'W1': x.T @ da, 'b1': da.sum(axis=0), 'W2': h.T @ ds, 'b2': ds.sum(axis=0)}}
"""
COLUMN = """
    import numpy as np

    class {name}:
        def __init__(self, input_size):
            self.params = {{'w': np.zeros((input_size, 1)), 'bias': 1.0}}

        def loss(self, x, t):
            return float(np.sum((np.dot(x, self.params['w']) + self.params['bias'] - t) ** 2) / len(x))

        def gradient(self, x, t):
            dz = {factor} * (np.dot(x, self.params['w']) + self.params['bias'] - t) / len(x)
            return {{'w': np.dot(x.T, dz), 'bias': dz.sum()}}
"""


@pytest.mark.parametrize(("hidden", "out"), [("key_dim", "n_o"), ("hidden_size", "channels"), ("hidden1", "n_filters")])
def test_one_hot_rows_are_asked_whatever_the_sizes_are_called(tmp_path: Path, hidden: str, out: str) -> None:
    found = checked(tmp_path, SOFTMAX.format(hidden=hidden, out=out, sign="-", square="h ** 2"))
    assert found.passes("Model")


@pytest.mark.parametrize("fault", [{"sign": "+"}, {"square": "h"}, {"sign": "- 0.5 *"}])
def test_a_gradient_that_is_wrong_for_one_hot_rows_fails(tmp_path: Path, fault: dict[str, str]) -> None:
    source = {"hidden": "hidden_size", "out": "channels", "sign": "-", "square": "h ** 2"} | fault
    assert Verdict.FAIL in checked(tmp_path, SOFTMAX.format(**source)).verdicts("Model").values()


@pytest.mark.parametrize("name", ["LinearRegressionGD", "Fitted"])
def test_targets_of_one_output_are_a_column(tmp_path: Path, name: str) -> None:
    assert checked(tmp_path, COLUMN.format(name=name, factor=2)).passes(name)
    assert Verdict.FAIL in checked(tmp_path, COLUMN.format(name=name, factor=3)).verdicts(name).values()
