"""The readers of sockets: a network camera's stream, and the requests that the page answers."""

from __future__ import annotations

import json
import logging
import select
import socket
import threading
import time
from contextlib import ExitStack, suppress
from typing import Any

import cv2

from realtime.errors import SignalLost, UsageError
from realtime.testing import numbered_image
from tests.fuzz.reader import SIZE, Reader

STREAM_SECONDS = 2.0  # without data
MAX_FRAMES = 100  # read of a stream
REPLY_SECONDS = 30.0
HALF_REQUEST_SECONDS = 0.2  # after which a request without a reply is taken for an incomplete one
READABLE_STATUSES = (200, 204, 304)
REFUSALS = (*range(400, 500), 503)
SDP = "\r\n".join(
    [
        *("v=0", "o=- 4 2 IN IP4 127.0.0.1", "s=-", "t=0 0", "a=group:BUNDLE 0", "a=msid-semantic: WMS s"),
        *("m=video 9 UDP/TLS/RTP/SAVPF 96", "c=IN IP4 0.0.0.0", "a=rtcp:9 IN IP4 0.0.0.0", "a=mid:0", "a=sendrecv"),
        *("a=candidate:1 1 udp 2113937151 127.0.0.1 9 typ host", "a=ice-ufrag:abcd", f"a=ice-pwd:{'x' * 22}"),
        *("a=fingerprint:sha-256 " + ":".join(["AB"] * 32), "a=setup:actpass", "a=rtcp-mux", "a=rtpmap:96 VP8/90000"),
        *("a=rtcp-fb:96 nack", "a=rtcp-fb:96 nack pli", "a=ssrc:1 cname:c", "a=msid:s t", ""),
    ]
)


class MjpegReader(Reader):
    """A network camera's answers, which a server on loopback gives."""

    def prepare(self) -> None:
        jpegs = [cv2.imencode(".jpg", numbered_image(number, SIZE))[1].tobytes() for number in range(6)]
        head = b"HTTP/1.0 200 OK\r\nContent-Type: multipart/x-mixed-replace; boundary=frame\r\n\r\n"
        part = b"--frame\r\nContent-Type: image/jpeg\r\n"
        chunks = [b"%x\r\n%b\r\n" % (len(jpeg), jpeg) for jpeg in jpegs]
        self.samples = [
            head + b"".join(part + b"\r\n" + jpeg + b"\r\n" for jpeg in jpegs),
            head + b"".join(part + b"Content-Length: %d\r\n\r\n%b\r\n" % (len(jpeg), jpeg) for jpeg in jpegs),
            b"HTTP/1.0 200 OK\r\nContent-Type: video/x-motion-jpeg\r\nContent-Length: %d\r\n\r\n" % sum(map(len, jpegs))
            + b"".join(jpegs),
            b"HTTP/1.1 200 OK\r\nContent-Type: video/x-motion-jpeg\r\nTransfer-Encoding: chunked\r\n\r\n"
            + b"".join(chunks)
            + b"0\r\n\r\n",
        ]
        self.answer = b""
        self.listener = self.closing.enter_context(socket.create_server(("127.0.0.1", 0)))
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            with suppress(OSError), self.listener.accept()[0] as connection:
                connection.settimeout(REPLY_SECONDS)
                connection.recv(4096)
                connection.sendall(self.answer)
                connection.shutdown(socket.SHUT_WR)
                while connection.recv(4096):
                    pass

    def read(self, data: bytes) -> None:
        from realtime.sources.stream import Stream
        from realtime.system.clock import FakeClock

        self.answer = data
        url = f"http://127.0.0.1:{self.listener.getsockname()[1]}/video"
        with Stream(url, timeout=STREAM_SECONDS, clock=FakeClock()) as stream:
            for number in range(MAX_FRAMES):
                try:
                    frame = stream.read()
                except SignalLost:  # the stream has ended
                    if number == 0:
                        raise
                    break
                if frame is None:
                    break
                assert frame.image.ndim == 3


class PageReader(Reader):
    """Requests to the page of a running pipeline."""

    def prepare(self) -> None:
        self.page, self.controller = serve_page(self.closing, self.folder)
        self.log = _ErrorLog(self.unnoticed)
        logging.getLogger().addHandler(self.log)
        host = b"127.0.0.1:%d" % self.page.port
        common = b" HTTP/1.1\r\nHost: " + host + b"\r\nConnection: close\r\nCookie: a=b; stylize=x\r\n"
        names = ("/", "/page.js", "/controls", "/events", "/picture.jpg", "/stream.mjpg", "/thumbnails/3.jpg")
        bodies: list[tuple[str, Any]] = [
            ("/command", {"action": "style", "number": 3}),
            ("/command", {"action": "stroke", "number": -1}),
            ("/command", {"setting": "strength", "value": 0.5}),
            ("/camera", {"id": "me", "type": "offer", "sdp": SDP}),
            ("/camera/stop", {"id": "me"}),
        ]
        self.samples = [b"GET " + name.encode() + common + b"\r\n" for name in names]
        for name, content in bodies:
            body = json.dumps(content).encode()
            header = b"Origin: http://%b\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
            self.samples.append(b"POST " + name.encode() + common + header % (host, len(body)) + body)

    def read(self, data: bytes) -> None:
        with socket.create_connection(("127.0.0.1", self.page.port), timeout=REPLY_SECONDS) as connection:
            reply = b""
            with suppress(ConnectionError):
                connection.sendall(data)
                patience = REPLY_SECONDS if data in self.samples else HALF_REQUEST_SECONDS
                if not select.select([connection], [], [], patience)[0]:
                    connection.shutdown(socket.SHUT_WR)
                reply = connection.recv(4096)
        assert self.page.error is None and not self.controller.live.done.is_set(), "the page or the program has ended"
        if not reply:
            raise UsageError("the page has ended the connection")
        status = int(reply.split()[1])
        if status in REFUSALS:
            raise UsageError(f"status {status}")
        assert status in READABLE_STATUSES, reply

    def repair(self, data: bytes) -> bytes:
        """Correct the length that the header declares."""
        head, separator, body = data.partition(b"\r\n\r\n")
        lines = [line for line in head.split(b"\r\n") if not line.lower().startswith(b"content-length:")]
        length = [b"Content-Length: %d" % len(body)] if len(body) > 0 else []
        return b"\r\n".join(lines + length) + separator + body


class _ErrorLog(logging.Handler):
    """Collects logged errors, which otherwise would be lost."""

    def __init__(self, errors: list[str]) -> None:
        super().__init__(logging.ERROR)
        self._errors = errors
        self.setFormatter(logging.Formatter("%(name)s: %(message)s"))

    def emit(self, record: logging.LogRecord) -> None:
        self._errors.append(self.format(record))


def serve_page(closing: ExitStack, folder: Any) -> tuple[Any, Any]:
    """Return the page of a pipeline that runs until `closing` is closed, and its controller."""
    from realtime.live.outputs import Outputs
    from realtime.live.pipeline import Live
    from realtime.live.recorder import Recorder
    from realtime.live.viewer import Viewer
    from realtime.sources.browser_camera import BrowserCamera
    from realtime.sources.demo import Demo
    from realtime.sources.reconnect import ReconnectingSource
    from realtime.stylizer.stylizer import Stylizer
    from realtime.ui.controller import Controller
    from realtime.ui.headless import run_headless
    from realtime.web.address import Address
    from realtime.web.server import Page

    stylizer = closing.enter_context(Stylizer("the_scream", provider="cpu"))
    outputs = closing.enter_context(Outputs())
    recorder = closing.enter_context(Recorder(outputs, folder))
    live = Live(ReconnectingSource(lambda: Demo((80, 64), fps=2)), stylizer, mirror=False, height=64)
    closing.callback(live.stop)
    controller = Controller(Viewer(live, outputs), recorder, folder)
    page = Page(Address(port=0), controller, BrowserCamera())
    outputs.add(page)
    live.start()
    thread = threading.Thread(target=run_headless, args=(controller,), daemon=True)
    thread.start()
    closing.callback(thread.join, REPLY_SECONDS)
    closing.callback(live.done.set)
    deadline = time.monotonic() + REPLY_SECONDS
    while page._server is None and time.monotonic() < deadline:
        time.sleep(0.01)
    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)
    return page, controller
