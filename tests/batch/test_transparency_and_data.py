"""Alpha channels and data tracks of videos: kept where the output can hold them, else named."""

from __future__ import annotations

from pathlib import Path

import av
import pytest

from realtime.sources.video import VideoFile
from tests.video_files import H264, VIDEO_INPUT, make_media, process_file, streams

HALF = ("-f", "lavfi", "-i", "testsrc=s=64x48:r=10:d=0.5,format=rgba,colorchannelmixer=aa=0.4")
TRANSPARENT = {
    "rgba.mov": ("-c:v", "png"),
    "prores.mov": ("-c:v", "prores_ks", "-profile:v", "4444", "-pix_fmt", "yuva444p10le"),
    "vp9.webm": ("-c:v", "libvpx-vp9", "-pix_fmt", "yuva420p"),
    "vp8.webm": ("-c:v", "libvpx", "-pix_fmt", "yuva420p", "-auto-alt-ref", "0"),
    "ffv1.mkv": ("-c:v", "ffv1", "-pix_fmt", "bgra"),
    "animation.mov": ("-c:v", "qtrle", "-pix_fmt", "argb"),
    "utvideo.avi": ("-c:v", "utvideo", "-pix_fmt", "gbrap"),
}
OUTPUTS = {"prores": "mov", "png": "mov", "vp9": "webm", "ffv1": "mkv"}


def alphas(path: Path) -> list[float]:
    """Return the mean of each frame's alpha channel."""
    with VideoFile(path) as video:
        frames = [step.frame for step in video if step.frame is not None]
    return [float(frame.alpha.mean()) if frame.alpha is not None else 255.0 for frame in frames]


@pytest.mark.parametrize("name", TRANSPARENT)
def test_alpha_channel_of_any_codec_is_read_and_kept(tmp_path: Path, name: str) -> None:
    source = make_media(tmp_path / name, *HALF, *TRANSPARENT[name])
    result = process_file(source, tmp_path / "o.mkv", codec="ffv1", crf=None)
    assert alphas(tmp_path / "o.mkv") == pytest.approx([102] * 5, abs=2)
    assert not any("transparency" in note for note in result.notes)


@pytest.mark.parametrize("codec", OUTPUTS)
@pytest.mark.parametrize("size", ["64x48", "63x47"])
def test_alpha_channel_is_written_by_every_codec_that_has_one(tmp_path: Path, codec: str, size: str) -> None:
    source = make_media(tmp_path / "in.mov", HALF[0], HALF[1], HALF[2], HALF[3].replace("64x48", size), "-c:v", "png")
    output = tmp_path / f"o.{OUTPUTS[codec]}"
    result = process_file(source, output, codec=codec, crf=4 if codec == "vp9" else None)
    assert result.notes == [] and alphas(output) == pytest.approx([102] * 5, abs=3)


def test_alpha_channel_follows_the_size_of_the_output(tmp_path: Path) -> None:
    source = make_media(tmp_path / "in.mov", *HALF, "-c:v", "png")
    process_file(source, tmp_path / "o.mkv", codec="ffv1", crf=None, scale_output=True, height=24)
    assert alphas(tmp_path / "o.mkv") == pytest.approx([102] * 5, abs=2)


@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
def test_lost_transparency_is_laid_on_white_and_named(tmp_path: Path, suffix: str) -> None:
    source = make_media(tmp_path / "in.mov", *HALF, "-vf", "colorchannelmixer=aa=0", "-c:v", "png")
    result = process_file(source, tmp_path / f"o.{suffix}")
    assert sum("transparency is lost" in note for note in result.notes) == 1
    with VideoFile(tmp_path / f"o.{suffix}") as video:
        assert all(step.frame.image.min() > 250 for step in video if step.frame is not None)


def test_transparency_that_begins_late_is_named_too(tmp_path: Path) -> None:
    late = ("-vf", "format=rgba,geq=r='r(X,Y)':g='g(X,Y)':b='b(X,Y)':a='if(lt(N,3),255,0)'")
    source = make_media(tmp_path / "in.mov", *VIDEO_INPUT, *late, "-c:v", "png")
    result = process_file(source, tmp_path / "o.mp4")
    assert sum("transparency is lost" in note for note in result.notes) == 1


def test_opaque_alpha_channel_is_no_news(tmp_path: Path) -> None:
    source = make_media(tmp_path / "in.gif", *VIDEO_INPUT)
    assert not any("transparency" in note for note in process_file(source, tmp_path / "o.mp4").notes)


def make_data_track(path: Path, tag: bytes) -> Path:
    """Write a film whose track of time code is renamed to one of telemetry, as action cameras have it."""
    data = make_media(path.with_suffix(".mov"), *VIDEO_INPUT, *H264, "-timecode", "01:00:00:00").read_bytes()
    handler, entry = data.index(b"mhlrtmcd"), data.index(b"\0\0\0\x24tmcd")
    data = data[:handler] + b"mhlrmeta" + data[handler + 8 : entry + 4] + tag + data[entry + 8 :]
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("suffix", ["mp4", "mov"])
def test_telemetry_is_copied(tmp_path: Path, suffix: str) -> None:
    source = make_data_track(tmp_path / "in.mp4", b"gpmd")
    result = process_file(source, tmp_path / f"o.{suffix}")
    (before,), (after,) = streams(source, "data"), streams(tmp_path / f"o.{suffix}", "data")
    assert after["codec_tag_string"] == before["codec_tag_string"] == "gpmd" and result.notes == []
    packets = [
        [bytes(packet) for packet in container.demux(data=0) if packet.size]
        for container in (av.open(str(path)) for path in (source, tmp_path / f"o.{suffix}"))
    ]
    assert packets[0] == packets[1] != []


@pytest.mark.parametrize("tag", [b"gpmd", b"mett", b"fdsc", b"camm"])
def test_data_track_that_the_container_does_not_take_is_named(tmp_path: Path, tag: bytes) -> None:
    source = make_data_track(tmp_path / "in.mp4", tag)
    result = process_file(source, tmp_path / "o.mkv")
    assert any("data track 1" in note and "left out" in note for note in result.notes)


@pytest.mark.parametrize("suffix", ["mp4", "mov", "mkv"])
def test_time_code_is_kept_without_a_word(tmp_path: Path, suffix: str) -> None:
    source = make_media(tmp_path / "in.mov", *VIDEO_INPUT, *H264, "-timecode", "01:00:00:00")
    result = process_file(source, tmp_path / f"o.{suffix}")
    (video,) = streams(tmp_path / f"o.{suffix}", "video")
    tags = {key.lower(): value for key, value in video["tags"].items()}
    assert tags["timecode"].startswith("01:00:00") and not any("left out" in note for note in result.notes)
