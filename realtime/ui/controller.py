"""Execution of the commands that keys, clicks and web pages give."""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from realtime.errors import StylizeError
from realtime.live.recorder import Recorder
from realtime.live.view import View
from realtime.live.viewer import Viewer
from realtime.sinks.snapshot import save_snapshot
from realtime.sources.opening import next_camera
from realtime.system.console import RESULT
from realtime.ui.commands import SEAM, Command
from realtime.ui.keys import Action, ActionCommand
from realtime.ui.messages import Messages

logger = logging.getLogger(__name__)
MAX_PENDING = 256  # commands that wait; beyond it the oldest are discarded
VIEW_HINTS = {View.GRID: "click one, or press its number", View.SPLIT: "drag the seam"}


class Controller:
    """Executes commands on the main thread, and holds the status message that says what they did.

    snapshots: the folder to save snapshots in. Other threads hand commands over with `post`.
    """

    def __init__(self, viewer: Viewer, recorder: Recorder, snapshots: Path) -> None:
        self.viewer, self.recorder, self.snapshots = viewer, recorder, snapshots
        self.live, self.outputs = viewer.live, viewer.outputs
        self.messages = Messages()
        self._pending: deque[Command] = deque(maxlen=MAX_PENDING)
        self._source = self.live.source.name
        look = self.live.look
        self.actions: dict[Action, Callable[[ActionCommand], None]] = {
            Action.NEXT: lambda _: self._look_changed(look.step_style(1)),
            Action.PREVIOUS: lambda _: self._look_changed(look.step_style(-1)),
            Action.STYLE: lambda command: self.choose_style(command.number),
            Action.ORIGINAL: lambda _: self._look_changed(look.toggle_original()),
            Action.GRID: lambda _: self._toggle_view(View.GRID),
            Action.MIX: lambda _: self._look_changed(look.toggle_mix()),
            Action.MIX_SHARE: lambda command: self._look_changed(look.change_mix(command.number)),
            Action.TOUR: lambda _: self._look_changed(look.toggle_tour()),
            Action.STRENGTH: lambda command: self._look_changed(look.change_strength(command.number)),
            Action.COLOURS: lambda _: self._look_changed(look.toggle_colors()),
            Action.STROKE: lambda command: self._look_changed(look.change_stroke(command.number)),
            Action.SMOOTH: lambda command: self._look_changed(look.change_smoothing(command.number)),
            Action.RECALL_PRESET: lambda command: self._look_changed(look.recall_preset(command.number)),
            Action.SAVE_PRESET: lambda command: self._look_changed(look.save_preset(command.number)),
            Action.SPLIT: lambda _: self._toggle_view(View.SPLIT),
            Action.MIRROR: lambda _: self.live.toggle_mirror(),
            Action.SNAPSHOT: lambda _: self._save_snapshot(),
            Action.RECORD: lambda _: self._toggle_recording(),
            Action.CAMERA: lambda _: self._next_camera(),
            Action.FREEZE: lambda _: self._toggle_freeze(),
        }

    def post(self, command: Command) -> None:
        """Have a command executed by the next `update`. Any thread may call this."""
        self._pending.append(command)

    def execute(self, command: Command) -> None:
        """Execute a command now."""
        if isinstance(command, ActionCommand):
            self.actions[command.action](command)
        elif command.name == SEAM:
            self.viewer.seam = command.value
        else:
            self._look_changed(self.live.look.set(command.name, command.value))

    def update(self) -> None:
        """Execute the commands posted; report what has happened to the outputs and the source."""
        for _ in range(len(self._pending)):
            self.execute(self._pending.popleft())
        self.recorder.check()
        self.outputs.check()
        for message in self.outputs.take_messages():
            self.messages.queue(message)
        self._check_source()
        self.messages.update()

    def choose_style(self, number: int) -> None:
        """Fade to a style, 0 is the first, and leave the grid."""
        if self.live.state.view is View.GRID and number < len(self.live.stylizer.library.styles):
            self.live.state.view = View.STYLIZED
        self._look_changed(self.live.look.choose_style(number))

    def _check_source(self) -> None:
        """Report that the source has been switched, or why it could not be."""
        source = self.live.source
        if source.switch_error:
            self.messages.queue(source.switch_error)
            source.switch_error = ""
        elif source.name != self._source:
            self._source = source.name
            line = f"{source.name}: {source.description}"
            self.messages.queue(line)
            logger.info(line, extra=RESULT)

    def _look_changed(self, message: str) -> None:
        """Show the message, and have a frozen frame stylized anew."""
        self.live.state.changed.set()
        self.messages.show(message)

    def _toggle_recording(self) -> None:
        live, now = self.live, time.perf_counter()  # the time of the command, since opening the file takes a moment
        self.recorder.toggle(live.source.size, live.source.fps, live.stats.latency_now)
        recording, picture = self.recorder.recording, self.viewer.picture()
        if recording is not None:
            if picture is not None:
                recording.begin(picture, now)
            self.messages.show(f"recording into {recording.output.path.name}")

    def _next_camera(self) -> None:
        live = self.live
        opener = next_camera(live.source.name, height=live.height, fps=live.fps)
        if opener is None:
            self.messages.show("there is no other camera")
            return
        live.source.switch(opener)
        self.messages.show("the next camera …")

    def _toggle_freeze(self) -> None:
        state = self.live.state
        state.frozen = not state.frozen
        state.changed.set()
        self.messages.show("frozen" if state.frozen else "live again")

    def _toggle_view(self, view: View) -> None:
        state = self.live.state
        state.view = View.STYLIZED if state.view is view else view
        state.changed.set()
        self.messages.show(VIEW_HINTS.get(state.view, ""))

    def _save_snapshot(self) -> None:
        current = self.viewer.current
        if current is None:
            return
        # At strength 0 the stylized image is the photo itself. It is saved as stylized-TIME-original-size.png, since
        # stylized-TIME-original.png is the name of the original beside it.
        style = current.look.mix[0][0].name if current.look.strength else "original-size"
        if current.layout is not None:
            style = "grid"
        try:
            path = save_snapshot(self.snapshots, style, current.image, current.original, datetime.now())
        except StylizeError as error:
            self.messages.show(str(error))
            return
        self.live.stats.snapshots += 1
        self.messages.show(f"saved {path.name}")
        logger.info(f"saved {path}", extra=RESULT)
