"""Conversion between image files, arrays and tensors."""

from __future__ import annotations

import os
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from training.errors import TrainingError

IMAGE_SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff"}


def read_image(path: Path, *, trim: bool = False) -> NDArray[np.uint8]:
    """Read an image as viewers show it, upright and on white: [H, W, 3], BGR.

    trim: cut off margins that are fully transparent, because they are not part of a painting.
    Raises TrainingError where it cannot be read.
    """
    try:
        data = np.frombuffer(path.read_bytes(), np.uint8)
    except OSError as error:
        raise TrainingError(f"{path}: {error.strerror or error}") from error
    try:
        image = cv2.imdecode(data, cv2.IMREAD_COLOR) if data.size else None
        alpha = None if image is None else _alpha(data)
    except cv2.error as error:  # for example more pixels than OpenCV accepts
        raise TrainingError(f"{path}: OpenCV refuses it ({error.err})") from error
    if image is None:
        raise TrainingError(f"{path}: not a picture that OpenCV reads; save it as .jpg or .png first")
    if alpha is None:
        return np.asarray(image, np.uint8)
    if not alpha.any():
        raise TrainingError(f"{path}: all of it is transparent")
    opacity = alpha[:, :, None] / np.float32(255)
    on_white = np.asarray(255 - (255 - image.astype(np.float32)) * opacity + 0.5, np.uint8)
    left, top, width, height = cv2.boundingRect(alpha) if trim else (0, 0, *on_white.shape[1::-1])
    return np.ascontiguousarray(on_white[top : top + height, left : left + width])


def _alpha(data: NDArray[np.uint8]) -> NDArray[np.uint8] | None:
    """Return the alpha channel of an encoded image, [H, W], upright; None where it has none."""
    if data[:2].tobytes() == b"\xff\xd8":  # a JPEG
        return None
    raw, kinds, chunks = cv2.imdecodeWithMetadata(data, cv2.IMREAD_UNCHANGED)
    if raw is None or raw.shape[2:] != (4,) or raw.dtype not in (np.uint8, np.uint16):
        return None
    # With IMREAD_UNCHANGED OpenCV does not apply the orientation, so the alpha channel is encoded with it as a grey
    # image and decoded again.
    exif = [(kind, chunk) for kind, chunk in zip(kinds, chunks, strict=True) if kind == cv2.IMAGE_METADATA_EXIF]
    channel = np.ascontiguousarray(raw[:, :, 3])
    _, png = cv2.imencodeWithMetadata(".png", channel, [kind for kind, _ in exif], [chunk for _, chunk in exif])
    return np.asarray(cv2.imdecode(png, cv2.IMREAD_GRAYSCALE), np.uint8)


def resize_short_side(image: NDArray[np.uint8], short: int) -> NDArray[np.uint8]:
    """Return the image scaled so that its shorter side has `short` pixels."""
    height, width = image.shape[:2]
    factor = short / min(height, width)
    size = max(short, round(width * factor)), max(short, round(height * factor))
    method = cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
    return cv2.resize(image, size, interpolation=method).astype(np.uint8, copy=False)


def to_tensor(image: NDArray[np.uint8]) -> Tensor:
    """[H, W, 3] BGR uint8 -> [3, H, W] RGB float32 in 0..1."""
    rgb = np.ascontiguousarray(image[:, :, ::-1].transpose(2, 0, 1))
    return torch.from_numpy(rgb).float().div_(255)


def to_image(tensor: Tensor) -> NDArray[np.uint8]:
    """[3, H, W] RGB in 0..1 -> [H, W, 3] BGR uint8."""
    values = tensor.detach().float().clamp(0, 1).mul(255).round().byte().cpu().numpy()
    return np.ascontiguousarray(values.transpose(1, 2, 0)[:, :, ::-1])


def list_images(folder: Path) -> list[Path]:
    """Return every image below the folder, sorted. Raises TrainingError where there is none."""
    if not os.path.isdir(folder):
        raise TrainingError(f"{folder}: no such folder")
    found = sorted(p for p in folder.rglob("*") if p.suffix.lower() in IMAGE_SUFFIXES)
    if not found:
        raise TrainingError(
            f"{folder}: no pictures in it ({', '.join(sorted(IMAGE_SUFFIXES))}); save others as one of these"
        )
    return found


def read_images(folder: Path, limit: int) -> list[NDArray[np.uint8]]:
    """Read the first `limit` images of a folder, skipping unreadable ones. Raises TrainingError where there is none."""
    images: list[NDArray[np.uint8]] = []
    for path in list_images(folder):
        try:
            images.append(read_image(path))
        except TrainingError:
            continue
        if len(images) == limit:
            break
    if not images:
        raise TrainingError(f"{folder}: none of its pictures can be read")
    return images


class PhotoCrops(Dataset[Tensor]):
    """An endless, repeatable stream of random square crops from a folder of photos.

    Item i depends on the seed and i alone, so a run that is stopped after i photos continues with the photo that
    would have come next. Each pass over the folder has its own order.
    """

    def __init__(self, folder: Path, size: int, largest: float, seed: int) -> None:
        """size: side of a crop in pixels; a photo's short side is first scaled to size ... size * largest."""
        self.paths = list_images(folder)
        self.size, self.largest, self.seed = size, largest, seed

    def __getitem__(self, index: int) -> Tensor:
        """Return a crop [3, size, size], RGB in 0..1. A photo that cannot be read is replaced by the next one."""
        rng = np.random.default_rng([self.seed, index])
        epoch, position = divmod(index, len(self.paths))
        order = np.random.default_rng([self.seed, epoch]).permutation(len(self.paths))
        for step in range(len(self.paths)):
            try:
                image = read_image(self.paths[order[(position + step) % len(order)]])
                break
            except TrainingError:
                continue
        else:
            raise TrainingError(f"none of the {len(self.paths)} photos can be read")
        image = resize_short_side(image, round(self.size * rng.uniform(1, self.largest)))
        top = int(rng.integers(image.shape[0] - self.size + 1))
        left = int(rng.integers(image.shape[1] - self.size + 1))
        crop = image[top : top + self.size, left : left + self.size]
        return to_tensor(crop[:, ::-1] if rng.random() < 0.5 else crop)
