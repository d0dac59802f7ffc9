"""Installed and unused, the plugin costs nothing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

HEAVY = ("numpy", "torch", "hypothesis", "reference_impls", "gradcheck_plugin.suite")


def test_an_unrelated_run_imports_nothing_heavy(tmp_path: Path) -> None:
    (tmp_path / "test_one.py").write_text("def test_one(): pass\n")
    (tmp_path / "conftest.py").write_text(
        "import sys\n\ndef pytest_unconfigure(config):\n"
        f"    heavy = [m for m in {HEAVY!r} if m in sys.modules]\n"
        "    print('plugin', config.pluginmanager.hasplugin('gradcheck'), 'heavy', heavy)\n"
    )
    run = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:hypothesispytest", str(tmp_path)]
    done = subprocess.run(run, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert done.returncode == 0, done.stdout
    assert "plugin True heavy []" in done.stdout


def test_the_package_itself_is_light() -> None:
    code = f"import sys, gradcheck_plugin, gradcheck_plugin.plugin; print([m for m in {HEAVY!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
