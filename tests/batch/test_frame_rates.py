"""The rate that an encoder is opened with comes from the pictures, and is within its limits."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from realtime.errors import OutputError
from realtime.sources.probe import choose_time_base
from tests.video_files import H264, make_media, packet_times, process_file, streams


class _Pipe:
    """A file that cannot seek, so that the header names no duration, as in a browser's recording."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("wb")

    def write(self, data: bytes) -> int:
        return self._file.write(data)

    def close(self) -> None:
        self._file.close()


def make_browser_recording(path: Path, milliseconds: list[int], size: tuple[int, int] = (64, 48)) -> Path:
    """Write a WebM file that declares 1000 frames a second, with frames at those times."""
    pipe = _Pipe(path)
    with av.open(pipe, "w", format="webm", options={"live": "1"}) as container:
        stream = container.add_stream("libvpx", rate=1000)
        (stream.width, stream.height), stream.pix_fmt = size, "yuv420p"
        stream.options = {"deadline": "realtime", "cpu-used": "8"}
        for number, time in enumerate(milliseconds):
            frame = av.VideoFrame.from_ndarray(np.full((size[1], size[0], 3), number * 20, np.uint8), "rgb24")
            frame.pts, frame.time_base = time, Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    pipe.close()
    return path


UNEVEN = [0, 33, 70, 101, 140, 166]


@pytest.mark.parametrize("codec", ["h264", "av1"])
def test_browser_recording_has_the_rate_of_its_pictures(tmp_path: Path, codec: str) -> None:
    source = make_browser_recording(tmp_path / "in.webm", UNEVEN, (640, 360))
    process_file(source, tmp_path / "out.mp4", codec=codec, preset="ultrafast", crf=30)
    (video,) = streams(tmp_path / "out.mp4", "video")
    assert packet_times(tmp_path / "out.mp4") == pytest.approx([time / 1000 for time in UNEVEN], abs=1e-6)
    assert codec != "h264" or video["level"] <= 30  # 6.0 at 1000 frames a second


@pytest.mark.parametrize("rate", [240, 480, 1000])
def test_high_rates_are_written_by_av1_too(tmp_path: Path, rate: int) -> None:
    inputs = ("-f", "lavfi", "-i", f"testsrc=s=64x48:r={rate}:d={6 / rate}")
    source = make_media(tmp_path / "in.mp4", *inputs, *H264)
    process_file(source, tmp_path / "out.mp4", codec="av1", preset="ultrafast")
    assert packet_times(tmp_path / "out.mp4") == pytest.approx([n / rate for n in range(6)], abs=1e-5)


def test_single_picture_of_a_browser_recording_is_written(tmp_path: Path) -> None:
    source = make_browser_recording(tmp_path / "in.webm", [0])
    assert process_file(source, tmp_path / "out.mp4", codec="av1", preset="ultrafast").frames == 1


def test_nanoseconds_and_long_pauses_are_written_in_coarser_times() -> None:
    assert choose_time_base([0, 10**8, 2 * 10**8], Fraction(1, 10**9)) == Fraction(1, 90_000)
    assert choose_time_base([0, 20 * 3600 * 90_000], Fraction(1, 90_000)) == Fraction(1, 1000)
    assert choose_time_base([0, 512, 1024], Fraction(1, 12_800)) == Fraction(1, 12_800)


def test_size_that_the_encoder_refuses_is_named_before_the_work(tmp_path: Path) -> None:
    inputs = ("-f", "lavfi", "-i", "color=s=16640x16:r=10:d=0.1", "-pix_fmt", "yuv420p", "-c:v", "ffv1")
    source = make_media(tmp_path / "in.mkv", *inputs)
    with pytest.raises(OutputError, match=r"libx264 does not take 16640 x 16 pixels at 10 frames a second"):
        process_file(source, tmp_path / "out.mp4")
