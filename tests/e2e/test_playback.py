"""Videos and images without -o: played in the window by the command."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from realtime.frame import Image
from realtime.stylizer.library import Library
from tests.conftest import Run
from tests.e2e.screen import App, difference, picture_difference, without_message
from tests.video_files import AUDIO_INPUT, H264, make_media


def make_video(path: Path, seconds: int) -> Path:
    """Write a moving test pattern of 160 x 120 at 10 fps, with a tone."""
    pattern = ("-f", "lavfi", "-i", f"testsrc=s=160x120:r=10:d={seconds}")
    return make_media(path, *pattern, *AUDIO_INPUT, *H264, "-c:a", "aac")


def test_video_plays_stylized_in_real_time_and_ends(start: Any, tmp_path: Path) -> None:
    make_video(tmp_path / "film.mp4", 2)
    app: App = start("film.mp4")
    start_time = time.monotonic()
    status, out, err = app.finish()
    assert (status, err) == (0, "")
    assert time.monotonic() - start_time > 2
    assert "film.mp4: 160 x 120, 10 fps" in out
    table = app.stats()
    assert table["frames_read"] <= 20 and table["frames_shown"] > 0
    assert table["frames_painted"] + table["frames_reused"] + table["frames_dropped"] <= table["frames_read"]
    assert (table["signal_losses"], table["size_changes"], table["source"]) == (0, 0, "film.mp4")


def test_space_pauses_a_looping_video_and_style_keys_still_work(start: Any, tmp_path: Path) -> None:
    make_video(tmp_path / "film.mp4", 2)
    app: App = start("film.mp4", "--loop", "--style", "starry_night", "--no-figures")
    app.wait_for_window()
    still = app.screen.freeze()
    time.sleep(2.5)  # longer than the video, and than it takes to report NO SIGNAL
    assert difference(app.screen.shot(), still) == 0, "it moved, or reported NO SIGNAL"
    app.screen.press("n")
    app.screen.wait(lambda shot: picture_difference(shot, still) > 3, "the style did not change")
    shot = app.screen.wait_until_still()
    app.screen.press("space")
    for _ in range(21):  # more frames than the video has
        shot = app.screen.wait_for_change(shot)
    app.quit()
    assert app.stats()["frames_read"] > 20


def test_style_track_changes_the_look_in_each_round_of_a_loop(start: Any, tmp_path: Path) -> None:
    still = ("-f", "lavfi", "-i", "color=c=teal:s=160x120:r=10:d=2")
    make_media(tmp_path / "film.mp4", *still, *H264)
    (tmp_path / "track.txt").write_text("0 udnie --strength 0 --fade 0\n1 udnie --strength 1 --fade 0\n")
    app: App = start("film.mp4", "--loop", "--style-track", "track.txt", "--no-figures")
    app.wait_for_window()
    first, is_different = without_message(app.screen.shot()), False
    for change in range(3):  # in rounds of 2 s

        def has_changed(shot: Image, before: bool = is_different) -> bool:
            return (difference(without_message(shot), first) > 1) is not before

        app.screen.wait(has_changed, f"the look has changed {change} times")
        is_different = not is_different
    app.quit()
    assert {app.stats()["look"]["strength"]} <= {0.0, 1.0}


def test_image_is_shown_until_q_and_follows_style_keys(start: Any, tmp_path: Path) -> None:
    photo = np.random.default_rng(0).integers(0, 255, (30, 40, 3), np.uint8)
    cv2.imwrite(str(tmp_path / "photo.png"), cv2.resize(photo, (240, 180)))
    app: App = start("photo.png", "--no-figures")
    app.wait_for_window()
    before = app.screen.wait_until_still()
    app.screen.press("2")
    app.screen.wait(lambda shot: picture_difference(shot, before) > 3, "the style did not change")
    app.quit()


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
