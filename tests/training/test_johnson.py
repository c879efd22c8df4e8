"""Training of the network of Johnson et al., which ours is compared with."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import torch

ROOT = Path(__file__).parent.parent.parent


def train(world: Path, vgg_file: Path, count: int, painting: str = "one") -> subprocess.CompletedProcess[str]:
    command = [
        *(sys.executable, "-m", "benchmarks.quality.johnson", "--config", str(world / "run.toml")),
        *("--photos", str(world / "photos"), "--paintings", str(world / "paintings"), "--vgg", str(vgg_file)),
        *("--painting", painting, "--count", str(count), "-o", str(world / "johnson.pth")),
    ]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=170)


def test_same_command_with_more_photos_continues_the_run(world: Path, vgg_file: Path) -> None:
    for count in (4, 8):
        done = train(world, vgg_file, count)
        assert done.returncode == 0, done.stderr
        assert f"{count} photos" in done.stdout
    log = [json.loads(line) for line in (world / "johnson/losses.jsonl").read_text().splitlines()]
    assert [entry["photos"] for entry in log] == sorted(entry["photos"] for entry in log) and len(log) == 8
    optimizer = torch.load(world / "johnson/checkpoint.pt", weights_only=True)[-1]
    assert {float(entry["step"]) for entry in optimizer["state"].values()} == {step_count(log)}
    assert "conv1.conv2d.weight" in torch.load(world / "johnson.pth", weights_only=True)
    done = train(world, vgg_file, 12, "two")
    assert done.returncode == 1 and "is of one" in done.stderr


def step_count(log: list[dict[str, object]]) -> int:
    """Return the number of logged steps, each of which ends at another number of photos."""
    return len({entry["photos"] for entry in log})
