"""VGG-16 features (Simonyan & Zisserman 2014), the eye of the perceptual loss."""

from __future__ import annotations

from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from training.errors import TrainingError

# Each stage: the index of its convolutions in torchvision's `vgg16().features` and their widths.
STAGES: tuple[tuple[tuple[int, int], ...], ...] = (
    ((0, 64), (2, 64)),
    ((5, 128), (7, 128)),
    ((10, 256), (12, 256), (14, 256)),
    ((17, 512), (19, 512), (21, 512)),
)
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


class Vgg16(nn.Module):
    """The activations of conv1_1 to conv4_3, frozen.

    weights: a .safetensors or .pth file with torchvision's keys (`features.0.weight` ...), or None
        for torchvision's own ImageNet weights, downloaded on first use.
    Raises TrainingError where the weights cannot be had or do not fit.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, weights: Path | None = None) -> None:
        super().__init__()
        state = _load(weights)
        self.convs = nn.ModuleDict()
        inputs = 3
        for stage, convs in enumerate(STAGES, 1):
            for number, (index, outputs) in enumerate(convs, 1):
                conv = nn.Conv2d(inputs, outputs, 3, padding=1)
                conv.weight.data = _tensor(state, f"features.{index}.weight", conv.weight, weights)
                assert conv.bias is not None
                conv.bias.data = _tensor(state, f"features.{index}.bias", conv.bias, weights)
                self.convs[f"relu{stage}_{number}"] = conv
                inputs = outputs
        self.register_buffer("mean", torch.tensor(IMAGENET_MEAN).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor(IMAGENET_STD).view(1, 3, 1, 1))
        self.requires_grad_(False)

    def forward(self, image: Tensor, layers: tuple[str, ...]) -> dict[str, Tensor]:
        """The activations after the named ReLUs.

        image: [N, 3, H, W], RGB in 0..1, float32.
        layers: names such as "relu3_3".
        Returns each layer's [N, C, H / stride, W / stride], in the dtype of the weights; nothing
        deeper than the last layer asked for is computed.
        """
        convs = list(self.convs.items())
        last = max(number for number, (name, _) in enumerate(convs) if name in layers)
        x = (image - self.mean) / self.std
        x = x.to(next(self.convs.parameters()).dtype).contiguous(memory_format=torch.channels_last)
        found: dict[str, Tensor] = {}
        for name, conv in convs[: last + 1]:
            if name.endswith("_1") and name != "relu1_1":
                x = F.max_pool2d(x, 2)
            x = F.relu(conv(x))
            if name in layers:
                found[name] = x
        return found


def _load(weights: Path | None) -> dict[str, Tensor]:
    if weights is None:
        try:
            import torchvision

            full = torchvision.models.vgg16(weights="IMAGENET1K_FEATURES")
        except Exception as error:
            raise TrainingError(
                f"torchvision's VGG-16 weights could not be had ({error}); give a file with them: --vgg FILE"
            ) from error
        return {name: tensor for name, tensor in full.state_dict().items()}
    if not weights.is_file():
        raise TrainingError(f"no VGG-16 weights at {weights}")
    try:
        if weights.suffix == ".safetensors":
            from safetensors.torch import load_file

            return load_file(weights)
        loaded: dict[str, Tensor] = torch.load(weights, map_location="cpu", weights_only=True)
        return loaded
    except Exception as error:
        raise TrainingError(f"{weights} holds no readable VGG-16 weights: {error}") from error


def _tensor(state: dict[str, Tensor], key: str, like: Tensor, weights: Path | None) -> Tensor:
    found = state.get(key)
    if found is None or found.shape != like.shape:
        got = "nothing" if found is None else list(found.shape)
        raise TrainingError(
            f"{weights or 'torchvision'}: not VGG-16: expected {key} of shape {list(like.shape)}, got {got}"
        )
    return found.float()
