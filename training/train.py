"""The training loop: photos in, a checkpoint, a loss log and previews out."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor

from training.checkpoint import Checkpoint, is_row, load_checkpoint
from training.config import Config, Schedule
from training.data import batches
from training.errors import TrainingError
from training.images import read_image, read_images, resize_short_side, to_image, to_tensor
from training.loss import LOSSES, PerceptualLoss
from training.network import StyleNetwork
from training.precision import fastest_dtype
from training.vgg import Vgg

TERMS = ("content_loss", "style_loss", "tone_error", "palette_error", "unsteadiness")
CHECKPOINT = "checkpoint.pt"  # in the folder of a run
SAVE_SECONDS = 60.0
PREVIEW_SECONDS = 120.0
LOG_EVERY = 20  # steps
ASTRAY = 10  # steps in a row whose loss is no number, after which a run ends

Score = tuple[int, Tensor, Tensor]  # photos seen by then, the style of each item [N], its TERMS [N, 5]


@dataclass(frozen=True)
class Report:
    """Means since the last report.

    photos: seen so far; progress: how much of the run is done, 0 to 1; terms: by TERMS; speed: photos a second.
    """

    photos: int
    progress: float
    terms: dict[str, float]
    speed: float

    def __str__(self) -> str:
        """The terms and the speed, for people."""
        terms = "  ".join(f"{name.partition('_')[0]} {value:.4f}" for name, value in self.terms.items())
        return f"{terms}  {self.speed:.1f} photos/s"


@dataclass(frozen=True)
class Files:
    """Where a run reads and writes.

    photos: a folder of content photos; paintings: the folder that the config's files are in;
    vgg: weights file or None for torchvision's; run: the folder for checkpoint, log and previews;
    previews: a folder of photos to paint now and then, or None; start: a checkpoint whose weights the run begins
    with where it has none of its own, or None.
    """

    photos: Path
    paintings: Path
    vgg: Path | None
    run: Path
    previews: Path | None = None
    start: Path | None = None

    @property
    def checkpoint(self) -> Path:
        """The file that training goes on from."""
        return self.run / CHECKPOINT


def train(
    config: Config, files: Files, device: str, report: Callable[[Report], None], begin: Checkpoint | None = None
) -> Checkpoint:
    """Train to the end of the schedule, going on from `begin`, else from the run's checkpoint where there is one.

    The checkpoint is written every minute, at the end, and on KeyboardInterrupt.
    Raises TrainingError on anything that the user can mend.
    """
    torch.manual_seed(config.schedule.seed)
    files.run.mkdir(parents=True, exist_ok=True)
    for folder in (files.photos, files.previews):
        if folder is not None:
            read_images(folder, 1)  # what cannot be read at all is said here, in one line
    trainer = _Trainer(config, files, device, begin or _start(config, files))
    state, schedule = trainer.state, config.schedule
    scores: list[Score] = []
    now = reported = saved = previewed = time.perf_counter()
    try:
        for photo, wanted in batches(schedule, files.photos, state.photos, trainer.loss.content, device):
            scores.append(trainer.step(photo, wanted))
            before, now = now, time.perf_counter()
            state.seconds += now - before
            done = progress(schedule, state)
            if len(scores) == LOG_EVERY or done >= 1:
                speed = len(scores) * schedule.batch / (now - reported)
                means, scores = _log(files, config, scores), []
                report(Report(state.photos, done, means, speed))
                reported = now
            if now - saved > SAVE_SECONDS:
                trainer.save()
                saved = now
            if now - previewed > PREVIEW_SECONDS:
                trainer.preview()
                previewed = now
            if done >= 1:
                break
    except KeyboardInterrupt:
        trainer.save()
        raise
    finally:
        if scores:
            _log(files, config, scores)
    trainer.save()
    trainer.preview()
    state.network.cpu()
    return state


class _Trainer:
    """Network, loss and optimizer of one run."""

    def __init__(self, config: Config, files: Files, device: str, state: Checkpoint) -> None:
        torch.backends.cudnn.benchmark = True  # all batches have one size
        self.config, self.files, self.state = config, files, state
        self.network = self.state.network.to(device).to(memory_format=torch.channels_last).train()
        if config.schedule.rows_only:
            for name, parameter in self.network.named_parameters():
                parameter.requires_grad_(is_row(name))
        self.parameters = [parameter for parameter in self.network.parameters() if parameter.requires_grad]
        self.optimizer = torch.optim.Adam(self.parameters, config.schedule.learning_rate)
        if self.state.optimizer:
            try:
                self.optimizer.load_state_dict(self.state.optimizer)
            except ValueError as error:
                raise TrainingError(
                    f"{files.checkpoint} has learnt other weights than these (rows_only?); choose another output folder"
                ) from error
        self.dtype = fastest_dtype(device)
        self.loss = _loss(config, files, device, self.dtype)
        self._astray = 0
        shared = [config.schedule.tone, config.schedule.palette, config.schedule.steadiness]
        rows = [[p.content_weight, p.style_weight, *shared] for p in config.paintings]
        self.weights = torch.tensor(rows, device=device)  # [S, TERMS]

    def step(self, photo: Tensor, wanted: Tensor) -> Score:
        """Learn from one batch of `batches`; returns what it scored.

        Raises TrainingError where that is no number for long; the weights never become so.
        """
        schedule, state = self.config.schedule, self.state
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate(schedule, state.photos // schedule.batch, progress(schedule, state))
        rows = torch.arange(state.photos, state.photos + len(photo), device=photo.device) % len(self.weights)
        terms = self._terms(photo, wanted, rows)  # [N, TERMS]
        torch.autograd.backward((terms * self.weights[rows]).sum(1).mean())
        slope = torch.nn.utils.clip_grad_norm_(self.parameters, schedule.clip)
        if torch.isfinite(slope):
            self._astray = 0
            self.optimizer.step()
        else:  # a photo without any contrast may do that; it is passed over
            self._astray += 1
            if self._astray == ASTRAY:
                kept = f"; {self.files.checkpoint} is from before" if self.files.checkpoint.exists() else ""
                raise TrainingError(
                    f"the loss is no number any more, {state.photos} photos on{kept}; check the VGG weights, or try "
                    "a lower learning_rate"
                )
        self.optimizer.zero_grad()
        state.photos += len(photo)
        return state.photos, rows, terms.detach()

    def _terms(self, photo: Tensor, wanted: Tensor, rows: Tensor) -> Tensor:
        """The terms of one batch, in the order of TERMS: [N, 5].

        photo: [N, 3, crop + shift, crop + shift]; wanted: its content features; rows: [N], the style of each.
        """
        schedule = self.config.schedule
        style = torch.eye(self.network.styles, device=photo.device)[rows]
        size, room = schedule.crop, schedule.shift
        still = photo[:, :, :size, :size]
        down, right = torch.randint(room + 1, (2,)).tolist()
        moved = photo[:, :, down : down + size, right : right + size]
        noise = torch.randn(moved.shape, device=photo.device)  # channels last, as randn_like makes it, is slow on CPUs
        moved = moved + noise * (torch.rand(1, device=photo.device) * schedule.noise)
        with torch.autocast(photo.device.type, self.dtype, enabled=self.dtype is not torch.float32):
            painted, repainted = self.network(torch.cat([still, moved]), torch.cat([style, style])).chunk(2)
        losses = self.loss(painted, still, wanted, rows)
        overlap = painted[:, :, down:, right:] - repainted[:, :, : size - down, : size - right]
        unsteadiness = overlap.square().mean((1, 2, 3))
        return torch.stack([losses.content, losses.style, losses.tone, losses.palette, unsteadiness], 1)

    def save(self) -> None:
        """Write the checkpoint."""
        self.state.optimizer = self.optimizer.state_dict()
        self.state.save(self.files.checkpoint)

    def preview(self) -> None:
        """Paint the preview photos, where there are any."""
        if self.files.previews:
            path = self.files.run / f"preview_{self.state.photos:07d}.png"
            write_preview(self.network, self.files.previews, path)


def progress(schedule: Schedule, state: Checkpoint) -> float:
    """How much of the run is done: 0 to 1."""
    if schedule.minutes:
        return min(1.0, state.seconds / (60 * schedule.minutes))
    return min(1.0, state.photos / max(1, schedule.photos))


def learning_rate(schedule: Schedule, step: int, progress: float) -> float:
    """A linear warm-up over the first steps, then half a cosine down to the final rate at a progress of 1."""
    cosine = 0.5 * (1 + math.cos(math.pi * progress))
    rate = schedule.final_rate + (schedule.learning_rate - schedule.final_rate) * cosine
    return rate * min(1.0, (step + 1) / max(1, schedule.warmup))


def write_preview(network: StyleNetwork, photos: Path, path: Path, limit: int = 4, size: int = 320) -> None:
    """A contact sheet: one photo a row, the photo itself first, then every style."""
    device = next(network.parameters()).device
    network.eval()
    rows = []
    with torch.no_grad():
        for photo in read_images(photos, limit):
            image = resize_short_side(photo, size)[:size, :size]
            x = to_tensor(image)[None].to(device)
            row = [image] + [to_image(network(x, style[None])[0]) for style in torch.eye(network.styles, device=device)]
            rows.append(np.hstack(row))
    network.train()
    path.write_bytes(cv2.imencode(".png", np.vstack(rows))[1].tobytes())  # imwrite knows no foreign letters on Windows


def _start(config: Config, files: Files) -> Checkpoint:
    if not files.checkpoint.exists():
        if files.start is None:
            return Checkpoint(StyleNetwork(len(config.paintings), config.architecture), config.names)
        start = load_checkpoint(files.start)
        if start.network.architecture != config.architecture:
            raise TrainingError(f"{files.start} holds another network than the config asks for")
        return start.adapted(config.names)
    try:
        state = load_checkpoint(files.checkpoint)
    except TrainingError as error:
        raise TrainingError(f"{error}; delete it to begin anew") from error
    if state.styles != config.names or state.network.architecture != config.architecture:
        raise TrainingError(
            f"{files.checkpoint} was trained with other styles or another network than the config "
            "asks for; choose another output folder"
        )
    return state


def _loss(config: Config, files: Files, device: str, dtype: torch.dtype) -> PerceptualLoss:
    layers = LOSSES[config.schedule.loss]
    vgg = Vgg("vgg16", layers.all, files.vgg, layers.pooling).to(device).to(memory_format=torch.channels_last)
    vgg.convs.to(dtype)
    paintings = []
    for painting in config.paintings:
        image = read_image(files.paintings / painting.file, trim=True)
        image = resize_short_side(image, min(config.schedule.painting, *image.shape[:2]))
        paintings.append(to_tensor(image)[None].to(device))
    return PerceptualLoss(vgg, paintings, layers)


def _log(files: Files, config: Config, scores: list[Score]) -> dict[str, float]:
    """One JSON line an item: what it scored, and for which painting. Returns the means by TERMS."""
    found = []
    with (files.run / "losses.jsonl").open("a", encoding="utf-8") as log:
        for photos, rows, terms in scores:
            for row, values in zip(rows.tolist(), terms.tolist(), strict=True):
                if all(map(math.isfinite, values)):
                    entry: dict[str, object] = {"photos": photos, "style": config.names[row]}
                    entry |= dict(zip(TERMS, (round(value, 6) for value in values), strict=True))
                    log.write(json.dumps(entry) + "\n")
                    found.append(values)
    means = np.mean(found, 0) if found else np.full(len(TERMS), np.nan)
    return dict(zip(TERMS, means.tolist(), strict=True))
