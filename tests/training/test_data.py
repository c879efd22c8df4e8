from __future__ import annotations

from dataclasses import replace
from itertools import islice
from pathlib import Path

import pytest
import torch
from torch import Tensor

from training.config import Schedule
from training.data import batches
from training.errors import TrainingError
from training.images import PhotoCrops

SCHEDULE = Schedule(photos=40, batch=4, crop=32, shift=3)
SIDE = 35


class Looks:
    """Stands for VGG: a feature that is exact in bfloat16, and how many photos were looked at."""

    def __init__(self) -> None:
        self.photos = 0

    def __call__(self, crop: Tensor) -> Tensor:
        assert crop.shape[1:] == (3, 32, 32)
        self.photos += len(crop)
        return (crop.mean((1, 2, 3)) * 255).round()[:, None]


def expected(world: Path, schedule: Schedule, numbers: list[int]) -> Tensor:
    crops = PhotoCrops(world / "photos", SIDE, schedule.largest, schedule.seed)
    return torch.stack([crops[number % schedule.crops if schedule.crops else number] for number in numbers])


@pytest.mark.parametrize("crops", [0, 3, 5, 7, 8, 39, 1000])
@pytest.mark.parametrize("start", [0, 2, 33])
def test_the_same_photos_come_whether_they_are_kept_or_not(world: Path, crops: int, start: int) -> None:
    """Fewer crops than a batch, as many, no multiple of it, more than the run has photos; a run that goes on."""
    schedule, looks = replace(SCHEDULE, crops=crops), Looks()
    found = list(batches(schedule, world / "photos", start, looks, "cpu"))
    assert len(found) == (40 - start) // 4, "the last ones do not fill a batch"
    for number, (photo, wanted) in enumerate(found):
        first = start + 4 * number
        exact = expected(world, schedule, list(range(first, first + 4)))
        assert torch.allclose(photo, exact, atol=1e-6)
        assert torch.equal(wanted.float(), Looks()(exact[:, :, :32, :32]))
    if 0 < crops < 20:
        assert looks.photos <= crops + 4, "what is kept is looked at once"


def test_a_run_by_the_clock_has_no_end(world: Path) -> None:
    schedule = replace(SCHEDULE, minutes=1.0, crops=5)
    assert len(list(islice(batches(schedule, world / "photos", 0, Looks(), "cpu"), 30))) == 30


def test_too_many_to_keep_is_one_line(world: Path) -> None:
    schedule = replace(SCHEDULE, minutes=1.0, crops=1 << 36)
    with pytest.raises(TrainingError, match=r"no room for .* set fewer: crops"):
        next(batches(schedule, world / "photos", 0, Looks(), "cpu"))
