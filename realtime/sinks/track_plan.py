"""What becomes of a video's other tracks: copied where the container takes them, else converted, else left out."""

from __future__ import annotations

import io
from collections.abc import Iterable
from typing import Any

import av
from av.audio.stream import AudioStream
from av.packet import Packet
from av.stream import Discard, Disposition, Stream
from av.subtitles.stream import SubtitleStream

from realtime.sinks.tracks import (
    ConvertedSubtitles,
    CopiedTrack,
    CoverAttachment,
    Track,
    TranscodedAudio,
    codec_name,
)

_AUDIO_CODEC = {"webm": "libopus"}  # codec by container for sound that cannot be copied; elsewhere AAC
_SUBTITLE_CODEC = {"mp4": "mov_text", "mov": "mov_text", "matroska": "subrip", "webm": "webvtt"}
_BITMAP_CODECS = {"dvd_subtitle", "dvdsub", "hdmv_pgs_subtitle", "pgssub", "dvb_subtitle", "dvbsub", "xsub"}


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
        if stream.type == "data" and (stream.discard is Discard.all or "timecode" in stream.metadata):
            continue  # QuickTime's chapters; its time code, which is a tag of the video as well
        if sample is None and stream.type != "attachment":
            continue
        for track, note in _candidates(stream, container, sample):
            if _can_be_written(track, container, sample):
                tracks.append(track)
                notes += [f"{name} {note}"] if note else []
                break
        else:
            if stream.type == "video" and not stream.disposition & Disposition.attached_pic:
                notes.append(f"another video track ({codec_name(stream) or 'unknown'}) is left out")
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
        note = f"is converted to {codec.removeprefix('lib')}"
        yield TranscodedAudio(stream, codec), note
        yield TranscodedAudio(stream, codec, channels=2), f"{note}, and its channels are mixed down to two"
    if (
        isinstance(stream, SubtitleStream)
        and stream.codec_context is not None
        and codec_name(stream) not in _BITMAP_CODECS
    ):
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


def _name(stream: Stream) -> str:
    """Return what notes call the stream."""
    kinds = {"audio": "sound", "subtitle": "subtitle", "video": "video", "data": "data", "attachment": "attachment"}
    language = f", {stream.language}" if stream.language else ""
    return f"{kinds.get(stream.type, stream.type)} track {stream.index} ({codec_name(stream) or 'unknown'}{language})"
