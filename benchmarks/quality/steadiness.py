"""How much the painting flickers: along optical flow in films, and on a still scene with camera noise."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.quality.painters import Painter
from benchmarks.quality.results import Entry
from export.verify import cover
from realtime.frame import Image

NOISE = 0.02  # standard deviation of the camera's noise, of 1: a webcam in a lit room
NOISY_FRAMES = 6


@dataclass(frozen=True)
class Pair:
    """Two frames in a row and where each pixel of the second one was in the first.

    origin: float32 [H, W, 2], x and y; seen: bool [H, W], False where the first frame hides it.
    """

    first: Image
    second: Image
    origin: NDArray[np.float32]
    seen: NDArray[np.bool_]


def read_pairs(film: Path, count: int, width: int, height: int) -> list[Pair]:
    """Pairs of neighbouring frames, spread over the film."""
    with av.open(str(film)) as container:
        length = container.streams.video[0].frames or sum(1 for _ in container.decode(video=0))
        starts = {int(start) for start in np.linspace(0, length - 2, count)}
        container.seek(0)
        frames = {
            number: cover(np.asarray(frame.to_ndarray(format="bgr24"), np.uint8), height, width)
            for number, frame in enumerate(container.decode(video=0))
            if number in starts or number - 1 in starts
        }
    return [neighbours(frames[start], frames[start + 1]) for start in sorted(starts)]


def warping_error(painter: Painter, style: str, pairs: list[Pair]) -> Entry:
    """RMS difference along the flow where nothing is hidden, in levels of 255, painted and of the film itself."""
    painted, source = 0.0, 0.0
    for pair in pairs:
        first, second = painter.paint(pair.first, style), painter.paint(pair.second, style)
        painted += square_difference(first, second, pair)
        source += square_difference(pair.first, pair.second, pair)
    return {"painted": (painted / len(pairs)) ** 0.5, "source": (source / len(pairs)) ** 0.5}


def noise_gain(painter: Painter, style: str, photo: Image) -> Entry:
    """RMS difference of two frames of a still scene, in levels of 255, painted and as the camera gives it."""
    rng = np.random.default_rng(0)
    noise = rng.normal(0, NOISE * 255, (NOISY_FRAMES, *photo.shape))
    frames = [np.clip(np.rint(photo + n), 0, 255).astype(np.uint8) for n in noise]
    painted = [painter.paint(frame, style) for frame in frames]
    return {"painted": _rms_of_neighbours(painted), "source": _rms_of_neighbours(frames)}


def _rms_of_neighbours(frames: list[Image]) -> float:
    stack = np.stack(frames).astype(np.float32)
    return float(np.sqrt(np.square(np.diff(stack, axis=0)).mean()))


def neighbours(first: Image, second: Image) -> Pair:
    """Two frames in a row, by DIS flow (Kroeger et al. 2016).

    Hidden: forward and backward flow disagree by more than a pixel.
    """
    dis = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    grey = [cv2.cvtColor(image, cv2.COLOR_BGR2GRAY) for image in (first, second)]
    back = np.asarray(dis.calc(grey[1], grey[0], None))  # type: ignore[call-overload]
    forth = np.asarray(dis.calc(grey[0], grey[1], None))  # type: ignore[call-overload]
    height, width = grey[0].shape
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    origin = np.stack([x + back[..., 0], y + back[..., 1]], axis=2).astype(np.float32)
    there = np.asarray(cv2.remap(forth, origin, None, cv2.INTER_LINEAR))  # type: ignore[call-overload]
    agree = np.linalg.norm(back + there, axis=2) < 1
    inside = (origin >= 0).all(2) & (origin[..., 0] <= width - 1) & (origin[..., 1] <= height - 1)
    return Pair(first, second, origin, agree & inside)


def square_difference(first: Image, second: Image, pair: Pair) -> float:
    """Mean square difference of two pictures along the flow between them, where nothing is hidden."""
    warped = np.asarray(cv2.remap(first, pair.origin, None, cv2.INTER_LINEAR))  # type: ignore[call-overload]
    return float(np.square(second.astype(np.float32) - warped)[pair.seen].mean())
