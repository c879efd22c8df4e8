"""OpenVINO: its sessions, its telemetry, and its signal handling."""

from __future__ import annotations

import subprocess
import sys
import threading

import pytest

from realtime.frame import Image
from realtime.inference.model import Model
from realtime.inference.openvino_session import MAX_COMPILED_SIZES, OpenVinoSession
from tests.conftest import ROOT
from tests.inference.conftest import one_style


def test_openvino_loads_no_telemetry_and_starts_no_thread() -> None:
    code = (
        "import sys, threading; from realtime.inference.openvino_session import OPENVINO; OPENVINO.devices();"
        "print([name for name in sys.modules if 'telemetry' in name and '.ovc' not in name], threading.active_count())"
    )
    completed = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=100)
    assert (completed.stdout.strip(), completed.stderr) == ("[] 1", "")


def test_sigint_raises_keyboard_interrupt_after_sessions_were_closed() -> None:
    code = """
import os, signal, time
signal.signal(signal.SIGINT, signal.default_int_handler)  # background jobs of a shell ignore it
from realtime.inference.openvino_session import OPENVINO, OpenVinoSession
from realtime.stylizer.library import load_library
model = load_library().models[0].data
OPENVINO.devices()
first = OpenVinoSession(model); second = OpenVinoSession(model)
del first
third = OpenVinoSession(model)
del second, third
try:
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(60)  # another thread may receive the signal first
except KeyboardInterrupt:
    print("as it should be")
"""
    completed = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=100)
    assert (completed.returncode, completed.stdout) == (0, "as it should be\n"), completed.stderr


def test_openvino_session_runs_more_shapes_than_it_keeps(model: Model, photo: Image) -> None:
    session = OpenVinoSession(model.data)
    first = session.run(photo[:64, :64].copy(), one_style(model))
    for n in range(MAX_COMPILED_SIZES + 2):
        assert session.run(photo[: 64 + 8 * n, :64].copy(), one_style(model)).shape == (64 + 8 * n, 64, 3)
    assert (session.run(photo[:64, :64].copy(), one_style(model)) == first).all()


def test_openvino_session_prepares_one_shape_while_another_thread_runs_another(
    model: Model, photo: Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = OpenVinoSession(model.data)
    small, large = photo[:64, :64].copy(), photo[:128, :96].copy()
    first = session.run(small, one_style(model))
    compile, has_run = session._compile, threading.Event()

    def compile_after_run(shape: tuple[int, ...]) -> object:
        assert has_run.wait(60), "running waits for the compiler"
        return compile(shape)

    monkeypatch.setattr(session, "_compile", compile_after_run)
    thread = threading.Thread(target=session.prepare, args=(large.shape,))
    thread.start()
    assert (session.run(small, one_style(model)) == first).all()
    has_run.set()
    thread.join()
    monkeypatch.setattr(session, "_compile", None)  # calling it again would fail
    assert session.run(large, one_style(model)).shape == large.shape
