"""Styles that come, change and go while a live run goes on: model files are read again when they have changed."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Self

import numpy as np

from realtime.errors import StylizeError
from realtime.live.pipeline import Live
from realtime.stylizer.library import Library, LibraryFiles, Stamps
from realtime.stylizer.look import look_in
from realtime.system.console import RESULT

POLL_SECONDS = 1.0  # between two looks at the files
FADE_POLL_SECONDS = 0.05  # while the picture fades
MAX_FADE_SECONDS = 10.0  # those of a style track may take an hour
JOIN_SECONDS = 30.0  # long: a process that ends while a model is opened may crash

logger = logging.getLogger(__name__)


class StyleWatcher:
    """A thread that takes changed model files into a live run, from the start of its context to the end.

    New models are opened and run once in this thread, so that the picture goes on; then the look fades to them. Styles,
    settings and mixes stay chosen by their names.
    live: the run. files: its library's files. stamps: those of the files when the library was loaded.
    notify: receives lines for the screen.
    """

    def __init__(
        self,
        live: Live,
        files: LibraryFiles,
        stamps: Stamps,
        notify: Callable[[str], None],
        poll_seconds: float = POLL_SECONDS,
    ) -> None:
        self._live, self._files, self._notify, self._poll_seconds = live, files, notify, poll_seconds
        self._taken = self._seen = stamps
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="styles", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(JOIN_SECONDS)

    def _watch(self) -> None:
        while not self._stop.wait(self._poll_seconds):
            self._live.stylizer.close_unused()
            stamps, seen = self._files.stamps(), self._seen
            self._seen = stamps
            if stamps == self._taken or stamps != seen:  # the second: a file may still be written
                continue
            self._taken = stamps
            try:
                self._take(self._files.reload())
            except StylizeError as error:
                logger.warning("%s", error)
                self._notify(str(error))

    def _take(self, library: Library) -> None:
        """Open what is new in a library, then switch to it. Raises StylizeError, and changes nothing then."""
        live = self._live
        before = live.stylizer.library
        if library.styles == before.styles and library.models == before.models:
            return
        live.stylizer.open_models(library)
        self._warm_up(library)
        deadline = time.monotonic() + MAX_FADE_SECONDS
        while live.look.fading and time.monotonic() < deadline and not self._stop.wait(FADE_POLL_SECONDS):
            pass  # another fade in the middle of one between two models would jump
        live.stylizer.use_library(library)
        live.look.use_library(library)
        live.state.changed.set()  # a frozen picture is stylized anew
        for line in _changes(before, library):
            logger.info(line, extra=RESULT)
            self._notify(line)

    def _warm_up(self, library: Library) -> None:
        """Stylize a grey picture as the next ones will be: the first one at a size takes longer."""
        live = self._live
        look = look_in(library, live.look.target)
        if look.model is not live.look.target.model and look.strength:
            width, height = live.working_size  # it has the strokes' size in it already
            grey = np.full((height, width, 3), 128, np.uint8)
            with suppress(StylizeError):  # the picture itself will report it
                live.stylizer.stylize_at(grey, (width, height), replace(look, stroke=1.0))


def _changes(before: Library, after: Library) -> list[str]:
    """Return a line for each style that has come or gone."""
    old, new = ({style.name: style for _, style in library.styles} for library in (before, after))
    come = [f"a new style: {style.label}" for name, style in new.items() if name not in old]
    return [*come, *(f"{style.label} is gone" for name, style in old.items() if name not in new)]
