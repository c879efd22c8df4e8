"""Machines and shells without what programs take for granted: a home, an account, a working folder."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT

NO_ACCOUNT = """
import pwd
def missing(uid):
    raise KeyError(uid)
pwd.getpwuid = missing
"""
DEMO = ("--demo", "--no-window", "--provider", "cpu", "--size", "64", "--frames", "1")


def run(folder: Path, *arguments: str, gone: bool = False, home: str | None = None) -> tuple[int, str, str]:
    """Run the command without an account; return its status, stdout and stderr."""
    (folder / "path").mkdir(exist_ok=True)
    (folder / "path/sitecustomize.py").write_text(NO_ACCOUNT)
    work = folder / "work"
    work.mkdir(exist_ok=True)
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join([str(folder / "path"), str(ROOT)])}
    environment |= {"HOME": home} if home is not None else {}
    command = [sys.executable, "-m", "realtime", *arguments]
    if gone:
        code = "import os, sys; os.rmdir(os.getcwd()); sys.argv = sys.argv[1:]; "
        code += "from realtime.cli.main import main; sys.exit(main())"
        command = [sys.executable, "-c", code, "realtime-stylize", *arguments]
    done = subprocess.run(command, cwd=work, env=environment, capture_output=True, text=True, timeout=120)
    assert gone or not list(work.glob("~*")), "a folder called ~"
    return done.returncode, done.stdout, done.stderr


def test_program_runs_without_home_and_account(tmp_path: Path) -> None:
    status, out, err = run(tmp_path, *DEMO)
    assert (status, err) == (0, "") and "1 frames painted" in out


@pytest.mark.parametrize("arguments", [("--list-styles",), (*DEMO, "--save-config")])
@pytest.mark.parametrize("home", [None, "/dev/null", ""])
def test_missing_home_is_no_traceback(tmp_path: Path, arguments: tuple[str, ...], home: str | None) -> None:
    status, _, err = run(tmp_path, *arguments, home=home)
    if "--save-config" in arguments and home != "":  # an empty one is the working folder, or none
        assert status == 1 and err.count("\n") == 1 and "config.toml: Not a directory" in err
    elif "--save-config" not in arguments:
        assert (status, err) == (0, "")


@pytest.mark.parametrize(
    ("arguments", "status"),
    [(DEMO, 0), (("--list-styles",), 0), ((*DEMO, "--record", "x.mp4"), 1), (("x.mp4", "-o", "y.mp4"), 1)],
)
def test_working_folder_that_is_gone_is_one_line(tmp_path: Path, arguments: tuple[str, ...], status: int) -> None:
    code, _, err = run(tmp_path, *arguments, gone=True)
    assert code == status, err
    assert err.count("\n") == status and "Traceback" not in err


@pytest.mark.parametrize(
    "url", ["HTTP://127.0.0.1:9/x", "Http://127.0.0.1:9/x", "TCP://127.0.0.1:9", " http://127.0.0.1:9/ "]
)
def test_scheme_of_a_camera_may_be_in_capitals(tmp_path: Path, url: str) -> None:
    status, _, err = run(tmp_path, "--no-window", "--camera", url)
    assert status == 1 and "refuses the connection" in err and err.count("\n") == 1


INTERRUPTED_IMPORT = """
import os, signal, sys
class Finder:
    def find_spec(self, name, path=None, target=None):
        if name == {module!r} and not os.environ.get("sent"):
            os.environ["sent"] = "yes"
            os.kill(os.getpid(), signal.{number})
sys.meta_path.insert(0, Finder())
"""


@pytest.mark.parametrize("number", ["SIGINT", "SIGTERM"])
@pytest.mark.parametrize("module", ["onnxruntime", "onnxruntime.capi._pybind_state"])
def test_signal_while_onnx_runtime_is_imported_is_an_interrupt(tmp_path: Path, module: str, number: str) -> None:
    (tmp_path / "sitecustomize.py").write_text(INTERRUPTED_IMPORT.format(module=module, number=number))
    path = os.pathsep.join([str(tmp_path), str(ROOT)])
    command = [sys.executable, "-m", "realtime", "--list-styles"]
    done = subprocess.run(command, env=os.environ | {"PYTHONPATH": path}, capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")
