"""Films: every picture of the best video track, in order, and everything else in the file untouched."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any, cast

import av
import numpy as np
from av.codec.context import ThreadType
from av.container import InputContainer
from av.packet import Packet
from av.stream import Disposition, Stream
from av.video.frame import VideoFrame as AvFrame
from av.video.stream import VideoStream

from realtime.errors import SourceError, UsageError
from realtime.frame import Image, Step, VideoFormat, VideoFrame
from realtime.sources.deinterlace import Deinterlacer
from realtime.sources.probe import DECODING_TIMES_ONLY, VideoProbe, demux, survey
from realtime.sources.to_bgr import ToBgr

_HDR = {16: "PQ", 18: "HLG"}
_PROGRESSIVE = (0, 1)  # field orders: unknown, progressive
_ONE_PACKET = ("h264", "hevc", "vp9", "av1")  # codecs that keep each picture in a packet of its own
_GLANCE = 500  # packets
NOTHING: Image = np.zeros((1, 1, 3), np.uint8)
_BUNDLE = 256  # packets between two pictures that travel together


class VideoFile:
    """A film, opened and looked through by its constructor.

    track: which video track, from 1; by default the largest. frames: stop after so many. glance: look through
    its beginning only, which is enough to play it; then `total` and `losses` say nothing.
    notes: what the user should know before the work starts.
    Raises SourceError where there is no picture in it.
    """

    def __init__(
        self, path: Path, *, track: int | None = None, frames: int | None = None, glance: bool = False
    ) -> None:
        self.path, self._limit = path, frames
        self.notes: list[str] = []
        self.skip = 0  # so many of the first pictures are not looked at: they come as NOTHING
        self.damaged = self.corrupt = self.mended = self.frames = 0
        self._last: VideoFrame | None = None
        self._deinterlacer: Deinterlacer | None = None
        with _open(path) as container:
            index = self._choose(container, track).index
            self.survey: VideoProbe = survey(container, index, _GLANCE if glance else None)
        self._container = _open(path)
        try:
            self._video = self._choose(self._container, track)
            self._video.codec_context.thread_type = ThreadType.SLICE  # frame threads lose pictures beside damaged ones
            self._steps = self._read()
            self._ahead = self._peek()
        except BaseException:
            self.close()
            raise

    @property
    def others(self) -> list[Stream]:
        """Every stream but the painted one."""
        return [s for s in self._container.streams if s.index != self._video.index]

    @property
    def video(self) -> VideoStream:
        """The painted stream."""
        return self._video

    @property
    def container(self) -> InputContainer:
        """The open file: its metadata and chapters."""
        return self._container

    @property
    def total(self) -> int:
        """How many pictures it should give."""
        return min(self.survey.frames, self._limit or self.survey.frames)

    @property
    def losses(self) -> list[str]:
        """What the file should have had; known when all is read."""
        found = []
        if self.survey.missing and not self._done:
            there, declared = self.survey.end - self.survey.start, self.survey.declared or Fraction(0)
            found.append(f"it is cut short: {float(there):.2f} of {float(declared):.2f} s are there")
        if self.survey.errors:
            found.append(f"places that could not be read: {self.survey.errors}")
        if self.damaged:
            found.append(f"damaged pictures, skipped: {self.damaged}; {self.frames} of {self.total} are there")
        if self.corrupt:
            found.append(f"damaged pictures, painted as far as they could be decoded: {self.corrupt}")
        if not found and self.frames < self.total and self._video.name in _ONE_PACKET:
            found.append(f"only {self.frames} of {self.total} pictures could be decoded")
        return found

    def __iter__(self) -> Iterator[Step]:
        """Everything, in the file's order; once."""
        while self._ahead:
            yield self._ahead.popleft()
        yield from self._steps

    def _choose(self, container: InputContainer, track: int | None) -> VideoStream:
        pictures = Disposition.attached_pic | Disposition.timed_thumbnails
        tracks = [s for s in container.streams.video if not s.disposition & pictures]
        if not tracks:
            what = "only sound" if container.streams.audio else "no video"
            raise SourceError(f"{self.path} has {what}: there is nothing to paint")
        if track is not None and not 1 <= track <= len(tracks):
            raise UsageError(f"--track {track}: {self.path} has video tracks 1 to {len(tracks)}")
        best = max(tracks, key=lambda s: (s.codec_context is not None, _area(s), bool(s.disposition & 1), -s.index))
        chosen = best if track is None else tracks[track - 1]
        if cast("Any", chosen.codec_context) is None:
            raise SourceError(f"{self.path}: its video is in a format that FFmpeg cannot decode")
        if len(tracks) > 1 and track is None and not self.notes:
            sizes = ", ".join(f"{n} is {s.width} x {s.height}" for n, s in enumerate(tracks, 1) if _area(s))
            self.notes.append(f"video track {tracks.index(chosen) + 1} is painted ({sizes}); --track N picks another")
        return chosen

    def _peek(self) -> deque[Step]:
        """Decode up to the first picture: only there stand rotation and colours."""
        ahead: deque[Step] = deque()
        for step in self._steps:
            ahead.append(step)
            if step.frame is not None:
                return ahead
        raise SourceError(f"{self.path}: none of its {self.survey.frames} pictures can be decoded")

    def _read(self) -> Iterator[Step]:
        step = Step()
        for packet in demux(self._container, lambda: None):  # the survey has counted them
            if packet.stream.index != self._video.index:  # `stream_index` of the last, empty packets is always 0
                if packet.size and not self._over(packet):
                    step.packets.append(packet)
                    if len(step.packets) >= _BUNDLE:
                        yield step
                        step = Step()
                elif self._done and self._over(packet, 1.0):
                    break
                continue
            for picture in [] if self._done else self._decode(packet):
                frame = None if self._done else self._frame(picture)
                if frame is not None:
                    step.frame = self._last = frame
                    self.frames += 1
                    yield step
                    step = Step()
        if step.packets:
            yield step

    @property
    def _done(self) -> bool:
        return self._limit is not None and self.frames >= self._limit

    def _over(self, packet: Packet[Any], margin: float = 0.0) -> bool:
        """Whether a packet comes after the last picture that was asked for."""
        if not self._done or self._last is None or packet.pts is None:
            return False
        end = (self._last.pts + self._last.duration) * self.format.time_base + self.survey.start
        return float(packet.pts * packet.time_base) >= float(end) + margin

    def _decode(self, packet: Packet[Any]) -> list[AvFrame]:
        try:
            pictures = self._video.codec_context.decode(packet)
            if not hasattr(self, "format") and pictures:
                self._learn(pictures[0])
            if self._deinterlacer is not None:
                pictures = self._deinterlacer.feed(pictures, last=not packet.size)
            return pictures
        except av.error.EOFError:  # said twice
            return []
        except av.error.FFmpegError:
            self.damaged += 1
            return []

    def _learn(self, picture: AvFrame) -> None:
        """What the first picture says of all."""
        context, stream = self._video.codec_context, self._video
        self._upright = ToBgr(picture)
        colour = self._upright.colour
        if colour.transfer in _HDR:
            raise SourceError(
                f"{self.path} is an HDR film ({_HDR[colour.transfer]}), which cannot be painted faithfully; "
                "convert it to SDR first"
            )
        width, height = picture.width, picture.height
        pixel = stream.sample_aspect_ratio or Fraction(1)
        if self._upright.sideways:
            width, height, pixel = height, width, 1 / pixel
        time_base = stream.time_base or Fraction(1, 90_000)
        rate = stream.average_rate or stream.guessed_rate or Fraction(25)
        self._step = self.survey.step or max(1, round(1 / (rate * time_base)))
        self._origin = round(self.survey.start / time_base)
        self._lag: int | None = None  # between the decoding of a picture and its turn to be shown
        if self._container.format.name in DECODING_TIMES_ONLY and picture.dts is not None:
            self._lag = picture.dts - self.survey.times[0]
        deep = self._upright.deep
        self.format = VideoFormat((width, height), time_base, rate, self.survey.variable, pixel, colour, deep)
        if deep:
            self.notes.append("its colours have more than 8 bits; it is painted from 8")
        if picture.interlaced_frame or getattr(context, "field_order", 0) not in _PROGRESSIVE:
            self.notes.append("it is interlaced; it is deinterlaced first (bwdif)")
            self._deinterlacer = Deinterlacer(stream)

    def _frame(self, picture: AvFrame) -> VideoFrame | None:
        """A picture as it travels; None where it cannot be shown."""
        try:
            image = self._upright(picture) if self.frames >= self.skip else NOTHING
        except (av.error.FFmpegError, ValueError):
            self.damaged += 1
            return None
        self.corrupt += picture.is_corrupt
        shown = picture.pts
        if self._lag is not None:
            shown = picture.dts - self._lag if picture.dts is not None else None
        duration = self.survey.duration(shown) if shown is not None else 0
        return VideoFrame(image, self._time(shown), duration or self._step)

    def _time(self, pts: int | None) -> int:
        """From the film's start; strictly growing, mended where the file's is not."""
        last = self._last.pts if self._last is not None else None
        if pts is None:
            return 0 if last is None else last + self._step
        pts -= self._origin
        if last is None or pts > last:
            return pts
        self.mended += 1
        far = (last - pts) * self.format.time_base > 1
        return last + (self._step if far else max(1, self._step // 2))

    def close(self) -> None:
        """Close the file; may be called twice."""
        self._container.close()

    def __enter__(self) -> VideoFile:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _open(path: Path) -> InputContainer:
    if not path.exists():
        raise SourceError(f"{path}: there is no such file")
    try:
        return av.open(str(path.absolute()), metadata_errors="replace")
    except (av.error.InvalidDataError, av.error.EOFError):
        raise SourceError(f"{path} is not a film, or its beginning or index is missing") from None
    except (av.error.FFmpegError, OSError) as error:
        raise SourceError(f"{path}: {error.strerror or error}") from error


def _area(stream: VideoStream) -> int:
    return (stream.width or 0) * (stream.height or 0) if cast("Any", stream.codec_context) is not None else 0
