from __future__ import annotations

import errno
import os
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from realtime.sources import camera_list as cameras

if sys.platform != "linux":
    pytest.skip("Linux only", allow_module_level=True)

from realtime.sources import v4l2

NULL = Path("/dev/null")  # a character device that anybody may open
CAPTURE, METADATA, CAPTURE_PLANES, DEVICE_CAPS = 0x1, 0x00800000, 0x1000, 0x80000000


class Driver:
    """Answers for the kernel."""

    def __init__(self, everything: int, device: int, busy: bool = False) -> None:
        self.everything, self.device, self.busy = everything, device, busy
        self.buffers: list[tuple[int, ...]] = []

    def __call__(self, handle: int, request: int, argument: Any) -> int:
        if request == v4l2.VIDIOC_QUERYCAP:
            assert len(argument) == 104
            struct.pack_into("=II", argument, 84, self.everything, self.device)
            return 0
        assert request == v4l2.VIDIOC_REQBUFS
        assert len(argument) == 20
        self.buffers.append(struct.unpack("=5I", argument))
        if self.busy:
            raise OSError(errno.EBUSY, "Device or resource busy")
        return 0


@pytest.mark.parametrize(
    ("everything", "device", "kind"),
    [
        (CAPTURE | DEVICE_CAPS, CAPTURE, 1),
        (CAPTURE, 0, 1),  # an old driver
        (CAPTURE_PLANES | DEVICE_CAPS, CAPTURE_PLANES, 9),
    ],
)
def test_a_free_camera(monkeypatch: pytest.MonkeyPatch, everything: int, device: int, kind: int) -> None:
    driver = Driver(everything, device)
    monkeypatch.setattr("fcntl.ioctl", driver)
    assert v4l2.problem(NULL) is None
    assert driver.buffers == [(0, kind, 1, 0, 0)]  # asks for none, so takes nothing from anybody


def test_a_busy_camera_names_who_has_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fcntl.ioctl", Driver(CAPTURE, 0, busy=True))
    monkeypatch.setattr(v4l2, "holder", lambda path: "cheese (process 4711)")
    assert v4l2.problem(NULL) == "is busy; close cheese (process 4711) and try again"
    monkeypatch.setattr(v4l2, "holder", lambda path: None)
    assert v4l2.problem(NULL) == "is busy; close the program that uses it and try again"


def test_a_metadata_node(monkeypatch: pytest.MonkeyPatch) -> None:
    """A webcam has two nodes; the second says CAPTURE of the whole, not of itself."""
    monkeypatch.setattr("fcntl.ioctl", Driver(CAPTURE | METADATA | DEVICE_CAPS, METADATA))
    assert v4l2.problem(NULL) == v4l2.METADATA


@pytest.mark.parametrize(
    ("code", "text"),
    [
        (errno.EACCES, "is forbidden; join its group: sudo usermod -aG root $USER, then log in again"),
        (errno.EBUSY, "is busy; close the program that uses it and try again"),
        (errno.ENODEV, "is not there"),
        (errno.EIO, "does not open: Input/output error"),
    ],
)
def test_refusals_say_what_to_do(monkeypatch: pytest.MonkeyPatch, code: int, text: str) -> None:
    def refuse(*_: object) -> int:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr("os.open", refuse)
    monkeypatch.setattr(v4l2, "holder", lambda path: None)
    assert v4l2.problem(NULL) == text


def test_what_is_no_camera(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    assert v4l2.problem(pipe) == "is not a camera"
    assert v4l2.problem(NULL) == "is not a camera"
    assert v4l2.problem(tmp_path) == "is not a camera"
    assert v4l2.problem(tmp_path / "video0") == "is not there"


def test_the_holder_is_found(tmp_path: Path) -> None:
    path = tmp_path / "video0"
    path.touch()
    assert v4l2.holder(path) is None
    with path.open() as file, subprocess.Popen(["sleep", "60"], stdin=file) as process:
        try:
            assert v4l2.holder(path) == f"sleep (process {process.pid})"
        finally:
            process.kill()


def test_the_list_leaves_out_metadata_nodes(monkeypatch: pytest.MonkeyPatch) -> None:
    problems = {"video0": None, "video1": v4l2.METADATA, "video2": "is busy; close it"}
    monkeypatch.setattr(v4l2, "nodes", lambda: [Path("/dev", name) for name in problems])
    monkeypatch.setattr(v4l2, "card", lambda path: f"Card {path.name}")
    monkeypatch.setattr(v4l2, "problem", lambda path: problems[path.name])
    listed = [(c.index, c.name, c.path, c.backend, c.problem) for c in cameras.list_cameras()]
    assert listed == [
        (0, "Card video0", "/dev/video0", "V4L2", None),
        (2, "Card video2", "/dev/video2", "V4L2", "is busy; close it"),
    ]


def test_nodes_go_by_number(monkeypatch: pytest.MonkeyPatch) -> None:
    names = ["video10", "video2", "video-codec", "video0"]
    monkeypatch.setattr(Path, "glob", lambda self, pattern: [self / name for name in names])
    assert [path.name for path in v4l2.nodes()] == ["video0", "video2", "video10"]
