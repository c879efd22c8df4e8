"""The page's addresses, one function each."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Coroutine
from importlib.resources import files
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from realtime.errors import StylizeError
from realtime.ui.controller import Controller
from realtime.web.broadcast import Broadcaster
from realtime.web.schema import read_order, table
from realtime.web.state import state
from realtime.web.thumbnails import Thumbnails
from realtime.web.webrtc import Senders

ASSETS = {
    "/": ("page.html", "text/html"),
    "/view": ("view.html", "text/html"),
    "/page.js": ("page.js", "text/javascript"),
    "/camera.js": ("camera.js", "text/javascript"),
    "/view.js": ("view.js", "text/javascript"),
    "/page.css": ("page.css", "text/css"),
    "/icon.svg": ("icon.svg", "image/svg+xml"),
}
TICK = 0.1  # s between two looks at whether anything has changed
ALIVE = 10.0  # s until something is sent though nothing has
LARGEST = 128 << 10  # bytes of a request; an offer with many addresses has 10 KiB


def make_app(controller: Controller, hub: Broadcaster, senders: Senders) -> Starlette:
    """Everything but the access control."""
    thumbs = Thumbnails(controller)

    async def stream(_: Request) -> Response:
        return StreamingResponse(
            _multipart(hub), media_type="multipart/x-mixed-replace; boundary=frame", headers={"X-Accel-Buffering": "no"}
        )

    async def picture(_: Request) -> Response:
        jpeg = await hub.picture()
        return Response(jpeg, media_type="image/jpeg") if jpeg else PlainTextResponse("no picture yet\n", 503)

    async def controls(_: Request) -> Response:
        return JSONResponse(table(controller.live.stylizer.library))

    async def events(_: Request) -> Response:
        return StreamingResponse(_events(controller, hub, senders), media_type="text/event-stream")

    async def thumb(request: Request) -> Response:
        number = request.path_params["number"]
        if number >= len(controller.live.stylizer.library.styles):
            raise HTTPException(404, "no such style")
        await hub.wake()
        return Response(await asyncio.to_thread(thumbs.jpeg, number), media_type="image/jpeg")

    async def do(request: Request) -> Response:
        wanted = read_order(await _json(request))
        await hub.wake()  # what is saved or recorded shall be of now
        controller.post(wanted)
        return Response(status_code=204)

    async def send_camera(request: Request) -> Response:
        return JSONResponse(await senders.answer(await _json(request)))

    async def stop_camera(request: Request) -> Response:
        await senders.stop(await _json(request))
        return Response(status_code=204)

    return Starlette(
        routes=[
            *(Route(path, _asset(*what)) for path, what in ASSETS.items()),
            Route("/stream.mjpg", stream),
            Route("/picture.jpg", picture),
            Route("/controls", controls),
            Route("/events", events),
            Route("/thumbs/{number:int}.jpg", thumb),
            Route("/do", do, methods=["POST"]),
            Route("/camera", send_camera, methods=["POST"]),
            Route("/camera/stop", stop_camera, methods=["POST"]),
        ],
        exception_handlers={StylizeError: _refuse, HTTPException: _fail},
    )


def _asset(name: str, kind: str) -> Callable[[Request], Coroutine[Any, Any, Response]]:
    content = (files("realtime.web") / "static" / name).read_bytes()

    async def asset(_: Request) -> Response:
        return Response(content, media_type=kind)

    return asset


async def _multipart(hub: Broadcaster) -> AsyncIterator[bytes]:
    """The boundary is sent with the picture before it: browsers show a picture when they see its end."""
    yield b"--frame\r\n"
    async for jpeg in hub.pictures():
        yield b"Content-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n%b\r\n--frame\r\n" % (len(jpeg), jpeg)


async def _events(controller: Controller, hub: Broadcaster, senders: Senders) -> AsyncIterator[bytes]:
    last, quiet = "", 0.0
    while not hub.closed:
        now = json.dumps(state(controller, hub, senders.sender))
        quiet += TICK
        if now != last or quiet > ALIVE:
            yield f"data: {now}\n\n".encode()
            last, quiet = now, 0.0
        await asyncio.sleep(TICK)


async def _json(request: Request) -> object:
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > LARGEST:
            raise HTTPException(413, "too large")
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise HTTPException(400, "expected JSON") from None


async def _refuse(_: Request, error: Exception) -> Response:
    return PlainTextResponse(f"{error}\n", 400)


async def _fail(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return PlainTextResponse(f"{error.detail}\n", error.status_code)
