"""Pictures as their makers see them: what is transparent is not there."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest

from training.errors import TrainingError
from training.images import list_images, read_image

RED, GREEN, WHITE = [0, 0, 255], [0, 255, 0], [255, 255, 255]
EXIF = np.frombuffer(b"II*\0\x08\0\0\0" + struct.pack("<HHHIHHI", 1, 0x0112, 3, 1, 6, 0, 0), np.uint8)  # to the right


def half(dtype: type[np.uint8] | type[np.uint16] = np.uint8) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """Red on the left and, transparent, green on the right: [20, 40, 4]."""
    picture = np.zeros((20, 40, 4), np.uint8)
    picture[:, :20] = [*RED, 255]
    picture[:, 20:] = [*GREEN, 0]
    return picture.astype(dtype) * (257 if dtype is np.uint16 else 1)  # type: ignore[return-value]


@pytest.mark.parametrize(("name", "dtype"), [("a.png", np.uint8), ("a.png", np.uint16), ("a.webp", np.uint8)])
def test_what_is_transparent_is_white_or_cut_off(
    tmp_path: Path, name: str, dtype: type[np.uint8] | type[np.uint16]
) -> None:
    cv2.imwrite(str(tmp_path / name), half(dtype), [cv2.IMWRITE_WEBP_QUALITY, 101])
    seen = read_image(tmp_path / name)
    assert seen.shape == (20, 40, 3) and seen[0, 0].tolist() == RED and seen[0, -1].tolist() == WHITE
    trimmed = read_image(tmp_path / name, trim=True)
    assert trimmed.shape == (20, 20, 3) and (trimmed == RED).all()


def test_what_is_half_transparent_is_half_white(tmp_path: Path) -> None:
    picture = np.full((2, 2, 4), [0, 0, 100, 128], np.uint8)
    cv2.imwrite(str(tmp_path / "a.png"), picture)
    assert read_image(tmp_path / "a.png")[0, 0].tolist() == [127, 127, 177]


@pytest.mark.parametrize("ending", [".png", ".webp"])
def test_transparency_is_set_upright_too(tmp_path: Path, ending: str) -> None:
    _, data = cv2.imencodeWithMetadata(ending, half(), [cv2.IMAGE_METADATA_EXIF], [EXIF])
    (tmp_path / "a").write_bytes(data.tobytes())
    seen = read_image(tmp_path / "a")
    assert seen.shape == (40, 20, 3) and seen[0, 0].argmax() == 2 and seen[-1, 0].tolist() == WHITE


def test_a_palette_and_greys_may_be_transparent_too(tmp_path: Path) -> None:
    for name in ("palette.png", "grey.png"):
        chunks = {
            "palette.png": [(b"IHDR", struct.pack(">IIBBBBB", 2, 1, 8, 3, 0, 0, 0)), (b"PLTE", bytes([*RED, *RED])),
                            (b"tRNS", b"\xff\0"), (b"IDAT", b"\0\0\1")],
            "grey.png": [(b"IHDR", struct.pack(">IIBBBBB", 2, 1, 8, 4, 0, 0, 0)), (b"IDAT", b"\0\x20\xff\x20\0")],
        }[name]  # fmt: skip
        (tmp_path / name).write_bytes(png(chunks))
        first, second = read_image(tmp_path / name)[0].tolist()
        assert first != WHITE and second == WHITE, name


def png(chunks: list[tuple[bytes, bytes]]) -> bytes:
    """A file of these chunks; the pixels come plain."""
    file = b"\x89PNG\r\n\x1a\n"
    for kind, data in [*chunks, (b"IEND", b"")]:
        packed = zlib.compress(data) if kind == b"IDAT" else data
        file += struct.pack(">I", len(packed)) + kind + packed + struct.pack(">I", zlib.crc32(kind + packed))
    return file


def test_a_picture_that_shows_nothing_is_one_line(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "a.png"), np.zeros((8, 8, 4), np.uint8))
    with pytest.raises(TrainingError, match=r"a\.png: all of it is transparent$"):
        read_image(tmp_path / "a.png")


def test_pictures_of_other_kinds_say_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "a.heic").write_bytes(b"\0\0\0\x18ftypheic")
    with pytest.raises(TrainingError, match=r"a\.heic: .* save it as \.jpg or \.png first$"):
        read_image(tmp_path / "a.heic")
    with pytest.raises(TrainingError, match=r"no pictures in it \(\.bmp, .*\); save others as one of these$"):
        list_images(tmp_path)
