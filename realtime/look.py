"""What the user has dialled in: one immutable value that travels with each frame."""

from __future__ import annotations

from dataclasses import dataclass, field

from realtime.errors import UsageError
from realtime.styles import Library, Model, Style

FADE_SECONDS = 0.3


@dataclass(frozen=True)
class Look:
    """How to paint.

    model: the file that paints; weights: one per style of it, summing to 1.
    strength: 0 (the photo) to 1 (the painting).
    """

    model: Model = field(repr=False)
    weights: tuple[float, ...]
    strength: float = 1.0

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


def one_style(model: Model, style: Style) -> Look:
    """That style alone."""
    return Look(model, tuple(float(s.row == style.row) for s in model.styles))


def parse_look(text: str | None, strength: float, library: Library) -> Look:
    """Read `NAME`, or a mix such as `NAME:2,NAME:1`; None is the first style there is.

    Weights are relative. Raises UnknownStyle, or UsageError where the mix cannot be had.
    """
    if not 0 <= strength <= 1:
        raise UsageError(f"--strength {strength:g}: from 0 (the photo) to 1 (the painting)")
    if text is None:
        model, style = library.styles[0]
        return Look(model, one_style(model, style).weights, strength)
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
    total = sum(weights.values())
    row_weights = tuple(weights.get(row, 0.0) / total for row in range(len(models[0].styles)))
    return Look(models[0], row_weights, strength)


class Crossfade:
    """Moves from one look to the next over a fraction of a second, where one network paints both."""

    def __init__(self, look: Look) -> None:
        self.target = look
        self._from, self._since = look, float("-inf")

    def go(self, look: Look, now: float) -> None:
        """Start moving to `look` from wherever things stand. now: seconds."""
        self._from, self._since, self.target = self.at(now), now, look

    def at(self, now: float) -> Look:
        """The look at that moment."""
        done = min(1.0, max(0.0, (now - self._since) / FADE_SECONDS))
        old, new = self._from, self.target
        if done == 1.0 or old.model is not new.model:
            return new
        weights = tuple(a + (b - a) * done for a, b in zip(old.weights, new.weights, strict=True))
        return Look(new.model, weights, old.strength + (new.strength - old.strength) * done)
