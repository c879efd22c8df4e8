"""Which kind of checkpoint a file is, and what it takes to export it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from export.errors import ExportError
from export.graph import GraphWriter, Ranges, Real
from export.style_network import write_style_network
from export.transformer_net import write_transformer_net
from training.checkpoint import FORMAT, checkpoint_from, is_checkpoint
from training.errors import TrainingError
from training.network import MULTIPLE
from training.safe_load import check_weights, load_torch_file
from training.transformer_net import TransformerNet

DROPPED = (".running_mean", ".running_var")  # files from torch 0.3 and before: statistics never used


@dataclass(frozen=True)
class Exportable:
    """A trained network, ready to be written.

    kind: its name and size; styles: its rows by name; multiple: what a frame's sides must divide by;
    trunk: a digest of its convolutions, empty where no other file shares them; licence: of its weights, as far as we
    know; training: figures of its training; paint: photo [N, 3, H, W] RGB in 0..1 and style weights [N, S]
    to the painting, like the photo, by torch in fp32; write: its graph in that precision,
    the convolutions in the ranges on bytes.
    """

    kind: str
    styles: list[str]
    multiple: int
    trunk: str
    licence: str
    paint: Callable[[Tensor, Tensor], Tensor]
    write: Callable[[Real, Ranges | None], GraphWriter]
    training: dict[str, Any] = field(default_factory=dict)


def load_exportable(path: Path, name: str | None) -> Exportable:
    """Read a checkpoint of either kind. name: of the one style of a TransformerNet; default: the file's.

    Raises TrainingError where the file is not a checkpoint, ExportError where it is of another kind.
    """
    loaded = load_torch_file(path)
    if is_checkpoint(loaded):
        if name is not None:
            raise ExportError(f"--name is for a TransformerNet; {path} names its styles itself")
        return _style_network(loaded, path)
    if isinstance(loaded, Mapping) and "conv1.conv2d.weight" in loaded:
        return _transformer_net(loaded, path, name or path.stem)
    raise ExportError(
        f"{path} is neither a checkpoint of stylize-train ({FORMAT}) nor the state_dict of "
        f"pytorch/examples' TransformerNet: it holds {_describe(loaded)}"
    )


def _style_network(loaded: dict[str, Any], path: Path) -> Exportable:
    checkpoint = checkpoint_from(loaded, path)
    network = checkpoint.network.eval().requires_grad_(False)
    size = network.architecture
    return Exportable(
        f"StyleNetwork {size.deep}x{size.blocks}" + (f", {size.coarse}x{size.coarse_blocks}" if size.coarse else ""),
        checkpoint.styles,
        MULTIPLE,
        checkpoint.trunk,
        "MIT",
        network,
        partial(write_style_network, network),
        {"photos": checkpoint.photos},
    )


def _transformer_net(loaded: Mapping[str, Any], path: Path, name: str) -> Exportable:
    found = {key: value for key, value in loaded.items() if not str(key).endswith(DROPPED)}
    try:
        weights = check_weights(_expected(), found, "a TransformerNet")
    except TrainingError as error:
        raise ExportError(f"{path} does not hold its network: {error}") from error
    network = TransformerNet()
    network.load_state_dict(weights)
    network.eval().requires_grad_(False)

    def paint(photo: Tensor, style: Tensor) -> Tensor:
        painted: Tensor = network(photo * 255)
        return painted.clamp(0, 255) / 255

    return Exportable("TransformerNet", [name], 4, "", "unknown", paint, partial(write_transformer_net, network))


def _expected() -> dict[str, Tensor]:
    with torch.device("meta"):
        return TransformerNet().state_dict()


def _describe(loaded: Any) -> str:
    if not isinstance(loaded, Mapping):
        return f"a {type(loaded).__name__}"
    keys = ", ".join(repr(key)[:60] for key in list(loaded)[:3])
    return f"{keys}{', ...' if len(loaded) > 3 else ''}" if loaded else "nothing"
