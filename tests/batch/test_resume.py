"""Interrupted films go on where they were, and come out as if nothing had happened."""

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
from realtime.batch.process import Result, VideoOptions, process_video
from realtime.errors import OutputError
from realtime.frame import Image
from realtime.sinks.output_file import OutputFile
from realtime.sinks.resume import REORDERED, find_begun, recipe
from realtime.stylizer.library import Library
from realtime.stylizer.look import Look, one_style
from realtime.stylizer.style_track import Cue, StyleTrack
from tests.movies import H264, TONE, alike, ffmpeg, length, make, paint, pictures, probe, sound, times

LONG = ("-f", "lavfi", "-i", "testsrc=s=64x48:r=20:d=10")
VFR = ("-vf", "select='not(between(n,20,24))*not(eq(mod(n,7),3))'", "-fps_mode", "vfr")


@pytest.fixture
def look(library: Library) -> Look:
    return one_style(*library.styles[0])


class Killed(BaseException):
    """Stands for kill -9: what is on the disk then is copied, nothing is closed."""


def table(source: Path, output: Path, look: Look, **options: Any) -> dict[str, Any]:
    wanted = VideoOptions(**({"crf": 4} | options))
    return recipe(
        source, StyleTrack((Cue(0.0, look),)), [None, False], wanted.track, wanted.encoding(Job(source, output))
    )


def leave(source: Path, output: Path, look: Look, moments: list[int], **options: Any) -> Iterator[Path]:
    """The folders with what a kill at each moment leaves. moments: numbers of pictures painted by then."""
    folder = output.parent / "running"
    folder.mkdir()
    job = Job(source, folder / output.name)
    target = OutputFile(job.output, sources=[source], recipe=table(source, output, look, **options))
    painted, left = 0, []

    def painting(image: Image, seconds: float) -> Image:
        nonlocal painted
        painted += 1
        if painted in moments:
            left.append(Path(shutil.copytree(folder, output.parent / f"killed{painted}")))
        return image.copy()

    process_video(job, target, painting, VideoOptions(**({"crf": 4} | options)), None, Result("", ""), keep=True)
    yield from left


def resume(source: Path, output: Path, look: Look, **options: Any) -> tuple[Result, int]:
    """Go on: the result, and how many pictures were painted for it."""
    job, result, count = Job(source, output), Result("", ""), 0
    wanted = table(source, output, look, **options)
    begun = find_begun(output, wanted, options.get("frames"))
    target = OutputFile(output, sources=[source], recipe=wanted, begun=begun)

    def painting(image: Image, seconds: float) -> Image:
        nonlocal count
        count += 1
        assert image.shape[0] > 1
        return image.copy()

    process_video(job, target, painting, VideoOptions(**({"crf": 4} | options)), None, result, keep=True, begun=begun)
    return result, count


@pytest.mark.parametrize(
    ("ending", "codec", "timing"),
    [
        ("mp4", "h264", ()), ("mp4", "h264", VFR), ("mkv", "h264", ()), ("mkv", "h264", VFR), ("mp4", "hevc", ()),
        ("mkv", "hevc", ()), ("mov", "prores", ()), ("mkv", "ffv1", VFR), ("webm", "vp9", ()), ("mp4", "av1", ()),
    ],
)  # fmt: skip
def test_killed_anywhere_it_comes_out_as_if_it_had_not_been(
    tmp_path: Path, look: Look, ending: str, codec: str, timing: tuple[str, ...]
) -> None:
    source = make(tmp_path / "in.mp4", *LONG, *TONE, *timing, *H264, "-c:a", "aac", "-ac", "2")
    options: dict[str, Any] = {"codec": codec, "preset": "veryfast"} | ({"crf": None} if codec in "prores ffv1" else {})
    output = tmp_path / f"out.{ending}"
    dice = random.Random(codec + ending)
    moments = [*sorted(dice.sample(range(20, len(times(source))), 2)), len(times(source))]
    whole, kept = tmp_path / "running" / output.name, []
    for folder in leave(source, output, look, moments, **options):
        result, count = resume(source, folder / output.name, look, **options)
        kept.append(result.frames - count)
        resumed = folder / output.name
        assert [path.name for path in folder.iterdir()] == [output.name]
        assert times(resumed) == times(whole)
        assert length(resumed) == pytest.approx(length(whole), abs=0.0011)
        difference = alike(pictures(whole, 64, 48), pictures(resumed, 64, 48))
        assert difference < 3 if codec != "ffv1" else difference == 0
        assert sound(resumed) == sound(whole)
        assert [(s["codec_name"], s.get("extradata_size")) for s in probe(resumed)["streams"]] == [
            (s["codec_name"], s.get("extradata_size")) for s in probe(whole)["streams"]
        ]
        packets = probe(resumed, "-select_streams", "v", "-show_packets")["packets"]
        dts = [float(p["dts_time"]) for p in packets if "dts_time" in p]  # Matroska has none of its own
        assert dts == sorted(set(dts))
        ffmpeg("-xerror", "-i", resumed, "-f", "null", "-")
    assert kept[-1] + 12 > len(times(source)) * 0.25, f"too little is kept: {kept}"


def test_a_second_kill_loses_nothing(tmp_path: Path, look: Look) -> None:
    """Killed while the kept pictures are copied: the longer file counts, wherever it lies."""
    source = make(tmp_path / "in.mkv", *LONG, *H264)
    (folder,) = leave(source, tmp_path / "out.mkv", look, [180])
    output = folder / "out.mkv"
    wanted = table(source, output, look)
    first = find_begun(output, wanted)
    assert first is not None and first.frames > 30
    first.path.rename(folder / "out.mkv.before.part")  # as the second run sets it aside
    (folder / "out.mkv.part").write_bytes((folder / "out.mkv.before.part").read_bytes()[:9000])
    again = find_begun(output, wanted)
    assert again is not None and (again.frames, again.path.name) == (first.frames, "out.mkv.before.part")
    result, count = resume(source, output, look)
    assert (result.frames, count) == (200, 200 - first.frames + 12)
    assert [path.name for path in folder.iterdir()] == ["out.mkv"]


@pytest.mark.parametrize("name", ["out.mkv", "out.mkv.part"])
def test_a_resume_that_paints_nothing_new_gives_the_name_back(tmp_path: Path, look: Look, name: str) -> None:
    source = make(tmp_path / "in.mkv", *LONG, *H264)
    (folder,) = leave(source, tmp_path / "out.mkv", look, [180])
    output, part = folder / "out.mkv", folder / "out.mkv.part"
    wanted = table(source, output, look)
    if name == "out.mkv":  # as Ctrl-C leaves it
        target = OutputFile(folder / "other.mkv", sources=[], recipe=wanted)
        target.part.write_bytes(part.read_bytes())
        target.finish(whole=False)
        for path in (part, folder / "out.mkv.part.json"):
            path.unlink()
        (folder / "other.mkv").rename(output)
        (folder / "other.mkv.part.json").rename(folder / "out.mkv.part.json")
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    begun = find_begun(output, wanted)
    assert begun is not None and begun.path.name == name
    target = OutputFile(output, sources=[source], recipe=wanted, begun=begun)
    target.drop_if_empty()  # as after an error before the first picture
    assert {path.name: path.read_bytes() for path in folder.iterdir()}.keys() == before.keys()
    assert (folder / name).read_bytes() == before[name]
    again = find_begun(output, wanted)
    assert again is not None and again.frames == begun.frames


def test_fewer_frames_than_there_are(tmp_path: Path, look: Look) -> None:
    source = make(tmp_path / "in.mp4", *LONG, *H264)
    (folder,) = leave(source, tmp_path / "out.mp4", look, [180])
    result, _ = resume(source, folder / "out.mp4", look, frames=9)
    assert result.frames == len(times(folder / "out.mp4")) == 9


def test_without_anything_to_go_on_from_it_begins(tmp_path: Path, look: Look) -> None:
    source = make(tmp_path / "in.mp4")
    result, count = resume(source, tmp_path / "out.mp4", look)
    assert (result.frames, count) == (10, 10)
    (folder,) = leave(source, tmp_path / "new.mp4", look, [REORDERED // 4])
    result, count = resume(source, folder / "new.mp4", look)
    assert (result.frames, count) == (10, 10)


@pytest.mark.parametrize("what", ["input", "--track", "look", "--size", "--codec", "--crf or --preset", "gone"])
def test_what_does_not_belong_is_refused_and_stays(tmp_path: Path, look: Look, what: str) -> None:
    source = make(tmp_path / "in.mp4", *LONG, *H264)
    (folder,) = leave(source, tmp_path / "out.mp4", look, [150])
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    wanted = table(source, tmp_path / "out.mp4", look)
    if what == "gone":
        (folder / "out.mp4.part.json").unlink()
        before.pop("out.mp4.part.json")
    else:
        wanted[what] = "other"
    with pytest.raises(OutputError, match=r"out.mp4.part cannot be resumed: .*" + ("gone" if what == "gone" else what)):
        find_begun(folder / "out.mp4", wanted)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_every_difference_is_seen(tmp_path: Path, look: Look, library: Library) -> None:
    source, output = make(tmp_path / "in.mp4"), tmp_path / "out.mp4"
    one = table(source, output, look)
    assert one == json.loads(json.dumps(one)) == table(source, output, look)
    assert one["look"] != table(source, output, one_style(*library.styles[1]))["look"]
    assert one["--crf or --preset"] != table(source, output, look, crf=5)["--crf or --preset"]
    assert one["--codec"] != table(source, output, look, codec="hevc")["--codec"]
    data = bytearray(source.read_bytes())
    data[len(data) // 2] ^= 1
    source.write_bytes(data)
    assert one["input"] != table(source, output, look)["input"]


def test_a_part_of_another_film_is_found_out_at_the_first_wrong_time(tmp_path: Path, look: Look) -> None:
    source = make(tmp_path / "in.mp4", *LONG, *VFR, *H264)
    (folder,) = leave(source, tmp_path / "out.mp4", look, [150])
    other = make(tmp_path / "other.mp4", *LONG, *H264)
    notes = folder / "out.mp4.part.json"
    notes.write_text(json.dumps({"recipe": table(other, folder / "out.mp4", look)}))
    with pytest.raises(OutputError, match=r"its picture 4 is shown at 0\.200 s, here at 0\.150 s"):
        resume(other, folder / "out.mp4", look)
    assert (folder / "out.mp4.before.part").stat().st_size > 1000


def test_what_is_painted_is_not_painted_again(tmp_path: Path, look: Look) -> None:
    """The kept pictures are the first run's own, to the last bit."""
    source = make(tmp_path / "in.mp4", *LONG, *H264)
    (folder,) = leave(source, tmp_path / "out.mp4", look, [180])
    first = pictures(folder / "out.mp4.part", 64, 48)
    result, count = resume(source, folder / "out.mp4", look)
    resumed = pictures(folder / "out.mp4", 64, 48)
    assert any("pictures are painted already" in note for note in result.notes)
    kept = 200 - count + 12
    assert kept > 20 and all(np.array_equal(a, b) for a, b in zip(first[:kept], resumed[:kept], strict=True))


def test_an_ordinary_run_leaves_no_notes(tmp_path: Path) -> None:
    source = make(tmp_path / "in.mp4")
    paint(source, tmp_path / "out.mp4")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.mp4", "out.mp4"]
