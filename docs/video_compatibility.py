"""Write docs/video-compatibility.md: every unusual video that the tests know, and what the program makes of it.

    python docs/video_compatibility.py [OUTPUT]

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
from tests.awkward_videos import AWKWARD_VIDEOS, AwkwardVideo  # noqa: E402
from tests.video_files import audio_md5, duration, ffmpeg, first_sound_time, probe, process_file, streams  # noqa: E402

MAX_LEVELS = 5  # mean difference of two frames that are called alike
LARGE_LEVELS = 20.0  # a mean difference above it is not given as a number
MAX_TIME_ERROR = 0.00101  # s
MAX_DURATION_ERROR = 0.002  # s

HEAD = """# Video compatibility

What cameras, phones, converters and broken disks produce, and what `realtime-stylize FILE -o OUTPUT` writes for each.
The inputs are made by `tests/awkward_videos.py`. They go through the whole batch pipeline with a stylizer that changes
nothing, so that the frames can be compared; ffprobe and FFmpeg's decoder are the judges.
`python docs/video_compatibility.py` writes this page, and a test compares it with the program.

- Pictures: the number of frames that FFmpeg decodes; `alike` where no frame differs by more than five levels on average
  from its original, both upright. A video with full chroma (4:4:4, RGB) loses some where the codec halves it, as
  players expect it to.
- Times: `exact` where every frame is shown within a millisecond of its time in the input, counted from the first frame.
- Length: of the whole file; `same` within two milliseconds. Matroska counts the 21 ms of AAC's priming.
- Sound: `bit for bit` where the packets of every track are the same; `in step` where the sound starts as long before or
  after the first frame as it did, within a millisecond.
- Notes: what the program prints.

| Film | Into | Pictures | Times | Length | Size | Sound | Other tracks | Notes |
| --- | --- | --- | --- | --- | --- | --- | --- | --- |
"""


def main() -> int:
    """Write docs/video-compatibility.md, or the file named."""
    output = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "docs/video-compatibility.md"
    rows = []
    for video in AWKWARD_VIDEOS:
        for suffix in video.output_suffixes:
            with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stderr(io.StringIO()):
                cells = [video.name, suffix, *table_cells(video, Path(folder), suffix)]
                rows.append("| " + " | ".join(cells) + " |\n")
    output.write_text(HEAD + "".join(rows), encoding="utf-8")
    return 0


def table_cells(video: AwkwardVideo, folder: Path, suffix: str) -> list[str]:
    """Process a video into one kind of file, and return what became of it, one text for each column."""
    source, output = video.make(folder), folder / f"out.{suffix}"
    try:
        result = process_file(source, output)
    except StylizeError as error:
        return ["", "", "", "", "", "", "refused: " + str(error).replace(str(source), "it")]
    width, height = _size(output)
    before, after = duration(source), duration(output)
    durations = "same" if abs(before - after) < MAX_DURATION_ERROR else f"{before:.3f} → {after:.3f} s"
    messages = "; ".join(result.notes + result.losses)
    return [
        _compare_frames(video, source, output), _compare_times(video, source, output), durations,
        f"{width} x {height}", _compare_sound(video, source, output), _other_tracks(output), messages,
    ]  # fmt: skip


def _size(path: Path) -> tuple[int, int]:
    stream = streams(path, "video")[0]
    return stream["width"], stream["height"]


def _compare_frames(video: AwkwardVideo, source: Path, output: Path) -> str:
    size = _size(output)
    before, after = _decode(source, video.video_stream, size), _decode(output, "v:0", size)
    if len(before) != len(after):
        return f"{len(before)} → {len(after)}"
    worst = max(float(np.abs(a.astype(np.int16) - b).mean()) for a, b in zip(before, after, strict=True))
    if worst > LARGE_LEVELS:  # how large depends on how FFmpeg conceals what is damaged
        return f"{len(after)}, differing"
    return f"{len(after)}, " + ("alike" if worst < MAX_LEVELS else f"differing by {worst:.0f} levels")


def _decode(path: Path, stream: str, size: tuple[int, int]) -> list[np.ndarray]:
    """Return every frame, upright: [H, W, 3] RGB."""
    raw_frames = ("-fps_mode", "passthrough", "-f", "rawvideo", "-pix_fmt", "rgb24", "-")
    raw = ffmpeg("-v", "quiet", "-i", path, "-map", f"0:{stream}", *raw_frames)
    return list(np.frombuffer(raw, np.uint8).reshape(-1, size[1], size[0], 3))


def _compare_times(video: AwkwardVideo, source: Path, output: Path) -> str:
    before, after = _frame_times(source, video.video_stream), _frame_times(output, "v:0")
    if source.suffix == ".avi" or video.clock_jumps:
        intervals = [later - sooner for sooner, later in pairwise(after)]
        even = "evenly: its clock jumps" if video.clock_jumps else "evenly: it has none"
        return even if max(intervals) - min(intervals) < 0.0015 else "uneven"
    if len(before) != len(after):
        return f"{len(after)} of {len(before)}"
    worst = max(abs((a - before[0]) - (b - after[0])) for a, b in zip(before, after, strict=True))
    return "exact" if worst < MAX_TIME_ERROR else f"up to {worst * 1000:.0f} ms off"


def _frame_times(path: Path, stream: str) -> list[float]:
    """Return when each frame is shown, in seconds, in the order in which they are shown."""
    frames = probe(path, "-select_streams", stream, "-show_frames")["frames"]
    times = [frame.get("best_effort_timestamp_time", frame.get("pkt_dts_time")) for frame in frames]
    return [float(time) for time in times if time is not None]


def _compare_sound(video: AwkwardVideo, source: Path, output: Path) -> str:
    tracks = streams(source, "audio")
    if not tracks:
        return ""
    codecs = {track["codec_name"] for track in streams(output, "audio")}
    same = all(audio_md5(source, n) == audio_md5(output, n) for n in range(len(tracks)))
    before, after = (
        first_sound_time(path) - _frame_times(path, stream)[0]
        for path, stream in ((source, video.video_stream), (output, "v:0"))
    )
    shift = "in step" if abs(before - after) < MAX_TIME_ERROR else f"{(after - before) * 1000:+.0f} ms"
    return ("bit for bit, " if same else f"{', '.join(sorted(codecs))}, ") + shift


def _other_tracks(output: Path) -> str:
    """Return subtitles, chapters, cover art and languages."""
    table = probe(output)
    kinds = [stream["codec_type"] for stream in table["streams"]]
    covers = sum(stream["disposition"]["attached_pic"] for stream in table["streams"])
    counts = {"subtitles": kinds.count("subtitle"), "chapters": len(table["chapters"]), "cover": covers}
    tags = [stream["tags"] for stream in table["streams"] if stream["codec_type"] == "audio"]
    languages = [tag["language"] for tag in tags if tag.get("language", "und") != "und"]
    return ", ".join(
        [name if name == "cover" else f"{count} {name}" for name, count in counts.items() if count] + languages
    )


if __name__ == "__main__":
    sys.exit(main())
