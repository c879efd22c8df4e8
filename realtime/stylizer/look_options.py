"""The options that describe a look (`--style`, `--strength`, ...), for the command line, presets and style tracks."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from typing import Any

from realtime.stylizer.library import NETWORKS, Library, load_library
from realtime.stylizer.look import LOOK_RANGES, Look, parse_look


def add_look_options(container: argparse._ActionsContainer) -> None:
    """Add the options of a look to a parser or to one of its groups."""
    mix = "a style, or a mix of up to four with weights"
    style = container.add_argument("--style", metavar="NAME[:W],...", help=mix)
    style.completer = complete_style  # type: ignore[attr-defined]
    container.add_argument("--strength", type=float, default=1.0, metavar="0..1", help="0 the photo, 1 the painting")
    colors = "the photo's colours, the painting's light"
    container.add_argument("--keep-colors", action=argparse.BooleanOptionalAction, default=False, help=colors)
    container.add_argument("--stroke", type=float, default=1.0, metavar="FACTOR", help="size of strokes, 0.5 to 4")
    container.add_argument("--smooth", type=float, default=0.0, metavar="0..1", help="reduce flicker over time")


def look_options() -> dict[str, argparse.Action]:
    """Return the options of a look by their names without the dashes, as sections of a TOML file use them."""
    parser = argparse.ArgumentParser(add_help=False)
    add_look_options(parser)
    return by_name(parser._actions)


def by_name(actions: Iterable[argparse.Action]) -> dict[str, argparse.Action]:
    """Return the actions that are options, not positional arguments, by their names without the dashes."""
    return {action.option_strings[0].lstrip("-"): action for action in actions if action.option_strings}


def look_from(arguments: argparse.Namespace, library: Library) -> Look:
    """Return the look that parsed options ask for. Raises UnknownStyle or UsageError."""
    return parse_look(arguments.style, library, **{name: getattr(arguments, name) for name in LOOK_RANGES})


def complete_style(prefix: str, parsed_args: argparse.Namespace, **_: Any) -> list[str]:
    """Return what a shell offers for `--style`: completions of the last name that are not in the mix yet."""
    before, comma, _last = prefix.rpartition(",")
    taken = {part.partition(":")[0] for part in before.split(",")}
    library = load_library(getattr(parsed_args, "models", None), getattr(parsed_args, "network", NETWORKS[0]))
    names = [style.name for _, style in library.styles]
    return [before + comma + name for name in names if name not in taken]
