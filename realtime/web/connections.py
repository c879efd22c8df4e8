"""The connections to the page, bounded in their number and in the time that they may go without a request.

Any machine in the network can connect, also without the token. So connections whose request has no permission have to
make way for new ones, the oldest first, and those that send no whole request are ended after a while.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable

import h11
from uvicorn import Config, Server
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from realtime.web.middleware import PERMITTED

MAX_CONNECTIONS = 64  # a page has two, OBS one
HANDSHAKE_SECONDS = 5.0  # time for a TLS handshake, and for the end of a TLS connection
REQUEST_SECONDS = 10.0  # time for a whole request, and for the client to take the answer to one without permission
CHECK_SECONDS = 1.0  # between two checks of these times
RETRY_SECONDS = 0.02  # before the next attempt to accept, when the process has no descriptor left
REQUEST_READ = (h11.DONE, h11.MUST_CLOSE, h11.CLOSED)  # the client's states after a whole request


class Connection(H11Protocol):
    """One connection. task: opens it, with its TLS handshake."""

    task: asyncio.Task[None]

    def __init__(self, config: Config, state: ServerState, on_lost: Callable[[Connection], None]) -> None:
        super().__init__(config, state, app_state={})
        self._on_lost = on_lost
        self._waiting_since = self.loop.time()
        self._last_cycle: object = None  # of the newest whole request

    @property
    def is_in_use(self) -> bool:
        """Whether a whole request with permission is being answered."""
        return self._is_permitted and not self.cycle.response_complete and not self.transport.is_closing()

    @property
    def _is_permitted(self) -> bool:
        return self._has_permission and self.conn.their_state in REQUEST_READ

    @property
    def _has_permission(self) -> bool:
        """Whether the request has permission, however much of it has come."""
        return self.cycle is not None and bool(self.scope.get("state", {}).get(PERMITTED))

    def is_late(self, now: float) -> bool:
        """Whether the client has taken too long to send its request, or to take the refusal."""
        return not self.is_in_use and now - self._waiting_since > REQUEST_SECONDS

    def handle_events(self) -> None:
        """Handle what has been received, and note when a request is complete, or a part of one with permission came."""
        super().handle_events()
        if self._has_permission and self.conn.their_state is h11.SEND_BODY:  # a picture takes a while
            self._waiting_since = self.loop.time()
        if self.conn.their_state in REQUEST_READ and self.cycle is not self._last_cycle:
            self._last_cycle, self._waiting_since = self.cycle, self.loop.time()

    def on_response_complete(self) -> None:
        """Wait for the next request; a client that has not sent all of the last one gains no time."""
        if self._is_permitted:
            self._waiting_since = self.loop.time()
        super().on_response_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        """Free the place of this connection."""
        self._on_lost(self)
        super().connection_lost(exc)


class BoundedServer(Server):
    """A uvicorn server that bounds the connections to a listening socket.

    asyncio's own server accepts without limit, and once the process has no descriptor left it repeats the failing call
    over and over, with a traceback on stderr each time.
    """

    def __init__(self, config: Config, listener: socket.socket) -> None:
        super().__init__(config)
        listener.setblocking(False)
        self._listener = listener
        self._open: dict[Connection, None] = {}  # in the order of their acceptance
        self._tasks: list[asyncio.Task[None]] = []

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to accept connections. sockets: must be empty."""
        await super().startup(sockets=[])
        self._tasks = [asyncio.create_task(self._accept()), asyncio.create_task(self._end_late())]

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Accept no more, let requests finish for a moment, then end all connections."""
        for task in self._tasks:
            task.cancel()
        await asyncio.wait(self._tasks)
        self._listener.close()
        await super().shutdown(sockets=[])
        for connection in list(self._open):
            self._end(connection)  # its client does not read what is left to send
        await asyncio.sleep(0)  # that takes effect in the loop's next round

    async def _accept(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                client, _ = await loop.sock_accept(self._listener)
            except OSError:  # the client has gone, or the process has no descriptor left
                self._end_oldest()
                await asyncio.sleep(RETRY_SECONDS)
                continue
            while len(self._open) >= MAX_CONNECTIONS and self._end_oldest():
                pass
            connection = Connection(self.config, self.server_state, self._remove)
            self._open[connection] = None
            connection.task = loop.create_task(self._connect(connection, client))

    async def _connect(self, connection: Connection, client: socket.socket) -> None:
        loop, tls = asyncio.get_running_loop(), self.config.ssl
        seconds = HANDSHAKE_SECONDS if tls else None
        try:
            await loop.connect_accepted_socket(
                lambda: connection, client, ssl=tls, ssl_handshake_timeout=seconds, ssl_shutdown_timeout=seconds
            )
        except (OSError, asyncio.CancelledError):  # the client has gone, speaks no TLS, or takes too long
            self._remove(connection)

    async def _end_late(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(CHECK_SECONDS)
            for connection in [connection for connection in self._open if connection.is_late(loop.time())]:
                self._end(connection)

    def _end_oldest(self) -> bool:
        """End the oldest connection that is not in use; return False if there is none."""
        connection = next((connection for connection in self._open if not connection.is_in_use), None)
        if connection is not None:
            self._end(connection)
        return connection is not None

    def _end(self, connection: Connection) -> None:
        self._remove(connection)
        self.server_state.connections.discard(connection)  # at once: it counts for uvicorn's limit
        if connection.transport is not None:
            connection.transport.abort()
        else:
            connection.task.cancel()

    def _remove(self, connection: Connection) -> None:
        self._open.pop(connection, None)
