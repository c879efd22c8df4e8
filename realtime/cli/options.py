"""The command line's options, in groups; the config file and the presets take theirs from here."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from enum import Enum
from pathlib import Path
from typing import Any, NoReturn

from realtime.errors import UsageError
from realtime.live.view import View
from realtime.sinks.codecs import ENCODERS, PRESET, PRESETS
from realtime.stylizer.library import NETWORKS
from realtime.stylizer.look_options import add_look_options, by_name
from realtime.ui.keys import PRESETS as LOOK_KEYS

PROVIDER_NAMES = ("auto", "cpu", "cuda", "tensorrt", "coreml", "dml", "openvino")
SHELLS = ("bash", "zsh", "fish")
SAME = ""  # the help of an option that stands on one line with the next


class Section(Enum):
    """A section of the options. The value is its title in `--help`."""

    SOURCE = "what to paint"
    LOOK = "the look"
    LIVE = "live"
    ENGINE = "where it runs"
    FILES = "films and pictures"
    RUN = "this run"
    LISTS = "tell, and exit"


CONFIGURABLE = (Section.SOURCE, Section.LOOK, Section.LIVE, Section.ENGINE)  # a config file may set their options


class Parser(argparse.ArgumentParser):
    """The command line's parser. It knows its options by section, and raises errors of one line."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self._sections: dict[Section, argparse._ArgumentGroup] = {}

    def add_section(self, section: Section) -> argparse._ArgumentGroup:
        """Return a new group for the options of that section."""
        return self._sections.setdefault(section, self.add_argument_group(section.value))

    def options(self, *sections: Section) -> dict[str, argparse.Action]:
        """Return the options of those sections by their names without the dashes."""
        return by_name(action for section in sections for action in self._sections[section]._group_actions)

    def error(self, message: str) -> NoReturn:
        """Raise UsageError."""
        raise UsageError(message.removeprefix("argument ") + " (--help shows the options)")


class Help(argparse.HelpFormatter):
    """One line for each option, or for a few that belong together, and none between the groups."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=36)

    def add_arguments(self, actions: Iterable[argparse.Action]) -> None:
        """Those without help of their own join the next one."""
        waiting: list[argparse.Action] = []
        for action in actions:
            waiting.append(action)
            if action.help != SAME:
                names = ", ".join(_invocation(one) for one in waiting)
                self.add_argument(argparse.Action([], action.dest, help=action.help, metavar=names))
                waiting = []

    def format_help(self) -> str:
        """All of it."""
        return super().format_help().replace("\n\n", "\n")


def _invocation(action: argparse.Action) -> str:
    value = "" if action.nargs == 0 else f" {action.metavar or action.dest}"
    if action.nargs == "?":
        value = f" [{action.metavar}]"
    if not action.option_strings:
        return f"{action.metavar} ..."
    if isinstance(action, argparse.BooleanOptionalAction):
        return action.option_strings[0].replace("--", "--[no-]")
    return ", ".join(action.option_strings) + value


def build_parser() -> Parser:
    """The command line."""
    parser = Parser(
        prog="realtime-stylize",
        usage="realtime-stylize [FILE ...] [options]",
        description="Your camera, painted, live; films and pictures too. Press h in the window for its keys.",
        formatter_class=Help,
        add_help=False,
    )
    _add_source_options(parser.add_section(Section.SOURCE))
    add_look_options(parser.add_section(Section.LOOK))
    _add_live_options(parser.add_section(Section.LIVE))
    _add_engine_options(parser.add_section(Section.ENGINE))
    _add_file_options(parser.add_section(Section.FILES))
    _add_run_options(parser.add_section(Section.RUN))
    _add_listing_options(parser.add_section(Section.LISTS))
    return parser


def _add_source_options(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "inputs", nargs="*", type=Path, metavar="FILE", help="films, pictures, folders: played; with -o painted"
    )
    one = group.add_mutually_exclusive_group()
    one.add_argument("--camera", metavar="N|NAME|URL", help="page: a browser's; if not given, the first that answers")
    one.add_argument("--demo", action="store_true", help="a moving picture instead of a camera")


def _add_live_options(group: argparse._ArgumentGroup) -> None:
    yes_no = argparse.BooleanOptionalAction
    looks = [key.upper() for key in LOOK_KEYS]
    group.add_argument("--look", choices=looks, metavar="F1..F4", help=SAME)
    group.add_argument("--fade", type=float, metavar="SECONDS", help="begin with a kept look; from one to the next")
    group.add_argument("--tour", type=float, metavar="SECONDS", help="walk through all styles, so long each")
    views = [view.value for view in View]
    group.add_argument("--view", choices=views, metavar="NAME", help="painted, split (beside the photo), grid (all)")
    group.add_argument("--size", default="auto", metavar="auto|ROWS", help="height to paint at, files too")
    group.add_argument("--fps", type=float, metavar="N", help="paint at most N frames a second")
    group.add_argument("--mirror", action=yes_no, help="mirror the picture (default: cameras yes, else no)")
    group.add_argument("--full-screen", action=yes_no, help=SAME)
    group.add_argument("--figures", action=yes_no, help="fill the screen; figures over the picture (yes)")
    group.add_argument("--snapshots", type=Path, default=Path(), metavar="DIR", help="where s and r save; else here")
    group.add_argument("--microphone", action=yes_no, help="recordings have sound, of the default microphone")
    group.add_argument("--virtual-camera", action=yes_no, help="be a camera that other programs see")
    group.add_argument("--serve", nargs="?", const="", metavar="ADDRESS", help="a page for browsers: 127.0.0.1:8765")


def _add_engine_options(group: argparse._ArgumentGroup) -> None:
    names = ", ".join(PROVIDER_NAMES)
    group.add_argument("--provider", choices=PROVIDER_NAMES, default="auto", metavar="NAME", help=names)
    group.add_argument("--network", choices=NETWORKS, default=NETWORKS[0], metavar="NAME", help=SAME)
    models = "live; wide: better, takes up to 4 times as long; models to add"
    group.add_argument("--models", type=Path, metavar="PATH", help=models)


def _add_file_options(group: argparse._ArgumentGroup) -> None:
    group.add_argument("-o", "--output", metavar="FILE|DIR", help="where the painted ones go; DIR/ for several")
    group.add_argument("--loop", action="store_true", help="without -o: play again and again")
    group.add_argument("--style-track", type=Path, metavar="FILE", help="times and styles: 0:05 the_scream --fade 2")
    group.add_argument("--overwrite", action="store_true", help=SAME)
    group.add_argument("--resume", action="store_true", help="replace what is there; go on with what was interrupted")
    group.add_argument("--scale-output", action="store_true", help="give back the size of --size, not the input's")
    group.add_argument("--codec", choices=ENCODERS, metavar="NAME", help="h264 if not given, in .webm vp9")
    group.add_argument("--crf", type=int, metavar="N", help=SAME)
    presets = f"quality, less is better; ultrafast to veryslow ({PRESET})"
    group.add_argument("--preset", choices=PRESETS, default=PRESET, metavar="NAME", help=presets)
    group.add_argument("--track", type=int, metavar="N", help="the video track to paint (default: the largest)")


def _add_run_options(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--record", type=Path, metavar="FILE", help="record from the start; r does it later")
    group.add_argument("--no-window", action="store_true", help="paint without showing")
    group.add_argument("--frames", type=int, metavar="N", help=SAME)
    group.add_argument("--stats", type=Path, metavar="FILE", help="stop after N pictures; write figures as JSON")
    group.add_argument("--config", type=Path, metavar="FILE", help="the file of defaults, instead of the usual one")
    group.add_argument("--save-config", action="store_true", help="keep this run's options and its last look there")
    group.add_argument("--json", action="store_true", help="lists and results as JSON")
    group.add_argument("--debug", action="store_true", help="show a traceback on errors")


def _add_listing_options(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--list-styles", action="store_true", help=SAME)
    group.add_argument("--list-cameras", action="store_true", help="the styles and the cameras there are")
    group.add_argument("--list-providers", action="store_true", help=SAME)
    group.add_argument(
        "--list-codecs", action="store_true", help="where the network can run; what films are written with"
    )
    group.add_argument("--completion", choices=SHELLS, metavar="SHELL", help="what makes bash, zsh or fish complete")
    group.add_argument("--version", action="store_true", help=SAME)
    group.add_argument("-h", "--help", action="help", help="this program's version and its libraries'; this text")


def stylizer_options(arguments: argparse.Namespace) -> dict[str, Any]:
    """What `Stylizer` is told."""
    names = ("style", "strength", "keep_colors", "stroke", "smooth", "provider", "network", "models")
    return {name: getattr(arguments, name) for name in names}
