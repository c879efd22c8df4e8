"""The style network: shapes, padding, styles and the coarse level."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from training.network import Architecture, ConditionalInstanceNorm, ConvNorm, StyleMatrix, StyleNetwork

SMALL = Architecture(outer=4, channels=8, deep=16, blocks=1)
COARSE = replace(SMALL, coarse=24, coarse_blocks=2, matrices=True)


def test_stylized_photo_has_the_photos_shape_and_range() -> None:
    network = StyleNetwork(3, SMALL)
    stylized = network(torch.rand(2, 3, 40, 56), torch.eye(3)[:2])
    assert stylized.shape == (2, 3, 40, 56)
    assert stylized.min() >= 0 and stylized.max() <= 1


@pytest.mark.parametrize("architecture", [SMALL, COARSE], ids=["plain", "coarse"])
def test_changed_row_changes_only_its_own_style(architecture: Architecture) -> None:
    torch.manual_seed(0)
    network, photo = StyleNetwork(2, architecture), torch.rand(1, 3, 32, 32)
    first = network(photo, torch.tensor([[1.0, 0.0]]))
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            if name.endswith("norm.scale"):
                parameter[1] *= 3
            elif name.endswith(".rows"):
                parameter[1] += 0.1
    torch.testing.assert_close(network(photo, torch.tensor([[1.0, 0.0]])), first)
    assert (network(photo, torch.tensor([[0.0, 1.0]])) - first).abs().max() > 1e-3


@pytest.mark.parametrize("architecture", [SMALL, COARSE], ids=["plain", "coarse"])
def test_photos_of_a_batch_are_independent(architecture: Architecture) -> None:
    network, photos = StyleNetwork(2, architecture), torch.rand(2, 3, 32, 32)
    style = torch.eye(2)
    together = network(photos, style)
    torch.testing.assert_close(together[:1], network(photos[:1], style[:1]))


def test_padding_once_equals_padding_every_convolution_away_from_the_edges(monkeypatch: pytest.MonkeyPatch) -> None:
    """Normalization is left out, since its means include the margin."""
    monkeypatch.setattr(ConditionalInstanceNorm, "forward", lambda norm, x, style: x)
    torch.manual_seed(0)
    network, photo, style = StyleNetwork(1, SMALL), torch.rand(1, 3, 256, 256), torch.ones(1, 1)
    with torch.no_grad():
        network.to_rgb.weight.mul_(100)  # otherwise everything is grey, and a displacement is invisible
        stylized, expected = network(photo, style), with_padded_convolutions(network, photo)
    inner = (..., slice(96, -96), slice(96, -96))
    assert expected[inner].std() > 0.01
    torch.testing.assert_close(stylized[inner], expected[inner], atol=1e-5, rtol=0)
    assert (stylized - expected).abs().max() > 1e-4


def with_padded_convolutions(network: StyleNetwork, photo: Tensor) -> Tensor:
    """Run the network with reflection padding of every convolution instead of the photo."""

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


@pytest.mark.parametrize("change", [{"channels": 0}, {"coarse": -1}, {"coarse_blocks": 0}])
def test_invalid_architecture_is_refused(change: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="not a network's shape"):
        Architecture(**change)  # type: ignore[arg-type]


@pytest.mark.parametrize(("height", "width"), [(16, 16), (16, 48), (24, 24), (40, 56), (64, 32)])
def test_coarse_level_accepts_odd_and_tiny_sides(height: int, width: int) -> None:
    stylized = StyleNetwork(2, COARSE)(torch.rand(1, 3, height, width), torch.eye(2)[:1])
    assert stylized.shape == (1, 3, height, width) and torch.isfinite(stylized).all()


def test_coarse_level_is_not_displaced_where_sides_are_odd() -> None:
    """The level's result is cropped at the bottom and right, so it equals that of a larger input."""
    torch.manual_seed(0)
    network = StyleNetwork(1, replace(COARSE, matrices=False))
    assert network.coarse is not None
    x, style = torch.randn(1, 16, 41, 41), torch.ones(1, 1)
    for module in network.modules():
        if isinstance(module, ConvNorm):
            module.norm = None  # its means differ between the two sizes
    with torch.no_grad():
        odd, even = network.coarse(x, style), network.coarse(F.pad(x, [0, 1, 0, 1], mode="reflect"), style)
    assert odd.shape == x.shape and (odd - x).std() > 0.01
    torch.testing.assert_close(odd[..., :12, :12], even[..., :12, :12])


def test_style_matrix_mixes_channels_as_a_1x1_convolution() -> None:
    torch.manual_seed(0)
    mixer, x = StyleMatrix(2, 5), torch.randn(2, 5, 3, 4)
    style = torch.tensor([[1.0, 0.0], [0.25, 0.75]])
    torch.testing.assert_close(mixer(x, style), x)  # the matrices start at 0
    torch.nn.init.normal_(mixer.rows)
    for item, weights in enumerate(style):
        matrix = weights[0] * mixer.rows[0] + weights[1] * mixer.rows[1]
        expected = x[item : item + 1] + F.conv2d(x[item : item + 1], matrix[:, :, None, None])
        torch.testing.assert_close(mixer(x, style)[item : item + 1], expected, rtol=1e-4, atol=1e-5)


def test_architecture_without_coarse_level_and_matrices_has_no_weights_for_them() -> None:
    """Otherwise older checkpoints could not be loaded."""
    names = set(StyleNetwork(2, SMALL).state_dict())
    assert not [name for name in names if name.startswith(("coarse", "matrix"))]
    more = set(StyleNetwork(2, COARSE).state_dict()) - names
    assert {"coarse.down.conv.weight", "coarse.up.norm.scale", "coarse.matrices.2.rows", "matrix.rows"} < more
    assert "coarse.blocks.1.second.conv.weight" in more
