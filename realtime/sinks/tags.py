"""Tags of films: which of them are true of the output, and which its container does not keep."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable
from fractions import Fraction

import av
from av.container import InputContainer, OutputContainer
from av.stream import Stream
from av.video.stream import VideoStream

# Tags that are true of the input file alone.
_INPUT_TAGS = {
    "DURATION", "ENCODER", "BPS", "NUMBER_OF_FRAMES", "NUMBER_OF_BYTES", "ROTATE", "ALPHA_MODE", "MAJOR_BRAND",
    "MINOR_VERSION", "COMPATIBLE_BRANDS", "VENDOR_ID", "ISVBR", "WMFSDKVERSION", "WMFSDKNEEDED",
    "DEVICECONFORMANCETEMPLATE",
}  # fmt: skip
_QUICKTIME_CONTAINERS = ("mp4", "mov")
_DATE_AND_TIME = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d")
_UNSAID = {"language": ("und",), "handler_name": ("VideoHandler", "SoundHandler", "SubtitleHandler", "DataHandler")}


def tags(metadata: dict[str, str]) -> dict[str, str]:
    """Return the tags that are true of the output too."""
    return {k: v for k, v in metadata.items() if k.upper() not in _INPUT_TAGS and not k.upper().startswith("_STAT")}


def stream_tags(metadata: dict[str, str]) -> dict[str, str]:
    """Return the tags of a stream that are true of the output's too."""
    found = tags(metadata)
    if "name" in found:  # FFmpeg reads so from MP4 and MOV what it writes as the title
        found.setdefault("title", found.pop("name"))
    return found


def missing_tags(before: dict[str, str], after: Iterable[dict[str, str]]) -> list[str]:
    """Return the names of tags whose value is in none of the output's tags, whatever their names are there."""
    found = list(after)
    values = {_comparable(value) for metadata in found for value in metadata.values()}
    has_location = any(key.lower().startswith("location") for metadata in found for key in metadata)
    return [
        key
        for key, value in before.items()
        if value
        and _comparable(value) not in values
        and value not in _UNSAID.get(key.lower(), ())
        and not (has_location and key.lower().startswith("location"))  # its digits are written otherwise
    ]


def needs_own_keys(container: str, metadata: dict[str, str]) -> bool:
    """Return whether MP4 or MOV would lose some of these tags, found out by writing them into memory.

    Such a file is written with keys that name themselves (`use_metadata_tags`), as the cameras of phones do it.
    """
    if container not in _QUICKTIME_CONTAINERS or not metadata:
        return False
    file = io.BytesIO()
    with av.open(file, "w", format=container) as trial:
        trial.metadata.update(metadata)
        trial.add_stream("pcm_s16le", rate=8000)
        trial.start_encoding()
    file.seek(0)
    with av.open(file, metadata_errors="replace") as written:
        return bool(missing_tags(metadata, [written.metadata]))


class FilmTags:
    """The tags and chapters of a film, on their way into another one. video: the stream that is stylized."""

    def __init__(self, source: InputContainer, video: VideoStream) -> None:
        self._film, self._video = tags(source.metadata), stream_tags(video.metadata)
        if "creation_time" in self._video:  # Matroska keeps one of the whole film only
            self._film.setdefault("creation_time", self._video["creation_time"])
        self._chapters = source.chapters()

    def write(self, container: OutputContainer, video: VideoStream, start: Fraction) -> None:
        """Write them to an output that is not begun. start: seconds to subtract from the chapters' times."""
        container.metadata.update(self._film)
        video.metadata.update(self._video)
        if needs_own_keys(container.format.name, self._film):
            movflags = container.container_options.get("movflags", "")
            container.container_options["movflags"] = movflags + "+use_metadata_tags"
        for chapter in self._chapters:
            shift = round(start / (chapter["time_base"] or 1))
            chapter["start"], chapter["end"] = (max(0, chapter[end] - shift) for end in ("start", "end"))
        if self._chapters:
            container.set_chapters(self._chapters)

    def missing(self, written: InputContainer, sources: dict[int, Stream]) -> list[str]:
        """Return what the written film lacks, for the user. sources: of its other streams, by their index in it."""
        missing = missing_tags(self._film, [written.metadata])
        missing += [
            f"{key} of the picture" for key in _missing_of_stream(self._video, written.streams.video[0], written)
        ]
        for index, source in sources.items():
            if index < len(written.streams):
                lost = _missing_of_stream(stream_tags(source.metadata), written.streams[index], written)
                missing += [f"{key} of track {source.index}" for key in lost]
        notes = [f"tags that the container does not keep: {', '.join(missing)}"] if missing else []
        num_chapters = len(written.chapters())
        if num_chapters < len(self._chapters):
            notes.append(f"only {num_chapters} of {len(self._chapters)} chapters are kept")
        return notes


def _missing_of_stream(before: dict[str, str], stream: Stream, written: InputContainer) -> list[str]:
    return missing_tags(before, [stream.metadata, written.metadata])


def _comparable(value: str) -> str:
    """Return a value without what containers write otherwise: fractions of a second, and space around."""
    moment = _DATE_AND_TIME.match(value)
    return moment[0].replace(" ", "T") if moment else value.strip()
