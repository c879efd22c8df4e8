"""The size that live frames are stylized at: a fixed height, or the one that holds the frame rate."""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from dataclasses import dataclass, replace

from realtime.frame import Image
from realtime.live.governor import Governor
from realtime.stylizer.look import Look
from realtime.stylizer.sizes import size_for_height
from realtime.stylizer.stylizer import Stylizer

Size = tuple[int, int]  # (width, height)


@dataclass(frozen=True)
class _Preparation:
    """A size that is being prepared in the background, for a look."""

    size: Size
    look: Look
    thread: threading.Thread


class AdaptiveResolution:
    """Chooses a size for each source, and follows the load of the machine.

    height: rows asked for, or None to choose. While a new size is being prepared, frames are stylized at the old one.
    """

    def __init__(self, stylizer: Stylizer, height: int | None) -> None:
        self._stylizer, self._height = stylizer, height
        self._governor: Governor | None = None  # None: the height is fixed
        self._preparation: _Preparation | None = None

    def choose(self, image: Image, look: Look, fps: float) -> Size:
        """Return the size for a new source, or for frames of a new size; stylizes some to measure the time."""
        self.close()  # what is being prepared would distort the measurement
        if self._height is not None:
            return _size_for(image, self._height, look)
        look = replace(look, strength=1.0, stroke=1.0)

        def seconds_at(height: int) -> float:
            start = time.perf_counter()
            self._stylizer.stylize_at(image, _size_for(image, height, look), look)
            return time.perf_counter() - start

        self._governor = Governor(image.shape[0], fps)
        width, height = _size_for(image, image.shape[0], look)
        self._governor.start(seconds_at, self._stylizer.pixel_seconds(look) * width / height)
        return _size_for(image, self._governor.height, look)

    def observe(self, image: Image, look: Look, seconds: float, now: float) -> Size | None:
        """Take in how long a frame took to stylize; return the size for the next ones if it changes now.

        now: seconds of any clock.
        """
        if self._governor is None:
            return None
        if self._preparation is None:
            representative = look.strength > 0 and look.previous is None
            if not representative or not self._governor.observe(seconds, now, look.stroke):
                return None
            self._preparation = self._prepare(_size_for(image, self._governor.height, look), look)
        prepared = self._preparation
        if prepared.thread.is_alive() or look.previous is not None:
            return None
        if look.stroke != prepared.look.stroke or look.model is not prepared.look.model:
            self._preparation = self._prepare(_size_for(image, self._governor.height, look), look)
            return None
        self._preparation = None
        return prepared.size

    def close(self) -> None:
        """Wait for the size that is being prepared, and drop it."""
        if self._preparation is not None:
            self._preparation.thread.join()
            self._preparation = None

    def _prepare(self, size: Size, look: Look) -> _Preparation:
        def prepare() -> None:
            with suppress(Exception):  # stylizing at that size will raise it again
                self._stylizer.prepare(size, look)

        # No daemon, unlike the stylizing thread that starts it: a compiler that runs when the process ends crashes it.
        thread = threading.Thread(target=prepare, name="prepare", daemon=False)
        thread.start()
        return _Preparation(size, look, thread)


def _size_for(image: Image, height: int, look: Look) -> Size:
    return size_for_height((image.shape[1], image.shape[0]), height, look.model.multiple)
