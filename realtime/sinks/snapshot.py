"""Snapshots: a stylized frame and its original, side by side in a folder."""

from __future__ import annotations

import os
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path

import cv2

from realtime.errors import StylizeError
from realtime.frame import Image
from realtime.system.files import sidecar_path

_MAX_PER_SECOND = 999


def save_snapshot(folder: Path, style: str, stylized: Image, original: Image, when: datetime) -> Path:
    """Write stylized-TIME-STYLE.png and stylized-TIME-original.png; an existing file is never overwritten.

    Returns the stylized frame's path. Raises StylizeError if the folder cannot be written to.
    """
    stamp = when.strftime("stylized-%Y%m%d-%H%M%S")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for number in range(1, _MAX_PER_SECOND + 1):
            base = stamp if number == 1 else f"{stamp}-{number}"
            path, original_path = sidecar_path(folder / f"{base}-{style}", ".png"), folder / f"{base}-original.png"
            if os.path.lexists(path) or os.path.lexists(original_path):
                continue
            with ExitStack() as on_failure:
                for file, image in ((path, stylized), (original_path, original)):
                    _write(file, image)
                    on_failure.callback(file.unlink)
                on_failure.pop_all()
            return path
    except OSError as error:
        raise StylizeError(f"no snapshot: {folder}: {error.strerror or error}") from error
    raise StylizeError(f"no snapshot: {folder} has a thousand of this second")


def _write(path: Path, image: Image) -> None:
    """Write a PNG file, completely or not at all. Raises OSError."""
    data = cv2.imencode(".png", image, [cv2.IMWRITE_PNG_COMPRESSION, 3])[1].tobytes()
    with ExitStack() as on_failure:
        with path.open("xb") as file:
            on_failure.callback(path.unlink)
            file.write(data)
        on_failure.pop_all()
