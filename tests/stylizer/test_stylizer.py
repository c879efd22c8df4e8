"""The stylizer: sizes, looks, providers, and the library of styles."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest

from realtime import Stylizer, TemporalSmoother
from realtime.errors import EngineError
from realtime.frame import Image
from realtime.inference.model import Model, Style
from realtime.inference.providers import BACKENDS
from realtime.stylizer.library import Library, load_library
from realtime.stylizer.look import one_style
from tests.conftest import ROOT


@pytest.fixture(scope="module")
def stylizer() -> Stylizer:
    return Stylizer(provider="cpu")


@pytest.mark.parametrize("size", [(480, 640), (479, 641), (64, 64), (17, 101), (16, 16)])
def test_stylize_returns_the_size_of_its_image(stylizer: Stylizer, photo: Image, size: tuple[int, int]) -> None:
    height, width = size
    image = np.ascontiguousarray(np.resize(photo, (height, width, 3)))
    before = image.copy()
    stylized = stylizer.stylize(image)
    assert stylized.shape == image.shape and stylized.dtype == np.uint8
    assert (image == before).all(), "the argument was changed"
    assert np.abs(stylized.astype(int) - image).mean() > 5


def test_stylize_cuts_off_the_padding(stylizer: Stylizer, photo: Image) -> None:
    whole = stylizer.stylize(photo[:256, :256]).astype(float)
    cut = stylizer.stylize(photo[:254, :255]).astype(float)
    assert np.abs(whole[:240, :240] - cut[:240, :240]).mean() < 12


def test_every_style_looks_different(stylizer: Stylizer, photo: Image) -> None:
    pictures = [stylizer.stylize(photo, one_style(*entry)).astype(int) for entry in stylizer.library.styles]
    assert len(pictures) >= 4
    for number, one in enumerate(pictures):
        for other in pictures[number + 1 :]:
            assert np.abs(one - other).mean() > 8


def test_strength_goes_from_the_photo_to_the_painting(photo: Image) -> None:
    photo = photo[:128, :128]
    distances = []
    for strength in (0.0, 0.5, 1.0):
        with Stylizer(strength=strength, provider="cpu") as stylizer:
            distances.append(np.abs(stylizer.stylize(photo).astype(int) - photo).mean())
    assert distances[0] == 0
    assert distances[1] == pytest.approx(distances[2] / 2, rel=0.1)


def test_numbers_of_the_constructor_are_those_of_the_look(photo: Image) -> None:
    photo = photo[:128, :128]
    with Stylizer(strength=0.5, keep_colors=True, stroke=2, smooth=0.3, provider="cpu") as stylizer:
        look = stylizer.look
        assert (look.strength, look.keep_colors, look.stroke, look.smooth) == (0.5, 1, 2, 0.3)
        stylized = stylizer.stylize(photo)
        assert stylized.shape == photo.shape
        for name, default in [("strength", 1), ("keep_colors", 0), ("stroke", 1)]:
            other = stylizer.stylize(photo, replace(look, **{name: default}))  # type: ignore[arg-type]
            assert np.abs(other.astype(int) - stylized).mean() > 2, name


def test_larger_strokes_are_coarser(stylizer: Stylizer, photo: Image) -> None:
    detail = []
    for stroke in (0.5, 1.0, 2.0, 4.0):
        stylized = stylizer.stylize(photo, replace(stylizer.look, stroke=stroke))
        detail.append(np.abs(np.diff(stylized.astype(int), axis=1)).mean())
    assert detail == sorted(detail, reverse=True)


def test_fade_between_two_strokes_shows_both_paintings(stylizer: Stylizer, photo: Image) -> None:
    photo = photo[:128, :128]
    fine, coarse = stylizer.look, replace(stylizer.look, stroke=2.0)
    one, other = (stylizer.stylize(photo, look).astype(int) for look in (fine, coarse))
    half = stylizer.stylize(photo, replace(coarse, previous=fine, progress=0.5))
    assert np.abs(half - (one + other) / 2).mean() < 1.5


def test_smoother_reduces_the_change_between_frames(stylizer: Stylizer, photo: Image) -> None:
    rng = np.random.default_rng(0)
    noisy = [np.clip(photo[:240, :320] + rng.normal(0, 8, (240, 320, 3)), 0, 255).astype(np.uint8) for _ in range(8)]
    change = []
    for smooth in (0.0, 1.0):
        look, smoother = replace(stylizer.look, smooth=smooth), TemporalSmoother()
        stylized = [stylizer.stylize(image, look, smoother).astype(int) for image in noisy]
        change.append(np.abs(stylized[-1] - stylized[-2]).mean())
    assert change[1] < change[0] / 2


def test_stylize_takes_a_reversed_view_of_an_array(stylizer: Stylizer, photo: Image) -> None:
    mirrored = photo[:128, 127::-1]
    assert (stylizer.stylize(mirrored) == stylizer.stylize(mirrored.copy())).all()


@pytest.mark.parametrize(
    "bad",
    [
        np.zeros((64, 64), np.uint8),
        np.zeros((64, 64, 4), np.uint8),
        np.zeros((64, 64, 3), np.float32),
        np.zeros((8, 64, 3), np.uint8),
    ],
)
def test_stylize_raises_for_another_shape_or_dtype(stylizer: Stylizer, bad: Image) -> None:
    with pytest.raises(ValueError, match=r"expected \[H, W, 3\] uint8 .* got \["):
        stylizer.stylize(bad)


def test_cuda_without_a_driver_raises() -> None:
    from realtime.system.hardware import nvidia_gpus

    if nvidia_gpus():
        pytest.skip("this machine has an NVIDIA GPU")
    with pytest.raises(EngineError, match="no NVIDIA driver found"):
        Stylizer(provider="cuda")


def test_auto_gives_a_reason_for_its_provider() -> None:
    with Stylizer() as stylizer:
        assert stylizer.provider in BACKENDS
        assert stylizer.provider_reason


def test_openvino_stylizes_like_onnx_runtime(stylizer: Stylizer, photo: Image) -> None:
    """OpenVINO computes in bf16 where the CPU can, which differs by a few invisible levels."""
    with Stylizer(provider="openvino") as other:
        assert other.provider == "openvino"
        one, two = stylizer.stylize(photo), other.stylize(photo)
        assert np.abs(one.astype(int) - two).mean() < 1.5
        before = two.copy()
        other.stylize(photo[::-1])
        assert (two == before).all(), "a result was overwritten by the next run"


def test_user_model_never_replaces_shipped_styles_of_another_network(library: Library) -> None:
    """A user's model holds all styles of its network: it replaces that network's shipped model, but no other one."""
    shipped = library.models[0]
    grandma = Style("grandma", len(shipped.styles))
    mine = replace(shipped, path=Path("yours.onnx"), styles=(*shipped.styles, grandma), trunk_digest="another")
    both = Library([shipped], [mine])
    assert [style.name for _, style in both.styles] == [*(style.name for style in shipped.styles), "grandma"]
    assert all(model is shipped for model, _ in both.styles[:-1]) and both.find("grandma")[0] is mine
    same = replace(mine, trunk_digest=shipped.trunk_digest)
    assert {id(model) for model, _ in Library([shipped], [same]).styles} == {id(same)}


def change_weight(model: onnx.ModelProto) -> None:
    weight = next(tensor for tensor in model.graph.initializer if tensor.name == "down.weight")
    weight.raw_data = bytes(2) + weight.raw_data[2:]


def change_shipped_row(model: onnx.ModelProto) -> None:
    rows = next(tensor for tensor in model.graph.initializer if tensor.name == "styles")
    rows.raw_data = bytes(2) + rows.raw_data[2:]


def change_operator(model: onnx.ModelProto) -> None:
    next(node for node in model.graph.node if node.op_type == "Relu").op_type = "Sigmoid"


def rename_tensors(model: onnx.ModelProto) -> None:
    """Change what versions of the exporter have changed."""
    for part in [*model.graph.node, *model.graph.initializer]:
        if isinstance(part, onnx.TensorProto):
            part.name = part.name.replace("down.weight", "finer.weight")
        else:
            part.input[:] = [name.replace("down.weight", "finer.weight") for name in part.input]


@pytest.mark.parametrize(
    ("change", "is_used"),
    [(change_weight, False), (change_shipped_row, False), (change_operator, False), (rename_tensors, True)],
)
def test_model_that_claims_the_shipped_network_needs_its_weights(
    library: Library, caplog: pytest.LogCaptureFixture, change: Callable[[onnx.ModelProto], None], is_used: bool
) -> None:
    shipped = library.models[0]
    proto = onnx.load_from_string(shipped.data)
    rows = next(tensor for tensor in proto.graph.initializer if tensor.name == "styles")
    rows.raw_data += rows.raw_data[: len(rows.raw_data) // rows.dims[0]]
    rows.dims[0] += 1
    change(proto)
    styles = (*shipped.styles, Style("grandma", len(shipped.styles)))
    mine = replace(shipped, path=Path("yours.onnx"), data=proto.SerializeToString(), styles=styles)
    both = Library([shipped], [mine])
    assert both.find("starry_night")[0] is (mine if is_used else shipped)
    assert both.find("grandma")[0] is mine, "its own styles are lost"
    lines = [] if is_used else [f"yours.onnx has other weights than {shipped.path.name}: their styles do not mix"]
    assert caplog.messages == lines


LOST_PROVIDER = """
import numpy as np
import onnx
from realtime import Stylizer

class LostSession:
    def run(self, image, weights):
        raise RuntimeError("the GPU is gone")
    def close(self):
        pass

with Stylizer(provider="cpu") as stylizer:
    engine = stylizer._engine(stylizer.look)
    engine.provider, engine._auto = "cuda", True
    engine._idle.get()
    engine._sessions[:] = [LostSession()]
    engine._idle.put(engine._sessions[0])
    stylizer.stylize(np.zeros((32, 32, 3), np.uint8))
    assert stylizer.provider_reason == "CUDA failed: the GPU is gone"
"""


def test_library_prints_nothing_about_a_broken_user_model_or_a_lost_provider(tmp_path: Path) -> None:
    """In a process of its own: pytest's log handlers would hide what Python prints where no handler is set."""
    folder = tmp_path / "realtime-stylize/models"
    folder.mkdir(parents=True)
    (folder / "broken.onnx").write_bytes(b"no model")
    environment = os.environ | {"XDG_DATA_HOME": str(tmp_path)}
    completed = subprocess.run(
        [sys.executable, "-c", LOST_PROVIDER], env=environment, cwd=ROOT, capture_output=True, text=True
    )
    assert (completed.returncode, completed.stdout, completed.stderr) == (0, "", "")


def test_broken_user_model_is_logged_and_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, console: None, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "broken.onnx").write_bytes(b"no model")
    monkeypatch.setattr("realtime.stylizer.library.user_folder", lambda: tmp_path)
    assert load_library().styles
    out, err = capfd.readouterr()
    assert out == "" and err.startswith(f"passed over: {tmp_path / 'broken.onnx'}") and err.count("\n") == 1


def test_of_two_styles_of_one_name_the_later_models_is_used(library: Library) -> None:
    shipped = library.models[0]
    mine = replace(shipped, path=Path("mine.onnx"), styles=shipped.styles[1:3], trunk_digest="another")
    both = Library([shipped, mine])
    names = [style.name for style in shipped.styles]
    assert [style.name for _, style in both.styles] == names, "each at its place"
    assert both.find(names[1])[0] is mine and both.find(names[0])[0] is shipped


def test_style_in_training_is_taken_from_its_file_and_mixes_with_the_others(library: Library) -> None:
    shipped = library.models[0]

    def model(name: str, *styles: str) -> Model:
        added = tuple(Style(style, len(shipped.styles) + number) for number, style in enumerate(styles))
        return replace(shipped, path=Path(name), styles=(*shipped.styles, *added))

    finished, again = model("yours.onnx", "grandma"), model("grandma.learning.onnx", "grandma")
    assert again.learning == "grandma" and not finished.learning
    for own in ([finished, again], [again, finished]):
        both = Library([shipped], own)
        assert both.models == [again] and {id(owner) for owner, _ in both.styles} == {id(again)}
    left_behind = Library([shipped], [model("old.learning.onnx", "old"), finished])
    assert [left_behind.find(name)[0].path.name for name in ("starry_night", "old", "grandma")] == [
        "yours.onnx", "old.learning.onnx", "yours.onnx",
    ]  # fmt: skip
    overtaken = Library([shipped], [again, model("yours.onnx", "grandma", "grandpa")])
    assert [owner.path.name for owner in overtaken.models] == ["yours.onnx"]
    alone = replace(
        again, path=Path("dawn.learning.onnx"), styles=(Style("grandma", 0), Style("dawn", 1)), trunk_digest=""
    )
    assert Library([shipped], [finished, alone]).find("dawn")[0] is alone
    assert Library([shipped], [finished, alone]).find("grandma")[0] is finished
