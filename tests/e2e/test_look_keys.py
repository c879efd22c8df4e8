"""Every dial by its key in the real window, and by its option for films, pictures and the live app without a window."""

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
from tests.e2e.conftest import App, difference
from tests.fault_camera import FaultCamera
from tests.video_files import H264, decode_frames, make_media


@dataclass
class Studio:
    """The app showing the same still picture all the time: only keys and clicks change what is on the screen.

    area: (left, top, right, bottom) of the picture on the screen.
    """

    app: App
    area: tuple[int, int, int, int] = (0, 0, 0, 0)

    def shot(self) -> Image:
        """The picture on the screen, without the strip at the bottom where messages come and go."""
        left, top, right, bottom = self.area
        return self.app.screen.shot()[top : bottom - 60, left:right]

    def after(self, *command: str) -> Image:
        """Press that key, or do that with xdotool, and wait until the picture has changed and stands still again."""
        before = self.shot()
        self.app.screen.xdotool(*(command if len(command) > 1 else ("key", *command)))
        deadline = time.monotonic() + 3
        while (shot := self.shot()).shape == before.shape and (shot == before).all() and time.monotonic() < deadline:
            time.sleep(0.1)
        return self.settled()

    def settled(self) -> Image:
        """The picture, once it stands still."""
        shots = [self.shot()]
        deadline = time.monotonic() + 20
        while len(shots) < 3 or (shots[-1] != shots[-2]).any() or (shots[-2] != shots[-3]).any():
            assert time.monotonic() < deadline, "it does not come to rest"
            time.sleep(0.2)
            shots.append(self.shot())
        return shots[-1]

    def quit(self) -> dict[str, Any]:
        """What --stats wrote at the end."""
        self.app.screen.xdotool("key", "q")
        status, _, err = self.app.finish()
        assert (status, err) == (0, "")
        return self.app.stats()


@contextmanager
def opened(start: Any, *options: str) -> Iterator[Studio]:
    """A studio whose app was started with these options too."""
    with FaultCamera(size=(320, 240), fps=15, still=True) as camera:
        app: App = start("--camera", camera.url, "--style", "the_scream", "--size", "240", *options)
        app.wait_for_window()
        app.screen.press("i")
        shot = app.screen.shot()
        rows, columns = np.flatnonzero(shot.any(axis=(1, 2))), np.flatnonzero(shot.any(axis=(0, 2)))
        yield Studio(app, (int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1))


@pytest.fixture
def studio(start: Any) -> Iterator[Studio]:
    with opened(start) as opened_studio:
        yield opened_studio


def test_a_slow_fade_shows_the_way_between(start: Any) -> None:
    with opened(start, "--fade", "8") as studio:
        before = studio.settled()
        studio.app.screen.xdotool("key", "n")
        time.sleep(4)
        between = studio.shot()
        time.sleep(5)
        after = studio.settled()
        whole = difference(before, after)
        assert 0.15 * whole < difference(before, between) < 0.95 * whole
        assert 0.15 * whole < difference(between, after) < 0.95 * whole
        assert studio.quit()["style"].startswith("Composition VII")


def test_a_tour_walks_by_itself_until_a_stops_it(start: Any) -> None:
    with opened(start, "--tour", "3", "--fade", "0") as studio:
        seen: list[Image] = []
        deadline = time.monotonic() + 20
        while len(seen) < 3 and time.monotonic() < deadline:
            shot = studio.shot()
            if all(difference(shot, other) > 2 for other in seen):
                seen.append(shot)
            time.sleep(0.5)
        assert len(seen) == 3, "three styles, and no key was pressed"
        studio.app.screen.press("a")
        resting = studio.settled()
        time.sleep(5)
        assert (studio.shot() == resting).all(), "it goes no further"
        assert not studio.quit()["style"].startswith("The Scream")


def test_k_without_another_camera_says_so_and_changes_nothing(studio: Studio) -> None:
    before, whole = studio.settled(), studio.app.screen.shot()
    studio.app.screen.xdotool("key", "k")
    deadline = time.monotonic() + 5
    while (said := difference(studio.app.screen.shot(), whole)) == 0 and time.monotonic() < deadline:
        pass
    assert said > 0, "it is said at the bottom"
    assert (studio.settled() == before).all()
    assert studio.quit()["style"].startswith("The Scream")


def test_strength_colours_strokes_and_smoothing(studio: Studio) -> None:
    bare = studio.settled()
    weaker = studio.after("minus")
    assert difference(weaker, bare) > 1
    assert difference(studio.after("plus"), bare) < difference(weaker, bare) / 3
    assert difference(studio.after("c"), bare) > 5
    assert difference(studio.after("c"), bare) < 1
    assert difference(studio.after("bracketright"), bare) > 3
    assert difference(studio.after("bracketleft"), bare) < 1
    studio.app.screen.xdotool("key", "apostrophe", "key", "apostrophe", "key", "semicolon", "key", "bracketleft")
    time.sleep(1)
    assert studio.quit()["look"] == {"strength": 1.0, "keep_colors": 0.0, "stroke": 0.8, "smooth": 0.1}


def test_mixing_with_the_style_before(studio: Studio, library: Library) -> None:
    first = studio.after("1")
    second = studio.after("2")
    mixed = studio.after("x")
    assert difference(mixed, first) > 3 and difference(mixed, second) > 3
    more = studio.after("period")
    assert difference(more, first) < difference(mixed, first)
    less = studio.after("key", "comma", "key", "comma", "key", "comma")
    assert difference(less, second) < difference(mixed, second)
    assert difference(studio.after("x"), second) < 1
    assert studio.quit()["style"] == library.styles[1][1].label


def test_the_walk_begins_and_ends(studio: Studio, library: Library) -> None:
    studio.after("1")
    studio.after("a")
    studio.app.screen.press("a")
    assert studio.quit()["style"] == library.styles[1][1].label


def test_the_split_view_and_its_seam(studio: Studio) -> None:
    painted = studio.settled()
    left, top, right, bottom = studio.area
    width, row = right - left, (top + bottom) // 2
    original = studio.after("0")
    studio.after("0")
    halves = studio.after("v")
    for seam in (width // 2, width // 5):
        assert difference(halves[:, : seam - 20], original[:, : seam - 20]) < 2
        assert difference(halves[:, seam + 20 :], painted[:, seam + 20 :]) < 2
        if seam == width // 2:
            studio.app.screen.xdotool("mousemove", str(left + seam), str(row), "mousedown", "1")
            time.sleep(0.3)
            halves = studio.after("mousemove", str(left + width // 5), str(row + 30))
            studio.app.screen.xdotool("mouseup", "1")
    assert difference(studio.after("v"), painted) < 1
    studio.quit()


def test_the_grid_is_a_menu(studio: Studio, library: Library) -> None:
    alone = studio.settled()
    left, top, right, bottom = studio.area
    sheet = studio.after("g")
    assert difference(sheet, alone) > 10
    third = square_layout(len(library.styles)).cell(2, right - left, bottom - top)
    x = left + (third[0] + third[2]) // 2
    below = 40  # pixels: the title bar; then there may be a black bar, and then the sheet
    y = top + below + int(np.argmax(sheet[below:, x - left].any(axis=1))) + 30
    studio.app.screen.xdotool("mousemove", str(x), str(y), "click", "1")
    deadline = time.monotonic() + 30  # tiles come one by one on a busy machine, so the sheet may seem to stand still
    while difference(studio.shot(), alone) > 1:
        assert time.monotonic() < deadline, "the third is The Scream"
        time.sleep(0.2)
    studio.after("g")
    picked = studio.after("2")
    assert difference(picked, alone) > 5 and difference(picked, sheet) > 10
    studio.after("g")
    assert difference(studio.after("g"), picked) < 1
    assert studio.quit()["style"] == library.styles[1][1].label


def test_dials_of_a_frozen_picture(studio: Studio) -> None:
    studio.app.screen.press("space")
    plain = studio.settled()
    for key, back in [("c", "c"), ("bracketright", "bracketleft"), ("g", "g")]:
        assert difference(studio.after(key), plain) > 0.5, key
        assert difference(studio.after(back), plain) < 1, back
    studio.quit()


def test_options_of_the_live_app(run: Run, tmp_path: Path) -> None:
    done = run(
        "realtime", "--demo", "--no-window", "--frames", "6", "--size", "240", "--strength", "0.6", "--keep-colors",
        "--stroke", "2", "--smooth", "0.5", "--fade", "0", "--tour", "60", "--stats", "s.json",
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    table = json.loads((tmp_path / "s.json").read_text())
    assert table["look"] == {"strength": 0.6, "keep_colors": 1.0, "stroke": 2.0, "smooth": 0.5}
    assert table["working_size"] == [160, 120]


def test_the_grid_without_a_window_and_a_short_tour(run: Run, library: Library, tmp_path: Path) -> None:
    done = run("realtime", "--demo", "--no-window", "--frames", "3", "--view", "grid", "--tour", "1", "--stats", "s")
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads((tmp_path / "s").read_text())["frames_painted"] == 3


@pytest.mark.parametrize(
    ("options", "said"),
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
def test_what_cannot_be_is_one_line(run: Run, options: tuple[str, ...], said: str) -> None:
    source = () if "-o" in options else ("--demo", "--no-window", "--frames", "1")
    done = run("realtime", *source, *options)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1 and said in done.stderr, done.stderr


def chrominance(image: Image) -> Image:
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2LAB)[..., 1:], np.uint8)


def test_a_picture_with_its_own_colours(run: Run, photo: Image, tmp_path: Path) -> None:
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


def test_a_film_is_smoothed_in_its_order(run: Run, tmp_path: Path) -> None:
    """Noise makes a painter flicker; each film begins anew. Written without loss: x264 varies on some processors."""
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
