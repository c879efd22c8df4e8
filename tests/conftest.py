"""Fixtures of several tests: the shipped model, a photo, a command runner, the console."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from collections.abc import Callable, Generator, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from realtime.frame import Image
from realtime.stylizer.library import Library, load_library
from realtime.system.console import log_to_console

pytest_plugins = ["tests.training.world"]

ROOT = Path(__file__).parent.parent
# Threads of torch wait for one another after each operation: beside other busy programs several of them made the tests
# of the training eight times slower than one does.
os.environ.setdefault("OMP_NUM_THREADS", "1")
Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Let a skipped test fail in CI, where everything is installed."""
    report = yield
    if report.skipped and os.environ.get("CI") == "true":
        report.outcome = "failed"
        report.longrepr = f"skipped in CI: {report.longrepr}"
    return report


@pytest.fixture(scope="session", autouse=True)
def cache_home(tmp_path_factory: pytest.TempPathFactory) -> Generator[None]:
    """Keep the app's cache and config out of the user's folders, and share them between the tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        patch.setenv("XDG_CONFIG_HOME", str(tmp_path_factory.mktemp("config")))
        yield


@pytest.fixture(scope="session")
def library() -> Library:
    return load_library()


@pytest.fixture(scope="session")
def photo() -> Image:
    image = cv2.imread(str(ROOT / "realtime/assets/demo.jpg"))
    assert image is not None
    return np.asarray(image, np.uint8)


@pytest.fixture
def console() -> Iterator[None]:
    """The library's log records on stdout and stderr, as the command prints them."""
    logger = logging.getLogger("realtime")
    before = logger.level, [*logger.handlers]
    log_to_console("realtime-stylize", "realtime")
    yield
    logger.setLevel(before[0])
    logger.handlers[:] = before[1]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Return a function that runs a module as a command, in an empty folder."""

    def command(module: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", module, *arguments],
            cwd=tmp_path,
            env=os.environ | {"PYTHONPATH": str(ROOT), "XDG_DATA_HOME": str(tmp_path / "data")} | environment,
            capture_output=True,
            text=True,
            timeout=300,
        )

    return command
