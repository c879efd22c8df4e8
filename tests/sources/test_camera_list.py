"""The list of cameras, and which one a name or number means."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import cv2
import pytest

from realtime.errors import NoCamera, SignalLost, SourceError, UsageError
from realtime.sources import camera_list
from realtime.sources.camera_list import CameraInfo, find_camera, list_cameras
from realtime.sources.opening import next_camera, open_live_source


def camera(index: int, name: str, problem: str | None = None) -> CameraInfo:
    return CameraInfo(index, name, f"/dev/video{index}", (("V4L2", index),), problem)


LAPTOP, C270, C920, SECOND_C270 = (
    camera(0, "Integrated Camera"),
    camera(2, "Logitech C270"),
    camera(4, "Logitech C920"),
    camera(6, "Logitech C270"),
)
ALL = [LAPTOP, C270, C920, SECOND_C270]


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ("0", LAPTOP),
        ("4", C920),
        ("integrated camera", LAPTOP),
        ("C920", C920),
        ("c270", C270),
        ("/dev/video2", C270),
    ],
)
def test_find_camera_by_index_name_part_of_name_or_path(wanted: str, found: CameraInfo) -> None:
    assert find_camera(wanted, ALL) == found


def test_find_camera_prefers_a_whole_name_over_a_part() -> None:
    similar = [camera(0, "Cam Pro"), camera(1, "Cam")]
    assert find_camera("cam", similar) == similar[1]


def test_find_camera_of_two_with_one_name_takes_the_one_without_a_problem() -> None:
    twins = [camera(0, "Logitech C270", "is busy; close it"), SECOND_C270]
    assert find_camera("C270", twins) == SECOND_C270


@pytest.mark.parametrize("wanted", ["1", "77", "Sony", "/dev/video9", "", "-1", "a\0b", "x" * 5000, "²"])
def test_find_camera_of_a_missing_camera_names_the_existing_ones(wanted: str) -> None:
    with pytest.raises(NoCamera, match=r"there is 0 \(Integrated Camera\), 2 \(Logitech C270\)"):
        find_camera(wanted, ALL)
    with pytest.raises(NoCamera, match="no camera is connected"):
        find_camera(wanted, [])


def test_find_camera_refuses_a_name_that_several_match() -> None:
    with pytest.raises(SourceError, match=r"fits several cameras: 2 \(Logitech C270\), 4"):
        find_camera("logitech", ALL)


def test_find_camera_raises_a_known_problem_before_opening() -> None:
    with pytest.raises(SourceError, match=r"^camera 0 \(Cam\) is busy; close cheese and try again$"):
        find_camera("0", [camera(0, "Cam", "is busy; close cheese and try again")])


def test_open_live_source_refuses_a_file_or_pipe_as_camera(tmp_path: Path) -> None:
    video, pipe = tmp_path / "film.mp4", tmp_path / "pipe"
    video.touch()
    os.mkfifo(pipe)
    with pytest.raises(NoCamera, match="that is a file"):
        open_live_source(str(video))
    with pytest.raises(NoCamera, match="that is not a camera"):
        open_live_source(str(pipe))  # and does not wait for a writer


def test_find_camera_follows_a_link_to_a_device(tmp_path: Path) -> None:
    link = tmp_path / "usb-Logitech-index0"
    link.symlink_to("/dev/video2")
    assert find_camera(str(link), ALL) == C270


def test_open_live_source_of_an_unknown_scheme_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match="ftp:// is no camera's address; known are http"):
        open_live_source("ftp://host/video")


def test_open_live_source_without_a_name_tries_every_camera_and_names_their_problems(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    broken = [camera(90, "Cam A", "is busy; close cheese"), camera(91, "Cam B")]
    monkeypatch.setattr("realtime.sources.opening.list_cameras", lambda: broken)
    with pytest.raises(NoCamera) as caught:
        open_live_source(None)
    message = str(caught.value)
    assert "camera 90 (Cam A) is busy; close cheese; camera 91 (Cam B) is not there" in message
    assert "\n" not in message


def test_open_live_source_without_any_camera_raises_no_camera(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("realtime.sources.opening.list_cameras", list)
    with pytest.raises(NoCamera, match="no camera answers: none is connected"):
        open_live_source(None)


def test_list_cameras_returns_camera_infos_on_any_machine() -> None:
    assert all(isinstance(camera, CameraInfo) for camera in list_cameras())


def test_a_camera_listed_by_both_backends_is_one_entry(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on Windows, where both backends list the real camera, and only one a virtual camera."""
    usb = r"\\?\usb#vid_046d&pid_0825#7&1#"
    listed = {
        cv2.CAP_DSHOW: [(0, "OBS Virtual Camera", ""), (1, "Logitech", usb + "{65e8773d}" + r"\global")],
        cv2.CAP_MSMF: [(0, "Logitech", usb.upper() + "{E5323777}" + r"\GLOBAL")],
    }
    fake = ModuleType("cv2_enumerate_cameras")
    fake.enumerate_cameras = lambda backend: [  # type: ignore[attr-defined]
        SimpleNamespace(index=index, name=name, path=path) for index, name, path in listed[backend]
    ]
    monkeypatch.setitem(sys.modules, "cv2_enumerate_cameras", fake)
    monkeypatch.setattr(camera_list, "BACKENDS", ("DSHOW", "MSMF"))
    virtual, real = camera_list._enumerate_cameras()
    assert (virtual.index, virtual.name, virtual.backends) == (0, "OBS Virtual Camera", (("DSHOW", 0),))
    assert (real.index, real.name, real.backends) == (1, "Logitech", (("DSHOW", 1), ("MSMF", 0)))
    assert real.backend == "DSHOW"


def test_open_live_source_of_a_network_camera_that_is_off_raises_signal_lost() -> None:
    with pytest.raises(SignalLost, match=r"^http://127.0.0.1:9/video refuses the connection"):
        open_live_source("http://127.0.0.1:9/video")


def test_importing_sources_loads_neither_av_nor_torch() -> None:
    code = "import sys, realtime.sources.reconnect; print(sorted({'av', 'cv2', 'torch'} & set(sys.modules)))"
    environment = {"PYTHONPATH": str(Path(__file__).parents[2]), "PATH": os.environ["PATH"]}
    completed = subprocess.run(
        [sys.executable, "-c", f"import realtime.errors; {code}"], env=environment, capture_output=True, text=True
    )
    assert "av" not in completed.stdout and "torch" not in completed.stdout, completed
    assert completed.returncode == 0, completed.stderr


def test_next_camera_cycles_through_the_list_and_skips_problems(monkeypatch: pytest.MonkeyPatch) -> None:
    """The camera in use has a problem itself: this program keeps it busy."""
    opened: list[CameraInfo] = []

    def device(camera: CameraInfo, size: tuple[int, int] | None, fps: float | None) -> SimpleNamespace:
        opened.append(camera)
        return SimpleNamespace(camera=camera)

    monkeypatch.setattr("realtime.sources.camera.Camera", device)
    cameras = [LAPTOP, camera(1, "Broken", "is busy; close cheese"), C270, C920]
    monkeypatch.setattr("realtime.sources.opening.list_cameras", lambda: cameras)
    for current in [LAPTOP.label, C270.label, C920.label, "demo"]:
        opener = next_camera(current)
        assert opener is not None
        opener()
    assert opened == [C270, C920, LAPTOP, LAPTOP]
    monkeypatch.setattr("realtime.sources.opening.list_cameras", lambda: [LAPTOP, camera(1, "Broken", "is busy")])
    assert next_camera(LAPTOP.label) is None
