"""Training of the network of Johnson et al., which ours is compared with."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from benchmarks.quality.johnson import main
from tests.training.world import Finished, run_in_process


def train(world: Path, vgg_file: Path, count: int, painting: str = "one") -> Finished:
    arguments = [
        *("--config", str(world / "run.toml"), "--photos", str(world / "photos")),
        *("--paintings", str(world / "paintings"), "--vgg", str(vgg_file)),
        *("--painting", painting, "--count", str(count), "-o", str(world / "johnson.pth")),
    ]
    return run_in_process(main, arguments)


def test_same_command_with_more_photos_continues_the_run(world: Path, vgg_file: Path) -> None:
    for count in (4, 8):
        completed = train(world, vgg_file, count)
        assert completed.status == 0, completed.err
        assert f"{count} photos" in completed.out
    log = [json.loads(line) for line in (world / "johnson/losses.jsonl").read_text().splitlines()]
    photos = [entry["photos"] for entry in log]
    assert photos == sorted(photos) and len(photos) == 8
    optimizer = torch.load(world / "johnson/checkpoint.pt", weights_only=True)[-1]
    steps = len(set(photos))  # each step ends at another number of photos
    assert {float(entry["step"]) for entry in optimizer["state"].values()} == {steps}
    assert "conv1.conv2d.weight" in torch.load(world / "johnson.pth", weights_only=True)
    with pytest.raises(SystemExit, match="is of one"):
        train(world, vgg_file, 12, "two")
