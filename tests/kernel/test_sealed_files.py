"""Files under keys of their own: whatever range is asked for, and whatever is done to the sealed bytes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel.errors import MisconfiguredError
from kernel.sealed_files import PIECE_BYTES, FileKey, plain_size, seal, unseal

KEY = FileKey(b"k" * 32)
SIZES = (0, 1, PIECE_BYTES - 1, PIECE_BYTES, PIECE_BYTES + 1, 3 * PIECE_BYTES, 3 * PIECE_BYTES + 17)


def some(size: int) -> bytes:
    return bytes(number % 251 for number in range(size))


@pytest.mark.parametrize("size", SIZES)
def test_a_file_comes_back_whole_and_says_how_long_it_is(size: int) -> None:
    sealed = seal(some(size), KEY, context="grabación 1")
    assert unseal(sealed, KEY, context="grabación 1") == some(size)
    assert plain_size(len(sealed)) == size
    assert size < 32 or some(size)[:32] not in sealed


LONG = some(3 * PIECE_BYTES + 17)
SEALED = seal(LONG, KEY, context="una")


@given(st.integers(0, len(LONG)), st.integers(0, len(LONG) + 100))
def test_any_range_is_the_range_of_the_file(start: int, end: int) -> None:
    assert unseal(SEALED, KEY, context="una", start=start, end=end) == LONG[start:end]


@pytest.mark.parametrize(
    "changed",
    [
        SEALED[:-1],
        SEALED[: PIECE_BYTES + 16],  # the first piece alone, which is whole in itself
        SEALED + b"0",
        SEALED[PIECE_BYTES + 16 :],
        SEALED[PIECE_BYTES + 16 : 2 * (PIECE_BYTES + 16)]
        + SEALED[: PIECE_BYTES + 16]
        + SEALED[2 * (PIECE_BYTES + 16) :],
        SEALED[:100] + bytes([SEALED[100] ^ 1]) + SEALED[101:],
        b"",
        b"short",
    ],
    ids=["cut", "first piece", "longer", "without the first", "swapped", "one bit", "nothing", "not one piece"],
)
def test_what_was_tampered_with_does_not_open(changed: bytes) -> None:
    with pytest.raises(MisconfiguredError):
        unseal(changed, KEY, context="una")


def test_neither_another_key_nor_another_file_opens_it() -> None:
    for key, context in ((FileKey.new(), "una"), (KEY, "otra")):
        with pytest.raises(MisconfiguredError):
            unseal(SEALED, key, context=context, start=5, end=9)


def test_a_fingerprint_tells_keys_apart_and_shows_none() -> None:
    assert FileKey.new().fingerprint != FileKey.new().fingerprint
    assert KEY.secret.hex()[:16] not in KEY.fingerprint
    assert KEY.fingerprint == FileKey(b"k" * 32).fingerprint
    assert "kkkk" not in repr(KEY)
