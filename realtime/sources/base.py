"""What every source of pictures has in common."""

from __future__ import annotations

from typing import Protocol, Self

from realtime.frame import Frame


class Source(Protocol):
    """Gives frames, one after the other. Opened by its constructor, closed by `close()` or `with`.

    `read` and `close` belong to one thread: closing under a read that is still waiting in native code
    would pull the memory from under it.
    """

    @property
    def name(self) -> str:
        """What the user sees; passwords in it are masked."""
        ...

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) of the newest frame."""
        ...

    @property
    def fps(self) -> float:
        """Frames a second: measured, until then what the source says of itself; 0.0 is unknown."""
        ...

    @property
    def decode_errors(self) -> int:
        """Pictures that came damaged and were skipped."""
        ...

    @property
    def mirror(self) -> bool:
        """Whether people expect to see this one as in a mirror."""
        return False

    @property
    def format(self) -> str:
        """How the pictures come, such as MJPG; empty where that is not known."""
        return ""

    @property
    def waits(self) -> bool:
        """Whether it stands still while nobody reads, as a film does, or goes on, as the world does."""
        return False

    def read(self) -> Frame | None:
        """Wait for the next frame; None where there is none after the last.

        Raises SignalLost when the source has to be opened again, SourceError when that is hopeless.
        """
        ...

    def close(self) -> None:
        """Give the device or connection back. May be called twice."""
        ...

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
