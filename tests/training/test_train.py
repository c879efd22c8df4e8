"""Training runs: continuing, interruption, config files and errors."""

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

from tests.training.world import Finished, run_in_process
from training.checkpoint import Checkpoint, is_style_row, load_checkpoint
from training.cli import main
from training.config import Schedule, read_config
from training.errors import TrainingError
from training.images import PhotoCrops
from training.network import StyleNetwork
from training.train import learning_rate

ROOT = Path(__file__).parent.parent.parent
COARSE = "coarse = 24\ncoarse_blocks = 1\nmatrices = true"


def train_arguments(world: Path, vgg_file: Path, *more: str) -> list[str]:
    return [
        *("--config", str(world / "run.toml"), "--photos", str(world / "photos")),
        *(
            "--paintings",
            str(world / "paintings"),
            "--vgg",
            str(vgg_file),
            "--device",
            "cpu",
            "-o",
            str(world / "out"),
            *more,
        ),
    ]


def train(world: Path, vgg_file: Path, *more: str) -> Finished:
    return run_in_process(main, train_arguments(world, vgg_file, *more))


def change_config(world: Path, *changes: tuple[str, str]) -> None:
    path = world / "run.toml"
    text = path.read_text()
    for old, new in changes:
        text = text.replace(old, new)
    path.write_text(text)


def save_checkpoint(world: Path, path: Path) -> Checkpoint:
    """Save a checkpoint of the config's network with random weights."""
    config = read_config(world / "run.toml")
    checkpoint = Checkpoint(StyleNetwork(2, config.architecture), config.names)
    path.parent.mkdir(exist_ok=True)
    checkpoint.save(path)
    return checkpoint


def test_run_trains_and_continues_when_the_schedule_is_extended(world: Path, vgg_file: Path) -> None:
    completed = train(world, vgg_file, "--previews", str(world / "paintings"))
    assert completed.status == 0, completed.err
    first = load_checkpoint(world / "out/checkpoint.pt")
    assert (first.photos, first.styles) == (24, ["one", "two"])
    log = [json.loads(line) for line in (world / "out/losses.jsonl").read_text().splitlines()]
    assert len(log) == 24 and {entry["style"] for entry in log} == {"one", "two"}
    assert all(entry["style_loss"] > 0 and entry["content_loss"] > 0 for entry in log)
    assert (world / "out/preview_0000024.png").is_file()

    change_config(world, ("photos = 24", "photos = 32"))
    completed = train(world, vgg_file)
    assert completed.status == 0, completed.err
    second = load_checkpoint(world / "out/checkpoint.pt")
    assert second.photos == 32
    assert len((world / "out/losses.jsonl").read_text().splitlines()) == 32
    before, after = first.network.state_dict(), second.network.state_dict()
    assert any(not torch.equal(before[key], after[key]) for key in before)
    steps = {float(entry["step"]) for entry in second.optimizer["state"].values()}
    assert steps == {16.0}, "the state of Adam is lost"


def test_ctrl_c_writes_the_checkpoint(world: Path, vgg_file: Path) -> None:
    change_config(world, ("photos = 24", "photos = 1000000"))
    command = [sys.executable, "-m", "training", *train_arguments(world, vgg_file)]
    process = subprocess.Popen(
        # SIGINT is ignored at the start, as it is for a shell's background jobs.
        ["bash", "-c", 'trap "" INT; exec "$@"', "bash", *command],
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


def test_checkpoint_of_other_styles_is_refused_and_kept(world: Path, vgg_file: Path) -> None:
    save_checkpoint(world, world / "out/checkpoint.pt")
    before = (world / "out/checkpoint.pt").read_bytes()
    change_config(world, ('name = "two"', 'name = "three"'))
    completed = train(world, vgg_file)
    assert completed.status == 1 and completed.err.count("\n") == 1 and "other styles" in completed.err
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
def test_invalid_config_is_refused(world: Path, change: tuple[str, str], message: str) -> None:
    change_config(world, change)
    with pytest.raises(TrainingError, match=message):
        read_config(world / "run.toml")


def test_every_step_is_logged_including_those_since_the_last_report(world: Path, vgg_file: Path) -> None:
    """25 photos make twelve batches of 2, fewer than the steps between two reports."""
    change_config(world, ("photos = 24", "photos = 25"))
    completed = train(world, vgg_file)
    assert completed.status == 0, completed.err
    assert load_checkpoint(world / "out/checkpoint.pt").photos == 24
    assert len((world / "out/losses.jsonl").read_text().splitlines()) == 24


@pytest.mark.parametrize("missing", ["--photos", "--paintings", "--vgg", "--config"])
def test_missing_input_is_reported_in_one_line(world: Path, vgg_file: Path, missing: str) -> None:
    arguments = train_arguments(world, vgg_file)
    arguments[arguments.index(missing) + 1] = str(world / "nowhere")
    completed = run_in_process(main, arguments)
    assert completed.status == 1
    assert completed.err.startswith("stylize-train: ") and completed.err.count("\n") == 1
    assert "nowhere" in completed.err


def test_output_folder_that_is_a_file_is_reported_in_one_line(world: Path, vgg_file: Path) -> None:
    (world / "out").write_text("a file where the folder should be")
    completed = train(world, vgg_file)
    assert completed.status == 1 and completed.err.count("\n") == 1
    assert completed.err.startswith("stylize-train: ") and "out" in completed.err


def test_photo_crops_depend_on_seed_and_index_and_skip_unreadable_photos(world: Path) -> None:
    crops = PhotoCrops(world / "photos", 32, 1.4, seed=3)
    again = PhotoCrops(world / "photos", 32, 1.4, seed=3)
    for index in (0, 5, 6, 17):
        assert torch.equal(crops[index], again[index])
        assert crops[index].shape == (3, 32, 32)
    assert not torch.equal(crops[0], PhotoCrops(world / "photos", 32, 1.4, seed=4)[0])


def test_learning_rate_rises_in_the_warm_up_and_then_falls() -> None:
    schedule = Schedule(photos=4000, batch=4, learning_rate=1e-3, final_rate=1e-5, warmup=100)
    rates = [learning_rate(schedule, step, step / 1000) for step in range(1000)]
    assert rates[0] < 1e-3 / 50 and max(rates) < 1e-3 and max(rates) == max(rates[95:120])
    assert rates[-1] < 2e-5


@pytest.mark.parametrize("shape", ["", COARSE], ids=["plain", "coarse"])
def test_rows_only_run_of_some_minutes_changes_rows_only_and_can_be_joined(
    world: Path, vgg_file: Path, shape: str
) -> None:
    change_config(world, ("blocks = 1", f"blocks = 1\n{shape}"))
    assert train(world, vgg_file).status == 0
    start = load_checkpoint(world / "out/checkpoint.pt")
    change_config(
        world,
        ("photos = 24", "minutes = 0.005\nrows_only = true\ncrops = 3"),
        ('name = "two"', 'name = "three"'),
    )
    completed = train(world, vgg_file, "--start", str(world / "out/checkpoint.pt"), "-o", str(world / "more"))
    assert completed.status == 0, completed.err
    after = load_checkpoint(world / "more/checkpoint.pt")
    assert after.styles == ["one", "three"] and after.seconds >= 0.005 * 60
    assert after.photos < Schedule().photos, "the run did not end by its minutes"
    before, now = start.network.state_dict(), after.network.state_dict()
    changed = {key for key in before if not torch.equal(before[key], now[key])}
    assert changed and all(is_style_row(key) for key in changed)
    assert any(key.endswith(".rows") for key in changed) is bool(shape)
    assert start.trunk_digest == after.trunk_digest
    joined = start.joined(after)
    assert joined.styles == ["one", "two", "three"]
    photo = torch.rand(1, 3, 32, 32)
    with torch.no_grad():
        for index, source, source_index in ((0, after, 0), (1, start, 1), (2, after, 1)):
            stylized = joined.network(photo, torch.eye(3)[index : index + 1])
            assert torch.equal(stylized, source.network(photo, torch.eye(2)[source_index : source_index + 1])), index


def test_joining_rows_of_another_network_is_refused(world: Path) -> None:
    first = save_checkpoint(world, world / "out/checkpoint.pt")
    with pytest.raises(TrainingError, match="another network"):
        first.joined(Checkpoint(StyleNetwork(1, first.network.architecture), ["new"]))


def test_loss_that_is_nan_ends_the_run_and_keeps_the_checkpoint(world: Path, vgg_file: Path) -> None:
    save_checkpoint(world, world / "out/checkpoint.pt")
    before = (world / "out/checkpoint.pt").read_bytes()
    broken = load_file(vgg_file)
    broken["features.0.bias"][:] = float("nan")
    save_file(broken, world / "broken.safetensors")
    completed = train(world, world / "broken.safetensors")
    assert completed.status == 1 and completed.err.count("\n") == 1 and "no number any more" in completed.err
    assert (world / "out/checkpoint.pt").read_bytes() == before


def test_full_disk_keeps_the_previous_checkpoint(world: Path) -> None:
    save_checkpoint(world, world / "out/checkpoint.pt")
    before = (world / "out/checkpoint.pt").read_bytes()
    code = (
        "import sys, pathlib, training.checkpoint as c; path = pathlib.Path(sys.argv[1]); "
        "checkpoint = c.load_checkpoint(path)\n"
        "try: checkpoint.save(path)\n"
        "except c.TrainingError as error: sys.exit(str(error))"
    )
    limit = f'ulimit -f {len(before) // 2048}; exec "$@"'  # in units of 1024 bytes: half of a checkpoint
    run = ["bash", "-c", limit, "bash", sys.executable, "-c", code, str(world / "out/checkpoint.pt")]
    completed = subprocess.run(run, cwd=ROOT, capture_output=True, text=True, timeout=170)
    assert completed.stderr.count("\n") == 1, completed.stderr
    assert "no checkpoint could be written: File too large; the one from before is still there" in completed.stderr
    assert (world / "out/checkpoint.pt").read_bytes() == before
    assert not list((world / "out").glob("*.part"))


def test_damaged_checkpoint_is_reported_with_advice(world: Path, vgg_file: Path) -> None:
    save_checkpoint(world, world / "out/checkpoint.pt")
    checkpoint = world / "out/checkpoint.pt"
    checkpoint.write_bytes(checkpoint.read_bytes()[:9999])
    completed = train(world, vgg_file)
    assert completed.status == 1 and completed.err.count("\n") == 1, completed.err
    assert str(checkpoint) in completed.err and completed.err.endswith("; delete it to begin anew\n")


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
def test_incomplete_or_contradictory_options_are_a_usage_error(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as raised:
        main(arguments)
    assert raised.value.code == 2 and message in capsys.readouterr().err
