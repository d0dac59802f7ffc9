"""The command: its three verbs, exit codes and bad input."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from gradcheck_plugin.cli import main
from reference_impls import load, names


def test_demo_shows_three_wrong_layers_and_several_right_ones(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["demo"]) == 1
    out = capsys.readouterr().out
    assert out.count("error[") >= 3
    assert "error[missing-batch-sum]" in out
    assert "  Relu            contract:ok forward:ok dx:ok" in out
    assert "not driven" not in out


def test_check_files_and_folders(submissions: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(submissions / "right/activations_misc.py"), "--cases", "5"]) == 0
    (tmp_path / "week2").mkdir()
    for file, place in (("cs231n_net.py", "week2"), ("cs231n_layers.py", "week2"), ("activations_misc.py", ".")):
        shutil.copy(submissions / "right" / file, tmp_path / place)
    assert main(["check", str(tmp_path), "--cases", "3"]) == 0
    out = capsys.readouterr().out
    assert "TwoLayerNet" in out


def test_reports(submissions: Path, tmp_path: Path) -> None:
    html, text = tmp_path / "r.html", tmp_path / "r.txt"
    file = str(submissions / "wrong/optimizers.py")
    assert main(["check", file, "--report", f"html={html}", "--report", f"text={text}"]) == 1
    page = html.read_text(encoding="utf-8")
    assert page.startswith("<!doctype html>")
    assert "max-width" in page
    assert "<script" not in page
    assert text.read_text(encoding="utf-8").startswith("error[")


@pytest.mark.parametrize("pair", ["html", "pdf=x.pdf", "html=no/such/folder/r.html", "=x"])
def test_a_report_that_cannot_be_written(pair: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "a.py", "--report", pair]) == 2
    assert "error: --report" in capsys.readouterr().err


def test_json(submissions: Path, tmp_path: Path) -> None:
    target = tmp_path / "r.json"
    assert main(["check", str(submissions / "wrong/optimizers.py"), "--json", str(target)]) == 1
    assert json.loads(target.read_text(encoding="utf-8"))["schema"] == 1


BAD = {
    "no such file": (["check", "nowhere.py"], "error[no-such-file]"),
    "empty folder": (["check", "."], "error[nothing-to-check]"),
    "not a pair": (["check", ".", "--as", "Affine2"], "NAME=LAYER"),
    "unknown layer": (["check", ".", "--as", "A=afine"], "did you mean affine"),
    "no folder for json": (["check", ".", "--json", "no/such/r.json"], "there is no folder"),
}


@pytest.mark.parametrize("kind", BAD)
def test_bad_input_is_one_line_and_exit_code_2(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    arguments, text = BAD[kind]
    assert main(arguments) == 2
    shown = "".join(capsys.readouterr())
    assert text in " ".join(shown.split())
    assert "Traceback" not in shown


@pytest.mark.parametrize("arguments", [[], ["chek"], ["check"], ["check", "x.py", "--cases", "0"]])
def test_usage(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    assert "usage: gradcheck" in capsys.readouterr().err


def test_a_terminal_that_knows_only_ascii(submissions: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "gradcheck_plugin", "check", str(submissions / "wrong/dlfs_layers.py"), "--cases", "3"],
        env=os.environ | {"PYTHONIOENCODING": "ascii", "LC_ALL": "C"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1, done.stderr
    assert "missing-batch-sum" in done.stdout


def test_ctrl_c_ends_it_at_once(tmp_path: Path) -> None:
    forward = "open('started', 'w').close()\n        while True: pass"
    source = f"class Relu:\n    def forward(self, x):\n        {forward}\n    def backward(self, dout): return dout\n"
    (tmp_path / "slow.py").write_text(source)
    running = subprocess.Popen(
        [sys.executable, "-m", "gradcheck_plugin", "check", str(tmp_path / "slow.py"), "--seconds", "60"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
    )
    while not (tmp_path / "started").exists():
        assert running.poll() is None, "it ended by itself"
        time.sleep(0.1)
    running.send_signal(signal.SIGINT)
    _, errors = running.communicate(timeout=10)
    assert running.returncode == 130
    assert errors.strip().splitlines()[-1] == "interrupted"


def test_list_names_every_reference_under_its_family(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list"]) == 0
    out = capsys.readouterr().out
    assert {line.split()[0] for line in out.splitlines() if line.startswith("  ") and line[2] != " "} == set(names())
    assert "variants: tensor input; single vector" in out


@pytest.mark.parametrize("name", names())
def test_explain_shows_formula_gradient_and_mistakes(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    spec = load(name)
    assert main(["explain", name, "--lang", "en"]) == 0
    out = capsys.readouterr().out
    assert out.startswith(spec.name)
    assert " = " in out
    assert all(f"    {mistake.code}: " in out for mistake in spec.mistakes)
    assert "{grad}" not in out


def test_explain_knows_aliases_and_korean(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "FullyConnected", "--lang", "ko"]) == 0
    out = capsys.readouterr().out
    assert "흔한 실수:" in out
    assert "기울기를 배치에 대해 더하지 않았다" in out


def test_explain_offers_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "afine"]) == 2
    assert "did you mean affine" in capsys.readouterr().err
