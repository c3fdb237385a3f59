"""One telephone has nobody called who asked for none, and leaves places in the line for others."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
import time_machine
from sqlmodel import Session, select

from channels.voice.ivr import operators
from intake.calls import jobs, limits
from intake.calls.limit_models import CallbackCount, CallerFlag
from intake.calls.limits import Limits
from intake.catalog.models import Jurisdiction
from intake.conversations.models import Conversation
from intake.distribution.models import WorkItem
from intake.people import flags
from intake.people.models import ContactPointPerson, Person
from kernel.ids import new_id
from tests.channels.conftest import ANA
from tests.channels.voice.ivr.caller import Caller
from tests.channels.voice.ivr.test_ways import close
from tests.factories import CITY, NOW

pytestmark = pytest.mark.database

USUAL = Limits()
VICTIM = "5587654321"
KNOWN, ENOUGH, CROWDED = "Ya tenemos apuntado", "no podemos apuntar otra llamada", "no cabe otra en la fila"


@pytest.fixture(autouse=True)
def now() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller


def calls(caller: Caller, number: int, phone: str | None = None) -> Caller:
    """One more call, that has asked for a person."""
    made = Caller(caller.provider, sid=f"CAX{number}", number=phone or f"+5255700000{number:02d}")
    made.call()
    made.press("0")
    return made


def asks_for(caller: Caller, phone: str) -> str:
    """What they hear who want that number called back."""
    caller.press("1")
    if caller.number != "anonymous":
        caller.press("2")
    caller.press(phone)
    return caller.press("1")


def in_line(session: Session, kind: str) -> list[WorkItem]:
    session.expire_all()
    return [one for one in session.exec(select(WorkItem)) if (one.kind, one.state) == (kind, "queued")]


def flagged(session: Session) -> list[tuple[str, str, int]]:
    session.expire_all()
    return [(one.reason, one.digits, one.refused) for one in limits.flags(session, CITY)]


def dealt_with(session: Session) -> None:
    """Whoever was to be called has been."""
    for one in in_line(session, "callback"):
        one.state, one.ended_at = "cancelled", NOW
        session.add(one)
    session.flush()


def test_many_telephones_cannot_have_one_number_called(session: Session, caller: Caller) -> None:
    many = USUAL.callbacks_to + 2
    made = [calls(caller, number) for number in range(many)]
    heard = [asks_for(one, VICTIM) for one in made]
    assert "Le llamamos" in heard[0]
    assert all(ENOUGH in told for told in heard[1:])
    assert all("music" in one.document for one in made[1:])
    (callback,) = in_line(session, "callback")
    assert callback.source_ref == "call:CAX0"
    assert len(in_line(session, "voice")) == many - 1  # who was refused waits as before
    assert flagged(session) == [("callbacks_to", "4321", 2)]


def test_a_day_has_so_many_calls_back_to_one_number(
    session: Session, caller: Caller, now: time_machine.Traveller
) -> None:
    def owner_asks(number: int) -> None:
        own = calls(caller, number, f"+52{VICTIM}")
        own.press("1")
        assert "Le llamamos" in own.press("1")
        dealt_with(session)

    owner_asks(39)  # which leaves others as many as before
    for number in range(USUAL.callbacks_to):
        assert "Le llamamos" in asks_for(calls(caller, number), VICTIM)
        dealt_with(session)
    assert ENOUGH in asks_for(calls(caller, 40), VICTIM)
    owner_asks(41)
    now.shift(timedelta(hours=25))
    assert "Le llamamos" in asks_for(calls(caller, 42), VICTIM)


@pytest.mark.parametrize("phone", ["+525570000099", "anonymous"])
def test_one_telephone_asks_for_so_many_in_a_day(session: Session, caller: Caller, phone: str) -> None:
    city, guards = session.get_one(Jurisdiction, CITY), {"callbacks_by": 2, "callbacks_hidden": 3}
    most = guards["callbacks_hidden" if phone == "anonymous" else "callbacks_by"]
    city.settings = {**city.settings, "guards": guards}
    session.flush()
    heard = []
    for number in range(most + 1):
        made = calls(caller, number, phone)
        heard.append(asks_for(made, f"55876543{number:02d}"))
        made.hang_up()
    assert ["Le llamamos" in told for told in heard] == [True] * most + [False]
    assert ENOUGH in heard[-1]
    assert flagged(session) == [("callbacks_by", "" if phone == "anonymous" else "0099", 1)]


@pytest.mark.parametrize("is_shared", [False, True])
def test_who_asks_once_more_is_called_once(session: Session, caller: Caller, is_shared: bool) -> None:
    """They hear what who asks first hears: the number may not be theirs. Of several people's nobody knows who is to be called."""
    close(session)
    for told in ("Le llamamos cuando", KNOWN if is_shared else "Le llamamos cuando"):
        made = calls(caller, len(in_line(session, "callback")), ANA)
        made.press("2")
        assert told in made.press("1")
        if is_shared:
            share(session)
    assert ("Para dejar un mensaje, oprima 3" in made.said[-1]) == is_shared
    assert len(in_line(session, "callback")) == 1
    # That somebody else is to be called back is told to nobody.
    assert ENOUGH in (other := calls(caller, 2)).press("2") + other.press("2") + other.press(ANA[3:]) + other.press("1")
    assert KNOWN not in " ".join(other.said)


def share(session: Session) -> None:
    """Somebody else uses that telephone, too."""
    (thread,) = {one.conversation_id for one in in_line(session, "callback")}
    point = session.get_one(Conversation, thread).contact_point_id
    sister = Person(id=new_id(), jurisdiction_id=CITY, created_at=NOW)
    session.add(sister)
    session.flush()
    session.add(ContactPointPerson(contact_point_id=point, person_id=sister.id, added_at=NOW))
    session.flush()


def test_who_waits_and_is_to_be_called_already_keeps_that(session: Session, caller: Caller) -> None:
    first = calls(caller, 0, ANA)
    first.press("1")
    first.press("1")
    first.hang_up()
    (callback,) = in_line(session, "callback")
    again = calls(caller, 1, ANA)
    assert "Conserva" not in " ".join(again.said)
    again.press("1")
    assert "Le llamamos en cuanto le toque" in again.press("1")
    again.hang_up()
    assert (in_line(session, "voice"), in_line(session, "callback")) == ([], [callback])


def test_a_refused_number_is_not_called_instead_of_the_one_that_shows(session: Session, caller: Caller) -> None:
    asks_for(calls(caller, 0), VICTIM)
    made = calls(caller, 1)
    asks_for(made, VICTIM)
    made.press("1")
    assert "Le llamamos" in made.press("1")
    assert len(in_line(session, "callback")) == 2


def test_many_calls_of_one_number_leave_the_line_to_others(session: Session, caller: Caller) -> None:
    made = [calls(caller, number, ANA) for number in range(USUAL.calls_in_line + 2)]
    assert len(in_line(session, "voice")) == USUAL.calls_in_line
    last = made[-1]
    assert CROWDED in last.said[-1]
    assert "Para dejar un mensaje, oprima 3" in last.said[-1]
    assert flagged(session) == [("calls_in_line", ANA[-4:], 2)]
    assert "Le comunico con una persona" in calls(caller, 41).said[-1]
    # As soon as one has gone there is room again.
    made[0].hang_up()
    assert "Le comunico" in last.press("0")
    assert len(in_line(session, "voice")) == USUAL.calls_in_line + 1


def test_what_came_at_once_beyond_the_limit_goes_at_the_next_document(
    session: Session, caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as at_once:
        at_once.setattr(limits, "may_wait", lambda *_, **__: True)
        made = [calls(caller, number, ANA) for number in range(USUAL.calls_in_line + 1)]
    heard = [one.keep_quiet() for one in made]
    assert [CROWDED in told for told in heard] == [False] * USUAL.calls_in_line + [True]
    assert len(in_line(session, "voice")) == USUAL.calls_in_line


def test_hidden_numbers_are_everybodys(session: Session, caller: Caller) -> None:
    for number in range(USUAL.calls_in_line + 3):
        calls(caller, number, "anonymous")
    assert len(in_line(session, "voice")) == USUAL.calls_in_line + 3
    assert flagged(session) == []


def test_whoever_has_waited_long_and_may_not_be_called_leaves_a_message(
    session: Session, caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(operators, "MOST_WAITS", 2)
    city = session.get_one(Jurisdiction, CITY)
    city.settings = {**city.settings, "guards": {"callbacks_by": 1}}
    session.flush()
    asks_for(calls(caller, 0, ANA), VICTIM)
    made = calls(caller, 1, ANA)
    made.keep_quiet()
    assert ENOUGH in (told := made.keep_quiet())
    assert "Después del tono" in told


def test_counts_are_forgotten(session: Session, caller: Caller, now: time_machine.Traveller) -> None:
    asks_for(calls(caller, 0), VICTIM)
    jobs.forget_counts()
    assert len(session.exec(select(CallbackCount)).all()) == 2
    now.shift(timedelta(days=3))
    jobs.forget_counts()
    assert session.exec(select(CallbackCount)).all() == []


def test_somebody_looks_and_what_is_refused_later_says_so_again(session: Session, caller: Caller) -> None:
    for number in range(USUAL.calls_in_line + 1):
        calls(caller, number, ANA)
    (flag,) = limits.flags(session, CITY)
    flags.review(session, CallerFlag, flag.id, CITY, note="Un call center", by=flag.id, by_name="Susana", now=NOW)
    assert limits.flags(session, CITY) == []
    calls(caller, 50, ANA)
    assert flagged(session) == [("calls_in_line", ANA[-4:], 1)]
