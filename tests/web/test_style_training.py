"""A painting that a page sends is learnt beside the live picture, by a real training."""

from __future__ import annotations

import base64
import json
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest

from realtime.live.style_watcher import StyleWatcher
from realtime.stylizer.library import Library, LibraryFiles
from realtime.system.paths import user_folder
from realtime.web import style_training
from realtime.web.painting import style_name
from tests.e2e.chromium import Chromium
from tests.training.world import QUICK_TRAINING
from tests.web.conftest import Served, serve

TIMEOUT = 200.0  # seconds
WITHOUT_TORCH = "import sys; sys.modules['torch'] = None; from training.cli import main; sys.exit(main())"
HALF_DONE = "import time; print('50.0%  x', flush=True); time.sleep(1000)"
DROP = """(() => {
  const bytes = Uint8Array.from(atob("DATA"), (character) => character.charCodeAt(0));
  const dataTransfer = new DataTransfer();
  dataTransfer.items.add(new File([bytes], "NAME"));
  document.querySelector("#styles").dispatchEvent(
    new DragEvent("drop", { dataTransfer, bubbles: true, cancelable: true }));
})()"""


def painting() -> bytes:
    """Return a JPEG that is large enough to learn."""
    small = np.random.default_rng(0).integers(0, 256, (12, 16, 3), np.uint8)
    picture = cv2.resize(small, (400, 300), interpolation=cv2.INTER_CUBIC)
    return cv2.imencode(".jpg", picture)[1].tobytes()


def drop(data: bytes, name: str) -> str:
    """Return a script that drops a file on the styles."""
    return DROP.replace("DATA", base64.b64encode(data).decode()).replace("NAME", name)


def tile(name: str) -> str:
    """Return an expression: the style's button."""
    return f"document.querySelector('#styles [data-name={json.dumps(name)}]')"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the user's folder, with nothing in it. Trainings have the priority of the tests."""
    monkeypatch.setattr("realtime.system.background.NICENESS", 0)
    for name in ("XDG_DATA_HOME", "XDG_CACHE_HOME", "XDG_PICTURES_DIR"):
        monkeypatch.setenv(name, str(tmp_path / name))
    return tmp_path


@pytest.mark.timeout(900)
def test_dropped_painting_is_a_style_while_it_is_learnt_and_gone_when_cancelled(
    home: Path, vgg_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = LibraryFiles()
    stamps, library = files.stamps(), files.load()
    command = (sys.executable, "-c", QUICK_TRAINING, "--vgg", str(vgg_file), "--device", "cpu")
    with (
        serve(home, library, command) as served,
        StyleWatcher(served.controller.live, files, stamps, served.controller.messages.queue),
        Chromium(home / "chromium") as browser,
    ):
        page = browser.open(served.page.urls[0])
        page.wait("document.querySelectorAll('#actions button').length")
        page.evaluate(drop(b"no picture", "notes.txt"))
        page.wait("document.querySelector('#message').textContent.startsWith('notes.txt is no JPEG')")
        page.evaluate(drop(painting(), "Großmutters Bild.jpg"))
        page.wait("!!" + tile("grossmutters_bild"), TIMEOUT)
        assert page.wait("document.querySelector('#training-bar').value > 0", TIMEOUT)
        assert page.evaluate("document.querySelector('#training-note').textContent").endswith("left")
        assert page.evaluate("document.querySelector('#training-picture').naturalHeight") == 120
        page.evaluate(f"{tile('grossmutters_bild')}.click()")
        page.wait(f"{tile('grossmutters_bild')}.matches('[aria-pressed=true]')")
        page.evaluate("document.querySelector('#training-button').click()")
        page.wait("!document.querySelector('#painting').hidden", TIMEOUT)
        page.wait(f"!{tile('grossmutters_bild')}", TIMEOUT)
        assert served.state()["mix"] == [{"number": 0, "weight": 1.0}]

        monkeypatch.setattr(style_training, "MINUTES", 0.001)
        page.evaluate(drop(painting(), "grandma.jpg"))
        page.wait("document.querySelector('#painting').hidden", TIMEOUT)
        page.wait("!document.querySelector('#painting').hidden", TIMEOUT)
        page.wait("!!" + tile("grandma"), TIMEOUT)
        assert browser.problems == []
    assert [path.name.partition("-")[0] for path in user_folder().glob("*.onnx")] == ["yours"]


def wait_for_stage(served: Served, stage: str) -> dict[str, object]:
    """Return the state of the training once it has come to a stage."""
    deadline = time.monotonic() + TIMEOUT
    while (state := served.state()["training"]) is None or state["stage"] != stage:
        assert time.monotonic() < deadline, state
    return dict(state)


def test_missing_extra_is_said_in_one_line(library: Library, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(style_training, "NUM_FRAMES", 1)
    with serve(home, library, (sys.executable, "-c", WITHOUT_TORCH)) as served:
        assert served.request("/training?name=x.jpg", painting())[0] == 204
        state = wait_for_stage(served, "failed")
        expected = 'training needs torch, which is not installed: pip install "realtime-stylize[train]"'
        assert (state["name"], state["problem"]) == ("x", expected)
        assert served.request("/training/stop", b"")[0] == 204
        assert served.state()["training"] is None


def test_one_painting_is_learnt_at_a_time_and_not_longer_than_the_page(
    library: Library, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(style_training, "NUM_FRAMES", 1)
    with serve(home, library, (sys.executable, "-c", HALF_DONE)) as served:
        assert served.request("/training?name=the_scream.png", painting())[0] == 204
        state = wait_for_stage(served, "learning")
        assert (state["name"], state["progress"], state["seconds_left"]) == ("the_scream_2", 0.5, 300)
        code, body, _ = served.request("/training?name=y.jpg", painting())
        assert (code, body) == (400, b"another painting is being learnt; wait for that, or stop it\n")
    # `serve` has seen the training's thread end.


def test_pictures_that_are_none_or_too_large_are_refused(
    library: Library, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serve(home, library) as served:
        huge, cut_off = (
            b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + side.to_bytes(4, "big") * 2 + b"\x08\x02\0\0\0" for side in (60_000, 600)
        )
        for data, line in [
            (b"GIF89a", "x.jpg is no JPEG, PNG, WebP or TIFF picture"),
            (huge, "x.jpg is 60000 x 60000: more than 64 million pixels; send a smaller one"),
            (cut_off, "x.jpg is damaged, or not a picture of a known kind"),
        ]:
            code, body, _ = served.request("/training?name=x.jpg", data)
            assert (code, body.decode()) == (400, line + "\n")
        assert served.request("/training?name=x.jpg", painting(), Origin="http://elsewhere.example")[0] == 403
        monkeypatch.setattr("realtime.web.app.MAX_PAINTING_BYTES", 1000)
        assert served.request("/training?name=x.jpg", painting())[0] == 413
        assert served.request("/training/painting.jpg")[0] == 404
        assert served.state()["training"] is None


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("Grandma.JPG", "grandma"),
        ("C:\\Bilder\\Mühle am Bach (2).png", "muhle_am_bach_2"),
        ("a/b/udnie.jpg", "udnie_3"),
        ("日本.jpg", "painting"),
        ("", "painting"),
        ("x" * 90, "x" * 36),
    ],
)
def test_style_is_named_after_the_file(file: str, name: str) -> None:
    assert style_name(file, {"udnie", "udnie_2"}) == name
