"""Writing our network as a graph."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import nn

from export.graph import FloatType, GraphWriter, Ranges, to_array
from training.network import (
    AFTER,
    BEFORE,
    EPSILON,
    MULTIPLE,
    SMALLEST_COARSE_SIDE,
    CoarseLevel,
    ConvNorm,
    StyleMatrix,
    StyleNetwork,
    shuffled_kernel,
)

Layer = Callable[[str, str], str]  # writes a layer: its name and its input -> its output


def write_style_network(
    network: StyleNetwork, dtype: FloatType = np.float16, ranges: Ranges | None = None
) -> GraphWriter:
    """Write the whole graph, from uint8 BGR to uint8 BGR. dtype, ranges: see `GraphWriter`."""
    graph = GraphWriter(network.styles, dtype, ranges)
    layers = {name: module for name, module in network.named_modules() if isinstance(module, ConvNorm)}
    norms = {name: layer.norm for name, layer in layers.items() if layer.norm is not None}
    matrices = {name: module for name, module in network.named_modules() if isinstance(module, StyleMatrix)}
    graph.mix_styles(
        {name: (to_array(norm.scale), to_array(norm.shift)) for name, norm in norms.items()},
        {name: to_array(matrix.rows) for name, matrix in matrices.items()},
    )

    def layer(name: str, x: str, weight: NDArray[Any] | None = None) -> str:
        conv, padding = layers[name].conv, layers[name].padding
        weight = to_array(conv.weight) if weight is None else weight
        bias = None if conv.bias is None else to_array(conv.bias)
        y = graph.conv(name, graph.pad(x, padding) if padding else x, weight, stride=conv.stride[0], bias=bias)
        return graph.norm(name, y, EPSILON) if name in norms else y

    photo = graph.read_frame(BEFORE, AFTER)
    half = graph.relu(layer("stem", photo, _from_bgr_bytes(network.stem)))
    quarter = graph.relu(layer("down", half))
    x = graph.relu(layer("deeper", quarter))
    if network.coarse is not None:
        sides = graph.sides(photo, BEFORE + AFTER, MULTIPLE)
        x = _write_coarse(graph, layer, network.coarse, x, sides)
    for number in range(len(network.trunk)):
        x = _write_block(graph, layer, f"trunk.{number}", x)
    if network.matrix is not None:
        x = graph.mix_channels("matrix", x)
    wide, outer = network.architecture.channels, network.architecture.outer
    x = graph.crop("back.copy", graph.relu(layer("back", x)), wide, 0, 0)
    x = graph.add(graph.crop("quarter", quarter, wide, 1, 1), graph.upsample_2x(x, smooth=True))
    x = graph.crop("up.copy", graph.pad(graph.relu(layer("up", x)), 1), outer, 0, 0)
    x = graph.add(graph.crop("half", half, outer, 1, 0), graph.upsample_2x(x, smooth=True))
    x = graph.relu(layer("detail", x))
    bias = np.tile(to_array(network.to_rgb.bias)[::-1], 4)
    x = graph.conv("to_bgr", x, _shuffled_to_bgr(network.to_rgb), bias=bias)  # [1, 12, h, w]
    _write_shuffled(graph, graph.quantize(graph.node("Sigmoid", x), 1 / 255))
    return graph


def _write_block(graph: GraphWriter, layer: Layer, name: str, x: str) -> str:
    """Write a residual block: [1, C, H, W] -> the same shape."""
    return graph.add(x, layer(f"{name}.second", graph.relu(layer(f"{name}.first", x))))


def _write_coarse(graph: GraphWriter, layer: Layer, coarse: CoarseLevel, x: str, sides: str) -> str:
    """Write the level at a sixteenth of the frame's resolution: [1, C, H, W] -> the same shape. sides: H and W."""
    y = graph.relu(layer("coarse.down", graph.pad_to_min_side(x, sides, SMALLEST_COARSE_SIDE)))
    for number in range(len(coarse.blocks) + 1):
        y = _write_block(graph, layer, f"coarse.blocks.{number - 1}", y) if number else y
        y = graph.mix_channels(f"coarse.matrices.{number}", y) if coarse.matrices else y
    y = graph.crop("coarse.copy", graph.relu(layer("coarse.up", y)), coarse.up.conv.out_channels, 0, 0)
    return graph.add(x, graph.slice_to(graph.upsample_2x(y, smooth=True), sides))


def _shuffled_to_bgr(to_rgb: nn.Conv2d) -> NDArray[np.float64]:
    """Return the kernel of the last convolution, its channels in the order (row, column, BGR) of the pixels."""
    kernel = shuffled_kernel(to_rgb.weight.detach().double()).numpy()
    pixels = kernel.reshape(3, 4, *kernel.shape[1:])[::-1].swapaxes(0, 1)  # [row and column, BGR, I, 3, 3]
    return np.asarray(pixels.reshape(kernel.shape), np.float64)


def _from_bgr_bytes(stem: ConvNorm) -> NDArray[Any]:
    """Return the stem's weights for BGR in 0..255; it was trained on RGB in 0..1."""
    return to_array(stem.conv.weight)[:, ::-1] / 255


def _write_shuffled(graph: GraphWriter, x: str) -> None:
    """Write the pixel shuffle: uint8 [1, 12, h, w], channels in the order (row, column, BGR) -> `painted` [2h, 2w, 3].

    It replaces DepthToSpace, which has no CUDA kernel for bytes, and Transpose, and takes 0.5 ms instead of 0.8. The
    channels become the last axis before they are split, since OpenVINO keeps them last internally (0.95 of the whole
    network's time with two transpositions).
    """
    pixels = graph.node("Squeeze", graph.node("Transpose", x, perm=(0, 2, 3, 1)), graph.integers(0))  # [h, w, 12]
    rows = []
    for first in (0, 6):
        row = graph.node("Slice", pixels, graph.integers(first), graph.integers(first + 6), graph.integers(2))
        rows.append(graph.node("Unsqueeze", graph.node("Flatten", row, axis=1), graph.integers(1)))  # [h, 1, 6w]
    lines = graph.node("Flatten", graph.node("Concat", *rows, axis=1), axis=2)  # [2h, 6w]
    graph.node("Reshape", lines, graph.integers(0, -1, 3), output="painted")
