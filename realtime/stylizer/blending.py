"""Painting and photo, brought together: strength and colours. Every step is one pass of OpenCV over bytes."""

from __future__ import annotations

import cv2
import numpy as np

from realtime.frame import Image
from realtime.imaging import resize
from realtime.stylizer.look import Look

BAND = 64  # rows at a time: what lies between the steps stays in the processor's cache, which is five times as fast


def blend_look(painted: Image, original: Image, look: Look) -> Image:
    """What the look's strength and colours make of both; the painting itself where they are at their defaults.

    painted: of any size; original: [H, W, 3] uint8 BGR. Mixed, it comes out at the original's size.

    Strength mixes the bytes as they are, gamma and all: these are about evenly spaced to the eye, so that half way
    looks like half way. Mixed as light the brighter one would win: half of black and white looks three quarters white.
    """
    if look.strength == 1 and look.keep_colors == 0:
        return painted
    painted = resize(painted, (original.shape[1], original.shape[0]))
    if look.keep_colors:
        painted = blend(painted, keep_colors(painted, original), look.keep_colors)
    return blend(original, painted, look.strength)


def blend(one: Image, other: Image, share: float) -> Image:
    """`share` of the other, 0 to 1, and the rest of the one."""
    if share == 1:
        return other
    return np.asarray(cv2.addWeighted(other, share, one, 1 - share, 0), np.uint8)


def keep_colors(painted: Image, original: Image) -> Image:
    """The painting's luminance with the original's chrominance; both [H, W, 3] uint8 BGR.

    Each pixel is grey of the painting's luma (BT.601, as YCrCb has it) plus the original's distance from its own grey.
    Where that is no colour a screen has, the distance is shortened until it is one: paler, but of the same hue and the
    painting's luminance. Clipping would change both.
    """
    out = np.empty_like(original)
    for top in range(0, len(out), BAND):
        band = slice(top, top + BAND)
        out[band] = _keep_colors(painted[band], original[band])
    return out


def _keep_colors(painted: Image, original: Image) -> Image:
    grey = cv2.cvtColor(painted, cv2.COLOR_BGR2GRAY)
    own = cv2.cvtColor(original, cv2.COLOR_BGR2GRAY)
    blue, green, red = cv2.split(original)
    highest = cv2.max(cv2.max(blue, green), red)
    lowest = cv2.min(cv2.min(blue, green), red)
    # How much of the distance fits, in 255ths; uint8 division saturates at the whole of it.
    above = cv2.divide(cv2.bitwise_not(grey), cv2.subtract(highest, own), scale=255)
    below = cv2.divide(grey, cv2.subtract(own, lowest), scale=255)
    fits = cv2.cvtColor(cv2.min(above, below), cv2.COLOR_GRAY2BGR)
    own = cv2.cvtColor(own, cv2.COLOR_GRAY2BGR)
    out = cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR)
    out = cv2.add(out, cv2.multiply(cv2.subtract(original, own), fits, scale=1 / 255))
    out = cv2.subtract(out, cv2.multiply(cv2.subtract(own, original), fits, scale=1 / 255))
    return np.asarray(out, np.uint8)
