"""Clients that connect and do not send a whole request: they must not keep others out."""

from __future__ import annotations

import asyncio
import http.client
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, suppress
from itertools import pairwise
from pathlib import Path

import pytest
import uvicorn
from starlette.responses import PlainTextResponse, StreamingResponse
from starlette.types import Receive, Scope, Send

from realtime.web import connections
from realtime.web.address import Address, listen
from realtime.web.connections import MAX_CONNECTIONS, BoundedServer
from realtime.web.middleware import AccessMiddleware
from realtime.web.tls import certificate
from tests.conftest import ROOT
from tests.e2e.waiting import wait_until

TIMEOUT = 60.0  # seconds
Start = Callable[..., int]
Connect = Callable[..., socket.socket]


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer "in", with `?read` after the whole body, or with `?stream` a part every 0.1 s for ever."""

    async def parts() -> AsyncIterator[bytes]:
        while True:
            yield b"part"
            await asyncio.sleep(0.1)

    while b"read" in scope["query_string"] and (await receive()).get("more_body"):
        pass
    endless = b"stream" in scope["query_string"]
    await (StreamingResponse(parts()) if endless else PlainTextResponse("in"))(scope, receive, send)


@pytest.fixture
def start(monkeypatch: pytest.MonkeyPatch) -> Iterator[Start]:
    """Return a function that serves "in" behind the access control, and returns the port."""
    running: list[tuple[BoundedServer, threading.Thread]] = []

    def serve(certificate: Path | None = None, seconds: float = 0.3) -> int:
        for name in ("REQUEST_SECONDS", "HANDSHAKE_SECONDS", "CHECK_SECONDS"):
            monkeypatch.setattr(connections, name, seconds)
        address = Address(port=0, public_url="https://paint.example.org")  # requests from this machine need the token
        listener = listen(address)
        config = uvicorn.Config(
            AccessMiddleware(app, address, "secret"), http="h11", ws="none", lifespan="off",
            log_config=None, limit_concurrency=MAX_CONNECTIONS + 1, ssl_certfile=certificate,
        )  # fmt: skip
        server = BoundedServer(config, listener)
        thread = threading.Thread(target=lambda: asyncio.run(server.serve()))
        thread.start()
        running.append((server, thread))
        return int(listener.getsockname()[1])

    yield serve
    for server, thread in running:
        server.should_exit = True
        thread.join(TIMEOUT)
        assert not thread.is_alive()


def get(port: int, certificate: Path | None = None, token: str = "secret") -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT)
    if certificate is not None:
        trust = ssl.create_default_context(cafile=certificate)
        trust.check_hostname = False
        connection = http.client.HTTPSConnection("127.0.0.1", port, timeout=TIMEOUT, context=trust)
    connection.request("GET", f"/?token={token}")
    status = connection.getresponse().status
    connection.close()
    return status


@pytest.fixture
def connect() -> Iterator[Connect]:
    """Return a function that connects to a port and sends something."""
    with ExitStack() as opened:

        def connect(port: int, data: bytes = b"") -> socket.socket:
            connection = opened.enter_context(socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT))
            connection.sendall(data)
            return connection

        yield connect


def is_ended(connection: socket.socket) -> bool:
    """Whether the server has ended a connection, after what it had to send."""
    connection.setblocking(False)
    try:
        while connection.recv(1 << 16):
            pass
    except BlockingIOError:
        return False
    except ConnectionError:
        return True
    return True


HEAD = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
POST = b"POST /command HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\n"
HELD = {
    "silent": (b"", b""),
    "first request half sent": (HEAD[:-2], b"X"),
    "second request half sent": (HEAD + HEAD[:20], b"X"),
    "second request half sent, permitted": (HEAD.replace(b"/ ", b"/?token=secret ") + HEAD[:20], b"X"),
    "body of refused request drips": (POST, b"x"),
    "body of permitted request drips": (POST.replace(b"/command ", b"/command?token=secret "), b"x"),
    "chunks drip": (POST.replace(b"Content-Length: 100000", b"Transfer-Encoding: chunked"), b"1\r\nx\r\n"),
}


@pytest.mark.parametrize("kind", HELD)
def test_connection_without_whole_request_is_ended(start: Start, connect: Connect, kind: str) -> None:
    first, drip = HELD[kind]
    connection = connect(start(), first)

    def ended() -> bool:
        try:
            connection.send(drip)
        except ConnectionError:
            return True
        return is_ended(connection)

    wait_until(ended, f"still open: {kind}")


def test_refused_client_that_reads_nothing_is_ended(start: Start, connect: Connect) -> None:
    connection = connect(start())
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.setblocking(False)

    def ended() -> bool:
        try:
            while True:
                connection.send(HEAD * 100)
        except BlockingIOError:
            return False
        except ConnectionError:
            return True

    wait_until(ended, "still open")


def test_answer_that_takes_longer_than_requests_may_is_not_ended(start: Start, connect: Connect) -> None:
    connection = connect(start(), HEAD.replace(b"/ ", b"/?token=secret&stream ") + HEAD[:10])
    received = b""
    while received.count(b"part") < 10:
        received += connection.recv(1000)
        assert received
    assert not is_ended(connection)


@pytest.mark.parametrize("kind", ["silent", "second request half sent", "body of refused request drips"])
def test_newcomers_take_the_place_of_the_oldest_without_permission(start: Start, connect: Connect, kind: str) -> None:
    """The times are so long here that only making way can let others in."""
    port = start(seconds=600)
    held = [connect(port, HELD[kind][0]) for _ in range(MAX_CONNECTIONS + 20)]
    assert get(port) == 200
    assert get(port, token="wrong") == 403
    wait_until(lambda: sum(map(is_ended, held)) >= 20, "the oldest are still open")
    assert not is_ended(held[-1])


def test_handshakes_count_and_end(start: Start, connect: Connect, tmp_path: Path) -> None:
    pem = certificate(tmp_path / "page.pem")
    port = start(pem, seconds=600)
    for n in range(MAX_CONNECTIONS + 20):
        connect(port, b"\x16\x03\x01"[: n % 4])
    assert get(port, pem) == 200


def test_slow_handshake_is_ended(start: Start, connect: Connect, tmp_path: Path) -> None:
    connection = connect(start(certificate(tmp_path / "page.pem")), b"\x16\x03\x01")
    wait_until(lambda: is_ended(connection), "still open")


def test_page_without_descriptors_prints_nothing_and_serves_again(connect: Connect, tmp_path: Path) -> None:
    """The process may open fewer files than the page may have connections."""
    port_file = tmp_path / "port"
    code = f"""
import asyncio, pathlib, resource, uvicorn
from starlette.responses import PlainTextResponse
from realtime.web.address import Address, listen
from realtime.web.connections import BoundedServer
resource.setrlimit(resource.RLIMIT_NOFILE, (40, 40))
listener = listen(Address(port=0))
config = uvicorn.Config(PlainTextResponse("in"), http="h11", ws="none", lifespan="off", log_config=None)
pathlib.Path({str(port_file)!r}).write_text(str(listener.getsockname()[1]) + ".")
asyncio.run(BoundedServer(config, listener).serve())
"""
    with subprocess.Popen(
        [sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            wait_until(lambda: port_file.exists() and port_file.read_text().endswith("."), "it does not start")
            port = int(port_file.read_text()[:-1])
            for _ in range(60):
                connect(port)
            assert get(port) == 200
            time.sleep(1)  # the flood that asyncio's own server would print
        finally:
            process.terminate()
        out, errors = process.communicate(timeout=TIMEOUT)
    assert (out, errors) == ("", "")


def test_body_with_permission_may_take_longer_than_a_request_as_long_as_it_comes(start: Start) -> None:
    seconds, parts = 0.8, 12
    port = start(seconds=seconds)
    deadline = time.monotonic() + TIMEOUT
    reply, longest_pause = b"", seconds
    while not reply and longest_pause > seconds / 2:  # a busy machine may have paused this client for too long
        assert time.monotonic() < deadline
        with socket.create_connection(("127.0.0.1", port), TIMEOUT) as client, suppress(ConnectionError):
            head = f"GET /?read&token=secret HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Length: {parts}\r\n\r\n"
            client.sendall(head.encode())
            times = [time.monotonic()]
            for _ in range(parts):
                time.sleep(seconds / 4)
                times.append(time.monotonic())
                longest_pause = max(after - before for before, after in pairwise(times))
                client.sendall(b"x")
            reply = client.recv(1 << 16)
    assert reply.startswith(b"HTTP/1.1 200 "), "it was ended while its body came"
