"""The editor of the look: every change that a key, a click or a program can ask for."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace

from realtime.errors import StylizeError, UnknownStyle
from realtime.inference.model import Model, Style
from realtime.stylizer.crossfade import FADE_SECONDS, Crossfade
from realtime.stylizer.library import Library
from realtime.stylizer.look import LOOK_RANGES, MAX_STYLES, Look, look_in, one_style
from realtime.stylizer.presets import Presets
from realtime.system.paths import config_path

SETTING_STEP = 0.1  # how much a key changes strength, smoothing or the share of the second style
STROKES = (0.5, 0.63, 0.8, 1.0, 1.25, 1.6, 2.0, 2.5, 3.15, 4.0)  # ten steps to a decade (ISO 3)
TOUR_SECONDS = 10.0  # default time that a tour shows each style
MAX_TOUR_FADE_SECONDS = 3.0
SECOND_SHARE = "second_share"  # name of the one setting that is not a field of `Look`


class LookEditor:
    """The look in use and the ways to change it. Each change fades, and returns the message for the screen.

    A look has a chosen style, and possibly a second one mixed with it; settings are strength, keep_colors, stroke
    and smooth. look: the first one. fade: seconds from one look to the next. tour: seconds for each style of a tour
    through all of them that starts at once; None starts no tour. clock: seconds. presets: where looks are saved; the
    user's own file by default. All methods may be called from any thread.
    """

    def __init__(
        self,
        look: Look,
        library: Library,
        *,
        fade: float = FADE_SECONDS,
        tour: float | None = None,
        clock: Callable[[], float] = time.perf_counter,
        presets: Presets | None = None,
    ) -> None:
        self.library = library
        self.presets = presets or Presets(config_path().with_name("presets.toml"))
        self.touring = tour is not None
        self._crossfade = Crossfade(look, fade)
        self._clock = clock
        self._tour_seconds = tour or TOUR_SECONDS
        self._tour_due = clock() + self._tour_seconds  # when the tour fades to the next style
        self._chosen, self._previous = look, look
        self._second: tuple[Model, Style] | None = None
        self._second_share = 0.5
        self._strength = look.strength or 1.0  # restored when the original is left
        self._lock = threading.RLock()

    @property
    def target(self) -> Look:
        """The look that is being faded to, or has been reached."""
        return self._crossfade.target

    @property
    def second_style(self) -> Style | None:
        """The style mixed with the chosen one."""
        second = self._second  # read once: another thread may reset it
        return second[1] if second is not None else None

    @property
    def second_share(self) -> float:
        """Weight of the second style, 0 to 1."""
        return self._second_share

    def current(self) -> Look:
        """Return the look of this moment; on a tour, start the fade to the next style when it is due."""
        now = self._clock()
        with self._lock:
            if self.touring and now >= self._tour_due:
                self._continue_tour()
        return self._crossfade.at(now)

    def fade_to(self, look: Look, seconds: float | None = None) -> str:
        """Fade to any look. seconds: duration of the fade, if not the usual one."""
        with self._lock:
            look = look_in(self.library, look)  # it may come from before `use_library`
            self._previous, self._chosen, self._second = self._chosen, look, None
            self._strength = look.strength or self._strength
            return self._start_fade(look, seconds).label

    @property
    def fading(self) -> bool:
        """Whether the look of this moment is still another one than the target."""
        return self._crossfade.at(self._clock()) is not self._crossfade.target

    def use_library(self, library: Library) -> None:
        """Choose from other styles from now on, and fade to those of the same names; all settings stay as they are."""
        with self._lock:
            self.library = library
            self._chosen, self._previous = look_in(library, self._chosen), look_in(library, self._previous)
            number = library.number(self._second[1].name) if self._second is not None else None
            self._second = library.styles[number] if number is not None else None
            target = look_in(library, self.target)
            if target is not self.target:
                self._start_fade(target)

    def step_style(self, by: int) -> str:
        """Fade to the style `by` places further in the library; after the last style comes the first."""
        return self.choose_style((self._chosen_number() + by) % len(self.library.styles))

    def choose_style(self, number: int, seconds: float | None = None) -> str:
        """Fade to a style, 0 is the first; the second style stays mixed with it. seconds: see `fade_to`."""
        with self._lock:
            styles = self.library.styles
            if number >= len(styles):
                return f"there are {len(styles)} styles"
            chosen = one_style(*styles[number])
            if (chosen.model, chosen.weights) != (self._chosen.model, self._chosen.weights):
                self._previous, self._chosen = self._chosen, chosen
            return self._fade_to_mix(seconds)

    def toggle_original(self) -> str:
        """Fade to the photo as it is, or back."""
        return self._set(strength=0.0 if self.target.strength else self._strength).label

    def toggle_mix(self) -> str:
        """Mix the previous style with the chosen one, or stop mixing."""
        with self._lock:
            if self._second is not None:
                self._second = None
                return self._fade_to_mix()
            second = self._find_second()
            if second is None:
                return f"nothing to mix {self._chosen.label} with"
            self._second, self._second_share = second, 0.5
            return self._fade_to_mix()

    def change_mix(self, by: int) -> str:
        """Give the second style more weight (1) or less (-1)."""
        with self._lock:
            if self._second is None:
                return self.toggle_mix()
            return self.set(SECOND_SHARE, _stepped(self._second_share, by))

    def change_strength(self, by: int) -> str:
        """Stylize more (1) or less (-1)."""
        return self.set("strength", _stepped(self.target.strength, by))

    def toggle_colors(self) -> str:
        """Keep the photo's colours, or take the painting's."""
        return self.set("keep_colors", 0.0 if self.target.keep_colors else 1.0)

    def change_stroke(self, by: int) -> str:
        """Make strokes larger (1) or finer (-1)."""
        now = self.target.stroke
        further = [s for s in STROKES if (s > now * 1.01 if by > 0 else s < now * 0.99)]
        low, high = LOOK_RANGES["stroke"]
        return self.set("stroke", (min(further) if by > 0 else max(further)) if further else min(max(now, low), high))

    def change_smoothing(self, by: int) -> str:
        """Smooth over time more (1) or less (-1)."""
        return self.set("smooth", _stepped(self.target.smooth, by))

    def set(self, name: str, value: float) -> str:
        """Set a field of LOOK_RANGES, or "second_share". Raises UsageError for a value out of the field's range."""
        if name == SECOND_SHARE:
            with self._lock:
                if self._second is None:
                    return self.toggle_mix()
                self._second_share = min(1.0, max(0.0, value))
                return self._fade_to_mix()
        look = self._set(**{name: value})
        messages = {
            "strength": f"strength {look.strength:.0%}" if look.strength else look.label,
            "keep_colors": "the photo's own colours" if look.keep_colors else "the painting's colours",
            "stroke": f"strokes × {look.stroke:.3g}",
            "smooth": f"smoothing {look.smooth:.0%}",
        }
        return messages[name]

    def save_preset(self, number: int) -> str:
        """Save the target as a preset, 0 is the first."""
        try:
            self.presets.save(_preset_name(number), self.target)
        except StylizeError as error:
            return self._without_folder(error)
        return f"kept as {_preset_name(number)}: {self.target.label}"

    def recall_preset(self, number: int) -> str:
        """Fade to a preset, 0 is the first."""
        try:
            look = self.presets.load(_preset_name(number), self.library)
        except UnknownStyle as error:
            return f"{_preset_name(number)}: {str(error).partition(';')[0]}"
        except StylizeError as error:
            return self._without_folder(error)
        with self._lock:
            self._tour_due = self._clock() + self._tour_seconds
            return f"{_preset_name(number)}: {self.fade_to(look)}"

    def toggle_tour(self) -> str:
        """Start a tour through all styles with the next one, or stop it."""
        with self._lock:
            self.touring = not self.touring
            if not self.touring:
                return "staying here"
            self._continue_tour()
            return f"walking: {self._tour_seconds:g} seconds each"

    def _continue_tour(self) -> None:
        """Fade to the style after the chosen one."""
        following = (self._chosen_number() + 1) % len(self.library.styles)
        self.choose_style(following, min(MAX_TOUR_FADE_SECONDS, self._tour_seconds / 2))

    def _without_folder(self, error: StylizeError) -> str:
        """Return the error's line with the presets' file name for its path, so that it fits the screen."""
        return str(error).replace(str(self.presets.path), self.presets.path.name)

    def _chosen_number(self) -> int:
        """Return the number of the chosen style in the library, 0 is the first."""
        return self.library.number(self._chosen.mix[0][0].name) or 0

    def _find_second(self) -> tuple[Model, Style] | None:
        """Return a style to mix with the chosen one: the previous one, or else the next, of the same model."""
        model, chosen = self._chosen.model, {style for style, _ in self._chosen.mix}
        previous = [style for style, _ in self._previous.mix] if self._previous.model is model else []
        number = self._chosen_number()
        following = [*self.library.styles[number:], *self.library.styles[:number]]
        for style in [*previous, *(style for owner, style in following if owner is model)]:
            if style not in chosen:
                return model, style
        return None

    def _fade_to_mix(self, seconds: float | None = None) -> str:
        """Fade to the chosen style mixed with the second one."""
        chosen = self._chosen
        weights = chosen.weights
        if self._second is not None and self._second[0] is chosen.model:
            strongest = {style.row for style, _ in chosen.mix[: MAX_STYLES - 1]}
            kept = [weight if row in strongest else 0.0 for row, weight in enumerate(weights)]
            first_factor, second_share = (1 - self._second_share) / sum(kept), self._second_share
            second = one_style(*self._second).weights
            weights = tuple(first_factor * w + second_share * s for w, s in zip(kept, second, strict=True))
        self._tour_due = self._clock() + self._tour_seconds
        look = replace(self.target, model=chosen.model, weights=weights, strength=self._strength)
        return self._start_fade(look, seconds).label

    def _set(self, **fields: float) -> Look:
        with self._lock:
            look = replace(self.target, **fields)  # type: ignore[arg-type]
            self._strength = look.strength or self._strength
            return self._start_fade(look)

    def _start_fade(self, look: Look, seconds: float | None = None) -> Look:
        self._crossfade.fade_to(look, self._clock(), seconds)
        return look


def _preset_name(number: int) -> str:
    return f"F{number + 1}"


def _stepped(value: float, by: int) -> float:
    return min(1.0, max(0.0, round(value + by * SETTING_STEP, 2)))
