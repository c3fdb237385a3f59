"""What is said while the database is away is heard as soon as it is back, and nobody on the way reads it."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit
from xml.etree import ElementTree

import pytest
from sqlalchemy.exc import OperationalError
from sqlmodel import Session, select

from channels.voice.ivr import answering, carried
from channels.voice.ivr.values import Heard
from intake.calls.jobs import end_call
from intake.calls.models import Call
from intake.conversations.models import Message
from intake.service_requests.models import ServiceRequest
from tests.channels.voice.ivr.caller import Caller
from tests.channels.voice.ivr.conftest import LEAK

pytestmark = pytest.mark.database
Away = Callable[[bool], None]


@pytest.fixture
def away(monkeypatch: pytest.MonkeyPatch) -> Away:
    """Takes the database away, or brings it back."""
    whole = answering.document

    def gone(*_: object, **__: object) -> str:
        raise OperationalError("SELECT", {}, Exception("gone"))

    return lambda is_away: monkeypatch.setattr(answering, "document", gone if is_away else whole)


def heard(session: Session) -> list[str]:
    return [message.body for message in session.exec(select(Message).where(Message.direction == "inbound"))]


def address(caller: Caller) -> str:
    redirect = ElementTree.fromstring(caller.document).find("Redirect")  # our own
    assert redirect is not None
    return redirect.text or ""


@pytest.mark.parametrize("times", [1, 2, 4])
def test_nothing_has_to_be_said_again(session: Session, caller: Caller, away: Away, times: int) -> None:
    caller.call()
    away(True)
    caller.say(LEAK)
    for _ in range(times - 1):
        assert "Un momento" in caller.ask(caller.action)
    away(False)
    told = caller.ask(caller.action)
    assert "Perdón" not in told
    assert "¿Lo envío así?" in told
    away(True)
    caller.press("1")
    away(False)
    action = caller.action
    caller.ask(action)
    caller.ask(action)
    assert heard(session) == [LEAK, "1"]
    assert session.exec(select(ServiceRequest)).one().service_code == "FUGA"


def test_the_recogniser_is_doubted_all_the_same(caller: Caller, away: Away) -> None:
    caller.call()
    away(True)
    caller.say(LEAK, confidence="0.05")
    away(False)
    assert "No le oí bien" in caller.ask(caller.action)


@pytest.mark.parametrize("words", [LEAK, "ñandú 🙂 " * 300, "x" * 5000])
def test_the_address_is_short_and_says_nothing(caller: Caller, away: Away, words: str) -> None:
    caller.call()
    away(True)
    caller.say(words)
    assert len(address(caller)) <= carried.MOST_OF_AN_ADDRESS
    assert "fuga" not in address(caller)
    parts = urlsplit(address(caller))
    kept = carried.opened(parts.query, caller.sid, 1)
    assert kept is not None
    assert words.startswith(kept.text)
    assert len(kept.text) >= min(len(words), 500)


@pytest.mark.parametrize("value", ["", "x", "AAAA", "%00", "%C3%B1", "A" * 1400])
def test_what_we_did_not_seal_is_nothing(session: Session, caller: Caller, value: str) -> None:
    caller.call()
    told = caller.ask(f"/webhooks/voice/turn?k=1&a=1&h={value}")
    assert told.startswith("Perdón, se cortó un momento.")
    assert heard(session) == []


def test_what_was_sealed_for_another_answer_is_nothing(session: Session, caller: Caller) -> None:
    caller.call()
    for sid, number in (("CA2", 1), (caller.sid, 2)):
        more = carried.sealed(Heard("speech", LEAK), sid, number, room=1000)
        assert caller.ask(f"/webhooks/voice/turn?k=1&a=1{more}").startswith("Perdón")
    assert heard(session) == []


def test_words_that_we_cannot_bear_are_tried_once_more(
    session: Session, caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = answering.document

    def broken(session: Session, call: Call, answers: int, said: Heard, **more: Any) -> str:
        if said.text:
            raise RuntimeError("a mistake of ours")
        return whole(session, call, answers, said, **more)

    monkeypatch.setattr(answering, "document", broken)
    caller.call()
    caller.say(LEAK)
    assert "Un momento" in caller.ask(caller.action)
    assert caller.ask(caller.action).startswith("Perdón, se cortó un momento.")


def test_the_end_may_be_told_before_the_retry(session: Session, caller: Caller, away: Away) -> None:
    caller.call()
    away(True)
    caller.say(LEAK)
    action = caller.action
    caller.hang_up()
    away(False)
    caller.ask(action)
    end_call(str(session.exec(select(Call)).one().id))
    assert session.exec(select(ServiceRequest)).one().service_code == "FUGA"


@pytest.mark.parametrize("is_away", [False, True])
def test_the_fallback_knows_what_the_address_that_failed_has(
    session: Session, caller: Caller, away: Away, is_away: bool
) -> None:
    """We were away altogether when it was asked for again."""
    caller.call()
    away(True)
    caller.say(LEAK)
    failed = address(caller)
    away(is_away)
    told = caller.ask("/webhooks/voice/fallback", ErrorCode="11200", ErrorUrl=failed)
    if is_away:
        away(False)
        told = caller.ask(caller.action)
    assert "¿Lo envío así?" in told
    # What we answered could not be read out: they are not heard twice.
    told = caller.ask("/webhooks/voice/fallback", ErrorCode="12100", ErrorUrl=failed)
    assert told.startswith("Perdón")
    assert heard(session) == [LEAK]


def test_an_address_of_anything_else_is_none(caller: Caller) -> None:
    caller.call()
    for odd in ("", "x", "http://[", "https://evil.example/?k=1&h=AAAA"):
        assert caller.ask("/webhooks/voice/fallback", ErrorUrl=odd).startswith("Perdón")
