"""Videos and images without -o: played in the window by the command."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from realtime.frame import Image
from realtime.stylizer.library import Library
from tests.conftest import Run
from tests.e2e.conftest import App, difference
from tests.video_files import AUDIO_INPUT, H264, make_media


def make_video(path: Path, seconds: int) -> Path:
    """Write a moving test pattern of 160 x 120 at 10 fps, with a tone."""
    pattern = ("-f", "lavfi", "-i", f"testsrc=s=160x120:r=10:d={seconds}")
    return make_media(path, *pattern, *AUDIO_INPUT, *H264, "-c:a", "aac")


def wait_for_screen(app: App, condition: Callable[[Image], bool], message: str) -> Image:
    """Return a screenshot that meets a condition, as soon as there is one."""
    deadline = time.monotonic() + 60
    while not condition(shot := app.screen.shot()):
        assert time.monotonic() < deadline, message
        time.sleep(0.2)
    return shot


def wait_for_still_screen(app: App) -> Image:
    """Return a screenshot once the message of the last key has faded and the screen stands still for a second."""
    time.sleep(3)  # a message is shown for at least 2 s
    deadline = time.monotonic() + 60
    before = app.screen.shot()
    while True:
        time.sleep(1)
        shot = app.screen.shot()
        if difference(shot, before) == 0:
            return shot
        assert time.monotonic() < deadline, "the screen does not stand still"
        before = shot


def test_video_plays_stylized_in_real_time_and_ends(start: Any, tmp_path: Path) -> None:
    make_video(tmp_path / "film.mp4", 4)
    app: App = start("film.mp4")
    start_time = time.monotonic()
    status, out, err = app.finish(60)
    assert (status, err) == (0, "")
    assert time.monotonic() - start_time > 4
    assert "film.mp4: 160 x 120, 10 fps" in out
    table = app.stats()
    assert table["frames_read"] <= 40 and table["frames_shown"] > 0
    assert table["frames_painted"] + table["frames_reused"] + table["frames_dropped"] <= table["frames_read"]
    assert (table["signal_losses"], table["size_changes"], table["source"]) == (0, 0, "film.mp4")


def test_space_pauses_a_looping_video_and_style_keys_still_work(start: Any, tmp_path: Path) -> None:
    make_video(tmp_path / "film.mp4", 2)
    app: App = start("film.mp4", "--loop", "--style", "starry_night")
    app.wait_for_window()
    app.screen.press("i")
    app.screen.press("space")
    still = wait_for_still_screen(app)
    time.sleep(2.5)  # longer than the video, and than it takes to report NO SIGNAL
    assert difference(app.screen.shot(), still) == 0, "it moved, or reported NO SIGNAL"
    app.screen.press("n")
    wait_for_screen(app, lambda shot: difference(shot, still) > 3, "the style did not change")
    app.screen.press("space")
    time.sleep(3)  # longer than the video
    app.screen.press("q")
    status, _, err = app.finish()
    assert (status, err) == (0, "")
    assert app.stats()["frames_read"] > 20


def test_style_track_changes_the_look_in_each_round_of_a_loop(start: Any, tmp_path: Path) -> None:
    still = ("-f", "lavfi", "-i", "color=c=teal:s=160x120:r=10:d=6")
    make_media(tmp_path / "film.mp4", *still, *H264)
    (tmp_path / "track.txt").write_text("0 udnie --strength 0 --fade 0\n3 udnie --strength 1 --fade 0\n")
    app: App = start("film.mp4", "--loop", "--style-track", "track.txt")
    app.wait_for_window()
    app.screen.press("i")
    first, changes, was_different = app.screen.shot(), 0, False
    deadline = time.monotonic() + 90
    while changes < 3:  # in rounds of 6 s
        assert time.monotonic() < deadline, f"the look has changed {changes} times"
        is_different = difference(app.screen.shot(), first) > 1
        changes += is_different != was_different
        was_different = is_different
        time.sleep(0.2)
    app.screen.press("q")
    status, _, err = app.finish()
    assert (status, err) == (0, "")
    assert {app.stats()["look"]["strength"]} <= {0.0, 1.0}


def test_image_is_shown_until_q_and_follows_style_keys(start: Any, tmp_path: Path) -> None:
    photo = np.random.default_rng(0).integers(0, 255, (30, 40, 3), np.uint8)
    cv2.imwrite(str(tmp_path / "photo.png"), cv2.resize(photo, (240, 180)))
    app: App = start("photo.png")
    app.wait_for_window()
    app.screen.press("i")
    before = wait_for_still_screen(app)
    app.screen.press("2")
    wait_for_screen(app, lambda shot: difference(shot, before) > 3, "the style did not change")
    app.screen.press("q")
    status, _, err = app.finish()
    assert (status, err) == (0, "")


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (("--loop",), 2, "--loop"),
        (("film.mp4", "--loop", "-o", "x.mp4"), 2, "without -o"),
        (("--demo", "--style-track", "track.txt"), 2, "--style-track is for films"),
        (("film.mp4", "--style-track", "track.txt", "--tour", "5"), 2, "one of them"),
        (("film.mp4", "--demo"), 2, "cannot be combined"),
        (("film.mp4", "--overwrite", "--no-window"), 2, "-o"),
        (("film.mp4", "--track", "2", "--no-window"), 2, "tracks 1 to 1"),
        (("none.mp4", "--no-window"), 1, "no such file"),
        (("empty", "--no-window"), 2, "no film and no picture"),
    ],
)
def test_impossible_options_are_refused_in_one_line(
    run: Run, tmp_path: Path, arguments: Any, status: int, words: str
) -> None:
    make_media(tmp_path / "film.mp4")
    (tmp_path / "empty").mkdir()
    done = run("realtime", *arguments)
    assert done.returncode == status and words in done.stderr
    assert done.stderr.count("\n") == 1


def test_style_track_starts_with_the_look_of_the_command_line(run: Run, library: Library, tmp_path: Path) -> None:
    (tmp_path / "c.toml").write_text("")
    (tmp_path / "presets.toml").write_text('[F3]\nstyle = "udnie"\nstrength = 0.7\nstroke = 2.0\n')
    (tmp_path / "track.txt").write_text("0:00.2 the_scream --strength 0.5\n")
    make_video(tmp_path / "film.mp4", seconds=2)
    options = ("--config", "c.toml", "--look", "F3", "--style-track", "track.txt", "--no-window", "--size", "64")
    for frames, style, look in (("1", "udnie", (0.7, 2.0)), ("12", "the_scream", (0.5, 2.0))):
        done = run("realtime", "film.mp4", *options, "--frames", frames, "--stats", "stats.json")
        assert (done.returncode, done.stderr) == (0, "")
        stats = json.loads((tmp_path / "stats.json").read_text())
        assert stats["style"] == library.find(style)[1].label
        assert (stats["look"]["strength"], stats["look"]["stroke"]) == look


def test_recording_never_replaces_the_video_that_plays(run: Run, tmp_path: Path) -> None:
    make_video(tmp_path / "film.mp4", seconds=1)
    before = (tmp_path / "film.mp4").read_bytes()
    done = run("realtime", "film.mp4", "--no-window", "--record", "film.mp4", "--overwrite")
    assert done.returncode == 1 and "film.mp4 is the input itself" in done.stderr
    assert (tmp_path / "film.mp4").read_bytes() == before


def test_image_of_a_single_pixel_plays(run: Run, tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "one.png"), np.full((1, 1, 3), 90, np.uint8))
    done = run("realtime", "one.png", "--no-window", "--frames", "1", "--stats", "s.json")
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads((tmp_path / "s.json").read_text())["frames_painted"] == 1
