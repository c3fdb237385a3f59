"""Mexican numbers as people, networks and forms write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intake.people import addresses
from kernel.errors import InvalidInput


@pytest.mark.parametrize(
    "written",
    [
        "+525512345678", "+5215512345678", "5512345678", "55 1234 5678", "(55) 1234-5678", "044 55 1234 5678",
        "045 55 1234 5678", "01 55 1234 5678", "0052 55 1234 5678", "00521 55 1234 5678", " +52 1 55 1234 5678 ",
        "55.1234.5678", "+52\u00a055\u202f1234 5678",
    ],
)  # fmt: skip
def test_one_mexican_number_in_all_its_writings(written: str) -> None:
    assert addresses.read_phone(written).key == "+525512345678"
    assert addresses.read_phone(written).last_digits == "5678"


def test_the_reply_goes_to_the_writing_that_was_received() -> None:
    assert addresses.read_phone("+5215512345678").reachable == "+5215512345678"
    assert addresses.read_phone("55 1234 5678").reachable == "+525512345678"


def test_a_foreign_number_keeps_its_country() -> None:
    assert addresses.read_phone("+1 415 867 5310").key == "+14158675310"
    # A plus-five-two-one of another length is not an old Mexican mobile.
    assert addresses.read_phone("+5218123456789").key == "+528123456789"


@pytest.mark.parametrize(
    "written",
    ["+1 415 867 5310", "+881 612 345 678", "+870 773 111 632", "+52 900 123 4567", "900 123 4567", "+52 800 123 4567"],
)
def test_a_form_for_anybody_takes_no_foreign_satellite_or_premium_number(written: str) -> None:
    assert addresses.read_phone(written).kind == "phone"
    with pytest.raises(InvalidInput, match="este país"):
        addresses.read_phone_of(written)


def test_a_form_takes_the_numbers_of_the_countries_it_is_for() -> None:
    for written in ("55 1234 5678", "+5215512345678", "81 2345 6789"):
        assert addresses.read_phone_of(written) == addresses.read_phone(written)
    assert addresses.read_phone_of("+1 415 867 5310", ["MX", "US"]).key == "+14158675310"
    with pytest.raises(InvalidInput):
        addresses.read_phone_of("55 1234 5678", ["US"])


@pytest.mark.parametrize("written", ["", "hola", "123", "55 1234 567", "+52", "5512345678901234", "55123456ab", "++52"])
def test_what_cannot_be_a_phone_is_refused(written: str) -> None:
    with pytest.raises(InvalidInput):
        addresses.read_phone(written)


@pytest.mark.parametrize(
    "written", ["", "  ", "Anonymous", "anónimo".replace("ó", "o"), "+266696687", "RESTRICTED", "unknown"]
)
def test_a_withheld_number_has_no_key(written: str) -> None:
    assert addresses.read_sender(written).kind == "withheld"
    assert addresses.read_sender(written).key is None


def test_short_codes_and_names_are_senders_and_meet_themselves() -> None:
    assert addresses.read_sender("46464") == addresses.Address("sender", "46464", "46464")
    assert addresses.read_sender("*0311").kind == "sender"
    assert addresses.read_sender("INFONAVIT").key == addresses.read_sender("Infonavit").key
    assert addresses.read_sender("+5215512345678").kind == "phone"


def test_email_letters_meet_in_lower_case() -> None:
    assert addresses.read_email(" Rosa@Correo.Example ").key == "rosa@correo.example"
    for broken in ("rosa", "rosa@", "@correo.example", "rosa@correo", "a b@correo.example", "x" * 250 + "@a.mx"):
        with pytest.raises(InvalidInput):
            addresses.read_email(broken)


@given(st.text(max_size=40))
def test_no_sender_breaks_the_reader(text: str) -> None:
    read = addresses.read_sender(text)
    assert read.kind in ("phone", "sender", "withheld")
    assert (read.key is None) == (read.kind == "withheld")


@given(st.from_regex(r"[1-9][0-9]{9}", fullmatch=True))
def test_every_ten_digits_read_alike_with_and_without_the_old_one(digits: str) -> None:
    try:
        plain = addresses.read_phone("+52" + digits)
    except InvalidInput:
        return
    assert addresses.read_phone("+521" + digits).key == plain.key
