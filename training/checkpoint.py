"""Checkpoints: a network, and what is needed to go on training it."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch

from training.errors import TrainingError
from training.network import Architecture, StyleNetwork

FORMAT = "realtime-stylize/1"


@dataclass
class Checkpoint:
    """network: with its weights; styles: its rows by name; photos: seen so far; optimizer: Adam's state."""

    network: StyleNetwork
    styles: list[str]
    photos: int = 0
    optimizer: dict[str, Any] = field(default_factory=dict)

    def save(self, path: Path) -> None:
        """Write, whole or not at all."""
        part = path.with_name(path.name + ".part")
        torch.save(
            {
                "format": FORMAT,
                "architecture": asdict(self.network.architecture),
                "styles": self.styles,
                "photos": self.photos,
                "weights": self.network.state_dict(),
                "optimizer": self.optimizer,
            },
            part,
        )
        os.replace(part, path)


def load_checkpoint(path: Path) -> Checkpoint:
    """Read a checkpoint; nothing in the file is ever executed.

    Raises TrainingError where it is missing or not one of ours.
    """
    try:
        loaded = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise TrainingError(f"{path}: {error.strerror or error}") from error
    except Exception as error:
        raise TrainingError(f"{path} is not a checkpoint: {_first_line(error)}") from error
    if not isinstance(loaded, dict) or loaded.get("format") != FORMAT:
        raise TrainingError(f"{path} is not a checkpoint of stylize-train ({FORMAT})")
    try:
        architecture = Architecture(**loaded["architecture"])
        network = StyleNetwork(len(loaded["styles"]), architecture)
        network.load_state_dict(loaded["weights"])
        return Checkpoint(network, list(loaded["styles"]), loaded["photos"], loaded["optimizer"])
    except Exception as error:
        raise TrainingError(f"{path} does not hold its network: {_first_line(error)}") from error


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
