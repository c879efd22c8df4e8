"""`stylize-train` from one painting to a style of the app."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from realtime.inference.model import list_model_files, read_model
from tests.training.world import Finished, run_in_process
from tests.video_files import make_media, probe
from training.cli import main
from training.errors import TrainingError
from training.fine_tune import Request, fine_tune
from training.photo_source import gather_photos

ROOT = Path(__file__).parent.parent.parent
MINUTES = 0.001  # so that a run ends after its first step
MAIN_WITHOUT_INT8 = """
import sys
from training import cli, user_styles
user_styles.has_int8_instructions = lambda: False  # an int8 model takes a minute
sys.exit(cli.main())
"""


@pytest.fixture
def large(world: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the world with paintings large enough to learn, the user's folders in it, and no int8 models."""
    for path in (world / "paintings").iterdir():
        picture = cv2.imread(str(path))
        assert picture is not None
        cv2.imwrite(str(path), cv2.resize(picture, (400, 300), interpolation=cv2.INTER_CUBIC))
    monkeypatch.setenv("XDG_DATA_HOME", str(world / "data"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(world / "cache"))
    monkeypatch.setattr("training.user_styles.has_int8_instructions", lambda: False)
    return world


def fine_tune_arguments(
    world: Path, vgg_file: Path, *more: str, painting: str = "0.jpg", photos: str = "photos"
) -> list[str]:
    files = (str(world / "paintings" / painting), "--photos", str(world / photos), "--vgg", str(vgg_file))
    return [*files, "--device", "cpu", "--minutes", str(MINUTES), *more]


def run_fine_tune(world: Path, vgg_file: Path, *more: str, painting: str = "0.jpg", photos: str = "photos") -> Finished:
    return run_in_process(main, fine_tune_arguments(world, vgg_file, *more, painting=painting, photos=photos))


def make_request(world: Path, vgg_file: Path | None, name: str | None = "grandma", painting: str = "0.jpg") -> Request:
    files = (world / "paintings" / painting, name, str(world / "photos"))
    return Request(*files, minutes=MINUTES, full=False, vgg=vgg_file, device="cpu")


def ignore(_: object) -> None:
    """Take a report or a line."""


def stylize(*arguments: str) -> str:
    command = [sys.executable, "-m", "realtime", *arguments]
    completed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=170)
    assert completed.returncode == 0, completed.stderr
    return completed.stdout


@pytest.mark.timeout(600)
def test_learned_paintings_become_styles_of_the_app_that_mix(large: Path, vgg_file: Path) -> None:
    assert "grandma" not in stylize("--list-styles")
    completed = run_fine_tune(large, vgg_file, "--name", "grandma")
    assert completed.status == 0, completed.err
    assert "realtime-stylize --style grandma" in completed.out
    assert "grandma" in stylize("--list-styles")
    photo = str(large / "photos/0.jpg")
    stylize(photo, "-o", str(large / "grandma.png"), "--style", "grandma")
    stylize(photo, "-o", str(large / "shipped.png"))
    grandma, shipped = cv2.imread(str(large / "grandma.png")), cv2.imread(str(large / "shipped.png"))
    assert grandma is not None and shipped is not None and grandma.shape == shipped.shape
    assert np.abs(grandma.astype(int) - shipped).mean() > 1

    completed = run_fine_tune(large, vgg_file, "--name", "Grand Pa", painting="1.jpg")
    assert completed.status == 0, completed.err
    listed = stylize("--list-styles")
    assert "grandma" in listed and "grand_pa" in listed
    refused = run_fine_tune(large, vgg_file, "--name", "grandma", painting="1.jpg")
    assert refused.status == 1 and "grandma is there already; --overwrite replaces it" in refused.err
    stylize(photo, "-o", str(large / "mixed.png"), "--style", "grandma,grand_pa,starry_night")
    assert len(list_model_files(large / "data/realtime-stylize/models")) == 1


def test_full_training_on_video_frames_makes_a_model_of_its_own(large: Path, vgg_file: Path) -> None:
    with av.open(str(large / "video.mp4"), "w") as container:
        stream = container.add_stream("mpeg4", rate=10)
        stream.width, stream.height, stream.pix_fmt = 320, 240, "yuv420p"
        for number in range(20):
            image = np.full((240, 320, 3), number * 12, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="bgr24")))
        container.mux(stream.encode())
    completed = run_fine_tune(large, vgg_file, "--name", "whole", "--full", photos="video.mp4")
    assert completed.status == 0, completed.err
    assert (large / "data/realtime-stylize/models/whole.onnx").is_file()
    (run,) = (large / "cache/realtime-stylize/training").glob("whole-*")
    assert len(list((run / "photos").iterdir())) == 20
    (preview,) = run.glob("preview_*.png")
    sheet = cv2.imread(str(preview))
    assert sheet is not None and sheet.shape == (4 * 320, 2 * 320, 3)
    assert "whole" in stylize("--list-styles")
    completed = run_fine_tune(large, vgg_file, "--name", "whole", photos="video.mp4")
    assert completed.status == 1 and "whole is there already in " in completed.err


@pytest.mark.parametrize(
    ("painting", "name", "photos", "message"),
    [
        ("0.jpg", "starry_night", "photos", "a style that ships with the program"),
        ("0.jpg", "a/b", "photos", "cannot name a style"),
        ("small.png", None, "photos", "too small"),
        ("broken.jpg", None, "photos", "not a picture"),
        ("0.jpg", None, "empty", "no pictures in it"),
        ("0.jpg", None, "nowhere.mp4", "no such folder or film"),
        ("0.jpg", None, "sound.wav", "sound.wav: Invalid data"),
        ("0.jpg", None, "noise", "none of its pictures can be read"),
    ],
)
def test_bad_input_is_refused_in_one_line(
    large: Path, painting: str, name: str | None, photos: str, message: str
) -> None:
    (large / "empty").mkdir()
    (large / "noise").mkdir()
    (large / "noise/a.jpg").write_bytes(b"no")
    (large / "paintings/broken.jpg").write_bytes(b"no")
    (large / "sound.wav").write_bytes(b"RIFF")
    cv2.imwrite(str(large / "paintings/small.png"), np.zeros((100, 300, 3), np.uint8))
    request = dataclasses.replace(make_request(large, None, name, painting), photos=str(large / photos))
    with pytest.raises(TrainingError, match=message) as raised:
        fine_tune(request, ignore, ignore)
    assert "\n" not in str(raised.value)
    assert not any(path.is_file() and path.suffix != ".lock" for path in (large / "data").rglob("*"))


def test_model_gets_an_int8_sibling_where_the_processor_is_fast_at_it(
    large: Path, vgg_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("training.user_styles.has_int8_instructions", lambda: True)
    for number in (1, 2, 3, 4):
        (large / f"photos/{number}.jpg").unlink()
    (large / "photos/0_broken.jpg").write_bytes(b"no")  # unreadable photos are skipped
    lines: list[str] = []
    _, path = fine_tune(make_request(large, vgg_file), ignore, lines.append)
    model = read_model(path)
    assert "grandma" in [style.name for style in model.styles]
    if not any(line.startswith("no int8") for line in lines):  # some processors saturate, so int8 is too inaccurate
        assert model.int8 is not None and path.with_suffix(".int8.onnx").name in lines[-1]


def test_interrupted_export_is_repeated_by_the_same_command_unless_the_name_is_taken(
    large: Path, vgg_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = make_request(large, vgg_file)
    other = make_request(large, vgg_file, painting="1.jpg")

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    def interrupt(request: Request) -> None:
        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
            patch.setattr("training.user_styles.export", stop)
            fine_tune(request, ignore, ignore)

    interrupt(request)
    interrupt(other)
    _, path = fine_tune(request, ignore, ignore)
    assert "grandma" in [style.name for style in read_model(path).styles]
    before = path.read_bytes()
    for again in (request, other):
        with pytest.raises(TrainingError, match="grandma is there already; --overwrite replaces it"):
            fine_tune(again, ignore, ignore)
    assert path.read_bytes() == before


def test_unwritable_folder_is_reported_before_training(large: Path) -> None:
    (large / "data").write_text("no folder")
    request = make_request(large, large / "no weights", name=None)
    with pytest.raises(TrainingError, match=r"models: nothing can be written there: Not a directory$"):
        fine_tune(request, ignore, ignore)


@pytest.mark.parametrize("painting", ["0.jpg", "1.jpg"])
def test_name_is_refused_while_it_is_being_learnt(large: Path, vgg_file: Path, painting: str) -> None:
    """Two runs of the same request would write to the same checkpoint, and two of one name to the same style."""
    request = make_request(large, vgg_file)

    def start_again(line: str) -> None:
        if line.startswith("learning"):
            fine_tune(make_request(large, vgg_file, painting=painting), ignore, ignore)

    with pytest.raises(TrainingError, match="grandma is being learnt already; wait"):
        fine_tune(request, ignore, start_again)


@pytest.mark.timeout(600)
def test_closed_stdout_does_not_stop_the_program(large: Path, vgg_file: Path) -> None:
    read, write = os.pipe()
    os.close(read)
    with open(write, "wb") as closed_pipe:
        command = [sys.executable, "-c", MAIN_WITHOUT_INT8, *fine_tune_arguments(large, vgg_file)]
        completed = subprocess.run(command, cwd=ROOT, stdout=closed_pipe, stderr=subprocess.PIPE, timeout=290)
    assert (completed.returncode, completed.stderr) == (0, b"")
    (model,) = list_model_files(large / "data/realtime-stylize/models")
    assert "0" in [style.name for style in read_model(model).styles]


@pytest.mark.timeout(600)
def test_remove_option_deletes_the_style_of_that_name_only(large: Path, vgg_file: Path) -> None:
    assert run_fine_tune(large, vgg_file, "--name", "grandma").status == 0
    wrong = run_in_process(main, ["--remove", "grand_pa"])
    assert wrong.status == 1
    assert wrong.err == "stylize-train: no style of your own is called grand_pa; yours are: grandma\n"
    completed = run_in_process(main, ["--remove", "Grandma"])
    assert completed.status == 0, completed.err
    assert not list_model_files(large / "data/realtime-stylize/models")


def test_video_of_unknown_length_gives_one_frame_per_second(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Browsers record such files, because they write them as streams."""
    source = ("-f", "lavfi", "-i", "testsrc=s=64x48:r=10:d=30", "-c:v", "libvpx", "-f", "webm", "-live", "1")
    video = make_media(tmp_path / "video.webm", *source)
    assert "duration" not in probe(video)["format"]
    folder = gather_photos(str(video), tmp_path / "photos", print)
    assert len(list(folder.iterdir())) == 30
