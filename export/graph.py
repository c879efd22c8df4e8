"""Writing the graph of a model file, node by node, with operators chosen for speed on CPUs and GPUs.

The model-file format, version 1: inputs `frame` uint8 [H, W, 3] BGR and `style` float32 [S], output `painted` uint8
[H, W, 3] BGR, H and W dynamic. The opset is 17: from 18 on ReLU may be written as a maximum, and ONNX Runtime does so
where it has no kernel for fp16, and then cannot fuse it with the convolution before. Times in the comments were
measured on a 2-core CPU at 640x480, in ONNX Runtime unless another runtime is named.
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

MODEL_FORMAT_VERSION = "1"  # the format that this module writes; realtime/inference/model.py reads it
OPSET = 17
IR_VERSION = 10

FloatType = type[np.float16] | type[np.float32]
NORM_PARTS = ("scale", "shift")
StyleRows = NDArray[np.float32]  # [S, C]: one row of scales or shifts per style
Limits = tuple[float, float]  # the smallest and the largest number in a tensor
Ranges = Mapping[str, tuple[Limits, Limits]]  # limits of a convolution's input and output, by its name


def to_array(weights: Tensor | None) -> NDArray[np.float32]:
    """Return a layer's weights in fp32. Raises TypeError if there are none."""
    if weights is None:
        raise TypeError("this layer has no such weights")
    values: NDArray[np.float32] = weights.detach().float().cpu().numpy()
    return values


class GraphWriter:
    """The nodes and weights of a graph, in the order of execution.

    Every method that adds an operator takes and returns the names of tensors.
    """

    def __init__(self, num_styles: int, dtype: FloatType = np.float16, ranges: Ranges | None = None) -> None:
        """Begin an empty graph.

        num_styles: S, the length of the input `style`. dtype: of weights and activations. ranges: of the convolutions
        that are quantized to int8; they need dtype fp32.
        """
        self.num_styles, self.dtype, self.ranges = num_styles, dtype, ranges or {}
        self._type = TensorProto.FLOAT16 if dtype is np.float16 else TensorProto.FLOAT
        self._nodes: list[onnx.NodeProto] = []
        self._weights: list[onnx.TensorProto] = []

    def node(self, operator: str, *inputs: str, output: str | None = None, **attributes: Any) -> str:
        """Add one operator with one output."""
        output = output or f"{operator}_{len(self._nodes)}"
        self._nodes.append(helper.make_node(operator, inputs, [output], output, **attributes))
        return output

    def integers(self, *values: int) -> str:
        """Add a constant int64 [n]: axes, shapes or pads."""
        return self._constant(f"integers_{len(self._weights)}", np.array(values, np.int64))

    def floats(self, name: str, values: NDArray[Any]) -> str:
        """Add weights with the graph's dtype. Raises ExportError if they are not finite or exceed its range."""
        if not np.isfinite(values).all():
            raise ExportError(f"{name} holds numbers that are not finite: this network's training has failed")
        if np.abs(values).max(initial=0) > np.finfo(self.dtype).max:
            raise ExportError(f"{name} reaches {np.abs(values).max():.3g}, more than fp16 holds")
        return self._constant(name, values.astype(self.dtype))

    def _constant(self, name: str, values: NDArray[Any]) -> str:
        self._weights.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name

    def read_frame(self, before: int, after: int) -> str:
        """Return the frame as [1, 3, H, W], BGR in 0..255, mirrored at its sides.

        before: pixels added at top and left. after: pixels added at bottom and right.
        Cast comes first, since TensorRT accepts uint8 in no other operator, and directly before Pad, which a CPU
        computes in fp32: a cast from uint8 to fp16 alone takes 1.2 ms. Transpose comes last: OpenVINO keeps channels
        last internally, so it need not transpose anything (0.92 of the whole network's time).
        """
        values = self.node("Cast", "frame", to=self._type)
        mirrored = self.node("Pad", values, self.integers(before, before, 0, after, after, 0), mode="reflect")
        batch = self.node("Unsqueeze", mirrored, self.integers(0))
        return self.node("Transpose", batch, perm=(0, 3, 1, 2))

    def pad(self, x: str, amount: int) -> str:
        """Pad [1, C, H, W] at its four sides with its reflection, which does not repeat the edge."""
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
        """Add a convolution without padding, quantized if `ranges` has its name. weight: [O, I, K, K]. bias: [O]."""
        shape = {"kernel_shape": weight.shape[2:], "strides": [stride] * 2}
        if name in self.ranges:
            input_limits, output_limits = self.ranges[name]
            y = self.node(
                "Conv", self.quantize_range(x, input_limits), self.int8_weights(name, weight), output=name, **shape
            )
            return self.quantize_range(y, output_limits)
        inputs = [x, self.floats(f"{name}.weight", weight)]
        if bias is not None:
            inputs.append(self.floats(f"{name}.bias", bias))
        return self.node("Conv", *inputs, output=name, **shape)

    def crop(self, name: str, x: str, channels: int, before: int, after: int) -> str:
        """Crop [1, channels, H, W] with a convolution that copies.

        before: pixels removed at top and left. after: pixels removed at bottom and right.
        ONNX Runtime keeps the outputs of convolutions in its blocked layout, in which it enlarges and adds in less than
        half of the time; a copy without cropping (0, 0) brings the operators that follow into that layout.
        """
        kernel = np.zeros((channels, 1, before + after + 1, before + after + 1))
        kernel[:, :, before, before] = 1
        weight = self.floats(f"{name}.weight", kernel)
        return self.node("Conv", x, weight, output=name, kernel_shape=kernel.shape[2:], group=channels)

    def quantize_range(self, x: str, limits: Limits) -> str:
        """Quantize to uint8 and dequantize, with a range that contains 0; runtimes fuse the pair with convolutions."""
        low, high = min(0.0, limits[0]), max(0.0, limits[1])
        step = max((high - low) / 255, 1e-12)
        scale = self._constant(f"{x}.quantization_scale", np.array(step, np.float32))
        zero = self._constant(f"{x}.zero_point", np.array(round(-low / step), np.uint8))
        return self.node("DequantizeLinear", self.node("QuantizeLinear", x, scale, zero), scale, zero)

    def int8_weights(self, name: str, weight: NDArray[Any]) -> str:
        """Add weights as int8, with a scale for each output channel. weight: [O, I, K, K]."""
        scales = np.maximum(np.abs(weight).max((1, 2, 3)) / 127, 1e-12).astype(np.float32)  # [O]
        rounded = np.rint(weight / scales[:, None, None, None]).clip(-127, 127).astype(np.int8)
        inputs = (
            self._constant(f"{name}.weight", rounded),
            self._constant(f"{name}.weight.quantization_scale", scales),
            self._constant(f"{name}.weight.zero_point", np.zeros(len(scales), np.int8)),
        )
        return self.node("DequantizeLinear", *inputs, axis=0)

    def mix_styles(
        self,
        norms: Mapping[str, tuple[StyleRows, StyleRows]],
        matrices: Mapping[str, NDArray[np.float32]] | None = None,
    ) -> None:
        """Mix the style rows of all normalizations and matrices by the style's weights.

        norms: scales and shifts, [S, C] each, by name. matrices: [S, C, C], by name.
        It is one product for the whole network, `style` [S] @ table [S, columns], which is then split.
        """
        parts = {
            f"{name}.{part}": rows for name, pair in norms.items() for part, rows in zip(NORM_PARTS, pair, strict=True)
        }
        sides = {name: rows.shape[1] for name, rows in (matrices or {}).items()}
        for name, rows in (matrices or {}).items():
            # The style's weights sum to 1, so x + M x is (I + M) x with the identity I added to every style's matrix.
            parts[f"{name}.entries"] = (rows + np.eye(sides[name], dtype=np.float32)).reshape(len(rows), -1)
        table = np.concatenate(list(parts.values()), axis=1)
        style = self.node("Cast", "style", to=self._type) if self._type != TensorProto.FLOAT else "style"
        mixed = self.node("MatMul", style, self.floats("styles", table))
        sizes = self.integers(*(rows.shape[1] for rows in parts.values()))
        self._nodes.append(helper.make_node("Split", [mixed, sizes], list(parts), "Split", axis=0))
        for name, side in sides.items():
            self.node("Reshape", f"{name}.entries", self.integers(side, side, 1, 1), output=f"{name}.matrix")

    def mix_channels(self, name: str, x: str) -> str:
        """Multiply the channels of [1, C, H, W] by the matrix [C, C] that `mix_styles` made under that name.

        It is a convolution with computed weights. A MatMul takes as long in ONNX Runtime, but OpenVINO converts its
        input from the memory layout of the convolutions and its output back: four of them took 6 % of the network's
        time, as convolutions 2 %.
        """
        return self.node("Conv", x, f"{name}.matrix", output=f"{name}.mixed", kernel_shape=(1, 1))

    def sides(self, x: str, margin: int, divisor: int) -> str:
        """Return (H - margin) / divisor and (W - margin) / divisor of [1, C, H, W], int64 [2].

        x: a tensor that ONNX Runtime keeps in the graph's dtype on CPUs. It computes others in fp32, and would convert
        them back to that dtype only to read their shape.
        """
        return self.node("Div", self.node("Sub", self.node("Shape", x, start=2, end=4), self.integers(margin)),
                         self.integers(divisor))  # fmt: skip

    def pad_to_min_side(self, x: str, sides: str, min_side: int) -> str:
        """Repeat the last row and column of [1, C, H, W] until each side has `min_side` pixels. sides: int64 [H, W]."""
        missing = self.node("Max", self.node("Sub", self.integers(min_side), sides), self.integers(0))
        return self.node("Pad", x, self.node("Concat", self.integers(*[0] * 6), missing, axis=0), mode="edge")

    def slice_to(self, x: str, sides: str) -> str:
        """Return the upper left part of [1, C, H, W] that has these sides, int64 [2]."""
        return self.node("Slice", x, self.integers(0, 0), sides, self.integers(2, 3))

    def norm(self, name: str, x: str, epsilon: float) -> str:
        """Add an instance normalization with the scale and shift that `mix_styles` made under that name."""
        return self.node(
            "InstanceNormalization", x, f"{name}.scale", f"{name}.shift", output=f"{name}.norm", epsilon=epsilon
        )

    def relu(self, x: str) -> str:
        """Return the larger of x and 0."""
        return self.node("Relu", x)

    def add(self, x: str, y: str) -> str:
        """Return x + y."""
        return self.node("Add", x, y)

    def upsample_2x(self, x: str, smooth: bool) -> str:
        """Enlarge [1, C, H, W] to [1, C, 2H, 2W]: bilinear if `smooth`, else nearest neighbour."""
        scales = self._constant(f"scales_{len(self._weights)}", np.array([1, 1, 2, 2], np.float32))
        if smooth:
            return self.node("Resize", x, "", scales, mode="linear", coordinate_transformation_mode="half_pixel")
        return self.node("Resize", x, "", scales, mode="nearest", nearest_mode="floor",
                         coordinate_transformation_mode="asymmetric")  # fmt: skip

    def quantize(self, x: str, step: float) -> str:
        """Convert to uint8: x / step, rounded to nearest, saturated at 0 and 255. Opset 17 has it for fp32 only."""
        scale = self._constant("quantization_scale", np.array(step, np.float32))
        zero = self._constant("zero_point", np.array(0, np.uint8))
        wide = self.node("Cast", x, to=TensorProto.FLOAT) if self._type != TensorProto.FLOAT else x
        return self.node("QuantizeLinear", wide, scale, zero)

    def model(self, name: str, metadata: Mapping[str, str]) -> onnx.ModelProto:
        """Return the checked model; a node must have written the output `painted`."""
        sides: Sequence[str | int] = ["height", "width", 3]
        graph = helper.make_graph(
            self._nodes,
            name,
            [
                helper.make_tensor_value_info("frame", TensorProto.UINT8, sides),
                helper.make_tensor_value_info("style", TensorProto.FLOAT, [self.num_styles]),
            ],
            [helper.make_tensor_value_info("painted", TensorProto.UINT8, sides)],
            self._weights,
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)
        model.producer_name = "realtime-stylize"
        helper.set_model_props(model, dict(metadata))
        onnx.checker.check_model(model, full_check=True)
        return model
