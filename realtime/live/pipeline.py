"""The live pipeline: capture thread, newest frame, stylizing thread, newest stylized frame."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, Self

import numpy as np

from realtime.errors import StylizeError
from realtime.frame import Frame
from realtime.live.frame_stylizer import LiveFrameStylizer
from realtime.live.look_editor import LookEditor
from realtime.live.state import LiveState, StylizedFrame
from realtime.live.stats import Stats
from realtime.live.view import View
from realtime.sources.reconnect import ReconnectingSource
from realtime.stylizer.crossfade import FADE_SECONDS
from realtime.stylizer.look import LOOK_RANGES
from realtime.stylizer.presets import Presets
from realtime.stylizer.sizes import stroke_size
from realtime.stylizer.style_track import Cue, StyleTrack
from realtime.stylizer.stylizer import Stylizer
from realtime.system.clock import Clock, SystemClock
from realtime.system.queues import LatestValue

DEFAULT_FPS = 30.0  # the rate to hold if neither the user nor the source names one
POLL_SECONDS = 0.1  # short enough for Ctrl-C on every system
HELD_POLL_SECONDS = 0.02  # while a video stands still
FADE_POLL_SECONDS = 0.02  # while the look of a frozen picture changes
FROZEN_POLL_SECONDS = 0.5  # while a frozen picture does not change
CAPTURE_JOIN_SECONDS = 2.0  # a camera's driver may hang in a read
STYLIZE_JOIN_SECONDS = 30.0  # long: a process that ends while the network runs may crash


class Live:
    """Stylizes a live source in real time; frames that come too fast are dropped.

    One thread reads the source, another one stylizes the newest frame. Used as a context manager it starts and stops
    both; iterating gives the newest stylized frame each time. Change the look through `look` (a `LookEditor`), and
    mirroring, freezing and the view through `state`.

    Args:
        source: The source, as `open_live_source` returns it.
        stylizer: What stylizes its frames.
        mirror: Whether to mirror frames; None does what the source asks for.
        height: Rows to stylize at; None chooses a size that holds the frame rate.
        fps: Frames a second to stylize at most; None follows the source.
        frames: Stop after this number of frames.
        track: Looks over the time of a video. A change of the look by the user holds until the next cue.
        fade: Seconds from one look to the next.
        tour: Seconds for each style of a tour through all styles; None starts no tour.
        view: The view to begin with.
        presets: Where looks are saved; the user's own file by default.
        clock: The clock of all waiting and timing; give the source the same one.

    Raises:
        StylizeError: On leaving the context or on `stop()`: what has stopped one of the threads.

    Example:
        >>> with Live(source, stylizer) as live:
        ...     for stylized in live:
        ...         show(stylized.image)
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
        view: View = View.STYLIZED,
        presets: Presets | None = None,
        clock: Clock | None = None,
    ) -> None:
        self.source, self.stylizer = source, stylizer
        self.height, self.fps, self.frames, self.track = height, fps, frames, track
        self.clock = clock or SystemClock()
        self.state = LiveState(mirror, view)
        self.look = LookEditor(
            stylizer.look, stylizer.library, fade=fade, tour=tour, clock=self.clock.now, presets=presets
        )
        self._initial_options = self._options()
        self.stats = Stats(self.clock.now)
        self.stylized: LatestValue[StylizedFrame] = LatestValue()
        self.last_frame_time = self.clock.now()  # when the newest frame was read
        self.done = threading.Event()
        self.error: StylizeError | None = None
        self._captured: LatestValue[Frame] = LatestValue()
        self._capture_ended = threading.Event()
        self._frame_stylizer = LiveFrameStylizer(stylizer, self.stats, height, source.size)
        self._due = 0.0  # when the next frame may be stylized without exceeding `fps`
        self._cue: Cue | None = None  # the cue of the style track that was reached last
        self._threads = [
            threading.Thread(target=self._guard, args=(loop, ended), name=name, daemon=True)
            for name, loop, ended in (
                ("capture", self._capture_frames, self._capture_ended),
                ("stylize", self._stylize_frames, self.done),
            )
        ]

    def start(self) -> None:
        """Start both threads."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Stop both threads, and close the source.

        The read of a camera driver that hangs cannot be interrupted: after two seconds its thread, a daemon, is left
        running.

        Raises:
            StylizeError: What has stopped one of the threads before.
        """
        self.done.set()
        self.source.stop.set()
        self.state.changed.set()
        for thread, seconds in zip(self._threads, (CAPTURE_JOIN_SECONDS, STYLIZE_JOIN_SECONDS), strict=True):
            if thread.ident is not None:  # it was started
                thread.join(seconds)
        capturing, stylizing = (thread.is_alive() for thread in self._threads)
        if not stylizing:
            self._frame_stylizer.close()
        if not capturing:
            self.source.close()
        if self.error is not None:
            raise self.error

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def __iter__(self) -> Iterator[StylizedFrame]:
        """Yield the newest stylized frame each time, until the source ends."""
        while True:
            finished = self.done.is_set()
            frame = self.stylized.take(0 if finished else POLL_SECONDS)
            if frame is not None:
                yield frame
            elif finished:
                return

    @property
    def working_size(self) -> tuple[int, int]:
        """(width, height) that frames are stylized at."""
        target = self.look.target
        return stroke_size(self._frame_stylizer.size, target.stroke, target.model.multiple)

    @property
    def mirrored(self) -> bool:
        """Whether frames are mirrored now."""
        return self.source.mirror if self.state.mirror is None else self.state.mirror

    def toggle_mirror(self) -> None:
        """Mirror frames, or stop. If the result equals the source's own default, follow the source again."""
        wanted = not self.mirrored
        follow_source = self._initial_options["mirror"] is None and wanted == self.source.mirror
        self.state.mirror = None if follow_source else wanted

    def changed_options(self) -> dict[str, Any]:
        """Return what the user has changed since the start, by the names of the command line's options."""
        ignored = set[str]()
        if self.look.touring:  # the tour chose the style
            ignored = {"style"}
        if self.track is not None:
            ignored = {*self.look.target.options}
        before = self._initial_options
        return {name: value for name, value in self._options().items() if value != before[name] and name not in ignored}

    def _options(self) -> dict[str, Any]:
        return self.look.target.options | {"mirror": self.state.mirror, "view": self.state.view.value}

    def summary(self) -> dict[str, Any]:
        """Return the statistics of the run, as --stats writes them."""
        target = self.look.target
        return self.stats.summary() | {
            "source": self.source.name,
            "working_size": list(self.working_size),
            "style": target.label,
            "look": {name: getattr(target, name) for name in LOOK_RANGES},
            "provider": self.stylizer.provider,
            "provider_reason": self.stylizer.provider_reason,
            "decode_errors": self.source.decode_errors,
            "signal_losses": self.source.signal_losses,
            "signal_loss_reasons": dict(self.source.loss_reasons),
            "reconnects": self.source.reconnects,
        }

    def _guard(self, loop: Callable[[], None], ended: threading.Event) -> None:
        """Run the loop of a thread; keep its error for `stop`."""
        try:
            loop()
        except StylizeError as error:
            self.error = self.error or error
        except Exception as error:
            self.error = self.error or StylizeError(f"internal error: {type(error).__name__}: {error}")
            self.error.__cause__ = error
        finally:
            ended.set()
            if self.error is not None:
                self.done.set()

    def _capture_frames(self) -> None:
        while not self.done.is_set():
            if self._should_pause():
                self.last_frame_time = self.clock.now()
                self.done.wait(HELD_POLL_SECONDS)
                continue
            frame = self.source.read()
            if frame is None:  # `source.stop` is set, or a video has ended
                return
            self.last_frame_time = self.clock.now()
            self.stats.read += 1
            if self._captured.put(frame) and not (self.state.frozen or self.state.hidden):
                self.stats.count_dropped()

    def _should_pause(self) -> bool:
        """Whether to pause a video: it is frozen or hidden, or its first frame is not stylized yet."""
        unseen = self.state.frozen or self.state.hidden
        first_is_pending = self.stats.read > 0 and self.stats.delivered == 0
        return self.source.can_pause and (unseen or first_is_pending)

    def _stylize_frames(self) -> None:
        frame: Frame | None = None
        while not self.done.is_set():
            is_last = self._capture_ended.is_set()  # read before `_take_frame`, whose frame is then the last one
            if self.state.hidden and not is_last:
                self.done.wait(POLL_SECONDS)
            elif self.state.frozen and frame is not None and not is_last:
                if self._wait_for_change():
                    self._deliver(frame)
            elif (newer := self._take_frame()) is not None:
                frame = newer
                self._deliver(frame)
            elif is_last:
                return
            if self.frames is not None and self.stats.delivered >= self.frames:
                return

    def _wait_for_change(self) -> bool:
        """While frozen, wait for a change of the look or the view; return whether there is one to show."""
        self.state.changed.wait(FADE_POLL_SECONDS if self._is_outdated() else FROZEN_POLL_SECONDS)
        self.state.changed.clear()
        return self._is_outdated() and not self.done.is_set()

    def _take_frame(self) -> Frame | None:
        """Wait until the next frame is due by `fps`, then for the newest frame; return None if none comes soon."""
        if self.fps and (early := self._due - self.clock.now()) > 0:
            self.clock.wait(early, self.done)
        frame = self._captured.take(POLL_SECONDS)
        if frame is None:
            return None
        self._due = max(self.clock.now(), self._due + 1 / self.fps) if self.fps else 0.0
        self._follow_track(frame.pts)
        return replace(frame, image=np.ascontiguousarray(frame.image[:, ::-1])) if self.mirrored else frame

    def _follow_track(self, pts: float) -> None:
        """Fade to the style track's look when a new cue has been reached."""
        cue = self.track.cue_at(pts) if self.track is not None else None
        if cue is not None and cue is not self._cue:
            self._cue = cue
            self.look.fade_to(cue.look, cue.fade if pts > 0 else 0.0)

    def _deliver(self, frame: Frame) -> None:
        """Stylize the frame, or reuse the last result, and hand it to the main thread."""
        fps = self.fps or min(DEFAULT_FPS, self.source.fps or DEFAULT_FPS)
        self._frame_stylizer.choose_size(frame.image, self.source.name, self.look.target, fps)
        self.stylized.put(self._frame_stylizer.stylize(frame, self.look.current(), self._as_grid))

    @property
    def _as_grid(self) -> bool:
        return self.state.view is View.GRID

    def _is_outdated(self) -> bool:
        return self._frame_stylizer.is_outdated(self.look.current(), self._as_grid)
