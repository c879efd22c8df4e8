"""Every setting of the look, by its key in a real window and by its option, live and for files."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from realtime.frame import Image
from realtime.live.layout import square_layout
from realtime.stylizer.library import Library
from tests.conftest import Run
from tests.e2e.screen import App, difference, window_area, without_message
from tests.e2e.waiting import wait_until
from tests.fault_camera import FaultCamera
from tests.video_files import H264, decode_frames, make_media


@dataclass
class Studio:
    """The app showing a still picture, so that only keys and clicks change the screen."""

    app: App

    def shot(self) -> Image:
        """Return the window with its frame, without the strip at the bottom where messages come and go."""
        return without_message(self.app.screen.shot())

    def settled(self) -> Image:
        """Return the picture once it stands still."""
        return without_message(self.app.screen.wait_until_still())

    def after(self, *command: str) -> Image:
        """Press a key, or run xdotool with this command, and return the changed picture once it stands still again.

        The picture has to change; where it need not, use `press` of the screen.
        """
        before = self.app.screen.shot()
        self.app.screen.xdotool(*(command if len(command) > 1 else ("key", *command)))
        self.app.screen.wait_for_change(before)
        return self.settled()

    def wait_until_close(self, picture: Image, levels: float = 1.0) -> Image:
        """Wait until the picture on the screen differs from that one by less, on average."""
        message = f"it does not come within {levels} levels of it"
        return self.app.screen.wait(lambda shot: difference(without_message(shot), picture) < levels, message)

    def quit(self) -> dict[str, Any]:
        """Quit the app; return what --stats wrote."""
        self.app.quit()
        return self.app.stats()


@contextmanager
def open_studio(start: Any, *options: str) -> Iterator[Studio]:
    """Start the app with a still camera and these options; unless they have a fade, a look changes in one step."""
    with FaultCamera(size=(320, 240), fps=15, still=True) as camera:
        usual = ("--style", "the_scream", "--size", "240", "--fade", "0", "--no-figures")
        app: App = start("--camera", camera.url, *usual, *options)
        app.wait_for_window()
        yield Studio(app)


@pytest.fixture
def studio(start: Any) -> Iterator[Studio]:
    with open_studio(start) as studio:
        yield studio


def test_slow_fade_shows_pictures_between_two_styles(start: Any) -> None:
    with open_studio(start, "--fade", "3") as studio:
        before = studio.settled()
        studio.app.screen.send_key("n")
        seen = [before]

        def fade_has_ended() -> bool:
            time.sleep(0.1)
            seen.append(studio.shot())
            return len(seen) > 40 and all((shot == seen[-1]).all() for shot in seen[-20:])

        wait_until(fade_has_ended, "it does not come to rest")
        whole = difference(before, seen[-1])
        distances = [(difference(before, shot), difference(shot, seen[-1])) for shot in seen]
        assert any(0.15 * whole < min(pair) and max(pair) < 0.95 * whole for pair in distances)
        assert studio.quit()["style"].startswith("Composition VII")


def test_tour_changes_styles_until_a_stops_it(start: Any) -> None:
    with open_studio(start, "--tour", "1") as studio:
        seen: list[Image] = []

        def three_styles_seen() -> bool:
            shot = studio.shot()
            if all(difference(shot, other) > 2 for other in seen):
                seen.append(shot)
            return len(seen) == 3

        wait_until(three_styles_seen, "three styles, without a key")
        studio.app.screen.press("a")
        studio.app.screen.wait_until_still(3.0)  # it goes no further: each style would have one second
        assert not studio.quit()["style"].startswith("The Scream")


def test_k_without_another_camera_shows_message_and_changes_nothing(studio: Studio) -> None:
    before = studio.settled()
    studio.app.screen.press("k")  # a message says so
    assert (studio.settled() == before).all()
    assert studio.quit()["style"].startswith("The Scream")


def test_keys_change_strength_colours_strokes_and_smoothing(studio: Studio) -> None:
    bare = studio.settled()
    weaker = studio.after("minus")
    assert difference(weaker, bare) > 1
    assert difference(studio.after("plus"), bare) < difference(weaker, bare) / 3
    assert difference(studio.after("c"), bare) > 5
    assert difference(studio.after("c"), bare) < 1
    assert difference(studio.after("bracketright"), bare) > 3
    assert difference(studio.after("bracketleft"), bare) < 1
    for key in ("apostrophe", "apostrophe", "semicolon", "bracketleft"):
        studio.app.screen.press(key)
    assert studio.quit()["look"] == {"strength": 1.0, "keep_colors": 0.0, "stroke": 0.8, "smooth": 0.1}


def test_x_mixes_with_previous_style_and_comma_and_period_change_its_share(studio: Studio, library: Library) -> None:
    first = studio.after("1")
    second = studio.after("2")
    mixed = studio.after("x")
    assert difference(mixed, first) > 3 and difference(mixed, second) > 3
    more = studio.after("period")
    assert difference(more, first) < difference(mixed, first)
    for _ in range(3):
        less = studio.after("comma")
    assert difference(less, second) < difference(mixed, second)
    assert difference(studio.after("x"), second) < 1
    assert studio.quit()["style"] == library.styles[1][1].label


def test_a_starts_tour_and_second_press_stops_it(studio: Studio, library: Library) -> None:
    studio.after("1")
    before = studio.app.screen.shot()
    studio.app.screen.press("a")
    studio.app.screen.wait_for_change(before)
    studio.app.screen.press("a")
    assert studio.quit()["style"] == library.styles[1][1].label


def test_v_shows_split_view_whose_seam_can_be_dragged(studio: Studio) -> None:
    stylized = studio.settled()
    left, top, right, bottom = window_area(studio.app.screen.shot())
    width, row = right - left, (top + bottom) // 2
    original = studio.after("0")
    studio.after("0")
    halves = studio.after("v")
    for seam in (width // 2, width // 5):
        assert difference(halves[:, : seam - 20], original[:, : seam - 20]) < 2
        assert difference(halves[:, seam + 20 :], stylized[:, seam + 20 :]) < 2
        if seam == width // 2:
            studio.app.screen.xdotool("mousemove", str(left + seam), str(row), "mousedown", "1")
            halves = studio.after("mousemove", str(left + width // 5), str(row + 30))
            studio.app.screen.xdotool("mouseup", "1")
    assert difference(studio.after("v"), stylized) < 1
    studio.quit()


def test_g_shows_grid_where_click_and_number_choose_style(studio: Studio, library: Library) -> None:
    alone = studio.settled()
    left, top, right, bottom = window_area(studio.app.screen.shot())
    sheet = studio.after("g")
    assert difference(sheet, alone) > 10
    third = square_layout(len(library.styles)).cell(2, right - left, bottom - top)
    x = left + (third[0] + third[2]) // 2
    below = 40  # pixels: the title bar; then there may be a black bar, and then the sheet
    y = top + below + int(np.argmax(sheet[below:, x - left].any(axis=1))) + 30
    studio.app.screen.xdotool("mousemove", str(x), str(y), "click", "1")
    studio.wait_until_close(alone)  # the third is The Scream; the tiles before it may still come one by one
    studio.after("g")
    picked = studio.after("2")
    assert difference(picked, alone) > 5 and difference(picked, sheet) > 10
    studio.after("g")
    studio.app.screen.send_key("g")
    studio.wait_until_close(picked)
    assert studio.quit()["style"] == library.styles[1][1].label


def test_keys_change_a_frozen_picture(studio: Studio) -> None:
    studio.app.screen.freeze()
    plain = studio.settled()
    for key, back in [("c", "c"), ("bracketright", "bracketleft"), ("g", "g")]:
        assert difference(studio.after(key), plain) > 0.5, key
        studio.app.screen.send_key(back)
        studio.wait_until_close(plain)
    studio.quit()


def test_options_set_the_look_of_a_live_run(run: Run, tmp_path: Path) -> None:
    done = run(
        "realtime", "--demo", "--no-window", "--frames", "6", "--size", "240", "--strength", "0.6", "--keep-colors",
        "--stroke", "2", "--smooth", "0.5", "--fade", "0", "--tour", "60", "--stats", "s.json",
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    table = json.loads((tmp_path / "s.json").read_text())
    assert table["look"] == {"strength": 0.6, "keep_colors": 1.0, "stroke": 2.0, "smooth": 0.5}
    assert table["working_size"] == [160, 120]


def test_grid_and_tour_run_without_a_window(run: Run, library: Library, tmp_path: Path) -> None:
    done = run("realtime", "--demo", "--no-window", "--frames", "3", "--view", "grid", "--tour", "1", "--stats", "s")
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads((tmp_path / "s").read_text())["frames_painted"] == 3


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--stroke", "9"), "--stroke 9: from 0.5 to 4"),
        (("--smooth", "-1"), "--smooth -1: from 0 to 1"),
        (("--fade", "-1"), "--fade -1: from 0 to 60 seconds"),
        (("--tour", "0"), "--tour 0: at least 1 second for each style"),
        (("--style", "the,great,starry,udnie,comp,woman"), "at most 4 styles"),
        (("x.mp4", "-o", "y.mp4", "--tour", "5"), "--tour is for live pictures"),
        (("x.mp4", "-o", "y.mp4", "--view", "grid"), "--view is for live pictures"),
    ],
)
def test_invalid_option_is_one_line(run: Run, options: tuple[str, ...], message: str) -> None:
    source = () if "-o" in options else ("--demo", "--no-window", "--frames", "1")
    done = run("realtime", *source, *options)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1 and message in done.stderr, done.stderr


def chrominance(image: Image) -> Image:
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2LAB)[..., 1:], np.uint8)


def test_keep_colors_and_strength_change_an_image(run: Run, photo: Image, tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "photo.png"), photo[:128, :128])
    results = {}
    for name, options in {"plain": (), "own": ("--keep-colors",), "half": ("--strength", "0.5")}.items():
        done = run("realtime", "photo.png", "-o", f"{name}.png", "--style", "the_scream", *options)
        assert done.returncode == 0, done.stderr
        results[name] = np.asarray(cv2.imread(str(tmp_path / f"{name}.png")), np.uint8)
    colours = {name: chrominance(image) for name, image in results.items()}
    wanted = chrominance(photo[:128, :128])
    assert difference(colours["own"], wanted) < difference(colours["plain"], wanted) / 3
    assert difference(results["half"], photo[:128, :128]) < 0.7 * difference(results["plain"], photo[:128, :128])


def test_smooth_reduces_flicker_of_each_video_by_itself(run: Run, tmp_path: Path) -> None:
    """Noise makes the style flicker. Written without loss: x264's output differs between processors."""
    still = ("-f", "lavfi", "-i", "testsrc=s=160x120:r=25:d=1,trim=end_frame=1,loop=24:1,noise=alls=30:allf=t")
    make_media(tmp_path / "a.mkv", *still, *H264)
    (tmp_path / "b.mkv").write_bytes((tmp_path / "a.mkv").read_bytes())
    flicker = {}
    for smooth in ("0", "1"):
        done = run("realtime", "a.mkv", "b.mkv", "-o", f"out{smooth}/", "--smooth", smooth, "--codec", "ffv1")
        assert done.returncode == 0, done.stderr
        first, second = (decode_frames(tmp_path / f"out{smooth}" / name, 160, 120) for name in ("a.mkv", "b.mkv"))
        assert len(first) == len(second) == 25
        assert all((one == other).all() for one, other in zip(first, second, strict=True))
        flicker[smooth] = np.mean([difference(a, b) for a, b in pairwise(first[5:])])
    assert flicker["1"] < 0.6 * flicker["0"]
