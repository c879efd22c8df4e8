"""Photos and the content features wanted of them, batch by batch."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import cv2
import torch
from torch import Tensor
from torch.utils.data import DataLoader

from training.config import Schedule
from training.errors import TrainingError
from training.images import PhotoCrops

ENDLESS = 1 << 40  # photos
MOST = 8  # processes that read photos for a GPU


def batches(
    schedule: Schedule, folder: Path, start: int, content: Callable[[Tensor], Tensor], device: str
) -> Iterator[tuple[Tensor, Tensor]]:
    """From the photo of that number in the run on: photos [N, 3, S, S], RGB in 0..1, and `content` of their crops.

    S is crop + shift. Where crops come again and again (`schedule.crops`), both are kept in the device's memory the
    first time, 1.3 MB for a crop of 192 pixels; what comes from there is neither read nor looked at again.
    Raises TrainingError where they do not fit.
    """
    size, batch, kept = schedule.crop + schedule.shift, schedule.batch, schedule.crops
    end = ENDLESS if schedule.minutes else schedule.photos
    read = min(end, start + -(-kept // batch) * batch) if kept else end  # the first of those that are kept by then
    kept = kept if read < end else 0
    crops = PhotoCrops(folder, size, schedule.largest, schedule.seed)
    numbers = range(start, read)
    loader: DataLoader[Tensor] = DataLoader(
        crops,
        batch,
        sampler=(number % schedule.crops for number in numbers) if schedule.crops else numbers,
        num_workers=1 if device == "cpu" else min(MOST, os.cpu_count() or 1),
        worker_init_fn=_one_thread,
        drop_last=True,
    )
    photos = _room((kept, 3, size, size), torch.uint8, device)
    features = torch.empty(0)
    for first, photo in zip(count(start, batch), loader, strict=False):
        photo = photo.to(device, non_blocking=True)
        wanted = content(photo[:, :, : schedule.crop, : schedule.crop])
        if kept:
            if not len(features):  # half the memory, whatever computes
                features = _room((kept, *wanted.shape[1:]), torch.bfloat16, device)
            places = torch.arange(first, first + batch, device=device) % kept
            photos[places] = (photo * 255).round().byte()
            features[places] = wanted.to(features.dtype)
        yield photo, wanted
    for first in range(read, end - batch + 1 if kept else 0, batch):
        places = torch.arange(first, first + batch, device=device) % kept
        yield photos[places].float() / 255, features[places]


def _room(shape: tuple[int, ...], dtype: torch.dtype, device: str) -> Tensor:
    try:
        return torch.empty(shape, dtype=dtype, device=device)
    except RuntimeError as error:
        raise TrainingError(f"no room for {shape[0]} crops in the memory of {device}; set fewer: crops") from error


def _one_thread(_: int) -> None:
    """There is a process for each core already."""
    cv2.setNumThreads(0)
