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
from training.checkpoint import Checkpoint, is_row, load_checkpoint
from training.errors import TrainingError
from training.network import Architecture
from training.user_styles import Shelf

NEW, OLD = (Architecture(outer=16, channels=16, deep=32, blocks=blocks) for blocks in (2, 1))
Open = Callable[..., Shelf]


@pytest.fixture
def open_shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Open:
    """The shelf as that network's training sees it."""
    monkeypatch.setattr("training.user_styles.has_int8_instructions", lambda: False)

    def open_(architecture: Architecture = NEW, tell: Callable[[str], None] = lambda line: None) -> Shelf:
        return Shelf(tmp_path / "models", Checkpoint(make_style_network(2, architecture), ["dawn", "noon"]), tell)

    return open_


@pytest.fixture
def photos(world: Path) -> Path:
    return world / "photos"


def learn(shelf: Shelf, name: str, factor: float = 2.0) -> Checkpoint:
    """A row that differs."""
    learnt = shelf.shipped.adapted([name])
    with torch.no_grad():
        for key, weights in learnt.network.state_dict().items():
            if is_row(key):
                weights.mul_(factor)
    return learnt


def put(shelf: Shelf, photos: Path, name: str, *, full: bool = False, overwrite: bool = False) -> Path:
    return shelf.put(learn(shelf, name), photos, full=full, overwrite=overwrite)


def names(model: Path) -> list[str]:
    """Of a model, which are those of its checkpoint."""
    found = [style.name for style in read_model(model).styles]
    assert found == load_checkpoint(model.with_suffix(".pt")).styles
    return found


def test_a_model_whose_checkpoint_is_not_there_is_not_written_over(open_shelf: Open, photos: Path) -> None:
    shelf = open_shelf()
    before = put(shelf, photos, "grandma").read_bytes()
    shelf.joint.unlink()
    for name, overwrite in (("grandpa", False), ("grandpa", True), ("grandma", False)):
        with pytest.raises(TrainingError, match="grandma") as raised:
            shelf.check(name, full=False, overwrite=overwrite)
        assert "\n" not in str(raised.value)
        with pytest.raises(TrainingError, match="grandma"):
            put(shelf, photos, name, overwrite=overwrite)
    assert shelf.joint.with_suffix(".onnx").read_bytes() == before
    assert names(put(shelf, photos, "grandma", overwrite=True)) == ["dawn", "noon", "grandma"]


def test_two_that_end_at_once_are_both_there(open_shelf: Open, photos: Path) -> None:
    shelves = [open_shelf(), open_shelf()]
    learnt = [learn(shelf, name) for shelf, name in zip(shelves, ("grandma", "grandpa"), strict=True)]
    with ThreadPoolExecutor(2) as pool:
        ends = [
            pool.submit(s.put, one, photos, full=False, overwrite=False) for s, one in zip(shelves, learnt, strict=True)
        ]
        model, _ = (end.result() for end in ends)
    assert set(names(model)) == {"dawn", "noon", "grandma", "grandpa"}


def test_who_has_to_wait_is_told_so(open_shelf: Open, photos: Path) -> None:
    said: list[str] = []

    def tell(line: str) -> None:
        said.append(line)
        other.release()

    shelf = open_shelf(tell=tell)
    shelf.folder.mkdir(parents=True)
    other = FileLock(shelf.folder / "stylize-train.lock", thread_local=False)
    with ThreadPoolExecutor(1) as pool:
        pool.submit(other.acquire).result()
    put(shelf, photos, "grandma")
    assert said[0] == "another stylize-train is writing to your styles; waiting until it is done"


def test_what_another_has_finished_meanwhile_is_not_replaced(open_shelf: Open, photos: Path) -> None:
    shelf = open_shelf()
    shelf.check("grandma", full=False, overwrite=False)
    before = put(shelf, photos, "grandma").read_bytes()
    with pytest.raises(TrainingError, match="grandma is there already; --overwrite replaces it"):
        shelf.put(learn(shelf, "grandma", 3), photos, full=False, overwrite=False)
    assert shelf.joint.with_suffix(".onnx").read_bytes() == before
    shelf.put(learn(shelf, "grandma", 3), photos, full=False, overwrite=True)
    assert shelf.joint.with_suffix(".onnx").read_bytes() != before


def test_a_name_in_an_older_networks_file_is_taken(open_shelf: Open, photos: Path) -> None:
    """And with --overwrite it is no longer there, whatever else is."""
    old, new = open_shelf(OLD), open_shelf()
    put(old, photos, "grandma")
    older = put(old, photos, "grandpa")
    with pytest.raises(TrainingError, match=f"grandma is there already in {older}; --overwrite"):
        new.check("grandma", full=False, overwrite=False)
    model = put(new, photos, "grandma", overwrite=True)
    assert names(model) == ["dawn", "noon", "grandma"] and names(older) == ["dawn", "noon", "grandpa"]
    put(new, photos, "grandpa", overwrite=True)
    assert list_model_files(new.folder) == [model] and not old.joint.exists()
    whole = put(new, photos, "grandma", full=True, overwrite=True)
    assert names(whole) == ["grandma"] and names(model) == ["dawn", "noon", "grandpa"]


def test_a_name_in_a_file_of_unknown_origin_is_taken_for_good(open_shelf: Open, photos: Path) -> None:
    shelf = open_shelf()
    whole = put(shelf, photos, "grandma", full=True)
    foreign = whole.rename(whole.with_name("foreign.onnx"))
    whole.with_suffix(".pt").unlink()
    for overwrite in (False, True):
        with pytest.raises(TrainingError, match=f"grandma is there already, in {foreign}"):
            shelf.check("grandma", full=False, overwrite=overwrite)
    with pytest.raises(TrainingError, match=r"the foreign\.pt that it was made from is not beside it"):
        shelf.remove("grandma", photos)
    assert names_of(shelf) == ["foreign.onnx"]


def test_what_cannot_be_exported_takes_no_other_style_along(open_shelf: Open, photos: Path) -> None:
    shelf = open_shelf()
    model = put(shelf, photos, "grandma")
    before = [(path.name, path.read_bytes()) for path in (model, shelf.joint)]
    with pytest.raises(ExportError):
        shelf.put(learn(shelf, "monster", 1e9), photos, full=False, overwrite=False)
    assert [(path.name, path.read_bytes()) for path in (model, shelf.joint)] == before
    assert names(put(shelf, photos, "grandpa")) == ["dawn", "noon", "grandma", "grandpa"]
    assert names_of(shelf) == [model.name, shelf.joint.name]


def test_an_older_checkpoint_costs_no_style(open_shelf: Open, photos: Path) -> None:
    shelf, other = open_shelf(), open_shelf(OLD)
    put(shelf, photos, "grandma")
    older = shelf.joint.read_bytes()
    model = put(shelf, photos, "grandpa")
    shelf.joint.write_bytes(older)
    before = model.read_bytes()
    for attempt in (lambda: shelf.remove("grandma", photos), lambda: put(other, photos, "grandma", overwrite=True)):
        with pytest.raises(TrainingError, match=f"{model} has grandpa, but there is no {shelf.joint.name}"):
            attempt()
    assert names_of(shelf) == [model.name, shelf.joint.name] and model.read_bytes() == before


def test_stopped_between_a_model_and_its_checkpoint(
    open_shelf: Open, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def held(*_: object) -> None:
        raise PermissionError

    shelf = open_shelf()
    put(shelf, photos, "grandma")
    with monkeypatch.context() as patch, pytest.raises(PermissionError):
        patch.setattr("training.user_styles.replace_file", held)
        put(shelf, photos, "grandpa")
    model = put(shelf, photos, "uncle")
    assert names(model) == ["dawn", "noon", "grandma", "grandpa", "uncle"]
    assert names_of(shelf) == [model.name, shelf.joint.name]


def test_a_damaged_checkpoint_of_all_of_them_says_what_to_do(open_shelf: Open, photos: Path) -> None:
    shelf = open_shelf()
    put(shelf, photos, "grandma")
    shelf.joint.write_bytes(shelf.joint.read_bytes()[:9999])
    with pytest.raises(
        TrainingError, match=f"^{shelf.joint} is not a checkpoint .* put a copy of it there, or move it"
    ):
        shelf.check("grandpa", full=False, overwrite=False)


def test_a_style_is_taken_away_and_the_last_one_with_its_file(open_shelf: Open, photos: Path) -> None:
    shelf = open_shelf()
    put(shelf, photos, "whole", full=True)
    put(shelf, photos, "grandma")
    model = put(shelf, photos, "grandpa")
    before = load_checkpoint(shelf.joint).adapted(["grandpa"]).network.state_dict()
    with pytest.raises(
        TrainingError, match=r"no style of your own is called dawn; yours are: grandma, grandpa, whole$"
    ):
        shelf.remove("dawn", photos)
    shelf.remove("grandma", photos)
    assert names(model) == ["dawn", "noon", "grandpa"]
    after = load_checkpoint(shelf.joint).adapted(["grandpa"]).network.state_dict()
    assert all(torch.equal(before[key], after[key]) for key in before)
    shelf.remove("whole", photos)
    assert names_of(shelf) == [model.name, shelf.joint.name]
    model.with_suffix(".int8.onnx").write_bytes(b"its sibling")
    shelf.remove("grandpa", photos)
    assert names_of(shelf) == []
    with pytest.raises(TrainingError, match="no style of your own is called grandpa; there are none"):
        shelf.remove("grandpa", photos)


def test_the_rest_keeps_its_sibling_but_never_an_older_ones(
    open_shelf: Open, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    shelf = open_shelf(tell=said.append)
    monkeypatch.setattr("training.user_styles.has_int8_instructions", lambda: True)
    put(shelf, photos, "grandma")
    model = put(shelf, photos, "grandpa")
    shelf.remove("grandma", photos)
    if not any(line.startswith("no int8") for line in said):  # where it paints well enough: this processor may saturate
        assert read_model(model).int8 is not None
    monkeypatch.setattr("training.user_styles.has_int8_instructions", lambda: False)
    model.with_suffix(".int8.onnx").write_bytes(b"an older one's")
    put(shelf, photos, "aunt")
    assert names_of(shelf) == [model.name, shelf.joint.name]


def names_of(shelf: Shelf) -> list[str]:
    """The files on it, but for the lock."""
    return sorted(path.name for path in shelf.folder.iterdir() if path.suffix != ".lock")
