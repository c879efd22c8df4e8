"""`realtime-stylize`: parse, wire, run."""

from __future__ import annotations

import argparse
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from realtime.errors import StylizeError, UsageError

if TYPE_CHECKING:
    from realtime.live import Live

PROVIDER_NAMES = ("auto", "cpu", "cuda", "tensorrt", "coreml", "dml", "openvino")


def build_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="realtime-stylize",
        description="Your camera, painted, live.",
        epilog="Press h in the window for its keys.",
    )
    source = parser.add_mutually_exclusive_group()
    source.add_argument(
        "--camera", metavar="N|NAME|URL", help="index, name or URL (default: the first camera that answers)"
    )
    source.add_argument("--demo", action="store_true", help="a moving picture instead of a camera")
    parser.add_argument("--style", metavar="NAME[:W],...", help="a style, or several with their weights")
    parser.add_argument("--strength", type=float, default=1.0, metavar="0..1", help="0 the photo, 1 the painting")
    parser.add_argument("--size", default="auto", metavar="auto|ROWS", help="height to paint at (default: auto)")
    parser.add_argument("--fps", type=float, metavar="N", help="paint at most N frames a second")
    parser.add_argument(
        "--mirror",
        action=argparse.BooleanOptionalAction,
        help="mirror the picture (default: cameras yes, else no)",
    )
    parser.add_argument("--provider", choices=PROVIDER_NAMES, default="auto", help="where the network runs")
    parser.add_argument("--models", type=Path, metavar="PATH", help="a model file, or a folder of them, to add")
    parser.add_argument("--snapshots", type=Path, default=Path(), metavar="DIR", help="where s saves (default: here)")
    parser.add_argument("--no-window", action="store_true", help="paint without showing")
    parser.add_argument("--frames", type=int, metavar="N", help="stop after N pictures")
    parser.add_argument("--stats", type=Path, metavar="FILE", help="write figures as JSON at the end")
    parser.add_argument("--list-styles", action="store_true", help="the styles there are, and exit")
    parser.add_argument("--list-cameras", action="store_true", help="the cameras there are, and exit")
    parser.add_argument("--list-providers", action="store_true", help="where the network can run, and exit")
    parser.add_argument("--json", action="store_true", help="lists as JSON")
    parser.add_argument("--version", action="store_true", help="this program's version and its libraries', and exit")
    parser.add_argument("--debug", action="store_true", help="show a traceback on errors")
    return parser


def run(arguments: argparse.Namespace) -> None:
    """Do what the command line asks for."""
    from realtime import listing

    if arguments.version:
        print(listing.versions())
    elif arguments.list_styles:
        listing.print_styles(arguments.models, arguments.json)
    elif arguments.list_providers:
        listing.print_providers(arguments.json)
    elif arguments.list_cameras:
        listing.print_cameras(arguments.json)
    else:
        run_live(arguments)


def run_live(arguments: argparse.Namespace) -> None:
    """Open, paint and show until it is over; then write the figures."""
    height = _check(arguments)
    if not arguments.no_window:
        from realtime.sinks.window import require_display

        require_display()  # before anything slow, and before a camera's light goes on
    from realtime.live import Live
    from realtime.sources import open_live_source
    from realtime.stylizer import Stylizer

    with Stylizer(
        arguments.style, strength=arguments.strength, provider=arguments.provider, models=arguments.models
    ) as stylizer:
        source = open_live_source(arguments.camera, demo=arguments.demo, height=height, fps=arguments.fps)
        mirror = source.mirror if arguments.mirror is None else arguments.mirror
        live = Live(source, stylizer, mirror=mirror, height=height, fps=arguments.fps, frames=arguments.frames)
        width, rows = source.size
        print(f"{source.name}: {width} x {rows}, {source.fps:g} fps", flush=True)
        print(f"{stylizer.provider.upper()}: {stylizer.why}", flush=True)
        try:
            live.start()
            _show(live, arguments)
        finally:
            try:
                live.stop()
            finally:
                _report(live, arguments.stats)


def _show(live: Live, arguments: argparse.Namespace) -> None:
    if arguments.no_window:
        while not live.done.wait(0.5):  # short enough for Ctrl-C on every system
            pass
        return
    from realtime.display import Display
    from realtime.sinks.window import Window

    width, rows = live.source.size
    factor = max(1.0, 640 / width)
    with Window("realtime-stylize", (round(width * factor), round(rows * factor))) as window:
        Display(live, window, arguments.snapshots).run()


def _report(live: Live, stats: Path | None) -> None:
    from realtime.stats import write_stats

    table = live.summary()
    print(f"{table['frames_painted']} frames painted, {table['fps']:.1f} fps", flush=True)
    if stats is not None:
        write_stats(stats, table)


def _check(arguments: argparse.Namespace) -> int | None:
    """The rows to paint at, or None for auto. Raises UsageError."""
    if arguments.frames is not None and arguments.frames < 1:
        raise UsageError(f"--frames {arguments.frames}: at least 1")
    if arguments.fps is not None and not 0 < arguments.fps <= 1000:
        raise UsageError(f"--fps {arguments.fps:g}: more than 0, at most 1000")
    if arguments.size == "auto":
        return None
    if not arguments.size.isdigit() or not 64 <= int(arguments.size) <= 8192:
        raise UsageError(f"--size {arguments.size}: 'auto', or a height from 64 to 8192")
    return int(arguments.size)


def main() -> int:
    """The entry point; returns the exit status."""
    arguments = build_parser().parse_args()
    for number in (signal.SIGINT, signal.SIGTERM):  # SIGINT too: a shell's background jobs ignore it
        signal.signal(number, signal.default_int_handler)
    try:
        run(arguments)
    except KeyboardInterrupt:
        return 130
    except StylizeError as error:
        if arguments.debug:
            raise
        print(f"realtime-stylize: {error}", file=sys.stderr)
        return 2 if isinstance(error, UsageError) else 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
