"""What image files hold beside their picture: it is in the output, or it is named."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest

from realtime.batch.jobs import Job
from realtime.batch.process import BatchOptions, process_image
from realtime.frame import Image
from realtime.sinks.output_file import OutputFile
from realtime.sources.image import read_image
from tests.sources.test_image import corners, exif, profile
from tests.video_files import copy_frame, ffmpeg

XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rating tiff:Orientation="6">5</rating></x:xmpmeta>'
XMP_MARK, EXIF_MARK = b"<rating", exif(1)[:8]
DENSITY = struct.pack(">BHH", 1, 300, 300)
IPTC = b"8BIM\x04\x04\0\0\0\0\0\x06Lisbon"
THUMBNAIL = b"8BIM\x04\x0c\0\0\0\0\0\x08original"


def process(source: Path, suffix: str) -> tuple[bytes, list[str]]:
    """Write an image without stylizing it; return the file's content and the notes."""
    target = OutputFile(source.with_name(f"out.{suffix}"), sources=[source], overwrite=True)
    result = process_image(Job(source, target.path), target, copy_frame, BatchOptions())
    assert cv2.imread(str(target.path), cv2.IMREAD_UNCHANGED) is not None
    return target.path.read_bytes(), result.notes


def png_chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def encode(suffix: str, image: Image, *options: int) -> bytes:
    succeeded, data = cv2.imencode(suffix, image, options)
    assert succeeded
    return bytes(data.tobytes())


def make_png(path: Path, *chunks: tuple[bytes, bytes]) -> Path:
    data = encode(".png", corners())
    path.write_bytes(data[:33] + b"".join(png_chunk(*chunk) for chunk in chunks) + data[33:])
    return path


def jpeg_segment(marker: int, content: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(content) + 2) + content


def make_jpeg(path: Path, *segments: tuple[int, bytes], density: bytes = DENSITY) -> Path:
    data = encode(".jpg", corners())
    head = data[:13] + density + data[18:20]
    path.write_bytes(head + b"".join(jpeg_segment(*segment) for segment in segments) + data[20:])
    return path


PNG_CHUNKS = (
    (b"gAMA", struct.pack(">I", 45455)),
    (b"iCCP", b"p\0\0" + zlib.compress(profile())),
    (b"pHYs", struct.pack(">IIB", 11811, 11811, 1)),
    (b"tEXt", b"Author\0Ada"),
    (b"tIME", b"\x07\xea\1\2\3\4\5"),
    (b"eXIf", exif(1)),
    (b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + XMP),
    (b"vpAg", b"private"),
)
JPEG_SEGMENTS = (
    (0xE1, b"Exif\0\0" + exif(6)),
    (0xE1, b"http://ns.adobe.com/xap/1.0/\0" + XMP),
    (0xE2, b"ICC_PROFILE\0\1\1" + profile()),
    (0xEB, b"JP\0\1 content credentials"),
    (0xED, b"Photoshop 3.0\0" + THUMBNAIL + IPTC),
    (0xFE, b"a comment"),
)


@pytest.mark.parametrize(
    ("suffix", "left_out"),
    [
        ("png", "chunk vpAg"), ("jpg", "gamma and primaries, text, date, chunk vpAg"),
        ("webp", "gamma and primaries, resolution, text, date, chunk vpAg"),
        ("tif", "gamma and primaries, text, date, EXIF, chunk vpAg"),
    ],
)  # fmt: skip
def test_metadata_of_png_is_kept_or_named(tmp_path: Path, suffix: str, left_out: str) -> None:
    data, notes = process(make_png(tmp_path / "p.png", *PNG_CHUNKS), suffix)
    assert notes == [f"left out of .{suffix}: {left_out}"]
    assert XMP_MARK in data and (EXIF_MARK in data) == (suffix != "tif")
    assert (b"tEXtAuthor\0Ada" in data) == (b"\x07\xea\1\2\3\4\5" in data) == (b"gAMA" in data) == (suffix == "png")
    assert read_image(tmp_path / f"out.{suffix}").metadata.icc == profile()
    resolution = read_image(tmp_path / f"out.{suffix}").metadata.resolution
    assert resolution is None if suffix == "webp" else resolution == pytest.approx((300, 300), abs=0.1)


@pytest.mark.parametrize(
    ("suffix", "left_out"),
    [
        ("jpg", "segment APP11 (JP)"), ("png", "segment APP11 (JP), IPTC, comment"),
        ("webp", "resolution, segment APP11 (JP), IPTC, comment"), ("tif", "EXIF, segment APP11 (JP), IPTC, comment"),
    ],
)  # fmt: skip
def test_metadata_of_jpeg_is_kept_or_named(tmp_path: Path, suffix: str, left_out: str) -> None:
    data, notes = process(make_jpeg(tmp_path / "p.jpg", *JPEG_SEGMENTS), suffix)
    assert notes == [f"left out of .{suffix}: {left_out}"]
    assert XMP_MARK in data and b"original" not in data
    assert b'Orientation="1"' in data, "the picture is upright now"
    assert (b"Lisbon" in data) == (b"a comment" in data) == (suffix == "jpg")
    assert read_image(tmp_path / f"out.{suffix}").image.shape == (60, 40, 3)
    assert suffix != "jpg" or data[13:18] == DENSITY


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_tiff_is_set_upright(tmp_path: Path, orientation: int, dtype: type) -> None:
    data = encode(".tif", corners().astype(dtype) * (np.iinfo(dtype).max // 255))
    unused = data.index(struct.pack("<HHI", 284, 3, 1))  # planar configuration, 1 by default
    patched = data[:unused] + struct.pack("<HHIHH", 274, 3, 1, orientation, 0) + data[unused + 12 :]
    (tmp_path / "p.tif").write_bytes(patched)
    jpeg = make_jpeg(tmp_path / "p.jpg", (0xE1, b"Exif\0\0" + exif(orientation)))
    upright = read_image(jpeg).image
    still = read_image(tmp_path / "p.tif")
    assert still.image.shape == upright.shape and np.abs(still.image.astype(int) - upright).mean() < 4


def test_pages_of_tiff_are_counted_and_its_texts_kept(tmp_path: Path) -> None:
    source = tmp_path / "p.tif"
    succeeded, data = cv2.imencodemulti(".tif", [corners()] * 3)
    assert succeeded
    source.write_bytes(data.tobytes())
    assert process(source, "png")[1] == ["it holds 3 pictures; only the first is painted"]
    ffmpeg("-i", make_png(tmp_path / "p.png"), "-dpi", "200", source)
    resolution = read_image(source).metadata.resolution
    content, notes = process(source, "tif")
    assert resolution == pytest.approx((200, 200)) and notes == [] and b"Lavc" in content
    assert read_image(tmp_path / "out.tif").metadata.resolution == pytest.approx((200, 200))
    assert process(source, "png")[1] == ["left out of .png: text"]


def test_further_pictures_and_appended_files_are_named(tmp_path: Path) -> None:
    mpf = b"MPF\0II*\0" + struct.pack("<IHHHIII", 8, 1, 0xB001, 4, 1, 2, 0)
    source = make_jpeg(tmp_path / "p.jpg", (0xE2, mpf), density=b"\0\0\1\0\1")
    source.write_bytes(source.read_bytes() + encode(".jpg", corners()))
    assert process(source, "jpg")[1] == ["it holds 2 pictures; only the first is painted"]
    source = make_jpeg(tmp_path / "p.jpg", density=b"\0\0\1\0\1")
    source.write_bytes(source.read_bytes() + b"\0\0\0\x18ftypmp42" + bytes(11) + b"!")
    assert process(source, "jpg")[1] == ["left out of .jpg: 24 bytes after its end, such as a film of the moment"]
    source.write_bytes(encode(".jpg", corners()) + bytes(64))
    assert process(source, "jpg")[1] == [], "padding"


def test_xmp_of_appended_files_is_named_and_not_kept(tmp_path: Path) -> None:
    xmp = XMP.replace(b"5<", b'<Container:Directory hdrgm="hdr-gain-map"/><')
    source = make_jpeg(tmp_path / "p.jpg", (0xE1, b"http://ns.adobe.com/xap/1.0/\0" + xmp), density=b"\0\0\1\0\1")
    data, notes = process(source, "jpg")
    assert notes == ["left out of .jpg: XMP"] and XMP_MARK not in data


def test_webp_chunk_and_profile_are_kept_or_named(tmp_path: Path) -> None:
    kinds, icc = [cv2.IMAGE_METADATA_ICCP], np.frombuffer(profile(), np.uint8)
    _, encoded = cv2.imencodeWithMetadata(".webp", corners(), kinds, [icc])
    data = encoded.tobytes() + b"priv" + struct.pack("<I", 4) + b"data"
    (tmp_path / "p.webp").write_bytes(data[:4] + struct.pack("<I", len(data) - 8) + data[8:])
    assert process(tmp_path / "p.webp", "png")[1] == ["left out of .png: chunk priv"]
    assert read_image(tmp_path / "out.png").metadata.icc == profile()


def test_gray_picture_and_its_profile_are_named(tmp_path: Path) -> None:
    gray_profile = profile().replace(b"RGB ", b"GRAY")
    data = encode(".png", corners()[:, :, 0])
    chunk = png_chunk(b"iCCP", b"p\0\0" + zlib.compress(gray_profile))
    (tmp_path / "p.png").write_bytes(data[:33] + chunk + data[33:])
    assert process(tmp_path / "p.png", "png")[1] == [
        "it is gray; it is written in colour",
        "left out of .png: colour profile (gray)",
    ]


@pytest.mark.parametrize("suffix", ["hdr", "exr"])
def test_linear_pictures_are_shown_with_gamma(tmp_path: Path, suffix: str) -> None:
    linear = np.full((16, 16, 3), 0.2140, np.float32)  # half of the brightest in sRGB
    cv2.imwrite(str(tmp_path / "p.hdr"), linear)
    if suffix == "exr":
        raw = tmp_path / "raw"
        raw.write_bytes(linear.transpose(2, 0, 1).tobytes())
        ffmpeg("-f", "rawvideo", "-pix_fmt", "gbrpf32le", "-s", "16x16", "-i", raw, tmp_path / "p.exr")
    assert np.abs(read_image(tmp_path / f"p.{suffix}").image.astype(int) - 127).max() <= 1


def test_avif_of_ten_bits_is_as_bright_as_of_eight(tmp_path: Path) -> None:
    gray = ("-f", "lavfi", "-i", "color=gray:s=64x48", "-frames:v", "1", "-c:v", "libaom-av1", "-cpu-used", "8")
    ffmpeg(*gray, "-pix_fmt", "yuv420p10le", tmp_path / "p.avif")
    still = read_image(tmp_path / "p.avif")
    assert abs(int(still.image.mean()) - 128) <= 2 and still.high_bit_depth


def test_layers_and_icons_are_named(tmp_path: Path) -> None:
    head = struct.pack(">4sH6xHIIHH", b"8BPS", 1, 3, 4, 4, 8, 3) + bytes(8)
    layers = struct.pack(">IIh", 8, 4, 2) + bytes(2)
    (tmp_path / "p.psd").write_bytes(head + layers + b"\0\0" + bytes(range(48)))
    assert "left out of .png: 2 layers" in process(tmp_path / "p.psd", "png")[1]
    icons = [encode(".png", corners(32, 32)), encode(".png", corners(16, 16))]
    entries = b"".join(
        struct.pack("<BBBBHHII", side, side, 0, 0, 1, 32, len(icon), 38 + len(icons[0]) * number)
        for number, (icon, side) in enumerate(zip(icons, (32, 16), strict=True))
    )
    (tmp_path / "p.ico").write_bytes(struct.pack("<HHH", 0, 1, 2) + entries + b"".join(icons))
    assert "it holds 2 pictures; only the first is painted" in process(tmp_path / "p.ico", "png")[1]


def test_animation_keeps_metadata(tmp_path: Path) -> None:
    animation = cv2.Animation()
    animation.frames, animation.durations = [corners(), corners()[::-1].copy()], [100, 100]
    _, encoded = cv2.imencodeanimation(".png", animation)
    data = encoded.tobytes()
    (tmp_path / "p.png").write_bytes(data[:33] + png_chunk(*PNG_CHUNKS[3]) + data[33:])
    content, notes = process(tmp_path / "p.png", "png")
    assert notes == [] and b"tEXtAuthor\0Ada" in content and content.count(b"fcTL") == 2
    assert process(tmp_path / "p.png", "webp")[1] == ["left out of .webp: text"]
