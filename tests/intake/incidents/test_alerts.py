"""Alerts of others become proposals; our incidents are alerts for others."""

from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace
from xml.etree import ElementTree

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from shapely.geometry import box
from sqlmodel import Session

from intake.catalog.models import Jurisdiction
from intake.incidents import actions, alerts, bursts, queries
from intake.incidents.api import router
from intake.incidents.cap.reading import read_alert, read_any
from intake.incidents.cap.values import Alert, AlertArea, Info
from intake.incidents.detecting import WEEKS
from intake.incidents.jobs import look_for_bursts
from intake.incidents.models import Incident
from kernel import clock
from kernel.errors import InvalidInput
from tests.factories import CITY, NOW, make_city, make_rule
from tests.intake.incidents.cap.rules import SPACE, faults
from tests.intake.incidents.cast import SUSANA, draft, opened
from tests.intake.incidents.test_telling import report

pytestmark = pytest.mark.database
LATER = NOW + timedelta(hours=1)
SOON = NOW + timedelta(minutes=5)
SPANISH = Info(
    event="Lluvia fuerte",
    category=("Met",),
    urgency="Immediate",
    severity="Severe",
    certainty="Likely",
    language="es-MX",
    headline="Lluvia fuerte al sur de la ciudad",
    expires=NOW + timedelta(hours=6),
    areas=(AlertArea("Sur de la ciudad", box(-99.20, 19.00, -99.10, 19.40)),),
)
ALERT = Alert(
    "A-1",
    "smn@example.mx",
    NOW,
    "Actual",
    "Alert",
    "Public",
    infos=(SPANISH, replace(SPANISH, language="en-US", headline="Heavy rain in the south", event="Heavy rain")),
)


@pytest.fixture
def city(session: Session, monkeypatch: pytest.MonkeyPatch) -> Session:
    make_city(session)
    make_rule(session, "todo", "ALC-S")
    monkeypatch.setattr(clock, "now", lambda: LATER)
    return session


def take_in(session: Session, alert: Alert) -> alerts.Taken:
    return alerts.take_in(session, CITY, alert, ours="atiende@311.example", now=LATER)


def proposed(session: Session, alert: Alert = ALERT) -> Incident:
    found = take_in(session, alert).incident
    assert found is not None
    return found


class TestIn:
    def test_an_alert_is_proposed_within_the_city_and_announced_by_nobody(self, city: Session) -> None:
        made = proposed(city)
        assert (made.state, made.kind, made.proposed_by) == ("proposed", "storm", "alert")
        assert made.title == {"es": "Lluvia fuerte al sur de la ciudad", "en": "Heavy rain in the south"}
        assert made.geometry is not None
        assert queries.open_for(city, CITY, now=LATER) == []
        assert made.expected_end_at == SPANISH.expires

    def test_told_twice_is_proposed_once(self, city: Session) -> None:
        made = proposed(city)
        assert take_in(city, ALERT) == alerts.Taken("known", made)

    @pytest.mark.parametrize(
        "values",
        [
            {"status": "Exercise"},
            {"status": "Test"},
            {"scope": "Private"},
            {"infos": ()},
            {"infos": (replace(SPANISH, expires=NOW),)},
            {"infos": (replace(SPANISH, areas=(AlertArea("Lejos", box(0, 0, 1, 1)),)),)},
        ],
    )
    def test_what_is_not_for_here_and_now_is_refused(self, city: Session, values: dict[str, object]) -> None:
        with pytest.raises(InvalidInput):
            take_in(city, replace(ALERT, **values))  # type: ignore[arg-type]  # named values

    def test_our_own_alerts_and_receipts_are_no_news(self, city: Session) -> None:
        assert take_in(city, replace(ALERT, sender="atiende@311.example")).outcome == "ignored"
        assert take_in(city, replace(ALERT, message_type="Ack")).outcome == "ignored"

    def test_what_covers_the_city_or_says_only_words_is_the_whole_city(self, city: Session) -> None:
        wide = replace(SPANISH, areas=(AlertArea("Todo el valle", box(-100, 19, -99, 20)),))
        assert proposed(city, replace(ALERT, infos=(wide,))).geometry is None
        words = replace(ALERT, identifier="A-2", infos=(replace(SPANISH, areas=(AlertArea("Valle"),)),))
        made = proposed(city, words)
        assert (made.geometry, made.basis["has_shape"]) == (None, False)

    def test_an_update_changes_the_proposal_and_a_cancellation_takes_it_back(self, city: Session) -> None:
        made = proposed(city)
        newer = replace(
            ALERT,
            identifier="A-2",
            message_type="Update",
            references=(ALERT.reference,),
            infos=(replace(SPANISH, headline="Lluvia muy fuerte"),),
        )
        assert take_in(city, newer).outcome == "changed"
        assert made.title["es"] == "Lluvia muy fuerte"
        over = replace(ALERT, identifier="A-3", message_type="Cancel", references=(newer.reference,))
        assert take_in(city, over).outcome == "withdrawn"
        assert made.state == "dismissed"

    def test_a_cancellation_of_what_is_open_is_for_a_person_to_decide(self, city: Session) -> None:
        made = proposed(city)
        actions.accept(city, made.id, draft(), version=made.version, by=SUSANA, now=LATER)
        over = replace(ALERT, identifier="A-2", message_type="Cancel", references=(ALERT.reference,))
        assert take_in(city, over).outcome == "changed"
        assert take_in(city, over).outcome == "known"
        assert (made.state, made.alert["state"]) == ("open", "Cancel")
        assert queries.updates_of(city, made.id)[0].name == "alert_changed"

    def test_a_cancellation_of_what_nobody_knows_is_nothing(self, city: Session) -> None:
        over = replace(ALERT, identifier="A-9", message_type="Cancel", references=(ALERT.reference,))
        assert take_in(city, over).outcome == "ignored"

    def test_nobody_takes_back_or_covers_what_another_sender_said(self, city: Session) -> None:
        stranger = replace(ALERT, identifier="X-1", sender="other@example.mx", references=(ALERT.reference,))
        first = proposed(city, stranger)
        made = proposed(city)
        assert made.id != first.id
        over = replace(stranger, identifier="X-2", message_type="Cancel", references=(ALERT.reference,))
        assert take_in(city, over).outcome == "ignored"
        assert made.state == "proposed"

    def test_of_a_feed_the_newest_first_a_cancelled_alert_is_never_proposed(self, city: Session) -> None:
        over = replace(ALERT, identifier="A-2", message_type="Cancel", references=(ALERT.reference,), sent=SOON)
        assert [take_in(city, one).outcome for one in alerts.in_turn([over, ALERT])] == ["ignored"]
        newer = replace(over, identifier="A-3", message_type="Update")
        assert [take_in(city, one).outcome for one in alerts.in_turn([newer, ALERT])] == ["proposed"]
        assert take_in(city, ALERT).outcome == "known"

    def test_what_comes_late_changes_nothing(self, city: Session) -> None:
        made = proposed(city)
        late = replace(SPANISH, headline="Lluvia muy fuerte")
        newest = replace(
            ALERT, identifier="A-3", message_type="Update", references=(ALERT.reference,), sent=SOON, infos=(late,)
        )
        take_in(city, newest)
        older = replace(newest, identifier="A-2", sent=NOW + timedelta(minutes=1), infos=ALERT.infos)
        assert take_in(city, older).outcome == "known"
        assert made.title["es"] == "Lluvia muy fuerte"

    @pytest.mark.parametrize(
        "values",
        [
            {"expires": NOW},
            {"urgency": "Past"},
            {"areas": (AlertArea("Lejos", box(0, 0, 1, 1)),)},
        ],
    )
    def test_a_proposal_that_is_over_or_has_moved_on_is_taken_back(
        self, city: Session, values: dict[str, object]
    ) -> None:
        made = proposed(city)
        infos = (replace(SPANISH, **values),)  # type: ignore[arg-type]  # named values
        newer = replace(
            ALERT, identifier="A-2", message_type="Update", references=(ALERT.reference,), sent=SOON, infos=infos
        )
        assert take_in(city, newer).outcome == "withdrawn"
        assert made.state == "dismissed"

    @pytest.mark.parametrize(("severity", "outcome"), [("Severe", "changed"), ("Extreme", "proposed")])
    def test_somebody_said_no_and_it_got_worse(self, city: Session, severity: str, outcome: str) -> None:
        made = proposed(city)
        actions.dismiss(city, made.id, version=1, by=SUSANA, now=LATER)
        newer = replace(
            ALERT, identifier="A-2", message_type="Update", references=(ALERT.reference,), sent=SOON,
            infos=(replace(SPANISH, severity=severity),),
        )  # fmt: skip
        taken = take_in(city, newer)
        assert (taken.outcome, take_in(city, newer).outcome) == (outcome, "known")
        assert made.state == "dismissed"

    def test_a_proposal_that_expires_before_anybody_decides_is_taken_back(
        self, city: Session, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        made = proposed(city)
        look_for_bursts()
        assert made.state == "proposed"
        monkeypatch.setattr(clock, "now", lambda: NOW + timedelta(hours=7))
        look_for_bursts()
        city.expire_all()
        assert (made.state, queries.updates_of(city, made.id)[0].note) == ("dismissed", "expired")


class TestOut:
    @pytest.fixture
    def client(self, city: Session) -> TestClient:
        app = FastAPI()
        app.include_router(router)
        app.state.settings = SimpleNamespace(web=SimpleNamespace(public_base_url="https://311.example"))
        return TestClient(app)

    def document(self, client: TestClient, incident: Incident) -> bytes:
        answer = client.get(f"/incidentes/{incident.id}.cap")
        assert answer.headers["content-type"].startswith("application/cap+xml")
        assert faults(answer.content) == []
        return answer.content

    def test_an_open_incident_is_an_alert_in_two_languages(self, city: Session, client: TestClient) -> None:
        made = opened(city)
        told = read_alert(self.document(client, made))
        assert (told.message_type, told.references, told.status) == ("Alert", (), "Actual")
        assert [info.language for info in told.infos] == ["es-MX", "en-US"]
        assert [info.event for info in told.infos] == ["Lluvia fuerte en Sur", "Heavy rain in Sur"]
        assert told.infos[0].areas[0].description == "Sur"
        assert told.sent == NOW

    def test_news_is_an_update_and_the_end_a_cancellation_of_all_before(
        self, city: Session, client: TestClient
    ) -> None:
        made = opened(city)
        first = read_alert(self.document(client, made))
        actions.post_update(
            city, made.id, {"es": "Sigue lloviendo."}, version=1, by=SUSANA, now=NOW + timedelta(minutes=5)
        )
        second = read_alert(self.document(client, made))
        assert (second.message_type, second.references) == ("Update", (first.reference,))
        assert second.infos[0].description == "Sigue lloviendo."
        actions.end(city, made.id, {"es": "Ya paró."}, version=2, by=SUSANA, now=NOW + timedelta(minutes=9))
        third = read_alert(self.document(client, made))
        assert (third.message_type, third.references) == ("Cancel", (first.reference, second.reference))
        assert third.infos[0].urgency == "Past"

    def test_what_is_open_again_is_a_new_alert(self, city: Session, client: TestClient) -> None:
        made = opened(city)
        actions.end(city, made.id, {"es": "Ya paró."}, version=1, by=SUSANA, now=NOW + timedelta(minutes=5))
        over = read_alert(self.document(client, made))
        actions.reopen(city, made.id, {"es": "Volvió."}, version=2, by=SUSANA, now=NOW + timedelta(minutes=9))
        again = read_alert(self.document(client, made))
        assert (again.message_type, again.references) == ("Alert", ())
        assert again.identifier != over.identifier
        assert again.infos[0].description == "Volvió."
        actions.post_update(city, made.id, {"es": "Sigue."}, version=3, by=SUSANA, now=NOW + timedelta(minutes=10))
        assert read_alert(self.document(client, made)).references == (again.reference,)

    def test_the_whole_city_is_its_outline(self, city: Session, client: TestClient) -> None:
        told = read_alert(self.document(client, opened(city, geometry=None, areas=())))
        area = told.infos[0].areas[0]
        assert area.description == "Ciudad Prueba"
        assert area.shape is not None
        assert area.shape.equals(box(-99.20, 19.30, -99.10, 19.50))

    def test_the_feed_names_what_is_open_or_ended_lately(self, city: Session, client: TestClient) -> None:
        made = opened(city)
        old = opened(city, kind="outage")
        actions.end(city, old.id, {"es": "Ya."}, version=1, by=SUSANA, now=NOW - timedelta(days=5))
        answer = client.get("/incidentes.atom", params={"jurisdiction_id": CITY})
        assert read_any(answer.content) == ([], [f"https://311.example/incidentes/{made.id}.cap"], [])
        assert ElementTree.fromstring(answer.content).findtext("{*}author/{*}name") == "Ciudad Prueba"

    def test_a_proposal_or_a_stranger_is_not_there(self, city: Session, client: TestClient) -> None:
        made = proposed(city)
        assert client.get(f"/incidentes/{made.id}.cap").status_code == 404
        assert client.get("/incidentes/nada.cap").status_code == 404
        assert SPACE not in client.get("/incidentes.atom").text


class TestBursts:
    def test_many_people_about_one_matter_are_proposed_once(self, city: Session) -> None:
        for week in range(1, WEEKS + 1):
            report(city, phone="+525512349999", key=f"old-{week}", at=LATER - timedelta(weeks=week))
        for number in range(20):
            report(city, phone=f"+5255123400{number:02}", key=f"new-{number}", at=SOON)
        city.flush()
        (made,) = bursts.look(city, CITY, now=LATER)
        assert (made.state, made.group_codes, made.proposed_by) == ("proposed", ["agua"], "detector")
        assert made.areas == [{"layer": "district", "code": "S", "name": "Sur"}]
        assert (made.basis["people"], made.basis["weeks"]) == (20, 8)
        assert bursts.look(city, CITY, now=LATER) == []
        # Whoever said no is not asked again at once.
        actions.dismiss(city, made.id, version=1, by=SUSANA, now=LATER)
        assert bursts.look(city, CITY, now=LATER) == []

    def test_a_town_asks_for_less(self, city: Session) -> None:
        report(city, phone="+525512349999", key="old", at=LATER - timedelta(weeks=9))
        for number in range(7):
            report(city, phone=f"+5255123400{number:02}", key=f"new-{number}", at=SOON)
        city.flush()
        assert bursts.look(city, CITY, now=LATER) == []
        city.get_one(Jurisdiction, CITY).settings = {"guards": {"burst_people": 7}}
        assert len(bursts.look(city, CITY, now=LATER)) == 1

    def test_one_person_who_reports_much_is_no_burst(self, city: Session) -> None:
        report(city, phone="+525512349999", key="old", at=LATER - timedelta(weeks=9))
        for number in range(30):
            report(city, key=f"new-{number}", at=SOON)
        city.flush()
        assert bursts.look(city, CITY, now=LATER) == []

    def test_what_is_open_already_is_not_proposed(self, city: Session) -> None:
        opened(city, service_codes=("FUGA",))
        report(city, phone="+525512349999", key="old", at=LATER - timedelta(weeks=9))
        for number in range(20):
            report(city, phone=f"+5255123400{number:02}", key=f"new-{number}", at=SOON)
        city.flush()
        assert bursts.look(city, CITY, now=LATER) == []
