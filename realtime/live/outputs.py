"""Fan-out of the pictures shown: to recordings, a virtual camera, a web page."""

from __future__ import annotations

import logging
from types import TracebackType
from typing import Any, Protocol

from realtime.errors import StylizeError
from realtime.frame import Image

logger = logging.getLogger(__name__)


class Output(Protocol):
    """A destination of the pictures shown, besides the screen. Opened by its constructor."""

    @property
    def kind(self) -> str:
        """Its key in the table of --stats."""
        ...

    @property
    def in_use(self) -> bool:
        """Whether its pictures are used now. Stylizing may pause while no output is in use."""
        ...

    @property
    def error(self) -> StylizeError | None:
        """The error that has ended it, or None."""
        ...

    def show(self, image: Image, captured: float) -> None:
        """Take a picture [H, W, 3] uint8 that is not changed afterwards, with its `Frame.captured`. Never waits."""
        ...

    def summary(self) -> dict[str, Any]:
        """Return what --stats writes about it."""
        ...

    def close(self) -> None:
        """Finish and release it."""
        ...


class Outputs:
    """Passes every picture shown, without the figures over it, to each of the outputs.

    The error of an output is reported in one line, and the other outputs go on.
    """

    def __init__(self) -> None:
        self.failures: list[StylizeError] = []
        self._outputs: list[Output] = []
        self._messages: list[str] = []

    def __bool__(self) -> bool:
        return bool(self._outputs)

    @property
    def in_use(self) -> bool:
        """Whether the pictures of any output are used now."""
        return any(output.in_use for output in self._outputs)

    def add(self, output: Output) -> None:
        """Pass pictures to this output from now on."""
        self._outputs.append(output)

    def remove(self, output: Output) -> None:
        """Pass no more pictures to this output; it is not closed."""
        self._outputs.remove(output)

    def show(self, image: Image, captured: float) -> None:
        """Pass on a picture [H, W, 3] uint8 that is not changed afterwards, with its `Frame.captured`. Never waits."""
        for output in self._outputs:
            output.show(image, captured)

    def check(self) -> None:
        """Close and remove the outputs that an error has ended, and report it."""
        for output in list(self._outputs):
            if (error := output.error) is not None:
                self.fail(error)
                output.close()
                self.remove(output)

    def fail(self, error: StylizeError) -> None:
        """Report the error of an output; it makes the program's exit status 1."""
        self.failures.append(error)
        self.warn(str(error))

    def warn(self, line: str) -> None:
        """Report a problem that ends no output."""
        logger.error(line)
        self.notify(line)

    def notify(self, line: str) -> None:
        """Keep a line for the screen."""
        self._messages.append(line)

    def take_messages(self) -> list[str]:
        """Return the lines for the screen that have come since the last call."""
        messages, self._messages = self._messages, []
        return messages

    def summary(self) -> dict[str, Any]:
        """Return what --stats writes about each output, by its kind."""
        return {output.kind: output.summary() for output in self._outputs}

    def close(self) -> None:
        """Finish and release every output."""
        for output in self._outputs:
            output.close()
        self.check()

    def __enter__(self) -> Outputs:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
