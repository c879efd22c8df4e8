"""Write docs/session.webp, the README's animation: a session with the demo whose keys are pressed by xdotool.

python docs/session_picture.py [OUTPUT.webp] [--seconds-for-key S] [--provider NAME]

Needs Xvfb, openbox, xdotool and ffmpeg. A caption under the picture names each key as it is pressed.
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

SCREEN_SIZE = (640, 480)  # pixels; the window fills it
OUTPUT_WIDTH = 480  # pixels
FPS = 8
MAX_BYTES = 2 << 20
# The keys by xdotool's names, and how long the result of each is shown, in units of --seconds-for-key.
KEYS = (
    ("i", 0.8), ("n", 1), ("n", 1), ("x", 1), ("period", 0.6), ("period", 0.8), ("x", 0.6), ("c", 1), ("c", 0.6),
    ("bracketright", 1), ("shift+F1", 1), ("v", 1.2), ("v", 0.5), ("g", 1.6), ("5", 1.2),
    ("minus", 0.5), ("minus", 0.5), ("minus", 1), ("F1", 1.4), ("h", 2),
)  # fmt: skip
KEY_LABELS = {"period": ".", "bracketright": "]", "minus": "-"}


class ScreenRecorder:
    """Records a virtual screen at FPS frames a second, in a thread of its own."""

    def __init__(self, display: str) -> None:
        command = ["ffmpeg", "-v", "error", "-f", "x11grab", "-draw_mouse", "0", "-framerate", str(FPS)]
        command += [
            "-video_size",
            f"{SCREEN_SIZE[0]}x{SCREEN_SIZE[1]}",
            "-i",
            display,
            "-f",
            "rawvideo",
            "-pix_fmt",
            "bgr24",
            "-",
        ]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE)
        self.newest: Image = np.zeros((SCREEN_SIZE[1], SCREEN_SIZE[0], 3), np.uint8)
        self.frames: list[tuple[Image, str]] = []  # each with the key pressed last
        self.pressed: str | None = None  # the key pressed last; None while nothing is recorded
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        assert self._process.stdout is not None
        while len(raw := self._process.stdout.read(self.newest.size)) == self.newest.size:
            self.newest = np.frombuffer(raw, np.uint8).reshape(self.newest.shape)
            if (pressed := self.pressed) is not None:
                self.frames.append((self.newest, pressed))

    def stop(self) -> None:
        """Stop recording."""
        self._process.terminate()
        self._thread.join()


def play(display: str, seconds: float, provider: str, folder: Path) -> list[tuple[Image, str]]:
    """Start the program, press every key and quit; return the frames, each with the key pressed last."""
    environment = os.environ | {"DISPLAY": display, "PYTHONPATH": str(ROOT), "XDG_CONFIG_HOME": str(folder)}

    def xdotool(*arguments: str) -> None:
        subprocess.run(["xdotool", *arguments], env=environment, check=True)

    command = [sys.executable, "-m", "realtime", "--demo", "--provider", provider]
    app = subprocess.Popen(command, env=environment, cwd=folder, stdout=subprocess.DEVNULL)
    recorder = ScreenRecorder(display)
    try:
        _wait_for_picture(recorder, app)
        xdotool("key", "f")
        time.sleep(2)
        recorder.pressed = ""
        time.sleep(seconds)
        for key, units in KEYS:
            recorder.pressed = key
            *modifiers, last = key.split("+")
            for modifier in modifiers:
                xdotool("keydown", modifier)
            xdotool("key", last)
            time.sleep(0.4 if modifiers else 0)  # the program asks for shift a moment after the key
            for modifier in modifiers:
                xdotool("keyup", modifier)
            time.sleep(seconds * units)
        recorder.pressed = None
        xdotool("key", "q")
        app.wait(30)
    finally:
        recorder.stop()
        if app.poll() is None:
            app.kill()
            app.wait()
    return recorder.frames


def _wait_for_picture(recorder: ScreenRecorder, app: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 180
    while recorder.newest.std() < 20:
        if app.poll() is not None or time.monotonic() > deadline:
            raise SystemExit("the program shows nothing")
        time.sleep(0.2)
    time.sleep(2)


def add_caption(picture: Image, key: str) -> Image:
    """Return the picture at its final size, with the key pressed under it."""
    size = (OUTPUT_WIDTH, OUTPUT_WIDTH * SCREEN_SIZE[1] // SCREEN_SIZE[0])
    image = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    strip = np.full((34, OUTPUT_WIDTH, 3), 32, np.uint8)
    if key:
        name = KEY_LABELS.get(key, key.replace("+", " "))
        font, amber, white = cv2.FontFace("sans"), (80, 190, 255), (235, 235, 235)
        cv2.putText(strip, name, (12, 24), amber, font, 19, 700)
        left = 12 + int(cv2.getTextSize((1, 1), name, (0, 0), font, 19, 700)[2]) + 14
        cv2.putText(strip, describe(key), (left, 24), white, font, 17, 400)
    return np.vstack([np.asarray(image, np.uint8), strip])


def describe(key: str) -> str:
    """Return the help text of a key."""
    name = KEY_LABELS.get(key, key).lower()
    return next(binding.help for binding in BINDINGS if name in (*binding.keys, *binding.reverse_keys))


def write(pictures: list[Image], target: Path) -> None:
    """Write an animated WebP of the best quality that stays below MAX_BYTES."""
    height, width = pictures[0].shape[:2]
    raw = b"".join(picture.tobytes() for picture in pictures)
    for quality in (70, 60, 50, 40, 30, 20, 10):
        command = ["ffmpeg", "-v", "error", "-y", "-f", "rawvideo", "-pix_fmt", "bgr24", "-s", f"{width}x{height}"]
        command += ["-r", str(FPS), "-i", "-", "-c:v", "libwebp_anim", "-quality", str(quality)]
        command += ["-compression_level", "6", "-loop", "0", "-f", "webp", str(target)]
        subprocess.run(command, input=raw, check=True)
        if target.stat().st_size < MAX_BYTES:
            print(f"{target}: {len(pictures)} pictures, {target.stat().st_size >> 10} KiB, quality {quality}")
            return
    raise SystemExit(f"{target} does not get below {MAX_BYTES >> 20} MiB")


def main() -> None:
    """Write docs/session.webp, or the file given."""
    parser = argparse.ArgumentParser(description="Write the README's animation.")
    parser.add_argument("output", nargs="?", type=Path, default=ROOT / "docs/session.webp")
    parser.add_argument("--seconds-for-key", type=float, default=1.3, metavar="S")
    parser.add_argument("--provider", default="auto")
    arguments = parser.parse_args()
    with virtual_screen(SCREEN_SIZE) as display, tempfile.TemporaryDirectory() as folder:
        frames = play(display, arguments.seconds_for_key, arguments.provider, Path(folder))
    write([add_caption(picture, key) for picture, key in frames], arguments.output)


if __name__ == "__main__":
    main()
