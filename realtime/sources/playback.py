"""Films and pictures from files as a source for the live window: in their own rhythm, one after the other."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path

from realtime.errors import SourceError, UsageError
from realtime.frame import Frame, Image
from realtime.sources.animation import decode_animation
from realtime.sources.base import Source
from realtime.sources.file_types import is_image
from realtime.sources.image import decode_image, read_bytes
from realtime.sources.video import VideoFile
from realtime.system.clock import Clock, SystemClock
from realtime.system.console import say

PICTURE_SECONDS = 5.0  # how long a picture stays among others; alone it stays for good
AGAIN = 0.25  # s; what stays longer is given again, so that a change of style shows
LATE = 0.2  # s without a picture, then one is given however late it is
BEHIND = 1.0  # s; a film that comes so much too slowly is not chased: it goes on from there


@dataclass(frozen=True)
class _File:
    """What a file says of itself. size: (width, height), upright; fps: nominal, of a picture 0.0."""

    name: str = ""
    size: tuple[int, int] = (0, 0)
    fps: float = 0.0


@dataclass(frozen=True)
class _Shown:
    """A picture, when its time comes and how long it lasts, in seconds from the first file's beginning.

    pts: in seconds from its own file's start.
    """

    image: Image | None  # None: the end of all
    file: _File
    due: float
    pts: float = 0.0
    stays: float = 0.0
    first: bool = False  # of its file


class Playback(Source):
    """Plays files against the clock. Pictures whose time is over are skipped; nothing queues.

    Time passes only while somebody waits in `read`: who stops reading pauses the film, and finds it where it was.
    loop: begin again at the end. track: which of a film's video tracks. stop: ends a wait.
    Of several files those that cannot be shown are said on stderr and left out; at the end that is a SourceError.
    The constructor raises SourceError where there is nothing to show.
    """

    def __init__(
        self,
        paths: list[Path],
        *,
        loop: bool = False,
        track: int | None = None,
        stop: threading.Event | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._paths, self._loop, self._track, self._stop = paths, loop, track, stop
        self._clock = clock or SystemClock()
        self._film: VideoFile | None = None
        self._damaged = 0  # of the files before
        self._broken: set[Path] = set()
        self.skipped = 0  # pictures that came too late to be shown
        pictures = self._play()
        begin = next(pictures)
        self._file = begin.file
        self._pictures = chain([begin], pictures)
        self._coming: _Shown | None = None
        self._origin = self._left = self._given = self._clock.now()  # of the files' time; leaving `read`; a new picture
        self._last: Frame | None = None

    @property
    def name(self) -> str:
        """The file that plays."""
        return self._file.name

    @property
    def size(self) -> tuple[int, int]:
        """(width, height), upright."""
        return self._file.size

    @property
    def fps(self) -> float:
        """The film's nominal rate; of a picture 0.0."""
        return self._file.fps

    @property
    def decode_errors(self) -> int:
        """Damaged pictures, skipped."""
        return self._damaged + (self._film.damaged if self._film is not None else 0)

    @property
    def waits(self) -> bool:
        """A film does."""
        return True

    def read(self) -> Frame | None:
        """Wait for the picture that is due next; None at the end of the last file, or when told to stop."""
        paused = self._clock.now() - self._left
        self._origin += paused
        self._given += paused
        try:
            return self._next()
        finally:
            self._left = self._clock.now()

    def close(self) -> None:
        """Close the file that plays."""
        if self._film is not None:
            self._film.close()

    def _next(self) -> Frame | None:
        while True:
            shown = self._coming = self._coming or next(self._pictures)
            now = self._clock.now()
            early = self._origin + shown.due - now
            if early > 0:
                if self._clock.wait(min(early, AGAIN), self._stop):
                    return None
                if early > AGAIN and self._last is not None:
                    self._last = replace(self._last, captured=self._clock.now())
                    return self._last
                continue
            self._coming = None
            if shown.image is None:
                self._finish()
                return None
            if shown.first or -early > BEHIND:
                self._origin -= early
            elif -early > shown.stays and now - self._given < LATE:
                self.skipped += 1
                continue
            self._given = self._clock.now()
            self._file = shown.file
            self._last = Frame(shown.image, shown.pts, self._given)
            return self._last

    def _finish(self) -> None:
        if self._broken:
            raise SourceError(f"{len(self._broken)} of {len(self._paths)} files could not be shown")

    def _play(self) -> Iterator[_Shown]:
        """All files, as often as asked for, and the end."""
        began, file = 0.0, _File()
        while True:
            before = began
            for path in self._paths:
                try:
                    for image, file, at, pts, stays in self._pictures_of(path):
                        yield _Shown(image, file, began + at, pts, stays, first=at == 0)
                        end = began + at + stays
                except (SourceError, UsageError) as error:
                    if len(self._paths) == 1:
                        raise
                    if path not in self._broken:
                        say(f"realtime-stylize: {error}")
                    self._broken.add(path)
                else:
                    began = end
            if began == before:
                raise SourceError(f"none of the {len(self._paths)} files can be shown")
            if not self._loop:
                yield _Shown(None, file, began)
                return

    def _pictures_of(self, path: Path) -> Iterator[tuple[Image, _File, float, float, float]]:
        """(picture, file, when, pts, how long) of one file; when: in seconds from its first picture."""
        if is_image(path):
            data = read_bytes(path)
            animation = decode_animation(path, data)
            images = [decode_image(path, data).image] if animation is None else [p.image for p in animation.pictures]
            file = _File(str(path), (images[0].shape[1], images[0].shape[0]))
            if animation is not None:
                for image, at, ms in zip(images, animation.times, animation.durations, strict=True):
                    yield image, file, at, at, ms / 1000
            else:
                yield images[0], file, 0.0, 0.0, PICTURE_SECONDS if len(self._paths) > 1 else math.inf
            return
        with VideoFile(path, track=self._track, glance=True) as film:
            self._film = film
            file = _File(str(path), film.format.size, float(film.format.rate))
            first: int | None = None
            for step in film:
                frame = step.frame
                if frame is not None:
                    first = frame.pts if first is None else first
                    base = film.format.time_base
                    times = (frame.pts - first, frame.pts, frame.duration)
                    when, pts, stays = (float(time * base) for time in times)
                    yield frame.image, file, when, pts, stays
        self._damaged, self._film = self.decode_errors, None
