"""A network camera on loopback, MJPEG over HTTP, whose faults a test can switch on.

    with FaultCamera(size=(320, 240), fps=30) as camera:
        source = Stream(camera.url)
        camera.mode = "stall"
        camera.mode = "ok"

Run by hand with `python -m tests.fault_camera`: then type a mode, or a size such as 640x360.
"""

from __future__ import annotations

import base64
import os
import re
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal, Self, get_args

import cv2

from realtime.testing import numbered_image

Mode = Literal[
    "ok",
    "stall",  # keeps connections open, sends nothing
    "close",  # closes all connections, answers no request
    "garbage",  # sends random bytes in place of each JPEG
    "noise",  # sends random bytes in place of everything after the HTTP header
    "refuse",  # stops listening
    "late",  # closes all connections; then waits 4 s before the first byte
]


class FaultCamera:
    """A camera that listens inside a `with` statement. mode, size and fps may be set at any time.

    part: boundary and headers of each JPEG; None for the correct ones. content_type: of the response; None sends no
    such header. login: (user, password) that are required. still: send the same image all the time.
    connections, frames: how many were accepted and sent so far.
    """

    def __init__(
        self,
        size: tuple[int, int] = (320, 240),
        fps: float = 30.0,
        *,
        mode: Mode = "ok",
        port: int = 0,
        part: bytes | None = None,
        content_type: str | None = "multipart/x-mixed-replace; boundary=frame",
        login: tuple[str, str] | None = None,
        still: bool = False,
    ) -> None:
        self.size, self.fps = size, fps
        self.part, self.content_type, self.login = part, content_type, login
        self.still = still
        self.connections = self.frames = 0
        self._mode: Mode = mode
        self._port = port
        self._server: ThreadingHTTPServer | None = None

    @property
    def url(self) -> str:
        """URL of the stream."""
        return f"http://127.0.0.1:{self._port}/video"

    @property
    def mode(self) -> Mode:
        """The current fault, or "ok"."""
        return self._mode

    @mode.setter
    def mode(self, mode: Mode) -> None:
        if mode not in get_args(Mode):
            raise ValueError(f"expected one of {', '.join(get_args(Mode))}, got {mode}")
        self._mode = mode
        if mode == "refuse":
            self._stop()
        elif self._server is None:
            self._start()

    def __enter__(self) -> Self:
        self.mode = self._mode
        return self

    def __exit__(self, *_: object) -> None:
        self.mode = "refuse"

    def _start(self) -> None:
        camera = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                camera.connections += 1
                if camera.mode not in ("refuse", "close"):
                    camera._serve(self)

            def log_message(self, *_: Any) -> None: ...

        self._server = _Server(("127.0.0.1", self._port), Handler)
        self._port = self._server.server_port
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def _stop(self) -> None:
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def _serve(self, request: BaseHTTPRequestHandler) -> None:
        if self.mode == "late":
            time.sleep(4)
        authorization = self.login and "Basic " + base64.b64encode(":".join(self.login).encode()).decode()
        if request.headers["Authorization"] != authorization:
            request.send_response(401)
            request.send_header("WWW-Authenticate", 'Basic realm="camera"')
            request.end_headers()
            return
        request.send_response(200)
        if self.content_type is not None:
            request.send_header("Content-Type", self.content_type)
        request.end_headers()
        server, first_mode, due = self._server, self.mode, time.monotonic()
        while server is self._server and self.mode not in ("close", "refuse"):  # a restarted server is another one
            if self.mode == "late" != first_mode:  # close the connection, so that the client reconnects
                return
            if self.mode != "stall":
                request.wfile.write(self._next_part())
            due = max(due + 1 / self.fps, time.monotonic() - 1)
            time.sleep(max(0.0, due - time.monotonic()))

    def _next_part(self) -> bytes:
        self.frames += 1
        if self.mode == "noise":
            return os.urandom(5000)
        body = os.urandom(5000)
        if self.mode != "garbage":
            body = cv2.imencode(".jpg", numbered_image(0 if self.still else self.frames, self.size))[1].tobytes()
        return (self.part or b"--frame\r\nContent-Type: image/jpeg\r\n\r\n") + body + b"\r\n"


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: Any) -> None:
        """Ignore errors: clients close connections."""


def main() -> None:
    with FaultCamera(size=(640, 480), port=8090) as camera:
        print(f"{camera.url}\nmodes: {' '.join(get_args(Mode))}; sizes: 640x360; end: Ctrl-D")
        try:
            while line := input("> ").strip() or camera.mode:
                if found := re.fullmatch(r"(\d+)x(\d+)", line):
                    camera.size = (int(found[1]), int(found[2]))
                elif line in get_args(Mode):
                    camera.mode = line  # type: ignore[assignment]
        except (EOFError, KeyboardInterrupt):
            print()


if __name__ == "__main__":
    main()
