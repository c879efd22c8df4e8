"""Previews: a contact sheet of what a network makes of a few photos so far."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import torch

from training.images import read_images, resize_short_side, to_image, to_tensor
from training.network import StyleNetwork

PREVIEW_PHOTOS = 4
PREVIEW_SIDE_PIXELS = 320


def write_preview(network: StyleNetwork, photos: Path, path: Path) -> None:
    """Write a contact sheet of the first photos of a folder: a row each, the photo first, then every style."""
    device = next(network.parameters()).device
    network.eval()
    side, rows = PREVIEW_SIDE_PIXELS, []
    with torch.no_grad():
        for photo in read_images(photos, PREVIEW_PHOTOS):
            image = resize_short_side(photo, side)[:side, :side]
            x = to_tensor(image)[None].to(device)
            row = [image] + [to_image(network(x, style[None])[0]) for style in torch.eye(network.styles, device=device)]
            rows.append(np.hstack(row))
    network.train()
    path.write_bytes(cv2.imencode(".png", np.vstack(rows))[1].tobytes())  # on Windows imwrite fails on non-ASCII paths
