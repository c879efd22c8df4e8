"""Fakes for tests, this program's and yours: a camera with a script of faults, clocks that stand still.

from realtime.testing import Damaged, FakeCamera, Lost, Resized, Silent, SteppedClock
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from realtime.errors import SignalLost, SourceError
from realtime.frame import Frame, Image
from realtime.sources.base import Source
from realtime.sources.reconnect import ReconnectingSource
from realtime.system.clock import Clock, FakeClock, SteppedClock, SystemClock

__all__ = ["Damaged", "FakeCamera", "FakeClock", "Lost", "Resized", "Silent", "SteppedClock", "picture"]


@dataclass(frozen=True)
class Silent:
    """Nothing comes for so many seconds."""

    seconds: float


@dataclass(frozen=True)
class Damaged:
    """So many pictures come damaged, and are skipped."""

    pictures: int = 1


@dataclass(frozen=True)
class Resized:
    """From here on pictures have this size, (width, height)."""

    size: tuple[int, int]


@dataclass(frozen=True)
class Lost:
    """The camera is gone, and refuses so many attempts to open it again."""

    reason: str = "the fake camera was unplugged"
    refusals: int = 0


Step = int | Silent | Damaged | Resized | Lost  # a number is so many good pictures


def picture(number: int, size: tuple[int, int]) -> Image:
    """Picture `number`: a gradient, a square that moves right by 4 pixels each time, the number itself: [H, W, 3]."""
    width, height = size
    image = np.empty((height, width, 3), np.uint8)
    image[..., 0] = np.linspace(0, 160, width)
    image[..., 1] = np.linspace(0, 160, height)[:, None]
    image[..., 2] = 60
    left = number * 4 % max(1, width - height // 4)
    image[height // 2 : height * 3 // 4, left : left + height // 4] = (40, 220, 250)
    cv2.putText(image, f"{number:05d}", (8, height // 4), cv2.FONT_HERSHEY_SIMPLEX, height / 200, (255, 255, 255), 2)
    return image


class FakeCamera:
    """A camera that does what its script says, and after that gives good pictures for ever.

        clock = SteppedClock()
        camera = FakeCamera([10, Lost(refusals=2), 5, Resized((640, 480))], clock=clock)
        with Live(camera.source(), stylizer, clock=clock) as live: ...

    size: (width, height) to begin with. pictures: makes the picture of that number and size, [H, W, 3] uint8.
    Picture n of a connection is due n/fps seconds after its opening. sent: pictures so far.
    """

    def __init__(
        self,
        script: Sequence[Step] = (),
        *,
        size: tuple[int, int] = (320, 240),
        fps: float = 30.0,
        mirror: bool = False,
        pictures: Callable[[int, tuple[int, int]], Image] = picture,
        clock: Clock | None = None,
    ) -> None:
        self.script, self.size, self.fps, self.mirror = deque(script), size, fps, mirror
        self.pictures, self.clock = pictures, clock or SystemClock()
        self.stop = threading.Event()
        self.sent = 0
        self._refusals, self._reason = 0, ""

    def source(self) -> ReconnectingSource:
        """It as `Live` wants it: coming back by itself after a loss."""
        return ReconnectingSource(self.open, stop=self.stop, clock=self.clock)

    def open(self) -> Source:
        """Connect to it. Raises SourceError as often as the script's loss says."""
        if self._refusals:
            self._refusals -= 1
            raise SourceError(self._reason)
        return _Connection(self)

    def lose(self, step: Lost) -> None:
        """Be gone. Raises SignalLost."""
        self._refusals, self._reason = step.refusals, step.reason
        raise SignalLost(step.reason)


class _Connection(Source):
    """From one opening of the camera to its loss."""

    name = "fake camera"
    decode_errors = 0

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) now."""
        return self._camera.size

    @property
    def fps(self) -> float:
        """As the camera was told."""
        return self._camera.fps

    @property
    def mirror(self) -> bool:
        """As the camera was told."""
        return self._camera.mirror

    def __init__(self, camera: FakeCamera) -> None:
        self._camera = camera
        self._opened = self._due = camera.clock.now()

    def read(self) -> Frame:
        """The next picture, once it is due. Raises SignalLost."""
        camera = self._camera
        self._play(camera.script)
        camera.clock.wait(self._due - camera.clock.now(), camera.stop)
        self._due += 1 / self.fps
        image = camera.pictures(camera.sent, self.size)
        camera.sent += 1
        now = camera.clock.now()
        return Frame(image, now - self._opened, now)

    def _play(self, script: deque[Step]) -> None:
        """What the script has before its next picture."""
        while script:
            step = script.popleft()
            if isinstance(step, int):
                if step > 1:
                    script.appendleft(step - 1)
                if step > 0:
                    return
            elif isinstance(step, Silent):
                self._due += step.seconds
            elif isinstance(step, Damaged):
                self._due += step.pictures / self.fps
                self.decode_errors += step.pictures
            elif isinstance(step, Resized):
                self._camera.size = step.size
            else:
                self._camera.lose(step)

    def close(self) -> None:
        """Nothing to give back."""
