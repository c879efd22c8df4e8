"""Fixtures: a virtual screen for each test, a camera on loopback, and the app as a user starts it."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmarks.screen import FRAMEBUFFER, virtual_screen
from tests.conftest import ROOT
from tests.e2e.program import PROGRAM, Program, Serve
from tests.e2e.screen import SIZE, App, Screen
from tests.fault_camera import FaultCamera


@pytest.fixture
def screen(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Screen]:
    """Return a screen; with a parameter of False it has no window manager, so that no window has the keyboard focus."""
    folder = tmp_path_factory.mktemp("screen")
    with virtual_screen(SIZE, folder, window_manager=getattr(request, "param", True)) as display:
        yield Screen(display, folder / FRAMEBUFFER)


@pytest.fixture
def camera() -> Iterator[FaultCamera]:
    with FaultCamera(size=(320, 240), fps=15) as camera:
        yield camera


@pytest.fixture
def start(screen: Screen, tmp_path: Path) -> Iterator[Any]:
    apps: list[App] = []

    def start(*arguments: str) -> App:
        """Start `realtime-stylize --stats` in an empty folder. SIGINT is ignored, as in a shell's background job."""
        command = [sys.executable, "-m", "realtime", "--stats", "stats.json", *arguments]
        process = subprocess.Popen(
            ["bash", "-c", 'trap "" INT; exec "$@"', "bash", *command],
            cwd=tmp_path,
            env=os.environ
            | {"DISPLAY": screen.display, "PYTHONPATH": str(ROOT), "XDG_DATA_HOME": str(tmp_path)}
            | {"PYTHONFAULTHANDLER": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        apps.append(App(process, tmp_path, screen))
        return apps[-1]

    yield start
    for app in apps:
        if app.process.poll() is None:
            os.killpg(app.process.pid, signal.SIGKILL)
            app.process.communicate()


def copy_checkout(folder: Path) -> Path:
    """Copy the files that git knows into a new folder; returns it."""
    names = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in names.splitlines():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, folder / name)
    return folder


def start_command(folder: Path, *arguments: str, **more: Any) -> subprocess.Popen[str]:
    """Start `realtime-stylize` without a screen, in that folder. more: arguments of Popen."""
    return subprocess.Popen(
        [sys.executable, "-m", "realtime", *arguments],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT), "XDG_DATA_HOME": str(folder)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **more,
    )


def wait_for_bytes(path: Path, size: int, process: subprocess.Popen[str]) -> None:
    """Wait until the file that the process writes has that size."""
    deadline = time.monotonic() + 100
    while not path.exists() or path.stat().st_size < size:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline, "nothing is written"
        time.sleep(0.05)


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    processes: list[subprocess.Popen[str]] = []

    def start(*arguments: str, **environment: str) -> Program:
        process = subprocess.Popen(
            [*PROGRAM, "--serve", "0", "--stats", "stats.json", *arguments],
            cwd=tmp_path,
            env=os.environ | {"PYTHONPATH": str(ROOT), "XDG_DATA_HOME": str(tmp_path)} | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        processes.append(process)
        assert process.stdout is not None
        for line in process.stdout:
            if line.startswith("page: "):
                return Program(process, tmp_path, line.split()[1])
        raise AssertionError(process.communicate())

    yield start
    for process in processes:
        if process.poll() is None:
            process.kill()
            process.communicate()
