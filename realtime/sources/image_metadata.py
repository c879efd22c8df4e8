"""What an image file holds beside its picture: metadata, and whatever else lies in it.

Read from the input and from the output alike: what only the input has is named to the user.
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Iterator

from realtime.frame import ImageMetadata
from realtime.sources import tiff
from realtime.sources.exif import clean_xmp

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
INCH = 0.0254  # m
_MAX_PROFILE_BYTES = 64 << 20
_XMP_KEYWORD = b"XML:com.adobe.xmp\0"
_PNG_STRUCTURE = (b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"sBIT", b"bKGD", b"hIST", b"acTL", b"fcTL", b"fdAT")
_PNG_KINDS = {
    b"eXIf": "EXIF", b"iCCP": "colour profile", b"tEXt": "text", b"zTXt": "text", b"iTXt": "text", b"tIME": "date",
    b"pHYs": "resolution", b"gAMA": "gamma and primaries", b"cHRM": "gamma and primaries", b"sRGB": "rendering intent",
    b"cICP": "colour description",
}  # fmt: skip
# They are as true of the stylized picture.
_COPIED_PNG_CHUNKS = (b"tEXt", b"zTXt", b"iTXt", b"tIME", b"pHYs", b"gAMA", b"cHRM", b"sRGB", b"cICP")
_WEBP_KINDS = {b"EXIF": "EXIF", b"XMP ": "XMP", b"ICCP": "colour profile"}
_WEBP_STRUCTURE = (b"VP8 ", b"VP8L", b"VP8X", b"ALPH", b"ANIM", b"ANMF")
_JPEG_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")  # of a segment, among the coded pixels
_JPEG_KINDS = (
    (0xE1, b"Exif\0", "EXIF"), (0xE1, b"http://ns.adobe.com/xap/1.0/\0", "XMP"),
    (0xE1, b"http://ns.adobe.com/xmp/extension/\0", "extended XMP"), (0xE2, b"ICC_PROFILE\0", "colour profile"),
    (0xED, b"Photoshop 3.0\0", "IPTC"), (0xFE, b"", "comment"),
)  # fmt: skip
_PHOTOSHOP, _IPTC_RESOURCE = b"Photoshop 3.0\0", 0x0404
_MPF_COUNT_TAG = 0xB001  # number of pictures in a multi-picture JPEG
_SUBFILE_TYPE_TAG, _REDUCED = 0x00FE, 1
_X_RESOLUTION_TAG, _Y_RESOLUTION_TAG, _RESOLUTION_UNIT_TAG = 0x011A, 0x011B, 0x0128
_TIFF_KINDS = {
    700: "XMP", 33723: "IPTC", 34675: "colour profile", 34665: "EXIF", 34853: "position (GPS)", 34377: "IPTC",
    37724: "layers", _X_RESOLUTION_TAG: "resolution", 33550: "map coordinates", 34735: "map coordinates",
}  # fmt: skip
_TIFF_XMP, _TIFF_ICC, _TIFF_IPTC = 700, 34675, 33723


def read_metadata(data: bytes) -> ImageMetadata:
    """Return what an image file holds beside its picture. EXIF is read by OpenCV, see `decode_image`."""
    found = ImageMetadata()
    try:
        if data.startswith(PNG_SIGNATURE):
            _read_png(data, found)
        elif data[:2] == b"\xff\xd8":
            _read_jpeg(data, found)
        elif data[:4] == b"RIFF":
            _read_webp(data, found)
        elif data[:4] in tiff.STARTS:
            _read_tiff(data, found)
        else:
            _search(data, found)
    except (*tiff.DAMAGED, ValueError, zlib.error):
        pass
    if found.icc and found.icc[16:20] != b"RGB ":  # the stylized picture is RGB
        found.kinds["colour profile"] = f"colour profile ({found.icc[16:20].decode('latin-1').strip().lower()})"
    found.xmp = clean_xmp(found.xmp)
    return found


def png_chunks(data: bytes) -> Iterator[tuple[bytes, bytes, bytes]]:
    """Yield the chunks of a PNG: (type, content, the whole chunk). Raises struct.error where it is cut off."""
    offset = len(PNG_SIGNATURE)
    while offset < len(data):
        (size,) = struct.unpack_from(">I", data, offset)
        chunk = data[offset : offset + 12 + size]
        yield chunk[4:8], chunk[8 : 8 + size], chunk
        offset += 12 + size


def _read_png(data: bytes, found: ImageMetadata) -> None:
    for name, content, chunk in png_chunks(data):
        if name == b"iTXt" and content.startswith(_XMP_KEYWORD):
            found.add("XMP")
            found.xmp = content[len(_XMP_KEYWORD) + 4 :]
            continue
        if name in _COPIED_PNG_CHUNKS:
            found.png_chunks += chunk
        if name == b"iCCP":
            compressed = content[content.index(b"\0") + 2 :]
            found.icc = zlib.decompressobj().decompress(compressed, _MAX_PROFILE_BYTES)
        if name == b"pHYs" and content[8:9] == b"\1":
            x, y = struct.unpack_from(">II", content)
            found.resolution = x * INCH, y * INCH
        if name not in _PNG_STRUCTURE:
            found.add(_PNG_KINDS.get(name, f"chunk {name.decode('latin-1')}"))


def _read_jpeg(data: bytes, found: ImageMetadata) -> None:
    offset = 2
    icc: list[bytes] = []
    while (marker := data[offset + 1]) != 0xD9:
        (size,) = struct.unpack_from(">H", data, offset + 2)
        content = data[offset + 4 : offset + 2 + size]
        if 0xE0 <= marker <= 0xEF or marker == 0xFE:
            _read_jpeg_segment(marker, content, data[offset : offset + 2 + size], found)
            if content.startswith(b"ICC_PROFILE\0"):
                icc.append(content[12:])
        following = _JPEG_MARKER.search(data, offset + 2 + size)
        if following is None:  # its end is missing
            return
        offset = following.start()
    found.icc = b"".join(part[2:] for part in sorted(icc))
    rest = data[offset + 2 :].rstrip(b"\0")
    if rest and found.pictures == 1:
        found.add("files appended", f"{len(rest)} bytes after its end, such as a film of the moment")


def _read_jpeg_segment(marker: int, content: bytes, segment: bytes, found: ImageMetadata) -> None:
    if marker == 0xE0 and content.startswith(b"JFIF\0"):
        unit, x, y = struct.unpack_from(">BHH", content, 7)
        if unit in (1, 2):
            found.add("resolution")
            found.resolution = (x, y) if unit == 1 else (x * INCH * 100, y * INCH * 100)
    elif marker == 0xE2 and content.startswith(b"MPF\0"):
        found.pictures = int(tiff.read_directory(content, 4).entries[_MPF_COUNT_TAG].number(content))
    elif marker not in (0xE0, 0xEE):  # the latter says how the colours are coded
        kinds = [kind for code, start, kind in _JPEG_KINDS if code == marker and content.startswith(start)]
        name = re.split(rb"[^ -~]", content, maxsplit=1)[0][:24].decode("ascii")
        found.add(kinds[0] if kinds else f"segment APP{marker - 0xE0} ({name})")
    if content.startswith(b"http://ns.adobe.com/xap/1.0/\0"):
        found.xmp = content.partition(b"\0")[2]
    elif marker == 0xFE:
        found.jpeg_segments += segment
    elif content.startswith(_PHOTOSHOP) and (iptc := _find_iptc(content)):
        kept = _PHOTOSHOP + iptc  # without the thumbnail
        found.jpeg_segments += struct.pack(">BBH", 0xFF, marker, len(kept) + 2) + kept


def _find_iptc(content: bytes) -> bytes:
    """Return the resource with IPTC of a Photoshop segment; empty if it has none."""
    offset = len(_PHOTOSHOP)
    while content[offset : offset + 4] == b"8BIM":
        (number,) = struct.unpack_from(">H", content, offset + 4)
        name_size = content[offset + 6] + 1
        place = offset + 6 + name_size + name_size % 2
        (size,) = struct.unpack_from(">I", content, place)
        end = place + 4 + size + size % 2
        if number == _IPTC_RESOURCE:
            return content[offset:end]
        offset = end
    return b""


def _read_webp(data: bytes, found: ImageMetadata) -> None:
    offset = 12
    while offset + 8 <= len(data):
        name, size = struct.unpack_from("<4sI", data, offset)
        content = data[offset + 8 : offset + 8 + size]
        found.xmp = content if name == b"XMP " else found.xmp
        found.icc = content if name == b"ICCP" else found.icc
        if name not in _WEBP_STRUCTURE:
            found.add(_WEBP_KINDS.get(name, f"chunk {name.decode('latin-1').strip()}"))
        offset += 8 + size + size % 2


def _read_tiff(data: bytes, found: ImageMetadata) -> None:
    pages = 0
    for directory in tiff.read_directories(data):
        entries = directory.entries
        is_reduced = _SUBFILE_TYPE_TAG in entries and int(entries[_SUBFILE_TYPE_TAG].number(data)) & _REDUCED
        pages += not is_reduced
        if pages != 1 or is_reduced:
            continue
        for tag, entry in entries.items():
            kind = _TIFF_KINDS.get(tag) or ("text" if entry.type == tiff.ASCII else None)
            if kind is not None:
                found.add(kind)
            if entry.type == tiff.ASCII or tag == _TIFF_IPTC:
                found.tiff_tags[tag] = (entry.type, entry.content(data))
        if _TIFF_XMP in entries:
            found.xmp = entries[_TIFF_XMP].content(data)
        if _TIFF_ICC in entries:
            found.icc = entries[_TIFF_ICC].content(data)
        if _X_RESOLUTION_TAG in entries and _Y_RESOLUTION_TAG in entries:
            unit = int(entries[_RESOLUTION_UNIT_TAG].number(data)) if _RESOLUTION_UNIT_TAG in entries else 2
            scale = {2: 1.0, 3: INCH * 100}.get(unit, 0.0)
            x, y = (entries[tag].number(data) * scale for tag in (_X_RESOLUTION_TAG, _Y_RESOLUTION_TAG))
            found.resolution = (x, y) if x > 0 and y > 0 else None
    found.pictures = max(1, pages)


def _search(data: bytes, found: ImageMetadata) -> None:
    """Find metadata in a file of another type by what it begins with."""
    begin = data.find(b"<x:xmpmeta")
    end = data.find(b"</x:xmpmeta>", begin)
    if 0 <= begin < end:
        found.add("XMP")
        found.xmp = data[begin : end + len(b"</x:xmpmeta>")]
    if b"Exif\0\0" in data:
        found.add("EXIF")
    start = data.find(b"acsp") - 36
    if start >= 0:
        (size,) = struct.unpack_from(">I", data, start)
        if 128 < size <= len(data) - start:
            found.add("colour profile")
            found.icc = data[start : start + size]
    if data[:4] == b"\0\0\1\0":  # an icon
        (found.pictures,) = struct.unpack_from("<H", data, 4)
    elif data[:4] == b"8BPS":
        _read_layers(data, found)
    elif data[:4] == b"v/1\x01" and data[5] & 0x10:
        found.add("parts", "further parts")


def _read_layers(data: bytes, found: ImageMetadata) -> None:
    """Find the layers of a PSD file, which follow the palette and the resources."""
    offset = 26
    for _ in range(2):
        offset += 4 + int(struct.unpack_from(">I", data, offset)[0])
    size, layers_size = struct.unpack_from(">II", data, offset)
    if size and layers_size:
        found.add("layers", f"{abs(struct.unpack_from('>h', data, offset + 8)[0])} layers")
