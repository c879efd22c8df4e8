"""Playback of files against a fake clock."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest

from realtime.errors import SourceError, UsageError
from realtime.frame import Frame
from realtime.sources.playback import IMAGE_SECONDS, REPEAT_SECONDS, Playback
from realtime.system.clock import FakeClock
from tests.video_files import H264, VIDEO_INPUT, make_media

VFR = ("-vf", "select='not(between(n,2,8))'", "-fps_mode", "vfr")


@pytest.fixture
def video(tmp_path: Path) -> Path:
    return make_media(tmp_path / "film.mp4")


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "photo.png"
    cv2.imwrite(str(path), np.full((40, 50, 3), 99, np.uint8))
    return path


def play(
    source: Playback, clock: FakeClock, seconds_per_frame: float = 0.0, max_frames: int = 1000
) -> list[tuple[float, Frame]]:
    """Return all frames and when they came, to a reader that takes so many seconds for each."""
    seen: list[tuple[float, Frame]] = []
    with source:
        while len(seen) < max_frames and (frame := source.read()) is not None:
            seen.append((round(clock.now(), 6), frame))
            clock.advance(seconds_per_frame)
    return seen


def test_read_returns_each_frame_at_its_time_and_none_at_the_end(video: Path) -> None:
    clock = FakeClock()
    source = Playback([video], clock=clock)
    assert (source.name, source.size, source.fps) == (str(video), (64, 48), 10)
    assert (source.can_pause, source.mirror) == (True, False)
    seen = play(source, clock)
    assert [when for when, _ in seen] == pytest.approx([n / 10 for n in range(10)])
    assert [frame.pts for _, frame in seen] == pytest.approx([n / 10 for n in range(10)])
    assert clock.now() == pytest.approx(1.0), "the last frame is shown for its duration"
    assert len({frame.image.tobytes() for _, frame in seen}) == 10
    assert source.skipped == 0


def test_video_pauses_while_it_is_not_read(video: Path) -> None:
    clock = FakeClock()
    seen = play(Playback([video], clock=clock), clock, seconds_per_frame=7.0)
    assert [when for when, _ in seen] == pytest.approx([n * 7.1 for n in range(10)])


class SlowDecoder(FakeClock):
    """A clock that advances with each look at it, as if decoding were too slow."""

    cost = 0.0

    def now(self) -> float:
        self.advance(self.cost)
        return super().now()


def test_late_frames_are_skipped_but_never_for_long(video: Path) -> None:
    clock = SlowDecoder()
    source = Playback([video], clock=clock)
    clock.cost = 0.06
    seen = play(source, clock)
    assert 2 <= len(seen) < 10 and source.skipped == 10 - len(seen)
    assert all(later[0] - earlier[0] < 0.6 for earlier, later in pairwise(seen))


def test_frame_shown_for_long_is_returned_again(tmp_path: Path) -> None:
    clock = FakeClock()
    source = make_media(tmp_path / "in.mp4", *VIDEO_INPUT, *VFR, *H264, "-bf", "0")
    seen = play(Playback([source], clock=clock), clock)
    assert [when for when, _ in seen] == pytest.approx([0, 0.1, *(0.1 + n * REPEAT_SECONDS for n in (1, 2, 3)), 0.9])
    assert seen[1][1].image is seen[2][1].image and seen[2][1].captured > seen[1][1].captured


def test_files_are_played_one_after_the_other_and_looped(video: Path, photo: Path) -> None:
    clock = FakeClock()
    seen = play(Playback([video, photo, video], clock=clock), clock)
    assert clock.now() == pytest.approx(2 + IMAGE_SECONDS)
    assert seen[-1][1].pts == pytest.approx(0.9), "in its own file"
    assert [frame.image.shape[0] for _, frame in seen] == [48] * 10 + [40] * 20 + [48] * 10
    clock = FakeClock()
    seen = play(Playback([video], loop=True, clock=clock), clock, max_frames=35)
    assert [when for when, _ in seen] == pytest.approx([n / 10 for n in range(35)])
    assert (seen[25][1].image == seen[5][1].image).all()


def test_single_image_is_shown_for_ever(photo: Path) -> None:
    clock = FakeClock()
    seen = play(Playback([photo], clock=clock), clock, max_frames=500)
    assert len(seen) == 500 and seen[-1][0] == pytest.approx(499 * REPEAT_SECONDS)


def test_files_that_cannot_be_shown_are_reported_and_left_out(
    video: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    bad = tmp_path / "bad.mp4"
    bad.write_bytes(b"nonsense")
    for path in (bad, tmp_path / "none.mp4", tmp_path / "none.png"):
        with pytest.raises(SourceError, match=path.name):
            Playback([path], clock=FakeClock())
    source = Playback([bad, video], clock=FakeClock())
    assert "bad.mp4 is not a film" in caplog.text
    for _ in range(10):
        assert source.read() is not None
    with pytest.raises(SourceError, match="1 of 2 files"):
        source.read()
    with pytest.raises(SourceError, match="none of the 2 files"):
        Playback([bad, bad], loop=True, clock=FakeClock())
    with pytest.raises(UsageError, match="--track 2"):
        Playback([video], track=2, clock=FakeClock())


def test_name_and_size_are_those_of_the_file_shown(video: Path, photo: Path) -> None:
    clock = FakeClock()
    source = Playback([photo, video], clock=clock)
    assert (source.name, source.size, source.fps) == (str(photo), (50, 40), 0.0)
    while (frame := source.read()) is not None:
        name, size = (photo, (50, 40)) if frame.image.shape[0] == 40 else (video, (64, 48))
        assert (source.name, source.size) == (str(name), size)
    assert source.fps == 10


def test_file_without_the_requested_track_is_left_out(
    video: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    two = make_media(tmp_path / "two.mp4", *VIDEO_INPUT, *VIDEO_INPUT, "-map", "0", "-map", "1", *H264)
    clock = FakeClock()
    source = Playback([two, video], track=2, clock=clock)
    with pytest.raises(SourceError, match="1 of 2 files"):
        play(source, clock)
    assert "--track 2" in caplog.text
