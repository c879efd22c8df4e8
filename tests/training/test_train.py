from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from training.checkpoint import Checkpoint, is_row, load_checkpoint
from training.cli import main
from training.config import Schedule, read_config
from training.errors import TrainingError
from training.images import PhotoCrops
from training.network import StyleNetwork
from training.train import learning_rate

ROOT = Path(__file__).parent.parent.parent
COARSE = "coarse = 24\ncoarse_blocks = 1\nmatrices = true"


def command(world: Path, vgg_file: Path, *more: str) -> list[str]:
    return [
        *(sys.executable, "-m", "training.cli", "--config", str(world / "run.toml")),
        *("--photos", str(world / "photos"), "--paintings", str(world / "paintings")),
        *("--vgg", str(vgg_file), "--device", "cpu", "-o", str(world / "out"), *more),
    ]


def train(world: Path, vgg_file: Path, *more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command(world, vgg_file, *more), cwd=ROOT, capture_output=True, text=True, timeout=170)


def test_a_run_learns_stops_and_goes_on(world: Path, vgg_file: Path) -> None:
    done = train(world, vgg_file, "--previews", str(world / "paintings"))
    assert done.returncode == 0, done.stderr
    first = load_checkpoint(world / "out/checkpoint.pt")
    assert (first.photos, first.styles) == (24, ["one", "two"])
    log = [json.loads(line) for line in (world / "out/losses.jsonl").read_text().splitlines()]
    assert len(log) == 24 and {entry["style"] for entry in log} == {"one", "two"}
    assert all(entry["style_loss"] > 0 and entry["content_loss"] > 0 for entry in log)
    assert (world / "out/preview_0000024.png").is_file()

    text = (world / "run.toml").read_text()
    (world / "run.toml").write_text(text.replace("photos = 24", "photos = 32"))
    done = train(world, vgg_file)
    assert done.returncode == 0, done.stderr
    second = load_checkpoint(world / "out/checkpoint.pt")
    assert second.photos == 32
    assert len((world / "out/losses.jsonl").read_text().splitlines()) == 32
    before, after = first.network.state_dict(), second.network.state_dict()
    assert any(not torch.equal(before[key], after[key]) for key in before)
    steps = {float(entry["step"]) for entry in second.optimizer["state"].values()}
    assert steps == {16.0}, "Adam did not go on where it stopped"


def test_pyramid_trains_the_coarse_level_and_the_matrices(world: Path, vgg_file: Path) -> None:
    """On paintings smaller than the config asks for, which are not enlarged."""
    text = (world / "run.toml").read_text().replace("blocks = 1", f"blocks = 1\n{COARSE}")
    text = text.replace("crop = 32", 'crop = 64\nloss = "pyramid"').replace("painting = 64", "painting = 608")
    (world / "run.toml").write_text(text)
    config = read_config(world / "run.toml")
    begin = Checkpoint(StyleNetwork(2, config.architecture), config.names)
    begin.save(world / "begin.pt")
    done = train(world, vgg_file, "--start", str(world / "begin.pt"))
    assert done.returncode == 0, done.stderr
    after = load_checkpoint(world / "out/checkpoint.pt")
    assert (after.photos, after.network.architecture) == (24, config.architecture)
    before, now = begin.network.state_dict(), after.network.state_dict()
    still = {key for key in before if torch.equal(before[key], now[key])}
    assert not still, "every weight takes part"


def test_ctrl_c_keeps_what_was_learnt(world: Path, vgg_file: Path) -> None:
    text = (world / "run.toml").read_text()
    (world / "run.toml").write_text(text.replace("photos = 24", "photos = 1000000"))
    process = subprocess.Popen(
        ["bash", "-c", 'trap "" INT; exec "$@"', "bash", *command(world, vgg_file)],  # deaf, as in the background
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    log = world / "out/losses.jsonl"
    deadline = time.monotonic() + 120
    while not (log.exists() and log.stat().st_size) and time.monotonic() < deadline:
        time.sleep(0.1)
    os.kill(process.pid, signal.SIGINT)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 130
    assert b"goes on from" in stderr and b"Traceback" not in stderr
    assert 0 < load_checkpoint(world / "out/checkpoint.pt").photos < 1000000


def test_another_networks_checkpoint_is_left_alone(world: Path, vgg_file: Path) -> None:
    assert train(world, vgg_file).returncode == 0
    before = (world / "out/checkpoint.pt").read_bytes()
    text = (world / "run.toml").read_text()
    (world / "run.toml").write_text(text.replace('name = "two"', 'name = "three"'))
    done = train(world, vgg_file)
    assert done.returncode == 1 and done.stderr.count("\n") == 1 and "other styles" in done.stderr
    assert (world / "out/checkpoint.pt").read_bytes() == before


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("channels", "chanels"), "unknown setting 'chanels'"),
        (('name = "two"', 'name = "one"'), "share a name"),
        (("[network]", "[network"), "is not TOML"),
        (("channels = 8", "channels = 0"), "not a network's shape"),
        (("photos = 24", 'photos = "many"'), "photos: expected int, got 'many'"),
        (("batch = 2", "batch = 0"), "batch: must be at least 1"),
        (("crop = 32", "crop = 100"), "crop: must be a multiple of 8 from 32 on, got 100"),
        (("crop = 32", 'crop = 56\nloss = "pyramid"'), "crop: must be a multiple of 8 from 64 on, got 56"),
        (("crop = 32", 'crop = 32\nloss = "gram"'), "loss: must be one of single, pyramid, got 'gram'"),
    ],
)
def test_a_broken_config_is_one_line(world: Path, change: tuple[str, str], message: str) -> None:
    text = (world / "run.toml").read_text()
    (world / "run.toml").write_text(text.replace(*change))
    with pytest.raises(TrainingError, match=message):
        read_config(world / "run.toml")


def test_the_shipped_configs_are_read() -> None:
    configs = {name: read_config(ROOT / f"training/{name}.toml") for name in ("live", "wide")}
    assert len(configs["live"].paintings) >= 4
    for name, config in configs.items():
        state = load_checkpoint(ROOT / f"training/checkpoints/{name}.pt")
        assert config.paintings == configs["live"].paintings
        assert (state.network.architecture, state.styles) == (config.architecture, config.names)
        assert state.photos == config.schedule.photos


def test_pyramid_config_has_the_paintings_of_the_live_model() -> None:
    pyramid, live = (read_config(ROOT / f"training/{name}.toml") for name in ("pyramid", "live"))
    assert pyramid.schedule.loss == "pyramid" and pyramid.architecture.matrices
    assert [(p.name, p.file) for p in pyramid.paintings] == [(p.name, p.file) for p in live.paintings]


def test_a_config_that_takes_its_own_paintings_is_one_line(world: Path) -> None:
    (world / "run.toml").write_text('paintings_of = "run.toml"\n' + (world / "run.toml").read_text())
    with pytest.raises(TrainingError, match="names the file itself"):
        read_config(world / "run.toml")


def test_every_step_is_logged_also_the_last_ones(world: Path, vgg_file: Path) -> None:
    """Batches of 2 that do not fill 25 photos: twelve of them, fewer than are reported at once."""
    text = (world / "run.toml").read_text()
    (world / "run.toml").write_text(text.replace("photos = 24", "photos = 25"))
    done = train(world, vgg_file)
    assert done.returncode == 0, done.stderr
    assert load_checkpoint(world / "out/checkpoint.pt").photos == 24
    assert len((world / "out/losses.jsonl").read_text().splitlines()) == 24


@pytest.mark.parametrize("missing", ["--photos", "--paintings", "--vgg", "--config"])
def test_a_missing_input_is_one_line(world: Path, vgg_file: Path, missing: str) -> None:
    arguments = command(world, vgg_file)
    arguments[arguments.index(missing) + 1] = str(world / "nowhere")
    done = subprocess.run(arguments, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 1
    assert done.stderr.startswith("stylize-train: ") and done.stderr.count("\n") == 1
    assert "nowhere" in done.stderr


def test_a_folder_that_cannot_be_one_is_one_line(world: Path, vgg_file: Path) -> None:
    (world / "out").write_text("a file where the folder should be")
    done = train(world, vgg_file)
    assert done.returncode == 1 and done.stderr.count("\n") == 1
    assert done.stderr.startswith("stylize-train: ") and "out" in done.stderr


def test_photos_repeat_exactly_and_broken_ones_give_way(world: Path) -> None:
    crops = PhotoCrops(world / "photos", 32, 1.4, seed=3)
    again = PhotoCrops(world / "photos", 32, 1.4, seed=3)
    for index in (0, 5, 6, 17):
        assert torch.equal(crops[index], again[index])
        assert crops[index].shape == (3, 32, 32)
    assert not torch.equal(crops[0], PhotoCrops(world / "photos", 32, 1.4, seed=4)[0])


def test_the_learning_rate_warms_up_and_falls() -> None:
    schedule = Schedule(photos=4000, batch=4, learning_rate=1e-3, final_rate=1e-5, warmup=100)
    rates = [learning_rate(schedule, step, step / 1000) for step in range(1000)]
    assert rates[0] < 1e-3 / 50 and max(rates) < 1e-3 and max(rates) == max(rates[95:120])
    assert rates[-1] < 2e-5


@pytest.mark.parametrize("shape", ["", COARSE], ids=["plain", "coarse"])
def test_a_run_by_the_clock_ends_and_learns_rows_alone(world: Path, vgg_file: Path, shape: str) -> None:
    text = (world / "run.toml").read_text()
    (world / "run.toml").write_text(text.replace("blocks = 1", f"blocks = 1\n{shape}"))
    assert train(world, vgg_file).returncode == 0
    start = load_checkpoint(world / "out/checkpoint.pt")
    text = (world / "run.toml").read_text().replace("photos = 24", "minutes = 0.02\nrows_only = true\ncrops = 3")
    (world / "run.toml").write_text(text.replace('name = "two"', 'name = "three"'))
    done = train(world, vgg_file, "--start", str(world / "out/checkpoint.pt"), "-o", str(world / "more"))
    assert done.returncode == 0, done.stderr
    after = load_checkpoint(world / "more/checkpoint.pt")
    assert after.styles == ["one", "three"] and 0.02 * 60 <= after.seconds < 60
    before, now = start.network.state_dict(), after.network.state_dict()
    moved = {key for key in before if not torch.equal(before[key], now[key])}
    assert moved and all(is_row(key) for key in moved)
    assert any(key.endswith(".rows") for key in moved) is bool(shape)
    assert start.trunk == after.trunk
    whole = start.joined(after)
    assert whole.styles == ["one", "two", "three"]
    photo = torch.rand(1, 3, 32, 32)
    with torch.no_grad():
        for mine, other, name in ((0, 0, "one"), (2, 1, "three")):
            joined = whole.network(photo, torch.eye(3)[mine : mine + 1])
            assert torch.equal(joined, after.network(photo, torch.eye(2)[other : other + 1])), name
        two = whole.network(photo, torch.eye(3)[1:2])
        assert torch.equal(two, start.network(photo, torch.eye(2)[1:2]))


def test_rows_of_another_network_are_not_joined(world: Path, vgg_file: Path) -> None:
    assert train(world, vgg_file).returncode == 0
    first = load_checkpoint(world / "out/checkpoint.pt")
    with pytest.raises(TrainingError, match="another network"):
        first.joined(Checkpoint(StyleNetwork(1, first.network.architecture), ["new"]))


def test_a_loss_that_is_no_number_stops_and_keeps_the_checkpoint(world: Path, vgg_file: Path) -> None:
    assert train(world, vgg_file).returncode == 0
    before = (world / "out/checkpoint.pt").read_bytes()
    broken = load_file(vgg_file)
    broken["features.0.bias"][:] = float("nan")
    save_file(broken, world / "broken.safetensors")
    text = (world / "run.toml").read_text()
    (world / "run.toml").write_text(text.replace("photos = 24", "photos = 48"))
    done = train(world, world / "broken.safetensors")
    assert done.returncode == 1 and done.stderr.count("\n") == 1 and "no number any more" in done.stderr
    assert (world / "out/checkpoint.pt").read_bytes() == before


def test_a_full_disk_keeps_the_checkpoint_from_before(world: Path, vgg_file: Path) -> None:
    assert train(world, vgg_file).returncode == 0
    before = (world / "out/checkpoint.pt").read_bytes()
    code = (
        "import sys, pathlib, training.checkpoint as c; path = pathlib.Path(sys.argv[1]); "
        "checkpoint = c.load_checkpoint(path)\n"
        "try: checkpoint.save(path)\n"
        "except c.TrainingError as error: sys.exit(str(error))"
    )
    limit = f'ulimit -f {len(before) // 2048}; exec "$@"'  # in kB: half of a checkpoint
    run = ["bash", "-c", limit, "bash", sys.executable, "-c", code, str(world / "out/checkpoint.pt")]
    done = subprocess.run(run, cwd=ROOT, capture_output=True, text=True, timeout=170)
    assert done.stderr.count("\n") == 1, done.stderr
    assert "no checkpoint could be written: File too large; the one from before is still there" in done.stderr
    assert (world / "out/checkpoint.pt").read_bytes() == before
    assert not list((world / "out").glob("*.part"))


def test_a_damaged_checkpoint_says_what_to_do(world: Path, vgg_file: Path) -> None:
    assert train(world, vgg_file).returncode == 0
    checkpoint = world / "out/checkpoint.pt"
    checkpoint.write_bytes(checkpoint.read_bytes()[:9999])
    done = train(world, vgg_file)
    assert done.returncode == 1 and done.stderr.count("\n") == 1, done.stderr
    assert str(checkpoint) in done.stderr and done.stderr.endswith("; delete it to begin anew\n")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "one of a PAINTING, --config FILE and --remove NAME is needed"),
        (["a.jpg", "--config", "b.toml"], "one of a PAINTING, --config"),
        (["a.jpg", "--remove", "a"], "one of a PAINTING, --config"),
        (["--remove", "a", "--name", "b"], "--remove NAME stands alone"),
        (["--config", "b.toml"], "--config needs --paintings, --output, --photos"),
        (["a.jpg", "--start", "c.pt"], "--start goes with --config"),
        (["a.jpg", "--minutes", "0"], "--minutes"),
    ],
)
def test_half_a_command_is_a_usage_error(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["stylize-train", *arguments])
    with pytest.raises(SystemExit) as exit_:
        main()
    assert exit_.value.code == 2 and message in capsys.readouterr().err
