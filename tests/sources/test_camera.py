"""Local cameras: opening, formats, loss of signal, with a fake `cv2.VideoCapture`."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from realtime.errors import NoCamera, SignalLost, SourceError
from realtime.frame import Image
from realtime.sources import opening
from realtime.sources.camera import Camera
from realtime.sources.camera_list import CameraInfo
from realtime.sources.opening import open_live_source
from realtime.system.clock import FakeClock

CAMERA = CameraInfo(0, "Logitech C270", None, (("V4L2", 0),))
UNPLUGGED = "unplugged"
DAMAGED = None


def image(level: int, shape: tuple[int, ...] = (48, 64, 3)) -> Image:
    return np.full(shape, level, np.uint8)


class Capture:
    """A cv2.VideoCapture that delivers scripted images."""

    def __init__(self, images: Iterable[Any], opens: bool = True) -> None:
        self.images, self.opens = iter(images), opens
        self.properties: dict[int, float] = {}
        self.fourcc = float(cv2.VideoWriter.fourcc(*"YUYV"))
        self.opened_as: tuple[int, int] | None = None
        self.current: Any = None

    def open(self, index: int, backend: int) -> bool:
        self.opened_as = (index, backend)
        return self.opens

    def isOpened(self) -> bool:
        return self.opens

    def set(self, property: int, value: float) -> bool:
        self.properties[property] = value
        return True

    def get(self, property: int) -> float:
        return {cv2.CAP_PROP_FPS: 30.0, cv2.CAP_PROP_FOURCC: self.fourcc}.get(property, 0.0)

    def grab(self) -> bool:
        self.current = next(self.images, UNPLUGGED)
        return self.current is not UNPLUGGED

    def retrieve(self) -> tuple[bool, Any]:
        if isinstance(self.current, Exception):
            raise self.current
        return self.current is not DAMAGED, self.current

    def release(self) -> None:
        self.opens = False


def plug_in(monkeypatch: pytest.MonkeyPatch, *captures: Capture) -> None:
    remaining = list(captures)
    monkeypatch.setattr(cv2, "VideoCapture", lambda: remaining.pop(0))


def test_read_returns_frames_in_order_with_their_arrival_times(monkeypatch: pytest.MonkeyPatch) -> None:
    capture, clock = Capture([image(1), image(2), image(3)]), FakeClock(start=7)
    plug_in(monkeypatch, capture)
    with Camera(CAMERA, clock=clock) as device:
        assert capture.opened_as == (0, cv2.CAP_V4L2)
        assert (device.name, device.size, device.fps) == ("camera 0 (Logitech C270)", (64, 48), 30.0)
        assert device.mirror
        frames = []
        for _ in range(3):
            frames.append(device.read())
            clock.advance(0.5)
    assert [int(frame.image[0, 0, 0]) for frame in frames] == [1, 2, 3]
    assert [(frame.pts, frame.captured) for frame in frames] == [(0, 7), (0.5, 7.5), (1, 8)]
    assert not capture.opens
    with pytest.raises(SourceError, match="is closed"):
        device.read()


def test_fps_is_measured_where_the_driver_promises_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """In poor light a camera that promises 30 fps delivers 15."""
    clock = FakeClock()
    plug_in(monkeypatch, Capture([image(0)] * 60))
    device = Camera(CAMERA, clock=clock)
    for _ in range(50):
        device.read()
        clock.advance(1 / 15)
    assert device.fps == pytest.approx(15, abs=0.1)


@pytest.mark.parametrize(
    ("size", "fps"),
    [(None, None), ((640, 480), 30), ((1280, 720), None), (None, 60)],
)
def test_format_size_and_rate_are_requested_from_the_driver(
    monkeypatch: pytest.MonkeyPatch, size: tuple[int, int] | None, fps: float | None
) -> None:
    capture = Capture([image(0)])
    plug_in(monkeypatch, capture)
    Camera(CAMERA, size=size, fps=fps)
    expected: dict[int, float] = {cv2.CAP_PROP_FOURCC: cv2.VideoWriter.fourcc(*"MJPG")}
    if size:
        expected |= {cv2.CAP_PROP_FRAME_WIDTH: size[0], cv2.CAP_PROP_FRAME_HEIGHT: size[1]}
    if fps:
        expected |= {cv2.CAP_PROP_FPS: fps}
    assert capture.properties == expected | {cv2.CAP_PROP_BUFFERSIZE: 2}
    assert (
        next(iter(capture.properties)) == cv2.CAP_PROP_FOURCC
    )  # before the size, or drivers limit it to what raw frames allow


def test_directshow_gets_the_mjpg_request_last(monkeypatch: pytest.MonkeyPatch) -> None:
    """DirectShow resets the format when a size or a rate is set."""
    capture = Capture([image(0)])
    plug_in(monkeypatch, capture)
    monkeypatch.setattr(sys, "platform", "win32")
    Camera(CAMERA, size=(1280, 720), fps=30)
    order = [property for property in capture.properties if property != cv2.CAP_PROP_BUFFERSIZE]
    assert sorted(order[:3]) == sorted([cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT, cv2.CAP_PROP_FPS])
    assert order[3:] == [cv2.CAP_PROP_FOURCC]


@pytest.mark.parametrize(("code", "name"), [(0x47504A4D, "MJPG"), (0, ""), (-1, ""), (0x01020304, ""), (2.0**40, "")])
def test_format_is_the_fourcc_of_the_driver_or_empty(monkeypatch: pytest.MonkeyPatch, code: float, name: str) -> None:
    capture = Capture([image(0)])
    capture.fourcc = code
    plug_in(monkeypatch, capture)
    assert Camera(CAMERA).format == name


def test_read_skips_and_counts_damaged_frames(monkeypatch: pytest.MonkeyPatch) -> None:
    broken: list[Any] = [DAMAGED, cv2.error("bad JPEG"), np.empty((0, 0, 3), np.uint8)]
    plug_in(monkeypatch, Capture([image(1), *broken, image(2)]))
    device = Camera(CAMERA)
    device.read()
    assert int(device.read().image[0, 0, 0]) == 2
    assert device.decode_errors == 3


def test_only_damaged_frames_raise_signal_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    plug_in(monkeypatch, Capture([image(1), *[DAMAGED] * 60]))
    device = Camera(CAMERA)
    device.read()
    with pytest.raises(SignalLost, match="garbage"):
        device.read()


def test_pictures_that_do_not_come_are_none_whatever_is_in_the_array(monkeypatch: pytest.MonkeyPatch) -> None:
    """DirectShow's grab always succeeds; its retrieve waits for a second, and fails with an array of anything."""
    clock = FakeClock()

    class Silent(Capture):
        def retrieve(self) -> tuple[bool, Any]:
            clock.advance(1)
            return False, self.current

    plug_in(monkeypatch, Silent([image(77)] * 99), Capture([image(1)]))
    with Camera(CameraInfo(0, "", None, (("DSHOW", 0), ("MSMF", 0))), clock=clock) as device:
        assert int(device.read().image[0, 0, 0]) == 1  # the second backend's image
    assert 5 <= clock.now() <= 7


def test_read_follows_changes_of_size_and_colour_channels(monkeypatch: pytest.MonkeyPatch) -> None:
    plug_in(monkeypatch, Capture([image(1), image(2, (20, 30)), image(3, (20, 30, 1))]))
    device = Camera(CAMERA)
    assert [device.read().image.shape for _ in range(3)] == [(48, 64, 3), (20, 30, 3), (20, 30, 3)]
    assert device.size == (30, 20)


def test_unplugged_camera_raises_signal_lost(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = tmp_path / "video0"
    path.touch()
    camera = CameraInfo(0, "Logitech C270", str(path), CAMERA.backends)
    plug_in(monkeypatch, Capture([image(1)]))
    device = Camera(camera)
    device.read()
    with pytest.raises(SignalLost, match=r"camera 0 \(Logitech C270\) has stopped sending"):
        device.read()
    path.unlink()
    with pytest.raises(SignalLost, match="was unplugged"):
        device.read()


def test_constructor_tries_every_backend_and_names_their_failures(monkeypatch: pytest.MonkeyPatch) -> None:
    camera = CameraInfo(3, "Cam", None, (("DSHOW", 3), ("MSMF", 1)))
    dark, good = Capture([]), Capture([image(1)])
    plug_in(monkeypatch, dark, good)
    Camera(camera)
    assert (dark.opened_as, good.opened_as) == ((3, cv2.CAP_DSHOW), (1, cv2.CAP_MSMF))
    assert not dark.opens

    plug_in(monkeypatch, Capture([], opens=False), Capture([]))
    with pytest.raises(SourceError) as caught:
        Camera(camera)
    message = str(caught.value)
    assert message.startswith("camera 3 (Cam) does not open with DSHOW; opens, but gives no picture with MSMF; close")
    assert "\n" not in message


def test_reconnecting_finds_the_same_camera_under_another_index(monkeypatch: pytest.MonkeyPatch) -> None:
    def at(number: int, name: str = "Logitech C270") -> CameraInfo:
        return CameraInfo(number, name, f"/nowhere/video{number}", (("V4L2", number),))

    listed = [[at(0)], [at(0, "Integrated Camera")], [at(0, "Integrated Camera"), at(2)]]
    monkeypatch.setattr(opening, "list_cameras", lambda: listed.pop(0))
    before, after = Capture([image(1)]), Capture([image(2)])
    plug_in(monkeypatch, before, after)
    source = open_live_source("0")
    source._clock = clock = FakeClock()
    for level in (1, 2):
        frame = source.read()
        assert frame is not None and int(frame.image[0, 0, 0]) == level
    assert (before.opened_as, after.opened_as) == ((0, cv2.CAP_V4L2), (2, cv2.CAP_V4L2))
    assert clock.waits == [1.0, 1.0]  # the other camera at index 0 was not opened instead
    assert (source.signal_losses, source.reconnects, source.name) == (1, 1, "camera 2 (Logitech C270)")


def test_opencv_prints_no_warnings(tmp_path: Path) -> None:
    """OpenCV prints from native code, so the test reads the output of another process."""
    code = (
        "from realtime.sources.camera_list import CameraInfo\n"
        "from realtime.sources.camera import Camera\n"
        "Camera(CameraInfo(77, 'Cam', '/dev/video77', (('V4L2', 77), ('ANY', 77))))"
    )
    root = Path(__file__).parents[2]
    completed = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, timeout=60)
    assert completed.returncode == 1
    lines = [line for line in completed.stderr.splitlines() if not line.startswith((" ", "Traceback"))]
    assert lines == ["realtime.errors.SourceError: camera 77 (Cam) is not there"]
    assert completed.stdout == ""


def test_open_live_source_of_a_missing_camera_raises_no_camera(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "list_cameras", list)
    with pytest.raises(NoCamera):
        open_live_source("0")
