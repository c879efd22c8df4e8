"""The command with -o: videos and images, folders, errors, and what a kill, Ctrl-C or a full disk leaves."""

from __future__ import annotations

import json
import resource
import signal
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.conftest import Run
from tests.e2e.conftest import start_command, wait_for_bytes
from tests.video_files import (
    AUDIO_INPUT,
    H264,
    VIDEO_INPUT,
    audio_md5,
    decode_frames,
    ffmpeg,
    make_media,
    packet_times,
    probe,
    streams,
)

ROOT = Path(__file__).parent.parent.parent
NO_NETWORK = ("--strength", "0")  # the pipeline without the network


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return make_media(tmp_path / "clip.mp4", *VIDEO_INPUT, *AUDIO_INPUT, *H264, "-c:a", "aac")


def make_long_clip(path: Path) -> Path:
    """Write a video that is long enough to be stopped in the middle. Its subtitle is near the end."""
    (path.parent / "s.srt").write_text("1\n00:00:58,000 --> 00:00:59,000\nThe end\n")
    inputs = ("-f", "lavfi", "-i", "testsrc=s=160x120:r=25:d=60", "-f", "lavfi", "-i", "sine=r=48000:d=60")
    return make_media(path, *inputs, "-i", path.parent / "s.srt", *H264, "-c:a", "aac", "-c:s", "mov_text")


def test_video_is_stylized_with_its_times_and_sound(run: Run, clip: Path, tmp_path: Path) -> None:
    done = run("realtime", "clip.mp4", "-o", "output.mp4", "--json", "--style", "great_wave")
    assert done.returncode == 0, done.stderr
    (result,) = json.loads(done.stdout)["files"]
    assert (result["state"], result["frames"], result["seconds"], result["losses"]) == ("painted", 10, 1.0, [])
    assert packet_times(tmp_path / "output.mp4") == pytest.approx(packet_times(clip))
    assert audio_md5(tmp_path / "output.mp4") == audio_md5(clip)
    (video,) = streams(tmp_path / "output.mp4", "video")
    assert (video["width"], video["height"]) == (64, 48)
    before, after = (
        np.frombuffer(ffmpeg("-i", p, "-frames:v", "1", "-f", "rawvideo", "-pix_fmt", "rgb24", "-"), np.uint8)
        for p in (clip, tmp_path / "output.mp4")
    )
    assert np.abs(before.astype(int) - after).mean() > 10, "not stylized"


def test_style_track_changes_the_look_at_the_exact_frame(run: Run, clip: Path, tmp_path: Path) -> None:
    (tmp_path / "track.txt").write_text("0 starry_night --strength 0\n0:00.5 --strength 1 --fade 0  # half way\n")
    done = run("realtime", "clip.mp4", "-o", "output.mp4", "--crf", "4", "--style-track", "track.txt")
    assert done.returncode == 0, done.stderr
    pairs = zip(decode_frames(clip, 64, 48), decode_frames(tmp_path / "output.mp4", 64, 48), strict=True)
    differences = [float(np.abs(before.astype(int) - after).mean()) for before, after in pairs]
    assert len(differences) == 10 and max(differences[:5]) < 5 and min(differences[5:]) > 10, differences
    part = tmp_path / "output.mp4.part"
    for path, text in ((tmp_path / "track.txt", "0 starry_night\n9 udnie"), (tmp_path / "other.txt", "1 udnie")):
        path.write_text(text)
    make_long_clip(tmp_path / "long.mp4")
    process = start_command(tmp_path, "long.mp4", "-o", "output.mp4", "--overwrite", "--style-track", "track.txt")
    wait_for_bytes(part, 100_000, process)
    process.kill()
    process.communicate()
    done = run("realtime", "long.mp4", "-o", "output.mp4", "--resume", "--style-track", "other.txt")
    assert done.returncode == 1 and "it was begun with another --style-track" in done.stderr


def test_existing_output_is_replaced_only_with_overwrite(run: Run, clip: Path, tmp_path: Path) -> None:
    (tmp_path / "old.mp4").write_bytes(b"old")
    done = run("realtime", "clip.mp4", "-o", "old.mp4", *NO_NETWORK)
    assert (done.returncode, (tmp_path / "old.mp4").read_bytes()) == (1, b"old")
    assert "--overwrite" in done.stderr.splitlines()[-1]
    done = run("realtime", "clip.mp4", "-o", "old.mp4", "--overwrite", *NO_NETWORK)
    assert done.returncode == 0 and len(packet_times(tmp_path / "old.mp4")) == 10
    assert not list(tmp_path.glob("*.part"))


def test_input_is_never_overwritten_under_any_name(run: Run, clip: Path, tmp_path: Path) -> None:
    before = clip.read_bytes()
    (tmp_path / "soft.mp4").symlink_to(clip)
    (tmp_path / "hard.mp4").hardlink_to(clip)
    for name in ("clip.mp4", "./clip.mp4", "soft.mp4", "hard.mp4"):
        done = run("realtime", "clip.mp4", "-o", name, "--overwrite", *NO_NETWORK)
        assert done.returncode == 1 and "the input itself" in done.stderr
    assert clip.read_bytes() == before


def test_killed_run_leaves_a_part_that_plays_and_can_be_resumed(run: Run, tmp_path: Path) -> None:
    make_long_clip(tmp_path / "clip.mp4")
    process = start_command(tmp_path, "clip.mp4", "-o", "output.mp4", "--preset", "ultrafast")
    part = tmp_path / "output.mp4.part"
    wait_for_bytes(part, 200_000, process)
    process.kill()
    process.communicate()
    assert not (tmp_path / "output.mp4").exists()
    shown = packet_times(part)
    assert len(shown) > 25 and shown == pytest.approx([n / 25 for n in range(len(shown))], abs=1e-4)
    ffmpeg("-i", part, "-f", "null", "-")
    assert streams(part, "audio")
    size = part.stat().st_size
    done = run("realtime", "clip.mp4", "-o", "output.mp4", "--preset", "ultrafast")
    assert done.returncode == 1 and "--resume goes on from it" in done.stderr and part.stat().st_size == size
    done = run("realtime", "clip.mp4", "-o", "output.mp4", "--preset", "fast", "--resume")
    assert done.returncode == 1 and "another --crf or --preset" in done.stderr
    check_resumed(run, tmp_path, len(shown))


def check_resumed(run: Run, folder: Path, before: int) -> None:
    """Resume the clip, of which so many frames were written before, and check that it is complete."""
    done = run("realtime", "clip.mp4", "-o", "output.mp4", "--preset", "ultrafast", "--resume", "--json")
    assert done.returncode == 0, done.stderr
    (result,) = json.loads(done.stdout)["files"]
    (kept,) = (note for note in result["notes"] if "painted already" in note)
    assert before - 30 < int(kept.split()[2]) <= before
    assert packet_times(folder / "output.mp4") == pytest.approx([n / 25 for n in range(1500)], abs=1e-4)
    assert audio_md5(folder / "output.mp4") == audio_md5(folder / "clip.mp4")
    assert sorted(p.name for p in folder.iterdir() if p.name != "data") == ["clip.mp4", "output.mp4", "s.srt"]


def test_ctrl_c_leaves_a_video_that_plays_and_exits_with_130(run: Run, tmp_path: Path) -> None:
    make_long_clip(tmp_path / "clip.mp4")
    process = start_command(tmp_path, "clip.mp4", "-o", "output.mp4", "--preset", "ultrafast")
    wait_for_bytes(tmp_path / "output.mp4.part", 200_000, process)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in err and "interrupted; it has the first" in err
    shown = packet_times(tmp_path / "output.mp4")
    assert 25 < len(shown) < 1500
    assert f"first {len(shown)} frames" in err
    ffmpeg("-i", tmp_path / "output.mp4", "-f", "null", "-")
    check_resumed(run, tmp_path, len(shown))


def test_full_disk_is_reported_in_one_line_and_leaves_a_part_that_plays(tmp_path: Path) -> None:
    """A limit on the size of files stands in for a full disk: writes fail in the same way."""
    make_long_clip(tmp_path / "clip.mp4")

    def limit() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))

    process = start_command(tmp_path, "clip.mp4", "-o", "output.mp4", *NO_NETWORK, preexec_fn=limit)
    _, err = process.communicate(timeout=100)
    assert process.returncode == 1
    assert "output.mp4.part" in err.splitlines()[-1] and "Traceback" not in err
    assert not (tmp_path / "output.mp4").exists()
    assert len(packet_times(tmp_path / "output.mp4.part")) > 25


def test_video_that_is_cut_short_exits_with_3(run: Run, tmp_path: Path) -> None:
    whole = make_media(
        tmp_path / "w.mp4", "-f", "lavfi", "-i", "testsrc=s=64x48:r=10:d=3", *H264, "-movflags", "faststart"
    )
    data = whole.read_bytes()
    (tmp_path / "clip.mp4").write_bytes(data[: len(data) * 2 // 3])
    done = run("realtime", "clip.mp4", "-o", "output.mp4", *NO_NETWORK)
    assert done.returncode == 3
    assert "cut short" in done.stderr and "of 3.00 s" in done.stderr
    assert probe(tmp_path / "output.mp4")


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (("clip.mp4", "-o", "x.mp4", "--scale-output"), 2, "--size ROWS"),
        (("clip.mp4", "-o", "x.mp4", "--resume", "--overwrite"), 2, "one of them"),
        (("-o", "x.mp4"), 2, "what is to be painted"),
        (("clip.mp4", "-o", "x.avi"), 2, "written as .mp4"),
        (("clip.mp4", "-o", "x.png"), 2, "written as .mp4"),
        (("clip.mp4", "-o", "x.webm", "--codec", "h264"), 2, "takes vp9"),
        (("clip.mp4", "-o", "x.mp4", "--crf", "77"), 2, "--crf 77"),
        (("clip.mp4", "--demo", "-o", "x.mp4"), 2, "cannot be combined"),
        (("clip.mp4", "--fps", "10", "-o", "x.mp4"), 2, "--fps is for live pictures"),
        (("clip.mp4", "--no-mirror", "-o", "x.mp4"), 2, "--mirror is for live pictures"),
        (("clip.mp4", "-o", "x.mp4", "--track", "2"), 2, "--track 2"),
        (("clip.mp4", "-o", "x.mp4", "--style-track", "gone.txt"), 2, "gone.txt: No such file"),
        (("none.mp4", "-o", "x.mp4"), 1, "no such file"),
        (("clip.mp4", "-o", "no/where/x.mp4"), 1, "no folder"),
        (("clip.mp4", "-o", "/proc/x.mp4"), 1, "/proc/x.mp4"),
    ],
)
def test_impossible_request_is_reported_in_one_line_and_writes_nothing(
    run: Run, clip: Path, tmp_path: Path, arguments: tuple[str, ...], status: int, message: str
) -> None:
    done = run("realtime", *arguments, *NO_NETWORK)
    assert done.returncode == status
    assert message in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr
    assert sorted(p.name for p in tmp_path.iterdir()) == ["clip.mp4"]


def test_folder_keeps_its_tree_skips_existing_outputs_and_survives_a_bad_file(
    run: Run, clip: Path, tmp_path: Path
) -> None:
    (tmp_path / "in/deep").mkdir(parents=True)
    clip.rename(tmp_path / "in/deep/clip.mp4")
    (tmp_path / "in/bad.mkv").write_bytes(b"nonsense")
    cv2.imwrite(str(tmp_path / "in/photo.jpg"), np.full((40, 50, 3), 99, np.uint8))
    (tmp_path / "in/notes.txt").write_text("no media")
    (tmp_path / "in/IMG_1.HEIC").write_text("a format that is not read")
    done = run("realtime", "in", "-o", "out/", *NO_NETWORK)
    assert done.returncode == 1
    passed_over = [line for line in done.stderr.splitlines() if "passed over" in line]
    assert len(passed_over) == 2 and "IMG_1.HEIC" in passed_over[0] and "notes.txt" in passed_over[1]
    assert "1 of 3 could not be painted" in done.stderr and "bad.mkv" in done.stderr.splitlines()[-1]
    out = tmp_path / "out"
    assert sorted(str(p.relative_to(out)) for p in out.rglob("*.*")) == ["deep/clip.mp4", "photo.jpg"]
    (tmp_path / "in/bad.mkv").unlink()
    done = run("realtime", "in", "-o", "out/", *NO_NETWORK)
    assert done.returncode == 0 and done.stdout.count("skipped") == 2


def test_closed_subfolder_is_a_failure(run: Run, tmp_path: Path) -> None:
    (tmp_path / "in/closed").mkdir(parents=True)
    cv2.imwrite(str(tmp_path / "in/photo.png"), np.full((40, 50, 3), 99, np.uint8))
    (tmp_path / "sitecustomize.py").write_text(  # the superuser, who may run the tests, can read every folder
        "import os\nscandir = os.scandir\n"
        "def refuse(path='.'):\n    if str(path).endswith('closed'):\n"
        "        raise PermissionError(13, 'Permission denied', path)\n"
        "    return scandir(path)\nos.scandir = refuse\n"
    )
    done = run("realtime", "in", "-o", "out/", *NO_NETWORK, PYTHONPATH=f"{tmp_path}:{ROOT}")
    assert done.returncode == 1 and (tmp_path / "out/photo.png").exists()
    assert done.stderr.splitlines()[-1] == "passed over: in/closed: Permission denied"


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp", "tif"])
def test_image_is_stylized(run: Run, tmp_path: Path, suffix: str) -> None:
    photo = np.random.default_rng(0).integers(0, 255, (41, 53, 3), np.uint8)
    cv2.imwrite(str(tmp_path / "photo.png"), photo)
    done = run("realtime", "photo.png", "-o", f"output.{suffix}", "--size", "64")
    assert done.returncode == 0, done.stderr
    stylized = cv2.imread(str(tmp_path / f"output.{suffix}"))
    assert stylized is not None and stylized.shape == photo.shape
    assert np.abs(stylized.astype(int) - photo).mean() > 5


def test_scale_output_writes_the_size_stylized_at(run: Run, tmp_path: Path) -> None:
    make_media(tmp_path / "clip.mp4", "-f", "lavfi", "-i", "testsrc=s=182x100:r=10:d=0.4", *H264)
    alpha = np.random.default_rng(0).integers(0, 255, (90, 121, 4), np.uint8)
    cv2.imwrite(str(tmp_path / "photo.png"), alpha)
    cases = (
        (64, "clip.mp4", (116, 64)),
        (65, "clip.mp4", (118, 66)),
        (100, "clip.mp4", (182, 100)),
        (64, "photo.png", (86, 64)),
        (200, "photo.png", (121, 90)),
    )
    for rows, name, size in cases:
        output = f"output{rows}{Path(name).suffix}"
        done = run("realtime", name, "-o", output, "--size", str(rows), "--scale-output")
        assert done.returncode == 0, done.stderr
        (video,) = streams(tmp_path / output, "video")
        assert (video["width"], video["height"]) == size
