"""The size that live pictures are painted at: the one asked for, or whatever holds the frame rate."""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from dataclasses import replace

from realtime.frame import Image
from realtime.live.governor import Governor
from realtime.stylizer.look import Look
from realtime.stylizer.sizes import size_for_height
from realtime.stylizer.stylizer import Stylizer

Size = tuple[int, int]  # (width, height)


class AdaptiveResolution:
    """Chooses, and follows the load. height: rows asked for, or None to choose; fps: what is held then.

    Where another size has to be made ready first, pictures are painted at the one before meanwhile.
    """

    def __init__(self, stylizer: Stylizer, height: int | None) -> None:
        self._stylizer, self._height = stylizer, height
        self._governor: Governor | None = None  # None: the height is fixed
        self._coming: tuple[Size, Look, threading.Thread] | None = None  # the next size, for what, who makes it ready

    def choose(self, image: Image, look: Look, fps: float) -> Size:
        """For a source that is new, or whose pictures have changed their size: paints some to see how long it takes."""
        self.close()  # or what comes is timed beside it
        if self._height is not None:
            return _fitting(image, self._height, look)
        look = replace(look, strength=1.0, stroke=1.0)

        def seconds_at(height: int) -> float:
            start = time.perf_counter()
            self._stylizer.stylize_at(image, _fitting(image, height, look), look)
            return time.perf_counter() - start

        self._governor = Governor(image.shape[0], fps)
        width, height = _fitting(image, image.shape[0], look)
        self._governor.start(seconds_at, self._stylizer.pixel_seconds(look) * width / height)
        return _fitting(image, self._governor.height, look)

    def observe(self, image: Image, look: Look, seconds: float, now: float) -> Size | None:
        """A picture took that long to paint; the size for the next ones where it changes now. now: s, of any clock."""
        if self._governor is None:
            return None
        if self._coming is None:
            usual = look.strength > 0 and look.before is None
            if not usual or not self._governor.observe(seconds, now, look.stroke):
                return None
            self._coming = self._begin(_fitting(image, self._governor.height, look), look)
        size, wanted, preparing = self._coming
        if preparing.is_alive() or look.before is not None:
            return None
        if look.stroke != wanted.stroke or look.model is not wanted.model:
            self._coming = self._begin(_fitting(image, self._governor.height, look), look)
            return None
        self._coming = None
        return size

    def close(self) -> None:
        """Wait for what is being made ready, and forget it."""
        if self._coming is not None:
            self._coming[-1].join()
            self._coming = None

    def _begin(self, size: Size, look: Look) -> tuple[Size, Look, threading.Thread]:
        def prepare() -> None:
            with suppress(Exception):  # painting at that size will say it
                self._stylizer.prepare(size, look)

        # Not a daemon, as the painting thread is: a compiler that is at work when the process ends takes it down.
        thread = threading.Thread(target=prepare, name="prepare", daemon=False)
        thread.start()
        return size, look, thread


def _fitting(image: Image, height: int, look: Look) -> Size:
    return size_for_height((image.shape[1], image.shape[0]), height, look.model.multiple)
