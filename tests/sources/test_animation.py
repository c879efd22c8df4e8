"""Animated images: read whole, stylized frame by frame, written back with their timing."""

from __future__ import annotations

import struct
from pathlib import Path

import cv2
import numpy as np
import pytest

from realtime.batch.jobs import Job
from realtime.batch.process import BatchOptions, Result, process_image
from realtime.errors import SourceError
from realtime.frame import Animation, Image
from realtime.sinks.output_file import OutputFile
from realtime.sources.animation import decode_animation
from realtime.sources.playback import Playback
from realtime.system.clock import FakeClock
from tests.video_files import make_media

SUFFIXES = ("png", "webp")
DURATIONS = (100, 50, 200, 40)  # ms


def animate(path: Path, alpha: bool = False) -> Path:
    """Write four frames of one colour each, with different durations; alpha: with a transparent area that grows."""
    moving = cv2.Animation()
    frames = [np.full((48, 64, 4 if alpha else 3), 40 * number, np.uint8) for number in range(1, 5)]
    if alpha:
        for number, frame in enumerate(frames):
            frame[:, :, 3] = 255
            frame[:10, : 10 * number, 3] = 0
    moving.frames, moving.durations, moving.loop_count = frames, list(DURATIONS), 3
    succeeded, data = cv2.imencodeanimation(path.suffix, moving)
    assert succeeded
    path.write_bytes(data.tobytes())
    return path


def read_animation(path: Path) -> Animation | None:
    return decode_animation(path, path.read_bytes())


def process(source: Path, output: Path) -> Result:
    output_file = OutputFile(output, sources=[source])
    seconds_seen: list[float] = []

    def invert(image: Image, seconds: float) -> Image:
        seconds_seen.append(seconds)
        return 255 - image

    result = process_image(Job(source, output), output_file, invert, BatchOptions())
    if result.frames > 1:
        assert seconds_seen == pytest.approx([0.0, 0.1, 0.15, 0.35])
    return result


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("alpha", [False, True])
def test_animation_is_stylized_with_its_timing_loops_and_transparency(tmp_path: Path, suffix: str, alpha: bool) -> None:
    source = animate(tmp_path / f"in.{suffix}", alpha)
    result = process(source, tmp_path / f"out.{suffix}")
    assert (result.frames, result.seconds, result.notes, result.losses) == (4, 0.39, [], [])
    stylized = read_animation(tmp_path / f"out.{suffix}")
    assert stylized is not None
    assert (stylized.durations, stylized.loops) == (list(DURATIONS), 3)
    for number, still in enumerate(stylized.pictures):
        assert abs(int(still.image[40, 40, 0]) - (255 - 40 * (number + 1))) <= 3, (
            "each frame is stylized from its own image"
        )
        if alpha:
            hidden = 0 if still.alpha is None else int((still.alpha == 0).sum())
            assert hidden == 100 * number
        else:
            assert still.alpha is None


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_animations_written_by_ffmpeg_are_decoded(tmp_path: Path, suffix: str) -> None:
    codec = {"png": ("-c:v", "apng", "-f", "apng", "-plays", "0"), "webp": ("-c:v", "libwebp_anim", "-loop", "0")}
    source = make_media(tmp_path / f"in.{suffix}", "-f", "lavfi", "-i", "testsrc=s=64x48:r=10:d=1", *codec[suffix])
    animation = read_animation(source)
    assert animation is not None
    assert (len(animation.pictures), animation.durations, animation.loops) == (10, [100] * 10, 0)


@pytest.mark.parametrize("suffix", ["jpg", "tiff"])
def test_still_output_format_takes_the_first_frame_and_notes_it(tmp_path: Path, suffix: str) -> None:
    result = process(animate(tmp_path / "in.png"), tmp_path / f"out.{suffix}")
    assert result.frames == 1
    assert result.notes == ["it moves; only its first picture is painted, as .png and .webp hold the others too"]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_still_image_is_no_animation(tmp_path: Path, suffix: str) -> None:
    source = make_media(tmp_path / f"in.{suffix}", "-f", "lavfi", "-i", "testsrc=s=64x48", "-frames:v", "1")
    assert read_animation(source) is None
    assert process(source, tmp_path / f"out.{suffix}").frames == 1


def test_animation_beyond_the_pixel_limit_is_refused_before_decoding(tmp_path: Path) -> None:
    data = bytearray(animate(tmp_path / "in.png").read_bytes())
    at = data.find(b"acTL") + 4
    data[at : at + 4] = struct.pack(">I", 10**6)
    (tmp_path / "in.png").write_bytes(data)
    with pytest.raises(SourceError, match=r"1000000 pictures of 64 x 48: .* turn it into a film first"):
        read_animation(tmp_path / "in.png")


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_truncated_animation_is_decoded_in_part_or_refused_in_one_line(tmp_path: Path, suffix: str) -> None:
    whole = animate(tmp_path / f"in.{suffix}").read_bytes()
    for length in range(0, len(whole), 7):
        path = tmp_path / f"cut.{suffix}"
        path.write_bytes(whole[:length])
        try:
            animation = read_animation(path)
        except SourceError as error:
            assert "\n" not in str(error)
            continue
        if animation is not None and len(animation.pictures) < 4:
            assert "could be decoded" in animation.losses[0] or suffix == "webp"


def test_playback_shows_animation_frames_at_their_times(tmp_path: Path) -> None:
    clock = FakeClock()
    source = Playback([animate(tmp_path / "in.png")], clock=clock)
    start, shown = clock.now(), []
    while (frame := source.read()) is not None:
        shown.append((round(clock.now() - start, 2), int(frame.image[0, 0, 0])))
    assert shown == [(0.0, 40), (0.1, 80), (0.15, 120), (0.35, 160)]
