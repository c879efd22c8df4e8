"""The entry point of `stylize-still`."""

from __future__ import annotations

import argparse
import dataclasses
import sys
from contextlib import ExitStack
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from realtime.system.console import write_stderr, write_stdout
from realtime.system.signals import INTERRUPTED_STATUS
from training.command_line import choose_device, importing_extra, run_command
from training.errors import TrainingError
from training.gatys.options import CONTENT_LAYERS, STYLE_LAYERS, parse

if TYPE_CHECKING:
    from training.gatys.coarse_to_fine import CoarseToFine, Settings
    from training.gatys.output_file import OutputFile

LINE_EVERY_STEPS = 10  # how often progress is printed where stderr is no terminal


def run(arguments: argparse.Namespace) -> int:
    """Stylize the photo; returns the exit status, 130 where Ctrl-C ended it and the result so far was written."""
    with importing_extra("stylizing a still"):
        from training.gatys.output_file import OutputFile

    inputs = (arguments.photo, arguments.painting)
    with ExitStack() as closing:
        output = closing.enter_context(OutputFile(arguments.output, arguments.overwrite, inputs))
        preview = None
        if arguments.preview_every:
            # A killed run may have left its preview, which is always safe to replace.
            preview = closing.enter_context(OutputFile(arguments.output.with_suffix(".preview.png"), True, inputs))
        return _stylize(arguments, output, preview)


def _stylize(arguments: argparse.Namespace, output: OutputFile, preview: OutputFile | None) -> int:
    from training.gatys.coarse_to_fine import CoarseToFine
    from training.images import read_image

    photo, painting = read_image(arguments.photo), read_image(arguments.painting, trim=True)
    optimization = CoarseToFine(photo, painting, settings(arguments))
    try:
        optimize_with_progress(optimization, preview, arguments.preview_every)
        _write_result(optimization, output, preview)
    except KeyboardInterrupt:
        if not _write_result(optimization, output, preview):
            raise
        write_stderr(f"stopped; wrote {output.path} as far as it was")
        return INTERRUPTED_STATUS
    write_stdout(f"wrote {output.path}")
    return 0


def settings(arguments: argparse.Namespace) -> Settings:
    """Return the command line as settings. Raises TrainingError where the device is not available."""
    from training.gatys.coarse_to_fine import Settings
    from training.gatys.optimize import LossSettings
    from training.loss import LOSSES

    loss = LossSettings(
        arguments.content_layers or CONTENT_LAYERS,
        arguments.style_layers or STYLE_LAYERS[arguments.network],
        arguments.content_weight,
        arguments.style_weight,
        arguments.tone_weight,
        arguments.palette_weight,
        LOSSES["pyramid"] if arguments.loss == "pyramid" else None,
    )
    same_named = {field.name for field in dataclasses.fields(Settings)} - {"loss", "device"}
    options = {name: getattr(arguments, name) for name in same_named}
    return Settings(loss, device=choose_device(arguments.device), **options)


def optimize_with_progress(optimization: CoarseToFine, preview: OutputFile | None, preview_every: int) -> None:
    """Run the optimization to its end, showing progress: a bar on a terminal, plain lines elsewhere."""
    console = Console(stderr=True)
    columns = (BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), TextColumn("{task.description}"))
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task("", total=sum(optimization.step_counts))
        for progress in optimization.run():
            result, finished = progress.result, progress.iterations
            losses = f"content {result.content:.4f}  style {result.style:.4f}  total {result.total:.4f}"
            line = f"{progress.width}x{progress.height}  {losses}"
            bar.update(task, completed=finished, description=line)
            if not console.is_terminal and (finished % LINE_EVERY_STEPS == 0 or finished == progress.total):
                write_stdout(f"{finished}/{progress.total}  {line}")
            if preview and finished and finished % preview_every == 0:
                image = optimization.result()
                assert image is not None
                preview.write(image)


def main(argv: list[str] | None = None) -> int:
    """Run `stylize-still`; returns the exit status."""
    arguments = parse(argv)

    def run_within_memory() -> int:
        try:
            return run(arguments)
        except (MemoryError, RuntimeError) as error:
            if not _is_out_of_memory(error):
                raise
            raise TrainingError("out of memory after all; choose a smaller --size") from error

    stopped = "stopped before there was a picture; nothing written"
    return run_command("stylize-still", run_within_memory, debug=arguments.debug, stopped=stopped)


def _write_result(optimization: CoarseToFine, output: OutputFile, preview: OutputFile | None) -> bool:
    """Write the result so far and delete the preview; returns False where there is no result yet."""
    image = optimization.result()
    if image is None:
        return False
    output.write(image)
    if preview and preview.written:
        preview.path.unlink(missing_ok=True)
    return True


def _is_out_of_memory(error: Exception) -> bool:
    """On a GPU torch raises a subclass of RuntimeError, on the CPU a RuntimeError that says so."""
    return isinstance(error, MemoryError) or "memory" in str(error)


if __name__ == "__main__":
    sys.exit(main())
