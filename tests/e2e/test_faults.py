"""Cameras that misbehave, and machines that lack something."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pytest

from realtime.frame import Image
from realtime.ui.hud import AMBER
from tests.conftest import Run
from tests.e2e.conftest import App
from tests.fault_camera import FaultCamera, Mode


def says_no_signal(shot: Image) -> bool:
    """Return whether NO SIGNAL is shown: whether a lot of its colour is on the screen."""
    distance = np.abs(shot.astype(int) - AMBER).sum(axis=2)
    return bool((distance < 40).sum() > 300)


def wait_for_no_signal(app: App, shown: bool) -> None:
    """Wait until the screen shows NO SIGNAL, or no longer does."""
    deadline = time.monotonic() + 60
    while says_no_signal(app.screen.shot()) is not shown:
        assert time.monotonic() < deadline, f"NO SIGNAL {'did not appear' if shown else 'stayed'}"
        time.sleep(0.1)


def picture_rows(app: App) -> int:
    """Return how many rows of the screen show the picture: most of their 640 pixels are not black."""
    return int((app.screen.shot().any(axis=2).sum(axis=1) > 500).sum())


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
    camera.mode = mode
    wait_for_no_signal(app, shown=True)
    time.sleep(10 if mode == "stall" else 2)
    camera.mode = "ok"
    wait_for_no_signal(app, shown=False)
    app.screen.press("q")
    status, _, err = app.finish()
    assert (status, err) == (0, "")
    table = app.stats()
    assert table["signal_losses"] >= 1
    assert table["reconnects"] >= 1
    assert any(REASONS[mode] in reason for reason in table["signal_loss_reasons"]), table["signal_loss_reasons"]


def test_camera_may_change_its_size(start: Any, camera: FaultCamera) -> None:
    app: App = start("--camera", camera.url, "--size", "480")
    app.wait_for_window()
    rows, deadline = picture_rows(app), time.monotonic() + 60
    camera.size = (400, 200)
    while picture_rows(app) > rows * 0.8:  # a wider picture has black bars above and below it
        assert time.monotonic() < deadline, "the picture keeps its shape"
        time.sleep(0.1)
    app.screen.press("q")
    status, _, err = app.finish()
    assert (status, err) == (0, "")
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
