"""What the user has dialled in: one immutable value that travels with each frame."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from realtime.errors import UsageError
from realtime.inference.model import Model, Style
from realtime.stylizer.library import Library

FADE_SECONDS = 0.3
MOST_STYLES = 4  # in a mix: more of them look like none
# What each dial may be set to; the command line's option has the same name.
LIMITS = {"strength": (0.0, 1.0), "keep_colors": (0.0, 1.0), "stroke": (0.5, 4.0), "smooth": (0.0, 1.0)}


@dataclass(frozen=True)
class Look:
    """How to paint. Another one is made from it: `dataclasses.replace(look, strength=0.5)`.

    model: the file that paints; weights: one per style of it, summing to 1.
    strength: 0 (the photo) to 1 (the painting).
    keep_colors: 0 (the painting's colours) to 1 (the photo's, with the painting's light and dark).
    stroke: 0.5 (half as large) to 4 (four times as large); 1 is as the model learnt it.
    smooth: 0 (each picture by itself) to 1 (held steady along what moves); for pictures in their order only.
    before, share: while one look turns into another that no single painting is between: the look that is left,
    and how much of this one, 0 to 1, is seen already.
    Raises UsageError, a ValueError, where a number is out of its range.
    """

    model: Model = field(repr=False)
    weights: tuple[float, ...]
    strength: float = 1.0
    keep_colors: float = 0.0
    stroke: float = 1.0
    smooth: float = 0.0
    before: Look | None = field(default=None, repr=False)
    share: float = 1.0

    def __post_init__(self) -> None:
        for name, (low, high) in LIMITS.items():
            value = getattr(self, name)
            if not low <= value <= high:
                raise UsageError(f"--{name.replace('_', '-')} {value:g}: from {low:g} to {high:g}")

    @property
    def mix(self) -> list[tuple[Style, float]]:
        """The styles in it and their weights, strongest first."""
        pairs = zip(self.model.styles, self.weights, strict=True)
        return sorted(((s, w) for s, w in pairs if w > 0.005), key=lambda pair: -pair[1])

    @property
    def label(self) -> str:
        """What the screen says of it."""
        if self.strength == 0:
            return "original"
        if len(self.mix) == 1:
            return self.mix[0][0].label
        return " + ".join(f"{style.title or style.name} {weight:.0%}" for style, weight in self.mix)

    @property
    def options(self) -> dict[str, str | float | bool]:
        """As the command line's options have it, by their names."""
        mix = self.mix[:MOST_STYLES]
        style = mix[0][0].name if len(mix) == 1 else ",".join(f"{style.name}:{weight:.3g}" for style, weight in mix)
        dials = {name.replace("_", "-"): getattr(self, name) for name in LIMITS}
        return {"style": style, **dials, "keep-colors": self.keep_colors >= 0.5}

    @property
    def dialled(self) -> list[str]:
        """What is set otherwise than by default, each in a few words; styles are not in it."""
        texts = {
            "strength": f"strength {self.strength:.0%}" if 0 < self.strength < 1 else "",
            "keep_colors": "own colours" if self.keep_colors else "",
            "stroke": f"strokes × {self.stroke:g}" if self.stroke != 1 else "",
            "smooth": f"smooth {self.smooth:.0%}" if self.smooth else "",
        }
        return [text for text in texts.values() if text]


def one_style(model: Model, style: Style) -> Look:
    """That style alone."""
    return Look(model, tuple(float(s.row == style.row) for s in model.styles))


def parse_look(
    text: str | None,
    library: Library,
    *,
    strength: float = 1.0,
    keep_colors: float = 0.0,
    stroke: float = 1.0,
    smooth: float = 0.0,
) -> Look:
    """Read `NAME`, or a mix such as `NAME:2,NAME:1`; None is the first style there is.

    Weights are relative. Raises UnknownStyle, or UsageError where the mix cannot be had.
    """
    model, weights = _parse_mix(text, library)
    return Look(model, weights, strength, keep_colors, stroke, smooth)


def _parse_mix(text: str | None, library: Library) -> tuple[Model, tuple[float, ...]]:
    if text is None:
        model, style = library.styles[0]
        return model, one_style(model, style).weights
    weights: dict[int, float] = {}
    models: list[Model] = []
    for part in text.split(","):
        name, _, number = part.partition(":")
        try:
            weight = float(number) if number else 1.0
        except ValueError:
            weight = -1.0
        if not 0 < weight < 1e6:
            raise UsageError(f"--style {part!r}: the weight after the colon must be a number above 0")
        model, style = library.find(name)
        models.append(model)
        weights[style.row] = weights.get(style.row, 0.0) + weight
    if len({id(model) for model in models}) > 1:
        files = ", ".join(sorted({model.path.name for model in models}))
        raise UsageError(f"--style {text!r}: styles of different model files ({files}) cannot be mixed")
    if len(weights) > MOST_STYLES:
        raise UsageError(f"--style {text!r}: at most {MOST_STYLES} styles can be mixed")
    total = sum(weights.values())
    return models[0], tuple(weights.get(row, 0.0) / total for row in range(len(models[0].styles)))


class Crossfade:
    """Moves from one look to the next over a fraction of a second. seconds: how long, 0 is at once."""

    def __init__(self, look: Look, seconds: float = FADE_SECONDS) -> None:
        self.seconds = seconds
        self._path = (look, look, float("-inf"), seconds)  # from, to, since, for how long: replaced as one

    @property
    def target(self) -> Look:
        """Where it goes."""
        return self._path[1]

    def go(self, look: Look, now: float, seconds: float | None = None) -> None:
        """Start moving to `look` from wherever things stand. now: seconds of any clock."""
        old = self.at(now)
        if old.before is not None:  # interrupted between two paintings: go on from the one seen more of
            old = old.before if old.share < 0.5 else replace(old, before=None, share=1.0)
        self._path = (old, look, now, self.seconds if seconds is None else seconds)

    def at(self, now: float) -> Look:
        """The look at that moment. It starts and ends gently."""
        old, new, since, seconds = self._path
        done = min(1.0, max(0.0, (now - since) / seconds)) if seconds > 0 else 1.0
        if done == 1.0:
            return new
        done = done * done * (3 - 2 * done)
        same = old.model is new.model
        between = replace(
            new,
            weights=tuple(_between(a, b, done) for a, b in zip(old.weights, new.weights, strict=True))
            if same
            else new.weights,
            strength=_between(old.strength, new.strength, done),
            keep_colors=_between(old.keep_colors, new.keep_colors, done),
            smooth=_between(old.smooth, new.smooth, done),
        )
        if same and old.stroke == new.stroke:
            return between
        weights = between.weights if same else old.weights
        return replace(
            between, before=replace(between, model=old.model, weights=weights, stroke=old.stroke), share=done
        )


def _between(one: float, other: float, done: float) -> float:
    return one + (other - one) * done
