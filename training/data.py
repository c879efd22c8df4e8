"""Batches of photos, their content features and the weights of these."""

from __future__ import annotations

import os
import sys
import types
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import cv2
import torch
from torch import Tensor
from torch.utils.data import DataLoader

from training.config import Schedule
from training.errors import TrainingError
from training.images import PhotoCrops

ENDLESS_PHOTOS = 1 << 40
MAX_GPU_WORKERS = 8  # processes that read photos for a GPU


@dataclass(frozen=True)
class Batch:
    """Photos to learn from.

    photo: [N, 3, S, S], RGB in 0..1, where S is crop + shift.
    target: content features of the unshifted crops, [N, C, H, W]; emphasis: the weights of their positions,
    [N, 1, H, W].
    """

    photo: Tensor
    target: Tensor
    emphasis: Tensor


def batches(
    schedule: Schedule,
    folder: Path,
    start: int,
    content: Callable[[Tensor], Tensor],
    device: str,
    emphasize: Callable[[Tensor, int, int], Tensor] | None = None,
) -> Iterator[Batch]:
    """Yield batches of photos.

    start: the number of photos that the run has seen already.
    content: returns the features of crops; emphasize: returns the weights of their positions, by default 1.
    Where the number of different crops is limited (`schedule.crops`), all three are kept in the device's memory when
    they are first seen, 1.3 MB for a crop of 192 pixels, and then neither read nor computed again.
    Raises TrainingError where they do not fit into the memory.
    """
    side, batch, kept = schedule.crop + schedule.shift, schedule.batch, schedule.crops
    end = ENDLESS_PHOTOS if schedule.minutes else schedule.photos
    # From this photo on every crop is one of the kept ones; it is rounded up to whole batches.
    read_end = min(end, start + -(-kept // batch) * batch) if kept else end
    kept = kept if read_end < end else 0
    numbers = range(start, read_end)
    loader: DataLoader[Tensor] = DataLoader(
        PhotoCrops(folder, side, schedule.largest, schedule.seed),
        batch,
        sampler=(number % schedule.crops for number in numbers) if schedule.crops else numbers,
        num_workers=1 if device == "cpu" else min(MAX_GPU_WORKERS, os.cpu_count() or 1),
        worker_init_fn=_prepare_worker,
        drop_last=True,
    )
    stored: list[Tensor] = []  # photos, features and weights of the kept crops
    for first, photo in zip(count(start, batch), loader, strict=False):
        photo = photo.to(device, non_blocking=True)
        crop = photo[:, :, : schedule.crop, : schedule.crop]
        target = content(crop)
        shape = target.shape[0], 1, *target.shape[2:]
        emphasis = emphasize(crop, *shape[2:]) if emphasize else torch.ones(shape, device=device)
        if kept:
            # bfloat16 halves the memory, whichever type the network computes in.
            new = (photo * 255).round().byte(), target.bfloat16(), emphasis.bfloat16()
            stored = stored or [_allocate((kept, *part.shape[1:]), part.dtype, device) for part in new]
            slots = torch.arange(first, first + batch, device=device) % kept
            for parts, part in zip(stored, new, strict=True):
                parts[slots] = part
        yield Batch(photo, target, emphasis)
    for first in range(read_end, end - batch + 1 if kept else 0, batch):
        slots = torch.arange(first, first + batch, device=device) % kept
        photo, target, emphasis = (parts[slots] for parts in stored)
        yield Batch(photo.float() / 255, target, emphasis)


def _allocate(shape: tuple[int, ...], dtype: torch.dtype, device: str) -> Tensor:
    try:
        return torch.empty(shape, dtype=dtype, device=device)
    except RuntimeError as error:
        raise TrainingError(f"no room for {shape[0]} crops in the memory of {device}; set fewer: crops") from error


def _prepare_worker(_: int) -> None:
    """Prepare a worker process.

    OpenCV is limited to one thread, because there are as many processes as cores. A connection that is cut is not
    reported: Ctrl-C may end the main process while a photo is handed over to it.
    """
    cv2.setNumThreads(0)
    sys.excepthook = _report_unless_disconnected


def _report_unless_disconnected(
    kind: type[BaseException], error: BaseException, trace: types.TracebackType | None
) -> None:
    if not issubclass(kind, ConnectionError):
        sys.__excepthook__(kind, error, trace)
