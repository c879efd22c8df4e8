"""What happened in a run, counted: for the screen while it goes on, for --stats when it is over."""

from __future__ import annotations

import json
import os
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

from realtime.errors import OutputError, StylizeError, UsageError
from realtime.system.files import replace_file

REMEMBERED = 100_000  # latencies kept for the percentiles: an hour at 30 fps
RATE_SECONDS = 2.0  # over which the fps on the screen is measured


class Stats:
    """Counters of one run. Each field is written by one thread only."""

    def __init__(self, now: Callable[[], float] = time.perf_counter) -> None:
        self._now = now  # of the clock that frames are stamped by
        self.read = 0  # by the capture thread
        self.dropped = 0
        self.painted = 0  # by the painting thread
        self.first_painted = self.last_painted = 0.0
        self.reused = 0  # paintings shown again, since nothing had moved
        self.paint_seconds = 0.0
        self.size_changes = 0  # of the source's frames
        self.shown = 0  # by the display
        self.snapshots = 0
        self.to_painted: deque[float] = deque(maxlen=REMEMBERED)  # seconds from capture
        self.to_display: deque[float] = deque(maxlen=REMEMBERED)
        self._recent: deque[float] = deque(maxlen=1000)  # more than come in that time
        self._latest: deque[float] = deque(maxlen=15)  # of to_display, for the screen
        self._started = now()

    def count_painted(self, seconds: float, captured: float) -> None:
        """One more frame went through the network, in that time. captured: its `Frame.captured`."""
        now = self._now()
        self.first_painted = self.first_painted or now
        self.last_painted = now
        self.painted += 1
        self.paint_seconds += seconds
        self.to_painted.append(now - captured)

    def count_reused(self) -> None:
        """One more frame was answered with the last painting."""
        self.last_painted = self._now()
        self.reused += 1

    @property
    def delivered(self) -> int:
        """Pictures that came out, newly painted or not."""
        return self.painted + self.reused

    def count_shown(self, captured: float) -> None:
        """One more frame reached the screen. captured: its `Frame.captured`."""
        now = self._now()
        self.shown += 1
        self.to_display.append(now - captured)
        self._latest.append(now - captured)
        self._recent.append(now)
        self._forget(now)

    def _forget(self, now: float) -> None:
        while self._recent and self._recent[0] < now - RATE_SECONDS:
            self._recent.popleft()

    @property
    def fps_now(self) -> float:
        """Frames shown a second, lately."""
        now = self._now()
        self._forget(now)
        return len(self._recent) / min(RATE_SECONDS, max(0.5, now - self._started))

    @property
    def latency_now(self) -> float:
        """Median of the last frames' capture-to-display time, in seconds."""
        last = sorted(self._latest) or [0.0]
        return last[len(last) // 2]

    def summary(self) -> dict[str, Any]:
        """Frames counted, fps, latencies in milliseconds."""
        span = self.last_painted - self.first_painted
        ordered = sorted(self.to_display or self.to_painted)
        return {
            "frames_read": self.read,
            "frames_painted": self.painted,
            "frames_reused": self.reused,
            "frames_shown": self.shown,
            "frames_dropped": self.dropped,
            "fps": round((self.delivered - 1) / span, 2) if self.delivered > 1 and span > 0 else 0.0,
            "paint_ms_mean": _ms(self.paint_seconds / self.painted) if self.painted else None,
            "latency_ms": {
                "p50": _ms(_percentile(ordered, 0.50)),
                "p95": _ms(_percentile(ordered, 0.95)),
                "max": _ms(_percentile(ordered, 1.0)),
                "from_capture_to": "display" if self.to_display else "painted",
            },
            "size_changes": self.size_changes,
            "snapshots": self.snapshots,
            "seconds": round(self._now() - self._started, 3),
        }


def _percentile(ordered: list[float], share: float) -> float | None:
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else None


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds * 1000, 2)


def check_place(path: Path, record: Path | None) -> None:
    """For --stats, before anything slow. record: what --record writes. Raises UsageError or OutputError."""
    if path == record:
        raise UsageError(f"--stats {path} is what --record writes")
    if path.is_dir():
        raise OutputError(f"--stats {path} is a folder")
    if path.suffix.lower() != ".json" and path.exists():
        raise OutputError(f"--stats {path} is there already; only what is called .json is replaced")
    if not path.parent.is_dir():
        raise OutputError(f"--stats {path}: there is no folder {path.parent}")
    if not os.access(path.parent, os.W_OK):
        raise OutputError(f"--stats {path}: the folder {path.parent} cannot be written to")


def write_stats(path: Path, table: dict[str, Any]) -> None:
    """Write it as JSON, whole or not at all. Raises StylizeError where it cannot be written."""
    part = path.with_name(path.name + ".part")
    try:
        part.write_text(json.dumps(table, indent=2) + "\n", encoding="utf-8")
        replace_file(part, path)
    except OSError as error:
        raise StylizeError(f"--stats {path}: {error.strerror or error}") from error
