"""A real browser without a screen, controlled by the DevTools protocol over a pair of pipes.

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
TIMEOUT = 60.0  # seconds


class Chromium:
    """Chromium with a fake camera that needs no permission. folder: for its profile."""

    def __init__(self, folder: Path) -> None:
        path = next(filter(None, map(shutil.which, NAMES)), None)
        assert path, f"none of {', '.join(NAMES)} is installed"
        child_in, self._out = os.pipe()
        self._in, child_out = os.pipe()
        # Chromium reads descriptor 3 and writes descriptor 4.
        redirect = f'exec 3<&{child_in} 4>&{child_out}; exec "$@"'
        self._process = subprocess.Popen(
            ["bash", "-c", redirect, "bash", path, *OPTIONS, f"--user-data-dir={folder}", "about:blank"],
            pass_fds=(child_in, child_out),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(child_in)
        os.close(child_out)
        self._number, self._read = 0, b""
        self.problems: list[str] = []  # errors of scripts, and what the pages' security policy has blocked

    def call(self, method: str, session: str | None = None, **parameters: Any) -> Any:
        """Send a command of the protocol; return its result."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        os.write(self._out, json.dumps(message | ({"sessionId": session} if session else {})).encode() + b"\0")
        while True:
            answer = json.loads(self._next_message())
            if answer.get("method") in ("Runtime.exceptionThrown", "Log.entryAdded"):
                self._record_problem(answer["params"])
            if answer.get("id") == self._number:
                assert "error" not in answer, answer
                return answer["result"]

    def _record_problem(self, event: dict[str, Any]) -> None:
        entry = event.get("entry", {"level": "error", "source": "javascript", "text": str(event)})
        if entry["level"] == "error" and entry["source"] != "network":
            self.problems.append(entry["text"])

    def _next_message(self) -> bytes:
        while b"\0" not in self._read:
            chunk = os.read(self._in, 1 << 20)
            assert chunk, "the browser has ended"
            self._read += chunk
        message, _, self._read = self._read.partition(b"\0")
        return message

    def open(self, url: str, size: tuple[int, int] = (1280, 800), mobile: bool = False) -> Tab:
        """Open a tab. size: (width, height) in pixels."""
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
    """A tab of the browser."""

    def __init__(self, browser: Chromium, session: str, target: str) -> None:
        self.browser, self.session, self.target = browser, session, target

    def call(self, method: str, **parameters: Any) -> Any:
        """Send a command of the protocol for this tab; return its result."""
        return self.browser.call(method, self.session, **parameters)

    def evaluate(self, script: str) -> Any:
        """Return the value of an expression, awaited if it is a promise."""
        result = self.call(
            "Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True, userGesture=True
        )
        assert "exceptionDetails" not in result, result["exceptionDetails"]
        return result["result"].get("value")

    def wait(self, script: str, seconds: float = TIMEOUT) -> Any:
        """Return the value of an expression once it is true."""
        deadline = time.monotonic() + seconds
        while not (value := self.evaluate(script)):
            assert time.monotonic() < deadline, f"{script}; the page says: {self.evaluate('document.body.innerText')}"
            time.sleep(0.1)
        return value

    def key(self, key: str) -> None:
        """Press a key."""
        for kind in ("keyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=kind, key=key, text=key if kind == "keyDown" else "")

    def shot(self) -> Image:
        """Return a screenshot: [H, W, 3] BGR."""
        data = base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"])
        image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
        assert image is not None
        return np.asarray(image, np.uint8)

    def close(self) -> None:
        """Close the tab."""
        self.browser.call("Target.closeTarget", targetId=self.target)
