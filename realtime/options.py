"""The command line's options, in groups."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from realtime.sinks.codecs import ENCODERS, PRESETS
from realtime.views import View

PROVIDER_NAMES = ("auto", "cpu", "cuda", "tensorrt", "coreml", "dml", "openvino")


def build_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="realtime-stylize",
        description="Your camera, painted, live; films and pictures too.",
        epilog="Press h in the window for its keys.",
    )
    parser.add_argument(
        "inputs", nargs="*", type=Path, metavar="FILE", help="films, pictures or folders: played, or with -o painted"
    )
    source = parser.add_mutually_exclusive_group()
    source.add_argument(
        "--camera",
        metavar="N|NAME|URL",
        help="index, name or URL; page: what a browser sends (default: the first camera that answers)",
    )
    source.add_argument("--demo", action="store_true", help="a moving picture instead of a camera")
    _add_file_options(parser)
    _add_look_options(parser)
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
    _add_recording_options(parser)
    parser.add_argument("--no-window", action="store_true", help="paint without showing")
    parser.add_argument("--frames", type=int, metavar="N", help="stop after N pictures")
    parser.add_argument("--stats", type=Path, metavar="FILE", help="write figures as JSON at the end")
    parser.add_argument("--list-styles", action="store_true", help="the styles there are, and exit")
    parser.add_argument("--list-cameras", action="store_true", help="the cameras there are, and exit")
    parser.add_argument("--list-providers", action="store_true", help="where the network can run, and exit")
    parser.add_argument("--list-codecs", action="store_true", help="what films can be written with, and exit")
    parser.add_argument("--json", action="store_true", help="lists and results as JSON")
    parser.add_argument("--version", action="store_true", help="this program's version and its libraries', and exit")
    parser.add_argument("--debug", action="store_true", help="show a traceback on errors")
    return parser


def _add_recording_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("recording and showing")
    group.add_argument("--record", type=Path, metavar="FILE", help="record from the start (r: to the folder of s)")
    group.add_argument(
        "--microphone", action="store_const", const=True, help="recordings have sound, of the default microphone"
    )
    group.add_argument("--virtual-camera", action="store_const", const=True, help="be a camera that other programs see")
    group.add_argument(
        "--serve", nargs="?", const="", metavar="ADDRESS", help="a page for browsers and OBS (default: 127.0.0.1:8765)"
    )


def _add_look_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("the look")
    group.add_argument("--style", metavar="NAME[:W],...", help="a style, or a mix of up to four with their weights")
    group.add_argument("--strength", type=float, default=1.0, metavar="0..1", help="0 the photo, 1 the painting")
    group.add_argument("--keep-colors", action="store_true", help="the photo's colours, the painting's light and dark")
    group.add_argument("--stroke", type=float, default=1.0, metavar="FACTOR", help="size of strokes, 0.5 to 4")
    group.add_argument("--smooth", type=float, default=0.0, metavar="0..1", help="hold paintings steady over time")
    live = parser.add_argument_group("the look, live")
    live.add_argument("--fade", type=float, metavar="SECONDS", help="from one look to the next (default: 0.3)")
    live.add_argument("--tour", type=float, metavar="SECONDS", help="walk through all styles, so long each")
    live.add_argument(
        "--view",
        choices=[view.value for view in View],
        help="split: beside the photo; grid: all styles (default: painted)",
    )


def stylizer_options(arguments: argparse.Namespace) -> dict[str, Any]:
    """What `Stylizer` is told."""
    names = ("style", "strength", "keep_colors", "stroke", "smooth", "provider", "models")
    return {name: getattr(arguments, name) for name in names}


def _add_file_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("films and pictures")
    group.add_argument("-o", "--output", metavar="FILE|DIR", help="where the painted ones go; DIR/ for several")
    group.add_argument("--loop", action="store_true", help="without -o: play again and again")
    group.add_argument("--overwrite", action="store_true", help="replace what is there")
    group.add_argument("--resume", action="store_true", help="go on from what an interrupted run has left")
    group.add_argument("--scale-output", action="store_true", help="give back the size of --size, not the input's")
    group.add_argument("--codec", choices=ENCODERS, metavar="NAME", help="default: h264, in .webm vp9")
    group.add_argument("--crf", type=int, metavar="N", help="quality, less is better (default: 18 for h264)")
    group.add_argument("--preset", choices=PRESETS, default="medium", help="slower is smaller (default: medium)")
    group.add_argument("--track", type=int, metavar="N", help="the video track to paint (default: the largest)")
