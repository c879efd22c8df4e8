"""Photos to train on, from wherever the user has pictures: a folder, a video, a camera."""

from __future__ import annotations

import os
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

MAX_FRAMES = 200  # frames taken from a video or a camera
SHORT_SIDE_PIXELS = 288  # size at which frames are stored
UNKNOWN_LENGTH_INTERVAL_SECONDS = 1.0  # between two frames of a video whose duration is unknown
CAMERA_INTERVAL_SECONDS = 0.25


def gather_photos(source: str | None, folder: Path, notify: Callable[[str], None]) -> Path:
    """Return a folder of photos.

    source: a folder, which is used as it is; a video, "camera" or a camera's number, whose frames are stored in
    `folder` unless it exists; None: the user's own folder of pictures.
    Raises TrainingError where the source gives no pictures.
    """
    if source is None:
        pictures = platformdirs.user_pictures_path()
        if not os.path.isdir(pictures):
            raise TrainingError("photos to practise on are needed: --photos DIR, a film, or camera")
        list_images(pictures)
        return pictures
    path = Path(source)
    if os.path.isdir(path):
        list_images(path)
        return path
    if os.path.isdir(folder):
        return folder
    if os.path.isfile(path):
        notify(f"taking {MAX_FRAMES} frames from {path}")
        frames = _video_frames(path)
    elif source == "camera" or (source.isascii() and source.isdigit()):
        seconds = MAX_FRAMES * CAMERA_INTERVAL_SECONDS
        notify(f"taking {MAX_FRAMES} frames from the camera: {seconds:.0f} seconds; move about")
        frames = _camera_frames(0 if source == "camera" else int(source))
    else:
        raise TrainingError(f"--photos {source}: no such folder or film")
    part = folder.with_name(folder.name + ".part")
    part.mkdir(parents=True, exist_ok=True)
    count = 0
    for count, frame in enumerate(islice(frames, MAX_FRAMES), 1):
        _, data = cv2.imencode(".jpg", resize_short_side(frame, SHORT_SIDE_PIXELS))
        (part / f"{count:04}.jpg").write_bytes(data.tobytes())
    if not count:
        raise TrainingError(f"--photos {source}: not one picture came from it")
    return part.rename(folder)  # so that the folder is either complete or missing


def _video_frames(path: Path) -> Iterator[NDArray[np.uint8]]:
    """Yield about MAX_FRAMES frames, [H, W, 3] BGR, at equal intervals."""
    import av

    has_frames = False
    try:
        with av.open(str(path)) as container:
            if not container.streams.video:
                raise TrainingError(f"{path}: no video in it")
            stream = container.streams.video[0]
            time_base, next_seconds = stream.time_base or 0, 0.0
            seconds = float((stream.duration or 0) * time_base) or (container.duration or 0) / av.time_base
            interval = seconds / MAX_FRAMES or UNKNOWN_LENGTH_INTERVAL_SECONDS
            start_seconds = float((stream.start_time or 0) * time_base)
            for frame in container.decode(stream):
                if (frame.time or 0.0) - start_seconds >= next_seconds:
                    next_seconds, has_frames = next_seconds + interval, True
                    yield np.asarray(frame.to_ndarray(format="bgr24"), np.uint8)
    except av.FFmpegError as error:
        if not has_frames:  # otherwise the video is damaged further on, and the frames before that suffice
            raise TrainingError(f"{path}: {error.strerror or error}") from error


def _camera_frames(number: int) -> Iterator[NDArray[np.uint8]]:
    """Yield frames, [H, W, 3] BGR, without end. Raises TrainingError where the camera gives none."""
    # The app numbers the cameras of Windows by DirectShow.
    camera = cv2.VideoCapture(number, cv2.CAP_DSHOW if sys.platform == "win32" else cv2.CAP_ANY)
    try:
        while True:
            success, frame = camera.read()
            if not success:
                raise TrainingError(f"camera {number} gives no pictures")
            yield np.asarray(frame, np.uint8)
            time.sleep(CAMERA_INTERVAL_SECONDS)
    finally:
        camera.release()
