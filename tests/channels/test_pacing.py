"""How fast a channel sends, and that nothing a campaign has waiting holds up a folio."""

from collections.abc import Iterator
from datetime import datetime, time, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlmodel import Session, select

from channels import delivery, pacing
from channels.delivery import Claim, Later, Nothing
from channels.pacing import BULK_SHARE, slot
from channels.quiet_hours import QuietHours
from intake.catalog.models import Jurisdiction
from intake.conversations import actions as conversations
from intake.conversations import arrivals
from intake.conversations.models import Message
from intake.conversations.values import InboundMessage
from kernel.outbox import OutboxEvent
from kernel.settings import Pacing
from tests.factories import CITY, NOW, SMS_NUMBER, make_city

SECOND = timedelta(seconds=1)


@pytest.fixture(autouse=True)
def pace() -> Iterator[None]:
    pacing.configure(Pacing(rates={"sms": 10}))
    yield
    pacing.configure(Pacing())


def sent_at(session: Session, count: int, *, is_bulk: bool, begin: datetime = NOW) -> list[datetime]:
    """When each of `count` messages that are there at `begin` goes, by asking again whenever its turn is later."""
    went = []
    for _ in range(count):
        at, reserved = begin, None
        while (turn := slot(session, "sms", is_bulk=is_bulk, reserved=reserved, now=at)) > at:
            at = reserved = turn
        went.append(at)
    return went


@pytest.mark.parametrize("is_bulk", [False, True])
def test_never_more_in_any_second_than_the_channel_takes(session: Session, is_bulk: bool) -> None:
    went = sorted(sent_at(session, 60, is_bulk=is_bulk))
    # After a pause one second's worth goes at once, and the next second's with it.
    assert all(went[i + 21] - went[i] >= SECOND for i in range(len(went) - 21))
    expected_s = (60 - 10) / (10 * (BULK_SHARE if is_bulk else 1))
    assert went[-1] - NOW == pytest.approx(timedelta(seconds=expected_s), abs=timedelta(seconds=1.5))


def test_a_folio_goes_at_once_whatever_a_campaign_has_waiting(session: Session) -> None:
    for _ in range(500):
        slot(session, "sms", is_bulk=True, reserved=None, now=NOW)
    assert slot(session, "sms", is_bulk=False, reserved=None, now=NOW + SECOND) == NOW + SECOND


def test_a_campaign_steps_back_while_the_channel_is_full_of_answers(session: Session) -> None:
    sent_at(session, 40, is_bulk=False)
    assert slot(session, "sms", is_bulk=True, reserved=NOW, now=NOW) > NOW


def test_a_channel_without_a_rate_takes_what_comes(session: Session) -> None:
    assert {slot(session, "web_chat", is_bulk=False, reserved=None, now=NOW) for _ in range(50)} == {NOW}


def test_a_campaign_s_messages_are_told_of_by_an_event_of_their_own(session: Session) -> None:
    thread = open_thread(session)
    for kind in ("notice", "campaign"):
        queue(session, thread, kind)
    names = session.exec(select(OutboxEvent.name).order_by(OutboxEvent.id)).all()
    assert names[-2:] == ["message.queued", "bulk_message.queued"]


class TestQuietHours:
    ZONE = ZoneInfo("America/Mexico_City")

    @pytest.mark.parametrize(
        ("clock", "ends"),
        [("20:59", None), ("21:00", "2026-11-20 08:00"), ("23:59", "2026-11-20 08:00"), ("00:00", "2026-11-19 08:00"),
         ("07:59", "2026-11-19 08:00"), ("08:00", None)],
    )  # fmt: skip
    def test_past_midnight(self, clock: str, ends: str | None) -> None:
        hours = QuietHours.of({"quiet_hours": ["21:00", "08:00"]}, "America/Mexico_City")
        assert hours is not None
        found = hours.end_after(datetime.fromisoformat(f"2026-11-19 {clock}").replace(tzinfo=self.ZONE))
        assert (found and f"{found:%Y-%m-%d %H:%M}") == ends

    @given(st.times(), st.times(), st.integers(0, 366 * 24 * 60))
    def test_the_end_is_never_quiet_itself_and_less_than_a_day_away(
        self, begins: time, ends: time, minutes: int
    ) -> None:
        if begins == ends:
            return
        now = NOW + timedelta(minutes=minutes)
        until = QuietHours(begins, ends, self.ZONE).end_after(now)
        if until is not None:
            assert timedelta(0) < until - now <= timedelta(days=1)
            assert QuietHours(begins, ends, self.ZONE).end_after(until) is None

    def test_a_city_that_says_nothing_has_none(self) -> None:
        assert QuietHours.of({}, "America/Mexico_City") is None


def open_thread(session: Session) -> UUID:
    city = make_city(session)
    inbound = InboundMessage("sms", "IN1", "+525512345678", SMS_NUMBER, "hola", NOW)
    thread = arrivals.receive(session, inbound, jurisdiction_id=CITY, now=NOW).conversation_id
    assert isinstance(city, Jurisdiction)
    return thread


def queue(session: Session, thread: UUID, kind: str) -> Message:
    ref = f"{kind}-{len(session.exec(select(Message.id)).all())}"
    return conversations.queue_message(session, thread, f"Aviso {ref}", client_ref=ref, author_kind=kind, now=NOW)


class TestAtNight:
    NIGHT = datetime(2026, 11, 19, 23, 30, tzinfo=ZoneInfo("America/Mexico_City"))
    MORNING = datetime(2026, 11, 20, 8, 0, tzinfo=ZoneInfo("America/Mexico_City"))

    def test_news_waits_for_the_morning_and_an_answer_passes_it(self, session: Session) -> None:
        thread = open_thread(session)
        city = session.get_one(Jurisdiction, CITY)
        city.settings = {**city.settings, "quiet_hours": ["21:00", "08:00"]}
        notice, answer = queue(session, thread, "notice"), queue(session, thread, "dialogue")
        first = delivery.claim_next(session, notice.id, now=self.NIGHT)
        assert isinstance(first, Claim)
        assert first.message.message_id == answer.id
        answer.status = "accepted"
        session.flush()
        assert delivery.claim_next(session, notice.id, now=self.NIGHT) == Later(self.MORNING)
        morning = delivery.claim_next(session, notice.id, now=self.MORNING)
        assert isinstance(morning, Claim)
        assert morning.message.message_id == notice.id

    def test_in_a_city_without_quiet_hours_it_goes(self, session: Session) -> None:
        notice = queue(session, open_thread(session), "notice")
        assert isinstance(delivery.claim_next(session, notice.id, now=self.NIGHT), Claim)
        notice.status = "accepted"
        session.flush()
        assert delivery.claim_next(session, notice.id, now=self.NIGHT) is Nothing.DONE
