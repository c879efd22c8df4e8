"""What an interrupted run has left of a film, and whether another run may go on from it."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Generator, Iterator
from dataclasses import fields
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
from av.bitstream import BitStreamFilterContext
from av.packet import Packet

from realtime.errors import OutputError
from realtime.sinks.codecs import Encoding
from realtime.sinks.output_file import before_of, notes_of, part_of
from realtime.stylizer.look import Look
from realtime.stylizer.style_track import StyleTrack

# No codec here moves a picture by more than that on its way from the order of decoding to that of showing; so once as
# many packets follow, nothing that belongs before them is missing.
REORDERED = 16
_SAMPLE = 1 << 20  # bytes at the beginning, in the middle and at the end that tell one input from another

# H.264 and HEVC lie in files with lengths, as the encoder gives them with start codes; the heads are in the file once.
_AS_ENCODED = {
    "h264": "h264_mp4toannexb,filter_units=remove_types=7-8",
    "hevc": "hevc_mp4toannexb,filter_units=remove_types=32-34",
}


class PartialVideo:
    """The painted pictures of a film that is not whole.

    path: where they are. times: when the ones to keep are shown, in seconds from the first one, growing.
    replaces: the run that began it was told that it may replace what is there.
    """

    def __init__(self, path: Path, *, most: int | None = None, replaces: bool = False) -> None:
        self.path, self.replaces = path, replaces
        shown = [packet.pts * packet.time_base for packet in _packets(path)]
        order = {time: rank for rank, time in enumerate(sorted(shown))}
        ranks = [order[time] for time in shown]
        frames = highest = 0
        for count, rank in enumerate(ranks[: min(len(ranks) - REORDERED, most or len(ranks))], 1):
            highest = max(highest, rank)
            if highest == count - 1:  # these are the first pictures, without a gap
                frames = count
        first = min(shown, default=Fraction(0))  # Matroska's begins later, by what the sound has before its zero
        self.times = sorted(time - first for time in shown[:frames])
        self._ranks = ranks[:frames]
        self._lag = max((place - rank for place, rank in enumerate(ranks[:frames])), default=0)

    @property
    def frames(self) -> int:
        """How many pictures can be kept: the film's first ones."""
        return len(self.times)

    def packets(self, codec: str, time_base: Fraction, first: int) -> Generator[Packet[Any]]:
        """The pictures to keep, in the order of decoding, as the encoder gave them.

        Their times are in that time base, the first picture's being `first`.
        """
        with av.open(str(self.path)) as container:
            stream = container.streams.video[0]
            chain = BitStreamFilterContext(_AS_ENCODED[codec], stream) if codec in _AS_ENCODED else None
            ticks = [first + round(time / time_base) for time in self.times]
            for rank, place, packet in zip(self._ranks, range(self.frames), _packets(self.path), strict=False):
                duration = round((packet.duration or 0) * packet.time_base / time_base)
                for piece in [packet] if chain is None else chain.filter(packet):
                    piece.pts, piece.dts, piece.duration = ticks[rank], self._decoded(ticks, place), duration
                    piece.time_base = time_base
                    yield piece

    def _decoded(self, ticks: list[int], place: int) -> int:
        """When the picture at that place is decoded, as encoders count: so many places later than it is shown."""
        if place >= self._lag:
            return ticks[place - self._lag]
        return ticks[place] - (ticks[min(self._lag, len(ticks) - 1)] - ticks[0])


def _packets(path: Path) -> Iterator[Any]:
    """The video of a file that may end anywhere."""
    try:
        with av.open(str(path)) as container:
            for packet in container.demux(container.streams.video[0]):
                if packet.size == 0 or packet.pts is None or packet.is_corrupt:
                    return
                yield packet
    except (av.error.FFmpegError, IndexError):
        return


def recipe(source: Path, looks: StyleTrack, size: list[Any], track: int | None, encoding: Encoding) -> dict[str, Any]:
    """All that must be the same in two runs for their pictures to fit together, by what users call it."""
    table = {
        "input": _fingerprint(source),
        "--track": track,
        "look": _look(looks.cues[0].look),
        "network (--network, --models)": [hashlib.sha256(cue.look.model.data).hexdigest() for cue in looks.cues],
        "--style-track": [[cue.at, cue.fade, _look(cue.look)] for cue in looks.cues[1:]],
        "--size": size,
        "--codec": encoding.encoder.name,
        "--crf or --preset": encoding.options,
        "version of FFmpeg": [av.__version__, *av.library_versions["libavcodec"]],
    }
    copy: dict[str, Any] = json.loads(json.dumps(table))
    return copy


def _look(look: Look) -> dict[str, Any]:
    return {f.name: getattr(look, f.name) for f in fields(look) if f.name != "model"}


def find_begun(path: Path, recipe: dict[str, Any], most: int | None = None) -> PartialVideo | None:
    """What is left of an earlier run, for this one to go on from; None where there is nothing.

    most: so many pictures are wanted at all. Raises OutputError where it does not belong to this input and look.
    """
    place = path.resolve()
    written = _read(notes_of(place))
    found = [file for file in (part_of(place), before_of(place)) if file.exists() and file.stat().st_size]
    if not found and place.exists() and written.get("closed") == place.stat().st_size:
        found = [place]
    if not found:
        if place.exists() and notes_of(place).exists():
            raise OutputError(
                f"{path} cannot be resumed: {notes_of(place).name} does not fit it; --overwrite begins anew"
            )
        return None
    if "recipe" not in written:
        raise OutputError(f"{found[0]} cannot be resumed: {notes_of(place).name}, which says how it was begun, is gone")
    for what, value in recipe.items():
        if written["recipe"].get(what) != value:
            raise OutputError(
                f"{found[0]} cannot be resumed: it was begun with another {what}; that stays, or begin anew"
            )
    replaces = bool(written.get("replaces"))
    best = max((PartialVideo(file, most=most, replaces=replaces) for file in found), key=lambda begun: begun.frames)
    return best if best.frames else None


def refuse_leftover(path: Path) -> None:
    """Raise OutputError where an earlier run has left pictures that a new one would lose."""
    for file in (part_of(path.resolve()), before_of(path.resolve())):
        if file.exists() and file.stat().st_size:
            raise OutputError(
                f"{file} is what an interrupted run has left; --resume goes on from it, --overwrite begins anew"
            )


def _read(notes: Path) -> dict[str, Any]:
    try:
        table = json.loads(notes.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return table if isinstance(table, dict) else {}


def _fingerprint(source: Path) -> list[Any]:
    """Size and samples: as good as the whole for telling films apart, and at once."""
    digest = hashlib.sha256()
    try:
        with source.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            for place in (0, size // 2, max(0, size - _SAMPLE)):
                file.seek(place)
                digest.update(file.read(_SAMPLE))
    except OSError:
        return []  # said where it is opened
    return [size, digest.hexdigest()]
