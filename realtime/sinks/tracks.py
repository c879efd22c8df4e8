"""Everything in a film but the picture: copied where the container takes it, else converted, else named and left."""

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

_SOUND = {"webm": "libopus"}  # what sound becomes that cannot be copied; elsewhere AAC
_TEXT = {"mp4": "mov_text", "mov": "mov_text", "matroska": "subrip", "webm": "webvtt"}
_BITMAPS = {"dvd_subtitle", "dvdsub", "hdmv_pgs_subtitle", "pgssub", "dvb_subtitle", "dvbsub", "xsub"}
_OWN_TAGS = {"DURATION", "ENCODER", "BPS", "NUMBER_OF_FRAMES", "NUMBER_OF_BYTES", "ROTATE"}  # true of the input alone


def tags(metadata: dict[str, str]) -> dict[str, str]:
    """The tags that stay true of the painted film."""
    return {k: v for k, v in metadata.items() if k.upper() not in _OWN_TAGS and not k.upper().startswith("_STAT")}


class Track(ABC):
    """One stream on its way from file to file. shift: seconds to take off its times."""

    def __init__(self, source: Stream, shift: Fraction) -> None:
        self.source, self._shift = source, shift
        self._last: int | None = None
        self.mended = self.damaged = 0

    def _describe(self, out: Stream) -> None:
        out.metadata.update(tags(self.source.metadata))
        out.disposition = self.source.disposition

    @abstractmethod
    def attach(self, container: OutputContainer) -> None:
        """Add its stream to the output."""

    @abstractmethod
    def feed(self, packet: Packet[Any]) -> Iterable[Packet[Any]]:
        """A packet of the input; what there is to write for it."""

    def finish(self) -> Iterable[Packet[Any]]:
        """What is left to write at the end."""
        return ()

    def _retime(self, packet: Packet[Any], strictly: bool = True) -> Packet[Any]:
        """Shift it, and keep its decoding times growing: no container takes them otherwise."""
        shift = round(self._shift / packet.time_base)
        if packet.pts is not None:
            packet.pts -= shift
        if packet.dts is not None:
            packet.dts -= shift
            if self._last is not None and packet.dts < self._last + strictly:
                self.mended += 1
                packet.dts = self._last + strictly
                packet.pts = max(packet.pts, packet.dts) if packet.pts is not None else packet.dts
            self._last = packet.dts
        return packet


class Copy(Track):
    """Bit for bit."""

    def attach(self, container: OutputContainer) -> None:
        """Add its stream to the output."""
        self._out = container.add_stream_from_template(self.source, opaque=True)
        self._describe(self._out)
        context = self.source.codec_context
        self._unpack: BitStreamFilterContext | None = None
        if _codec(self.source) == "aac" and not context.extradata and container.format.name != "mpegts":
            # From transport streams: each packet has a head of its own, which files want once and apart.
            self._unpack = BitStreamFilterContext("aac_adtstoasc", self.source)

    def feed(self, packet: Packet[Any]) -> Iterable[Packet[Any]]:
        """The same packet."""
        base = packet.time_base
        packet = self._retime(packet, strictly=self.source.type != "subtitle")
        try:
            pieces = [packet] if self._unpack is None else self._unpack.filter(packet)
        except av.error.FFmpegError:
            self.damaged += 1
            return ()
        for piece in pieces:
            piece.time_base, piece.stream = base, self._out
        return pieces


class Cover(Track):
    """The picture on the box, as Matroska keeps it: a file inside the file."""

    def __init__(self, source: Stream, shift: Fraction, picture: bytes) -> None:
        super().__init__(source, shift)
        self._picture = picture

    def attach(self, container: OutputContainer) -> None:
        """Put it in."""
        kind = "jpeg" if _codec(self.source) == "mjpeg" else _codec(self.source)
        container.add_attachment(f"cover.{kind.replace('jpeg', 'jpg')}", f"image/{kind}", self._picture)

    def feed(self, packet: Packet[Any]) -> Iterable[Packet[Any]]:
        """Nothing: it is in already."""
        return ()


class Sound(Track):
    """Decoded and encoded again."""

    def __init__(self, source: AudioStream, shift: Fraction, codec: str) -> None:
        super().__init__(source, shift)
        self._codec = codec

    def attach(self, container: OutputContainer) -> None:
        """Add its stream to the output."""
        context = cast("AudioStream", self.source).codec_context
        rate = 48_000 if self._codec == "libopus" else context.sample_rate
        self._out = cast("AudioStream", container.add_stream(self._codec, rate=rate))
        encoder = self._out.codec_context
        encoder.layout = context.layout
        encoder.bit_rate = 96_000 * max(1, context.channels)
        encoder.time_base = Fraction(1, rate)
        self._out.time_base = Fraction(1, rate)
        self._describe(self._out)
        self._resampler: AudioResampler | None = None

    def feed(self, packet: Packet[Any]) -> Iterable[Packet[Any]]:
        """What the encoder gives for it."""
        try:
            frames = cast("AudioStream", self.source).codec_context.decode(packet)
        except av.error.FFmpegError:
            self.damaged += 1
            return
        for frame in frames:
            if frame.pts is not None:
                frame.pts -= round(self._shift / (frame.time_base or packet.time_base))
            try:
                pieces = self._sampler().resample(frame)
            except ValueError:  # another rate or layout from here on
                pieces = self._drain() + self._sampler().resample(frame)
            for piece in pieces:
                yield from self._out.encode(piece)

    def finish(self) -> Iterable[Packet[Any]]:
        """The rest of it."""
        for piece in self._drain():
            yield from self._out.encode(piece)
        yield from self._out.encode(None)

    def _drain(self) -> list[AudioFrame]:
        pieces = self._resampler.resample(None) if self._resampler is not None else []
        self._resampler = None
        return pieces

    def _sampler(self) -> AudioResampler:
        if self._resampler is None:
            encoder = self._out.codec_context
            self._resampler = AudioResampler(
                encoder.format, encoder.layout, encoder.sample_rate, encoder.frame_size or None
            )
        return self._resampler


class Text(Track):
    """Subtitles of one kind of text into another."""

    def __init__(self, source: SubtitleStream, shift: Fraction, codec: str) -> None:
        super().__init__(source, shift)
        self._codec = codec

    def attach(self, container: OutputContainer) -> None:
        """Add its stream to the output."""
        self._out = cast("SubtitleStream", container.add_stream(self._codec))
        encoder = self._out.codec_context
        decoder = cast("SubtitleStream", self.source).codec_context
        decoder.open(strict=False)  # only then it knows its header
        encoder.subtitle_header = decoder.subtitle_header
        encoder.time_base = self._out.time_base = Fraction(1, 1000)
        self._describe(self._out)

    def feed(self, packet: Packet[Any]) -> Iterable[Packet[Any]]:
        """The same words."""
        if packet.pts is None:
            return
        try:
            words = cast("SubtitleStream", self.source).codec_context.decode2(packet)
            if words is None or not len(words):
                return
            written = self._out.codec_context.encode_subtitle(words)
        except (av.error.FFmpegError, ValueError):
            self.damaged += 1
            return
        scale = packet.time_base * 1000
        written.time_base = Fraction(1, 1000)
        written.pts = written.dts = round(packet.pts * scale)
        written.duration = round((packet.duration or 0) * scale)
        written.stream = self._out
        yield self._retime(written, strictly=False)


def plan_tracks(
    streams: list[Stream], container: str, samples: dict[int, Packet[Any]], shift: Fraction
) -> tuple[list[Track], list[str]]:
    """What becomes of each stream, found out by trying, and what the user should know of it."""
    tracks: list[Track] = []
    notes: list[str] = []
    for stream in streams:
        name = _name(stream)
        sample = samples.get(stream.index)
        if stream.type == "data" and _codec(stream) in ("", "bin_data"):
            continue  # the chapters' own track
        if sample is None and stream.type != "attachment":
            continue  # nothing in it
        for track, note in _choices(stream, container, shift, sample):
            if _works(track, container, sample):
                tracks.append(track)
                notes += [f"{name} {note}"] if note else []
                break
        else:
            if stream.type == "video" and not stream.disposition & Disposition.attached_pic:
                notes.append(f"another video track ({_codec(stream) or 'unknown'}) is left out")
            else:
                notes.append(f"{name} is left out: {container} does not take it")
    return tracks, notes


def _choices(
    stream: Stream, container: str, shift: Fraction, sample: Packet[Any] | None
) -> Iterable[tuple[Track, str]]:
    """How it could be carried, best first."""
    if stream.type == "video":
        if not stream.disposition & Disposition.attached_pic:
            return
        if container == "matroska" and sample is not None:
            yield Cover(stream, shift, bytes(sample)), ""
            return
    yield Copy(stream, shift), ""
    if isinstance(stream, AudioStream) and stream.codec_context is not None:
        codec = _SOUND.get(container, "aac")
        yield Sound(stream, shift, codec), f"is converted to {codec.removeprefix('lib')}"
    if isinstance(stream, SubtitleStream) and stream.codec_context is not None and _codec(stream) not in _BITMAPS:
        yield Text(stream, shift, _TEXT[container]), f"is converted to {_TEXT[container]}"


def _works(track: Track, container: str, sample: Packet[Any] | None) -> bool:
    """Write a file of this track alone, into memory, and see."""
    try:
        with av.open(io.BytesIO(), "w", format=container) as trial:
            track.attach(trial)
            if sample is not None and isinstance(track, Copy):
                trial.mux(list(track.feed(_twin(sample))))
            else:
                trial.start_encoding()
    except (av.error.FFmpegError, ValueError, RuntimeError, ZeroDivisionError):  # a rate of 0: unknown
        return False
    track._last, track.damaged = None, 0
    return True


def _twin(packet: Packet[Any]) -> Packet[Any]:
    twin: Packet[Any] = Packet(bytes(packet))
    twin.time_base, twin.pts, twin.dts, twin.duration = packet.time_base, packet.pts, packet.dts, packet.duration
    twin.is_keyframe = packet.is_keyframe
    return twin


def _codec(stream: Stream) -> str:
    """FFmpeg's name of its codec, empty where it knows none."""
    if cast("Any", stream.codec_context) is not None:
        return stream.codec_context.codec.canonical_name
    return getattr(stream, "name", None) or ""


def _name(stream: Stream) -> str:
    kinds = {"audio": "sound", "subtitle": "subtitle", "video": "video", "data": "data", "attachment": "attachment"}
    language = f", {stream.language}" if stream.language else ""
    return f"{kinds.get(stream.type, stream.type)} track {stream.index} ({_codec(stream) or 'unknown'}{language})"
