"""The entry point of `stylize-train`."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from realtime.system.console import write_stdout
from training.command_line import add_machine_options, choose_device, importing_extra, number_between, run_command

if TYPE_CHECKING:
    from training.train import Report


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of stylize-train."""
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
    parser.add_argument(
        "--minutes",
        type=number_between(0.001, 100_000),
        default=10.0,
        help="how long to learn a painting (default: 10)",
    )
    parser.add_argument(
        "--full", action="store_true", help="learn all weights for it: better in hours, does not mix with others"
    )
    parser.add_argument("--overwrite", action="store_true", help="replace the style of that name")
    parser.add_argument("--remove", metavar="NAME", help="take a style of your own away, instead of learning one")
    add_machine_options(parser)
    whole = parser.add_argument_group("a whole network")
    whole.add_argument("--config", type=Path, metavar="FILE", help="the run's TOML file, instead of PAINTING")
    whole.add_argument("--paintings", type=Path, metavar="DIR", help="where its paintings are")
    whole.add_argument("--start", type=Path, metavar="FILE", help="a checkpoint to begin with")
    whole.add_argument("--previews", type=Path, metavar="DIR", help="photos to paint now and then")
    whole.add_argument("-o", "--output", type=Path, metavar="DIR", help="for checkpoint, log and previews")
    return parser


def run(arguments: argparse.Namespace) -> int:
    """Train or remove a style, showing progress: a bar on a terminal, plain lines elsewhere."""
    # Waiting threads do not spin: beside other busy programs that makes training several times faster.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    with importing_extra("training"):
        from training.fine_tune import Request, fine_tune, remove_style

    if arguments.remove is not None:
        remove_style(arguments.remove, write_stdout)
        return 0
    device = choose_device(arguments.device)
    console = Console(stderr=True)
    columns = (BarColumn(), TaskProgressColumn(), TimeRemainingColumn(), TextColumn("{task.description}"))
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task("", total=1.0)

        def show(report: Report) -> None:
            progress.update(task, completed=report.progress, description=str(report))
            if not console.is_terminal:
                write_stdout(f"{report.progress:.1%}  {report.photos} photos  {report}")

        if arguments.config:
            line = f"wrote {_train_network(arguments, device, show)}"
        else:
            request = Request(
                arguments.painting,
                arguments.name,
                arguments.photos,
                arguments.minutes,
                arguments.full,
                arguments.vgg,
                device,
                arguments.overwrite,
            )
            name, _ = fine_tune(request, show, write_stdout)
            line = f"done: realtime-stylize --style {name}"
    write_stdout(line)
    return 0


def _train_network(arguments: argparse.Namespace, device: str, show: Callable[[Report], None]) -> Path:
    """Train as the config file says; returns the checkpoint."""
    from training.config import read_config
    from training.train import Files, train

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
    return files.checkpoint


def check(parser: argparse.ArgumentParser, arguments: argparse.Namespace) -> None:
    """Exit with the usage where options of the two ways to train are combined, or a required one is missing."""
    if sum(value is not None for value in (arguments.painting, arguments.config, arguments.remove)) != 1:
        parser.error("one of a PAINTING, --config FILE and --remove NAME is needed")
    if arguments.remove is not None and (arguments.name or arguments.photos or arguments.full or arguments.overwrite):
        parser.error("--remove NAME stands alone")
    missing = [f"--{name}" for name in ("paintings", "output", "photos") if getattr(arguments, name) is None]
    if arguments.config and missing:
        parser.error(f"--config needs {', '.join(missing)} too")
    given = [f"--{name}" for name in ("paintings", "output", "start", "previews") if getattr(arguments, name)]
    if arguments.painting and given:
        parser.error(f"{given[0]} goes with --config")


def main(argv: list[str] | None = None) -> int:
    """Run `stylize-train`; returns the exit status."""
    parser = build_parser()
    arguments = parser.parse_args(argv)
    check(parser, arguments)
    stopped = "stopped; the same command goes on from here"
    return run_command("stylize-train", lambda: run(arguments), debug=arguments.debug, stopped=stopped)


if __name__ == "__main__":
    sys.exit(main())
