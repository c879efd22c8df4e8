"""Painting in the photo's own colours: luminance alone is transferred (Gatys et al. 2016, "Preserving Color")."""

from __future__ import annotations

import torch
from torch import Tensor

from training.loss import LUMA


def luminance(image: Tensor) -> Tensor:
    """[N, 3, H, W] RGB -> [N, 1, H, W]."""
    return (image * torch.tensor(LUMA, device=image.device).view(1, 3, 1, 1)).sum(1, keepdim=True)


def greys(photo: Tensor, painting: Tensor) -> tuple[Tensor, Tensor]:
    """Both in grey [1, 3, H, W], the painting as light and as full of contrast as the photo."""
    light, target = luminance(painting), luminance(photo)
    contrast = target.std() / light.std().clamp_min(1e-3)
    matched = ((light - light.mean()) * contrast + target.mean()).clamp(0, 1)
    return target.expand(-1, 3, -1, -1), matched.expand(-1, 3, -1, -1)


def with_colours_of(photo: Tensor, picture: Tensor) -> Tensor:
    """The luminance of the picture, the colour differences of the photo, both [1, 3, H, W] RGB in 0..1.

    Where a colour cannot be that light or dark, the luminance gives way, so that no hue changes.
    """
    colour = photo - luminance(photo)  # R-Y, G-Y, B-Y
    darkest, lightest = -colour.amin(1, keepdim=True), 1 - colour.amax(1, keepdim=True)
    return colour + luminance(picture).clamp(darkest, lightest)
