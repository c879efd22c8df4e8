"""What `--smooth` does: how much less paintings flicker along what moves, and what it costs.

    python -m benchmarks.smooth --clips DIR [--styles starry_night,great_wave] [--frames 48]

Each film is painted frame by frame as the app does it. The measure is that of benchmarks.quality: RMS difference of
neighbouring paintings along the optical flow where nothing is hidden, over that of the film itself.
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
from benchmarks.quality.steadiness import Pair, neighbours, square_difference
from export.verify import cover
from realtime.frame import Image
from realtime.stylizer.look import parse_look
from realtime.stylizer.smoothing import TemporalSmoother
from realtime.stylizer.stylizer import Stylizer

STRENGTHS = (0.0, 0.5, 1.0)
SIZE = (360, 640)  # height, width
STRIDE = 3  # every so many frames a pair is compared; the flow of each takes longer than painting it


def main() -> int:
    """The entry point; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.smooth", description=__doc__.splitlines()[0])
    parser.add_argument("--clips", type=Path, required=True, metavar="DIR", help="films, .mp4")
    parser.add_argument("--styles", default="starry_night,great_wave")
    parser.add_argument("--frames", type=int, default=48, help="of each film")
    arguments = parser.parse_args()
    films = sorted(arguments.clips.glob("*.mp4"))
    if not films:
        print(f"benchmarks.smooth: no .mp4 in {arguments.clips}", file=sys.stderr)
        return 1
    columns = [f"smooth {strength:g}" for strength in STRENGTHS]
    table = Table("film", "style", *columns, "ms a frame", title=f"{machine()}, {load()}", box=box.SIMPLE_HEAD)
    with Stylizer(provider="cpu") as stylizer:
        for film in films:
            frames = read(film, arguments.frames)
            pairs = {n: neighbours(frames[n - 1], frames[n]) for n in range(STRIDE, len(frames), STRIDE)}
            for style in arguments.styles.split(","):
                table.add_row(film.stem, style, *measure(stylizer, style, frames, pairs))
    print_table(table)
    return 0


def read(film: Path, count: int) -> list[Image]:
    """The film's first frames, at SIZE."""
    with av.open(str(film)) as container:
        frames = itertools.islice(container.decode(video=0), count)
        return [cover(np.asarray(frame.to_ndarray(format="bgr24"), np.uint8), *SIZE) for frame in frames]


def measure(stylizer: Stylizer, style: str, frames: list[Image], pairs: dict[int, Pair]) -> list[str]:
    """A cell for each strength, and what the strongest costs."""
    look = parse_look(style, stylizer.library)
    plain = [stylizer.stylize(frame, look) for frame in frames]
    source = sum(square_difference(pair.first, pair.second, pair) for pair in pairs.values())
    cells, taken = [], [0.0]
    for strength in STRENGTHS:
        smooth, steady, taken = parse_look(style, stylizer.library, smooth=strength), TemporalSmoother(), []
        painted = []
        for frame, painting in zip(frames, plain, strict=True):
            start = time.perf_counter()
            painted.append(steady.apply(frame, painting, smooth) if strength else painting)
            taken.append(time.perf_counter() - start)
        error = sum(square_difference(painted[n - 1], painted[n], pair) for n, pair in pairs.items())
        cells.append(f"{(error / source) ** 0.5:.2f}")
    return [*cells, f"{1000 * statistics.median(taken):.1f}"]


if __name__ == "__main__":
    sys.exit(main())
