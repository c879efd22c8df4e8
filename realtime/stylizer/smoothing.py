"""Steadies consecutive paintings: what has not changed in the scene should not boil in the painting."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from realtime.frame import Image
from realtime.stylizer.look import Look

COLUMNS = 240  # the flow is computed at that width: a fraction of a millisecond
MOST = 0.85  # of the last painting in the next, at smooth = 1: flicker falls to a third, what lingers is gone in 0.3 s
SAME = 8  # levels that a pixel may change by and still be the same thing: noise and soft light
OTHER = 20  # levels from which on it is another thing, and the last painting says nothing of it
REST = 0.35  # pixels (of COLUMNS) below which nothing moves: resampled again and again, the painting would blur
REACH = 15  # pixels (of COLUMNS) across: what moves is painted into its surroundings, half that far on each side
FOREIGN = (255, 0, 255)  # comes in from beyond the border: like nothing in the scene
STYLE_STEP = 0.04  # change of the style weights from one picture to the next above which there is nothing to hold on to


class TemporalSmoother:
    """Remembers the last painting of one stream, and lets it shine through where the scene goes on.

    The last painting is carried along the optical flow (DIS, Kroeger et al. 2016) from the last picture to this one.
    How far it is trusted is decided per pixel by how well the last picture, carried along the same way, fits this
    one: behind moving things it does not, and there the new painting stands alone.
    """

    def __init__(self) -> None:
        self._flow = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_ULTRAFAST)
        self._small: Image | None = None  # the last picture, COLUMNS wide
        self._painted: Image | None = None
        self._look: Look | None = None
        self._grids: dict[tuple[int, int], NDArray[np.float32]] = {}
        trust = (OTHER - np.arange(256, dtype=np.float32)) / (OTHER - SAME)
        self._trust = np.clip(trust, 0, 1) * MOST

    def apply(self, picture: Image, painted: Image, look: Look) -> Image:
        """The next picture of the stream and its painting, both [H, W, 3]; returns the painting, steadied."""
        size = (COLUMNS, max(16, round(COLUMNS * picture.shape[0] / picture.shape[1])))
        small = np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)
        hold = look.smooth * self._alike(look, painted)
        if hold > 0 and self._small is not None and self._painted is not None and self._small.shape == small.shape:
            painted = self._hold(small, painted, self._small, self._painted, hold)
        self._small, self._painted, self._look = small, painted, look
        return painted

    def forget(self) -> None:
        """What comes next has nothing to do with what was."""
        self._small = self._painted = self._look = None

    def _alike(self, look: Look, painted: Image) -> float:
        """1 where the style is that of the last painting, 0 where it is too different to be held on to."""
        last = self._look
        if (
            last is None
            or self._painted is None
            or self._painted.shape != painted.shape
            or last.model is not look.model
        ):
            return 0.0
        change = sum(abs(a - b) for a, b in zip(last.weights, look.weights, strict=True))
        return max(0.0, 1 - change / STYLE_STEP)

    def _hold(self, small: Image, painted: Image, last_small: Image, last: Image, hold: float) -> Image:
        grey, last_grey = (cv2.cvtColor(image, cv2.COLOR_BGR2GRAY) for image in (small, last_small))
        flow = np.asarray(self._flow.calc(grey, last_grey, None), np.float32)  # type: ignore[call-overload]
        moves = cv2.threshold(cv2.magnitude(*cv2.split(flow)), REST, 1, cv2.THRESH_BINARY)[1]
        height, width = painted.shape[:2]
        if cv2.countNonZero(moves):
            flow = np.asarray(cv2.multiply(flow, cv2.merge([moves, moves])), np.float32)
            last_small = self._carried(last_small, flow)
            full = np.asarray(cv2.resize(flow, (width, height)), np.float32)
            full *= width / COLUMNS
            last = self._carried(last, full)
        trust = cv2.resize(self._trusted(small, last_small) * np.float32(hold), (width, height))
        return np.asarray(cv2.blendLinear(last, painted, trust, 1 - trust), np.uint8)

    def _trusted(self, small: Image, carried: Image) -> NDArray[np.float32]:
        """[h, w]: how much of the last painting to take, by how far the pictures differ nearby."""
        apart = np.asarray(cv2.GaussianBlur(cv2.absdiff(small, carried), (3, 3), 0), np.uint8)
        blue, green, red = cv2.split(apart)
        worst = cv2.dilate(cv2.max(cv2.max(blue, green), red), np.ones((REACH, REACH), np.uint8))
        trust = np.asarray(cv2.LUT(worst, self._trust), np.float32)
        return np.asarray(cv2.blur(trust, (5, 5)), np.float32)

    def _carried(self, image: Image, flow: NDArray[np.float32]) -> Image:
        """An image [h, w, 3] moved so that it fits where `flow` [h, w, 2] says each pixel came from."""
        height, width = image.shape[:2]
        if (width, height) not in self._grids:
            if len(self._grids) > 8:
                self._grids.clear()
            columns, rows = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
            self._grids[width, height] = np.stack([columns, rows], axis=2)
        where = cv2.add(flow, self._grids[width, height])
        return np.asarray(
            cv2.remap(image, where, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=FOREIGN),  # type: ignore[call-overload]
            np.uint8,
        )
