"""The command without a window."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest

from realtime.frame import Image
from tests.conftest import ROOT, Run
from tests.e2e.conftest import wait_for_bytes
from tests.fault_camera import FaultCamera


def test_demo_stylizes_as_many_frames_as_asked_and_writes_statistics(run: Run, tmp_path: Path) -> None:
    done = run("realtime", "--demo", "--no-window", "--frames", "20", "--size", "240", "--stats", "s.json")
    assert (done.returncode, done.stderr) == (0, "")
    table = json.loads((tmp_path / "s.json").read_text())
    assert table["frames_painted"] == 20
    assert table["frames_read"] >= 20
    assert table["fps"] * table["seconds"] > 15  # the run took longer than the 19 intervals between its frames
    assert table["provider"] in ("cpu", "cuda", "coreml", "dml", "openvino")
    assert table["provider_reason"]
    assert 0 < table["latency_ms"]["p50"] <= table["latency_ms"]["p95"] <= table["latency_ms"]["max"]
    assert table["latency_ms"]["from_capture_to"] == "painted"
    assert table["working_size"] == [320, 240]
    assert table["decode_errors"] == table["signal_losses"] == table["reconnects"] == 0
    assert [path.name for path in tmp_path.iterdir()] == ["s.json"]


def test_network_camera_is_stylized_in_a_mix_of_styles(run: Run, camera: FaultCamera, tmp_path: Path) -> None:
    done = run(
        "realtime", "--camera", camera.url, "--no-window", "--frames", "5", "--style", "udnie,the_scream:2",
        "--stats", "s.json",
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    table = json.loads((tmp_path / "s.json").read_text())
    assert table["frames_painted"] == 5
    assert table["style"].startswith("The Scream 67% + Udnie 33%")


def test_still_scene_is_stylized_once_and_reused(run: Run, tmp_path: Path) -> None:
    with FaultCamera(size=(320, 240), fps=20, still=True) as camera:
        done = run("realtime", "--camera", camera.url, "--no-window", "--frames", "30", "--stats", "s.json")
    assert (done.returncode, done.stderr) == (0, "")
    table = json.loads((tmp_path / "s.json").read_text())
    assert table["frames_painted"] + table["frames_reused"] == 30
    assert table["frames_painted"] <= 3
    assert table["fps"] * table["seconds"] > 25, "the rate is not that of all 30 frames"


def test_fps_limits_the_frame_rate(run: Run, tmp_path: Path) -> None:
    run("realtime", "--demo", "--no-window", "--frames", "12", "--fps", "4", "--size", "128", "--stats", "s.json")
    assert json.loads((tmp_path / "s.json").read_text())["fps"] < 5


def test_wide_network_has_the_same_styles_and_another_result(run: Run, photo: Image, tmp_path: Path) -> None:
    """An unknown network is a usage error."""
    cv2.imwrite(str(tmp_path / "photo.png"), photo)
    tables = {name: json.loads(run("realtime", "--list-styles", "--network", name, "--json").stdout)
              for name in ("live", "wide")}  # fmt: skip
    live, wide = ([row["name"] for row in table] for table in tables.values())
    assert live == wide and {Path(row["model"]).name for row in tables["wide"]} == {"wide.onnx"}
    for name in tables:
        done = run("realtime", "photo.png", "-o", f"{name}.png", "--network", name, "--style", "udnie")
        assert done.returncode == 0, done.stderr
    one, other = (np.asarray(cv2.imread(str(tmp_path / f"{name}.png")), np.float32) for name in tables)
    assert 2 < np.abs(one - other).mean() < 80
    done = run("realtime", "photo.png", "-o", "x.png", "--network", "deep")
    assert done.returncode == 2 and "live" in done.stderr and "wide" in done.stderr


def test_list_styles_prints_json_and_a_table(run: Run) -> None:
    rows = json.loads(run("realtime", "--list-styles", "--json").stdout)
    assert len(rows) >= 4 and rows[0]["key"] == 1
    assert {"name", "painting", "artist", "year"} <= set(rows[0])
    table = run("realtime", "--list-styles").stdout
    assert all(row["name"] in table and row["artist"] in table for row in rows)


def test_list_cameras_prints_json_and_a_table(run: Run) -> None:
    done = run("realtime", "--list-cameras", "--json")
    assert done.returncode == 0
    cameras = json.loads(done.stdout)
    people = run("realtime", "--list-cameras").stdout
    assert all(camera["name"] in people for camera in cameras) if cameras else "--demo" in people


def test_list_providers_names_the_problem_of_each_missing_one(run: Run) -> None:
    rows = {row["provider"]: row for row in json.loads(run("realtime", "--list-providers", "--json").stdout)}
    assert rows["cpu"]["available"] is True
    assert set(rows) == {"cpu", "cuda", "tensorrt", "coreml", "dml", "openvino"}
    assert all(row["available"] or row["problem"] for row in rows.values())
    assert "cpu" in run("realtime", "--list-providers").stdout


@pytest.mark.parametrize(
    ("arguments", "status"), [(["--list-styles"], 1), (["--demo", "--no-window", "--frames", "2", "--size", "128"], 0)]
)
def test_closed_pipe_ends_a_list_with_status_1_and_stops_no_live_run(arguments: list[str], status: int) -> None:
    """A list that cannot be printed has failed; a live run has more to do than to print."""
    read, write = os.pipe()
    os.close(read)
    with open(write, "wb") as pipe:
        done = subprocess.run(
            [sys.executable, "-m", "realtime", *arguments], stdout=pipe, stderr=subprocess.PIPE, timeout=120
        )
    assert (done.returncode, done.stderr) == (status, b"")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has none")
def test_full_disk_under_stdout_is_one_line() -> None:
    with open("/dev/full", "wb") as full:
        command = [sys.executable, "-m", "realtime", "--list-styles"]
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, timeout=120)
    assert (done.returncode, done.stderr) == (1, "realtime-stylize: standard output: No space left on device\n")


def test_pipe_closed_during_a_live_run_does_not_stop_it(tmp_path: Path) -> None:
    read, write = os.pipe()
    command = ["--demo", "--no-window", "--frames", "60", "--size", "128", "--stats", str(tmp_path / "s.json")]
    with open(write, "wb") as pipe:
        process = subprocess.Popen([sys.executable, "-m", "realtime", *command], stdout=pipe)
        assert b"demo" in os.read(read, 1000)
        os.close(read)
    assert process.wait(120) == 0
    assert json.loads((tmp_path / "s.json").read_text())["frames_painted"] == 60


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGHUP")
@pytest.mark.parametrize("nohup", [False, True])
def test_closed_terminal_finishes_files_and_is_ignored_under_nohup(nohup: bool, tmp_path: Path) -> None:
    """A hangup ends the program as Ctrl-C does."""
    command = ["--demo", "--no-window", "--size", "128", "--record", "x.mp4", "--stats", "s.json"]
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(
            [*(["nohup"] if nohup else []), sys.executable, "-m", "realtime", *command],
            cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(ROOT)}, stdout=log, stderr=log, text=True,
            preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_DFL),  # the tests themselves may run under nohup
        )  # fmt: skip
        try:
            wait_for_bytes(tmp_path / "x.mp4.part", 10_000, process)
            process.send_signal(signal.SIGHUP)
            if nohup:
                with pytest.raises(subprocess.TimeoutExpired):
                    process.wait(3)
                process.terminate()
            assert process.wait(60) == 130, (tmp_path / "log").read_text()
        finally:
            process.kill()
            process.wait()
    assert (tmp_path / "x.mp4").exists() and (tmp_path / "s.json").exists()


def test_version_names_the_libraries(run: Run) -> None:
    text = run("realtime", "--version").stdout
    for name in ("realtime-stylize", "onnxruntime", "opencv", "pyav", "libavcodec"):
        assert name in text


@pytest.mark.parametrize("content", [b"", b"not a model", b"\x08\x0a" * 100])
def test_broken_model_file_is_one_line(run: Run, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "m.onnx").write_bytes(content)
    done = run("realtime", "--demo", "--no-window", "--models", "m.onnx")
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1 and "m.onnx" in done.stderr


def test_broken_user_model_is_one_line_and_passed_over(run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "data/realtime-stylize/models"
    folder.mkdir(parents=True)
    (folder / "broken.onnx").write_bytes(b"no model")
    done = run("realtime", "--list-styles", "--json")
    assert done.returncode == 0 and json.loads(done.stdout)
    assert done.stderr.startswith(f"passed over: {folder / 'broken.onnx'}") and done.stderr.count("\n") == 1


@pytest.mark.parametrize("option", ["--list-styles", "--list-providers", "--version"])
def test_onnx_runtime_that_does_not_load_is_one_line(run: Run, tmp_path: Path, option: str) -> None:
    """As on a Windows without Microsoft's runtime, where the import fails."""
    (tmp_path / "onnxruntime.py").write_text("raise ImportError('DLL load failed')")
    done = run("realtime", option)
    assert (done.returncode, done.stderr) == (1, "realtime-stylize: ONNX Runtime does not start: DLL load failed\n")


def test_main_exits_at_once_while_a_driver_hangs() -> None:
    """Python is not torn down while a thread is still in C."""
    code = """
import atexit, sys, threading, time
from realtime.cli.main import main
threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
atexit.register(print, "taken down", file=sys.stderr)
sys.argv = ["realtime-stylize", "--completion", "fish"]
main()
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    assert "realtime-stylize" in done.stdout


def test_ctrl_c_during_imports_exits_silently() -> None:
    code = """
import os, signal, sys
from realtime.cli.main import main

class Slow:
    def find_spec(self, name, path, target=None):
        if name == "numpy":
            os.kill(os.getpid(), signal.SIGINT)

sys.meta_path.insert(0, Slow())
sys.argv = ["realtime-stylize", "--demo", "--no-window"]
sys.exit(main())
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")


def test_ctrl_c_while_a_camera_is_silent_exits_silently() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.settimeout(60)
        address = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        command = [sys.executable, "-m", "realtime", "--no-window", "--camera", address]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        with silent.accept()[0]:
            time.sleep(0.5)
            process.send_signal(signal.SIGINT)
            assert process.communicate(timeout=60) == ("", "")
        assert process.returncode == 130


def test_completion_loads_no_large_library() -> None:
    code = """
import sys
from realtime.cli.main import main
sys.argv = ["realtime-stylize", "--completion", "bash"]
main()
print([name for name in sys.modules if name in ("numpy", "cv2", "av", "onnxruntime", "openvino")], file=sys.stderr)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "[]\n")
