"""The other tracks of a video: copied where the container takes them, else converted, else left out with a note."""

from __future__ import annotations

import io
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
from av.stream import Disposition, Stream
from av.subtitles.stream import SubtitleStream

_AUDIO_CODEC = {"webm": "libopus"}  # codec by container for sound that cannot be copied; elsewhere AAC
_SUBTITLE_CODEC = {"mp4": "mov_text", "mov": "mov_text", "matroska": "subrip", "webm": "webvtt"}
_BITMAP_CODECS = {"dvd_subtitle", "dvdsub", "hdmv_pgs_subtitle", "pgssub", "dvb_subtitle", "dvbsub", "xsub"}
_BITS_PER_CHANNEL = 96_000  # bit rate of a channel, in bits a second
_OPUS_RATE = 48_000  # samples a second
# Tags that are true of the input file alone.
_INPUT_TAGS = {"DURATION", "ENCODER", "BPS", "NUMBER_OF_FRAMES", "NUMBER_OF_BYTES", "ROTATE"}


def tags(metadata: dict[str, str]) -> dict[str, str]:
    """Return the tags that are true of the output too."""
    return {k: v for k, v in metadata.items() if k.upper() not in _INPUT_TAGS and not k.upper().startswith("_STAT")}


class Track(ABC):
    """One stream on its way from file to file.

    repaired_timestamps: number of packets whose times did not increase and
    were replaced. damaged: number of packets that could not be read.
    """

    def __init__(self, source: Stream) -> None:
        self.source = source
        self._last_dts: int | None = None
        self.repaired_timestamps = self.damaged = 0

    def _copy_metadata(self, out: Stream) -> None:
        out.metadata.update(tags(self.source.metadata))
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
        if _codec(self.source) == "aac" and not context.extradata and container.format.name != "mpegts":
            # In transport streams each packet has an ADTS header; other containers keep it once, as extradata.
            self._adts_filter = BitStreamFilterContext("aac_adtstoasc", self.source)

    def feed(self, packet: Packet[Any]) -> Iterable[Packet[Any]]:
        """Return the same packet."""
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


class CoverAttachment(Track):
    """Cover art as Matroska keeps it: an attached file."""

    def __init__(self, source: Stream, image: bytes) -> None:
        super().__init__(source)
        self._image = image

    def attach(self, container: OutputContainer) -> None:
        """Attach the image file."""
        kind = "jpeg" if _codec(self.source) == "mjpeg" else _codec(self.source)
        container.add_attachment(f"cover.{kind.replace('jpeg', 'jpg')}", f"image/{kind}", self._image)

    def feed(self, packet: Packet[Any]) -> Iterable[Packet[Any]]:
        """Return no packet: the whole image is attached already."""
        return ()


class TranscodedAudio(Track):
    """A track of sound that is decoded and encoded again."""

    def __init__(self, source: AudioStream, codec: str) -> None:
        super().__init__(source)
        self._codec = codec

    def attach(self, container: OutputContainer) -> None:
        """Add the track's stream to the output."""
        context = cast("AudioStream", self.source).codec_context
        rate = _OPUS_RATE if self._codec == "libopus" else context.sample_rate
        self._out = cast("AudioStream", container.add_stream(self._codec, rate=rate))
        encoder = self._out.codec_context
        encoder.layout = context.layout
        encoder.bit_rate = _BITS_PER_CHANNEL * max(1, context.channels)
        encoder.time_base = Fraction(1, rate)
        self._out.time_base = Fraction(1, rate)
        self._copy_metadata(self._out)
        self._resampler: AudioResampler | None = None

    def feed(self, packet: Packet[Any]) -> Iterable[Packet[Any]]:
        """Return what the encoder gives for the packet."""
        try:
            frames = cast("AudioStream", self.source).codec_context.decode(packet)
        except av.error.FFmpegError:
            self.damaged += 1
            return
        for frame in frames:
            try:
                resampled = self._open_resampler().resample(frame)
            except ValueError:  # another rate or layout from here on
                resampled = self._flush_resampler() + self._open_resampler().resample(frame)
            for out_frame in resampled:
                yield from self._out.encode(out_frame)

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


def plan_tracks(
    streams: list[Stream], container: str, samples: dict[int, Packet[Any]]
) -> tuple[list[Track], list[str]]:
    """Decide what becomes of each stream, by trying; also return notes for the user.

    container: FFmpeg's name. samples: the first packet of each stream, by the stream's index; those without one are
    empty.
    """
    tracks: list[Track] = []
    notes: list[str] = []
    for stream in streams:
        name = _name(stream)
        sample = samples.get(stream.index)
        if stream.type == "data" and _codec(stream) in ("", "bin_data"):
            continue  # QuickTime keeps chapters in such a track
        if sample is None and stream.type != "attachment":
            continue
        for track, note in _candidates(stream, container, sample):
            if _can_be_written(track, container, sample):
                tracks.append(track)
                notes += [f"{name} {note}"] if note else []
                break
        else:
            if stream.type == "video" and not stream.disposition & Disposition.attached_pic:
                notes.append(f"another video track ({_codec(stream) or 'unknown'}) is left out")
            else:
                notes.append(f"{name} is left out: {container} does not take it")
    return tracks, notes


def _candidates(stream: Stream, container: str, sample: Packet[Any] | None) -> Iterable[tuple[Track, str]]:
    """Yield the tracks that a stream could become, best first, each with a note for the user or an empty one."""
    if stream.type == "video":
        if not stream.disposition & Disposition.attached_pic:
            return
        if container == "matroska" and sample is not None:
            yield CoverAttachment(stream, bytes(sample)), ""
            return
    yield CopiedTrack(stream), ""
    if isinstance(stream, AudioStream) and stream.codec_context is not None:
        codec = _AUDIO_CODEC.get(container, "aac")
        yield TranscodedAudio(stream, codec), f"is converted to {codec.removeprefix('lib')}"
    if isinstance(stream, SubtitleStream) and stream.codec_context is not None and _codec(stream) not in _BITMAP_CODECS:
        codec = _SUBTITLE_CODEC[container]
        yield ConvertedSubtitles(stream, codec), f"is converted to {codec}"


def _can_be_written(track: Track, container: str, sample: Packet[Any] | None) -> bool:
    """Try to write a file of this track alone, into memory."""
    try:
        with av.open(io.BytesIO(), "w", format=container) as trial:
            track.attach(trial)
            if sample is not None and isinstance(track, CopiedTrack):
                trial.mux(list(track.feed(_copy_packet(sample))))
            else:
                trial.start_encoding()
    except (av.error.FFmpegError, ValueError, RuntimeError, ZeroDivisionError):  # the last: an unknown rate is 0
        return False
    track._last_dts, track.damaged = None, 0
    return True


def _copy_packet(packet: Packet[Any]) -> Packet[Any]:
    copy: Packet[Any] = Packet(bytes(packet))
    copy.time_base, copy.pts, copy.dts, copy.duration = packet.time_base, packet.pts, packet.dts, packet.duration
    copy.is_keyframe = packet.is_keyframe
    return copy


def _codec(stream: Stream) -> str:
    """Return FFmpeg's name of the stream's codec, empty if it is unknown."""
    if cast("Any", stream.codec_context) is not None:
        return stream.codec_context.codec.canonical_name
    return getattr(stream, "name", None) or ""


def _name(stream: Stream) -> str:
    """Return what notes call the stream."""
    kinds = {"audio": "sound", "subtitle": "subtitle", "video": "video", "data": "data", "attachment": "attachment"}
    language = f", {stream.language}" if stream.language else ""
    return f"{kinds.get(stream.type, stream.type)} track {stream.index} ({_codec(stream) or 'unknown'}{language})"
