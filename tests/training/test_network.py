from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from training.network import Architecture, ConditionalInstanceNorm, ConvNorm, StyleNetwork

SMALL = Architecture(outer=4, channels=8, deep=16, blocks=1)


def test_a_painting_has_the_photos_shape_and_range() -> None:
    network = StyleNetwork(3, SMALL)
    painted = network(torch.rand(2, 3, 40, 56), torch.eye(3)[:2])
    assert painted.shape == (2, 3, 40, 56)
    assert painted.min() >= 0 and painted.max() <= 1


def test_one_painting_is_one_row() -> None:
    """About the same trunk, another row: another picture; a row changed touches its style alone."""
    torch.manual_seed(0)
    network, photo = StyleNetwork(2, SMALL), torch.rand(1, 3, 32, 32)
    first = network(photo, torch.tensor([[1.0, 0.0]]))
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            if name.endswith("norm.scale"):
                parameter[1] *= 3
    torch.testing.assert_close(network(photo, torch.tensor([[1.0, 0.0]])), first)
    assert (network(photo, torch.tensor([[0.0, 1.0]])) - first).abs().max() > 1e-3


def test_photos_of_a_batch_do_not_touch_each_other() -> None:
    network, photos = StyleNetwork(2, SMALL), torch.rand(2, 3, 32, 32)
    style = torch.eye(2)
    together = network(photos, style)
    torch.testing.assert_close(together[:1], network(photos[:1], style[:1]))


def test_the_margin_is_where_mirrored_edges_would_be(monkeypatch: pytest.MonkeyPatch) -> None:
    """Far from its edges a picture is what it would be if every convolution mirrored its own input.

    Without normalization, which the margin counts in.
    """
    monkeypatch.setattr(ConditionalInstanceNorm, "forward", lambda norm, x, style: x)
    torch.manual_seed(0)
    network, photo, style = StyleNetwork(1, SMALL), torch.rand(1, 3, 256, 256), torch.ones(1, 1)
    with torch.no_grad():
        network.to_rgb.weight.mul_(100)  # else all is grey, wherever it lies
        painted, expected = network(photo, style), mirrored_everywhere(network, photo)
    inner = (..., slice(96, -96), slice(96, -96))
    assert expected[inner].std() > 0.01
    torch.testing.assert_close(painted[inner], expected[inner], atol=1e-5, rtol=0)
    assert (painted - expected).abs().max() > 1e-4, "at the edges they differ"


def mirrored_everywhere(network: StyleNetwork, photo: Tensor) -> Tensor:
    """The network without normalization and without a margin: [N, 3, H, W] -> [N, 3, H, W]."""

    def layer(block: ConvNorm, x: Tensor) -> Tensor:
        conv = block.conv
        width = (conv.kernel_size[0] - conv.stride[0] + 1) // 2
        return F.relu(conv(F.pad(x, [width] * 4, mode="reflect")))

    def double(x: Tensor) -> Tensor:
        return F.interpolate(x, scale_factor=2, mode="bilinear")

    half = layer(network.stem, photo)
    quarter = layer(network.down, half)
    x = layer(network.deeper, quarter)
    for block in network.trunk:
        x = block(x, torch.ones(1, 1))
    x = quarter + double(layer(network.back, x))
    x = half + double(layer(network.up, x))
    x = F.pad(layer(network.detail, x), [1] * 4, mode="reflect")
    return torch.sigmoid(network.to_rgb(F.interpolate(x, scale_factor=2, mode="nearest")))


def test_a_nonsense_shape_is_refused() -> None:
    with pytest.raises(ValueError, match="not a network's shape"):
        Architecture(channels=0)
