"""Images read and written: upright, with all metadata, and within the pixel limit."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest

from realtime.errors import OutputError, SourceError
from realtime.frame import Image
from realtime.sinks.image import notes_for, write_image
from realtime.sinks.output_file import OutputFile
from realtime.sources.image import image_size, read_image

SUFFIXES = ("jpg", "png", "webp")


def corners(height: int = 40, width: int = 60) -> Image:
    """Return an image that looks different in each of the eight orientations."""
    image = np.full((height, width, 3), 128, np.uint8)
    image[: height // 2, : width // 2] = (255, 0, 0)
    image[height // 2 :, width // 2 :] = (0, 0, 255)
    return image


def exif(orientation: int, order: str = "<") -> bytes:
    head = b"II*\0" if order == "<" else b"MM\0*"
    return head + struct.pack(order + "IHHHIHHI", 8, 1, 0x0112, 3, 1, orientation, 0, 0)


def save(path: Path, image: Image, **chunks: bytes) -> Path:
    kinds = {"exif": cv2.IMAGE_METADATA_EXIF, "icc": cv2.IMAGE_METADATA_ICCP}
    blocks = [np.frombuffer(data, np.uint8) for data in chunks.values()]
    succeeded, data = cv2.imencodeWithMetadata(path.suffix, image, [kinds[k] for k in chunks], blocks)
    assert succeeded
    path.write_bytes(data.tobytes())
    return path


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("order", "<>")
def test_exif_orientation_is_applied_once(tmp_path: Path, orientation: int, order: str) -> None:
    path = save(tmp_path / "p.jpg", corners(), exif=exif(orientation, order))
    shown = cv2.imread(str(path))  # applies the orientation itself
    assert shown is not None
    still = read_image(path)
    assert np.abs(still.image.astype(int) - shown).mean() < 1
    target = OutputFile(tmp_path / "o.jpg", sources=[path])
    write_image(target, still.image, still)
    again = cv2.imread(str(target.path))
    assert again is not None and again.shape == shown.shape
    assert np.abs(again.astype(int) - shown).mean() < 3


def profile() -> bytes:
    """Return the header of an ICC profile and one tag, which is as much as libpng checks."""
    tag = np.random.default_rng(0).bytes(256)  # libpng refuses a profile that compresses too well
    head = struct.pack(">I4sI4s4s4s", 400, b"none", 0x04000000, b"mntr", b"RGB ", b"XYZ ").ljust(36, b"\0")
    white = struct.pack(">III", 0xF6D6, 0x10000, 0xD32D)  # D50
    return (
        ((head + b"acsp").ljust(68, b"\0") + white).ljust(128, b"\0")
        + struct.pack(">I4sII", 1, b"cprt", 144, 256)
        + tag
    )


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_colour_profile_and_exif_are_written_to_the_output(tmp_path: Path, suffix: str) -> None:
    icc = profile()
    path = save(tmp_path / f"p.{suffix}", corners(), exif=exif(1), icc=icc)
    still = read_image(path)
    assert still.metadata.icc == icc and still.metadata.exif
    for other in SUFFIXES:
        target = OutputFile(tmp_path / f"o.{other}", sources=[path], overwrite=True)
        write_image(target, still.image, still)
        again = read_image(target.path)
        assert (again.metadata.icc, again.metadata.exif) == (still.metadata.icc, still.metadata.exif)


@pytest.mark.parametrize("suffix", ["png", "webp", "tif"])
def test_transparency_is_written_to_the_output(tmp_path: Path, suffix: str) -> None:
    alpha = np.tile(np.linspace(0, 255, 60).astype(np.uint8), (40, 1))
    path = save(tmp_path / "p.png", np.dstack([corners(), alpha]))
    still = read_image(path)
    assert still.alpha is not None and (still.alpha == alpha).all()
    target = OutputFile(tmp_path / f"o.{suffix}", sources=[path])
    assert notes_for(target, still) == []
    write_image(target, still.image, still)
    again = read_image(target.path)
    assert again.alpha is not None and (again.alpha == alpha).all()


def test_jpeg_output_has_transparency_on_white_and_a_note(tmp_path: Path) -> None:
    path = save(tmp_path / "p.png", np.dstack([corners(), np.zeros((40, 60), np.uint8)]))
    still = read_image(path)
    target = OutputFile(tmp_path / "o.jpg", sources=[path])
    assert any("transparency" in note for note in notes_for(target, still))
    write_image(target, still.image, still)
    assert read_image(target.path).image.min() > 250


def test_gray_and_16_bit_images_are_read_as_8_bit_colour(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "g.png"), np.full((20, 30), 77, np.uint8))
    assert (read_image(tmp_path / "g.png").image == 77).all()
    cv2.imwrite(str(tmp_path / "d.png"), np.full((20, 30, 3), 77 * 257, np.uint16))
    still = read_image(tmp_path / "d.png")
    assert (still.image == 77).all() and "8 bits" in still.notes[0]


@pytest.mark.parametrize("suffix", ["png", "tif", "webp", "jpg"])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_16_bit_image_is_written_with_16_bits_where_the_format_allows(
    tmp_path: Path, suffix: str, channels: int
) -> None:
    rng = np.random.default_rng(0)
    raw = rng.integers(0, 65536, (20, 30, channels) if channels > 1 else (20, 30), np.uint16)
    cv2.imwrite(str(tmp_path / "d.png"), raw)
    still = read_image(tmp_path / "d.png")
    target = OutputFile(tmp_path / f"o.{suffix}", sources=[])
    write_image(target, still.image, still)
    again = cv2.imread(str(target.path), cv2.IMREAD_UNCHANGED)
    assert again is not None
    assert again.dtype == (np.uint16 if suffix in ("png", "tif") else np.uint8)
    if again.dtype == np.uint16:
        assert (again[..., :3] == still.image.astype(np.uint16) * 257).all()
        if channels == 4:
            assert (again[..., 3] == raw[..., 3]).all(), "transparency is not stylized, so it is exact"


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tif"])
def test_image_size_is_read_from_the_header(tmp_path: Path, suffix: str) -> None:
    cv2.imwrite(str(tmp_path / f"p.{suffix}"), corners(41, 63))
    assert image_size((tmp_path / f"p.{suffix}").read_bytes()) == (63, 41)


def test_image_beyond_the_pixel_limit_is_refused_before_decoding(tmp_path: Path) -> None:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0))
    (tmp_path / "p.png").write_bytes(b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(b"\0" * 1000)))
    with pytest.raises(SourceError, match="60000 x 60000"):
        read_image(tmp_path / "p.png")


@pytest.mark.parametrize(
    "content", [b"", b"nonsense", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"II*\0\xff\xff\xff\xff", None]
)
def test_file_that_is_no_image_is_refused_in_one_line(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "p.png").write_bytes(content)
    with pytest.raises(SourceError, match=r"p\.png") as caught:
        read_image(tmp_path / "p.png")
    assert "\n" not in str(caught.value)


def test_image_too_wide_for_webp_is_refused_in_one_line(tmp_path: Path) -> None:
    path = save(tmp_path / "p.png", np.zeros((16, 17_000, 3), np.uint8))
    still = read_image(path)
    with pytest.raises(OutputError, match=r"o\.webp"):
        write_image(OutputFile(tmp_path / "o.webp", sources=[path]), still.image, still)


@pytest.mark.parametrize("order", "<>")
def test_exif_thumbnail_is_not_written_to_the_output(tmp_path: Path, order: str) -> None:
    thumbnail = b"\xff\xd8 of what was there \xff\xd9"
    head = b"II*\0" if order == "<" else b"MM\0*"
    first = struct.pack(order + "IHHHIHHI", 8, 1, 0x0112, 3, 1, 6, 0, 26)
    second = struct.pack(order + "HHHIIHHIII", 2, 0x0201, 4, 1, 56, 0x0202, 4, 1, len(thumbnail), 0)
    data = head + first + second + thumbnail
    assert data.index(thumbnail) == 56
    path = save(tmp_path / "p.jpg", corners(), exif=data)
    assert thumbnail in path.read_bytes()
    still = read_image(path)
    target = OutputFile(tmp_path / "o.jpg", sources=[path])
    write_image(target, still.image, still)
    assert thumbnail not in target.path.read_bytes()
    assert read_image(target.path).metadata.exif[:4] == head, "the rest of the EXIF is kept"
