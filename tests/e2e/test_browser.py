"""The page in a real browser that has a camera, served by the command as a user starts it."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator

import numpy as np
import pytest

from realtime.frame import Image
from tests.e2e.chromium import TIMEOUT, Chromium, Tab
from tests.e2e.program import Serve
from tests.e2e.screen import Screen, difference
from tests.fault_camera import FaultCamera


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chromium]:
    with Chromium(tmp_path_factory.mktemp("chromium")) as browser:
        yield browser


def ready(tab: Tab) -> Tab:
    """Return the tab once it has controls and a picture."""
    tab.wait(
        "document.querySelector('#picture').naturalWidth > 0 && document.querySelectorAll('#actions button').length"
    )
    return tab


def click(tab: Tab, label: str) -> None:
    """Click the button with that label."""
    tab.evaluate(f"[...document.querySelectorAll('button')].find((b) => b.textContent === {json.dumps(label)}).click()")


def move_slider(tab: Tab, setting: str, position: float) -> None:
    """Move the slider of a setting."""
    tab.evaluate(
        f"(() => {{ const slider = document.querySelector('#slider-{setting}'); slider.value = {position}; "
        "slider.dispatchEvent(new Event('input')); })()"
    )


def pressed(label: str) -> str:
    """Return an expression: whether the button with that label is pressed."""
    return f"[...document.querySelectorAll('[aria-pressed=true]')].some((b) => b.textContent === {json.dumps(label)})"


def test_controls_change_picture(serve: Serve, browser: Chromium) -> None:
    with FaultCamera(size=(320, 240), fps=15, still=True) as camera:
        program = serve("--camera", camera.url, "--style", "the_scream", "--size", "240", "--no-window")
        page = ready(browser.open(program.url))
        bare = program.picture()
        click(page, "Udnie")
        other = program.until(lambda now: difference(now, bare) > 5, "another style")
        page.wait(pressed("Udnie"))
        page.key("3")
        program.until(lambda now: difference(now, bare) < 1, "the number key brings the first back")
        move_slider(page, "strength", 0.4)
        weak = program.until(lambda now: difference(now, bare) > 3, "less paint")
        page.wait("document.querySelector('#sliders output').textContent === '40 %'")
        page.key("+")
        program.until(lambda now: difference(now, bare) < difference(weak, bare), "a bit more")
        move_slider(page, "strength", 1)
        click(page, "Colours")
        program.until(lambda now: difference(now, bare) > 5, "the photo's own colours")
        click(page, "Colours")
        move_slider(page, "stroke", 1.0)  # twice as large: it goes by powers of two
        program.until(lambda now: difference(now, bare) > 2, "larger strokes")
        page.wait("document.querySelector('[for=slider-stroke] + output').textContent === '× 2'")
        move_slider(page, "stroke", 0)
        program.until(lambda now: difference(now, bare) < 1, "and back")
        click(page, "Mix")
        mixed = program.until(lambda now: difference(now, bare) > 3 and difference(now, other) > 3, "mixed")
        move_slider(page, "second_share", 0.9)
        program.until(lambda now: difference(now, other) < difference(mixed, other) / 2, "more of the other one")
        page.key("x")
        page.key("v")
        halves = program.until(lambda now: difference(now[:, 170:], bare[:, 170:]) < 2 < difference(now, bare), "split")
        assert difference(halves[:, :150], bare[:, :150]) > 5
        drag(page, 0.5, 0.9)
        program.until(lambda now: difference(now[:, 170:270], bare[:, 170:270]) > 5, "the seam follows the pointer")
        page.key("v")
        click(page, "Snapshot")
        deadline = time.monotonic() + TIMEOUT
        while len(list(program.folder.glob("*.png"))) < 2:
            assert time.monotonic() < deadline, "a snapshot and its original"
            time.sleep(0.1)
        page.close()
        assert program.end()["snapshots"] == 1
    assert browser.problems == []


def drag(tab: Tab, start: float, end: float) -> None:
    """Drag the seam. start, end: 0 to 1 of the picture's width."""
    left, top, width, height = tab.evaluate(
        "(() => { const b = document.querySelector('#overlay').getBoundingClientRect(); "
        "return [b.left, b.top, b.width, b.height]; })()"
    )
    for kind, at in [("mousePressed", start), ("mouseMoved", end), ("mouseReleased", end)]:
        tab.call(
            "Input.dispatchMouseEvent", type=kind, x=left + at * width, y=top + height / 3, button="left", clickCount=1
        )


CAMERA_PIXELS = """(() => {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [64, 48];
  const context = canvas.getContext("2d");
  context.drawImage(document.querySelector("#camera-video"), 0, 0, 64, 48);
  return [...context.getImageData(0, 0, 64, 48).data];
})()"""


def camera_image(tab: Tab) -> Image:
    """Return the picture that came back over WebRTC, resized to [48, 64, 3] RGB."""
    return np.array(tab.evaluate(CAMERA_PIXELS), np.uint8).reshape(48, 64, 4)[..., :3]


def test_browser_camera_comes_back_stylized_and_is_seen_by_viewers(serve: Serve, browser: Chromium) -> None:
    program = serve("--demo", "--no-window", "--style", "udnie", "--size", "120", "--fps", "8")
    view, page = ready_view(browser, program.url), ready(browser.open(program.url))
    click(page, "Paint my camera")
    page.wait(
        "!document.querySelector('#camera-video').hidden && document.querySelector('#camera-video').videoWidth === 160"
    )
    page.wait("document.querySelector('#figures').textContent.includes(\"the page's camera: 640 × 480\")")
    assert page.evaluate("document.querySelector('#camera-button').textContent") == "Stop my camera"
    stylized = camera_image(page)
    move_slider(page, "strength", 0)
    page.wait("document.querySelector('#camera-video').videoWidth === 640")
    deadline = time.monotonic() + TIMEOUT
    # The fake camera of the browser is green with a yellow figure; the style Udnie has no such green.
    while not (camera_image(page)[..., 1].astype(int) - camera_image(page)[..., 2] > 60).mean() > 0.5:
        assert time.monotonic() < deadline, "the camera's own picture came back"
    assert difference(camera_image(page), stylized) > 10
    assert (program.picture()[..., 1].astype(int) - program.picture()[..., 0] > 60).mean() > 0.5, "viewers see it too"
    click(page, "Stop my camera")
    page.wait("document.querySelector('#figures').textContent.includes('demo: 640 × 480')")
    page.wait("document.querySelector('#camera-video').hidden && document.querySelector('#picture').naturalWidth > 0")
    page.close()
    view.close()
    table = program.end()
    assert table["signal_losses"] == 0
    assert table["page"]["encoded"] <= table["page"]["pictures"]
    assert browser.problems == []


def test_camera_page_waits_for_a_page_and_takes_the_newest(serve: Serve, browser: Chromium) -> None:
    program = serve("--camera", "page", "--no-window", "--size", "120", "--fps", "8")
    tabs = []
    for _ in range(2):
        tabs.append(page := browser.open(program.url))
        page.wait("document.querySelector('#actions button')")
        if len(tabs) == 1:
            page.wait("document.querySelector('#no-signal').textContent.includes('sends nothing')")
        click(page, "Paint my camera")
        page.wait("!document.querySelector('#camera-video').hidden")
    tabs[0].call("Page.bringToFront")
    tabs[0].wait("document.querySelector('#camera-video').hidden")  # the newest sends
    tabs[1].close()
    tabs[0].wait("document.querySelector('#no-signal').textContent.includes('sends nothing')")
    tabs[0].close()
    assert program.end()["frames_painted"] > 0
    assert browser.problems == []


def test_page_connects_again_when_first_connection_fails(serve: Serve, browser: Chromium) -> None:
    """The first answer has a wrong ICE password; the second connection works."""
    program = serve("--camera", "page", "--no-window", "--size", "120", "--fps", "8")
    page = browser.open(program.url)
    page.wait("document.querySelector('#actions button')")
    page.evaluate(
        "(() => { const set = RTCPeerConnection.prototype.setRemoteDescription; window.answers = 0; "
        "RTCPeerConnection.prototype.setRemoteDescription = function ({ type, sdp }) { "
        "if (!window.answers++) sdp = sdp.replace(/a=ice-pwd:.{8}/g, 'a=ice-pwd:spoiled8'); "
        "return set.call(this, { type, sdp }); }; })()"
    )
    click(page, "Paint my camera")
    # Chromium gives a connection up after 15 s, and takes much longer on a busy machine.
    page.wait("!document.querySelector('#camera-video').hidden", seconds=140)
    assert page.evaluate("window.answers") == 2
    page.close()
    assert program.end()["frames_painted"] > 0
    assert browser.problems == []


def test_pages_of_other_sites_can_neither_see_nor_control(serve: Serve, browser: Chromium) -> None:
    program = serve("--demo", "--no-window", "--size", "120")
    page = browser.open("data:text/html,<title>other</title>")
    for path in ("", "stream.mjpg", "picture.jpg"):
        script = (
            "new Promise((resolve) => { const one = new Image(); one.onload = () => resolve('seen'); "
            f"one.onerror = () => resolve('blocked'); one.src = '{program.url}{path}'; }})"
        )
        assert page.evaluate(script) == "blocked"
    for options in ("{}", "{mode: 'no-cors', method: 'POST', body: '{\"action\": \"freeze\"}'}"):
        page.evaluate(f"fetch('{program.url}do', {options}).then((reply) => reply.text()).catch(() => '')")
    script = (
        "new Promise((resolve) => { const one = document.createElement('iframe'); one.onload = () => resolve('done'); "
        f"one.src = '{program.url}'; document.body.append(one); }})"
    )
    page.evaluate(script)
    own = ready(browser.open(program.url))
    assert not own.evaluate(pressed("Freeze"))
    for tab in (page, own):
        tab.close()
    program.end()
    browser.problems.clear()  # the browser reports what the policy has blocked


@pytest.mark.parametrize("size", [(1280, 800), (390, 844), (844, 390)])
def test_page_fits_the_screen(serve: Serve, browser: Chromium, size: tuple[int, int]) -> None:
    program = serve("--demo", "--no-window", "--size", "120", "--fps", "5")
    page = ready(browser.open(program.url, size, mobile=size[0] < 1000))
    page.wait("[...document.querySelectorAll('#styles img')].slice(0, 3).every((one) => one.naturalWidth === 160)")
    assert page.evaluate("document.documentElement.scrollWidth") <= size[0]
    left, top, width, height = map(int, page.evaluate(
        "(() => { const b = document.querySelector('#stage').getBoundingClientRect(); "
        "return [b.left, b.top, b.width, b.height]; })()"
    ))  # fmt: skip
    shot = page.shot()[top : top + height, left : left + width]
    middle = shot[height // 3 : height // 3 * 2, width // 3 : width // 3 * 2]
    assert width * height > 0.3 * size[0] * size[1] and middle.std() > 10
    page.key("h")
    page.wait("document.querySelector('dialog').open")
    assert page.evaluate("document.querySelector('dialog').getBoundingClientRect().right") <= size[0]
    page.close()
    program.end()
    assert browser.problems == []


def test_page_reconnects_when_program_returns(serve: Serve, browser: Chromium) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    program = serve("--demo", "--no-window", "--size", "120", "--serve", port)
    page, view = ready(browser.open(program.url)), ready_view(browser, program.url)
    program.end()
    page.call("Page.bringToFront")
    page.wait("document.querySelector('#no-signal').textContent.includes('does not answer')")
    program = serve("--demo", "--no-window", "--size", "120", "--serve", port)
    page.wait("document.querySelector('#no-signal').hidden && document.querySelector('#picture').naturalWidth > 0")
    for tab in (page, view):
        tab.close()
    program.end()
    assert browser.problems == []


def ready_view(browser: Chromium, url: str) -> Tab:
    """Open the page with the picture alone, as OBS does."""
    view = browser.open(url + "view", (640, 360))
    view.wait("document.querySelector('#picture').naturalWidth > 0")
    assert view.evaluate("document.body.innerText.trim() === '' && document.body.children.length === 1")
    return view


def test_change_in_window_or_page_appears_in_the_other(serve: Serve, browser: Chromium, screen: Screen) -> None:
    with FaultCamera(size=(320, 240), fps=15, still=True) as camera:
        program = serve("--camera", camera.url, "--size", "240", "--style", "udnie", DISPLAY=screen.display)
        screen.wait_for_window(program.process)
        page = ready(browser.open(program.url))
        bare = program.picture()
        screen.press("c")
        program.until(lambda now: difference(now, bare) > 2, "a key of the window")
        page.wait(pressed("Colours"))
        click(page, "Colours")
        program.until(lambda now: difference(now, bare) < 1, "a button of the page")
        page.close()
        screen.send_key("q")
        out, err = program.process.communicate(timeout=TIMEOUT)
        assert (program.process.returncode, err) == (0, ""), out + err
