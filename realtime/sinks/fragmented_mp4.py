"""Fragmented MP4 files whose last fragment is incomplete."""

from __future__ import annotations

import os
from pathlib import Path


def keep_whole_fragments(path: Path) -> None:
    """Truncate an MP4 file after its last complete fragment: players stumble over half of one.

    A full disk leaves such files. One that is complete, that is no MP4 or that has no complete fragment is not changed.
    Raises OSError.
    """
    size = path.stat().st_size
    box_type = b""
    end = fragment_end = 0  # bytes: of the boxes read so far, and of those up to the last complete fragment
    with path.open("rb+") as file:
        while end + 8 <= size:
            file.seek(end)
            header = file.read(16)
            box_size, box_type = int.from_bytes(header[:4], "big"), header[4:8]
            if box_size == 1:  # a 64-bit size follows
                box_size = int.from_bytes(header[8:16], "big")
            if box_size < 8 or end + box_size > size or not box_type.isalnum():
                break
            end += box_size
            if box_type == b"mdat":  # the media data; the moof box before it says where its samples are
                fragment_end = end
        complete = end == size and box_type != b"moof"
        if fragment_end > 0 and not complete:
            file.truncate(fragment_end)
            os.fsync(file.fileno())
