"""The answers of each address, over real connections."""

from __future__ import annotations

import http.client
import json
import socket
import time
from itertools import pairwise

import cv2
import numpy as np
import pytest

from realtime.frame import Image
from realtime.live.layout import square_layout
from realtime.stylizer.library import Library
from realtime.ui.keys import BINDINGS, PRESET_KEYS
from realtime.ui.messages import MIN_SECONDS
from realtime.web.connections import MAX_CONNECTIONS
from realtime.web.schema import EXCLUDED_ACTIONS
from tests.e2e.screen import difference
from tests.web.conftest import Served


def decoded(data: bytes) -> Image:
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    assert image is not None
    return np.asarray(image, np.uint8)


def picture(served: Served) -> Image:
    code, body, headers = served.request("/picture.jpg")
    assert code == 200 and headers["content-type"] == "image/jpeg"
    return decoded(body)


class Viewer:
    """Reads the motion JPEG stream, as players do."""

    def __init__(self, served: Served) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", served.page.port, timeout=60)
        self.connection.request("GET", "/stream.mjpg")
        self.reply = self.connection.getresponse()
        assert self.reply.headers["Content-Type"] == "multipart/x-mixed-replace; boundary=frame"
        assert self.reply.readline() == b"--frame\r\n"

    def next_jpeg(self) -> bytes:
        assert self.reply.readline() == b"Content-Type: image/jpeg\r\n"
        length = int(self.reply.readline().removeprefix(b"Content-Length: "))
        assert self.reply.readline() == b"\r\n"
        data = self.reply.read(length)
        assert self.reply.read(11) == b"\r\n--frame\r\n"  # the boundary comes with the picture
        return data

    def close(self) -> None:
        self.reply.close()
        self.connection.close()


def test_controls_have_every_key_and_style(served: Served, library: Library) -> None:
    table = json.loads(served.request("/controls")[1])
    assert [row["action"] for row in table["controls"]] == [
        binding.action.value for binding in BINDINGS if binding.action not in EXCLUDED_ACTIONS
    ]
    assert {row["setting"] for row in table["controls"]} == {None, "strength", "stroke", "smooth", "second_share"}
    assert [style["name"] for style in table["styles"]] == [style.name for _, style in library.styles]
    known = {*"abcdefghijklmnopqrstuvwxyz0123456789.+=]'[-,;", "space", "left", "right"}
    known |= {*PRESET_KEYS, *(f"shift+{key}" for key in PRESET_KEYS)}
    for row in table["controls"]:
        assert set(row["keys"]) <= known


def test_pages_and_their_parts_are_served(served: Served) -> None:
    for path in ("/", "/view"):
        code, body, _ = served.request(path)
        assert code == 200
        for part in (b'"/page.css"', b'"/icon.svg"'):
            assert part in body
            assert served.request(part.decode().strip('"'))[0] == 200
    assert served.request("/nothing")[0] == 404
    assert served.request("/command")[0] == 405
    assert served.request("/../../etc/passwd")[0] == 404


def still_picture(served: Served) -> Image:
    """Return the picture once it has not changed for half a second."""
    deadline = time.monotonic() + 60
    before, now = picture(served), None
    while now is None or (now != before).any():
        assert time.monotonic() < deadline, "the picture is not frozen"
        before = before if now is None else now
        time.sleep(0.5)
        now = picture(served)
    return now


def test_settings_change_state_and_picture(served: Served) -> None:
    served.command(action="freeze")
    served.wait(lambda s: bool(s["active"]["freeze"]))
    plain = still_picture(served)
    for change, back, name in [
        ({"setting": "strength", "value": 0.3}, {"setting": "strength", "value": 1}, "strength"),
        ({"setting": "keep_colors", "value": 1}, {"setting": "keep_colors", "value": 0.0}, "keep_colors"),
        ({"setting": "stroke", "value": 2.0}, {"setting": "stroke", "value": 1.0}, "stroke"),
    ]:
        served.command(**change)
        served.wait(lambda s, n=name, v=change["value"]: s["look"][n] == v)  # type: ignore[misc]
        deadline = time.monotonic() + 60
        while difference(changed := picture(served), plain) < 1:
            assert time.monotonic() < deadline, name
        served.command(**back)
        while difference(picture(served), plain) > 1:
            assert time.monotonic() < deadline, name
        assert changed.shape == plain.shape or name == "stroke"
    served.command(action="freeze")
    assert not served.wait(lambda s: not s["active"]["freeze"])["no_signal"]


def test_commands_choose_styles_mixes_and_views(served: Served, library: Library) -> None:
    served.command(action="style", number=1)
    served.wait(lambda s: s["mix"] == [{"number": 1, "weight": 1.0}])
    served.command(action="mix")
    assert served.wait(lambda s: s["second"] is not None)["second"] == 2, "the style before"
    served.command(setting="second_share", value=0.75)
    served.wait(lambda s: s["mix"][0] == {"number": 2, "weight": 0.75})
    served.command(action="mix")
    served.wait(lambda s: s["second"] is None)
    served.command(action="grid")
    columns = square_layout(len(library.styles)).columns
    assert served.wait(lambda s: s["grid"] is not None)["grid"]["columns"] == columns
    served.command(action="style", number=2)
    served.wait(lambda s: s["grid"] is None and s["mix"][0]["number"] == 2)
    served.command(action="split")
    served.command(setting="seam", value=0.9)
    served.wait(lambda s: s["active"]["split"] and s["seam"] == 0.9)
    served.command(action="split")
    served.command(action="strength", number=-1)
    served.wait(lambda s: s["look"]["strength"] == 0.9 and not s["active"]["split"])
    served.command(action="strength")
    served.wait(lambda s: s["look"]["strength"] == 1 and s["message"]["text"] == "strength 100%")


def test_snapshot_is_saved_in_folder_of_snapshots(served: Served) -> None:
    served.command(action="snapshot")
    served.wait(lambda s: s["message"]["text"].startswith("saved"))
    assert len(list(served.folder.glob("stylized-*.png"))) == 2


def test_every_style_has_a_thumbnail_of_its_own(served: Served, library: Library) -> None:
    thumbnails = [decoded(served.request(f"/thumbnails/{n}.jpg")[1]) for n in range(len(library.styles))]
    assert {thumbnail.shape for thumbnail in thumbnails} == {(120, 160, 3)}
    assert min(difference(one, other) for n, one in enumerate(thumbnails) for other in thumbnails[:n]) > 5
    assert served.request(f"/thumbnails/{len(thumbnails)}.jpg")[0] == served.request("/thumbnails/-1.jpg")[0] == 404


def test_frame_is_encoded_once_for_several_viewers(served: Served) -> None:
    broadcaster = served.page._broadcaster
    viewers = [Viewer(served) for _ in range(4)]
    before, number = broadcaster.encoded, broadcaster.number
    for _ in range(10):
        pictures = [viewer.next_jpeg() for viewer in viewers]
    assert all(decoded(data).shape == (120, 160, 3) for data in pictures)
    assert broadcaster.encoded - before <= broadcaster.number - number + 1
    for viewer in viewers:
        viewer.close()
    deadline = time.monotonic() + 60
    while broadcaster.viewers:
        assert time.monotonic() < deadline, "viewers that have disconnected still count"
        time.sleep(0.05)


def wait_until_paused(served: Served) -> None:
    deadline = time.monotonic() + 60
    before = -1
    while before != (before := served.controller.live.stats.stylized):
        assert time.monotonic() < deadline, "it is still stylizing"
        time.sleep(1.5)


def test_unwatched_pipeline_pauses_and_request_gets_a_new_frame(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("realtime.web.broadcast.REQUEST_SECONDS", 0.5)
    wait_until_paused(served)
    number = served.page._broadcaster.number
    picture(served)
    assert served.page._broadcaster.number > number, "the picture is from before the pause"
    wait_until_paused(served)
    now = served.controller.live.clock.now()
    served.command(setting="strength", value=1.0)
    assert served.controller.viewer.current is not None and served.controller.viewer.current.frame.captured > now


def test_news_of_recording_and_source_is_shown_one_after_the_other(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    messages = served.controller.messages
    show, shown_at = messages.show, dict[str, float]()  # by the program's own clock

    def show_and_record(text: str) -> None:
        shown_at.setdefault(text, time.perf_counter())
        show(text)

    monkeypatch.setattr(messages, "show", show_and_record)
    served.command(action="record")
    served.wait(lambda s: s["active"]["record"])
    served.command(action="record")
    served.controller.live.source.switch_error = "that camera does not open"
    seen: set[str] = set()
    deadline = time.monotonic() + 60
    wanted = ("saved stylized-", "that camera does not open")
    while not all(any(line.startswith(start) for line in seen) for start in wanted):
        assert time.monotonic() < deadline, seen
        seen.add(served.state()["message"]["text"])
    news = sorted(when for text, when in shown_at.items() if text.startswith(wanted))
    assert len(news) >= 2
    assert all(after - before >= MIN_SECONDS for before, after in pairwise(news)), "one took the place of another"


def test_idle_connections_are_closed_so_that_others_connect(served: Served) -> None:
    idle = [socket.create_connection(("127.0.0.1", served.page.port)) for _ in range(MAX_CONNECTIONS + 6)]
    deadline = time.monotonic() + 60
    while served.request("/page.js")[0] != 200:
        assert time.monotonic() < deadline
        time.sleep(0.2)
    for connection in idle:
        connection.close()


def test_stalled_viewer_does_not_slow_others(served: Served) -> None:
    broadcaster = served.page._broadcaster
    with socket.create_connection(("127.0.0.1", served.page.port)) as stalled:
        stalled.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        stalled.sendall(b"GET /stream.mjpg HTTP/1.1\r\nHost: localhost\r\n\r\n")
        viewer, number = Viewer(served), broadcaster.number
        seen = {viewer.next_jpeg() for _ in range(250)}  # twice as much as all buffers on the way hold
        assert len(seen) > 60 and broadcaster.number - number >= len(seen) - 2
        viewer.close()


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "expected JSON"),
        (b"[" * 100_000, "expected JSON"),
        ([], "expected {"),
        ({"action": "quit"}, "no action 'quit'"),
        ({"action": "hud"}, "no action 'hud'"),
        ({"action": ["style"]}, "no action"),
        ({"action": "style", "number": 1e9}, "whole number"),
        ({"action": "style", "number": True}, "whole number"),
        ({"setting": "weights", "value": 1}, "no setting"),
        ({"setting": "strength"}, "expected a number"),
        ({"setting": "strength", "value": "1"}, "expected a number"),
        (b'{"setting": "strength", "value": NaN}', "expected a number"),
    ],
)
def test_invalid_command_is_one_line(served: Served, data: object, reason: str) -> None:
    code, body, _ = served.request("/command", data)
    assert code == 400 and reason in body.decode() and body.count(b"\n") == 1


def test_too_large_request_is_refused(served: Served) -> None:
    assert served.request("/command", b"x" * 200_000)[0] == 413


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
def test_invalid_offer_is_one_line(served: Served, offer: dict[str, str]) -> None:
    code, body, _ = served.request("/camera", offer)
    assert code == 400 and body.count(b"\n") == 1
    assert served.state()["source"].startswith("demo") and served.state()["sender"] == ""


def test_value_out_of_range_is_limited(served: Served) -> None:
    served.command(setting="stroke", value=99)
    served.wait(lambda s: s["look"]["stroke"] == 4)
    served.command(setting="stroke", value=1)
    served.wait(lambda s: s["look"]["stroke"] == 1)
