"""Read video files: every frame of one video track, in order, and the packets of all other tracks untouched.

A frame keeps its own timestamp, and lasts until the next one of `VideoProbe.times` (probe.py): so does the copy of a
file of variable frame rate (VFR).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
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
from realtime.frame import Image, VideoFormat, VideoFrame, VideoStep
from realtime.sources.decoders import alpha_decoder, area, open_video, size_beyond_limit
from realtime.sources.deinterlace import Deinterlacer
from realtime.sources.limits import MAX_VIDEO_PIXELS, VIDEO_DECODER_LIMIT
from realtime.sources.probe import FORMATS_WITHOUT_PTS, VideoProbe, choose_rate, choose_time_base, demux, probe_video
from realtime.sources.side_data import has_hevc_alpha, side_data_names
from realtime.sources.to_bgr import ToBgr

SKIPPED_IMAGE: Image = np.zeros((1, 1, 3), np.uint8)  # placeholder for each of the first `skip_frames` frames
QUICK_PROBE_PACKETS = 500
MAX_STEP_PACKETS = 256  # a longer stretch of packets without a frame is passed on in several steps
_HDR_TRANSFERS = {16: "PQ", 18: "HLG"}
_PROGRESSIVE_ORDERS = (0, 1)  # FFmpeg's field orders: unknown, progressive
_ONE_FRAME_PER_PACKET = ("h264", "hevc", "vp9", "av1")  # codecs


class VideoFile:
    """A video file, opened and probed by its constructor.

    track: which video track, from 1; by default the largest. max_frames: stop after so many.
    quick_probe: probe its beginning only, which is enough for playback; `expected_frames` and `losses` are then unset.
    notes: what the user should know before the work starts. skip_frames: how many frames at the beginning are not
    converted but returned as SKIPPED_IMAGE. decode_errors, corrupt_frames: damaged frames that were skipped, and that
    were decoded in part. repaired_timestamps: those that did not increase. side_data: what the frames so far carry.
    Raises SourceError if the file has no frame that can be decoded, UsageError if it has no such track.
    """

    def __init__(
        self, path: Path, *, track: int | None = None, max_frames: int | None = None, quick_probe: bool = False
    ) -> None:
        self.path, self._max_frames = path, max_frames
        self.notes: list[str] = []
        self.side_data: set[str] = set()
        self.skip_frames = 0
        self.decode_errors = self.corrupt_frames = self._repaired = self.frames_read = 0
        self._last: VideoFrame | None = None
        self._last_pts: int | None = None  # in the stream's time base
        self._ticks = Fraction(1)  # of the format's time base in one of the stream's
        self._deinterlacer: Deinterlacer | None = None
        with open_video(path) as container:
            index = self._choose_track(container, track).index
            self.probe: VideoProbe = probe_video(container, index, QUICK_PROBE_PACKETS if quick_probe else None)
        self._container = open_video(path)
        try:
            self._video = self._choose_track(self._container, track)
            self._video.codec_context.options = VIDEO_DECODER_LIMIT
            self._video.codec_context.thread_type = ThreadType.SLICE  # frame threads lose frames next to damaged ones
            self._decoder = alpha_decoder(self._video) or self._video.codec_context
            self._steps = self._read()
            self._lookahead = self._read_first_frame()
        except BaseException:
            self.close()
            raise

    @property
    def other_streams(self) -> list[Stream]:
        """Every stream but the video stream that is decoded."""
        return [stream for stream in self._container.streams if stream.index != self._video.index]

    @property
    def video_stream(self) -> VideoStream:
        """The video stream that is decoded."""
        return self._video

    @property
    def is_transparent(self) -> bool:
        """Whether the first frame hides something."""
        first = next(step.frame for step in self._lookahead if step.frame is not None)
        return first.alpha is not None and int(first.alpha.min()) < 255

    @property
    def container(self) -> InputContainer:
        """The open file, with its metadata and chapters."""
        return self._container

    @property
    def expected_frames(self) -> int:
        """How many frames the iteration should give."""
        return min(self.probe.frames, self._max_frames or self.probe.frames)

    @property
    def repaired_timestamps(self) -> int:
        """How many timestamps stood still, ran backwards or were far from their neighbours."""
        return self._repaired + self.probe.timeline.repaired

    @property
    def losses(self) -> list[str]:
        """What the file lacks, as lines for the user; complete once all frames are read."""
        found = []
        if self.probe.missing and not self._limit_reached:
            found_duration, declared = self.probe.found_duration, self.probe.declared_duration or Fraction(0)
            found.append(f"it is cut short: {float(found_duration):.2f} of {float(declared):.2f} s are there")
        if self.probe.joined_bytes and not self._limit_reached:
            found.append(
                f"another film is joined on, of {self.probe.joined_bytes} bytes, which is not read; split them"
            )
        if self.probe.errors:
            found.append(f"places that could not be read: {self.probe.errors}")
        frames, expected = self.frames_read, self.expected_frames
        if self.decode_errors:
            found.append(f"damaged pictures, skipped: {self.decode_errors}; {frames} of {expected} are there")
        if self.corrupt_frames:
            found.append(f"damaged pictures, painted as far as they could be decoded: {self.corrupt_frames}")
        if not found and frames < expected and self._video.name in _ONE_FRAME_PER_PACKET:
            found.append(f"only {frames} of {expected} pictures could be decoded")
        return found

    def __iter__(self) -> Iterator[VideoStep]:
        """Iterate over frames and packets in the file's order; possible once."""
        while self._lookahead:
            yield self._lookahead.popleft()
        yield from self._steps

    def _choose_track(self, container: InputContainer, track: int | None) -> VideoStream:
        thumbnails = Disposition.attached_pic | Disposition.timed_thumbnails
        tracks = [stream for stream in container.streams.video if not stream.disposition & thumbnails]
        if not tracks:
            content = "only sound" if container.streams.audio else "no video"
            raise SourceError(f"{self.path} has {content}: there is nothing to paint")
        if track is not None and not 1 <= track <= len(tracks):
            raise UsageError(f"--track {track}: {self.path} has video tracks 1 to {len(tracks)}")
        largest = max(tracks, key=lambda s: (s.codec_context is not None, area(s), bool(s.disposition & 1), -s.index))
        chosen = largest if track is None else tracks[track - 1]
        if cast("Any", chosen.codec_context) is None:
            raise SourceError(f"{self.path}: its video is in a format that FFmpeg cannot decode")
        if area(chosen) > MAX_VIDEO_PIXELS:
            raise SourceError(_too_large(self.path, f"{chosen.width} x {chosen.height}"))
        if len(tracks) > 1 and track is None and not self.notes:
            sizes = ", ".join(f"{n} is {s.width} x {s.height}" for n, s in enumerate(tracks, 1) if area(s))
            self.notes.append(f"video track {tracks.index(chosen) + 1} is painted ({sizes}); --track N picks another")
        return chosen

    def _read_first_frame(self) -> deque[VideoStep]:
        """Read up to the first frame, which is where rotation and colours are stored."""
        lookahead: deque[VideoStep] = deque()
        for step in self._steps:
            lookahead.append(step)
            if step.frame is not None:
                return lookahead
        refused_size = "" if area(self._video) else size_beyond_limit(self.path)
        if refused_size:
            raise SourceError(_too_large(self.path, refused_size))
        raise SourceError(f"{self.path}: none of its {self.probe.frames} pictures can be decoded")

    def _read(self) -> Iterator[VideoStep]:
        step = VideoStep()
        for packet in demux(self._container, lambda: None):  # the probe has counted the errors
            if packet.stream.index != self._video.index:  # `stream_index` of the last, empty packets is always 0
                if packet.size and self.probe.timeline.place(packet) and not self._is_past_limit(packet):
                    step.packets.append(packet)
                    if len(step.packets) >= MAX_STEP_PACKETS:
                        yield step
                        step = VideoStep()
                elif self._limit_reached and self._is_past_limit(packet, 1.0):
                    break
                continue
            if packet.size:
                self.probe.timeline.place(packet)
            for decoded in [] if self._limit_reached else self._decode(packet):
                frame = None if self._limit_reached else self._convert(decoded)
                if frame is not None:
                    step.frame = self._last = frame
                    self.frames_read += 1
                    yield step
                    step = VideoStep()
        if step.packets:
            yield step

    @property
    def _limit_reached(self) -> bool:
        return self._max_frames is not None and self.frames_read >= self._max_frames

    def _is_past_limit(self, packet: Packet[Any], margin: float = 0.0) -> bool:
        """Return whether a packet starts `margin` seconds or more after the last of `max_frames` frames has ended."""
        if not self._limit_reached or self._last is None or packet.pts is None:
            return False
        end = (self._last.pts + self._last.duration) * self.format.time_base
        return float(packet.pts * packet.time_base) >= float(end) + margin

    def _decode(self, packet: Packet[Any]) -> list[AvFrame]:
        try:
            decoded = self._decoder.decode(packet)
            if not hasattr(self, "format") and decoded:
                self._set_format(decoded[0])
            if self._deinterlacer is not None:
                decoded = self._deinterlacer.feed(decoded, last=not packet.size)
            return decoded
        except av.error.EOFError:  # a decoder may be flushed twice
            return []
        except av.error.FFmpegError:
            self.decode_errors += 1
            return []

    def _set_format(self, first: AvFrame) -> None:
        """Set the properties that all frames share with the first: size, colours, rotation, timing, interlacing."""
        context, stream = self._video.codec_context, self._video
        self._to_bgr = ToBgr(first)
        colour = self._to_bgr.colour
        if colour.transfer in _HDR_TRANSFERS:
            raise SourceError(
                f"{self.path} is an HDR film ({_HDR_TRANSFERS[colour.transfer]}), which cannot be painted faithfully; "
                "convert it to SDR first"
            )
        width, height = first.width, first.height
        pixel_aspect = stream.sample_aspect_ratio or Fraction(1)
        if self._to_bgr.transposed:
            width, height, pixel_aspect = height, width, 1 / pixel_aspect
        time_base = stream.time_base or Fraction(1, 90_000)
        self._ticks = time_base / choose_time_base(self.probe.times, time_base)
        rate = choose_rate(self.probe.rate, stream)
        self._usual_duration = self.probe.interval or max(1, round(1 / (rate * time_base)))
        self._dts_offset: int | None = None  # dts - pts, where the file stores decoding times only
        if self._container.format.name in FORMATS_WITHOUT_PTS and first.dts is not None:
            self._dts_offset = first.dts - self.probe.times[0]
        high_bit_depth = self._to_bgr.high_bit_depth
        self.format = VideoFormat(
            (width, height),
            time_base / self._ticks,
            rate,
            self.probe.variable,
            pixel_aspect,
            colour,
            high_bit_depth,
            self._to_bgr.has_alpha,
        )
        if has_hevc_alpha(stream) and not self._to_bgr.has_alpha:
            self.notes.append("its transparency is lost: FFmpeg does not read that of HEVC")
        if high_bit_depth:
            self.notes.append("its colours have more than 8 bits; it is painted from 8")
        if first.interlaced_frame or getattr(context, "field_order", 0) not in _PROGRESSIVE_ORDERS:
            self.notes.append("it is interlaced; it is deinterlaced first (bwdif)")
            self._deinterlacer = Deinterlacer(stream)

    def _convert(self, decoded: AvFrame) -> VideoFrame | None:
        """Return a decoded frame in BGR with its timestamp; None if it cannot be converted."""
        try:
            image, alpha = SKIPPED_IMAGE, None
            if self.frames_read >= self.skip_frames:
                image, alpha = self._to_bgr(decoded), self._to_bgr.alpha(decoded)
        except (av.error.FFmpegError, ValueError):
            self.decode_errors += 1
            return None
        self.corrupt_frames += decoded.is_corrupt
        self.side_data |= side_data_names(decoded)
        pts = decoded.pts
        if self._dts_offset is not None:
            pts = decoded.dts - self._dts_offset if decoded.dts is not None else None
        duration = self.probe.duration(pts) if pts is not None else 0
        self._last_pts = pts = self._next_pts(pts)
        start, end = round(pts * self._ticks), round((pts + (duration or self._usual_duration)) * self._ticks)
        return VideoFrame(image, start, max(1, end - start), alpha)

    def _next_pts(self, pts: int | None) -> int:
        """Return the timestamp counted from the start of the video; one that does not increase is repaired."""
        last, time_base = self._last_pts, self._video.time_base or Fraction(1, 90_000)
        if pts is None:
            return 0 if last is None else last + self._usual_duration
        if last is None or pts > last:
            return pts
        self._repaired += 1
        is_jump = (last - pts) * time_base > 1
        return last + (self._usual_duration if is_jump else max(1, self._usual_duration // 2))

    def close(self) -> None:
        """Close the file; may be called twice."""
        self._container.close()

    def __enter__(self) -> VideoFile:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _too_large(path: Path, size: str) -> str:
    return f"{path} claims to be {size}: more than {MAX_VIDEO_PIXELS >> 20} million pixels"
