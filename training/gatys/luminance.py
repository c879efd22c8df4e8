"""Stylization in the photo's own colours: only luminance is transferred (Gatys et al. 2016, "Preserving Color")."""

from __future__ import annotations

import torch
from torch import Tensor

from training.loss import LUMA

SMALLEST_CONTRAST = 1e-3  # standard deviation of luminance; a painting in one grey is not divided by zero


def luminance(image: Tensor) -> Tensor:
    """Return the luminance of RGB images: [N, 3, H, W] -> [N, 1, H, W]."""
    return (image * torch.tensor(LUMA, device=image.device).view(1, 3, 1, 1)).sum(1, keepdim=True)


def to_matched_grey(photo: Tensor, painting: Tensor) -> tuple[Tensor, Tensor]:
    """Return both in grey [1, 3, H, W], the painting with the photo's mean and standard deviation of luminance."""
    photo_luma, painting_luma = luminance(photo), luminance(painting)
    contrast = photo_luma.std() / painting_luma.std().clamp_min(SMALLEST_CONTRAST)
    matched = ((painting_luma - painting_luma.mean()) * contrast + photo_luma.mean()).clamp(0, 1)
    return photo_luma.expand(-1, 3, -1, -1), matched.expand(-1, 3, -1, -1)


def restore_colours(photo: Tensor, stylized: Tensor) -> Tensor:
    """Return the luminance of `stylized` with the colour differences of the photo, all [1, 3, H, W] RGB in 0..1.

    Where a colour cannot have that luminance within 0..1, the luminance is clamped, so that hues do not change.
    """
    difference = photo - luminance(photo)  # R-Y, G-Y, B-Y
    darkest, lightest = -difference.amin(1, keepdim=True), 1 - difference.amax(1, keepdim=True)
    return difference + luminance(stylized).clamp(darkest, lightest)
