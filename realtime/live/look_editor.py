"""The hands on the picture: every change of the look that a key, a click or a program asks for."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace

from realtime.errors import StylizeError, UnknownStyle
from realtime.inference.model import Model, Style
from realtime.stylizer.library import Library
from realtime.stylizer.look import FADE_SECONDS, LIMITS, MOST_STYLES, Crossfade, Look, one_style
from realtime.stylizer.presets import Presets
from realtime.system.paths import config_path

STEP = 0.1  # of strength, smoothing and the share of the second style
STROKES = (0.5, 0.63, 0.8, 1.0, 1.25, 1.6, 2.0, 2.5, 3.15, 4.0)  # ten steps to a decade (ISO 3)
TOUR_SECONDS = 10.0  # a style's time where nobody asks for another
SLOWEST_FADE = 3.0  # seconds, on the way from one to the next


class LookEditor:
    """What is dialled, and how it is turned. Each turn fades, and returns the line to tell the user.

    look: to begin with. fade: seconds from one look to the next.
    tour: seconds for each style of a walk through all of them, begun at once; None is no walk.
    presets: where looks are kept; the user's own file if not given. Any thread may turn and look.
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
        self._fade = Crossfade(look, fade)
        self.presets = presets or Presets(config_path().with_name("presets.toml"))
        self.touring = tour is not None
        self._tour = tour or TOUR_SECONDS
        self._clock = clock
        self._next = clock() + self._tour  # when the walk goes on
        self._first, self._before = look, look  # the style chosen, and the one before that
        self._second: tuple[Model, Style] | None = None  # held beside the first
        self._share = 0.5  # of the second
        self._strength = look.strength or 1.0  # to come back to from the original
        self._lock = threading.RLock()

    @property
    def target(self) -> Look:
        """The look that is faded to, or reached."""
        return self._fade.target

    def current(self) -> Look:
        """The look of this moment. While the walk is on, it goes on by itself."""
        now = self._clock()
        with self._lock:
            if self.touring and now >= self._next:
                self._walk()
        return self._fade.at(now)

    def go(self, look: Look, seconds: float | None = None) -> str:
        """Fade to a look of one's own, in that time or the usual."""
        with self._lock:
            self._before, self._first, self._second = self._first, look, None
            self._strength = look.strength or self._strength
            return self._fade_to(look, seconds).label

    def step(self, by: int) -> str:
        """The style that many places further."""
        return self.choose((self._place() + by) % len(self.library.styles))

    def choose(self, number: int, seconds: float | None = None) -> str:
        """That style, 0 is the first; the one held beside it stays."""
        styles = self.library.styles
        if number >= len(styles):
            return f"there are {len(styles)} styles"
        with self._lock:
            chosen = one_style(*styles[number])
            if (chosen.model, chosen.weights) != (self._first.model, self._first.weights):
                self._before, self._first = self._first, chosen
            return self._mixed(seconds)

    def toggle_original(self) -> str:
        """The photo as it is, and back."""
        target = self.target
        return self._turn(strength=0.0 if target.strength else self._strength).label

    def toggle_mix(self) -> str:
        """Hold the style before beside the one now; or let it go."""
        with self._lock:
            if self._second is not None:
                self._second = None
                return self._mixed()
            second = self._candidate()
            if second is None:
                return f"nothing to mix {self._first.label} with"
            self._second, self._share = second, 0.5
            return self._mixed()

    def lean(self, by: int) -> str:
        """More of the style held, or less."""
        with self._lock:
            if self._second is None:
                return self.toggle_mix()
            self._share = _stepped(self._share, by)
            return self._mixed()

    def turn(self, dial: str, value: float) -> str:
        """Set one of the look's dials, or the `share` of the style held. Raises UsageError out of its range."""
        if dial == "share":
            with self._lock:
                if self._second is None:
                    return self.toggle_mix()
                self._share = min(1.0, max(0.0, value))
                return self._mixed()
        look = self._turn(**{dial: value})
        texts = {
            "strength": f"strength {look.strength:.0%}" if look.strength else look.label,
            "keep_colors": "the photo's own colours" if look.keep_colors else "the painting's colours",
            "stroke": f"strokes × {look.stroke:.3g}",
            "smooth": f"smoothing {look.smooth:.0%}",
        }
        return texts[dial]

    @property
    def held(self) -> Style | None:
        """The style held beside the one chosen."""
        second = self._second  # the page's thread asks too, and it may be gone a moment later
        return second[1] if second is not None else None

    @property
    def share(self) -> float:
        """Of the style held, 0 to 1."""
        return self._share

    def strength(self, by: int) -> str:
        """More paint, or less."""
        return self.turn("strength", _stepped(self.target.strength, by))

    def toggle_colours(self) -> str:
        """The photo's colours, or the painting's."""
        return self.turn("keep_colors", 0.0 if self.target.keep_colors else 1.0)

    def stroke(self, by: int) -> str:
        """Larger strokes, or finer ones."""
        now = self.target.stroke
        further = [s for s in STROKES if (s > now * 1.01 if by > 0 else s < now * 0.99)]
        low, high = LIMITS["stroke"]
        return self.turn("stroke", (min(further) if by > 0 else max(further)) if further else min(max(now, low), high))

    def smooth(self, by: int) -> str:
        """Steadier, or livelier."""
        return self.turn("smooth", _stepped(self.target.smooth, by))

    def keep(self, number: int) -> str:
        """Remember the look where the fade goes to, 0 is the first place."""
        try:
            self.presets.keep(_preset(number), self.target)
        except StylizeError as error:
            return self._short(error)
        return f"kept as {_preset(number)}: {self.target.label}"

    def recall(self, number: int) -> str:
        """The look remembered there."""
        try:
            look = self.presets.recall(_preset(number), self.library)
        except UnknownStyle as error:
            return f"{_preset(number)}: {str(error).partition(';')[0]}"
        except StylizeError as error:
            return self._short(error)
        with self._lock:
            self._next = self._clock() + self._tour
            return f"{_preset(number)}: {self.go(look)}"

    def _short(self, error: StylizeError) -> str:
        """Without the folder: the reason would run out of the screen."""
        return str(error).replace(str(self.presets.path), self.presets.path.name)

    def toggle_tour(self) -> str:
        """Walk through all styles, beginning now; or stay."""
        with self._lock:
            self.touring = not self.touring
            if not self.touring:
                return "staying here"
            self._walk()
            return f"walking: {self._tour:g} seconds each"

    def _walk(self) -> None:
        styles = len(self.library.styles)
        self.choose((self._place() + 1) % styles, min(SLOWEST_FADE, self._tour / 2))

    def _place(self) -> int:
        """Of the style chosen, among all."""
        strongest = self._first.mix[0][0]
        return [style for _, style in self.library.styles].index(strongest)

    def _candidate(self) -> tuple[Model, Style] | None:
        """What `x` would hold: the style before, or else the next, of the same model."""
        model, mine = self._first.model, {style for style, _ in self._first.mix}
        before = [style for style, _ in self._before.mix] if self._before.model is model else []
        place = self._place()
        following = [*self.library.styles[place:], *self.library.styles[:place]]
        for style in [*before, *(style for owner, style in following if owner is model)]:
            if style not in mine:
                return model, style
        return None

    def _mixed(self, seconds: float | None = None) -> str:
        """Fade to the style chosen and the one held."""
        first = self._first
        weights = first.weights
        if self._second is not None and self._second[0] is first.model:
            few = {style.row for style, _ in first.mix[: MOST_STYLES - 1]}
            kept = [weight if row in few else 0.0 for row, weight in enumerate(weights)]
            total = sum(kept)
            held = one_style(*self._second).weights
            weights = tuple((1 - self._share) * w / total + self._share * h for w, h in zip(kept, held, strict=True))
        self._next = self._clock() + self._tour
        look = replace(self.target, model=first.model, weights=weights, strength=self._strength)
        return self._fade_to(look, seconds).label

    def _turn(self, **dials: float) -> Look:
        with self._lock:
            look = replace(self.target, **dials)  # type: ignore[arg-type]
            self._strength = look.strength or self._strength
            return self._fade_to(look)

    def _fade_to(self, look: Look, seconds: float | None = None) -> Look:
        self._fade.go(look, self._clock(), seconds)
        return look


def _preset(number: int) -> str:
    return f"F{number + 1}"


def _stepped(value: float, by: int) -> float:
    return min(1.0, max(0.0, round(value + by * STEP, 2)))
