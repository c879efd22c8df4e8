"""Fine-tuning: learn the user's own painting on top of the shipped network, and export it to the app's folder.

Only the painting's row of scales, shifts and matrices is learned (Dumoulin et al. 2017), so that it mixes with the
shipped styles and takes minutes; with `full`, all weights are learned, into a model of its own.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from export.verify import DEMO_PHOTO
from realtime.system.paths import cache_folder, user_folder
from training.checkpoint import Checkpoint, load_checkpoint
from training.config import Config, Painting, Schedule
from training.errors import TrainingError
from training.images import read_image, read_images
from training.learning_style import LearningStyle
from training.photo_source import gather_photos
from training.train import Files, Report, train
from training.user_styles import UserStyles, exclusive_lock

SHIPPED_CHECKPOINT = Path(__file__).parent / "checkpoints/live.pt"
SMALLEST_PAINTING_SIDE = 128  # pixels; smaller pictures do not show strokes
ROWS_LEARNING_RATE = 1e-2  # if only style rows are learned; a full training has the default of Schedule
ROWS_WARMUP_STEPS = 20
NAME_PATTERN = re.compile(r"[a-z0-9][a-z0-9_]{0,39}")


@dataclass(frozen=True)
class Request:
    """A style to learn, as the user asked for it.

    painting: the picture; name: of the style, or None for the file's; photos: a folder of photos, a video, "camera" or
    a camera's number, or None for the user's folder of pictures; minutes: of training; full: learn all weights;
    vgg: weights file, or None for torchvision's; device: of torch; overwrite: replace the user's style of that name.
    """

    painting: Path
    name: str | None
    photos: str | None
    minutes: float
    full: bool
    vgg: Path | None
    device: str
    overwrite: bool = False


def fine_tune(request: Request, report: Callable[[Report], None], notify: Callable[[str], None]) -> tuple[str, Path]:
    """Train, continuing an interrupted attempt, and export; returns the style's name and the model file.

    Meanwhile running apps show the style as it is so far; an interrupted attempt leaves them that.
    report: receives the progress; notify: receives lines for the user.
    Raises TrainingError or ExportError on what the user can correct.
    """
    image = read_image(request.painting, trim=True)
    if min(image.shape[:2]) < SMALLEST_PAINTING_SIDE:
        size = f"{image.shape[1]}x{image.shape[0]}"
        raise TrainingError(f"{request.painting} is {size}: too small, {SMALLEST_PAINTING_SIDE} pixels a side at least")
    shipped = load_checkpoint(SHIPPED_CHECKPOINT)
    name = style_name(request, shipped.styles)
    user_styles = UserStyles(user_folder(), shipped, notify)
    user_styles.check(name, full=request.full, overwrite=request.overwrite)
    run = _runs_folder() / _run_name(request, name, shipped)

    def refuse() -> None:
        raise TrainingError(f"{name} is being learnt already; wait for that, or stop it")

    with exclusive_lock(_runs_folder() / f"{name}.lock", refuse):
        photos = gather_photos(request.photos, run / "photos", notify)
        files = Files(photos, request.painting.parent, request.vgg, run, previews=photos, start=SHIPPED_CHECKPOINT)
        config = Config(shipped.network.architecture, _schedule(request), (Painting(name, request.painting.name),))
        notify(f"learning {name} for {request.minutes:g} minutes; previews: {run}")
        with LearningStyle(user_styles, name, notify, full=request.full) as learning:

            def report_and_show(progress: Report) -> None:
                report(progress)
                learning.update(progress.state)

            learned = train(config, files, request.device, report_and_show)
            model = user_styles.add(learned, photos, full=request.full, overwrite=request.overwrite)
        files.checkpoint.unlink()  # the run is complete, so the same command starts a new one
    return name, model


def remove_style(name: str, notify: Callable[[str], None]) -> None:
    """Remove one of the user's styles. Raises TrainingError or ExportError on what the user can correct."""
    try:
        photos = gather_photos(None, _runs_folder(), notify)
        read_images(photos, 1)
    except TrainingError:
        photos = DEMO_PHOTO.parent
    UserStyles(user_folder(), load_checkpoint(SHIPPED_CHECKPOINT), notify).remove(_normalized(name), photos)


def style_name(request: Request, shipped_names: list[str]) -> str:
    """Return the name of the requested style. Raises TrainingError where it is not valid or shipped."""
    given = request.name if request.name is not None else request.painting.stem
    name = _normalized(given)
    if not NAME_PATTERN.fullmatch(name):
        raise TrainingError(f"{given!r} cannot name a style: letters, digits and _ please, 40 at most; use --name")
    if name in shipped_names:
        raise TrainingError(f"{name} is a style that ships with the program; choose another with --name")
    return name


def _runs_folder() -> Path:
    return cache_folder() / "training"


def _run_name(request: Request, name: str, shipped: Checkpoint) -> str:
    """Return the folder name of this request; another painting, source of photos or network gives another one."""
    digest = hashlib.sha256(request.painting.read_bytes())
    photos = (
        os.path.realpath(request.photos) if request.photos and os.path.exists(Path(request.photos)) else request.photos
    )
    digest.update(f"{shipped.trunk_digest} {photos} {request.full}".encode())
    return f"{name}-{digest.hexdigest()[:8]}"


def _normalized(name: str) -> str:
    return re.sub(r"[\s-]+", "_", name.strip().lower())


def _schedule(request: Request) -> Schedule:
    if request.full:
        return Schedule(minutes=request.minutes)
    return Schedule(minutes=request.minutes, rows_only=True, learning_rate=ROWS_LEARNING_RATE, warmup=ROWS_WARMUP_STEPS)
