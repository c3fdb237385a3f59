"""What a list can do beyond the standard: each extension, and that without it nothing is different."""

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from sqlmodel import Session, select
from starlette.testclient import TestClient

from intake.catalog.models import Jurisdiction
from intake.media.models import MediaFile
from intake.open311.details import PARTS
from intake.open311.extensions import EXTENSIONS, SETTING, off_in, without
from intake.open311.forms import Fields
from kernel.i18n import translate
from tests.factories import API_KEY, NOW
from tests.house import ROOT
from tests.intake.open311.asking import errors_of, ids, posted, read
from tests.intake.open311.test_lists import FIELDS, keep

HERE = {"lon": -99.15, "lat": 19.42}


@pytest.fixture(autouse=True)
def at_noon() -> Any:
    with time_machine.travel(NOW, tick=False):
        yield


def test_every_extension_is_told_in_both_languages_and_documented() -> None:
    document = (ROOT / "docs/open311.md").read_text()
    for extension in EXTENSIONS.values():
        assert translate("en", extension.description) != extension.description
        assert f"`{extension.name}`" in document
        for parameter in extension.parameters:
            assert f"`{parameter}" in document, parameter


def test_every_part_of_the_extended_attributes_is_documented() -> None:
    document = (ROOT / "docs/open311.md").read_text()
    assert [part for part in PARTS if f"`{part}`" not in document] == []


def test_no_two_extensions_share_a_parameter() -> None:
    names = [name for extension in EXTENSIONS.values() for name in extension.parameters]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("said", [None, "q", {"q": True}, 5, []])
def test_a_setting_that_is_no_list_of_names_turns_nothing_off(said: object) -> None:
    assert off_in({SETTING: said}) == frozenset()


def test_a_name_that_nobody_knows_turns_nothing_off() -> None:
    query = Fields((("q", "x"),))
    assert without(query, off_in({SETTING: ["telepathy"]})) == query
    assert without(query, off_in({SETTING: ["q"]})).pairs == ()


@pytest.mark.database
class TestSwitches:
    """With its extension off a parameter is what any unknown parameter is."""

    @pytest.mark.parametrize(
        ("name", "query"),
        [
            ("paging", "page_size=1&page=2&cursor=x"),
            ("bbox", "bbox=x"),
            ("radius", "lat=5&radius=x"),
            ("q", "q=nada&search=nada"),
            ("sort", "sort=requested_datetime&order_by=x"),
            ("agency_responsible", "agency_responsible=NADIE"),
            ("has_photo", "has_photo=x"),
            ("updated", "updated_after=x&updated_before=2020-01-01"),
            ("extended_attributes", "extensions=true"),
            ("notes", "notes=true"),
            ("attributes", "attributes=true"),
            ("count", "count=true"),
        ],
    )
    def test_off_it_is_ignored(
        self, client: TestClient, session: Session, city: Jurisdiction, name: str, query: str
    ) -> None:
        for n in range(3):
            keep(session, n, NOW - timedelta(hours=n))
        plain = client.get("requests.json")
        city.settings = city.settings | {SETTING: [name]}
        session.flush()
        response = client.get(f"requests.json?{query}", headers={"prefer": "count=exact"} if name == "count" else {})
        assert response.status_code == 200
        assert response.content == plain.content
        assert ("link" in response.headers) == (name != "paging")
        assert "x-total-count" not in response.headers

    @pytest.mark.parametrize(
        ("name", "path"), [("servicerequestupdates", "servicerequestupdates"), ("changes", "changes")]
    )
    def test_off_its_address_is_not_found(
        self, client: TestClient, session: Session, city: Jurisdiction, name: str, path: str
    ) -> None:
        assert client.get(f"{path}.json").status_code == 200
        city.settings = city.settings | {SETTING: [name]}
        session.flush()
        assert client.get(f"{path}.json").status_code == 404
        if name == "servicerequestupdates":
            assert client.post(f"{path}.xml", data={"api_key": API_KEY}).status_code == 404

    def test_off_the_header_counts_for_nothing(self, client: TestClient, session: Session, city: Jurisdiction) -> None:
        def send(words: str) -> str:
            form = {"api_key": API_KEY, "service_code": "BACHE", "lat": "19.42", "long": "-99.15", "description": words}
            answer = client.post("requests.json", data=form, headers={"idempotency-key": "k"})
            return str(answer.json()[0]["service_request_id"])

        assert send("Uno") == send("Dos")
        city.settings = city.settings | {SETTING: ["idempotency_key"]}
        session.flush()
        assert send("Tres") != send("Cuatro")

    def test_off_photos_are_passed_over_and_the_report_is_taken(
        self, client: TestClient, session: Session, city: Jurisdiction
    ) -> None:
        city.settings = city.settings | {SETTING: ["media"]}
        session.flush()
        form = {"api_key": API_KEY, "service_code": "BACHE", "lat": "19.42", "long": "-99.15"}
        answer = client.post("requests.json", data=form, files={"media": ("a.jpg", b"\xff\xd8\xff", "image/jpeg")})
        assert answer.status_code == 200
        assert session.exec(select(MediaFile)).all() == []


@pytest.mark.database
class TestPlaces:
    @pytest.fixture
    def places(self, session: Session, city: Jurisdiction) -> dict[str, str]:
        """Ids by how far north of HERE they are; one has no place."""
        made = {}
        for n, (name, lat, lon) in enumerate(
            [
                ("here", 19.42, -99.15),
                ("100m", 19.4209, -99.15),
                ("1km", 19.429, -99.15),
                ("5km", 19.465, -99.15),
                ("nowhere", None, None),
            ]
        ):
            made[name] = keep(session, n, NOW - timedelta(hours=n), lat=lat, lon=lon)
        return made

    def found(self, client: TestClient, places: dict[str, str], query: str, fmt: str = "json") -> list[str]:
        names = {folio: name for name, folio in places.items()}
        return [names[folio] for folio in ids(client.get(f"requests.{fmt}?{query}"), fmt)]

    @pytest.mark.parametrize(
        ("radius", "names"),
        [("50", ["here"]), ("150", ["here", "100m"]), ("2000", ["here", "100m", "1km"]), ("0.1", ["here"])],
    )
    def test_radius(self, client: TestClient, places: dict[str, str], radius: str, names: list[str], fmt: str) -> None:
        assert self.found(client, places, f"lat=19.42&long=-99.15&radius={radius}", fmt) == names

    def test_a_radius_tells_distances_and_only_a_radius(
        self, client: TestClient, places: dict[str, str], fmt: str
    ) -> None:
        found = read(client.get(f"requests.{fmt}?lat=19.42&long=-99.15&radius=200"), fmt)
        assert [list(item) for item in found] == [[*FIELDS, "distance"]] * 2
        assert [float(item["distance"]) for item in found] == [0, pytest.approx(99.6, abs=0.5)]
        assert all("distance" not in item for item in read(client.get(f"requests.{fmt}"), fmt))

    def test_nearest_first(self, client: TestClient, places: dict[str, str]) -> None:
        around = "lat=19.43&long=-99.15&radius=10000"
        assert self.found(client, places, f"{around}&sort=distance") == ["1km", "100m", "here", "5km"]
        assert self.found(client, places, f"{around}&sort=-distance") == ["5km", "here", "100m", "1km"]

    def test_without_a_radius_there_is_no_distance_to_sort_by(self, client: TestClient, city: Jurisdiction) -> None:
        (text,) = errors_of(client.get("requests.json?sort=distance"), "json", 400)
        assert "requested_datetime" in text

    def test_a_box_holds_its_edges(self, client: TestClient, places: dict[str, str], fmt: str) -> None:
        assert self.found(client, places, "bbox=-99.15,19.42,-99.15,19.429", fmt) == ["here", "100m", "1km"]
        assert self.found(client, places, "bbox=-180,-90,180,90", fmt) == ["here", "100m", "1km", "5km"]
        assert self.found(client, places, "bbox=10,10,11,11", fmt) == []

    @pytest.mark.parametrize("query", ["bbox=1,2", "lat=19", "lat=19&long=-99&radius=99999"])
    def test_half_a_place_is_400(self, client: TestClient, query: str, fmt: str) -> None:
        errors_of(client.get(f"requests.{fmt}?{query}"), fmt, 400)


@pytest.mark.database
class TestWords:
    def found(self, client: TestClient, words: str, fmt: str = "json") -> list[str]:
        return ids(client.get(f"requests.{fmt}", params={"q": words}), fmt)

    @pytest.mark.parametrize(
        "words", ["árbol", "ARBOL", "caido arbol", "arb", "sabinos", "Sabinos 214", "214", "arbol sabinos", "¡árbol!"]
    )
    def test_words_are_found_blind_to_accents_and_case(self, client: TestClient, words: str, fmt: str) -> None:
        kept = posted(client, description="Un Árbol caído, muy grande", address_string="Av. Sabinos 214")
        posted(client, description="Un hoyo", address_string="Niebla 7")
        assert self.found(client, words, fmt) == [kept]

    @pytest.mark.parametrize("words", ["rbol", "arbol hoyo", "arboles", "%", "_", "' OR 1=1", "arbol:*", "كلب", "!!!"])
    def test_and_nothing_else_is(self, client: TestClient, words: str) -> None:
        posted(client, description="Un Árbol caído", address_string="Av. Sabinos 214")
        expected = 1 if words == "arbol:*" else 0
        assert len(self.found(client, words)) == expected

    @pytest.mark.parametrize("words", ["5512345678", "55", "1234", "ana", "example", "ana@example.org"])
    def test_what_the_public_cannot_read_is_not_found(self, client: TestClient, words: str) -> None:
        posted(
            client,
            description="Llamen al 55 1234 5678 o escriban a ana@example.org, soy la vecina",
            email="ana@example.org",
            phone="+525512345678",
            first_name="Ana",
        )
        response = client.get("requests.json", params={"q": words, "count": "true"})
        assert ids(response) == []
        assert response.headers["x-total-count"] == "0"
        assert len(self.found(client, "vecina")) == 1

    def test_staff_s_notes_and_hidden_requests_are_not_searched(
        self, client: TestClient, session: Session, city: Jurisdiction
    ) -> None:
        keep(session, 1, NOW, description="jirafa", is_public=False)
        keep(session, 2, NOW, status_notes="jirafa")
        keep(session, 3, NOW, attributes={"NOTA": "jirafa"})
        assert self.found(client, "jirafa") == []

    def test_a_very_long_text_is_stored_and_searched_by_its_beginning(
        self, client: TestClient, session: Session, city: Jurisdiction
    ) -> None:
        everything = " ".join(f"p{n}" for n in range(300_000))
        kept = keep(
            session, 1, NOW, description=f"inicio {'x' * 3000} {everything}", address_string=f"largo {everything}"
        )
        assert self.found(client, "inicio largo " + "x" * 50) == [kept]


@pytest.mark.database
class TestOtherFilters:
    def test_agencies_by_code_or_name(self, client: TestClient, session: Session, fmt: str) -> None:
        north = keep(session, 1, NOW)
        south = keep(session, 2, NOW, agency_code="ALC-S")
        keep(session, 3, NOW, agency_code=None)
        for asked, expected in (
            ("ALC-N", [north]),
            ("alcaldia norte", [north]),
            ("Alcaldía Norte,ALC-S", [south, north]),
            ("NADIE", []),
            ("alc-n", []),
        ):
            response = client.get(f"requests.{fmt}", params={"agency_responsible": asked})
            assert ids(response, fmt) == expected, asked

    def test_photos(self, client: TestClient, session: Session, fmt: str) -> None:
        seen = keep(session, 1, NOW, media_urls=["https://example.org/a.jpg"])
        unseen = keep(session, 2, NOW)
        assert ids(client.get(f"requests.{fmt}?has_photo=true"), fmt) == [seen]
        assert ids(client.get(f"requests.{fmt}?has_photo=false"), fmt) == [unseen]

    def test_the_last_change_is_the_one_that_is_printed(self, client: TestClient, session: Session, fmt: str) -> None:
        long_ago = NOW - timedelta(days=300)
        changed = keep(session, 1, long_ago, updated_at=NOW - timedelta(hours=1))
        # Somebody wrote a note after it was closed.
        closed_at = NOW - timedelta(hours=2)
        values = {"life": "closed", "outcome_code": "resolved", "closed_at": closed_at, "updated_at": NOW}
        closed = keep(session, 2, long_ago, **values)
        keep(session, 3, long_ago)
        response = client.get(f"requests.{fmt}?updated_after=2026-11-19T00:00:00Z")
        assert ids(response, fmt) == [changed, closed]
        printed = [item["updated_datetime"] for item in read(response, fmt)]
        for bound in ("updated_after", "updated_before"):
            both = {bound: printed[1], "sort": "updated_datetime"}
            assert closed in ids(client.get(f"requests.{fmt}", params=both), fmt)
        exact = {"updated_after": printed[1], "updated_before": printed[1]}
        assert ids(client.get(f"requests.{fmt}", params=exact), fmt) == [closed]

    def test_the_last_change_and_the_date_together(self, client: TestClient, session: Session) -> None:
        keep(session, 1, NOW - timedelta(days=300), updated_at=NOW)
        kept = keep(session, 2, NOW - timedelta(days=1), updated_at=NOW)
        assert ids(client.get("requests.json?updated_after=2026-11-19&start_date=2026-11-01")) == [kept]

    @pytest.mark.parametrize("name", ["sort", "order_by"])
    def test_orders(self, client: TestClient, session: Session, name: str) -> None:
        old = keep(session, 1, NOW - timedelta(hours=2), updated_at=NOW)
        new = keep(session, 2, NOW - timedelta(hours=1))
        for asked, expected in (
            ("requested_datetime", [old, new]),
            ("-requested_datetime", [new, old]),
            ("updated_datetime", [new, old]),
            ("-updated_datetime", [old, new]),
            ("", [new, old]),
        ):
            assert ids(client.get("requests.json", params={name: asked})) == expected, asked

    @pytest.mark.parametrize("asked", ["agency", "--requested_datetime", "description", "requested_datetime,status"])
    def test_another_order_is_400(self, client: TestClient, asked: str, fmt: str) -> None:
        errors_of(client.get(f"requests.{fmt}", params={"sort": asked}), fmt, 400)
