"""Verifying that an exported graph gives the same images as the network in torch."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnx
import onnxruntime as ort
import torch
from numpy.typing import NDArray
from onnx import TensorProto, helper

from export.checkpoints import Exportable
from export.errors import ExportError
from export.metadata import ROOT
from training.images import read_image, read_images, to_image, to_tensor

DEMO_PHOTO = ROOT / "realtime/assets/demo.jpg"
MIN_PSNR_DB = 40.0
MIN_INT8_PSNR_DB = 38.0
MAX_PSNR_DB = 99.0  # reported for two equal images, whose PSNR is infinite
IMAGE_SIZES = (256, 256), (240, 320)  # height, width
MAX_PHOTOS = 8
MAX_ACTIVATION = 65504 / 2  # half of the largest number in fp16

Image = NDArray[np.uint8]
StyleWeights = NDArray[np.float32]  # [S]


@dataclass(frozen=True)
class Agreement:
    """How closely the graph's images agree with torch's.

    worst, mean: PSNR in dB. max_error: the largest difference, in levels of 255. num_images: how many were compared.
    """

    worst: float
    mean: float
    max_error: int
    num_images: int


@dataclass(frozen=True)
class Reference:
    """An image, [H, W, 3] BGR, and the network's results in torch, one for each of `make_style_weights`."""

    image: Image
    stylized: list[Image]


def make_references(network: Exportable, photos: Path | None, max_photos: int = MAX_PHOTOS) -> list[Reference]:
    """Stylize photos with the network in torch, to compare graphs with.

    photos: a folder, of which up to `max_photos` are used, or None for the shipped photo.
    Raises TrainingError if there are no photos.
    """
    weights = torch.from_numpy(np.stack(make_style_weights(len(network.styles))))  # [N, S]
    images = [resize_and_crop(image, *size) for image in _read_photos(photos, max_photos) for size in IMAGE_SIZES]
    with torch.inference_mode():
        batches = (network.stylize(to_tensor(image).expand(len(weights), -1, -1, -1), weights) for image in images)
        return [
            Reference(image, [to_image(stylized) for stylized in batch])
            for image, batch in zip(images, batches, strict=True)
        ]


def verify(network: Exportable, model: bytes, expected: list[Reference], *, int8: bool = False) -> Agreement:
    """Compare a graph with the network, in every style alone and a mix of all, and check that fp16 holds its values.

    model: the bytes of the file. int8: whether it is an int8 sibling, which only CPUs run, so that fp16 is not checked.
    Raises ExportError if they disagree.
    """
    min_psnr = MIN_INT8_PSNR_DB if int8 else MIN_PSNR_DB
    weights = make_style_weights(len(network.styles))
    if not int8:
        _check_range(model, expected[0].image, weights)
    agreement = compare(model, expected, weights)
    if not agreement.worst >= min_psnr:
        raise ExportError(
            f"the exported graph differs from the network: PSNR {agreement.worst:.1f} dB at worst, largest error "
            f"{agreement.max_error} levels ({min_psnr:.0f} dB are needed); nothing was written"
        )
    return agreement


def verify_style(network: Exportable, model: bytes, style: str) -> None:
    """Check quickly that a graph paints one photo in one style as the network does, and that fp16 holds its values.

    model: the bytes of the file. Raises ExportError if it does not.
    """
    weights = [np.eye(len(network.styles), dtype=np.float32)[network.styles.index(style)]]
    image = resize_and_crop(_read_photos(None, 1)[0], *IMAGE_SIZES[0])
    with torch.inference_mode():
        stylized = network.stylize(to_tensor(image)[None], torch.from_numpy(np.stack(weights)))
    _check_range(model, image, weights)
    worst = compare(model, [Reference(image, [to_image(stylized[0])])], weights).worst
    if not worst >= MIN_PSNR_DB:
        raise ExportError(f"the exported graph differs from the network: PSNR {worst:.1f} dB; nothing was written")


def compare(model: bytes, expected: list[Reference], weights: list[StyleWeights]) -> Agreement:
    """Run a graph on every image with all weights, and compare the results with the references.

    Raises ExportError if a result has another shape.
    """
    session = open_session(model)
    ratios, max_error = [], 0
    for reference in expected:
        for style, wanted in zip(weights, reference.stylized, strict=True):
            (stylized,) = session.run(None, {"frame": reference.image, "style": style})
            if stylized.shape != wanted.shape:
                raise ExportError(f"the exported graph paints {stylized.shape}, the network {wanted.shape}")
            difference = stylized.astype(np.int16) - wanted
            ratios.append(psnr(difference))
            max_error = max(max_error, int(np.abs(difference).max()))
    return Agreement(min(ratios), sum(ratios) / len(ratios), max_error, len(ratios))


def psnr(difference: NDArray[np.int16]) -> float:
    """Return the peak signal-to-noise ratio of a difference in levels of 255, in dB, at most MAX_PSNR_DB."""
    power = float(np.mean(np.square(difference, dtype=np.float64)))
    return MAX_PSNR_DB if power == 0 else min(MAX_PSNR_DB, float(10 * np.log10(255**2 / power)))


def _read_photos(folder: Path | None, max_photos: int) -> list[Image]:
    if folder is not None:
        return read_images(folder, max_photos)
    if not os.path.isfile(DEMO_PHOTO):
        raise ExportError("no photo to compare the graph with the network on; name a folder with --photos DIR")
    return [read_image(DEMO_PHOTO)]


def make_style_weights(count: int) -> list[StyleWeights]:
    """Return the weights of every style alone, and of one mix of all, each [S] with S = `count`."""
    rows = list(np.eye(count, dtype=np.float32))
    mix = np.arange(1, count + 1, dtype=np.float32)
    return [*rows, mix / mix.sum()] if count > 1 else rows


def resize_and_crop(image: Image, height: int, width: int) -> Image:
    """Scale an image to fill height x width and return the middle, [height, width, 3]."""
    factor = max(height / image.shape[0], width / image.shape[1])
    size = max(width, round(image.shape[1] * factor)), max(height, round(image.shape[0] * factor))
    scaled = cv2.resize(image, size, interpolation=cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC)
    top, left = (scaled.shape[0] - height) // 2, (scaled.shape[1] - width) // 2
    return np.ascontiguousarray(scaled[top : top + height, left : left + width], np.uint8)


def _check_range(model: bytes, image: Image, weights: list[StyleWeights]) -> None:
    """Raise ExportError if activations exceed MAX_ACTIVATION, since GPUs compute in fp16.

    A CPU computes the fp16 graph in fp32, where nothing overflows, so a copy of the graph outputs the largest value of
    every layer.
    """
    probe = onnx.load_model_from_string(model)
    layers = [n.output[0] for n in probe.graph.node if n.op_type in ("Conv", "InstanceNormalization", "Add")]
    for layer in layers:
        probe.graph.node.extend(
            [
                helper.make_node("Cast", [layer], [f"{layer}.wide"], to=TensorProto.FLOAT),
                helper.make_node("Abs", [f"{layer}.wide"], [f"{layer}.absolute"]),
                helper.make_node("ReduceMax", [f"{layer}.absolute"], [f"{layer}.peak"], keepdims=0),
            ]
        )
        probe.graph.output.append(helper.make_tensor_value_info(f"{layer}.peak", TensorProto.FLOAT, []))
    session = open_session(probe.SerializeToString())
    for style in weights:
        peaks = session.run([f"{layer}.peak" for layer in layers], {"frame": image, "style": style})
        for layer, peak in zip(layers, peaks, strict=True):
            if not float(peak) <= MAX_ACTIVATION:
                raise ExportError(f"{layer} reaches {float(peak):.3g}; GPUs compute in fp16, which ends at 65504")


def open_session(model: bytes) -> Any:
    """Open a model in ONNX Runtime on the CPU."""
    options = ort.SessionOptions()
    options.log_severity_level = 3
    return ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])
