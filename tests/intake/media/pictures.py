"""Pictures for tests, made on the spot."""

import math
import struct
import zlib
from io import BytesIO
from typing import Any

from PIL import Image

RED, GREEN, BLUE, WHITE = (220, 30, 30), (30, 200, 60), (30, 60, 220), (255, 255, 255)


def corners(size: tuple[int, int] = (64, 48), mode: str = "RGB") -> Image.Image:
    """Four quarters: red, green (top right), blue, white, so that one sees which way is up."""
    width, height = size
    picture = Image.new("RGB", size)
    for column, row, colour in ((0, 0, RED), (1, 0, GREEN), (0, 1, BLUE), (1, 1, WHITE)):
        picture.paste(colour, (column * width // 2, row * height // 2, width, height))
    return picture.convert(mode)


def encoded(picture: Image.Image, name: str = "JPEG", **options: Any) -> bytes:
    out = BytesIO()
    if name == "HEIF":
        from pillow_heif import register_heif_opener

        register_heif_opener(thumbnails=False)
    picture.save(out, name, **options)
    return out.getvalue()


def jpeg(size: tuple[int, int] = (64, 48), colour: tuple[int, int, int] | None = None, **options: Any) -> bytes:
    picture = Image.new("RGB", size, colour) if colour else corners(size)
    return encoded(picture, "JPEG", **({"quality": 95} | options))


def decoded(data: bytes) -> Image.Image:
    picture = Image.open(BytesIO(data))
    picture.load()
    return picture


def looks_like(picture: Image.Image, *, top_left: Any, top_right: Any, bottom_left: Any) -> bool:
    """Whether the middles of three quarters have these colours, give or take what JPEG loses."""
    width, height = picture.size
    seen = [picture.getpixel((width // 4 * x, height // 4 * y)) for x, y in ((1, 1), (3, 1), (1, 3))]
    wanted = (top_left, top_right, bottom_left)
    return all(
        abs(have - want) <= 16
        for pixel, colour in zip(seen, wanted, strict=True)
        for have, want in zip(pixel, colour, strict=True)  # type: ignore[arg-type]  # RGB pixels are triples
    )


def png_that_claims(width: int, height: int) -> bytes:
    """A few bytes that would be decoded into width x height pixels."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(b"\0" * 1000))
        + chunk(b"IEND", b"")
    )


def taken_at(lon: float, lat: float, **more: Any) -> bytes:
    """A JPEG whose EXIF says that it was taken there, as a phone writes it."""
    exif = Image.Exif()
    gps = exif.get_ifd(0x8825)
    gps[1], gps[2] = "S" if lat < 0 else "N", _sexagesimal(lat)
    gps[3], gps[4] = "W" if lon < 0 else "E", _sexagesimal(lon)
    return jpeg(exif=exif, **more)


def _sexagesimal(value: float) -> tuple[float, float, float]:
    minutes, degrees = math.modf(abs(value))
    seconds, minutes = math.modf(minutes * 60)
    return degrees, minutes, round(seconds * 60, 4)
