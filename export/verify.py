"""Proof that a written graph paints what the network paints."""

from __future__ import annotations

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
WORST_ALLOWED = 40.0  # dB
INT8_ALLOWED = 38.0
EQUAL = 99.0  # dB, of two pictures that do not differ at all
SIZES = (256, 256), (240, 320)  # height, width
PHOTOS = 8
FP16_ROOM = 65504 / 2  # activations beyond this are too near the end of fp16

Image = NDArray[np.uint8]
Style = NDArray[np.float32]


@dataclass(frozen=True)
class Agreement:
    """How near the graph's pictures are to torch's. worst, mean: PSNR in dB; error: the largest, in levels."""

    worst: float
    mean: float
    error: int
    pictures: int


@dataclass(frozen=True)
class Reference:
    """A picture, [H, W, 3] BGR, and what the network in torch makes of it in each of `styles_of`."""

    image: Image
    painted: list[Image]


def references(network: Exportable, photos: Path | None, most: int = PHOTOS) -> list[Reference]:
    """What graphs are compared with. photos: a folder, of which `most` are taken, or None for the picture that ships.

    Raises TrainingError where there are no pictures.
    """
    weights = torch.from_numpy(np.stack(styles_of(len(network.styles))))  # [N, S]
    images = [cover(image, *size) for image in _photos(photos, most) for size in SIZES]
    with torch.inference_mode():
        painted = (network.paint(to_tensor(image).expand(len(weights), -1, -1, -1), weights) for image in images)
        return [Reference(image, [to_image(one) for one in many]) for image, many in zip(images, painted, strict=True)]


def verify(network: Exportable, model: bytes, expected: list[Reference], *, int8: bool = False) -> Agreement:
    """Compare, on every style alone and one mix of all, and see that GPUs, which really compute in fp16, can too.

    model: the file as it will be written; int8: it is a sibling, which only processors run.
    Raises ExportError where they disagree.
    """
    allowed = INT8_ALLOWED if int8 else WORST_ALLOWED
    styles = styles_of(len(network.styles))
    if not int8:
        _check_range(model, expected[0].image, styles)
    agreement = compare(model, expected, styles)
    if not agreement.worst >= allowed:
        raise ExportError(
            f"the exported graph differs from the network: PSNR {agreement.worst:.1f} dB at worst, largest error "
            f"{agreement.error} levels ({allowed:.0f} dB are needed); nothing was written"
        )
    return agreement


def compare(model: bytes, expected: list[Reference], styles: list[Style]) -> Agreement:
    """Paint every picture in every style."""
    runner = session(model)
    ratios, error = [], 0
    for reference in expected:
        for style, wanted in zip(styles, reference.painted, strict=True):
            (painted,) = runner.run(None, {"frame": reference.image, "style": style})
            if painted.shape != wanted.shape:
                raise ExportError(f"the exported graph paints {painted.shape}, the network {wanted.shape}")
            difference = painted.astype(np.int16) - wanted
            ratios.append(psnr(difference))
            error = max(error, int(np.abs(difference).max()))
    return Agreement(min(ratios), sum(ratios) / len(ratios), error, len(ratios))


def psnr(difference: NDArray[np.int16]) -> float:
    """Peak signal-to-noise ratio of a difference in levels of 255, in dB, EQUAL at most."""
    power = float(np.mean(np.square(difference, dtype=np.float64)))
    return EQUAL if power == 0 else min(EQUAL, float(10 * np.log10(255**2 / power)))


def _photos(folder: Path | None, most: int) -> list[Image]:
    if folder is not None:
        return read_images(folder, most)
    if not DEMO_PHOTO.is_file():
        raise ExportError("no photo to compare the graph with the network on; name a folder with --photos DIR")
    return [read_image(DEMO_PHOTO)]


def styles_of(count: int) -> list[Style]:
    """Every style alone, and one mix of all."""
    rows = list(np.eye(count, dtype=np.float32))
    mix = np.arange(1, count + 1, dtype=np.float32)
    return [*rows, mix / mix.sum()] if count > 1 else rows


def cover(image: Image, height: int, width: int) -> Image:
    """The middle of the picture, scaled to fill height x width."""
    factor = max(height / image.shape[0], width / image.shape[1])
    size = max(width, round(image.shape[1] * factor)), max(height, round(image.shape[0] * factor))
    scaled = cv2.resize(image, size, interpolation=cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC)
    top, left = (scaled.shape[0] - height) // 2, (scaled.shape[1] - width) // 2
    return np.ascontiguousarray(scaled[top : top + height, left : left + width], np.uint8)


def _check_range(model: bytes, image: Image, styles: list[Style]) -> None:
    """Raise ExportError where activations come near the largest number of fp16.

    A CPU computes the fp16 graph in fp32 and would not notice, so the largest value of every layer is
    made an output of a copy of the graph.
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
    runner = session(probe.SerializeToString())
    for style in styles:
        peaks = runner.run([f"{layer}.peak" for layer in layers], {"frame": image, "style": style})
        for layer, peak in zip(layers, peaks, strict=True):
            if not float(peak) <= FP16_ROOM:
                raise ExportError(f"{layer} reaches {float(peak):.3g}; GPUs compute in fp16, which ends at 65504")


def session(model: bytes) -> Any:
    """What everything here is compared in: ONNX Runtime on the processor."""
    options = ort.SessionOptions()
    options.log_severity_level = 3
    return ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])
