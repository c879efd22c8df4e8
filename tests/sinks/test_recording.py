"""Recordings: frames have the times of their capture, whatever the load; ffprobe is the judge."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from realtime.errors import OutputError, UsageError
from realtime.frame import Image, VideoStep
from realtime.live.outputs import Outputs
from realtime.live.pipeline import Live
from realtime.live.recorder import Recorder, recording_target
from realtime.sinks.fragmented_mp4 import keep_whole_fragments
from realtime.sinks.output_file import OutputFile
from realtime.sinks.recording import QUEUE_STEPS, Recording
from realtime.sinks.video import VideoSink
from realtime.sources.demo import Demo
from realtime.sources.reconnect import ReconnectingSource
from realtime.stylizer.library import Library
from realtime.stylizer.stylizer import Stylizer
from realtime.system.clock import FakeClock
from tests.video_files import decode_frames, packet_times, probe, streams

SIZE = (64, 48)


def plain_frame(level: int, size: tuple[int, int] = SIZE) -> Image:
    return np.full((size[1], size[0], 3), level, np.uint8)


def video_duration(path: Path) -> float:
    """Return the duration of the video track in seconds."""
    (video,) = streams(path, "video")
    return float(video["duration"])


class FakeTimeRecording:
    """A recording with a clock that the test advances; second 0 is at 1000 of the clock."""

    def __init__(self, path: Path, **more: Any) -> None:
        self.path, self.clock = path, FakeClock(start=1000)
        self.recording = Recording(OutputFile(path, sources=[]), SIZE, 30, clock=self.clock, **more)

    def show(self, level: int, captured: float, latency: float = 0.05) -> None:
        """Show a frame captured at that second `latency` later, and wait until the queue is half empty."""
        self.clock.advance(1000 + captured + latency - self.clock.now())
        self.recording.show(plain_frame(level), 1000 + captured)
        wait_for(lambda: len(self.recording._queue._items) < QUEUE_STEPS // 2)

    def stop(self, at: float) -> Path:
        self.clock.advance(1000 + at - self.clock.now())
        self.recording.close()
        assert self.recording.error is None
        return self.path


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.perf_counter() + 60
    while not condition():
        assert time.perf_counter() < deadline
        time.sleep(0.001)


@pytest.mark.parametrize("suffix", ["mp4", "mov", "mkv"])
def test_frames_have_the_times_of_their_capture(tmp_path: Path, suffix: str) -> None:
    fake = FakeTimeRecording(tmp_path / f"r.{suffix}")
    captured = [0.0, 0.033, 0.04, 0.5, 0.7, 2.25, 2.283, 2.3]
    for number, when in enumerate(captured):
        fake.show(30 * number, when)
    path = fake.stop(at=3.05)
    assert packet_times(path) == pytest.approx(captured, abs=0.0006)  # Matroska's times are milliseconds
    assert float(probe(path)["format"]["duration"]) == pytest.approx(3.0, abs=0.002)
    assert fake.recording.seconds == pytest.approx(3.0, abs=0.001)
    levels = [int(frame.mean()) for frame in decode_frames(path, *SIZE)]
    assert levels == pytest.approx([30 * n for n in range(8)], abs=3)
    assert streams(path, "audio") == []
    assert not fake.recording.output.part.exists()


def test_recording_of_an_hour_does_not_drift(tmp_path: Path) -> None:
    """The intervals between frames are no whole numbers of ticks."""
    fake = FakeTimeRecording(tmp_path / "r.mp4")
    captured = [n * 1.0007 for n in range(0, 3600, 60)]
    for when in captured:
        fake.show(99, when)
    assert packet_times(fake.stop(at=3650.05)) == pytest.approx(captured, abs=1e-4)
    assert video_duration(fake.path) == pytest.approx(3650, abs=1e-3)


def test_last_frame_lasts_until_the_recording_is_stopped(tmp_path: Path) -> None:
    """Such a gap follows after a camera was unplugged, or while the picture is frozen."""
    fake = FakeTimeRecording(tmp_path / "r.mp4")
    for number in range(5):
        fake.show(50, number / 10)
    assert video_duration(fake.stop(at=8.05)) == pytest.approx(8, abs=0.001)
    assert len(packet_times(fake.path)) == 5


def test_frame_shown_again_while_frozen_has_the_time_of_showing(tmp_path: Path) -> None:
    fake = FakeTimeRecording(tmp_path / "r.mp4")
    fake.show(50, 0.0)
    fake.show(60, 0.1)
    for level, shown in [(90, 2.15), (120, 3.15)]:  # 0.05 after 2.1 and 3.1
        fake.clock.advance(1000 + shown - fake.clock.now())
        fake.recording.show(plain_frame(level), 1000.1)
    fake.show(150, 4.0)
    assert packet_times(fake.stop(at=5.05)) == pytest.approx([0, 0.1, 2.1, 3.1, 4.0], abs=0.001)


def test_recording_begins_with_what_is_on_the_screen(tmp_path: Path) -> None:
    fake = FakeTimeRecording(tmp_path / "r.mp4", latency=0.05)
    fake.clock.advance(10.0)  # frozen for ten seconds when r is pressed
    fake.recording.begin(plain_frame(200), 1009.5)  # opening took half a second
    fake.show(99, 10.5, latency=0.3)  # a longer latency makes the recording no shorter
    assert video_duration(fake.stop(at=13.5)) == pytest.approx(4, abs=0.001)
    assert packet_times(fake.path) == pytest.approx([0, 1.05], abs=0.001)


def test_frames_of_any_size_are_fitted_into_the_recording(tmp_path: Path) -> None:
    fake = FakeTimeRecording(tmp_path / "r.mp4")
    for number, size in enumerate([(64, 48), (32, 24), (60, 44), (128, 96), (20, 48)]):
        fake.clock.advance(0.1)
        fake.recording.show(plain_frame(200, size), 1000 + number / 10)
    shown = decode_frames(fake.stop(at=1.0), *SIZE)
    assert len(shown) == 5
    assert all(frame.min() > 190 for frame in shown[:4])  # no bars
    assert shown[4][:, 2].max() < 20 and shown[4][:, 32].min() > 190  # bars, left and right


@pytest.mark.parametrize("size", [(65, 49), (3, 17)])
def test_odd_size_is_made_even(tmp_path: Path, size: tuple[int, int]) -> None:
    recording = Recording(OutputFile(tmp_path / "r.mp4", sources=[]), size, 30)
    recording.show(plain_frame(99, (640, 480)), time.perf_counter())
    recording.close()
    (video,) = streams(tmp_path / "r.mp4", "video")
    assert (video["width"], video["height"]) == (size[0] // 2 * 2, size[1] // 2 * 2)
    assert video["pix_fmt"] == "yuv420p"


def test_late_encoder_drops_and_counts_frames_and_show_never_waits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = __import__("threading").Event()
    write = VideoSink.write

    def late(sink: VideoSink, step: VideoStep) -> None:
        gate.wait(60)
        write(sink, step)

    monkeypatch.setattr(VideoSink, "write", late)
    fake = FakeTimeRecording(tmp_path / "r.mp4")
    for number in range(100):
        fake.clock.advance(0.02)
        fake.recording.show(plain_frame(number), 1000 + number / 50)
    assert 100 - QUEUE_STEPS - 2 <= fake.recording.dropped <= 100 - QUEUE_STEPS
    gate.set()
    path = fake.stop(at=2.02)
    kept = packet_times(path)
    assert len(kept) + fake.recording.dropped == 100
    assert kept[:QUEUE_STEPS] == pytest.approx([n / 50 for n in range(QUEUE_STEPS)], abs=1e-4)
    assert [when * 50 for when in kept] == pytest.approx([round(when * 50) for when in kept], abs=0.01)
    assert video_duration(path) == pytest.approx(2.0, abs=0.001)


def test_recording_of_a_line_that_drops_frames_plays_in_real_time(tmp_path: Path, library: Library) -> None:
    """Frames so large that no machine stylizes all of them."""
    stamps: list[float] = []

    class TimestampingOutputs(Outputs):
        def show(self, image: Image, captured: float) -> None:
            stamps.append(captured)
            super().show(image, captured)

    path = tmp_path / "r.mp4"
    with Stylizer(library=library) as stylizer, TimestampingOutputs() as outputs:
        live = Live(ReconnectingSource(lambda: Demo((1280, 960), fps=60)), stylizer, mirror=False, height=960)
        recorder = Recorder(outputs, tmp_path)
        recorder.start(OutputFile(path, sources=[]), (1280, 960), 60)
        recording = recorder.recording
        assert recording is not None
        live.start()
        while len(stamps) < 12:
            stylized = live.stylized.take(10)
            assert stylized is not None
            outputs.show(stylized.image, stylized.frame.captured)
        time.sleep(0.5)
        before = time.perf_counter()
        recording.stop()
        after = time.perf_counter()
        recorder.close()
        live.stop()
    assert live.stats.dropped > 3
    assert recording.dropped + recording.frames == 12
    if recording.dropped == 0:
        assert packet_times(path) == pytest.approx([stamp - stamps[0] for stamp in stamps], abs=1e-4)
    first = stamps[0] + recording.latency
    assert before - first - 0.05 < video_duration(path) < after - first + 0.05


def test_recording_without_a_frame_is_an_error_and_leaves_no_file(tmp_path: Path) -> None:
    recording = Recording(OutputFile(tmp_path / "r.mp4", sources=[]), SIZE, 30)
    recording.close()
    assert "nothing was shown" in str(recording.error)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["r.webm", "r.avi", "r", "r.mp4.txt"])
def test_recording_name_with_another_suffix_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match=r"recordings are written as \.mp4"):
        recording_target(tmp_path / name, overwrite=False, sources=[])


def test_existing_file_and_leftover_part_are_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "r.mp4").write_bytes(b"mine")
    with pytest.raises(OutputError, match="is there already"):
        recording_target(tmp_path / "r.mp4", overwrite=False, sources=[])
    (tmp_path / "q.mp4.part").write_bytes(b"after a crash")
    with pytest.raises(OutputError, match=r"q\.mp4\.part is what is left of an earlier recording"):
        recording_target(tmp_path / "q.mp4", overwrite=False, sources=[])
    assert (tmp_path / "q.mp4.part").read_bytes() == b"after a crash"


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Mount a file system of 400 kB, which only root may."""
    place = tmp_path / "small"
    place.mkdir()
    completed = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=400k", "tmpfs", place], capture_output=True)
    if completed.returncode:
        pytest.skip("only root may mount a small disk")
    yield place
    subprocess.run(["umount", "-l", place], check=True)


@pytest.mark.parametrize(("suffix", "scale"), [("mp4", 8), ("mp4", 1), ("mkv", 8)])
def test_recording_on_a_full_disk_ends_and_plays(
    small_disk: Path, suffix: str, scale: int, capsys: pytest.CaptureFixture[str], console: None
) -> None:
    rng = np.random.default_rng(1)
    path = small_disk / f"r.{suffix}"
    with Outputs() as outputs, Recorder(outputs, small_disk) as recorder:
        recorder.start(OutputFile(path, sources=[]), (320, 240), 30)
        assert recorder.recording is not None
        for number in range(3000):
            noise = rng.integers(0, 255, (240 // scale, 320 // scale, 3), np.uint8)
            if recorder.recording is None:
                break
            outputs.show(noise, 1000 + number / 20)
            recorder.check()
            outputs.check()
            time.sleep(0.005)
        assert recorder.recording is None, "still recording"
    err = capsys.readouterr().err
    assert err.count("\n") == 1 and "No space left on device" in err and "what was recorded plays" in err
    assert [p.name for p in small_disk.iterdir()] == [path.name]
    kept = packet_times(path)
    assert len(kept) > (3 if scale == 1 else 20)
    completed = subprocess.run(["ffmpeg", "-v", "error", "-i", path, "-f", "null", "-"], capture_output=True, text=True)
    if suffix == "mp4" and scale > 1:  # a first fragment that is cut off is kept as it is
        assert completed.stderr == ""
    assert recorder.summary()["recordings"][0]["error"] is not None


def test_only_an_incomplete_last_fragment_is_cut_off(tmp_path: Path) -> None:
    def box(kind: bytes, size: int) -> bytes:
        return (8 + size).to_bytes(4, "big") + kind + bytes(size)

    whole = box(b"ftyp", 10) + box(b"moov", 30) + box(b"moof", 20) + box(b"mdat", 50)
    path = tmp_path / "f"
    for data, kept in [
        (whole, len(whole)),
        (whole + box(b"moof", 20), len(whole)),
        (whole + box(b"moof", 20) + box(b"mdat", 90)[:40], len(whole)),
        (whole + box(b"moof", 20)[:5], len(whole)),
        (b"", 0),
        (box(b"ftyp", 10) + box(b"mdat", 50) + box(b"moov", 9), 18 + 58 + 17),
        (b"no film at all", 14),
        (box(b"ftyp", 10) + box(b"moof", 20) + b"cut", 49),
    ]:
        path.write_bytes(data)
        keep_whole_fragments(path)
        assert path.read_bytes() == data[:kept]
