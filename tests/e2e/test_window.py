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
from tests.e2e.screen import (
    SIZE,
    WINDOW,
    App,
    difference,
    picture_difference,
    says_no_signal,
    window_area,
)
from tests.e2e.waiting import wait_until, wait_until_idle
from tests.fault_camera import FaultCamera


@pytest.fixture
def app(start: Any, camera: FaultCamera) -> App:
    """The app with a still picture and without figures: only keys change the screen."""
    camera.still = True
    app: App = start("--camera", camera.url, "--style", "starry_night", "--size", "240", "--no-figures")
    app.wait_for_window()
    return app


@pytest.fixture
def moving_app(start: Any, camera: FaultCamera) -> App:
    """The app with a moving picture and without figures."""
    app: App = start("--camera", camera.url, "--size", "240", "--no-figures")
    app.wait_for_window()
    return app


@dataclass
class Snapshot:
    """What the key s saves."""

    path: Path
    stylized: Image
    original: Image


def take_snapshot(app: App) -> Snapshot:
    """Press s; return the two files."""
    before = set(app.folder.glob("stylized-*.png"))
    app.screen.press("s")  # saved, it says then
    files = set(app.folder.glob("stylized-*.png")) - before
    assert len(files) == 2, files
    original = next(path for path in files if path.stem.endswith("-original"))
    stylized = next(path for path in files if path != original)
    images = [cv2.imread(str(path)) for path in (stylized, original)]
    assert all(image is not None for image in images)
    return Snapshot(stylized, np.asarray(images[0], np.uint8), np.asarray(images[1], np.uint8))


def snapshot_when(app: App, condition: Callable[[Snapshot], bool], message: str) -> Snapshot:
    """Take snapshots until one fulfils the condition: after a key, the look fades for a moment."""
    taken: list[Snapshot] = []

    def is_taken() -> bool:
        taken.append(take_snapshot(app))
        return condition(taken[-1])

    wait_until(is_taken, message)
    return taken[-1]


def drawn_width(shot: Image) -> int:
    """Return the width of what is not black on the screen, in pixels."""
    left, _, right, _ = window_area(shot)
    return right - left


def test_styles_change_with_n_p_arrows_and_numbers(app: App, library: Library) -> None:
    names = [style.name for _, style in library.styles]
    for key, number in [("n", 1), ("Right", 2), ("p", 1), ("Left", 0), ("Left", -1), ("3", 2), ("1", 0)]:
        app.screen.press(key)
        suffix = f"-{names[number]}"
        snapshot = snapshot_when(app, lambda s, end=suffix: s.path.stem.endswith(end), f"after {key}")  # type: ignore[misc]
        assert difference(snapshot.stylized, snapshot.original) > 10
    app.quit()
    assert app.stats()["snapshots"] == len(list(app.folder.glob("stylized-*-original.png"))) >= 7


def test_style_changes_picture_on_screen(app: App) -> None:
    first = app.screen.shot()
    app.screen.press("3")
    app.screen.wait(lambda shot: picture_difference(shot, first) > 2, "it is the same style")
    app.quit()


def test_0_shows_original_and_returns(app: App) -> None:
    app.screen.press("0")
    snapshot_when(app, lambda s: difference(s.stylized, s.original) == 0, "the original is not shown")
    app.screen.press("0")
    snapshot_when(app, lambda s: difference(s.stylized, s.original) > 10, "the style has not returned")
    app.quit()


def test_i_and_h_show_and_hide_figures_and_help(app: App) -> None:
    bare = app.screen.freeze()
    app.screen.send_key("i")
    figures = app.screen.wait(lambda shot: (bare != shot).any(axis=2).sum() > 500, "no figures")
    changed = np.argwhere((bare != figures).any(axis=2))
    assert changed[:, 0].max() < window_area(bare)[1] + 150, "the figures are not at the top"
    app.screen.send_key("i")
    app.screen.wait(lambda shot: difference(shot, bare) == 0, "the figures stay")
    app.screen.send_key("h")
    app.screen.wait(lambda shot: difference(shot, bare) > 2, "no help")
    app.screen.send_key("h")
    app.screen.wait(lambda shot: difference(shot, bare) == 0, "the help stays")
    app.quit("Escape")


def test_t_mirrors_picture(app: App) -> None:
    """The camera's picture is a gradient from left to right; mirrored, it falls the other way."""
    before, straight = app.screen.shot(), take_snapshot(app).original
    app.screen.send_key("t")
    app.screen.wait_for_change(before)
    mirrored = take_snapshot(app).original
    assert difference(mirrored[:, ::-1], straight) < difference(mirrored, straight) / 2
    app.quit()


def test_space_freezes_picture_and_styles_still_change(moving_app: App, camera: FaultCamera) -> None:
    screen = moving_app.screen
    still, sent = screen.freeze(), camera.frames
    while camera.frames < sent + 15:
        assert difference(screen.shot(), still) == 0
        time.sleep(0.05)
    screen.press("n")
    screen.wait(lambda shot: picture_difference(shot, still) > 3, "it is the same style")
    frozen = screen.wait_until_still()
    screen.press("space")
    screen.wait_for_change(screen.wait_for_change(frozen))
    moving_app.quit()


def test_f_fills_screen_and_returns(start: Any, camera: FaultCamera) -> None:
    app: App = start("--camera", camera.url, "--size", "240")
    app.wait_for_window()
    assert drawn_width(app.screen.shot()) < SIZE[0] * 0.8
    app.screen.send_key("f")
    app.screen.wait(lambda shot: drawn_width(shot) >= SIZE[0] - 2, "the window does not fill the screen")
    app.screen.send_key("f")
    app.screen.wait(lambda shot: drawn_width(shot) < SIZE[0] * 0.8, "the window has not returned")
    app.quit()


def test_close_box_ends_program(start: Any, camera: FaultCamera) -> None:
    app: App = start("--camera", camera.url, "--size", "240")
    app.wait_for_window()
    app.screen.send_key("alt+F4")  # openbox does what its close box does
    status, out, err = app.finish()
    assert (status, err) == (0, "")
    assert "frames painted" in out
    table = app.stats()
    assert table["frames_shown"] > 0 and table["latency_ms"]["from_capture_to"] == "display"


@pytest.mark.parametrize("frozen", [False, True])
def test_close_box_ends_program_while_camera_sends_nothing(app: App, camera: FaultCamera, frozen: bool) -> None:
    if frozen:
        app.screen.freeze()
    camera.mode = "stall"
    app.screen.wait(says_no_signal, "NO SIGNAL does not appear")
    app.screen.send_key("alt+F4")
    assert app.finish()[0] == 0


def test_ctrl_c_ends_program_with_statistics(app: App) -> None:
    app.process.send_signal(2)
    status, _, err = app.finish()
    assert (status, err) == (130, "")
    assert app.stats()["frames_painted"] > 0


def test_snapshots_never_overwrite(app: App) -> None:
    paths = [take_snapshot(app).path for _ in range(3)]
    assert len(set(paths)) == 3
    app.quit()


def test_snapshot_that_cannot_be_saved_shows_message(start: Any, camera: FaultCamera, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file where the folder should be")
    app: App = start("--camera", camera.url, "--size", "240", "--no-figures", "--snapshots", "taken")
    app.wait_for_window()
    app.screen.press("s")  # a message says so
    app.quit()
    assert app.stats()["snapshots"] == 0
    assert (tmp_path / "taken").read_text() == "a file where the folder should be"


def test_mouse_wheel_does_not_enlarge_picture(app: App) -> None:
    """The wheel enlarges Qt's windows, figures included; opened anew, the window may be a frame's width away."""
    before, windows = app.screen.freeze(), app.screen.windows()
    left, top, right, bottom = window_area(before)
    y, x = (top + bottom) // 2, (left + right) // 2
    app.screen.xdotool("mousemove", str(x), str(y), "click", "--repeat", "5", "4")
    wait_until(lambda: app.screen.windows() not in (windows, ""), "the enlarged window is not opened anew")
    app.wait_for_window()
    middle = before[y - 60 : y + 60, x - 60 : x + 60]
    app.screen.wait(
        lambda shot: cv2.matchTemplate(shot, middle, cv2.TM_CCOEFF_NORMED).max() > 0.95, "it stays enlarged"
    )
    app.screen.press("n")
    app.quit()


def test_minimised_window_rests_and_returns(moving_app: App) -> None:
    moving_app.screen.xdotool("search", "--name", WINDOW, "windowminimize")
    moving_app.screen.wait(lambda shot: not shot.any(), "it is not minimised")
    wait_until_idle(moving_app.process.pid)
    moving_app.screen.xdotool("search", "--name", WINDOW, "windowactivate")
    moving_app.wait_for_window()
    moving_app.screen.wait_for_change(moving_app.screen.shot())
    moving_app.quit()


def test_minimised_window_rests_while_another_of_the_same_title_runs(start: Any, camera: FaultCamera) -> None:
    apps: list[App] = []
    for _ in range(2):
        apps.append(start("--camera", camera.url, "--size", "128", "--no-figures"))
        apps[-1].wait_for_window()
    one, other = apps
    one.screen.xdotool("search", "--pid", str(one.process.pid), "--name", WINDOW, "windowminimize")
    wait_until_idle(one.process.pid)
    for _ in range(2):
        other.screen.wait_for_change(other.screen.shot())
    other.quit()


def test_frozen_picture_rests(moving_app: App) -> None:
    moving_app.screen.freeze()
    wait_until_idle(moving_app.process.pid)
    moving_app.quit()
