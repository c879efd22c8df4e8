"""Reading of images with transparency and of unreadable ones."""

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
# Orientation 6: turned a quarter to the right when shown.
EXIF = np.frombuffer(b"II*\0\x08\0\0\0" + struct.pack("<HHHIHHI", 1, 0x0112, 3, 1, 6, 0, 0), np.uint8)


def half_transparent(
    dtype: type[np.uint8] | type[np.uint16] = np.uint8,
) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """Return an image, [20, 40, 4], that is opaque red on the left and transparent green on the right."""
    picture = np.zeros((20, 40, 4), np.uint8)
    picture[:, :20] = [*RED, 255]
    picture[:, 20:] = [*GREEN, 0]
    return picture.astype(dtype) * (257 if dtype is np.uint16 else 1)  # type: ignore[return-value]


@pytest.mark.parametrize(("name", "dtype"), [("a.png", np.uint8), ("a.png", np.uint16), ("a.webp", np.uint8)])
def test_transparent_pixels_are_white_or_trimmed(
    tmp_path: Path, name: str, dtype: type[np.uint8] | type[np.uint16]
) -> None:
    cv2.imwrite(str(tmp_path / name), half_transparent(dtype), [cv2.IMWRITE_WEBP_QUALITY, 101])
    image = read_image(tmp_path / name)
    assert image.shape == (20, 40, 3) and image[0, 0].tolist() == RED and image[0, -1].tolist() == WHITE
    trimmed = read_image(tmp_path / name, trim=True)
    assert trimmed.shape == (20, 20, 3) and (trimmed == RED).all()


def test_half_transparent_pixel_is_blended_with_white(tmp_path: Path) -> None:
    picture = np.full((2, 2, 4), [0, 0, 100, 128], np.uint8)
    cv2.imwrite(str(tmp_path / "a.png"), picture)
    assert read_image(tmp_path / "a.png")[0, 0].tolist() == [127, 127, 177]


@pytest.mark.parametrize("suffix", [".png", ".webp"])
def test_alpha_channel_is_rotated_with_the_image(tmp_path: Path, suffix: str) -> None:
    _, data = cv2.imencodeWithMetadata(suffix, half_transparent(), [cv2.IMAGE_METADATA_EXIF], [EXIF])
    (tmp_path / "a").write_bytes(data.tobytes())
    image = read_image(tmp_path / "a")
    assert image.shape == (40, 20, 3) and image[0, 0].argmax() == 2 and image[-1, 0].tolist() == WHITE


@pytest.mark.parametrize(
    "chunks",
    [
        pytest.param(
            [
                (b"IHDR", struct.pack(">IIBBBBB", 2, 1, 8, 3, 0, 0, 0)),
                (b"PLTE", bytes([*RED, *RED])),
                (b"tRNS", b"\xff\0"),
                (b"IDAT", b"\0\0\1"),
            ],
            id="palette",
        ),
        pytest.param(
            [(b"IHDR", struct.pack(">IIBBBBB", 2, 1, 8, 4, 0, 0, 0)), (b"IDAT", b"\0\x20\xff\x20\0")], id="grey"
        ),
    ],
)
def test_transparency_of_palette_and_grey_images_is_read(tmp_path: Path, chunks: list[tuple[bytes, bytes]]) -> None:
    (tmp_path / "a.png").write_bytes(png(chunks))
    first, second = read_image(tmp_path / "a.png")[0].tolist()
    assert first != WHITE and second == WHITE


def png(chunks: list[tuple[bytes, bytes]]) -> bytes:
    """Return a PNG file of these chunks; the data of IDAT is given uncompressed."""
    file = b"\x89PNG\r\n\x1a\n"
    for kind, data in [*chunks, (b"IEND", b"")]:
        packed = zlib.compress(data) if kind == b"IDAT" else data
        file += struct.pack(">I", len(packed)) + kind + packed + struct.pack(">I", zlib.crc32(kind + packed))
    return file


def test_fully_transparent_image_is_refused(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "a.png"), np.zeros((8, 8, 4), np.uint8))
    with pytest.raises(TrainingError, match=r"a\.png: all of it is transparent$"):
        read_image(tmp_path / "a.png")


def test_unsupported_format_is_refused_with_advice(tmp_path: Path) -> None:
    (tmp_path / "a.heic").write_bytes(b"\0\0\0\x18ftypheic")
    with pytest.raises(TrainingError, match=r"a\.heic: .* save it as \.jpg or \.png first$"):
        read_image(tmp_path / "a.heic")
    with pytest.raises(TrainingError, match=r"no pictures in it \(\.bmp, .*\); save others as one of these$"):
        list_images(tmp_path)
