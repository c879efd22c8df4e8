"""Films, written: pictures encoded, everything else beside them, playable at any moment."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from fractions import Fraction
from typing import Any, cast

import av
import numpy as np
from av.codec.context import Flags
from av.container import InputContainer, OutputContainer
from av.packet import Packet
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame as AvFrame
from av.video.reformatter import VideoReformatter
from av.video.stream import VideoStream

from realtime.errors import OutputError
from realtime.frame import TO_YUV, Step, VideoFormat, VideoFrame
from realtime.sinks.codecs import Encoding
from realtime.sinks.output_file import OutputFile
from realtime.sinks.resume import PartialVideo
from realtime.sinks.tracks import Track, tags
from realtime.system.thread_priority import restore_thread_priority

# MP4 in pieces of a second, each at once on its way to the disk: what a kill leaves can be played. At the end they are
# joined to a plain MP4. The first waits until the times are known (delay_moov).
_PIECES = {"movflags": "+hybrid_fragmented+delay_moov", "frag_duration": "1000000"}  # µs
# Where pictures are reordered a piece begins with a key picture: FFmpeg takes the film's end from the last piece, and
# that may lack the last picture.
_KEY_PIECES = {"movflags": "+hybrid_fragmented+delay_moov+frag_keyframe", "min_frag_duration": "1000000"}  # µs
_KEY_SECONDS = 2  # at most between two key pictures
_ASTRAY = 3600  # s; x265 leaves it to chance when the pictures of a film of two are decoded
_AT_ONCE = {"flush_packets": "1", "max_interleave_delta": "1000000"}  # µs; how long pictures wait for missing sound


class VideoSink:
    """A film being written to a target's part file. Its constructor writes the head.

    begun: an earlier run's pictures, which take the place of as many of the first ones that are written.
    Raises OutputError, then and later, in one line.
    """

    def __init__(
        self,
        target: OutputFile,
        encoding: Encoding,
        format: VideoFormat,
        tracks: list[Track],
        begun: PartialVideo | None = None,
    ) -> None:
        self._target, self._format = target, format
        self._tracks = {track.source.index: track for track in tracks}
        self.notes: list[str] = []
        self.frames = 0
        self.kept = begun.frames if begun is not None else 0
        self._begun = begun
        self._codec = encoding.codec
        self._kept: Generator[Packet[Any]] | None = None
        self._decoded: int | None = None  # time of decoding of the last picture written
        self.end = Fraction(0)  # s
        self._colour = format.colour
        if encoding.codec == "ffv1":  # it holds RGB
            self._colour = replace(format.colour, range=2, matrix=0)
        self._pixels = encoding.pixel_format(format.size, format.deep)
        self._reformatter = VideoReformatter()
        if format.deep and "10" not in self._pixels:
            self.notes.append("it is written with 8 bits too, which plays everywhere; --codec hevc and av1 keep 10")
        if self._pixels.startswith("yuv444p") and encoding.codec in ("h264", "hevc"):
            self.notes.append(f"its odd size needs 4:4:4 colour in {encoding.codec}, which not every player shows")
        if format.pixel != 1 and encoding.codec in ("vp9", "av1") and not encoding.fragmented:
            self.notes.append(f"its pixels are not square, which cannot be said in {target.path.suffix}; .mp4 can")
        pieces = _PIECES if format.variable else _KEY_PIECES
        options = _AT_ONCE | (pieces if encoding.fragmented else {})
        self._container: OutputContainer = av.open(
            str(target.part), "w", format=encoding.container, container_options=options
        )
        self._stream = self._add_video(encoding)
        for track in tracks:
            track.attach(self._container)

    def _add_video(self, encoding: Encoding) -> VideoStream:
        format = self._format
        stream = cast(
            "VideoStream",
            self._container.add_stream(encoding.encoder.name, rate=format.rate, hwaccel=encoding.encoder.accel()),
        )
        context: VideoCodecContext = stream.codec_context
        context.width, context.height = format.size
        context.pix_fmt = self._pixels
        context.time_base = stream.time_base = format.time_base
        context.sample_aspect_ratio = format.pixel
        context.color_range = self._colour.range
        context.color_primaries = self._colour.primaries
        context.color_trc = self._colour.transfer
        context.colorspace = self._colour.matrix
        context.options = encoding.options_for(format.size)
        context.flags |= Flags.frame_duration
        if encoding.fragmented and format.variable:
            context.max_b_frames = 0  # with them the pieces' lengths come out wrong
        elif encoding.fragmented:
            context.gop_size = max(1, round(_KEY_SECONDS * format.rate))
        if encoding.codec == "hevc" and encoding.fragmented:
            context.codec_tag = "hvc1"  # Apple's players take no other
        return stream

    @property
    def mended(self) -> int:
        """Packets of other tracks whose times ran backwards."""
        return sum(track.mended for track in self._tracks.values())

    @property
    def losses(self) -> list[str]:
        """Sound and subtitles that could not be decoded."""
        damaged = sum(track.damaged for track in self._tracks.values())
        return [f"damaged pieces of sound or subtitles, skipped: {damaged}"] if damaged else []

    def describe(self, source: InputContainer, video: VideoStream, start: Fraction) -> None:
        """Take over title, chapters, language; start: seconds to take off the chapters' times."""
        brand = ("major_brand", "minor_version", "compatible_brands")
        self._container.metadata.update({k: v for k, v in tags(source.metadata).items() if k not in brand})
        self._stream.metadata.update(tags(video.metadata))
        self._stream.disposition = video.disposition
        chapters = source.chapters()
        for chapter in chapters:
            shift = round(start / (chapter["time_base"] or 1))
            chapter["start"], chapter["end"] = (max(0, chapter[end] - shift) for end in ("start", "end"))
        if chapters:
            self._container.set_chapters(chapters)

    def start(self) -> None:
        """Write the head."""
        with self._said(), restore_thread_priority():
            self._container.start_encoding()

    def write(self, step: Step) -> None:
        """Packets of the input's other tracks, then a painted picture."""
        frame = step.frame
        with self._said():
            for packet in step.packets:
                track = self._tracks.get(packet.stream.index)
                if track is not None:
                    self._mux_beside(track, track.feed(packet))
            if frame is not None:
                self._write(
                    self._again(frame) if self.frames < self.kept else self._stream.encode(self._picture(frame))
                )
                self.frames += 1
                self.end = (frame.pts + frame.duration) * self._format.time_base

    def close(self) -> None:
        """Write what is still inside the encoders, and the end of the file."""
        with self._said():
            if self.frames > self.kept:
                self._write(self._stream.encode(None))
            for track in self._tracks.values():
                self._mux_beside(track, track.finish())
            self._container.close()
        self._let_go()

    def abandon(self) -> None:
        """Close after a failure, as well as it goes."""
        self._let_go()
        try:
            self._container.close()  # nothing, where it is closed already
        except (av.error.FFmpegError, ValueError):
            return

    def check(self) -> None:
        """Read the file back: every picture must be in it. Raises OutputError."""
        with self._said(), av.open(str(self._target.part)) as container:
            stream = container.streams.video[0]
            found, end = 0, 0
            for packet in container.demux(stream):
                if packet.size and packet.pts is not None and not packet.is_discard:  # players leave those out
                    found, end = found + 1, max(end, packet.pts + (packet.duration or 0))
            seconds = end * (stream.time_base or Fraction(1))
        if found != self.frames or abs(seconds - self.end) > Fraction(1, 10) + 1 / self._format.rate:
            raise OutputError(
                f"{self._target.path} came out wrong: {found} of {self.frames} pictures, "
                f"{float(seconds):.2f} of {float(self.end):.2f} s; it is kept as {self._target.part}"
            )

    def _picture(self, frame: VideoFrame) -> AvFrame:
        picture = AvFrame.from_ndarray(np.ascontiguousarray(frame.image), format="bgr24")
        width, height = self._format.size
        matrix, levels = self._colour.swscale(height), 2 if self._colour.full else 1
        picture = self._reformatter.reformat(
            picture, width, height, self._pixels,
            src_color_range=2, dst_colorspace=matrix, dst_color_range=levels, interpolation=TO_YUV,
        )  # fmt: skip
        picture.pts, picture.time_base, picture.duration = frame.pts, self._format.time_base, frame.duration
        return picture

    def _again(self, frame: VideoFrame) -> list[Packet[Any]]:
        """The next picture of the earlier run; it must have been shown when this one is."""
        assert self._begun is not None
        if self._kept is None:
            self._first = frame.pts
            self._kept = self._begun.packets(self._codec, self._format.time_base, frame.pts)
        there, here = self._begun.times[self.frames], (frame.pts - self._first) * self._format.time_base
        packet = next(self._kept, None)
        if packet is None or abs(there - here) > Fraction(1, 1000):
            raise OutputError(
                f"{self._begun.path} does not fit this film: its picture {self.frames + 1} is shown at "
                f"{float(there):.3f} s, here at {float(here):.3f} s; without --resume it begins anew"
            )
        packet.stream = self._stream
        return [packet]

    def _write(self, packets: list[Packet[Any]]) -> None:
        """Mux pictures. Where two runs meet their times of decoding may overlap, which no container takes."""
        for packet in packets:
            astray = _ASTRAY / self._format.time_base
            if packet.dts is not None and packet.pts is not None and abs(packet.pts - packet.dts) > astray:
                packet.dts = packet.pts
            if self.kept and packet.dts is not None:
                if self._decoded is not None:
                    packet.dts = max(packet.dts, self._decoded + 1)
                self._decoded = packet.dts
            self._container.mux(packet)

    def _let_go(self) -> None:
        """Close the earlier run's file: Windows removes none that is open."""
        if self._kept is not None:
            self._kept.close()

    def _mux_beside(self, track: Track, packets: Iterable[Packet[Any]]) -> None:
        """A broken packet of sound costs that packet, not the film."""
        for packet in packets:
            try:
                self._container.mux(packet)
            except (av.error.ArgumentError, av.error.InvalidDataError):
                track.damaged += 1

    @contextmanager
    def _said(self) -> Iterator[None]:
        """FFmpeg's errors as ours."""
        try:
            yield
        except (av.error.FFmpegError, OSError) as error:
            if isinstance(error, OutputError):
                raise
            reason = error.strerror or str(error)
            part = self._target.part
            kept = f"; what was painted is in {part}" if part.exists() and part.stat().st_size else ""
            raise OutputError(f"{self._target.path}: {reason}{kept}") from error
