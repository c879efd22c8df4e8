"""The page of a running pipeline, in this process."""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from realtime.live.outputs import Outputs
from realtime.live.pipeline import Live
from realtime.live.recorder import Recorder
from realtime.live.viewer import Viewer
from realtime.sources.browser_camera import BrowserCamera
from realtime.sources.demo import Demo
from realtime.sources.reconnect import ReconnectingSource
from realtime.stylizer.library import Library
from realtime.stylizer.stylizer import Stylizer
from realtime.ui.controller import Controller
from realtime.ui.headless import run_headless
from realtime.web.address import Address
from realtime.web.server import Page
from realtime.web.style_training import STYLIZE_TRAIN, StyleTraining

TIMEOUT = 60.0  # seconds


@dataclass
class Served:
    """The running page, and requests to it."""

    controller: Controller
    page: Page
    folder: Path

    def request(
        self, path: str, data: object = None, host: str | None = None, **headers: str
    ) -> tuple[int, bytes, dict[str, str]]:
        """Return status, body and headers. data: to post, as the page does. host: in place of the page's own."""
        connection = http.client.HTTPConnection("127.0.0.1", self.page.port, timeout=TIMEOUT)
        host = host or f"127.0.0.1:{self.page.port}"
        extra = {name.replace("_", "-"): value for name, value in headers.items()}
        if data is None:
            connection.request("GET", path, headers={"Host": host} | extra)
        else:
            body = data if isinstance(data, bytes) else json.dumps(data).encode()
            connection.request("POST", path, body, {"Host": host, "Origin": f"http://{host}"} | extra)
        reply = connection.getresponse()
        content = reply.read()
        connection.close()
        return reply.status, content, {name.lower(): value for name, value in reply.getheaders()}

    def command(self, **fields: Any) -> None:
        """Post a command, as a control of the page does."""
        assert self.request("/command", fields)[0] == 204

    def state(self) -> dict[str, Any]:
        """Return the state that the page receives."""
        connection = http.client.HTTPConnection("127.0.0.1", self.page.port, timeout=TIMEOUT)
        connection.request("GET", "/events")
        with connection.getresponse() as reply:  # the stream does not end by itself
            line = reply.readline()
        connection.close()
        state: dict[str, Any] = json.loads(line.removeprefix(b"data: "))
        return state

    def wait(self, condition: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """Return the state once it fulfils the condition."""
        deadline = time.monotonic() + TIMEOUT
        while not condition(state := self.state()):
            assert time.monotonic() < deadline, state
        return state


@contextmanager
def serve(folder: Path, library: Library, command: tuple[str, ...] = STYLIZE_TRAIN) -> Iterator[Served]:
    """Serve the page of the demo. command: learns the paintings that a page sends."""
    source = ReconnectingSource(lambda: Demo((160, 120), fps=15))
    threads_before = set(threading.enumerate())
    outputs = Outputs()
    recorder = Recorder(outputs, folder)
    with Stylizer("the_scream", provider="cpu", library=library) as stylizer, outputs, recorder:
        live = Live(source, stylizer, mirror=False, height=120)
        controller = Controller(Viewer(live, outputs), recorder, folder)
        training = StyleTraining(controller, command=command)
        page = Page(Address(port=0), controller, BrowserCamera(), training)
        outputs.add(page)
        live.start()
        thread = threading.Thread(target=run_headless, args=(controller,))
        thread.start()
        try:
            yield Served(controller, page, folder)
        finally:
            live.done.set()
            thread.join(TIMEOUT)
            recorder.close()
            outputs.close()
            live.stop()
    deadline = time.monotonic() + TIMEOUT
    while (left := set(threading.enumerate()) - threads_before) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not left


@pytest.fixture(scope="module")
def served(library: Library, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serve(tmp_path_factory.mktemp("served"), library) as served:
        yield served
