"""Films played against a clock that nobody has to wait for."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest

from realtime.errors import SourceError, UsageError
from realtime.frame import Frame
from realtime.sources.playback import AGAIN, PICTURE_SECONDS, Playback
from realtime.system.clock import FakeClock
from tests.movies import H264, PICTURE, make

VFR = ("-vf", "select='not(between(n,2,8))'", "-fps_mode", "vfr")


@pytest.fixture
def film(tmp_path: Path) -> Path:
    return make(tmp_path / "film.mp4")


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "photo.png"
    cv2.imwrite(str(path), np.full((40, 50, 3), 99, np.uint8))
    return path


def play(source: Playback, clock: FakeClock, takes: float = 0.0, most: int = 1000) -> list[tuple[float, Frame]]:
    """Everything it gives and when, to a reader who takes so many seconds for each."""
    seen: list[tuple[float, Frame]] = []
    with source:
        while len(seen) < most and (frame := source.read()) is not None:
            seen.append((round(clock.now(), 6), frame))
            clock.advance(takes)
    return seen


def test_each_picture_at_its_time_and_then_the_end(film: Path) -> None:
    clock = FakeClock()
    source = Playback([film], clock=clock)
    assert (source.name, source.size, source.fps, source.waits, source.mirror) == (str(film), (64, 48), 10, True, False)
    seen = play(source, clock)
    assert [when for when, _ in seen] == pytest.approx([n / 10 for n in range(10)])
    assert [frame.pts for _, frame in seen] == pytest.approx([n / 10 for n in range(10)])
    assert clock.now() == pytest.approx(1.0), "the last picture stays its time"
    assert len({frame.image.tobytes() for _, frame in seen}) == 10
    assert source.skipped == 0


def test_who_does_not_read_pauses_the_film(film: Path) -> None:
    clock = FakeClock()
    seen = play(Playback([film], clock=clock), clock, takes=7.0)
    assert [when for when, _ in seen] == pytest.approx([n * 7.1 for n in range(10)])


class SlowDecoder(FakeClock):
    """Every look at the clock costs time, as a film does that is decoded too slowly."""

    cost = 0.0

    def now(self) -> float:
        self.advance(self.cost)
        return super().now()


def test_late_pictures_are_skipped_but_never_for_long(film: Path) -> None:
    clock = SlowDecoder()
    source = Playback([film], clock=clock)
    clock.cost = 0.06
    seen = play(source, clock)
    assert 2 <= len(seen) < 10 and source.skipped == 10 - len(seen)
    assert all(later[0] - sooner[0] < 0.6 for sooner, later in pairwise(seen))


def test_a_picture_that_stays_is_given_again(tmp_path: Path) -> None:
    clock = FakeClock()
    source = make(tmp_path / "in.mp4", *PICTURE, *VFR, *H264, "-bf", "0")
    seen = play(Playback([source], clock=clock), clock)
    assert [when for when, _ in seen] == pytest.approx([0, 0.1, 0.1 + AGAIN, 0.1 + 2 * AGAIN, 0.1 + 3 * AGAIN, 0.9])
    assert seen[1][1].image is seen[2][1].image and seen[2][1].captured > seen[1][1].captured


def test_one_after_the_other_and_around(film: Path, photo: Path) -> None:
    clock = FakeClock()
    seen = play(Playback([film, photo, film], clock=clock), clock)
    assert clock.now() == pytest.approx(2 + PICTURE_SECONDS)
    assert seen[-1][1].pts == pytest.approx(0.9), "in its own file"
    assert [frame.image.shape[0] for _, frame in seen] == [48] * 10 + [40] * 20 + [48] * 10
    clock = FakeClock()
    seen = play(Playback([film], loop=True, clock=clock), clock, most=35)
    assert [when for when, _ in seen] == pytest.approx([n / 10 for n in range(35)])
    assert (seen[25][1].image == seen[5][1].image).all()


def test_a_picture_alone_stays_for_good(photo: Path) -> None:
    clock = FakeClock()
    seen = play(Playback([photo], clock=clock), clock, most=500)
    assert len(seen) == 500 and seen[-1][0] == pytest.approx(499 * AGAIN)


def test_what_cannot_be_shown_is_said_and_left_out(
    film: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = tmp_path / "bad.mp4"
    bad.write_bytes(b"nonsense")
    for path in (bad, tmp_path / "none.mp4", tmp_path / "none.png"):
        with pytest.raises(SourceError, match=path.name):
            Playback([path], clock=FakeClock())
    source = Playback([bad, film], clock=FakeClock())
    assert "bad.mp4 is not a film" in capsys.readouterr().err
    for _ in range(10):
        assert source.read() is not None
    with pytest.raises(SourceError, match="1 of 2 files"):
        source.read()
    with pytest.raises(SourceError, match="none of the 2 files"):
        Playback([bad, bad], loop=True, clock=FakeClock())
    with pytest.raises(UsageError, match="--track 2"):
        Playback([film], track=2, clock=FakeClock())


def test_it_is_called_by_what_is_shown(film: Path, photo: Path) -> None:
    clock = FakeClock()
    source = Playback([photo, film], clock=clock)
    assert (source.name, source.size, source.fps) == (str(photo), (50, 40), 0.0)
    while (frame := source.read()) is not None:
        name, size = (photo, (50, 40)) if frame.image.shape[0] == 40 else (film, (64, 48))
        assert (source.name, source.size) == (str(name), size)
    assert source.fps == 10


def test_a_file_without_that_track_is_left_out(film: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    two = make(tmp_path / "two.mp4", *PICTURE, *PICTURE, "-map", "0", "-map", "1", *H264)
    clock = FakeClock()
    source = Playback([two, film], track=2, clock=clock)
    with pytest.raises(SourceError, match="1 of 2 files"):
        play(source, clock)
    assert "--track 2" in capsys.readouterr().err
