"""The other tracks of a video on their way from file to file: copied or converted."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from fractions import Fraction
from typing import Any, cast

import av
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.audio.stream import AudioStream
from av.bitstream import BitStreamFilterContext
from av.container import OutputContainer
from av.packet import Packet
from av.stream import Stream
from av.subtitles.stream import SubtitleStream

from realtime.sinks.sound import (
    SampleClock,
    cut_start,
    known_layout,
    nearest_rate,
    pcm_sample_bytes,
    pcm_silence,
    silent_frames,
)
from realtime.sinks.tags import stream_tags

_BITS_PER_CHANNEL = 96_000  # bit rate of a channel, in bits a second
_OPUS_RATE = 48_000  # samples a second
_PACKED_PCM_CONTAINERS = ("mp4", "mov")  # they store PCM without times: a gap has to be filled


class Track(ABC):
    """One stream on its way from file to file.

    repaired_timestamps: number of packets whose times did not increase and
    were replaced. damaged: number of packets that could not be read. out: the
    output's stream, None if there is none.
    """

    def __init__(self, source: Stream) -> None:
        self.source = source
        self.out: Stream | None = None
        self._last_dts: int | None = None
        self.repaired_timestamps = self.damaged = 0

    def _copy_metadata(self, out: Stream) -> None:
        self.out = out
        out.metadata.update(stream_tags(self.source.metadata))
        out.disposition = self.source.disposition

    @abstractmethod
    def attach(self, container: OutputContainer) -> None:
        """Add the track's stream to the output."""

    @abstractmethod
    def feed(self, packet: Packet[Any]) -> Iterable[Packet[Any]]:
        """Take a packet of the input, and return the packets to write for it."""

    def finish(self) -> Iterable[Packet[Any]]:
        """Return the packets that are left to write at the end."""
        return ()

    def _order_times(self, packet: Packet[Any], strictly: bool = True) -> Packet[Any]:
        """Have DTS ascend, as every container requires. strictly: no two may be the same."""
        if packet.dts is not None:
            if self._last_dts is not None and packet.dts < self._last_dts + strictly:
                self.repaired_timestamps += 1
                packet.dts = self._last_dts + strictly
                packet.pts = max(packet.pts, packet.dts) if packet.pts is not None else packet.dts
            self._last_dts = packet.dts
        return packet


class CopiedTrack(Track):
    """A track whose packets are copied bit for bit."""

    def attach(self, container: OutputContainer) -> None:
        """Add the track's stream to the output."""
        self._out = container.add_stream_from_template(self.source, opaque=True)
        self._copy_metadata(self._out)
        context = self.source.codec_context
        self._adts_filter: BitStreamFilterContext | None = None
        if codec_name(self.source) == "aac" and not context.extradata and container.format.name != "mpegts":
            # In transport streams each packet has an ADTS header; other containers keep it once, as extradata.
            self._adts_filter = BitStreamFilterContext("aac_adtstoasc", self.source)
        self._samples: SampleClock | None = None
        if container.format.name in _PACKED_PCM_CONTAINERS and isinstance(self.source, AudioStream):
            context = self.source.codec_context
            if context is not None and context.sample_rate and pcm_sample_bytes(context):
                self._samples = SampleClock(context.sample_rate)

    def feed(self, packet: Packet[Any]) -> Iterable[Packet[Any]]:
        """Return the same packet; before it silence where PCM is missing, that the container could not leave out."""
        if self._samples is not None:
            return self._feed_pcm(packet, self._samples)
        time_base = packet.time_base
        packet = self._order_times(packet, strictly=self.source.type != "subtitle")
        try:
            packets = [packet] if self._adts_filter is None else self._adts_filter.filter(packet)
        except av.error.FFmpegError:
            self.damaged += 1
            return ()
        for out_packet in packets:
            out_packet.time_base, out_packet.stream = time_base, self._out
        return packets

    def _feed_pcm(self, packet: Packet[Any], clock: SampleClock) -> Iterable[Packet[Any]]:
        context = cast("AudioStream", self.source).codec_context
        size = pcm_sample_bytes(context)
        begins = bool(packet.opaque)
        start = packet.pts * packet.time_base if packet.pts is not None else None
        missing = clock.missing(start, begins_recording=begins)
        data = bytes(packet)[max(0, -missing) * size :]
        while missing > 0:
            samples = min(missing, clock.rate)
            yield self._pcm_packet(pcm_silence(context, samples), packet, clock)
            missing -= samples
        if data:
            yield self._pcm_packet(data, packet, clock)

    def _pcm_packet(self, data: bytes, like: Packet[Any], clock: SampleClock) -> Packet[Any]:
        """Return a packet with that data, which begins where the last one ended."""
        samples = len(data) // pcm_sample_bytes(cast("AudioStream", self.source).codec_context)
        packet: Packet[Any] = Packet(data)
        packet.time_base = Fraction(1, clock.rate)
        packet.pts = packet.dts = round(clock.end * clock.rate)
        packet.duration, packet.is_keyframe, packet.stream = samples, True, self._out
        clock.add(samples)
        return self._order_times(packet)


class CoverAttachment(Track):
    """Cover art as Matroska keeps it: an attached file."""

    def __init__(self, source: Stream, image: bytes) -> None:
        super().__init__(source)
        self._image = image

    def attach(self, container: OutputContainer) -> None:
        """Attach the image file."""
        kind = "jpeg" if codec_name(self.source) == "mjpeg" else codec_name(self.source)
        container.add_attachment(f"cover.{kind.replace('jpeg', 'jpg')}", f"image/{kind}", self._image)

    def feed(self, packet: Packet[Any]) -> Iterable[Packet[Any]]:
        """Return no packet: the whole image is attached already."""
        return ()


class TranscodedAudio(Track):
    """A track of sound that is decoded and encoded again. channels: to mix it down to, None for its own."""

    def __init__(self, source: AudioStream, codec: str, channels: int | None = None) -> None:
        super().__init__(source)
        self._codec, self._channels = codec, channels

    def attach(self, container: OutputContainer) -> None:
        """Add the track's stream to the output."""
        context = cast("AudioStream", self.source).codec_context
        rates = av.codec.Codec(self._codec, "w").audio_rates
        rate = _OPUS_RATE if self._codec == "libopus" else nearest_rate(context.sample_rate, rates)
        channels = self._channels or context.channels
        self._out = cast("AudioStream", container.add_stream(self._codec, rate=rate))
        encoder = self._out.codec_context
        encoder.layout = known_layout(channels)  # others than the usual ones, such as 5.1(side), few encoders take
        encoder.bit_rate = _BITS_PER_CHANNEL * max(1, channels)
        encoder.time_base = Fraction(1, rate)
        self._out.time_base = Fraction(1, rate)
        self._copy_metadata(self._out)
        self._resampler: AudioResampler | None = None
        self._clock: SampleClock | None = None

    def feed(self, packet: Packet[Any]) -> Iterable[Packet[Any]]:
        """Return what the encoder gives for the packet."""
        begins = bool(packet.opaque)
        try:
            frames = cast("AudioStream", self.source).codec_context.decode(packet)
        except av.error.FFmpegError:
            self.damaged += 1
            return
        for frame in frames:
            for whole in self._without_gaps(frame, begins):
                try:
                    resampled = self._open_resampler().resample(whole)
                except ValueError:  # another rate or layout from here on
                    resampled = self._flush_resampler() + self._open_resampler().resample(whole)
                for out_frame in resampled:
                    yield from self._out.encode(out_frame)
            begins = False

    def _without_gaps(self, frame: AudioFrame, begins_recording: bool) -> Iterable[AudioFrame]:
        """Yield the frame so that it follows the last one at once: after silence for what is missing, or cut."""
        rate = frame.sample_rate
        if self._clock is None or self._clock.rate != rate:
            end = self._clock.end if self._clock is not None else None
            self._clock = SampleClock(rate)
            self._clock.missing(end)
        clock = self._clock
        start = frame.pts * frame.time_base if frame.pts is not None and frame.time_base else None
        missing = clock.missing(start, begins_recording=begins_recording)
        rest = frame if missing >= 0 else cut_start(frame, -missing)
        for piece in (*silent_frames(frame, missing), *([rest] if rest is not None else [])):
            piece.time_base, piece.pts = Fraction(1, rate), round(clock.end * rate)
            clock.add(piece.samples)
            yield piece

    def finish(self) -> Iterable[Packet[Any]]:
        """Return what is left in the resampler and the encoder."""
        for out_frame in self._flush_resampler():
            yield from self._out.encode(out_frame)
        yield from self._out.encode(None)

    def _flush_resampler(self) -> list[AudioFrame]:
        frames = self._resampler.resample(None) if self._resampler is not None else []
        self._resampler = None
        return frames

    def _open_resampler(self) -> AudioResampler:
        if self._resampler is None:
            encoder = self._out.codec_context
            self._resampler = AudioResampler(
                encoder.format, encoder.layout, encoder.sample_rate, encoder.frame_size or None
            )
        return self._resampler


class ConvertedSubtitles(Track):
    """Subtitles that are converted from one text format to another."""

    def __init__(self, source: SubtitleStream, codec: str) -> None:
        super().__init__(source)
        self._codec = codec

    def attach(self, container: OutputContainer) -> None:
        """Add the track's stream to the output."""
        self._out = cast("SubtitleStream", container.add_stream(self._codec))
        encoder = self._out.codec_context
        decoder = cast("SubtitleStream", self.source).codec_context
        decoder.open(strict=False)  # the header is known only then
        encoder.subtitle_header = decoder.subtitle_header
        encoder.time_base = self._out.time_base = Fraction(1, 1000)
        self._copy_metadata(self._out)

    def feed(self, packet: Packet[Any]) -> Iterable[Packet[Any]]:
        """Return the same text in the other format."""
        if packet.pts is None:
            return
        try:
            subtitle = cast("SubtitleStream", self.source).codec_context.decode2(packet)
            if subtitle is None or not len(subtitle):
                return
            out_packet = self._out.codec_context.encode_subtitle(subtitle)
        except (av.error.FFmpegError, ValueError):
            self.damaged += 1
            return
        milliseconds = packet.time_base * 1000
        out_packet.time_base = Fraction(1, 1000)
        out_packet.pts = out_packet.dts = round(packet.pts * milliseconds)
        out_packet.duration = round((packet.duration or 0) * milliseconds)
        out_packet.stream = self._out
        yield self._order_times(out_packet, strictly=False)


def codec_name(stream: Stream) -> str:
    """Return FFmpeg's name of the stream's codec, empty if it is unknown."""
    if cast("Any", stream.codec_context) is not None:
        return stream.codec_context.codec.canonical_name
    return getattr(stream, "name", None) or ""
