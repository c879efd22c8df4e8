"""Reading either kind of checkpoint as a network that can be exported."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from export.errors import ExportError
from export.graph import FloatType, GraphWriter, Ranges
from export.style_network import write_style_network
from export.transformer_net import write_transformer_net
from training.checkpoint import FORMAT, Checkpoint, checkpoint_from, is_checkpoint
from training.errors import TrainingError
from training.network import MULTIPLE
from training.safe_load import check_weights, load_torch_file
from training.transformer_net import TransformerNet

UNUSED_SUFFIXES = (".running_mean", ".running_var")  # statistics in files of torch 0.3 and before


@dataclass(frozen=True)
class Exportable:
    """A trained network that can be written as a graph.

    kind: its name and size. styles: the names of its styles, in the order of its style rows. multiple: what a frame's
    sides must be divisible by. trunk_digest: a digest of its convolutions, empty if no other file shares them. licence:
    of its weights, if known. training: figures of its training.
    stylize: photos [N, 3, H, W] RGB in 0..1 and style weights [N, S] -> images like the photos, by torch in fp32.
    write: writes its graph with weights of that type; the convolutions that have ranges are quantized.
    """

    kind: str
    styles: list[str]
    multiple: int
    trunk_digest: str
    licence: str
    stylize: Callable[[Tensor, Tensor], Tensor]
    write: Callable[[FloatType, Ranges | None], GraphWriter]
    training: dict[str, Any] = field(default_factory=dict)


def load_exportable(path: Path, name: str | None) -> Exportable:
    """Read a checkpoint of either kind. name: of the one style of a TransformerNet, by default the file's stem.

    Raises TrainingError if the file is not a checkpoint, ExportError if it is of another kind.
    """
    loaded = load_torch_file(path)
    if is_checkpoint(loaded):
        if name is not None:
            raise ExportError(f"--name is for a TransformerNet; {path} names its styles itself")
        return exportable(checkpoint_from(loaded, path))
    if isinstance(loaded, Mapping) and "conv1.conv2d.weight" in loaded:
        return _transformer_net(loaded, path, name or path.stem)
    raise ExportError(
        f"{path} is neither a checkpoint of stylize-train ({FORMAT}) nor the state_dict of "
        f"pytorch/examples' TransformerNet: it holds {_describe(loaded)}"
    )


def exportable(checkpoint: Checkpoint) -> Exportable:
    """Return the network of a checkpoint, which is not to be trained any more."""
    network = checkpoint.network.eval().requires_grad_(False)
    architecture = network.architecture
    kind = f"StyleNetwork {architecture.deep}x{architecture.blocks}"
    kind += f", {architecture.coarse}x{architecture.coarse_blocks}" if architecture.coarse else ""
    return Exportable(
        kind,
        checkpoint.styles,
        MULTIPLE,
        checkpoint.trunk_digest,
        "MIT",
        network,
        partial(write_style_network, network),
        {"photos": checkpoint.photos},
    )


def _transformer_net(loaded: Mapping[str, Any], path: Path, name: str) -> Exportable:
    state = {key: value for key, value in loaded.items() if not str(key).endswith(UNUSED_SUFFIXES)}
    try:
        weights = check_weights(_expected(), state, "a TransformerNet")
    except TrainingError as error:
        raise ExportError(f"{path} does not hold its network: {error}") from error
    network = TransformerNet()
    network.load_state_dict(weights)
    network.eval().requires_grad_(False)

    def stylize(photo: Tensor, style: Tensor) -> Tensor:
        stylized: Tensor = network(photo * 255)
        return stylized.clamp(0, 255) / 255

    return Exportable("TransformerNet", [name], 4, "", "unknown", stylize, partial(write_transformer_net, network))


def _expected() -> dict[str, Tensor]:
    with torch.device("meta"):
        return TransformerNet().state_dict()


def _describe(loaded: Any) -> str:
    if not isinstance(loaded, Mapping):
        return f"a {type(loaded).__name__}"
    keys = ", ".join(repr(key)[:60] for key in list(loaded)[:3])
    return f"{keys}{', ...' if len(loaded) > 3 else ''}" if loaded else "nothing"
