"""Train Johnson's network on one painting, with the photos, losses and schedule of our network.

    python -m benchmarks.quality.johnson --painting starry_night --count 3000
        --photos DIR --paintings DIR --vgg FILE -o starry_night.pth

The file has the format of pytorch/examples `fast_neural_style`, which stylize-export reads, and so does
`python -m benchmarks.quality --model TransformerNet=starry_night.pth`. The same command resumes an interrupted run.
"""

from __future__ import annotations

import argparse
import os
import sys
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from export.metadata import ROOT
from training.checkpoint import Checkpoint
from training.config import Config, read_config
from training.network import Architecture, StyleNetwork
from training.train import Files, Report, train
from training.transformer_net import TransformerNet

DEFAULT_CONFIG = ROOT / "training/pyramid.toml"
JOHNSON_LEARNING_RATE = 1e-3


class JohnsonNetwork(StyleNetwork):
    """TransformerNet with the interface of our network: one style, colours in 0..1."""

    def __init__(self) -> None:
        torch.nn.Module.__init__(self)
        self.styles, self.architecture = 1, Architecture()
        self.transformer = TransformerNet()

    def forward(self, photo: Tensor, style: Tensor) -> Tensor:
        """Stylize [N, 3, H, W]; `style` is ignored, since the network has one."""
        stylized: Tensor = self.transformer(255 * photo)
        return stylized.float() / 255


class JohnsonCheckpoint(Checkpoint):
    """A checkpoint of this network; it has no format label, so that it is not taken for one of ours."""

    def save(self, path: Path) -> None:
        """Write the file, whole or not at all."""
        part = path.with_name(path.name + ".part")
        torch.save([self.network.state_dict(), self.styles, self.photos, self.seconds, self.optimizer], part)
        os.replace(part, path)

    @classmethod
    def begin(cls, path: Path, painting: str) -> JohnsonCheckpoint:
        """Read the checkpoint, or return a new one if there is no file; exit if it has another painting."""
        network = JohnsonNetwork()
        if not path.exists():
            return cls(network, [painting])
        weights, styles, *rest = torch.load(path, map_location="cpu", weights_only=True)
        if styles != [painting]:
            sys.exit(f"benchmarks.quality.johnson: {path} is of {styles[0]}; choose another -o")
        network.load_state_dict(weights)
        return cls(network, styles, *rest)


def main(argv: list[str] | None = None) -> int:
    """Train, write the weights, and return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.quality.johnson", description=__doc__.splitlines()[0])
    parser.add_argument("--config", type=Path, default=DEFAULT_CONFIG, help="the training run of our network")
    parser.add_argument("--painting", required=True, help="one of its paintings")
    parser.add_argument("--count", type=int, required=True, help="photos to train on, as many as each of ours had")
    for name in ("photos", "paintings", "vgg"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--previews", type=Path)
    parser.add_argument("-o", "--output", type=Path, required=True)
    arguments = parser.parse_args(argv)
    ours = read_config(arguments.config)
    (painting,) = (painting for painting in ours.paintings if painting.name == arguments.painting)
    schedule = replace(ours.schedule, photos=arguments.count, minutes=0.0, learning_rate=JOHNSON_LEARNING_RATE)
    config = Config(ours.architecture, schedule, (painting,))
    run_folder = arguments.output.with_suffix("")
    files = Files(arguments.photos, arguments.paintings, arguments.vgg, run_folder, arguments.previews)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    trained = train(config, files, device, show, JohnsonCheckpoint.begin(files.checkpoint, painting.name)).network
    assert isinstance(trained, JohnsonNetwork)
    torch.save(trained.transformer.state_dict(), arguments.output)
    return 0


def show(report: Report) -> None:
    """Print the progress in one line."""
    print(f"{report.progress:.1%}  {report.photos} photos  {report}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
