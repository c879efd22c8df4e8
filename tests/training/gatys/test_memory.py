"""The estimate of the memory that an optimization needs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from training.errors import TrainingError
from training.gatys import memory
from training.loss import LOSSES

ROOT = Path(__file__).parents[3]
LAYERS = ("relu1_2", "relu2_2", "relu3_3", "relu4_3")
MEASURING_PROGRAM = """
import re, sys, torch
from pathlib import Path
from training.gatys.optimize import LossSettings, make_loss, optimize
from training.loss import LOSSES
from training.vgg import Vgg
peak_memory = lambda: 1024 * int(re.search(r"VmHWM:\\s*(\\d+)", Path("/proc/self/status").read_text())[1])
before = peak_memory()
layers = sys.argv[3].split(",")
pyramid = LOSSES["pyramid"] if sys.argv[4] == "4" else None
settings = LossSettings(tuple(layers[-1:]), tuple(layers), pyramid=pyramid)
photo = torch.rand(1, 3, int(sys.argv[2]), int(sys.argv[2]))
vgg = Vgg("vgg16", settings.layers, Path(sys.argv[1]), margins="reflect").to(memory_format=torch.channels_last)
for _ in optimize(make_loss(vgg, photo, photo.flip(3), settings), photo, 1):
    pass
print(peak_memory() - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has /proc")
@pytest.mark.parametrize(("layers", "levels"), [(LAYERS[:3], 1), (LOSSES["pyramid"].all, LOSSES["pyramid"].levels)])
def test_estimated_memory_is_one_to_five_times_the_measured_one(
    vgg_file: Path, layers: tuple[str, ...], levels: int
) -> None:
    side = 256
    command = [sys.executable, "-c", MEASURING_PROGRAM, str(vgg_file), str(side), ",".join(layers), str(levels)]
    taken = int(subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout)
    estimate = memory.bytes_needed(side * side, "vgg16", layers, history_steps=2, levels=levels)
    assert 0.2 * estimate < taken < estimate, f"{taken / 1e6:.0f} MB taken, {estimate / 1e6:.0f} MB estimated"


def test_size_that_does_not_fit_is_refused_with_one_that_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "bytes_free", lambda device: 2 << 30)
    memory.check_fits((512, 512), (512, 512), "vgg16", LAYERS, 20, "cpu")
    with pytest.raises(TrainingError, match=r"4000x3000 would take about \d+\.\d GB .* and 2.1 GB are free") as caught:
        memory.check_fits((3000, 4000), (3000, 4000), "vgg16", LAYERS, 20, "cpu")
    size = int(str(caught.value).partition("--size ")[2].split()[0])
    memory.check_fits((size * 3 // 4, size), (size * 3 // 4, size), "vgg16", LAYERS, 20, "cpu")
    with pytest.raises(TrainingError, match="would take"):
        memory.check_fits((512, 512), (5120, 5120), "vgg16", LAYERS, 20, "cpu")
    monkeypatch.setattr(memory, "bytes_free", lambda device: 100 << 20)
    with pytest.raises(TrainingError, match="no useful size fits"):
        memory.check_fits((512, 512), (512, 512), "vgg16", LAYERS, 20, "cpu")


def test_any_size_is_accepted_where_free_memory_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "bytes_free", lambda device: None)
    memory.check_fits((100_000, 100_000), (10, 10), "vgg16", LAYERS, 20, "cpu")


def test_free_memory_respects_the_limit_of_a_container(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(memory, "CGROUP_FOLDER", tmp_path)
    before = memory.bytes_free("cpu")
    (tmp_path / "memory.max").write_text("1000000\n")
    (tmp_path / "memory.current").write_text("450000\n")
    (tmp_path / "memory.stat").write_text("anon 400000\ninactive_file 50000\n")
    assert memory.bytes_free("cpu") == 600000
    (tmp_path / "memory.max").write_text("max\n")
    free = memory.bytes_free("cpu")
    assert before is not None and free is not None and free > 600000
