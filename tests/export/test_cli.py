"""The command stylize-export."""

from __future__ import annotations

import json
import os
from pathlib import Path

import onnxruntime as ort
import pytest
import torch

from export.cli import main
from tests.conftest import ROOT, Run
from training.checkpoint import load_checkpoint
from training.transformer_net import TransformerNet

STYLES = """
[noon]
title = "Der Mittag · 正午"
painter = "A. Painter"
year = "1901"
licence = "public domain"
style_loss = 0.4
painted = 1901-05-06
m = { content_loss = 0.5 }
n = { content_loss = 0.6 }
"""


def read_metadata(path: Path) -> dict[str, str]:
    session = ort.InferenceSession(path.read_bytes(), providers=["CPUExecutionProvider"])
    properties: dict[str, str] = session.get_modelmeta().custom_metadata_map
    return properties


def run_failing(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    """Run the command, check that it fails with one line on stderr and exit status 1, and return the line."""
    assert main([str(a) for a in arguments]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    assert captured.err.startswith("stylize-export: ")
    return captured.err


def test_export_of_our_network_writes_model_with_metadata(
    run: Run, tmp_path: Path, checkpoint: Path, photos: Path
) -> None:
    (tmp_path / "styles.toml").write_text(STYLES, encoding="utf-8")
    completed = run("export.cli", "checkpoint.pt", "-o", "m.onnx", "--photos", "photos", "--styles-file", "styles.toml")
    assert completed.returncode == 0, completed.stderr
    assert completed.stderr == ""
    first, second = completed.stdout.splitlines()
    assert first.startswith("wrote m.onnx: StyleNetwork 32x2, ")
    assert first.endswith(" kB, dawn, noon, dusk")
    assert second.startswith("against torch, 8 pictures: PSNR ")
    assert "largest error" in second
    assert sorted(path.name for path in tmp_path.iterdir()) == ["checkpoint.pt", "m.onnx", "photos", "styles.toml"]

    properties = read_metadata(tmp_path / "m.onnx")
    styles = json.loads(properties.pop("styles"))
    assert styles[0] == {"name": "dawn"}
    assert styles[1] == {
        "name": "noon",
        "title": "Der Mittag · 正午",
        "artist": "A. Painter",
        "year": "1901",
        "licence": "public domain",
        "style_loss": 0.4,
        "content_loss": 0.5,
        "painted": "1901-05-06",
    }
    assert json.loads(properties.pop("training")) == {"photos": 1200}
    assert properties.pop("version")
    assert properties == {
        "realtime_stylize": "1",
        "multiple": "8",
        "trunk": load_checkpoint(checkpoint).trunk_digest,
        "network": "StyleNetwork 32x2",
        "licence": "MIT",
    }


def test_export_of_transformer_net_takes_name_and_licence(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, transformer_net: TransformerNet, photos: Path
) -> None:
    torch.save(transformer_net.state_dict(), tmp_path / "x.pth")
    arguments = [str(tmp_path / "x.pth"), "-o", str(tmp_path / "m.onnx"), "--photos", str(photos)]
    assert main([*arguments, "--name", "candy", "--licence", "BSD-3-Clause"]) == 0
    assert "TransformerNet, 33" in capsys.readouterr().out
    properties = read_metadata(tmp_path / "m.onnx")
    assert json.loads(properties["styles"]) == [{"name": "candy"}]
    assert (properties["network"], properties["licence"], properties["training"]) == (
        "TransformerNet",
        "BSD-3-Clause",
        "{}",
    )


def test_existing_file_is_replaced_only_with_overwrite_and_checkpoint_never(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, checkpoint: Path, photos: Path
) -> None:
    output = tmp_path / "m.onnx"
    output.write_text("precious")
    assert "m.onnx is there already; --overwrite replaces it" in run_failing(capsys, checkpoint, "-o", output)
    assert output.read_text() == "precious"
    assert main([str(checkpoint), "-o", str(output), "--photos", str(photos), "--overwrite"]) == 0
    assert read_metadata(output)["realtime_stylize"] == "1"
    capsys.readouterr()
    before = checkpoint.read_bytes()
    (tmp_path / "same.onnx").hardlink_to(checkpoint)
    assert "is the checkpoint itself" in run_failing(capsys, checkpoint, "-o", tmp_path / "same.onnx", "--overwrite")
    assert checkpoint.read_bytes() == before


def test_nothing_is_written_when_graph_differs_from_network(
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    checkpoint: Path,
    photos: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("export.graph.GraphWriter.relu", lambda self, x: x)
    output = tmp_path / "m.onnx"
    output.write_text("precious")
    error = run_failing(capsys, checkpoint, "-o", output, "--overwrite", "--photos", photos)
    assert "dB at worst" in error
    assert output.read_text() == "precious"
    assert not list(tmp_path.glob("*.part"))


def test_unreadable_input_is_reported_in_one_line(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, checkpoint: Path
) -> None:
    output = tmp_path / "m.onnx"
    (tmp_path / "noise.pt").write_bytes(os.urandom(4096))
    torch.save({"fc.weight": torch.zeros(2), "fc.bias": torch.zeros(2), "a": 1, "b": 2}, tmp_path / "other.pt")
    torch.save([1, 2], tmp_path / "list.pt")
    (tmp_path / "broken.toml").write_text("[")
    (tmp_path / "flat.toml").write_text('noon = "Noon"')
    (tmp_path / "none").mkdir()
    for arguments, message in (
        (["missing.pt"], "No such file"),
        (["none"], "is not a file"),
        (["noise.pt"], "is not a checkpoint"),
        (["other.pt"], "(realtime-stylize/1) nor the state_dict of pytorch/examples' TransformerNet"),
        (["other.pt"], "it holds 'fc.weight', 'fc.bias', 'a', ..."),
        (["list.pt"], "it holds a list"),
        (["checkpoint.pt", "--name", "x"], "names its styles itself"),
        (["checkpoint.pt", "--styles-file", "gone.toml"], "gone.toml: No such file"),
        (["checkpoint.pt", "--styles-file", "broken.toml"], "is not TOML"),
        (["checkpoint.pt", "--styles-file", "flat.toml"], "'noon' is not a table"),
        (["checkpoint.pt", "--photos", "none"], "no pictures in it"),
        (["checkpoint.pt", "--photos", "gone"], "no such folder"),
    ):
        rest = [a if a.startswith("--") or a == "x" else tmp_path / a for a in arguments]
        assert message in run_failing(capsys, *rest, "-o", output)
    assert "no such folder" in run_failing(capsys, checkpoint, "-o", tmp_path / "gone/m.onnx")
    (tmp_path / "folder.onnx").mkdir()
    assert "is not a file" in run_failing(capsys, checkpoint, "-o", tmp_path / "folder.onnx")
    assert not output.exists()


def test_full_disk_is_reported_and_leaves_no_file(
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    checkpoint: Path,
    photos: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def raise_disk_full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", raise_disk_full)
    error = run_failing(capsys, checkpoint, "-o", tmp_path / "m.onnx", "--photos", photos)
    assert "m.onnx: No space left on device" in error
    assert not list(tmp_path.glob("m.onnx*"))


def test_malicious_file_is_refused_without_being_executed(run: Run, tmp_path: Path) -> None:
    (tmp_path / "evil.pth").write_bytes(b"cposix\nsystem\n(S'touch executed'\ntR.")
    completed = run("export.cli", "evil.pth", "-o", "m.onnx")
    assert completed.returncode == 1
    assert (
        completed.stderr
        == "stylize-export: " + completed.stderr.removeprefix("stylize-export: ").splitlines()[0] + "\n"
    )
    assert [path.name for path in tmp_path.iterdir()] == ["evil.pth"]


def test_debug_shows_traceback(run: Run) -> None:
    completed = run("export.cli", "missing.pt", "-o", "m.onnx", "--debug")
    assert completed.returncode == 1
    assert "Traceback" in completed.stderr
    assert "TrainingError: missing.pt: No such file or directory" in completed.stderr


def test_help_lists_options_and_missing_output_is_usage_error(run: Run) -> None:
    assert run("export.cli", "checkpoint.pt").returncode == 2
    shown = run("export.cli", "--help")
    assert shown.returncode == 0
    for option in ("-o", "--styles-file", "--name", "--photos", "--licence", "--overwrite", "--debug"):
        assert option in shown.stdout


@pytest.mark.parametrize("output", ["m.png", "folder", "", ".", "m.int8.onnx"])
def test_output_name_without_onnx_ending_is_usage_error(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, checkpoint: Path, output: str
) -> None:
    monkeypatch.chdir(checkpoint.parent)
    with pytest.raises(SystemExit) as caught:
        main([str(checkpoint), "-o", output])
    assert caught.value.code == 2
    assert "NAME.onnx is wanted" in capsys.readouterr().err


@pytest.mark.parametrize("module", ["torch", "onnx"])
def test_missing_module_of_the_extra_names_what_to_install(run: Run, tmp_path: Path, module: str) -> None:
    (tmp_path / "without").mkdir()
    (tmp_path / "without" / f"{module}.py").write_text(
        f"raise ModuleNotFoundError('No module named {module}', name='{module}')"
    )
    path = os.pathsep.join([str(tmp_path / "without"), str(ROOT)])
    completed = run("export.cli", "checkpoint.pt", "-o", "m.onnx", PYTHONPATH=path)
    assert completed.returncode == 1
    assert completed.stderr == f'stylize-export: {module} is missing: pip install "realtime-stylize[train]"\n'


def test_ctrl_c_ends_the_export_silently(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, checkpoint: Path
) -> None:
    def interrupt(*_: object, **__: object) -> str:
        raise KeyboardInterrupt

    monkeypatch.setattr("export.cli.export", interrupt)
    assert main([str(checkpoint), "-o", str(checkpoint.parent / "m.onnx")]) == 130
    assert capsys.readouterr() == ("", "")
