"""The training loop: photos in, a checkpoint, a loss log and previews out."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader

from training.checkpoint import Checkpoint, load_checkpoint
from training.config import Config, Schedule
from training.errors import TrainingError
from training.images import PhotoCrops, list_images, read_image, resize_short_side, to_image, to_tensor
from training.loss import PerceptualLoss
from training.network import StyleNetwork
from training.vgg import Vgg16

SAVE_EVERY = 100  # steps
LOG_EVERY = 20
PREVIEW_EVERY = 1000


@dataclass(frozen=True)
class Report:
    """Means since the last report. photos: seen so far, of `total`; speed: photos a second."""

    photos: int
    total: int
    content: float
    style: float
    unsteadiness: float
    speed: float


@dataclass(frozen=True)
class Files:
    """Where a run reads and writes.

    photos: a folder of content photos; paintings: the folder that the config's files are in;
    vgg: weights file or None for torchvision's; run: the folder for checkpoint, log and previews;
    previews: a folder of photos to paint now and then, or None.
    """

    photos: Path
    paintings: Path
    vgg: Path | None
    run: Path
    previews: Path | None = None

    @property
    def checkpoint(self) -> Path:
        """The file that training goes on from."""
        return self.run / "checkpoint.pt"


def train(config: Config, files: Files, device: str, report: Callable[[Report], None]) -> Checkpoint:
    """Train to the end of the schedule, going on from the run's checkpoint where there is one.

    The checkpoint is written every few minutes, at the end, and on KeyboardInterrupt.
    Raises TrainingError on anything that the user can mend.
    """
    torch.manual_seed(config.schedule.seed)
    files.run.mkdir(parents=True, exist_ok=True)
    state = _start(config, files)
    network = state.network.to(device, memory_format=torch.channels_last).train()
    schedule = config.schedule
    optimizer = torch.optim.Adam(network.parameters(), schedule.learning_rate)
    if state.optimizer:
        optimizer.load_state_dict(state.optimizer)
    loss = _loss(config, files, device)
    weights = torch.tensor(
        [[p.content_weight, p.style_weight] for p in config.paintings], device=device
    )  # [S, 2]

    def save() -> None:
        state.optimizer = optimizer.state_dict()
        state.save(files.checkpoint)

    sums, since = np.zeros(3), time.perf_counter()
    try:
        for step, batch in enumerate(_batches(config, files, state.photos), state.photos // schedule.batch):
            for group in optimizer.param_groups:
                group["lr"] = learning_rate(schedule, step)
            photo = batch.to(device, non_blocking=True)
            rows = torch.arange(state.photos, state.photos + len(photo), device=device) % len(weights)
            terms = _step(network, loss, schedule, photo, rows)  # [N, 3]
            weighted = terms[:, :2] * weights[rows]
            (weighted.sum(1) + schedule.steadiness * terms[:, 2]).mean().backward()
            torch.nn.utils.clip_grad_norm_(network.parameters(), schedule.clip)
            optimizer.step()
            optimizer.zero_grad()
            state.photos += len(photo)
            sums += terms.detach().mean(0).cpu().numpy()
            _log(files, config, state.photos, rows, terms)
            if (step + 1) % LOG_EVERY == 0:
                now = time.perf_counter()
                content, style, unsteady = (sums / LOG_EVERY).tolist()
                speed = LOG_EVERY * schedule.batch / (now - since)
                report(Report(state.photos, schedule.photos, content, style, unsteady, speed))
                sums, since = np.zeros(3), now
            if (step + 1) % SAVE_EVERY == 0:
                save()
            if files.previews and (step + 1) % PREVIEW_EVERY == 0:
                write_preview(network, files.previews, files.run / f"preview_{state.photos:07d}.png")
    finally:
        save()
    if files.previews:
        write_preview(network, files.previews, files.run / f"preview_{state.photos:07d}.png")
    return state


def learning_rate(schedule: Schedule, step: int) -> float:
    """A linear warm-up, then half a cosine down to the final rate."""
    total = max(1, schedule.photos // schedule.batch)
    progress = min(1.0, step / total)
    cosine = 0.5 * (1 + math.cos(math.pi * progress))
    rate = schedule.final_rate + (schedule.learning_rate - schedule.final_rate) * cosine
    return rate * min(1.0, (step + 1) / max(1, schedule.warmup))


def write_preview(network: StyleNetwork, photos: Path, path: Path, limit: int = 4, size: int = 320) -> None:
    """A contact sheet: one photo a row, the photo itself first, then every style."""
    device = next(network.parameters()).device
    network.eval()
    rows = []
    with torch.no_grad():
        for photo in list_images(photos)[:limit]:
            image = resize_short_side(read_image(photo), size)[:size, :size]
            x = to_tensor(image)[None].to(device)
            row = [image] + [
                to_image(network(x, style[None])[0]) for style in torch.eye(network.styles, device=device)
            ]
            rows.append(np.hstack(row))
    network.train()
    cv2.imwrite(str(path), np.vstack(rows))


def _start(config: Config, files: Files) -> Checkpoint:
    if not files.checkpoint.exists():
        return Checkpoint(StyleNetwork(len(config.paintings), config.architecture), config.names)
    state = load_checkpoint(files.checkpoint)
    if state.styles != config.names or state.network.architecture != config.architecture:
        raise TrainingError(
            f"{files.checkpoint} was trained with other styles or another network than the config "
            "asks for; choose another output folder"
        )
    return state


def _loss(config: Config, files: Files, device: str) -> PerceptualLoss:
    vgg = Vgg16(files.vgg).to(device, memory_format=torch.channels_last)
    vgg.convs.to(torch.bfloat16)
    images = [read_image(files.paintings / painting.file) for painting in config.paintings]
    short = config.schedule.painting
    return PerceptualLoss(
        vgg, [to_tensor(resize_short_side(image, short))[None].to(device) for image in images]
    )


def _batches(config: Config, files: Files, start: int) -> Iterator[Tensor]:
    schedule = config.schedule
    crops = PhotoCrops(files.photos, schedule.crop + schedule.shift, schedule.largest, schedule.seed)
    indices = range(start, schedule.photos)
    loader: DataLoader[Tensor] = DataLoader(
        crops, schedule.batch, sampler=indices, num_workers=1, drop_last=True
    )
    return iter(loader)


def _step(
    network: StyleNetwork, loss: PerceptualLoss, schedule: Schedule, photo: Tensor, rows: Tensor
) -> Tensor:
    """Content, style and unsteadiness of one batch: [N, 3].

    photo: [N, 3, crop + shift, crop + shift]; rows: [N], the style of each.
    """
    style = torch.eye(network.styles, device=photo.device)[rows]
    size, room = schedule.crop, schedule.shift
    still = photo[:, :, :size, :size]
    down, right = torch.randint(room + 1, (2,)).tolist()
    moved = photo[:, :, down : down + size, right : right + size]
    moved = moved + torch.randn_like(moved) * (torch.rand(1, device=photo.device) * schedule.noise)
    with torch.autocast(photo.device.type, torch.bfloat16):
        painted, repainted = network(torch.cat([still, moved]), torch.cat([style, style])).chunk(2)
    losses = loss(painted, still, rows)
    overlap = painted[:, :, down:, right:] - repainted[:, :, : size - down, : size - right]
    return torch.stack([losses.content, losses.style, overlap.square().mean((1, 2, 3))], 1)


def _log(files: Files, config: Config, photos: int, rows: Tensor, terms: Tensor) -> None:
    """One JSON line an item: what it scored, and for which painting."""
    with (files.run / "losses.jsonl").open("a", encoding="utf-8") as log:
        for row, (content, style, unsteady) in zip(rows.tolist(), terms.tolist(), strict=True):
            entry = {"photos": photos, "style": config.names[row]}
            entry |= {"content_loss": round(content, 4), "style_loss": round(style, 4)}
            log.write(json.dumps(entry | {"unsteadiness": round(unsteady, 6)}) + "\n")
