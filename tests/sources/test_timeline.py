"""Films whose clock jumps, wraps or starts again: picture and sound come out on one timeline, in step."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest

from realtime.sources import video as video_module
from realtime.sources.video import VideoFile
from tests.video_files import H264, ffmpeg, packet_times, process_file, streams

BEEP = 0.3  # s after the start of each recording
FRAMES = 6  # of each recording, a tenth of a second apart
WRAP = 2**33 / 90_000  # s, where the clock of a transport stream starts again


def make_recording(path: Path, start: float, *more: str, seconds: float = 0.6, sound: tuple[str, ...] = ()) -> Path:
    """Write a recording whose clock begins at `start`, with a beep. more: further options of the output."""
    beep = f"aevalsrc='if(between(t,{BEEP},{BEEP + 0.05}),sin(5000*t),0)':s=48000:d={seconds}"
    picture = ("-f", "lavfi", "-i", "testsrc=s=64x48:r=10:d=0.6")
    codecs = more or (*H264, "-bf", "2", "-c:a", "mp2")
    ffmpeg(*picture, "-f", "lavfi", "-i", beep, *codecs, *sound, "-output_ts_offset", str(start), path)
    return path


def join(path: Path, *parts: Path) -> Path:
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    return path


def beeps(path: Path) -> list[float]:
    """Return when each beep begins, in seconds."""
    found: list[float] = []
    last_loud = -1.0
    with av.open(str(path)) as container:
        for frame in container.decode(audio=0):
            samples = np.abs(frame.to_ndarray().astype(np.float64)).max(axis=0)
            loud = np.flatnonzero(samples > (0.1 if frame.format.name.startswith("flt") else 3000))
            for time in float(frame.time or 0) + loud / frame.sample_rate:
                if time > last_loud + 0.1:
                    found.append(float(time))
                last_loud = float(time)
    return found


def assert_joined(output: Path, parts: int = 2, *, silent: tuple[int, ...] = (), early: float = 0) -> None:
    """Assert that the recordings follow one another without a gap, each sound in step with its picture.

    silent: numbers of those without a beep. early: how much earlier than BEEP it is heard, in seconds.
    """
    shown, heard = packet_times(output), beeps(output)
    assert shown == pytest.approx([shown[0] + n / 10 for n in range(parts * FRAMES)], abs=0.001)
    expected = [shown[0] + part * FRAMES / 10 + BEEP - early for part in range(parts) if part not in silent]
    assert heard == pytest.approx(expected, abs=0.001)


def copy_with_times(source: Path, output: Path) -> Path:
    ffmpeg("-copyts", "-i", source, "-c", "copy", "-copyts", output)
    return output


def _ts(*starts: float) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        return join(folder / "in.ts", *(make_recording(folder / f"{n}.ts", at) for n, at in enumerate(starts)))

    return make


def _joined(suffix: str, *options: str) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        parts = [make_recording(folder / f"{number}.{suffix}", 0, *options) for number in (1, 2)]
        return join(folder / f"in.{suffix}", *parts)

    return make


JUMPS: dict[str, tuple[Callable[[Path], Path], int]] = {
    "back": (_ts(20, 10), 2),
    "an hour forward": (_ts(0, 3600), 2),
    "the same clock again, twice": (_ts(0, 0, 0), 3),
    "forward and back": (_ts(0, 5000, 10), 3),
    "wrapped, then another recording": (_ts(WRAP - 1.7, 30), 2),
    "an hour forward in Matroska": (lambda folder: copy_with_times(_ts(0, 3600)(folder), folder / "in.mkv"), 2),
    "joined Matroska": (_joined("mkv"), 2),
    "joined WebM": (_joined("webm", "-c:v", "libvpx", "-c:a", "libopus"), 2),
    "joined program streams": (_joined("vob", "-c:v", "mpeg4", "-bf", "2", "-c:a", "mp2"), 2),
}


@pytest.mark.parametrize("name", JUMPS)
def test_recordings_with_other_clocks_follow_one_another_in_step(tmp_path: Path, name: str) -> None:
    make, parts = JUMPS[name]
    result = process_file(make(tmp_path), tmp_path / "out.mkv")
    opus_delay = 0.0065 if name == "joined WebM" else 0  # of its encoder, which FFmpeg 5.1 does not write into WebM
    assert_joined(tmp_path / "out.mkv", parts, early=opus_delay)
    assert (result.frames, result.losses) == (parts * FRAMES, [])
    assert any("its clock jumps" in note for note in result.notes) and not any("mended" in n for n in result.notes)
    (sound,) = streams(tmp_path / "out.mkv", "audio")
    assert sound["codec_name"] in ("mp2", "opus")


@pytest.mark.parametrize("suffix", ["mp4", "webm"])
def test_joined_recordings_are_in_step_where_sound_is_copied_or_converted(tmp_path: Path, suffix: str) -> None:
    codecs = (*H264, "-c:a", "aac")
    parts = [make_recording(tmp_path / f"{at}.ts", at, *codecs) for at in (20, 10)]
    process_file(join(tmp_path / "in.ts", *parts), tmp_path / f"out.{suffix}")
    assert_joined(tmp_path / f"out.{suffix}")


@pytest.mark.parametrize("start", [WRAP - 1.7, -1.6])
def test_clock_that_wraps_or_begins_below_zero_starts_at_zero(tmp_path: Path, start: float) -> None:
    result = process_file(make_recording(tmp_path / "in.ts", start), tmp_path / "out.mkv")
    assert_joined(tmp_path / "out.mkv", 1)
    assert 0 <= packet_times(tmp_path / "out.mkv")[0] < 0.1 and (result.notes, result.losses) == ([], [])


def test_pictures_below_zero_keep_their_distance_to_the_sound(tmp_path: Path) -> None:
    options = (*H264, "-c:a", "mp2", "-avoid_negative_ts", "disabled")
    result = process_file(make_recording(tmp_path / "in.mkv", -0.4, *options), tmp_path / "out.mkv")
    assert_joined(tmp_path / "out.mkv", 1)
    assert (result.frames, result.notes, result.losses) == (FRAMES, [], [])


@pytest.mark.parametrize("silent", [0, 1])
def test_recording_without_sound_keeps_the_other_one_in_step(tmp_path: Path, silent: int) -> None:
    parts = [make_recording(tmp_path / f"{n}.ts", 0, sound=("-an",) if n == silent else ()) for n in (0, 1)]
    process_file(join(tmp_path / "in.ts", *parts), tmp_path / "out.mkv")
    assert_joined(tmp_path / "out.mkv", silent=(silent,))


def test_sound_that_outlasts_its_picture_is_kept_before_the_join(tmp_path: Path) -> None:
    first, second = make_recording(tmp_path / "1.ts", 20, seconds=1.2), make_recording(tmp_path / "2.ts", 10)
    process_file(join(tmp_path / "in.ts", first, second), tmp_path / "out.mkv")
    shown, heard = packet_times(tmp_path / "out.mkv"), beeps(tmp_path / "out.mkv")
    assert shown[FRAMES] == pytest.approx(shown[0] + 1.2, abs=0.025)
    assert heard == pytest.approx([shown[0] + BEEP, shown[FRAMES] + BEEP], abs=0.001)


@pytest.mark.parametrize("kind", [0xE0, 0xC0])  # of the elementary streams: video, audio
def test_single_stray_time_moves_nothing_else(tmp_path: Path, kind: int) -> None:
    data = bytearray(
        make_recording(tmp_path / "plain.ts", 0, *H264, "-c:a", "mp2", "-pes_payload_size", "0").read_bytes()
    )
    place = -1
    for _ in range(3):
        place = data.index(bytes((0, 0, 1, kind)), place + 1)
    data[place + 9] ^= 0b0100  # a high bit of the 33 of the presentation time
    (tmp_path / "in.ts").write_bytes(data)
    result = process_file(tmp_path / "in.ts", tmp_path / "out.mkv")
    assert_joined(tmp_path / "out.mkv", 1)
    assert any("mended: 1" in note for note in result.notes) and not any("jumps" in note for note in result.notes)


def test_long_gap_in_a_silent_film_stays_one(tmp_path: Path) -> None:
    ffmpeg("-f", "lavfi", "-i", "testsrc=s=64x48:r=10:d=0.6,setpts='PTS+gte(N,3)*900/TB'", "-fps_mode", "vfr", *H264,
           tmp_path / "in.mkv")  # fmt: skip
    result = process_file(tmp_path / "in.mkv", tmp_path / "out.mp4")
    assert packet_times(tmp_path / "out.mp4") == pytest.approx([0, 0.1, 0.2, 900.3, 900.4, 900.5], abs=0.001)
    assert (result.notes, result.losses) == ([], [])


def test_gap_in_one_track_alone_is_no_jump(tmp_path: Path) -> None:
    long = ("-f", "lavfi", "-i", "testsrc=s=64x48:r=2:d=20", "-f", "lavfi", "-i", "sine=r=48000:d=20")
    gap = ("-vf", "select='not(between(t,2,17))'", "-fps_mode", "passthrough")
    ffmpeg(*long, *gap, *H264, "-c:a", "mp2", tmp_path / "in.ts")
    result = process_file(tmp_path / "in.ts", tmp_path / "out.mkv")
    before, after = packet_times(tmp_path / "in.ts"), packet_times(tmp_path / "out.mkv")
    assert [t - after[0] for t in after] == pytest.approx([t - before[0] for t in before], abs=0.001)
    assert not any("jumps" in note for note in result.notes)


@pytest.mark.parametrize(
    ("suffix", "codecs"),
    [("mp4", (*H264, "-c:a", "aac")), ("flv", (*H264, "-c:a", "aac")), ("wmv", ("-c:v", "wmv2", "-c:a", "wmav2"))],
)
def test_joined_film_that_ffmpeg_does_not_read_is_named_as_lost(
    tmp_path: Path, suffix: str, codecs: tuple[str, ...]
) -> None:
    parts = [make_recording(tmp_path / f"{number}.{suffix}", 0, *codecs) for number in (1, 2)]
    result = process_file(join(tmp_path / f"in.{suffix}", *parts), tmp_path / "out.mkv")
    size = parts[1].stat().st_size
    assert result.losses == [f"another film is joined on, of {size} bytes, which is not read; split them"]
    assert process_file(parts[0], tmp_path / "one.mkv").losses == []


def test_playback_goes_on_at_a_jump_that_its_probe_has_not_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(video_module, "QUICK_PROBE_PACKETS", 8)
    for name in ("back", "an hour forward"):
        folder = tmp_path / name
        folder.mkdir()
        with VideoFile(JUMPS[name][0](folder), quick_probe=True) as video:
            shown = [float(step.frame.pts * video.format.time_base) for step in video if step.frame is not None]
        assert shown == pytest.approx([shown[0] + n / 10 for n in range(2 * FRAMES)], abs=0.001)
