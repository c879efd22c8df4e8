"""Style tracks: text files that change the look over the time of a video, such as this one.

    # time   style or mix, and options of the look as on the command line
    0:00     starry_night
    0:05     the_scream --fade 2
    1:02.5   great_wave:2,udnie --strength 0.8

Options that a line does not name stay as they were. Before the first line the command line's look is used.
"""

from __future__ import annotations

import argparse
import re
import shlex
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NoReturn

from realtime.errors import StylizeError, UsageError
from realtime.stylizer.crossfade import FADE_SECONDS, Crossfade
from realtime.stylizer.library import Library
from realtime.stylizer.look import LOOK_RANGES, Look, parse_look
from realtime.stylizer.look_options import add_look_options
from realtime.system.files import read_limited

_TIME = re.compile(r"(?:(?:(\d+):)?(\d+):)?(\d+(?:\.\d*)?)")
_MAX_BYTES = 1 << 20
_MAX_FADE_SECONDS = 3600.0
_ROUNDING_SECONDS = 0.0005  # players show times to the millisecond


@dataclass(frozen=True)
class Cue:
    """A change of the look.

    Args:
        at: seconds from the video's start.
        look: the look from then on.
        fade: seconds that the change takes.
    """

    at: float
    look: Look
    fade: float = FADE_SECONDS


@dataclass(frozen=True)
class StyleTrack:
    """Looks over the time of a video.

    Args:
        cues: the changes in the order of their times; the first one is at 0.

    Example:
        >>> track = read_style_track(Path("looks.txt"), stylizer.library, stylizer.look)
        >>> stylized = stylizer.stylize(image, track.at(12.5))
    """

    cues: tuple[Cue, ...]

    @property
    def smooths(self) -> bool:
        """Whether a look of the track smooths, so that pictures have to be stylized in their order."""
        return any(cue.look.smooth for cue in self.cues)

    def cue_at(self, seconds: float) -> Cue:
        """Return the last change before or at that time."""
        return next((cue for cue in reversed(self.cues) if cue.at <= seconds + _ROUNDING_SECONDS), self.cues[0])

    def at(self, seconds: float) -> Look:
        """Return the look at that time; within a fade it lies between two looks."""
        fade = Crossfade(self.cues[0].look)
        for cue in self.cues[1:]:
            if cue.at <= seconds + _ROUNDING_SECONDS:
                fade.fade_to(cue.look, cue.at, cue.fade)
        return fade.at(seconds)


def read_style_track(path: Path, library: Library, look: Look) -> StyleTrack:
    """Read a style track.

    Args:
        path: a UTF-8 text file. A line is a time ("12.5", "1:02.5" or "0:01:02"), a style or mix, and options of the
            look; "#" begins a comment.
        library: where styles are looked up.
        look: the look before the first line.

    Raises:
        UsageError: the file cannot be read, or a line cannot be understood; the message names the file and the line.

    Example:
        >>> read_style_track(Path("looks.txt"), stylizer.library, stylizer.look)
    """
    try:
        lines = read_limited(path, _MAX_BYTES).decode("utf-8-sig").splitlines()
    except OSError as error:
        raise UsageError(f"--style-track {path}: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"--style-track {path} is not UTF-8 text") from error
    cues = [Cue(0.0, look)]
    for number, line in enumerate(lines, 1):
        try:
            words = shlex.split(line, comments=True)
            if words:
                cues.append(_cue(words, cues[-1], library, first=len(cues) == 1))
        except (StylizeError, ValueError) as error:
            raise UsageError(f"{path}, line {number}: {error}") from error
    if len(cues) == 1:
        raise UsageError(f"--style-track {path}: there is no line in it such as: 0:05 the_scream")
    return StyleTrack(tuple(cues[1:] if cues[1].at == 0 else cues))


def _cue(words: list[str], previous: Cue, library: Library, *, first: bool) -> Cue:
    at = _seconds(words[0])
    if at < previous.at or (at == previous.at and not first):
        raise UsageError(f"{words[0]} is not after the line before")
    given = vars(_line_parser().parse_args(words[1:]))
    fade = given.pop("fade", FADE_SECONDS)
    if not 0 <= fade <= _MAX_FADE_SECONDS:
        raise UsageError(f"--fade {fade:g}: from 0 to {_MAX_FADE_SECONDS:g} seconds")
    look = previous.look
    numbers: dict[str, Any] = {name: float(given[name]) for name in LOOK_RANGES if name in given}
    style = given.pop("mix", None) or given.pop("style", None)
    if style is not None:
        new = parse_look(style, library)
        look = replace(look, model=new.model, weights=new.weights)
    return Cue(at, replace(look, **numbers), fade)


def _seconds(text: str) -> float:
    """Return the seconds of a time such as 12.5, 1:02.5 or 0:01:02. Raises UsageError."""
    match = _TIME.fullmatch(text)
    hours, minutes, seconds = (float(part or 0) for part in (match.groups() if match else ("", "", "")))
    if match is None or (":" in text and seconds >= 60) or (text.count(":") == 2 and minutes >= 60):
        raise UsageError(f"{text!r} is no time; a line is a time and a style, such as: 1:02.5 the_scream")
    return 3600 * hours + 60 * minutes + seconds


class _LineParser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(message.removeprefix("argument "))


def _line_parser() -> _LineParser:
    """Return a parser for what may stand after the time. Options that a line does not name are not in its result."""
    parser = _LineParser(add_help=False, allow_abbrev=False)
    parser.add_argument("mix", nargs="?", metavar="STYLE")
    add_look_options(parser)
    parser.add_argument("--fade", type=float, metavar="SECONDS")
    for action in parser._actions:
        action.default = argparse.SUPPRESS
    return parser
