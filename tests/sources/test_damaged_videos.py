"""Damaged videos: what can be decoded is written, what cannot is reported in one line."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest

from realtime.errors import SourceError, StylizeError
from tests.video_files import AUDIO_INPUT, H264, VIDEO_INPUT, make_media, packet_times, process_file

LONG = ("-f", "lavfi", "-i", "testsrc=s=64x48:r=10:d=3")


def test_truncated_video_is_reported_as_cut_short(tmp_path: Path) -> None:
    whole = make_media(tmp_path / "whole.mp4", *LONG, *H264, "-movflags", "faststart")
    data = whole.read_bytes()
    source = tmp_path / "in.mp4"
    source.write_bytes(data[: len(data) * 2 // 3])
    result = process_file(source, tmp_path / "out.mp4")
    assert 10 < result.frames < 28
    assert any("cut short" in loss and "of 3.00 s" in loss for loss in result.losses), result.losses


def test_flipped_bits_lose_only_the_damaged_frames(tmp_path: Path) -> None:
    whole = make_media(tmp_path / "whole.mkv", *LONG, *H264, "-g", "5")
    data = bytearray(whole.read_bytes())
    rng = np.random.default_rng(3)
    for offset in rng.integers(len(data) // 4, len(data), 12):
        data[offset] ^= 1 << int(rng.integers(8))
    (tmp_path / "in.mkv").write_bytes(data)
    result = process_file(tmp_path / "in.mkv", tmp_path / "out.mp4")
    assert result.losses
    assert 20 <= result.frames <= 30
    assert len(packet_times(tmp_path / "out.mp4")) == result.frames


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "ts", "avi"])
def test_random_damage_ends_in_a_video_or_in_a_one_line_error(tmp_path: Path, suffix: str) -> None:
    sound = ("-c:a", "mp3" if suffix == "avi" else "aac")
    whole = make_media(tmp_path / f"whole.{suffix}", *VIDEO_INPUT, *AUDIO_INPUT, *H264, *sound).read_bytes()
    rng = random.Random(7)
    outcomes = {"stylized": 0, "refused": 0}
    for number in range(12):
        data = bytearray(whole)
        if number % 3 == 0:
            data = data[: rng.randrange(len(data))]
        elif number % 3 == 1:
            for _ in range(20):
                data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
        else:
            offset = rng.randrange(len(data) - 200)
            data[offset : offset + 200] = bytes(200)
        source = tmp_path / f"in.{suffix}"
        source.write_bytes(data)
        output = tmp_path / f"{number}.{('mp4', 'mkv', 'webm')[number % 3]}"
        try:
            result = process_file(source, output, preset="ultrafast", crf=30)
        except StylizeError as error:
            assert "\n" not in str(error)
            outcomes["refused"] += 1
        else:
            assert len(packet_times(output)) == result.frames
            outcomes["stylized"] += 1
    assert outcomes["stylized"] >= 3, outcomes


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"", "not a film"), (b"nonsense" * 99, "not a film"), ("audio", "only sound"), (None, "no such file")],
)
def test_file_without_video_is_refused_in_one_line(tmp_path: Path, content: bytes | str | None, words: str) -> None:
    source = tmp_path / "in.mp4"
    if content == "audio":
        make_media(source, *AUDIO_INPUT, "-c:a", "aac")
    elif isinstance(content, bytes):
        source.write_bytes(content)
    with pytest.raises(SourceError, match=words) as caught:
        process_file(source, tmp_path / "out.mp4")
    assert "\n" not in str(caught.value) and str(caught.value).startswith(str(source))
