"""The window, its keys and its end, as a user has them: a real window, real key presses, screenshots."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from benchmarks.processes import cpu_seconds
from realtime.frame import Image
from realtime.stylizer.library import Library
from tests.e2e.conftest import SCREEN, App, difference
from tests.fault_camera import FaultCamera

QUIT = "q"


@pytest.fixture
def app(start: Any, camera: FaultCamera) -> App:
    """Showing a network camera, frozen figures off, so that only the picture changes."""
    app: App = start("--camera", camera.url, "--style", "starry_night", "--size", "240")
    app.wait_for_window()
    return app


def snapshot(app: App) -> tuple[Path, Image, Image]:
    """Press s: the painted file, its picture, the original."""
    before = set(app.folder.glob("stylized-*.png"))
    app.screen.press("s")
    files = set(app.folder.glob("stylized-*.png")) - before
    assert len(files) == 2, files
    original = next(path for path in files if path.stem.endswith("-original"))
    painted = next(path for path in files if path != original)
    pictures = [cv2.imread(str(path)) for path in (painted, original)]
    assert all(picture is not None for picture in pictures)
    return painted, np.asarray(pictures[0], np.uint8), np.asarray(pictures[1], np.uint8)


def quit_app(app: App, key: str = QUIT) -> None:
    app.screen.press(key)
    status, _, err = app.finish()
    assert status == 0, err
    assert err == ""


def test_styles_change_with_n_p_arrows_and_numbers(app: App, library: Library) -> None:
    names = [style.name for _, style in library.styles]
    for key, expected in [("n", 1), ("Right", 2), ("p", 1), ("Left", 0), ("Left", -1), ("3", 2), ("1", 0)]:
        app.screen.press(key)
        path, painted, original = snapshot(app)
        assert path.stem.endswith(f"-{names[expected]}"), f"after {key}"
        assert difference(painted, original) > 10
    quit_app(app)
    assert app.stats()["snapshots"] == 7


def test_another_style_is_another_picture_on_the_screen(app: App) -> None:
    app.screen.press("i")
    time.sleep(2)  # the message fades
    first, moved = app.screen.shot(), app.screen.shot()
    app.screen.press("3")
    time.sleep(2)
    assert difference(first, app.screen.shot()) > 3 * difference(first, moved) + 2
    quit_app(app)


def test_0_shows_the_original_and_comes_back(app: App) -> None:
    app.screen.press("0")
    _, shown, original = snapshot(app)
    assert difference(shown, original) == 0
    app.screen.press("0")
    _, shown, original = snapshot(app)
    assert difference(shown, original) > 10
    quit_app(app)


def test_i_and_h_show_and_hide_where_they_say(app: App) -> None:
    app.screen.press("space")  # so that nothing else changes
    app.screen.press("i")
    time.sleep(2)
    bare = app.screen.shot()
    app.screen.press("i")
    figures = app.screen.shot()
    changed = np.argwhere((bare != figures).any(axis=2))
    assert len(changed) > 500
    top = np.flatnonzero(bare.any(axis=(1, 2)))[0]
    assert changed[:, 0].max() < top + 150, "the figures belong to the top"
    app.screen.press("i")
    assert difference(app.screen.shot(), bare) == 0
    app.screen.press("h")
    assert difference(app.screen.shot(), bare) > 2
    app.screen.press("h")
    assert difference(app.screen.shot(), bare) == 0
    quit_app(app, "Escape")


def test_t_mirrors(app: App) -> None:
    """The camera's picture is a gradient from left to right; mirrored, it falls the other way."""
    _, _, straight = snapshot(app)
    app.screen.press("t")
    _, _, mirrored = snapshot(app)
    assert difference(mirrored[:, ::-1], straight) < difference(mirrored, straight) / 2
    quit_app(app)


def test_space_freezes_and_styles_still_change(app: App) -> None:
    app.screen.press("i")
    app.screen.press("space")
    time.sleep(2)
    still = app.screen.shot()
    time.sleep(1)
    assert difference(app.screen.shot(), still) == 0
    app.screen.press("n")
    time.sleep(2)
    assert difference(app.screen.shot(), still) > 3
    app.screen.press("space")
    time.sleep(2)
    moving = app.screen.shot()
    time.sleep(0.5)
    assert difference(app.screen.shot(), moving) > 0
    quit_app(app)


def test_f_fills_the_screen_and_comes_back(start: Any, camera: FaultCamera) -> None:
    app: App = start("--camera", camera.url, "--size", "240")
    app.wait_for_window()
    assert drawn_width(app) < SCREEN[0] * 0.8
    app.screen.press("f")
    assert drawn_width(app) >= SCREEN[0] - 2
    app.screen.press("f")
    assert drawn_width(app) < SCREEN[0] * 0.8
    quit_app(app)


def drawn_width(app: App) -> int:
    columns = np.flatnonzero(app.screen.shot().any(axis=(0, 2)))
    return int(columns[-1] - columns[0] + 1)


def test_the_close_box_ends_it(start: Any, camera: FaultCamera) -> None:
    app: App = start("--camera", camera.url, "--size", "240")
    app.wait_for_window()
    app.screen.xdotool("key", "alt+F4")  # openbox does what its close box does
    status, out, err = app.finish()
    assert (status, err) == (0, "")
    assert "frames painted" in out
    table = app.stats()
    assert table["frames_shown"] > 0 and table["latency_ms"]["from_capture_to"] == "display"


def test_ctrl_c_ends_it_with_figures(app: App) -> None:
    app.process.send_signal(2)
    status, _, err = app.finish()
    assert (status, err) == (130, "")
    assert app.stats()["frames_painted"] > 0


def test_snapshots_never_overwrite(app: App) -> None:
    paths = [snapshot(app)[0] for _ in range(3)]
    assert len(set(paths)) == 3
    quit_app(app)


def test_a_snapshot_that_cannot_be_saved_is_said_on_the_screen(start: Any, camera: FaultCamera, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file where the folder should be")
    app: App = start("--camera", camera.url, "--size", "240", "--snapshots", "taken")
    app.wait_for_window()
    app.screen.press("space")
    app.screen.press("i")
    time.sleep(2)
    bare = app.screen.shot()
    app.screen.press("s")
    assert difference(app.screen.shot(), bare) > 0.5, "no message"
    quit_app(app)
    assert app.stats()["snapshots"] == 0
    assert (tmp_path / "taken").read_text() == "a file where the folder should be"


def test_the_mouse_wheel_enlarges_nothing(app: App) -> None:
    """Qt's windows do, figures and all, without a way back; the window may come up a frame's width away."""
    app.screen.press("i")
    app.screen.press("space")
    time.sleep(3)
    before = app.screen.shot()
    rows, columns = (np.flatnonzero(before.any((1, 2))), np.flatnonzero(before.any((0, 2))))
    y, x = int(rows.mean()), int(columns.mean())
    app.screen.xdotool("mousemove", str(x), str(y), "click", "--repeat", "5", "4")
    time.sleep(2)
    middle = before[y - 60 : y + 60, x - 60 : x + 60]
    assert cv2.matchTemplate(app.screen.shot(), middle, cv2.TM_CCOEFF_NORMED).max() > 0.95
    app.screen.press("n")  # it has the keyboard still
    quit_app(app)


def test_minimised_it_rests_and_comes_back(app: App) -> None:
    app.screen.press("i")
    app.screen.xdotool("search", "--name", "^realtime-stylize$", "windowminimize")
    time.sleep(3)
    resting = cpu_seconds(app.process.pid)
    time.sleep(2)
    assert cpu_seconds(app.process.pid) - resting < 0.5, "this camera's pictures would cost more"
    app.screen.xdotool("search", "--name", "^realtime-stylize$", "windowactivate")
    time.sleep(2)
    moving = app.screen.shot()
    time.sleep(1)
    assert difference(app.screen.shot(), moving) > 0
    quit_app(app)


def test_minimised_beside_another_it_rests_alone(start: Any, camera: FaultCamera) -> None:
    """Both windows have the same title."""
    apps: list[App] = []
    for _ in range(2):
        apps.append(start("--camera", camera.url, "--size", "128", "--no-figures"))
        apps[-1].wait_for_window()
    one, other = apps
    one.screen.xdotool("search", "--pid", str(one.process.pid), "--name", "^realtime-stylize$", "windowminimize")
    time.sleep(3)
    resting, picture = cpu_seconds(one.process.pid), other.screen.shot()
    time.sleep(2)
    assert cpu_seconds(one.process.pid) - resting < 0.5
    assert difference(other.screen.shot(), picture) > 0, "the other rests too"
    quit_app(other)


def test_frozen_it_rests(app: App) -> None:
    app.screen.press("space")
    app.screen.press("i")
    time.sleep(3)
    resting = cpu_seconds(app.process.pid)
    time.sleep(2)
    assert cpu_seconds(app.process.pid) - resting < 0.5
    quit_app(app)
