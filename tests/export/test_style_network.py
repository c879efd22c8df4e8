"""The graph of our network agrees with the network in torch."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import asdict

import numpy as np
import pytest
import torch

from export.style_network import write_style_network
from export.verify import psnr
from realtime.inference.openvino_session import core
from tests.export.conftest import Image, Stylize, make_image, make_style_network
from training.images import to_image, to_tensor
from training.network import Architecture, StyleMatrix, StyleNetwork


def stylize_in_torch(network: StyleNetwork, image: Image, style: list[float]) -> Image:
    with torch.inference_mode():
        return to_image(network(to_tensor(image)[None], torch.tensor([style], dtype=torch.float32))[0])


def agreement(network: StyleNetwork, model: bytes, stylize: Stylize, image: Image, style: list[float]) -> float:
    stylized, expected = stylize(model, image, style), stylize_in_torch(network, image, style)
    assert stylized.shape == image.shape
    assert stylized.dtype == np.uint8
    return psnr(stylized.astype(np.int16) - expected)


@pytest.mark.parametrize(("height", "width"), [(16, 16), (64, 64), (104, 56), (56, 104), (480, 640)])
def test_graph_agrees_with_torch_at_every_size(
    style_network: StyleNetwork, stylize: Stylize, height: int, width: int
) -> None:
    model = write_style_network(style_network).model("test", {}).SerializeToString()
    assert agreement(style_network, model, stylize, make_image(height, width), [1, 0, 0]) > 50


@pytest.mark.parametrize(
    ("height", "width"), [(16, 16), (16, 40), (24, 64), (64, 24), (104, 56), (120, 128), (480, 640)]
)
def test_graph_with_coarse_level_agrees_at_odd_and_tiny_sizes(
    coarse_network: StyleNetwork, stylize: Stylize, height: int, width: int
) -> None:
    model = write_style_network(coarse_network).model("test", {}).SerializeToString()
    assert agreement(coarse_network, model, stylize, make_image(height, width), [0, 1, 0]) > 50


@pytest.mark.parametrize(("height", "width"), [(16, 16), (104, 56), (96, 128)])
def test_openvino_agrees_with_coarse_level_and_matrices(coarse_network: StyleNetwork, height: int, width: int) -> None:
    """In fp32, since not every CPU has bf16."""
    model = core().read_model(write_style_network(coarse_network, np.float32).model("test", {}).SerializeToString())
    model.reshape({"frame": [height, width, 3]})
    compiled = core().compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    image = make_image(height, width)
    (stylized,) = compiled({"frame": image, "style": np.array([0, 1, 0], np.float32)}).values()
    assert psnr(stylized.astype(np.int16) - stylize_in_torch(coarse_network, image, [0, 1, 0])) > 50


@pytest.mark.parametrize("style", [[1, 0, 0], [0, 0, 1], [0.2, 0.3, 0.5]])
def test_matrices_are_mixed_by_style_weights(
    coarse_network: StyleNetwork, stylize: Stylize, style: list[float]
) -> None:
    model, image = write_style_network(coarse_network).model("test", {}).SerializeToString(), make_image(64, 96)
    assert agreement(coarse_network, model, stylize, image, style) > 50
    plain = deepcopy(coarse_network)
    for module in plain.modules():
        if isinstance(module, StyleMatrix):
            module.rows.zero_()
    assert agreement(plain, model, stylize, image, style) < 30, (
        "the matrices must change the image, or the test proves nothing"
    )


@pytest.mark.parametrize(
    "architecture",
    [
        Architecture(),
        Architecture(channels=48, deep=80, blocks=1),
        Architecture(outer=4, channels=8, deep=8, blocks=4),
        Architecture(normalized_stem=False),
        Architecture(coarse=96, coarse_blocks=1),
        Architecture(blocks=1, coarse=64, coarse_blocks=3, matrices=True),
        Architecture(matrices=True),
    ],
    ids=lambda a: "-".join(str(value) for value in asdict(a).values()),
)
def test_graph_agrees_with_torch_for_every_architecture(stylize: Stylize, architecture: Architecture) -> None:
    network = make_style_network(2, architecture)
    image = make_image(96, 128)
    for dtype, min_psnr in ((np.float16, 50), (np.float32, 70)):
        model = write_style_network(network, dtype).model("test", {}).SerializeToString()
        assert agreement(network, model, stylize, image, [0, 1]) > min_psnr


def test_graph_of_untrained_network_agrees_with_torch(stylize: Stylize) -> None:
    torch.manual_seed(3)
    network = StyleNetwork(2).eval()
    model = write_style_network(network).model("test", {}).SerializeToString()
    assert agreement(network, model, stylize, make_image(64, 96), [1, 0]) > 50


@pytest.mark.parametrize("style", [[0, 1, 0], [0, 0, 1], [0.5, 0.5, 0], [0.2, 0.3, 0.5]])
def test_graph_agrees_with_torch_in_styles_and_mixes(
    style_network: StyleNetwork, stylize: Stylize, style: list[float]
) -> None:
    model = write_style_network(style_network).model("test", {}).SerializeToString()
    image = make_image(64, 96)
    assert agreement(style_network, model, stylize, image, style) > 50
    other = stylize(model, image, [1, 0, 0])
    assert psnr(other.astype(np.int16) - stylize(model, image, style)) < 30, "styles must differ to be told apart"


@pytest.mark.parametrize("level", [0, 128, 255])
def test_flat_frame_agrees_with_torch(style_network: StyleNetwork, stylize: Stylize, level: int) -> None:
    """No layer varies, so only epsilon keeps the normalization from dividing by zero."""
    model = write_style_network(style_network).model("test", {}).SerializeToString()
    image = np.full((64, 64, 3), level, np.uint8)
    assert agreement(style_network, model, stylize, image, [1, 0, 0]) > 40


def test_output_is_rounded_and_saturated(stylize: Stylize) -> None:
    network = make_style_network(1)
    with torch.no_grad():
        network.to_rgb.weight.zero_()
        network.to_rgb.bias.copy_(torch.tensor([0.6, 30.0, -30.0]))  # type: ignore[union-attr]
    model = write_style_network(network).model("test", {}).SerializeToString()
    stylized = stylize(model, make_image(16, 16), [1])
    exact = 255 / (1 + np.exp(-0.6))
    assert 164.6 < exact < 164.7
    assert (stylized == (0, 255, 165)).all()  # BGR


def test_graph_reads_and_writes_bgr(style_network: StyleNetwork, stylize: Stylize) -> None:
    model = write_style_network(style_network).model("test", {}).SerializeToString()
    image = make_image(64, 64)
    swapped = np.ascontiguousarray(image[:, :, ::-1])
    assert agreement(style_network, model, stylize, swapped, [1, 0, 0]) > 50
    same = psnr(stylize(model, image, [1, 0, 0]).astype(np.int16) - stylize(model, swapped, [1, 0, 0])[:, :, ::-1])
    assert same < 30, "this network must tell red from blue, or the test proves nothing"
