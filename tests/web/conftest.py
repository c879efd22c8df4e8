"""A page of a running program, in this process."""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections.abc import Callable, Iterator
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


@dataclass
class Served:
    """What runs, and how to ask it."""

    controller: Controller
    page: Page
    folder: Path

    def ask(
        self, path: str, order: object = None, host: str | None = None, **headers: str
    ) -> tuple[int, bytes, dict[str, str]]:
        """Status, body and headers. order: posted as this page does; host: asked for in its place."""
        connection = http.client.HTTPConnection("127.0.0.1", self.page.port, timeout=60)
        host = host or f"127.0.0.1:{self.page.port}"
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        if order is None:
            connection.request("GET", path, headers={"Host": host} | named)
        else:
            body = order if isinstance(order, bytes) else json.dumps(order).encode()
            connection.request("POST", path, body, {"Host": host, "Origin": f"http://{host}"} | named)
        reply = connection.getresponse()
        content = reply.read()
        connection.close()
        return reply.status, content, {name.lower(): value for name, value in reply.getheaders()}

    def do(self, **order: Any) -> None:
        """As a control of the page does."""
        assert self.ask("/do", order)[0] == 204

    def state(self) -> dict[str, Any]:
        """How things stand, as the page is told."""
        connection = http.client.HTTPConnection("127.0.0.1", self.page.port, timeout=60)
        connection.request("GET", "/events")
        with connection.getresponse() as reply:  # it has no end of its own
            line = reply.readline()
        connection.close()
        state: dict[str, Any] = json.loads(line.removeprefix(b"data: "))
        return state

    def wait(self, true: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """Until the state is so."""
        deadline = time.monotonic() + 60
        while not true(state := self.state()):
            assert time.monotonic() < deadline, state
        return state


@pytest.fixture(scope="module")
def served(library: Library, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("served")
    source = ReconnectingSource(lambda: Demo((160, 120), fps=15))
    before = threading.active_count()
    outputs = Outputs()
    recorder = Recorder(outputs, folder)
    with Stylizer("the_scream", provider="cpu", library=library) as stylizer, outputs, recorder:
        live = Live(source, stylizer, mirror=False, height=120)
        controller = Controller(Viewer(live, outputs), recorder, folder)
        page = Page(Address(port=0), controller, BrowserCamera())
        outputs.add(page)
        live.start()
        thread = threading.Thread(target=run_headless, args=(controller,))
        thread.start()
        yield Served(controller, page, folder)
        live.done.set()
        thread.join(60)
        recorder.close()
        outputs.close()
        live.stop()
    deadline = time.monotonic() + 30
    while threading.active_count() > before and time.monotonic() < deadline:
        time.sleep(0.05)
    assert threading.active_count() == before, threading.enumerate()
