"""Directories of TIFF structures: of TIFF and BigTIFF files, and of EXIF."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

STARTS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
DAMAGED = (struct.error, IndexError, KeyError)  # what reading a damaged structure raises
SHORT, LONG, RATIONAL, LONG8 = 3, 4, 5, 16  # types of values
BYTE, ASCII, UNDEFINED = 1, 2, 7
_TYPE_SIZES = (0, 1, 1, 2, 4, 8, 1, 1, 2, 4, 8, 4, 8, 4, 0, 0, 8, 8, 8)  # bytes of a value, by type
_FORMATS = {SHORT: "H", LONG: "I", LONG8: "Q"}
_MAX_DIRECTORIES = 10_000


class TiffEntry(NamedTuple):
    """The value of a tag. type: of TIFF. size: number of values. place: in the data. order: of its bytes."""

    type: int
    size: int
    place: int
    order: str

    def content(self, data: bytes) -> bytes:
        """Return the values as they lie in the data."""
        return data[self.place : self.place + self.size * _TYPE_SIZES[self.type]]

    def number(self, data: bytes) -> float:
        """Return the first value, an integer or a fraction. Raises one of DAMAGED."""
        if self.type == RATIONAL:
            numerator, denominator = struct.unpack_from(self.order + "II", data, self.place)
            return numerator / denominator if denominator else 0.0
        return int(struct.unpack_from(self.order + _FORMATS[self.type], data, self.place)[0])


@dataclass(frozen=True)
class TiffDirectory:
    """One directory. entries: by tag. link: where the offset of the next directory lies; next: that offset."""

    entries: dict[int, TiffEntry]
    link: int
    next: int


def read_directory(data: bytes, start: int = 0, offset: int | None = None) -> TiffDirectory:
    """Read a directory, by default the first.

    start: of the structure in the data, from which offsets count. offset: of the directory. Raises one of DAMAGED.
    """
    order = {b"II": "<", b"MM": ">"}[data[start : start + 2]]
    is_big = data[start + 2 : start + 4].strip(b"\0") == b"+"
    pointer, counter, entry_size = ("Q", "Q", 20) if is_big else ("I", "H", 12)
    if offset is None:
        (offset,) = struct.unpack_from(order + pointer, data, start + (8 if is_big else 4))
    (count,) = struct.unpack_from(order + counter, data, start + offset)
    first = start + offset + struct.calcsize(counter)
    link = first + count * entry_size
    (following,) = struct.unpack_from(order + pointer, data, link)
    entries = {}
    for place in range(first, link, entry_size):
        tag, kind, number = struct.unpack_from(order + "HH" + pointer, data, place)
        value = place + 4 + struct.calcsize(pointer)
        if kind < len(_TYPE_SIZES) and number * _TYPE_SIZES[kind] > struct.calcsize(pointer):
            value = start + struct.unpack_from(order + pointer, data, value)[0]
        if kind < len(_TYPE_SIZES):
            entries[tag] = TiffEntry(kind, number, value, order)
    return TiffDirectory(entries, link, following)


def read_directories(data: bytes) -> Iterator[TiffDirectory]:
    """Yield all directories of a file, as far as they can be read."""
    offset: int | None = None
    seen: set[int] = set()
    while len(seen) < _MAX_DIRECTORIES:
        try:
            directory = read_directory(data, 0, offset)
        except DAMAGED:
            return
        yield directory
        offset = directory.next
        if not offset or offset in seen:
            return
        seen.add(offset)
