"""The config file of a training run."""

from __future__ import annotations

import math
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_type_hints

from training.errors import TrainingError
from training.loss import LOSSES
from training.network import MULTIPLE, Architecture

SMALLEST_CROP = 32  # pixels; VGG and the network halve it three times, and the network pads the result by reflection
POSITIVE_SETTINGS = {"photos", "batch", "crop", "painting", "largest"}  # these must be at least 1, the others may be 0


@dataclass(frozen=True)
class Painting:
    """A style of a run: its name, its file in the folder of paintings, its weights in the loss."""

    name: str
    file: str
    content_weight: float = 1.0
    style_weight: float = 2.5


@dataclass(frozen=True)
class Schedule:
    """The length, the learning rate, the data and the loss of a run.

    photos: crops seen in the whole run; the learning rate falls along a cosine towards that number.
    minutes: where it is not 0, the duration of the whole run; `photos` is ignored then.
    rows_only: learn the style rows alone (the paintings' scales, shifts and matrices), and leave the convolutions as
        they are.
    crops: the number of different crops, 0 for no limit; a few thousand and their content features fit into the
        device's memory (about 1 MB each), which saves a quarter of the work. It must have no divisor in common with
        the number of paintings, or each crop always meets the same one.
    crop: side of a crop in pixels; largest: a photo's short side is scaled to 1 ... largest times a crop.
    painting: short side of the paintings in pixels; smaller ones are used at their own size.
    loss: a name in LOSSES.
    rows_factor: the learning rate of the style rows relative to that of the convolutions; each row learns from a few
        items alone.
    clip: largest norm of the gradient.
    detail: side in pixels of the random window of each picture whose Gram matrices are compared at the finest level,
        0 for the whole picture. That level has most of the work, and a quarter of it already shows every stroke.
    shifted: the number of items of a batch that are stylized a second time, shifted, to measure their steadiness; 0 for
        all of them.
    shift, noise: the largest shift (pixels) and camera noise (standard deviation, of values in 0..1) under which the
        stylized photo must not change; steadiness: the weight of that.
    faces: the weight of the content within faces, relative to the rest; 1 looks for none.
    tone: the weight of the order of light and dark; palette: the weight of the painting's colours.
    """

    photos: int = 34_000
    minutes: float = 0.0
    rows_only: bool = False
    batch: int = 4
    crops: int = 0
    crop: int = 192
    largest: float = 1.45
    painting: int = 384
    loss: str = "single"
    learning_rate: float = 2e-3
    final_rate: float = 2e-5
    warmup: int = 100
    rows_factor: float = 1.0
    clip: float = 2.0
    detail: int = 0
    shifted: int = 0
    shift: int = 7
    noise: float = 0.04
    steadiness: float = 30.0
    faces: float = 1.0
    tone: float = 0.3
    palette: float = 0.15
    seed: int = 1


@dataclass(frozen=True)
class Config:
    """A run: the network's shape, its schedule and its paintings."""

    architecture: Architecture
    schedule: Schedule
    paintings: tuple[Painting, ...]

    @property
    def names(self) -> list[str]:
        """The styles, in the order of the network's style rows."""
        return [painting.name for painting in self.paintings]


def read_config(path: Path) -> Config:
    """Read a TOML file with [network], [schedule] and one [[painting]] per style.

    `paintings_of` names another config file in the same folder, whose paintings are added.
    Raises TrainingError where the file is missing, is not TOML or has unknown or invalid settings.
    """
    table = _read_toml(path)
    unknown = set(table) - {"network", "schedule", "painting", "paintings_of"}
    if unknown:
        raise TrainingError(f"{path}: unknown section {sorted(unknown)[0]!r}")
    entries = list(table.get("painting", []))
    if "paintings_of" in table:
        other = path.parent / str(table["paintings_of"])
        if path.name == other.name:
            raise TrainingError(f"{path}: paintings_of names the file itself")
        entries += _read_toml(other).get("painting", [])
    paintings = tuple(_build(Painting, entry, path) for entry in entries)
    if not paintings:
        raise TrainingError(f"{path}: no [[painting]] in it")
    if len({painting.name for painting in paintings}) < len(paintings):
        raise TrainingError(f"{path}: two paintings share a name")
    schedule = _build(Schedule, table.get("schedule", {}), path)
    if schedule.loss not in LOSSES:
        raise TrainingError(f"{path}: loss: must be one of {', '.join(LOSSES)}, got {schedule.loss!r}")
    smallest = max(SMALLEST_CROP, LOSSES[schedule.loss].smallest)
    if schedule.crop % MULTIPLE or schedule.crop < smallest:
        raise TrainingError(f"{path}: crop: must be a multiple of {MULTIPLE} from {smallest} on, got {schedule.crop}")
    if schedule.detail > schedule.crop:
        raise TrainingError(f"{path}: detail: must be at most the crop, {schedule.crop}, got {schedule.detail}")
    return Config(_build(Architecture, table.get("network", {}), path), schedule, paintings)


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise TrainingError(f"{path}: {error.strerror or error}") from error
    except ValueError as error:
        raise TrainingError(f"{path} is not TOML: {error}") from error


def _build(kind: type[Any], entry: dict[str, Any], path: Path) -> Any:
    types = get_type_hints(kind)
    for name, value in entry.items():
        if name not in types:
            raise TrainingError(f"{path}: unknown setting {name!r}")
        _check(name, value, types[name], path)
    try:
        return kind(**entry)
    except (TypeError, ValueError) as error:
        raise TrainingError(f"{path}: {error}") from error


def _check(name: str, value: object, expected: type, path: Path) -> None:
    accepted = (int, float) if expected is float else expected
    if not isinstance(value, accepted) or isinstance(value, bool) is not (expected is bool):
        raise TrainingError(f"{path}: {name}: expected {expected.__name__}, got {value!r}")
    minimum = 1 if name in POSITIVE_SETTINGS else 0
    if isinstance(value, int | float) and expected is not bool and not minimum <= value < math.inf:
        raise TrainingError(f"{path}: {name}: must be at least {minimum}, got {value}")
