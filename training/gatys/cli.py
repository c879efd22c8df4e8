"""`stylize-still`: parse, wire, run."""

from __future__ import annotations

import argparse
import dataclasses
import sys
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from realtime.system.console import escape_unencodable, say, tell
from realtime.system.signals import defer_interrupts, install_interrupt_handlers
from training.errors import TrainingError
from training.gatys.options import STYLE_LAYERS, build_parser

if TYPE_CHECKING:
    from training.gatys.coarse_to_fine import Settings, Still
    from training.gatys.output_file import PictureFile

EXTRA = {"torch", "torchvision", "safetensors"}  # modules of the extra `train`


def run(arguments: argparse.Namespace) -> int:
    """Paint as asked; returns the exit status, 130 where Ctrl-C ended it with the picture so far written."""
    try:
        with defer_interrupts():
            from training.gatys.coarse_to_fine import Still
            from training.gatys.output_file import PictureFile
            from training.images import read_image
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] not in EXTRA:
            raise
        hint = 'pip install "realtime-stylize[train]"'
        raise TrainingError(f"painting a still needs {error.name}, which is not installed: {hint}") from error

    inputs = (arguments.photo, arguments.painting)
    output = PictureFile(arguments.output, arguments.overwrite, inputs)
    preview = None
    if arguments.preview_every:
        name = arguments.output.with_suffix(".preview.png")
        preview = PictureFile(name, True, inputs)  # one that a kill has left is in nobody's way
    still = Still(read_image(arguments.photo), read_image(arguments.painting, trim=True), settings(arguments))
    try:
        work(still, preview, arguments.preview_every)
        _write(still, output, preview)
    except KeyboardInterrupt:
        if _write(still, output, preview):
            say(f"stopped; wrote {output.path} as far as it was")
        else:
            say("stopped before there was a picture; nothing written")
        return 130
    tell(f"wrote {output.path}")
    return 0


def settings(arguments: argparse.Namespace) -> Settings:
    """The command line as settings. Raises TrainingError where it asks for what is not there."""
    import torch

    from training.gatys.coarse_to_fine import Settings
    from training.gatys.optimize import Recipe

    device = arguments.device
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    elif device == "cuda" and not torch.cuda.is_available():
        raise TrainingError("no CUDA device that torch can use; leave --device out to paint on the CPU")
    recipe = Recipe(
        arguments.content_layers,
        arguments.style_layers or STYLE_LAYERS[arguments.network],
        arguments.content_weight,
        arguments.style_weight,
        arguments.tone_weight,
        arguments.palette_weight,
    )
    same = {field.name for field in dataclasses.fields(Settings)} - {"recipe", "device"}
    return Settings(recipe, device=device, **{name: getattr(arguments, name) for name in same})


def work(still: Still, preview: PictureFile | None, every: int) -> None:
    """Paint to the end, showing progress: a bar on a terminal, plain lines elsewhere."""
    console = Console(stderr=True)
    columns = (BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), TextColumn("{task.description}"))
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task("", total=sum(still.counts))
        for now in still.paint():
            losses = f"content {now.step.content:.4f}  style {now.step.style:.4f}  total {now.step.total:.4f}"
            line = f"{now.width}x{now.height}  {losses}"
            bar.update(task, completed=now.done, description=line)
            if not console.is_terminal and (now.done % 10 == 0 or now.done == now.total):
                tell(f"{now.done}/{now.total}  {line}")
            picture = still.picture() if preview and now.done and now.done % every == 0 else None
            if preview and picture is not None:
                preview.write(picture)


def main(argv: list[str] | None = None) -> int:
    """The entry point; returns the exit status."""
    arguments = build_parser().parse_args(argv)
    install_interrupt_handlers()
    escape_unencodable()
    try:
        return run(arguments)
    except KeyboardInterrupt:
        say("stopped before there was a picture; nothing written")
        return 130
    except (TrainingError, OSError) as error:
        if arguments.debug:
            raise
        if isinstance(error, OSError):
            error = TrainingError(f"{error.filename or 'the disk'}: {error.strerror or error}")
        say(f"stylize-still: {error}")
        return 1
    except (MemoryError, RuntimeError) as error:
        if arguments.debug or not _out_of_memory(error):
            raise
        say("stylize-still: out of memory after all; choose a smaller --size")
        return 1


def _write(still: Still, output: PictureFile, preview: PictureFile | None) -> bool:
    """The picture as it stands, in place of the preview; False where there is none yet."""
    picture = still.picture()
    if picture is None:
        return False
    output.write(picture)
    if preview and preview.written:
        preview.path.unlink(missing_ok=True)
    return True


def _out_of_memory(error: Exception) -> bool:
    """A class of torch's own on a GPU, a plain RuntimeError that says so on the CPU."""
    return isinstance(error, MemoryError) or "memory" in str(error)


if __name__ == "__main__":
    sys.exit(main())
