"""`stylize-train`: parse, wire, run."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from training.errors import TrainingError


def build_parser() -> argparse.ArgumentParser:
    """The command line of stylize-train."""
    parser = argparse.ArgumentParser(
        prog="stylize-train",
        description="Train a style network on a folder of photos and a few paintings.",
        epilog="Stop it at any time with Ctrl-C; the same command goes on where it stopped.",
    )
    parser.add_argument("--config", type=Path, required=True, metavar="FILE", help="the run's TOML file")
    parser.add_argument("--photos", type=Path, required=True, metavar="DIR", help="content photos, any size")
    parser.add_argument("--paintings", type=Path, required=True, metavar="DIR", help="where the paintings are")
    parser.add_argument("--vgg", type=Path, metavar="FILE", help="VGG-16 weights (default: torchvision's, downloaded)")
    parser.add_argument("--previews", type=Path, metavar="DIR", help="photos to paint every 1,000 steps")
    parser.add_argument("--device", default="auto", help="cpu, cuda or auto (default)")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="DIR", help="checkpoint, log, previews")
    parser.add_argument("--debug", action="store_true", help="show a traceback on errors")
    return parser


def run(arguments: argparse.Namespace) -> None:
    """Train as asked, showing progress: a bar on a terminal, plain lines elsewhere."""
    # Threads that wait for each other without spinning: beside other programs that is several times faster.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    try:
        import torch

        from training.config import read_config
        from training.train import Files, Report, train
    except ImportError as error:
        hint = "pip install 'realtime-stylize[train]'"
        raise TrainingError(f"training needs {error.name}, which is not installed: {hint}") from error

    device = arguments.device
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    elif device == "cuda" and not torch.cuda.is_available():
        raise TrainingError("no CUDA device that torch can use; leave --device out to train on the CPU")
    config = read_config(arguments.config)
    files = Files(arguments.photos, arguments.paintings, arguments.vgg, arguments.output, arguments.previews)
    console = Console(stderr=True)
    columns = (BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), TextColumn("{task.description}"))
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task("photos", total=config.schedule.photos)

        def show(report: Report) -> None:
            terms = "  ".join(f"{name.partition('_')[0]} {value:.4f}" for name, value in report.terms.items())
            line = f"{terms}  {report.speed:.1f} photos/s"
            progress.update(task, completed=report.photos, description=line)
            if not console.is_terminal:
                print(f"{report.photos}/{report.total}  {line}", flush=True)

        train(config, files, device, show)
    print(f"wrote {files.checkpoint}")


def main() -> int:
    """The entry point; returns the exit status."""
    arguments = build_parser().parse_args()
    for number in (signal.SIGINT, signal.SIGTERM):  # SIGINT too: a shell's background jobs ignore it
        signal.signal(number, signal.default_int_handler)
    try:
        run(arguments)
    except KeyboardInterrupt:
        print(f"stopped; the same command goes on from {arguments.output}", file=sys.stderr)
        return 130
    except TrainingError as error:
        if arguments.debug:
            raise
        print(f"stylize-train: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
