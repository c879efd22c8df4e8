"""What is shown, recorded: a film with the times at which things happened, written by a thread of its own."""

from __future__ import annotations

import contextlib
import os
import statistics
import sys
import threading
from collections import deque
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av

from realtime.errors import OutputError, SourceError, StylizeError, UsageError
from realtime.frame import Image, Step, VideoFormat, VideoFrame
from realtime.imaging import letterbox
from realtime.sinks.codecs import Encoding, choose_encoding
from realtime.sinks.fragmented_mp4 import keep_whole_pieces
from realtime.sinks.output_file import OutputFile
from realtime.sinks.tracks import Sound, Track
from realtime.sinks.video import VideoSink
from realtime.sources.microphone import Microphone
from realtime.system.clock import Clock, SystemClock
from realtime.system.queues import Abandoned, BoundedQueue, wait_through_interrupts

TICKS = 90_000  # a second, in the file
ROOM = 12  # pictures and pieces of sound that wait for the encoder
PRIORITY = 5  # of the encoder, as `nice` counts
CLOSING = 2.0  # seconds that a microphone may take to say its last
ENDINGS = (".mp4", ".m4v", ".mov", ".mkv")


class Recording:
    """A film that grows while pictures are shown. Its constructor opens the file; `stop` ends it.

    size: (width, height) of the film, whatever the size of the pictures; rate: nominal frames a second.
    latency: seconds from capture to display, until pictures tell.
    Pictures are told apart by when they were captured: that is their time in the film, from the first one on.
    Raises OutputError where the file cannot be opened. Later ones are in `error`, when `ended`.
    """

    kind = "recording"  # of an output

    def __init__(
        self,
        target: OutputFile,
        size: tuple[int, int],
        rate: float,
        *,
        latency: float = 0.0,
        microphone: Microphone | None = None,
        clock: Clock | None = None,
    ) -> None:
        self.target = target
        self.frames = self.dropped = 0  # written; not, for the encoder was late
        self.error: StylizeError | None = None
        self.notes: list[str] = []
        self.ended = threading.Event()  # the file is closed, well or not
        self.stopped = False
        self._clock = clock or SystemClock()
        self._size = (max(2, size[0] // 2 * 2), max(2, size[1] // 2 * 2))
        self.latency = latency  # s from capture to display, of late
        self._latencies: deque[float] = deque(maxlen=15)
        self._captured = float("-inf")  # of the newest picture
        self._began: float | None = None  # with what was on the screen
        self._zero: float | None = None  # when the first was captured
        self._last = -1  # ticks: the newest picture's time
        self._end: int | None = None  # ticks: when it was stopped
        self._pipe: BoundedQueue[Step] = BoundedQueue(ROOM)
        self._microphone = microphone
        self._hear_no_more = threading.Event()
        tracks: list[Track] = [Sound(microphone.stream, Fraction(0), "aac")] if microphone else []
        format = VideoFormat(
            self._size, Fraction(1, TICKS), Fraction(rate or 30).limit_denominator(1001), variable=True
        )
        self._sink = VideoSink(target, _quick(target.path), format, tracks)
        self._sink.start()
        self._writer = threading.Thread(target=self._write, name="record")
        try:
            self._writer.start()
        except BaseException:  # a signal: nobody else could end the thread then
            self._pipe.finish()
            raise
        self._listener = threading.Thread(target=self._listen, name="microphone", daemon=True)
        if microphone is not None:
            self._listener.start()

    @property
    def seconds(self) -> float:
        """How long it is by now."""
        if self._end is not None:
            return self._end / TICKS
        return max(0.0, self._clock.now() - self._start) if self._zero is not None else 0.0

    @property
    def _start(self) -> float:
        """When the first picture was on the screen."""
        return self._began if self._began is not None else (self._zero or 0.0) + self.latency

    @property
    def watched(self) -> bool:
        """Whether it takes pictures."""
        return not self.stopped

    def summary(self) -> dict[str, Any]:
        """Return what --stats writes about it."""
        error = str(self.error) if self.error else None
        seconds = round(self.seconds, 3)
        return {
            "file": str(self.target.path), "frames": self.frames, "dropped": self.dropped,
            "seconds": seconds, "error": error,
        }  # fmt: skip

    @property
    def has_sound(self) -> bool:
        """Whether a microphone is heard."""
        return self._microphone is not None

    def begin(self, image: Image, when: float) -> None:
        """What was on the screen at that moment of the clock, whenever captured: [H, W, 3]. The film starts there."""
        self._began, self._captured = when, when - self.latency
        self._put(image, self._captured)

    def show(self, image: Image, captured: float) -> None:
        """A picture was shown: [H, W, 3], not changed afterwards. Never waits.

        captured: its `Frame.captured`. One that was captured before (painted again while frozen) counts from now.
        """
        if self.stopped or self.ended.is_set():
            return
        now = self._clock.now()
        if captured > self._captured:
            self._captured = captured
            self._latencies.append(now - captured)
            self.latency = statistics.median(self._latencies)
        else:
            captured = now - self.latency
        self._put(image, captured)

    def _put(self, image: Image, captured: float) -> None:
        if self._zero is None:
            self._zero = captured
        pts = max(self._last + 1, round((captured - self._zero) * TICKS))
        if self._pipe.offer(Step(frame=VideoFrame(image, pts, 0))):
            self._last = pts
        else:
            self.dropped += 1

    def stop(self) -> None:
        """End it here; the file is finished meanwhile, and then `ended` is set."""
        if self.stopped:
            return
        self.stopped = True
        self._hear_no_more.set()
        if self._zero is not None:
            self._end = max(self._last + 1, round((self._clock.now() - self._start) * TICKS))
        self._pipe.finish()

    def close(self) -> None:
        """Stop, and wait until the file is finished."""
        self.stop()
        wait_through_interrupts(self.ended)
        self._writer.join()

    def _write(self) -> None:
        """Each picture lasts until the next one, so one is always held back."""
        held: VideoFrame | None = None
        if sys.platform == "linux":  # where a thread has a priority of its own: painting comes first
            me = threading.get_native_id()
            with contextlib.suppress(OSError):
                os.setpriority(os.PRIO_PROCESS, me, max(PRIORITY, os.getpriority(os.PRIO_PROCESS, me)))
        try:
            for step in self._pipe:
                if step.frame is None:
                    self._sink.write(step)
                    continue
                if held is not None:
                    self._write_one(held, step.frame.pts)
                held = step.frame
            if held is not None:
                self._write_one(held, self._end or held.pts + 1)
            self._sink.close()
            self._finish()
        except Exception as error:
            self._rescue(error)
        finally:
            self._pipe.abandon()
            self._hang_up()
            self.ended.set()

    def _write_one(self, frame: VideoFrame, until: int) -> None:
        picture = VideoFrame(letterbox(frame.image, self._size), frame.pts, until - frame.pts)
        self._sink.write(Step(frame=picture))
        self.frames += 1

    def _finish(self) -> None:
        if self.frames:
            self.target.finish()
        else:
            self.target.part.unlink(missing_ok=True)
            self.error = OutputError(f"{self.target.path}: nothing was shown, so nothing was recorded")

    def _rescue(self, error: Exception) -> None:
        """After a failure: what is in the file stays, plays, and gets its name."""
        reason = error.__cause__ or error  # the sink's own words name the part
        why = getattr(reason, "strerror", None) or str(reason) or type(reason).__name__
        self._sink.abandon()
        try:
            keep_whole_pieces(self.target.part)
            if not _plays(self.target.part):
                self.target.part.unlink()
                raise OutputError(f"{self.target.path}: {why}; nothing was recorded")
            self.target.finish()
        except OSError as again:  # OutputError too
            lost = again if isinstance(again, OutputError) else f"{self.target.path}: {why}; see {self.target.part}"
            self.error = OutputError(str(lost))
        else:
            self.error = OutputError(f"{self.target.path}: {why}; it ends there, and what was recorded plays")
        self.error.__cause__ = error

    def _listen(self) -> None:
        assert self._microphone is not None
        try:
            for packet in self._microphone.read_packets(lambda: self._zero, self._hear_no_more):
                self._pipe.put(Step(packets=[packet]))
        except Abandoned:
            return
        except SourceError as error:
            self.notes.append(f"{error}; the recording goes on without sound")

    def _hang_up(self) -> None:
        """A driver that hangs in a read cannot be interrupted, and is left to the end of the process."""
        if self._microphone is None:
            return
        self._hear_no_more.set()
        self._listener.join(CLOSING)
        if not self._listener.is_alive():
            self._microphone.close()


def check_name(path: Path) -> None:
    """Raises UsageError where recordings are not written as such files."""
    if path.suffix.lower() not in ENDINGS:
        raise UsageError(f"--record {path}: recordings are written as {', '.join(ENDINGS)}")


def _plays(path: Path) -> bool:
    """Whether there is a picture in it."""
    try:
        with av.open(str(path)) as container:
            return any(packet.size for packet in container.demux(video=0))
    except (av.error.FFmpegError, IndexError):
        return False


def _quick(path: Path) -> Encoding:
    """Little work, and nothing kept back in the encoder: what is lost in a crash is a second at most."""
    encoding = choose_encoding(path, "h264", crf=20, preset="superfast")
    return replace(encoding, options=encoding.options | {"tune": "zerolatency", "g": "300", "threads": "1"})
