"""What a file is, whatever it is called; and pipes."""

from __future__ import annotations

import os
import resource
import struct
import subprocess
import sys
import threading
from pathlib import Path

import cv2
import numpy as np
import pytest

from realtime.errors import SourceError
from realtime.frame import Image
from realtime.sources.file_types import FileKind, file_kind, require_file
from realtime.sources.image import read_image
from realtime.sources.spool import spool_pipes
from realtime.sources.video import VideoFile
from tests.conftest import Run
from tests.video_files import VIDEO_INPUT, ffmpeg, make_media

AV1 = ("-c:v", "libsvtav1", "-pix_fmt", "yuv420p")
STILL = ("-f", "lavfi", "-i", "color=c=0x4080c0:s=64x48", "-frames:v", "1")
OPENCV_SUFFIXES = ("jpg", "png", "webp", "tif", "bmp", "jp2", "avif", "pbm", "pgm", "ppm", "pam", "pfm", "hdr", "ras")
FFMPEG_SUFFIXES = ("dpx", "exr", "pcx", "qoi", "sgi", "sun", "tga", "xbm", "xwd", "ico", "jls", "phm")


def picture() -> Image:
    return np.full((48, 64, 3), (192, 128, 64), np.uint8)


@pytest.mark.parametrize("suffix", OPENCV_SUFFIXES)
def test_image_of_a_type_that_opencv_reads_is_one_under_any_name(tmp_path: Path, suffix: str) -> None:
    image = picture().astype(np.float32) / 255 if suffix in ("pfm", "hdr") else picture()
    path = tmp_path / f"y.{suffix}"
    assert cv2.imwrite(str(path), image[:, :, 0] if suffix in ("pbm", "pgm") else image)
    for name in ("x.mp4", "x", "x.jfif", "x.unknown"):
        path = path.rename(tmp_path / name)
        assert file_kind(path) is FileKind.IMAGE
        assert read_image(path).image.shape == (48, 64, 3)


@pytest.mark.parametrize("suffix", FFMPEG_SUFFIXES)
def test_image_of_a_type_that_ffmpeg_reads_is_one(tmp_path: Path, suffix: str) -> None:
    path = make_media(tmp_path / f"x.{suffix}", *STILL)
    assert file_kind(path) is FileKind.IMAGE
    still = read_image(path)
    assert still.image.shape == (48, 64, 3)
    if suffix not in ("xbm", "exr", "phm"):
        assert np.abs(still.image.astype(int) - picture()).max() < 6


@pytest.mark.parametrize("suffix", ["mp4", "avi", "ts", "mxf", "3g2", "asf", "m2ts", "vob", "nut"])
def test_video_is_one_under_any_name(tmp_path: Path, suffix: str) -> None:
    codec = ("-c:v", "mpeg2video") if suffix in ("mxf", "vob") else ("-c:v", "mpeg4")
    path = make_media(tmp_path / f"y.{suffix}", *VIDEO_INPUT, *codec, "-pix_fmt", "yuv420p", "-r", "25")
    for name in ("x", "x.unknown", "x.txt") + (("x.jpg",) if suffix != "vob" else ()):
        path = path.rename(tmp_path / name)
        assert file_kind(path) is FileKind.VIDEO
    with VideoFile(path) as video:
        assert video.format.size == (64, 48)


def test_gif_of_one_frame_is_an_image_and_of_two_a_video(tmp_path: Path) -> None:
    still = make_media(tmp_path / "s.gif", *STILL)
    assert file_kind(still) is FileKind.IMAGE and read_image(still).image.shape == (48, 64, 3)
    assert file_kind(make_media(tmp_path / "v.gif", *VIDEO_INPUT)) is FileKind.VIDEO
    (tmp_path / "cut.gif").write_bytes(still.read_bytes()[:20])
    assert file_kind(tmp_path / "cut.gif") is FileKind.IMAGE


def test_moving_avif_is_a_video(tmp_path: Path) -> None:
    path = make_media(tmp_path / "x.avif", "-f", "lavfi", "-i", "testsrc=s=64x64:r=10:d=0.3", *AV1)
    assert file_kind(path) is FileKind.VIDEO


@pytest.mark.parametrize(
    ("name", "content", "kind"),
    [
        ("x.txt", b"hello\n" * 99, FileKind.OTHER),
        ("x.ts", b"const a = 1;\n" * 99, FileKind.OTHER),
        ("x.ts", b"\0damaged" * 99, FileKind.VIDEO),
        ("x.srt", b"1\n00:00:00,000 --> 00:00:01,000\nBM and GIF\n", FileKind.OTHER),
        ("BM.txt", b"BM is a city\n" * 9, FileKind.OTHER),
        ("x.mp4", b"\0nonsense" * 99, FileKind.VIDEO),
        ("x.mp4", b"<html>", FileKind.VIDEO),
        ("x.jpg", b"\0nonsense" * 99, FileKind.IMAGE),
        ("x.heic", b"\0\0\0\x18ftypheic" + bytes(40), FileKind.UNREADABLE_IMAGE),
        ("x.jpg", b"\0\0\0\x18ftypheic" + bytes(40), FileKind.UNREADABLE_IMAGE),
        ("x.jxl", b"\xff\x0a" + bytes(40), FileKind.UNREADABLE_IMAGE),
        ("x.nef", b"II*\0" + bytes(40), FileKind.UNREADABLE_IMAGE),
        ("x.png", b"", FileKind.IMAGE),
        ("x.zip", b"PK\x03\x04" + bytes(range(256)) * 9, FileKind.OTHER),
    ],
)
def test_kind_of_other_files(tmp_path: Path, name: str, content: bytes, kind: FileKind) -> None:
    (tmp_path / name).write_bytes(content)
    assert file_kind(tmp_path / name) is kind


def test_sound_is_no_video_even_with_a_cover(tmp_path: Path) -> None:
    cover = make_media(tmp_path / "c.png", *STILL)
    inputs = ("-f", "lavfi", "-i", "sine=d=1", "-i", cover, "-map", "0", "-map", "1")
    path = make_media(tmp_path / "x.mp3", *inputs, "-c:a", "libmp3lame", "-disposition:v", "attached_pic")
    assert file_kind(path) is FileKind.OTHER


@pytest.mark.parametrize(
    ("header", "size"),
    [
        (b"BM" + struct.pack("<IIIIiiHHIIiiII", 1080, 0, 1078, 40, 65000, 65000, 1, 8, 0, 0, 0, 0, 0, 0), 1080),
        (b"\xff\xd8" + b"\xff" * 99 + b"\xe0\0\x02 junk " + b"\xff\xc0\0\x11\x08\xfd\xe8\xfd\xe8\x03" + bytes(9), 600),
        (b"GIF87a" + struct.pack("<HHBBB", 65000, 65000, 0x80, 0, 0) + bytes(6) + b",", 66),
        (b"P5 65000 65000 255\n", 66),
    ],
    ids=["bmp", "jpeg", "gif", "pgm"],
)
def test_small_file_that_declares_a_huge_image_is_refused_before_it_is_decoded(
    tmp_path: Path, header: bytes, size: int
) -> None:
    path = tmp_path / "x.png"
    path.write_bytes(header.ljust(size, b"\0"))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(SourceError):
        read_image(path)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 400 << 10  # KiB


@pytest.mark.parametrize("suffix", ["mkv", "avi", "mp4"])
def test_video_of_huge_frames_is_refused_before_it_is_decoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str
) -> None:
    path = make_media(tmp_path / f"s.{suffix}", *VIDEO_INPUT, "-c:v", "mjpeg", "-pix_fmt", "yuvj420p")
    monkeypatch.setattr("realtime.sources.video.VIDEO_DECODER_LIMIT", {"max_pixels": str(64 * 48 - 1)})
    monkeypatch.setattr("realtime.sources.video.MAX_VIDEO_PIXELS", 64 * 48 - 1)
    with pytest.raises(SourceError, match="more than 0 million pixels"):
        VideoFile(path)


def test_video_whose_size_ffmpeg_refuses_is_named_with_its_size(tmp_path: Path) -> None:
    huge = ("-f", "lavfi", "-i", "color=gray:s=16400x8400:r=1:d=1", "-frames:v", "1", "-c:v", "mjpeg")
    path = make_media(tmp_path / "s.avi", *huge)
    with pytest.raises(SourceError) as caught:
        VideoFile(path)
    assert str(caught.value) == f"{path} claims to be 16400 x 8400: more than 128 million pixels"


def test_pipe_is_stored_and_its_content_decides_what_it_is(tmp_path: Path) -> None:
    film = make_media(tmp_path / "film.mkv")
    os.mkfifo(tmp_path / "pipe")
    writer = threading.Thread(target=lambda: (tmp_path / "pipe").write_bytes(film.read_bytes()))
    writer.start()
    with spool_pipes([film, tmp_path / "pipe"]) as inputs:
        writer.join()
        assert inputs[0] == film and inputs[1].name == "pipe"
        assert inputs[1].read_bytes() == film.read_bytes() and file_kind(inputs[1]) is FileKind.VIDEO
    assert not inputs[1].exists()


def test_pipe_without_a_writer_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("realtime.sources.spool.WRITER_SECONDS", 0.1)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(SourceError, match="pipe: nothing came through"), spool_pipes([tmp_path / "pipe"]):
        pass


@pytest.mark.parametrize(("kind", "name"), [("film", "-"), ("picture", "/dev/stdin"), ("empty", "-")])
def test_command_reads_standard_input(tmp_path: Path, kind: str, name: str) -> None:
    output = "o.png" if kind == "picture" else "o.mp4"
    data = b""
    if kind == "film":
        data = make_media(tmp_path / "f.mkv").read_bytes()
    elif kind == "picture":
        data = ffmpeg(*STILL, "-f", "image2pipe", "-c:v", "png", "-")
    command = [sys.executable, "-m", "realtime", name, "-o", output, "--provider", "cpu", "--strength", "0"]
    done = subprocess.run(command, cwd=tmp_path, input=data, capture_output=True, timeout=100)
    assert (done.returncode, (tmp_path / output).exists()) == ((1, False) if kind == "empty" else (0, True)), done
    assert kind != "empty" or b"nothing came through" in done.stderr


def test_pipe_is_not_played(run: Run, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "p.mkv")
    done = run("realtime", "p.mkv", "--no-window", "--virtual-camera", "--frames", "1")
    assert done.returncode == 1 and done.stderr.count("\n") == 1


@pytest.mark.parametrize(("path", "what"), [("/dev/zero", "is a device"), (".", "is a folder"), ("none", "no such")])
def test_what_is_no_file_is_refused(path: str, what: str) -> None:
    with pytest.raises(SourceError, match=what):
        require_file(Path(path))
