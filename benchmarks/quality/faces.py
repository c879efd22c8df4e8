"""Faces: whether a detector finds them again in the stylized picture, and how near eyes, nose and mouth are."""

from __future__ import annotations

import numpy as np

from benchmarks.quality.results import Entry
from benchmarks.quality.stylizers import BenchmarkStylizer
from realtime.frame import Image
from training.faces import Face, FaceDetector

MIN_PHOTO_SCORE = 0.75  # of the faces that are looked for; a panther's has 0.71
MIN_STYLIZED_SCORE = 0.5
MIN_FACE_SIDE = 24.0  # pixels, square root of the area; strokes cover smaller ones
MIN_OVERLAP = 0.5  # intersection over union of two boxes that are the same face


def find_in_photo(detector: FaceDetector, photo: Image) -> list[Face]:
    """Return the faces of a photo that a stylized picture should keep."""
    return [face for face in detector.find_faces(photo, MIN_PHOTO_SCORE) if face.side >= MIN_FACE_SIDE]


def find_again(detector: FaceDetector, stylizer: BenchmarkStylizer, photo: Image, style: str) -> Entry:
    """Return how many faces a photo has, and the landmark error of each that is found again when it is stylized."""
    faces, found = (
        find_in_photo(detector, photo),
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
