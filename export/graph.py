"""Writes a model file's graph, node by node: every operator in it is a choice.

The contract, version 1: `frame` uint8 [H, W, 3] BGR and `style` float32 [S] in, `painted` uint8
[H, W, 3] BGR out, H and W dynamic. Opset 17: from 18 on ReLU may be written as a maximum, and ONNX Runtime does so
where it has no kernel for fp16, and then cannot fuse it with the convolution before. Where a choice was a matter of
speed, the comment says so; measured on a 2-core CPU at 640x480, in ONNX Runtime where no other is named.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor

from export.errors import ExportError

CONTRACT = "1"
OPSET = 17
IR_VERSION = 10

Real = type[np.float16] | type[np.float32]
PARTS = ("scale", "shift")  # of a normalization
Rows = NDArray[np.float32]  # [S, C]: one row of scales or shifts per style
Limits = tuple[float, float]  # the smallest and the largest that a value becomes
Ranges = Mapping[str, tuple[Limits, Limits]]  # of some convolutions' inputs and outputs, by their names


def array(weights: Tensor | None) -> NDArray[np.float32]:
    """A layer's weights in fp32, whatever they are stored in."""
    if weights is None:
        raise TypeError("this layer has no such weights")
    values: NDArray[np.float32] = weights.detach().float().cpu().numpy()
    return values


class GraphWriter:
    """Nodes and weights in the order they run; every method adds to them and returns a value's name."""

    def __init__(self, styles: int, real: Real = np.float16, ranges: Ranges | None = None) -> None:
        """styles: S, the length of the input `style`; real: of weights and activations.

        ranges: the convolutions in it multiply bytes; real has to be fp32 then.
        """
        self.styles, self.real, self.ranges = styles, real, ranges or {}
        self._type = TensorProto.FLOAT16 if real is np.float16 else TensorProto.FLOAT
        self._nodes: list[onnx.NodeProto] = []
        self._weights: list[onnx.TensorProto] = []

    def node(self, operator: str, *inputs: str, output: str | None = None, **attributes: Any) -> str:
        """One operator with one output."""
        output = output or f"{operator}_{len(self._nodes)}"
        self._nodes.append(helper.make_node(operator, inputs, [output], output, **attributes))
        return output

    def integers(self, *values: int) -> str:
        """A constant int64 [n]: axes, shapes, pads."""
        return self._constant(f"integers_{len(self._weights)}", np.array(values, np.int64))

    def reals(self, name: str, values: NDArray[Any]) -> str:
        """Weights in the graph's precision. Raises ExportError where they do not fit it."""
        if not np.isfinite(values).all():
            raise ExportError(f"{name} holds numbers that are not finite: this network's training has failed")
        if np.abs(values).max(initial=0) > np.finfo(self.real).max:
            raise ExportError(f"{name} reaches {np.abs(values).max():.3g}, more than fp16 holds")
        return self._constant(name, values.astype(self.real))

    def _constant(self, name: str, values: NDArray[Any]) -> str:
        self._weights.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name

    def read_frame(self, before: int, after: int) -> str:
        """The frame as [1, 3, H, W], BGR in 0..255, and mirrored at top and left, and at bottom and right.

        Cast first, since TensorRT takes bytes for nothing else, next to a Pad, which a CPU does in fp32: uint8 to fp16
        takes 1.2 ms there. Turned last: OpenVINO has channels last inside, and so need not turn anything (0.92 of the
        whole network's time).
        """
        numbers = self.node("Cast", "frame", to=self._type)
        mirrored = self.node("Pad", numbers, self.integers(before, before, 0, after, after, 0), mode="reflect")
        whole = self.node("Unsqueeze", mirrored, self.integers(0))
        return self.node("Transpose", whole, perm=(0, 3, 1, 2))

    def pad(self, x: str, amount: int) -> str:
        """Mirror [1, C, H, W] at its four sides, the edge itself not repeated."""
        pads = self.integers(0, 0, amount, amount, 0, 0, amount, amount)
        return self.node("Pad", x, pads, mode="reflect")

    def conv(
        self,
        name: str,
        x: str,
        weight: NDArray[Any],
        *,
        stride: int = 1,
        bias: NDArray[Any] | None = None,
    ) -> str:
        """A convolution without padding. weight: [O, I, K, K]; bias: [O]."""
        shape = {"kernel_shape": weight.shape[2:], "strides": [stride] * 2}
        if name in self.ranges:
            before, after = self.ranges[name]
            y = self.node("Conv", self.as_bytes(x, before), self.byte_weights(name, weight), output=name, **shape)
            return self.as_bytes(y, after)
        inputs = [x, self.reals(f"{name}.weight", weight)]
        if bias is not None:
            inputs.append(self.reals(f"{name}.bias", bias))
        return self.node("Conv", *inputs, output=name, **shape)

    def crop(self, name: str, x: str, channels: int, before: int, after: int) -> str:
        """[1, channels, H, W] less some pixels at top and left, and at bottom and right, as a convolution that copies.

        ONNX Runtime keeps what convolutions give it in its blocked layout, where it enlarges and adds in less than
        half of the time; a copy without cropping (0, 0) takes what follows there.
        """
        kernel = np.zeros((channels, 1, before + after + 1, before + after + 1))
        kernel[:, :, before, before] = 1
        weight = self.reals(f"{name}.weight", kernel)
        return self.node("Conv", x, weight, output=name, kernel_shape=kernel.shape[2:], group=channels)

    def as_bytes(self, x: str, limits: Limits) -> str:
        """Through uint8 and back; runtimes compute on the bytes in between."""
        low, high = min(0.0, limits[0]), max(0.0, limits[1])  # so that 0 stays 0
        unit = max((high - low) / 255, 1e-12)
        scale = self._constant(f"{x}.unit", np.array(unit, np.float32))
        zero = self._constant(f"{x}.zero", np.array(round(-low / unit), np.uint8))
        return self.node("DequantizeLinear", self.node("QuantizeLinear", x, scale, zero), scale, zero)

    def byte_weights(self, name: str, weight: NDArray[Any]) -> str:
        """Weights as int8, in a unit for each output channel. weight: [O, I, K, K]."""
        units = np.maximum(np.abs(weight).max((1, 2, 3)) / 127, 1e-12).astype(np.float32)  # [O]
        rounded = np.rint(weight / units[:, None, None, None]).clip(-127, 127).astype(np.int8)
        inputs = (
            self._constant(f"{name}.weight", rounded),
            self._constant(f"{name}.weight.unit", units),
            self._constant(f"{name}.weight.zero", np.zeros(len(units), np.int8)),
        )
        return self.node("DequantizeLinear", *inputs, axis=0)

    def mix_styles(
        self, norms: Mapping[str, tuple[Rows, Rows]], matrices: Mapping[str, NDArray[np.float32]] | None = None
    ) -> None:
        """Mix scales and shifts of all normalizations, and matrices [S, C, C], all by name, by the style's weights.

        One product for the whole network, `style` [S] @ table [S, columns], then cut into pieces.
        """
        parts = {f"{name}.{part}": rows for name, pair in norms.items() for part, rows in zip(PARTS, pair, strict=True)}
        sides = {name: rows.shape[1] for name, rows in (matrices or {}).items()}
        for name, rows in (matrices or {}).items():
            # The style's weights sum to 1, so x + M x is (I + M) x with the I in every row.
            parts[f"{name}.entries"] = (rows + np.eye(sides[name], dtype=np.float32)).reshape(len(rows), -1)
        table = np.concatenate(list(parts.values()), axis=1)
        style = self.node("Cast", "style", to=self._type) if self._type != TensorProto.FLOAT else "style"
        mixed = self.node("MatMul", style, self.reals("styles", table))
        sizes = self.integers(*(rows.shape[1] for rows in parts.values()))
        self._nodes.append(helper.make_node("Split", [mixed, sizes], list(parts), "Split", axis=0))
        for name, side in sides.items():
            self.node("Reshape", f"{name}.entries", self.integers(side, side, 1, 1), output=f"{name}.matrix")

    def mix_channels(self, name: str, x: str) -> str:
        """[1, C, H, W] by the matrix [C, C] that `mix_styles` made under that name.

        It is a convolution with computed weights. A MatMul takes as long in ONNX Runtime, but in OpenVINO the picture
        leaves the memory layout of the convolutions for it and comes back: four of them took 6 % of the network's
        time, as convolutions 2 %.
        """
        return self.node("Conv", x, f"{name}.matrix", output=f"{name}.mixed", kernel_shape=(1, 1))

    def sides(self, x: str, margin: int, divisor: int) -> str:
        """Height and width of [1, C, H, W] less a margin, divided: int64 [2].

        x: a value that ONNX Runtime has in the graph's own precision on processors; of others it makes a copy for this.
        """
        return self.node("Div", self.node("Sub", self.node("Shape", x, start=2, end=4), self.integers(margin)),
                         self.integers(divisor))  # fmt: skip

    def extend(self, x: str, sides: str, least: int) -> str:
        """[1, C, H, W], its last row and column repeated until each side has `least`. sides: H and W."""
        missing = self.node("Max", self.node("Sub", self.integers(least), sides), self.integers(0))
        return self.node("Pad", x, self.node("Concat", self.integers(*[0] * 6), missing, axis=0), mode="edge")

    def cut(self, x: str, sides: str) -> str:
        """The upper left part of [1, C, H, W] that has these sides."""
        return self.node("Slice", x, self.integers(0, 0), sides, self.integers(2, 3))

    def norm(self, name: str, x: str, epsilon: float) -> str:
        """Instance normalization with the scale and shift that `mix_styles` made under that name."""
        return self.node(
            "InstanceNormalization", x, f"{name}.scale", f"{name}.shift", output=f"{name}.norm", epsilon=epsilon
        )

    def relu(self, x: str) -> str:
        """The larger of x and 0."""
        return self.node("Relu", x)

    def add(self, x: str, y: str) -> str:
        """The sum of both."""
        return self.node("Add", x, y)

    def double(self, x: str, smooth: bool) -> str:
        """[1, C, H, W] to [1, C, 2H, 2W], nearest neighbour or, smooth, bilinear."""
        scales = self._constant(f"scales_{len(self._weights)}", np.array([1, 1, 2, 2], np.float32))
        if smooth:
            return self.node("Resize", x, "", scales, mode="linear", coordinate_transformation_mode="half_pixel")
        return self.node("Resize", x, "", scales, mode="nearest", nearest_mode="floor",
                         coordinate_transformation_mode="asymmetric")  # fmt: skip

    def quantize(self, x: str, unit: float) -> str:
        """To uint8, in units of `unit`: rounded to nearest, saturated at 0 and 255. Opset 17 has it for fp32 only."""
        unit_name = self._constant("unit", np.array(unit, np.float32))
        zero = self._constant("zero", np.array(0, np.uint8))
        wide = self.node("Cast", x, to=TensorProto.FLOAT) if self._type != TensorProto.FLOAT else x
        return self.node("QuantizeLinear", wide, unit_name, zero)

    def model(self, name: str, metadata: Mapping[str, str]) -> onnx.ModelProto:
        """The finished model; some node must have written `painted`."""
        sides: Sequence[str | int] = ["height", "width", 3]
        graph = helper.make_graph(
            self._nodes,
            name,
            [
                helper.make_tensor_value_info("frame", TensorProto.UINT8, sides),
                helper.make_tensor_value_info("style", TensorProto.FLOAT, [self.styles]),
            ],
            [helper.make_tensor_value_info("painted", TensorProto.UINT8, sides)],
            self._weights,
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)
        model.producer_name = "realtime-stylize"
        helper.set_model_props(model, dict(metadata))
        onnx.checker.check_model(model, full_check=True)
        return model
