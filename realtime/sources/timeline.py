"""Clocks of streams: where they jump, wrap or start again, and the one continuous timeline that the film is given."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from fractions import Fraction
from itertools import pairwise
from typing import Any

from av.container import InputContainer
from av.format import Flags
from av.packet import Packet
from av.stream import Disposition, Stream

from realtime.sources.clock_segments import ClockRun, ClockSegment

# A gap up to this length is one: the last picture stays, the sound is silent. FFmpeg takes 10 s too where the format's
# clock may jump, as in transport streams, and 30 h elsewhere; but there picture and sound do not pause together.
MAX_GAP_SECONDS = Fraction(10)
MAX_COMMON_GAP_SECONDS = Fraction(60)
MAX_SILENT_GAP_SECONDS = Fraction(30 * 3600)
MAX_STRAY_PACKETS = 3  # so few packets with other times, between packets that go on, are errors and no jump
MAX_INTERLEAVED_CLOCKS = 8  # a stream's packets lie beside those of other streams, or a few jumps later
PADDING_SECONDS = Fraction(1, 10)  # sound lasts up to this much longer than the picture: its codec fills a last packet


class Timeline:
    """The times of all packets, from 0 and without jumps.

    `add` takes every packet of a file once; after `finish`, `place` gives the packets of a second reading their times.
    Picture and sound get the same offset at each jump, found from both. video_index: of the chosen video stream.
    jumps: time of each jump in seconds of the new clock, and how far it goes. repaired: packets with a stray time.
    """

    def __init__(self, container: InputContainer, video_index: int) -> None:
        self._video_index = video_index
        kinds = [stream.type for stream in container.streams]
        if Flags.ts_discont in Flags(container.format.flags):
            self._max_gap = MAX_GAP_SECONDS
        else:
            self._max_gap = MAX_COMMON_GAP_SECONDS if "audio" in kinds else MAX_SILENT_GAP_SECONDS
        self._has_dts = container.format.name != "matroska,webm"  # FFmpeg derives them there, wrongly at a jump
        self._file_start = Fraction(container.start_time or 0, 1_000_000)
        self._runs: dict[int, list[ClockRun]] = defaultdict(list)
        self._segments: list[ClockSegment] = []
        self._counts: dict[int, int] = defaultdict(int)  # packets so far, by stream; of `add`, then of `place`
        self._untimed: dict[int, int] = {}  # packets without a time before the first one that has one, by stream
        self._intervals: dict[int, int] = {}  # their duration in ticks
        self._totals: dict[int, int] = {}
        self._position = 0
        self._placed: dict[
            int, tuple[ClockRun, int]
        ] = {}  # the stream's last packet: its run, and where it ends, in ticks
        self.jumps: list[tuple[Fraction, Fraction]] = []
        self.repaired = 0

    @property
    def start(self) -> Fraction:
        """Seconds that the film's first clock shows at its start."""
        return -self._segments[0].offset if self._segments else max(Fraction(0), self._file_start)

    def add(self, packet: Packet[Any]) -> None:
        """Take in the next packet of the file."""
        index, position = packet.stream.index, self._position
        self._position += 1
        number = self._counts[index]
        self._counts[index] += 1
        runs = self._runs[index]
        time = self._clock_time(packet, runs)
        if time is None or packet.is_discard or not _has_clock(packet.stream):
            return
        if number and not runs and packet.duration:
            self._untimed[index], self._intervals[index] = number, packet.duration
        if not runs or not runs[-1].is_continued_by(time, self._max_gap):
            runs.append(ClockRun.begin(packet, time, number if runs else 0, position))
        runs[-1].add(packet, time, position)
        runs[-1].packets = number + 1 - runs[-1].first

    def finish(self, *, is_complete: bool = True) -> None:
        """Find the jumps. is_complete: False if more packets follow, which are placed as they come."""
        self._totals = dict(self._counts) if is_complete else {}
        self._counts.clear()
        self._position = 0
        for runs in self._runs.values():
            self._mark_strays(runs)
        for index, untimed in self._untimed.items():  # Matroska's reader has no times below zero for pictures
            run = self._runs[index][0]
            run.start = min(run.start, run.first_time - untimed * self._intervals[index])
        own: dict[int, int] = {}  # the latest segment's number, by stream
        found = [(index, run) for index, runs in self._runs.items() for run in runs if not run.is_stray]
        for index, run in sorted(found, key=lambda pair: pair[1].position):
            earliest = max(own.get(index, 0), len(self._segments) - MAX_INTERLEAVED_CLOCKS)  # no stream goes back
            latest = reversed(self._segments[earliest:])
            possible = [segment for segment in latest if segment.takes(index, run, self._max_gap)]
            segment = max(possible, key=lambda candidate: candidate.overlap(run), default=None)
            if segment is None:
                segment = ClockSegment()
                self._segments.append(segment)
            segment.add(index, run)
            own[index] = self._segments.index(segment, earliest)
        self._set_offsets()

    def place(self, packet: Packet[Any]) -> bool:
        """Give a packet its time; return False if it is to be left out, because another recording begins there."""
        index = packet.stream.index
        number = self._counts[index]
        self._counts[index] += 1
        self._position += 1
        run = self._run_of(packet, index, number)
        last = self._placed.get(index)
        if run is not None and run.is_stray:
            self.repaired += 1
            packet.pts = packet.dts = last[1] if last is not None and packet.stream.type == "audio" else None
            return True
        if run is not None and number < self._untimed.get(index, 0) and packet.pts is None:
            before = self._untimed[index] - number
            packet.pts = packet.dts = run.first_time - before * self._intervals[index]
        offset = run.offset if run is not None else self._offset_beside(packet)
        if packet.pts is not None:
            packet.pts += offset
        if packet.dts is not None:
            packet.dts = packet.dts + offset if self._has_dts or packet.stream.type != "video" else None
        start = packet.pts if packet.pts is not None else packet.dts
        if start is None or run is None:
            return True
        half = (packet.duration or 0) // 2
        if packet.stream.type == "audio":
            is_late = run.cut is not None and start >= run.cut - half
            if is_late or (last is not None and last[0] is not run and start < last[1] - half):
                return False
        packet.opaque = (last is not None and last[0] is not run) or None  # another recording begins
        self._placed[index] = run, start + (packet.duration or 0)
        return True

    def video_times(self, times: list[int | None]) -> list[int]:
        """Return the times of the chosen stream's packets with their offsets, ascending. times: one of each packet."""
        runs = self._runs[self._video_index]
        untimed = self._untimed.get(self._video_index, 0)
        placed = [runs[0].start + runs[0].offset + n * self._intervals[self._video_index] for n in range(untimed)]
        for number, run in enumerate(runs):
            end = runs[number + 1].first if number + 1 < len(runs) else len(times)
            if not run.is_stray:
                placed += [time + run.offset for time in times[run.first : end] if time is not None]
        return sorted(placed)

    def note(self) -> str:
        """Return what the user should know about the clock, or an empty string."""
        if not self.jumps:
            return ""
        at, by = self.jumps[0]
        where = f"at {float(at):.1f} s by {float(by):+.1f} s"
        if len(self.jumps) == 1:
            return f"its clock jumps {where}; what follows is joined on"
        return f"its clock jumps {len(self.jumps)} times, first {where}; what follows is joined on each time"

    def _mark_strays(self, runs: list[ClockRun]) -> None:
        for number, run in enumerate(runs):
            if run.is_stray:
                continue
            strays: list[ClockRun] = []
            for before, after in pairwise(runs[number + 1 : number + MAX_STRAY_PACKETS + 2]):
                strays.append(before)
                if sum(stray.packets for stray in strays) > MAX_STRAY_PACKETS:
                    break
                if run.is_continued_by(after.first_time, self._max_gap):
                    for stray in strays:
                        stray.is_stray = True
                    break

    def _set_offsets(self) -> None:
        if not self._segments:
            return
        first = self._segments[0]
        first.offset = -self._first_start(first)
        for previous, segment in pairwise(self._segments):
            segment.offset = self._join(previous, segment)
            self.jumps.append((previous.end + previous.offset, previous.offset - segment.offset))
        for segment in self._segments:
            for runs in segment.runs.values():
                for run in runs:
                    run.offset = round(segment.offset / run.time_base)
        for previous, segment in pairwise(self._segments):
            self._set_cuts(previous, segment)

    def _first_start(self, first: ClockSegment) -> Fraction:
        """Return the time of the first clock that becomes 0. Sound may begin earlier: its encoder's priming does."""
        video = first.bounds(self._video_index)
        if len(self._segments) > 1:
            return first.start
        if video is not None and video[0] < 0:
            return first.start
        return max(Fraction(0), self._file_start)

    def _join(self, previous: ClockSegment, segment: ClockSegment) -> Fraction:
        """Return the offset with which a segment follows another one: no stream loses anything but padding."""
        needed = {}
        for index in segment.runs:
            before, after = previous.bounds(index), segment.bounds(index)
            if before is not None and after is not None:
                needed[index] = before[1] - after[0]
        if not needed:
            return previous.offset + previous.end - segment.start
        most, video = max(needed.values()), needed.get(self._video_index)
        return previous.offset + (video if video is not None and most <= video + PADDING_SECONDS else most)

    def _set_cuts(self, previous: ClockSegment, segment: ClockSegment) -> None:
        """Have the sound before a join end where the picture, and then the sound, after it begins."""
        video = segment.bounds(self._video_index)
        for index, runs in segment.runs.items():
            if index != self._video_index and index in previous.runs:
                start = runs[0].start * runs[0].time_base
                joined = max(start, video[0]) if video is not None else start
                previous.runs[index][-1].cut = round((joined + segment.offset) / runs[0].time_base)

    def _run_of(self, packet: Packet[Any], index: int, number: int) -> ClockRun | None:
        runs = self._runs.get(index)
        if not runs:
            return None
        run = runs[max(0, bisect_right(runs, number, key=lambda candidate: candidate.first) - 1)]
        if self._totals:
            return run
        time = self._clock_time(packet, runs)
        if time is None or run.is_stray or number < run.first + run.packets:
            return run
        if not run.is_continued_by(time, self._max_gap):
            offset = run.offset + run.next_time - time
            run = ClockRun.begin(packet, time, number, self._position)
            run.offset = offset
            runs.append(run)
        run.add(packet, time, self._position)
        return run

    def _clock_time(self, packet: Packet[Any], runs: list[ClockRun]) -> int | None:
        """Return the time that ascends from packet to packet, in ticks, or None if there is none.

        It is the decoding time. Where the format stores none, it is the presentation time of keyframes: those of the
        frames that are decoded after a keyframe may be earlier.
        """
        if self._has_dts or packet.stream.type != "video":
            return packet.dts if packet.dts is not None else packet.pts
        if packet.pts is None or packet.is_keyframe or not runs:
            return packet.pts
        return max(packet.pts, runs[-1].last_time)

    def _offset_beside(self, packet: Packet[Any]) -> int:
        """Return the offset for a packet of subtitles or data, of the clock that fits, near its place in the file."""
        time = packet.pts if packet.pts is not None else packet.dts
        if not self._segments or time is None:
            return round(-self.start / packet.time_base)
        seconds = time * packet.time_base

        def distance(segment: ClockSegment) -> tuple[bool, int]:
            fits = segment.start - self._max_gap <= seconds <= segment.end + self._max_gap
            return not fits, max(segment.position - self._position, self._position - segment.last_position, 0)

        return round(min(self._segments, key=distance).offset / packet.time_base)


def _has_clock(stream: Stream) -> bool:
    """Return whether jumps of the stream's times are jumps of the clock: subtitles and data pause for minutes."""
    return stream.type in ("video", "audio") and not stream.disposition & Disposition.attached_pic
