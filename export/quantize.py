"""Writing the int8 sibling of a model: its wide convolutions are quantized, for CPUs with int8 instructions.

The sibling of NAME.onnx is NAME.int8.onnx. Its metadata has the digest of NAME.onnx, so that the app uses it for no
other file.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from export.checkpoints import Exportable
from export.errors import ExportError
from export.graph import Ranges
from export.verify import (
    IMAGE_SIZES,
    MIN_INT8_PSNR_DB,
    Reference,
    compare,
    make_style_weights,
    open_session,
    resize_and_crop,
)
from training.images import read_images

CALIBRATION_PHOTOS = 48  # each in every style
# The share of images whose values all fit the ranges. Ranges for all images leave too few of the 256 steps for most of
# them (36 dB instead of 40).
FITTING_SHARE = 0.75
MIN_CHANNELS = 32  # in and out: these convolutions have most multiplications, and quantizing them is least visible


def quantize(
    network: Exportable,
    model: bytes,
    metadata: Mapping[str, str],
    photos: Path,
    expected: list[Reference],
    max_photos: int = CALIBRATION_PHOTOS,
) -> bytes:
    """Return the int8 sibling of `model`, calibrated on up to `max_photos` photos of a folder.

    metadata: of `model`. expected: images that it must agree with. Raises TrainingError if there are no photos,
    ExportError if no convolution is wide enough.
    """
    ranges = leave_out_worst(network, calibrate(network, photos, max_photos), expected)
    origin = {"quantized_from": hashlib.sha256(model).hexdigest()}
    sibling: bytes = network.write(np.float32, ranges).model(network.kind, {**metadata, **origin}).SerializeToString()
    return sibling


def calibrate(network: Exportable, photos: Path, max_photos: int = CALIBRATION_PHOTOS) -> Ranges:
    """Return the ranges of the input and the output of each wide convolution that FITTING_SHARE of the images fit."""
    probe = network.write(np.float32, None).model(network.kind, {})
    convolutions = _wide_convolutions(probe)
    if not convolutions:
        raise ExportError(f"int8 is for wide networks: no convolution here has {MIN_CHANNELS} channels in and out")
    values = [value for node in convolutions for value in (node.input[0], node.output[0])]
    for value in values:
        _add_extremes(probe, value)
    names = [f"{value}.{end}" for end in ("low", "high") for value in values]
    session = open_session(probe.SerializeToString())
    styles = make_style_weights(len(network.styles))
    frames = [resize_and_crop(image, *IMAGE_SIZES[-1]) for image in read_images(photos, max_photos)]
    measured = [session.run(names, {"frame": frame, "style": style}) for frame in frames for style in styles]
    low, high = np.split(np.array(measured, np.float64), 2, axis=1)
    limits = np.stack([np.quantile(low, 1 - FITTING_SHARE, axis=0), np.quantile(high, FITTING_SHARE, axis=0)]).reshape(
        2, -1, 2
    )
    return {
        node.output[0]: ((before[0], before[1]), (after[0], after[1]))
        for node, (before, after) in zip(convolutions, limits.transpose(1, 2, 0).tolist(), strict=True)  # [C, 2, 2]
    }


def leave_out_worst(network: Exportable, ranges: Ranges, expected: list[Reference]) -> Ranges:
    """Return the ranges without the convolutions that 256 steps are too few for, so that the graph agrees.

    One after the other is left out, each time the one without which the worst image is the best. For some styles the
    values of one convolution spread so widely that it alone costs 4 dB.
    """
    weights = make_style_weights(len(network.styles))

    def worst(kept: Ranges) -> float:
        graph = network.write(np.float32, kept).model(network.kind, {})
        return compare(graph.SerializeToString(), expected, weights).worst

    while len(ranges) > 1 and worst(ranges) < MIN_INT8_PSNR_DB:
        smaller = [{name: limits for name, limits in ranges.items() if name != left_out} for left_out in ranges]
        ranges = max(smaller, key=worst)
    return ranges


def _wide_convolutions(model: onnx.ModelProto) -> list[onnx.NodeProto]:
    """Return the convolutions with at least MIN_CHANNELS in and out, without those whose weights are computed."""
    shapes: dict[str, Any] = {t.name: numpy_helper.to_array(t).shape for t in model.graph.initializer}
    found = [node for node in model.graph.node if node.op_type == "Conv" and node.input[1] in shapes]
    return [node for node in found if min(shapes[node.input[1]][:2]) >= MIN_CHANNELS]


def _add_extremes(model: onnx.ModelProto, name: str) -> None:
    """Make the minimum and the maximum of a value outputs of the graph."""
    for operator, end in (("ReduceMin", "low"), ("ReduceMax", "high")):
        output = f"{name}.{end}"
        model.graph.node.append(helper.make_node(operator, [name], [output], keepdims=0))
        model.graph.output.append(helper.make_tensor_value_info(output, TensorProto.FLOAT, []))
