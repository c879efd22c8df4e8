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
from tests.movies import make, probe
from training.errors import TrainingError
from training.fine_tune import Request, learn
from training.photo_source import gather_photos

ROOT = Path(__file__).parent.parent.parent


def run_learn(
    world: Path, vgg_file: Path, *more: str, painting: str = "0.jpg", photos: str = "photos"
) -> subprocess.CompletedProcess[str]:
    command = learning(world, vgg_file, *more, painting=painting, photos=photos)
    return subprocess.run(command, cwd=ROOT, env=home(world), capture_output=True, text=True, timeout=290)


def learning(world: Path, vgg_file: Path, *more: str, painting: str = "0.jpg", photos: str = "photos") -> list[str]:
    return [
        *(sys.executable, "-m", "training.cli", str(world / "paintings" / painting), "--photos", str(world / photos)),
        *("--vgg", str(vgg_file), "--device", "cpu", "--minutes", "0.05", *more),
    ]


def home(world: Path) -> dict[str, str]:
    return os.environ | {"XDG_DATA_HOME": str(world / "data"), "XDG_CACHE_HOME": str(world / "cache")}


@pytest.fixture
def at_home(large: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """This process too has the user's folders there."""
    for variable, value in home(large).items():
        monkeypatch.setenv(variable, value)


def stylize(world: Path, *arguments: str) -> str:
    command = [sys.executable, "-m", "realtime", *arguments]
    done = subprocess.run(command, cwd=ROOT, env=home(world), capture_output=True, text=True, timeout=170)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def large(world: Path) -> Path:
    """The world with paintings large enough to learn from."""
    for path in (world / "paintings").iterdir():
        picture = cv2.imread(str(path))
        assert picture is not None
        cv2.imwrite(str(path), cv2.resize(picture, (400, 300), interpolation=cv2.INTER_CUBIC))
    return world


@pytest.mark.timeout(600)
def test_a_painting_becomes_a_style_of_the_app(large: Path, vgg_file: Path) -> None:
    shipped = stylize(large, "--list-styles")
    assert "grandma" not in shipped
    done = run_learn(large, vgg_file, "--name", "grandma")
    assert done.returncode == 0, done.stderr
    assert "realtime-stylize --style grandma" in done.stdout
    assert "grandma" in stylize(large, "--list-styles")
    photo = next((large / "photos").glob("0.jpg"))
    stylize(large, str(photo), "-o", str(large / "painted.png"), "--style", "grandma")
    stylize(large, str(photo), "-o", str(large / "shipped.png"))
    ours, theirs = cv2.imread(str(large / "painted.png")), cv2.imread(str(large / "shipped.png"))
    assert ours is not None and theirs is not None and ours.shape == theirs.shape
    assert np.abs(ours.astype(int) - theirs).mean() > 1

    done = run_learn(large, vgg_file, "--name", "Grand Pa", painting="1.jpg")
    assert done.returncode == 0, done.stderr
    listed = stylize(large, "--list-styles")
    assert "grandma" in listed and "grand_pa" in listed
    refused = run_learn(large, vgg_file, "--name", "grandma", painting="1.jpg")
    assert refused.returncode == 1 and "grandma is there already; --overwrite replaces it" in refused.stderr
    mix = "grandma,grand_pa,starry_night"
    stylize(large, str(photo), "-o", str(large / "mixed.png"), "--style", mix)
    assert len(list_model_files(large / "data/realtime-stylize/models")) == 1


def test_all_weights_make_a_file_of_their_own_from_frames_of_a_film(large: Path, vgg_file: Path) -> None:
    film = large / "film.mp4"
    with av.open(str(film), "w") as container:
        stream = container.add_stream("mpeg4", rate=10)
        stream.width, stream.height, stream.pix_fmt = 320, 240, "yuv420p"
        for number in range(20):
            image = np.full((240, 320, 3), number * 12, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="bgr24")))
        container.mux(stream.encode())
    done = run_learn(large, vgg_file, "--name", "whole", "--full", photos="film.mp4")
    assert done.returncode == 0, done.stderr
    assert (large / "data/realtime-stylize/models/whole.onnx").is_file()
    (run,) = (large / "cache/realtime-stylize/training").glob("whole-*")
    assert len(list((run / "photos").iterdir())) == 20
    (preview,) = run.glob("preview_*.png")
    sheet = cv2.imread(str(preview))
    assert sheet is not None and sheet.shape == (4 * 320, 2 * 320, 3)
    assert "whole" in stylize(large, "--list-styles")
    done = run_learn(large, vgg_file, "--name", "whole", photos="film.mp4")
    assert done.returncode == 1 and "whole is there already in " in done.stderr


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
@pytest.mark.usefixtures("at_home")
def test_bad_input_is_one_line(large: Path, painting: str, name: str | None, photos: str, message: str) -> None:
    (large / "empty").mkdir()
    (large / "noise").mkdir()
    (large / "noise/a.jpg").write_bytes(b"no")
    (large / "paintings/broken.jpg").write_bytes(b"no")
    (large / "sound.wav").write_bytes(b"RIFF")
    cv2.imwrite(str(large / "paintings/small.png"), np.zeros((100, 300, 3), np.uint8))
    request = Request(large / "paintings" / painting, name, str(large / photos), 1, False, None, "cpu")
    with pytest.raises(TrainingError, match=message) as raised:
        learn(request, lambda report: None, lambda line: None)
    assert "\n" not in str(raised.value)
    assert not any(path.is_file() and path.suffix != ".lock" for path in (large / "data").rglob("*"))


@pytest.mark.usefixtures("at_home")
def test_where_bytes_are_quick_the_model_gets_its_sibling(
    large: Path, vgg_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("training.user_styles.has_int8_instructions", lambda: True)
    for number in (1, 2, 3, 4):
        (large / f"photos/{number}.jpg").unlink()
    (large / "photos/0_broken.jpg").write_bytes(b"no")  # of a user's photos some cannot be read
    said: list[str] = []
    painting = large / "paintings/0.jpg"
    request = Request(painting, "grandma", str(large / "photos"), 0.05, False, vgg_file, "cpu")
    _, path = learn(request, lambda report: None, said.append)
    model = read_model(path)
    assert "grandma" in [style.name for style in model.styles]
    if not any(line.startswith("no int8") for line in said):  # where it paints well enough: this processor may saturate
        assert model.int8 is not None and path.with_suffix(".int8.onnx").name in said[-1]


@pytest.mark.usefixtures("at_home")
def test_stopped_while_it_is_exported_the_same_command_goes_on(
    large: Path, vgg_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """But not over a style of that name that another command has finished since."""
    monkeypatch.setattr("training.user_styles.has_int8_instructions", lambda: False)
    request = Request(large / "paintings/0.jpg", "grandma", str(large / "photos"), 0.05, False, vgg_file, "cpu")

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    def interrupt(request: Request) -> None:
        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
            patch.setattr("training.user_styles.export", stop)
            learn(request, lambda report: None, lambda line: None)

    interrupt(request)
    other = dataclasses.replace(request, painting=large / "paintings/1.jpg")
    interrupt(other)
    _, path = learn(request, lambda report: None, lambda line: None)
    assert "grandma" in [style.name for style in read_model(path).styles]
    before = path.read_bytes()
    for again in (request, other):
        with pytest.raises(TrainingError, match="grandma is there already; --overwrite replaces it"):
            learn(again, lambda report: None, lambda line: None)
    assert path.read_bytes() == before


@pytest.mark.usefixtures("at_home")
def test_a_folder_that_cannot_be_written_to_is_told_before_the_training(large: Path) -> None:
    (large / "data").write_text("no folder")
    request = Request(large / "paintings/0.jpg", None, str(large / "photos"), 1, False, large / "no weights", "cpu")
    with pytest.raises(TrainingError, match=r"models: nothing can be written there: Not a directory$"):
        learn(request, lambda report: None, lambda line: None)


@pytest.mark.usefixtures("at_home")
def test_one_command_at_a_time(large: Path, vgg_file: Path) -> None:
    """Two of them would write to the same checkpoint."""
    request = Request(large / "paintings/0.jpg", "grandma", str(large / "photos"), 0.05, False, vgg_file, "cpu")

    def again(line: str) -> None:
        if line.startswith("learning"):
            learn(request, lambda report: None, lambda line: None)

    with pytest.raises(TrainingError, match="grandma is being learnt already, by the same command"):
        learn(request, lambda report: None, again)


@pytest.mark.timeout(600)
def test_nobody_reads_what_is_printed(large: Path, vgg_file: Path) -> None:
    read, write = os.pipe()
    os.close(read)
    with open(write, "wb") as deaf:
        done = subprocess.run(
            learning(large, vgg_file), cwd=ROOT, env=home(large), stdout=deaf, stderr=subprocess.PIPE, timeout=290
        )
    assert (done.returncode, done.stderr) == (0, b"")
    (model,) = list_model_files(large / "data/realtime-stylize/models")
    assert "0" in [style.name for style in read_model(model).styles]


@pytest.mark.timeout(600)
def test_a_style_is_taken_away(large: Path, vgg_file: Path) -> None:
    assert run_learn(large, vgg_file, "--name", "grandma").returncode == 0
    command = [sys.executable, "-m", "training.cli", "--remove"]
    wrong = subprocess.run(
        [*command, "grand_pa"], cwd=ROOT, env=home(large), capture_output=True, text=True, timeout=290
    )
    assert wrong.returncode == 1
    assert wrong.stderr == "stylize-train: no style of your own is called grand_pa; yours are: grandma\n"
    done = subprocess.run([*command, "Grandma"], cwd=ROOT, env=home(large), capture_output=True, text=True, timeout=290)
    assert done.returncode == 0, done.stderr
    assert not list_model_files(large / "data/realtime-stylize/models")


def test_a_film_that_does_not_say_its_length_is_not_taken_whole(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As browsers record: the file is written without looking back."""
    source = ("-f", "lavfi", "-i", "testsrc=s=64x48:r=10:d=30", "-c:v", "libvpx", "-f", "webm", "-live", "1")
    film = make(tmp_path / "film.webm", *source)
    assert "duration" not in probe(film)["format"]
    folder = gather_photos(str(film), tmp_path / "photos", print)
    assert len(list(folder.iterdir())) == 30, "one a second"
