"""Batches of photos and their content features."""

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


class FakeFeatures:
    """A stand-in for VGG that counts its photos; its feature is exact in bfloat16."""

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
def test_batches_are_the_same_whether_crops_are_kept_or_not(world: Path, crops: int, start: int) -> None:
    """There may be fewer crops than a batch or than the run has photos, or more; a start above 0 continues a run."""
    schedule, features = replace(SCHEDULE, crops=crops), FakeFeatures()
    all_batches = list(batches(schedule, world / "photos", start, features, "cpu"))
    assert len(all_batches) == (40 - start) // 4, "the last photos do not fill a batch"
    for number, batch in enumerate(all_batches):
        first = start + 4 * number
        exact = expected(world, schedule, list(range(first, first + 4)))
        assert torch.allclose(batch.photo, exact, atol=1e-6)
        assert torch.equal(batch.target.float(), FakeFeatures()(exact[:, :, :32, :32]))
    if 0 < crops < 20:
        assert features.photos <= crops + 4, "features of kept crops are computed once"


def test_batches_of_a_run_with_minutes_are_endless(world: Path) -> None:
    schedule = replace(SCHEDULE, minutes=1.0, crops=5)
    assert len(list(islice(batches(schedule, world / "photos", 0, FakeFeatures(), "cpu"), 30))) == 30


def test_more_crops_than_fit_into_memory_are_refused(world: Path) -> None:
    schedule = replace(SCHEDULE, minutes=1.0, crops=1 << 36)
    with pytest.raises(TrainingError, match=r"no room for .* set fewer: crops"):
        next(batches(schedule, world / "photos", 0, FakeFeatures(), "cpu"))
