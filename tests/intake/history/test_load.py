"""Whole files into a real database, several connections at once; the database is made anew for the module."""

import csv
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from psycopg.errors import ForeignKeyViolation, UniqueViolation
from pyproj import Transformer
from sqlalchemy import Engine, event, text
from sqlalchemy.exc import OperationalError
from sqlmodel import Session, col, select

from intake.catalog import queries as catalog
from intake.history.lines import Register
from intake.history.load import Options, Summary, import_requests
from intake.history.mapping import HistoryMap
from intake.history.rows import Known, Rejected, Translator
from intake.history.sources import Broken, open_source
from intake.history.writing import half_of, sort_out, write
from intake.service_requests import reviewing
from intake.service_requests.models import PublicTextReview, ServiceRequest
from intake.service_requests.publishing import publish_texts
from kernel import crypto, db, folio
from kernel.crypto import Vault
from kernel.errors import InvalidInput, NotFound
from tests.conftest import make_database
from tests.factories import CITY, make_city
from tests.intake.history.conftest import COLUMNS, NOW, ROW, ZONE, mapped

pytestmark = pytest.mark.database


@pytest.fixture(scope="module")
def history_engine() -> Iterator[Engine]:
    engine = db.make_engine(make_database("test_history"))
    with Session(engine) as session, session.begin():
        make_city(session)
    yield engine
    engine.dispose()


@pytest.fixture(autouse=True)
def installation(history_engine: Engine) -> Iterator[Engine]:
    db.configure(history_engine)
    crypto.configure(Vault(b"d" * 32, b"l" * 32))
    yield history_engine
    with history_engine.begin() as connection:
        connection.execute(text("TRUNCATE service_request, public_text_review CASCADE"))
        connection.execute(text("DELETE FROM service WHERE NOT is_active"))
        connection.execute(text("ALTER SEQUENCE folio_seq RESTART"))
    crypto.configure(None)
    db.configure(None)


def write_rows(folder: Path, *rows: dict[str, str], name: str = "rows.csv") -> Path:
    path = folder / name
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(ROW | row for row in rows)
    return path


def many(count: int, **cells: str) -> list[dict[str, str]]:
    return [{"id": f"N-{n}", "words": f"Hoyo número {n}", **cells} for n in range(count)]


Run = tuple[Summary, list[tuple[int, Rejected]]]


def run(path: Path, history_map: HistoryMap | None = None, **options: Any) -> Run:
    rejected: list[tuple[int, Rejected]] = []
    summary = import_requests(
        path,
        history_map or mapped(),
        Options(**({"batch": 7} | options)),
        now=NOW,
        reject=lambda line, problem: rejected.append((line, problem)),
        progress=lambda share, rows: None,
    )
    counts = summary.counts
    assert summary.rows == counts.inserted + counts.updated + counts.known + summary.rejected
    assert summary.rejected == len(rejected)
    return summary, rejected


def stored() -> list[ServiceRequest]:
    with db.transaction() as session:
        return list(session.exec(select(ServiceRequest).order_by(col(ServiceRequest.source_id))))


def test_a_row_becomes_a_request_with_its_areas_agency_and_folio(tmp_path: Path) -> None:
    summary, _ = run(
        write_rows(tmp_path, {}, {"id": "A-2", "status": "Closed", "closed": "2025-06-12T08:00", "lat": "19.35"})
    )
    assert summary.counts.inserted == 2
    first, second = stored()
    assert folio.is_valid(first.folio)
    assert first.folio.startswith("25")
    assert (first.source, first.source_id, first.channel, first.handover) == ("old", "A-1", "import", "none")
    assert (first.agency_code, first.life, first.language) == ("ALC-N", "new", "es")
    assert first.areas["district"] == [{"code": "N", "name": "Norte"}]
    assert first.areas["colonia"] == [{"code": "N-01", "name": "El Carmen"}]
    assert first.expected_at == datetime(2025, 6, 19, 0, 0, tzinfo=UTC)  # five working days
    assert (second.agency_code, second.life, second.outcome_code) == ("ALC-S", "closed", "resolved")
    assert second.expected_at is None
    assert second.closed_at == datetime(2025, 6, 12, 14, 0, tzinfo=UTC)
    assert first.id.version == 7
    assert abs((first.id.int >> 80) - first.requested_at.timestamp() * 1000) < 1


def test_nobody_is_told_about_the_past(tmp_path: Path) -> None:
    run(write_rows(tmp_path, *many(20)))
    with db.transaction() as session:
        assert session.scalar(text("SELECT count(*) FROM outbox_event")) == 0


def test_public_text_is_masked(tmp_path: Path) -> None:
    run(write_rows(tmp_path, {"words": "Llamen al 55 1234 5678 o a\tana@example.org \\N"}))
    (found,) = stored()
    assert found.description == "Llamen al 55 1234 5678 o a\tana@example.org \\N"
    assert found.public_description == "Llamen al […] o a\t[…] \\N"
    assert found.public_text_version is not None


def test_public_text_may_be_left_for_later(tmp_path: Path) -> None:
    run(write_rows(tmp_path, {"words": "Llamen al 55 1234 5678"}), publish=False)
    (found,) = stored()
    assert (found.public_description, found.public_text_version) == (None, None)
    with db.transaction() as session:
        assert publish_texts(session, now=NOW).count == 1
    assert stored()[0].public_description == "Llamen al […]"


def waiting_for_review() -> list[str | None]:
    with db.transaction() as session:
        return [request.source_id for _, request in reviewing.pending(session, CITY)]


def test_few_doubtful_names_go_on_the_review_list_and_not_again(tmp_path: Path) -> None:
    names = ["Alejandro tira cascajo", "Ayer Gabriela tiró cascajo", "Sin luz", "Llamen al 55 1234 5678"]
    rows = [
        {"id": f"N-{n}-{place}", "opened": f"2025-06-{n + 1:02}", "words": words}
        for n in range(5)
        for place, words in enumerate(names)
    ]
    closed = [{"id": "closed", "status": "Closed", "closed": "2025-07-01", "words": names[0]}]
    path = write_rows(tmp_path, *rows, *closed)
    assert run(path, review=0)[0].to_review == 0
    assert waiting_for_review() == []
    assert run(path, review=3, dry_run=True)[0].to_review == 0
    assert run(path, review=3)[0].to_review == 3
    newest = {"N-4-0", "N-4-1", "N-3-1"}
    assert set(waiting_for_review()) == newest
    assert run(path, review=3)[0].to_review == 0
    with db.transaction() as session:
        first = reviewing.pending(session, CITY)[0][0]
        first.state = "published"
        session.add(first)
    assert run(path, review=3)[0].to_review == 0
    assert len(waiting_for_review()) == 2


def test_texts_published_later_do_not_flood_the_review_list(tmp_path: Path) -> None:
    run(write_rows(tmp_path, *many(5, words="Alejandro tira cascajo")), publish=False)
    assert waiting_for_review() == []
    with db.transaction() as session:
        publish_texts(session, now=NOW)
    assert waiting_for_review() == []
    assert {row.public_description for row in stored()} == {"[…] tira cascajo"}


def test_the_second_run_adds_nothing(tmp_path: Path) -> None:
    path = write_rows(tmp_path, *many(50))
    run(path)
    before = stored()
    summary, _ = run(path, batch=11)
    assert (summary.counts.inserted, summary.counts.known) == (0, 50)
    assert stored() == before


def test_the_same_number_in_another_register_is_another_request(tmp_path: Path) -> None:
    path = write_rows(tmp_path, {})
    run(path)
    run(path, mapped(source="other"))
    assert len(stored()) == 2
    assert len({row.id for row in stored()}) == 2


def test_newer_rows_change_what_is_here_only_when_asked(tmp_path: Path) -> None:
    run(write_rows(tmp_path, *many(20)))
    changed = many(20, status="Closed", closed="2025-07-01T08:00")
    path = write_rows(tmp_path, *changed[:9], *many(20)[9:])
    summary, _ = run(path)
    assert (summary.counts.updated, summary.counts.stale) == (0, 9)
    assert {row.life for row in stored()} == {"new"}
    summary, _ = run(path, update=True)
    assert (summary.counts.updated, summary.counts.known) == (9, 11)
    assert [row.life for row in stored()].count("closed") == 9
    assert {row.version for row in stored() if row.life == "closed"} == {2}
    summary, _ = run(path, update=True)
    assert (summary.counts.updated, summary.counts.known) == (0, 20)


def test_an_update_leaves_newer_work_and_reviewed_text_alone(tmp_path: Path) -> None:
    run(write_rows(tmp_path, *many(2)))
    touched, reviewed = stored()
    with db.transaction() as session:
        row = session.get_one(ServiceRequest, touched.id)
        row.updated_at, row.life = NOW, "in_progress"
        other = session.get_one(ServiceRequest, reviewed.id)
        other.public_description = "Escrito por una persona"
        session.add(
            PublicTextReview(
                service_request_id=other.id, jurisdiction_id=CITY, state="published",
                decided={"public_description": "Escrito por una persona"}, found_at=NOW,
            )
        )  # fmt: skip
    run(write_rows(tmp_path, *many(2, status="Closed", closed="2025-07-01T08:00", words="Nuevo")), update=True)
    first, second = stored()
    assert (first.life, second.life) == ("in_progress", "closed")
    assert (second.description, second.public_description) == ("Nuevo", "Escrito por una persona")


def test_a_number_that_comes_twice_in_a_file_is_one_request(tmp_path: Path) -> None:
    rows = [{}, {"status": "Closed", "closed": "2025-06-20"}, {"words": "Otra vez"}]
    path = write_rows(tmp_path, *rows)
    summary, _ = run(path)
    assert (summary.counts.inserted, summary.counts.known) == (1, 2)
    assert stored()[0].life == "new"
    for batch in (1, 2, 3):
        with db.transaction() as session:
            session.connection().execute(text("DELETE FROM service_request"))
        summary, _ = run(path, update=True, batch=batch)
        assert [(row.life, row.description) for row in stored()] == [("closed", "Un hoyo")]
        assert summary.counts.inserted == 1


def test_a_dry_run_writes_nothing(tmp_path: Path) -> None:
    path = write_rows(tmp_path, *many(20), {"service": "Nuevo"})
    retiring = mapped(service={"column": "service", "codes": {"Hoyo": "BACHE"}, "unknown": "retire"})
    summary, _ = run(path, retiring, dry_run=True)
    assert summary.counts.inserted == 21
    assert summary.retired == {"NUEVO": "Nuevo"}
    assert stored() == []
    with db.transaction() as session:
        assert catalog.catalog(session, CITY).retired == {}


def test_services_of_the_past_have_names_and_are_not_offered(tmp_path: Path) -> None:
    retiring = mapped(service={"column": "service", "unknown": "retire"})
    run(write_rows(tmp_path, *many(20, service="Ruido de fiesta")), retiring)
    with db.transaction() as session:
        known = catalog.catalog(session, CITY)
    assert known.retired["RUIDO_DE_FIESTA"].name == {"es": "Ruido de fiesta", "en": "Ruido de fiesta"}
    assert "RUIDO_DE_FIESTA" not in known.by_code
    assert {row.service_code for row in stored()} == {"RUIDO_DE_FIESTA"}
    assert {row.agency_code for row in stored()} == {"ALC-N"}


def test_requests_of_private_services_stay_private(tmp_path: Path) -> None:
    run(write_rows(tmp_path, {"service": "Ruido"}), mapped(service={"column": "service", "codes": {"Ruido": "RUIDO"}}))
    assert [row.is_public for row in stored()] == [False]


def test_coordinates_the_wrong_way_round_are_turned(tmp_path: Path) -> None:
    summary, _ = run(
        write_rows(tmp_path, {"lon": "19.42", "lat": "-99.15"}, {"id": "A-2", "lon": "-99.9", "lat": "19.9"})
    )
    assert summary.repairs["swapped"] == 1
    turned, far = stored()
    assert (turned.lon, turned.lat, turned.agency_code) == (-99.15, 19.42, "ALC-N")
    assert (far.lon, far.areas["district"], far.agency_code) == (-99.9, [], None)


def test_projected_coordinates(tmp_path: Path) -> None:
    east, north = Transformer.from_crs("EPSG:4326", "EPSG:32614", always_xy=True).transform(-99.15, 19.42)
    run(
        write_rows(tmp_path, {"lon": str(east), "lat": str(north)}, {"id": "A-2", "lon": "", "lat": ""}),
        mapped(point={"lon": "lon", "lat": "lat", "crs": "EPSG:32614", "precision_m": 15}),
    )
    first, second = stored()
    assert first.lon == pytest.approx(-99.15)
    assert first.lat == pytest.approx(19.42)
    assert (first.precision_m, second.lon, second.precision_m) == (15, None, None)
    assert second.agency_code == "ATENCION"


def test_what_lies_nowhere_stays_out(tmp_path: Path) -> None:
    _, rejected = run(write_rows(tmp_path, {"lon": "-999", "lat": "19"}, *many(3)))
    assert [(line, problem.column) for line, problem in rejected] == [(2, "lon")]


def test_without_routing_only_the_file_speaks(tmp_path: Path) -> None:
    run(write_rows(tmp_path, {}, {"id": "A-2", "agency": "AGUAS"}), route=False)
    assert [(row.agency_code, row.areas, row.expected_at) for row in stored()] == [
        (None, {}, None),
        ("AGUAS", {}, None),
    ]
    run(write_rows(tmp_path, {"id": "A-3", "agency": "AGUAS"}))
    assert stored()[2].agency_code == "AGUAS"
    assert stored()[2].areas["district"] == [{"code": "N", "name": "Norte"}]


def test_bad_rows_are_told_by_line_and_the_others_go_on(tmp_path: Path) -> None:
    path = write_rows(tmp_path, *many(10), {"id": ""}, {"id": "B", "opened": "2025-02-30"}, *many(30)[10:])
    with path.open("a") as file:
        file.write("a,b\n")
    summary, rejected = run(path)
    assert [line for line, _ in rejected] == [12, 13, 34]
    assert summary.counts.inserted == 30


def test_a_limit_and_an_unknown_city(tmp_path: Path) -> None:
    path = write_rows(tmp_path, *many(30))
    assert run(path, limit=10)[0].rows == 10
    with pytest.raises(NotFound):
        run(path, jurisdiction_id="no.gob.example")
    with pytest.raises(InvalidInput, match="jurisdicción"):
        run(path, mapped(jurisdiction=None))


def test_two_imports_at_once_make_one_history(tmp_path: Path) -> None:
    path = write_rows(tmp_path, *many(400))
    with ThreadPoolExecutor(2) as pool:
        runs = list(pool.map(lambda batch: run(path, batch=batch)[0], (13, 17)))
    assert sum(summary.counts.inserted for summary in runs) == len(stored()) == 400


def test_a_half_that_cannot_be_written_ends_the_run_and_the_next_one_makes_up_for_it(tmp_path: Path) -> None:
    path = write_rows(tmp_path, *many(100))
    run(path, limit=1)
    with db.transaction() as session:  # the same id under another number, so that row 0 cannot be written
        session.connection().execute(text("UPDATE service_request SET source_id = 'elsewhere'"))
    with pytest.raises(UniqueViolation):
        run(path, batch=20)
    kept = {row.source_id for row in stored()}
    broken, whole = half_of("N-0"), 1 - half_of("N-0")
    assert {number for number in kept if number != "elsewhere"}
    assert not {f"N-{n}" for n in range(20) if half_of(f"N-{n}") == broken} & kept
    assert {f"N-{n}" for n in range(20) if half_of(f"N-{n}") == whole} <= kept
    with db.transaction() as session:
        session.connection().execute(text("DELETE FROM service_request WHERE source_id = 'elsewhere'"))
    summary, _ = run(path)
    assert summary.counts.inserted == 100 - (len(kept) - 1)
    assert len(stored()) == 100


def test_a_writer_of_whole_batches_waits_for_both_halves(tmp_path: Path, installation: Engine) -> None:
    path = write_rows(tmp_path, *many(40))
    name = {"name": f"history:{CITY}:old"}
    with ThreadPoolExecutor(1) as pool, installation.connect() as other:
        other.execute(text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 0))"), name)
        importing = pool.submit(run, path)
        with pytest.raises(TimeoutError):
            importing.result(0.3)
        other.rollback()
        assert importing.result(30)[0].counts.inserted == 40


def test_a_user_who_may_not_leave_out_checks_imports_all_the_same(tmp_path: Path, installation: Engine) -> None:
    with installation.begin() as connection:
        connection.execute(text("CREATE ROLE plain_importer"))
        connection.execute(text("GRANT ALL ON ALL TABLES IN SCHEMA public TO plain_importer"))
        connection.execute(text("GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO plain_importer"))
    plain = db.make_engine(installation.url.render_as_string(hide_password=False))
    event.listen(plain, "begin", lambda connection: connection.exec_driver_sql("SET LOCAL ROLE plain_importer"))
    db.configure(plain)
    try:
        assert run(write_rows(tmp_path, *many(20)))[0].counts.inserted == 20
    finally:
        plain.dispose()
        with installation.begin() as connection:
            connection.execute(text("DROP OWNED BY plain_importer"))
            connection.execute(text("DROP ROLE plain_importer"))


def test_foreign_keys_are_left_out_for_the_rows_of_a_city_that_is_held_and_for_nothing_else(
    tmp_path: Path, installation: Engine
) -> None:
    path = write_rows(tmp_path, {})
    with db.transaction() as session, open_source(path, mapped()) as source:
        known: Any = Known({"BACHE": None}, {"ALC-N"}, ZONE, NOW)  # type: ignore[dict-item]  # only codes count
        translator = Translator(mapped(), source.columns, known)
        rows = [translator.read(line, cells) for line, cells in source.lines() if not isinstance(cells, Broken)]
        register = Register(CITY, "old", "es", ZONE, None)
        new, newer, _ = sort_out(session, register, rows, update=False)
        write(session, register, crypto.vault().folios, new, newer)
        assert session.scalar(text("SHOW session_replication_role")) == "origin"
        with installation.connect() as other:
            other.execute(text("SET LOCAL lock_timeout = '100ms'"))
            with pytest.raises(OperationalError, match="lock timeout"):
                other.execute(text("UPDATE jurisdiction SET id = 'elsewhere' WHERE id = :city"), {"city": CITY})
        nowhere = replace(register, jurisdiction_id="nowhere.example")
        with pytest.raises(ForeignKeyViolation), session.begin_nested():
            write(session, nowhere, crypto.vault().folios, new, [])


def test_a_folio_that_is_taken_is_passed_over(tmp_path: Path) -> None:
    run(write_rows(tmp_path, *many(10)))
    with db.transaction() as session:
        session.connection().execute(text("SELECT setval('folio_seq', 10000000)"))
    run(write_rows(tmp_path, *({"id": f"M-{n}"} for n in range(10))))
    assert len({row.folio for row in stored()}) == 20


def test_time_moves_the_order_of_ids(tmp_path: Path) -> None:
    start = datetime(2025, 1, 1, tzinfo=UTC)
    run(write_rows(tmp_path, *({"id": str(n), "opened": (start + timedelta(hours=n)).isoformat()} for n in range(30))))
    rows = stored()
    assert sorted(rows, key=lambda row: row.id) == sorted(rows, key=lambda row: row.requested_at)
