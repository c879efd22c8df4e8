"""Write docs/video-compatibility.md: every unusual video that the tests know, and what the program makes of it.

    python docs/films_table.py [OUTPUT]

FFmpeg makes the videos; they go through the whole batch pipeline with a stylizer that changes nothing, and ffprobe and
FFmpeg's decoder judge the result.
"""

from __future__ import annotations

import contextlib
import io
import sys
import tempfile
from itertools import pairwise
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from realtime.errors import StylizeError  # noqa: E402
from tests.awkward import FILMS, Awkward  # noqa: E402
from tests.movies import ffmpeg, heard, length, paint, probe, sound, streams  # noqa: E402

HEAD = """# Video compatibility

What cameras, phones, converters and broken disks produce, and what `realtime-stylize FILE -o OUTPUT` writes for each.
The inputs are made by `tests/awkward.py`. They go through the whole batch pipeline with a stylizer that changes
nothing, so that the frames can be compared; ffprobe and FFmpeg's decoder are the judges. `python docs/films_table.py`
writes this page, and a test compares it with the program.

- Pictures: the number of frames that FFmpeg decodes; `alike` where no frame differs by more than five levels on average
  from its original, both upright. A video with full chroma (4:4:4, RGB) loses some where the codec halves it, as
  players expect it to.
- Times: `exact` where every frame is shown within a millisecond of its time in the input, counted from the first frame.
- Length: of the whole file; `same` within two milliseconds. Matroska counts the 21 ms of AAC's priming.
- Sound: `bit for bit` where the packets of every track are the same; `in step` where the sound starts as long before or
  after the first frame as it did, within a millisecond.
- What is said: the notes that the program prints.

| Film | Into | Pictures | Times | Length | Size | Sound | Also in it | What is said |
| --- | --- | --- | --- | --- | --- | --- | --- | --- |
"""


def main() -> int:
    """Write docs/video-compatibility.md, or the file named."""
    output = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "docs/video-compatibility.md"
    rows = []
    for film in FILMS:
        for ending in film.endings:
            with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stderr(io.StringIO()):
                rows.append(f"| {film.name} | {ending} | " + " | ".join(judge(film, Path(folder), ending)) + " |\n")
    output.write_text(HEAD + "".join(rows), encoding="utf-8")
    return 0


def judge(film: Awkward, folder: Path, ending: str) -> list[str]:
    """The cells of one film into one kind of file."""
    source, output = film.made(folder), folder / f"out.{ending}"
    try:
        result = paint(source, output)
    except StylizeError as error:
        return ["", "", "", "", "", "", "refused: " + str(error).replace(str(source), "it")]
    size = f"{(video := streams(output, 'video')[0])['width']} x {video['height']}"
    before, after = length(source), length(output)
    there = "same" if abs(before - after) < 0.002 else f"{before:.3f} → {after:.3f} s"
    said = "; ".join(result.notes + result.losses)
    return [_pictures(film, source, output), _times(film, source, output), there, size, _sound(film, source, output),
            _beside(output), said]  # fmt: skip


def _pictures(film: Awkward, source: Path, output: Path) -> str:
    size = (streams(output, "video")[0]["width"], streams(output, "video")[0]["height"])
    one, other = (_decoded(path, track, size) for path, track in ((source, film.video), (output, "v:0")))
    if len(one) != len(other):
        return f"{len(one)} → {len(other)}"
    worst = max(float(np.abs(a.astype(np.int16) - b).mean()) for a, b in zip(one, other, strict=True))
    return f"{len(other)}, " + ("alike" if worst < 5 else f"differing by {worst:.0f} levels")


def _decoded(path: Path, track: str, size: tuple[int, int]) -> list[np.ndarray]:
    form = ("-fps_mode", "passthrough", "-f", "rawvideo", "-pix_fmt", "rgb24", "-")
    raw = ffmpeg("-v", "quiet", "-i", path, "-map", f"0:{track}", *form)
    return list(np.frombuffer(raw, np.uint8).reshape(-1, size[1], size[0], 3))


def _times(film: Awkward, source: Path, output: Path) -> str:
    one, other = (_shown(path, track) for path, track in ((source, film.video), (output, "v:0")))
    if source.suffix == ".avi":
        steps = [later - sooner for sooner, later in pairwise(other)]
        return "evenly: it has none" if max(steps) - min(steps) < 0.001 else "uneven"
    if len(one) != len(other):
        return f"{len(other)} of {len(one)}"
    worst = max(abs((a - one[0]) - (b - other[0])) for a, b in zip(one, other, strict=True))
    return "exact" if worst < 0.00101 else f"up to {worst * 1000:.0f} ms off"


def _shown(path: Path, track: str) -> list[float]:
    frames = probe(path, "-select_streams", track, "-show_frames")["frames"]
    known = [f.get("best_effort_timestamp_time", f.get("pkt_dts_time")) for f in frames]
    return sorted(float(time) for time in known if time is not None)


def _sound(film: Awkward, source: Path, output: Path) -> str:
    tracks = streams(source, "audio")
    if not tracks:
        return ""
    kinds = {track["codec_name"] for track in streams(output, "audio")}
    same = all(sound(source, n) == sound(output, n) for n in range(len(tracks)))
    lags = [heard(path) - _shown(path, track)[0] for path, track in ((source, film.video), (output, "v:0"))]
    step = "in step" if abs(lags[0] - lags[1]) < 0.00101 else f"{(lags[1] - lags[0]) * 1000:+.0f} ms"
    return ("bit for bit, " if same else f"{', '.join(sorted(kinds))}, ") + step


def _beside(output: Path) -> str:
    table = probe(output)
    kinds = [s["codec_type"] for s in table["streams"]]
    covers = sum(s["disposition"]["attached_pic"] for s in table["streams"])
    names = {"subtitles": kinds.count("subtitle"), "chapters": len(table["chapters"]), "cover": covers}
    languages = [
        s["tags"]["language"] for s in table["streams"] if s["codec_type"] == "audio" and "language" in s["tags"]
    ]
    counted = [name if name == "cover" else f"{count} {name}" for name, count in names.items() if count]
    return ", ".join(counted + [language for language in languages if language != "und"])


if __name__ == "__main__":
    sys.exit(main())
