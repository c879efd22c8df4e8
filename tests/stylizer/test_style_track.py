"""Style tracks: the file, the look at each time, stylized videos, and live pictures."""

from __future__ import annotations

import re
import shutil
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from realtime import Live, Stylizer
from realtime.batch.jobs import Job
from realtime.batch.pipeline import BatchFrameStylizer, Stylize
from realtime.batch.process import BatchOptions, Result, process_video
from realtime.batch.resume_key import make_resume_key
from realtime.errors import OutputError, UsageError
from realtime.frame import Image
from realtime.sinks.output_file import OutputFile
from realtime.sinks.resume import find_partial_video
from realtime.sources.video import VideoFile
from realtime.stylizer.library import Library
from realtime.stylizer.look import Look, parse_look
from realtime.stylizer.style_track import StyleTrack, read_style_track
from realtime.testing import FakeCamera, SteppedClock
from tests.conftest import ROOT
from tests.video_files import H264, make_media


@pytest.fixture
def look(library: Library) -> Look:
    return parse_look("starry_night", library, strength=0.9)


def read(path: Path, text: str, library: Library, look: Look) -> StyleTrack:
    (path / "track.txt").write_text(text, encoding="utf-8")
    return read_style_track(path / "track.txt", library, look)


TRACK = """
# time   look
0:05     the_scream --fade 2       # two seconds
1:02.5   great_wave:3,udnie --strength 0.5 --keep-colors
1:00:00  --no-keep-colors --stroke 2 --fade 0
"""


def test_track_has_times_and_styles_and_keeps_unnamed_options(tmp_path: Path, library: Library, look: Look) -> None:
    track = read(tmp_path, TRACK, library, look)
    assert [cue.at for cue in track.cues] == [0, 5, 62.5, 3600]
    assert [cue.fade for cue in track.cues[1:]] == [2, 0.3, 0]
    assert track.at(0) == track.at(4.99) == look
    scream = parse_look("the_scream", library, strength=0.9)
    assert track.at(7) == track.at(62.49) == scream
    mixed = parse_look("great_wave:3,udnie", library, strength=0.5, keep_colors=1)
    assert track.at(63) == mixed
    assert track.at(3600) == track.at(1e6) == replace(mixed, keep_colors=0, stroke=2)


def test_fade_starts_at_its_time_and_lasts_as_long_as_said(tmp_path: Path, library: Library, look: Look) -> None:
    track = read(tmp_path, "0 starry_night --strength 0\n10 the_scream --strength 1 --fade 4", library, look)
    row = library.find("the_scream")[1].row
    shares = [track.at(seconds).weights[row] for seconds in (9.9, 10, 11, 12, 13, 14)]
    assert shares == pytest.approx([0, 0, 0.156, 0.5, 0.844, 1], abs=0.001)
    assert [track.at(seconds).strength for seconds in (5, 12, 20)] == [0, 0.5, 1]


def test_first_line_at_zero_replaces_the_command_lines_style(tmp_path: Path, library: Library, look: Look) -> None:
    track = read(tmp_path, "0:00 udnie", library, look)
    assert track.at(0) == track.at(9) == parse_look("udnie", library, strength=0.9)
    assert len(track.cues) == 1 and track.cue_at(0) is track.cue_at(9)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("0:05 the_screm", r"track.txt, line 1: no style is called 'the_screm'"),
        ("\n# x\n5 udnie\n5.0 the_scream", r"track.txt, line 4: 5.0 is not after the line before"),
        ("5 udnie\n4 the_scream", r"line 2: 4 is not after the line before"),
        ("the_scream", r"line 1: 'the_scream' is no time; .* 1:02.5 the_scream"),
        ("1:75 the_scream", r"line 1: '1:75' is no time"),
        ("1:60:00 the_scream", r"line 1: '1:60:00' is no time"),
        ("-5 the_scream", r"line 1: '-5' is no time"),
        ("5 the_scream --strenght 1", r"line 1: unrecognized arguments: --strenght 1"),
        ("5 the_scream --strength 2", r"line 1: --strength 2: from 0 to 1"),
        ("5 the_scream --fade -1", r"line 1: --fade: expected one argument|line 1: --fade -1: from 0"),
        ("5 the_scream --strength much", r"line 1: --strength: invalid float value: 'much'"),
        ("5 'the_scream", r"line 1: No closing quotation"),
        ("5 udnie:0", r"line 1: --style 'udnie:0': the weight"),
        ("# nothing\n", r"there is no line in it such as: 0:05 the_scream"),
    ],
)
def test_wrong_line_raises_one_line_with_its_place(
    tmp_path: Path, library: Library, look: Look, text: str, message: str
) -> None:
    with pytest.raises(UsageError, match=message) as raised:
        read(tmp_path, text, library, look)
    assert "\n" not in str(raised.value) and "--help" not in str(raised.value)


def test_missing_or_binary_file_raises(tmp_path: Path, library: Library, look: Look) -> None:
    with pytest.raises(UsageError, match=r"gone\.txt: No such file"):
        read_style_track(tmp_path / "gone.txt", library, look)
    (tmp_path / "noise.txt").write_bytes(np.arange(256, dtype=np.uint8).tobytes())
    with pytest.raises(UsageError, match=r"noise\.txt is not UTF-8 text"):
        read_style_track(tmp_path / "noise.txt", library, look)


def test_live_follows_the_track_and_a_key_holds_until_the_next_cue(tmp_path: Path, library: Library) -> None:
    clock = SteppedClock()
    camera = FakeCamera(size=(64, 64), fps=10, clock=clock)
    with Stylizer("starry_night", library=library) as stylizer:
        track = read(tmp_path, "0.5 the_scream --fade 0\n1.0 udnie --fade 0", library, stylizer.look)
        seen: list[tuple[float, str]] = []
        with Live(camera.source(), stylizer, height=64, clock=clock, track=track) as live:
            for stylized in live:
                seen.append((stylized.frame.pts, stylized.look.mix[0][0].name))
                if len(seen) == 8:
                    live.look.fade_to(parse_look("tableau", library), 0.0)
                if len(seen) == 15:
                    break
                clock.advance(0.1)
                time.sleep(0.01)
            assert live.changed_options() == {}, "a change by the track is not a change by the user"
    for pts, name in seen:
        expected = (
            "starry_night" if pts < 0.45 else "the_scream" if pts < 0.75 else "tableau" if pts < 0.95 else "udnie"
        )
        assert name == expected or abs(pts - 0.8) < 0.06, (pts, seen)


def stylize_video(source: Path, output: Path, stylize: Stylize, track: StyleTrack, *, resume: bool = False) -> Result:
    job, options = Job(source, output), BatchOptions(codec="ffv1")
    key = make_resume_key(job, track, options)
    partial = find_partial_video(output, key) if resume else None
    output_file = OutputFile(
        output, sources=[source], resume_key=key, resume_from=partial.path if partial is not None else None
    )
    return process_video(job, output_file, stylize, options, partial)


def frames(path: Path) -> list[tuple[float, Image]]:
    with VideoFile(path) as video:
        found = [step.frame for step in video if step.frame is not None]
        return [(float(frame.pts * video.format.time_base), frame.image) for frame in found]


VIDEO = ("-f", "lavfi", "-i", "testsrc=s=64x48:r=20:d=6")
CUTS = "1.5 the_scream --fade 0\n3 great_wave:2,the_scream --fade 1\n5 --keep-colors --fade 0"


def test_every_frame_of_a_video_has_the_look_of_its_time(tmp_path: Path, library: Library, look: Look) -> None:
    """The first change falls into a gap between frames: the first frame after it has the new look."""
    gap = ("-vf", "select='not(between(n,22,29))'", "-fps_mode", "vfr")
    source = make_media(tmp_path / "in.mp4", *VIDEO, *gap, *H264)
    track = read(tmp_path, CUTS, library, look)
    with Stylizer(library=library, provider="cpu") as stylizer:
        stylize_video(source, tmp_path / "out.mkv", BatchFrameStylizer(stylizer, track=track), track)
        before, after = frames(source), frames(tmp_path / "out.mkv")
        assert [round(at * 20) for at, _ in before] == [*range(22), *range(30, 120)]
        assert [at for at, _ in after] == pytest.approx([at for at, _ in before])
        for (at, image), (_, written) in zip(before, after, strict=True):
            exact = stylizer.stylize(image, track.at(round(at * 20) / 20))
            assert np.abs(exact.astype(int) - written).max() <= 1, at
    assert np.abs(after[21][1].astype(int) - after[22][1]).mean() > 10, "a cut is seen"


def test_video_killed_within_a_fade_and_resumed_is_the_same(tmp_path: Path, library: Library, look: Look) -> None:
    source, count = make_media(tmp_path / "in.mp4", *VIDEO, *H264), 0
    track = read(tmp_path, CUTS, library, look)
    (tmp_path / "run").mkdir()
    with Stylizer(library=library, provider="cpu") as stylizer:
        stylize = BatchFrameStylizer(stylizer, track=track)

        def stylize_and_copy(image: Image, seconds: float) -> Image:
            nonlocal count
            count += 1
            if count == 85:
                shutil.copytree(tmp_path / "run", tmp_path / "killed")
            return stylize(image, seconds)

        stylize_video(source, tmp_path / "run/out.mkv", stylize_and_copy, track)
        other = read(tmp_path, CUTS.replace("--fade 1", "--fade 2"), library, look)
        with pytest.raises(OutputError, match="begun with another --style-track"):
            stylize_video(source, tmp_path / "killed/out.mkv", stylize, other, resume=True)
        count = 0
        assert stylize_video(source, tmp_path / "killed/out.mkv", stylize_and_copy, track, resume=True).frames == 120
    assert 30 < count < 85, "some frames were kept, and some stylized again for the smoothing"
    whole, resumed = frames(tmp_path / "run/out.mkv"), frames(tmp_path / "killed/out.mkv")
    assert all(a == b and (one == two).all() for (a, one), (b, two) in zip(whole, resumed, strict=True))


def test_sample_in_docs_is_read(tmp_path: Path, library: Library, look: Look) -> None:
    (text,) = re.findall(r"```\n(# time .*?)```", (ROOT / "docs/films.md").read_text(encoding="utf-8"), re.DOTALL)
    track = read(tmp_path, text, library, look)
    assert [cue.at for cue in track.cues] == [0, 5, 62.5]
