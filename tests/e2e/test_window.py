"""The window, its keys and its end, as a user sees them: a real window, real key presses, screenshots."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from realtime.frame import Image
from realtime.stylizer.library import Library
from tests.e2e.conftest import SCREEN, App, difference
from tests.e2e.waiting import wait_until, wait_until_idle, wait_until_still
from tests.fault_camera import FaultCamera

MESSAGE_SECONDS = 2.6  # longer than a short message stays on the screen
PNG_END = b"IEND\xaeB`\x82"
WINDOW = "^realtime-stylize$"


@pytest.fixture
def app(start: Any, camera: FaultCamera) -> App:
    """The app with a still picture and without figures: only keys change the screen."""
    camera.still = True
    app: App = start("--camera", camera.url, "--style", "starry_night", "--size", "240", "--no-figures")
    app.wait_for_window()
    wait_until_still(app.screen.shot, MESSAGE_SECONDS)
    return app


@pytest.fixture
def moving_app(start: Any, camera: FaultCamera) -> App:
    """The app with a moving picture and without figures."""
    app: App = start("--camera", camera.url, "--size", "240", "--no-figures")
    app.wait_for_window()
    return app


def press(app: App, key: str) -> Image:
    """Press a key; return the screen once the key has had an effect, and the screen is still and without a message.

    OpenCV drops all but the last of the keys that come between two calls of waitKey, so a key must not follow another
    one before that has had its effect.
    """
    before = app.screen.shot()
    app.screen.xdotool("key", key)
    wait_until(lambda: difference(app.screen.shot(), before) > 0, f"{key} changes nothing")
    return wait_until_still(app.screen.shot, MESSAGE_SECONDS)


@dataclass
class Snapshot:
    """What the key s saves."""

    path: Path
    stylized: Image
    original: Image


def take_snapshot(app: App) -> Snapshot:
    """Press s; return the two files once they are whole, and the message has disappeared."""
    before = set(app.folder.glob("stylized-*.png"))
    app.screen.xdotool("key", "s")

    def saved() -> set[Path]:
        files = set(app.folder.glob("stylized-*.png")) - before
        return files if len(files) == 2 and all(path.read_bytes().endswith(PNG_END) for path in files) else set()

    files = wait_until(saved, "no snapshot was saved")
    wait_until_still(app.screen.shot, MESSAGE_SECONDS)
    original = next(path for path in files if path.stem.endswith("-original"))
    stylized = next(path for path in files if path != original)
    images = [cv2.imread(str(path)) for path in (stylized, original)]
    assert all(image is not None for image in images)
    return Snapshot(stylized, np.asarray(images[0], np.uint8), np.asarray(images[1], np.uint8))


def quit_app(app: App, key: str = "q") -> None:
    app.screen.press(key)
    status, _, err = app.finish()
    assert status == 0, err
    assert err == ""


def wait_until_moving(app: App) -> None:
    wait_until(lambda: difference(app.screen.shot(), app.screen.shot()) > 0, "the picture does not move")


def drawn_width(app: App) -> int:
    """Width of what is not black on the screen, in pixels."""
    columns = np.flatnonzero(app.screen.shot().any(axis=(0, 2)))
    return int(columns[-1] - columns[0] + 1)


def test_styles_change_with_n_p_arrows_and_numbers(app: App, library: Library) -> None:
    names = [style.name for _, style in library.styles]
    for key, number in [("n", 1), ("Right", 2), ("p", 1), ("Left", 0), ("Left", -1), ("3", 2), ("1", 0)]:
        press(app, key)
        snapshot = take_snapshot(app)
        assert snapshot.path.stem.endswith(f"-{names[number]}"), f"after {key}"
        assert difference(snapshot.stylized, snapshot.original) > 10
    quit_app(app)
    assert app.stats()["snapshots"] == 7


def test_style_changes_picture_on_screen(app: App) -> None:
    first = app.screen.shot()
    assert difference(first, press(app, "3")) > 2
    quit_app(app)


def test_0_shows_original_and_returns(app: App) -> None:
    press(app, "0")
    snapshot = take_snapshot(app)
    assert difference(snapshot.stylized, snapshot.original) == 0
    press(app, "0")
    snapshot = take_snapshot(app)
    assert difference(snapshot.stylized, snapshot.original) > 10
    quit_app(app)


def test_i_and_h_show_and_hide_figures_and_help(app: App) -> None:
    bare = press(app, "space")  # so that the figures do not change
    figures = press(app, "i")
    changed = np.argwhere((bare != figures).any(axis=2))
    assert len(changed) > 500
    top = np.flatnonzero(bare.any(axis=(1, 2)))[0]
    assert changed[:, 0].max() < top + 150, "the figures are not at the top"
    assert difference(press(app, "i"), bare) == 0
    assert difference(press(app, "h"), bare) > 2
    assert difference(press(app, "h"), bare) == 0
    quit_app(app, "Escape")


def test_t_mirrors_picture(app: App) -> None:
    """The camera's picture is a gradient from left to right; mirrored, it falls the other way."""
    straight = take_snapshot(app).original
    press(app, "t")
    mirrored = take_snapshot(app).original
    assert difference(mirrored[:, ::-1], straight) < difference(mirrored, straight) / 2
    quit_app(app)


def test_space_freezes_picture_and_styles_still_change(moving_app: App) -> None:
    still = press(moving_app, "space")
    assert difference(press(moving_app, "n"), still) > 3
    moving_app.screen.press("space")
    wait_until_moving(moving_app)
    quit_app(moving_app)


def test_f_fills_screen_and_returns(start: Any, camera: FaultCamera) -> None:
    app: App = start("--camera", camera.url, "--size", "240")
    app.wait_for_window()
    assert drawn_width(app) < SCREEN[0] * 0.8
    app.screen.press("f")
    wait_until(lambda: drawn_width(app) >= SCREEN[0] - 2, "the window does not fill the screen")
    app.screen.press("f")
    wait_until(lambda: drawn_width(app) < SCREEN[0] * 0.8, "the window has not returned")
    quit_app(app)


def test_close_box_ends_program(start: Any, camera: FaultCamera) -> None:
    app: App = start("--camera", camera.url, "--size", "240")
    app.wait_for_window()
    app.screen.xdotool("key", "alt+F4")  # openbox does what its close box does
    status, out, err = app.finish()
    assert (status, err) == (0, "")
    assert "frames painted" in out
    table = app.stats()
    assert table["frames_shown"] > 0 and table["latency_ms"]["from_capture_to"] == "display"


@pytest.mark.parametrize("frozen", [False, True])
def test_close_box_ends_program_while_camera_sends_nothing(app: App, camera: FaultCamera, frozen: bool) -> None:
    if frozen:
        press(app, "space")
    camera.mode = "stall"
    wait_until_still(app.screen.shot, 2.0)
    app.screen.xdotool("key", "alt+F4")
    assert app.finish()[0] == 0


def test_ctrl_c_ends_program_with_statistics(app: App) -> None:
    app.process.send_signal(2)
    status, _, err = app.finish()
    assert (status, err) == (130, "")
    assert app.stats()["frames_painted"] > 0


def test_snapshots_never_overwrite(app: App) -> None:
    paths = [take_snapshot(app).path for _ in range(3)]
    assert len(set(paths)) == 3
    quit_app(app)


def test_snapshot_that_cannot_be_saved_shows_message(start: Any, camera: FaultCamera, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file where the folder should be")
    app: App = start("--camera", camera.url, "--size", "240", "--no-figures", "--snapshots", "taken")
    app.wait_for_window()
    bare = press(app, "space")
    app.screen.xdotool("key", "s")
    wait_until(lambda: difference(app.screen.shot(), bare) > 0.5, "no message")
    quit_app(app)
    assert app.stats()["snapshots"] == 0
    assert (tmp_path / "taken").read_text() == "a file where the folder should be"


def test_mouse_wheel_does_not_enlarge_picture(app: App) -> None:
    """The wheel enlarges Qt's windows, figures included; opened anew, the window may be a frame's width away."""
    before = press(app, "space")
    rows, columns = (np.flatnonzero(before.any((1, 2))), np.flatnonzero(before.any((0, 2))))
    y, x = int(rows.mean()), int(columns.mean())
    app.screen.xdotool("mousemove", str(x), str(y), "click", "--repeat", "5", "4")
    time.sleep(2)  # until the wheel has had its effect
    middle = before[y - 60 : y + 60, x - 60 : x + 60]
    wait_until(
        lambda: cv2.matchTemplate(app.screen.shot(), middle, cv2.TM_CCOEFF_NORMED).max() > 0.95, "it stays enlarged"
    )
    wait_until(app.screen.active_window, "the window has lost the keyboard focus")
    press(app, "n")
    quit_app(app)


def test_minimised_window_rests_and_returns(moving_app: App) -> None:
    moving_app.screen.xdotool("search", "--name", WINDOW, "windowminimize")
    wait_until_idle(moving_app.process.pid)
    moving_app.screen.xdotool("search", "--name", WINDOW, "windowactivate")
    wait_until(moving_app.screen.active_window, "the window has not returned")
    wait_until_moving(moving_app)
    quit_app(moving_app)


def test_minimised_window_rests_while_another_of_the_same_title_runs(start: Any, camera: FaultCamera) -> None:
    apps: list[App] = []
    for _ in range(2):
        apps.append(start("--camera", camera.url, "--size", "128", "--no-figures"))
        apps[-1].wait_for_window()
    one, other = apps
    one.screen.xdotool("search", "--pid", str(one.process.pid), "--name", WINDOW, "windowminimize")
    wait_until_idle(one.process.pid)
    wait_until_moving(other)
    quit_app(other)


def test_frozen_picture_rests(moving_app: App) -> None:
    press(moving_app, "space")
    wait_until_idle(moving_app.process.pid)
    quit_app(moving_app)
