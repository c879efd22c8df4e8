"""Pictures that move: read whole, painted one by one, written back with their times."""

from __future__ import annotations

import struct
from pathlib import Path

import cv2
import numpy as np
import pytest

from realtime.batch.jobs import Job
from realtime.batch.process import Result, process_image
from realtime.errors import SourceError
from realtime.frame import Animation, Image
from realtime.sinks.output_file import OutputFile
from realtime.sources.animation import decode_animation
from realtime.sources.playback import Playback
from realtime.system.clock import FakeClock
from tests.movies import make

ENDINGS = ("png", "webp")
DURATIONS = (100, 50, 200, 40)  # ms


def animate(path: Path, alpha: bool = False) -> Path:
    """Four pictures of one colour each, their durations all different; alpha: a hole that grows."""
    moving = cv2.Animation()
    frames = [np.full((48, 64, 4 if alpha else 3), 40 * number, np.uint8) for number in range(1, 5)]
    if alpha:
        for number, frame in enumerate(frames):
            frame[:, :, 3] = 255
            frame[:10, : 10 * number, 3] = 0
    moving.frames, moving.durations, moving.loop_count = frames, list(DURATIONS), 3
    done, data = cv2.imencodeanimation(path.suffix, moving)
    assert done
    path.write_bytes(data.tobytes())
    return path


def read_animation(path: Path) -> Animation | None:
    return decode_animation(path, path.read_bytes())


def paint(source: Path, output: Path) -> Result:
    result = Result(str(source), str(output))
    target = OutputFile(output, sources=[source])
    seen: list[float] = []

    def invert(image: Image, seconds: float) -> Image:
        seen.append(seconds)
        return 255 - image

    process_image(Job(source, output), target, invert, None, result)
    if result.frames > 1:
        assert seen == pytest.approx([0.0, 0.1, 0.15, 0.35])
    return result


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("alpha", [False, True])
def test_it_comes_back_painted_with_its_times(tmp_path: Path, ending: str, alpha: bool) -> None:
    source = animate(tmp_path / f"in.{ending}", alpha)
    result = paint(source, tmp_path / f"out.{ending}")
    assert (result.frames, result.seconds, result.notes, result.losses) == (4, 0.39, [], [])
    painted = read_animation(tmp_path / f"out.{ending}")
    assert painted is not None
    assert (painted.durations, painted.loops) == (list(DURATIONS), 3)
    for number, still in enumerate(painted.pictures):
        assert abs(int(still.image[40, 40, 0]) - (255 - 40 * (number + 1))) <= 3, "each is its own picture, painted"
        if alpha:
            hidden = 0 if still.alpha is None else int((still.alpha == 0).sum())
            assert hidden == 100 * number
        else:
            assert still.alpha is None


@pytest.mark.parametrize("ending", ENDINGS)
def test_ffmpeg_s_too(tmp_path: Path, ending: str) -> None:
    codec = {"png": ("-c:v", "apng", "-f", "apng", "-plays", "0"), "webp": ("-c:v", "libwebp_anim", "-loop", "0")}
    source = make(tmp_path / f"in.{ending}", "-f", "lavfi", "-i", "testsrc=s=64x48:r=10:d=1", *codec[ending])
    found = read_animation(source)
    assert found is not None
    assert (len(found.pictures), found.durations, found.loops) == (10, [100] * 10, 0)


@pytest.mark.parametrize("ending", ["jpg", "tiff"])
def test_where_nothing_moves_only_the_first_is_painted_and_said(tmp_path: Path, ending: str) -> None:
    result = paint(animate(tmp_path / "in.png"), tmp_path / f"out.{ending}")
    assert result.frames == 1
    assert result.notes == ["it moves; only its first picture is painted, as .png and .webp hold the others too"]


@pytest.mark.parametrize("ending", ENDINGS)
def test_what_stands_still_is_no_animation(tmp_path: Path, ending: str) -> None:
    source = make(tmp_path / f"in.{ending}", "-f", "lavfi", "-i", "testsrc=s=64x48", "-frames:v", "1")
    assert read_animation(source) is None
    assert paint(source, tmp_path / f"out.{ending}").frames == 1


def test_more_than_memory_holds_is_refused_before_it_is_decoded(tmp_path: Path) -> None:
    data = bytearray(animate(tmp_path / "in.png").read_bytes())
    at = data.find(b"acTL") + 4
    data[at : at + 4] = struct.pack(">I", 10**6)
    (tmp_path / "in.png").write_bytes(data)
    with pytest.raises(SourceError, match=r"1000000 pictures of 64 x 48: .* turn it into a film first"):
        read_animation(tmp_path / "in.png")


@pytest.mark.parametrize("ending", ENDINGS)
def test_cut_short(tmp_path: Path, ending: str) -> None:
    """Whatever can be read of it, in one line: never a crash."""
    whole = animate(tmp_path / f"in.{ending}").read_bytes()
    for length in range(0, len(whole), 7):
        path = tmp_path / f"cut.{ending}"
        path.write_bytes(whole[:length])
        try:
            found = read_animation(path)
        except SourceError as error:
            assert "\n" not in str(error)
            continue
        if found is not None and len(found.pictures) < 4:
            assert "could be decoded" in found.losses[0] or ending == "webp"


def test_it_is_played_in_its_own_rhythm(tmp_path: Path) -> None:
    clock = FakeClock()
    source = Playback([animate(tmp_path / "in.png")], clock=clock)
    begun, shown = clock.now(), []
    while (frame := source.read()) is not None:
        shown.append((round(clock.now() - begun, 2), int(frame.image[0, 0, 0])))
    assert shown == [(0.0, 40), (0.1, 80), (0.15, 120), (0.35, 160)]
