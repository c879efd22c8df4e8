"""Network cameras over MJPEG, from a camera on loopback whose faults a test switches on."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from realtime.errors import SignalLost, SourceError
from realtime.frame import Frame
from realtime.sources.reconnect import ReconnectingSource
from realtime.sources.stream import Stream
from realtime.system.clock import FakeClock
from realtime.testing import numbered_image
from tests.fault_camera import FaultCamera, Mode

SHORT_TIMEOUT = 1.0  # s, as timeout
LONG_TIMEOUT = 60.0  # s, which a busy machine does not reach


def read(stream: Stream) -> Frame:
    frame = stream.read()
    assert frame is not None
    return frame


def until(condition: Callable[[], bool], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "the condition was not met in time"
        time.sleep(0.01)


@pytest.fixture
def camera() -> Iterator[FaultCamera]:
    with FaultCamera(fps=50) as camera:
        yield camera


def test_read_returns_all_frames_in_order_and_colour(camera: FaultCamera) -> None:
    with Stream(camera.url) as stream:
        assert stream.size == (320, 240)
        assert not stream.mirror
        frames = [read(stream) for _ in range(20)]
        newest = camera.frames
    numbers = []
    for frame in frames:
        errors = [np.abs(frame.image.astype(int) - numbered_image(n, (320, 240))).mean() for n in range(newest + 1)]
        assert min(errors) < 6  # levels; JPEG is lossy
        numbers.append(int(np.argmin(errors)))
    assert numbers == list(range(numbers[0], numbers[0] + 20))
    assert frames[0].pts == 0
    assert all(a.pts <= b.pts for a, b in pairwise(frames))
    assert frames[-1].pts == pytest.approx(frames[-1].captured - frames[0].captured)
    assert frames[0].image.flags.c_contiguous


def test_fps_of_an_mjpeg_stream_is_measured(camera: FaultCamera) -> None:
    camera.fps = 25
    with Stream(camera.url) as stream:
        assert stream.fps == 0  # unknown until measured
        until(lambda: stream.read() is not None and stream.fps == pytest.approx(25, rel=0.3), seconds=60)


def test_read_follows_a_change_of_size(camera: FaultCamera) -> None:
    with Stream(camera.url) as stream:
        stream.read()
        camera.size = (200, 120)
        until(lambda: read(stream).image.shape == (120, 200, 3))
        assert stream.size == (200, 120)


@pytest.mark.parametrize(
    ("mode", "reason"),
    [
        ("stall", "has sent no video for 1 s"),
        ("close", "has ended the stream"),
        ("refuse", "has ended the stream"),
        ("garbage", "sends garbage: 50 damaged pictures in a row"),
        ("noise", "not video|has ended|no video"),
        ("late", "has ended the stream"),
    ],
)
def test_source_reconnects_after_every_fault(camera: FaultCamera, mode: Mode, reason: str) -> None:
    seen: list[str] = []

    class Repair(FakeClock):
        """A clock whose first wait repairs the camera."""

        def wait(self, seconds: float, stop: threading.Event | None = None) -> bool:
            seen.append(f"{source.state}: {source.reason}")
            camera.mode = "ok"
            return super().wait(seconds, stop)

    timeouts = iter([SHORT_TIMEOUT])  # of the connection that is to be lost

    def connect() -> Stream:
        return Stream(camera.url, timeout=next(timeouts, LONG_TIMEOUT), open_timeout=LONG_TIMEOUT)

    with ReconnectingSource(connect, clock=Repair()) as source:
        assert source.read() is not None
        camera.mode = mode
        until(lambda: source.read() is not None and source.reconnects == 1, seconds=120)
        assert (source.state, source.reason, source.signal_losses) == ("live", "", 1)
        assert source.read() is not None
        assert source.loss_reasons.total() == 1
    assert len(seen) == 1
    assert seen[0].startswith(f"no signal: {camera.url}") or mode == "garbage"
    assert any(part in seen[0] for part in reason.split("|")), seen
    assert (source.decode_errors >= 50) is (mode == "garbage")


@pytest.mark.parametrize(
    ("mode", "reason"),
    [
        ("stall", "has sent no video for 1 s"),
        ("late", "has sent no video for 1 s"),
        ("close", "hangs up, or there is no such host"),
        ("garbage", "not video|sends garbage"),
        ("noise", "sends something that is not video"),
    ],
)
def test_fault_while_opening_raises_signal_lost_in_one_line(camera: FaultCamera, mode: Mode, reason: str) -> None:
    camera.mode = mode
    with pytest.raises(SignalLost) as caught:
        Stream(camera.url, timeout=SHORT_TIMEOUT)
    message = str(caught.value)
    assert message.startswith(camera.url) and "\n" not in message
    assert any(part in message for part in reason.split("|")), message


@pytest.mark.parametrize("mode", ["stall", "late", "close", "garbage", "noise"])
def test_opening_connects_twice_at_most_and_ffmpeg_limits_each_wait(
    camera: FaultCamera, monkeypatch: pytest.MonkeyPatch, mode: Mode
) -> None:
    """The clock stands still, so that it cannot end the opening: only FFmpeg's timeouts and what the camera sends can.

    "stall" and "late" send nothing, which FFmpeg's first timeout has to end.
    """
    camera.mode = mode
    timeouts, errors = [], []
    open_container = av.open

    def open_and_record(*arguments: Any, **options: Any) -> Any:
        timeouts.append(options["timeout"])
        try:
            return open_container(*arguments, **options)
        except av.error.FFmpegError as error:
            errors.append(type(error))
            raise

    monkeypatch.setattr(av, "open", open_and_record)
    with pytest.raises(SignalLost):
        Stream(camera.url, timeout=SHORT_TIMEOUT, clock=FakeClock())
    assert 1 <= len(timeouts) <= 2 and set(timeouts) == {(SHORT_TIMEOUT, SHORT_TIMEOUT)}
    if mode in ("stall", "late"):
        assert errors == [av.error.ExitError], "FFmpeg's timeout did not end the opening"


def test_refused_connection_raises_signal_lost() -> None:
    with FaultCamera() as camera:
        url = camera.url
    with pytest.raises(SignalLost, match="refuses the connection"):
        Stream(url)


def test_read_skips_and_counts_damaged_frames(camera: FaultCamera) -> None:
    with Stream(camera.url) as stream:
        stream.read()
        camera.mode = "garbage"
        sent = camera.frames
        until(lambda: camera.frames > sent + 5)
        camera.mode = "ok"
        until(lambda: stream.read() is not None and stream.decode_errors > 3)
        assert 3 < stream.decode_errors < 50
        assert read(stream).image.shape == (240, 320, 3)


def test_decoding_garbage_prints_nothing(camera: FaultCamera, capfd: pytest.CaptureFixture[str]) -> None:
    camera.mode = "ok"
    with Stream(camera.url) as stream:
        camera.mode = "garbage"
        with pytest.raises(SignalLost):
            while True:
                stream.read()
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("content_type", ["multipart/x-mixed-replace;boundary=frame", "text/html", None])
@pytest.mark.parametrize(
    "part",
    [
        b"--frame\r\nContent-Type: image/jpeg\r\n\r\n",
        b"--frame\r\nContent-Type: image/jpg\r\n\r\n",
        b"--frame\r\n\r\n",
        b"\r\n--frame\r\ncontent-type: image/jpeg\r\n\r\n",
        b"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: 4000\r\n\r\n",  # wrong
    ],
)
def test_streams_with_wrong_headers_are_decoded(content_type: str | None, part: bytes) -> None:
    with FaultCamera(fps=50, content_type=content_type, part=part) as camera, Stream(camera.url) as stream:
        assert [read(stream).image.shape for _ in range(5)] == [(240, 320, 3)] * 5


def test_login_works_and_is_masked_in_names_and_errors() -> None:
    with FaultCamera(login=("admin", "hunter2")) as camera:
        with Stream(camera.url.replace("//", "//admin:hunter2@")) as stream:
            stream.read()
            assert stream.name == camera.url.replace("//", "//***@")
        with pytest.raises(SourceError, match="wants another user name or password") as caught:
            Stream(camera.url.replace("//", "//admin:hunter3@"))
    assert not isinstance(caught.value, SignalLost)  # reconnecting would not help
    assert "hunter" not in str(caught.value)


def test_traceback_shows_no_password() -> None:
    code = "from realtime import open_live_source; open_live_source('http://admin:hunter2@127.0.0.1:9/?pwd=hunter3')"
    root = Path(__file__).parents[2]
    completed = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, timeout=60)
    error = completed.stderr.partition("realtime.errors.SignalLost: ")[2]
    assert error.startswith("http://***@127.0.0.1:9/?pwd=*** refuses the connection")
    assert "hunter" not in completed.stderr.replace(code, "")


def test_protocol_that_ffmpeg_lacks_raises_source_error() -> None:
    with pytest.raises(SourceError, match="FFmpeg does not speak"):
        Stream("nosuchprotocol://127.0.0.1:9")


def test_read_after_close_raises(camera: FaultCamera) -> None:
    stream = Stream(camera.url)
    stream.close()
    stream.close()
    with pytest.raises(SourceError, match="is closed"):
        stream.read()


def test_hanging_read_in_a_daemon_thread_lets_the_process_end(camera: FaultCamera) -> None:
    """The live window reads in such a thread."""
    code = f"""
import threading
from realtime.sources.stream import Stream
stream, reading = Stream({camera.url!r}, timeout=100), threading.Event()
def read():
    while True:
        stream.read()
        reading.set()
threading.Thread(target=read, daemon=True).start()
reading.wait(60)
print("reading", flush=True)
input()
"""
    root = Path(__file__).parents[2]
    pipe = subprocess.PIPE
    with subprocess.Popen(
        [sys.executable, "-c", code], cwd=root, text=True, stdin=pipe, stdout=pipe, stderr=pipe
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "reading\n"
        camera.mode = "stall"
        time.sleep(1)
        _, errors = process.communicate("\n", timeout=60)
    assert (process.returncode, errors) == (0, "")
