"""Sealed contact values: they open with their own key and context only, and equal ones meet by their look-up key."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel import crypto
from kernel.crypto import Vault
from kernel.errors import MisconfiguredError

ONE, OTHER = Vault(b"a" * 32, b"b" * 32), Vault(b"c" * 32, b"d" * 32)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)


@given(TEXTS)
def test_what_was_sealed_opens_and_shows_nothing(text: str) -> None:
    sealed = ONE.seal(text, context="contact_point:phone")
    assert ONE.unseal(sealed, context="contact_point:phone") == text
    assert len(text) < 4 or text.encode() not in sealed


def test_the_same_value_is_sealed_differently_each_time() -> None:
    assert ONE.seal("5512345678", context="x") != ONE.seal("5512345678", context="x")


@given(st.integers(0, 200), st.integers(1, 255))
def test_one_changed_byte_opens_nothing(position: int, change: int) -> None:
    sealed = bytearray(ONE.seal("+525512345678", context="x"))
    sealed[position % len(sealed)] ^= change
    with pytest.raises(MisconfiguredError):
        ONE.unseal(bytes(sealed), context="x")


@pytest.mark.parametrize(("opener", "context"), [(OTHER, "x"), (ONE, "y"), (ONE, "")])
def test_another_key_or_context_opens_nothing(opener: Vault, context: str) -> None:
    with pytest.raises(MisconfiguredError) as raised:
        opener.unseal(ONE.seal("rosa@example.org", context="x"), context=context)
    assert "rosa" not in str(raised.value)


@given(TEXTS, TEXTS)
def test_equal_values_meet_and_others_do_not(one: str, other: str) -> None:
    assert (ONE.lookup("phone", one) == ONE.lookup("phone", other)) is (one == other)
    assert ONE.lookup("phone", one) != ONE.lookup("email", one)
    assert ONE.lookup("phone", one) != OTHER.lookup("phone", one)


def test_keys_are_not_printed_and_their_lack_is_told() -> None:
    assert "aaaa" not in repr(ONE)
    configured = crypto._vault
    try:
        crypto.configure(None)
        with pytest.raises(MisconfiguredError):
            crypto.vault()
    finally:
        crypto.configure(configured)
