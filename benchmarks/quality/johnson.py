"""Johnson's own network, trained on one painting as ours is on eighteen: the same photos, losses and schedule.

    python -m benchmarks.quality.johnson --config training/live.toml --painting starry_night --count 3000
        --photos DIR --paintings DIR --vgg FILE -o starry_night.pth

The file is one of pytorch/examples `fast_neural_style`: stylize-export takes it. The same command goes on where it
stopped.
"""

from __future__ import annotations

import argparse
import os
import sys
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from training.checkpoint import Checkpoint
from training.config import Config, read_config
from training.network import Architecture, StyleNetwork
from training.train import Files, Report, train
from training.transformer_net import TransformerNet


class Johnson(StyleNetwork):
    """TransformerNet in the place of ours: one style, colours in 0..1."""

    def __init__(self) -> None:
        torch.nn.Module.__init__(self)
        self.styles, self.architecture = 1, Architecture()
        self.transformer = TransformerNet()

    def forward(self, photo: Tensor, style: Tensor) -> Tensor:
        """As StyleNetwork's; `style` is not looked at."""
        painted: Tensor = self.transformer(255 * photo)
        return painted.float() / 255


class JohnsonRun(Checkpoint):
    """A checkpoint of this network, which is none of ours: no label says so."""

    def save(self, path: Path) -> None:
        """Write, whole or not at all."""
        part = path.with_name(path.name + ".part")
        torch.save([self.network.state_dict(), self.styles, self.photos, self.seconds, self.optimizer], part)
        os.replace(part, path)

    @classmethod
    def begin(cls, path: Path, painting: str) -> JohnsonRun:
        """What that file holds, or a new one where there is none."""
        network = Johnson()
        if not path.exists():
            return cls(network, [painting])
        weights, styles, *rest = torch.load(path, map_location="cpu", weights_only=True)
        if styles != [painting]:
            sys.exit(f"benchmarks.quality.johnson: {path} is of {styles[0]}; choose another -o")
        network.load_state_dict(weights)
        return cls(network, styles, *rest)


def main() -> int:
    """The entry point; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.quality.johnson", description=__doc__.splitlines()[0])
    parser.add_argument("--config", type=Path, required=True, help="the run of our network")
    parser.add_argument("--painting", required=True, help="one of its paintings")
    parser.add_argument("--count", type=int, required=True, help="photos to learn from: as many as each of ours had")
    for name in ("photos", "paintings", "vgg"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--previews", type=Path)
    parser.add_argument("-o", "--output", type=Path, required=True)
    arguments = parser.parse_args()
    whole = read_config(arguments.config)
    (painting,) = (painting for painting in whole.paintings if painting.name == arguments.painting)
    schedule = replace(whole.schedule, photos=arguments.count, minutes=0.0, learning_rate=1e-3)  # the rate of theirs
    config = Config(whole.architecture, schedule, (painting,))
    run = arguments.output.with_suffix("")
    files = Files(arguments.photos, arguments.paintings, arguments.vgg, run, arguments.previews)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    learnt = train(config, files, device, show, JohnsonRun.begin(files.checkpoint, painting.name)).network
    assert isinstance(learnt, Johnson)
    torch.save(learnt.transformer.state_dict(), arguments.output)
    return 0


def show(report: Report) -> None:
    """One line."""
    print(f"{report.progress:.1%}  {report.photos} photos  {report}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
