"""The bytes decide what a file is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intake.media.sniffing import MAX_PIXELS, format_of, sniff
from intake.media.values import NotAPhoto
from tests.intake.media.pictures import corners, encoded, jpeg, png_that_claims

LIMIT = 10 * 1024 * 1024

NO_PHOTOS = {
    "html": b"<!doctype html><script>alert(1)</script>",
    "svg": b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>',
    "pdf": b"%PDF-1.7\n1 0 obj",
    "zip": b"PK\x03\x04aaaa",
    "exe": b"MZ\x90\x00",
    "postscript": b"%!PS-Adobe-3.0 EPSF-3.0",
    "bmp": b"BM" + b"\0" * 60,
    "tiff": b"II*\x00" + b"\0" * 60,
    "mp4": b"\x00\x00\x00\x20ftypisom" + b"\0" * 60,
    "avif": b"\x00\x00\x00\x20ftypavif" + b"\0" * 60,
    "one byte": b"\xff",
}


@pytest.mark.parametrize("name", NO_PHOTOS)
def test_what_is_no_photo_is_told_apart_whatever_it_is_called(name: str) -> None:
    with pytest.raises(NotAPhoto) as raised:
        sniff(NO_PHOTOS[name], number=2, max_bytes=LIMIT)
    assert "archivo 2" in str(raised.value)


@pytest.mark.parametrize(
    ("name", "media_type"),
    [
        ("JPEG", "image/jpeg"),
        ("PNG", "image/png"),
        ("GIF", "image/gif"),
        ("WEBP", "image/webp"),
        ("HEIF", "image/heic"),
    ],
)
def test_every_kind_of_ours_is_known(name: str, media_type: str) -> None:
    look = sniff(encoded(corners(), name), number=1, max_bytes=LIMIT)
    assert look.media_type == media_type
    assert (look.width, look.height) == ((None, None) if name == "HEIF" else (64, 48))


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "vacía"),
        (b"\xff\xd8\xff", "no se pudo leer"),
        (jpeg()[:20], "no se pudo leer"),
        (b"\x89PNG\r\n\x1a\n" + b"\0" * 50, "no se pudo leer"),
        (b"GIF89a", "no se pudo leer"),
        (b"RIFF\x10\0\0\0WEBPVP8 ", "no se pudo leer"),
        (png_that_claims(60_000, 60_000), "demasiado grande"),
        (png_that_claims(9_000, 9_000), "demasiado grande"),
        (jpeg() + b"\0" * LIMIT, "pesa demasiado"),
    ],
)
def test_what_is_wrong_with_a_photo_is_said(data: bytes, words: str) -> None:
    with pytest.raises(NotAPhoto) as raised:
        sniff(data, number=3, max_bytes=LIMIT)
    assert words in str(raised.value)
    assert " 3 " in str(raised.value)


def test_the_limit_of_pixels_is_one_that_fits() -> None:
    assert sniff(png_that_claims(8_000, 8_000), number=1, max_bytes=LIMIT).width == 8_000
    assert MAX_PIXELS == 8_000 * 8_000


@given(
    st.binary(max_size=200),
    st.sampled_from([b"", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF89a", b"RIFF\0\0\0\0WEBP"]),
)
def test_no_bytes_break_it(data: bytes, head: bytes) -> None:
    try:
        look = sniff(head + data, number=1, max_bytes=LIMIT)
    except NotAPhoto:
        return
    assert format_of(head + data)
    assert look.media_type.startswith("image/")
