"""A painting of one's own: learnt on top of the shipped network, and exported to where the live app looks.

Only the painting's row of scales and shifts is learnt (Dumoulin et al. 2017), so that it mixes with the shipped
styles and takes minutes; with `full`, all weights are, in a file of its own.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from export.cli import export
from export.errors import ExportError
from realtime.hardware import multiplies_bytes
from realtime.styles import user_folder
from training.checkpoint import Checkpoint, load_checkpoint
from training.config import Config, Painting, Schedule
from training.errors import TrainingError
from training.footage import gather_photos
from training.images import read_image
from training.train import CHECKPOINT, Files, Report, train

SHIPPED = Path(__file__).parent / "checkpoints/live.pt"
SMALLEST = 128  # pixels a side of a painting: a smaller one has no strokes to learn
FEW = 4  # photos for int8: it takes a minute, not five
ROW_RATE = 1e-2  # learning rate of scales and shifts alone; all weights take the usual one
NAME = re.compile(r"[a-z0-9][a-z0-9_]{0,39}")


@dataclass(frozen=True)
class Request:
    """What the user asked for.

    painting: the picture; name: of the style, or None for the file's; photos: a folder of photos, a film, "camera" or a
    camera's number, or None for the user's folder of pictures; minutes: of training; full: learn all weights;
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


def learn(request: Request, report: Callable[[Report], None], tell: Callable[[str], None]) -> tuple[str, Path]:
    """Train, going on from an attempt that was stopped, and export; returns the style's name and the model file.

    tell: takes a line for the user. Raises TrainingError or ExportError on what the user can mend.
    """
    image = read_image(request.painting)
    if min(image.shape[:2]) < SMALLEST:
        raise TrainingError(
            f"{request.painting} is {image.shape[1]}x{image.shape[0]}: too small, {SMALLEST} pixels a side at least"
        )
    shipped = load_checkpoint(SHIPPED)
    name = style_name(request, shipped.styles)
    folder = user_folder()
    runs = platformdirs.user_cache_path("realtime-stylize", appauthor=False) / "training"
    run = runs / _run_name(request, name, shipped)
    goes_on = (run / CHECKPOINT).exists()  # stopped while it was exported, its row may be there already
    _refuse_taken(folder, name, shipped, full=request.full, replaces=request.overwrite or goes_on)
    photos = gather_photos(request.photos, run / "photos", tell)
    files = Files(photos, request.painting.parent, request.vgg, run, previews=photos, start=SHIPPED)
    config = Config(shipped.network.architecture, _schedule(request), (Painting(name, request.painting.name),))
    tell(f"learning {name} for {request.minutes:g} minutes; previews: {run}")
    learnt = train(config, files, request.device, report)
    folder.mkdir(parents=True, exist_ok=True)
    if request.full:
        checkpoint, stem = learnt, name
    else:
        stem = _joint(shipped)
        before = folder / f"{stem}.pt"
        checkpoint = (load_checkpoint(before) if before.exists() else shipped).joined(learnt)
    checkpoint.optimizer = {}
    checkpoint.save(folder / f"{stem}.pt")
    model = folder / f"{stem}.onnx"
    _export(folder / f"{stem}.pt", model, photos, tell)
    files.checkpoint.unlink()  # done: the same command would begin anew
    return name, model


def _joint(shipped: Checkpoint) -> str:
    """The name of the file of one network that all of the user's rows go into, so that they mix."""
    return f"yours-{shipped.trunk}"


def _refuse_taken(folder: Path, name: str, shipped: Checkpoint, *, full: bool, replaces: bool) -> None:
    """Raise TrainingError where a style of that name is there, which may have taken hours."""
    joint = folder / f"{_joint(shipped)}.pt"
    row = joint.exists() and name in load_checkpoint(joint).styles
    whole = (folder / f"{name}.onnx").exists()
    if row if full else whole:  # one would hide the other
        how = "without" if full else "with"
        raise TrainingError(f"{name} is there already, learnt {how} --full; choose another with --name")
    if (row or whole) and not replaces:
        raise TrainingError(f"{name} is there already; --overwrite replaces it, --name calls this one otherwise")


def _export(checkpoint: Path, model: Path, photos: Path, tell: Callable[[str], None]) -> None:
    """Write the model; where the processor multiplies bytes, its sibling for that too, if it paints well enough."""
    if multiplies_bytes():
        try:
            tell(export(checkpoint, model, photos=photos, int8=True, most=FEW))
            return
        except ExportError as error:
            tell(f"no int8, so that on processors all styles may take up to a fifth longer: {error}")
    tell(export(checkpoint, model))


def _run_name(request: Request, name: str, shipped: Checkpoint) -> str:
    """The folder of this very request: another painting, photos or network under the same name is another run."""
    digest = hashlib.sha256(request.painting.read_bytes())
    photos = str(Path(request.photos).resolve()) if request.photos and Path(request.photos).exists() else request.photos
    digest.update(f"{shipped.trunk} {photos} {request.full}".encode())
    return f"{name}-{digest.hexdigest()[:8]}"


def style_name(request: Request, taken: list[str]) -> str:
    """The style's name. Raises TrainingError where it cannot be one."""
    wanted = request.name if request.name is not None else request.painting.stem
    name = re.sub(r"[\s-]+", "_", wanted.strip().lower())
    if not NAME.fullmatch(name):
        raise TrainingError(f"{wanted!r} cannot name a style: letters, digits and _ please, 40 at most; use --name")
    if name in taken:
        raise TrainingError(f"{name} is a style that ships with the program; choose another with --name")
    return name


def _schedule(request: Request) -> Schedule:
    if request.full:
        return Schedule(minutes=request.minutes)
    return Schedule(minutes=request.minutes, rows_only=True, learning_rate=ROW_RATE, warmup=20)
