"""Recordings: what is shown, as a video with a variable frame rate, encoded by a thread of its own."""

from __future__ import annotations

import contextlib
import os
import statistics
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any, Protocol

import av
from av.audio.stream import AudioStream
from av.packet import Packet

from realtime.errors import OutputError, SourceError, StylizeError, UsageError
from realtime.frame import Image, VideoFormat, VideoFrame, VideoStep
from realtime.imaging import letterbox
from realtime.sinks.codecs import Encoding, choose_encoding
from realtime.sinks.fragmented_mp4 import keep_whole_fragments
from realtime.sinks.output_file import OutputFile
from realtime.sinks.tracks import Track, TranscodedAudio
from realtime.sinks.video import VideoSink
from realtime.system.clock import Clock, SystemClock
from realtime.system.queues import Abandoned, BoundedQueue, wait_through_interrupts

TICKS_PER_SECOND = 90_000  # the recording's time base is 1 / TICKS_PER_SECOND
QUEUE_STEPS = 12  # frames and chunks of sound that may wait for the encoder
ENCODER_NICENESS = 5  # the unit of `nice`: stylizing comes first
MICROPHONE_CLOSE_SECONDS = 2.0  # the microphone's last read may take this long
SUFFIXES = (".mp4", ".m4v", ".mov", ".mkv")


class AudioInput(Protocol):
    """A live source of sound, such as a microphone."""

    @property
    def stream(self) -> AudioStream:
        """The stream that the packets belong to."""

    def read_packets(self, start_time: Callable[[], float | None], stop: threading.Event, /) -> Iterator[Packet[Any]]:
        """Yield packets from the clock's `start_time()` on, until `stop` is set. Raises SourceError."""

    def close(self) -> None:
        """Release the device."""


class Recording:
    """A video that grows while frames are shown. Its constructor opens the file; `stop` ends it.

    A frame's time in the video is when it was captured, counted from the first frame; each lasts until the next one.

    size: (width, height) of the video; frames of other sizes are letterboxed. rate: nominal frames a second.
    latency: seconds from capture to display, used until the recording has measured it. microphone: source of the
    sound, or None.
    frames: how many were written. dropped: how many were left out because the encoder was late. notes, error: for the
    user; both are final when `ended` is set.
    Raises OutputError if the file cannot be opened.
    """

    kind = "recording"  # its key in the table of --stats

    def __init__(
        self,
        output: OutputFile,
        size: tuple[int, int],
        rate: float,
        *,
        latency: float = 0.0,
        microphone: AudioInput | None = None,
        clock: Clock | None = None,
    ) -> None:
        self.output = output
        self.frames = self.dropped = 0
        self.error: StylizeError | None = None
        self.notes: list[str] = []
        self.ended = threading.Event()  # the file is closed, whether or not it succeeded
        self.stopped = False
        self._clock = clock or SystemClock()
        self._size = (max(2, size[0] // 2 * 2), max(2, size[1] // 2 * 2))
        self.latency = latency  # seconds, the median of the last frames once there are any
        self._latencies: deque[float] = deque(maxlen=15)
        self._last_captured = float("-inf")
        self._begin_shown: float | None = None  # clock time of `begin`, from which its image is recorded
        self._first_captured: float | None = None
        self._last_pts = -1  # ticks
        self._end_pts: int | None = None  # ticks; known once the recording is stopped
        self._queue: BoundedQueue[VideoStep] = BoundedQueue(QUEUE_STEPS)
        self._microphone = microphone
        self._stop_listening = threading.Event()
        tracks: list[Track] = [TranscodedAudio(microphone.stream, "aac")] if microphone else []
        nominal_rate = Fraction(rate or 30).limit_denominator(1001)
        format = VideoFormat(self._size, Fraction(1, TICKS_PER_SECOND), nominal_rate, variable_rate=True)
        self._sink = VideoSink(output, _low_latency_encoding(output.path), format, tracks)
        self._sink.start()
        self._encoder = threading.Thread(target=self._encode, name="record")
        try:
            self._encoder.start()
        except BaseException:  # KeyboardInterrupt: the thread may have started, and `close` will not be called
            self._queue.finish()
            raise
        self._listener = threading.Thread(target=self._listen, name="microphone", daemon=True)
        if microphone is not None:
            self._listener.start()

    @property
    def seconds(self) -> float:
        """The duration so far."""
        if self._end_pts is not None:
            return self._end_pts / TICKS_PER_SECOND
        return max(0.0, self._clock.now() - self._first_shown) if self._first_captured is not None else 0.0

    @property
    def _first_shown(self) -> float:
        """Clock time at which the first frame was on the screen."""
        return self._begin_shown if self._begin_shown is not None else (self._first_captured or 0.0) + self.latency

    @property
    def in_use(self) -> bool:
        """Whether frames are recorded."""
        return not self.stopped

    def summary(self) -> dict[str, Any]:
        """Return what --stats writes about the recording."""
        error = str(self.error) if self.error else None
        seconds = round(self.seconds, 3)
        return {
            "file": str(self.output.path), "frames": self.frames, "dropped": self.dropped,
            "seconds": seconds, "error": error,
        }  # fmt: skip

    @property
    def has_sound(self) -> bool:
        """Whether a microphone is recorded."""
        return self._microphone is not None

    def begin(self, image: Image, when: float) -> None:
        """Record the image [H, W, 3] that was on the screen at clock time `when` as the first frame, from then on."""
        self._begin_shown, self._last_captured = when, when - self.latency
        self._offer(image, self._last_captured)

    def show(self, image: Image, captured: float) -> None:
        """Record a frame that was shown: [H, W, 3], not changed afterwards. Never waits.

        captured: its `Frame.captured`. If that is not newer than the last frame's (a frozen frame was stylized again),
        the frame's time in the video is now.
        """
        if self.stopped or self.ended.is_set():
            return
        now = self._clock.now()
        if captured > self._last_captured:
            self._last_captured = captured
            self._latencies.append(now - captured)
            self.latency = statistics.median(self._latencies)
        else:
            captured = now - self.latency
        self._offer(image, captured)

    def _offer(self, image: Image, captured: float) -> None:
        if self._first_captured is None:
            self._first_captured = captured
        pts = max(self._last_pts + 1, round((captured - self._first_captured) * TICKS_PER_SECOND))
        if self._queue.offer(VideoStep(frame=VideoFrame(image, pts, 0))):
            self._last_pts = pts
        else:
            self.dropped += 1

    def stop(self) -> None:
        """End the recording now; the file is finished in the background, and then `ended` is set."""
        if self.stopped:
            return
        self.stopped = True
        self._stop_listening.set()
        if self._first_captured is not None:
            duration = round((self._clock.now() - self._first_shown) * TICKS_PER_SECOND)
            self._end_pts = max(self._last_pts + 1, duration)
        self._queue.finish()

    def close(self) -> None:
        """Stop, and wait until the file is finished."""
        self.stop()
        wait_through_interrupts(self.ended)
        self._encoder.join()

    def _encode(self) -> None:
        """Write what is in the queue; run by the encoder's thread.

        A frame's duration is known when the next one comes, so the newest frame is always pending.
        """
        _lower_thread_priority()
        pending: VideoFrame | None = None
        try:
            for step in self._queue:
                if step.frame is None:
                    self._sink.write(step)
                    continue
                if pending is not None:
                    self._write_frame(pending, step.frame.pts)
                pending = step.frame
            if pending is not None:
                self._write_frame(pending, self._end_pts or pending.pts + 1)
            self._sink.close()
            self._finish()
        except Exception as error:
            self._rescue(error)
        finally:
            self._queue.abandon()
            self._close_microphone()
            self.ended.set()

    def _write_frame(self, frame: VideoFrame, end_pts: int) -> None:
        letterboxed = letterbox(frame.image, self._size)
        self._sink.write(VideoStep(frame=VideoFrame(letterboxed, frame.pts, end_pts - frame.pts)))
        self.frames += 1

    def _finish(self) -> None:
        if self.frames:
            self.output.finish()
        else:
            self.output.restore()
            self.error = OutputError(f"{self.output.path}: nothing was shown, so nothing was recorded")

    def _rescue(self, error: Exception) -> None:
        """After a failure keep what the file holds so far, playable and under its final name."""
        cause = error.__cause__ or error  # the sink's own message would name the part
        reason = getattr(cause, "strerror", None) or str(cause) or type(cause).__name__
        path, part = self.output.path, self.output.part
        self._sink.abandon()
        try:
            keep_whole_fragments(part)
            if not _has_frames(part):
                self.output.restore()
                raise OutputError(f"{path}: {reason}; nothing was recorded")
            self.output.finish()
        except OSError as second_error:  # OutputError too
            own = isinstance(second_error, OutputError)
            self.error = OutputError(str(second_error) if own else f"{path}: {reason}; see {part}")
        else:
            self.error = OutputError(f"{path}: {reason}; it ends there, and what was recorded plays")
        self.error.__cause__ = error

    def _listen(self) -> None:
        """Put sound into the queue; run by the microphone's thread."""
        assert self._microphone is not None
        try:
            for packet in self._microphone.read_packets(lambda: self._first_captured, self._stop_listening):
                self._queue.put(VideoStep(packets=[packet]))
        except Abandoned:
            return
        except SourceError as error:
            self.notes.append(f"{error}; the recording goes on without sound")

    def _close_microphone(self) -> None:
        """Close the device, unless its driver hangs in a read, which only the end of the process interrupts."""
        if self._microphone is None:
            return
        self._stop_listening.set()
        self._listener.join(MICROPHONE_CLOSE_SECONDS)
        if not self._listener.is_alive():
            self._microphone.close()


def check_recording_name(path: Path) -> None:
    """Raise UsageError if recordings are not written as files of that suffix."""
    if path.suffix.lower() not in SUFFIXES:
        raise UsageError(f"--record {path}: recordings are written as {', '.join(SUFFIXES)}")


def _lower_thread_priority() -> None:
    """Lower the priority of the encoder's thread below that of stylizing, on Linux, where each thread has one."""
    if sys.platform == "linux":
        thread = threading.get_native_id()
        with contextlib.suppress(OSError):
            niceness = max(ENCODER_NICENESS, os.getpriority(os.PRIO_PROCESS, thread))
            os.setpriority(os.PRIO_PROCESS, thread, niceness)


def _has_frames(path: Path) -> bool:
    """Return whether there is a video frame in the file."""
    try:
        with av.open(str(path)) as container:
            return any(packet.size for packet in container.demux(video=0))
    except (av.error.FFmpegError, IndexError):
        return False


def _low_latency_encoding(path: Path) -> Encoding:
    """Return a fast H.264 encoding without lookahead or frame reordering: a crash loses a second at most."""
    encoding = choose_encoding(path, "h264", crf=20, preset="superfast")
    return replace(encoding, options=encoding.options | {"tune": "zerolatency", "g": "300", "threads": "1"})
