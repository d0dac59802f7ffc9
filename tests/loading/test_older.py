"""Files for Python 2 or an older NumPy: checked as their author ran them, where something shows what they are."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from gradcheck_plugin.loading import older
from gradcheck_plugin.loading.load import load
from gradcheck_plugin.model import Settings, Verdict
from gradcheck_plugin.suite import FileSuite, open_file

python_2 = pytest.mark.skipif(
    importlib.util.find_spec("lib2to3") is None, reason="this Python reads no Python 2: 2to3 came with it up to 3.12"
)

POOL = """
import numpy as np


def mean_pool_forward(x, pool_param):
    size = pool_param['pool_height']
    N, C, H, W = x.shape
    out = np.zeros((N, C, H / size, W / size))
    for i in range(H / size):
        for j in range(W / size):
            out[:, :, i, j] = x[:, :, i * size:(i + 1) * size, j * size:(j + 1) * size].mean(axis=(2, 3))
    return out, (x, pool_param)


def mean_pool_backward(dout, cache):
    x, pool_param = cache
    size = pool_param['pool_height']
    dx = np.zeros_like(x)
    for i in range(x.shape[2] / size):
        for j in range(x.shape[3] / size):
            dx[:, :, i * size:(i + 1) * size, j * size:(j + 1) * size] = dout[:, :, i, j][:, :, None, None] / SHARE
    return dx
"""
PYTHON_2 = "import numpy as np\n\n\ndef show(x):\n    print 'shape', x.shape\n"

HALF = """
def half_forward(x):
    return x / 2, x


def half_backward(dout, cache):
    for name, value in {'x': cache}.iteritems():
        return dout SLOPE
"""

ONE_ENTRY = """
import numpy as np


def pick_forward(x):
    where = np.array([x.shape[1] - 1])
    return x[:, int(where)], (x, where)


def pick_backward(dout, cache):
    x, where = cache
    dx = np.zeros_like(x)
    dx[:, int(where)] = dout * FACTOR
    return dx
"""


def opened(folder: Path, **files: str) -> FileSuite:
    for name, text in files.items():
        (folder / f"{name}.py").write_text(text, encoding="utf-8")
    return open_file(folder / f"{next(iter(files))}.py", Settings(cases=8))


def verdicts(suite: FileSuite) -> dict[str, Verdict]:
    assert suite.problem is None
    assert suite.not_driven == []
    return {r.property: r.verdict for t in suite.targets for r in t.check_all()}


@python_2
def test_a_file_beside_python_2_is_read_as_that(tmp_path: Path) -> None:
    suite = opened(tmp_path, layers=POOL.replace("SHARE", "(size * size)"), show=PYTHON_2)
    assert verdicts(suite)["dx"] is Verdict.PASS
    assert any("read as Python 2" in note for note in suite.notes)


@python_2
def test_and_its_mistakes_are_found(tmp_path: Path) -> None:
    suite = opened(tmp_path, layers=POOL.replace("SHARE", "size"), show=PYTHON_2)
    assert verdicts(suite)["dx"] is Verdict.FAIL


def test_a_file_of_python_3_is_not_rescued(tmp_path: Path) -> None:
    """A shape that is a float is a fault of its own where nothing speaks of Python 2."""
    suite = opened(tmp_path, layers=POOL.replace("SHARE", "(size * size)"), show="print('shape')")
    assert not suite.targets
    assert "cannot be interpreted as an integer" in suite.not_driven[0].reason


def test_prose_is_no_python_2(tmp_path: Path) -> None:
    prose = '"""What it does:\n\nprint the shape of x\n"""\n'
    suite = opened(tmp_path, layers=POOL.replace("SHARE", "(size * size)"), show=prose)
    assert suite.targets == []


@python_2
@pytest.mark.parametrize(("slope", "verdict"), [("/ 2", Verdict.PASS), ("* (1 / 2)", Verdict.FAIL)])
def test_a_half_is_nothing_in_python_2(tmp_path: Path, slope: str, verdict: Verdict) -> None:
    suite = opened(tmp_path, layers=HALF.replace("SLOPE", slope))
    assert verdicts(suite)["dx"] is verdict


@python_2
def test_a_text_of_python_2_divides_as_such(tmp_path: Path) -> None:
    (tmp_path / "old.py").write_text("def halves(n):\n    print n\n    return n / 2\n", encoding="utf-8")
    (tmp_path / "new.py").write_text(
        "from __future__ import division\ndef halves(n):\n    print n\n    return n / 2\n", encoding="utf-8"
    )
    assert load(tmp_path / "old.py").namespace["halves"](3) == 1
    assert load(tmp_path / "new.py").namespace["halves"](3) == 1.5


@pytest.mark.parametrize(("factor", "verdict"), [("1", Verdict.PASS), ("2", Verdict.FAIL)])
def test_an_array_with_one_entry_may_be_an_int(tmp_path: Path, factor: str, verdict: Verdict) -> None:
    suite = opened(tmp_path, layers=ONE_ENTRY.replace("FACTOR", factor))
    assert verdicts(suite)["dx"] is verdict


def test_but_not_one_with_two(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="2 entries"):
        older.to_int(np.array([1, 2]))


def test_division_of_python_2() -> None:
    assert older.divide(7, 2) == 3
    assert older.divide(np.int64(-7), 2) == -4
    assert older.divide(7.0, 2) == 3.5
    assert older.divide(np.array([3, 5]), 2).tolist() == [1, 2]
    assert older.divide(np.array([3.0]), 2).tolist() == [1.5]


def test_division_in_place_keeps_the_array() -> None:
    x = np.array([3.0, 5.0])
    assert older.divide_in_place(x, 2) is x
    assert x.tolist() == [1.5, 2.5]
    assert older.divide_in_place(5, 2) == 2


def test_a_star_import_does_not_take_the_old_names_away(tmp_path: Path) -> None:
    (tmp_path / "helper.py").write_text("import numpy as np\n", encoding="utf-8")
    text = "import numpy as np\nfrom helper import *\n\n\ndef whole(x):\n    return np.int(x)\n"
    (tmp_path / "layers.py").write_text(text, encoding="utf-8")
    loaded = load(tmp_path / "layers.py")
    assert loaded.namespace["whole"](2.5) == 2
    assert any("numpy.int" in note for note in loaded.notes)
