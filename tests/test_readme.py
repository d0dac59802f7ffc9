"""Every command of the READMEs runs, and shows what the README shows."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

import gradcheck_plugin
from gradcheck_plugin.cli import main
from reference_impls import names

ROOT = Path(__file__).parent.parent
READMES = [ROOT / "README.md", Path(gradcheck_plugin.__file__).parent / "README.ko.md"]
ENGLISH = READMES[0].read_text(encoding="utf-8")


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", text, re.S)


def commands(path: Path) -> list[tuple[str, list[str]]]:
    """(command, lines that it must show in this order)"""
    found: list[tuple[str, list[str]]] = []
    for block in blocks(path.read_text(encoding="utf-8"), "console"):
        for line in block.splitlines():
            if line.startswith("$ "):
                found += [(part, []) for part in line[2:].split(" && ")]
            elif found:
                found[-1][1].append(line)
    return found


ALL = [(path.name, command, shown) for path in READMES for command, shown in commands(path)]
SELF = ("pip install", "pytest -n 2")  # what installed and runs these very tests


@pytest.mark.parametrize(("readme", "command", "shown"), [c for c in ALL if not c[1].startswith(SELF)])
def test_command(readme: str, command: str, shown: list[str], tmp_path: Path) -> None:
    layer = next(b for b in blocks(ENGLISH, "python") if b.startswith("class Affine"))
    (tmp_path / "layers.py").write_text(layer)
    words = shlex.split(command)
    start = {"pytest": ["-m", "pytest", "-p", "no:cacheprovider"], "gradcheck": ["-m", "gradcheck_plugin"]}[words[0]]
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTEST_")}
    done = subprocess.run(
        [sys.executable, *start, *words[1:]],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        env=environment | {"COLUMNS": "80"},
        check=False,
    )
    output = iter(done.stdout.splitlines())
    assert done.returncode == 1, done.stderr
    for line in shown:
        assert any(line == real.rstrip() for real in output), f"{line!r} is not shown, or not in this order"


def test_the_commands_are_there() -> None:
    for path in READMES:
        wanted = {"pip install -e .", "gradcheck demo", "pytest -n 2", "pytest --gradcheck layers.py"}
        assert wanted <= {c for n, c, _ in ALL if n == path.name}


def test_the_mend_mends(tmp_path: Path) -> None:
    layer = next(b for b in blocks(ENGLISH, "python") if b.startswith("class Affine"))
    mend = re.search(r"The mend: `(.*?)`", ENGLISH)
    assert mend is not None
    (tmp_path / "layers.py").write_text(layer.replace("self.db = dout\n", mend[1] + "\n"))
    assert main(["check", str(tmp_path / "layers.py")]) == 0


def test_the_python_example_runs() -> None:
    namespace: dict[str, object] = {}
    for block in blocks(ENGLISH, "python"):
        exec(block, namespace)
    assert not namespace["report"].ok  # type: ignore[attr-defined]


def test_figures() -> None:
    for path in READMES:
        assert re.search(rf"{len(names())}(개| references)", path.read_text(encoding="utf-8"))


def test_links_lead_somewhere() -> None:
    for path in READMES:
        for target in re.findall(r"\]\(([^)#]+)\)", path.read_text(encoding="utf-8")):
            assert (path.parent / target).exists(), target


@pytest.mark.parametrize("of", [r"^## ", r"^\|", r"^```", r"^\* "], ids=["sections", "tables", "blocks", "limits"])
def test_one_page_is_as_complete_as_the_other(of: str) -> None:
    english, korean = (len(re.findall(of, path.read_text(encoding="utf-8"), re.M)) for path in READMES)
    assert english == korean
