"""What each provider lacks here, and what it is told."""

from __future__ import annotations

from pathlib import Path

import onnxruntime
import pytest

from realtime.inference import onnx_runtime, providers
from realtime.inference.providers import problem_of
from realtime.system import hardware


def test_what_is_missing_for_cuda_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
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
def test_why_cuda_would_not_start(
    driver: int, capability: tuple[int, int], problem: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hardware, "_nvidia", lambda: (driver, (("GTX", capability),)))
    monkeypatch.setattr(providers, "load_cuda", lambda: ("libcublas.so.13",))
    assert problem_of("cuda") == problem == problem_of("tensorrt")


def test_each_model_has_engines_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """TensorRT would take another model's, whose inputs have the same names."""
    monkeypatch.setattr(providers, "cache_folder", lambda: tmp_path / "not" / "there")
    one, other = (Path(providers.options_of("tensorrt", data)["trt_engine_cache_path"]) for data in (b"1", b"2"))
    assert one != other and one.is_dir() and other.is_dir()
    assert capfd.readouterr().err.count("TensorRT builds its engine") == 2
    (one / "TensorrtExecutionProvider.engine").touch()
    assert providers.options_of("tensorrt", b"1")["trt_engine_cache_path"] == str(one)
    assert capfd.readouterr().err == ""
