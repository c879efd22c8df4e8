from __future__ import annotations

import pytest
import torch

from training.network import Architecture, StyleNetwork

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


def test_a_nonsense_shape_is_refused() -> None:
    with pytest.raises(ValueError, match="not a network's shape"):
        Architecture(channels=0)
