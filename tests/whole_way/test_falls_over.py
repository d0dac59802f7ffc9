"""Files that hang, crash, print or are not what they seem: each ends in time, in one line, and costs no other file."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from gradcheck_plugin import check, child
from gradcheck_plugin.cli import main
from gradcheck_plugin.loading import surroundings
from gradcheck_plugin.loading.load import LONGEST
from gradcheck_plugin.oracles import autograd

pytestmark = pytest.mark.skipif(not child.available(), reason="this platform has no fork to use")

RIGHT = """
import ctypes, itertools, os, signal, threading, time
import numpy as np

class Tanh:
    def forward(self, x):
        self.y = np.tanh(x)
        return self.y

    def backward(self, dout):
        return dout * (1 - self.y**2)

class Odd:
    def forward(self, x):
        {fault}
        return x * x * x

    def backward(self, dout):
        return dout

class Sigmoid:
    def forward(self, x):
        self.y = 1 / (1 + np.exp(-x))
        return self.y

    def backward(self, dout):
        return dout * (1 - self.y) * self.y
"""
SWALLOWS = """while True:
            try:
                sum(range(100))
            except:
                pass"""
NESTED = """while True:
            try:
                while True:
                    try:
                        sum(range(100))
                    except:
                        pass
            except:
                pass"""


@pytest.fixture(scope="module", autouse=True)
def _torch_is_imported() -> None:
    """Once, and not in every child."""
    autograd.ready()


Say = Callable[..., tuple[int, str]]


@pytest.fixture
def gradcheck(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Say:
    """The command, in the folder of the test: its exit code and what it says, on one line."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(child, "GRACE", 1.0)
    monkeypatch.setattr(child, "LONGEST", 20.0)

    def run(*arguments: str) -> tuple[int, str]:
        code = main(["check", *arguments, "--cases", "3"])
        return code, " ".join("".join(capsys.readouterr()).split())

    return run


FAULTS = {  # what a forward does: the exit code, and what is said
    "catches every alarm": (SWALLOWS, 1, "error[time-limit]: `Odd.forward` did not come back within 1 s"),
    "catches them twice": (NESTED, 1, "error[time-limit]: `Odd.forward` did not come back within 1 s"),
    "is in the middle of C": (
        "sum(itertools.repeat(1))",
        1,
        "error[time-limit]: `Odd.forward` did not come back within",
    ),
    "turns the alarm off": ("signal.setitimer(signal.ITIMER_REAL, 0); time.sleep(1e6)", 1, "error[time-limit]: `"),
    "crashes": ("ctypes.string_at(0)", 3, "error[crashed]: layers.py, line 15 in forward: it crashed the process (SIG"),
    "ends the process": ("os._exit(0)", 3, "SystemExit: os._exit(0)"),
    "ends it behind Python": ("ctypes.CDLL(None)._exit(0)", 3, "error[crashed]: layers.py: it ended the process (exit"),
    "kills it": ("os.kill(os.getpid(), signal.SIGKILL)", 3, "error[crashed]: layers.py: it crashed the process (SIGK"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_forward_that_takes_the_process_along(tmp_path: Path, gradcheck: Say, fault: str) -> None:
    code, wanted, said = FAULTS[fault]
    (tmp_path / "layers.py").write_text(RIGHT.format(fault=code))
    started = time.monotonic()
    seconds = "1" if "time-limit" in said else "10"  # what does not hang has time for its end
    found, text = gradcheck("layers.py", "--seconds", seconds, "--json", "r.json")
    assert said in text
    assert found == wanted
    assert time.monotonic() - started < 60
    rows = json.loads((tmp_path / "r.json").read_text(encoding="utf-8"))["results"]
    passed = [r["target"] for r in rows if r["verdict"] == "PASS"]
    assert {"Tanh", "Sigmoid"} <= set(passed), "what the rest of the file gave is kept"


@pytest.mark.parametrize("statement", ["os._exit(0)", "ctypes.string_at(0)", SWALLOWS.replace("\n        ", "\n")])
def test_a_file_that_falls_over_while_it_is_loaded(tmp_path: Path, gradcheck: Say, statement: str) -> None:
    (tmp_path / "a.py").write_text(f"import ctypes, os\n{statement}\n" + RIGHT.format(fault="pass"))
    (tmp_path / "b.py").write_text(RIGHT.format(fault="pass").replace("return dout\n", "return 3 * x * x * dout\n"))
    code, text = gradcheck("a.py", "b.py", "--seconds", "0.5")
    assert "Tanh contract:ok" in text
    assert code in (1, 3)
    assert "a.py" in text


def test_a_thread_that_is_left_running(tmp_path: Path) -> None:
    start = "threading.Thread(target=time.sleep, args=(1e6,), name='mine').start()\n"
    source = "import threading, time\n" + start + RIGHT.format(fault="pass")
    (tmp_path / "layers.py").write_text(source)
    for command in (
        ["gradcheck_plugin", "check"],
        ["gradcheck_plugin", "check", "--in-process"],
        ["pytest", "--gradcheck"],
    ):
        run = [sys.executable, "-m", *command, "layers.py"]
        done = subprocess.run(run, cwd=tmp_path, capture_output=True, text=True, timeout=100, check=False)
        assert "a thread that it started is left running (mine)" in done.stdout, done.stderr
        assert done.returncode == 1


def test_ending_the_process_is_seen_in_process_too(tmp_path: Path) -> None:
    (tmp_path / "layers.py").write_text(RIGHT.format(fault="os._exit(0)"))
    report = check(tmp_path / "layers.py", cases=3)
    assert "os._exit(0)" in str(report)
    assert report.exit_code != 0


def test_a_file_as_a_whole_has_a_limit(tmp_path: Path, gradcheck: Say, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(child, "LONGEST", 0.01)
    (tmp_path / "layers.py").write_text(RIGHT.format(fault="sum(range(10**5))"))
    code, text = gradcheck("layers.py")
    assert code in (1, 3)
    assert "error[time-limit]: layers.py: checking it took more than 0.1 s and was stopped" in text


def test_a_pipe_is_no_file(tmp_path: Path, gradcheck: Say) -> None:
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "fifo.py")
    os.mkfifo(tmp_path / "folder/p.py")
    (tmp_path / "folder/layers.py").write_text(RIGHT.format(fault="pass"))
    assert gradcheck("fifo.py") == (2, "error[not-python]: fifo.py is no regular file; give a .py or .ipynb file "
                                       "nothing checked")  # fmt: skip
    assert "Tanh contract:ok" in gradcheck("folder")[1]


def test_a_folder_that_cannot_be_read(tmp_path: Path, gradcheck: Say, monkeypatch: pytest.MonkeyPatch) -> None:
    """As another user meets it; root may read everything."""

    def listdir(path: str = ".") -> list[str]:
        if "secret" in str(path) or os.fspath(path) == str(tmp_path.parent):
            raise PermissionError(13, "Permission denied", str(path))
        return real(path)

    real = os.listdir
    (tmp_path / "secret").mkdir()
    (tmp_path / "layers.py").write_text(RIGHT.format(fault="pass"))
    monkeypatch.setattr(os, "listdir", listdir)
    monkeypatch.setattr(os, "access", lambda path, mode, **_: "secret" not in str(path))
    assert "Tanh contract:ok" in gradcheck("layers.py")[1]
    code, text = gradcheck("secret")
    assert code == 2
    assert text.startswith("error[unreadable]: ")
    assert "secret cannot be read: Permission denied" in text
    assert surroundings._listed(tmp_path / "secret") == []


def test_a_very_long_file(tmp_path: Path, gradcheck: Say) -> None:
    numbers = "DATA = [" + "1.25, " * (5 * LONGEST // 6) + "]\n"
    (tmp_path / "layers.py").write_text(RIGHT.format(fault="pass") + numbers)
    started, before = time.process_time(), resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    code, text = gradcheck("layers.py")
    assert "error[too-large]: layers.py has 5.0 million characters of code, where 1 million are read at most" in text
    assert code == 2
    assert time.process_time() - started + resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before < 5


def test_a_name_that_is_no_utf_8(tmp_path: Path, gradcheck: Say) -> None:
    name = os.fsdecode(b"layers\xff.py")
    (tmp_path / name).write_text(RIGHT.format(fault="pass"))
    code, text = gradcheck(name, "--json", "r.json")
    assert code == 1
    assert "layers\\udcff.py" in text
    files = {r["file"] for r in json.loads((tmp_path / "r.json").read_text(encoding="utf-8"))["results"]}
    assert files == {name}


def test_where_the_report_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "layers.py").write_text(RIGHT.format(fault="pass"))
    run = f"{sys.executable} -m gradcheck_plugin check layers.py --cases 3"
    for redirected, code, said in ((">&-", 1, ""), ("> /dev/full", 2, "error: the report cannot be written: No space")):
        done = subprocess.run(
            f"{run} {redirected}", shell=True, cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert done.returncode == code
        assert done.stderr.startswith(said)
        assert "Traceback" not in done.stderr


def test_files_are_reported_one_by_one(tmp_path: Path) -> None:
    """The first file's rows are there while the second still runs; Ctrl-C keeps them."""
    (tmp_path / "a.py").write_text(RIGHT.format(fault="pass"))
    (tmp_path / "b.py").write_text(RIGHT.format(fault="while True: pass"))
    run = [sys.executable, "-m", "gradcheck_plugin", "check", "a.py", "b.py", "--seconds", "500", "--json", "r.json"]
    running = subprocess.Popen(run, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert running.stdout is not None
    seen = ""
    while "Sigmoid contract:ok" not in seen:
        line = running.stdout.readline()
        assert line, running.stderr
        seen += " ".join(line.split()) + "\n"
    running.send_signal(2)
    rest, errors = running.communicate(timeout=60)
    assert running.returncode == 130
    assert errors.strip().splitlines()[-1] == "interrupted"
    assert "passed" in rest
    assert json.loads((tmp_path / "r.json").read_text(encoding="utf-8"))["results"]


MODES = """
import locale, os, sys, warnings
import numpy as np
import torch

np.set_printoptions(formatter={"all": lambda v: "SECRET"}, precision=1)
np.seterr(all="raise")
torch.set_default_dtype(torch.float64)
torch.set_grad_enabled(False)
warnings.simplefilter("error")
sys.setrecursionlimit(5000)
os.environ["SECRET"] = "1"
sys.path.insert(0, "/secret")
os.chdir("/")

class Double:
    def forward(self, x):
        assert torch.get_default_dtype() == torch.float64
        np.set_printoptions(formatter={"all": lambda v: "SECRET"})
        os.environ["SECRET"] = "1"
        os.chdir("/")
        return 2 * x

    def backward(self, dout):
        return 3 * dout
"""


def test_what_a_file_sets_reaches_neither_the_report_nor_the_process(tmp_path: Path) -> None:
    import torch

    def state() -> tuple[object, ...]:
        options = np.get_printoptions(), np.geterr(), torch.get_default_dtype(), torch.is_grad_enabled()
        return (*options, sys.getrecursionlimit(), dict(os.environ), list(sys.path), os.getcwd())

    (tmp_path / "layers.py").write_text(MODES)
    before = state()
    report = check(tmp_path / "layers.py", cases=3)
    assert state() == before
    assert [r.property for r in report.failed] == ["dx"]
    assert "yours [[-1.5]]" in str(report)
    assert "SECRET" not in str(report)
