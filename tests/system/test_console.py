"""The handler that prints what the library logs."""

from __future__ import annotations

import io
import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest

from realtime.errors import StylizeError
from realtime.system.console import RESULT, ConsoleHandler, log_to_console, write_stderr, write_stdout
from tests.conftest import ROOT


@pytest.fixture
def logger() -> logging.Logger:
    log_to_console("the-program", "tests.console")
    return logging.getLogger("tests.console.module")


def test_records_are_bare_lines_and_only_results_go_to_stdout(
    logger: logging.Logger, capsys: pytest.CaptureFixture[str]
) -> None:
    logger.info("saved %s", "x.mp4", extra=RESULT)
    logger.info("no news")
    logger.warning("passed over: %s", "y.onnx")
    logger.error("the disk is full")
    logger.debug("not shown")
    assert capsys.readouterr() == ("saved x.mp4\n", "no news\npassed over: y.onnx\nthe-program: the disk is full\n")


def test_second_call_replaces_the_handler(logger: logging.Logger, capsys: pytest.CaptureFixture[str]) -> None:
    log_to_console("another", "tests.console")
    logger.error("once")
    assert capsys.readouterr().err == "another: once\n"


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_closed_stream_raises_nothing(logger: logging.Logger, monkeypatch: pytest.MonkeyPatch, stream: str) -> None:
    class Closed(io.StringIO):
        def write(self, text: str) -> int:
            raise BrokenPipeError(32, "Broken pipe")

    monkeypatch.setattr(sys, stream, Closed())
    logger.info("result", extra=RESULT)
    logger.error("error")
    write_stdout("line")
    write_stderr("line")


def test_handler_prints_to_the_streams_of_the_moment(logger: logging.Logger, monkeypatch: pytest.MonkeyPatch) -> None:
    """The streams may be replaced after the handler was made, as pytest does."""
    (handler,) = (h for h in logging.getLogger("tests.console").handlers if isinstance(h, ConsoleHandler))
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    handler.emit(logging.LogRecord("x", logging.INFO, "", 0, "line", None, None))
    assert stream.getvalue() == "line\n"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("the\N{NO-BREAK SPACE}scream ☂ \N{ZERO WIDTH JOINER}", "the\N{NO-BREAK SPACE}scream ☂ \N{ZERO WIDTH JOINER}"),
        ("a\x1b[2Jb\nc\x7f\x9b", "a�[2Jb�c��"),
        ("gpj.\N{RIGHT-TO-LEFT OVERRIDE}exe\N{LINE SEPARATOR}", "gpj.�exe�"),
    ],
)
def test_control_characters_are_replaced_in_errors_and_in_what_is_printed(
    text: str, shown: str, capsys: pytest.CaptureFixture[str]
) -> None:
    write_stdout(text)
    write_stderr(text)
    assert capsys.readouterr() == (f"{shown}\n", f"{shown}\n")
    assert str(StylizeError(text)) == shown


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&- >&- 2>&-"])
def test_program_runs_with_closed_streams_and_prints_into_no_file(tmp_path: Path, closed: str) -> None:
    """Without a replacement the first file that is opened has the number of stdout or stderr."""
    lines = (
        "import os",
        "from realtime.system.console import open_closed_streams, write_stdout, write_stderr",
        "open_closed_streams()",
        f"file = os.open({str(tmp_path / 'file')!r}, os.O_WRONLY | os.O_CREAT)",
        "write_stdout('out'), write_stderr('error'), os.write(2, b'native')",
        "assert file > 2",
    )
    (tmp_path / "program.py").write_text("\n".join(lines))
    command = f"exec {sys.executable} {tmp_path / 'program.py'} {closed}"
    done = subprocess.run(["bash", "-c", command], cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT)}, timeout=60)
    assert done.returncode == 0
    assert (tmp_path / "file").read_bytes() == b""
