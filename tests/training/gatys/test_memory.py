from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from training.errors import TrainingError
from training.gatys import memory

ROOT = Path(__file__).parents[3]
LAYERS = ("relu1_2", "relu2_2", "relu3_3", "relu4_3")
MEASURE = """
import re, sys, torch
from pathlib import Path
from training.gatys.optimize import PairLoss, Recipe, optimise
from training.vgg import Vgg
taken = lambda: 1024 * int(re.search(r"VmHWM:\\s*(\\d+)", Path("/proc/self/status").read_text())[1])
before = taken()
layers = sys.argv[3].split(",")
recipe = Recipe(tuple(layers[-1:]), tuple(layers))
photo = torch.rand(1, 3, int(sys.argv[2]), int(sys.argv[2]))
vgg = Vgg("vgg16", recipe.layers, Path(sys.argv[1]), margins="reflect").to(memory_format=torch.channels_last)
for _ in optimise(PairLoss(vgg, photo, photo.flip(3), recipe), photo, 1):
    pass
print(taken() - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="/proc is of Linux")
def test_the_estimate_is_above_what_is_taken_and_not_far(vgg_file: Path) -> None:
    side, layers = 256, LAYERS[:3]
    command = [sys.executable, "-c", MEASURE, str(vgg_file), str(side), ",".join(layers)]
    taken = int(subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout)
    estimate = memory.bytes_needed(side * side, "vgg16", layers, history=2)
    assert 0.2 * estimate < taken < estimate, f"{taken / 1e6:.0f} MB taken, {estimate / 1e6:.0f} MB estimated"


def test_what_does_not_fit_is_one_line_with_a_size_that_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "bytes_free", lambda device: 2 << 30)
    memory.check((512, 512), (512, 512), "vgg16", LAYERS, 20, "cpu")
    with pytest.raises(TrainingError, match=r"4000x3000 would take about \d+\.\d GB .* and 2.1 GB are free") as caught:
        memory.check((3000, 4000), (3000, 4000), "vgg16", LAYERS, 20, "cpu")
    size = int(str(caught.value).partition("--size ")[2].split()[0])
    memory.check((size * 3 // 4, size), (size * 3 // 4, size), "vgg16", LAYERS, 20, "cpu")
    with pytest.raises(TrainingError, match="would take"):
        memory.check((512, 512), (5120, 5120), "vgg16", LAYERS, 20, "cpu")
    monkeypatch.setattr(memory, "bytes_free", lambda device: 100 << 20)
    with pytest.raises(TrainingError, match="no useful size fits"):
        memory.check((512, 512), (512, 512), "vgg16", LAYERS, 20, "cpu")


def test_where_nobody_knows_nothing_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "bytes_free", lambda device: None)
    memory.check((100_000, 100_000), (10, 10), "vgg16", LAYERS, 20, "cpu")


def test_a_containers_limit_counts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(memory, "CGROUP", tmp_path)
    before = memory.bytes_free("cpu")
    (tmp_path / "memory.max").write_text("1000000\n")
    (tmp_path / "memory.current").write_text("450000\n")
    (tmp_path / "memory.stat").write_text("anon 400000\ninactive_file 50000\n")
    assert memory.bytes_free("cpu") == 600000
    (tmp_path / "memory.max").write_text("max\n")
    free = memory.bytes_free("cpu")
    assert before is not None and free is not None and free > 600000
