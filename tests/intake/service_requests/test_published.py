"""What everybody may read is stored with what was said, and masked while it is read where nothing is stored yet."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlmodel import Session

from georef.points import LonLat
from intake.catalog.models import Jurisdiction
from intake.service_requests import published, queries, reviewing
from intake.service_requests.actions import add_note, change_status, submit
from intake.service_requests.models import PublicTextReview
from intake.service_requests.public_text import RULES_VERSION
from intake.service_requests.publishing import Batch, publish_texts
from intake.service_requests.values import Actor, Submission
from tests.factories import CITY, IN_NORTE, NOW, OUTSIDE, make_city

pytestmark = pytest.mark.database
AGENCY = Actor("agency", "Aguas")


@pytest.fixture(autouse=True)
def city(session: Session) -> None:
    make_city(session)


def made(session: Session, **values: Any) -> Any:
    defaults: dict[str, Any] = {"service_code": "BACHE", "channel": "web", "point": LonLat(*IN_NORTE)}
    return submit(session, Submission(CITY, **(defaults | values)), now=NOW)


def test_both_texts_are_written_at_once(session: Session) -> None:
    found = made(
        session,
        service_code="LUMINARIA",
        description="Sin luz, 55 1234 5678",
        address_string="Niebla 4, ana@correo.mx",
        attributes={"TIPO_FALLA": ["apagada"], "NUM_POSTE": ["5512345678"]},
    )
    session.refresh(found)
    assert found.description == "Sin luz, 55 1234 5678"
    assert found.public_description == "Sin luz, […]"
    assert found.public_address == "Niebla 4, […]"
    assert found.public_status_notes == ""
    assert found.public_attributes == {"TIPO_FALLA": "apagada", "NUM_POSTE": "[…]"}
    assert found.attributes["NUM_POSTE"] == "5512345678"
    assert found.public_text_version == RULES_VERSION


def test_notes_have_a_text_for_everybody(session: Session) -> None:
    found = made(session)
    note = add_note(session, found.id, text="Llame al 5512345678", audience="public", actor=AGENCY, now=NOW)
    assert (note.note, note.public_note) == ("Llame al 5512345678", "Llame al […]")
    assert (found.status_notes, found.public_status_notes) == ("Llame al 5512345678", "Llame al […]")
    change_status(session, found.id, life="in_progress", note="Va 5587654321", actor=AGENCY, now=NOW)
    assert found.public_status_notes == "Va […]"
    private = add_note(session, found.id, text="Llame al 5512345678", audience="internal", actor=AGENCY, now=NOW)
    assert private.public_note is None


def test_the_telephone_of_the_town_next_door_is_ours_to_tell(session: Session) -> None:
    from shapely.geometry import box

    from tests.factories import make_layer

    session.add(
        Jurisdiction(
            id="vecina.gob.example",
            name="Vecina",
            timezone="America/Mexico_City",
            settings={"phone": "55 1234 5678"},
            catalog_changed_at=NOW,
        )
    )
    session.flush()
    make_layer(
        session, "jurisdiction", [("vecina.gob.example", "Vecina", box(-99.6, 19.3, -99.4, 19.5))], "vecina.gob.example"
    )
    found = made(session, point=LonLat(*OUTSIDE))
    assert "55 1234 5678" in found.public_status_notes
    assert found.public_status_notes == found.status_notes
    assert "55 1234 5678" in published.note_of(queries.events_of(session, found.id)[-1])
    _forget(session, found.id)
    assert published.status_notes_of(found) == found.status_notes


def test_a_row_without_stored_texts_is_masked_as_it_is_read(session: Session) -> None:
    found = made(session, description="Sin luz, 55 1234 5678", address_string="Niebla 4, ana@correo.mx")
    add_note(session, found.id, text="Llame al 5512345678", audience="public", actor=AGENCY, now=NOW)
    _forget(session, found.id)
    session.refresh(found)
    assert published.address_of(found) == "Niebla 4, […]"
    assert published.status_notes_of(found) == "Llame al […]"
    assert published.note_of(queries.events_of(session, found.id)[-1]) == "Llame al […]"


def _forget(session: Session, request_id: UUID) -> None:
    """As the previous release would have left it."""
    session.connection().execute(
        text(
            "UPDATE service_request SET public_description = NULL, public_address = NULL, public_status_notes = NULL,"
            " public_attributes = NULL, public_text_version = NULL WHERE id = :id"
        ),
        {"id": request_id},
    )
    session.connection().execute(
        text("UPDATE service_request_event SET public_note = NULL WHERE service_request_id = :id"), {"id": request_id}
    )
    session.expire_all()


@pytest.mark.parametrize("code", ["06800", "1234", "A-12", "09-007-0001", "SW1A1AA"])
def test_codes_are_published(code: str) -> None:
    assert published.public_code(code) == code


@pytest.mark.parametrize(
    "code", ["", None, "06800 5512345678", "5512345678", "ana1@correo.mx", "Ana Perez 1", "Rosa", "9" * 65]
)
def test_what_is_no_code_is_not_published(code: str | None) -> None:
    assert published.public_code(code) is None


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        (None, None),
        ("https://fotos.example/a/1.jpg?w=100", "https://fotos.example/a/1.jpg?w=100"),
        ("https://fotos.example/1.jpg?from=ana%40correo.mx", "https://fotos.example/1.jpg"),
        ("https://fotos.example/1.jpg?tel=55+1234+5678#x", "https://fotos.example/1.jpg"),
        ("https://fotos.example/5512345678/1.jpg", None),
        ("https://ana@correo.mx/1.jpg", None),
    ],
)
def test_pictures_keep_their_address_without_contacts(url: str | None, shown: str | None) -> None:
    assert published.public_url(url) == shown


def test_old_rows_are_stored_in_batches_that_go_on_where_they_were(session: Session) -> None:
    rows = [made(session, description=f"Sin luz {n}, 55 1234 5678") for n in range(5)]
    add_note(session, rows[0].id, text="Llame al 5512345678", audience="public", actor=AGENCY, now=NOW)
    for row in rows:
        _forget(session, row.id)
    first = publish_texts(session, limit=2, now=NOW)
    assert first.count == 2
    # Started anew after a crash, it passes over what is done.
    assert publish_texts(session, limit=2, now=NOW).count == 2
    rest = publish_texts(session, after=first.last, limit=9, now=NOW)
    assert rest.count == 1
    assert publish_texts(session, now=NOW) == Batch(0, None)
    for n, row in enumerate(rows):
        session.refresh(row)
        assert row.public_description == f"Sin luz {n}, […]"
        assert row.public_text_version == RULES_VERSION
    assert rows[0].public_status_notes == "Llame al […]"
    assert queries.events_of(session, rows[0].id)[-1].public_note == "Llame al […]"
    assert rows[0].updated_at == NOW


def test_other_words_for_everybody_date_the_catalogue_by_which_clients_ask(session: Session) -> None:
    city = session.get_one(Jurisdiction, CITY)
    before, later = city.catalog_changed_at, NOW + timedelta(hours=1)
    found = made(session, description="Sin luz, 55 1234 5678")
    publish_texts(session, everything=True, now=later)
    assert city.catalog_changed_at == before
    found.public_description = "Sin luz, 55 1234 5678"
    session.flush()
    publish_texts(session, everything=True, now=later)
    assert (found.public_description, city.catalog_changed_at) == ("Sin luz, […]", later)


def test_what_a_person_decided_outlives_the_rules(session: Session) -> None:
    found = made(session, description="Alejandro tira cascajo")
    reviewing.publish(session, found.id, {"description": "Tiran cascajo"}, actor=AGENCY, now=NOW, expected_version=1)
    found.public_text_version = RULES_VERSION - 1
    session.add(found)
    session.flush()
    assert publish_texts(session, now=NOW).count == 1
    session.refresh(found)
    assert found.public_description == "Tiran cascajo"
    assert reviewing.pending(session, CITY) == []


def test_names_in_old_rows_go_to_the_review_list(session: Session) -> None:
    found = made(session, description="Alejandro tira cascajo")
    session.delete(session.get(PublicTextReview, found.id))
    _forget(session, found.id)
    publish_texts(session, now=NOW)
    assert [request.id for _, request in reviewing.pending(session, CITY)] == [found.id]
