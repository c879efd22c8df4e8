"""Sound of any speakers, rate and codec goes into every container, and a gap in it stays a gap."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.sources.test_timeline import beeps
from tests.video_files import H264, ffmpeg, process_file, streams

PICTURE = ("-f", "lavfi", "-i", "testsrc=s=64x48:r=10:d=0.6")
BEEP = ("-f", "lavfi", "-i", "aevalsrc='if(between(t,0.2,0.3),sin(5000*t),0)':s=48000:d=0.6")


@pytest.mark.parametrize(
    ("suffix", "codec", "output", "channels"),
    [
        ("wmv", ("wmv2", "wmav2", "-ac", "2"), "mp4", 2),
        ("wmv", ("wmv2", "wmav1", "-ac", "1"), "mkv", 1),
        ("avi", ("mjpeg", "pcm_s16le", "-ac", "2"), "mp4", 2),
        ("avi", ("mjpeg", "pcm_s16le", "-ac", "6"), "mp4", 6),
        ("avi", ("mjpeg", "adpcm_ms", "-ac", "1"), "mp4", 1),
        ("avi", ("mjpeg", "adpcm_ima_wav", "-ac", "2"), "mov", 2),
        ("avi", ("mjpeg", "pcm_u8", "-ac", "2"), "webm", 2),
        ("mkv", ("mjpeg", "flac", "-af", "pan=5.1(side)|FL=c0|FR=c0|FC=c0|LFE=c0|SL=c0|SR=c0"), "webm", 6),
        ("mkv", ("mjpeg", "pcm_s16le", "-ar", "192000"), "webm", 1),
        ("avi", ("mjpeg", "pcm_s16le", "-ar", "192000", "-ac", "2"), "mp4", 2),
        ("mkv", ("mjpeg", "pcm_s16le", "-af", "pan=hexadecagonal|FL=c0|FR=c0"), "webm", 2),
    ],
)  # fmt: skip
def test_sound_without_known_speakers_or_rate_is_taken(
    tmp_path: Path, suffix: str, codec: tuple[str, ...], output: str, channels: int
) -> None:
    picture, sound, *more = codec
    source, target = tmp_path / f"in.{suffix}", tmp_path / f"out.{output}"
    ffmpeg(*PICTURE, *BEEP, "-c:v", picture, "-c:a", sound, *more, source)
    result = process_file(source, target)
    (track,) = streams(target, "audio")
    assert track["channels"] == channels
    assert not any("left out" in note for note in result.notes)
    assert beeps(target) == pytest.approx([0.2], abs=0.06)  # WMA and Opus begin before their first sample


@pytest.mark.parametrize(
    ("codec", "output"),
    [
        ("pcm_s16le", "mov"), ("pcm_s16le", "mp4"), ("pcm_s16le", "mkv"), ("pcm_s16le", "webm"), ("pcm_mulaw", "mov"),
        ("pcm_s24le", "mov"), ("pcm_alaw", "mp4"),
    ],
)  # fmt: skip
def test_gap_in_pcm_stays_a_gap(tmp_path: Path, codec: str, output: str) -> None:
    """Beeps at 0.2 and 2.2 s; from 1 s to 2 s there is no sound at all."""
    parts = []
    for number, start in enumerate(("0", "2")):
        parts.append(tmp_path / f"{number}.mkv")
        sound = "aevalsrc='if(between(t,0.2,0.3),sin(5000*t),0)':s=48000:d=1"
        ffmpeg("-f", "lavfi", "-i", sound, "-c:a", codec, "-output_ts_offset", start, parts[-1])
    picture = ("-f", "lavfi", "-i", "testsrc=s=64x48:r=10:d=3")
    inputs = ("-f", "concat", "-safe", "0", "-i", tmp_path / "list.txt")
    (tmp_path / "list.txt").write_text(f"file {parts[0]}\nduration 2\nfile {parts[1]}\n")
    ffmpeg(*picture, *inputs, *H264, "-c:a", "copy", tmp_path / "in.mkv")
    process_file(tmp_path / "in.mkv", tmp_path / f"out.{output}")
    assert beeps(tmp_path / f"out.{output}") == pytest.approx([0.2, 2.2], abs=0.01)
