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
from export.verify import EQUAL, psnr, references, verify
from training.errors import TrainingError


@pytest.fixture
def network(checkpoint: Path) -> Exportable:
    return load_exportable(checkpoint, None)


def written(network: Exportable) -> onnx.ModelProto:
    return network.write(np.float16, None).model("test", {})


def test_agreement_of_what_is_written(network: Exportable, photos: Path) -> None:
    agreement = verify(network, written(network).SerializeToString(), references(network, photos))
    assert agreement.pictures == 2 * 4, "two sizes of one photo, three styles and a mix"
    assert 50 < agreement.worst <= agreement.mean <= EQUAL
    assert 0 < agreement.error < 8


@pytest.mark.parametrize("name", ["trunk.1.second.weight", "to_bgr.bias", "styles"])
def test_a_graph_that_paints_something_else_is_refused(network: Exportable, photos: Path, name: str) -> None:
    model = written(network)
    (tensor,) = [t for t in model.graph.initializer if t.name == name]
    tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor) + np.float16(0.2), name))
    with pytest.raises(ExportError, match=r"PSNR .* dB at worst.*40 dB are needed.*nothing was written"):
        verify(network, model.SerializeToString(), references(network, photos))


def test_a_wrong_row_of_the_styles_is_noticed(network: Exportable, photos: Path) -> None:
    model = written(network)
    (tensor,) = [t for t in model.graph.initializer if t.name == "styles"]
    table = numpy_helper.to_array(tensor)[[0, 2, 1]]
    tensor.CopyFrom(numpy_helper.from_array(table, "styles"))
    with pytest.raises(ExportError, match="40 dB"):
        verify(network, model.SerializeToString(), references(network, photos))


def test_activations_beyond_fp16_are_refused(checkpoint: Path, photos: Path) -> None:
    """In fp32, as CPUs compute, this network is as good as any: the normalization hides its scale."""
    loaded = torch.load(checkpoint, weights_only=True)
    loaded["weights"]["down.conv.weight"] *= 1e5
    torch.save(loaded, checkpoint)
    network = load_exportable(checkpoint, None)
    with pytest.raises(ExportError, match=r"down reaches .*fp16, which ends at 65504"):
        verify(network, written(network).SerializeToString(), references(network, photos))


def test_no_photos(network: Exportable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verify_module, "DEMO_PHOTO", tmp_path / "gone.jpg")
    with pytest.raises(ExportError, match="--photos DIR"):
        references(network, None)
    with pytest.raises(TrainingError, match="no such folder"):
        references(network, tmp_path / "gone")


def test_psnr() -> None:
    assert psnr(np.zeros((4, 4, 3), np.int16)) == EQUAL
    assert psnr(np.full((4, 4, 3), -255, np.int16)) == 0
    assert psnr(np.ones((4, 4, 3), np.int16)) == pytest.approx(48.13, abs=0.01)
