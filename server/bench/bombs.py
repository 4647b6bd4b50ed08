"""Files that are meant to hurt whoever opens them, each made in a moment, and small ones that are what they seem."""

import io
import random
import struct
import zipfile
import zlib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from PIL import Image

from pandora.media import encode_jpeg, encode_png, save_film
from server.bench.tiny import picture

_MIB = 2**20
_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_ORIENTATION = 0x0112


def bombs(dice: random.Random) -> Iterator[tuple[str, bytes]]:
    """Name and content of each."""
    for make in (_pngs, _text_pngs, _jpegs, _animations, _others, _films):
        yield from make(dice)


@cache
def seeds() -> dict[str, bytes]:
    """Small pictures that can be read, by format, to be spoilt."""
    image = Image.fromarray(_noise(40))
    frames = [Image.fromarray(np.roll(_noise(40), shift, 1)) for shift in range(3)]
    exif = Image.Exif()
    exif[_ORIENTATION] = 6
    found = {
        "png": encode_png(_noise(40)), "jpeg": encode_jpeg(_noise(40)), "webp": _save(image, "WEBP"),
        "bmp": _save(image, "BMP"), "gif": _save(frames[0], "GIF", save_all=True, append_images=frames[1:]),
        "palette": _save(image.quantize(16), "PNG", transparency=3), "grey16": _save(image.convert("I;16"), "PNG"),
        "progressive": _save(image, "JPEG", progressive=True), "exif": _save(image, "JPEG", exif=exif),
        "cmyk": _save(image.convert("CMYK"), "JPEG"),
        "apng": _save(frames[0], "PNG", save_all=True, append_images=frames),
    }  # fmt: skip
    return found


@cache
def film() -> bytes:
    """A small MP4."""
    with TemporaryDirectory(prefix="pandora-bench-") as folder:
        frames = np.stack([np.roll(_noise(64), shift, 1) for shift in range(4)])
        return save_film(Path(folder) / "film.mp4", frames, 8).read_bytes()


def chunk(kind: bytes, data: bytes, length: int | None = None) -> bytes:
    """Of a PNG; `length` may lie."""
    size = len(data) if length is None else length
    return struct.pack(">I", size) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _png(width: int, height: int, pixels: bytes, *more: bytes, depth: int = 8, colour: int = 2) -> bytes:
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0))
    return _SIGNATURE + header + b"".join(more) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def _pngs(dice: random.Random) -> Iterator[tuple[str, bytes]]:
    nothing = zlib.compress(b"")
    for width, height in ((30_000, 30_000), (2**31 - 1, 1), (1, 2**31 - 1), (2**32 - 1, 2**32 - 1), (0, 0), (1, 1)):
        yield f"a PNG of {width} x {height}", _png(width, height, nothing)
    yield "a PNG with 200 MiB behind 64 x 64", _png(64, 64, _zeros(200 * _MIB))
    yield "a PNG at the limit, 16 bits and transparent", _png(4000, 4000, _zeros(4000 * 32_001), depth=16, colour=6)
    yield "a PNG at the limit of grey", _png(4000, 4000, _zeros(4000 * 4001), colour=0)
    yield "a PNG with a chunk of 2 GiB", _SIGNATURE + chunk(b"IHDR", bytes(13), 2**31 - 1)
    yield "a PNG without end", _png(64, 64, zlib.compress(bytes(64 * 193)))[:-20]
    yield "a PNG of an unknown kind", _png(64, 64, nothing, depth=3, colour=5)
    yield "a PNG without palette", _png(64, 64, zlib.compress(bytes(64 * 65)), colour=3)
    animation = chunk(b"acTL", struct.pack(">II", 2**31 - 1, 0))
    place = chunk(b"fcTL", struct.pack(">IIIIIHHBB", 0, 2**31 - 1, 2**31 - 1, 2**31, 2**31, 0, 0, 9, 9))
    yield "an APNG with frames out of bounds", _png(64, 64, zlib.compress(bytes(64 * 193)), animation, place)
    yield "a PNG and an archive", seeds()["png"] + _archive()
    yield "a PNG and a page", seeds()["png"].replace(b"IEND", b"IEND<script>alert(1)</script>")


def _text_pngs(dice: random.Random) -> Iterator[tuple[str, bytes]]:
    pixels = zlib.compress(bytes(64 * 193))
    bomb = _zeros(100 * _MIB)
    yield "a PNG with 100 MiB of text", _png(64, 64, pixels, chunk(b"zTXt", b"a\0\0" + bomb))
    yield "a PNG with 100 MiB of text in Unicode", _png(64, 64, pixels, chunk(b"iTXt", b"a\0\1\0\0\0" + bomb))
    yield "a PNG with 100 MiB of colour profile", _png(64, 64, pixels, chunk(b"iCCP", b"a\0\0" + bomb))
    yield "a PNG with 20,000 texts", _png(64, 64, pixels, chunk(b"tEXt", b"a\0" + b"b" * 20) * 20_000)
    loop = b"MM\0*\0\0\0\x08" + struct.pack(">HHHII", 1, 0x8769, 4, 1, 8) + struct.pack(">I", 8)
    yield "a PNG with Exif that refers to itself", _png(64, 64, pixels, chunk(b"eXIf", loop))
    count = b"MM\0*\0\0\0\x08" + struct.pack(">HHHII", 65_535, _ORIENTATION, 2, 2**32 - 1, 8)
    yield "a PNG with Exif of 4 GiB", _png(64, 64, pixels, chunk(b"eXIf", count))
    turned = b"II*\0\x08\0\0\0" + struct.pack("<HHHII", 1, _ORIENTATION, 3, 1, 60_000) + bytes(4)
    yield "a PNG turned 60,000 ways", _png(64, 64, pixels, chunk(b"eXIf", turned))


def _jpegs(dice: random.Random) -> Iterator[tuple[str, bytes]]:
    whole, scans = seeds()["jpeg"], seeds()["progressive"]
    for part in (2, 20, len(whole) // 2, len(whole) - 2):
        yield f"a JPEG cut after {part} bytes", whole[:part]
    yield "a JPEG of noise", whole[:200] + dice.randbytes(2000)
    size = whole.index(b"\xff\xc0") + 5
    for height, width in ((65_535, 65_535), (0, 40), (4000, 4000)):
        claimed = whole[:size] + struct.pack(">HH", height, width) + whole[size + 4 :]
        yield f"a JPEG that claims {width} x {height}", claimed
    last = scans.rindex(b"\xff\xda")
    yield "a JPEG with 3,000 scans", scans[:last] + scans[last:-2] * 3000 + b"\xff\xd9"
    yield "a JPEG with Exif that is noise", _app1(whole, b"Exif\0\0" + dice.randbytes(3000))
    loop = b"Exif\0\0II*\0\x08\0\0\0" + struct.pack("<HHHII", 1, 0x8769, 4, 1, 8) + struct.pack("<I", 8)
    yield "a JPEG with Exif that refers to itself", _app1(whole, loop)
    yield "a JPEG and a page", whole + b"<html><script>alert(1)</script></html>"
    yield "a JPEG with 2,000 comments", whole[:2] + b"\xff\xfe\0\x04ab" * 2000 + whole[2:]


def _animations(dice: random.Random) -> Iterator[tuple[str, bytes]]:
    frames = [Image.new("P", (16, 16), index % 250) for index in range(2000)]
    yield "a GIF of 2,000 frames", _save(frames[0], "GIF", save_all=True, append_images=frames[1:], optimize=False)
    small = seeds()["gif"]
    yield "a GIF on a screen of 65,535 x 65,535", small[:6] + b"\xff\xff\xff\xff" + small[10:]
    yield "a GIF of noise", small[:60] + dice.randbytes(500)
    yield "a GIF and a script", small[:6] + b"/*" + small[8:] + b"*/=1;alert(1)"
    pictures = [Image.fromarray(np.roll(_noise(16), shift, 0)) for shift in range(200)]
    webp = _save(pictures[0], "WEBP", save_all=True, append_images=pictures[1:])
    yield "a WebP of 200 frames", webp
    yield "a WebP cut in the middle", webp[: len(webp) // 2]
    at = webp.index(b"VP8X") + 12
    yield "a WebP that claims 16,384 x 16,384", webp[:at] + b"\xff\x3f\0\xff\x3f\0" + webp[at + 6 :]
    yield "a WebP whose length lies", webp[:4] + b"\xff\xff\xff\xff" + webp[8:]


def _others(dice: random.Random) -> Iterator[tuple[str, bytes]]:
    image = Image.fromarray(_noise(40))
    for kind in ("TIFF", "ICO", "PPM", "TGA", "PCX", "SGI", "PDF", "EPS", "JPEG2000", "DDS"):
        yield f"a picture as {kind}", _save(image, kind)
    bmp = seeds()["bmp"]
    for width, height in ((2**31 - 1, 2**31 - 1), (40, -40), (-40, 40), (40, -(2**31)), (0, 0)):
        yield f"a BMP of {width} x {height}", bmp[:18] + struct.pack("<ii", width, height) + bmp[26:]
    yield "a BMP coded by runs that never end", bmp[:28] + struct.pack("<HI", 8, 1) + bmp[34:54] + b"\0\2\xff\xff" * 500
    yield "an SVG", b'<svg xmlns="http://www.w3.org/2000/svg"><image href="file:///etc/passwd"/></svg>'
    yield "a TIFF that refers to itself", b"II*\0\x08\0\0\0" + struct.pack("<HI", 0, 8)
    yield "an archive", _archive()
    yield "eight MiB of zeros", bytes(8 * _MIB)
    yield "more than is taken", bytes(9 * _MIB)
    yield "nothing", b""
    yield "one byte", b"\x89"
    yield "noise", dice.randbytes(5000)


def _films(dice: random.Random) -> Iterator[tuple[str, bytes]]:
    whole = film()
    yield "a film", whole
    yield "a film cut in the middle", whole[: len(whole) // 2]
    yield "a film without pictures", whole[: whole.index(b"mdat") + 8]
    yield "a film whose pictures are noise", whole[: whole.index(b"mdat") + 4] + dice.randbytes(2000)
    yield "a film in boxes of 4 GiB", whole[:32] + b"\xff\xff\xff\xffmoov" * 200
    yield "a film in a box without end", b"\0\0\0\x18ftypisom" + bytes(12) + b"\0\0\0\x01moov" + b"\xff" * 8
    size = whole.index(b"avc1") + 28
    yield "a film that claims 65,535 x 65,535", whole[:size] + b"\xff\xff\xff\xff" + whole[size + 4 :]
    yield "a film of noise", b"\x1a\x45\xdf\xa3" + dice.randbytes(2000)
    links = b"\0\0\0\x18ftypmp42" + bytes(12) + b"#EXTM3U\nfile:///etc/passwd\nhttp://127.0.0.1:1/\n"
    yield "a film that links to files", links


def _app1(jpeg: bytes, data: bytes) -> bytes:
    return jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(data) + 2) + data + jpeg[2:]


@cache
def _zeros(size: int) -> bytes:
    """So many zeros, deflated."""
    packer = zlib.compressobj(1)
    block = bytes(_MIB)
    parts = [packer.compress(block) for _ in range(size // _MIB)]
    return b"".join([*parts, packer.compress(bytes(size % _MIB)), packer.flush()])


def _archive() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("../../etc/passwd", bytes(_MIB))
    return buffer.getvalue()


def _noise(side: int) -> np.ndarray:
    return np.array(Image.open(io.BytesIO(picture(3, side))))


def _save(image: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()
