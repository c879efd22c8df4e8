"""Options that argparse accepts one by one, but that are out of range or make no sense together."""

from __future__ import annotations

import argparse
import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from realtime.errors import UsageError

if TYPE_CHECKING:
    from realtime.web.address import Address

MIN_HEIGHT, MAX_HEIGHT = 64, 8192  # rows
MIN_FPS, MAX_FPS = 0.01, 1000.0
MAX_FADE_SECONDS = 60.0
MIN_TOUR_SECONDS, MAX_TOUR_SECONDS = 1.0, 86400.0
LIVE_ONLY = (
    *("fps", "mirror", "stats", "fade", "tour", "view", "look", "full_screen", "figures"),
    *("record", "microphone", "virtual_camera", "serve", "public_url"),
)
FILES_ONLY = ("codec", "crf", "overwrite", "resume", "scale_output")


def check_ranges(arguments: argparse.Namespace) -> None:
    """Check the numbers, and the place for `--stats`. Raises UsageError or OutputError."""
    if arguments.frames is not None and arguments.frames < 1:
        raise UsageError(f"--frames {arguments.frames}: at least 1")
    if arguments.fps is not None and not MIN_FPS <= arguments.fps <= MAX_FPS:
        raise UsageError(f"--fps {arguments.fps:g}: from {MIN_FPS:g} to {MAX_FPS:g}")
    if arguments.fade is not None and not 0 <= arguments.fade <= MAX_FADE_SECONDS:
        raise UsageError(f"--fade {arguments.fade:g}: from 0 to {MAX_FADE_SECONDS:g} seconds")
    if arguments.tour is not None and not MIN_TOUR_SECONDS <= arguments.tour <= MAX_TOUR_SECONDS:
        raise UsageError(f"--tour {arguments.tour:g}: at least {MIN_TOUR_SECONDS:g} second for each style")
    if arguments.stats is not None:
        from realtime.live.stats import check_stats_path

        check_stats_path(arguments.stats, arguments.record)


def height_of(arguments: argparse.Namespace) -> int | None:
    """Return the rows that `--size` asks for, or None for "auto". Raises UsageError."""
    size: str = arguments.size
    if size == "auto":
        return None
    if not (size.isascii() and size.isdigit()) or not MIN_HEIGHT <= int(size) <= MAX_HEIGHT:
        raise UsageError(f"--size {size}: 'auto', or a height from {MIN_HEIGHT} to {MAX_HEIGHT}")
    return int(size)


def address_of(arguments: argparse.Namespace) -> Address | None:
    """Return the address that `--serve` asks for, or None without it. Raises UsageError."""
    from realtime.web.address import parse_address, parse_public_url

    if arguments.serve is None and arguments.camera == "page":
        raise UsageError("--camera page: --serve makes the page that sends it")
    if arguments.serve is None and arguments.public_url is not None:
        raise UsageError(f"--public-url {arguments.public_url}: is for the page of --serve")
    if arguments.serve is None:
        return None
    if Path(arguments.serve).suffix and os.path.exists(Path(arguments.serve)):
        raise UsageError(f"--serve {arguments.serve}: a file, where an address may stand; name the file before --serve")
    address = parse_address(arguments.serve)
    return (
        address if arguments.public_url is None else replace(address, public_url=parse_public_url(arguments.public_url))
    )


def check_live(arguments: argparse.Namespace) -> None:
    """Refuse combinations that make no sense when the pictures are shown. Raises UsageError."""
    if arguments.inputs and (arguments.camera is not None or arguments.demo):
        raise UsageError("a camera or the demo cannot be combined with files")
    if not arguments.inputs and arguments.loop:
        raise UsageError("--loop is for films that are played: name one")
    if arguments.style_track and not arguments.inputs:
        raise UsageError("--style-track is for films: name one")
    if arguments.style_track and arguments.tour is not None:
        raise UsageError("--style-track and --tour both say when styles change: one of them")
    for option in FILES_ONLY:
        if getattr(arguments, option) and not (option == "overwrite" and arguments.record):
            raise UsageError(f"--{option.replace('_', '-')} is for files that are written: name one with -o")


def check_files(arguments: argparse.Namespace) -> None:
    """Refuse combinations that make no sense when files are written (`-o`). Raises UsageError."""
    if not arguments.inputs:
        raise UsageError(f"-o {arguments.output}: what is to be painted? Name a film, a picture or a folder")
    if arguments.camera is not None or arguments.demo:
        raise UsageError("a camera or the demo cannot be combined with files")
    if arguments.scale_output and arguments.size == "auto":
        raise UsageError("--scale-output gives back the size painted at: say which with --size ROWS")
    if arguments.resume and arguments.overwrite:
        raise UsageError("--resume goes on from what is there, --overwrite replaces it: one of them")
    if arguments.loop:
        raise UsageError("--loop is for films that are played, without -o")
    for option in LIVE_ONLY:
        if getattr(arguments, option) is not None:
            name = option.replace("_", "-")
            raise UsageError(f"--{name} is for live pictures, not for files that are written (-o)")
