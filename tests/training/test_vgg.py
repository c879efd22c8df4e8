"""VGG features and their weights."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
import torchvision

from tests.training.world import random_vgg
from training.errors import TrainingError
from training.vgg import Vgg, convolutions, convolutions_to

PAPER_LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1")


@pytest.mark.parametrize("network", ["vgg16", "vgg19"])
def test_convolutions_match_torchvision(network: str) -> None:
    features = getattr(torchvision.models, network)(weights=None, init_weights=False).features
    expected = [(index, layer.out_channels) for index, layer in enumerate(features) if hasattr(layer, "out_channels")]
    assert [(c.index, c.outputs) for c in convolutions(network)] == expected
    assert [c.stride for c in convolutions(network)][-1] == 16


def test_vgg19_has_the_layers_of_the_paper(vgg19_file: Path) -> None:
    features = Vgg("vgg19", PAPER_LAYERS, vgg19_file)(torch.rand(1, 3, 64, 48), PAPER_LAYERS)
    assert [tuple(features[name].shape[1:]) for name in PAPER_LAYERS] == [
        (64, 64, 48), (128, 32, 24), (256, 16, 12), (512, 8, 6), (512, 4, 3),
    ]  # fmt: skip


def test_average_pooling_gives_smaller_activations_than_max_pooling(vgg_file: Path) -> None:
    image = torch.rand(1, 3, 32, 32)
    maximum, average = (Vgg("vgg16", ("relu2_2",), vgg_file, pooling) for pooling in ("max", "average"))
    assert maximum(image, ("relu2_2",))["relu2_2"].mean() > average(image, ("relu2_2",))["relu2_2"].mean()


def test_weights_without_the_needed_layers_are_refused(vgg_file: Path, vgg19_file: Path, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=r"no weights for relu5_1 \(features.24\); its last layer is relu4_3"):
        Vgg("vgg16", ("relu1_1", "relu5_1"), vgg_file)
    with pytest.raises(TrainingError, match=r"holds VGG-16, not VGG-19 \(--network vgg16\)"):
        Vgg("vgg19", PAPER_LAYERS, vgg_file)
    with pytest.raises(TrainingError, match=r"holds VGG-19, not VGG-16 \(--network vgg19\)"):
        Vgg("vgg16", ("relu4_3",), vgg19_file)
    with pytest.raises(TrainingError, match="VGG-16 has no layer 'relu3_4'; it has relu1_1, relu1_2"):
        Vgg("vgg16", ("relu3_4",), vgg_file)


def test_weights_may_end_at_the_deepest_needed_layer(tmp_path: Path) -> None:
    path = random_vgg(convolutions_to("vgg16", ("relu1_2",)), tmp_path / "short.safetensors")
    assert list(Vgg("vgg16", ("relu1_1",), path).convs) == ["relu1_1"]


def test_downloaded_weights_are_those_for_imagenet_normalization(
    monkeypatch: pytest.MonkeyPatch, vgg_file: Path
) -> None:
    """IMAGENET1K_FEATURES expects a standard deviation of 1/255, and would give hardly any activations here."""
    from safetensors.torch import load_file

    from training.vgg import IMAGENET_MEAN, IMAGENET_STD

    requested: list[str] = []

    def vgg16(weights: str) -> SimpleNamespace:
        requested.append(weights)
        return SimpleNamespace(state_dict=lambda: load_file(vgg_file))

    monkeypatch.setattr(torchvision.models, "vgg16", vgg16)
    Vgg("vgg16", ("relu4_3",), None)
    (name,) = requested
    transforms = torchvision.models.VGG16_Weights[name].transforms()
    assert (tuple(transforms.mean), tuple(transforms.std)) == (IMAGENET_MEAN, IMAGENET_STD)
