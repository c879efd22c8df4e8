"""The look: everything about how a picture is stylized, in one immutable value that travels with each frame."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from realtime.errors import UsageError
from realtime.inference.model import Model, Style
from realtime.stylizer.library import Library

MAX_STYLES = 4  # styles in a mix; more of them cancel each other out
MIN_WEIGHT = 0.005  # a style with less weight does not count as part of a mix
# The range of each number of a look. The command line's option has the same name.
LOOK_RANGES = {"strength": (0.0, 1.0), "keep_colors": (0.0, 1.0), "stroke": (0.5, 4.0), "smooth": (0.0, 1.0)}


@dataclass(frozen=True)
class Look:
    """How a picture is stylized. It is immutable; `dataclasses.replace` makes another one.

    Args:
        model: the model file whose network stylizes.
        weights: one weight per style of the model, summing to 1.
        strength: 0 (the photo) to 1 (the painting).
        keep_colors: 0 (the painting's colours) to 1 (the photo's, with the painting's light and dark).
        stroke: size of the brush strokes, 0.5 (half) to 4 (four times); 1 is as the model was trained.
        smooth: 0 (each picture by itself) to 1 (held along what moves); only for pictures in their order.
        previous: the old look, if the two cannot be interpolated (other model or stroke): both are stylized and
            blended.
        progress: how far the fade from `previous` is, 0 (the previous look) to 1 (this one).

    Raises:
        UsageError: a number is out of its range. It is a ValueError too.

    Example:
        >>> look = parse_look("starry_night", load_library())
        >>> weaker = dataclasses.replace(look, strength=0.5)
    """

    model: Model = field(repr=False)
    weights: tuple[float, ...]
    strength: float = 1.0
    keep_colors: float = 0.0
    stroke: float = 1.0
    smooth: float = 0.0
    previous: Look | None = field(default=None, repr=False)
    progress: float = 1.0

    def __post_init__(self) -> None:
        for name, (low, high) in LOOK_RANGES.items():
            value = getattr(self, name)
            if not low <= value <= high:
                raise UsageError(f"--{name.replace('_', '-')} {value:g}: from {low:g} to {high:g}")

    @property
    def mix(self) -> list[tuple[Style, float]]:
        """The styles of the look and their weights, strongest first."""
        pairs = zip(self.model.styles, self.weights, strict=True)
        return sorted(((s, w) for s, w in pairs if w > MIN_WEIGHT), key=lambda pair: -pair[1])

    @property
    def label(self) -> str:
        """The name to show, such as "The Scream 67% + Udnie 33%"."""
        if self.strength == 0:
            return "original"
        if len(self.mix) == 1:
            return self.mix[0][0].label
        return " + ".join(f"{style.title or style.name} {weight:.0%}" for style, weight in self.mix)

    @property
    def options(self) -> dict[str, str | float | bool]:
        """The look as options of the command line, by their names."""
        mix = self.mix[:MAX_STYLES]
        style = mix[0][0].name if len(mix) == 1 else ",".join(f"{style.name}:{weight:.3g}" for style, weight in mix)
        numbers = {name.replace("_", "-"): getattr(self, name) for name in LOOK_RANGES}
        return {"style": style, **numbers, "keep-colors": self.keep_colors >= 0.5}

    @property
    def adjustments(self) -> list[str]:
        """What differs from the defaults, without the styles, each in a few words such as "strength 60%"."""
        texts = {
            "strength": f"strength {self.strength:.0%}" if 0 < self.strength < 1 else "",
            "keep_colors": "own colours" if self.keep_colors else "",
            "stroke": f"strokes × {self.stroke:g}" if self.stroke != 1 else "",
            "smooth": f"smooth {self.smooth:.0%}" if self.smooth else "",
        }
        return [text for text in texts.values() if text]


def one_style(model: Model, style: Style) -> Look:
    """Return the look of that style alone, with default numbers."""
    return Look(model, tuple(float(s.row == style.row) for s in model.styles))


def look_in(library: Library, look: Look) -> Look:
    """Return the look with the library's own models: the styles of the same names with the same weights.

    Styles that the library lacks are left out, and of styles that are in several models now, those beside the
    strongest one stay. Where none is left, it is the library's first style. A look that fits is returned as it is.
    """
    found = {s.name: (library.styles[n], w) for s, w in look.mix if (n := library.number(s.name)) is not None}
    if not found:
        model, style = library.styles[0]
        return replace(look, model=model, weights=one_style(model, style).weights, previous=None, progress=1.0)
    model = next(iter(found.values()))[0][0]
    if model is look.model:
        return look
    kept = {style.row: weight for (owner, style), weight in found.values() if owner is model}
    total = sum(kept.values())
    weights = tuple(kept.get(row, 0.0) / total for row in range(len(model.styles)))
    return replace(look, model=model, weights=weights, previous=None, progress=1.0)


def parse_look(
    text: str | None,
    library: Library,
    *,
    strength: float = 1.0,
    keep_colors: float = 0.0,
    stroke: float = 1.0,
    smooth: float = 0.0,
) -> Look:
    """Return the look of a style or of a mix of styles, as `--style` takes it.

    Args:
        text: a style's name, or a mix with relative weights such as "NAME:2,NAME:1"; None is the library's first style.
        library: where styles are looked up.
        strength: see `Look`.
        keep_colors: see `Look`.
        stroke: see `Look`.
        smooth: see `Look`.

    Raises:
        UnknownStyle: the library has no style of that name.
        UsageError: a weight or number is out of its range, there are more than four styles, or they are of different
            model files.

    Example:
        >>> parse_look("great_wave:2,the_scream:1", load_library(), strength=0.8).label
        'The Great Wave off Kanagawa 67% + The Scream 33%'
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
    if len(weights) > MAX_STYLES:
        raise UsageError(f"--style {text!r}: at most {MAX_STYLES} styles can be mixed")
    total = sum(weights.values())
    return models[0], tuple(weights.get(row, 0.0) / total for row in range(len(models[0].styles)))
