"""The virtual camera: pyvirtualcam itself, with a backend that records what is sent."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Any, ClassVar

import numpy as np
import pytest
import pyvirtualcam
from pyvirtualcam.camera import BACKENDS

from realtime.errors import OutputError
from realtime.frame import Image
from realtime.live.outputs import Outputs
from realtime.sinks import virtual_camera
from realtime.sinks.virtual_camera import VirtualCamera, require_virtual_camera


class RecordingBackend:
    """A backend, as pyvirtualcam defines them."""

    opened: ClassVar[list[RecordingBackend]] = []

    def __init__(self, *, width: int, height: int, fps: float, fourcc: int, device: str | None) -> None:
        self.size, self.fps = (width, height), fps
        self.frames: list[tuple[float, Image]] = []
        self.closed = 0
        RecordingBackend.opened.append(self)

    def send(self, frame: Image) -> None:
        assert not self.closed
        self.frames.append((time.perf_counter(), frame.reshape(self.size[1], self.size[0], 3).copy()))

    def close(self) -> None:
        self.closed += 1

    def device(self) -> str:
        return "/dev/video99"

    def native_fourcc(self) -> int | None:
        return None


class FailingBackend(RecordingBackend):
    """Sends three frames, then fails as drivers do."""

    def send(self, frame: Image) -> None:
        if len(self.frames) == 3:
            raise RuntimeError("the device\nis gone")
        super().send(frame)


@pytest.fixture(autouse=True)
def only_test_backends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pyvirtualcam.camera.BACKENDS", {})
    monkeypatch.setattr(RecordingBackend, "opened", [])


def plain_frame(level: int, size: tuple[int, int] = (64, 48)) -> Image:
    return np.full((size[1], size[0], 3), level, np.uint8)


def wait_for(condition: Callable[[], Any]) -> None:
    deadline = time.perf_counter() + 60
    while not condition():
        assert time.perf_counter() < deadline
        time.sleep(0.005)


def shows(device: RecordingBackend, level: int) -> bool:
    return bool(device.frames) and int(device.frames[-1][1].max()) == level


def test_size_and_rate_are_fixed_whatever_is_shown() -> None:
    pyvirtualcam.register_backend("test", RecordingBackend)
    camera = VirtualCamera((65, 48), 25)
    (device,) = RecordingBackend.opened
    assert (camera.name, device.size, device.fps) == ("/dev/video99 (test)", (64, 48), 25)
    for level, size in [(10, (64, 48)), (90, (32, 24)), (200, (128, 96))]:
        camera.show(plain_frame(level, size), 0.0)
        wait_for(partial(shows, device, level))
    camera.close()
    assert device.closed == 1
    assert camera.sent == len(device.frames)


def test_last_frame_is_resent_at_the_rate_and_when_idle_hardly_ever() -> None:
    pyvirtualcam.register_backend("test", RecordingBackend)
    camera = VirtualCamera((64, 48), 50)
    (device,) = RecordingBackend.opened
    camera.show(plain_frame(10), 0.0)
    wait_for(lambda: len(device.frames) >= 10)  # the one frame is resent
    gap = virtual_camera.IDLE_SECONDS / 2
    wait_for(lambda: device.frames[-1][0] - device.frames[-2][0] > gap)  # idle
    camera.show(plain_frame(90), 0.0)
    wait_for(lambda: device.frames[-1][1].max() == 90)  # a new frame is sent without delay
    camera.close()


def test_sent_frame_equals_the_shown_one() -> None:
    pyvirtualcam.register_backend("test", RecordingBackend)
    frame = np.random.default_rng(0).integers(0, 255, (48, 64, 3), np.uint8)
    camera = VirtualCamera((64, 48), 30)
    camera.show(frame, 0.0)
    wait_for(lambda: RecordingBackend.opened[0].frames)
    camera.close()
    assert np.array_equal(RecordingBackend.opened[0].frames[0][1], frame)


def test_failing_camera_is_reported_in_one_line_and_removed_from_the_outputs(
    capsys: pytest.CaptureFixture[str], console: None
) -> None:
    pyvirtualcam.register_backend("test", FailingBackend)
    outputs = Outputs()
    outputs.add(VirtualCamera((64, 48), 100))
    for number in range(4):
        outputs.show(plain_frame(number), float(number))

    def messages() -> list[str]:
        outputs.check()
        return outputs.take_messages()

    wait_for(messages)
    assert not outputs and RecordingBackend.opened[0].closed == 1
    outputs.show(plain_frame(9), 9.0)
    outputs.close()
    err = capsys.readouterr().err
    assert err == "realtime-stylize: the virtual camera /dev/video99 (test) has stopped: the device is gone\n"


def test_error_has_the_reason_of_each_backend_and_a_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(reason: str) -> Any:
        def backend(**_: Any) -> None:
            raise RuntimeError(reason)

        return backend

    pyvirtualcam.register_backend("obs", refuse("OBS is not installed"))
    pyvirtualcam.register_backend("unitycapture", refuse("no\ndevice"))
    for platform, remedy in [("linux", "modprobe v4l2loopback"), ("darwin", "OBS 30"), ("win32", "Unity Capture")]:
        monkeypatch.setattr(sys, "platform", platform)
        with pytest.raises(OutputError) as caught:
            require_virtual_camera()
        assert "(obs: OBS is not installed; unitycapture: no device)" in str(caught.value)
        assert remedy in str(caught.value) and "\n" not in str(caught.value)


def test_second_backend_is_opened_if_the_first_fails() -> None:
    def refuse(**_: Any) -> None:
        raise RuntimeError("no")

    pyvirtualcam.register_backend("obs", refuse)
    pyvirtualcam.register_backend("test", RecordingBackend)
    camera = VirtualCamera((64, 48), 30)
    camera.close()
    assert camera.name.endswith("(test)")


def test_missing_package_is_reported_with_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyvirtualcam", None)
    with pytest.raises(OutputError, match=r"pip install \"realtime-stylize\[virtualcam\]\""):
        require_virtual_camera()


@pytest.mark.skipif("v4l2loopback" not in BACKENDS, reason="not on Linux")
def test_v4l2loopback_error_names_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pyvirtualcam.camera.BACKENDS", {"v4l2loopback": BACKENDS["v4l2loopback"]})
    try:
        require_virtual_camera()
    except OutputError as error:
        assert "v4l2loopback" in str(error) and "\n" not in str(error)
