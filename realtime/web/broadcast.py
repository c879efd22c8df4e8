"""One picture for everybody who watches: painted once, encoded once, and never waited for."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import suppress

import cv2

from realtime.frame import Image
from realtime.system.fps import FrameRate

QUALITY = 88  # of JPEGs: below, strokes get dots around them
AWAKE = 10.0  # s that a single picture keeps the painting going, as others may follow
FIRST = 10.0  # s until the first picture, also after a rest
SOON = 0.02  # s
AGAIN = 1.0  # s until the same picture is sent once more: a viewer who has gone is noticed


class Broadcaster:
    """Takes pictures on any thread, gives them out on the server's loop.

    A viewer who is slow gets the newest picture whenever the last one is through; those between it never sees.
    """

    def __init__(self, is_paused: Callable[[], bool] = lambda: False) -> None:
        self._is_paused = is_paused
        self.number = 0  # of the newest picture; 0: there is none yet
        self.image: Image | None = None
        self.encoded = 0  # pictures made into JPEGs
        self.viewers = 0
        self.resting = False  # nothing has been stylized since a pause
        self._asked = float("-inf")  # when somebody wanted one picture, or steered
        self.closed = False
        self._rate = FrameRate(time.perf_counter())
        self._jpeg: tuple[int, bytes] = (0, b"")
        self._loop: asyncio.AbstractEventLoop | None = None
        self._changed = asyncio.Event()
        self._encoding = asyncio.Lock()

    @property
    def fps(self) -> float:
        """Pictures a second, lately; 0.0 is unknown."""
        return self._rate.value(0.0)

    @property
    def watched(self) -> bool:
        """Whether anybody sees the pictures, or has just asked for one."""
        return self.viewers > 0 or time.perf_counter() - self._asked < AWAKE

    def attach(self, loop: asyncio.AbstractEventLoop) -> None:
        """The loop that viewers wait in."""
        self._loop = loop

    def show(self, image: Image) -> None:
        """A picture was shown: [H, W, 3] BGR, not changed afterwards. Never waits."""
        self._rate.tick(time.perf_counter())
        self.resting = False
        if image is self.image:  # nothing moves
            return
        self.image = image
        self.number += 1
        self._wake()

    def close(self) -> None:
        """Send everybody home."""
        self.closed = True
        self._wake()

    def _wake(self) -> None:
        if self._loop is not None:
            with suppress(RuntimeError):  # it is closed: everybody has gone home
                self._loop.call_soon_threadsafe(self._changed.set)

    async def newer(self, than: int, timeout: float = AGAIN) -> bool:
        """Wait for a picture after that number; False if none came in time."""
        deadline = time.perf_counter() + timeout
        while self.number == than and not self.closed and (left := deadline - time.perf_counter()) > 0:
            self._changed.clear()
            try:
                await asyncio.wait_for(self._changed.wait(), left)
            except TimeoutError:
                break
        return self.number != than

    async def jpeg(self) -> tuple[int, bytes]:
        """The newest picture's number and JPEG; whoever asks for it first has it made."""
        async with self._encoding:
            if self._jpeg[0] != self.number and self.image is not None:
                number, image = self.number, self.image
                data = await asyncio.to_thread(_encode, image)
                self._jpeg = (number, data)
                self.encoded += 1
            return self._jpeg

    async def wake(self) -> None:
        """Somebody looks or steers, if only now and then: after a rest, wait for a picture of now."""
        self.resting |= self._is_paused()  # asked before the next line ends the pause
        self._asked = time.perf_counter()
        while self.resting and not self.closed:
            if time.perf_counter() - self._asked > FIRST:  # the camera is silent
                self.resting = False
            await asyncio.sleep(SOON)

    async def picture(self) -> bytes:
        """One JPEG, of now; empty if there is none."""
        await self.wake()
        if not self.number:
            await self.newer(0, FIRST)
        return (await self.jpeg())[1]

    async def pictures(self) -> AsyncIterator[bytes]:
        """JPEGs for one viewer, as fast as it takes them."""
        last = 0
        self.viewers += 1
        try:
            await self.wake()
            while not self.closed:
                if await self.newer(last) or last:
                    last, data = await self.jpeg()
                    yield data
        finally:
            self.viewers -= 1


def _encode(image: Image) -> bytes:
    return cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])[1].tobytes()
