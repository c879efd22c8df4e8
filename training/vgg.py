"""VGG features (Simonyan & Zisserman 2014), which the perceptual loss compares."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from training.errors import TrainingError

NETWORKS = {"vgg16": (2, 2, 3, 3, 3), "vgg19": (2, 2, 4, 4, 4)}  # convolutions of each stage
WIDTHS = (64, 128, 256, 512, 512)  # their channels
TITLES = {"vgg16": "VGG-16", "vgg19": "VGG-19"}
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


@dataclass(frozen=True)
class Convolution:
    """A convolution: the name of its activations, its index in torchvision's `features`, its output channels."""

    name: str
    index: int
    outputs: int

    @property
    def stride(self) -> int:
        """Pixels from one activation to the next: 1 in the first stage, 2 in the second, 4 in the third ..."""
        return int(2 ** (int(self.name[4]) - 1))


def convolutions(network: str) -> list[Convolution]:
    """Return all convolutions of a network in their order, relu1_1 first."""
    found, index = [], 0
    for stage, (count, width) in enumerate(zip(NETWORKS[network], WIDTHS, strict=True), 1):
        for number in range(1, count + 1):
            found.append(Convolution(f"relu{stage}_{number}", index, width))
            index += 2  # the convolution and its ReLU
        index += 1  # the pooling
    return found


def convolutions_to(network: str, layers: tuple[str, ...]) -> list[Convolution]:
    """Return the convolutions up to the deepest of some layers. Raises TrainingError where a layer is unknown."""
    all_convolutions = convolutions(network)
    names = [convolution.name for convolution in all_convolutions]
    for layer in layers:
        if layer not in names:
            raise TrainingError(f"{TITLES[network]} has no layer {layer!r}; it has {', '.join(names)}")
    return all_convolutions[: max(names.index(layer) for layer in layers) + 1]


class Vgg(nn.Module):
    """A frozen VGG network up to the deepest layer that is needed.

    network: "vgg16" or "vgg19"; layers: names such as "relu3_3".
    weights: a .safetensors or .pth file with torchvision's keys (`features.0.weight` ...), or None
        for torchvision's own ImageNet weights, downloaded on first use.
    pooling: "max", as it was trained, or "average", which Gatys et al. found smoother.
    margins: the padding, "zeros", as it was trained, or "reflect", with which the picture continues beyond its edges.
    Raises TrainingError where the weights cannot be loaded, do not fit, or end before the deepest layer.
    """

    mean: Tensor
    std: Tensor

    def __init__(
        self,
        network: str,
        layers: tuple[str, ...],
        weights: Path | None,
        pooling: str = "max",
        margins: Literal["zeros", "reflect"] = "zeros",
    ) -> None:
        super().__init__()
        needed = convolutions_to(network, layers)
        state = _load(network, weights)
        self.pool: Callable[[Tensor, int], Tensor] = F.avg_pool2d if pooling == "average" else F.max_pool2d
        self.convs = nn.ModuleDict()
        inputs = 3
        for convolution in needed:
            conv = nn.Conv2d(inputs, convolution.outputs, 3, padding=1, padding_mode=margins)
            assert conv.bias is not None
            for parameter, kind in ((conv.weight, "weight"), (conv.bias, "bias")):
                key = f"features.{convolution.index}.{kind}"
                if key not in state and self.convs:
                    raise TrainingError(_ends_early(network, state, weights, convolution, list(self.convs)[-1]))
                parameter.data = _tensor(network, state, key, parameter, weights)
            self.convs[convolution.name] = conv
            inputs = convolution.outputs
        self.register_buffer("mean", torch.tensor(IMAGENET_MEAN).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor(IMAGENET_STD).view(1, 3, 1, 1))
        self.requires_grad_(False)

    def forward(self, image: Tensor, layers: tuple[str, ...]) -> dict[str, Tensor]:
        """Return the activations after the named ReLUs.

        image: [N, 3, H, W], RGB in 0..1, float32.
        layers: names such as "relu3_3"; nothing deeper than the last of them is computed.
        Returns each layer's [N, C, H / stride, W / stride], in the dtype of the weights.
        """
        convs = list(self.convs.items())
        last = max(number for number, (name, _) in enumerate(convs) if name in layers)
        x = (image - self.mean) / self.std
        x = x.to(next(self.convs.parameters()).dtype).contiguous(memory_format=torch.channels_last)
        found: dict[str, Tensor] = {}
        for name, conv in convs[: last + 1]:
            if name.endswith("_1") and name != "relu1_1":
                x = self.pool(x, 2)
            x = F.relu(conv(x), inplace=True)
            if name in layers:
                found[name] = x
        return found


def _load(network: str, weights: Path | None) -> dict[str, Tensor]:
    title = TITLES[network]
    if weights is None:
        try:
            import torchvision

            # Not IMAGENET1K_FEATURES: those weights expect pixels of another scale (a deviation of 1/255).
            full = getattr(torchvision.models, network)(weights="IMAGENET1K_V1")
        except Exception as error:
            raise TrainingError(
                f"torchvision's {title} weights could not be had ({error}); give a file with them: --vgg FILE"
            ) from error
        return {name: tensor for name, tensor in full.state_dict().items()}
    if not os.path.isfile(weights):
        raise TrainingError(f"no {title} weights at {weights}")
    try:
        if weights.suffix == ".safetensors":
            from safetensors.torch import load_file

            return load_file(weights)
        loaded: dict[str, Tensor] = torch.load(weights, map_location="cpu", weights_only=True)
        if not isinstance(loaded, dict):
            raise ValueError("no table of tensors")
        return loaded
    except Exception as error:
        raise TrainingError(
            f"{weights} holds no {title} weights that can be read; without --vgg torchvision's are downloaded"
        ) from error


def _tensor(network: str, state: dict[str, Tensor], key: str, like: Tensor, weights: Path | None) -> Tensor:
    found = state.get(key)
    if found is None or found.shape != like.shape:
        got = "nothing" if found is None else list(found.shape)
        raise TrainingError(
            f"{weights or 'torchvision'}: not {TITLES[network]}: expected {key} of shape {list(like.shape)}, got {got}"
        )
    return found.float()


def _ends_early(network: str, state: dict[str, Tensor], weights: Path | None, missing: Convolution, last: str) -> str:
    """Return the message for weights that lack a layer: they are cut off, or of the other network."""
    for other in NETWORKS.keys() - {network}:
        indices = {c.index for c in convolutions(other)} - {c.index for c in convolutions(network)}
        if any(f"features.{index}.weight" in state for index in indices):
            return f"{weights}: holds {TITLES[other]}, not {TITLES[network]} (--network {other})"
    return f"{weights}: no weights for {missing.name} (features.{missing.index}); its last layer is {last}"
