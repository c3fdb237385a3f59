"""Opening, proposing, attaching and ending, one after another and at once."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from uuid import UUID

import pytest
from shapely.geometry import box
from sqlalchemy import Engine
from sqlmodel import Session, select

from georef.points import LonLat
from intake.conversations import actions as conversations
from intake.distribution import actions as distribution
from intake.distribution import lines
from intake.distribution.items import queue_of
from intake.incidents import actions, attaching, queries, surges
from intake.incidents import jobs as incident_jobs
from intake.incidents.actions import AlreadyOpen
from intake.incidents.models import Incident, IncidentContact, IncidentUpdate
from kernel import db
from kernel.errors import Conflict, InvalidInput, NotFound
from kernel.ids import new_id
from kernel.outbox import OutboxEvent
from tests.factories import CITY, IN_NORTE, IN_SUR, NOW, make_city
from tests.intake.conversations.conftest import committed_city
from tests.intake.incidents.cast import SUR, SUSANA, WRITTEN, attach, draft, opened, thread

__all__ = ["committed_city"]

pytestmark = pytest.mark.database
LATER = NOW + timedelta(hours=1)
OPERATORS = (new_id(), new_id())


@pytest.fixture
def city(session: Session) -> Session:
    make_city(session)
    return session


def test_an_open_incident_is_announced_where_and_about_what_it_is(city: Session) -> None:
    made = opened(city)

    def ids(service_code: str | None = None, lonlat: tuple[float, float] | None = None) -> list[object]:
        place = LonLat(*lonlat) if lonlat else None
        return [one.id for one in queries.open_for(city, CITY, service_code=service_code, lonlat=place, now=NOW)]

    assert ids() == [made.id]
    assert ids("FUGA", IN_SUR) == [made.id]
    assert ids("FUGA") == [made.id]
    assert ids(lonlat=IN_SUR) == [made.id]
    assert ids("FUGA", IN_NORTE) == []
    assert ids("BACHE", IN_SUR) == []


def test_a_group_is_all_of_its_services_and_no_topic_is_every_one(city: Session) -> None:
    light = opened(city, service_codes=(), group_codes=("luz",), geometry=None, areas=())
    all_of_it = opened(city, kind="quake", service_codes=(), geometry=None, areas=())
    found = queries.open_for(city, CITY, service_code="LUMINARIA", now=NOW)
    assert [one.id for one in found] == [light.id, all_of_it.id]
    assert [one.id for one in queries.open_for(city, CITY, service_code="BACHE", now=NOW)] == [all_of_it.id]


def test_of_incidents_that_overlap_the_closest_fit_comes_first(city: Session) -> None:
    wide = opened(city, geometry=None, areas=())
    narrow = opened(city, geometry=box(-99.16, 19.34, -99.14, 19.36))
    found = queries.open_for(city, CITY, service_code="FUGA", lonlat=LonLat(*IN_SUR), now=NOW)
    assert [one.id for one in found] == [narrow.id, wide.id]


def test_what_is_spoken_is_made_from_what_is_written(city: Session) -> None:
    made = opened(city, written={"es": "Sin luz en Av. Sur y Col. Centro. Más en https://311.example"})
    (told,) = queries.open_for(city, CITY, now=NOW)
    assert told.text("es", is_spoken=True) == "Sin luz en avenida Sur y colonia Centro. Más en"
    # Nobody is left without words for want of a translation.
    assert told.text("en") == made.written["es"]


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"kind": "flood"}, "kind"),
        ({"title": {"en": "Rain"}}, "title"),
        ({"written": {"es": "  "}}, "written"),
        ({"written": {"es": "a" * 161}}, "written_es"),
        ({"written": {"es": "a", "en": "b" * 161}}, "written_en"),
        ({"spoken": {"es": "a" * 301}}, "spoken_es"),
        ({"service_codes": ("NADA",)}, "topics"),
        ({"geometry": box(0, 0, 0, 1)}, "area"),
    ],
)
def test_what_cannot_be_used_is_refused(city: Session, values: dict[str, object], field: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        opened(city, **values)
    assert refused.value.field == field


def test_the_same_form_twice_opens_once(city: Session) -> None:
    one, two = (actions.open_incident(city, CITY, draft(), by=SUSANA, client_ref="f-1", now=NOW) for _ in range(2))
    assert one.id == two.id


def test_whoever_opens_the_same_is_told_of_the_first(city: Session) -> None:
    first = opened(city)
    with pytest.raises(AlreadyOpen) as refused:
        actions.open_incident(city, CITY, draft(), by=SUSANA, now=NOW)
    assert refused.value.incident_id == first.id
    assert "Susana" in str(refused.value)
    # A neighbour only shares a border, another kind or another matter is another incident.
    actions.open_incident(city, CITY, draft(geometry=box(-99.2, 19.4, -99.1, 19.5)), by=SUSANA, now=NOW)
    actions.open_incident(city, CITY, draft(kind="outage"), by=SUSANA, now=NOW)
    actions.open_incident(city, CITY, draft(service_codes=("BACHE",)), by=SUSANA, now=NOW)


def test_two_supervisors_who_open_the_same_at_once_open_one(committed_city: Engine) -> None:
    meet = Barrier(2)

    def try_it(_: int) -> str:
        meet.wait()
        try:
            with db.transaction() as session:
                actions.open_incident(session, CITY, draft(), by=SUSANA, now=NOW)
        except AlreadyOpen:
            return "told"
        return "opened"

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(try_it, range(2))) == ["opened", "told"]


def test_a_proposal_waits_unannounced_until_somebody_accepts_it(city: Session) -> None:
    made = actions.propose(city, CITY, draft(), proposed_by="detector", source_ref="burst:agua:S", now=NOW)
    assert made is not None
    assert actions.propose(city, CITY, draft(), proposed_by="detector", source_ref="burst:agua:S", now=NOW) is None
    assert queries.open_for(city, CITY, now=NOW) == []
    accepted = actions.accept(city, made.id, draft(service_codes=("BACHE",)), version=1, by=SUSANA, now=LATER)
    assert accepted.opened_by_name == "Susana"
    assert [one.id for one in queries.open_for(city, CITY, service_code="BACHE", now=NOW)] == [made.id]
    with pytest.raises(Conflict):
        actions.dismiss(city, made.id, version=1, by=SUSANA, now=LATER)
    with pytest.raises(Conflict):
        actions.dismiss(city, made.id, version=2, by=SUSANA, now=LATER)


def test_after_a_proposal_was_dismissed_the_same_source_may_propose_again(city: Session) -> None:
    for _ in range(2):
        made = actions.propose(city, CITY, draft(), proposed_by="detector", source_ref="burst:agua:S", now=NOW)
        assert made is not None
        actions.dismiss(city, made.id, version=1, by=SUSANA, now=NOW)


def test_attaching_twice_is_attaching_once(city: Session) -> None:
    made = opened(city)
    one = thread(city, "+525512340001")
    assert attaching.attach(city, made.id, conversation_id=one.id, now=NOW)
    assert not attaching.attach(city, made.id, conversation_id=one.id, now=LATER)
    assert queries.attached(city, [made.id])[made.id] == (1, 0)


def test_nobody_is_attached_to_what_is_over(city: Session) -> None:
    made = opened(city)
    actions.end(city, made.id, {"es": "Ya paró de llover."}, version=1, by=SUSANA, now=LATER)
    with pytest.raises(Conflict):
        attach(city, made, "+525512340001")
    with pytest.raises(NotFound):
        attaching.attach(city, new_id(), conversation_id=thread(city, "+525512340001").id, now=LATER)
    assert queries.open_for(city, CITY, now=LATER) == []


def test_the_end_is_told_to_those_who_were_attached_before_it(city: Session) -> None:
    made = opened(city)
    for number in range(3):
        attach(city, made, f"+52551234000{number}")
    update = actions.end(city, made.id, {"es": "Ya paró."}, version=1, by=SUSANA, client_ref="f-9", now=LATER)
    again = actions.end(city, made.id, {"es": "Ya paró."}, version=1, by=SUSANA, client_ref="f-9", now=LATER)
    assert again.id == update.id
    assert update.told_to == max(row.seq or 0 for row in city.exec(select(IncidentContact)))
    assert city.exec(select(OutboxEvent).where(OutboxEvent.name == "incident.ended")).one().payload["update_id"] == str(
        update.id
    )


def test_who_attaches_while_it_ends_is_told_or_hears_that_it_is_over(committed_city: Engine) -> None:
    with db.transaction() as session:
        made = opened(session)
        threads = [thread(session, f"+5255123400{number:02}").id for number in range(8)]
    meet = Barrier(9)

    def attach_one(number: int) -> bool:
        meet.wait()
        try:
            with db.transaction() as session:
                return attaching.attach(session, made.id, conversation_id=threads[number], now=NOW)
        except Conflict:
            return False

    def end_it(_: int) -> None:
        meet.wait()
        with db.transaction() as session:
            actions.end(session, made.id, {"es": "Ya."}, version=1, by=SUSANA, now=NOW)

    with ThreadPoolExecutor(9) as pool:
        ending = pool.submit(end_it, 0)
        attached = sum(pool.map(attach_one, range(8)))
        ending.result()
    with db.transaction() as session:
        told_to = session.exec(select(IncidentUpdate.told_to).where(IncidentUpdate.name == "ended")).one()
        seqs = [row.seq or 0 for row in session.exec(select(IncidentContact))]
    assert len(seqs) == attached
    assert all(seq <= (told_to or 0) for seq in seqs)


def test_who_changes_what_somebody_else_has_changed_is_told(city: Session) -> None:
    made = opened(city)
    actions.edit(city, made.id, draft(written=WRITTEN | {"es": "Otra cosa."}), version=1, by=SUSANA, now=LATER)
    with pytest.raises(Conflict):
        actions.end(city, made.id, {"es": "Ya."}, version=1, by=SUSANA, now=LATER)
    assert city.get_one(Incident, made.id).state == "open"
    assert [row.name for row in queries.updates_of(city, made.id)] == ["edited", "opened"]


def test_another_city_sees_none_of_it(city: Session) -> None:
    made = opened(city, geometry=SUR)
    with pytest.raises(NotFound):
        queries.get(city, made.id, "otra.gob.example")


class TestLine:
    """A line of its own, and operators who are lent to it."""

    @pytest.fixture
    def incident(self, city: Session) -> Incident:
        for number, name in enumerate(("Ana", "Beto")):
            distribution.sign_on(city, jurisdiction_id=CITY, agent_id=OPERATORS[number], name=name, now=NOW)
        return opened(city)

    def test_operators_are_lent_for_some_hours(self, city: Session, incident: Incident) -> None:
        surges.open_line(city, incident.id, OPERATORS[:1], 2, version=1, by=SUSANA, now=NOW)
        until = {one.name: one.until for one in surges.operators(city, incident)}
        assert until == {"Ana": NOW + timedelta(hours=2), "Beto": None}
        # Chosen again, the others are taken back.
        surges.open_line(city, incident.id, OPERATORS[1:], 4, version=2, by=SUSANA, now=NOW)
        assert {one.name: one.until for one in surges.operators(city, incident)}["Ana"] is None

    def test_when_the_lent_hours_are_over_everybody_serves_it_at_once(self, city: Session, incident: Incident) -> None:
        surges.open_line(city, incident.id, OPERATORS[:1], 2, version=1, by=SUSANA, now=NOW)
        distribution.heartbeat(city, OPERATORS[0], epoch=1, lease=timedelta(days=1), now=NOW)
        line = queue_of(city, CITY, surges.code_of(incident.id))
        assert lines.served(city, CITY, NOW)[line.id].overflow == ""
        assert lines.served(city, CITY, NOW + timedelta(hours=2))[line.id].overflow == "nobody"
        # What a supervisor said of it stays when operators are lent again.
        was = lines.overflow_of(line)
        lines.set_overflow(
            city, CITY, line.code, was=was, after_s=30, if_nobody=False, hours=None, to=None, by=OPERATORS[0], now=NOW
        )
        surges.open_line(city, incident.id, OPERATORS, 2, version=2, by=SUSANA, now=NOW)
        city.refresh(line)
        assert (line.overflow_after_s, line.overflow_if_nobody) == (30, False)

    @pytest.mark.parametrize(("agents", "hours"), [((), 2), (OPERATORS, 0), (OPERATORS, 25), ((new_id(),), 2)])
    def test_what_makes_no_line_is_refused(
        self, city: Session, incident: Incident, agents: tuple[UUID, ...], hours: int
    ) -> None:
        with pytest.raises(InvalidInput):
            surges.open_line(city, incident.id, agents, hours, version=1, by=SUSANA, now=NOW)

    def test_who_is_attached_and_asks_for_a_person_waits_in_it(self, city: Session, incident: Incident) -> None:
        surges.open_line(city, incident.id, OPERATORS, 2, version=1, by=SUSANA, now=NOW)
        attach(city, incident, "+525512340001")
        conversations.hand_to_agent(city, thread(city, "+525512340001"), now=NOW)
        conversations.hand_to_agent(city, thread(city, "+525512340002"), now=NOW)
        assert surges.waiting(city, incident) == 1

    def test_with_its_end_operators_are_given_back(self, city: Session, incident: Incident) -> None:
        surges.open_line(city, incident.id, OPERATORS, 2, version=1, by=SUSANA, now=NOW)
        actions.end(city, incident.id, {"es": "Ya."}, version=2, by=SUSANA, now=NOW)
        city.flush()
        for _ in range(2):
            incident_jobs.close_line(str(incident.id))
        city.expire_all()
        assert city.get_one(Incident, incident.id).queue_code is None
        assert {one.until for one in surges.operators(city, incident)} == {None}
