"""Loading files that nobody prepared: what is found, what is replaced, what is refused, and what stays behind."""

import builtins
import inspect
import os
import pickle
import random
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import numpy.random
import packaging.version  # noqa: F401  (so that loading it leaves nothing new)
import pytest

from gradcheck_plugin.loading import load as loading
from gradcheck_plugin.loading.load import Loaded, LoadError
from gradcheck_plugin.loading.surroundings import PRIVATE
from gradcheck_plugin.running.limits import Stopwatch, TimeLimit, _watched, time_limit

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes files of a repository, given by their paths, and returns the first."""

    def write(files: dict[str, str], root: str = "repo") -> Path:
        (tmp_path / root / ".git").mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            file = tmp_path / root / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
        return tmp_path / root / next(iter(files))

    return write


def _is_not_standard(name: str) -> bool:
    return name.partition(".")[0] not in sys.stdlib_module_names


def _state() -> dict[str, Any]:
    return {
        "modules": {name for name in sys.modules if not name.startswith(PRIVATE) and _is_not_standard(name)},
        "path": list(sys.path),
        "meta_path": list(sys.meta_path),
        "argv": list(sys.argv),
        "streams": (sys.stdin, sys.stdout, sys.stderr),
        "cwd": os.getcwd(),
        "environ": {name: value for name, value in os.environ.items() if name != "PYTEST_CURRENT_TEST"},
        "input": builtins.input,
        "random": random.getstate(),
        "numpy": str(np.random.get_state()),
        "errors": np.geterr(),
        "timer": signal.getitimer(signal.ITIMER_REAL),
        "handler": signal.getsignal(signal.SIGALRM),
    }


def load(path: Path, **options: float) -> Loaded:
    """Loads, and looks at what stays behind also when that fails."""
    before = _state()
    try:
        return loading.load(path, **options)
    finally:
        assert _state() == before


def refused(path: Path, **options: float) -> LoadError:
    with pytest.raises(LoadError) as caught:
        load(path, **options)
    assert "\n" not in str(caught.value)
    return caught.value


LOADS = {
    "beside": {"net.py": "from layers import f\nx = f()", "layers.py": "def f(): return 1"},
    "in an ancestor": {"ch05/deep/net.py": "from common.layers import f\nx = f()", "common/layers.py": "f = lambda: 1"},
    "regular package": {
        "ch05/net.py": "from common.layers import *\nx = f()",
        "common/__init__.py": "",
        "common/layers.py": "from common.base import f",
        "common/base.py": "def f(): return 1",
    },
    "path appended by hand": {
        "ch05/net.py": "import sys, os\nsys.path.append(os.pardir)\nfrom top import x",
        "top.py": "x = 1",
    },
    "a folder appended by hand": {
        "net.py": "import sys\nsys.path.append('src')\nfrom thing import x",
        "src/thing.py": "x = 1",
    },
    "elsewhere in the repository": {"a/net.py": "from layers import x", "b/c/layers.py": "x = 1"},
    "relative": {
        "pkg/nn/net.py": "from .base import x\nfrom ..deep import y",
        "pkg/nn/base.py": "from ..deep import x",
        "pkg/deep.py": "x = y = 1",
    },
    "relative in a regular package": {
        "pkg/net.py": "from .base import x",
        "pkg/__init__.py": "from .net import x",
        "pkg/base.py": "from pkg.deep import x",
        "pkg/deep.py": "x = 1",
    },
    "relative in a folder named as a standard module": {"code/net.py": "from .base import x", "code/base.py": "x = 1"},
    "future first": {"net.py": "'doc'\nfrom __future__ import annotations\nx = 1\ndef f(a: Missing): ..."},
    "own file before an installed package": {"net.py": "from packaging import x", "packaging.py": "x = 1"},
    "argv": {"net.py": "import sys\nx = len(sys.argv)"},
    "no input": {"net.py": "x = 0\ntry:\n    input('?')\nexcept EOFError:\n    x = 1"},
    "no window": {"net.py": "import os\nx = int(os.environ['MPLBACKEND'] == 'Agg')"},
    "not as a script": {"net.py": "x = 1\nif __name__ == '__main__':\n    x = 2"},
    "streams wrapped": {
        "net.py": "import io, sys\nsys.stdout = io.TextIOWrapper(sys.stdout.detach())\nprint('hello')\nx = 1",
    },
    "warns": {"net.py": "import warnings\nwarnings.warn('old')\nx = 1\nbad = '\\d'"},
    "byte order mark": {"net.py": "\ufeffx = 1"},
    "windows lines": {"net.py": "x = 1\r\ndef f():\r\n    return 2\r\n"},
    "changes the process": {
        "net.py": "import os, random, sys\nimport numpy as np\n"
        "random.seed(0)\nnp.random.seed(0)\nnp.seterr(all='raise')\n"
        "os.environ['A_NEW_ONE'] = '1'\nos.chdir('/')\nsys.path.append('/nowhere')\nx = 1"
    },
}  # fmt: skip


@pytest.mark.parametrize("files", LOADS.values(), ids=LOADS)
def test_loads(write: Write, files: dict[str, str]) -> None:
    assert load(write(files)).namespace["x"] == 1


REFUSED = {
    "no-such-file": (None, None, "does not exist"),
    "empty": ("", None, "empty"),
    "only comments": ("# TODO\n\n  \n", None, "empty"),
    "syntax-error": ("x = 1\ndef f(:\n", 2, "line 2"),
    "class body": ("x = 1\nclass A:\n    y = missing\n", 3, "net.py, line 3: NameError: name 'missing' is not defined"),
    "exit in a class body": ("class A:\n    raise SystemExit(2)\n", 2, "SystemExit"),
    "own module": ("x = 1\nfrom utils2 import f\n", 2, "net.py, line 2: imports `utils2`, which is neither beside"),
    "starred module": ("from abcde import *\n", 1, "imports `abcde`"),
    "name in a module": ("from os import nothing\n", 1, "ImportError"),
}
CODES = {
    "no-such-file": "no-such-file",
    "empty": "empty-file",
    "only comments": "empty-file",
    "syntax-error": "syntax-error",
    "own module": "missing-module",
    "starred module": "missing-module",
}


@pytest.mark.parametrize("case", REFUSED)
def test_refuses(write: Write, case: str) -> None:
    text, line, part = REFUSED[case]
    path = write({"net.py": text}) if text is not None else Path("nowhere/net.py")
    error = refused(path)
    assert (error.code, error.line) == (CODES.get(case, "import-raised"), line)
    assert part in str(error)
    assert error.path.name == "net.py"
    assert pickle.loads(pickle.dumps(error)).message == error.message


def test_refuses_what_is_not_python(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("x = 1")
    (tmp_path / "image.py").write_bytes(b"\x89PNG\0\0")
    for path in (tmp_path, tmp_path / "notes.txt", tmp_path / "image.py"):
        assert refused(path).code == "not-python"


def test_a_syntax_error_in_a_sibling_names_the_sibling(write: Write) -> None:
    error = refused(write({"net.py": "import layers", "layers.py": "x = 1\nif x\n"}))
    assert (error.code, error.path.name, error.line) == ("syntax-error", "layers.py", 2)


REDUCED = {
    "raises": ("\nrate = 0.1\ndata = open('a.csv')\nn = len(data)\ndef f(): return rate", 3, "FileNotFoundError"),
    "exits": ("rate = 0.1\nimport sys\nsys.exit('no data')\ndef f(): return rate", 3, "SystemExit"),
    "asks": ("rate = 0.1\n\nn = int(input())\ndef f(): return rate", 3, "EOFError"),
    "default": ("rate = 0.1\n\np = open('train.csv')\ndef f(p=p): return rate", 3, "FileNotFoundError"),
    "future": ("from __future__ import annotations\nrate = 0.1\n1 / 0\ndef f() -> A: return rate", 3, "Zero"),
    "takes long": ("rate = 0.1\n\nwhile True: pass\ndef f(): return rate", 3, "did not finish within 0.2 s"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "line", "reason"), REDUCED.values(), ids=REDUCED)
def test_definitions_only(write: Write, text: str, line: int, reason: str) -> None:
    loaded = load(write({"net.py": text}), seconds=0.2)
    assert loaded.namespace["f"]() == 0.1
    assert loaded.notes[0].startswith(f"only definitions were executed, because line {line} ")
    assert reason in loaded.notes[0]


def test_definitions_only_of_a_sibling_leaves_the_file_whole(write: Write) -> None:
    files = {"net.py": "from common import f\nx = [f()][0]", "common.py": "print('epoch 1')\n1 / 0\ndef f(): return 1"}
    loaded = load(write(files))
    assert loaded.namespace["x"] == 1
    assert loaded.notes == (
        "common.py: only definitions were executed, because line 2 raised ZeroDivisionError",
        "the last line printed before that was: epoch 1",
    )


def test_an_import_that_never_ends(write: Write) -> None:
    error = refused(write({"net.py": "class A:\n    while True:\n        pass\n"}), seconds=0.2)
    assert error.code == "import-raised"
    assert "did not finish importing within 0.2 s" in str(error)
    assert error.line in (2, 3)


def test_two_trees_with_the_same_names(write: Write) -> None:
    text = "from common.layers import Tanh\nimport layers\nwho = Tanh.who, layers.who"
    for root in ("first", "second", "first"):
        common = {"common/__init__.py": "", "common/layers.py": f"class Tanh: who = {root!r}"}
        loaded = load(write({"net.py": text, "layers.py": f"who = {root!r}", **common}, root))
        assert loaded.namespace["who"] == (root, root)
        assert [module.__name__ for module in loaded.modules[1:]] == ["common", "common.layers", "layers"]


def test_a_foreign_module_of_the_same_name_is_hidden_and_comes_back(write: Write, monkeypatch: Any) -> None:
    foreign = ModuleType("layers")
    monkeypatch.setitem(sys.modules, "layers", foreign)
    assert load(write({"net.py": "from layers import x", "layers.py": "x = 1"})).namespace["x"] == 1
    assert sys.modules["layers"] is foreign


STAND_INS = {
    "plot": "import qplotlib.pyplot as plt\nplt.figure(figsize=(3, 4)).add(1)\nx = 1",
    "from": "from qplotlib.pyplot import figure\nfigure()\nx = 1",
    "with": "import qbar\nwith qbar.open(3) as bar:\n    bar.update(2)\nx = 1",
    "decorator": "import qumba\n@qumba.njit\ndef f(): return 1\nx = f()",
    "decorator with options": "import qumba\n@qumba.njit(parallel=True)\ndef f(): return 1\nx = f()",
    "loop": "from qbar import bar\nx = sum(1 for i in bar(range(1), desc='epoch'))",
    "called module": "import qbar\nx = sum(1 for i in qbar(range(1)))",
    "numbers": "from qast.builtins import xrange\nx = sum(1 for i in xrange(1))",
    "base": "from qorch import nn\nclass Net(nn.Module):\n    def __init__(self): super().__init__()\nNet()\nx = 1",
    "flag": "import qupy\nx = 2 if qupy.cuda.is_available() else 1",
}


@pytest.mark.parametrize("text", STAND_INS.values(), ids=STAND_INS)
def test_a_missing_package_is_replaced(write: Write, text: str) -> None:
    loaded = load(write({"net.py": text}))
    assert loaded.namespace["x"] == 1
    assert len(loaded.notes) == 1
    assert loaded.notes[0].endswith(" is not installed; a stand-in was imported")


def test_a_stand_in_does_not_compute(write: Write) -> None:
    loaded = load(
        write({"net.py": "import numpy as np\nfrom qipy.special import expit\ndef f(x): return np.exp(expit(x))"})
    )
    with pytest.raises(TypeError, match=r"qipy\.special\.expit, which is not installed"):
        loaded.namespace["f"](np.ones(2))


def test_a_file_that_can_do_without_a_package_is_told_the_truth(write: Write) -> None:
    loaded = load(
        write({"net.py": "try:\n    import qupy as np\nexcept ImportError:\n    import numpy as np\nx = np.ones(1)[0]"})
    )
    assert loaded.namespace["x"] == 1
    assert not loaded.notes


def test_only_the_users_imports_are_replaced(write: Write) -> None:
    text = "import importlib.util\nimport qumba\nx = importlib.util.find_spec('qumbs')"
    assert load(write({"net.py": text})).namespace["x"] is None


def test_names_defined_in_the_file(write: Write) -> None:
    layers = "import functools\nclass Affine: pass\ndef keep(f):\n    def inner(): return f()\n    return inner"
    text = (
        "from layers import *\nfrom collections import namedtuple\nimport numpy as np\nclass Relu: pass\nDense = Relu\n"
        "def f(): pass\n@keep\ndef g(): pass\nh = lambda: 1\nnet = Relu()\nrelu = np.maximum\nA = Affine"
    )
    assert set(load(write({"net.py": text, "layers.py": layers})).defined()) == {"Relu", "f", "g", "h"}


@pytest.mark.parametrize(
    "data",
    [
        "# coding: euc-kr\n# 활성화 함수\ndef f():\n    return '합'\n".encode("euc-kr"),
        "# 활성화 함수\ndef f():\n    return '합'\n".encode("cp949"),
        "\ufeff# 활성화 함수\ndef f():\n    return '합'\n".encode(),
        "# 활성화 함수\r\ndef f():\r\n    return '합'\r\n".encode(),
    ],
)
def test_encodings_and_the_source_of_functions(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "net.py").write_bytes(data)
    (tmp_path / "main.py").write_text("from net import f")
    for name in ("net.py", "main.py"):
        f = load(tmp_path / name).namespace["f"]
        assert f() == "합"
        assert inspect.getsource(f) == "def f():\n    return '합'\n"


def test_classes_have_a_source_and_can_be_pickled(write: Write) -> None:
    loaded = load(write({"net.py": "class Relu:\n    pass\n"}))
    relu = loaded.defined()["Relu"]
    assert inspect.getsource(relu) == "class Relu:\n    pass\n"
    assert isinstance(pickle.loads(pickle.dumps(relu())), relu)


def test_an_edited_file_is_read_again(write: Write) -> None:
    first = load(write({"net.py": "import layers\nx = layers.x", "layers.py": "x = 1"}))
    second = load(write({"net.py": "import layers\nx = layers.x", "layers.py": "x = 2"}))
    assert (first.namespace["x"], second.namespace["x"]) == (1, 2)


def test_outside_the_main_thread(write: Write) -> None:
    path = write({"net.py": "x = 1\nwhile True: pass\n"})
    found: list[Loaded] = []
    thread = threading.Thread(target=lambda: found.append(load(path, seconds=0.2)))
    thread.start()
    thread.join()
    assert found[0].namespace["x"] == 1


def endless() -> None:
    while True:
        pass


LIMITS = {"alarm": time_limit, "thread": lambda seconds: _watched(Stopwatch(seconds))}


@pytest.mark.parametrize("limit", LIMITS.values(), ids=LIMITS)
def test_limits_nest(limit: Callable[[float], Any]) -> None:
    def nested() -> None:
        with limit(0.4):
            with pytest.raises(TimeLimit), limit(0.1):
                endless()
            inner.append(watch.passed)
            endless()

    inner: list[float] = []
    watch = Stopwatch()
    with pytest.raises(TimeLimit):
        nested()
    assert inner[0] < 0.35
    assert 0.35 < watch.passed < 0.9


@pytest.mark.parametrize("limit", LIMITS.values(), ids=LIMITS)
def test_the_outer_limit_rings_inside_a_longer_one(limit: Callable[[float], Any]) -> None:
    started = time.monotonic()
    with pytest.raises(TimeLimit), limit(0.1), limit(5):
        endless()
    assert time.monotonic() - started < 1


def test_a_bare_except_does_not_escape_the_limit() -> None:
    def stubborn() -> None:
        try:
            endless()
        except:  # noqa: E722
            swallowed.append(True)
        endless()

    swallowed: list[bool] = []
    with pytest.raises(TimeLimit), time_limit(0.1):
        stubborn()
    assert swallowed


OLD = {
    "attribute": "import numpy as np\nx = np.prod([np.int(1.5), np.float(1)], dtype=np.int)",
    "whole name": "import numpy\nx = numpy.int(numpy.prod([1, 1]))",
    "member": "from numpy import float, prod\nx = prod([float(1)])",
    "identity": "import numpy as np\na = np.eye(1)\nx = np.int(isinstance(a, np.ndarray) and type(a) is np.ndarray)",
    "collections": "import collections\nx = int(isinstance((), collections.Hashable))",
    "from collections": "from collections import Iterable, OrderedDict\nx = int(isinstance(OrderedDict(), Iterable))",
    "builtin": "x = len([i for i in xrange(1)])",
}  # fmt: skip


@pytest.mark.parametrize("text", OLD.values(), ids=OLD)
def test_removed_names_are_given_to_the_users_file_alone(write: Write, text: str) -> None:
    loaded = load(write({"net.py": text}))
    assert loaded.namespace["x"] == 1
    assert all(note.endswith(" is not in the installed version; its old meaning was used") for note in loaded.notes)
    assert loaded.notes
    assert not hasattr(np, "int")
    assert not hasattr(builtins, "xrange")


def test_numpy_itself_is_given_to_a_file_without_removed_names(write: Write) -> None:
    loaded = load(write({"net.py": "import numpy as np\nx = np.ones(1)"}))
    assert loaded.namespace["np"] is np
    assert not loaded.notes


LATE = {
    "loaded before": {"net.py": "import layers\ndef f():\n    from layers import x\n    return x", "layers.py": "x=1"},
    "not loaded before": {"net.py": "def f():\n    import layers\n    return layers.x", "layers.py": "x = 1"},
    "module of a package": {
        "net.py": "def f():\n    import common.layers\n    return common.layers.x",
        "common/__init__.py": "",
        "common/layers.py": "x = 1",
    },
    "relative": {
        "pkg/net.py": "from . import base\ndef f():\n    from .deep import x\n    return x",
        "pkg/base.py": "",
        "pkg/deep.py": "from .base import __name__\nx = 1",
    },
    "in a sibling": {
        "net.py": "from layers import f",
        "layers.py": "def f():\n    from base import x\n    return x",
        "base.py": "x = 1",
    },
    "with removed names": {
        "net.py": "import numpy as np\ndef f():\n    import layers\n    return np.int(layers.x)",
        "layers.py": "x = 1",
    },
}  # fmt: skip


@pytest.mark.parametrize("files", LATE.values(), ids=LATE)
def test_imports_inside_functions(write: Write, files: dict[str, str]) -> None:
    loaded = load(write(files))
    before = _state()
    assert [loaded.namespace["f"](), loaded.namespace["f"]()] == [1, 1]
    assert _state() == before


def test_an_import_inside_a_function_gives_the_same_class(write: Write) -> None:
    text = "from layers import Relu\ndef f():\n    import layers\n    return layers.Relu is Relu"
    assert load(write({"net.py": text, "layers.py": "class Relu: pass"})).namespace["f"]()


def test_classes_of_a_file_with_relative_imports_have_a_source(write: Write) -> None:
    files = {"pkg/net.py": "from .base import Base\nclass Relu(Base):\n    pass\n", "pkg/base.py": "class Base: pass"}
    loaded = load(write(files))
    relu = loaded.defined()["Relu"]
    assert inspect.getsource(relu) == "class Relu(Base):\n    pass\n"
    assert isinstance(pickle.loads(pickle.dumps(relu())), relu)


def test_a_name_that_an_installed_package_has_no_more(write: Write) -> None:
    loaded = load(write({"net.py": "from packaging.version import Version, imread\nx = Version('1').major"}))
    assert loaded.namespace["x"] == 1
    assert loaded.notes == ("packaging.version has no `imread` here; a stand-in was imported",)


def test_constants_that_depend_on_computed_ones_are_left_out(write: Write) -> None:
    loaded = load(write({"net.py": "n = len(open('a.csv').read())\nhalf = n // 2\nrate = 1\ndef f(): return rate"}))
    assert loaded.namespace["f"]() == 1
    assert "half" not in loaded.namespace


PYTHON_2 = {
    "print": "x = 1\nprint 'hello'\n",
    "except": "try:\n    pass\nexcept ValueError, e:\n    pass\nx = 1\n",
}


@pytest.mark.parametrize("text", PYTHON_2.values(), ids=PYTHON_2)
@pytest.mark.skipif(sys.version_info >= (3, 13), reason="this Python has no 2to3")
def test_python_2_is_converted(write: Write, text: str) -> None:
    loaded = loading.load(write({"net.py": text}))
    assert loaded.namespace["x"] == 1
    assert loaded.notes == ("net.py was read as Python 2",)


@pytest.mark.parametrize("text", PYTHON_2.values(), ids=PYTHON_2)
def test_python_2_is_named_where_nothing_converts_it(write: Write, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gradcheck_plugin.loading.notebook._converter", lambda: None)
    error = refused(write({"net.py": text}))
    assert (error.code, "Python 2" in str(error)) == ("syntax-error", True)


def test_reshape_takes_the_argument_that_it_had(write: Write) -> None:
    """`newshape` was removed from NumPy; the installed function of everybody else stays as it is."""
    loaded = loading.load(
        write({"layers.py": "import numpy as np\n\ndef flat(x):\n    return np.reshape(x, newshape=(-1,))\n"})
    )
    assert loaded.namespace["flat"](np.ones((2, 3))).shape == (6,)
    assert loaded.namespace["np"].reshape is not np.reshape or "newshape" in inspect.signature(np.reshape).parameters


def test_modules_that_need_each_other_load_in_the_order_that_works(write: Write) -> None:
    path = write(
        {
            "engine/function.py": "from engine.tensor import Tensor\n\nclass Function:\n    made = Tensor\n",
            "engine/tensor.py": "class Tensor:\n    pass\n\nfrom engine import ops\n",
            "engine/ops.py": "from engine.function import Function\n\nclass Add(Function):\n    pass\n",
            "engine/__init__.py": "",
        }
    )
    loaded = loading.load(path)
    assert loaded.namespace["Function"].made.__name__ == "Tensor"


def test_a_compiled_module_that_was_never_built_is_the_one_of_numpy_beside_it(write: Write) -> None:
    path = write(
        {
            "nd/array.py": "from . import backend_numpy, backend_cpu\n\ndef one():\n    return backend_cpu.ONE\n",
            "nd/backend_numpy.py": "ONE = 1\n",
            "nd/__init__.py": "from .array import *\n",
        }
    )
    loaded = loading.load(path)
    assert loaded.namespace["one"]() == 1
    assert "`backend_cpu` is not built here; backend_numpy was used in its place" in loaded.notes
