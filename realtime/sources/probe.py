"""A look through a whole film before any work starts, without decoding: what there is and how it is timed."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import islice, pairwise
from statistics import median
from typing import Any

import av
from av.container import InputContainer
from av.packet import Packet
from av.stream import Stream

HOPELESS = 50  # errors of reading in a row

# Formats that write down how long they are; elsewhere FFmpeg guesses it from what it finds.
_TELLING = {"mov,mp4,m4a,3gp,3g2,mj2", "matroska,webm", "avi", "asf", "flv"}

# Formats that know only in which order to decode; what FFmpeg makes of it as times of showing is a guess.
DECODING_TIMES_ONLY = {"avi"}


def demux(container: InputContainer, failed: Callable[[], None]) -> Iterator[Packet[Any]]:
    """Every packet that can be read; `failed` is called at each place where one cannot."""
    in_a_row = 0
    while in_a_row < HOPELESS:
        try:
            for packet in container.demux():
                in_a_row = 0
                yield packet
            return
        except av.error.FFmpegError:
            in_a_row += 1
            failed()


@dataclass
class VideoProbe:
    """What a film holds.

    times: when each picture of the chosen track is shown, in its time base, growing; step: the usual distance;
    variable: the distances differ; last: how long the last picture stays.
    start, end: of the whole film in seconds; declared: how long the file says it is, None where it does not.
    samples: the first packet of every stream, by index. errors: places that could not be read.
    """

    frames: int = 0
    times: list[int] = field(default_factory=list)
    step: int = 0
    variable: bool = False
    last: int = 0
    start: Fraction = Fraction(0)
    end: Fraction = Fraction(0)
    declared: Fraction | None = None
    samples: dict[int, Packet[Any]] = field(default_factory=dict)
    errors: int = 0

    @property
    def missing(self) -> Fraction:
        """Seconds that the file declares and does not have; half a second of disagreement is usual."""
        short = (self.declared or self.end - self.start) - (self.end - self.start)
        return short if short > Fraction(1, 2) else Fraction(0)

    def duration(self, time: int) -> int:
        """How long the picture shown at that time stays, in the time base."""
        after = bisect_right(self.times, time)
        return self.times[after] - time if after < len(self.times) else self.last

    def failed(self) -> None:
        """Count a place that could not be read."""
        self.errors += 1


def survey(container: InputContainer, video: int, packets: int | None = None) -> VideoProbe:
    """Read through an open film; video: the index of the chosen stream. packets: only so many."""
    found = VideoProbe()
    found.start = Fraction(max(0, container.start_time or 0), 1_000_000)
    if container.format.name in _TELLING and container.duration:
        found.declared = Fraction(container.duration, 1_000_000)
    seen = 0
    for packet in islice(demux(container, found.failed), packets):
        seen += 1
        if not packet.size:
            continue
        found.samples.setdefault(packet.stream.index, packet)
        time = packet.pts if packet.pts is not None else packet.dts
        if time is not None and packet.time_base:
            found.end = max(found.end, (time + (packet.duration or 0)) * packet.time_base)
        if packet.stream.index == video and not packet.is_discard:
            found.frames += 1
            shown = packet.dts if container.format.name in DECODING_TIMES_ONLY else packet.pts
            if shown is not None:
                found.times.append(shown)
    found.times.sort()
    _time(found, container.streams[video], whole=seen != packets)
    return found


def _time(found: VideoProbe, stream: Stream, *, whole: bool) -> None:
    """What the times of the pictures tell."""
    times = found.times
    steps = [later - sooner for sooner, later in pairwise(times) if later > sooner]
    if not steps:
        return
    found.step = found.last = round(median(steps))
    # A time base of milliseconds rounds 23.976 fps to 41 and 42: that is not a variable rate.
    found.variable = max(steps) - min(steps) > 2
    if whole and stream.duration and not found.missing:
        last = (stream.start_time or 0) + stream.duration - times[-1]
        found.last = last if last > 0 else found.step
