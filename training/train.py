"""The training loop: photos in, a checkpoint, a loss log and previews out."""

from __future__ import annotations

import json
import math
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from training.checkpoint import Checkpoint, is_style_row, load_checkpoint
from training.config import Config, Schedule
from training.data import Batch, batches
from training.errors import TrainingError
from training.faces import FaceDetector, FaceEmphasis
from training.images import read_image, read_images, resize_short_side, to_tensor
from training.loss import LOSSES, PerceptualLoss
from training.network import StyleNetwork
from training.precision import fastest_dtype
from training.preview import write_preview
from training.vgg import Vgg

TERMS = ("content_loss", "style_loss", "tone_error", "palette_error", "unsteadiness")
CHECKPOINT_NAME = "checkpoint.pt"  # file name in the folder of a run
SAVE_INTERVAL_SECONDS = 60.0
PREVIEW_INTERVAL_SECONDS = 120.0
REPORT_INTERVAL_STEPS = 20
MAX_NON_FINITE_STEPS = 10  # a run ends after this many in a row

StepLosses = tuple[int, Tensor, Tensor]  # photos seen so far, the style of each item [N], its TERMS [N, 5]


@dataclass(frozen=True)
class Report:
    """The progress of a run, and means since the last report.

    photos: seen so far; progress: the share of the run that is done, 0 to 1; terms: by TERMS; speed: photos a second;
    state: the network as it is now, which the next step changes.
    """

    photos: int
    progress: float
    terms: dict[str, float]
    speed: float
    state: Checkpoint

    def __str__(self) -> str:
        """Return the terms and the speed as a line of text."""
        terms = "  ".join(f"{name.partition('_')[0]} {value:.4f}" for name, value in self.terms.items())
        return f"{terms}  {self.speed:.1f} photos/s"


@dataclass(frozen=True)
class Files:
    """The files that a run reads and writes.

    photos: a folder of content photos; paintings: the folder of the config's files;
    vgg: weights file or None for torchvision's; run: the folder for checkpoint, log and previews;
    previews: a folder of photos to stylize every two minutes, or None; start: a checkpoint whose weights a new run
    starts from, or None for random ones.
    """

    photos: Path
    paintings: Path
    vgg: Path | None
    run: Path
    previews: Path | None = None
    start: Path | None = None

    @property
    def checkpoint(self) -> Path:
        """The file that training continues from."""
        return self.run / CHECKPOINT_NAME


def train(
    config: Config, files: Files, device: str, report: Callable[[Report], None], begin: Checkpoint | None = None
) -> Checkpoint:
    """Train to the end of the schedule, starting from `begin`, or else from the run's checkpoint where it has one.

    The checkpoint is written every minute, at the end, and on KeyboardInterrupt.
    Raises TrainingError on what the user can correct.
    """
    torch.manual_seed(config.schedule.seed)
    files.run.mkdir(parents=True, exist_ok=True)
    for folder in (files.photos, files.previews):
        if folder is not None:
            read_images(folder, 1)  # a folder without readable photos is refused before VGG is loaded
    trainer = _Trainer(config, files, device, begin or _start(config, files))
    state, schedule = trainer.state, config.schedule
    unreported: list[StepLosses] = []
    now = reported_at = saved_at = previewed_at = time.perf_counter()
    try:
        emphasize = FaceEmphasis(schedule.faces, FaceDetector()) if schedule.faces != 1 else None
        for batch in batches(schedule, files.photos, state.photos, trainer.loss.content, device, emphasize):
            unreported.append(trainer.step(batch))
            before, now = now, time.perf_counter()
            state.seconds += now - before
            progress_share = progress(schedule, state)
            if len(unreported) == REPORT_INTERVAL_STEPS or progress_share >= 1:
                speed = len(unreported) * schedule.batch / (now - reported_at)
                means, unreported = _log(files, config, unreported), []
                report(Report(state.photos, progress_share, means, speed, state))
                reported_at = now
            if now - saved_at > SAVE_INTERVAL_SECONDS:
                trainer.save()
                saved_at = now
            if now - previewed_at > PREVIEW_INTERVAL_SECONDS:
                trainer.preview()
                previewed_at = now
            if progress_share >= 1:
                break
    except KeyboardInterrupt:
        trainer.save()
        raise
    finally:
        if unreported:
            _log(files, config, unreported)
    trainer.save()
    trainer.preview()
    state.network.cpu()
    return state


class _Trainer:
    """The network, the loss and the optimizer of one run."""

    def __init__(self, config: Config, files: Files, device: str, state: Checkpoint) -> None:
        torch.backends.cudnn.benchmark = True  # pays off because all batches have the same size
        self.config, self.files, self.state = config, files, state
        self.network = self.state.network.to(device).to(memory_format=torch.channels_last).train()
        if config.schedule.rows_only:
            for name, parameter in self.network.named_parameters():
                parameter.requires_grad_(is_style_row(name))
        self.parameters = [parameter for parameter in self.network.parameters() if parameter.requires_grad]
        self.optimizer = torch.optim.Adam(self._parameter_groups(), config.schedule.learning_rate)
        if self.state.optimizer:
            try:
                self.optimizer.load_state_dict(self.state.optimizer)
            except ValueError as error:
                raise TrainingError(
                    f"{files.checkpoint} has learnt other weights than these (rows_only?); choose another output folder"
                ) from error
        self.dtype = fastest_dtype(device)
        self.loss = _loss(config, files, device, self.dtype)
        self._non_finite_steps = 0
        shared = [config.schedule.tone, config.schedule.palette, config.schedule.steadiness]
        weights = [[p.content_weight, p.style_weight, *shared] for p in config.paintings]
        self.weights = torch.tensor(weights, device=device)  # [S, TERMS]

    def _parameter_groups(self) -> list[dict[str, Any]]:
        """Return what is learned as Adam's groups, each with the factor of its learning rate."""
        factor = self.config.schedule.rows_factor
        if self.config.schedule.rows_only or factor == 1:
            return [{"params": self.parameters, "factor": 1.0}]
        parts: tuple[list[nn.Parameter], list[nn.Parameter]] = ([], [])
        for name, parameter in self.network.named_parameters():
            parts[is_style_row(name)].append(parameter)
        return [{"params": part, "factor": value} for part, value in zip(parts, (1.0, factor), strict=True)]

    def step(self, batch: Batch) -> StepLosses:
        """Learn from one batch; returns its losses.

        Steps with a gradient that is not finite are skipped, so that weights stay finite. Raises TrainingError after
        MAX_NON_FINITE_STEPS of them.
        """
        schedule, state = self.config.schedule, self.state
        for group in self.optimizer.param_groups:
            rate = learning_rate(schedule, state.photos // schedule.batch, progress(schedule, state))
            group["lr"] = rate * group.get("factor", 1.0)  # missing in checkpoints of earlier versions
        count, device = len(batch.photo), batch.photo.device
        styles = torch.arange(state.photos, state.photos + count, device=device) % len(self.weights)
        terms = self._terms(batch, styles)  # [N, TERMS]
        torch.autograd.backward((terms * self.weights[styles]).sum(1).mean())
        gradient_norm = torch.nn.utils.clip_grad_norm_(self.parameters, schedule.clip)
        if torch.isfinite(gradient_norm):
            self._non_finite_steps = 0
            self.optimizer.step()
        else:  # a photo without any contrast can cause this
            self._non_finite_steps += 1
            if self._non_finite_steps == MAX_NON_FINITE_STEPS:
                kept = f"; {self.files.checkpoint} is from before" if os.path.exists(self.files.checkpoint) else ""
                raise TrainingError(
                    f"the loss is no number any more, {state.photos} photos on{kept}; check the VGG weights, or try "
                    "a lower learning_rate"
                )
        self.optimizer.zero_grad()
        state.photos += count
        return state.photos, styles, terms.detach()

    def _terms(self, batch: Batch, styles: Tensor) -> Tensor:
        """Return the terms of one batch in the order of TERMS: [N, 5]. styles: [N], an index for each item.

        The unsteadiness is measured on some of the items only (`schedule.shifted`), and the others have its mean.
        """
        schedule, photo = self.config.schedule, batch.photo
        style_weights = torch.eye(self.network.styles, device=photo.device)[styles]
        size, count = schedule.crop, len(photo)
        unshifted = photo[:, :, :size, :size]
        chosen = torch.randperm(count, device=photo.device)[: schedule.shifted or count].sort().values
        down, right = torch.randint(schedule.shift + 1, (2,)).tolist()
        shifted = photo[chosen, :, down : down + size, right : right + size]
        # randn_like would create it in the channels-last layout, which is slow on CPUs.
        noise = torch.randn(shifted.shape, device=photo.device)
        shifted = shifted + noise * (torch.rand(1, device=photo.device) * schedule.noise)
        with torch.autocast(photo.device.type, self.dtype, enabled=self.dtype is not torch.float32):
            both = self.network(torch.cat([unshifted, shifted]), torch.cat([style_weights, style_weights[chosen]]))
        stylized, stylized_shifted = both[:count], both[count:]
        losses = self.loss(stylized, unshifted, batch.target, styles, batch.emphasis)
        difference = stylized[chosen, :, down:, right:] - stylized_shifted[:, :, : size - down, : size - right]
        measured = difference.square().mean((1, 2, 3))
        unsteadiness = measured.mean().repeat(count).index_copy(0, chosen, measured)
        return torch.stack([losses.content, losses.style, losses.tone, losses.palette, unsteadiness], 1)

    def save(self) -> None:
        """Write the checkpoint."""
        self.state.optimizer = self.optimizer.state_dict()
        self.state.save(self.files.checkpoint)

    def preview(self) -> None:
        """Write the contact sheet of the preview photos, where the run has any."""
        if self.files.previews:
            path = self.files.run / f"preview_{self.state.photos:07d}.png"
            write_preview(self.network, self.files.previews, path)


def progress(schedule: Schedule, state: Checkpoint) -> float:
    """Return the share of the run that is done: 0 to 1."""
    if schedule.minutes:
        return min(1.0, state.seconds / (60 * schedule.minutes))
    return min(1.0, state.photos / max(1, schedule.photos))


def learning_rate(schedule: Schedule, step: int, progress: float) -> float:
    """Return a rate that rises linearly over the first steps and falls along a half cosine to the final rate."""
    cosine = 0.5 * (1 + math.cos(math.pi * progress))
    rate = schedule.final_rate + (schedule.learning_rate - schedule.final_rate) * cosine
    return rate * min(1.0, (step + 1) / max(1, schedule.warmup))


def _start(config: Config, files: Files) -> Checkpoint:
    """Return the run's checkpoint, or else the start of a new run. Raises TrainingError where it does not fit."""
    if not os.path.exists(files.checkpoint):
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
    """Return the loss against the config's paintings, with VGG in that dtype."""
    layers = LOSSES[config.schedule.loss]
    vgg = Vgg("vgg16", layers.all, files.vgg, layers.pooling).to(device).to(memory_format=torch.channels_last)
    vgg.convs.to(dtype)
    paintings = []
    for painting in config.paintings:
        image = read_image(files.paintings / painting.file, trim=True)
        image = resize_short_side(image, min(config.schedule.painting, *image.shape[:2]))
        paintings.append(to_tensor(image)[None].to(device))
    return PerceptualLoss(vgg, paintings, layers, config.schedule.detail)


def _log(files: Files, config: Config, steps: list[StepLosses]) -> dict[str, float]:
    """Append one JSON line per item, with its style and its terms; returns the means by TERMS."""
    finite = []
    with (files.run / "losses.jsonl").open("a", encoding="utf-8") as log:
        for photos, styles, terms in steps:
            for style, values in zip(styles.tolist(), terms.tolist(), strict=True):
                if all(map(math.isfinite, values)):
                    entry: dict[str, object] = {"photos": photos, "style": config.names[style]}
                    entry |= dict(zip(TERMS, (round(value, 6) for value in values), strict=True))
                    log.write(json.dumps(entry) + "\n")
                    finite.append(values)
    means = np.mean(finite, 0) if finite else np.full(len(TERMS), np.nan)
    return dict(zip(TERMS, means.tolist(), strict=True))
