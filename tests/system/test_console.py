"""The handler that prints what the library logs."""

from __future__ import annotations

import io
import logging
import sys

import pytest

from realtime.system.console import RESULT, ConsoleHandler, log_to_console, write_stderr, write_stdout


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
