"""The int8 sibling of a model: its wide convolutions multiply bytes, for processors that are fast at that.

Beside NAME.onnx it is NAME.int8.onnx, and names the bytes that it was made from: the app takes it for no other file.
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
from export.verify import SIZES, cover, session, styles_of
from training.images import read_images

SUFFIX = ".int8.onnx"
PHOTOS = 48  # to calibrate on, each in every style
SHARE = 0.75  # of pictures whose values all fit; with all of them, 8 bits are too few for the rest (36 dB, not 40)
WIDE = 32  # channels, in and out: there the multiplications are, and rounding is seen least


def quantize(network: Exportable, model: bytes, metadata: Mapping[str, str], photos: Path, most: int = PHOTOS) -> bytes:
    """The sibling of `model`, calibrated on `most` pictures of a folder. Raises TrainingError where there are none."""
    ranges = calibrate(network, photos, most)
    origin = {"quantized_from": hashlib.sha256(model).hexdigest()}
    written: bytes = network.write(np.float32, ranges).model(network.kind, {**metadata, **origin}).SerializeToString()
    return written


def calibrate(network: Exportable, photos: Path, most: int = PHOTOS) -> Ranges:
    """How small and how large the input and the output of each wide convolution become in most pictures."""
    probe = network.write(np.float32, None).model(network.kind, {})
    convolutions = _wide_convolutions(probe)
    if not convolutions:
        raise ExportError(f"int8 is for wide networks: no convolution here has {WIDE} channels in and out")
    values = [value for node in convolutions for value in (node.input[0], node.output[0])]
    for value in values:
        _watch(probe, value)
    names = [f"{value}.{end}" for end in ("low", "high") for value in values]
    runner = session(probe.SerializeToString())
    styles = styles_of(len(network.styles))
    frames = [cover(image, *SIZES[-1]) for image in read_images(photos, most)]
    measured = [runner.run(names, {"frame": frame, "style": style}) for frame in frames for style in styles]
    low, high = np.split(np.array(measured, np.float64), 2, axis=1)
    limits = np.stack([np.quantile(low, 1 - SHARE, axis=0), np.quantile(high, SHARE, axis=0)]).reshape(2, -1, 2)
    return {
        node.output[0]: ((before[0], before[1]), (after[0], after[1]))
        for node, (before, after) in zip(convolutions, limits.transpose(1, 2, 0).tolist(), strict=True)  # [C, 2, 2]
    }


def _wide_convolutions(model: onnx.ModelProto) -> list[onnx.NodeProto]:
    shapes: dict[str, Any] = {t.name: numpy_helper.to_array(t).shape for t in model.graph.initializer}
    found = [node for node in model.graph.node if node.op_type == "Conv" and node.input[1] in shapes]
    return [node for node in found if min(shapes[node.input[1]][:2]) >= WIDE]  # none whose weights are computed


def _watch(model: onnx.ModelProto, name: str) -> None:
    """Make a value's extremes outputs of the graph."""
    for operator, end in (("ReduceMin", "low"), ("ReduceMax", "high")):
        output = f"{name}.{end}"
        model.graph.node.append(helper.make_node(operator, [name], [output], keepdims=0))
        model.graph.output.append(helper.make_tensor_value_info(output, TensorProto.FLOAT, []))
