"""The page's HTTP interface: one function for each address."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Coroutine
from importlib.resources import files
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from realtime.errors import StylizeError
from realtime.ui.controller import Controller
from realtime.web.broadcast import Broadcaster
from realtime.web.painting import MAX_PAINTING_BYTES
from realtime.web.schema import describe_controls, parse_command
from realtime.web.state import describe_state
from realtime.web.style_training import StyleTraining
from realtime.web.thumbnails import Thumbnails
from realtime.web.webrtc import CameraReceiver

STATIC_FILES = {
    "/": ("page.html", "text/html"),
    "/view": ("view.html", "text/html"),
    "/page.js": ("page.js", "text/javascript"),
    "/camera.js": ("camera.js", "text/javascript"),
    "/commands.js": ("commands.js", "text/javascript"),
    "/controls.js": ("controls.js", "text/javascript"),
    "/painting.js": ("painting.js", "text/javascript"),
    "/view.js": ("view.js", "text/javascript"),
    "/page.css": ("page.css", "text/css"),
    "/icon.svg": ("icon.svg", "image/svg+xml"),
}
UNBUFFERED = {"X-Accel-Buffering": "no"}  # nginx passes on what has come, instead of waiting for more
STATE_SECONDS = 0.1  # between two checks whether the state has changed
KEEP_ALIVE_SECONDS = 10.0  # an unchanged state is sent again after this time
MAX_BODY = 128 << 10  # bytes; a WebRTC offer with many addresses has 10 KiB


def make_app(
    controller: Controller, broadcaster: Broadcaster, receiver: CameraReceiver, training: StyleTraining
) -> Starlette:
    """Return the application, without access control."""
    thumbnails = Thumbnails(controller)

    async def stream(_: Request) -> Response:
        parts = _multipart(broadcaster)
        return StreamingResponse(parts, media_type="multipart/x-mixed-replace; boundary=frame", headers=UNBUFFERED)

    async def picture(_: Request) -> Response:
        jpeg = await broadcaster.single_jpeg()
        return Response(jpeg, media_type="image/jpeg") if jpeg else PlainTextResponse("no picture yet\n", 503)

    async def controls(_: Request) -> Response:
        return JSONResponse(describe_controls(controller.live.stylizer.library))

    async def events(_: Request) -> Response:
        states = _state_events(controller, broadcaster, receiver, training)
        return StreamingResponse(states, media_type="text/event-stream", headers=UNBUFFERED)

    async def thumbnail(request: Request) -> Response:
        number = request.path_params["number"]
        if number >= len(controller.live.stylizer.library.styles):
            raise HTTPException(404, "no such style")
        await broadcaster.resume()
        return Response(await asyncio.to_thread(thumbnails.jpeg, number), media_type="image/jpeg")

    async def command(request: Request) -> Response:
        parsed = parse_command(await _json(request))
        await broadcaster.resume()  # a snapshot or recording begins with the present picture
        controller.post(parsed)
        return Response(status_code=204)

    async def start_camera(request: Request) -> Response:
        return JSONResponse(await receiver.answer(await _json(request)))

    async def stop_camera(request: Request) -> Response:
        await receiver.stop(await _json(request))
        return Response(status_code=204)

    return Starlette(
        routes=[
            *(Route(path, _static_file(*file)) for path, file in STATIC_FILES.items()),
            Route("/stream.mjpg", stream),
            Route("/picture.jpg", picture),
            Route("/controls", controls),
            Route("/events", events),
            Route("/thumbnails/{number:int}.jpg", thumbnail),
            Route("/command", command, methods=["POST"]),
            Route("/camera", start_camera, methods=["POST"]),
            Route("/camera/stop", stop_camera, methods=["POST"]),
            *_training_routes(training),
        ],
        exception_handlers={StylizeError: _stylize_error_response, HTTPException: _http_error_response},
    )


def _training_routes(training: StyleTraining) -> list[Route]:
    """Return the addresses for learning a painting: to send it, to stop, and to see it."""

    async def start(request: Request) -> Response:
        data = await _body(request, MAX_PAINTING_BYTES)
        await asyncio.to_thread(training.start, request.query_params.get("name", ""), data)
        return Response(status_code=204)

    async def stop(_: Request) -> Response:
        training.cancel()
        return Response(status_code=204)

    async def painting(_: Request) -> Response:
        if not training.thumbnail:
            raise HTTPException(404, "no painting")
        return Response(training.thumbnail, media_type="image/jpeg")

    return [
        Route("/training", start, methods=["POST"]),
        Route("/training/stop", stop, methods=["POST"]),
        Route("/training/painting.jpg", painting),
    ]


def _static_file(name: str, media_type: str) -> Callable[[Request], Coroutine[Any, Any, Response]]:
    content = (files("realtime.web") / "static" / name).read_bytes()

    async def static_file(_: Request) -> Response:
        return Response(content, media_type=media_type)

    return static_file


async def _multipart(broadcaster: Broadcaster) -> AsyncIterator[bytes]:
    """Yield the parts of a motion JPEG stream.

    Each part ends with the next boundary: browsers show a picture when its end has come.
    """
    yield b"--frame\r\n"
    async for jpeg in broadcaster.jpegs():
        yield b"Content-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n%b\r\n--frame\r\n" % (len(jpeg), jpeg)


async def _state_events(
    controller: Controller, broadcaster: Broadcaster, receiver: CameraReceiver, training: StyleTraining
) -> AsyncIterator[bytes]:
    """Yield the state as server-sent events, whenever it has changed."""
    last, unchanged_seconds = "", 0.0
    while not broadcaster.closed:
        state = json.dumps(describe_state(controller, broadcaster, training, receiver.sender))
        unchanged_seconds += STATE_SECONDS
        if state != last or unchanged_seconds > KEEP_ALIVE_SECONDS:
            yield f"data: {state}\n\n".encode()
            last, unchanged_seconds = state, 0.0
        await asyncio.sleep(STATE_SECONDS)


async def _body(request: Request, limit: int) -> bytes:
    body = bytearray()
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > limit:
                raise HTTPException(413, f"too large: {limit >> 10} KiB at most")
    except ClientDisconnect:  # the answer reaches no reader
        raise HTTPException(400, "the body is cut short") from None
    return bytes(body)


async def _json(request: Request) -> object:
    body = await _body(request, MAX_BODY)
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise HTTPException(400, "expected JSON") from None


async def _stylize_error_response(_: Request, error: Exception) -> Response:
    return PlainTextResponse(f"{error}\n", 400)


async def _http_error_response(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return PlainTextResponse(f"{error.detail}\n", error.status_code)
