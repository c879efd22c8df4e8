"""Makes the README's moving picture: a session with the demo, its keys pressed by xdotool, on a virtual screen.

python docs/session_picture.py [OUTPUT.webp] [--seconds-for-key S] [--provider NAME]

Needs Xvfb, openbox, xdotool and ffmpeg. What is pressed is written under the window as it is pressed.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import cv2
import numpy as np

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.screen import virtual_screen  # noqa: E402
from realtime.frame import Image  # noqa: E402
from realtime.ui.keys import BINDINGS  # noqa: E402

SCREEN = (640, 480)  # pixels: the window fills it
WIDE = 480  # of the picture written
RATE = 8  # pictures a second
LIMIT = 2 << 20  # bytes
# What is pressed, as xdotool has it, and for how long that is looked at: in units of --seconds-for-key.
KEYS = (
    ("i", 0.8), ("n", 1), ("n", 1), ("x", 1), ("period", 0.6), ("period", 0.8), ("x", 0.6), ("c", 1), ("c", 0.6),
    ("bracketright", 1), ("shift+F1", 1), ("v", 1.2), ("v", 0.5), ("g", 1.6), ("5", 1.2),
    ("minus", 0.5), ("minus", 0.5), ("minus", 1), ("F1", 1.4), ("h", 2),
)  # fmt: skip
SHOWN = {"period": ".", "bracketright": "]", "minus": "-"}


class Camera:
    """Takes pictures of a virtual screen, RATE of them a second, in a thread of its own."""

    def __init__(self, display: str) -> None:
        command = ["ffmpeg", "-v", "error", "-f", "x11grab", "-draw_mouse", "0", "-framerate", str(RATE)]
        command += [
            "-video_size",
            f"{SCREEN[0]}x{SCREEN[1]}",
            "-i",
            display,
            "-f",
            "rawvideo",
            "-pix_fmt",
            "bgr24",
            "-",
        ]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE)
        self.newest: Image = np.zeros((SCREEN[1], SCREEN[0], 3), np.uint8)
        self.taken: list[tuple[Image, str]] = []  # and what was pressed last
        self.pressed: str | None = None  # None: not yet begun
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        assert self._process.stdout is not None
        while len(raw := self._process.stdout.read(self.newest.size)) == self.newest.size:
            self.newest = np.frombuffer(raw, np.uint8).reshape(self.newest.shape)
            if (pressed := self.pressed) is not None:
                self.taken.append((self.newest, pressed))

    def stop(self) -> None:
        """No more pictures."""
        self._process.terminate()
        self._thread.join()


def play(display: str, seconds: float, provider: str, folder: Path) -> list[tuple[Image, str]]:
    """Start the program, press every key, quit: the pictures, each with the key pressed last."""
    environment = os.environ | {"DISPLAY": display, "PYTHONPATH": str(ROOT), "XDG_CONFIG_HOME": str(folder)}

    def xdotool(*arguments: str) -> None:
        subprocess.run(["xdotool", *arguments], env=environment, check=True)

    command = [sys.executable, "-m", "realtime", "--demo", "--provider", provider]
    app = subprocess.Popen(command, env=environment, cwd=folder, stdout=subprocess.DEVNULL)
    camera = Camera(display)
    try:
        _wait_for_picture(camera, app)
        xdotool("key", "f")
        time.sleep(2)
        camera.pressed = ""
        time.sleep(seconds)
        for key, looks in KEYS:
            camera.pressed = key
            *held, last = key.split("+")
            for one in held:
                xdotool("keydown", one)
            xdotool("key", last)
            time.sleep(0.4 if held else 0)  # as people do: shift is held a moment longer
            for one in held:
                xdotool("keyup", one)
            time.sleep(seconds * looks)
        camera.pressed = None
        xdotool("key", "q")
        app.wait(30)
    finally:
        camera.stop()
        if app.poll() is None:
            app.kill()
            app.wait()
    return camera.taken


def _wait_for_picture(camera: Camera, app: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 180
    while camera.newest.std() < 20:
        if app.poll() is not None or time.monotonic() > deadline:
            raise SystemExit("the program shows nothing")
        time.sleep(0.2)
    time.sleep(2)


def captioned(picture: Image, key: str) -> Image:
    """The picture at its final size, and under it what was pressed."""
    size = (WIDE, WIDE * SCREEN[1] // SCREEN[0])
    image = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    strip = np.full((34, WIDE, 3), 32, np.uint8)
    if key:
        name = SHOWN.get(key, key.replace("+", " "))
        font, amber, white = cv2.FontFace("sans"), (80, 190, 255), (235, 235, 235)
        cv2.putText(strip, name, (12, 24), amber, font, 19, 700)
        left = 12 + int(cv2.getTextSize((1, 1), name, (0, 0), font, 19, 700)[2]) + 14
        cv2.putText(strip, meaning(key), (left, 24), white, font, 17, 400)
    return np.vstack([np.asarray(image, np.uint8), strip])


def meaning(key: str) -> str:
    """What the table of keys says of it."""
    name = SHOWN.get(key, key).lower()
    return next(binding.help for binding in BINDINGS if name in (*binding.keys, *binding.less))


def write(pictures: list[Image], target: Path) -> None:
    """As an animated WebP, as good as the limit allows."""
    height, width = pictures[0].shape[:2]
    raw = b"".join(picture.tobytes() for picture in pictures)
    for quality in (70, 60, 50, 40, 30, 20, 10):
        command = ["ffmpeg", "-v", "error", "-y", "-f", "rawvideo", "-pix_fmt", "bgr24", "-s", f"{width}x{height}"]
        command += ["-r", str(RATE), "-i", "-", "-c:v", "libwebp_anim", "-quality", str(quality)]
        command += ["-compression_level", "6", "-loop", "0", "-f", "webp", str(target)]
        subprocess.run(command, input=raw, check=True)
        if target.stat().st_size < LIMIT:
            print(f"{target}: {len(pictures)} pictures, {target.stat().st_size >> 10} KiB, quality {quality}")
            return
    raise SystemExit(f"{target} does not get below {LIMIT >> 20} MiB")


def main() -> None:
    """Write docs/session.webp, or the file named."""
    parser = argparse.ArgumentParser(description="Makes the README's moving picture.")
    parser.add_argument("output", nargs="?", type=Path, default=ROOT / "docs/session.webp")
    parser.add_argument("--seconds-for-key", type=float, default=1.3, metavar="S")
    parser.add_argument("--provider", default="auto")
    arguments = parser.parse_args()
    with virtual_screen(SCREEN) as display, tempfile.TemporaryDirectory() as folder:
        taken = play(display, arguments.seconds_for_key, arguments.provider, Path(folder))
    write([captioned(picture, key) for picture, key in taken], arguments.output)


if __name__ == "__main__":
    main()
