"""MP4 in pieces, as far as it was written."""

from __future__ import annotations

import os
from pathlib import Path


def keep_whole_pieces(path: Path) -> None:
    """Cut off what a full disk left of the last piece: players stumble over half of one.

    Nothing happens to a file that is whole or no MP4, nor to one that has no whole piece. Raises OSError.
    """
    size = path.stat().st_size
    kind = b""
    end = keep = 0  # bytes: of the boxes seen, of those up to the last whole piece
    with path.open("rb+") as file:
        while end + 8 <= size:
            file.seek(end)
            head = file.read(16)
            length, kind = int.from_bytes(head[:4], "big"), head[4:8]
            if length == 1:
                length = int.from_bytes(head[8:16], "big")
            if length < 8 or end + length > size or not kind.isalnum():
                break
            end += length
            if kind == b"mdat":  # the pictures; what comes before tells where they are
                keep = end
        whole = end == size and kind != b"moof"
        if keep > 0 and not whole:
            file.truncate(keep)
            os.fsync(file.fileno())
