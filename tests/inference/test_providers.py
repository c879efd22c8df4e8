"""The table of backends: what each one lacks here, its options, and that all of them compute the same."""

from __future__ import annotations

import json
import logging
import os
from itertools import combinations
from pathlib import Path

import cv2
import numpy as np
import onnxruntime
import pytest

from export.verify import resize_and_crop
from realtime.errors import EngineError
from realtime.frame import Image
from realtime.inference import nvidia_backends, onnx_runtime
from realtime.inference.backend import Device
from realtime.inference.engine import Engine
from realtime.inference.model import Model
from realtime.inference.nvidia_backends import TENSORRT
from realtime.inference.openvino_session import core
from realtime.inference.providers import AUTO_GROUPS, BACKENDS, backends_for
from realtime.inference.selection import candidates_for
from realtime.system import hardware
from tests.conftest import Run
from tests.export.conftest import make_image
from tests.inference.conftest import FakeSession, one_style
from training.images import read_images

AVAILABLE = [name for name, backend in BACKENDS.items() if backend.find_problem() is None]
DRAWN_IMAGE = 1  # index of the test image that is no photograph


def make_images(photo: Image) -> list[Image]:
    """Return a face, drawn shapes with noise, a dark photo, and the images of the folder PHOTOS, if that is set."""
    face = np.asarray(cv2.resize(photo, (320, 240), interpolation=cv2.INTER_AREA), np.uint8)
    images = [face, make_image(200, 320), (face // 8)[:, ::-1].copy()]
    extra = read_images(Path(os.environ["PHOTOS"]), 1000) if "PHOTOS" in os.environ else []
    return [*images, *(resize_and_crop(image, 480, 640) for image in extra)]


def psnr(a: Image, b: Image) -> float:
    """Peak signal-to-noise ratio in dB; 99 for equal images."""
    power = float(np.mean(np.square(a.astype(float) - b)))
    return 99.0 if power == 0 else float(10 * np.log10(255**2 / power))


def test_any_two_backends_agree(model: Model, photo: Image) -> None:
    """38 dB where one of them computes in bf16 or int8, 45 dB otherwise; int8 on photographs alone."""
    candidates = [candidate for name in AVAILABLE for candidate in candidates_for(BACKENDS[name], model, int8=True)]
    assert {"cpu", "openvino"} <= {c.backend.name for c in candidates}, "the tests need the extra openvino"
    has_bf16 = "BF16" in core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    runs = {candidate: candidate.open(model).run for candidate in candidates}
    for number, image in enumerate(make_images(photo)):
        weights = one_style(model, number % len(model.styles))
        results = {c: run(image, weights) for c, run in runs.items() if not (c.int8 and number == DRAWN_IMAGE)}
        for a, b in combinations(results, 2):
            is_rounded = a.int8 or b.int8 or (has_bf16 and "openvino" in (a.backend.name, b.backend.name))
            assert psnr(results[a], results[b]) >= (38 if is_rounded else 45), (a.label, b.label, number)


@pytest.mark.parametrize("name", [name for name in BACKENDS if name not in AVAILABLE])
def test_unavailable_provider_is_reported_in_one_line(run: Run, name: str) -> None:
    completed = run("realtime", "--demo", "--no-window", "--frames", "1", "--provider", name)
    assert (completed.returncode, completed.stdout) == (1, "")
    assert completed.stderr.count("\n") == 1 and completed.stderr.startswith(f"realtime-stylize: --provider {name}: ")
    assert str(BACKENDS[name].find_problem()) in completed.stderr


def test_list_providers_tells_what_to_install(run: Run) -> None:
    table = run("realtime", "--list-providers").stdout
    if "cuda" not in AVAILABLE:
        assert "realtime-stylize[cuda]" in table
    for row in json.loads(run("realtime", "--list-providers", "--json").stdout):
        assert row["available"] == (row["problem"] is None)
        assert row["available"] or row["to have it"] or "only" in row["problem"]


def test_auto_groups_name_backends_and_unknown_provider_raises() -> None:
    assert [[backend.name for backend in group] for group in backends_for("auto")] == [list(g) for g in AUTO_GROUPS]
    with pytest.raises(EngineError, match="--provider abacus: not one of auto, cpu, cuda"):
        backends_for("abacus")


class FakeBackend:
    """A backend that exists in this test only."""

    name = "abacus"
    limits = "beads are few"
    problem: str | None = None

    def find_problem(self) -> str | None:
        return self.problem

    def install_hint(self) -> str:
        return "pip install abacus"

    def devices(self) -> list[Device]:
        return [Device(description="ten beads")]

    def open(self, model: bytes, device: Device, threads: int = 0) -> FakeSession:
        return FakeSession(480)


def test_backend_added_to_the_table_runs_by_its_name(model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    backend = FakeBackend()
    monkeypatch.setitem(BACKENDS, "abacus", backend)
    engine = Engine(model, "abacus")
    assert (engine.provider, engine.provider_reason) == ("abacus", "ten beads")
    with pytest.raises(EngineError, match="failed on abacus: no room; beads are few"):
        engine.run(np.zeros((488, 8, 3), np.uint8), one_style(model))
    backend.problem = "no beads"
    with pytest.raises(EngineError, match="no beads; to have it: pip install abacus; --provider cpu always works"):
        Engine(model, "abacus")


def test_load_cuda_names_missing_library(monkeypatch: pytest.MonkeyPatch) -> None:
    usual = onnxruntime._get_nvidia_dll_paths
    paths = [("nvidia", "cu13", "lib", "libcublas_is_gone.so.13")]
    monkeypatch.setattr(onnxruntime, "_get_nvidia_dll_paths", lambda *given: paths * given[1] + usual(*given))
    onnx_runtime.load_cuda.cache_clear()
    try:
        assert "libcublas_is_gone.so.13" in onnx_runtime.load_cuda()
    finally:
        onnx_runtime.load_cuda.cache_clear()


@pytest.mark.parametrize(
    ("driver", "capability", "problem"),
    [
        (12, (8, 9), "NVIDIA's driver is for CUDA 12, this ONNX Runtime for 13: update the driver"),
        (13, (6, 1), "GTX is too old for CUDA 13; onnxruntime-gpu 1.26 is the last for CUDA 12"),
        (13, (8, 9), "CUDA's libraries are not installed: libcublas.so.13"),
        (14, (12, 0), "CUDA's libraries are not installed: libcublas.so.13"),
    ],
)
def test_cuda_and_tensorrt_report_why_cuda_would_not_start(
    driver: int, capability: tuple[int, int], problem: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hardware, "_nvidia", lambda: (driver, (("GTX", capability),)))
    monkeypatch.setattr(nvidia_backends, "load_cuda", lambda: ("libcublas.so.13",))
    assert BACKENDS["cuda"].find_problem() == problem == BACKENDS["tensorrt"].find_problem()


def test_tensorrt_keeps_engines_of_each_model_in_a_folder_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """TensorRT would use another model's engine, whose inputs have the same names."""
    caplog.set_level(logging.INFO)
    monkeypatch.setattr(nvidia_backends, "cache_folder", lambda: tmp_path / "not" / "there")
    one, other = (Path(TENSORRT.provider_options(data)["trt_engine_cache_path"]) for data in (b"1", b"2"))
    assert one != other and one.is_dir() and other.is_dir()
    assert caplog.text.count("TensorRT builds its engine") == 2
    caplog.clear()
    (one / "TensorrtExecutionProvider.engine").touch()
    assert TENSORRT.provider_options(b"1")["trt_engine_cache_path"] == str(one)
    assert caplog.text == ""
