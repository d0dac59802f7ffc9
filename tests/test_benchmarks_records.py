"""The commands that record verdicts on kept files, compare two records, and hold a list of read files against them."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest
from benchmarks import record, wild

RIGHT = """
    class Tanh:
        def forward(self, x):
            self.out = np.tanh(x)
            return self.out

        def backward(self, dout):
            return dout * (1 - self.out ** 2)
"""
WRONG = """
    class Square:
        def forward(self, x):
            self.x = x
            return x ** 2

        def backward(self, dout):
            return 3 * dout * self.x
"""
ENDS = "import os; os.kill(os.getpid(), 9)"
HEAD = "number\trepository\tcommit\tpath\tobject\tverdict then\tcode\tread by hand\treason"
LIST = """
    1\tone/two\tabc\tsub/layers.py\tTanh\tFAIL\traised\tFALSE ALARM: right code\t
    1\tone/two\tabc\tsub/layers.py\tSquare\tFAIL\twrong-gradient\twrong code, cause generic\t
    1\tone/two\tabc\tsub/layers.py\tGone\tPASS\t\t\t
    1\tone/two\tabc\tsub/layers.py\tBase\tnot driven\t\texcluded (abstract base)\t
    2\tone/two\tabc\tends.py\t(file)\tno result\t\t\t
"""


@pytest.fixture
def checkouts(tmp_path: Path) -> Path:
    home = tmp_path / "checkouts" / "one+two"
    (home / "sub").mkdir(parents=True)
    (home / "sub" / "layers.py").write_text(textwrap.dedent("    import numpy as np\n" + RIGHT + WRONG))
    (home / "ends.py").write_text(ENDS)
    (tmp_path / "list.tsv").write_text("\n".join([HEAD.replace("number", "n"), *textwrap.dedent(LIST).split("\n")[1:]]))
    return tmp_path


def test_a_list_of_read_files_is_held_against_the_verdicts_of_today(
    checkouts: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert wild.main([str(checkouts / "list.tsv"), str(checkouts / "checkouts"), "--workers", "1"]) == 0
    told = capsys.readouterr().out
    assert "right, FAILed then and now: 0" in told
    assert "wrong, FAILed then and PASSes now: 0" in told
    assert "right, passed then and has no PASS now: 1\n    one+two/sub/layers.py: Gone" in told
    assert "ends.py: (file) [no result ; ] now crash died: its process ended with -9" in told
    assert "right objects that FAILed then: 1, of them FAIL now 0, PASS 1" in told
    assert "expected objects: 4, with a verdict 2 (50.0%)" in told


def test_records_of_the_same_files_differ_where_the_code_does(
    checkouts: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    records = [str(checkouts / name) for name in ("old.jsonl", "new.jsonl")]
    asked = ["--wild", str(checkouts / "list.tsv"), str(checkouts / "checkouts"), "--workers", "1"]
    assert record.main([records[0], *asked]) == 1  # one of the files ends its process
    layers = checkouts / "checkouts" / "one+two" / "sub" / "layers.py"
    layers.write_text(layers.read_text().replace("3 * dout", "2 * dout").replace("class Tanh", "class Tangent"))
    record.main([records[1], *asked])
    old, new = (record.read(Path(r)) for r in records)
    assert record.differences(old, old) == {}
    found = record.differences(old, new)
    assert set(found) == {
        "1 object: FAIL -> PASS",
        "1 object: PASS -> nothing said",
        "1 object: nothing said -> PASS",
    }
    assert found["1 object: FAIL -> PASS"][0].startswith("one+two/sub/layers.py: Square [dx missing-factor")
    capsys.readouterr()
    assert record.main(["--compare", *records]) == 0
    assert capsys.readouterr().out.endswith("3 differences\n")
