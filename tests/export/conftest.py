"""Networks with random weights whose output uses the whole range, test images, and a function that runs a graph."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import onnxruntime as ort
import pytest
import torch
from numpy.typing import NDArray
from torch import nn

from training.checkpoint import Checkpoint
from training.network import Architecture, ConditionalInstanceNorm, StyleMatrix, StyleNetwork
from training.transformer_net import TransformerNet

Image = NDArray[np.uint8]
COARSE = Architecture(
    outer=8, channels=16, deep=24, blocks=1, normalized_stem=False, coarse=40, coarse_blocks=2, matrices=True
)
Stylize = Callable[[bytes, Image, "list[float]"], Image]


def make_image(height: int, width: int, seed: int = 0) -> Image:
    """Return an image with soft shapes, hard edges, flat areas and camera noise, [H, W, 3] BGR."""
    rng = np.random.default_rng(seed)
    soft = cv2.resize(rng.integers(0, 256, (5, 7, 3), np.uint8), (width, height), interpolation=cv2.INTER_CUBIC)
    cv2.rectangle(soft, (width // 8, height // 6), (width // 3, height // 2), (250, 250, 250), -1)
    cv2.circle(soft, (2 * width // 3, height // 2), min(height, width) // 4, (20, 10, 120), -1)
    noisy = soft.astype(np.float32) + rng.normal(0, 4, soft.shape)
    return np.asarray(np.clip(noisy, 0, 255), np.uint8)


@pytest.fixture(scope="session")
def stylize() -> Stylize:
    """A function that runs a model: its bytes, a frame and style weights -> the stylized frame."""

    def run(model: bytes, image: Image, style: list[float]) -> Image:
        session = ort.InferenceSession(model, providers=["CPUExecutionProvider"])
        (stylized,) = session.run(None, {"frame": image, "style": np.array(style, np.float32)})
        return np.asarray(stylized)

    return run


def make_style_network(styles: int = 3, architecture: Architecture | None = None) -> StyleNetwork:
    """Return a random network whose styles differ and whose images reach both ends of the range."""
    torch.manual_seed(1)
    network = StyleNetwork(styles, architecture or Architecture(outer=16, channels=16, deep=32, blocks=2))
    with torch.no_grad():
        for module in network.modules():
            if isinstance(module, ConditionalInstanceNorm):
                module.scale.add_(0.3 * torch.randn_like(module.scale))
                module.shift.add_(0.3 * torch.randn_like(module.shift))
            if isinstance(module, StyleMatrix):
                module.rows.copy_(0.1 * torch.randn_like(module.rows))
        network.to_rgb.weight.mul_(20)
        network.to_rgb.weight[0].mul_(1.5)  # so that swapping red and blue changes the image
        network.to_rgb.bias.copy_(torch.tensor([0.1, -0.2, 0.3]))  # type: ignore[union-attr]  # 0 is 127.5: a tie
    return network.eval().requires_grad_(False)


def make_transformer_net() -> TransformerNet:
    torch.manual_seed(2)
    network = TransformerNet()
    with torch.no_grad():
        for module in network.modules():
            if isinstance(module, nn.InstanceNorm2d):
                module.weight.add_(0.3 * torch.randn_like(module.weight))
                module.bias.add_(0.3 * torch.randn_like(module.bias))
        network.deconv3.conv2d.weight.mul_(60)
        network.deconv3.conv2d.bias += torch.tensor([60.0, 120.0, 180.0])  # type: ignore[operator]
    return network.eval().requires_grad_(False)


@pytest.fixture(scope="session")
def style_network() -> StyleNetwork:
    return make_style_network()


@pytest.fixture(scope="session")
def coarse_network() -> StyleNetwork:
    """A network with a level at a sixteenth of the resolution, and with matrices."""
    return make_style_network(3, COARSE)


@pytest.fixture(scope="session")
def transformer_net() -> TransformerNet:
    return make_transformer_net()


@pytest.fixture
def checkpoint(tmp_path: Path, style_network: StyleNetwork) -> Path:
    path = tmp_path / "checkpoint.pt"
    Checkpoint(style_network, ["dawn", "noon", "dusk"], photos=1200).save(path)
    return path


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    cv2.imwrite(str(folder / "one.png"), make_image(200, 300))
    return folder
