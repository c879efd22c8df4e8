"""Which sizes and rates a camera offers."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from realtime.sources.camera_list import CameraInfo


@dataclass(frozen=True)
class Mode:
    """A size and the most frames a second at it, 0.0 if not said. format: MJPG, YUYV, ..., empty if not said."""

    width: int
    height: int
    fps: float
    format: str = ""


def modes(camera: CameraInfo) -> list[Mode]:
    """What it offers, largest first; empty where the system does not tell. Takes no picture."""
    best: dict[tuple[int, int, str], float] = {}
    for format, width, height, fps in _asked(camera):
        key = (width, height, format)
        best[key] = max(best.get(key, 0.0), fps)
    found = [Mode(width, height, round(fps, 2), format) for (width, height, format), fps in best.items()]
    return sorted(found, key=lambda mode: (-mode.width * mode.height, -mode.fps, mode.format))


def summary(found: list[Mode]) -> str:
    """For people: each size once, at its best rate."""
    best: dict[tuple[int, int], float] = {}
    for mode in found:
        size = (mode.width, mode.height)
        best[size] = max(best.get(size, 0.0), mode.fps)
    return ", ".join(f"{w} x {h}" + (f" at {fps:g}" if fps else "") for (w, h), fps in best.items())


def _asked(camera: CameraInfo) -> Iterator[tuple[str, int, int, float]]:
    if sys.platform == "linux":
        from realtime.sources import v4l2

        yield from v4l2.modes(Path(camera.path or f"/dev/video{camera.index}"))
    elif sys.platform == "darwin":
        yield from from_avfoundation(_log("avfoundation", camera.name, {"framerate": "1000"}))
    elif sys.platform == "win32":
        yield from from_dshow(_log("dshow", f"video={camera.name}", {"list_options": "true"}))


def from_dshow(log: str) -> Iterator[tuple[str, int, int, float]]:
    """As FFmpeg's list_options writes it: `vcodec=mjpeg  min s=640x480 fps=5 max s=640x480 fps=30`."""
    pattern = r"(?:vcodec|pixel_format)=(\S+)\s+min s=\d+x\d+ fps=[\d.]+ max s=(\d+)x(\d+) fps=([\d.]+)"
    for format, width, height, fps in re.findall(pattern, log):
        yield {"mjpeg": "MJPG", "yuyv422": "YUYV"}.get(format, format.upper()), int(width), int(height), float(fps)


def from_avfoundation(log: str) -> Iterator[tuple[str, int, int, float]]:
    """As FFmpeg answers to a rate that no camera has: `640x480@[15.000000 30.000030]fps`."""
    for width, height, fps in re.findall(r"(\d+)x(\d+)@\[[\d.]+ ([\d.]+)\]fps", log):
        yield "", int(width), int(height), float(fps)


def _log(format: str, device: str, options: dict[str, str]) -> str:
    """What FFmpeg has to say of the device: it lists there, and opens nothing."""
    import av

    level = av.logging.get_level()
    av.logging.set_level(av.logging.INFO)
    try:
        with av.logging.Capture() as lines, suppress(av.error.FFmpegError, ValueError):
            av.open(device, format=format, options=options).close()
        return "".join(text for _, _, text in lines)
    finally:
        av.logging.set_level(level)
