"""The command's recordings and virtual camera: keys, options, Ctrl-C, kill -9, a full disk."""

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
from tests.e2e.conftest import start_command, wait_for_bytes
from tests.e2e.screen import SIZE, App, difference, says_no_signal, window_area
from tests.fault_camera import FaultCamera
from tests.video_files import decode_frames, ffmpeg, packet_times, probe, streams

HEADLESS = ("--demo", "--no-window", "--size", "240")
no_cameras = pytest.mark.skipif(any(Path("/dev").glob("video*")), reason="this machine has cameras")


def check_plays(path: Path) -> None:
    """Decode every frame; FFmpeg must report no error."""
    command: list[str | Path] = ["ffmpeg", "-v", "error", "-i", path, "-enc_time_base", "1:90000", "-f", "null", "-"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def has_red_dot(shot: Image) -> bool:
    return bool((np.abs(shot.astype(int) - RED).sum(axis=2) < 12).sum() > 40)


def press_r(app: App) -> None:
    """Start a recording, or end it, and wait until the screen shows it."""
    was_recording = has_red_dot(app.screen.shot())
    app.screen.send_key("r")
    app.screen.wait(lambda shot: has_red_dot(shot) is not was_recording, f"red dot before and after r: {was_recording}")


def middle(shot: Image) -> Image:
    """Return what neither figures nor messages cover in a window that fills the screen."""
    return shot[250:600]


def test_r_records_what_is_shown_without_the_overlay(start: Any, camera: FaultCamera) -> None:
    app: App = start("--camera", camera.url, "--size", "240", "--no-figures")
    app.wait_for_window()
    app.screen.send_key("f")  # then the frame fills the screen
    app.screen.wait(lambda shot: window_area(shot) == (0, 0, *SIZE), "it does not fill the screen")
    bare = app.screen.freeze()  # so that frames can be compared
    assert not has_red_dot(bare)
    app.screen.send_key("i")
    app.screen.wait(lambda shot: (shot != bare).any(axis=2).sum() > 500, "no figures")
    press_r(app)
    begin = time.monotonic()
    app.screen.press("n")  # a new frame, and a message
    app.screen.wait(lambda shot: difference(middle(shot), middle(bare)) > 6, "the style does not change")
    app.screen.press("p")
    app.screen.wait(lambda shot: difference(middle(shot), middle(bare)) < 1, "the style does not change back")
    seconds = time.monotonic() - begin
    press_r(app)
    app.screen.send_key("q")
    status, out, err = app.finish()
    assert (status, err) == (0, "")
    (path,) = app.folder.glob("stylized-*.mp4")
    assert f"saved {path.name}" in out
    (row,) = app.stats()["recordings"]
    shown = decode_frames(path, 320, 240)
    assert (row["file"], row["frames"], row["error"]) == (path.name, len(shown), None)
    assert float(probe(path)["format"]["duration"]) == pytest.approx(row["seconds"], abs=0.05)
    assert row["seconds"] >= seconds - 0.5
    screen = cv2.resize(bare, (320, 240), interpolation=cv2.INTER_AREA)
    for frame in (shown[0], shown[-1]):
        assert difference(np.asarray(screen, np.uint8), frame[:, :, ::-1]) < 6
    assert max(difference(shown[0], frame) for frame in shown) > 6  # the other style was recorded
    check_plays(path)


def test_two_recordings_are_two_files_and_quitting_finishes_the_second(start: Any, camera: FaultCamera) -> None:
    app: App = start("--camera", camera.url, "--size", "240", "--snapshots", "recordings")
    app.wait_for_window()
    for _ in range(3):
        press_r(app)
    app.quit()
    files = sorted((app.folder / "recordings").iterdir())
    assert len(files) == 2 and all(path.suffix == ".mp4" for path in files)
    for path in files:
        check_plays(path)


def test_ctrl_c_finishes_the_recording(start: Any, camera: FaultCamera) -> None:
    app: App = start("--camera", camera.url, "--size", "240", "--record", "r.mp4")
    app.wait_for_window()
    app.process.send_signal(signal.SIGINT)
    status, out, err = app.finish()
    assert (status, err) == (130, "")
    assert "saved r.mp4" in out
    assert not (app.folder / "r.mp4.part").exists()
    check_plays(app.folder / "r.mp4")
    assert len(packet_times(app.folder / "r.mp4")) == app.stats()["recordings"][0]["frames"]


def test_sigterm_finishes_the_recording(start: Any, camera: FaultCamera) -> None:
    app: App = start("--camera", camera.url, "--size", "240", "--record", "r.mp4")
    app.wait_for_window()
    app.process.terminate()
    status, out, err = app.finish()
    assert (status, err) == (130, "") and "saved r.mp4" in out
    check_plays(app.folder / "r.mp4")


def test_closing_the_window_finishes_the_recording(start: Any, camera: FaultCamera) -> None:
    app: App = start("--camera", camera.url, "--size", "240", "--record", "r.mp4")
    app.wait_for_window()
    app.screen.send_key("alt+F4")
    status, out, err = app.finish()
    assert (status, err) == (0, "") and "saved r.mp4" in out
    check_plays(app.folder / "r.mp4")


def test_loss_of_the_x_server_finishes_the_recording(start: Any, camera: FaultCamera) -> None:
    app: App = start("--camera", camera.url, "--size", "240", "--record", "r.mp4")
    app.wait_for_window()
    app.screen.kill()
    status, out, err = app.finish()
    assert (status, err) == (1, "realtime-stylize: the screen is gone: the X server has ended\n")
    assert "saved r.mp4" in out
    check_plays(app.folder / "r.mp4")
    assert len(packet_times(app.folder / "r.mp4")) == app.stats()["recordings"][0]["frames"]


def test_recording_goes_on_with_the_last_frame_when_the_camera_is_lost(start: Any, camera: FaultCamera) -> None:
    app: App = start("--camera", camera.url, "--size", "240", "--record", "r.mp4")
    app.wait_for_window()
    camera.mode = "refuse"
    silent = time.monotonic()
    app.screen.wait(says_no_signal, "NO SIGNAL does not appear")
    time.sleep(2)
    seconds = time.monotonic() - silent
    app.quit()
    check_plays(app.folder / "r.mp4")
    (video,) = streams(app.folder / "r.mp4", "video")
    last = packet_times(app.folder / "r.mp4")[-1]
    assert float(video["duration"]) - last > seconds - 1  # the last frame lasts until the end


def test_minimised_window_keeps_recording(start: Any, camera: FaultCamera) -> None:
    app: App = start("--camera", camera.url, "--size", "240", "--record", "r.mp4")
    app.wait_for_window()
    app.screen.xdotool("search", "--name", "^realtime-stylize$", "windowminimize")
    app.screen.wait(lambda shot: not shot.any(), "it is not minimised")
    part = app.folder / "r.mp4.part"
    size = part.stat().st_size
    deadline = time.monotonic() + 60
    while part.stat().st_size < size + 100_000:
        assert time.monotonic() < deadline, "nothing is recorded"
        time.sleep(0.2)
    app.process.send_signal(signal.SIGINT)
    assert app.finish()[0] == 130
    check_plays(app.folder / "r.mp4")


def test_kill_9_leaves_a_part_that_plays_and_is_not_overwritten(tmp_path: Path) -> None:
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


def test_ctrl_c_without_a_window_finishes_the_recording(tmp_path: Path) -> None:
    process = start_command(tmp_path, *HEADLESS, "--record", "r.mkv")
    wait_for_bytes(tmp_path / "r.mkv.part", 100_000, process)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (130, "")
    assert "saved r.mkv" in out
    check_plays(tmp_path / "r.mkv")


def test_full_disk_without_a_window_ends_the_run_with_one_line(tmp_path: Path) -> None:
    """A limit on the size of files stands in for a full disk: writes fail in the same way."""

    def limit() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (600_000, 600_000))

    process = start_command(tmp_path, *HEADLESS, "--record", "r.mp4", preexec_fn=limit)
    _, err = process.communicate(timeout=100)
    assert process.returncode == 1
    assert err.count("\n") == 1 and "r.mp4: File too large; it ends there, and what was recorded plays" in err
    assert len(packet_times(tmp_path / "r.mp4")) > 10
    check_plays(tmp_path / "r.mp4")


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
def test_impossible_recording_is_refused_before_anything_starts(
    run: Run, tmp_path: Path, arguments: list[str], status: int, message: str
) -> None:
    (tmp_path / "there.mp4").write_bytes(b"mine")
    done = run("realtime", *HEADLESS, *arguments)
    assert (done.returncode, done.stdout) == (status, "")
    assert done.stderr.count("\n") == 1 and message in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["there.mp4"]
    assert (tmp_path / "there.mp4").read_bytes() == b"mine"


def test_overwrite_replaces_an_existing_recording(run: Run, tmp_path: Path) -> None:
    (tmp_path / "r.mp4").write_bytes(b"old")
    done = run("realtime", *HEADLESS, "--record", "r.mp4", "--overwrite", "--frames", "5")
    assert done.returncode == 0, done.stderr
    assert len(packet_times(tmp_path / "r.mp4")) == 5


@no_cameras
def test_missing_virtual_camera_is_an_error_before_anything_starts(run: Run) -> None:
    done = run("realtime", *HEADLESS, "--virtual-camera", "--frames", "3")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.count("\n") == 1 and "no virtual camera (v4l2loopback: " in done.stderr


@no_cameras
def test_missing_outputs_are_one_line_each_and_the_recording_goes_on(run: Run, tmp_path: Path) -> None:
    (tmp_path / "silent.conf").write_text("")
    options = ("--virtual-camera", "--microphone", "--record", "r.mp4", "--frames", "5")
    done = run("realtime", *HEADLESS, *options, ALSA_CONFIG_PATH=str(tmp_path / "silent.conf"))
    assert done.returncode == 1, done.stderr
    lines = done.stderr.splitlines()
    assert len(lines) == 2 and "no virtual camera" in done.stderr and "no microphone" in done.stderr
    assert len(packet_times(tmp_path / "r.mp4")) == 5
    assert streams(tmp_path / "r.mp4", "audio") == []


@no_cameras
def test_k_shows_a_message_without_another_camera(start: Any, camera: FaultCamera) -> None:
    app: App = start("--camera", camera.url, "--size", "240")
    app.wait_for_window()
    app.screen.press("k")  # waits for a message
    app.quit()


def test_live_outputs_are_refused_for_files(run: Run, tmp_path: Path) -> None:
    ffmpeg("-f", "lavfi", "-i", "testsrc=s=64x48:d=1", tmp_path / "clip.mp4")
    for option in (["--record", "r.mp4"], ["--microphone"], ["--virtual-camera"]):
        done = run("realtime", "clip.mp4", "-o", "output.mp4", *option)
        assert done.returncode == 2 and option[0] in done.stderr, done.stderr
