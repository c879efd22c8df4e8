"""The live line: capture thread -> newest frame -> painting thread -> display on the main thread."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, Self

import numpy as np

from realtime.errors import StylizeError
from realtime.frame import Frame
from realtime.live.grid import Grid
from realtime.live.look_editor import LookEditor
from realtime.live.motion import MotionDetector
from realtime.live.resolution import AdaptiveResolution
from realtime.live.state import LiveState, StylizedFrame
from realtime.live.stats import Stats
from realtime.live.view import View
from realtime.sources.reconnect import ReconnectingSource
from realtime.stylizer.look import FADE_SECONDS, LIMITS, Look
from realtime.stylizer.presets import Presets
from realtime.stylizer.sizes import stroke_size
from realtime.stylizer.smoothing import TemporalSmoother
from realtime.stylizer.style_track import Cue, StyleTrack
from realtime.stylizer.stylizer import Stylizer
from realtime.system.clock import Clock, SystemClock
from realtime.system.queues import LatestValue

CAMERA_FPS = 30.0  # what is held where nobody asks for another rate
JOIN_SECONDS = 2.0  # for a camera's driver to give a frame at the end,
PAINT_SECONDS = 30.0  # for the picture that is being painted: a process that ends within the network may crash
PATIENCE = 0.1  # s, short enough for Ctrl-C on every system


class Live:
    """Runs a source through the stylizer against the clock; what is late is dropped.

    height: rows to paint at, or None to choose what holds the frame rate.
    fps: paint at most that often; None is the camera's pace.
    frames: stop after that many pictures.
    track: looks over the film's time; what is dialled holds until its next one.
    fade: seconds from one look to the next. tour: seconds for each style of a walk through all; None is no walk.
    view: what is painted and shown. `dials` turns the look, `controls` have the rest.
    mirror: None is what the source is used to. presets: where looks are kept; the user's own file if not given.
    clock: what passes time; the source's should be the same.

    In a program, `with` starts and stops it, and it gives what is painted, the newest each time:

        with Live(source, stylizer) as live:
            for painted in live:
                show(painted.image)
    """

    def __init__(
        self,
        source: ReconnectingSource,
        stylizer: Stylizer,
        *,
        mirror: bool | None = None,
        height: int | None = None,
        fps: float | None = None,
        frames: int | None = None,
        track: StyleTrack | None = None,
        fade: float = FADE_SECONDS,
        tour: float | None = None,
        view: View = View.PAINTED,
        presets: Presets | None = None,
        clock: Clock | None = None,
    ) -> None:
        self.source, self.stylizer = source, stylizer
        self.height, self.fps, self.frames, self.track = height, fps, frames, track
        self.mirror = mirror
        self.clock = clock or SystemClock()
        self.state = LiveState(mirror, view)
        self.look = LookEditor(
            stylizer.look, stylizer.library, fade=fade, tour=tour, clock=self.clock.now, presets=presets
        )
        self._begun = self._dialled()
        self.stats = Stats(self.clock.now)
        self.painted: LatestValue[StylizedFrame] = LatestValue()
        self.size: tuple[int, int] = source.size  # (width, height) that strokes of 1 are painted at
        self.newest = self.clock.now()  # when the last frame came in
        self.done = threading.Event()
        self.error: StylizeError | None = None
        self._captured: LatestValue[Frame] = LatestValue()
        self._stillness = MotionDetector()
        self._steady = TemporalSmoother()
        self._grid = Grid(stylizer)
        self._last: StylizedFrame | None = None
        self._cue: Cue | None = None  # of the style track, the last one that came
        self._sizes = AdaptiveResolution(stylizer, height)
        self._read = threading.Event()  # no more frames come
        self._threads = [
            threading.Thread(target=self._guard, args=(loop, over), name=name, daemon=True)
            for name, loop, over in (("capture", self._capture, self._read), ("paint", self._paint, self.done))
        ]

    def start(self) -> None:
        """Start both threads."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Stop both threads; then raise what stopped them by itself, if anything did.

        A camera driver that hangs in a read cannot be interrupted: its thread is a daemon, and
        is left behind after two seconds.
        """
        self.done.set()
        self.source.stop.set()
        self.state.touched.set()
        for thread, seconds in zip(self._threads, (JOIN_SECONDS, PAINT_SECONDS), strict=True):
            if thread.ident is not None:  # it was started
                thread.join(seconds)
        if not self._threads[1].is_alive():
            self._sizes.close()
        if not self._threads[0].is_alive():
            self.source.close()
        if self.error is not None:
            raise self.error

    @property
    def working_size(self) -> tuple[int, int]:
        """(width, height) painted at."""
        target = self.look.target
        return stroke_size(self.size, target.stroke, target.model.multiple)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def __iter__(self) -> Iterator[StylizedFrame]:
        """What is painted, until it is over; what was painted while nobody asked is passed over."""
        while True:
            finished = self.done.is_set()
            painted = self.painted.take(0 if finished else PATIENCE)
            if painted is not None:
                yield painted
            elif finished:
                return

    def dialled(self) -> dict[str, Any]:
        """What has been dialled since the beginning, as the command line's options have it, by their names."""
        passing = set[str]()  # not the user's wish but where things happen to be
        if self.look.touring:
            passing = {"style"}
        if self.track is not None:
            passing = {*self.look.target.options}
        now, begun = self._dialled(), self._begun
        return {name: value for name, value in now.items() if value != begun[name] and name not in passing}

    def _dialled(self) -> dict[str, Any]:
        look = self.look.target.options
        return look | {"mirror": self.state.mirror, "view": self.state.view.value}

    @property
    def mirrored(self) -> bool:
        """Whether frames are mirrored now."""
        return self.source.mirror if self.state.mirror is None else self.state.mirror

    def toggle_mirror(self) -> None:
        """Mirror frames, or stop; the second call in a row goes back to what was asked for at the start."""
        wanted = not self.mirrored
        self.state.mirror = None if self.mirror is None and wanted == self.source.mirror else wanted

    def summary(self) -> dict[str, Any]:
        """Everything that --stats writes."""
        target = self.look.target
        return self.stats.summary() | {
            "source": self.source.name,
            "working_size": list(self.working_size),
            "style": target.label,
            "look": {name: getattr(target, name) for name in LIMITS},
            "provider": self.stylizer.provider,
            "provider_reason": self.stylizer.provider_reason,
            "decode_errors": self.source.decode_errors,
            "signal_losses": self.source.signal_losses,
            "signal_loss_reasons": dict(self.source.loss_reasons),
            "reconnects": self.source.reconnects,
        }

    def _guard(self, loop: Callable[[], None], over: threading.Event) -> None:
        try:
            loop()
        except StylizeError as error:
            self.error = self.error or error
        except Exception as error:
            self.error = self.error or StylizeError(f"internal error: {type(error).__name__}: {error}")
            self.error.__cause__ = error
        finally:
            over.set()
            if self.error is not None:
                self.done.set()

    def _capture(self) -> None:
        while not self.done.is_set():
            if self._held():
                self.newest = self.clock.now()
                self.done.wait(0.02)
                continue
            frame = self.source.read()
            if frame is None:  # told to stop, or the film is over
                return
            self.newest = self.clock.now()
            self.stats.read += 1
            if self._captured.put(frame) and not (self.state.frozen or self.state.hidden):
                self.stats.dropped += 1

    def _held(self) -> bool:
        """A film stands still while nobody sees it move, and until its first picture is painted."""
        unseen = self.state.frozen or self.state.hidden
        return self.source.can_pause and (unseen or self.stats.read > self.stats.delivered == 0)

    def _paint(self) -> None:
        shape: tuple[int, ...] = ()
        name = ""
        frame: Frame | None = None
        shown: tuple[Look, bool] | None = None
        due = 0.0
        while not self.done.is_set():
            last = self._read.is_set()  # whatever is in the slot then is the last one
            if self.state.hidden and not last:
                self.done.wait(0.1)
                continue
            if self.state.frozen and frame is not None and not last:
                self.state.touched.wait(0.02 if self._moving(shown) else 0.5)
                self.state.touched.clear()
                if not self._moving(shown) or self.done.is_set():
                    continue
            else:
                if self.fps and (early := due - self.clock.now()) > 0:
                    self.clock.wait(early, self.done)
                taken = self._captured.take(0.1)
                if taken is None:
                    if last:
                        return
                    continue
                due = max(self.clock.now(), due + 1 / self.fps) if self.fps else 0.0
                frame = self._mirrored(taken)
                self._follow(taken.pts)
            if (frame.image.shape, self.source.name) != (shape, name):
                self.stats.size_changes += bool(shape) and frame.image.shape != shape
                shape, name = frame.image.shape, self.source.name
                rate = self.fps or min(CAMERA_FPS, self.source.fps or CAMERA_FPS)
                self.size = self._sizes.choose(frame.image, self.look.target, rate)
            wanted = self._wanted()
            same = self._stillness.is_still(frame.image) and wanted == shown
            if same and self._last is not None and (self._grid.complete or not wanted[1]):
                self.stats.count_reused()
                self.painted.put(replace(self._last, frame=frame, original=frame.image))
            elif wanted[1]:
                self._paint_sheet(frame, wanted[0], same)
            else:
                self._paint_one(frame, wanted[0])
            shown = wanted
            if self.frames is not None and self.stats.delivered >= self.frames:
                return

    def _paint_one(self, frame: Frame, look: Look) -> None:
        start = time.perf_counter()
        image = self.stylizer.stylize_at(frame.image, self.size, look, self._steady)
        end = time.perf_counter()
        self._deliver(StylizedFrame(frame, frame.image, image, look), end - start)
        self.size = self._sizes.observe(frame.image, look, end - start, end) or self.size

    def _paint_sheet(self, frame: Frame, look: Look, same: bool) -> None:
        """Every style at once. same: as the last sheet, which may lack some tiles."""
        if not same:
            self._grid.invalidate()
        self._steady.forget()
        start = time.perf_counter()
        sheet = self._grid.stylize(frame.image, look)
        self._deliver(StylizedFrame(frame, frame.image, sheet, look, self._grid.layout), time.perf_counter() - start)

    def _deliver(self, painted: StylizedFrame, seconds: float) -> None:
        self.stats.count_painted(seconds, painted.frame.captured)
        self._stillness.painted()
        self._last = painted
        self.painted.put(painted)

    def _wanted(self) -> tuple[Look, bool]:
        """How to paint now, and whether every style at once."""
        return self.look.current(), self.state.view is View.GRID

    def _moving(self, shown: tuple[Look, bool] | None) -> bool:
        return self._wanted() != shown or (self.state.view is View.GRID and not self._grid.complete)

    def _follow(self, seconds: float) -> None:
        """Turn to what the style track says of that time of the film, once."""
        cue = self.track.cue(seconds) if self.track is not None else None
        if cue is not None and cue is not self._cue:
            self._cue = cue
            self.look.fade_to(cue.look, cue.fade if seconds > 0 else 0.0)

    def _mirrored(self, frame: Frame) -> Frame:
        if not self.mirrored:
            return frame
        return replace(frame, image=np.ascontiguousarray(frame.image[:, ::-1]))
