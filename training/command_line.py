"""What the command lines of stylize-train, stylize-still and stylize-export have in common."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from export.errors import ExportError
from realtime.system.console import escape_unencodable, open_closed_streams, write_stderr
from realtime.system.signals import INTERRUPTED_STATUS, defer_interrupts, install_interrupt_handlers
from training.errors import TrainingError

EXTRA_MODULES = {"filelock", "onnx", "safetensors", "torch", "torchvision"}  # installed by the extra `train`


def integer_from(minimum: int) -> Callable[[str], int]:
    """Return an argparse type for whole numbers of at least `minimum`."""

    def parse(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"expected a whole number, got {text!r}") from None
        if value < minimum:
            raise argparse.ArgumentTypeError(f"must be at least {minimum}, got {value}")
        return value

    return parse


def number_between(minimum: float, maximum: float = 1e6) -> Callable[[str], float]:
    """Return an argparse type for numbers from `minimum` to `maximum`."""

    def parse(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"expected a number, got {text!r}") from None
        if not minimum <= value <= maximum:  # NaN fails every comparison, so it is refused too
            raise argparse.ArgumentTypeError(f"must be from {minimum:g} to {maximum:g}, got {text}")
        return value

    return parse


def add_machine_options(parser: argparse.ArgumentParser) -> None:
    """Add --vgg, --device and --debug."""
    parser.add_argument("--vgg", type=Path, metavar="FILE", help="VGG weights (default: torchvision's, downloaded)")
    parser.add_argument("--device", choices=["auto", "cpu", "cuda"], default="auto", help="where (default: auto)")
    parser.add_argument("--debug", action="store_true", help="show a traceback on errors")


def choose_device(requested: str) -> str:
    """Return torch's name for "auto", "cpu" or "cuda". Raises TrainingError where torch cannot use CUDA."""
    import torch

    if requested == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if requested == "cuda" and not torch.cuda.is_available():
        raise TrainingError("no CUDA device that torch can use; leave --device out to compute on the CPU")
    return requested


@contextmanager
def importing_extra(purpose: str) -> Iterator[None]:
    """Import modules that need the extra `train` inside this block; Ctrl-C is delayed until it ends.

    Raises TrainingError with the command to install it where one of EXTRA_MODULES is missing.
    """
    try:
        with defer_interrupts():
            yield
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] not in EXTRA_MODULES:
            raise
        hint = 'pip install "realtime-stylize[train]"'
        raise TrainingError(f"{purpose} needs {error.name}, which is not installed: {hint}") from error


def run_command(program: str, run: Callable[[], int], *, debug: bool, stopped: str = "") -> int:
    """Run a command and return its exit status; report what the user can correct in one line on stderr.

    debug: let errors through, with their traceback; stopped: the line for KeyboardInterrupt, "" for none.
    """
    install_interrupt_handlers()
    open_closed_streams()
    escape_unencodable()
    try:
        return run()
    except KeyboardInterrupt:
        if stopped:
            write_stderr(stopped)
        return INTERRUPTED_STATUS
    except (TrainingError, ExportError, OSError) as error:
        if debug:
            raise
        if isinstance(error, OSError):
            error = TrainingError(f"{error.filename or 'the disk'}: {error.strerror or error}")
        write_stderr(f"{program}: {error}")
        return 1
