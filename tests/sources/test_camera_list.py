from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import cv2
import pytest

from realtime.errors import NoCamera, SignalLost, SourceError, UsageError
from realtime.sources import camera_list as cameras
from realtime.sources import list_cameras, next_camera, open_live_source, open_source
from realtime.sources.camera_list import CameraInfo, find_camera


def camera(index: int, name: str, problem: str | None = None) -> CameraInfo:
    return CameraInfo(index, name, f"/dev/video{index}", (("V4L2", index),), problem)


LAPTOP, USB, PHONE, SAME = (
    camera(0, "Integrated Camera"),
    camera(2, "Logitech C270"),
    camera(4, "Logitech C920"),
    camera(6, "Logitech C270"),
)
ALL = [LAPTOP, USB, PHONE, SAME]


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ("0", LAPTOP),
        ("4", PHONE),
        ("integrated camera", LAPTOP),
        ("C920", PHONE),
        ("c270", USB),
        ("/dev/video2", USB),
    ],
)
def test_cameras_are_found(wanted: str, found: CameraInfo) -> None:
    assert find_camera(wanted, ALL) == found


def test_a_whole_name_wins_over_parts() -> None:
    more = [camera(0, "Cam Pro"), camera(1, "Cam")]
    assert find_camera("cam", more) == more[1]


def test_of_twins_the_one_that_works() -> None:
    twins = [camera(0, "Logitech C270", "is busy; close it"), SAME]
    assert find_camera("C270", twins) == SAME


@pytest.mark.parametrize("wanted", ["1", "77", "Sony", "/dev/video9", "", "-1", "a\0b", "x" * 5000, "²"])
def test_a_missing_camera_names_those_there_are(wanted: str) -> None:
    with pytest.raises(NoCamera, match=r"there is 0 \(Integrated Camera\), 2 \(Logitech C270\)"):
        find_camera(wanted, ALL)
    with pytest.raises(NoCamera, match="no camera is connected"):
        find_camera(wanted, [])


def test_several_fit() -> None:
    with pytest.raises(SourceError, match=r"fits several cameras: 2 \(Logitech C270\), 4"):
        find_camera("logitech", ALL)


def test_a_known_problem_is_told_before_opening() -> None:
    with pytest.raises(SourceError, match=r"^camera 0 \(Cam\) is busy; close cheese and try again$"):
        find_camera("0", [camera(0, "Cam", "is busy; close cheese and try again")])


def test_a_file_or_pipe_is_no_camera(tmp_path: Path) -> None:
    film, pipe = tmp_path / "film.mp4", tmp_path / "pipe"
    film.touch()
    os.mkfifo(pipe)
    with pytest.raises(NoCamera, match="that is a file"):
        open_source(str(film))
    with pytest.raises(NoCamera, match="that is not a camera"):
        open_source(str(pipe))  # and does not wait for somebody to write


def test_a_link_to_a_device_is_followed(tmp_path: Path) -> None:
    link = tmp_path / "usb-Logitech-index0"
    link.symlink_to("/dev/video2")
    assert find_camera(str(link), ALL) == USB


def test_an_unknown_scheme_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match="ftp:// is no camera's address; known are http"):
        open_live_source("ftp://host/video")


def test_none_takes_the_first_that_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    broken = [camera(90, "Cam A", "is busy; close cheese"), camera(91, "Cam B")]
    monkeypatch.setattr("realtime.sources.list_cameras", lambda: broken)
    with pytest.raises(NoCamera) as caught:
        open_live_source(None)
    message = str(caught.value)
    assert "camera 90 (Cam A) is busy; close cheese; camera 91 (Cam B) is not there" in message
    assert "\n" not in message


def test_none_connected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("realtime.sources.list_cameras", list)
    with pytest.raises(NoCamera, match="no camera answers: none is connected"):
        open_live_source(None)


def test_listing_opens_nothing_and_fails_nowhere() -> None:
    assert all(isinstance(camera, CameraInfo) for camera in list_cameras())


def test_back_ends_are_merged(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on Windows, where both show the real camera, and one of them a virtual camera as well."""
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
    monkeypatch.setattr(cameras, "BACKENDS", ("DSHOW", "MSMF"))
    virtual, real = cameras._enumerated()
    assert (virtual.index, virtual.name, virtual.ways) == (0, "OBS Virtual Camera", (("DSHOW", 0),))
    assert (real.index, real.name, real.ways) == (1, "Logitech", (("DSHOW", 1), ("MSMF", 0)))
    assert real.backend == "DSHOW"


def test_a_network_camera_that_is_off() -> None:
    with pytest.raises(SignalLost, match=r"^http://127.0.0.1:9/video refuses the connection"):
        open_live_source("http://127.0.0.1:9/video")


def test_importing_is_cheap() -> None:
    code = "import sys, realtime.sources.reconnect; print(sorted({'av', 'cv2', 'torch'} & set(sys.modules)))"
    environment = {"PYTHONPATH": str(Path(__file__).parents[2]), "PATH": os.environ["PATH"]}
    heavy = subprocess.run(
        [sys.executable, "-c", f"import realtime.errors; {code}"], env=environment, capture_output=True, text=True
    )
    assert "av" not in heavy.stdout and "torch" not in heavy.stdout, heavy
    assert heavy.returncode == 0, heavy.stderr


def test_the_next_camera(monkeypatch: pytest.MonkeyPatch) -> None:
    """In the order of the list, round and round; the one in use is busy, with us."""
    opened: list[CameraInfo] = []

    def device(camera: CameraInfo, size: tuple[int, int] | None, fps: float | None) -> SimpleNamespace:
        opened.append(camera)
        return SimpleNamespace(camera=camera)

    monkeypatch.setattr("realtime.sources.camera.Camera", device)
    cameras = [LAPTOP, camera(1, "Broken", "is busy; close cheese"), USB, PHONE]
    monkeypatch.setattr("realtime.sources.list_cameras", lambda: cameras)
    for current in [LAPTOP.label, USB.label, PHONE.label, "demo"]:
        opener = next_camera(current)
        assert opener is not None
        opener()
    assert opened == [USB, PHONE, LAPTOP, LAPTOP]
    monkeypatch.setattr("realtime.sources.list_cameras", lambda: [LAPTOP, camera(1, "Broken", "is busy")])
    assert next_camera(LAPTOP.label) is None
