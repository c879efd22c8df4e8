"""Where the picture as shown goes, beside the screen: into recordings, and to a virtual camera."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from realtime.errors import OutputError, SourceError, StylizeError
from realtime.frame import Image
from realtime.sinks.output_file import OutputFile
from realtime.system.console import say, tell
from realtime.ui.commands import Command

if TYPE_CHECKING:
    from realtime.sinks.recording import Recording
    from realtime.sinks.virtual_camera import VirtualCamera
    from realtime.sources.browser_camera import BrowserCamera
    from realtime.sources.microphone import Microphone
    from realtime.ui.controller import Controller
    from realtime.web.address import Address
    from realtime.web.server import Page


class Outputs:
    """Takes every picture that is shown, without the figures over it.

    folder: where recordings go that were not given a name; microphone: whether they have sound.
    What goes wrong with one output is said in one line, and everything else goes on.
    """

    def __init__(self, folder: Path, *, microphone: bool = False) -> None:
        self.recording: Recording | None = None
        self.camera: VirtualCamera | None = None
        self.page: Page | None = None
        self.failures: list[StylizeError] = []
        self._folder, self._microphone = folder, microphone
        self._finished: list[dict[str, Any]] = []
        self._closing: list[Recording] = []  # stopped, their files not finished yet
        self._news: list[str] = []

    @property
    def any(self) -> bool:
        """Whether there is any."""
        return bool(self.recording or self.camera or self.page)

    @property
    def active(self) -> bool:
        """Whether what is shown goes anywhere but to the screen."""
        return bool(self.recording or self.camera or (self.page and self.page.watched))

    def open_camera(self, size: tuple[int, int], fps: float) -> None:
        """Send to a virtual camera from now on. size: (width, height)."""
        from realtime.sinks.virtual_camera import VirtualCamera

        try:
            self.camera = VirtualCamera(size, fps)
        except OutputError as error:
            self._fail(error)
        else:
            print(f"virtual camera: {self.camera.name}", flush=True)

    def serve(self, address: Address, controller: Controller, camera: BrowserCamera) -> None:
        """Show it in browsers, and do what they ask for. camera: what they may send."""
        try:
            from realtime.web.server import Page

            self.page = Page(address, controller, camera)
        except OutputError as error:
            self._fail(error)
        else:
            for url in self.page.urls:
                print(f"page: {url}", flush=True)

    def orders(self) -> list[Command]:
        """What pages have asked for since the last time."""
        return self.page.orders() if self.page is not None else []

    def record(self, target: OutputFile, size: tuple[int, int], fps: float, latency: float = 0.0) -> None:
        """Start a recording. size: (width, height); latency: seconds from capture to display."""
        from realtime.sinks.recording import Recording

        microphone = self._listen() if self._microphone else None
        try:
            self.recording = Recording(target, size, fps, latency=latency, microphone=microphone)
        except OutputError as error:
            if microphone is not None:
                microphone.close()
            target.drop_if_empty()
            self._fail(error)

    def toggle_recording(self, size: tuple[int, int], fps: float, latency: float) -> None:
        """Stop the recording that runs, or start one under the time's name."""
        if self.recording is not None:
            self._stop()
            return
        try:
            self.record(OutputFile(self._free_name(), sources=[]), size, fps, latency)
        except StylizeError as error:
            self._fail(error)

    def show(self, image: Image, captured: float) -> None:
        """A picture was shown: [H, W, 3], not changed afterwards. captured: its `Frame.captured`. Never waits."""
        if self.recording is not None:
            self.recording.show(image, captured)
        if self.camera is not None:
            self.camera.show(image)
        if self.page is not None:
            self.page.show(image)

    def attend(self) -> None:
        """See what has ended by itself, and what has failed."""
        if self.recording is not None and self.recording.ended.is_set():  # by itself: the disk is full
            self._stop()
        for recording in [r for r in self._closing if r.ended.is_set()]:
            self._closing.remove(recording)
            self._report(recording)
        if self.camera is not None and self.camera.error is not None:
            self._fail(self.camera.error)
            self.camera.close()
            self.camera = None
        if self.page is not None and self.page.error is not None:
            self._fail(self.page.error)
            self.page.close()
            self.page = None

    def news(self) -> list[str]:
        """What has not been asked for yet."""
        news, self._news = self._news, []
        return news

    def close(self) -> None:
        """Finish everything."""
        self._stop()
        for recording in self._closing:
            recording.close()
        self.attend()
        if self.camera is not None:
            self.camera.close()
        if self.page is not None:
            self.page.close()

    def summary(self) -> dict[str, Any]:
        """What --stats writes of it."""
        page = self.page.summary() if self.page is not None else None
        camera = {"name": self.camera.name, "sent": self.camera.sent} if self.camera is not None else None
        return {"recordings": self._finished, "virtual_camera": camera, "page": page}

    def _stop(self) -> None:
        if self.recording is not None:
            self.recording.stop()
            self._closing.append(self.recording)
            self.recording = None

    def _report(self, recording: Recording) -> None:
        path = recording.target.path
        row = {"file": str(path), "frames": recording.frames, "dropped": recording.dropped}
        row |= {"seconds": round(recording.seconds, 3), "error": str(recording.error) if recording.error else None}
        self._finished.append(row)
        for note in recording.notes:
            self._say_error(note)
        if recording.error is not None:
            self._fail(recording.error)
            return
        late = f", {recording.dropped} left out" if recording.dropped else ""
        tell(f"saved {path}: {recording.seconds:.2f} s, {recording.frames} pictures{late}")
        self._news.append(f"saved {path.name}")

    def _listen(self) -> Microphone | None:
        from realtime.sources.microphone import Microphone

        try:
            return Microphone()
        except SourceError as error:
            self._say_error(f"{error}; recording without sound")
            return None

    def _free_name(self) -> Path:
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(f"no recording: {self._folder}: {error.strerror or error}") from error
        stamp = datetime.now().strftime("stylized-%Y%m%d-%H%M%S")
        for number in range(1, 1000):
            path = self._folder / (f"{stamp}.mp4" if number == 1 else f"{stamp}-{number}.mp4")
            if not path.exists() and not path.with_name(path.name + ".part").exists():
                return path
        raise OutputError(f"no recording: {self._folder} has a thousand of this second")

    def _fail(self, error: StylizeError) -> None:
        self.failures.append(error)
        self._say_error(str(error))

    def _say_error(self, line: str) -> None:
        say(f"realtime-stylize: {line}")
        self._news.append(line)

    def __enter__(self) -> Outputs:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def recording_target(path: Path, overwrite: bool, sources: list[Path]) -> OutputFile:
    """For --record, which must not be one of the sources, that play.

    Raises UsageError or OutputError; what a crash has left of an earlier one is not lost either.
    """
    from realtime.sinks.recording import check_name

    check_name(path)
    part = path.resolve().with_name(path.name + ".part")
    if not overwrite and part.exists() and part.stat().st_size:
        raise OutputError(f"{part} is what is left of an earlier recording; rename it, or --overwrite replaces it")
    return OutputFile(path, sources=sources, overwrite=overwrite)
