"""Photos to train on, from wherever the user has pictures: a folder, a film, a camera."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
import platformdirs
from numpy.typing import NDArray

from training.errors import TrainingError
from training.images import list_images, resize_short_side

FRAMES = 200  # taken from a film or a camera
SHORT_SIDE = 288  # pixels they are kept at
UNKNOWN_SECONDS = 1.0  # between two of a film that does not say how long it is
CAMERA_SECONDS = 0.25  # between two of a camera's


def gather_photos(source: str | None, folder: Path, tell: Callable[[str], None]) -> Path:
    """A folder of photos.

    source: a folder, which is used as it is; a film, "camera" or a camera's number, whose frames are put into
    `folder`, once; None: the user's own folder of pictures.
    Raises TrainingError where no pictures come of it.
    """
    if source is None:
        mine = platformdirs.user_pictures_path()
        if not mine.is_dir():
            raise TrainingError("photos to practise on are needed: --photos DIR, a film, or camera")
        list_images(mine)
        return mine
    path = Path(source)
    if path.is_dir():
        list_images(path)
        return path
    if folder.is_dir():
        return folder
    if path.is_file():
        tell(f"taking {FRAMES} frames from {path}")
        frames = _film(path)
    elif source == "camera" or (source.isascii() and source.isdigit()):
        tell(f"taking {FRAMES} frames from the camera: {FRAMES * CAMERA_SECONDS:.0f} seconds; move about")
        frames = _camera(0 if source == "camera" else int(source))
    else:
        raise TrainingError(f"--photos {source}: no such folder or film")
    part = folder.with_name(folder.name + ".part")
    part.mkdir(parents=True, exist_ok=True)
    count = 0
    for count, frame in enumerate(islice(frames, FRAMES), 1):
        _, data = cv2.imencode(".jpg", resize_short_side(frame, SHORT_SIDE))
        (part / f"{count:04}.jpg").write_bytes(data.tobytes())
    if not count:
        raise TrainingError(f"--photos {source}: not one picture came from it")
    return part.rename(folder)  # whole, or not there


def _film(path: Path) -> Iterator[NDArray[np.uint8]]:
    """Frames at even distances."""
    import av

    found = False
    try:
        with av.open(str(path)) as container:
            if not container.streams.video:
                raise TrainingError(f"{path}: no video in it")
            stream = container.streams.video[0]
            length = float((stream.duration or 0) * (stream.time_base or 0)) or (container.duration or 0) / av.time_base
            step, due = length / FRAMES or UNKNOWN_SECONDS, 0.0
            for frame in container.decode(stream):
                moment = (frame.time or 0.0) - float((stream.start_time or 0) * (stream.time_base or 0))
                if moment >= due:
                    due, found = due + step, True
                    yield np.asarray(frame.to_ndarray(format="bgr24"), np.uint8)
    except av.FFmpegError as error:
        if found:  # damaged further on: what came will do
            return
        raise TrainingError(f"{path}: {error.strerror or error}") from error


def _camera(number: int) -> Iterator[NDArray[np.uint8]]:
    camera = cv2.VideoCapture(number, cv2.CAP_DSHOW if sys.platform == "win32" else cv2.CAP_ANY)  # as the app counts
    try:
        for _ in range(FRAMES):
            good, frame = camera.read()
            if not good:
                raise TrainingError(f"camera {number} gives no pictures")
            yield np.asarray(frame, np.uint8)
            time.sleep(CAMERA_SECONDS)
    finally:
        camera.release()
