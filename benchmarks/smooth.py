"""Measure how much `--smooth` reduces flicker along the motion of a video, and what it costs.

    python -m benchmarks.smooth --clips DIR [--styles starry_night,great_wave] [--frames 48]

Each video is stylized frame by frame as the app does it. The measure is that of benchmarks.quality: the RMS difference
of neighbouring stylized frames along the optical flow, without occlusions, divided by that of the video itself.
"""

from __future__ import annotations

import argparse
import itertools
import statistics
import sys
import time
from pathlib import Path

import av
import numpy as np
from rich import box
from rich.table import Table

from benchmarks.machine import load, machine, print_table
from benchmarks.quality.stability import FramePair, pair_frames, square_difference
from export.verify import resize_and_crop
from realtime.frame import Image
from realtime.stylizer.look import parse_look
from realtime.stylizer.smoothing import TemporalSmoother
from realtime.stylizer.stylizer import Stylizer

STRENGTHS = (0.0, 0.5, 1.0)
SIZE = (360, 640)  # height, width
PAIR_STRIDE = 3  # frames between two compared pairs; the optical flow of a pair takes longer than stylizing it


def main() -> int:
    """Run the benchmark and return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.smooth", description=__doc__.splitlines()[0])
    parser.add_argument("--clips", type=Path, required=True, metavar="DIR", help="videos, .mp4")
    parser.add_argument("--styles", default="starry_night,great_wave")
    parser.add_argument("--frames", type=int, default=48, help="of each video")
    arguments = parser.parse_args()
    videos = sorted(arguments.clips.glob("*.mp4"))
    if not videos:
        print(f"benchmarks.smooth: no .mp4 in {arguments.clips}", file=sys.stderr)
        return 1
    columns = [f"smooth {strength:g}" for strength in STRENGTHS]
    table = Table("video", "style", *columns, "ms a frame", title=f"{machine()}, {load()}", box=box.SIMPLE_HEAD)
    with Stylizer(provider="cpu") as stylizer:
        for video in videos:
            frames = read_frames(video, arguments.frames)
            pairs = {n: pair_frames(frames[n - 1], frames[n]) for n in range(PAIR_STRIDE, len(frames), PAIR_STRIDE)}
            for style in arguments.styles.split(","):
                table.add_row(video.stem, style, *measure(stylizer, style, frames, pairs))
    print_table(table)
    return 0


def read_frames(video: Path, count: int) -> list[Image]:
    """Read the first frames of a video, scaled and cropped to SIZE."""
    with av.open(str(video)) as container:
        frames = itertools.islice(container.decode(video=0), count)
        return [resize_and_crop(np.asarray(frame.to_ndarray(format="bgr24"), np.uint8), *SIZE) for frame in frames]


def measure(stylizer: Stylizer, style: str, frames: list[Image], pairs: dict[int, FramePair]) -> list[str]:
    """Return the flicker at each strength, and the milliseconds that the strongest takes, as cells of the table.

    pairs: by the number of their second frame.
    """
    look = parse_look(style, stylizer.library)
    plain = [stylizer.stylize(frame, look) for frame in frames]
    source_error = sum(square_difference(pair.first, pair.second, pair) for pair in pairs.values())
    cells, seconds = [], [0.0]
    for strength in STRENGTHS:
        look, smoother = parse_look(style, stylizer.library, smooth=strength), TemporalSmoother()
        smoothed: list[Image] = []
        seconds = []
        for frame, stylized in zip(frames, plain, strict=True):
            start = time.perf_counter()
            smoothed.append(smoother.apply(frame, stylized, look) if strength else stylized)
            seconds.append(time.perf_counter() - start)
        error = sum(square_difference(smoothed[n - 1], smoothed[n], pair) for n, pair in pairs.items())
        cells.append(f"{(error / source_error) ** 0.5:.2f}")
    return [*cells, f"{1000 * statistics.median(seconds):.1f}"]


if __name__ == "__main__":
    sys.exit(main())
