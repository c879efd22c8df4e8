"""What cameras offer: as the kernel says it on Linux, as FFmpeg writes it elsewhere."""

from __future__ import annotations

import errno
import json
import struct
import sys
from pathlib import Path
from typing import Any

import pytest

from realtime.cli import listing
from realtime.sources.camera_list import CameraInfo
from realtime.sources.camera_modes import Mode, from_avfoundation, from_dshow, modes, summary

WEBCAM = CameraInfo(0, "Webcam", "/dev/null", (("V4L2", 0),))
MJPG, YUYV, H264 = (int.from_bytes(name, "little") for name in (b"MJPG", b"YUYV", b"H264"))


Offers = dict[int, dict[tuple[int, int], list[int]]]


class Kernel:
    """Answers as <linux/videodev2.h> lays it out; ranges: sizes and rates as one range each."""

    def __init__(self, offers: Offers, ranges: bool = False) -> None:
        self.offers, self.ranges = offers, ranges

    def __call__(self, handle: int, request: int, answer: bytearray) -> int:
        index, asked = struct.unpack_from("=2I", answer)
        try:
            if request == 0xC0405602:
                assert len(answer) == 64
                if asked != 1:
                    raise IndexError
                struct.pack_into("=I", answer, 44, list(self.offers)[index])
            elif request == 0xC02C564A:
                assert len(answer) == 44
                width, height = list(self.offers[asked])[index]
                if self.ranges:
                    struct.pack_into("=7I", answer, 8, 3, 16, width, 8, 16, height, 8)
                else:
                    struct.pack_into("=3I", answer, 8, 1, width, height)
            else:
                assert request == 0xC034564B and len(answer) == 52
                rates = self.offers[asked][struct.unpack_from("=2I", answer, 8)]
                struct.pack_into("=3I", answer, 16, 2 if self.ranges else 1, 1, rates[index])
        except IndexError:
            raise OSError(errno.EINVAL, "no more") from None
        return 0


@pytest.mark.skipif(sys.platform != "linux", reason="Linux only")
@pytest.mark.parametrize("ranges", [False, True])
def test_the_kernel_is_asked(monkeypatch: pytest.MonkeyPatch, ranges: bool) -> None:
    offers: Offers = {
        YUYV: {(640, 480): [30, 15]},
        MJPG: {(1280, 720): [30], (640, 480): [15, 60]},
        H264: {(320, 240): []},
    }
    if ranges:
        offers = {YUYV: {(1920, 1080): [30]}}
    monkeypatch.setattr("fcntl.ioctl", Kernel(offers, ranges))
    if ranges:
        assert modes(WEBCAM) == [Mode(1920, 1080, 30, "YUYV")]
        return
    found = modes(WEBCAM)
    assert found == [
        Mode(1280, 720, 30, "MJPG"),
        Mode(640, 480, 60, "MJPG"),
        Mode(640, 480, 30, "YUYV"),
        Mode(320, 240, 0, "H264"),
    ]
    assert summary(found) == "1280 x 720 at 30, 640 x 480 at 60, 320 x 240"


@pytest.mark.skipif(sys.platform != "linux", reason="Linux only")
def test_a_device_that_does_not_answer_offers_nothing(tmp_path: Path) -> None:
    assert modes(WEBCAM) == []
    assert modes(CameraInfo(0, "", str(tmp_path / "gone"), (("V4L2", 0),))) == []


def test_dshow() -> None:
    log = """DirectShow video device options (from video devices)
 Pin "Capture" (alternative pin name "0")
  pixel_format=yuyv422  min s=640x480 fps=5 max s=640x480 fps=30
  pixel_format=yuyv422  min s=640x480 fps=5 max s=640x480 fps=30 (tv, bt470bg/bt709/unknown, topleft)
  vcodec=mjpeg  min s=1280x720 fps=15.0002 max s=1280x720 fps=60.0002
"""
    assert list(from_dshow(log)) == [("YUYV", 640, 480, 30)] * 2 + [("MJPG", 1280, 720, 60.0002)]


def test_avfoundation() -> None:
    log = """Selected framerate (1000.000000) is not supported by the device.
Supported modes:
  1280x720@[1.000000 30.000000]fps
  640x480@[15.000000 30.000030]fps
"""
    assert list(from_avfoundation(log)) == [("", 1280, 720, 30), ("", 640, 480, 30.00003)]


def test_the_list_shows_them(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("realtime.sources.list_cameras", lambda: [WEBCAM])
    monkeypatch.setattr("realtime.sources.camera_modes.modes", lambda camera: [Mode(640, 480, 30, "MJPG")])
    listing.print_cameras(as_json=False)
    assert "640 x 480 at 30" in capsys.readouterr().out
    listing.print_cameras(as_json=True)
    (row,) = json.loads(capsys.readouterr().out)
    sizes: list[dict[str, Any]] = row["sizes"]
    assert sizes == [{"width": 640, "height": 480, "fps": 30, "format": "MJPG"}]
