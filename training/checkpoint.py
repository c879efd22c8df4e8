"""Checkpoints: a network, and the state that is needed to continue its training."""

from __future__ import annotations

import hashlib
import io
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, get_type_hints

import torch

from realtime.system.files import write_atomic
from training.errors import TrainingError
from training.network import Architecture, StyleNetwork
from training.safe_load import check_weights, load_torch_file

FORMAT = "realtime-stylize/1"
COUNT_LIMIT = 1024  # channels, blocks or styles; a file with more is damaged or malicious


@dataclass
class Checkpoint:
    """A network and the state of its training.

    styles: the names of the style rows, in their order; photos, seconds: how long it has trained; optimizer: Adam's
    state.
    """

    network: StyleNetwork
    styles: list[str]
    photos: int = 0
    seconds: float = 0.0
    optimizer: dict[str, Any] = field(default_factory=dict)

    @property
    def trunk_digest(self) -> str:
        """A digest of all weights except the style rows; styles that were learned on the same ones can be mixed."""
        digest = hashlib.sha256()
        for key, weights in self.network.state_dict().items():
            if not is_style_row(key):
                digest.update(weights.float().numpy().tobytes())
        return digest.hexdigest()[:8]

    def save(self, path: Path) -> None:
        """Write the file, replacing the one before at the end. Raises TrainingError where it cannot be written."""
        buffer = io.BytesIO()  # the errors of torch.save do not say that a disk is full
        torch.save(
            {
                "format": FORMAT,
                "architecture": asdict(self.network.architecture),
                "styles": self.styles,
                "photos": self.photos,
                "seconds": self.seconds,
                "weights": self.network.state_dict(),
                "optimizer": self.optimizer,
            },
            buffer,
        )
        try:
            write_atomic(path, buffer.getbuffer())
        except OSError as error:
            before = "; the one from before is still there" if os.path.exists(path) else ""
            raise TrainingError(f"{path}: no checkpoint could be written: {error.strerror}{before}") from error

    def adapted(self, styles: list[str]) -> Checkpoint:
        """Return a start for other styles: these convolutions and style rows; a new style gets the mean of the rows."""
        network = StyleNetwork(len(styles), self.network.architecture)
        state = network.state_dict()
        for key, weights in self.network.state_dict().items():
            if is_style_row(key):
                known = {name: row for name, row in zip(self.styles, weights, strict=True)}
                weights = torch.stack([known.get(name, weights.mean(0)) for name in styles])
            state[key] = weights.float().clone()
        network.load_state_dict(state)
        return Checkpoint(network, styles)

    def joined(self, other: Checkpoint) -> Checkpoint:
        """Return both sets of styles in one network; the other's style rows replace those of the same name.

        Raises TrainingError where the two do not share their convolutions.
        """
        own_state, other_state = self.network.state_dict(), other.network.state_dict()
        shared = [key for key in own_state if not is_style_row(key)]
        if self.network.architecture != other.network.architecture or any(
            not torch.equal(own_state[key], other_state[key]) for key in shared
        ):
            raise TrainingError(f"{', '.join(other.styles)}: learnt on another network than {', '.join(self.styles)}")
        styles = self.styles + [name for name in other.styles if name not in self.styles]
        both = self.adapted(styles)
        state = both.network.state_dict()
        for key in state:
            if is_style_row(key):
                for name, row in zip(other.styles, other_state[key], strict=True):
                    state[key][styles.index(name)] = row
        both.network.load_state_dict(state)
        both.photos = self.photos
        return both


def is_style_row(key: str) -> bool:
    """Return whether a key of the network's state holds style rows, one per style: scales, shifts or matrices."""
    return key.endswith((".norm.scale", ".norm.shift", ".rows"))


def load_checkpoint(path: Path) -> Checkpoint:
    """Read a checkpoint without executing code in it. Raises TrainingError where it is missing or invalid."""
    loaded = load_torch_file(path)
    if not is_checkpoint(loaded):
        raise TrainingError(f"{path} is not a checkpoint of stylize-train ({FORMAT})")
    return checkpoint_from(loaded, path)


def is_checkpoint(loaded: Any) -> bool:
    """Return whether the contents of a file have the label that Checkpoint.save writes."""
    return isinstance(loaded, dict) and loaded.get("format") == FORMAT


def checkpoint_from(loaded: dict[str, Any], path: Path) -> Checkpoint:
    """Return the checkpoint in the contents of a file. Raises TrainingError where its parts do not fit each other.

    The network is first built on the meta device, without memory, and compared with the weights, so that a file cannot
    request a network larger than itself.
    """
    try:
        shape, styles, photos = loaded["architecture"], loaded["styles"], loaded["photos"]
        seconds = float(loaded.get("seconds", 0))
        types = get_type_hints(Architecture)
        if not all(type(value) is types.get(name, int) and value <= COUNT_LIMIT for name, value in shape.items()):
            raise TrainingError(f"its network is larger than {COUNT_LIMIT}")
        if not isinstance(styles, list) or not all(isinstance(name, str) and name for name in styles):
            raise TrainingError("its styles are no list of names")
        if not 0 < len(set(styles)) == len(styles) <= COUNT_LIMIT or type(photos) is not int:
            raise TrainingError("its styles or its count of photos are broken")
        architecture = Architecture(**shape)
        with torch.device("meta"):
            expected = StyleNetwork(len(styles), architecture).state_dict()
        weights = check_weights(expected, loaded["weights"], "a StyleNetwork")
        network = StyleNetwork(len(styles), architecture)
        network.load_state_dict(weights)
        return Checkpoint(network, styles, photos, seconds, dict(loaded["optimizer"]))
    except TrainingError as error:
        raise TrainingError(f"{path} does not hold its network: {error}") from error
    except KeyError as error:
        raise TrainingError(f"{path} does not hold its network: no {error} in it") from error
    except (TypeError, ValueError, AttributeError, RuntimeError) as error:
        first_line = (str(error).splitlines() or [type(error).__name__])[0]
        raise TrainingError(f"{path} does not hold its network: {first_line}") from error
