"""Camera modes: from the kernel on Linux, from the log of FFmpeg elsewhere."""

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
from realtime.sources.camera_modes import (
    CameraMode,
    list_modes,
    parse_avfoundation_log,
    parse_dshow_log,
    summarize_modes,
)

WEBCAM = CameraInfo(0, "Webcam", "/dev/null", (("V4L2", 0),))
MJPG, YUYV, H264 = (int.from_bytes(name, "little") for name in (b"MJPG", b"YUYV", b"H264"))


Modes = dict[int, dict[tuple[int, int], list[int]]]  # FOURCC: size: rates


class Kernel:
    """A fake `ioctl` that answers in the structs of <linux/videodev2.h>. ranges: sizes and rates as one range each."""

    def __init__(self, modes: Modes, ranges: bool = False) -> None:
        self.modes, self.ranges = modes, ranges

    def __call__(self, handle: int, request: int, answer: bytearray) -> int:
        index, argument = struct.unpack_from("=2I", answer)
        try:
            if request == 0xC0405602:
                assert len(answer) == 64
                if argument != 1:
                    raise IndexError
                struct.pack_into("=I", answer, 44, list(self.modes)[index])
            elif request == 0xC02C564A:
                assert len(answer) == 44
                width, height = list(self.modes[argument])[index]
                if self.ranges:
                    struct.pack_into("=7I", answer, 8, 3, 16, width, 8, 16, height, 8)
                else:
                    struct.pack_into("=3I", answer, 8, 1, width, height)
            else:
                assert request == 0xC034564B and len(answer) == 52
                rates = self.modes[argument][struct.unpack_from("=2I", answer, 8)]
                struct.pack_into("=3I", answer, 16, 2 if self.ranges else 1, 1, rates[index])
        except IndexError:
            raise OSError(errno.EINVAL, "no more") from None
        return 0


@pytest.mark.skipif(sys.platform != "linux", reason="Linux only")
@pytest.mark.parametrize("ranges", [False, True])
def test_list_modes_reads_discrete_sizes_and_ranges_from_v4l2(monkeypatch: pytest.MonkeyPatch, ranges: bool) -> None:
    modes: Modes = {
        YUYV: {(640, 480): [30, 15]},
        MJPG: {(1280, 720): [30], (640, 480): [15, 60]},
        H264: {(320, 240): []},
    }
    if ranges:
        modes = {YUYV: {(1920, 1080): [30]}}
    monkeypatch.setattr("fcntl.ioctl", Kernel(modes, ranges))
    if ranges:
        assert list_modes(WEBCAM) == [CameraMode(1920, 1080, 30, "YUYV")]
        return
    found = list_modes(WEBCAM)
    assert found == [
        CameraMode(1280, 720, 30, "MJPG"),
        CameraMode(640, 480, 60, "MJPG"),
        CameraMode(640, 480, 30, "YUYV"),
        CameraMode(320, 240, 0, "H264"),
    ]
    assert summarize_modes(found) == "1280 x 720 at 30, 640 x 480 at 60, 320 x 240"


@pytest.mark.skipif(sys.platform != "linux", reason="Linux only")
def test_list_modes_of_a_device_that_does_not_answer_is_empty(tmp_path: Path) -> None:
    assert list_modes(WEBCAM) == []
    assert list_modes(CameraInfo(0, "", str(tmp_path / "gone"), (("V4L2", 0),))) == []


def test_parse_dshow_log_reads_formats_sizes_and_rates() -> None:
    log = """DirectShow video device options (from video devices)
 Pin "Capture" (alternative pin name "0")
  pixel_format=yuyv422  min s=640x480 fps=5 max s=640x480 fps=30
  pixel_format=yuyv422  min s=640x480 fps=5 max s=640x480 fps=30 (tv, bt470bg/bt709/unknown, topleft)
  vcodec=mjpeg  min s=1280x720 fps=15.0002 max s=1280x720 fps=60.0002
"""
    assert list(parse_dshow_log(log)) == [("YUYV", 640, 480, 30)] * 2 + [("MJPG", 1280, 720, 60.0002)]


def test_parse_avfoundation_log_reads_sizes_and_rates() -> None:
    log = """Selected framerate (1000.000000) is not supported by the device.
Supported modes:
  1280x720@[1.000000 30.000000]fps
  640x480@[15.000000 30.000030]fps
"""
    assert list(parse_avfoundation_log(log)) == [("", 1280, 720, 30), ("", 640, 480, 30.00003)]


def test_print_cameras_shows_modes_as_text_and_json(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("realtime.sources.camera_list.list_cameras", lambda: [WEBCAM])
    monkeypatch.setattr("realtime.sources.camera_modes.list_modes", lambda camera: [CameraMode(640, 480, 30, "MJPG")])
    listing.print_cameras(as_json=False)
    assert "640 x 480 at 30" in capsys.readouterr().out
    listing.print_cameras(as_json=True)
    (row,) = json.loads(capsys.readouterr().out)
    sizes: list[dict[str, Any]] = row["sizes"]
    assert sizes == [{"width": 640, "height": 480, "fps": 30, "format": "MJPG"}]
