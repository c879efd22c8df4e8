"""The int8 sibling: which layers are quantized, how closely it agrees, and which file it belongs to."""

from __future__ import annotations

import hashlib
from collections import Counter
from pathlib import Path

import cv2
import numpy as np
import onnx
import pytest
from onnx import TensorProto, numpy_helper

from export.checkpoints import load_exportable
from export.cli import main
from export.quantize import calibrate, leave_out_worst
from export.verify import make_references, psnr
from realtime.inference.model import read_model
from realtime.system.paths import shipped_folder
from tests.export.conftest import Stylize, make_image, make_style_network
from training.checkpoint import Checkpoint
from training.network import Architecture


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The path of an exported network that is wide enough for int8; its sibling lies beside it."""
    folder = tmp_path_factory.mktemp("int8")
    photos = folder / "photos"
    photos.mkdir()
    for seed in range(3):
        cv2.imwrite(str(photos / f"{seed}.png"), make_image(200, 300, seed))
    network = make_style_network(2, Architecture(channels=32, outer=16, deep=64, blocks=1))
    Checkpoint(network, ["dawn", "dusk"], photos=10).save(folder / "checkpoint.pt")
    output = folder / "two.onnx"
    assert main([str(folder / "checkpoint.pt"), "-o", str(output), "--int8", "--photos", str(photos)]) == 0
    return output


def test_wide_convolutions_are_quantized(exported: Path) -> None:
    model = onnx.load(str(exported.with_suffix(".int8.onnx")))
    assert model.opset_import[0].version == 17
    made_by = {output: node.op_type for node in model.graph.node for output in node.output}
    kinds = Counter(made_by.get(node.input[1], "weights") for node in model.graph.node if node.op_type == "Conv")
    assert kinds == {"DequantizeLinear": 4, "weights": 5 + 4}, (
        "quantized: deeper, the block's two, back; not: five narrow ones and four copies"
    )
    weights = {t.name: t for t in model.graph.initializer}
    first = weights["trunk.0.first.weight"]
    assert first.data_type == TensorProto.INT8
    assert np.abs(numpy_helper.to_array(first).astype(int)).max((1, 2, 3)).tolist() == [127] * 64, (
        "each channel has its own scale"
    )


def test_coarse_level_is_quantized_and_matrices_are_not(tmp_path: Path, stylize: Stylize) -> None:
    (tmp_path / "photos").mkdir()
    for seed in range(2):
        cv2.imwrite(str(tmp_path / f"photos/{seed}.png"), make_image(200, 300, seed))
    architecture = Architecture(channels=32, outer=16, deep=48, blocks=1, coarse=64, coarse_blocks=1, matrices=True)
    Checkpoint(make_style_network(2, architecture), ["dawn", "dusk"]).save(tmp_path / "checkpoint.pt")
    output = tmp_path / "two.onnx"
    arguments = [str(tmp_path / "checkpoint.pt"), "-o", str(output), "--int8", "--photos", str(tmp_path / "photos")]
    assert main(arguments) == 0
    model = onnx.load(str(output.with_suffix(".int8.onnx")))
    made_by = {output: node.op_type for node in model.graph.node for output in node.output}
    kinds = {n.output[0]: made_by.get(n.input[1], "weights") for n in model.graph.node if n.op_type == "Conv"}
    int8_layers = {name for name, kind in kinds.items() if kind == "DequantizeLinear"}
    blocks = {f"{block}.{part}" for block in ("coarse.blocks.0", "trunk.0") for part in ("first", "second")}
    assert int8_layers == {"deeper", "coarse.down", *blocks, "coarse.up", "back"}
    mixed = {name for name, kind in kinds.items() if kind == "Reshape"}
    assert mixed == {"coarse.matrices.0.mixed", "coarse.matrices.1.mixed", "matrix.mixed"}
    image = make_image(120, 160, 7)
    exact, int8 = (stylize(path.read_bytes(), image, [0, 1]) for path in (output, output.with_suffix(".int8.onnx")))
    assert 38 < psnr(exact.astype(np.int16) - int8) < 90


def test_convolution_that_256_steps_are_too_few_for_is_left_out(exported: Path) -> None:
    network = load_exportable(exported.parent / "checkpoint.pt", None)
    ranges = calibrate(network, exported.parent / "photos")
    expected = make_references(network, exported.parent / "photos", 1)
    assert leave_out_worst(network, ranges, expected) == ranges, "all four can stay"
    (low, high), after = ranges["trunk.0.second"]
    spread = {**ranges, "trunk.0.second": ((300 * low, 300 * high), after)}  # hardly a step is left for its values
    assert leave_out_worst(network, spread, expected) == {
        name: limits for name, limits in ranges.items() if name != "trunk.0.second"
    }


def test_sibling_agrees_with_the_unquantized_model(exported: Path, stylize: Stylize) -> None:
    image = make_image(120, 160, 7)
    exact, int8 = (stylize(path.read_bytes(), image, [0, 1]) for path in (exported, exported.with_suffix(".int8.onnx")))
    assert 38 < psnr(exact.astype(np.int16) - int8) < 90


def test_sibling_is_used_only_with_the_file_it_was_made_from(exported: Path, tmp_path: Path) -> None:
    sibling = exported.with_suffix(".int8.onnx").read_bytes()
    assert read_model(exported).int8 == sibling
    copy = tmp_path / "two.onnx"
    copy.write_bytes(exported.read_bytes())
    assert read_model(copy).int8 is None
    copy.with_suffix(".int8.onnx").write_bytes(b"broken")
    assert read_model(copy).int8 is None
    other = onnx.load(str(exported))
    other.doc_string = "trained on"
    copy.write_bytes(other.SerializeToString())
    copy.with_suffix(".int8.onnx").write_bytes(sibling)
    assert read_model(copy).int8 is None, "another model of that name"


def test_int8_without_photos_is_refused(exported: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    checkpoint = exported.parent / "checkpoint.pt"
    assert main([str(checkpoint), "-o", str(tmp_path / "a.onnx"), "--int8"]) == 1
    assert "--photos DIR" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_int8_of_narrow_network_is_refused(photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "narrow.pt"
    Checkpoint(make_style_network(1, Architecture(outer=4, channels=8, deep=16, blocks=1)), ["one"]).save(path)
    assert main([str(path), "-o", str(tmp_path / "n.onnx"), "--photos", str(photos), "--int8"]) == 1
    assert "no convolution here has 32 channels" in capsys.readouterr().err and not (tmp_path / "n.onnx").exists()


def test_existing_sibling_is_not_overwritten(
    exported: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.int8.onnx").write_text("mine")
    arguments = [str(exported.parent / "checkpoint.pt"), "-o", str(tmp_path / "a.onnx"), "--int8", "--photos", "."]
    assert main(arguments) == 1
    assert "a.int8.onnx is there already" in capsys.readouterr().err
    assert (tmp_path / "a.int8.onnx").read_text() == "mine" and not (tmp_path / "a.onnx").exists()


@pytest.mark.parametrize("sibling", sorted(shipped_folder().glob("*.int8.onnx")), ids=lambda path: path.name)
def test_shipped_sibling_was_made_from_the_shipped_model(sibling: Path) -> None:
    model = sibling.with_name(sibling.name.removesuffix(".int8.onnx") + ".onnx")
    digest = hashlib.sha256(model.read_bytes()).hexdigest()
    meta = {p.key: p.value for p in onnx.load(str(sibling)).metadata_props}
    assert meta["quantized_from"] == digest, f"export {model.name} with --int8, or remove {sibling.name}"
