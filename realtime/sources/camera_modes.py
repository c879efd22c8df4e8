"""The sizes and frame rates that a camera offers."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from realtime.sources.camera_list import CameraInfo

OFFERED_BY_NO_CAMERA = "1000"  # fps; asked for it, AVFoundation lists the rates that it has


@dataclass(frozen=True)
class CameraMode:
    """A size in pixels, its largest frame rate (0.0 if unknown) and its format: MJPG, YUYV, ... (empty if unknown)."""

    width: int
    height: int
    fps: float
    format: str = ""


def list_modes(camera: CameraInfo) -> list[CameraMode]:
    """Return the modes of a camera, largest first; empty where the system reports none. Reads no frame."""
    best: dict[tuple[int, int, str], float] = {}
    for format, width, height, fps in _query_modes(camera):
        key = (width, height, format)
        best[key] = max(best.get(key, 0.0), fps)
    modes = [CameraMode(width, height, round(fps, 2), format) for (width, height, format), fps in best.items()]
    return sorted(modes, key=lambda mode: (-mode.width * mode.height, -mode.fps, mode.format))


def summarize_modes(modes: list[CameraMode]) -> str:
    """Return one line with each size once, at its best rate: 640 x 480 at 30, 320 x 240 at 60."""
    best: dict[tuple[int, int], float] = {}
    for mode in modes:
        size = (mode.width, mode.height)
        best[size] = max(best.get(size, 0.0), mode.fps)
    return ", ".join(f"{w} x {h}" + (f" at {fps:g}" if fps else "") for (w, h), fps in best.items())


def _query_modes(camera: CameraInfo) -> Iterator[tuple[str, int, int, float]]:
    """Yield (format, width, height, frames per second)."""
    if sys.platform == "linux":
        from realtime.sources import v4l2

        yield from v4l2.list_modes(Path(camera.path or f"/dev/video{camera.index}"))
    elif sys.platform == "darwin":
        yield from parse_avfoundation_log(
            _capture_log("avfoundation", camera.name, {"framerate": OFFERED_BY_NO_CAMERA})
        )
    elif sys.platform == "win32":
        yield from parse_dshow_log(_capture_log("dshow", f"video={camera.name}", {"list_options": "true"}))


def parse_dshow_log(log: str) -> Iterator[tuple[str, int, int, float]]:
    """Parse FFmpeg's list_options: `vcodec=mjpeg  min s=640x480 fps=5 max s=640x480 fps=30`."""
    pattern = r"(?:vcodec|pixel_format)=(\S+)\s+min s=\d+x\d+ fps=[\d.]+ max s=(\d+)x(\d+) fps=([\d.]+)"
    for format, width, height, fps in re.findall(pattern, log):
        yield {"mjpeg": "MJPG", "yuyv422": "YUYV"}.get(format, format.upper()), int(width), int(height), float(fps)


def parse_avfoundation_log(log: str) -> Iterator[tuple[str, int, int, float]]:
    """Parse FFmpeg's answer to a rate that no camera has: `640x480@[15.000000 30.000030]fps`."""
    for width, height, fps in re.findall(r"(\d+)x(\d+)@\[[\d.]+ ([\d.]+)\]fps", log):
        yield "", int(width), int(height), float(fps)


def _capture_log(format: str, device: str, options: dict[str, str]) -> str:
    """Return what FFmpeg logs when asked to open the device with these options, which make it list and then fail."""
    import av

    level = av.logging.get_level()
    av.logging.set_level(av.logging.INFO)
    try:
        with av.logging.Capture() as lines, suppress(av.error.FFmpegError, ValueError):
            av.open(device, format=format, options=options).close()
        return "".join(text for _, _, text in lines)
    finally:
        av.logging.set_level(level)
