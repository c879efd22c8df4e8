"""Training of a painting that a page has sent: `stylize-train` as a process beside the live picture."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
import time
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import cv2
import platformdirs

from realtime.errors import UsageError
from realtime.imaging import resize
from realtime.inference.model import LEARNING_SUFFIX
from realtime.sources.file_types import WRITABLE_IMAGE_SUFFIXES
from realtime.system.background import start_in_background
from realtime.system.paths import user_folder
from realtime.ui.controller import Controller
from realtime.web.painting import make_painting_thumbnail, style_name

# -P: a folder `training` where the user has started the program is not meant.
STYLIZE_TRAIN = (sys.executable, "-P", "-m", "training")
MINUTES = 10
MIN_PHOTOS = 20  # in the user's folder of pictures; with fewer, frames of the source are practised on
NUM_FRAMES = 40
FRAME_SECONDS = 0.3  # between two frames
MAX_FRAMES_SECONDS = 30.0  # a source may send too few
FRAME_HEIGHT = 288  # pixels
JOIN_SECONDS = 10.0  # a training that takes longer to stop is killed
_PROGRESS = re.compile(r"(\d+(?:\.\d+)?)%  ")
_ERROR_PREFIX = "stylize-train: "


@dataclass(frozen=True)
class TrainingState:
    """What a page shows of a training.

    name: of the style. stage: "frames" while frames of the source are taken, "starting", "learning", "finishing",
    "stopping" or "failed". progress: 0 to 1. seconds_left: until it is learnt, without the export. problem: one line,
    if it has failed. number: another one for each painting.
    """

    name: str
    stage: str
    progress: float = 0.0
    seconds_left: int = 60 * MINUTES
    problem: str = ""
    number: int = 0


class StyleTraining:
    """Learns one painting at a time. Any thread may call its methods.

    refusal: why this program takes no paintings, or "". command: runs stylize-train. thumbnail: the painting as a small
    JPEG.
    """

    def __init__(self, controller: Controller, refusal: str = "", command: tuple[str, ...] = STYLIZE_TRAIN) -> None:
        self.thumbnail = b""
        self._refusal = refusal
        self._controller, self._command = controller, command
        self._state: TrainingState | None = None
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._discard = False  # whether the style so far is deleted when the training has stopped
        self._process: subprocess.Popen[str] | None = None
        self._thread: threading.Thread | None = None
        self._number = 0

    def describe(self) -> dict[str, Any] | None:
        """Return the state as JSON, None if there is no training."""
        state = self._state
        return asdict(state) if state is not None else None

    def start(self, file_name: str, data: bytes) -> None:
        """Start to learn a painting. data: the file. Raises UsageError or SourceError where that is not possible."""
        if self._refusal:
            raise UsageError(self._refusal)
        thumbnail = make_painting_thumbnail(file_name or "the file", data)
        with self._lock:
            if self._thread is not None and self._thread.is_alive():
                raise UsageError("another painting is being learnt; wait for that, or stop it")
            self._number += 1
            self.thumbnail, self._discard = thumbnail, False
            self._stop.clear()
            library = self._controller.live.stylizer.library
            name = style_name(file_name, {style.name for _, style in library.styles})
            self._state = TrainingState(name, "starting", number=self._number)
            self._thread = threading.Thread(target=self._run, args=(name, data), name="training")
            self._thread.start()

    def cancel(self) -> None:
        """Stop the training, and delete the style so far; of one that has failed, forget the problem."""
        with self._lock:
            if self._thread is not None and self._thread.is_alive():
                self._discard = True
                self._update(stage="stopping")
                self._interrupt()
            else:
                self._state = None

    def close(self) -> None:
        """Stop the training; the style so far stays."""
        self._interrupt()
        if self._thread is not None:
            self._thread.join(JOIN_SECONDS)
            if self._thread.is_alive() and self._process is not None:
                self._process.kill()
            self._thread.join()

    def _interrupt(self) -> None:
        self._stop.set()
        if self._process is not None:
            self._process.terminate()

    def _update(self, **fields: Any) -> None:
        if self._state is not None:
            self._state = replace(self._state, **fields)

    def _run(self, name: str, data: bytes) -> None:
        problem = ""
        try:
            with TemporaryDirectory(prefix="realtime-stylize-", ignore_cleanup_errors=True) as folder:
                painting = Path(folder) / "painting"
                painting.write_bytes(data)
                problem = self._train(name, painting, self._photos(Path(folder) / "photos"))
        except OSError as error:
            problem = f"{error.filename or 'the disk'}: {error.strerror or error}"
        except Exception as error:
            problem = f"internal error: {type(error).__name__}: {error}"
        with self._lock:
            self._process = None
            if self._stop.is_set():
                self._state = None
                if self._discard:
                    with suppress(OSError):
                        (user_folder() / f"{name}{LEARNING_SUFFIX}").unlink(missing_ok=True)
            elif problem:
                self._update(stage="failed", problem=problem)
            else:
                self._state = None
                self._controller.messages.queue(f"{name} is learnt")

    def _photos(self, folder: Path) -> list[str]:
        """Return the option that says what to practise on: none for the user's pictures, else frames of the source."""
        with suppress(RuntimeError):  # there is no home folder
            pictures = platformdirs.user_pictures_path().rglob("*")
            found = (path for path in pictures if path.suffix.lower() in WRITABLE_IMAGE_SUFFIXES)
            if len(list(islice(found, MIN_PHOTOS))) == MIN_PHOTOS:
                return []
        self._update(stage="frames")
        folder.mkdir()
        deadline, last, count = time.monotonic() + MAX_FRAMES_SECONDS, None, 0
        while count < NUM_FRAMES and time.monotonic() < deadline and not self._stop.wait(FRAME_SECONDS):
            current = self._controller.viewer.current
            if current is None or current.frame is last:
                continue
            last, count = current.frame, count + 1
            height, width = last.image.shape[:2]
            small = resize(last.image, (max(1, width * FRAME_HEIGHT // height), FRAME_HEIGHT))
            (folder / f"{count:02}.jpg").write_bytes(cv2.imencode(".jpg", small)[1].tobytes())
        return ["--photos", str(folder)]

    def _train(self, name: str, painting: Path, photos: list[str]) -> str:
        """Run stylize-train to its end; return what went wrong, or ""."""
        if self._stop.is_set():
            return ""
        self._update(stage="starting")
        package_folder = str(Path(__file__).parents[2])  # `training` is beside `realtime`, installed or not
        path = os.pathsep.join([package_folder, *filter(None, [os.environ.get("PYTHONPATH")])])
        command = [*self._command, str(painting), "--name", name, "--minutes", str(MINUTES), *photos]
        process = start_in_background(command, os.environ | {"PYTHONPATH": path})
        self._process = process
        if self._stop.is_set():
            process.terminate()
        assert process.stdout is not None
        line, error = "", ""
        for line in filter(None, map(str.strip, process.stdout)):
            if match := _PROGRESS.match(line):
                self._report(float(match[1]) / 100)
            elif line.startswith(_ERROR_PREFIX):
                error = line.removeprefix(_ERROR_PREFIX)
        status = process.wait()
        process.stdout.close()
        return "" if status == 0 else error or f"stylize-train ended with status {status}: {line}"

    def _report(self, progress: float) -> None:
        with self._lock:
            if not self._stop.is_set():
                seconds_left = round((1 - progress) * 60 * MINUTES)
                stage = "learning" if progress < 1 else "finishing"
                self._update(stage=stage, progress=progress, seconds_left=seconds_left)
