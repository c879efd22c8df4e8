"""Temporal stability: differences along the optical flow of videos, and on a still scene with camera noise."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.quality.results import Entry
from benchmarks.quality.stylizers import BenchmarkStylizer
from export.verify import resize_and_crop
from realtime.frame import Image

CAMERA_NOISE = 0.02  # standard deviation, of values in 0..1: a webcam in a lit room
NUM_NOISY_FRAMES = 6


@dataclass(frozen=True)
class FramePair:
    """Two neighbouring frames, and where each pixel of the second one was in the first.

    first, second: [H, W, 3] uint8 BGR. origin: [H, W, 2] float32, x and y in the first frame.
    visible: [H, W] bool, False where the pixel is occluded in the first frame.
    """

    first: Image
    second: Image
    origin: NDArray[np.float32]
    visible: NDArray[np.bool_]


def read_pairs(video: Path, count: int, width: int, height: int) -> list[FramePair]:
    """Read pairs of neighbouring frames, evenly spread over the video."""
    with av.open(str(video)) as container:
        length = container.streams.video[0].frames or sum(1 for _ in container.decode(video=0))
        starts = {int(start) for start in np.linspace(0, length - 2, count)}
        container.seek(0)
        frames = {
            number: resize_and_crop(np.asarray(frame.to_ndarray(format="bgr24"), np.uint8), height, width)
            for number, frame in enumerate(container.decode(video=0))
            if number in starts or number - 1 in starts
        }
    return [pair_frames(frames[start], frames[start + 1]) for start in sorted(starts)]


def warping_error(stylizer: BenchmarkStylizer, style: str, pairs: list[FramePair]) -> Entry:
    """Return the RMS difference along the flow without occlusions, in levels of 255: stylized, and of the source."""
    stylized, source = 0.0, 0.0
    for pair in pairs:
        first, second = stylizer.stylize(pair.first, style), stylizer.stylize(pair.second, style)
        stylized += square_difference(first, second, pair)
        source += square_difference(pair.first, pair.second, pair)
    return {"painted": (stylized / len(pairs)) ** 0.5, "source": (source / len(pairs)) ** 0.5}


def noise_gain(stylizer: BenchmarkStylizer, style: str, photo: Image) -> Entry:
    """Return the RMS difference of noisy frames of a still scene, in levels of 255: stylized, and of the source."""
    rng = np.random.default_rng(0)
    noise = rng.normal(0, CAMERA_NOISE * 255, (NUM_NOISY_FRAMES, *photo.shape))
    frames = [np.clip(np.rint(photo + n), 0, 255).astype(np.uint8) for n in noise]
    stylized = [stylizer.stylize(frame, style) for frame in frames]
    return {"painted": _rms_difference(stylized), "source": _rms_difference(frames)}


def _rms_difference(frames: list[Image]) -> float:
    stack = np.stack(frames).astype(np.float32)
    return float(np.sqrt(np.square(np.diff(stack, axis=0)).mean()))


def pair_frames(first: Image, second: Image) -> FramePair:
    """Compute the DIS optical flow (Kroeger et al. 2016) between two neighbouring frames.

    A pixel is occluded where forward and backward flow disagree by more than a pixel.
    """
    dis = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    grey = [cv2.cvtColor(image, cv2.COLOR_BGR2GRAY) for image in (first, second)]
    backward = np.asarray(dis.calc(grey[1], grey[0], None))  # type: ignore[call-overload]
    forward = np.asarray(dis.calc(grey[0], grey[1], None))  # type: ignore[call-overload]
    height, width = grey[0].shape
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    origin = np.stack([x + backward[..., 0], y + backward[..., 1]], axis=2).astype(np.float32)
    returned = np.asarray(cv2.remap(forward, origin, None, cv2.INTER_LINEAR))  # type: ignore[call-overload]
    is_consistent = np.linalg.norm(backward + returned, axis=2) < 1
    is_inside = (origin >= 0).all(2) & (origin[..., 0] <= width - 1) & (origin[..., 1] <= height - 1)
    return FramePair(first, second, origin, is_consistent & is_inside)


def square_difference(first: Image, second: Image, pair: FramePair) -> float:
    """Return the mean square difference of two images along the flow of `pair`, without occlusions."""
    warped = np.asarray(cv2.remap(first, pair.origin, None, cv2.INTER_LINEAR))  # type: ignore[call-overload]
    return float(np.square(second.astype(np.float32) - warped)[pair.visible].mean())
