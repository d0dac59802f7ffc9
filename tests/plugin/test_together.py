"""With the options and plugins that people use beside it."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET

import pytest

from .conftest import LAYERS, Run


def test_k_selects(layers: pytest.Pytester, run: Run) -> None:
    run("layers.py", "-k", "Tanh").assert_outcomes(passed=3, deselected=5)


def test_x_stops(layers: pytest.Pytester, run: Run) -> None:
    run("layers.py", "-x").assert_outcomes(passed=4, failed=1)


def test_lf_runs_the_failure_only(layers: pytest.Pytester, run: Run) -> None:
    run("layers.py")
    run("layers.py", "--lf").assert_outcomes(failed=1)


def test_a_node_id(layers: pytest.Pytester, run: Run) -> None:
    run("layers.py::Affine::db").assert_outcomes(failed=1)


def test_no_cache(layers: pytest.Pytester, run: Run) -> None:
    run("layers.py", "-p", "no:cacheprovider").assert_outcomes(passed=7, failed=1)


def test_xdist_gives_the_same(layers: pytest.Pytester) -> None:
    odd = "class Odd:\n    def __init__(self, what): pass\n    def forward(self, x): return x\n"
    layers.makepyfile(odd=odd + "    def backward(self, dout): return dout\n", empty="")

    def run(*args: str) -> tuple[list[tuple[str, str, str, str, int]], pytest.RunResult]:
        files = ("layers.py", "odd.py", "empty.py")
        done = layers.runpytest_subprocess(
            "--gradcheck", *files, "--gradcheck-json=r.json", "--gradcheck-cases=8", *args
        )
        rows = json.loads((layers.path / "r.json").read_text())["results"]
        return sorted((r["target"], r["property"], r["verdict"], str(r["finding"]), r["cases"]) for r in rows), done

    alone, _ = run()
    assert len(alone) == 8
    spread, result = run("-n2")
    assert spread == alone
    assert result.ret == 1
    lines = result.stdout
    lines.fnmatch_lines(["error[[]missing-batch-sum[]]*", "*= gradcheck =*"])
    lines.fnmatch_lines(["*Odd *not driven: Odd cannot be constructed*"])
    lines.fnmatch_lines(["error[[]empty-file[]]: empty.py*"])
    assert lines.str().count("not driven: Odd") == 1
    assert "7 passed, 1 failed" in lines.str()


def test_junit_carries_sentence_and_result(layers: pytest.Pytester, run: Run) -> None:
    run("layers.py", "--junitxml=r.xml")
    tree = ET.parse(layers.path / "r.xml")
    failure = tree.find(".//failure")
    assert failure is not None
    assert failure.get("message") == "`db` is not summed over the batch"
    assert "smallest failing case" in (failure.text or "")
    cases = tree.findall(".//testcase")
    assert {c.get("name") for c in cases} >= {"contract", "dx", "db"}
    for case in cases:
        found = case.find(".//property[@name='gradcheck']")
        assert found is not None
        assert json.loads(found.get("value") or "")["property"] == case.get("name")


def test_junit_has_the_place_where_its_family_has_one(layers: pytest.Pytester, run: Run) -> None:
    run("layers.py", "--junitxml=r.xml", "-o", "junit_family=xunit1", "-k", "Tanh")
    cases = ET.parse(layers.path / "r.xml").findall(".//testcase")
    line = LAYERS.strip().splitlines().index("class Tanh:")  # pytest counts from 0 there
    assert {(c.get("file"), c.get("line")) for c in cases} == {("layers.py", str(line))}


RAISES = """

class Sigmoid:
    def forward(self, x):
        return 1 / (1 + np.exp(-x))

    def backward(self, dout):
        raise ValueError("dout의 모양이\\n다르다")


class Softmax:
    def forward(self, x):
        e = np.exp(x - x.max(axis=1, keepdims=True))
        return e / e.sum(axis=1, keepdims=True)

    def backward(self, dout):
        return dout * 2
"""


@pytest.mark.parametrize("workers", [[], ["-n2"]], ids=["alone", "xdist"])
def test_one_sentence_everywhere(layers: pytest.Pytester, workers: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    (layers.path / "layers.py").write_text(LAYERS + RAISES, encoding="utf-8")
    monkeypatch.setenv("COLUMNS", "250")
    options = ["--gradcheck-cases=8", "--gradcheck-json=r.json", "--junitxml=r.xml", *workers]
    result = layers.runpytest_subprocess("--gradcheck", "layers.py", *options)
    rows = json.loads((layers.path / "r.json").read_text(encoding="utf-8"))["results"]
    wanted = {f"{r['target']}::{r['property']}": r["message"] for r in rows if r["verdict"] == "FAIL"}
    summary = [line.split(" ", 1)[1].split(" - ", 1) for line in result.outlines if line.startswith("FAILED ")]
    junit = ET.parse(layers.path / "r.xml").iter("testcase")
    failures = {c.get("name"): f.get("message") for c in junit if (f := c.find("failure")) is not None}
    assert len(wanted) == 3
    assert not any("\n" in message for message in wanted.values())
    assert {name.removeprefix("layers.py::"): message for name, message in summary} == wanted
    assert sorted(failures.values()) == sorted(wanted.values())
    assert wanted["Affine::db"] == "`db` is not summed over the batch"


def test_pdb_opens_in_the_users_frame(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        layers="""
        class Relu:
            def forward(self, x):
                return x * (x > 0)
            def backward(self, dout):
                marker_in_user_frame = 1
                raise ValueError("mine")
        """
    )
    # the traceback that --pdb walks is looked at, which needs no terminal
    items, _ = pytester.inline_genitems("--gradcheck", "layers.py")
    with pytest.raises(Exception) as caught:
        items[0].runtest()
    frames = caught.traceback
    assert "marker_in_user_frame" in frames[-1].frame.f_locals


def test_json(layers: pytest.Pytester, run: Run) -> None:
    run("layers.py", "--gradcheck-json=out.json")
    content = json.loads((layers.path / "out.json").read_text(encoding="utf-8"))
    assert content["schema"] == 1
    row = next(r for r in content["results"] if r["property"] == "db")
    wanted = {"target", "file", "line", "layer", "convention", "variant", "property", "verdict", "code", "message"}
    assert wanted | {"resolution", "cases", "evaluations", "seconds"} <= set(row)
    assert (row["verdict"], row["code"]) == ("FAIL", "missing-batch-sum")


def test_filterwarnings_error(layers: pytest.Pytester, run: Run) -> None:
    run("layers.py", "-W", "error").assert_outcomes(passed=7, failed=1)


def test_nothing_is_left_behind(layers: pytest.Pytester, run: Run) -> None:
    run("layers.py", "-p", "no:cacheprovider")
    assert {p.name for p in layers.path.iterdir()} - {"__pycache__"} == {"layers.py"}
