"""Windows that Qt believes to be hidden although they are on the screen, with and without a window manager."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import Any

import pytest

from realtime.frame import Image
from tests.conftest import ROOT
from tests.e2e.screen import SIZE, App, Screen, difference, shows_stylized_frame
from tests.e2e.waiting import wait_until
from tests.fault_camera import FaultCamera

SCRIPT = """
import ctypes, sys
import numpy as np
from realtime.ui.window import Window
from realtime.ui.window_state import NO_EVENT_MASK, _MapEvent, watch_minimised

UNMAP_NOTIFY = 18

def lose_map_event(number):
    x = ctypes.CDLL("libX11.so.6")
    x.XOpenDisplay.restype = ctypes.c_void_p
    display = ctypes.c_void_p(x.XOpenDisplay(None))
    event = _MapEvent(type=UNMAP_NOTIFY, event=number, window=number)
    x.XSendEvent(display, ctypes.c_ulong(number), 0, ctypes.c_long(NO_EVENT_MASK), ctypes.byref(event))
    x.XSync(display, 0)

with Window("realtime-stylize", (640, 480)) as window:
    for line in sys.stdin:
        command, number = line.split()
        if command == "lose":
            lose_map_event(int(number))
        elif command == "check":
            assert not watch_minimised(window.title)()
        for _ in range(20):
            if command == "show":
                window.show(np.full((480, 640, 3), int(number), np.uint8))
            window.key(0.02)
        print("done", flush=True)
"""


@pytest.mark.parametrize("screen", [True, False], indirect=True, ids=["window manager", "no window manager"])
def test_window_that_qt_believes_to_be_hidden_is_drawn_again(screen: Screen) -> None:
    """Qt loses the event that its window is on the screen now and then; here it is sent the opposite one."""
    command = [sys.executable, "-c", SCRIPT]
    environment = os.environ | {"DISPLAY": screen.display, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:

        def ask(command: str, number: int) -> None:
            assert process.stdin is not None and process.stdout is not None
            process.stdin.write(f"{command} {number}\n")
            process.stdin.flush()
            assert process.stdout.readline() == "done\n"

        try:

            def is_drawn(number: int) -> bool:
                ask("check", 0)  # Qt may have lost the event by itself
                ask("show", number)
                return level(screen.shot()) == number

            wait_until(lambda: is_drawn(60), "it is not drawn")
            ask("lose", int(screen.windows()))
            ask("show", 120)
            assert level(screen.shot()) == 60, "it is drawn although Qt believes it to be hidden"
            ask("check", 0)
            ask("show", 180)
            screen.wait(lambda shot: level(shot) == 180, "it is not drawn again")
        finally:
            process.kill()


@pytest.mark.parametrize("screen", [False], indirect=True, ids=["no window manager"])
def test_app_shows_the_picture_without_a_window_manager(start: Any, camera: FaultCamera) -> None:
    app: App = start("--camera", camera.url, "--size", "240", "--no-figures")
    first = app.screen.wait(shows_stylized_frame, "the window stays empty")
    app.screen.wait(lambda shot: difference(shot, first) > 0, "the picture does not change")
    app.process.send_signal(signal.SIGTERM)
    status, _, err = app.finish()
    assert (status, err) == (130, "")


def level(shot: Image) -> int:
    """Return the level of the pixel in the middle of the screen, where the window is."""
    return int(shot[SIZE[1] // 2, SIZE[0] // 2].max())
