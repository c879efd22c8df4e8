"""Video files, written: frames are encoded, other tracks muxed beside them; the file can be played at any moment."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from fractions import Fraction
from typing import Any, cast

import av
from av.codec.context import Flags
from av.container import InputContainer, OutputContainer
from av.packet import Packet
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame as AvFrame
from av.video.reformatter import VideoReformatter
from av.video.stream import VideoStream

from realtime.errors import OutputError
from realtime.frame import TO_YUV_FLAGS, VideoFormat, VideoFrame, VideoStep
from realtime.sinks.alpha import AlphaChannel
from realtime.sinks.codecs import Encoding
from realtime.sinks.output_file import OutputFile
from realtime.sinks.resume import PartialVideo
from realtime.sinks.tags import FilmTags
from realtime.sinks.tracks import Track
from realtime.system.thread_priority import restore_thread_priority

# Fragmented MP4, a fragment a second, each flushed to the disk: what a killed process leaves can be played. At the end
# the muxer turns it into a plain MP4. delay_moov: the header waits until the first times are known.
_FRAGMENT_OPTIONS = {"movflags": "+hybrid_fragmented+delay_moov", "frag_duration": "1000000"}  # µs
# Where frames are reordered, fragments begin with keyframes: FFmpeg takes the end of the video from the last fragment,
# which otherwise may lack the last frame.
_KEYFRAME_FRAGMENT_OPTIONS = {
    "movflags": "+hybrid_fragmented+delay_moov+frag_keyframe",
    "min_frag_duration": "1000000",  # µs
}
_MAX_KEYFRAME_SECONDS = 2  # between two keyframes of a fragmented file
# x265 writes arbitrary DTS for two-frame streams; times further apart than this are such.
_MAX_REORDER_SECONDS = 3600
# Each packet is flushed; frames wait for missing sound no longer than a second.
_FLUSH_OPTIONS = {"flush_packets": "1", "max_interleave_delta": "1000000"}  # µs


class VideoSink:
    """A video that is being written to an output's part file.

    partial: an interrupted run's frames, copied instead of as many of the first frames that are written; the output was
    made with `resume_from=partial.path`.
    frames: how many were written, `kept_frames` of them copied. end: of the last one, in seconds. notes: what of the
    format cannot be kept, for the user. alpha: what becomes of the frames' alpha channel.
    The constructor and all methods raise OutputError, with a message of one line.
    """

    def __init__(
        self,
        output: OutputFile,
        encoding: Encoding,
        format: VideoFormat,
        tracks: list[Track],
        partial: PartialVideo | None = None,
    ) -> None:
        self._output, self._format, self._codec = output, format, encoding.codec
        self._tracks = {track.source.index: track for track in tracks}
        self.frames, self.end = 0, Fraction(0)
        self._partial = partial
        self.kept_frames = partial.frames if partial is not None else 0
        self._kept_packets: Generator[Packet[Any]] | None = None
        self._last_dts: int | None = None
        self._colour = format.colour
        if encoding.codec in ("ffv1", "png"):  # stored as RGB
            self._colour = replace(format.colour, range=2, matrix=0)
        self._pixel_format = encoding.pixel_format(format.size, format.high_bit_depth, format.alpha)
        if partial is not None:
            partial.require_pixel_format(self._pixel_format)
        keeps_alpha = format.alpha and self._pixel_format == encoding.encoder.alpha_pixel_format
        self.alpha = AlphaChannel(encoding.codec, keeps_alpha)
        self._reformatter = VideoReformatter()
        self.notes = self._compromises(encoding)
        self._film_tags: FilmTags | None = None
        fragments = _FRAGMENT_OPTIONS if format.variable_rate else _KEYFRAME_FRAGMENT_OPTIONS
        options = _FLUSH_OPTIONS | (fragments if encoding.fragmented else {})
        self._container: OutputContainer = av.open(
            str(output.part), "w", format=encoding.container, container_options=options
        )
        self._stream = self._add_video_stream(encoding)
        for track in tracks:
            track.attach(self._container)

    def _compromises(self, encoding: Encoding) -> list[str]:
        """Return what of the video's format the codec or the container cannot keep, for the user."""
        notes = []
        if self._format.high_bit_depth and "10" not in self._pixel_format:
            notes.append("it is written with 8 bits too, which plays everywhere; --codec hevc and av1 keep 10")
        if self._pixel_format.startswith("yuv444p") and encoding.codec in ("h264", "hevc"):
            notes.append(f"its odd size needs 4:4:4 colour in {encoding.codec}, which not every player shows")
        if self._format.sample_aspect_ratio != 1 and encoding.codec in ("vp9", "av1") and not encoding.fragmented:
            suffix = self._output.path.suffix
            notes.append(f"its pixels are not square, which cannot be said in {suffix}; .mp4 can")
        return notes

    def _add_video_stream(self, encoding: Encoding) -> VideoStream:
        format = self._format
        stream = cast(
            "VideoStream",
            self._container.add_stream(
                encoding.encoder.name,
                rate=encoding.encoder.nominal_rate(format.rate),
                hwaccel=encoding.encoder.accel(),
            ),
        )
        context: VideoCodecContext = stream.codec_context
        context.width, context.height = format.size
        context.pix_fmt = self._pixel_format
        context.sample_aspect_ratio = format.sample_aspect_ratio
        context.color_range = self._colour.range
        context.color_primaries = self._colour.primaries
        context.color_trc = self._colour.transfer
        context.colorspace = self._colour.matrix
        context.options = encoding.options_for(format.size)
        self._keep_frame_times(stream, encoding)
        if encoding.codec == "hevc" and encoding.fragmented:
            context.codec_tag = "hvc1"  # Apple's players take no other
        return stream

    def _keep_frame_times(self, stream: VideoStream, encoding: Encoding) -> None:
        """Have the encoder keep each frame's own time and duration, so that a variable frame rate (VFR) stays one."""
        context = stream.codec_context
        context.time_base = stream.time_base = self._format.time_base
        context.flags |= Flags.frame_duration
        if encoding.fragmented and self._format.variable_rate:
            context.max_b_frames = 0  # with B-frames the durations of the fragments come out wrong
        elif encoding.fragmented:
            context.gop_size = max(1, round(_MAX_KEYFRAME_SECONDS * self._format.rate))

    @property
    def repaired_timestamps(self) -> int:
        """How many packets of other tracks had times that did not increase, and were replaced."""
        return sum(track.repaired_timestamps for track in self._tracks.values())

    @property
    def losses(self) -> list[str]:
        """How many packets of sound and subtitles were damaged and left out, for the user."""
        damaged = sum(track.damaged for track in self._tracks.values())
        return [f"damaged pieces of sound or subtitles, skipped: {damaged}"] if damaged else []

    def copy_metadata(self, source: InputContainer, video: VideoStream, start: Fraction) -> None:
        """Copy title, chapters and language from the source. start: seconds to subtract from the chapters' times."""
        self._film_tags = FilmTags(source, video)
        self._film_tags.write(self._container, self._stream, start)
        if self.alpha.is_kept and self._codec == "vp9":
            self._stream.metadata["alpha_mode"] = "1"
        self._stream.disposition = video.disposition

    def start(self) -> None:
        """Open the encoder and write the header."""
        with self._ffmpeg_errors_as_output_errors(), restore_thread_priority():
            try:
                self._stream.codec_context.open(strict=False)
            except (av.error.FFmpegError, ValueError) as error:
                raise OutputError(self._refusal(error)) from error
            self._container.start_encoding()

    def _refusal(self, error: Exception) -> str:
        """Return what the encoder does not take: its own errors name neither the size nor the rate."""
        (width, height), rate = self._format.size, float(self._format.rate)
        return (
            f"{self._output.path}: {self._stream.codec_context.name} does not take {width} x {height} pixels at "
            f"{rate:g} frames a second ({getattr(error, 'strerror', None) or error}); another --codec may, and "
            "--size ROWS --scale-output makes it smaller"
        )

    def write(self, step: VideoStep) -> None:
        """Write packets of the source's other tracks, then a frame."""
        frame = step.frame
        with self._ffmpeg_errors_as_output_errors():
            for packet in step.packets:
                track = self._tracks.get(packet.stream.index)
                if track is not None:
                    self._mux_track(track, track.feed(packet))
            if frame is not None:
                copied = self.frames < self.kept_frames
                self._mux_video(
                    [self._next_kept_packet(frame)] if copied else self._stream.encode(self._to_av_frame(frame))
                )
                self.frames += 1
                self.end = (frame.pts + frame.duration) * self._format.time_base

    def close(self) -> None:
        """Flush the encoders and finish the file."""
        with self._ffmpeg_errors_as_output_errors():
            if self.frames > self.kept_frames:
                self._mux_video(self._stream.encode(None))
            for track in self._tracks.values():
                self._mux_track(track, track.finish())
            self._container.close()
        self._close_partial()

    def abandon(self) -> None:
        """Close the file after a failure, as far as that is possible; does nothing after `close`."""
        self._close_partial()
        try:
            self._container.close()
        except (av.error.FFmpegError, ValueError):
            return

    def verify(self) -> list[str]:
        """Read the file back, count its frames, and return what of the tags it lacks, for the user.

        Raises OutputError if a frame is missing or the duration is wrong.
        """
        with self._ffmpeg_errors_as_output_errors(), av.open(str(self._output.part)) as container:
            stream = container.streams.video[0]
            found, end = 0, 0
            for packet in container.demux(stream):
                if packet.size and packet.pts is not None and not packet.is_discard:  # players skip those marked so
                    found, end = found + 1, max(end, packet.pts + (packet.duration or 0))
            seconds = end * (stream.time_base or Fraction(1))
            sources = {track.out.index: track.source for track in self._tracks.values() if track.out is not None}
            lacks = self._film_tags.missing(container, sources) if self._film_tags is not None else []
        if found != self.frames or abs(seconds - self.end) > Fraction(1, 10) + 1 / self._format.rate:
            raise OutputError(
                f"{self._output.path} came out wrong: {found} of {self.frames} pictures, "
                f"{float(seconds):.2f} of {float(self.end):.2f} s; it is kept as {self._output.part}"
            )
        return lacks

    def _to_av_frame(self, frame: VideoFrame) -> AvFrame:
        """Convert BGR to the encoder's pixel format, and attach the frame's time and duration."""
        pixels = self.alpha.pixels(frame)
        av_frame = AvFrame.from_ndarray(pixels, format="bgra" if pixels.shape[2] == 4 else "bgr24")
        width, height = self._format.size
        matrix, color_range = self._colour.swscale_matrix(height), 2 if self._colour.is_full_range else 1
        av_frame = self._reformatter.reformat(
            av_frame, width, height, self._pixel_format,
            src_color_range=2, dst_colorspace=matrix, dst_color_range=color_range, interpolation=TO_YUV_FLAGS,
        )  # fmt: skip
        av_frame.pts, av_frame.time_base, av_frame.duration = frame.pts, self._format.time_base, frame.duration
        return av_frame

    def _next_kept_packet(self, frame: VideoFrame) -> Packet[Any]:
        """Return the interrupted run's next packet. Raises OutputError if its frame was not shown when this one is."""
        assert self._partial is not None
        path = self._output.previous_part
        if self._kept_packets is None:
            self._first_pts = frame.pts
            self._kept_packets = self._partial.packets(path, self._codec, self._format.time_base, frame.pts)
        kept_time = self._partial.times[self.frames]
        frame_time = (frame.pts - self._first_pts) * self._format.time_base
        packet = next(self._kept_packets, None)
        if packet is None or abs(kept_time - frame_time) > Fraction(1, 1000):
            raise OutputError(
                f"{path} does not fit this film: its picture {self.frames + 1} is shown at "
                f"{float(kept_time):.3f} s, here at {float(frame_time):.3f} s; without --resume it begins anew"
            )
        packet.stream = self._stream
        return packet

    def _mux_video(self, packets: list[Packet[Any]]) -> None:
        """Mux packets of the video stream, with DTS that ascend.

        Where copied packets meet newly encoded ones their DTS may overlap, which no container takes.
        """
        max_offset = _MAX_REORDER_SECONDS / self._format.time_base
        for packet in packets:
            if packet.dts is not None and packet.pts is not None and abs(packet.pts - packet.dts) > max_offset:
                packet.dts = packet.pts
            if self.kept_frames and packet.dts is not None:
                if self._last_dts is not None:
                    packet.dts = max(packet.dts, self._last_dts + 1)
                self._last_dts = packet.dts
            self._container.mux(packet)

    def _close_partial(self) -> None:
        """Close the interrupted run's file: Windows removes none that is open."""
        if self._kept_packets is not None:
            self._kept_packets.close()

    def _mux_track(self, track: Track, packets: Iterable[Packet[Any]]) -> None:
        """Mux packets of another track; a damaged one is left out and counted."""
        for packet in packets:
            try:
                self._container.mux(packet)
            except (av.error.ArgumentError, av.error.InvalidDataError):
                track.damaged += 1

    @contextmanager
    def _ffmpeg_errors_as_output_errors(self) -> Iterator[None]:
        """Raise errors of FFmpeg and the operating system as OutputError, which says where the part is."""
        try:
            yield
        except (av.error.FFmpegError, OSError) as error:
            if isinstance(error, OutputError):
                raise
            reason = error.strerror or str(error)
            part = self._output.part
            kept = f"; what was painted is in {part}" if os.path.exists(part) and part.stat().st_size else ""
            raise OutputError(f"{self._output.path}: {reason}{kept}") from error
