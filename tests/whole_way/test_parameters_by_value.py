"""Parameters are what a forward depends on and the author trains, whatever they and their gradients are called."""

from __future__ import annotations

from pathlib import Path

import pytest
from from_file import checked

from gradcheck_plugin.model import Verdict

HEAD = "import numpy as np\n\n\n"

OUT = """
class Wave:
    def __init__(self, n_in, n_out):
        self.out_W = np.random.randn(n_in, n_out)
        self.out_b = np.zeros(n_out)

    def forward(self, x):
        self.x = x
        self.z = np.sin(x @ self.out_W + self.out_b)
        self.c = np.cos(x @ self.out_W + self.out_b)
        return self.z

    def backward(self, dout):
        d = dout * self.c
        self.dout_W, self.dout_b = {factor} * self.x.T @ d, d.sum(axis=0)
        return d @ self.out_W.T
"""

GEM = """
class Rise:
    def __init__(self, features):
        self.p = np.full(features, 3.0)

    def forward(self, x):
        self.x = np.abs(x) + 0.5
        self.s = np.sign(x)
        return self.x**self.p

    def backward(self, dout):
        self.dp = {factor} * (dout * self.x**self.p * np.log(self.x)).sum(axis=0)
        return dout * self.p * self.x ** (self.p - 1) * self.s
"""

LEAK = """
class Decay:
    def __init__(self, features):
        self.decay = np.linspace(0.2, 0.8, features)
        self.mean = np.zeros(features)
        self.std = np.ones(features)

    def forward(self, x):
        self.x = x
        self.n = (x - self.mean) * self.std
        return self.n**2 * self.decay

    def backward(self, dout):
        self.ddecay = {factor} * (dout * self.n**2).sum(0)
        dn = dout * self.decay * 2 * self.n
        self.dmean = -(dn * self.std).sum(0)
        self.dstd = {factor} * (dn * (self.x - self.mean)).sum(0)
        return dn * self.std
"""

SPELLED = """
class Bend:
    def __init__(self, n_in, n_out):
        self.Weights = np.random.randn(n_in, n_out)
        self.Bias = np.zeros(n_out)

    def forward(self, x):
        self.x = x
        return np.tanh(x) @ self.Weights + self.Bias

    def backward(self, dout):
        self.{0} = {factor} * np.tanh(self.x).T @ dout
        self.{1} = dout.sum(axis=0)
        return dout @ self.Weights.T * (1 - np.tanh(self.x) ** 2)
"""

PAIRS = """
class Bend:
    def __init__(self, n_in, n_out):
        self.m = np.random.randn(n_in, n_out)
        self.o = np.zeros(n_out)
        self.gm, self.go = np.zeros_like(self.m), np.zeros_like(self.o)

    def forward(self, x):
        self.x = x
        return np.tanh(x) @ self.m + self.o

    def backward(self, dout):
        self.gm[...] = {factor} * np.tanh(self.x).T @ dout
        self.go[...] = dout.sum(axis=0)
        return dout @ self.m.T * (1 - np.tanh(self.x) ** 2)

    def {method}(self):
        return [(self.m, self.gm), (self.o, self.go)]
"""

STATE_DICT = """
class Bend:
    def __init__(self, n_in, n_out):
        self._m = np.random.randn(n_in, n_out)
        self._o = np.zeros(n_out)
        self.grads = {{}}

    def state_dict(self):
        return {{"weight": self._m, "bias": self._o}}

    def forward(self, x):
        self.x = x
        return np.tanh(x) @ self._m + self._o

    def backward(self, dout):
        self.grads["weight"] = {factor} * np.tanh(self.x).T @ dout
        self.grads["bias"] = dout.sum(axis=0)
        return dout @ self._m.T * (1 - np.tanh(self.x) ** 2)
"""

SHAPE_ONLY = """
class Mixer:
    def __init__(self, n_in, n_out):
        self.mixer = np.random.randn(n_in, n_out)
        self.shift = np.zeros(n_out)

    def forward(self, x):
        self.x = x
        return np.tanh(x) @ self.mixer + self.shift

    def backward(self, dout):
        self.acc1 = {factor} * np.tanh(self.x).T @ dout
        self.acc2 = dout.sum(axis=0)
        return dout @ self.mixer.T * (1 - np.tanh(self.x) ** 2)
"""

STEPS = """
class Bend:
    def __init__(self, n_in, n_out):
        self.p = np.random.randn(n_in, n_out)
        self.a = np.zeros(n_out)

    def forward(self, x):
        self.x = x
        return np.tanh(x) @ self.p + self.a

    def backward(self, dout, learning_rate):
        dx = dout @ self.p.T * (1 - np.tanh(self.x) ** 2)
        self.p = self.p - learning_rate * {factor} * np.tanh(self.x).T @ dout
        self.a = self.a - learning_rate * dout.sum(axis=0)
        return dx
"""

BOXED = """
class Bend:
    def __init__(self, n_in, n_out):
        self.params = [np.random.randn(n_in, n_out), np.zeros(n_out)]
        self.dtheta = [None, None]

    def forward(self, x):
        self.x = x
        return np.tanh(x) @ self.params[0] + self.params[1]

    def backward(self, dout):
        self.dtheta = [{factor} * np.tanh(self.x).T @ dout, dout.sum(axis=0)]
        return dout @ self.params[0].T * (1 - np.tanh(self.x) ** 2)
"""

KNOWN = """
class Affine:
    def __init__(self, n_in, n_out):
        self.{0} = np.random.randn(n_in, n_out)
        self.{1} = np.zeros(n_out)

    def forward(self, x):
        self.x = x
        return x @ self.{0} + self.{1}

    def backward(self, dout):
        self.d{0}, self.d{1} = {factor} * self.x.T @ dout, dout.sum(axis=0)
        return dout @ self.{0}.T
"""

GAIN = """
class Affine:
    def __init__(self, n_in, n_out):
        self.W = np.random.randn(n_in, n_out)
        self.b = np.zeros(n_out)
        self.a = np.ones(n_out)

    def forward(self, x):
        self.x, self.z = x, x @ self.W + self.b
        return self.z * self.a

    def backward(self, dout):
        self.da = {factor} * (dout * self.z).sum(axis=0)
        dz = dout * self.a
        self.dW, self.db = self.x.T @ dz, dz.sum(axis=0)
        return dz @ self.W.T
"""

LOW_RANK = """
class Adapter:
    def __init__(self, features):
        self.A = np.random.randn(features, 2)
        self.B = np.zeros((2, features))

    def forward(self, x):
        self.x, self.h = x, x @ self.A
        return x**3 + self.h @ self.B

    def backward(self, dout):
        self.grad_B = self.h.T @ dout
        dh = dout @ self.B.T
        self.grad_A = {factor} * self.x.T @ dh
        return 3 * dout * self.x**2 + dh @ self.A.T
"""

# source, the properties that a factor makes wrong
TRAINED = {
    "named after the output": (OUT, {"dout_W"}),
    "one letter that often is a value": (GEM, {"dp"}),
    "statistics and a decay that are trained": (LEAK, {"ddecay", "dstd"}),
    "of a known layer, named after the output": (KNOWN.replace("{0}", "out_W").replace("{1}", "out_b"), {"dout_W"}),
    "of a known layer, in letters of values": (KNOWN.replace("{0}", "p").replace("{1}", "a"), {"dp"}),
    "one more than a known layer has": (GAIN, {"da"}),
    "behind a factor that starts with zeros": (LOW_RANK, {"dA"}),
    "dWeights": (SPELLED.replace("{0}", "dWeights").replace("{1}", "dBias"), {"dWeights"}),
    "dl_dw": (SPELLED.replace("{0}", "dl_dw").replace("{1}", "dl_db"), {"dWeights"}),
    "WeightsGrad": (SPELLED.replace("{0}", "WeightsGrad").replace("{1}", "BiasGrad"), {"dWeights"}),
    "pairs from param()": (PAIRS.replace("{method}", "param"), {"dm"}),
    "pairs from params()": (PAIRS.replace("{method}", "params"), {"dm"}),
    "keys of state_dict": (STATE_DICT, {"d_m"}),
    "by its shape alone": (SHAPE_ONLY, {"dmixer"}),
    "a step in backward": (STEPS, {"dp"}),
    "a list beside a list": (BOXED, {"dparams[0]"}),
}


@pytest.mark.parametrize("kind", TRAINED)
def test_what_is_trained_is_judged_under_any_name(tmp_path: Path, kind: str) -> None:
    source, wrong = TRAINED[kind]
    found = checked(tmp_path, HEAD + source.format(factor="1"), "right.py")
    (target,) = {r.target for r in found.report.results} or [str(found.refused)]
    assert found.passes(target), found.verdicts(target)
    assert wrong < set(found.verdicts(target))
    found = checked(tmp_path, HEAD + source.format(factor="10"), "wrong.py")
    assert set(found.failed(target)) == wrong, found.verdicts(target)


@pytest.mark.parametrize(("name", "start"), [("W", "random.randn"), ("w1", "random.rand"), ("gamma", "ones")])
def test_a_weight_without_a_gradient_is_missed(tmp_path: Path, name: str, start: str) -> None:
    source = f"""
class Layer:
    def __init__(self, features):
        self.{name} = np.{start}(features)
        self.b = np.zeros(features)

    def forward(self, x):
        self.x = x
        return np.sin(x) * self.{name} + self.b

    def backward(self, dout):
        self.db = dout.sum(axis=0)
        return dout * self.{name} * np.cos(self.x)
"""
    found = checked(tmp_path, HEAD + source)
    assert found.failed("Layer") == {f"d{name}": "missing-gradient"}, found.verdicts("Layer")


def test_two_arrays_that_may_be_the_gradient_leave_it_open(tmp_path: Path) -> None:
    source = """
class Twice:
    def __init__(self, features):
        self.first, self.second = np.random.randn(features, features), np.random.randn(features, features)

    def forward(self, x):
        self.x = np.tanh(x)
        self.h = np.sin(self.x @ self.first)
        return self.h @ self.second

    def backward(self, dout):
        dh = dout @ self.second.T * np.cos(self.x @ self.first)
        self.acc1, self.acc2 = self.x.T @ dh, self.h.T @ dout
        return dh @ self.first.T * (1 - self.x**2)
"""
    found = checked(tmp_path, HEAD + source)
    assert found.verdicts("Twice") == {
        "contract": Verdict.PASS, "dx": Verdict.PASS,
        "dfirst": Verdict.INCONCLUSIVE, "dsecond": Verdict.INCONCLUSIVE,
    }  # fmt: skip
    assert found.result("Twice", "dfirst").reason == "`acc1` or `acc2` may be the gradient of `first`"


# right code that holds arrays which nobody trains
DATA = {
    "mean and deviation of the data": """
class Standardize:
    def __init__(self, features):
        self.mean = np.linspace(-1, 1, features)
        self.std = np.linspace(1, 2, features)

    def forward(self, x):
        self.z = (x - self.mean) / self.std
        return self.z**3

    def backward(self, dout):
        return dout * 3 * self.z**2 / self.std
""",
    "a fixed kernel": """
class Edges:
    def __init__(self):
        self.kernel = np.array([1.0, -2.0, 0.5])

    def forward(self, x):
        self.x = x
        return np.stack([np.convolve(row, self.kernel) for row in x**3])

    def backward(self, dout):
        back = np.stack([np.correlate(row, self.kernel, "valid") for row in dout])
        return back * 3 * self.x**2
""",
    "a fixed kernel beside a trained bias": """
class Edges:
    def __init__(self):
        self.kernel = np.array([1.0, -2.0, 0.5])
        self.b = np.zeros(1)

    def forward(self, x):
        self.x = x
        return np.stack([np.convolve(row, self.kernel) for row in x**3]) + self.b

    def backward(self, dout):
        self.db = dout.sum().reshape(1)
        back = np.stack([np.correlate(row, self.kernel, "valid") for row in dout])
        return back * 3 * self.x**2
""",
    "a decay beside a trained scale": """
class Wave:
    def __init__(self, features):
        self.scale = np.ones(features)
        self.decay = np.linspace(0.5, 0.9, features)

    def forward(self, x):
        self.x = x
        return np.sin(x) * self.decay * self.scale

    def backward(self, dout):
        self.dscale = (dout * np.sin(self.x) * self.decay).sum(axis=0)
        return dout * self.decay * self.scale * np.cos(self.x)
""",
    "a running mean and its momentum": """
class Center:
    def __init__(self, features):
        self.gamma = np.ones(features)
        self.running_mean = np.zeros(features)
        self.momentum = np.full(features, 0.9)

    def forward(self, x):
        self.x = x - x.mean(axis=0)
        self.running_mean = self.momentum * self.running_mean + (1 - self.momentum) * x.mean(axis=0)
        return self.gamma * self.x**3

    def backward(self, dout):
        self.dgamma = (dout * self.x**3).sum(axis=0)
        d = dout * self.gamma * 3 * self.x**2
        return d - d.mean(axis=0)
""",
    "velocities of its own update": """
class Bend:
    def __init__(self, n_in, n_out):
        self.W = np.random.randn(n_in, n_out)
        self.b = np.zeros(n_out)
        self.vW, self.vb = np.zeros_like(self.W), np.zeros_like(self.b)

    def forward(self, x):
        self.x = x
        return np.tanh(x) @ self.W + self.b

    def backward(self, dout):
        self.dW, self.db = np.tanh(self.x).T @ dout, dout.sum(axis=0)
        return dout @ self.W.T * (1 - np.tanh(self.x) ** 2)

    def update(self, lr):
        self.vW = 0.9 * self.vW - lr * self.dW
        self.W += self.vW
""",
    "a positional encoding": """
class Positions:
    def __init__(self, features):
        self.pe = np.sin(np.arange(features, dtype=float))
        self.scale = np.full(features, 2.0)

    def forward(self, x):
        self.out = np.tanh(x * self.scale + self.pe)
        self.x = x
        return self.out

    def backward(self, dout):
        d = dout * (1 - self.out**2)
        self.grad_scale = (d * self.x).sum(axis=0)
        return d * self.scale
""",
    "an eps and a mask": """
class Guarded:
    def __init__(self, features):
        self.eps = np.array([1e-3])
        self.mask = np.arange(features) % 2 * 1.0
        self.gain = np.ones(features)

    def forward(self, x):
        self.x = x
        self.r = np.sqrt(x**2 + self.eps)
        return self.gain * self.r * self.mask

    def backward(self, dout):
        self.dgain = (dout * self.r * self.mask).sum(0)
        return dout * self.gain * self.mask * self.x / self.r
""",
    "a buffer of the shape of a parameter that backward fills": """
class Bend:
    def __init__(self, n_in, n_out):
        self.W = np.random.randn(n_in, n_out)
        self.offset = np.linspace(0, 1, n_out)
        self.total = np.zeros(n_out)

    def forward(self, x):
        self.x = x
        return np.tanh(x) @ self.W + self.offset

    def backward(self, dout):
        self.dW = np.tanh(self.x).T @ dout
        self.total = np.abs(dout).max(axis=0)
        return dout @ self.W.T * (1 - np.tanh(self.x) ** 2)
""",
    "features that are random and stay so": """
class RandomFeatures:
    def __init__(self, n_in, n_out):
        self.W = np.random.randn(n_in, n_out)

    def forward(self, x):
        self.z = x @ self.W
        return np.cos(self.z)

    def backward(self, dout):
        return -(dout * np.sin(self.z)) @ self.W.T
""",
    "a copy of an old weight": """
class Anchored:
    def __init__(self, n_in, n_out):
        self.W = np.random.randn(n_in, n_out)
        self.old_W = self.W.copy()

    def forward(self, x):
        self.x = np.tanh(x)
        return self.x @ (self.W - 0.5 * self.old_W)

    def backward(self, dout):
        self.dW = self.x.T @ dout
        return dout @ (self.W - 0.5 * self.old_W).T * (1 - self.x**2)
""",
    "a frozen weight below a trained one": '''
class Adapter:
    """The weight W is frozen; A and B are trained."""

    def __init__(self, n_in, n_out):
        self.W = np.random.randn(n_in, n_out)
        self.A = np.random.randn(n_in, 2)
        self.B = np.zeros((2, n_out))

    def forward(self, x):
        self.x, self.h = x, x @ self.A
        return x @ self.W + self.h @ self.B

    def backward(self, dout):
        self.dB = self.h.T @ dout
        self.dA = self.x.T @ (dout @ self.B.T)
        return dout @ self.W.T + dout @ self.B.T @ self.A.T
''',
    "moments of its own optimizer": """
class Moments:
    def __init__(self, n_in, n_out):
        self.params = {"W": np.random.randn(n_in, n_out), "b": np.zeros(n_out)}
        self.m = {k: np.zeros_like(v) for k, v in self.params.items()}
        self.v = {k: np.zeros_like(v) for k, v in self.params.items()}
        self.grads = {}

    def forward(self, x):
        self.x = np.tanh(x)
        return self.x @ self.params["W"] + self.params["b"]

    def backward(self, dout):
        self.grads = {"W": self.x.T @ dout, "b": dout.sum(axis=0)}
        for k, g in self.grads.items():
            self.m[k] = 0.9 * self.m[k] + 0.1 * g
            self.v[k] = 0.9 * self.v[k] + 0.1 * g**2
        return dout @ self.params["W"].T * (1 - self.x**2)
""",
    "a cache that is there before the first run": """
class Cached:
    def __init__(self, features):
        self.cached = np.zeros((1, features))
        self.last = np.ones((1, features))
        self.gain = np.ones(features)

    def forward(self, x):
        self.cached = np.sin(x)
        self.last = x
        return self.cached * self.gain

    def backward(self, dout):
        self.dgain = (dout * self.cached).sum(axis=0)
        return dout * self.gain * np.cos(self.last)
""",
    "a random projection that is not trained": """
class Projection:
    def __init__(self, n_in, n_out):
        self.W = np.random.randn(n_in, n_out)
        self.trainable = False

    def forward(self, x):
        self.x = x
        return np.tanh(x) @ self.W

    def backward(self, dout):
        return dout @ self.W.T * (1 - np.tanh(self.x) ** 2)
""",
}


@pytest.mark.parametrize("kind", DATA)
def test_what_nobody_trains_is_no_item(tmp_path: Path, kind: str) -> None:
    found = checked(tmp_path, HEAD + DATA[kind])
    assert found.report.results, found.refused
    told = {(r.property, r.verdict, r.reason) for r in found.report.results if r.verdict is not Verdict.PASS}
    allowed = {"dtotal", "doffset"} if "buffer" in kind else set()
    assert {t for t in told if t[0] not in allowed or t[1] is Verdict.FAIL} == set(), told
