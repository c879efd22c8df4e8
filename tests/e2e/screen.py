"""A virtual screen with a window of the program on it: key presses, screenshots, and waiting for what they show."""

from __future__ import annotations

import os
import signal
import socket
import struct
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from realtime.frame import Image
from realtime.ui.hud import AMBER, WHITE
from tests.e2e.program import RunningCommand
from tests.e2e.waiting import POLL_SECONDS, TIMEOUT

SIZE = (1024, 768)  # of the screen, in pixels
WINDOW = "^realtime-stylize$"  # title of the window, for xdotool
STILL_SECONDS = 0.7  # without a change, after which a picture that changes in steps stands still
MIN_TEXT_PIXELS = 20  # of exactly the colour of texts
MESSAGE_SHARE = 1 / 8  # of the window's height, at the bottom, where messages come and go
FIGURES_HEIGHT = 150  # pixels at the top of the window: the title bar and the figures


@dataclass
class Screen:
    """A virtual X screen. framebuffer: the file in which the X server holds its pixels."""

    display: str
    framebuffer: Path

    def shot(self) -> Image:
        """Return what the screen shows, without the pointer: [768, 1024, 3] BGR."""
        pixels = np.fromfile(self.framebuffer, np.uint8)[-SIZE[0] * SIZE[1] * 4 :]  # after the header: BGRX
        return np.ascontiguousarray(pixels.reshape(SIZE[1], SIZE[0], 4)[..., :3])

    def xdotool(self, *arguments: str) -> str:
        """Run xdotool on this screen; return its output."""
        return self._run_xdotool(*arguments, check=True)

    def send_key(self, key: str) -> None:
        """Press a key, without waiting for its effect."""
        self.xdotool("key", key)

    def press(self, key: str) -> None:
        """Press a key, and wait until the message that answers it is on the screen.

        OpenCV drops all but the last of the keys that come between two calls of waitKey, so a key must not follow
        another one before that has had its effect. For a key without a message use `send_key`, and wait for its effect.
        """
        before = message_pixels(self.shot())
        self.send_key(key)
        self.wait(lambda shot: is_another_message(message_pixels(shot), before), f"no message answers {key}")

    def active_window_pid(self) -> str:
        """Return the process of the window with the keyboard focus, or an empty string."""
        return self._run_xdotool("getactivewindow", "getwindowpid", check=False).strip()

    def windows(self) -> str:
        """Return the numbers of the program's windows."""
        return self._run_xdotool("search", "--name", WINDOW, check=False)

    def _run_xdotool(self, *arguments: str, check: bool) -> str:
        environment = os.environ | {"DISPLAY": self.display}
        command = ["xdotool", *arguments]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=check, timeout=TIMEOUT)
        return done.stdout

    def kill(self) -> None:
        """Kill the X server, as a crash would."""
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(f"/tmp/.X11-unix/X{self.display.lstrip(':')}")
            found = client.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
        os.kill(struct.unpack("3i", found)[0], signal.SIGKILL)

    def wait(self, condition: Callable[[Image], bool], message: str) -> Image:
        """Return a screenshot that meets a condition, as soon as there is one. message: of the failure."""
        deadline = time.monotonic() + TIMEOUT
        while not condition(shot := self.shot()):
            assert time.monotonic() < deadline, message
            time.sleep(POLL_SECONDS)
        return shot

    def wait_for_window(self, process: subprocess.Popen[str], seconds: float = TIMEOUT) -> None:
        """Wait until the first stylized frame is on the screen and the window has the keyboard focus.

        The window is that of the process, or of one in the process group that it leads.
        """
        deadline = time.monotonic() + seconds
        while not (self._has_focus(process.pid) and shows_stylized_frame(self.shot())):
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < deadline, "no window appeared"
            time.sleep(0.1)

    def _has_focus(self, pid: int) -> bool:
        active = self.active_window_pid()
        return active.isdigit() and pid in (int(active), os.getpgid(int(active)))

    def wait_for_change(self, before: Image) -> Image:
        """Return a screenshot whose picture, apart from messages, is another one than in the screenshot before."""
        return self.wait(lambda shot: not same_picture(shot, before), "the picture has not changed")

    def wait_until_still(self, seconds: float = STILL_SECONDS) -> Image:
        """Return a screenshot whose picture, apart from messages, has not changed for so long."""
        deadline = time.monotonic() + TIMEOUT
        still, since = self.shot(), time.monotonic()
        while time.monotonic() < since + seconds:
            assert time.monotonic() < deadline, "the picture does not stand still"
            time.sleep(POLL_SECONDS)
            shot = self.shot()
            if not same_picture(shot, still):
                still, since = shot, time.monotonic()
        return still

    def freeze(self) -> Image:
        """Freeze a window without figures; return a screenshot without a message, of the picture that stands still."""
        self.press("space")
        self.wait(lambda shot: not shows_message(shot), "the message stays")
        return self.wait_until_still()


def window_area(shot: Image) -> tuple[int, int, int, int]:
    """Return (left, top, right, bottom) of what is not black: the window with its frame, or its picture."""
    rows, columns = np.flatnonzero(shot.any(axis=(1, 2))), np.flatnonzero(shot.any(axis=(0, 2)))
    if not len(rows):
        return (0, 0, 0, 0)
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def without_message(shot: Image) -> Image:
    """Return the window without the strip at the bottom where messages come and go."""
    left, top, right, bottom = window_area(shot)
    return shot[top : bottom - round((bottom - top) * MESSAGE_SHARE), left:right]


def same_picture(one: Image, other: Image) -> bool:
    """Return whether two screenshots show the same, apart from messages."""
    if window_area(one) != window_area(other):
        return False
    return bool((without_message(one) == without_message(other)).all())


def text_pixels(shot: Image) -> Image:
    """Return which pixels have exactly the colour of texts: 90 in a word, and hardly any in a picture."""
    return np.asarray((shot == WHITE).all(axis=2), np.uint8)


def message_pixels(shot: Image) -> Image:
    """Return the pixels of texts in the strip at the bottom of the window."""
    left, top, right, bottom = window_area(shot)
    return text_pixels(shot[bottom - round((bottom - top) * MESSAGE_SHARE) : bottom, left:right])


def is_another_message(pixels: Image, before: Image) -> bool:
    """Return whether there is a message, and not the same as before."""
    changed = pixels.shape != before.shape or (pixels != before).sum() > MIN_TEXT_PIXELS
    return bool(changed and pixels.sum() > MIN_TEXT_PIXELS)


def shows_message(shot: Image) -> bool:
    """Return whether there is a message at the bottom of the window."""
    return bool(message_pixels(shot).sum() > MIN_TEXT_PIXELS)


def shows_stylized_frame(shot: Image) -> bool:
    """Return whether the middle of the window is no longer black, as it is until the first frame has come."""
    left, top, right, bottom = window_area(shot)
    x, y = (left + right) // 2, (top + bottom) // 2
    return bool(shot[max(0, y - 50) : y + 50, max(0, x - 50) : x + 50].any())


def says_no_signal(shot: Image) -> bool:
    """Return whether NO SIGNAL is shown: whether a lot of its colour is on the screen."""
    distance = np.abs(shot.astype(int) - AMBER).sum(axis=2)
    return bool((distance < 40).sum() > 300)


def difference(one: Image, other: Image) -> float:
    """Return the mean absolute difference in levels."""
    return float(np.abs(one.astype(np.int16) - other).mean())


def picture_difference(one: Image, other: Image) -> float:
    """Return the difference of two screenshots of the same window, apart from messages."""
    return difference(without_message(one), without_message(other))


@dataclass
class App(RunningCommand):
    """A running app, with a window."""

    screen: Screen

    def wait_for_window(self) -> None:
        """Wait until the first stylized frame is on the screen and the window has the keyboard focus."""
        self.screen.wait_for_window(self.process)

    def finish(self, timeout: float = TIMEOUT) -> tuple[int, str, str]:
        """Wait until the app ends, and check that no process of it is left. Return exit status, stdout and stderr."""
        try:
            out, err = self.process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            self.process.send_signal(signal.SIGABRT)  # prints what every thread does
            raise AssertionError(f"it goes on: {self.process.communicate()}") from None
        with pytest.raises(ProcessLookupError):
            os.killpg(self.process.pid, 0)
        return self.process.returncode, out, err

    def quit(self, key: str = "q") -> None:
        """Press the key that ends the app, and check that it ends without an error."""
        self.screen.send_key(key)
        status, _, err = self.finish()
        assert (status, err) == (0, "")
