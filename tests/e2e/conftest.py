"""Fixtures: a virtual screen for each test, a camera on loopback, and the app as a user starts it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.screen import virtual_screen
from realtime.frame import Image
from tests.e2e.program import PROGRAM, Program, Serve
from tests.fault_camera import FaultCamera

ROOT = Path(__file__).parent.parent.parent
SCREEN = (1024, 768)


@dataclass
class Screen:
    """A virtual X screen."""

    display: str

    def shot(self) -> Image:
        """Return what the screen shows, [768, 1024, 3] BGR."""
        command = ["ffmpeg", "-v", "error", "-f", "x11grab", "-draw_mouse", "0", "-i", self.display]
        command += ["-frames:v", "1", "-f", "rawvideo", "-pix_fmt", "bgr24", "-"]
        raw = subprocess.run(command, stdout=subprocess.PIPE, check=True, timeout=30).stdout
        return np.frombuffer(raw, np.uint8).reshape(SCREEN[1], SCREEN[0], 3)

    def xdotool(self, *arguments: str) -> str:
        """Run xdotool on this screen; return its output."""
        environment = os.environ | {"DISPLAY": self.display}
        done = subprocess.run(
            ["xdotool", *arguments], env=environment, capture_output=True, text=True, check=True, timeout=30
        )
        return done.stdout

    def active_window(self) -> str:
        """Return the title of the window with the keyboard focus, or an empty string."""
        environment = os.environ | {"DISPLAY": self.display}
        command = ["xdotool", "getactivewindow", "getwindowname"]
        return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=30).stdout.strip()

    def kill(self) -> None:
        """Kill the X server, as a crash would."""
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(f"/tmp/.X11-unix/X{self.display.lstrip(':')}")
            found = client.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
        os.kill(struct.unpack("3i", found)[0], signal.SIGKILL)

    def press(self, key: str) -> None:
        """Press a key, and give the app time to react."""
        self.xdotool("key", key)
        time.sleep(1.0)


@pytest.fixture
def screen() -> Iterator[Screen]:
    with virtual_screen(SCREEN) as display:
        yield Screen(display)


@pytest.fixture
def camera() -> Iterator[FaultCamera]:
    with FaultCamera(size=(320, 240), fps=15) as camera:
        yield camera


@dataclass
class App:
    """A running app."""

    process: subprocess.Popen[str]
    folder: Path
    screen: Screen

    def wait_for_window(self) -> None:
        """Wait until the first picture is on the screen and the window has the keyboard focus."""
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            assert self.process.poll() is None, self.process.communicate()
            if self.screen.shot().any() and self.screen.active_window():
                time.sleep(1.5)
                return
            time.sleep(0.2)
        raise AssertionError("no window appeared")

    def finish(self, timeout: float = 60) -> tuple[int, str, str]:
        """Wait until the app ends, and check that no process of it is left. Return exit status, stdout and stderr."""
        try:
            out, err = self.process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            self.process.send_signal(signal.SIGABRT)  # prints what every thread does
            raise AssertionError(f"it goes on: {self.process.communicate()}") from None
        with pytest.raises(ProcessLookupError):
            os.killpg(self.process.pid, 0)
        return self.process.returncode, out, err

    def stats(self) -> dict[str, Any]:
        """Return what --stats wrote."""
        table: dict[str, Any] = json.loads((self.folder / "stats.json").read_text())
        return table


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


def difference(one: Image, other: Image) -> float:
    """Return the mean absolute difference in levels."""
    return float(np.abs(one.astype(np.int16) - other).mean())


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
                return Program(process, line.split()[1], tmp_path)
        raise AssertionError(process.communicate())

    yield start
    for process in processes:
        if process.poll() is None:
            process.kill()
            process.communicate()
