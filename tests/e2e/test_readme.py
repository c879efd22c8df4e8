"""Every command in the README and in the pages of docs is run, as it stands there."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import tomllib
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from tests.conftest import Run
from tests.e2e.conftest import copy_checkout
from tests.e2e.screen import Screen, difference
from tests.e2e.waiting import TIMEOUT, wait_until
from tests.video_files import AUDIO_INPUT, H264, VIDEO_INPUT, make_media, packet_times, probe

ROOT = Path(__file__).parent.parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
DOCUMENTS = [ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
PAGES = [README, *(file.read_text(encoding="utf-8") for file in DOCUMENTS)]
BLOCKS = [block for page in PAGES for block in re.findall(r"```sh\n(.*?)```", page, re.DOTALL)]
COMMANDS = list(dict.fromkeys(line for block in BLOCKS for line in block.splitlines() if line.strip()))
OURS = [c for c in COMMANDS if c.startswith("realtime-stylize")]
BATCH = [c for c in OURS if " -o " in c]
LIVE = [c for c in OURS if c not in BATCH and "--list" not in c and "--version" not in c]


def shell(command: str, folder: Path, **more: str) -> subprocess.Popen[str]:
    """Start it in bash, with this environment's commands first on the path."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    homes = {"XDG_DATA_HOME": str(folder), "XDG_CONFIG_HOME": str(folder)}
    environment = os.environ | {"PATH": path} | homes | more
    return subprocess.Popen(
        ["bash", "-c", command],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def watch_and_quit(process: subprocess.Popen[str], screen: Screen, seconds: float = TIMEOUT) -> None:
    """Wait for a picture on the screen, press q, and check that the program ends well."""
    screen.wait_for_window(process, seconds)
    screen.send_key("q")
    out, err = process.communicate(timeout=TIMEOUT)
    assert process.returncode == 0, out + err


def test_every_command_in_the_documentation_has_its_test() -> None:
    known = (
        r"python3 -m venv", r"bash tests/run.sh$", r"realtime-stylize ", r"python -m benchmarks\.\w+( |$)",
        r"pip install \"\.\[\w+\]\"$", r"stylize-train ", r"stylize-export ", r"stylize-still ",
        r'eval "\$\(realtime-stylize --completion bash\)"$',
    )  # fmt: skip
    assert len(COMMANDS) > 30
    assert [c for c in COMMANDS if not any(re.match(pattern, c) for pattern in known)] == []


def test_extras_in_the_documentation_exist() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    named = {extra for page in PAGES for extra in re.findall(r"pip install \"\.\[(\w+)\]\"", page)}
    assert named and named <= project["optional-dependencies"].keys()


def test_benchmarks_in_the_documentation_have_their_tests() -> None:
    tested = (ROOT / "tests/benchmarks/test_benchmarks.py").read_text(encoding="utf-8")
    named = {name for command in COMMANDS for name in re.findall(r"python -m (benchmarks\.\w+)", command)}
    assert {name for name in named if f'"{name}"' not in tested} <= {"benchmarks.page_latency"}  # needs Chromium


@pytest.mark.timeout(600)
def test_install_command_ends_with_a_picture_on_the_screen(screen: Screen, tmp_path: Path) -> None:
    checkout = copy_checkout(tmp_path / "checkout")
    process = shell(COMMANDS[0], checkout, DISPLAY=screen.display, PIP_CONSTRAINT=str(ROOT / "tests/constraints.txt"))
    watch_and_quit(process, screen, 500)


@pytest.mark.timeout(600)
def test_test_command_collects_the_tests(tmp_path: Path) -> None:
    """Only collect the tests, and install nothing: they are running already, and use what is installed."""
    command = "bash tests/run.sh"
    assert command in README and command in COMMANDS
    settings = {"VENV": sys.prefix, "INSTALL": "no", "PYTEST_ADDOPTS": "--collect-only -q"}
    process = shell(f"cd {ROOT} && {command}", tmp_path, **settings)
    out, err = process.communicate()
    assert process.returncode == 0, out + err
    assert re.search(r"\d+ tests collected", out), out


@pytest.mark.parametrize("command", [c for c in LIVE if "--demo" in c and not {"--models", "grandma"} & set(c.split())])
def test_live_commands_that_need_no_camera(command: str, screen: Screen, tmp_path: Path) -> None:
    process = shell(command, tmp_path, DISPLAY=screen.display)
    if "--no-window" in command:
        out, err = process.communicate(timeout=120)
        assert process.returncode == 0, out + err
        if "--record" in command:
            assert 1 < len(packet_times(tmp_path / "painted.mp4")) <= 60  # a busy machine leaves some out
        else:
            assert (tmp_path / "figures.json").is_file()
    else:
        watch_and_quit(process, screen)


def count_recorded(path: Path) -> int:
    """Return how many frames a growing recording holds so far."""
    try:
        with av.open(path) as container:
            return sum(packet.size > 0 for packet in container.demux(video=0))
    except av.error.FFmpegError:  # it does not hold a whole fragment yet
        return 0


def test_recording_command_without_its_limit_records_frame_after_frame(tmp_path: Path) -> None:
    """A busy machine leaves frames out of a recording of a fixed length, so this one lasts until there are enough."""
    (command,) = [c for c in LIVE if "--record" in c and "--no-window" in c]
    process = shell(re.sub(r" --frames \d+", "", command), tmp_path)
    part = tmp_path / "painted.mp4.part"
    wait_until(lambda: process.poll() is not None or count_recorded(part) > 10, "it does not record")
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=TIMEOUT)
    assert (process.returncode, err) == (130, ""), out
    assert len(packet_times(tmp_path / "painted.mp4")) > 10


@pytest.mark.parametrize("command", [c for c in LIVE if "--camera" in c])
def test_live_commands_that_need_a_camera(command: str, screen: Screen, tmp_path: Path) -> None:
    """With that camera they show pictures; without it they print one line and end with status 1."""
    process = shell(command, tmp_path, DISPLAY=screen.display)
    if "--camera page" in command:  # it waits for a browser that sends its camera
        assert process.stdout is not None and any(line.startswith("page: ") for line in process.stdout)
        os.killpg(process.pid, signal.SIGINT)
        out, err = process.communicate(timeout=60)
        assert (process.returncode, err) == (130, "") and "fps" in out
        return
    try:
        out, err = process.communicate(timeout=60)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGINT)
        out, err = process.communicate(timeout=60)
        assert "fps" in out
    else:
        assert process.returncode == 1 and err.count("\n") == 1, out + err


@pytest.mark.parametrize("command", [c for c in LIVE if "film.mp4" in c])
def test_commands_that_play(command: str, screen: Screen, tmp_path: Path) -> None:
    make_media(tmp_path / "film.mp4", "-f", "lavfi", "-i", "testsrc=s=64x48:r=10:d=4", *H264)
    make_media(tmp_path / "photo.jpg", *VIDEO_INPUT, "-frames:v", "1")
    process = shell(command, tmp_path, DISPLAY=screen.display)
    if "--loop" in command:
        watch_and_quit(process, screen)
    else:
        out, err = process.communicate(timeout=120)
        assert process.returncode == 0, out + err


@pytest.mark.parametrize("command", BATCH)
def test_commands_that_write_videos_and_images(command: str, tmp_path: Path) -> None:
    _, given, _, output, *_ = command.split()
    for folder in ("", "holiday/"):
        (tmp_path / folder).mkdir(exist_ok=True)
        make_media(tmp_path / folder / "film.mp4", *VIDEO_INPUT, *AUDIO_INPUT, *H264, "-c:a", "aac")
        make_media(tmp_path / folder / "photo.jpg", *VIDEO_INPUT, "-frames:v", "1")
    process = shell(command, tmp_path)
    out, err = process.communicate(timeout=300)
    assert process.returncode == 0, out + err
    results = [tmp_path / output / name for name in ("film.mp4", "photo.jpg")]
    for path in results if given.endswith("/") else [tmp_path / output]:
        assert probe(path)["streams"][0]["width"] == 64


@pytest.mark.parametrize("command", [c for c in OURS if c not in LIVE and c not in BATCH])
def test_commands_that_list(command: str, tmp_path: Path) -> None:
    process = shell(command, tmp_path)
    out, err = process.communicate(timeout=120)
    assert (process.returncode, err) == (0, "") and out.strip()


def test_completion_command_completes_in_bash(tmp_path: Path) -> None:
    (command,) = [c for c in COMMANDS if "--completion" in c]
    out, err = shell(f"{command} && complete -p realtime-stylize", tmp_path).communicate(timeout=120)
    assert out.startswith("complete ") and err == ""


def test_speed_benchmark_command(tmp_path: Path) -> None:
    (command,) = [c for c in COMMANDS if "benchmarks.speed" in c]
    process = shell(f"cd {ROOT} && " + re.sub(r"--rounds \d+", "--rounds 1", command), tmp_path)
    out, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    assert "ours: live" in out and "TransformerNet" in out


def test_training_export_and_use(screen: Screen, world: Path, vgg_file: Path, run: Run) -> None:
    """Run the three commands in their order, on data small enough for a test."""
    train, export, use = (
        next(c for c in COMMANDS if c.startswith(start))
        for start in ("stylize-train --config", "stylize-export", "realtime-stylize --demo --models")
    )
    (world / "training").mkdir()
    (world / "run.toml").rename(world / "training/live.toml")
    shutil.copy(vgg_file, world / "vgg16.safetensors")
    for command in (train, export):
        process = shell(command, world)
        out, err = process.communicate(timeout=300)
        assert process.returncode == 0, out + err
    watch_and_quit(shell(use, world, DISPLAY=screen.display), screen)


def test_commands_for_a_style_of_your_own(
    screen: Screen, world: Path, vgg_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Run both commands, for a few seconds and with weights that need no download."""
    learn, use = (c for c in COMMANDS if "grandma" in c)
    painting = cv2.imread(str(world / "paintings/0.jpg"))
    assert painting is not None
    cv2.imwrite(str(world / "grandma.jpg"), cv2.resize(painting, (400, 300)))
    monkeypatch.setenv("XDG_CACHE_HOME", str(world / "cache"))
    process = shell(f"{learn} --minutes 0.02 --vgg {vgg_file}", world)
    out, err = process.communicate(timeout=300)
    assert process.returncode == 0, out + err
    watch_and_quit(shell(use, world, DISPLAY=screen.display), screen)


@pytest.mark.parametrize("command", [c for c in COMMANDS if c.startswith("stylize-still")])
def test_commands_of_the_slow_method(command: str, world: Path, vgg_file: Path) -> None:
    """Run them with fewer steps, a smaller image, and weights that need no download."""
    shutil.copy(world / "photos/0.jpg", world / "photo.jpg")
    shutil.copy(world / "paintings/0.jpg", world / "painting.jpg")
    process = shell(f"{command} --iterations 2 --size 64 --vgg {vgg_file}", world)
    out, err = process.communicate(timeout=300)
    assert process.returncode == 0, out + err
    (name,) = re.findall(r"-o (\S+)", command)
    painted = cv2.imread(str(world / name))
    assert painted is not None and painted.shape == (48, 64, 3)


def test_library_sample_writes_its_image(
    run: Run, photo: np.ndarray[tuple[int, ...], np.dtype[np.uint8]], tmp_path: Path
) -> None:
    (sample,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    cv2.imwrite(str(tmp_path / "photo.jpg"), photo)
    (tmp_path / "sample.py").write_text(sample)
    done = run("sample", PYTHONPATH=os.pathsep.join([str(ROOT), str(tmp_path)]))
    assert (done.returncode, done.stderr) == (0, "")
    painted = cv2.imread(str(tmp_path / "painted.png"))
    assert painted is not None and painted.shape == photo.shape


def test_picture_of_all_styles_equals_program_output(tmp_path: Path) -> None:
    command = [sys.executable, str(ROOT / "docs/styles_picture.py"), str(tmp_path / "styles.jpg")]
    subprocess.run(command, check=True, cwd=ROOT, timeout=300)
    made, shown = cv2.imread(str(tmp_path / "styles.jpg")), cv2.imread(str(ROOT / "docs/styles.jpg"))
    assert made is not None and shown is not None and made.shape == shown.shape
    assert difference(np.asarray(made, np.uint8), np.asarray(shown, np.uint8)) < 2
