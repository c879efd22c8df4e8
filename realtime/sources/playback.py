"""Video and image files as a live source: played one after the other, each frame at its time."""

from __future__ import annotations

import logging
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

logger = logging.getLogger(__name__)

IMAGE_SECONDS = 5.0  # an image among other files is shown this long; a single one is shown for ever
REPEAT_SECONDS = 0.25  # a frame that lasts longer is returned again after this time, so that a change of style shows
MAX_GAP_SECONDS = 0.2  # after this time without a frame the next one is returned, however late it is
MAX_LAG_SECONDS = 1.0  # a video that lags more behind the clock skips no frames to catch up, but continues from there


@dataclass(frozen=True)
class _FileInfo:
    """A file that plays. size: (width, height), upright; fps: nominal, 0.0 of an image."""

    name: str = ""
    size: tuple[int, int] = (0, 0)
    fps: float = 0.0


@dataclass(frozen=True)
class _TimedImage:
    """An image and when it is shown. All times are in seconds.

    image: None marks the end of all files. due: from the start of the first file; pts: from the start of its own file.
    """

    image: Image | None
    file: _FileInfo
    due: float
    pts: float = 0.0
    duration: float = 0.0
    is_first: bool = False  # whether it is the first image of its file


class Playback(Source):
    """Files played against the clock. A frame whose time is over is skipped, so that nothing queues.

    Time passes only during `read`: a reader that stops reading pauses the video, and finds it where it was.
    loop: start again at the end; track: which video track, from 1; stop: ends a wait.
    Of several files, those that cannot be shown are logged as errors and left out; the end is then a SourceError.
    The constructor raises SourceError if no file can be shown.
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
        self._video: VideoFile | None = None
        self._earlier_decode_errors = 0  # damaged frames of the files before this one
        self._failed: set[Path] = set()
        self.skipped = 0  # frames whose time was over before they could be returned
        images = self._read_files()
        first = next(images)
        self._file = first.file
        self._images = chain([first], images)
        self._upcoming: _TimedImage | None = None
        # Clock times: start of the first file, last return of `read`, last return of a new image.
        self._start = self._paused_at = self._shown_at = self._clock.now()
        self._last_frame: Frame | None = None

    @property
    def name(self) -> str:
        """Path of the file that plays."""
        return self._file.name

    @property
    def size(self) -> tuple[int, int]:
        """(width, height), upright."""
        return self._file.size

    @property
    def fps(self) -> float:
        """Nominal frames per second of a video; 0.0 of an image."""
        return self._file.fps

    @property
    def decode_errors(self) -> int:
        """Number of damaged frames, which were skipped."""
        return self._earlier_decode_errors + (self._video.decode_errors if self._video is not None else 0)

    @property
    def can_pause(self) -> bool:
        """True: time passes only during `read`."""
        return True

    def read(self) -> Frame | None:
        """Wait for the frame that is due next; None after the last file, or once `stop` is set."""
        pause = self._clock.now() - self._paused_at
        self._start += pause
        self._shown_at += pause
        try:
            return self._next_frame()
        finally:
            self._paused_at = self._clock.now()

    def close(self) -> None:
        """Close the file that plays."""
        if self._video is not None:
            self._video.close()

    def _next_frame(self) -> Frame | None:
        while True:
            upcoming = self._upcoming = self._upcoming or next(self._images)
            now = self._clock.now()
            wait = self._start + upcoming.due - now
            if wait > 0:
                if self._clock.wait(min(wait, REPEAT_SECONDS), self._stop):
                    return None
                if wait > REPEAT_SECONDS and self._last_frame is not None:
                    self._last_frame = replace(self._last_frame, captured=self._clock.now())
                    return self._last_frame
                continue
            self._upcoming = None
            if upcoming.image is None:
                if self._failed:
                    raise SourceError(f"{len(self._failed)} of {len(self._paths)} files could not be shown")
                return None
            lag = -wait
            if upcoming.is_first or lag > MAX_LAG_SECONDS:
                self._start += lag
            elif lag > upcoming.duration and now - self._shown_at < MAX_GAP_SECONDS:
                self.skipped += 1
                continue
            self._shown_at = self._clock.now()
            self._file = upcoming.file
            self._last_frame = Frame(upcoming.image, upcoming.pts, self._shown_at)
            return self._last_frame

    def _read_files(self) -> Iterator[_TimedImage]:
        """Yield the images of all files, again and again if looped, and the end."""
        start, file = 0.0, _FileInfo()
        while True:
            round_start = start
            for path in self._paths:
                try:
                    end = start
                    for image in self._read_file(path):
                        file = image.file
                        yield replace(image, due=start + image.due, is_first=image.due == 0)
                        end = start + image.due + image.duration
                    start = end
                except (SourceError, UsageError) as error:
                    if len(self._paths) == 1:
                        raise
                    if path not in self._failed:
                        logger.error("%s", error)
                    self._failed.add(path)
            if start == round_start:
                raise SourceError(f"none of the {len(self._paths)} files can be shown")
            if not self._loop:
                yield _TimedImage(None, file, start)
                return

    def _read_file(self, path: Path) -> Iterator[_TimedImage]:
        """Yield the images of one file. due: from its first image."""
        return self._read_image_file(path) if is_image(path) else self._read_video_file(path)

    def _read_image_file(self, path: Path) -> Iterator[_TimedImage]:
        data = read_bytes(path)
        animation = decode_animation(path, data)
        images = [decode_image(path, data)] if animation is None else animation.pictures
        height, width = images[0].image.shape[:2]
        file = _FileInfo(str(path), (width, height))
        if animation is None:
            yield _TimedImage(images[0].image, file, 0.0, duration=IMAGE_SECONDS if len(self._paths) > 1 else math.inf)
            return
        for still, time, milliseconds in zip(images, animation.times, animation.durations, strict=True):
            yield _TimedImage(still.image, file, time, time, milliseconds / 1000)

    def _read_video_file(self, path: Path) -> Iterator[_TimedImage]:
        with VideoFile(path, track=self._track, quick_probe=True) as video:
            self._video = video
            time_base = video.format.time_base
            file = _FileInfo(str(path), video.format.size, float(video.format.rate))
            first_pts: int | None = None
            for step in video:
                frame = step.frame
                if frame is not None:
                    first_pts = frame.pts if first_pts is None else first_pts
                    due, pts, duration = (
                        float(time * time_base) for time in (frame.pts - first_pts, frame.pts, frame.duration)
                    )
                    yield _TimedImage(frame.image, file, due, pts, duration)
        self._earlier_decode_errors, self._video = self.decode_errors, None
