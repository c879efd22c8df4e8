"""Recording and the other outputs, as a user has them: keys, options, Ctrl-C, kill -9, a full disk."""

from __future__ import annotations

import resource
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from realtime.frame import Image
from realtime.ui.hud import RED
from tests.conftest import Run
from tests.e2e.conftest import App, difference, start_command, wait_for_bytes
from tests.fault_camera import FaultCamera
from tests.video_files import decode_frames, ffmpeg, packet_times, probe, streams

HEADLESS = ("--demo", "--no-window", "--size", "240")
no_cameras = pytest.mark.skipif(any(Path("/dev").glob("video*")), reason="this machine has cameras")


def plays(path: Path) -> None:
    """Every picture of it, without a complaint."""
    command: list[str | Path] = ["ffmpeg", "-v", "error", "-i", path, "-enc_time_base", "1:90000", "-f", "null", "-"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def has_red_dot(shot: Image) -> bool:
    return bool((np.abs(shot.astype(int) - RED).sum(axis=2) < 12).sum() > 40)


def test_r_records_what_is_shown_without_the_figures(start: Any, camera: FaultCamera) -> None:
    app: App = start("--camera", camera.url, "--size", "240")
    app.wait_for_window()
    app.screen.press("f")  # the screen is the picture then
    app.screen.press("space")  # so that everything can be compared
    app.screen.press("i")
    time.sleep(2)
    bare = app.screen.shot()
    assert not has_red_dot(bare)
    app.screen.press("i")
    app.screen.press("r")
    time.sleep(1)
    assert has_red_dot(app.screen.shot())
    app.screen.press("n")  # a new picture, and a message
    time.sleep(1)
    app.screen.press("p")
    time.sleep(1)
    app.screen.press("r")
    time.sleep(1)
    assert not has_red_dot(app.screen.shot())
    app.screen.press("q")
    status, out, err = app.finish()
    assert (status, err) == (0, "")
    (path,) = app.folder.glob("stylized-*.mp4")
    assert f"saved {path.name}" in out
    (row,) = app.stats()["recordings"]
    shown = decode_frames(path, 320, 240)
    assert (row["file"], row["frames"], row["error"]) == (path.name, len(shown), None)
    assert float(probe(path)["format"]["duration"]) == pytest.approx(row["seconds"], abs=0.05)
    assert row["seconds"] > 5
    screen = cv2.resize(bare, (320, 240), interpolation=cv2.INTER_AREA)
    for picture in (shown[0], shown[-1]):
        assert difference(np.asarray(screen, np.uint8), picture[:, :, ::-1]) < 6
    assert max(difference(shown[0], picture) for picture in shown) > 6  # the other style was there
    plays(path)


def test_two_recordings_have_two_files_and_quitting_ends_the_second(start: Any, camera: FaultCamera) -> None:
    app: App = start("--camera", camera.url, "--size", "240", "--snapshots", "films")
    app.wait_for_window()
    for _ in range(3):
        app.screen.press("r")
    app.screen.press("q")
    status, _, err = app.finish()
    assert (status, err) == (0, "")
    files = sorted((app.folder / "films").iterdir())
    assert len(files) == 2 and all(path.suffix == ".mp4" for path in files)
    for path in files:
        plays(path)


def test_ctrl_c_in_the_window_finishes_the_file(start: Any, camera: FaultCamera) -> None:
    app: App = start("--camera", camera.url, "--size", "240", "--record", "r.mp4")
    app.wait_for_window()
    app.process.send_signal(signal.SIGINT)
    status, out, err = app.finish()
    assert (status, err) == (130, "")
    assert "saved r.mp4" in out
    assert not (app.folder / "r.mp4.part").exists()
    plays(app.folder / "r.mp4")
    assert len(packet_times(app.folder / "r.mp4")) == app.stats()["recordings"][0]["frames"]


def test_sigterm_finishes_the_file(start: Any, camera: FaultCamera) -> None:
    app: App = start("--camera", camera.url, "--size", "240", "--record", "r.mp4")
    app.wait_for_window()
    app.process.terminate()
    status, out, err = app.finish()
    assert (status, err) == (130, "") and "saved r.mp4" in out
    plays(app.folder / "r.mp4")


def test_the_close_box_finishes_the_file(start: Any, camera: FaultCamera) -> None:
    app: App = start("--camera", camera.url, "--size", "240", "--record", "r.mp4")
    app.wait_for_window()
    app.screen.xdotool("key", "alt+F4")
    status, out, err = app.finish()
    assert (status, err) == (0, "") and "saved r.mp4" in out
    plays(app.folder / "r.mp4")


def test_the_end_of_the_screen_finishes_the_file(start: Any, camera: FaultCamera) -> None:
    app: App = start("--camera", camera.url, "--size", "240", "--record", "r.mp4")
    app.wait_for_window()
    app.screen.kill()
    status, out, err = app.finish()
    assert (status, err) == (1, "realtime-stylize: the screen is gone: the X server has ended\n")
    assert "saved r.mp4" in out
    plays(app.folder / "r.mp4")
    assert len(packet_times(app.folder / "r.mp4")) == app.stats()["recordings"][0]["frames"]


def test_a_camera_that_goes_away_leaves_a_whole_film(start: Any, camera: FaultCamera) -> None:
    app: App = start("--camera", camera.url, "--size", "240", "--record", "r.mp4")
    app.wait_for_window()
    camera.mode = "refuse"
    time.sleep(4)
    app.screen.press("q")
    status, _, err = app.finish()
    assert (status, err) == (0, "")
    plays(app.folder / "r.mp4")
    (video,) = streams(app.folder / "r.mp4", "video")
    last = packet_times(app.folder / "r.mp4")[-1]
    assert float(video["duration"]) - last > 3  # the last picture stays


def test_a_minimised_window_goes_on_recording(start: Any, camera: FaultCamera) -> None:
    app: App = start("--camera", camera.url, "--size", "240", "--record", "r.mp4")
    app.wait_for_window()
    app.screen.xdotool("search", "--name", "^realtime-stylize$", "windowminimize")
    part = app.folder / "r.mp4.part"
    time.sleep(2)
    size = part.stat().st_size
    deadline = time.monotonic() + 60
    while part.stat().st_size < size + 100_000:
        assert time.monotonic() < deadline, "nothing is recorded"
        time.sleep(0.2)
    app.process.send_signal(signal.SIGINT)
    assert app.finish()[0] == 130
    plays(app.folder / "r.mp4")


def test_kill_9_leaves_a_part_that_plays_and_is_not_lost(tmp_path: Path) -> None:
    process = start_command(tmp_path, *HEADLESS, "--record", "r.mp4")
    wait_for_bytes(tmp_path / "r.mp4.part", 400_000, process)
    process.kill()
    process.communicate()
    assert not (tmp_path / "r.mp4").exists()
    kept = packet_times(tmp_path / "r.mp4.part")
    assert len(kept) > 10 and kept[0] == 0
    data = (tmp_path / "r.mp4.part").read_bytes()
    again = start_command(tmp_path, *HEADLESS, "--record", "r.mp4")
    _, err = again.communicate(timeout=60)
    assert again.returncode == 1 and err.count("\n") == 1 and "r.mp4.part is what is left" in err
    assert (tmp_path / "r.mp4.part").read_bytes() == data


def test_ctrl_c_without_a_window(tmp_path: Path) -> None:
    process = start_command(tmp_path, *HEADLESS, "--record", "r.mkv")
    wait_for_bytes(tmp_path / "r.mkv.part", 100_000, process)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (130, "")
    assert "saved r.mkv" in out
    plays(tmp_path / "r.mkv")


def test_a_full_disk_without_a_window_ends_it_all_in_one_line(tmp_path: Path) -> None:
    """A limit on the size of files stands for the end of the disk: the same failing write."""

    def limit() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (600_000, 600_000))

    process = start_command(tmp_path, *HEADLESS, "--record", "r.mp4", preexec_fn=limit)
    _, err = process.communicate(timeout=100)
    assert process.returncode == 1
    assert err.count("\n") == 1 and "r.mp4: File too large; it ends there, and what was recorded plays" in err
    assert len(packet_times(tmp_path / "r.mp4")) > 10
    plays(tmp_path / "r.mp4")


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (["--record", "there.mp4"], 1, "there.mp4 is there already; --overwrite replaces it"),
        (["--record", "r.gif"], 2, "recordings are written as .mp4"),
        (["--record", "nowhere/r.mp4"], 1, "there is no folder"),
        (["--record", "there.mp4", "--frames", "0"], 2, "--frames 0"),
        (["--stats", "there.mp4"], 1, "only what is called .json is replaced"),
        (["--record", "new.mp4", "--stats", "new.mp4"], 2, "is what --record writes"),
    ],
)
def test_what_cannot_be_recorded_is_said_first(
    run: Run, tmp_path: Path, arguments: list[str], status: int, message: str
) -> None:
    (tmp_path / "there.mp4").write_bytes(b"mine")
    done = run("realtime", *HEADLESS, *arguments)
    assert (done.returncode, done.stdout) == (status, "")
    assert done.stderr.count("\n") == 1 and message in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["there.mp4"]
    assert (tmp_path / "there.mp4").read_bytes() == b"mine"


def test_overwriting_is_done_when_it_is_asked_for(run: Run, tmp_path: Path) -> None:
    (tmp_path / "r.mp4").write_bytes(b"old")
    done = run("realtime", *HEADLESS, "--record", "r.mp4", "--overwrite", "--frames", "5")
    assert done.returncode == 0, done.stderr
    assert len(packet_times(tmp_path / "r.mp4")) == 5


@no_cameras
def test_a_virtual_camera_that_cannot_be_is_said_before_anything_else(run: Run) -> None:
    done = run("realtime", *HEADLESS, "--virtual-camera", "--frames", "3")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.count("\n") == 1 and "no virtual camera (v4l2loopback: " in done.stderr


@no_cameras
def test_what_is_missing_is_one_line_each_and_the_rest_goes_on(run: Run, tmp_path: Path) -> None:
    (tmp_path / "silent.conf").write_text("")
    options = ("--virtual-camera", "--microphone", "--record", "r.mp4", "--frames", "5")
    done = run("realtime", *HEADLESS, *options, ALSA_CONFIG_PATH=str(tmp_path / "silent.conf"))
    assert done.returncode == 1, done.stderr
    lines = done.stderr.splitlines()
    assert len(lines) == 2 and "no virtual camera" in done.stderr and "no microphone" in done.stderr
    assert len(packet_times(tmp_path / "r.mp4")) == 5
    assert streams(tmp_path / "r.mp4", "audio") == []


@no_cameras
def test_k_says_that_there_is_no_other_camera(start: Any, camera: FaultCamera) -> None:
    app: App = start("--camera", camera.url, "--size", "240")
    app.wait_for_window()
    app.screen.press("space")
    app.screen.press("i")
    time.sleep(2)
    bare = app.screen.shot()
    for _ in range(10):  # the message stays for two seconds, which a busy machine may sleep through
        app.screen.xdotool("key", "k")
        if difference(app.screen.shot(), bare) > 0.3:
            break
    else:
        raise AssertionError("no message")
    app.screen.press("q")
    assert app.finish()[0] == 0


def test_files_take_none_of_these(run: Run, tmp_path: Path) -> None:
    ffmpeg("-f", "lavfi", "-i", "testsrc=s=64x48:d=1", tmp_path / "film.mp4")
    for option in (["--record", "r.mp4"], ["--microphone"], ["--virtual-camera"]):
        done = run("realtime", "film.mp4", "-o", "painted.mp4", *option)
        assert done.returncode == 2 and option[0] in done.stderr, done.stderr
