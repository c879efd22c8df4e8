"""Starting and stopping recordings while the program runs."""

from __future__ import annotations

import logging
import os
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from realtime.errors import OutputError, SourceError, StylizeError
from realtime.live.outputs import Outputs
from realtime.sinks.output_file import OutputFile, lock_output, part_path
from realtime.system.console import RESULT
from realtime.system.files import real_path

if TYPE_CHECKING:  # PyAV is loaded only when a recording starts
    from realtime.sinks.recording import Recording
    from realtime.sources.microphone import Microphone

logger = logging.getLogger(__name__)
MAX_NAMES_PER_SECOND = 1000


class Recorder:
    """The recording that runs, if one does, and those whose files are being finished.

    A recording is one of the `outputs` until its file is closed.
    folder: where recordings without a name of their own go. use_microphone: whether recordings have sound.
    """

    def __init__(self, outputs: Outputs, folder: Path, *, use_microphone: bool = False) -> None:
        self.recording: Recording | None = None
        self._outputs, self._folder, self._use_microphone = outputs, folder, use_microphone
        self._open: list[Recording] = []  # recordings whose files are not closed yet
        self._summaries: list[dict[str, Any]] = []

    def start(self, target: OutputFile, size: tuple[int, int], fps: float, latency: float = 0.0) -> None:
        """Start a recording. size: (width, height); latency: seconds from capture to display."""
        from realtime.sinks.recording import Recording

        microphone = self._open_microphone() if self._use_microphone else None
        try:
            recording = Recording(target, size, fps, latency=latency, microphone=microphone)
        except OutputError as error:
            if microphone is not None:
                microphone.close()
            target.drop_if_empty()
            self._outputs.fail(error)
            return
        self.recording = recording
        self._open.append(recording)
        self._outputs.add(recording)

    def toggle(self, size: tuple[int, int], fps: float, latency: float) -> None:
        """Stop the recording that runs, or start one in a file named after the time."""
        if self.recording is not None:
            self._stop()
            return
        try:
            self.start(OutputFile(self._free_path(), sources=[]), size, fps, latency)
        except StylizeError as error:
            self._outputs.fail(error)

    def check(self) -> None:
        """Report the recordings whose files have been closed since the last call."""
        if self.recording is not None and self.recording.ended.is_set():  # an error, such as a full disk, has ended it
            self._stop()
        for recording in [recording for recording in self._open if recording.ended.is_set()]:
            self._open.remove(recording)
            self._report(recording)

    def summary(self) -> dict[str, Any]:
        """Return what --stats writes about the recordings."""
        return {"recordings": self._summaries}

    def close(self) -> None:
        """Stop the recording that runs, and wait until all files are finished."""
        self._stop()
        for recording in self._open:
            recording.close()
        self.check()

    def _stop(self) -> None:
        if self.recording is not None:
            self.recording.stop()
            self.recording = None

    def _report(self, recording: Recording) -> None:
        self._summaries.append(recording.summary())
        for note in recording.notes:
            self._outputs.warn(note)
        if recording.error is not None:  # `Outputs.check` reports it
            return
        self._outputs.remove(recording)
        path = recording.output.path
        dropped = f", {recording.dropped} left out" if recording.dropped else ""
        logger.info(f"saved {path}: {recording.seconds:.2f} s, {recording.frames} pictures{dropped}", extra=RESULT)
        self._outputs.notify(f"saved {path.name}")

    def _open_microphone(self) -> Microphone | None:
        from realtime.sources.microphone import Microphone

        try:
            return Microphone()
        except SourceError as error:
            self._outputs.warn(f"{error}; recording without sound")
            return None

    def _free_path(self) -> Path:
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(f"no recording: {self._folder}: {error.strerror or error}") from error
        stamp = datetime.now().strftime("stylized-%Y%m%d-%H%M%S")
        for number in range(1, MAX_NAMES_PER_SECOND):
            path = self._folder / (f"{stamp}.mp4" if number == 1 else f"{stamp}-{number}.mp4")
            if not os.path.exists(path) and not os.path.exists(part_path(path)):
                return path
        raise OutputError(f"no recording: {self._folder} has a thousand of this second")

    def __enter__(self) -> Recorder:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def recording_target(path: Path, overwrite: bool, sources: list[Path]) -> OutputFile:
    """Return the file for --record. sources: the files that are played, which it must not be.

    Raises UsageError or OutputError; what a crash has left of an earlier recording is not overwritten either.
    """
    from realtime.sinks.recording import check_recording_name

    check_recording_name(path)
    lock = lock_output(path)
    part = part_path(real_path(path))
    try:
        if overwrite:
            part.unlink(missing_ok=True)
        elif os.path.exists(part) and os.path.getsize(part):
            raise OutputError(f"{part} is what is left of an earlier recording; rename it, or --overwrite replaces it")
    except OSError as error:
        lock.release()
        if isinstance(error, OutputError):
            raise
        raise OutputError(f"{part}: {error.strerror or error}") from error
    return OutputFile(path, sources=sources, overwrite=overwrite, lock=lock)
