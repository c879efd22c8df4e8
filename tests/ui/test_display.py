"""The loop of the window: it ends when the window is closed, whatever the camera does."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import cast

import numpy as np
import pytest

from realtime import Live, Stylizer
from realtime.frame import Image
from realtime.live.outputs import Outputs
from realtime.live.recorder import Recorder
from realtime.live.viewer import Viewer
from realtime.stylizer.library import Library
from realtime.system.clock import SystemClock
from realtime.testing import FakeCamera, Lost, ScriptStep, Silent
from realtime.ui.controller import Controller
from realtime.ui.display import Display
from realtime.ui.window import MouseEvent, Window

CHECKS = 5  # how often `closed` is read before it is True
HOUR = 3600.0  # seconds


class FakeWindow:
    """A window that has been closed when it is asked for the fifth time."""

    size, area, zoomed = (64, 48), (0, 0, 64, 48), False

    def __init__(self, minimised: bool) -> None:
        self.minimised = minimised
        self.checks = self.shown = 0

    @property
    def closed(self) -> bool:
        self.checks += 1
        return self.checks >= CHECKS

    def key(self, wait: float) -> int:
        return -1

    def shift_held(self) -> bool:
        return False

    def mouse_events(self) -> Iterator[MouseEvent]:
        return iter(())

    def compose(self, picture: Image) -> Image:
        return np.zeros((48, 64, 3), np.uint8)

    def show(self, canvas: Image) -> None:
        self.shown += 1


@pytest.fixture(scope="module")
def stylizer(library: Library) -> Iterator[Stylizer]:
    with Stylizer(library=library, provider="cpu") as stylizer:
        yield stylizer


def wait_for_first_frame(live: Live) -> None:
    assert live.stylized.take(60) is not None


def freeze(live: Live) -> None:
    wait_for_first_frame(live)
    live.state.frozen = True


@pytest.mark.parametrize("minimised", [False, True])
@pytest.mark.parametrize(
    ("script", "prepare"),
    [
        ([Silent(HOUR)], lambda live: None),
        ([2, Silent(HOUR)], wait_for_first_frame),
        ([2, Silent(HOUR)], freeze),
        ([2, Lost(refusals=10_000)], wait_for_first_frame),
    ],
    ids=["before the first frame", "silent", "frozen", "lost"],
)
def test_closing_window_ends_loop_while_no_frame_comes(
    stylizer: Stylizer, tmp_path: Path, script: list[ScriptStep], prepare: Callable[[Live], None], minimised: bool
) -> None:
    camera = FakeCamera(script, size=(64, 48), clock=SystemClock())
    live, outputs = Live(camera.source(), stylizer, height=48), Outputs()
    controller = Controller(Viewer(live, outputs), Recorder(outputs, tmp_path), tmp_path)
    window = FakeWindow(minimised)
    with live:
        prepare(live)
        Display(controller, cast(Window, window)).run()
    assert window.checks == CHECKS and window.shown > 0
    assert live.state.hidden is minimised
