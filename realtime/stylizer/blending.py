"""Blending of the stylized picture with its photo: strength and colours. Each step is one pass of OpenCV over bytes."""

from __future__ import annotations

import cv2
import numpy as np

from realtime.frame import Image
from realtime.imaging import resize
from realtime.stylizer.look import Look

BAND_ROWS = 64  # processed at once: intermediate results stay in the CPU's cache, which is five times as fast


def blend_look(stylized: Image, original: Image, look: Look) -> Image:
    """Return the stylized picture with the look's strength and colours applied, or itself if both are the defaults.

    Args:
        stylized: [h, w, 3] uint8 BGR, of any size.
        original: [H, W, 3] uint8 BGR. A blended result has this size.
        look: its strength and keep_colors are used.

    Strength blends the gamma-encoded bytes: they are about evenly spaced to the eye, so that 0.5 looks like half way.
    Blended as linear light the brighter picture would win: half of black and white would look three quarters white.
    """
    if look.strength == 1 and look.keep_colors == 0:
        return stylized
    stylized = resize(stylized, (original.shape[1], original.shape[0]))
    if look.keep_colors:
        stylized = blend(stylized, keep_colors(stylized, original), look.keep_colors)
    return blend(original, stylized, look.strength)


def blend(start: Image, end: Image, alpha: float) -> Image:
    """Return `start` blended with `end`: alpha, 0 to 1, is the part of `end`."""
    if alpha == 1:
        return end
    return np.asarray(cv2.addWeighted(end, alpha, start, 1 - alpha, 0), np.uint8)


def keep_colors(stylized: Image, original: Image) -> Image:
    """Return the luminance of the stylized picture with the chrominance of the original; all [H, W, 3] uint8 BGR.

    Each pixel is grey of the stylized luma (BT.601, as in YCrCb) plus the original's difference from its own grey.
    Where the sum is outside of RGB the difference is scaled down until it fits: the colour is paler, but its hue and
    luminance are kept. Clipping would change both.
    """
    out = np.empty_like(original)
    for top in range(0, len(out), BAND_ROWS):
        band = slice(top, top + BAND_ROWS)
        out[band] = _keep_colors(stylized[band], original[band])
    return out


def _keep_colors(stylized: Image, original: Image) -> Image:
    grey = cv2.cvtColor(stylized, cv2.COLOR_BGR2GRAY)
    own_grey = cv2.cvtColor(original, cv2.COLOR_BGR2GRAY)
    blue, green, red = cv2.split(original)
    highest = cv2.max(cv2.max(blue, green), red)
    lowest = cv2.min(cv2.min(blue, green), red)
    # The part of the difference that fits, in 255ths. Division of uint8 saturates, so that it is 255 at most.
    above = cv2.divide(cv2.bitwise_not(grey), cv2.subtract(highest, own_grey), scale=255)
    below = cv2.divide(grey, cv2.subtract(own_grey, lowest), scale=255)
    fits = cv2.cvtColor(cv2.min(above, below), cv2.COLOR_GRAY2BGR)
    own_grey = cv2.cvtColor(own_grey, cv2.COLOR_GRAY2BGR)
    out = cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR)
    out = cv2.add(out, cv2.multiply(cv2.subtract(original, own_grey), fits, scale=1 / 255))
    out = cv2.subtract(out, cv2.multiply(cv2.subtract(own_grey, original), fits, scale=1 / 255))
    return np.asarray(out, np.uint8)
