"""What was reported in confidence: told in a call to who keys the code that went to the telephone it was reported from."""

import pytest
import time_machine
from sqlmodel import Session, col, select

from channels.voice.ivr.proving import MOST_CODES
from intake.calls.models import Call
from intake.conversations.dialogue.spoken_numbers import digits_in
from intake.conversations.jobs import send_code
from intake.conversations.models import Conversation, Message
from intake.conversations.proofs import carried
from intake.people import codes, guessing
from intake.people.code_models import ContactCode
from intake.people.models import PersonLink
from intake.people.proving import MOST_TRIES
from intake.people.spending_models import SpendingCount
from intake.service_requests.models import ServiceRequest
from kernel.folio import check_digit
from tests.channels.voice.ivr.caller import Caller
from tests.factories import NOW

pytestmark = pytest.mark.database

BETO = "+525587654321"


@pytest.fixture(autouse=True)
def at_one_o_clock() -> object:
    with time_machine.travel(NOW, tick=False):
        yield


def call_again(caller: Caller, number: str = "", sid: str = "CA2") -> Caller:
    again = Caller(caller.provider, sid=sid, number=number or caller.number)
    again.call()
    again.press("2")
    return again


def sent(session: Session) -> str:
    """The digits that went out last."""
    code = session.exec(select(ContactCode).order_by(col(ContactCode.id).desc())).first()
    assert code is not None
    send_code(str(code.id))
    session.expire_all()
    digits = codes.digits_of(session, code.id)
    assert digits is not None
    message = session.exec(
        select(Message).where(Message.author_kind == "proof").order_by(col(Message.seq).desc())
    ).first()
    assert message is not None
    assert digits in carried(session, message)[0]
    assert digits not in message.body
    assert "quien llama" in message.body
    return digits


def a_folio_that_is_no_report(serial: int = 1) -> str:
    digits = f"26{serial:07}"
    return digits + check_digit(digits)


@pytest.mark.parametrize("number", ["", BETO, "anonymous"])
def test_who_keys_the_code_hears_of_it(session: Session, caller: Caller, noise: ServiceRequest, number: str) -> None:
    again = call_again(caller, number)
    assert "oprima 1" in again.press(noise.folio)
    assert "código" in again.press("1")
    digits = sent(session)
    assert "no es" in again.press("000000" if digits != "000000" else "111111")
    told = again.press(digits)
    assert noise.folio in digits_in(told)
    assert "No encontré" not in told
    session.expire_all()
    call = session.exec(select(Call).where(Call.provider_call_id == "CA2")).one()
    assert call.proved_at == NOW
    # It proves nothing besides: no address is anybody's now, and another call begins anew.
    assert session.exec(select(PersonLink)).all() == []
    again.hang_up()
    third = call_again(caller, number, "CA3")
    assert "No encontré" in third.press(noise.folio)
    assert digits not in " ".join(again.said)


def test_a_code_of_a_call_is_worth_nothing_elsewhere(session: Session, caller: Caller, noise: ServiceRequest) -> None:
    again = call_again(caller, BETO)
    again.press(noise.folio)
    again.press("1")
    digits = sent(session)
    code = session.exec(select(ContactCode)).one()
    assert codes.look(session, code.asker_id, digits, now=NOW) == ""
    assert codes.answer(session, [code.asker_id], digits, now=NOW).verdict == "none"
    assert codes.look(session, code.target_id, digits, now=NOW) == "elsewhere"
    third = call_again(caller, BETO, "CA3")
    third.press(noise.folio)
    third.press("1")
    assert "no es" in third.press(digits)


def test_five_tries_and_two_codes_a_call(session: Session, caller: Caller, noise: ServiceRequest) -> None:
    again = call_again(caller)
    again.press(noise.folio)
    for _ in range(MOST_CODES):
        again.press("1")
        digits = sent(session)
        wrong = "000000" if digits != "000000" else "111111"
        told = [again.press(wrong) for _ in range(MOST_TRIES)]
        assert "ya no sirve" in told[-1]
        again.press(noise.folio)
    told = [again.press("1")]
    assert "no podemos mandar otro" in told[-1]


def test_for_a_folio_that_is_no_report_everything_sounds_alike(
    session: Session, caller: Caller, noise: ServiceRequest
) -> None:
    heard: list[list[str]] = []
    for sid, folio in (("CA2", noise.folio), ("CA3", a_folio_that_is_no_report())):
        again = call_again(caller, BETO, sid)
        again.said.clear()
        again.press(folio)
        again.press("1")
        for _ in range(MOST_TRIES):
            again.press("123456")
        heard.append(["".join(letter for letter in said if not letter.isdigit()) for said in again.said])
        again.hang_up()
    spoken, other = heard
    assert spoken[1:] == other[1:]
    assert spoken[0].startswith("No encontré")
    assert other[0].startswith("No encontré")
    assert len(session.exec(select(ContactCode)).all()) == 1


def test_no_code_goes_to_who_wants_no_messages(session: Session, caller: Caller, noise: ServiceRequest) -> None:
    from intake.people.actions import record_consent

    report = session.exec(select(Call).where(Call.provider_call_id == "CA1")).one()
    record_consent(session, report.contact_point_id, purpose="notices", is_granted=False, now=NOW)
    again = call_again(caller, BETO)
    again.press(noise.folio)
    assert "código" in again.press("1")
    assert session.exec(select(ContactCode)).all() == []


def test_codes_are_counted_as_what_strangers_make_us_send(
    session: Session, caller: Caller, noise: ServiceRequest
) -> None:
    again = call_again(caller, BETO)
    again.press(noise.folio)
    again.press("1")
    counts = session.exec(select(SpendingCount)).all()
    assert {count.scope: count.sent for count in counts}["+52"] == 1


def test_whoever_tries_folios_is_stopped_in_the_next_call_too(
    session: Session, caller: Caller, noise: ServiceRequest
) -> None:
    serials = iter(range(1, 100))
    for call in range(4):
        again = call_again(caller, BETO, f"CB{call}")
        for _ in range(3):
            again.press(a_folio_that_is_no_report(next(serials)))
            told = again.press("2")
        again.hang_up()
    again = call_again(caller, BETO, "CB9")
    told = again.press(a_folio_that_is_no_report(next(serials)))
    assert "muchos folios" in told
    # Others ask on.
    other = call_again(caller, "+525511112222", "CC1")
    assert "No encontré" in other.press(a_folio_that_is_no_report(99))


def test_while_a_city_is_tried_out_everybody_asks_once(
    session: Session, caller: Caller, noise: ServiceRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guessing, "MOST_IN_CITY", 1)
    first = call_again(caller, BETO)
    first.press(a_folio_that_is_no_report(1))
    other = call_again(caller, "+525511112222", "CC1")
    assert "No encontré" in other.press(a_folio_that_is_no_report(2))
    other.press("2")
    assert "muchos folios" in other.press(a_folio_that_is_no_report(3))


def test_hidden_numbers_are_counted_together(
    session: Session, caller: Caller, noise: ServiceRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guessing, "MOST_HIDDEN", 1)
    call_again(caller, "anonymous").press(a_folio_that_is_no_report(1))
    assert "muchos folios" in call_again(caller, "anonymous", "CA3").press(a_folio_that_is_no_report(2))


def test_the_thread_is_asked_of_nobody_else(session: Session, caller: Caller, noise: ServiceRequest) -> None:
    """A proof is of its own call, also where two calls come from one number at once."""
    one, two = call_again(caller, BETO, "CA2"), call_again(caller, BETO, "CA3")
    one.press(noise.folio)
    two.press(noise.folio)
    one.press("1")
    one.press(sent(session))
    assert "No encontré" in two.press("2") + two.press(noise.folio)
    assert len(session.exec(select(Conversation).where(Conversation.channel == "voice")).all()) == 3
