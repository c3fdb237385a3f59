"""What a file is, by its bytes and nothing else. Pure, and cheap: no picture is decoded here."""

import struct
from io import BytesIO

from PIL import Image

from intake.media.values import Look, NotAPhoto

MAX_PIXELS = 64_000_000
HEIF = "HEIF"
_MEDIA_TYPES = {
    "JPEG": "image/jpeg",
    "PNG": "image/png",
    "GIF": "image/gif",
    "WEBP": "image/webp",
    HEIF: "image/heic",
}
_HEIF_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")
# What Pillow's decoders were seen to raise, or may, over bytes made to break them.
BROKEN = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    TypeError,
    KeyError,
    IndexError,
    ArithmeticError,
    MemoryError,
    RuntimeError,
    AttributeError,
    NotImplementedError,
    struct.error,
)
# Pillow's own limit, which lies above ours.
BOMBS = (Image.DecompressionBombError, Image.DecompressionBombWarning)


def format_of(data: memoryview | bytes) -> str | None:
    """The decoder for these bytes, as Pillow calls it; None when it is none of ours."""
    head = bytes(data[:16])
    if head.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "PNG"
    if head.startswith((b"GIF87a", b"GIF89a")):
        return "GIF"
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return "WEBP"
    if head[4:8] == b"ftyp" and head[8:12] in _HEIF_BRANDS:
        return HEIF
    return None


def sniff(data: memoryview | bytes, *, number: int, max_bytes: int, max_pixels: int = MAX_PIXELS) -> Look:
    """What the `number`-th file is. Raises NotAPhoto for what is empty, too big, of another kind, or broken in its head."""
    if not len(data):
        raise NotAPhoto("La foto {number} llegó vacía y no se guardó.", number=number)
    if len(data) > max_bytes:
        raise NotAPhoto(
            "La foto {number} pesa demasiado y no se guardó: caben {limit} MB.", number=number, limit=max_bytes >> 20
        )
    name = format_of(data)
    if name is None:
        raise NotAPhoto(
            "El archivo {number} no es una foto que sepamos leer y no se guardó: manda JPEG, PNG, WebP, GIF o HEIC.",
            number=number,
        )
    if name == HEIF:
        # Its library is large; only the process that decodes photos lets it near a stranger's bytes.
        return Look(_MEDIA_TYPES[name])
    try:
        with Image.open(BytesIO(data), formats=(name,)) as image:
            width, height = image.size
    except BOMBS:
        raise too_large(number, max_pixels) from None
    except BROKEN:
        raise unreadable(number) from None
    check_size(width, height, number=number, max_pixels=max_pixels)
    return Look(_MEDIA_TYPES[name], width, height)


def check_size(width: int, height: int, *, number: int, max_pixels: int = MAX_PIXELS) -> None:
    """Raises NotAPhoto for a picture that would take too much memory to decode."""
    if width * height > max_pixels:
        raise too_large(number, max_pixels)


def too_large(number: int, max_pixels: int) -> NotAPhoto:
    return NotAPhoto(
        "La foto {number} es demasiado grande y no se guardó: caben {limit} megapixeles.",
        number=number,
        limit=max_pixels // 1_000_000,
    )


def unreadable(number: int) -> NotAPhoto:
    return NotAPhoto("La foto {number} no se pudo leer y no se guardó.", number=number)
