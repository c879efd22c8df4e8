"""Temporal smoothing: what has not changed in the scene should not flicker in the stylized pictures."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from realtime.frame import Image
from realtime.stylizer.look import Look

FLOW_WIDTH = 240  # pixels; optical flow of this width takes a fraction of a millisecond
MAX_HOLD = 0.85  # part of the last result at smooth = 1: flicker falls to a third, ghosts are gone within 0.3 s
SAME_LEVELS = 8  # a pixel that changes by fewer levels shows the same thing: noise and soft light
OTHER_LEVELS = 20  # from this change on a pixel shows another thing, and the last result is not used
MIN_FLOW = 0.35  # pixels of FLOW_WIDTH; below it nothing moves: repeated resampling would blur the result
REACH_PIXELS = 15  # pixels of FLOW_WIDTH: a stylized moving thing reaches half as far into its surroundings
BORDER_COLOR = (255, 0, 255)  # fills what comes in from outside of the picture; few scenes have this colour
MAX_STYLE_CHANGE = 0.04  # change of the style weights between two pictures above which nothing is held
CUT_SHARE = 0.5  # of the picture that shows another thing: after a cut even the rest is held no longer
CUT_CORRELATION = 0.3  # below it two pictures are of different scenes, however dark both are
MIN_CONTRAST_LEVELS = 4  # standard deviation; what is flatter shows noise, whose correlation means nothing
RENEWAL_FRAMES = 120  # a `RenewedSmoother` forgets what is older than this and the warm-up together
WARM_UP_FRAMES = 60  # at smooth = 1 a smoother that starts now gives the same pictures after 40 to 60
MAX_GRIDS = 8  # sizes whose pixel coordinates are kept


class TemporalSmoother:
    """A smoother for the stylized pictures of one stream.

    The last result is warped along the optical flow (DIS, Kroeger et al. 2016) from the last picture to this one, and
    blended with the new stylized picture. How much is used is decided per pixel by how well the last picture, warped in
    the same way, fits this one. Behind moving things it does not fit, and the new stylized picture is used alone.

    Example:
        >>> smoother = TemporalSmoother()
        >>> look = parse_look("udnie", stylizer.library, smooth=0.5)
        >>> for frame in frames:
        ...     stylized = stylizer.stylize(frame, look, smoother)
    """

    def __init__(self) -> None:
        self._flow = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_ULTRAFAST)
        self._small: Image | None = None  # the last picture, FLOW_WIDTH wide
        self._stylized: Image | None = None
        self._look: Look | None = None
        self._grids: dict[tuple[int, int], NDArray[np.float32]] = {}
        trust = (OTHER_LEVELS - np.arange(256, dtype=np.float32)) / (OTHER_LEVELS - SAME_LEVELS)
        self._trust = np.clip(trust, 0, 1) * MAX_HOLD

    def apply(self, image: Image, stylized: Image, look: Look) -> Image:
        """Return the next stylized picture of the stream, smoothed.

        Args:
            image: the next picture, [H, W, 3] uint8 BGR.
            stylized: the same picture stylized, [H, W, 3] uint8 BGR.
            look: the look it was stylized with; `look.smooth` says how much is held.

        Returns:
            [H, W, 3] uint8 BGR: `stylized` itself, where nothing of the last picture is used.
        """
        size = (FLOW_WIDTH, max(16, round(FLOW_WIDTH * image.shape[0] / image.shape[1])))
        small = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
        hold = look.smooth * self._similarity(look, stylized)
        if hold > 0 and self._small is not None and self._stylized is not None and self._small.shape == small.shape:
            stylized = self._hold(small, stylized, self._small, self._stylized, hold)
        self._small, self._stylized, self._look = small, stylized, look
        return stylized

    def reset(self) -> None:
        """Forget the last picture: the next one belongs to another scene."""
        self._small = self._stylized = self._look = None

    def _similarity(self, look: Look, stylized: Image) -> float:
        """Return 1 if style and size are those of the last result, down to 0 if they are too different."""
        last = self._look
        if (
            last is None
            or self._stylized is None
            or self._stylized.shape != stylized.shape
            or last.model is not look.model
        ):
            return 0.0
        change = sum(abs(a - b) for a, b in zip(last.weights, look.weights, strict=True))
        return max(0.0, 1 - change / MAX_STYLE_CHANGE)

    def _hold(self, small: Image, stylized: Image, last_small: Image, last: Image, hold: float) -> Image:
        grey, last_grey = (cv2.cvtColor(image, cv2.COLOR_BGR2GRAY) for image in (small, last_small))
        flow = np.asarray(self._flow.calc(grey, last_grey, None), np.float32)  # type: ignore[call-overload]
        moves = cv2.threshold(cv2.magnitude(*cv2.split(flow)), MIN_FLOW, 1, cv2.THRESH_BINARY)[1]
        height, width = stylized.shape[:2]
        if cv2.countNonZero(moves):
            flow = np.asarray(cv2.multiply(flow, cv2.merge([moves, moves])), np.float32)
            last_small = self._warp(last_small, flow)
            full = np.asarray(cv2.resize(flow, (width, height)), np.float32)
            full *= width / FLOW_WIDTH
            last = self._warp(last, full)
        if _is_cut(small, last_small):
            return stylized
        trust = cv2.resize(self._trust_in(small, last_small) * np.float32(hold), (width, height))
        return np.asarray(cv2.blendLinear(last, stylized, trust, 1 - trust), np.uint8)

    def _trust_in(self, small: Image, warped: Image) -> NDArray[np.float32]:
        """Return how much of the last result to use, [h, w], by how much the pictures differ nearby."""
        difference = np.asarray(cv2.GaussianBlur(cv2.absdiff(small, warped), (3, 3), 0), np.uint8)
        blue, green, red = cv2.split(difference)
        worst = cv2.dilate(cv2.max(cv2.max(blue, green), red), np.ones((REACH_PIXELS, REACH_PIXELS), np.uint8))
        trust = np.asarray(cv2.LUT(worst, self._trust), np.float32)
        return np.asarray(cv2.blur(trust, (5, 5)), np.float32)

    def _warp(self, image: Image, flow: NDArray[np.float32]) -> Image:
        """Return the image [h, w, 3], each pixel taken from where `flow` [h, w, 2] points."""
        height, width = image.shape[:2]
        if (width, height) not in self._grids:
            if len(self._grids) > MAX_GRIDS:
                self._grids.clear()
            columns, rows = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
            self._grids[width, height] = np.stack([columns, rows], axis=2)
        sources = cv2.add(flow, self._grids[width, height])
        return np.asarray(
            cv2.remap(image, sources, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=BORDER_COLOR),  # type: ignore[call-overload]
            np.uint8,
        )


class RenewedSmoother(TemporalSmoother):
    """A smoother for the frames of a file, whose results depend on a limited number of frames before.

    A second one warms up beside the first, and takes its place every RENEWAL_FRAMES frames, by their numbers. So a run
    that starts at `first_needed(number)` gives the same picture of frame `number` as one that starts at the beginning.
    """

    def __init__(self) -> None:
        super().__init__()
        self._current, self._successor = TemporalSmoother(), TemporalSmoother()
        self._warms_up = False

    @staticmethod
    def first_needed(number: int) -> int:
        """Return the frame from which on pictures are needed for frame `number`."""
        return max(0, number - number % RENEWAL_FRAMES - WARM_UP_FRAMES)

    def begin(self, number: int) -> None:
        """Prepare for the frame of that number, from 0; called for every frame."""
        phase = number % RENEWAL_FRAMES
        if phase == 0:
            self._current = self._successor
        self._warms_up = phase >= RENEWAL_FRAMES - WARM_UP_FRAMES
        if phase in (0, RENEWAL_FRAMES - WARM_UP_FRAMES):
            self._successor = TemporalSmoother()

    def apply(self, image: Image, stylized: Image, look: Look) -> Image:
        """Return the next stylized picture, smoothed: see `TemporalSmoother.apply`."""
        if self._warms_up:
            self._successor.apply(image, stylized, look)
        return self._current.apply(image, stylized, look)

    def reset(self) -> None:
        """Forget the last picture."""
        self._current.reset()
        self._successor.reset()


def _is_cut(small: Image, warped: Image) -> bool:
    """Return whether the last picture, warped, is of another scene than this one."""
    difference = np.asarray(cv2.GaussianBlur(cv2.absdiff(small, warped), (3, 3), 0), np.uint8)
    if np.count_nonzero(difference.max(axis=2) > OTHER_LEVELS) > CUT_SHARE * small.shape[0] * small.shape[1]:
        return True
    one, other = (cv2.cvtColor(image, cv2.COLOR_BGR2GRAY).astype(np.float32) for image in (small, warped))
    contrasts = float(one.std()), float(other.std())
    if min(contrasts) < MIN_CONTRAST_LEVELS:
        return False
    covariance = float(((one - one.mean()) * (other - other.mean())).mean())
    return covariance < CUT_CORRELATION * contrasts[0] * contrasts[1]
