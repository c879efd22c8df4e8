"""Stretches of a film's packets that have one clock, stream by stream and for the whole file."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from av.packet import Packet

MAX_STEP_BACK_SECONDS = Fraction(1, 10)  # decoding times never fall; by less than this they are taken for imprecise


@dataclass(eq=False)
class ClockRun:
    """Successive packets of one stream whose clock goes on without a jump.

    first, packets: number of the first packet among the stream's packets, and how many there are.
    position, last_position: of its first and last packet among the packets of the whole file.
    start, end: earliest presentation time, and latest plus its duration; first_time, last_time, next_time: decoding
    time of the first and the last packet, and the expected one of the next; all in ticks of the time base.
    offset: ticks to add to all times. cut: packets that start at this time or later, with the offset, are left out,
    because the next run begins there.
    """

    time_base: Fraction
    first: int
    position: int
    first_time: int
    start: int
    end: int
    last_time: int
    next_time: int
    last_position: int = 0
    packets: int = 0
    is_stray: bool = False
    offset: int = 0
    cut: int | None = None

    @classmethod
    def begin(cls, packet: Packet[Any], time: int, first: int, position: int) -> ClockRun:
        """Return the run that begins with a packet, whose `add` follows."""
        shown = packet.pts if packet.pts is not None else time
        return cls(packet.time_base, first, position, time, shown, shown, time, time)

    def is_continued_by(self, time: int, max_gap: Fraction) -> bool:
        """Return whether a packet of that decoding time goes on with this clock."""
        step, gap = (time - self.last_time) * self.time_base, (time - self.next_time) * self.time_base
        return step >= -MAX_STEP_BACK_SECONDS and gap <= max_gap

    def add(self, packet: Packet[Any], time: int, position: int) -> None:
        """Take in the next packet."""
        shown = packet.pts if packet.pts is not None else time
        duration = packet.duration or 0
        self.start = min(self.start, shown)
        self.end = max(self.end, shown + duration)
        self.last_time, self.next_time = max(self.last_time, time), max(self.next_time, time + duration)
        self.last_position = position


@dataclass(eq=False)
class ClockSegment:
    """A stretch of the file that has one clock: a run of each stream, or several with gaps between them."""

    runs: dict[int, list[ClockRun]] = field(default_factory=dict)  # by the stream's index
    start: Fraction = Fraction(0)
    end: Fraction = Fraction(0)
    offset: Fraction = Fraction(0)
    position: int = 0
    last_position: int = 0

    def takes(self, index: int, run: ClockRun, max_gap: Fraction) -> bool:
        """Return whether a run of the stream `index` can belong to this clock."""
        start, end = run.start * run.time_base, run.end * run.time_base
        before = self.runs.get(index)
        if before and start < before[-1].end * run.time_base - MAX_STEP_BACK_SECONDS:
            return False
        return self.start - max_gap <= end and start <= self.end + max_gap

    def overlap(self, run: ClockRun) -> int:
        """Return for how many packets of the file the run lies beside those of this segment."""
        return min(self.last_position, run.last_position) - max(self.position, run.position)

    def add(self, index: int, run: ClockRun) -> None:
        """Take in a run of the stream `index`."""
        start, end = run.start * run.time_base, run.end * run.time_base
        if not self.runs:
            self.start, self.end, self.position, self.last_position = start, end, run.position, run.last_position
        self.start, self.end = min(self.start, start), max(self.end, end)
        self.last_position = max(self.last_position, run.last_position)
        self.runs.setdefault(index, []).append(run)

    def bounds(self, index: int) -> tuple[Fraction, Fraction] | None:
        """Return the stream's start and end in seconds, or None if it is not in this segment."""
        runs = self.runs.get(index)
        if not runs:
            return None
        return min(run.start for run in runs) * runs[0].time_base, max(run.end for run in runs) * runs[0].time_base
