"""Snapshots: the painted picture and its original, side by side in a folder."""

from __future__ import annotations

from contextlib import ExitStack
from datetime import datetime
from pathlib import Path

import cv2

from realtime.errors import StylizeError
from realtime.frame import Image


def save_snapshot(folder: Path, style: str, painted: Image, original: Image, when: datetime) -> Path:
    """Write TIME-STYLE.png and TIME-original.png; nothing that is there is ever overwritten.

    Returns the painted picture's path. Raises StylizeError where the folder cannot be written to.
    """
    stamp = when.strftime("stylized-%Y%m%d-%H%M%S")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for number in range(1, 1000):
            base = stamp if number == 1 else f"{stamp}-{number}"
            path, other = folder / f"{base}-{style}.png", folder / f"{base}-original.png"
            if path.exists() or other.exists():
                continue
            with ExitStack() as undone:
                for file, image in ((path, painted), (other, original)):
                    _write(file, image)
                    undone.callback(file.unlink)
                undone.pop_all()
            return path
    except OSError as error:
        raise StylizeError(f"no snapshot: {folder}: {error.strerror or error}") from error
    raise StylizeError(f"no snapshot: {folder} has a thousand of this second")


def _write(path: Path, image: Image) -> None:
    data = cv2.imencode(".png", image, [cv2.IMWRITE_PNG_COMPRESSION, 3])[1].tobytes()
    with ExitStack() as undone:
        with path.open("xb") as file:
            undone.callback(path.unlink)
            file.write(data)
        undone.pop_all()
