"""The window, its keys and its end, as a user sees them: a real window, real key presses, screenshots."""

from __future__ import annotations

import time
from collections.abc import Callable
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

MESSAGE_SECONDS = 3.0  # longer than a short message stays on the screen
PNG_END = b"IEND\xaeB`\x82"
WINDOW = "^realtime-stylize$"


@pytest.fixture
def app(start: Any, camera: FaultCamera) -> App:
    """The app, showing a network camera."""
    app: App = start("--camera", camera.url, "--style", "starry_night", "--size", "240")
    app.wait_for_window()
    return app


@dataclass
class Snapshot:
    """What the key s saves."""

    path: Path
    stylized: Image
    original: Image


def take_snapshot(app: App) -> Snapshot:
    """Press s, and read the two files once they are whole."""
    before = set(app.folder.glob("stylized-*.png"))
    app.screen.xdotool("key", "s")

    def saved() -> set[Path]:
        files = set(app.folder.glob("stylized-*.png")) - before
        return files if len(files) == 2 and all(path.read_bytes().endswith(PNG_END) for path in files) else set()

    files = wait_until(saved, "no snapshot was saved")
    original = next(path for path in files if path.stem.endswith("-original"))
    stylized = next(path for path in files if path != original)
    images = [cv2.imread(str(path)) for path in (stylized, original)]
    assert all(image is not None for image in images)
    return Snapshot(stylized, np.asarray(images[0], np.uint8), np.asarray(images[1], np.uint8))


def snapshot_when(app: App, condition: Callable[[Snapshot], bool], message: str) -> Snapshot:
    """Take snapshots until one fulfils the condition: after a key, the look fades for a moment."""

    def attempt() -> Snapshot | None:
        snapshot = take_snapshot(app)
        return snapshot if condition(snapshot) else None

    snapshot = wait_until(attempt, message)
    assert snapshot is not None
    return snapshot


def is_original(snapshot: Snapshot) -> bool:
    return difference(snapshot.stylized, snapshot.original) == 0


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
        app.screen.press(key)
        suffix = f"-{names[number]}"
        snapshot = snapshot_when(app, lambda s, end=suffix: s.path.stem.endswith(end), f"after {key}")  # type: ignore[misc]
        assert difference(snapshot.stylized, snapshot.original) > 10
    quit_app(app)
    assert app.stats()["snapshots"] == len(list(app.folder.glob("stylized-*-original.png")))


def test_style_changes_picture_on_screen(app: App) -> None:
    app.screen.press("i")
    first, moved = app.screen.shot(), app.screen.shot()
    app.screen.press("3")
    motion = difference(first, moved)
    wait_until(lambda: difference(first, app.screen.shot()) > 3 * motion + 2, "the style has not changed")
    quit_app(app)


def test_0_shows_original_and_returns(app: App) -> None:
    app.screen.press("0")
    snapshot_when(app, is_original, "the original is not shown")
    app.screen.press("0")
    snapshot_when(app, lambda s: difference(s.stylized, s.original) > 10, "the style has not returned")
    quit_app(app)


def test_i_and_h_show_and_hide_figures_and_help(app: App) -> None:
    app.screen.press("space")  # so that nothing else changes
    app.screen.press("i")
    bare = wait_until_still(app.screen.shot, MESSAGE_SECONDS)

    def changed_pixels() -> list[Any]:
        changed = np.argwhere((bare != app.screen.shot()).any(axis=2))
        return [changed] if len(changed) > 500 else []

    app.screen.press("i")
    (changed,) = wait_until(changed_pixels, "no figures")
    top = np.flatnonzero(bare.any(axis=(1, 2)))[0]
    assert changed[:, 0].max() < top + 150, "the figures are not at the top"
    app.screen.press("i")
    wait_until(lambda: difference(app.screen.shot(), bare) == 0, "the figures stay")
    app.screen.press("h")
    wait_until(lambda: difference(app.screen.shot(), bare) > 2, "no help")
    app.screen.press("h")
    wait_until(lambda: difference(app.screen.shot(), bare) == 0, "the help stays")
    quit_app(app, "Escape")


def test_t_mirrors_picture(app: App) -> None:
    """The camera's picture is a gradient from left to right; mirrored, it falls the other way."""
    straight = take_snapshot(app).original
    app.screen.press("t")
    snapshot_when(
        app,
        lambda s: difference(s.original[:, ::-1], straight) < difference(s.original, straight) / 2,
        "the picture is not mirrored",
    )
    quit_app(app)


def test_space_freezes_picture_and_styles_still_change(app: App) -> None:
    app.screen.press("i")
    app.screen.press("space")
    still = wait_until_still(app.screen.shot, MESSAGE_SECONDS)
    app.screen.press("n")
    wait_until(lambda: difference(app.screen.shot(), still) > 3, "the style has not changed")
    app.screen.press("space")
    wait_until_moving(app)
    quit_app(app)


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
        app.screen.press("space")
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
    app: App = start("--camera", camera.url, "--size", "240", "--snapshots", "taken")
    app.wait_for_window()
    app.screen.press("space")
    app.screen.press("i")
    bare = wait_until_still(app.screen.shot, MESSAGE_SECONDS)
    app.screen.xdotool("key", "s")
    wait_until(lambda: difference(app.screen.shot(), bare) > 0.5, "no message")
    quit_app(app)
    assert app.stats()["snapshots"] == 0
    assert (tmp_path / "taken").read_text() == "a file where the folder should be"


def test_mouse_wheel_does_not_enlarge_picture(app: App) -> None:
    """The wheel enlarges Qt's windows, figures included; opened anew, the window may be a frame's width away."""
    app.screen.press("i")
    app.screen.press("space")
    before = wait_until_still(app.screen.shot, MESSAGE_SECONDS)
    rows, columns = (np.flatnonzero(before.any((1, 2))), np.flatnonzero(before.any((0, 2))))
    y, x = int(rows.mean()), int(columns.mean())
    app.screen.xdotool("mousemove", str(x), str(y), "click", "--repeat", "5", "4")
    time.sleep(2)  # until the wheel has had its effect
    middle = before[y - 60 : y + 60, x - 60 : x + 60]
    wait_until(
        lambda: cv2.matchTemplate(app.screen.shot(), middle, cv2.TM_CCOEFF_NORMED).max() > 0.95, "it stays enlarged"
    )
    wait_until(app.screen.active_window, "the window has lost the keyboard focus")
    app.screen.press("n")
    quit_app(app)


def test_minimised_window_rests_and_returns(app: App) -> None:
    app.screen.press("i")
    app.screen.xdotool("search", "--name", WINDOW, "windowminimize")
    wait_until_idle(app.process.pid)
    app.screen.xdotool("search", "--name", WINDOW, "windowactivate")
    wait_until(app.screen.active_window, "the window has not returned")
    wait_until_moving(app)
    quit_app(app)


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


def test_frozen_picture_rests(app: App) -> None:
    app.screen.press("space")
    app.screen.press("i")
    wait_until_idle(app.process.pid)
    quit_app(app)
