"""Writing the TransformerNet of pytorch/examples as a graph with one style."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import nn

from export.graph import FloatType, GraphWriter, Ranges, to_array
from training.transformer_net import MirroredConv, TransformerNet

# The first convolution sums 243 products with values up to 255; this factor keeps the sum far below 65504, fp16's
# largest number. A power of two changes no digit of a weight. The normalization that follows cancels the factor, since
# its epsilon is scaled too.
INPUT_SCALE = 1 / 16


def write_transformer_net(
    network: TransformerNet, dtype: FloatType = np.float16, ranges: Ranges | None = None
) -> GraphWriter:
    """Write the whole graph, from uint8 BGR to uint8 BGR. dtype, ranges: see `GraphWriter`."""
    graph = GraphWriter(1, dtype, ranges)
    layers: dict[str, tuple[MirroredConv, nn.InstanceNorm2d]] = {
        "conv1": (network.conv1, network.in1),
        "conv2": (network.conv2, network.in2),
        "conv3": (network.conv3, network.in3),
        "deconv1": (network.deconv1, network.in4),
        "deconv2": (network.deconv2, network.in5),
    }
    for number, block in enumerate(network.blocks, 1):
        layers[f"res{number}.conv1"] = block.conv1, block.in1
        layers[f"res{number}.conv2"] = block.conv2, block.in2
    graph.mix_styles({n: (to_array(norm.weight)[None], to_array(norm.bias)[None]) for n, (_, norm) in layers.items()})

    def layer(name: str, x: str, weight: NDArray[Any] | None = None, scale: float = 1) -> str:
        mirrored, norm = layers[name]
        conv = mirrored.conv2d
        x = graph.upsample_2x(x, smooth=False) if mirrored.enlarge == 2 else x
        # The bias is left out, since the normalization subtracts the mean.
        weight = to_array(conv.weight) if weight is None else weight
        y = graph.conv(name, x if name == "conv1" else graph.pad(x, mirrored.margin), weight, stride=conv.stride[0])
        return graph.norm(name, y, norm.eps * scale**2)

    bgr = to_array(network.conv1.conv2d.weight)[:, ::-1] * INPUT_SCALE
    margin = network.conv1.margin
    x = graph.relu(layer("conv1", graph.read_frame(margin, margin), bgr, INPUT_SCALE))
    x = graph.relu(layer("conv2", x))
    x = graph.relu(layer("conv3", x))
    for number in range(1, 6):
        y = graph.relu(layer(f"res{number}.conv1", x))
        x = graph.add(layer(f"res{number}.conv2", y), x)
    x = graph.relu(layer("deconv1", x))
    x = graph.relu(layer("deconv2", x))
    last = network.deconv3
    weight, bias = to_array(last.conv2d.weight)[::-1], to_array(last.conv2d.bias)[::-1]  # channels in BGR order
    x = graph.conv("deconv3", graph.pad(x, last.margin), weight, bias=bias)
    x = graph.node("Squeeze", graph.quantize(x, 1.0), graph.integers(0))
    graph.node("Transpose", x, perm=(1, 2, 0), output="painted")
    return graph
