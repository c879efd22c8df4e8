"""Verifying a graph against the network in torch."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import numpy_helper

from export import verify as verify_module
from export.checkpoints import Exportable, load_exportable
from export.errors import ExportError
from export.verify import MAX_PSNR_DB, make_references, psnr, verify
from training.errors import TrainingError


@pytest.fixture
def network(checkpoint: Path) -> Exportable:
    return load_exportable(checkpoint, None)


def write_model(network: Exportable) -> onnx.ModelProto:
    return network.write(np.float16, None).model("test", {})


def test_verify_measures_agreement_of_exported_graph(network: Exportable, photos: Path) -> None:
    agreement = verify(network, write_model(network).SerializeToString(), make_references(network, photos))
    assert agreement.num_images == 2 * 4, "two sizes of one photo, three styles and a mix"
    assert 50 < agreement.worst <= agreement.mean <= MAX_PSNR_DB
    assert 0 < agreement.max_error < 8


@pytest.mark.parametrize("name", ["trunk.1.second.weight", "to_bgr.bias", "styles"])
def test_verify_refuses_graph_with_changed_weights(network: Exportable, photos: Path, name: str) -> None:
    model = write_model(network)
    (tensor,) = [t for t in model.graph.initializer if t.name == name]
    tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor) + np.float16(0.2), name))
    with pytest.raises(ExportError, match=r"PSNR .* dB at worst.*40 dB are needed.*nothing was written"):
        verify(network, model.SerializeToString(), make_references(network, photos))


def test_verify_refuses_graph_with_swapped_styles(network: Exportable, photos: Path) -> None:
    model = write_model(network)
    (tensor,) = [t for t in model.graph.initializer if t.name == "styles"]
    table = numpy_helper.to_array(tensor)[[0, 2, 1]]
    tensor.CopyFrom(numpy_helper.from_array(table, "styles"))
    with pytest.raises(ExportError, match="40 dB"):
        verify(network, model.SerializeToString(), make_references(network, photos))


def test_verify_refuses_activations_beyond_fp16(checkpoint: Path, photos: Path) -> None:
    """In fp32, as CPUs compute, this network gives the right images, since the normalization cancels the factor."""
    loaded = torch.load(checkpoint, weights_only=True)
    loaded["weights"]["down.conv.weight"] *= 1e5
    torch.save(loaded, checkpoint)
    network = load_exportable(checkpoint, None)
    with pytest.raises(ExportError, match=r"down reaches .*fp16, which ends at 65504"):
        verify(network, write_model(network).SerializeToString(), make_references(network, photos))


def test_make_references_without_photos_raises(
    network: Exportable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verify_module, "DEMO_PHOTO", tmp_path / "gone.jpg")
    with pytest.raises(ExportError, match="--photos DIR"):
        make_references(network, None)
    with pytest.raises(TrainingError, match="no such folder"):
        make_references(network, tmp_path / "gone")


def test_psnr_of_no_full_and_smallest_difference() -> None:
    assert psnr(np.zeros((4, 4, 3), np.int16)) == MAX_PSNR_DB
    assert psnr(np.full((4, 4, 3), -255, np.int16)) == 0
    assert psnr(np.ones((4, 4, 3), np.int16)) == pytest.approx(48.13, abs=0.01)
