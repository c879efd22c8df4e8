"""Interrupted videos are resumed, and come out as if they had not been interrupted."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from realtime.batch.jobs import Job
from realtime.batch.pipeline import BatchFrameStylizer
from realtime.batch.process import BatchOptions, Result, process_video
from realtime.batch.resume_key import make_resume_key
from realtime.errors import OutputError
from realtime.frame import Image
from realtime.sinks.output_file import OutputFile
from realtime.sinks.resume import MAX_REORDER_FRAMES, find_partial_video
from realtime.stylizer.library import Library
from realtime.stylizer.look import Look, one_style
from realtime.stylizer.smoothing import RENEWAL_FRAMES
from realtime.stylizer.style_track import Cue, StyleTrack
from realtime.stylizer.stylizer import Stylizer
from tests.video_files import (
    AUDIO_INPUT,
    H264,
    audio_md5,
    decode_frames,
    duration,
    ffmpeg,
    make_media,
    max_difference,
    packet_times,
    probe,
    process_file,
)

LONG = ("-f", "lavfi", "-i", "testsrc=s=64x48:r=20:d=10")
VFR = ("-vf", "select='not(between(n,20,24))*not(eq(mod(n,7),3))'", "-fps_mode", "vfr")


@pytest.fixture
def look(library: Library) -> Look:
    return one_style(*library.styles[0])


def batch_options(**options: Any) -> BatchOptions:
    return BatchOptions(**({"crf": 4} | options))


def resume_key(source: Path, output: Path, look: Look, **options: Any) -> dict[str, Any]:
    return make_resume_key(Job(source, output), StyleTrack((Cue(0.0, look),)), batch_options(**options))


def kill_at(moments: list[int], source: Path, output: Path, look: Look, **options: Any) -> Iterator[Path]:
    """Yield the folder as a kill -9 leaves it, once for each of these numbers of stylized frames: a copy made then."""
    folder = output.parent / "running"
    folder.mkdir()
    job = Job(source, folder / output.name)
    key = resume_key(source, output, look, **options)
    output_file = OutputFile(job.output, sources=[source], resume_key=key)
    stylized, folders = 0, []

    def stylize(image: Image, seconds: float) -> Image:
        nonlocal stylized
        stylized += 1
        if stylized in moments:
            folders.append(Path(shutil.copytree(folder, output.parent / f"killed{stylized}")))
        return image.copy()

    process_video(job, output_file, stylize, batch_options(**options))
    yield from folders


def resume(source: Path, output: Path, look: Look, **options: Any) -> tuple[Result, int]:
    """Resume an interrupted video; return the result, and how many frames were stylized for it."""
    count = 0
    key = resume_key(source, output, look, **options)
    partial = find_partial_video(output, key, options.get("frames"))
    resume_from = partial.path if partial is not None else None
    output_file = OutputFile(output, sources=[source], resume_key=key, resume_from=resume_from)

    def stylize(image: Image, seconds: float) -> Image:
        nonlocal count
        count += 1
        assert image.shape[0] > 1
        return image.copy()

    return process_video(Job(source, output), output_file, stylize, batch_options(**options), partial), count


@pytest.mark.parametrize(
    ("suffix", "codec", "filters"),
    [
        ("mp4", "h264", ()), ("mp4", "h264", VFR), ("mkv", "h264", ()), ("mkv", "h264", VFR), ("mp4", "hevc", ()),
        ("mkv", "hevc", ()), ("mov", "prores", ()), ("mkv", "ffv1", VFR), ("webm", "vp9", ()), ("mp4", "av1", ()),
    ],
)  # fmt: skip
def test_video_killed_anywhere_and_resumed_equals_an_uninterrupted_one(
    tmp_path: Path, look: Look, suffix: str, codec: str, filters: tuple[str, ...]
) -> None:
    source = make_media(tmp_path / "in.mp4", *LONG, *AUDIO_INPUT, *filters, *H264, "-c:a", "aac", "-ac", "2")
    options: dict[str, Any] = {"codec": codec, "preset": "veryfast"}
    if codec in ("prores", "ffv1"):
        options["crf"] = None
    output = tmp_path / f"out.{suffix}"
    rng = random.Random(codec + suffix)
    moments = [*sorted(rng.sample(range(20, len(packet_times(source))), 2)), len(packet_times(source))]
    uninterrupted, kept = tmp_path / "running" / output.name, []
    for folder in kill_at(moments, source, output, look, **options):
        result, count = resume(source, folder / output.name, look, **options)
        kept.append(result.frames - count)
        resumed = folder / output.name
        assert [path.name for path in folder.iterdir()] == [output.name]
        assert packet_times(resumed) == packet_times(uninterrupted)
        assert duration(resumed) == pytest.approx(duration(uninterrupted), abs=0.0011)
        difference = max_difference(decode_frames(uninterrupted, 64, 48), decode_frames(resumed, 64, 48))
        assert difference < 3 if codec != "ffv1" else difference == 0
        assert audio_md5(resumed) == audio_md5(uninterrupted)
        assert [(s["codec_name"], s.get("extradata_size")) for s in probe(resumed)["streams"]] == [
            (s["codec_name"], s.get("extradata_size")) for s in probe(uninterrupted)["streams"]
        ]
        packets = probe(resumed, "-select_streams", "v", "-show_packets")["packets"]
        dts = [float(p["dts_time"]) for p in packets if "dts_time" in p]  # Matroska has none of its own
        assert dts == sorted(set(dts))
        ffmpeg("-xerror", "-i", resumed, "-f", "null", "-")
    assert kept[-1] > len(packet_times(source)) * 0.25, f"too little is kept: {kept}"


def test_longest_partial_video_is_found_after_a_second_kill(tmp_path: Path, look: Look) -> None:
    """The second run is killed while it copies the kept frames, so that its own part is the shorter one."""
    source = make_media(tmp_path / "in.mkv", *LONG, *H264)
    (folder,) = kill_at([180], source, tmp_path / "out.mkv", look)
    output = folder / "out.mkv"
    key = resume_key(source, output, look)
    first = find_partial_video(output, key)
    assert first is not None and first.frames > 30
    first.path.rename(folder / "out.mkv.before.part")  # the name that the second run gives it
    (folder / "out.mkv.part").write_bytes((folder / "out.mkv.before.part").read_bytes()[:9000])
    again = find_partial_video(output, key)
    assert again is not None and (again.frames, again.path.name) == (first.frames, "out.mkv.before.part")
    result, count = resume(source, output, look)
    assert (result.frames, count) == (200, 200 - first.frames)
    assert [path.name for path in folder.iterdir()] == ["out.mkv"]


@pytest.mark.parametrize("name", ["out.mkv", "out.mkv.part"])
def test_resumed_file_gets_its_name_back_without_a_new_frame(tmp_path: Path, look: Look, name: str) -> None:
    source = make_media(tmp_path / "in.mkv", *LONG, *H264)
    (folder,) = kill_at([180], source, tmp_path / "out.mkv", look)
    output, part = folder / "out.mkv", folder / "out.mkv.part"
    key = resume_key(source, output, look)
    if name == "out.mkv":  # what Ctrl-C leaves
        output_file = OutputFile(folder / "other.mkv", sources=[], resume_key=key)
        output_file.part.write_bytes(part.read_bytes())
        output_file.finish(whole=False)
        for path in (part, folder / "out.mkv.part.json"):
            path.unlink()
        (folder / "other.mkv").rename(output)
        (folder / "other.mkv.part.json").rename(folder / "out.mkv.part.json")
    (folder / "out.mkv.part.lock").unlink()  # a lock that is held by no process: the next run would delete it
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    partial = find_partial_video(output, key)
    assert partial is not None and partial.path.name == name
    output_file = OutputFile(output, sources=[source], resume_key=key, resume_from=partial.path)
    output_file.drop_if_empty()  # called after an error before the first frame
    assert {path.name: path.read_bytes() for path in folder.iterdir()}.keys() == before.keys()
    assert (folder / name).read_bytes() == before[name]
    again = find_partial_video(output, key)
    assert again is not None and again.frames == partial.frames


def test_resume_with_fewer_frames_than_are_kept_writes_only_those(tmp_path: Path, look: Look) -> None:
    source = make_media(tmp_path / "in.mp4", *LONG, *H264)
    (folder,) = kill_at([180], source, tmp_path / "out.mp4", look)
    result, _ = resume(source, folder / "out.mp4", look, frames=9)
    assert result.frames == len(packet_times(folder / "out.mp4")) == 9


def test_resume_starts_anew_if_no_frame_can_be_kept(tmp_path: Path, look: Look) -> None:
    source = make_media(tmp_path / "in.mp4")
    result, count = resume(source, tmp_path / "out.mp4", look)
    assert (result.frames, count) == (10, 10)
    (folder,) = kill_at([MAX_REORDER_FRAMES // 4], source, tmp_path / "new.mp4", look)
    result, count = resume(source, folder / "new.mp4", look)
    assert (result.frames, count) == (10, 10)


@pytest.mark.parametrize("what", ["input", "--track", "look", "--size", "--codec", "--crf or --preset", "gone"])
def test_partial_video_with_another_key_is_refused_and_not_changed(tmp_path: Path, look: Look, what: str) -> None:
    source = make_media(tmp_path / "in.mp4", *LONG, *H264)
    (folder,) = kill_at([150], source, tmp_path / "out.mp4", look)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    key = resume_key(source, tmp_path / "out.mp4", look)
    if what == "gone":
        (folder / "out.mp4.part.json").unlink()
        before.pop("out.mp4.part.json")
    else:
        key[what] = "other"
    with pytest.raises(OutputError, match=r"out.mp4.part cannot be resumed: .*" + ("gone" if what == "gone" else what)):
        find_partial_video(folder / "out.mp4", key)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_resume_key_differs_with_input_look_and_encoding(tmp_path: Path, look: Look, library: Library) -> None:
    source, output = make_media(tmp_path / "in.mp4"), tmp_path / "out.mp4"
    one = resume_key(source, output, look)
    assert one == json.loads(json.dumps(one)) == resume_key(source, output, look)
    assert one["look"] != resume_key(source, output, one_style(*library.styles[1]))["look"]
    assert one["--crf or --preset"] != resume_key(source, output, look, crf=5)["--crf or --preset"]
    assert one["--codec"] != resume_key(source, output, look, codec="hevc")["--codec"]
    data = bytearray(source.read_bytes())
    data[len(data) // 2] ^= 1
    source.write_bytes(data)
    assert one["input"] != resume_key(source, output, look)["input"]


def test_partial_video_of_another_input_is_refused_at_the_first_wrong_time(tmp_path: Path, look: Look) -> None:
    source = make_media(tmp_path / "in.mp4", *LONG, *VFR, *H264)
    (folder,) = kill_at([150], source, tmp_path / "out.mp4", look)
    other = make_media(tmp_path / "other.mp4", *LONG, *H264)
    info = folder / "out.mp4.part.json"
    info.write_text(json.dumps({"recipe": resume_key(other, folder / "out.mp4", look)}))
    with pytest.raises(OutputError, match=r"its picture 4 is shown at 0\.200 s, here at 0\.150 s"):
        resume(other, folder / "out.mp4", look)
    assert (folder / "out.mp4.before.part").stat().st_size > 1000


def test_kept_frames_are_the_first_run_s_own(tmp_path: Path, look: Look) -> None:
    """Kept frames are copied, so they are equal to the last bit."""
    source = make_media(tmp_path / "in.mp4", *LONG, *H264)
    (folder,) = kill_at([180], source, tmp_path / "out.mp4", look)
    first = decode_frames(folder / "out.mp4.part", 64, 48)
    result, count = resume(source, folder / "out.mp4", look)
    resumed = decode_frames(folder / "out.mp4", 64, 48)
    assert any("pictures are painted already" in note for note in result.notes)
    kept = 200 - count
    assert kept > 20 and all(np.array_equal(a, b) for a, b in zip(first[:kept], resumed[:kept], strict=True))


@pytest.mark.parametrize("smooth", [0.5, 1.0])
def test_smoothed_frames_after_a_resume_equal_those_of_an_uninterrupted_run(library: Library, smooth: float) -> None:
    rng = np.random.default_rng(4)
    still = rng.integers(60, 200, (24, 32, 3), np.uint8)
    frames: list[Image] = [still + rng.integers(0, 6, still.shape, np.uint8) for _ in range(150)]
    frames[100:] = [255 - frame for frame in frames[100:]]  # a cut
    with Stylizer(library=library, provider="cpu", smooth=smooth) as stylizer:
        whole = BatchFrameStylizer(stylizer)
        uninterrupted = [whole(frame, 0.0) for frame in frames]
        for kept in (10, 70, 119, 120, 140):
            resumed = BatchFrameStylizer(stylizer)
            first = resumed.resume(kept)
            assert first <= kept < first + 2 * RENEWAL_FRAMES
            pictures = [resumed(frame, 0.0) for frame in frames[first:]][kept - first :]
            assert all(np.array_equal(a, b) for a, b in zip(pictures, uninterrupted[kept:], strict=True))


def test_finished_video_leaves_no_other_file(tmp_path: Path) -> None:
    source = make_media(tmp_path / "in.mp4")
    process_file(source, tmp_path / "out.mp4")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.mp4", "out.mp4"]


@pytest.mark.parametrize(("suffix", "codec"), [("webm", "vp9"), ("mov", "prores"), ("mkv", "ffv1")])
def test_part_without_the_alpha_channel_of_the_film_is_not_continued(
    tmp_path: Path, look: Look, suffix: str, codec: str
) -> None:
    output = tmp_path / f"o.{suffix}"
    options: dict[str, Any] = {"codec": codec, "crf": None, "preset": "ultrafast"}
    test_picture = ("-f", "lavfi", "-i", "testsrc=s=64x48:r=20:d=10", "-c:v", "png", "-pix_fmt")
    opaque = make_media(tmp_path / "opaque.mov", *test_picture, "rgb24")
    transparent = make_media(tmp_path / "transparent.mov", *test_picture, "rgba")
    for source in (transparent, opaque):
        (folder,) = kill_at([170], source, output, look, **options)
        shutil.rmtree(tmp_path / "running")
        if source is transparent:
            assert resume(source, folder / output.name, look, **options)[0].frames == 200
            shutil.rmtree(folder)
    partial = find_partial_video(folder / output.name, resume_key(opaque, output, look, **options))
    assert partial is not None and partial.frames
    size = partial.path.stat().st_size
    again = OutputFile(folder / output.name, sources=[], resume_key={}, resume_from=partial.path)
    with pytest.raises(OutputError, match="another pixel format"):
        process_video(Job(transparent, output), again, lambda image, _: image.copy(), batch_options(**options), partial)
    again.drop_if_empty()
    assert partial.path.stat().st_size == size, "the part is kept"
