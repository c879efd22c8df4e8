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


def test_the_demo_paints_as_many_frames_as_asked(run: Run, tmp_path: Path) -> None:
    done = run("realtime", "--demo", "--no-window", "--frames", "20", "--size", "240", "--stats", "s.json")
    assert (done.returncode, done.stderr) == (0, "")
    table = json.loads((tmp_path / "s.json").read_text())
    assert table["frames_painted"] == 20
    assert table["frames_read"] >= 20
    assert table["fps"] > 0
    assert table["provider"] in ("cpu", "cuda", "coreml", "dml", "openvino")
    assert table["provider_reason"]
    assert 0 < table["latency_ms"]["p50"] <= table["latency_ms"]["p95"] <= table["latency_ms"]["max"]
    assert table["latency_ms"]["from_capture_to"] == "painted"
    assert table["working_size"] == [320, 240]
    assert table["decode_errors"] == table["signal_losses"] == table["reconnects"] == 0
    assert [path.name for path in tmp_path.iterdir()] == ["s.json"]


def test_a_network_camera_is_painted(run: Run, camera: FaultCamera, tmp_path: Path) -> None:
    done = run(
        "realtime", "--camera", camera.url, "--no-window", "--frames", "5", "--style", "udnie,the_scream:2",
        "--stats", "s.json",
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    table = json.loads((tmp_path / "s.json").read_text())
    assert table["frames_painted"] == 5
    assert table["style"].startswith("The Scream 67% + Udnie 33%")


def test_a_still_scene_is_painted_once(run: Run, tmp_path: Path) -> None:
    with FaultCamera(size=(320, 240), fps=20, still=True) as camera:
        done = run("realtime", "--camera", camera.url, "--no-window", "--frames", "30", "--stats", "s.json")
    assert (done.returncode, done.stderr) == (0, "")
    table = json.loads((tmp_path / "s.json").read_text())
    assert table["frames_painted"] + table["frames_reused"] == 30
    assert table["frames_painted"] <= 3
    assert table["fps"] > 5


def test_fps_is_a_ceiling(run: Run, tmp_path: Path) -> None:
    run("realtime", "--demo", "--no-window", "--frames", "12", "--fps", "4", "--size", "128", "--stats", "s.json")
    assert json.loads((tmp_path / "s.json").read_text())["fps"] < 5


def test_the_wide_network_paints_the_same_styles_better(run: Run, photo: Image, tmp_path: Path) -> None:
    """Another painting of the same photo; a name that there is not is usage."""
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


def test_styles_are_listed(run: Run) -> None:
    rows = json.loads(run("realtime", "--list-styles", "--json").stdout)
    assert len(rows) >= 4 and rows[0]["key"] == 1
    assert {"name", "painting", "artist", "year"} <= set(rows[0])
    table = run("realtime", "--list-styles").stdout
    assert all(row["name"] in table and row["artist"] in table for row in rows)


def test_cameras_are_listed(run: Run) -> None:
    done = run("realtime", "--list-cameras", "--json")
    assert done.returncode == 0
    cameras = json.loads(done.stdout)
    people = run("realtime", "--list-cameras").stdout
    assert all(camera["name"] in people for camera in cameras) if cameras else "--demo" in people


def test_providers_are_listed_with_what_they_lack(run: Run) -> None:
    rows = {row["provider"]: row for row in json.loads(run("realtime", "--list-providers", "--json").stdout)}
    assert rows["cpu"]["available"] is True
    assert set(rows) == {"cpu", "cuda", "tensorrt", "coreml", "dml", "openvino"}
    assert all(row["available"] or row["problem"] for row in rows.values())
    assert "cpu" in run("realtime", "--list-providers").stdout


@pytest.mark.parametrize(
    ("wanted", "status"), [(["--list-styles"], 1), (["--demo", "--no-window", "--frames", "2", "--size", "128"], 0)]
)
def test_nobody_reads_what_is_printed(wanted: list[str], status: int) -> None:
    """A list is all there is to it; of a live session it is the least."""
    read, write = os.pipe()
    os.close(read)
    with open(write, "wb") as deaf:
        done = subprocess.run(
            [sys.executable, "-m", "realtime", *wanted], stdout=deaf, stderr=subprocess.PIPE, timeout=120
        )
    assert (done.returncode, done.stderr) == (status, b"")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has none")
def test_what_is_printed_has_no_room() -> None:
    with open("/dev/full", "wb") as full:
        command = [sys.executable, "-m", "realtime", "--list-styles"]
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, timeout=120)
    assert (done.returncode, done.stderr) == (1, "realtime-stylize: standard output: No space left on device\n")


def test_figures_are_written_although_nobody_reads(tmp_path: Path) -> None:
    read, write = os.pipe()
    command = ["--demo", "--no-window", "--frames", "60", "--size", "128", "--stats", str(tmp_path / "s.json")]
    with open(write, "wb") as deaf:
        process = subprocess.Popen([sys.executable, "-m", "realtime", *command], stdout=deaf)
        assert b"demo" in os.read(read, 1000)
        os.close(read)
    assert process.wait(120) == 0
    assert json.loads((tmp_path / "s.json").read_text())["frames_painted"] == 60


@pytest.mark.skipif(sys.platform == "win32", reason="it has no hangup")
@pytest.mark.parametrize("deaf", [False, True])
def test_a_terminal_that_is_closed(deaf: bool, tmp_path: Path) -> None:
    """Everything is finished as by Ctrl-C; with nohup it goes on."""
    command = ["--demo", "--no-window", "--size", "128", "--record", "x.mp4", "--stats", "s.json"]
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(
            [*(["nohup"] if deaf else []), sys.executable, "-m", "realtime", *command],
            cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(ROOT)}, stdout=log, stderr=log, text=True,
            preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_DFL),  # the tests themselves may be deaf
        )  # fmt: skip
        try:
            wait_for_bytes(tmp_path / "x.mp4.part", 10_000, process)
            process.send_signal(signal.SIGHUP)
            if deaf:
                with pytest.raises(subprocess.TimeoutExpired):
                    process.wait(3)
                process.terminate()
            assert process.wait(60) == 130, (tmp_path / "log").read_text()
        finally:
            process.kill()
            process.wait()
    assert (tmp_path / "x.mp4").exists() and (tmp_path / "s.json").exists()


def test_versions_are_printed(run: Run) -> None:
    text = run("realtime", "--version").stdout
    for name in ("realtime-stylize", "onnxruntime", "opencv", "pyav", "libavcodec"):
        assert name in text


@pytest.mark.parametrize("content", [b"", b"not a model", b"\x08\x0a" * 100])
def test_a_broken_model_is_one_line(run: Run, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "m.onnx").write_bytes(content)
    done = run("realtime", "--demo", "--no-window", "--models", "m.onnx")
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1 and "m.onnx" in done.stderr


def test_broken_model_of_the_user_is_one_line_and_passed_over(run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "data/realtime-stylize/models"
    folder.mkdir(parents=True)
    (folder / "broken.onnx").write_bytes(b"no model")
    done = run("realtime", "--list-styles", "--json")
    assert done.returncode == 0 and json.loads(done.stdout)
    assert done.stderr.startswith(f"passed over: {folder / 'broken.onnx'}") and done.stderr.count("\n") == 1


@pytest.mark.parametrize("option", ["--list-styles", "--list-providers", "--version"])
def test_a_runtime_that_does_not_load_is_one_line(run: Run, tmp_path: Path, option: str) -> None:
    """As on a Windows without Microsoft's runtime: the import fails, not the model."""
    (tmp_path / "onnxruntime.py").write_text("raise ImportError('DLL load failed')")
    done = run("realtime", option)
    assert (done.returncode, done.stderr) == (1, "realtime-stylize: ONNX Runtime does not start: DLL load failed\n")


def test_a_hung_driver_is_not_waited_for_and_does_not_come_back() -> None:
    """Nothing of Python is taken down below a thread that is in C still."""
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


def test_ctrl_c_while_it_is_loaded() -> None:
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


def test_ctrl_c_while_a_camera_is_silent() -> None:
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


def test_help_waits_for_no_library() -> None:
    code = """
import sys
from realtime.cli.main import main
sys.argv = ["realtime-stylize", "--completion", "bash"]
main()
print([name for name in sys.modules if name in ("numpy", "cv2", "av", "onnxruntime", "openvino")], file=sys.stderr)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "[]\n")
