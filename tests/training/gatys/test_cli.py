"""`stylize-still` from its command line."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest

from training.errors import TrainingError
from training.gatys import cli as still_cli
from training.gatys.coarse_to_fine import CoarseToFine
from training.gatys.options import CONTENT_LAYERS, DEFAULTS, STYLE_LAYERS, parse
from training.loss import LOSSES
from training.vgg import convolutions_to

ROOT = Path(__file__).parents[3]
GATYS_OPTIONS = ("--loss", "gatys", "--content-layers", "relu2_2", "--style-layers", "relu1_2,relu2_2")
FAST_OPTIONS = ("--iterations", "2", "--size", "48", *GATYS_OPTIONS)


def arguments(world: Path, vgg_file: Path, *more: str) -> list[str]:
    photo, painting = str(world / "photos/0.jpg"), str(world / "paintings/0.jpg")
    return [
        photo,
        painting,
        "-o",
        str(world / "out.png"),
        "--vgg",
        str(vgg_file),
        "--device",
        "cpu",
        *FAST_OPTIONS,
        *more,
    ]


def test_stylize_still_writes_image_and_removes_stale_preview(
    world: Path, vgg_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (world / "out.preview.png").write_bytes(b"left by a run that was killed")
    assert still_cli.main(arguments(world, vgg_file, "--preview-every", "1")) == 0
    stylized = cv2.imread(str(world / "out.png"))
    assert stylized is not None and stylized.shape == (36, 48, 3)
    out, err = capsys.readouterr()
    assert "2/2  48x36  content 0." in out and out.endswith(f"wrote {world / 'out.png'}\n") and err == ""
    assert sorted(path.name for path in world.glob("out*")) == ["out.png"], "a .part file or a preview was left"


def test_existing_output_is_replaced_only_with_overwrite(
    world: Path, vgg_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (world / "out.png").write_bytes(b"mine")
    assert still_cli.main(arguments(world, vgg_file)) == 1
    assert capsys.readouterr().err == f"stylize-still: {world / 'out.png'} is there already; --overwrite replaces it\n"
    assert (world / "out.png").read_bytes() == b"mine"
    assert still_cli.main(arguments(world, vgg_file, "--overwrite")) == 0
    assert cv2.imread(str(world / "out.png")) is not None


def test_output_created_meanwhile_is_kept_and_result_stays_in_part_file(
    world: Path, vgg_file: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def optimize(optimization: CoarseToFine, *_: object) -> None:
        list(optimization.run())
        (world / "out.png").write_text("new")

    monkeypatch.setattr(still_cli, "optimize_with_progress", optimize)
    assert still_cli.main(arguments(world, vgg_file)) == 1
    assert f"the picture is in {world / 'out.png'}.part" in capsys.readouterr().err
    assert (world / "out.png").read_text() == "new"
    assert cv2.imdecode(np.fromfile(world / "out.png.part", np.uint8), cv2.IMREAD_COLOR) is not None


def test_closed_stdout_does_not_stop_the_program(world: Path, vgg_file: Path) -> None:
    read, write = os.pipe()
    os.close(read)
    with open(write, "wb") as closed_pipe:
        command = [sys.executable, "-m", "training.gatys.cli", *arguments(world, vgg_file)]
        completed = subprocess.run(command, cwd=ROOT, stdout=closed_pipe, stderr=subprocess.PIPE, timeout=120)
    assert (completed.returncode, completed.stderr) == (0, b"")
    assert cv2.imread(str(world / "out.png")) is not None, "the picture is lost"


def test_photo_as_output_is_refused_even_with_overwrite(
    world: Path, vgg_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command_line = arguments(world, vgg_file, "--overwrite")
    photo = Path(command_line[0])
    command_line[command_line.index("-o") + 1] = str(photo)
    before = photo.read_bytes()
    assert still_cli.main(command_line) == 1
    assert "is one of the pictures to work from" in capsys.readouterr().err
    assert photo.read_bytes() == before


@pytest.mark.parametrize(
    ("position", "value", "message"),
    [
        (0, "nowhere.jpg", "nowhere.jpg: No such file or directory"),
        (1, "broken", "not a picture that OpenCV reads"),
        (3, "out.gif", "the name must end in one of .bmp, .jpeg, .jpg"),
        (3, "no/where/out.png", "no such folder"),
        (3, "photos", "must end in one of"),
        (3, "out" * 100 + ".png", "out.png: File name too long"),
        (5, "nowhere.pth", "no VGG-16 weights at"),
    ],
)
def test_bad_file_is_reported_in_one_line(
    world: Path, vgg_file: Path, capsys: pytest.CaptureFixture[str], position: int, value: str, message: str
) -> None:
    command_line = arguments(world, vgg_file)
    command_line[position] = str(world / "photos/broken.jpg" if value == "broken" else world / value)
    assert still_cli.main(command_line) == 1
    out, err = capsys.readouterr()
    assert message in err and err.startswith("stylize-still: ") and err.count("\n") == 1 and out == ""
    assert not list(world.glob("out*"))


def test_layers_network_or_size_that_cannot_be_used_are_reported_in_one_line(
    world: Path, vgg_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for more, message in (
        (("--style-layers", "relu5_1"), "no weights for relu5_1 (features.24); its last layer is relu4_3"),
        (("--style-layers", "relu9_1"), "VGG-16 has no layer 'relu9_1'"),
        (("--network", "vgg19", "--style-layers", "relu3_4"), "holds VGG-16, not VGG-19 (--network vgg16)"),
        (("--size", "60000"), "GB are free; --size "),
    ):
        assert still_cli.main(arguments(world, vgg_file, *more)) == 1
        err = capsys.readouterr().err
        assert message in err and err.count("\n") == 1


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (("--iterations", "0"), "must be at least 1, got 0"),
        (("--size", "big"), "expected a whole number, got 'big'"),
        (("--style-weight", "nan"), "must be from 0 to"),
        (("--style-layers", ","), "expected layers such as"),
        (("--network", "vgg11"), "invalid choice"),
    ],
)
def test_invalid_option_value_exits_with_status_2(
    world: Path, vgg_file: Path, capsys: pytest.CaptureFixture[str], more: tuple[str, ...], message: str
) -> None:
    with pytest.raises(SystemExit) as caught:
        still_cli.main(arguments(world, vgg_file, *more))
    assert caught.value.code == 2 and message in capsys.readouterr().err


def test_debug_option_lets_the_exception_through(world: Path, vgg_file: Path) -> None:
    with pytest.raises(TrainingError):
        still_cli.main(arguments(world, vgg_file / "no", "--debug"))


def test_running_out_of_memory_is_reported_in_one_line(
    world: Path, vgg_file: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("[enforce fail at alloc_cpu.cpp:117] DefaultCPUAllocator: can't allocate memory")

    monkeypatch.setattr(still_cli, "optimize_with_progress", fail)
    assert still_cli.main(arguments(world, vgg_file)) == 1
    assert capsys.readouterr().err == "stylize-still: out of memory after all; choose a smaller --size\n"


def test_ctrl_c_writes_the_result_so_far_and_removes_the_preview(world: Path, vgg_file: Path) -> None:
    command_line = arguments(world, vgg_file, "--iterations", "100000", "--preview-every", "1")
    process = subprocess.Popen(
        [sys.executable, "-m", "training.gatys.cli", *command_line],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    preview, deadline = world / "out.preview.png", time.monotonic() + 120
    while not preview.exists() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.05)
    os.kill(process.pid, signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert err == f"stopped; wrote {world / 'out.png'} as far as it was\n"
    stylized = cv2.imread(str(world / "out.png"))
    assert stylized is not None and stylized.shape == (36, 48, 3)
    assert sorted(path.name for path in world.glob("out*")) == ["out.png"]


def test_missing_torch_is_reported_with_the_extra_to_install(world: Path, vgg_file: Path) -> None:
    (world / "torch.py").write_text("raise ModuleNotFoundError(\"No module named 'torch'\", name='torch')")
    command = [sys.executable, "-m", "training.gatys.cli", *arguments(world, vgg_file)]
    completed = subprocess.run(
        command, cwd=world, env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True
    )
    assert (completed.returncode, completed.stderr.count("\n")) == (1, 1), completed.stderr
    assert "needs torch" in completed.stderr and 'pip install "realtime-stylize[train]"' in completed.stderr


def test_default_layers_exist_in_their_networks() -> None:
    for network, layers in STYLE_LAYERS.items():
        assert convolutions_to(network, layers + CONTENT_LAYERS + LOSSES["pyramid"].all)


def test_pyramid_is_the_default_and_its_weights_are_its_own(world: Path, vgg_file: Path) -> None:
    command_line = [option for option in arguments(world, vgg_file) if option not in GATYS_OPTIONS]
    assert still_cli.main(command_line) == 0
    stylized = cv2.imread(str(world / "out.png"))
    assert stylized is not None and stylized.shape == (36, 48, 3)
    pyramid, gatys = parse(command_line), parse([*command_line, "--loss", "gatys"])
    assert still_cli.settings(pyramid).loss.pyramid == LOSSES["pyramid"]
    assert still_cli.settings(gatys).loss.pyramid is None
    assert {name: getattr(pyramid, name) for name in DEFAULTS["pyramid"]} == DEFAULTS["pyramid"]
    assert {name: getattr(gatys, name) for name in DEFAULTS["gatys"]} == DEFAULTS["gatys"]
    assert parse([*command_line, "--tone-weight", "0", "--stroke", "2"]).tone_weight == 0, "what is given counts"


def test_layers_are_refused_with_the_pyramid(world: Path, vgg_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        still_cli.main([*arguments(world, vgg_file), "--loss", "pyramid"])
    assert caught.value.code == 2 and "go with --loss gatys" in capsys.readouterr().err
