"""The TransformerNet of pytorch/examples: the network, its checkpoints, and its graph."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from export.checkpoints import load_exportable
from export.errors import ExportError
from export.transformer_net import write_transformer_net
from export.verify import psnr
from tests.export.conftest import Stylize, make_image
from training.images import to_image, to_tensor
from training.transformer_net import TransformerNet


def run_published_network(weights: dict[str, Tensor], x: Tensor) -> Tensor:
    """Run the published network, written from its weights. x: [N, 3, H, W], RGB in 0..255."""

    def conv(name: str, x: Tensor, stride: int = 1) -> Tensor:
        weight, bias = weights[f"{name}.conv2d.weight"], weights[f"{name}.conv2d.bias"]
        return F.conv2d(F.pad(x, [weight.shape[-1] // 2] * 4, mode="reflect"), weight, bias, stride)

    def norm(name: str, x: Tensor) -> Tensor:
        return F.instance_norm(x, weight=weights[f"{name}.weight"], bias=weights[f"{name}.bias"])

    x = F.relu(norm("in1", conv("conv1", x)))
    x = F.relu(norm("in2", conv("conv2", x, 2)))
    x = F.relu(norm("in3", conv("conv3", x, 2)))
    for n in range(1, 6):
        y = F.relu(norm(f"res{n}.in1", conv(f"res{n}.conv1", x)))
        x = x + norm(f"res{n}.in2", conv(f"res{n}.conv2", y))
    x = F.relu(norm("in4", conv("deconv1", F.interpolate(x, scale_factor=2, mode="nearest"))))
    x = F.relu(norm("in5", conv("deconv2", F.interpolate(x, scale_factor=2, mode="nearest"))))
    return conv("deconv3", x)


def add_unused_statistics(network: TransformerNet) -> dict[str, Tensor]:
    """Return the weights as torch 0.3 saved them, with statistics that nothing uses."""
    state = dict(network.state_dict())
    for name in [n for n in state if n.endswith(".weight") and state[n].ndim == 1]:
        state[name.replace("weight", "running_mean")] = torch.full_like(state[name], 7.0)
        state[name.replace("weight", "running_var")] = torch.full_like(state[name], 9.0)
    assert len(state) == 62 + 30
    return state


def test_network_equals_the_published_one(transformer_net: TransformerNet) -> None:
    photo = to_tensor(make_image(64, 48))[None] * 255
    torch.testing.assert_close(
        transformer_net(photo), run_published_network(transformer_net.state_dict(), photo), rtol=1e-4, atol=1e-2
    )


@pytest.mark.parametrize("legacy", [False, True], ids=["zip", "legacy"])
def test_checkpoint_of_either_format_is_exported(
    tmp_path: Path, transformer_net: TransformerNet, stylize: Stylize, legacy: bool
) -> None:
    path = tmp_path / "rain_princess.pth"
    state = add_unused_statistics(transformer_net) if legacy else transformer_net.state_dict()
    torch.save(state, path, _use_new_zipfile_serialization=not legacy)
    network = load_exportable(path, None)
    assert (network.kind, network.styles, network.licence) == ("TransformerNet", ["rain_princess"], "unknown")
    model = network.write(np.float16, None).model("test", {}).SerializeToString()
    for height, width in ((64, 64), (100, 52)):
        image = make_image(height, width)
        reference = run_published_network(transformer_net.state_dict(), to_tensor(image)[None] * 255)[0]
        assert reference.min() < 0
        assert reference.max() > 255, "both ends must be reached, or clamping is not tested"
        stylized = stylize(model, image, [1])
        assert stylized.shape == image.shape
        assert psnr(stylized.astype(np.int16) - to_image(reference / 255)) > 50


@pytest.mark.parametrize(("level", "speck"), [(0, 0), (255, 0), (100, 1)])
def test_nearly_flat_frame_agrees_with_torch(
    transformer_net: TransformerNet, stylize: Stylize, level: int, speck: int
) -> None:
    """Flat, or with one faint speck: here epsilon determines the image."""
    model = write_transformer_net(transformer_net).model("test", {}).SerializeToString()
    image = np.full((32, 32, 3), level, np.uint8)
    image[16, 16] += speck
    with torch.inference_mode():
        expected = to_image(transformer_net(to_tensor(image)[None] * 255)[0] / 255)
    assert psnr(stylize(model, image, [1]).astype(np.int16) - expected) > 40


def test_given_name_replaces_the_file_name(tmp_path: Path, transformer_net: TransformerNet) -> None:
    torch.save(transformer_net.state_dict(), tmp_path / "saved.model")
    assert load_exportable(tmp_path / "saved.model", "mosaic").styles == ["mosaic"]


def test_missing_unknown_or_misshapen_weights_are_refused(tmp_path: Path, transformer_net: TransformerNet) -> None:
    state = dict(transformer_net.state_dict())
    path = tmp_path / "bad.pth"
    torch.save({k: v for k, v in state.items() if "res5" not in k}, path)
    with pytest.raises(ExportError, match=r"bad\.pth does not hold its network: it lacks 'res5\.conv1.*TransformerNet"):
        load_exportable(path, None)
    torch.save(state | {"res6.conv1.conv2d.weight": torch.zeros(1)}, path)
    with pytest.raises(ExportError, match=r"has the unknown 'res6\.conv1\.conv2d\.weight'"):
        load_exportable(path, None)
    torch.save(state | {"conv1.conv2d.weight": torch.zeros(32, 3, 7, 7)}, path)
    with pytest.raises(ExportError, match=r"is \(32, 3, 7, 7\), but \(32, 3, 9, 9\) was expected"):
        load_exportable(path, None)
