"""What each address answers, over real connections."""

from __future__ import annotations

import http.client
import json
import socket
import time

import cv2
import numpy as np
import pytest

from realtime.frame import Image
from realtime.live.layout import square_layout
from realtime.stylizer.library import Library
from realtime.ui.keys import BINDINGS, PRESET_KEYS
from realtime.web.schema import NOT_THERE
from realtime.web.server import CONNECTIONS
from tests.e2e.conftest import difference
from tests.web.conftest import Served


def decoded(data: bytes) -> Image:
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    assert image is not None
    return np.asarray(image, np.uint8)


def picture(served: Served) -> Image:
    code, body, headers = served.ask("/picture.jpg")
    assert code == 200 and headers["content-type"] == "image/jpeg"
    return decoded(body)


class Viewer:
    """Reads the stream as players do."""

    def __init__(self, served: Served) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", served.page.port, timeout=60)
        self.connection.request("GET", "/stream.mjpg")
        self.reply = self.connection.getresponse()
        assert self.reply.headers["Content-Type"] == "multipart/x-mixed-replace; boundary=frame"
        assert self.reply.readline() == b"--frame\r\n"

    def next(self) -> bytes:
        assert self.reply.readline() == b"Content-Type: image/jpeg\r\n"
        length = int(self.reply.readline().removeprefix(b"Content-Length: "))
        assert self.reply.readline() == b"\r\n"
        data = self.reply.read(length)
        assert self.reply.read(11) == b"\r\n--frame\r\n"  # the end comes with it
        return data

    def close(self) -> None:
        self.reply.close()
        self.connection.close()


def test_every_key_has_its_control(served: Served, library: Library) -> None:
    table = json.loads(served.ask("/controls")[1])
    assert [row["action"] for row in table["controls"]] == [
        binding.action.value for binding in BINDINGS if binding.action not in NOT_THERE
    ]
    assert {row["dial"] for row in table["controls"]} == {None, "strength", "stroke", "smooth", "second_share"}
    assert [style["name"] for style in table["styles"]] == [style.name for _, style in library.styles]
    known = {*"abcdefghijklmnopqrstuvwxyz0123456789.+=]'[-,;", "space", "left", "right"}
    known |= {*PRESET_KEYS, *(f"shift+{key}" for key in PRESET_KEYS)}
    for row in table["controls"]:
        assert set(row["keys"]) <= known


def test_the_pages_are_whole(served: Served) -> None:
    for path in ("/", "/view"):
        code, body, _ = served.ask(path)
        assert code == 200
        for part in (b'"/page.css"', b'"/icon.svg"'):
            assert part in body
            assert served.ask(part.decode().strip('"'))[0] == 200
    assert served.ask("/nothing")[0] == 404
    assert served.ask("/do")[0] == 405
    assert served.ask("/../../etc/passwd")[0] == 404


def test_orders_change_the_state_and_the_picture(served: Served) -> None:
    served.do(action="freeze")
    served.wait(lambda s: bool(s["on"]["freeze"]))
    time.sleep(0.5)
    plain = picture(served)
    for order, back, name in [
        ({"dial": "strength", "value": 0.3}, {"dial": "strength", "value": 1}, "strength"),
        ({"dial": "keep_colors", "value": 1}, {"dial": "keep_colors", "value": 0.0}, "keep_colors"),
        ({"dial": "stroke", "value": 2.0}, {"dial": "stroke", "value": 1.0}, "stroke"),
    ]:
        served.do(**order)
        served.wait(lambda s, n=name, v=order["value"]: s["look"][n] == v)  # type: ignore[misc]
        deadline = time.monotonic() + 30
        while difference(changed := picture(served), plain) < 1:
            assert time.monotonic() < deadline, name
        served.do(**back)
        while difference(picture(served), plain) > 1:
            assert time.monotonic() < deadline, name
        assert changed.shape == plain.shape or name == "stroke"
    served.do(action="freeze")
    assert not served.wait(lambda s: not s["on"]["freeze"])["silent"]


def test_styles_mixes_and_views(served: Served, library: Library) -> None:
    served.do(action="style", number=1)
    served.wait(lambda s: s["mix"] == [{"number": 1, "weight": 1.0}])
    served.do(action="mix")
    assert served.wait(lambda s: s["held"] is not None)["held"] == 2, "the style before"
    served.do(dial="second_share", value=0.75)
    served.wait(lambda s: s["mix"][0] == {"number": 2, "weight": 0.75})
    served.do(action="mix")
    served.wait(lambda s: s["held"] is None)
    served.do(action="grid")
    columns = square_layout(len(library.styles)).columns
    assert served.wait(lambda s: s["grid"] is not None)["grid"]["columns"] == columns
    served.do(action="style", number=2)
    served.wait(lambda s: s["grid"] is None and s["mix"][0]["number"] == 2)
    served.do(action="split")
    served.do(dial="seam", value=0.9)
    served.wait(lambda s: s["on"]["split"] and s["seam"] == 0.9)
    served.do(action="split")
    served.do(action="strength", number=-1)
    served.wait(lambda s: s["look"]["strength"] == 0.9 and not s["on"]["split"])
    served.do(action="strength")
    served.wait(lambda s: s["look"]["strength"] == 1 and s["said"][1] == "strength 100%")


def test_a_snapshot_is_saved_where_the_key_saves(served: Served) -> None:
    served.do(action="snapshot")
    served.wait(lambda s: s["said"][1].startswith("saved"))
    assert len(list(served.folder.glob("stylized-*.png"))) == 2


def test_every_style_has_its_thumbnail(served: Served, library: Library) -> None:
    thumbs = [decoded(served.ask(f"/thumbs/{n}.jpg")[1]) for n in range(len(library.styles))]
    assert {thumb.shape for thumb in thumbs} == {(120, 160, 3)}
    assert min(difference(one, other) for n, one in enumerate(thumbs) for other in thumbs[:n]) > 5
    assert served.ask(f"/thumbs/{len(thumbs)}.jpg")[0] == served.ask("/thumbs/-1.jpg")[0] == 404


def test_several_viewers_cost_one_encoding(served: Served) -> None:
    hub = served.page._hub
    viewers = [Viewer(served) for _ in range(4)]
    before, number = hub.encoded, hub.number
    for _ in range(10):
        pictures = [viewer.next() for viewer in viewers]
    assert all(decoded(data).shape == (120, 160, 3) for data in pictures)
    assert hub.encoded - before <= hub.number - number + 1
    for viewer in viewers:
        viewer.close()
    deadline = time.monotonic() + 30
    while hub.viewers:
        assert time.monotonic() < deadline, "viewers who have gone are noticed"
        time.sleep(0.05)


def asleep(served: Served) -> None:
    deadline = time.monotonic() + 60
    before = -1
    while before != (before := served.controller.live.stats.stylized):
        assert time.monotonic() < deadline, "it goes on painting"
        time.sleep(1.5)


def test_nobody_looks_so_nothing_is_painted(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("realtime.web.broadcast.AWAKE", 0.5)
    asleep(served)
    number = served.page._hub.number
    picture(served)
    assert served.page._hub.number > number, "it is of now, not of then"
    asleep(served)
    now = served.controller.live.clock.now()
    served.do(dial="strength", value=1.0)
    assert served.controller.viewer.current is not None and served.controller.viewer.current.frame.captured > now


def test_each_of_two_messages_is_seen(served: Served) -> None:
    served.do(action="record")
    served.wait(lambda s: s["on"]["record"])
    served.do(action="record")
    served.controller.live.source.switch_error = "that camera does not open"
    seen: dict[str, float] = {}
    deadline = time.monotonic() + 30
    wanted = ("saved stylized-", "that camera does not open")
    while not all(any(line.startswith(start) for line in seen) for start in wanted):
        assert time.monotonic() < deadline, seen
        seen.setdefault(served.state()["said"][1], time.monotonic())
    one, other = (when for line, when in seen.items() if line.startswith(wanted))
    assert abs(other - one) > 0.7, "each had its time"


def test_connections_that_ask_for_nothing_keep_nobody_out(served: Served) -> None:
    idle = [socket.create_connection(("127.0.0.1", served.page.port)) for _ in range(CONNECTIONS + 6)]
    deadline = time.monotonic() + 60
    while served.ask("/page.js")[0] != 200:
        assert time.monotonic() < deadline
        time.sleep(0.2)
    for one in idle:
        one.close()


def test_a_viewer_that_stalls_holds_up_nobody(served: Served) -> None:
    hub = served.page._hub
    with socket.create_connection(("127.0.0.1", served.page.port)) as stalled:
        stalled.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        stalled.sendall(b"GET /stream.mjpg HTTP/1.1\r\nHost: localhost\r\n\r\n")
        viewer, number = Viewer(served), hub.number
        seen = {viewer.next() for _ in range(250)}  # twice as much as all buffers on the way hold
        assert len(seen) > 60 and hub.number - number >= len(seen) - 2
        viewer.close()


@pytest.mark.parametrize(
    ("order", "said"),
    [
        (b"", "expected JSON"),
        (b"[" * 100_000, "expected JSON"),
        ([], "expected {"),
        ({"action": "quit"}, "no action 'quit'"),
        ({"action": "hud"}, "no action 'hud'"),
        ({"action": ["style"]}, "no action"),
        ({"action": "style", "number": 1e9}, "whole number"),
        ({"action": "style", "number": True}, "whole number"),
        ({"dial": "weights", "value": 1}, "no dial"),
        ({"dial": "strength"}, "expected a number"),
        ({"dial": "strength", "value": "1"}, "expected a number"),
        (b'{"dial": "strength", "value": NaN}', "expected a number"),
    ],
)
def test_orders_that_are_none_are_one_line(served: Served, order: object, said: str) -> None:
    code, body, _ = served.ask("/do", order)
    assert code == 400 and said in body.decode() and body.count(b"\n") == 1


def test_a_request_too_large_is_not_read(served: Served) -> None:
    assert served.ask("/do", b"x" * 200_000)[0] == 413


@pytest.mark.parametrize(
    "offer",
    [
        {},
        {"id": "me", "type": "answer", "sdp": ""},
        {"id": "", "type": "offer", "sdp": ""},
        {"id": "me", "type": "offer", "sdp": "nonsense"},
        {"id": "me", "type": "offer", "sdp": "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n"},
    ],
)
def test_offers_that_are_none_are_one_line(served: Served, offer: dict[str, str]) -> None:
    code, body, _ = served.ask("/camera", offer)
    assert code == 400 and body.count(b"\n") == 1
    assert served.state()["source"].startswith("demo") and served.state()["sender"] == ""


def test_values_beyond_a_dials_ends_stop_there(served: Served) -> None:
    served.do(dial="stroke", value=99)
    served.wait(lambda s: s["look"]["stroke"] == 4)
    served.do(dial="stroke", value=1)
    served.wait(lambda s: s["look"]["stroke"] == 1)
