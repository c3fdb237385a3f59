"""How likely two reports are one: what speaks for it and against, each part only ever in its own direction."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from georef.distances import distance_m, metres_per_degree
from georef.points import LonLat
from intake.catalog.definitions import DuplicateRules
from intake.service_requests.duplicates.cells import cells_around
from intake.service_requests.duplicates.scoring import LIKELY, SURE, Sighting, likeness, near, similarity, trigrams

NOW = datetime(2026, 11, 19, 19, 0, tzinfo=UTC)
SPOT = LonLat(-99.15, 19.42)
RULES = DuplicateRules()
LEAK = Sighting("FUGA", "agua", SPOT, NOW, 20.0, "Sale agua de la banqueta", "Av. Sabinos 214")

metres = st.floats(0, 400)
hours = st.floats(0, 24 * 400)
words = st.text("aáeionlstrdñ 12", max_size=60)


def away(told: Sighting, north_m: float) -> Sighting:
    return replace(told, point=LonLat(told.point.lon, told.point.lat + north_m / metres_per_degree(told.point.lat)[1]))


def before(told: Sighting, hours: float) -> Sighting:
    return replace(told, at=told.at - timedelta(hours=hours))


def score(told: Sighting, known: Sighting, **values: object) -> float:
    return likeness(told, known, RULES, **values).score  # type: ignore[arg-type]  # as likeness takes them


def test_the_same_leak_told_twice_is_surely_one() -> None:
    assert score(LEAK, before(replace(LEAK, words="sale mucha agua de la banqueta"), 3)) > SURE


def test_the_card_of_the_design_is_shown() -> None:
    there = before(away(replace(LEAK, words="Sale agua de la banqueta, frente a la tortillería", address=""), 62), 17)
    assert score(LEAK, there) >= LIKELY


def test_an_old_one_in_the_next_street_is_another() -> None:
    assert score(LEAK, before(away(replace(LEAK, words="Gotea la llave"), 95), 24 * 60)) < LIKELY


def test_two_numbers_of_two_poles_are_two_lamps() -> None:
    lamp = replace(LEAK, service_code="LUMINARIA", assets={"NUM_POSTE": "0042"})
    assert score(lamp, before(lamp, 1)) > SURE
    assert score(lamp, before(replace(lamp, assets={"NUM_POSTE": "43"}), 1)) < LIKELY


def test_a_place_that_may_be_anywhere_on_an_avenue_says_little() -> None:
    vague = replace(LEAK, precision_m=400.0, words="", address="")
    assert score(vague, before(vague, 1)) < LIKELY


def test_parts_add_up_to_the_score() -> None:
    found = likeness(LEAK, before(away(LEAK, 30), 20), RULES, closed_at=NOW - timedelta(hours=5), is_same_contact=True)
    assert set(found.parts) == {"near", "fresh", "closed", "service", "asset", "address", "words", "contact"}
    assert found.facts["metres"] == 30
    assert found.facts["closed_hours"] == 5.0
    assert 0 < found.score < 1


@given(metres, metres, hours, words)
def test_nearer_is_never_less_likely(one: float, other: float, old: float, said: str) -> None:
    known = before(replace(LEAK, words=said), old)
    close, far = sorted((one, other))
    assert score(LEAK, away(known, close)) >= score(LEAK, away(known, far)) - 1e-9


@given(st.floats(0, 500), st.floats(0, 500), st.floats(1, 300), st.floats(0, 800), st.floats(0, 800))
def test_more_doubt_about_the_places_is_never_more_likely(
    apart: float, more: float, radius: float, doubt: float, further: float
) -> None:
    assert near(apart, doubt, radius) >= near(apart + more, doubt + further, radius) - 1e-9


@given(hours, hours, metres)
def test_younger_is_never_less_likely(one: float, other: float, apart: float) -> None:
    young, old = sorted((one, other))
    known = away(LEAK, apart)
    assert score(LEAK, before(known, young)) >= score(LEAK, before(known, old)) - 1e-9


@given(st.floats(0, 24 * 60), st.floats(0, 24 * 60), metres)
def test_open_beats_closed_and_just_closed_beats_closed_long_ago(one: float, other: float, apart: float) -> None:
    known = before(away(LEAK, apart), 24 * 61)
    lately, long_ago = (NOW - timedelta(hours=hours) for hours in sorted((one, other)))
    open_ = score(LEAK, known)
    assert open_ >= score(LEAK, known, closed_at=lately) - 1e-9
    assert score(LEAK, known, closed_at=lately) >= score(LEAK, known, closed_at=long_ago) - 1e-9


@given(words, words, metres, hours)
def test_family_words_asset_and_contact_only_help_in_their_direction(
    one: str, other: str, apart: float, old: float
) -> None:
    told = replace(LEAK, words=one, assets={"TOMA": "7"})
    known = before(away(replace(told, words=other, assets={}), apart), old)
    plain = score(told, known)
    assert score(told, replace(known, words=one)) >= plain - 1e-9
    assert score(told, replace(known, service_code="DRENAJE")) <= plain + 1e-9
    assert (
        score(told, replace(known, assets={"TOMA": "7"})) >= plain >= score(told, replace(known, assets={"TOMA": "8"}))
    )
    assert score(told, known, is_same_contact=True) >= plain


@given(words, words)
def test_similarity_is_that_of_pg_trgm(one: str, other: str) -> None:
    alike = similarity(one, other)
    assert 0 <= alike <= 1
    assert alike == similarity(other, one)
    assert similarity(one, one) == (1.0 if trigrams(one) else 0.0)


@pytest.mark.parametrize(
    ("one", "other", "least", "most"),
    [
        ("Fuga de agua", "fuga de AGUA", 1.0, 1.0),
        ("año nuevo", "ano nuevo", 0.3, 0.9),
        ("se cayó un árbol", "arbol caido", 0.1, 0.6),
        ("bache", "lámpara", 0.0, 0.05),
        ("no", "no", 0.0, 0.0),
    ],
)
def test_words_are_compared_without_accents_or_case(one: str, other: str, least: float, most: float) -> None:
    assert least <= similarity(one, other) <= most


@given(st.floats(-170, 170), st.floats(-70, 70), st.floats(-300, 300), st.floats(-300, 300), st.floats(0, 300))
def test_every_point_of_the_circle_lies_in_a_cell_that_is_read(
    lon: float, lat: float, east: float, north: float, radius: float
) -> None:
    centre = LonLat(lon, lat)
    per_lon, per_lat = metres_per_degree(lat)
    other = LonLat(lon + east / per_lon, lat + north / per_lat)
    cells = cells_around(centre, radius)
    assert len(cells) == len(set(cells))
    if distance_m(centre, other) < radius * 0.999:
        assert cells_around(other, 0.0)[0] in cells


def test_a_contact_is_no_part_of_what_is_kept() -> None:
    contact = uuid4()
    kept = likeness(replace(LEAK, contact_point_id=contact), LEAK, RULES, is_same_contact=True).to_json()
    assert str(contact) not in str(kept)
