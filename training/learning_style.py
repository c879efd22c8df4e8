"""The style as it is so far: a model file that a training writes again and again, for running apps to show."""

from __future__ import annotations

import time
from collections.abc import Callable
from copy import deepcopy
from typing import Self

import numpy as np

from export.checkpoints import exportable
from export.errors import ExportError
from export.metadata import describe, read_styles_file
from export.verify import verify_style
from realtime.system.files import write_atomic
from training.checkpoint import Checkpoint
from training.errors import TrainingError
from training.user_styles import UserStyles

FIRST_SECONDS = 10.0  # after this time of training a style is worth a look
INTERVAL_SECONDS = 25.0  # between two files
MAX_TIME_SHARE = 0.1  # of the training, that writing these files may take


class LearningStyle:
    """The unfinished style of one training, in a file beside the user's finished ones.

    At the end of its context the file is deleted where the style is there finished, be it this one or the one that it
    was to replace. Else it stays, and is a style as any other until it is learnt to the end or removed.
    name: of the style; notify: receives lines for the user; full: all weights are learned, not only a row.
    """

    def __init__(self, user_styles: UserStyles, name: str, notify: Callable[[str], None], *, full: bool) -> None:
        self._user_styles, self._name, self._notify, self._full = user_styles, name, notify, full
        self._is_shown = False
        self._due = time.perf_counter() + FIRST_SECONDS

    def update(self, state: Checkpoint) -> None:
        """Write the file if it is time for that. A file that cannot be written is reported once, and the last."""
        start = time.perf_counter()
        if start < self._due:
            return
        try:
            self._write(state)
        except (TrainingError, ExportError, OSError) as error:
            self._notify(f"the style as it is so far cannot be shown: {error}")
            self._due = float("inf")
            return
        if not self._is_shown:
            self._is_shown = True
            self._notify(f"{self._name} is among the styles of running programs now, and improves while it is learnt")
        end = time.perf_counter()
        self._due = end + max(INTERVAL_SECONDS, (end - start) / MAX_TIME_SHARE)

    def _write(self, state: Checkpoint) -> None:
        learned = Checkpoint(deepcopy(state.network).cpu(), state.styles, state.photos)
        network = exportable(self._user_styles.with_others(learned, full=self._full))
        path = self._user_styles.learning_file(self._name)
        metadata = describe(network, read_styles_file(None), None, path.stem)
        model = network.write(np.float16, None).model(network.kind, metadata).SerializeToString()
        verify_style(network, model, self._name)
        write_atomic(path, model)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._name in self._user_styles.checkpoints_by_style():
            self._user_styles.learning_file(self._name).unlink(missing_ok=True)
