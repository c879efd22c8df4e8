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

from export.verify import DEMO_PHOTO
from realtime.system.paths import user_folder
from training.checkpoint import Checkpoint, load_checkpoint
from training.config import Config, Painting, Schedule
from training.errors import TrainingError
from training.images import read_image, read_some
from training.photo_source import gather_photos
from training.train import Files, Report, train
from training.user_styles import Shelf, alone

SHIPPED = Path(__file__).parent / "checkpoints/live.pt"
SMALLEST = 128  # pixels a side of a painting: a smaller one has no strokes to learn
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
    image = read_image(request.painting, trim=True)
    if min(image.shape[:2]) < SMALLEST:
        raise TrainingError(
            f"{request.painting} is {image.shape[1]}x{image.shape[0]}: too small, {SMALLEST} pixels a side at least"
        )
    shipped = load_checkpoint(SHIPPED)
    name = style_name(request, shipped.styles)
    shelf = Shelf(user_folder(), shipped, tell)
    shelf.check(name, full=request.full, overwrite=request.overwrite)
    run = _runs() / _run_name(request, name, shipped)

    def refuse() -> None:
        raise TrainingError(f"{name} is being learnt already, by the same command; wait for that, or stop it")

    with alone(run / "lock", refuse):
        photos = gather_photos(request.photos, run / "photos", tell)
        files = Files(photos, request.painting.parent, request.vgg, run, previews=photos, start=SHIPPED)
        config = Config(shipped.network.architecture, _schedule(request), (Painting(name, request.painting.name),))
        tell(f"learning {name} for {request.minutes:g} minutes; previews: {run}")
        learnt = train(config, files, request.device, report)
        model = shelf.put(learnt, photos, full=request.full, overwrite=request.overwrite)
        files.checkpoint.unlink()  # done: the same command would begin anew
    return name, model


def remove(name: str, tell: Callable[[str], None]) -> None:
    """Take a style of one's own away. Raises TrainingError or ExportError on what the user can mend."""
    try:
        photos = gather_photos(None, _runs(), tell)
        read_some(photos, 1)
    except TrainingError:
        photos = DEMO_PHOTO.parent
    Shelf(user_folder(), load_checkpoint(SHIPPED), tell).remove(_plain(name), photos)


def _runs() -> Path:
    return platformdirs.user_cache_path("realtime-stylize", appauthor=False) / "training"


def _plain(name: str) -> str:
    return re.sub(r"[\s-]+", "_", name.strip().lower())


def _run_name(request: Request, name: str, shipped: Checkpoint) -> str:
    """The folder of this very request: another painting, photos or network under the same name is another run."""
    digest = hashlib.sha256(request.painting.read_bytes())
    photos = str(Path(request.photos).resolve()) if request.photos and Path(request.photos).exists() else request.photos
    digest.update(f"{shipped.trunk} {photos} {request.full}".encode())
    return f"{name}-{digest.hexdigest()[:8]}"


def style_name(request: Request, taken: list[str]) -> str:
    """The style's name. Raises TrainingError where it cannot be one."""
    wanted = request.name if request.name is not None else request.painting.stem
    name = _plain(wanted)
    if not NAME.fullmatch(name):
        raise TrainingError(f"{wanted!r} cannot name a style: letters, digits and _ please, 40 at most; use --name")
    if name in taken:
        raise TrainingError(f"{name} is a style that ships with the program; choose another with --name")
    return name


def _schedule(request: Request) -> Schedule:
    if request.full:
        return Schedule(minutes=request.minutes)
    return Schedule(minutes=request.minutes, rows_only=True, learning_rate=ROW_RATE, warmup=20)
