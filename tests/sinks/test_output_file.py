"""Output files: locked, never over a file that was not there at the start, and beside the files of others."""

from __future__ import annotations

from pathlib import Path

import pytest

from realtime.errors import OutputError
from realtime.sinks.output_file import OutputFile, lock_output
from realtime.sinks.resume import require_no_leftover

KEY = {"input": "a"}


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("name", ["x.png", "x.mp4", "n" * 251 + ".mp4"])
def test_second_output_of_a_name_is_refused_while_the_first_is_written(tmp_path: Path, name: str) -> None:
    first = OutputFile(tmp_path / name, sources=[], resume_key=KEY)
    before = names(tmp_path)
    with pytest.raises(OutputError, match=r"is being written by another run of this program$"):
        OutputFile(tmp_path / name, sources=[], overwrite=True)
    assert names(tmp_path) == before
    first.part.write_bytes(b"data")
    first.finish()
    assert names(tmp_path) == [name]
    first.drop_if_empty()
    lock_output(tmp_path / name).release()


def test_second_output_is_refused_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "link.mp4").symlink_to("x.mp4")
    first = OutputFile(tmp_path / "x.mp4", sources=[])
    with pytest.raises(OutputError, match=r"link\.mp4 is being written"):
        OutputFile(tmp_path / "link.mp4", sources=[])
    first.drop_if_empty()
    assert names(tmp_path) == ["link.mp4"]


@pytest.mark.parametrize("key", [None, KEY])
def test_file_that_appears_during_the_work_is_kept_and_the_result_too(
    tmp_path: Path, key: dict[str, str] | None
) -> None:
    output = OutputFile(tmp_path / "x.mp4", sources=[], resume_key=key)
    output.part.write_bytes(b"result")
    (tmp_path / "x.mp4").write_bytes(b"theirs")
    with pytest.raises(OutputError, match=r"written by another program meanwhile; the result is in .*x\.mp4\.part"):
        output.finish()
    assert ((tmp_path / "x.mp4").read_bytes(), output.part.read_bytes()) == (b"theirs", b"result")
    lock_output(tmp_path / "x.mp4").release()


def test_file_that_appears_is_replaced_with_overwrite(tmp_path: Path) -> None:
    output = OutputFile(tmp_path / "x.mp4", sources=[], overwrite=True)
    output.part.write_bytes(b"result")
    (tmp_path / "x.mp4").write_bytes(b"theirs")
    output.finish()
    assert (tmp_path / "x.mp4").read_bytes() == b"result"


@pytest.mark.parametrize("overwrite", [False, True])
def test_part_of_another_program_is_kept_beside_a_picture(tmp_path: Path, overwrite: bool) -> None:
    (tmp_path / "x.png.part").write_bytes(b"a download")
    output = OutputFile(tmp_path / "x.png", sources=[], overwrite=overwrite)
    output.part.write_bytes(b"result")
    output.finish()
    assert names(tmp_path) == ["x.png", "x.png.part"]
    assert (tmp_path / "x.png.part").read_bytes() == b"a download"


@pytest.mark.parametrize("link", [False, True])
def test_video_is_refused_beside_the_part_of_another_program(tmp_path: Path, link: bool) -> None:
    part = tmp_path / "x.mp4.part"
    (tmp_path / "mine").write_bytes(b"mine")
    part.symlink_to("mine") if link else part.write_bytes(b"a download")
    before = {name: (tmp_path / name).read_bytes() for name in names(tmp_path)}
    require_no_leftover(tmp_path / "x.mp4")
    with pytest.raises(OutputError, match="no run of this program has left it"):
        OutputFile(tmp_path / "x.mp4", sources=[], resume_key=KEY, overwrite=True)
    assert {name: (tmp_path / name).read_bytes() for name in names(tmp_path)} == before


@pytest.mark.parametrize(
    "path", ["n" * 252 + ".mp4", "loop/x.mp4", "file/x.mp4", "none/x.mp4"], ids=["long", "loop", "file", "none"]
)
def test_impossible_output_is_refused_in_one_line(tmp_path: Path, path: str) -> None:
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "file").touch()
    with pytest.raises(OutputError) as caught:
        OutputFile(tmp_path / path, sources=[])
    assert str(caught.value).startswith(str(tmp_path / path)) and "\n" not in str(caught.value)
