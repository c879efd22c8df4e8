"""The tables of containers and encoders: their options, what is refused, and that each encoder works."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from realtime.batch.jobs import Job
from realtime.batch.process import BatchOptions, process_video
from realtime.errors import OutputError, UsageError
from realtime.frame import Image
from realtime.sinks.codecs import CONTAINERS, ENCODERS, PRESETS, Encoding, choose_encoding, find_problem
from realtime.sinks.output_file import OutputFile
from realtime.system.thread_priority import real_time_threads
from tests.conftest import Run
from tests.video_files import (
    H264,
    VIDEO_INPUT,
    decode_frames,
    make_media,
    max_difference,
    packet_times,
    process_file,
    streams,
)

SOFTWARE = [name for name, encoder in ENCODERS.items() if not encoder.hardware]


def test_each_encoder_has_a_container_presets_and_a_default_quality() -> None:
    for name, encoder in ENCODERS.items():
        assert any(encoder.codec in codecs for _, codecs in CONTAINERS.values()), name
        assert len(encoder.presets) == len(PRESETS), name
        assert encoder.crf_range[0] <= encoder.default_crf <= encoder.crf_range[1], name


@pytest.mark.parametrize("name", SOFTWARE)
@pytest.mark.parametrize("preset", [PRESETS[0], PRESETS[-1]])
def test_software_encoder_takes_its_options_and_writes_a_video(tmp_path: Path, name: str, preset: str) -> None:
    codec = ENCODERS[name].codec
    source = make_media(tmp_path / "in.mp4", "-f", "lavfi", "-i", "testsrc=s=64x48:r=10:d=0.4", *H264)
    suffix = next(suffix for suffix, (_, codecs) in reversed(CONTAINERS.items()) if codec in codecs)
    result = process_file(source, tmp_path / f"out{suffix}", codec=name, preset=preset, crf=None)
    (video,) = streams(tmp_path / f"out{suffix}", "video")
    assert (video["codec_name"], video["width"], result.frames) == (codec, 64, 4)


@pytest.mark.parametrize(("suffix", "codec"), [("mov", "prores"), ("mkv", "prores"), ("mkv", "ffv1")])
@pytest.mark.parametrize("size", ["64x48", "63x47"])
def test_editing_codec_keeps_size_and_times(tmp_path: Path, suffix: str, codec: str, size: str) -> None:
    video_input = ("-f", "lavfi", "-i", f"testsrc=s={size}:r=10:d=1", "-pix_fmt", "yuv444p")
    source = make_media(tmp_path / "in.mkv", *video_input, "-c:v", "libx264", "-bf", "2")
    output = tmp_path / f"out.{suffix}"
    result = process_file(source, output, codec=codec, crf=None)
    (video,) = streams(output, "video")
    assert (video["codec_name"], f"{video['width']}x{video['height']}", result.notes) == (codec, size, [])
    assert video["pix_fmt"][:7] == ("bgr0" if codec == "ffv1" else "yuv422p" if size == "64x48" else "yuv444p")
    assert packet_times(output) == pytest.approx(packet_times(source), abs=0.0006)
    width, height = map(int, size.split("x"))
    assert max_difference(decode_frames(source, width, height), decode_frames(output, width, height)) < 4


def test_ffv1_is_lossless(tmp_path: Path) -> None:
    """Frames are stylized as RGB, so an RGB video is written without any loss."""
    source = make_media(tmp_path / "in.mkv", *VIDEO_INPUT, "-c:v", "libx264rgb", "-qp", "0", "-pix_fmt", "bgr24")
    process_file(source, tmp_path / "out.mkv", codec="ffv1", crf=None)
    before, after = decode_frames(source, 64, 48), decode_frames(tmp_path / "out.mkv", 64, 48)
    assert all(np.array_equal(a, b) for a, b in zip(before, after, strict=True))


@pytest.mark.parametrize(
    ("name", "codec", "crf", "message"),
    [
        ("x.mp4", "prores", None, ".mp4 takes h264, hevc, av1, vp9; prores goes into .mov, .mkv"),
        ("x.webm", "h264", None, "h264 goes into .mp4, .m4v, .mov, .mkv"),
        ("x.webm", "h264_nvenc", None, ".webm takes vp9, av1"),
        ("x.mkv", "ffv1", 3, "one quality only"),
        ("x.mp4", "h264", 52, "from 0 (best) to 51"),
        ("x.mp4", "h264_nvenc", 0, "from 1 (best) to 51"),
        ("x.avi", None, None, "films are written as"),
    ],
)
def test_impossible_encoding_is_refused_in_one_line(
    name: str, codec: str | None, crf: int | None, message: str
) -> None:
    with pytest.raises(UsageError) as caught:
        choose_encoding(Path(name), codec, crf)
    assert message in str(caught.value)


@pytest.mark.parametrize("name", [name for name in ENCODERS if name not in SOFTWARE])
def test_hardware_encoder_works_or_is_refused_in_one_line(name: str) -> None:
    encoder = ENCODERS[name]
    suffix = next(suffix for suffix, (_, codecs) in CONTAINERS.items() if encoder.codec in codecs)
    problem = find_problem(Encoding("mp4", encoder, encoder.options))
    if problem is None:
        assert choose_encoding(Path("x" + suffix), name).encoder is encoder
        return
    with pytest.raises(OutputError, match=f"--codec {name}: .*{name}") as caught:
        choose_encoding(Path("x" + suffix), name)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("name", "device"), [("h264_nvenc", "cuda"), ("h264_nvenc", "vaapi"), ("h264", "cuda")])
def test_device_that_cannot_be_opened_is_reported_in_one_line(name: str, device: str) -> None:
    """Not every FFmpeg has VAAPI's encoders: other ones are opened with a device that is missing or not used."""
    encoder = replace(ENCODERS[name], device=device, hardware=True)
    problem = find_problem(Encoding("mp4", encoder, encoder.options))
    if (name, device) == ("h264_nvenc", "cuda") and problem is None:
        return  # this machine has such a device
    assert problem is not None and "\n" not in problem
    assert problem.startswith(f"{encoder.name} cannot encode here: no such hardware, or no driver (")


def test_odd_size_is_refused_by_an_encoder_without_a_pixel_format() -> None:
    encoding = Encoding("mp4", ENCODERS["h264_qsv"], {})
    assert encoding.pixel_format((64, 48)) == "nv12"
    with pytest.raises(OutputError, match="odd size 63 x 48"):
        encoding.pixel_format((63, 48))


def test_list_codecs_names_every_encoder(run: Run) -> None:
    completed = run("realtime", "--list-codecs")
    assert (completed.returncode, completed.stderr) == (0, "")
    for name in ENCODERS:
        assert f" {name} " in completed.stdout


def test_no_encoder_leaves_a_real_time_thread(tmp_path: Path) -> None:
    """As root, SVT-AV1 would: its threads, the one that opens it, and all threads and processes that one starts."""
    assert real_time_threads() == set()
    for name in ENCODERS:
        with suppress(OutputError):  # no such hardware
            path = tmp_path / ("a.mov" if name == "png" else "a.mkv")
            find_problem(choose_encoding(path, name), software=True)
        assert real_time_threads() == set(), name

    def stylize(image: Image, seconds: float) -> Image:
        assert real_time_threads() == set()
        return image.copy()

    source = make_media(tmp_path / "in.mp4")
    job = Job(source, tmp_path / "out.mkv")
    output_file = OutputFile(job.output, sources=[source])
    process_video(job, output_file, stylize, BatchOptions(codec="av1"))
    assert real_time_threads() == set()
