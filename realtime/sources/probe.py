"""Read through a video without decoding it, before any work starts: its streams, frame count and timestamps."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import islice, pairwise
from pathlib import Path
from statistics import median
from typing import Any

import av
from av.container import InputContainer
from av.packet import Packet
from av.stream import Stream
from av.video.stream import VideoStream

from realtime.sources.timeline import Timeline

MAX_READ_ERRORS = 50  # after this many errors in a row the rest of the file is not read

# Formats that store their duration; for others FFmpeg estimates it from what it finds.
_FORMATS_WITH_DURATION = {"mov,mp4,m4a,3gp,3g2,mj2", "matroska,webm", "avi", "asf", "flv"}

# Formats that store only the decoding order; the presentation timestamps that FFmpeg derives from it are guesses.
FORMATS_WITHOUT_PTS = {"avi"}


# What files of these formats begin with, and where. FFmpeg reads no further than the first of several joined files.
_SIGNATURES = {
    "mov,mp4,m4a,3gp,3g2,mj2": (b"ftyp", 4),
    "flv": (b"FLV\x01", 0),
    "asf": (bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c"), 0),
}
_MAX_INDEX_BYTES = 64 << 20  # of an index that lies between the last packet of a file and the next file


MAX_RATE_ERROR = Fraction(1, 50)  # of the declared rate; one or two frames more or less in a short file
DEFAULT_RATE = Fraction(25)
# VP9 and MP4 have 32 bits for a frame's duration. The stream's time base is kept if it is in between.
MAX_DURATION_TICKS = (1 << 31) - 1
COARSE_TIME_BASE = Fraction(1, 1000)  # s
FINE_TIME_BASE = Fraction(1, 90_000)
FINEST_TIME_BASE = Fraction(1, 1_000_000)


def demux(container: InputContainer, on_error: Callable[[], None]) -> Iterator[Packet[Any]]:
    """Yield every packet that can be read; call `on_error` at each place where one cannot."""
    errors_in_row = 0
    while errors_in_row < MAX_READ_ERRORS:
        try:
            for packet in container.demux():
                errors_in_row = 0
                yield packet
            return
        except av.error.FFmpegError:
            errors_in_row += 1
            on_error()


@dataclass
class VideoProbe:
    """What a video file holds.

    timeline: gives all packets their times, from 0 on. times: when each frame of the chosen track is shown, on that
    timeline, in its time base, ascending; interval: the median distance between two; variable: whether the distances
    differ; last_duration: how long the last frame is shown. rate: frames a second, None where there is one frame.
    start, end: of the whole file by its own clock, in seconds; declared_duration: in seconds, None where the file
    stores none.
    samples: the first packet of every stream, by index. errors: number of places that could not be read.
    joined_bytes: of another film that is joined on, and is not read.
    """

    timeline: Timeline
    frames: int = 0
    times: list[int] = field(default_factory=list)
    interval: int = 0
    variable: bool = False
    last_duration: int = 0
    rate: Fraction | None = None
    start: Fraction = Fraction(0)
    end: Fraction = Fraction(0)
    declared_duration: Fraction | None = None
    samples: dict[int, Packet[Any]] = field(default_factory=dict)
    errors: int = 0
    joined_bytes: int = 0

    @property
    def found_duration(self) -> Fraction:
        """Seconds that the file holds."""
        return self.end - self.start

    @property
    def missing(self) -> Fraction:
        """Seconds that the file declares and does not have; up to half a second is usual and counts as 0."""
        found = max(self.found_duration, self.end)  # Matroska's duration counts from 0, whenever the film starts
        missing = (self.declared_duration or found) - found
        return missing if missing > Fraction(1, 2) else Fraction(0)

    def duration(self, time: int) -> int:
        """Return how long the frame shown at `time` stays, in the time base."""
        following = bisect_right(self.times, time)
        return self.times[following] - time if following < len(self.times) else self.last_duration

    def count_error(self) -> None:
        """Count a place that could not be read."""
        self.errors += 1


def probe_video(container: InputContainer, video_index: int, max_packets: int | None = None) -> VideoProbe:
    """Read through an open file. video_index: of the chosen stream; max_packets: stop after so many."""
    probe = VideoProbe(Timeline(container, video_index))
    probe.start = Fraction(container.start_time or 0, 1_000_000)
    if container.format.name in _FORMATS_WITH_DURATION and container.duration:
        probe.declared_duration = Fraction(container.duration, 1_000_000)
    packets_read = last_byte = 0
    times: list[int | None] = []  # of all packets of the video stream, by the file's clock
    for packet in islice(demux(container, probe.count_error), max_packets):
        packets_read += 1
        if not packet.size:
            continue
        probe.timeline.add(packet)
        last_byte = max(last_byte, (packet.pos or 0) + packet.size)
        probe.samples.setdefault(packet.stream.index, packet)
        time = packet.pts if packet.pts is not None else packet.dts
        if time is not None and packet.time_base:
            probe.end = max(probe.end, (time + (packet.duration or 0)) * packet.time_base)
        if packet.stream.index == video_index:
            probe.frames += not packet.is_discard
            shown = packet.dts if container.format.name in FORMATS_WITHOUT_PTS else packet.pts
            times.append(None if packet.is_discard else shown)
    is_complete = packets_read != max_packets
    if is_complete:
        probe.joined_bytes = _count_joined_bytes(Path(container.name), container.format.name, last_byte)
    probe.timeline.finish(is_complete=is_complete)
    probe.times = probe.timeline.video_times(times)
    _analyse_times(probe, container.streams[video_index], is_complete=is_complete)
    return probe


def _count_joined_bytes(path: Path, format_name: str, last_byte: int) -> int:
    """Return the size of the film that follows after the last packet, as `cat` joins two; 0 if there is none."""
    signature, place = _SIGNATURES.get(format_name, (b"", 0))
    if not signature:
        return 0
    with path.open("rb") as file:
        file.seek(last_byte)
        found = file.read(_MAX_INDEX_BYTES).find(signature)
        return file.seek(0, 2) - (last_byte + found - place) if found >= 0 else 0


def _analyse_times(probe: VideoProbe, stream: Stream, *, is_complete: bool) -> None:
    """Derive interval, rate, whether it is variable, and the last frame's duration from the timestamps."""
    times = probe.times
    intervals = [later - earlier for earlier, later in pairwise(times) if later > earlier]
    if not intervals or not stream.time_base:
        return
    probe.interval = probe.last_duration = round(median(intervals))
    # A time base of milliseconds rounds 23.976 fps to 41 and 42: that is not a variable rate.
    probe.variable = max(intervals) - min(intervals) > 2
    probe.rate = len(intervals) / (sum(intervals) * stream.time_base)
    if is_complete and stream.duration and not probe.missing and not probe.timeline.jumps:
        start = (stream.start_time or 0) - round(probe.timeline.start / stream.time_base)
        last_duration = start + stream.duration - times[-1]
        probe.last_duration = last_duration if last_duration > 0 else probe.interval


def choose_rate(measured: Fraction | None, stream: VideoStream) -> Fraction:
    """Return the nominal rate if the frames have it: a browser's recording declares 1000 frames a second."""
    for rate in (stream.average_rate, stream.guessed_rate):
        if rate and (measured is None or abs(rate - measured) < measured * MAX_RATE_ERROR):
            return rate
    return measured.limit_denominator(1001) if measured is not None else DEFAULT_RATE


def choose_time_base(times: list[int], time_base: Fraction) -> Fraction:
    """Return the time base to write a video with: its own, unless that is too fine. times: of its frames, ascending."""
    longest = max((later - earlier for earlier, later in pairwise(times)), default=0)
    if longest > MAX_DURATION_TICKS:
        return COARSE_TIME_BASE
    return time_base if time_base >= FINEST_TIME_BASE else FINE_TIME_BASE
