"""The cores that a process may use: by affinity, and by the quotas of cgroups."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from realtime.system.hardware import cpu_quota, usable_cores
from tests.conftest import ROOT

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="quotas are Linux's")

V2 = "0::/user/app"
V1 = "3:cpu,cpuacct:/app\n2:memory:/app"
QUOTAS: dict[str, tuple[str, dict[str, str], float | None]] = {
    "no limit": (V2, {"user/app/cpu.max": "max 100000"}, None),
    "own group": (V2, {"user/app/cpu.max": "150000 100000"}, 1.5),
    "group above": (V2, {"user/cpu.max": "50000 100000", "user/app/cpu.max": "max 100000"}, 0.5),
    "smallest": (V2, {"user/cpu.max": "300000 100000", "user/app/cpu.max": "200000 100000"}, 2.0),
    "container: its group is the root": ("0::/docker/abc", {"cpu.max": "200000 100000"}, 2.0),
    "outside of the root": ("0::/../other", {"cpu.max": "100000 100000"}, 1.0),
    "version 1": (
        V1,
        {"cpu,cpuacct/app/cpu.cfs_quota_us": "250000", "cpu,cpuacct/app/cpu.cfs_period_us": "100000"},
        2.5,
    ),
    "version 1, container": (V1, {"cpu/cpu.cfs_quota_us": "100000\n", "cpu/cpu.cfs_period_us": "100000\n"}, 1.0),
    "version 1, no limit": (V1, {"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}, None),
    "hybrid": (f"{V1}\n0::/", {"cpu/app/cpu.cfs_quota_us": "300000", "cpu/app/cpu.cfs_period_us": "100000"}, 3.0),
    "nonsense": ("::\n\n0", {"cpu.max": "abc"}, None),
}


@pytest.mark.parametrize("name", QUOTAS)
def test_cpu_quota_is_read_from_cgroups(tmp_path: Path, name: str) -> None:
    groups, files, quota = QUOTAS[name]
    written = {"proc/self/cgroup": groups} | {f"sys/fs/cgroup/{file}": text for file, text in files.items()}
    for path, text in written.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    assert cpu_quota(tmp_path) == quota


def test_cpu_quota_without_cgroups_is_none(tmp_path: Path) -> None:
    assert cpu_quota(tmp_path) is None


@pytest.mark.parametrize(("quota", "cores"), [(None, 4), (0.5, 1), (1.5, 2), (2.5, 2), (64.0, 4)])
def test_usable_cores_follow_the_quota(monkeypatch: pytest.MonkeyPatch, quota: float | None, cores: int) -> None:
    monkeypatch.setattr("realtime.system.hardware._physical_cores", lambda: 4)
    monkeypatch.setattr("realtime.system.hardware.cpu_quota", lambda: quota)
    assert usable_cores.__wrapped__() == cores


def test_threads_of_both_runtimes_follow_the_affinity() -> None:
    code = """
import os
os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
from realtime.system.hardware import is_restricted, usable_cores
from realtime.inference.onnx_runtime import create_session
from realtime.system.paths import shipped_folder
print(usable_cores(), is_restricted())
model = (shipped_folder() / "live.onnx").read_bytes()
print(create_session(model, "CPUExecutionProvider").get_session_options().intra_op_num_threads)
from realtime.inference.openvino_session import OpenVinoSession
print(OpenVinoSession(model)._threads)
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=120)
    restricted = len(os.sched_getaffinity(0)) > 1 or (os.cpu_count() or 1) > 1
    assert done.stderr == ""
    assert done.stdout.split() == ["1", str(restricted), *(["1", "1"] if restricted else ["0", "0"])]
