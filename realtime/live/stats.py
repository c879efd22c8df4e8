"""Statistics of a live run: for the screen while it runs, for --stats at its end."""

from __future__ import annotations

import json
import os
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

from realtime.errors import OutputError, StylizeError, UsageError
from realtime.system.files import write_atomic

MAX_LATENCIES = 100_000  # latencies kept for the percentiles: an hour at 30 fps
RATE_SECONDS = 2.0  # the frame rate on the screen is that of the last RATE_SECONDS
MAX_RECENT_FRAMES = 1000  # more than are shown in RATE_SECONDS
LATENCY_FRAMES = 15  # the latency on the screen is the median of the last LATENCY_FRAMES frames


class Stats:
    """Counters of one run. Each attribute is written by one thread only.

    now: the clock that frames are stamped by, in seconds.
    """

    def __init__(self, now: Callable[[], float] = time.perf_counter) -> None:
        self._now = now
        self._started = now()
        # Written by the capture thread:
        self.read = 0
        self.dropped = 0
        # Written by the stylizing thread:
        self.stylized = 0
        self.reused = 0  # frames for which the last result was used again, since nothing had moved
        self.stylize_seconds = 0.0
        self.size_changes = 0  # how often the size of the source's frames has changed
        self._first_stylized = self._last_delivered = 0.0  # clock times
        self._capture_to_stylized: deque[float] = deque(maxlen=MAX_LATENCIES)  # seconds from capture
        # Written by the main thread:
        self.shown = 0
        self.snapshots = 0
        self._capture_to_shown: deque[float] = deque(maxlen=MAX_LATENCIES)  # seconds from capture
        self._shown_times: deque[float] = deque(maxlen=MAX_RECENT_FRAMES)
        self._latest_latencies: deque[float] = deque(maxlen=LATENCY_FRAMES)

    def count_dropped(self) -> None:
        """Count a frame that a newer one replaced before it was stylized."""
        self.dropped += 1

    def count_stylized(self, seconds: float, captured: float) -> None:
        """Count a frame that was stylized in so many seconds. captured: its `Frame.captured`."""
        now = self._now()
        self._first_stylized = self._first_stylized or now
        self._last_delivered = now
        self.stylized += 1
        self.stylize_seconds += seconds
        self._capture_to_stylized.append(now - captured)

    def count_reused(self) -> None:
        """Count a frame for which the last result was used again."""
        self._last_delivered = self._now()
        self.reused += 1

    @property
    def delivered(self) -> int:
        """Number of frames that came out, stylized or reused."""
        return self.stylized + self.reused

    def count_shown(self, captured: float) -> None:
        """Count a frame that has reached the screen. captured: its `Frame.captured`."""
        now = self._now()
        self.shown += 1
        self._capture_to_shown.append(now - captured)
        self._latest_latencies.append(now - captured)
        self._shown_times.append(now)
        self._drop_old_times(now)

    def _drop_old_times(self, now: float) -> None:
        while self._shown_times and self._shown_times[0] < now - RATE_SECONDS:
            self._shown_times.popleft()

    @property
    def fps_now(self) -> float:
        """Frames shown a second, measured over the last two seconds."""
        now = self._now()
        self._drop_old_times(now)
        return len(self._shown_times) / min(RATE_SECONDS, max(0.5, now - self._started))

    @property
    def latency_now(self) -> float:
        """Median of the seconds from capture to display, of the last frames."""
        latencies = sorted(self._latest_latencies) or [0.0]
        return latencies[len(latencies) // 2]

    def summary(self) -> dict[str, Any]:
        """Return frame counts, the frame rate, and latencies in milliseconds."""
        span = self._last_delivered - self._first_stylized
        latencies = sorted(self._capture_to_shown or self._capture_to_stylized)
        return {
            "frames_read": self.read,
            "frames_painted": self.stylized,
            "frames_reused": self.reused,
            "frames_shown": self.shown,
            "frames_dropped": self.dropped,
            "fps": round((self.delivered - 1) / span, 2) if self.delivered > 1 and span > 0 else 0.0,
            "paint_ms_mean": _ms(self.stylize_seconds / self.stylized) if self.stylized else None,
            "latency_ms": {
                "p50": _ms(_percentile(latencies, 0.50)),
                "p95": _ms(_percentile(latencies, 0.95)),
                "max": _ms(_percentile(latencies, 1.0)),
                "from_capture_to": "display" if self._capture_to_shown else "painted",
            },
            "size_changes": self.size_changes,
            "snapshots": self.snapshots,
            "seconds": round(self._now() - self._started, 3),
        }


def _percentile(values: list[float], fraction: float) -> float | None:
    """Return the value that this fraction of the sorted values lies below."""
    return values[min(len(values) - 1, int(fraction * len(values)))] if values else None


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds * 1000, 2)


def check_stats_path(path: Path, record: Path | None) -> None:
    """Check that --stats can be written. record: the file of --record. Raises UsageError or OutputError."""
    if path == record:
        raise UsageError(f"--stats {path} is what --record writes")
    if os.path.isdir(path):
        raise OutputError(f"--stats {path} is a folder")
    if path.suffix.lower() != ".json" and os.path.exists(path):
        raise OutputError(f"--stats {path} is there already; only what is called .json is replaced")
    if not os.path.isdir(path.parent):
        raise OutputError(f"--stats {path}: there is no folder {path.parent}")
    if not os.access(path.parent, os.W_OK):
        raise OutputError(f"--stats {path}: the folder {path.parent} cannot be written to")


def write_stats(path: Path, table: dict[str, Any]) -> None:
    """Write a table as JSON, whole or not at all. Raises StylizeError."""
    try:
        write_atomic(path, (json.dumps(table, indent=2) + "\n").encode())
    except OSError as error:
        raise StylizeError(f"--stats {path}: {error.strerror or error}") from error
