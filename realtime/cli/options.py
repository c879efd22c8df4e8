"""The parser of the command line: every option, by section."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from enum import Enum
from pathlib import Path
from typing import Any, NoReturn

from realtime.errors import UsageError
from realtime.inference.providers import AUTO, BACKENDS
from realtime.live.view import View
from realtime.sinks.codecs import DEFAULT_PRESET, ENCODERS, PRESETS
from realtime.stylizer.library import NETWORKS
from realtime.stylizer.look_options import add_look_options, by_name
from realtime.ui.keys import PRESET_KEYS

PROVIDER_NAMES = (AUTO, *BACKENDS)
SHELLS = ("bash", "zsh", "fish")
HELP_COLUMN = 36  # where the descriptions begin in `--help`


class Section(Enum):
    """A section of the options. The value is its title in `--help`."""

    INPUT = "input"
    LOOK = "look"
    LIVE = "live"
    INFERENCE = "inference"
    FILES = "video and image files"
    RUN = "this run"
    INFORMATION = "information"


CONFIGURABLE = (Section.INPUT, Section.LOOK, Section.LIVE, Section.INFERENCE)  # a config file may set their options
# Options that share a line of `--help` with the next one, so that the whole fits on a screen.
SHARED_LINES = {
    *("look", "full_screen", "network", "overwrite", "codec", "crf", "frames"),
    *("list_styles", "list_providers", "version"),
}


class HelpFormatter(argparse.HelpFormatter):
    """A formatter of one line for each option, or for two that share one, without blank lines between sections."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=HELP_COLUMN)

    def add_arguments(self, actions: Iterable[argparse.Action]) -> None:
        """Add the lines of a section."""
        line: list[argparse.Action] = []
        for action in actions:
            line.append(action)
            if action.dest not in SHARED_LINES:
                names = ", ".join(invocation(part) for part in line)
                text = "; ".join(part.help or "" for part in line)
                self.add_argument(argparse.Action([], action.dest, help=text, metavar=names))
                line = []

    def format_help(self) -> str:
        """Return the whole text."""
        return super().format_help().replace("\n\n", "\n")


def invocation(action: argparse.Action) -> str:
    """Return how an option is written, such as `--size auto|ROWS`."""
    value = "" if action.nargs == 0 else f" {action.metavar or action.dest}"
    if action.nargs == "?":
        value = f" [{action.metavar}]"
    if not action.option_strings:
        return f"{action.metavar} ..."
    if isinstance(action, argparse.BooleanOptionalAction):
        return action.option_strings[0].replace("--", "--[no-]")
    return ", ".join(action.option_strings) + value


class Parser(argparse.ArgumentParser):
    """The command line's parser. It knows its options by section, and raises errors of one line."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self._sections: dict[Section, argparse._ArgumentGroup] = {}

    def add_section(self, section: Section) -> argparse._ArgumentGroup:
        """Add a section, and return the group that takes its options."""
        self._sections[section] = self.add_argument_group(section.value)
        return self._sections[section]

    def actions(self, section: Section) -> list[argparse.Action]:
        """Return what is in a section: its options, and the positional arguments."""
        return self._sections[section]._group_actions

    def options(self, *sections: Section) -> dict[str, argparse.Action]:
        """Return the options of those sections by their names without the dashes."""
        return by_name(action for section in sections for action in self.actions(section))

    def error(self, message: str) -> NoReturn:
        """Raise UsageError."""
        raise UsageError(message.removeprefix("argument ") + " (--help shows the options)")


def build_parser() -> Parser:
    """Return the parser of `realtime-stylize`."""
    parser = Parser(
        prog="realtime-stylize",
        usage="realtime-stylize [FILE ...] [options]",
        description="Stylizes your camera live, and video and image files. Press h in the window for its keys.",
        formatter_class=HelpFormatter,
        add_help=False,
    )
    _add_input_options(parser.add_section(Section.INPUT))
    add_look_options(parser.add_section(Section.LOOK))
    _add_live_options(parser.add_section(Section.LIVE))
    _add_inference_options(parser.add_section(Section.INFERENCE))
    _add_file_options(parser.add_section(Section.FILES))
    _add_run_options(parser.add_section(Section.RUN))
    _add_information_options(parser.add_section(Section.INFORMATION))
    return parser


def _add_input_options(group: argparse._ArgumentGroup) -> None:
    files = "videos, images, folders: played, or stylized into -o"
    group.add_argument("inputs", nargs="*", type=Path, metavar="FILE", help=files)
    one = group.add_mutually_exclusive_group()
    one.add_argument("--camera", metavar="N|NAME|URL", help="page: a browser's (default: the first that answers)")
    one.add_argument("--demo", action="store_true", help="a moving test picture instead of a camera")


def _add_live_options(group: argparse._ArgumentGroup) -> None:
    yes_no = argparse.BooleanOptionalAction
    looks = [key.upper() for key in PRESET_KEYS]
    group.add_argument("--look", choices=looks, metavar="F1..F4", help="begin with a saved look")
    group.add_argument("--fade", type=float, metavar="SECONDS", help="time from one look to the next")
    group.add_argument("--tour", type=float, metavar="SECONDS", help="show all styles in turn, for that long each")
    views = [view.value for view in View]
    group.add_argument("--view", choices=views, metavar="NAME", help="painted, split (beside the photo), grid (all)")
    group.add_argument("--size", default="auto", metavar="auto|ROWS", help="height to stylize at, of files too")
    group.add_argument("--fps", type=float, metavar="N", help="stylize at most N frames a second")
    group.add_argument("--mirror", action=yes_no, help="mirror the picture (default: cameras yes, else no)")
    group.add_argument("--full-screen", action=yes_no, help="fill the screen")
    group.add_argument("--figures", action=yes_no, help="figures over the picture (default: yes)")
    snapshots = "folder of snapshots and recordings (default: this one)"
    group.add_argument("--snapshots", type=Path, default=Path(), metavar="DIR", help=snapshots)
    group.add_argument("--microphone", action=yes_no, help="record the sound of the default microphone too")
    group.add_argument("--virtual-camera", action=yes_no, help="be a camera for other programs")
    group.add_argument("--serve", nargs="?", const="", metavar="ADDRESS", help="a page for browsers: 127.0.0.1:8765")
    group.add_argument("--public-url", metavar="URL", help="where a proxy or tunnel offers that page")


def _add_inference_options(group: argparse._ArgumentGroup) -> None:
    names = ", ".join(PROVIDER_NAMES)
    group.add_argument("--provider", choices=PROVIDER_NAMES, default="auto", metavar="NAME", help=names)
    networks = "live, or wide: better, up to 4 times slower"
    group.add_argument("--network", choices=NETWORKS, default=NETWORKS[0], metavar="NAME", help=networks)
    group.add_argument("--models", type=Path, metavar="PATH", help="more models")


def _add_file_options(group: argparse._ArgumentGroup) -> None:
    group.add_argument("-o", "--output", metavar="FILE|DIR", help="where stylized files go; DIR/ for several")
    group.add_argument("--loop", action="store_true", help="without -o: play again and again")
    group.add_argument("--style-track", type=Path, metavar="FILE", help="times and styles: 0:05 the_scream --fade 2")
    group.add_argument("--overwrite", action="store_true", help="replace existing files")
    group.add_argument("--resume", action="store_true", help="continue an interrupted run")
    scale = "write the size that --size asks for, not the input's"
    group.add_argument("--scale-output", action="store_true", help=scale)
    group.add_argument("--codec", choices=ENCODERS, metavar="NAME", help="default: h264, in .webm vp9")
    group.add_argument("--track", type=int, metavar="N", help="video track (default: largest)")
    group.add_argument("--crf", type=int, metavar="N", help="quality, lower is better")
    presets = f"{PRESETS[0]} to {PRESETS[-1]} ({DEFAULT_PRESET})"
    group.add_argument("--preset", choices=PRESETS, default=DEFAULT_PRESET, metavar="NAME", help=presets)


def _add_run_options(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--record", type=Path, metavar="FILE", help="record from the start; the key r does it later")
    group.add_argument("--no-window", action="store_true", help="stylize without showing")
    group.add_argument("--frames", type=int, metavar="N", help="stop after N frames")
    group.add_argument("--stats", type=Path, metavar="FILE", help="write statistics as JSON")
    group.add_argument("--config", type=Path, metavar="FILE", help="config file (default: in the user's folder)")
    group.add_argument("--save-config", action="store_true", help="save this run's options and its last look there")
    group.add_argument("--json", action="store_true", help="print lists and results as JSON")
    group.add_argument("--debug", action="store_true", help="show a traceback with errors")


def _add_information_options(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--list-styles", action="store_true", help="list the styles")
    group.add_argument("--list-cameras", action="store_true", help="list the cameras and their modes")
    group.add_argument("--list-providers", action="store_true", help="list where the network can run")
    group.add_argument("--list-codecs", action="store_true", help="list the video codecs")
    group.add_argument(
        "--completion", choices=SHELLS, metavar="SHELL", help="print what makes a shell complete options"
    )
    group.add_argument("--version", action="store_true", help="versions of the program and its libraries")
    group.add_argument("-h", "--help", action="help", help="this text")


def stylizer_options(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return the arguments of `Stylizer` that the command line sets."""
    names = ("style", "strength", "keep_colors", "stroke", "smooth", "provider", "network", "models")
    return {name: getattr(arguments, name) for name in names}
