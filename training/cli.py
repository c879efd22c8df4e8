"""`stylize-train`: parse, wire, run."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from export.errors import ExportError
from realtime.system.console import escape_unencodable, say, tell
from realtime.system.signals import defer_interrupts, install_interrupt_handlers
from training.errors import TrainingError


def build_parser() -> argparse.ArgumentParser:
    """The command line of stylize-train."""
    parser = argparse.ArgumentParser(
        prog="stylize-train",
        description="Learn a painting of your own as a style of the live app; or train a whole network.",
        epilog="Stop it at any time with Ctrl-C; the same command goes on where it stopped.",
    )
    parser.add_argument("painting", type=Path, nargs="?", metavar="PAINTING", help="a picture of your painting")
    parser.add_argument("--name", help="of the new style (default: the picture's)")
    parser.add_argument(
        "--photos",
        metavar="DIR|FILM|camera",
        help="what to practise on: any photos, the more the better (default: your folder of pictures)",
    )
    parser.add_argument("--minutes", type=_minutes, default=10.0, help="how long to learn a painting (default: 10)")
    parser.add_argument(
        "--full", action="store_true", help="learn all weights for it: better in hours, does not mix with others"
    )
    parser.add_argument("--overwrite", action="store_true", help="replace the style of that name")
    parser.add_argument("--remove", metavar="NAME", help="take a style of your own away, instead of learning one")
    parser.add_argument("--vgg", type=Path, metavar="FILE", help="VGG-16 weights (default: torchvision's, downloaded)")
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto", help="where (default: auto)")
    parser.add_argument("--debug", action="store_true", help="show a traceback on errors")
    whole = parser.add_argument_group("a whole network")
    whole.add_argument("--config", type=Path, metavar="FILE", help="the run's TOML file, instead of PAINTING")
    whole.add_argument("--paintings", type=Path, metavar="DIR", help="where its paintings are")
    whole.add_argument("--start", type=Path, metavar="FILE", help="a checkpoint to begin with")
    whole.add_argument("--previews", type=Path, metavar="DIR", help="photos to paint now and then")
    whole.add_argument("-o", "--output", type=Path, metavar="DIR", help="for checkpoint, log and previews")
    return parser


def run(arguments: argparse.Namespace) -> None:
    """Train as asked, showing progress: a bar on a terminal, plain lines elsewhere."""
    # Threads that wait for each other without spinning: beside other programs that is several times faster.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    try:
        with defer_interrupts():
            import torch

            from training.config import read_config
            from training.fine_tune import Request, learn, remove
            from training.train import Files, Report, train
    except ImportError as error:
        hint = 'pip install "realtime-stylize[train]"'
        raise TrainingError(f"training needs {error.name}, which is not installed: {hint}") from error

    if arguments.remove is not None:
        return remove(arguments.remove, tell)
    device = arguments.device
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    elif device == "cuda" and not torch.cuda.is_available():
        raise TrainingError("no CUDA device that torch can use; leave --device out to train on the CPU")
    console = Console(stderr=True)
    columns = (BarColumn(), TaskProgressColumn(), TimeRemainingColumn(), TextColumn("{task.description}"))
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task("", total=1.0)

        def show(report: Report) -> None:
            progress.update(task, completed=report.progress, description=str(report))
            if not console.is_terminal:
                tell(f"{report.progress:.1%}  {report.photos} photos  {report}")

        if arguments.config:
            config = read_config(arguments.config)
            files = Files(
                Path(arguments.photos),
                arguments.paintings,
                arguments.vgg,
                arguments.output,
                arguments.previews,
                arguments.start,
            )
            train(config, files, device, show)
            done = f"wrote {files.checkpoint}"
        else:
            asked = (arguments.painting, arguments.name, arguments.photos, arguments.minutes, arguments.full)
            name, _ = learn(Request(*asked, arguments.vgg, device, arguments.overwrite), show, tell)
            done = f"done: realtime-stylize --style {name}"
    tell(done)


def check(parser: argparse.ArgumentParser, arguments: argparse.Namespace) -> None:
    """Exit with the usage where the two ways to train are mixed up, or one is asked for by half."""
    if sum(asked is not None for asked in (arguments.painting, arguments.config, arguments.remove)) != 1:
        parser.error("one of a PAINTING, --config FILE and --remove NAME is needed")
    if arguments.remove is not None and (arguments.name or arguments.photos or arguments.full or arguments.overwrite):
        parser.error("--remove NAME stands alone")
    whole = {"paintings": "--paintings", "output": "--output", "photos": "--photos"}
    missing = [option for name, option in whole.items() if getattr(arguments, name) is None]
    if arguments.config and missing:
        parser.error(f"--config needs {', '.join(missing)} too")
    given = [f"--{name}" for name in ("paintings", "output", "start", "previews") if getattr(arguments, name)]
    if arguments.painting and given:
        parser.error(f"{given[0]} goes with --config")


def _minutes(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < 100_000:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of minutes above 0")
    return value


def main() -> int:
    """The entry point; returns the exit status."""
    parser = build_parser()
    arguments = parser.parse_args()
    check(parser, arguments)
    install_interrupt_handlers()
    escape_unencodable()
    try:
        run(arguments)
    except KeyboardInterrupt:
        say("stopped; the same command goes on from here")
        return 130
    except (TrainingError, ExportError, OSError) as error:
        if arguments.debug:
            raise
        if isinstance(error, OSError):
            error = TrainingError(f"{error.filename or 'the disk'}: {error.strerror or error}")
        say(f"stylize-train: {error}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
