"""Multipart bodies: every byte of every part, and nothing of what is torn."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel.errors import InvalidInput, TooLarge
from kernel.multipart import MAX_PARTS, MAX_TEXT_BYTES, read_multipart

EDGE = b"xYzZY"


def body(*parts: tuple[bytes, bytes]) -> bytes:
    """`parts`: head lines and data."""
    return b"".join(b"--" + EDGE + b"\r\n" + head + b"\r\n\r\n" + data + b"\r\n" for head, data in parts) + (
        b"--" + EDGE + b"--\r\n"
    )


def file_head(name: bytes = b"media", filename: bytes = b"a.jpg") -> bytes:
    return b'Content-Disposition: form-data; name="' + name + b'"; filename="' + filename + b'"'


@given(st.lists(st.binary(max_size=300).map(lambda data: data.replace(EDGE, b"")), max_size=6))
def test_what_goes_in_comes_out(files: list[bytes]) -> None:
    sent = body((b'Content-Disposition: form-data; name="a"', b"1"), *((file_head(), data) for data in files))
    parts = read_multipart(sent, EDGE)
    assert [bytes(part.data) for part in parts] == [b"1", *files]
    assert [part.is_file for part in parts] == [False] + [True] * len(files)
    assert {part.name for part in parts} <= {b"a", b"media"}


@pytest.mark.parametrize("data", [b"\r\n--" + EDGE[:-1], b"\r\n--", b"\r\n\r\n", b"--" + EDGE, b"\r", b""])
def test_what_looks_like_an_edge_is_data(data: bytes) -> None:
    assert bytes(read_multipart(body((file_head(), data)), EDGE)[0].data) == data


def test_files_are_not_copied() -> None:
    sent = body((file_head(), b"x" * 5000))
    (part,) = read_multipart(sent, EDGE)
    assert part.data.obj is sent


@given(st.integers(0, 400))
def test_a_torn_body_is_never_taken_for_a_whole_one(kept: int) -> None:
    sent = body((b'Content-Disposition: form-data; name="a"', b"hello"), (file_head(), b"\xff\xd8" * 60))
    whole = sent.rindex(b"--")
    if kept < whole + 2:
        with pytest.raises(InvalidInput):
            read_multipart(sent[:kept], EDGE)


def test_a_part_may_be_wrapped_and_may_say_nothing_of_a_name() -> None:
    wrapped = file_head() + b"\r\nContent-Transfer-Encoding: BASE64"
    quoted = file_head() + b"\r\ncontent-transfer-encoding: quoted-printable"
    nameless = b'Content-Disposition: form-data; name="photo1"\r\nContent-Type: image/jpeg'
    parts = read_multipart(body((wrapped, base64.b64encode(b"abc")), (quoted, b"=41"), (nameless, b"raw")), EDGE)
    assert [bytes(part.data) for part in parts] == [b"abc", b"A", b"raw"]
    assert all(part.is_file for part in parts)
    for bad in (wrapped.replace(b"BASE64", b"uuencode"), wrapped):
        with pytest.raises(InvalidInput):
            read_multipart(body((bad, b"a")), EDGE)


def test_words_and_parts_are_bounded_and_files_are_not_words() -> None:
    head = b'Content-Disposition: form-data; name="a"'
    assert read_multipart(body((head, b"x" * MAX_TEXT_BYTES), (file_head(), b"y" * MAX_TEXT_BYTES)), EDGE)
    with pytest.raises(TooLarge):
        read_multipart(body((head, b"x" * MAX_TEXT_BYTES), (head, b"x")), EDGE)
    with pytest.raises(InvalidInput):
        read_multipart(body(*[(head, b"")] * (MAX_PARTS + 1)), EDGE)


@pytest.mark.parametrize("edge", [b"", b"x" * 300, b"other"])
def test_a_boundary_that_is_none_is_refused(edge: bytes) -> None:
    with pytest.raises(InvalidInput):
        read_multipart(body((file_head(), b"a")), edge)
