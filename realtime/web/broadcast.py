"""Broadcast of the pictures shown: encoded once for all viewers, without waiting for any of them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import suppress

import cv2

from realtime.frame import Image
from realtime.system.fps import FrameRate

JPEG_QUALITY = 88  # lower values leave dots around strokes
REQUEST_SECONDS = 10.0  # a single request keeps the pipeline running for this long, since others may follow
FIRST_PICTURE_SECONDS = 10.0  # how long a request waits for the first picture, and for the first one after a pause
POLL_SECONDS = 0.02
REPEAT_SECONDS = 1.0  # an unchanged picture is sent again after this time, which shows whether a viewer has left


class Broadcaster:
    """Takes pictures on any thread, and hands them out on the server's event loop.

    A slow viewer gets the newest picture each time its previous one has been sent.
    is_paused: whether nothing is stylized now. number: of the newest picture, 0 before the first. encoded: how many
    pictures have been encoded.
    """

    def __init__(self, is_paused: Callable[[], bool] = lambda: False) -> None:
        self.number = 0
        self.image: Image | None = None
        self.encoded = 0
        self.viewers = 0
        self.closed = False
        self._is_paused = is_paused
        self._awaits_picture = False  # the pipeline was paused, and no picture has come since
        self._requested_at = float("-inf")  # when a single picture was requested, or a command came
        self._frame_rate = FrameRate(time.perf_counter())
        self._jpeg: tuple[int, bytes] = (0, b"")
        self._loop: asyncio.AbstractEventLoop | None = None
        self._changed = asyncio.Event()
        self._encoding = asyncio.Lock()

    @property
    def fps(self) -> float:
        """Pictures a second, measured over the last ones; 0.0 is unknown."""
        return self._frame_rate.value(0.0)

    @property
    def in_use(self) -> bool:
        """Whether there are viewers, or a request has just come."""
        return self.viewers > 0 or time.perf_counter() - self._requested_at < REQUEST_SECONDS

    def attach(self, loop: asyncio.AbstractEventLoop) -> None:
        """Set the event loop of the viewers."""
        self._loop = loop

    def show(self, image: Image) -> None:
        """Broadcast a picture [H, W, 3] BGR that is not changed afterwards. Never waits."""
        self._frame_rate.tick(time.perf_counter())
        self._awaits_picture = False
        if image is self.image:  # a reused result
            return
        self.image = image
        self.number += 1
        self._notify()

    def close(self) -> None:
        """End the streams of all viewers."""
        self.closed = True
        self._notify()

    def _notify(self) -> None:
        if self._loop is not None:
            with suppress(RuntimeError):  # the loop is closed: there are no viewers
                self._loop.call_soon_threadsafe(self._changed.set)

    async def wait_newer(self, number: int, timeout: float = REPEAT_SECONDS) -> bool:
        """Wait for a picture after that number; return whether one has come in time."""
        deadline = time.perf_counter() + timeout
        while self.number == number and not self.closed and (left := deadline - time.perf_counter()) > 0:
            self._changed.clear()
            try:
                await asyncio.wait_for(self._changed.wait(), left)
            except TimeoutError:
                break
        return self.number != number

    async def jpeg(self) -> tuple[int, bytes]:
        """Return the newest picture's number and JPEG, encoded by the first viewer that asks for it."""
        async with self._encoding:
            if self._jpeg[0] != self.number and self.image is not None:
                number, image = self.number, self.image
                self._jpeg = (number, await asyncio.to_thread(_encode, image))
                self.encoded += 1
            return self._jpeg

    async def resume(self) -> None:
        """End a pause of the pipeline, and wait until its first picture has come."""
        self._awaits_picture |= self._is_paused()  # asked first, since the next line ends the pause
        self._requested_at = time.perf_counter()
        while self._awaits_picture and not self.closed:
            if time.perf_counter() - self._requested_at > FIRST_PICTURE_SECONDS:  # the source sends nothing
                self._awaits_picture = False
            await asyncio.sleep(POLL_SECONDS)

    async def single_jpeg(self) -> bytes:
        """Return the present picture as JPEG, or b"" if there is none."""
        await self.resume()
        if not self.number:
            await self.wait_newer(0, FIRST_PICTURE_SECONDS)
        return (await self.jpeg())[1]

    async def jpegs(self) -> AsyncIterator[bytes]:
        """Yield JPEGs to one viewer, as fast as it takes them."""
        last = 0
        self.viewers += 1
        try:
            await self.resume()
            while not self.closed:
                if await self.wait_newer(last) or last:
                    last, data = await self.jpeg()
                    yield data
        finally:
            self.viewers -= 1


def _encode(image: Image) -> bytes:
    return cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])[1].tobytes()
