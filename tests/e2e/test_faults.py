"""Cameras that misbehave, and machines that lack something."""

from __future__ import annotations

import time
from typing import Any

import pytest

from realtime.frame import Image
from tests.conftest import Run
from tests.e2e.screen import App, says_no_signal
from tests.e2e.waiting import TIMEOUT
from tests.fault_camera import FaultCamera, Mode


def picture_rows(shot: Image) -> int:
    """Return how many rows of the screen show the picture: most of their 640 pixels are not black."""
    return int((shot.any(axis=2).sum(axis=1) > 500).sum())


REASONS: dict[Mode, str] = {
    "stall": "has sent no video",
    "close": "has ended the stream",
    "garbage": "damaged pictures",
    "refuse": "has ended the stream",
}


@pytest.mark.parametrize("mode", list(REASONS))
def test_lost_signal_is_shown_and_the_picture_comes_back(start: Any, camera: FaultCamera, mode: Mode) -> None:
    app: App = start("--camera", camera.url, "--size", "240")
    app.wait_for_window()
    assert not says_no_signal(app.screen.shot())
    connections, deadline = camera.connections, time.monotonic() + TIMEOUT
    camera.mode = mode
    app.screen.wait(says_no_signal, "NO SIGNAL did not appear")
    while mode != "refuse" and camera.connections == connections:
        assert time.monotonic() < deadline, "it does not connect again"
        time.sleep(0.05)
    camera.mode = "ok"
    app.screen.wait(lambda shot: not says_no_signal(shot), "NO SIGNAL stayed")
    app.quit()
    table = app.stats()
    assert table["signal_losses"] >= 1
    assert table["reconnects"] >= 1
    assert any(REASONS[mode] in reason for reason in table["signal_loss_reasons"]), table["signal_loss_reasons"]


def test_camera_may_change_its_size(start: Any, camera: FaultCamera) -> None:
    app: App = start("--camera", camera.url, "--size", "480")
    app.wait_for_window()
    rows = picture_rows(app.screen.shot())
    camera.size = (400, 200)  # a wider picture has black bars above and below it
    app.screen.wait(lambda shot: picture_rows(shot) <= rows * 0.8, "the picture keeps its shape")
    app.quit()
    assert app.stats()["working_size"] == [400, 200]
    assert app.stats()["size_changes"] == 1


def one_line(stderr: str) -> str:
    assert stderr.startswith("realtime-stylize: ") and stderr.count("\n") == 1, stderr
    return stderr


def test_missing_display_is_one_line(run: Run) -> None:
    done = run("realtime", "--demo", DISPLAY="")
    assert done.returncode == 1
    assert "--no-window" in one_line(done.stderr)
    done = run("realtime", "--demo", DISPLAY=":987")
    assert done.returncode == 1
    assert ":987" in one_line(done.stderr)


def test_missing_camera_is_one_line(run: Run) -> None:
    for camera in ("77", "No Such Camera", "http://127.0.0.1:9/video"):
        done = run("realtime", "--no-window", "--camera", camera)
        assert done.returncode == 1
        assert camera.split("/")[-1] in one_line(done.stderr) or "127.0.0.1" in done.stderr


def test_message_about_a_camera_hides_its_password(run: Run) -> None:
    done = run("realtime", "--no-window", "--camera", "http://user:secret@127.0.0.1:9/video")
    assert done.returncode == 1
    assert "secret" not in one_line(done.stderr)


def test_missing_cuda_is_one_line(run: Run) -> None:
    done = run("realtime", "--demo", "--no-window", "--provider", "cuda")
    assert done.returncode == 1
    assert "no NVIDIA driver found" in one_line(done.stderr)


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (["--style", "nobody"], 1, "no style is called 'nobody'"),
        (["--style", "starry_night:x"], 2, "the weight after the colon"),
        (["--strength", "2"], 2, "--strength 2"),
        (["--size", "big"], 2, "--size big"),
        (["--frames", "0"], 2, "--frames 0"),
        (["--fps", "0"], 2, "--fps 0"),
        (["--fps", "1e-10"], 2, "--fps 1e-10: from 0.01 to 1000"),
        (["--size", "²"], 2, "--size ²"),
        (["--serve", "localhost:²"], 2, "--serve localhost:²"),
        (["--models", "missing.onnx"], 1, "missing.onnx"),
        (["--models", "missing"], 1, "--models missing: there is no such file or folder"),
        (["--models", ""], 2, "an empty name"),
        (["--models="], 2, "an empty name or value for --models"),
        (["--look=="], 2, "--look: invalid choice: '='"),
        (["--stats", "nowhere/s.json", "--frames", "1"], 1, "nowhere/s.json"),
        (["--stats", ".", "--frames", "1"], 1, "--stats . is a folder"),
    ],
)
def test_impossible_options_are_one_line(run: Run, arguments: list[str], status: int, message: str) -> None:
    done = run("realtime", "--demo", "--no-window", *arguments)
    assert done.returncode == status
    assert message in one_line(done.stderr)


def test_debug_shows_the_traceback(run: Run) -> None:
    done = run("realtime", "--demo", "--no-window", "--style", "nobody", "--debug")
    assert done.returncode == 1
    assert "Traceback" in done.stderr and "UnknownStyle" in done.stderr
