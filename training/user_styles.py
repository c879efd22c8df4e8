"""The shelf of one's own styles: the user's folder of models, written to by one stylize-train at a time.

Rows of scales and shifts lie together in one file for each network, so that they mix; a style learnt whole has a file
of its own. Beside each model is the checkpoint that it is made from: no style is in the one and not in the other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryFile

from filelock import FileLock, Timeout

from export.cli import export
from export.errors import ExportError
from realtime.errors import EngineError, ModelError
from realtime.inference.model import INT8_SUFFIX, list_model_files, read_model
from realtime.system.files import replace_file
from realtime.system.hardware import has_int8_instructions
from training.checkpoint import Checkpoint, load_checkpoint
from training.errors import TrainingError

FEW = 4  # photos for int8: it takes a minute, not five


class Shelf:
    """What is on it is called by its checkpoint, NAME.pt; the model is NAME.onnx beside it.

    shipped: the network that rows are learnt on; tell: takes a line for the user.
    """

    def __init__(self, folder: Path, shipped: Checkpoint, tell: Callable[[str], None]) -> None:
        self.folder, self.shipped, self.tell = folder, shipped, tell
        self.joint = folder / f"yours-{shipped.trunk}.pt"

    def styles(self) -> dict[str, list[Path]]:
        """The user's own styles, and what has them."""
        found: dict[str, list[Path]] = {}
        models = {path.with_suffix(".pt") for path in list_model_files(self.folder)}
        for place in sorted({*self.folder.glob("*.pt"), *models}):
            for name in _learnt(place) | _painted(place):
                if name not in self.shipped.styles:
                    found.setdefault(name, []).append(place)
        return found

    def check(self, name: str, *, full: bool, overwrite: bool) -> None:
        """Raise TrainingError where that name is taken, other styles would be lost, or nothing can be written."""
        with self._alone():
            self._check(name, full=full, overwrite=overwrite)

    def _check(self, name: str, *, full: bool, overwrite: bool) -> None:
        place = self._place(name, full)
        self._refuse_loss(place, {name, *([] if full else self._before().styles)})
        places = self.styles().get(name, [])
        if full and _model(place).exists():
            places = [*places, place]  # whatever it is
        for other in places:
            if other != place and name not in _learnt(other):
                raise TrainingError(
                    f"{name} is there already, in {_model(other)}, whose checkpoint is not; choose another with --name"
                )
            if other != place:
                self._refuse_loss(other, _learnt(other))
            if not overwrite:
                where = "" if other == place else f" in {_model(other)}"
                raise TrainingError(
                    f"{name} is there already{where}; --overwrite replaces it, --name calls this one otherwise"
                )

    def _refuse_loss(self, place: Path, kept: set[str]) -> None:
        """Raise TrainingError where the model has other styles, which would be gone with it."""
        lost = _painted(place) - kept - {*self.shipped.styles}
        if lost:
            raise TrainingError(
                f"{_model(place)} has {', '.join(sorted(lost))}, but there is no {place.name} beside it that has: put "
                f"that there from where they were learnt, or move {_model(place).name} away"
            )

    def _prepare(self) -> None:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with TemporaryFile(dir=self.folder):
                pass
        except OSError as error:
            raise TrainingError(f"{self.folder}: nothing can be written there: {error.strerror or error}") from error

    def put(self, learnt: Checkpoint, photos: Path, *, full: bool, overwrite: bool) -> Path:
        """The one style learnt, in place of whatever had its name; returns the model that has it.

        photos: a folder of them, for int8. Raises TrainingError or ExportError; all is as it was then.
        """
        (name,) = learnt.styles
        place = self._place(name, full)
        with self._alone():
            self._check(name, full=full, overwrite=overwrite)  # once more: others may have come meanwhile
            self._write(place, learnt if full else self._before().joined(learnt), photos)
            for other in self.styles()[name]:
                if other != place:
                    self._take_out(other, name, photos)
        return _model(place)

    def remove(self, name: str, photos: Path) -> None:
        """Take a style away, and its file with the last one. Raises TrainingError or ExportError."""
        with self._alone():
            styles = self.styles()
            if name not in styles:
                there = f"yours are: {', '.join(sorted(styles))}" if styles else "there are none"
                raise TrainingError(f"no style of your own is called {name}; {there}")
            for place in styles[name]:
                if name not in _learnt(place):
                    raise TrainingError(
                        f"{name} is in {_model(place)}, but the {place.name} that it was made from is not beside it; "
                        "delete the model itself, with all that is in it"
                    )
                self._take_out(place, name, photos)

    def _place(self, name: str, full: bool) -> Path:
        return self.folder / f"{name}.pt" if full else self.joint

    def _before(self) -> Checkpoint:
        """What a row is added to. Raises TrainingError where that is damaged."""
        if not self.joint.exists():
            return self.shipped
        try:
            return load_checkpoint(self.joint)
        except TrainingError as error:
            both = f"it and {_model(self.joint).name}"
            raise TrainingError(f"{error}; put a copy of it there, or move {both} away to begin anew") from error

    def _take_out(self, place: Path, name: str, photos: Path) -> None:
        checkpoint = load_checkpoint(place)
        self._refuse_loss(place, {*checkpoint.styles})
        names = [style for style in checkpoint.styles if style != name]
        if not set(names) <= set(self.shipped.styles):
            rest = checkpoint.adapted(names)
            rest.photos = checkpoint.photos
            self._write(place, rest, photos)
            return
        for path in (_model(place), place.with_suffix(INT8_SUFFIX), place):  # the checkpoint last: a kill may come
            path.unlink(missing_ok=True)
        self.tell(f"deleted {_model(place)}, which had no other of yours")

    def _write(self, place: Path, checkpoint: Checkpoint, photos: Path) -> None:
        """The model first, then its checkpoint, which is on the disk already: only what can be exported gets there."""
        checkpoint.optimizer = {}
        new = place.with_name(place.name + ".new")
        checkpoint.save(new)
        try:
            self._export(new, _model(place), photos)
        except BaseException:
            if _painted(place) != {*checkpoint.styles}:  # else the model is there, and its checkpoint goes after it
                new.unlink(missing_ok=True)
            raise
        replace_file(new, place)

    def _go_on(self) -> None:
        """What was stopped between a model and its checkpoint: the checkpoint."""
        for new in self.folder.glob("*.pt.new"):
            place = new.with_suffix("")
            if _learnt(new) == _painted(place) != _learnt(place):
                replace_file(new, place)
            new.unlink(missing_ok=True)

    def _export(self, checkpoint: Path, model: Path, photos: Path) -> None:
        """Where the processor multiplies bytes, the sibling for that too, if it paints well enough."""
        if has_int8_instructions():
            try:
                self.tell(export(checkpoint, model, photos=photos, int8=True, most=FEW))
                return
            except ExportError as error:
                self.tell(f"no int8, so that on processors all styles may take up to a fifth longer: {error}")
        self.tell(export(checkpoint, model))
        model.with_suffix(INT8_SUFFIX).unlink(missing_ok=True)  # of the model before

    @contextmanager
    def _alone(self) -> Iterator[None]:
        def wait() -> None:
            self.tell("another stylize-train is writing to your styles; waiting until it is done")

        self._prepare()
        with alone(self.folder / "stylize-train.lock", wait):
            self._go_on()
            yield


@contextmanager
def alone(file: Path, otherwise: Callable[[], None]) -> Iterator[None]:
    """One process at a time. otherwise: called where another is at it; it is waited for unless that raises."""
    file.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(file)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        otherwise()
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def _model(place: Path) -> Path:
    return place.with_suffix(".onnx")


def _learnt(place: Path) -> set[str]:
    """The styles of a checkpoint; none where it is no such thing."""
    try:
        return set(load_checkpoint(place).styles)
    except TrainingError:
        return set()


def _painted(place: Path) -> set[str]:
    """The styles of the model beside it; none where it is no such thing."""
    try:
        return {style.name for style in read_model(_model(place)).styles}
    except ModelError:
        return set()
    except EngineError as error:  # there is no ONNX Runtime to read it with
        raise TrainingError(str(error)) from error
