"""Fakes for tests: a camera that follows a script of faults, and clocks that stand still until they are advanced.

Example:
    >>> clock = SteppedClock()
    >>> camera = FakeCamera([10, Lost(refusals=2), 5, Resized((640, 480))], clock=clock)
    >>> with Live(camera.source(), stylizer, clock=clock) as live:
    ...     for stylized in live:
    ...         clock.advance(1 / camera.fps)
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

__all__ = ["Damaged", "FakeCamera", "FakeClock", "Lost", "Resized", "Silent", "SteppedClock", "numbered_image"]

SQUARE_STEP = 4  # pixels that the square of `numbered_image` moves from one image to the next


@dataclass(frozen=True)
class Silent:
    """A step of a script: the camera sends nothing.

    Args:
        seconds: For how long.

    Example:
        >>> FakeCamera([10, Silent(5.0)])
    """

    seconds: float


@dataclass(frozen=True)
class Damaged:
    """A step of a script: frames come damaged and are skipped.

    Args:
        pictures: How many.

    Example:
        >>> FakeCamera([10, Damaged(3)])
    """

    pictures: int = 1


@dataclass(frozen=True)
class Resized:
    """A step of a script: frames have another size from here on.

    Args:
        size: (width, height) in pixels.

    Example:
        >>> FakeCamera([10, Resized((640, 480))])
    """

    size: tuple[int, int]


@dataclass(frozen=True)
class Lost:
    """A step of a script: the camera is lost.

    Args:
        reason: The message of the error.
        refusals: How many attempts to open the camera again fail.

    Example:
        >>> FakeCamera([10, Lost("unplugged", refusals=2)])
    """

    reason: str = "the fake camera was unplugged"
    refusals: int = 0


ScriptStep = int | Silent | Damaged | Resized | Lost  # a number stands for so many good frames


def numbered_image(number: int, size: tuple[int, int]) -> Image:
    """Draw a gradient, a square that moves to the right from image to image, and the image's number.

    Args:
        number: The number to draw, from 0.
        size: (width, height) in pixels.

    Returns:
        [H, W, 3] uint8, BGR.

    Example:
        >>> camera = FakeCamera(make_image=lambda number, size: numbered_image(number // 2, size))
    """
    width, height = size
    image = np.empty((height, width, 3), np.uint8)
    image[..., 0] = np.linspace(0, 160, width)
    image[..., 1] = np.linspace(0, 160, height)[:, None]
    image[..., 2] = 60
    left = number * SQUARE_STEP % max(1, width - height // 4)
    image[height // 2 : height * 3 // 4, left : left + height // 4] = (40, 220, 250)
    cv2.putText(image, f"{number:05d}", (8, height // 4), cv2.FONT_HERSHEY_SIMPLEX, height / 200, (255, 255, 255), 2)
    return image


class FakeCamera:
    """A camera that follows a script, and sends good frames without end after it.

    Frame n of a connection is due n/fps seconds after it was opened.

    Args:
        script: Numbers of good frames, and faults.
        size: (width, height) of the first frames.
        fps: Frames a second.
        mirror: Whether the camera asks for mirrored frames.
        make_image: Returns the image of a frame, [H, W, 3] uint8, from its number and size.
        clock: The clock that frames are due by; the system's by default.

    Attributes:
        frames_sent: How many frames have been read.

    Example:
        >>> clock = SteppedClock()
        >>> camera = FakeCamera([10, Lost(refusals=2), 5], fps=10, clock=clock)
        >>> with Live(camera.source(), stylizer, clock=clock) as live:
        ...     first = next(iter(live))
    """

    def __init__(
        self,
        script: Sequence[ScriptStep] = (),
        *,
        size: tuple[int, int] = (320, 240),
        fps: float = 30.0,
        mirror: bool = False,
        make_image: Callable[[int, tuple[int, int]], Image] = numbered_image,
        clock: Clock | None = None,
    ) -> None:
        self.script, self.size, self.fps, self.mirror = deque(script), size, fps, mirror
        self.make_image, self.clock = make_image, clock or SystemClock()
        self.stop = threading.Event()
        self.frames_sent = 0
        self._refusals, self._reason = 0, ""

    def source(self) -> ReconnectingSource:
        """Return the camera as a source for `Live`, which opens it again after a loss."""
        return ReconnectingSource(self.open, stop=self.stop, clock=self.clock)

    def open(self) -> Source:
        """Connect to the camera.

        Raises:
            SourceError: As often as the script's last loss says.
        """
        if self._refusals:
            self._refusals -= 1
            raise SourceError(self._reason)
        return _Connection(self)

    def lose(self, step: Lost) -> None:
        """Lose the connection.

        Args:
            step: Why, and how often to refuse a new one.

        Raises:
            SignalLost: Always.
        """
        self._refusals, self._reason = step.refusals, step.reason
        raise SignalLost(step.reason)


class _Connection(Source):
    """A fake camera from one opening to its loss."""

    name = "fake camera"
    decode_errors = 0

    def __init__(self, camera: FakeCamera) -> None:
        self._camera = camera
        self._opened = self._due = camera.clock.now()

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) of the next frame."""
        return self._camera.size

    @property
    def fps(self) -> float:
        """Frames a second."""
        return self._camera.fps

    @property
    def mirror(self) -> bool:
        """Whether the camera asks for mirrored frames."""
        return self._camera.mirror

    def read(self) -> Frame:
        """Return the next frame when it is due. Raises SignalLost."""
        camera = self._camera
        self._play(camera.script)
        camera.clock.wait(self._due - camera.clock.now(), camera.stop)
        self._due += 1 / self.fps
        image = camera.make_image(camera.frames_sent, self.size)
        camera.frames_sent += 1
        now = camera.clock.now()
        return Frame(image, now - self._opened, now)

    def _play(self, script: deque[ScriptStep]) -> None:
        """Execute the script up to its next good frame."""
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
        """Do nothing: there is nothing to release."""
