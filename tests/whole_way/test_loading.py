"""Files that need something around them: other modules of the repository, or a package that is not installed."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest
from from_file import Checked, checked

LAYER = """
class Scale(Base):
    def forward(self, x):
        self.x = x
        return slope(2.0) * x

    def backward(self, dout):
        return slope(2.0) * dout
"""
BASE = "class Base:\n    pass\n\n\ndef slope(x):\n    return x\n"


def found(folder: Path, name: str, imports: str, others: dict[str, str]) -> Checked:
    """A layer that needs a base class and a function, in a repository that has them somewhere."""
    (folder / ".git").mkdir()
    for other, text in {name: "", **others}.items():
        (folder / other).parent.mkdir(parents=True, exist_ok=True)
        (folder / other).write_text(text, encoding="utf-8")
    return checked(folder, imports + "\n" + LAYER, name)


PLACES: dict[str, tuple[str, str, dict[str, str]]] = {
    "a folder that holds a module of its own name": (
        "transformer/layers.py",
        "from transformer.base import Base, slope",
        {"transformer/base.py": BASE, "transformer/transformer.py": "from transformer.layers import Scale"},
    ),
    "a package that holds a package of its own name": (
        "net/parts/layers.py",
        "from net import Base, slope",
        {"net/__init__.py": "from net.net.base import Base, slope", "net/net/__init__.py": "", "net/net/base.py": BASE},
    ),
    "namespace packages, and a first attempt that fails": (
        "src/layers/deep/scale.py",
        "from ..base import Base\nfrom tools.more.slopes import slope\nraise ValueError",
        {"src/layers/base.py": BASE, "src/layers/flat/more.py": "",
         "src/layers/__init__.py": "from .flat.more import *\nfrom .deep.scale import *",
         "src/tools/more/slopes.py": "from layers.base import slope"},
    ),
    "a module of another case": ("layers.py", "from base import Base, slope", {"Base.py": BASE}),
    "the folder of the file, under the name that it had": (
        "exercise/scale.py",
        "from Layers.Base import Base\nfrom Layers.Slopes import slope",
        {"exercise/Base.py": BASE, "exercise/Slopes.py": BASE},
    ),
}  # fmt: skip
if importlib.util.find_spec("lib2to3") is not None:  # which came with Python up to 3.12
    PLACES["a module of a package that Python 2 finds by its last name"] = (
        "net/layers.py",
        "from .base import Base, slope\nfor i in range(1): print i",
        {"net/__init__.py": "from layers import *\nfrom base import *", "net/base.py": BASE},
    )


@pytest.mark.parametrize("case", PLACES)
def test_modules_are_found(tmp_path: Path, case: str) -> None:
    name, imports, others = PLACES[case]
    report = found(tmp_path, name, imports, others)
    assert report.passes("Scale"), report.report.problems


def test_a_module_that_holds_nothing_is_still_the_one_of_its_name(tmp_path: Path) -> None:
    """Only where the file asks for what is inside a package is the module beside it passed over."""
    others = {"net/base.py": BASE, "base/__init__.py": "raise ImportError", "base/more.py": ""}
    assert found(tmp_path, "net/layers.py", "from base import Base, slope", others).passes("Scale")


def test_what_a_file_can_do_without_is_not_found_under_another_case(tmp_path: Path) -> None:
    imports = "try:\n    from base import Base, slope\nexcept ImportError:\n    from spare import Base, slope"
    others = {"Base.py": "raise RuntimeError('another module')", "spare.py": BASE}
    assert found(tmp_path, "layers.py", imports, others).passes("Scale")


def test_numpy_stands_in_for_a_package_that_computes_the_same(tmp_path: Path) -> None:
    report = checked(
        tmp_path,
        """
        import cupy as np
        from cupy.linalg import norm


        class Tanh:
            def forward(self, x):
                assert isinstance(x, np.ndarray) and norm(x) >= 0 and np.get_array_module(x).ndim(x)
                self.out = np.tanh(np.asarray(x, dtype=np.float64))
                return np.asnumpy(self.out)

            def backward(self, dout):
                return dout * (1 - self.out ** 2)


        class Sigmoid:
            def forward(self, x):
                self.out = 1 / (1 + np.exp(-x))
                return self.out

            def backward(self, dout):
                return dout * self.out


        class Kernel:
            def forward(self, x):
                return np.ElementwiseKernel("T x", "T y", "y = x", "copy")(x)

            def backward(self, dout):
                return dout
        """,
    )
    assert report.passes("Tanh"), report.refused
    assert set(report.failed("Sigmoid")) == {"dx"}
    assert "cannot" in report.refused["Kernel"] or "not" in report.refused["Kernel"]


def test_a_file_that_has_its_own_way_without_the_package_is_told_the_truth(tmp_path: Path) -> None:
    report = checked(
        tmp_path,
        """
        try:
            import cupy as np
            fast = True
        except ImportError:
            import numpy as np
            fast = False


        class Twice:
            def forward(self, x):
                return (3 if fast else 2) * np.asarray(x)

            def backward(self, dout):
                return 2 * dout
        """,
    )
    assert report.passes("Twice")
