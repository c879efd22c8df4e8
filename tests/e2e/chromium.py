"""A real browser without a screen, driven through its developer tools over a pair of pipes.

with Chromium(folder) as browser:
    page = browser.open("http://127.0.0.1:8765/")
    page.evaluate("document.title")
"""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any, Self

import cv2
import numpy as np

from realtime.frame import Image

NAMES = ("chromium", "chromium-browser", "google-chrome")
OPTIONS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--mute-audio",
    "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream", "--remote-debugging-pipe",
    "--disable-background-networking", "--disable-component-update",
)  # fmt: skip
PATIENCE = 60.0  # s


class Chromium:
    """The browser, with a camera that shows a test picture and asks nobody. folder: for its profile."""

    def __init__(self, folder: Path) -> None:
        path = next(filter(None, map(shutil.which, NAMES)), None)
        assert path, f"none of {', '.join(NAMES)} is installed"
        theirs_in, self._out = os.pipe()
        self._in, theirs_out = os.pipe()
        # It reads descriptor 3 and writes 4.
        wiring = f'exec 3<&{theirs_in} 4>&{theirs_out}; exec "$@"'
        self._process = subprocess.Popen(
            ["bash", "-c", wiring, "bash", path, *OPTIONS, f"--user-data-dir={folder}", "about:blank"],
            pass_fds=(theirs_in, theirs_out),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(theirs_in)
        os.close(theirs_out)
        self._number, self._read = 0, b""
        self.problems: list[str] = []  # errors of scripts, and what the pages' own policy forbade

    def call(self, method: str, session: str | None = None, **parameters: Any) -> Any:
        """One command of the protocol; returns its result."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        os.write(self._out, json.dumps(message | ({"sessionId": session} if session else {})).encode() + b"\0")
        while True:
            answer = json.loads(self._next())
            if answer.get("method") in ("Runtime.exceptionThrown", "Log.entryAdded"):
                self._note(answer["params"])
            if answer.get("id") == self._number:
                assert "error" not in answer, answer
                return answer["result"]

    def _note(self, event: dict[str, Any]) -> None:
        entry = event.get("entry", {"level": "error", "source": "javascript", "text": str(event)})
        if entry["level"] == "error" and entry["source"] != "network":
            self.problems.append(entry["text"])

    def _next(self) -> bytes:
        while b"\0" not in self._read:
            chunk = os.read(self._in, 1 << 20)
            assert chunk, "the browser has gone"
            self._read += chunk
        message, _, self._read = self._read.partition(b"\0")
        return message

    def open(self, url: str, size: tuple[int, int] = (1280, 800), mobile: bool = False) -> Tab:
        """A new tab. size: (width, height)."""
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        tab = Tab(self, session, target)
        tab.call(
            "Emulation.setDeviceMetricsOverride", width=size[0], height=size[1], deviceScaleFactor=1, mobile=mobile
        )
        for domain in ("Page", "Runtime", "Log"):
            tab.call(f"{domain}.enable")
        tab.call("Page.navigate", url=url)
        tab.wait("location.href != 'about:blank' && document.readyState != 'loading'")
        return tab

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.write(self._out, json.dumps({"id": 0, "method": "Browser.close"}).encode() + b"\0")
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(20)
        os.close(self._out)
        os.close(self._in)


class Tab:
    """One page in it."""

    def __init__(self, browser: Chromium, session: str, target: str) -> None:
        self.browser, self.session, self.target = browser, session, target

    def call(self, method: str, **parameters: Any) -> Any:
        """One command of the protocol, for this page."""
        return self.browser.call(method, self.session, **parameters)

    def evaluate(self, script: str) -> Any:
        """What the expression is, once it is there."""
        result = self.call(
            "Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True, userGesture=True
        )
        assert "exceptionDetails" not in result, result["exceptionDetails"]
        return result["result"].get("value")

    def wait(self, script: str) -> Any:
        """Wait until the expression is true."""
        deadline = time.monotonic() + PATIENCE
        while not (value := self.evaluate(script)):
            assert time.monotonic() < deadline, f"{script}; the page says: {self.evaluate('document.body.innerText')}"
            time.sleep(0.1)
        return value

    def key(self, key: str) -> None:
        """Press a key."""
        for kind in ("keyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=kind, key=key, text=key if kind == "keyDown" else "")

    def shot(self) -> Image:
        """What it looks like: [H, W, 3] BGR."""
        data = base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"])
        image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
        assert image is not None
        return np.asarray(image, np.uint8)

    def close(self) -> None:
        """Close the tab."""
        self.browser.call("Target.closeTarget", targetId=self.target)
