"""Films and pictures without -o: played in the window, as a user has them."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from realtime.stylizer.library import Library
from tests.conftest import Run
from tests.e2e.conftest import App, difference
from tests.movies import H264, TONE, make


def film(path: Path, seconds: int) -> Path:
    picture = ("-f", "lavfi", "-i", f"testsrc=s=160x120:r=10:d={seconds}")
    return make(path, *picture, *TONE, *H264, "-c:a", "aac")


def test_a_film_plays_painted_in_its_rhythm_and_ends(start: Any, tmp_path: Path) -> None:
    film(tmp_path / "film.mp4", 4)
    app: App = start("film.mp4")
    began = time.monotonic()
    status, out, err = app.finish(60)
    assert (status, err) == (0, "")
    assert time.monotonic() - began > 4
    assert "film.mp4: 160 x 120, 10 fps" in out
    table = app.stats()
    assert table["frames_read"] <= 40 and table["frames_shown"] > 0
    assert table["frames_painted"] + table["frames_reused"] + table["frames_dropped"] <= table["frames_read"]
    assert (table["signal_losses"], table["size_changes"], table["source"]) == (0, 0, "film.mp4")


def test_the_keys_work_space_pauses_and_it_loops(start: Any, tmp_path: Path) -> None:
    film(tmp_path / "film.mp4", 2)
    app: App = start("film.mp4", "--loop", "--style", "starry_night")
    app.wait_for_window()
    app.screen.press("i")
    app.screen.press("space")
    time.sleep(3)  # the message fades; longer than the film
    still = app.screen.shot()
    time.sleep(2.5)
    assert difference(app.screen.shot(), still) == 0, "neither moves nor says NO SIGNAL"
    app.screen.press("n")
    time.sleep(2.5)
    assert difference(app.screen.shot(), still) > 3
    app.screen.press("space")
    time.sleep(3)
    app.screen.press("q")
    status, _, err = app.finish()
    assert (status, err) == (0, "")
    assert app.stats()["frames_read"] > 20


def test_a_style_track_turns_the_looks_in_the_window_each_time_around(start: Any, tmp_path: Path) -> None:
    still = ("-f", "lavfi", "-i", "color=c=teal:s=160x120:r=10:d=6")
    make(tmp_path / "film.mp4", *still, *H264)
    (tmp_path / "track.txt").write_text("0 udnie --strength 0 --fade 0\n3 udnie --strength 1 --fade 0\n")
    app: App = start("film.mp4", "--loop", "--style-track", "track.txt")
    app.wait_for_window()
    app.screen.press("i")
    shots = []
    for _ in range(30):
        shots.append(app.screen.shot())
        time.sleep(0.5)
    app.screen.press("q")
    status, _, err = app.finish()
    assert (status, err) == (0, "")
    assert {app.stats()["look"]["strength"]} <= {0.0, 1.0}
    apart = np.array([difference(shot, shots[0]) > 1 for shot in shots])
    assert apart.any() and not apart.all()
    assert np.count_nonzero(np.diff(apart.astype(int))) >= 3, "over six seconds it goes and comes back, and again"


def test_a_picture_stays_until_q(start: Any, tmp_path: Path) -> None:
    photo = np.random.default_rng(0).integers(0, 255, (30, 40, 3), np.uint8)
    cv2.imwrite(str(tmp_path / "photo.png"), cv2.resize(photo, (240, 180)))
    app: App = start("photo.png")
    app.wait_for_window()
    app.screen.press("i")
    time.sleep(3)
    before = app.screen.shot()
    time.sleep(1)
    assert difference(app.screen.shot(), before) == 0
    app.screen.press("2")
    time.sleep(3)
    assert difference(app.screen.shot(), before) > 3
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
def test_what_cannot_be_is_one_line(run: Run, tmp_path: Path, arguments: Any, status: int, words: str) -> None:
    make(tmp_path / "film.mp4")
    (tmp_path / "empty").mkdir()
    done = run("realtime", *arguments)
    assert done.returncode == status and words in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_style_track_begins_with_the_look_that_was_asked_for(run: Run, library: Library, tmp_path: Path) -> None:
    (tmp_path / "c.toml").write_text("")
    (tmp_path / "presets.toml").write_text('[F3]\nstyle = "udnie"\nstrength = 0.7\nstroke = 2.0\n')
    (tmp_path / "track.txt").write_text("0:00.2 the_scream --strength 0.5\n")
    film(tmp_path / "film.mp4", seconds=2)
    options = ("--config", "c.toml", "--look", "F3", "--style-track", "track.txt", "--no-window", "--size", "64")
    for frames, style, look in (("1", "udnie", (0.7, 2.0)), ("12", "the_scream", (0.5, 2.0))):
        done = run("realtime", "film.mp4", *options, "--frames", frames, "--stats", "stats.json")
        assert (done.returncode, done.stderr) == (0, "")
        stats = json.loads((tmp_path / "stats.json").read_text())
        assert stats["style"] == library.find(style)[1].label
        assert (stats["look"]["strength"], stats["look"]["stroke"]) == look


def test_a_recording_never_replaces_the_film_that_plays(run: Run, tmp_path: Path) -> None:
    film(tmp_path / "film.mp4", seconds=1)
    before = (tmp_path / "film.mp4").read_bytes()
    done = run("realtime", "film.mp4", "--no-window", "--record", "film.mp4", "--overwrite")
    assert done.returncode == 1 and "film.mp4 is the input itself" in done.stderr
    assert (tmp_path / "film.mp4").read_bytes() == before


def test_a_single_pixel_plays(run: Run, tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "one.png"), np.full((1, 1, 3), 90, np.uint8))
    done = run("realtime", "one.png", "--no-window", "--frames", "1", "--stats", "s.json")
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads((tmp_path / "s.json").read_text())["frames_painted"] == 1
