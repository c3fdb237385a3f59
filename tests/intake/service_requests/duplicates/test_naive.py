"""The quick look-up finds what the naive one finds, with the same score to the last bit, and says the same of it."""

import random
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from sqlalchemy import insert, update
from sqlmodel import Session, col, select

from georef.distances import metres_per_degree
from georef.points import LonLat
from intake.catalog import matching
from intake.catalog import queries as catalog
from intake.catalog.definitions import DuplicateRules
from intake.catalog.models import Jurisdiction, ServiceAttribute
from intake.people.actions import find_or_create
from intake.service_requests.duplicates import lookup, scoring
from intake.service_requests.duplicates.scoring import LIKELY, Sighting, compare
from intake.service_requests.models import Report, ServiceRequest
from tests.factories import CITY, NOW, make_city, make_service
from tests.intake.service_requests.duplicates import naive
from tests.intake.service_requests.duplicates.cast import SPOT, report, sighting

_LETTERS = st.text("aáAeñÑnios ÜßİǅΣς12٣ⅷ_-.\t\u0301\u0303字", max_size=30)
# PostgreSQL keeps no NUL in a text.
_ANY = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=30)
_TEXTS = st.one_of(_LETTERS, _ANY, st.sampled_from(("Fuga de agua", "FUGA DE AGUA en Sabinos 214", "nn", "año nuevo")))
_ASSETS = st.dictionaries(st.sampled_from(("POSTE", "TOMA")), st.sampled_from(("42", " 42", "x")), max_size=2)
_YEARS = {"min_value": datetime(2020, 1, 1), "max_value": datetime(2026, 12, 1)}  # noqa: DTZ001  # the zone is apart
_INSTANTS = st.datetimes(timezones=st.just(UTC), **_YEARS)
_PRECISIONS = st.one_of(st.none(), st.floats(0, 500))


@st.composite
def _sightings(draw: st.DrawFn) -> Sighting:
    return Sighting(
        draw(st.sampled_from(("FUGA", "DRENAJE"))),
        "agua",
        LonLat(SPOT.lon + draw(st.floats(-0.003, 0.003)), SPOT.lat + draw(st.floats(-0.003, 0.003))),
        draw(_INSTANTS),
        draw(_PRECISIONS),
        draw(_TEXTS),
        draw(_TEXTS),
        draw(st.sampled_from((None, "A-1", "A-2"))),
        draw(_ASSETS),
    )


@given(_TEXTS)
@example("İstanbul ñÑ n\u0303 a\u0301 Ǆ ½ ² x_y")
@example("palabra" * 40)
def test_texts_are_taken_apart_alike(text: str) -> None:
    assert matching.fold(text) == naive.fold(text)
    assert scoring.trigrams(text) == naive.trigrams(text)


@given(
    _sightings(),
    _sightings(),
    st.builds(DuplicateRules, st.floats(1, 300), st.integers(0, 60)),
    st.one_of(st.none(), _INSTANTS),
    st.booleans(),
    st.floats(0, 1),
)
def test_a_pair_has_the_same_score_and_reasons_and_is_only_left_out_where_words_cannot_help(
    told: Sighting,
    known: Sighting,
    rules: DuplicateRules,
    closed_at: datetime | None,
    is_same_contact: bool,
    least: float,
) -> None:
    expected = naive.likeness(told, known, rules, closed_at, is_same_contact=is_same_contact)
    assert scoring.likeness(told, known, rules, closed_at=closed_at, is_same_contact=is_same_contact) == expected
    pair = compare(told, known, rules, closed_at=closed_at, is_same_contact=is_same_contact)
    assert pair.score(1.0) >= expected.score
    if pair.score(1.0) < least:
        assert expected.score < least


def _crowd(session: Session, number: int, rows: int) -> UUID:
    """So many requests of every kind and state within some 150 m of the spot; returns a contact that reported some of them."""
    chance = random.Random(number)
    base = report(session, metres=5000).model_dump()
    contact = find_or_create(session, CITY, "phone", "5512345678", now=NOW)
    per_lon, per_lat = metres_per_degree(SPOT.lat)
    made = []
    for place in range(rows):
        # Mostly heaped up, as at a real corner, so that every bound is met.
        wide = chance.choice((5, 30, 90))
        requested_at = NOW - timedelta(seconds=chance.uniform(0, 20 * 86400))
        closed_at = requested_at + (NOW - requested_at) * chance.random() if chance.random() < 0.6 else None
        words = f"{chance.choice(('hay un bache', 'Un BACHE enorme', 'se fundió la lámpara'))} {chance.randrange(9)}"
        is_masked = chance.random() < 0.9
        made.append(
            base
            | {
                "id": UUID(int=chance.getrandbits(128)),
                "folio": f"x{place}",
                "token": None,
                "service_code": chance.choice(("BACHE", "BACHE", "BACHE", "HUNDIMIENTO", "RUIDO", "FUGA")),
                "lon": SPOT.lon + chance.gauss(0, wide) / per_lon,
                "lat": SPOT.lat + chance.gauss(0, wide) / per_lat,
                "precision_m": chance.choice((None, 5.0, 20.0, 60.0)),
                "requested_at": requested_at,
                "closed_at": closed_at,
                "life": "closed" if closed_at else "new",
                "outcome_code": chance.choice(("resolved", "not_found", "duplicate")) if closed_at else None,
                "is_public": chance.random() < 0.9,
                "description": f"{words}, llamen al 55 1234 5678",
                "public_description": words if is_masked else None,
                "public_text_version": 1 if is_masked else None,
                "public_address": chance.choice((None, "Av. Sabinos 214", "av sabinos, 214", "Niebla")),
                "address_id": chance.choice((None, None, "A-1")),
                "attributes": {"POSTE": chance.choice(("1", "2"))} if chance.random() < 0.2 else {},
            }
        )
    session.execute(insert(ServiceRequest), made)
    said = session.exec(select(Report)).first()
    assert said is not None
    reports = [
        said.model_dump() | {"id": UUID(int=n), "service_request_id": row["id"], "contact_point_id": contact.id}
        for n, row in enumerate(made[::17], start=1)
    ]
    session.execute(insert(Report), reports)
    return contact.id


@pytest.mark.database
@pytest.mark.parametrize(("number", "rows"), [(1, 60), (2, 1500)])
def test_the_look_up_finds_what_a_walk_through_all_rows_finds(session: Session, number: int, rows: int) -> None:
    make_city(session)
    service = make_service(session, "HUNDIMIENTO", "Hundimiento", position=9)
    for owner in ("BACHE", "HUNDIMIENTO"):
        owner_id = service.id if owner == service.code else catalog.service(session, CITY, owner).id
        session.add(
            ServiceAttribute(
                service_id=owner_id,
                code="POSTE",
                datatype="string",
                is_required=False,
                position=1,
                description={"es": "Poste"},
                datatype_description={},
                is_asset=True,
            )
        )
    session.flush()
    session.execute(update(Jurisdiction).values(catalog_changed_at=NOW + timedelta(seconds=number)))
    contact = _crowd(session, number, rows)
    definition = catalog.service(session, CITY, "BACHE")
    chance = random.Random(number)
    for turn in range(12):
        point = LonLat(SPOT.lon + chance.uniform(-0.001, 0.001), SPOT.lat + chance.uniform(-0.001, 0.001))
        told = sighting(
            session,
            chance.choice(("un bache enorme", "lámpara fundida", "")),
            point=point if turn else SPOT,
            address=chance.choice(("", "Av. Sabinos 214")),
            address_id=chance.choice((None, "A-1")),
            assets=chance.choice(({}, {"POSTE": "2"})),
            contact_point_id=chance.choice((None, contact)),
        )
        for public_only in (True, False):
            least = chance.choice((0.0, 0.3, LIKELY))
            but = session.exec(select(ServiceRequest.id).order_by(col(ServiceRequest.folio)).limit(1)).one()
            asked = {"now": NOW, "public_only": public_only, "but": but, "least": least}
            found = lookup.around(session, definition, told, **asked)  # type: ignore[arg-type]  # as both take them
            expected = naive.around(session, definition, told, **asked)  # type: ignore[arg-type]
            assert [(one.folio, one.words, one.likeness) for one in found] == expected
            assert expected or least
