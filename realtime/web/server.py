"""The page's server: in a thread of its own, with a loop of its own."""

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
from realtime.web.address import Address, listen, new_token, urls
from realtime.web.broadcast import Broadcaster

CONNECTIONS = 64  # at once; a page has two, OBS one
SILENT = 5.0  # s, twice at most, that somebody may take to ask for something
GRACE = 2  # s for what is under way when the program ends
WORKERS = 4  # threads that encode
JOIN_SECONDS = 5.0
NEEDED = ("starlette", "uvicorn", "aiortc")


class Page:
    """Serves from its construction on; `close` ends it. Raises OutputError where that cannot be.

    urls: what people type; on addresses that others can reach with a token in them.
    """

    kind = "page"  # of an output

    def __init__(self, address: Address, controller: Controller, camera: BrowserCamera) -> None:
        _require_packages()
        from realtime.web.tls import certificate

        self.token = new_token()
        self._deeds, self._camera, self._address = controller, camera, address
        self._hub = Broadcaster(lambda: controller.live.state.hidden)
        self._certificate = certificate() if address.tls else None
        self._socket = listen(address)
        self.port = self._socket.getsockname()[1]
        self.urls = urls(address, self.port, self.token)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._server: Any = None
        self.error: OutputError | None = None  # why it serves no more
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="page", daemon=True)
        self._thread.start()

    def show(self, image: Image, captured: float) -> None:
        """Send a picture [H, W, 3] that is not changed afterwards. captured is not used. Never waits."""
        self._hub.show(image)

    @property
    def watched(self) -> bool:
        """Whether anybody sees the pictures."""
        return self._hub.watched

    def summary(self) -> dict[str, Any]:
        """What --stats writes of it."""
        return {"pictures": self._hub.number, "encoded": self._hub.encoded}

    def close(self) -> None:
        """Send everybody home and stop."""
        self._over.set()
        self._hub.close()
        if self._server is not None:
            self._server.should_exit = True
        self._thread.join(JOIN_SECONDS)

    def _run(self) -> None:
        # Windows' usual loop complains of every browser that just goes, and may stop hearing WebRTC's packets.
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

        for name in ("uvicorn.error", "aiortc", "aioice"):  # what matters is said in our own words
            logging.getLogger(name).setLevel(logging.CRITICAL + 1)
        from realtime.web.app import make_app
        from realtime.web.middleware import AccessMiddleware
        from realtime.web.webrtc import Senders

        loop = asyncio.get_running_loop()
        loop.set_default_executor(ThreadPoolExecutor(WORKERS, "page"))
        self._hub.attach(loop)
        senders = Senders(self._deeds.live.source, self._camera, self._hub)
        app = AccessMiddleware(make_app(self._deeds, self._hub, senders), self._address.names, self.token)
        certificate = str(self._certificate) if self._certificate else None
        config = uvicorn.Config(
            app, http="h11", ws="none", lifespan="off", log_config=None, access_log=False, server_header=False,
            proxy_headers=False, limit_concurrency=CONNECTIONS, timeout_graceful_shutdown=GRACE,
            ssl_certfile=certificate,
        )  # fmt: skip
        self._server = uvicorn.Server(config)
        if not self._over.is_set():
            patrol = asyncio.create_task(self._patrol())
            await self._server.serve(sockets=[self._socket])
            patrol.cancel()
        await senders.close()
        for connection in list(self._server.server_state.connections):
            connection.transport.abort()  # it waits for somebody to read what is left, who has gone
        await asyncio.sleep(0)  # that takes effect in the loop's next round

    async def _patrol(self) -> None:
        """Whoever connects and asks for nothing shall keep nobody else out."""
        before: set[Any] = set()
        while True:
            await asyncio.sleep(SILENT)
            silent = {connection for connection in self._server.server_state.connections if connection.cycle is None}
            for connection in silent & before:
                connection.transport.abort()
            before = silent


def require_page(address: Address) -> None:
    """Raises OutputError where there can be none: before a camera's light goes on."""
    _require_packages()
    listen(address).close()


def _require_packages() -> None:
    for name in NEEDED:
        if importlib.util.find_spec(name) is None:
            raise OutputError(f'--serve needs {name}: pip install "realtime-stylize[serve]"')
