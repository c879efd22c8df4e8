"""What Video4Linux2 reports about devices, with a fake `ioctl`."""

from __future__ import annotations

import errno
import os
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from realtime.sources import camera_list

if sys.platform != "linux":
    pytest.skip("Linux only", allow_module_level=True)

from realtime.sources import v4l2

NULL = Path("/dev/null")  # a character device that every user may open
CAPTURE, METADATA, CAPTURE_PLANES, DEVICE_CAPS = 0x1, 0x00800000, 0x1000, 0x80000000


class Driver:
    """A fake `ioctl` of a camera with these capabilities: of the whole device, and of one node of it."""

    def __init__(self, all_capabilities: int, node_capabilities: int, busy: bool = False) -> None:
        self.all_capabilities, self.node_capabilities, self.busy = all_capabilities, node_capabilities, busy
        self.buffers: list[tuple[int, ...]] = []

    def __call__(self, handle: int, request: int, argument: Any) -> int:
        if request == v4l2.VIDIOC_QUERYCAP:
            assert len(argument) == 104
            struct.pack_into("=II", argument, 84, self.all_capabilities, self.node_capabilities)
            return 0
        assert request == v4l2.VIDIOC_REQBUFS
        assert len(argument) == 20
        self.buffers.append(struct.unpack("=5I", argument))
        if self.busy:
            raise OSError(errno.EBUSY, "Device or resource busy")
        return 0


@pytest.mark.parametrize(
    ("all_capabilities", "node_capabilities", "buffer_type"),
    [
        (CAPTURE | DEVICE_CAPS, CAPTURE, 1),
        (CAPTURE, 0, 1),  # an old driver
        (CAPTURE_PLANES | DEVICE_CAPS, CAPTURE_PLANES, 9),
    ],
)
def test_find_problem_of_a_free_camera_is_none(
    monkeypatch: pytest.MonkeyPatch, all_capabilities: int, node_capabilities: int, buffer_type: int
) -> None:
    driver = Driver(all_capabilities, node_capabilities)
    monkeypatch.setattr("fcntl.ioctl", driver)
    assert v4l2.find_problem(NULL) is None
    assert driver.buffers == [(0, buffer_type, 1, 0, 0)]  # requests none, so takes none from other programs


def test_find_problem_of_a_busy_camera_names_the_program_that_uses_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fcntl.ioctl", Driver(CAPTURE, 0, busy=True))
    monkeypatch.setattr(v4l2, "find_holder", lambda path: "cheese (process 4711)")
    assert v4l2.find_problem(NULL) == "is busy; close cheese (process 4711) and try again"
    monkeypatch.setattr(v4l2, "find_holder", lambda path: None)
    assert v4l2.find_problem(NULL) == "is busy; close the program that uses it and try again"


def test_find_problem_of_a_metadata_node(monkeypatch: pytest.MonkeyPatch) -> None:
    """A webcam has two nodes; the second reports CAPTURE for the whole device, but not for itself."""
    monkeypatch.setattr("fcntl.ioctl", Driver(CAPTURE | METADATA | DEVICE_CAPS, METADATA))
    assert v4l2.find_problem(NULL) == v4l2.METADATA_ONLY


@pytest.mark.parametrize(
    ("code", "text"),
    [
        (errno.EACCES, "is forbidden; join its group: sudo usermod -aG root $USER, then log in again"),
        (errno.EBUSY, "is busy; close the program that uses it and try again"),
        (errno.ENODEV, "is not there"),
        (errno.EIO, "does not open: Input/output error"),
    ],
)
def test_find_problem_explains_errors_of_opening(monkeypatch: pytest.MonkeyPatch, code: int, text: str) -> None:
    def refuse(*_: object) -> int:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr("os.open", refuse)
    monkeypatch.setattr(v4l2, "find_holder", lambda path: None)
    assert v4l2.find_problem(NULL) == text


def test_find_problem_of_files_that_are_no_cameras(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    assert v4l2.find_problem(pipe) == "is not a camera"
    assert v4l2.find_problem(NULL) == "is not a camera"
    assert v4l2.find_problem(tmp_path) == "is not a camera"
    assert v4l2.find_problem(tmp_path / "video0") == "is not there"


def test_find_holder_names_the_process_with_the_file_open(tmp_path: Path) -> None:
    path = tmp_path / "video0"
    path.touch()
    assert v4l2.find_holder(path) is None
    with path.open() as file, subprocess.Popen(["sleep", "60"], stdin=file) as process:
        try:
            assert v4l2.find_holder(path) == f"sleep (process {process.pid})"
        finally:
            process.kill()


def test_list_cameras_leaves_out_metadata_nodes(monkeypatch: pytest.MonkeyPatch) -> None:
    problems = {"video0": None, "video1": v4l2.METADATA_ONLY, "video2": "is busy; close it"}
    monkeypatch.setattr(v4l2, "list_devices", lambda: [Path("/dev", name) for name in problems])
    monkeypatch.setattr(v4l2, "device_name", lambda path: f"Card {path.name}")
    monkeypatch.setattr(v4l2, "find_problem", lambda path: problems[path.name])
    listed = [(c.index, c.name, c.path, c.backend, c.problem) for c in camera_list.list_cameras()]
    assert listed == [
        (0, "Card video0", "/dev/video0", "V4L2", None),
        (2, "Card video2", "/dev/video2", "V4L2", "is busy; close it"),
    ]


def test_list_devices_sorts_by_number(monkeypatch: pytest.MonkeyPatch) -> None:
    names = ["video10", "video2", "video-codec", "video0"]
    monkeypatch.setattr(Path, "glob", lambda self, pattern: [self / name for name in names])
    assert [path.name for path in v4l2.list_devices()] == ["video0", "video2", "video10"]
