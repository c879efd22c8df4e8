"""The web page as an output: its server runs in a thread with an event loop of its own."""

from __future__ import annotations

import asyncio
import importlib.util
import logging
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from realtime.errors import OutputError
from realtime.frame import Image
from realtime.sources.browser_camera import BrowserCamera
from realtime.ui.controller import Controller
from realtime.web.address import Address, listen, new_token, page_urls
from realtime.web.broadcast import Broadcaster
from realtime.web.style_training import StyleTraining

MAX_HEADER_BYTES = 128 << 10  # cookies of other programs on the same host come with each request
SHUTDOWN_SECONDS = 2  # time that requests have to finish when the program ends
NUM_WORKERS = 4  # threads that encode
JOIN_SECONDS = 5.0
REQUIRED_PACKAGES = ("starlette", "uvicorn", "aiortc")


class Page:
    """An output that serves the web page from its construction until `close`.

    camera: the source that receives the frames of a browser's camera. urls: where to open the page; on addresses
    that other machines can reach, with a token. training: of the paintings that a page sends. error: why it has ended.
    Raises OutputError if it cannot be served.
    """

    kind = "page"

    def __init__(
        self, address: Address, controller: Controller, camera: BrowserCamera, training: StyleTraining | None = None
    ) -> None:
        _check_packages()
        from realtime.web.tls import certificate

        self.token = new_token()
        self.error: OutputError | None = None
        self._controller, self._camera, self._address = controller, camera, address
        self._training = training or StyleTraining(controller)
        self._broadcaster = Broadcaster(lambda: controller.live.state.hidden)
        self._certificate = certificate() if address.tls else None
        self._socket = listen(address)
        self.port = self._socket.getsockname()[1]
        self.urls = page_urls(address, self.port, self.token)
        self._server: Any = None  # a BoundedServer
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="page", daemon=True)
        self._thread.start()

    def show(self, image: Image, captured: float) -> None:
        """Broadcast a picture [H, W, 3] BGR that is not changed afterwards. captured is not used. Never waits."""
        self._broadcaster.show(image)

    @property
    def in_use(self) -> bool:
        """Whether a viewer gets the pictures."""
        return self._broadcaster.in_use

    def summary(self) -> dict[str, Any]:
        """Return what --stats writes about it."""
        return {"pictures": self._broadcaster.number, "encoded": self._broadcaster.encoded}

    def close(self) -> None:
        """End all streams and stop the server."""
        self._closing.set()
        self._broadcaster.close()
        if self._server is not None:
            self._server.should_exit = True
        self._thread.join(JOIN_SECONDS)
        self._training.close()

    def _run(self) -> None:
        # Windows' default loop logs an error for every browser that disconnects, and may stop receiving UDP.
        factory = asyncio.SelectorEventLoop if sys.platform == "win32" else None
        try:
            with asyncio.Runner(loop_factory=factory) as runner:
                runner.run(self._serve())
        except Exception as error:
            self.error = OutputError(f"the page has ended: {type(error).__name__}: {error}")
        finally:
            self._socket.close()

    async def _serve(self) -> None:
        import uvicorn

        for name in ("uvicorn.error", "aiortc", "aioice"):  # this package reports what users need to know
            logging.getLogger(name).setLevel(logging.CRITICAL + 1)
        from realtime.web.app import make_app
        from realtime.web.connections import MAX_CONNECTIONS, BoundedServer
        from realtime.web.middleware import AccessMiddleware
        from realtime.web.webrtc import CameraReceiver

        loop = asyncio.get_running_loop()
        loop.set_default_executor(ThreadPoolExecutor(NUM_WORKERS, "page"))
        self._broadcaster.attach(loop)
        receiver = CameraReceiver(self._controller.live.source, self._camera, self._broadcaster)
        app = AccessMiddleware(
            make_app(self._controller, self._broadcaster, receiver, self._training), self._address, self.token
        )
        config = uvicorn.Config(
            app, http="h11", ws="none", lifespan="off", log_config=None, access_log=False, server_header=False,
            proxy_headers=False, limit_concurrency=MAX_CONNECTIONS + 1, h11_max_incomplete_event_size=MAX_HEADER_BYTES,
            timeout_graceful_shutdown=SHUTDOWN_SECONDS,
            ssl_certfile=str(self._certificate) if self._certificate else None,
        )  # fmt: skip
        self._server = BoundedServer(config, self._socket)
        if not self._closing.is_set():
            await self._server.serve()
        await receiver.close()


def require_page(address: Address) -> None:
    """Raise OutputError if the page cannot be served at that address."""
    _check_packages()
    listen(address).close()


def _check_packages() -> None:
    for name in REQUIRED_PACKAGES:
        if importlib.util.find_spec(name) is None:
            raise OutputError(f'--serve needs {name}: pip install "realtime-stylize[serve]"')
