"""A running command, and one with its web page."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from realtime.frame import Image
from realtime.imaging import resize
from tests.e2e.chromium import TIMEOUT

PROGRAM = (sys.executable, "-m", "realtime", "--provider", "cpu")
Serve = Callable[..., "Program"]


@dataclass
class RunningCommand:
    """A command that was started with --stats stats.json in a folder."""

    process: subprocess.Popen[str]
    folder: Path

    def stats(self) -> dict[str, Any]:
        """Return what --stats wrote."""
        table: dict[str, Any] = json.loads((self.folder / "stats.json").read_text())
        return table


@dataclass
class Program(RunningCommand):
    """A running command with --serve. url: the address of its page."""

    url: str

    def picture(self) -> Image:
        """Return the picture of the page, resized to [240, 320, 3]."""
        with urllib.request.urlopen(self.url + "picture.jpg", timeout=TIMEOUT) as reply:
            image = cv2.imdecode(np.frombuffer(reply.read(), np.uint8), cv2.IMREAD_COLOR)
        assert image is not None
        return resize(np.asarray(image, np.uint8), (320, 240))

    def until(self, true: Callable[[Image], bool], what: str) -> Image:
        """Wait until the picture of a still camera fulfils a condition and no longer fades; return it."""
        deadline = time.monotonic() + TIMEOUT
        last = [self.picture()]
        while not (len(last) > 3 and true(last[-1]) and all((one == last[-1]).all() for one in last[-4:])):
            assert time.monotonic() < deadline, what
            time.sleep(0.15)
            last.append(self.picture())
        return last[-1]

    def end(self) -> dict[str, Any]:
        """End the command by SIGINT; return what --stats wrote."""
        self.process.send_signal(signal.SIGINT)
        out, err = self.process.communicate(timeout=TIMEOUT)
        assert (self.process.returncode, err) == (130, ""), out + err
        return self.stats()
