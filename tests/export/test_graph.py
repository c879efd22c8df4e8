"""The format of model files, and the operators and types of their graphs."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from onnx import TensorProto, numpy_helper

from export.errors import ExportError
from export.graph import GraphWriter
from export.style_network import write_style_network
from export.transformer_net import write_transformer_net
from tests.export.conftest import COARSE, make_style_network
from training.network import Architecture, StyleNetwork
from training.transformer_net import TransformerNet

# Each has a CUDA kernel at opset 17 for the types used here.
OPERATORS = {
    *("Unsqueeze", "Transpose", "Cast", "Pad", "Conv", "InstanceNormalization", "Relu", "Add", "Resize", "Sigmoid"),
    *("QuantizeLinear", "Reshape", "Flatten", "Squeeze", "Slice", "Concat", "MatMul", "Split"),
    *("Shape", "Sub", "Div", "Max"),  # of image sides, which the CPU computes
}

PLAIN = Architecture(outer=16, channels=16, deep=32, blocks=2, normalized_stem=False)


@pytest.fixture(params=["StyleNetwork", "StyleNetwork, plain stem", "StyleNetwork, coarse", "TransformerNet"])
def model(
    request: pytest.FixtureRequest, style_network: StyleNetwork, transformer_net: TransformerNet
) -> onnx.ModelProto:
    if request.param == "TransformerNet":
        graph = write_transformer_net(transformer_net)
    elif request.param == "StyleNetwork":
        graph = write_style_network(style_network)
    else:
        graph = write_style_network(make_style_network(3, COARSE if "coarse" in request.param else PLAIN))
    return graph.model(request.param, {"realtime_stylize": "1"})


def test_model_has_opset_17_and_its_metadata(model: onnx.ModelProto) -> None:
    assert [(o.domain, o.version) for o in model.opset_import] == [("", 17)]
    assert model.ir_version <= 10
    assert {p.key: p.value for p in model.metadata_props} == {"realtime_stylize": "1"}


def test_model_has_the_inputs_and_outputs_of_the_format(model: onnx.ModelProto) -> None:
    def describe(value: onnx.ValueInfoProto) -> tuple[str, int, list[object]]:
        tensor = value.type.tensor_type
        return value.name, tensor.elem_type, [d.dim_param or d.dim_value for d in tensor.shape.dim]

    styles = 1 if model.graph.name == "TransformerNet" else 3
    assert [describe(v) for v in model.graph.input] == [
        ("frame", TensorProto.UINT8, ["height", "width", 3]),
        ("style", TensorProto.FLOAT, [styles]),
    ]
    assert [describe(v) for v in model.graph.output] == [("painted", TensorProto.UINT8, ["height", "width", 3])]


def test_model_has_only_known_operators_in_expected_numbers(model: onnx.ModelProto) -> None:
    counts = Counter(node.op_type for node in model.graph.node)
    coarse = "coarse" in model.graph.name
    copies = 0 if model.graph.name == "TransformerNet" else 5 if coarse else 4
    plain = 1 if coarse or "plain stem" in model.graph.name else 0
    num_matrices = len([node for node in model.graph.node if node.output[0].endswith(".mixed")])
    assert num_matrices == (4 if coarse else 0)
    assert set(counts) <= OPERATORS
    assert [node.op_type for node in model.graph.node if "frame" in node.input] == ["Cast"], (
        "TensorRT accepts bytes in no other operator"
    )
    assert counts["InstanceNormalization"] == counts["Conv"] - copies - num_matrices - plain - 1, (
        "one after every convolution but the last, the copies, the matrices and a plain stem"
    )
    assert counts["MatMul"] == counts["Split"] == 1, "styles are mixed once for the whole network"
    if model.graph.name == "TransformerNet":
        assert counts["Pad"] == counts["Conv"], "every convolution pads its input"
    else:
        # The first three share one Pad, the last two another, and the coarse level has one for short sides.
        assert counts["Pad"] == counts["Conv"] - copies - num_matrices - 3 + coarse


def test_onnx_runtime_fuses_convolution_and_relu_in_fp16(tmp_path: Path) -> None:
    """ONNX Runtime must not replace ReLU by a maximum, which it cannot fuse."""
    network = make_style_network(3, PLAIN)
    settings = ort.SessionOptions()
    settings.optimized_model_filepath = str(tmp_path / "optimized.onnx")
    settings.log_severity_level = 3  # no warning that the optimized file is for this machine only
    model = write_style_network(network).model("plain", {}).SerializeToString()
    ort.InferenceSession(model, settings, ["CPUExecutionProvider"])
    nodes = onnx.load(tmp_path / "optimized.onnx").graph.node
    assert sum(node.op_type == "Max" for node in nodes) == 0
    num_normalized = 5 + len(network.trunk)  # down, deeper, back, up, detail and the first of each block
    assert sum(node.op_type == "Relu" for node in nodes) == num_normalized


def test_crop_kernels_copy_one_pixel_of_each_channel(style_network: StyleNetwork) -> None:
    model = write_style_network(style_network).model("StyleNetwork", {})
    weights = {t.name: numpy_helper.to_array(t) for t in model.graph.initializer}
    copies = {n.output[0]: n.input[1] for n in model.graph.node if any(a.name == "group" for a in n.attribute)}
    sizes_and_positions = {"back.copy": (1, 0), "quarter": (3, 1), "up.copy": (1, 0), "half": (2, 1)}
    assert set(copies) == set(sizes_and_positions)
    for name, (size, position) in sizes_and_positions.items():
        kernels = weights[copies[name]]
        assert kernels.shape[1:] == (1, size, size)
        assert (kernels[:, :, position, position] == 1).all() and kernels.sum() == len(kernels)


def test_weights_and_activations_are_fp16(model: onnx.ModelProto) -> None:
    for tensor in model.graph.initializer:
        assert not tensor.external_data
        if tensor.name not in ("quantization_scale",) and not tensor.name.startswith("scales"):
            assert tensor.data_type in (TensorProto.FLOAT16, TensorProto.INT64, TensorProto.UINT8), tensor.name
    inferred = onnx.shape_inference.infer_shapes(model, strict_mode=True, data_prop=True)
    types = {value.name: value.type.tensor_type.elem_type for value in inferred.graph.value_info}
    for node in model.graph.node:
        if node.op_type in ("Conv", "InstanceNormalization", "Relu", "Add", "Resize", "Pad", "Sigmoid"):
            assert types[node.output[0]] == TensorProto.FLOAT16, node.name


def test_model_of_the_live_architecture_is_below_one_megabyte(tmp_path: Path) -> None:
    model = write_style_network(make_style_network(6, Architecture())).model("live", {})
    assert len(model.SerializeToString()) < 1_000_000


def test_names_of_tensors_are_unique(model: onnx.ModelProto) -> None:
    names = [o for node in model.graph.node for o in node.output] + [t.name for t in model.graph.initializer]
    assert len(set(names)) == len(names)


def test_floats_refuses_weights_that_are_not_finite_or_exceed_fp16() -> None:
    writer = GraphWriter(1)
    with pytest.raises(ExportError, match=r"stem\.weight reaches 7e\+04"):
        writer.floats("stem.weight", np.array([1.0, 70_000.0]))
    with pytest.raises(ExportError, match=r"stem\.weight holds numbers that are not finite"):
        writer.floats("stem.weight", np.array([1.0, np.nan]))
    assert GraphWriter(1, np.float32).floats("stem.weight", np.array([70_000.0])) == "stem.weight"


def test_output_is_quantized_once_with_the_right_step(model: onnx.ModelProto) -> None:
    """One QuantizeLinear in fp32 rounds to nearest and saturates."""
    (node,) = [n for n in model.graph.node if n.op_type == "QuantizeLinear"]
    constants = {t.name: numpy_helper.to_array(t) for t in model.graph.initializer}
    assert constants[node.input[1]] == np.float32(1 if model.graph.name == "TransformerNet" else 1 / 255)
    assert constants[node.input[2]] == 0
    assert constants[node.input[2]].dtype == np.uint8
