"""Measure how late the web page shows a frame: of the picture stream, and of the browser's own camera and back.

    python -m benchmarks.page_latency [--seconds 10] [--provider auto]

The source draws the time into its frames, as bits: a network camera for the stream, and in the browser a canvas that
replaces its camera. A script in a headless Chromium reads the time back from what the page shows.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from rich import box
from rich.table import Table

from benchmarks.machine import load, machine, print_table
from tests.e2e.chromium import Chromium, Tab
from tests.fault_camera import FaultCamera

SIZE = (640, 480)
FPS = 30
BITS = 12  # the lowest bits of the time in milliseconds are drawn: the code repeats every four seconds
SETTLE_SECONDS = 5.0  # after this time the frame rate in the browser is steady

# At this strength black and white can still be told apart, and stylizing takes as long as at full strength.
STRENGTH = "0.3"

READ = """(async (element, seconds) => {
  const canvas = new OffscreenCanvas(BITS * 8, 8);
  const context = canvas.getContext("2d", { willReadFrequently: true });
  const late = [];
  let last = null;
  for (const end = Date.now() + 1000 * seconds; Date.now() < end; ) {
    context.drawImage(element, 0, 0, canvas.width, canvas.height);
    const now = Date.now();
    let code = 0;
    for (let bit = 0; bit < BITS; bit++) {
      code = 2 * code + (context.getImageData(8 * bit + 4, 4, 1, 1).data[1] > 127);
    }
    if (last !== null && code !== last) late.push((now - code + (1 << BITS)) % (1 << BITS));
    last = code;
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  return late;
})""".replace("BITS", str(BITS))

CAMERA = """navigator.mediaDevices.getUserMedia = async () => {
  const canvas = Object.assign(document.createElement("canvas"), { width: WIDTH, height: HEIGHT });
  const context = canvas.getContext("2d");
  setInterval(() => {
    const code = Date.now() % (1 << BITS);
    for (let bit = 0; bit < BITS; bit++) {
      context.fillStyle = (code >> (BITS - 1 - bit)) & 1 ? "#fff" : "#000";
      context.fillRect(Math.round(bit * WIDTH / BITS), 0, Math.ceil(WIDTH / BITS), HEIGHT);
    }
  }, 1000 / FPS);
  return canvas.captureStream(FPS);
}"""
for _name, _value in (("WIDTH", SIZE[0]), ("HEIGHT", SIZE[1]), ("BITS", BITS), ("FPS", FPS)):
    CAMERA = CAMERA.replace(_name, str(_value))


class ClockCamera(FaultCamera):
    """A network camera that shows the time as vertical stripes, white for 1."""

    def _next_part(self) -> bytes:
        code = round(time.time() * 1000) % (1 << BITS)
        bits = np.array([[255 * (code >> bit & 1) for bit in reversed(range(BITS))]], np.uint8)
        image = cv2.resize(bits, SIZE, interpolation=cv2.INTER_NEAREST)
        jpeg = cv2.imencode(".jpg", image)[1].tobytes()
        return b"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n%b\r\n" % (len(jpeg), jpeg)


def main() -> int:
    """Run the benchmark and return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.page_latency", description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=10.0, help="for each row of the table")
    parser.add_argument("--provider", default="auto")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        delays = measure(Path(folder), arguments.seconds, arguments.provider)
    title = f"page latency, {machine()}, {load()}"
    table = Table("capture to page", "pictures/s", "ms, p50", "p95", title=title, box=box.SIMPLE_HEAD)
    for way, milliseconds in delays.items():
        cuts = statistics.quantiles(milliseconds, n=20)
        table.add_row(way, f"{len(milliseconds) / arguments.seconds:.0f}", f"{cuts[9]:.0f}", f"{cuts[18]:.0f}")
    print_table(table)
    return 0


def measure(folder: Path, seconds: float, provider: str) -> dict[str, list[float]]:
    """Return the milliseconds from the drawing of a frame until the page shows it, of every frame, for each way."""
    with ClockCamera(SIZE, FPS) as camera, Chromium(folder / "chromium") as browser:
        command = [sys.executable, "-m", "realtime", "--camera", camera.url, "--no-window", "--no-mirror"]
        command += ["--serve", "0", "--strength", STRENGTH, "--provider", provider]
        app = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, text=True)
        try:
            assert app.stdout is not None
            url = next(line.split()[1] for line in app.stdout if line.startswith("page: "))
            page = browser.open(url)
            page.wait("document.querySelector('#picture').naturalWidth && document.querySelector('#actions button')")
            stream = read_delays(page, "#picture", seconds)
            page.evaluate(CAMERA)
            page.evaluate("document.querySelector('#camera-button').click()")
            page.wait("!document.querySelector('#camera-video').hidden")
            return {
                "picture stream": stream,
                "own camera, WebRTC, both ways": read_delays(page, "#camera-video", seconds),
            }
        finally:
            app.terminate()
            app.communicate(timeout=30)


def read_delays(page: Tab, element: str, seconds: float) -> list[Any]:
    """Return the delay of every frame that an element of the page shows, in milliseconds."""
    time.sleep(SETTLE_SECONDS)
    delays: list[Any] = page.evaluate(f"{READ}(document.querySelector('{element}'), {seconds})")
    return delays


if __name__ == "__main__":
    sys.exit(main())
