"""The user's own styles: a folder of models that one stylize-train at a time writes to.

Styles that were learned as rows of the shipped network share one model, so that they mix; a style whose weights were
all learned has a model of its own. Next to each model NAME.onnx is the checkpoint NAME.pt that it was exported from,
and both hold the same styles. NAME.learning.onnx, without a checkpoint, has a style whose training has not ended.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryFile

from filelock import FileLock, Timeout

from export.cli import export
from export.errors import ExportError
from realtime.errors import EngineError, ModelError
from realtime.inference.model import INT8_SUFFIX, LEARNING_SUFFIX, list_model_files, read_model
from realtime.system.files import replace_file
from realtime.system.hardware import has_int8_instructions
from training.checkpoint import Checkpoint, load_checkpoint
from training.errors import TrainingError

INT8_CALIBRATION_PHOTOS = 4  # these take a minute; the exporter's default number takes five


class UserStyles:
    """The styles in a folder; a path of a checkpoint stands for it and the model next to it.

    shipped: the network on which rows are learned; notify: receives lines for the user.
    """

    def __init__(self, folder: Path, shipped: Checkpoint, notify: Callable[[str], None]) -> None:
        self.folder, self.shipped, self.notify = folder, shipped, notify
        self.shared = folder / f"yours-{shipped.trunk_digest}.pt"  # has all styles learned as rows of `shipped`

    def checkpoints_by_style(self) -> dict[str, list[Path]]:
        """Return the user's styles and the checkpoints of each; one that only its model has counts too."""
        models = [path for path in list_model_files(self.folder) if not path.name.endswith(LEARNING_SUFFIX)]
        paths = {*self.folder.glob("*.pt"), *(model.with_suffix(".pt") for model in models)}
        found: dict[str, list[Path]] = {}
        for checkpoint in sorted(paths):
            for name in _checkpoint_styles(checkpoint) | _model_styles(checkpoint):
                if name not in self.shipped.styles:
                    found.setdefault(name, []).append(checkpoint)
        return found

    def check(self, name: str, *, full: bool, overwrite: bool) -> None:
        """Raise TrainingError where that name is taken, other styles would be lost, or the folder is not writable."""
        with self._exclusive_access():
            self._check(name, full=full, overwrite=overwrite)

    def add(self, learned: Checkpoint, photos: Path, *, full: bool, overwrite: bool) -> Path:
        """Export the one style of a checkpoint, replacing the style of that name; returns the model with it.

        photos: a folder of them, to calibrate int8 on. Raises TrainingError or ExportError, and changes nothing then.
        """
        (name,) = learned.styles
        checkpoint = self._checkpoint_for(name, full)
        with self._exclusive_access():
            self._check(name, full=full, overwrite=overwrite)  # again: other commands may have finished meanwhile
            self._write(checkpoint, self.with_others(learned, full=full), photos)
            for other in self.checkpoints_by_style()[name]:
                if other != checkpoint:
                    self._remove_from(other, name, photos)
        return _model_of(checkpoint)

    def learning_file(self, name: str) -> Path:
        """Return the model file of a style whose training has not ended; it need not exist."""
        return self.folder / f"{name}{LEARNING_SUFFIX}"

    def with_others(self, learned: Checkpoint, *, full: bool) -> Checkpoint:
        """Return the checkpoint of the model that the style will be in, with the styles beside it."""
        return learned if full else self._load_shared().joined(learned)

    def remove(self, name: str, photos: Path) -> None:
        """Remove a style, and its files where they hold no other. Raises TrainingError or ExportError."""
        with self._exclusive_access():
            checkpoints = self.checkpoints_by_style()
            unfinished = self.learning_file(name)
            if os.path.exists(unfinished):
                unfinished.unlink()
                self.notify(f"deleted {unfinished}, which was not learnt to the end")
                if name not in checkpoints:
                    return
            if name not in checkpoints:
                known = f"yours are: {', '.join(sorted(checkpoints))}" if checkpoints else "there are none"
                raise TrainingError(f"no style of your own is called {name}; {known}")
            for checkpoint in checkpoints[name]:
                if name not in _checkpoint_styles(checkpoint):
                    raise TrainingError(
                        f"{name} is in {_model_of(checkpoint)}, but the {checkpoint.name} that it was made from is not "
                        "beside it; delete the model itself, with all that is in it"
                    )
                self._remove_from(checkpoint, name, photos)

    def _check(self, name: str, *, full: bool, overwrite: bool) -> None:
        target = self._checkpoint_for(name, full)
        self._refuse_to_lose_styles(target, {name, *([] if full else self._load_shared().styles)})
        taken = self.checkpoints_by_style().get(name, [])
        if full and os.path.exists(_model_of(target)):
            taken = [*taken, target]  # the file name is taken, whichever styles are in it
        for checkpoint in taken:
            model = _model_of(checkpoint)
            if checkpoint != target:
                if name not in _checkpoint_styles(checkpoint):
                    raise TrainingError(
                        f"{name} is there already, in {model}, whose checkpoint is not; choose another with --name"
                    )
                self._refuse_to_lose_styles(checkpoint, _checkpoint_styles(checkpoint))
            if not overwrite:
                where = "" if checkpoint == target else f" in {model}"
                raise TrainingError(
                    f"{name} is there already{where}; --overwrite replaces it, --name calls this one otherwise"
                )

    def _refuse_to_lose_styles(self, checkpoint: Path, kept: set[str]) -> None:
        """Raise TrainingError where the model has other styles, which rewriting it from `kept` would remove."""
        lost = _model_styles(checkpoint) - kept - {*self.shipped.styles}
        if lost:
            model = _model_of(checkpoint)
            raise TrainingError(
                f"{model} has {', '.join(sorted(lost))}, but there is no {checkpoint.name} beside it that has: put "
                f"that there from where they were learnt, or move {model.name} away"
            )

    def _checkpoint_for(self, name: str, full: bool) -> Path:
        return self.folder / f"{name}.pt" if full else self.shared

    def _load_shared(self) -> Checkpoint:
        """Return the checkpoint that a row is added to. Raises TrainingError where it is damaged."""
        if not os.path.exists(self.shared):
            return self.shipped
        try:
            return load_checkpoint(self.shared)
        except TrainingError as error:
            both = f"it and {_model_of(self.shared).name}"
            raise TrainingError(f"{error}; put a copy of it there, or move {both} away to begin anew") from error

    def _remove_from(self, path: Path, name: str, photos: Path) -> None:
        checkpoint = load_checkpoint(path)
        self._refuse_to_lose_styles(path, {*checkpoint.styles})
        remaining = [style for style in checkpoint.styles if style != name]
        if not set(remaining) <= set(self.shipped.styles):
            smaller = checkpoint.adapted(remaining)
            smaller.photos = checkpoint.photos
            self._write(path, smaller, photos)
            return
        # The checkpoint is deleted last: without it, what a kill leaves behind could not be removed by name.
        for file in (_model_of(path), path.with_suffix(INT8_SUFFIX), path):
            file.unlink(missing_ok=True)
        self.notify(f"deleted {_model_of(path)}, which had no other of yours")

    def _write(self, path: Path, checkpoint: Checkpoint, photos: Path) -> None:
        """Write the checkpoint under a temporary name, export the model from it, then give it its own name.

        So nothing replaces a checkpoint that cannot be exported.
        """
        checkpoint.optimizer = {}
        temporary = path.with_name(path.name + ".new")
        checkpoint.save(temporary)
        try:
            self._export(temporary, _model_of(path), photos)
        except BaseException:
            if _model_styles(path) != {*checkpoint.styles}:  # otherwise _finish_write completes it
                temporary.unlink(missing_ok=True)
            raise
        replace_file(temporary, path)

    def _finish_write(self) -> None:
        """Complete a write that was interrupted after the model and before its checkpoint; discard any other."""
        for temporary in self.folder.glob("*.pt.new"):
            path = temporary.with_suffix("")
            if _checkpoint_styles(temporary) == _model_styles(path) != _checkpoint_styles(path):
                replace_file(temporary, path)
            temporary.unlink(missing_ok=True)

    def _export(self, checkpoint: Path, model: Path, photos: Path) -> None:
        """Export the model, with an int8 sibling where the processor is fast at that and it is accurate enough."""
        if has_int8_instructions():
            try:
                self.notify(export(checkpoint, model, photos=photos, int8=True, max_photos=INT8_CALIBRATION_PHOTOS))
                return
            except ExportError as error:
                self.notify(f"no int8, so that on processors all styles may take up to a fifth longer: {error}")
        self.notify(export(checkpoint, model))
        model.with_suffix(INT8_SUFFIX).unlink(missing_ok=True)  # it belonged to the previous model

    @contextmanager
    def _exclusive_access(self) -> Iterator[None]:
        def notify_of_waiting() -> None:
            self.notify("another stylize-train is writing to your styles; waiting until it is done")

        self._check_writable()
        with exclusive_lock(self.folder / "stylize-train.lock", notify_of_waiting):
            self._finish_write()
            yield

    def _check_writable(self) -> None:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with TemporaryFile(dir=self.folder):
                pass
        except OSError as error:
            raise TrainingError(f"{self.folder}: nothing can be written there: {error.strerror or error}") from error


@contextmanager
def exclusive_lock(file: Path, when_held: Callable[[], None]) -> Iterator[None]:
    """Hold a lock between processes.

    when_held: called where another process holds it; unless that raises, the lock is waited for.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(file)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        when_held()
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def _model_of(checkpoint: Path) -> Path:
    return checkpoint.with_suffix(".onnx")


def _checkpoint_styles(checkpoint: Path) -> set[str]:
    """Return the styles of a checkpoint; none where it is missing or damaged."""
    try:
        return set(load_checkpoint(checkpoint).styles)
    except TrainingError:
        return set()


def _model_styles(checkpoint: Path) -> set[str]:
    """Return the styles of the model next to a checkpoint; none where it is missing or damaged."""
    try:
        return {style.name for style in read_model(_model_of(checkpoint)).styles}
    except ModelError:
        return set()
    except EngineError as error:  # ONNX Runtime, which reads it, is not installed
        raise TrainingError(str(error)) from error
