"""The folder of the user's own styles."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch
from filelock import FileLock

from export.errors import ExportError
from realtime.inference.model import list_model_files, read_model
from tests.export.conftest import make_style_network
from training.checkpoint import Checkpoint, is_style_row, load_checkpoint
from training.errors import TrainingError
from training.learning_style import LearningStyle
from training.network import Architecture
from training.user_styles import UserStyles

NEW, OLD = (Architecture(outer=16, channels=16, deep=32, blocks=blocks) for blocks in (2, 1))
OpenUserStyles = Callable[..., UserStyles]


@pytest.fixture
def open_styles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> OpenUserStyles:
    """Return a function that opens the user's styles with a shipped network of some architecture."""
    monkeypatch.setattr("training.user_styles.has_int8_instructions", lambda: False)

    def open_user_styles(
        architecture: Architecture = NEW, notify: Callable[[str], None] = lambda _: None
    ) -> UserStyles:
        shipped = Checkpoint(make_style_network(2, architecture), ["dawn", "noon"])
        return UserStyles(tmp_path / "models", shipped, notify)

    return open_user_styles


@pytest.fixture
def photos(world: Path) -> Path:
    return world / "photos"


def learned(styles: UserStyles, name: str, factor: float = 2.0) -> Checkpoint:
    """Return a checkpoint with one style whose row is not a shipped one."""
    checkpoint = styles.shipped.adapted([name])
    with torch.no_grad():
        for key, weights in checkpoint.network.state_dict().items():
            if is_style_row(key):
                weights.mul_(factor)
    return checkpoint


def add(styles: UserStyles, photos: Path, name: str, *, full: bool = False, overwrite: bool = False) -> Path:
    return styles.add(learned(styles, name), photos, full=full, overwrite=overwrite)


def names_in(model: Path) -> list[str]:
    """Return the styles of a model, which must be those of its checkpoint too."""
    names = [style.name for style in read_model(model).styles]
    assert names == load_checkpoint(model.with_suffix(".pt")).styles
    return names


def test_model_without_its_checkpoint_is_not_overwritten(open_styles: OpenUserStyles, photos: Path) -> None:
    styles = open_styles()
    before = add(styles, photos, "grandma").read_bytes()
    styles.shared.unlink()
    for name, overwrite in (("grandpa", False), ("grandpa", True), ("grandma", False)):
        with pytest.raises(TrainingError, match="grandma") as raised:
            styles.check(name, full=False, overwrite=overwrite)
        assert "\n" not in str(raised.value)
        with pytest.raises(TrainingError, match="grandma"):
            add(styles, photos, name, overwrite=overwrite)
    assert styles.shared.with_suffix(".onnx").read_bytes() == before
    assert names_in(add(styles, photos, "grandma", overwrite=True)) == ["dawn", "noon", "grandma"]


def test_two_styles_added_at_once_are_both_kept(open_styles: OpenUserStyles, photos: Path) -> None:
    opened = [open_styles(), open_styles()]
    checkpoints = [learned(styles, name) for styles, name in zip(opened, ("grandma", "grandpa"), strict=True)]
    with ThreadPoolExecutor(2) as pool:
        additions = [
            pool.submit(styles.add, checkpoint, photos, full=False, overwrite=False)
            for styles, checkpoint in zip(opened, checkpoints, strict=True)
        ]
        model, _ = (addition.result() for addition in additions)
    assert set(names_in(model)) == {"dawn", "noon", "grandma", "grandpa"}


def test_waiting_for_another_process_is_announced(open_styles: OpenUserStyles, photos: Path) -> None:
    lines: list[str] = []

    def notify(line: str) -> None:
        lines.append(line)
        held_lock.release()

    styles = open_styles(notify=notify)
    styles.folder.mkdir(parents=True)
    held_lock = FileLock(styles.folder / "stylize-train.lock", thread_local=False)
    with ThreadPoolExecutor(1) as pool:
        pool.submit(held_lock.acquire).result()
    add(styles, photos, "grandma")
    assert lines[0] == "another stylize-train is writing to your styles; waiting until it is done"


def test_style_added_since_the_check_is_replaced_only_with_overwrite(open_styles: OpenUserStyles, photos: Path) -> None:
    styles = open_styles()
    styles.check("grandma", full=False, overwrite=False)
    before = add(styles, photos, "grandma").read_bytes()
    with pytest.raises(TrainingError, match="grandma is there already; --overwrite replaces it"):
        styles.add(learned(styles, "grandma", 3), photos, full=False, overwrite=False)
    assert styles.shared.with_suffix(".onnx").read_bytes() == before
    styles.add(learned(styles, "grandma", 3), photos, full=False, overwrite=True)
    assert styles.shared.with_suffix(".onnx").read_bytes() != before


def test_name_in_the_model_of_an_older_network_is_taken_and_moves_with_overwrite(
    open_styles: OpenUserStyles, photos: Path
) -> None:
    old_styles, new_styles = open_styles(OLD), open_styles()
    add(old_styles, photos, "grandma")
    old_model = add(old_styles, photos, "grandpa")
    with pytest.raises(TrainingError, match=f"grandma is there already in {old_model}; --overwrite"):
        new_styles.check("grandma", full=False, overwrite=False)
    model = add(new_styles, photos, "grandma", overwrite=True)
    assert names_in(model) == ["dawn", "noon", "grandma"] and names_in(old_model) == ["dawn", "noon", "grandpa"]
    add(new_styles, photos, "grandpa", overwrite=True)
    assert list_model_files(new_styles.folder) == [model] and not old_styles.shared.exists()
    full_model = add(new_styles, photos, "grandma", full=True, overwrite=True)
    assert names_in(full_model) == ["grandma"] and names_in(model) == ["dawn", "noon", "grandpa"]


def test_name_in_a_model_without_checkpoint_can_be_neither_replaced_nor_removed(
    open_styles: OpenUserStyles, photos: Path
) -> None:
    styles = open_styles()
    full_model = add(styles, photos, "grandma", full=True)
    foreign = full_model.rename(full_model.with_name("foreign.onnx"))
    full_model.with_suffix(".pt").unlink()
    for overwrite in (False, True):
        with pytest.raises(TrainingError, match=f"grandma is there already, in {foreign}"):
            styles.check("grandma", full=False, overwrite=overwrite)
    with pytest.raises(TrainingError, match=r"the foreign\.pt that it was made from is not beside it"):
        styles.remove("grandma", photos)
    assert file_names(styles) == ["foreign.onnx"]


def test_failed_export_leaves_the_other_styles_unchanged(open_styles: OpenUserStyles, photos: Path) -> None:
    styles = open_styles()
    model = add(styles, photos, "grandma")
    before = [(path.name, path.read_bytes()) for path in (model, styles.shared)]
    with pytest.raises(ExportError):
        styles.add(learned(styles, "monster", 1e9), photos, full=False, overwrite=False)
    assert [(path.name, path.read_bytes()) for path in (model, styles.shared)] == before
    assert names_in(add(styles, photos, "grandpa")) == ["dawn", "noon", "grandma", "grandpa"]
    assert file_names(styles) == [model.name, styles.shared.name]


def test_styles_missing_in_an_older_checkpoint_are_not_lost(open_styles: OpenUserStyles, photos: Path) -> None:
    styles, other = open_styles(), open_styles(OLD)
    add(styles, photos, "grandma")
    older_bytes = styles.shared.read_bytes()
    model = add(styles, photos, "grandpa")
    styles.shared.write_bytes(older_bytes)
    before = model.read_bytes()
    for change in (lambda: styles.remove("grandma", photos), lambda: add(other, photos, "grandma", overwrite=True)):
        with pytest.raises(TrainingError, match=f"{model} has grandpa, but there is no {styles.shared.name}"):
            change()
    assert file_names(styles) == [model.name, styles.shared.name] and model.read_bytes() == before


def test_write_interrupted_before_its_checkpoint_is_completed_by_the_next_one(
    open_styles: OpenUserStyles, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise PermissionError

    styles = open_styles()
    add(styles, photos, "grandma")
    with monkeypatch.context() as patch, pytest.raises(PermissionError):
        patch.setattr("training.user_styles.replace_file", fail)
        add(styles, photos, "grandpa")
    model = add(styles, photos, "uncle")
    assert names_in(model) == ["dawn", "noon", "grandma", "grandpa", "uncle"]
    assert file_names(styles) == [model.name, styles.shared.name]


def test_damaged_shared_checkpoint_is_reported_with_advice(open_styles: OpenUserStyles, photos: Path) -> None:
    styles = open_styles()
    add(styles, photos, "grandma")
    styles.shared.write_bytes(styles.shared.read_bytes()[:9999])
    with pytest.raises(
        TrainingError, match=f"^{styles.shared} is not a checkpoint .* put a copy of it there, or move it"
    ):
        styles.check("grandpa", full=False, overwrite=False)


def test_remove_keeps_the_other_styles_and_deletes_the_files_of_the_last_one(
    open_styles: OpenUserStyles, photos: Path
) -> None:
    styles = open_styles()
    add(styles, photos, "whole", full=True)
    add(styles, photos, "grandma")
    model = add(styles, photos, "grandpa")
    before = load_checkpoint(styles.shared).adapted(["grandpa"]).network.state_dict()
    with pytest.raises(
        TrainingError, match=r"no style of your own is called dawn; yours are: grandma, grandpa, whole$"
    ):
        styles.remove("dawn", photos)
    styles.remove("grandma", photos)
    assert names_in(model) == ["dawn", "noon", "grandpa"]
    after = load_checkpoint(styles.shared).adapted(["grandpa"]).network.state_dict()
    assert all(torch.equal(before[key], after[key]) for key in before)
    styles.remove("whole", photos)
    assert file_names(styles) == [model.name, styles.shared.name]
    model.with_suffix(".int8.onnx").write_bytes(b"int8")
    styles.remove("grandpa", photos)
    assert file_names(styles) == []
    with pytest.raises(TrainingError, match="no style of your own is called grandpa; there are none"):
        styles.remove("grandpa", photos)


def test_int8_sibling_is_rewritten_with_its_model_or_deleted(
    open_styles: OpenUserStyles, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines: list[str] = []
    styles = open_styles(notify=lines.append)
    monkeypatch.setattr("training.user_styles.has_int8_instructions", lambda: True)
    add(styles, photos, "grandma")
    model = add(styles, photos, "grandpa")
    styles.remove("grandma", photos)
    if not any(line.startswith("no int8") for line in lines):  # some processors saturate, so int8 is too inaccurate
        assert read_model(model).int8 is not None
    monkeypatch.setattr("training.user_styles.has_int8_instructions", lambda: False)
    model.with_suffix(".int8.onnx").write_bytes(b"of an older model")
    add(styles, photos, "aunt")
    assert file_names(styles) == [model.name, styles.shared.name]


def file_names(styles: UserStyles) -> list[str]:
    """Return the names of the files in the folder, without the lock."""
    return sorted(path.name for path in styles.folder.iterdir() if path.suffix != ".lock")


def test_unfinished_style_is_shown_until_it_is_finished_or_removed(
    open_styles: OpenUserStyles, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("training.learning_style.FIRST_SECONDS", 0.0)
    monkeypatch.setattr("training.learning_style.INTERVAL_SECONDS", 0.0)
    lines: list[str] = []
    styles = open_styles(notify=lines.append)
    add(styles, photos, "grandma")
    file = styles.learning_file("grandpa")
    with pytest.raises(KeyboardInterrupt), LearningStyle(styles, "grandpa", lines.append, full=False) as learning:
        learning.update(learned(styles, "grandpa"))
        assert [style.name for style in read_model(file).styles] == ["dawn", "noon", "grandma", "grandpa"]
        raise KeyboardInterrupt
    assert "grandpa" not in styles.checkpoints_by_style(), "the same command may go on"
    styles.check("grandpa", full=False, overwrite=False)
    before = styles.shared.read_bytes()
    styles.remove("grandpa", photos)
    assert not file.exists() and styles.shared.read_bytes() == before
    assert lines[-1] == f"deleted {file}, which was not learnt to the end"

    old = styles.learning_file("grandma")
    with pytest.raises(KeyboardInterrupt), LearningStyle(styles, "grandma", lines.append, full=False) as learning:
        learning.update(learned(styles, "grandma", 3.0))
        assert old.exists()
        raise KeyboardInterrupt
    assert not old.exists(), "the finished style that it was to replace is back"


def test_unfinished_style_that_cannot_be_written_is_reported_once(
    open_styles: OpenUserStyles, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("training.learning_style.FIRST_SECONDS", 0.0)
    lines: list[str] = []
    styles = open_styles()
    with LearningStyle(styles, "grandpa", lines.append, full=True) as learning:
        for _ in range(2):
            learning.update(learned(styles, "grandpa"))
    (line,) = lines
    assert line.startswith("the style as it is so far cannot be shown: ") and "No such file or directory" in line
