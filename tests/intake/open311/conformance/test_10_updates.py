"""Section 10: updates, as FixMyStreet sends and fetches them."""

import pytest

from tests.intake.open311.conformance.claims import empty, has
from tests.intake.open311.conformance.desk import Case, Desk, get, run, table, update

pytestmark = pytest.mark.database
WORDS = [
    "OPEN",
    "CLOSED",
    "FIXED",
    "IN_PROGRESS",
    "PLANNED",
    "ACTION_SCHEDULED",
    "INVESTIGATING",
    "DUPLICATE",
    "NOT_COUNCILS_RESPONSIBILITY",
    "NO_FURTHER_ACTION",
    "INTERNAL_REFERRAL",
    "CANCELLED",
    "REOPEN",
    "FOR_TRIAGE",
    "UNCHANGED",
]
CLOSING = ("CLOSED", "FIXED", "DUPLICATE", "NO_FURTHER_ACTION", "CANCELLED")


def becomes(status: str):  # type: ignore[no-untyped-def]  # a claim
    return lambda desk, _: has(status=status)(desk, desk.get("requests/{open}"))


@table(
    *(
        Case(
            f"10.1 {word} is understood",
            update({"status": word}),
            expect=becomes("closed" if word in CLOSING else "open"),
        )
        for word in WORDS
    ),
    Case("10.1 lower case is understood", update({"status": "fixed"}), expect=becomes("closed")),
    Case("10.1 another word", update({"status": "HECHO"}), 400, words=("status",)),
    *(
        Case(f"10.2 {name} is required", update({name: None}), 400, words=(f"{name} required",))
        for name in ("service_request_id", "update_id", "status", "updated_datetime")
    ),
    Case("10.2 a time that is none", update({"updated_datetime": "ayer"}), 400, words=("updated_datetime",)),
    Case("10.3 our id for it", update(), expect=lambda _, value: value[0]["update_id"]),
    Case(
        "10.4 who wrote it stays with us",
        update({"first_name": "Ana", "last_name": "-", "email": "a@e.org", "phone": "5512345678"}),
    ),
    Case(
        "10.4 what FixMyStreet sends beside",
        update(
            {
                "title": "x",
                "account_id": "7",
                "email_alerts_requested": "FALSE",
                "public_anonymity_required": "TRUE",
                "attribute[a]": "b",
            }
        ),
    ),
    Case(
        "10.5 both bounds",
        get("servicerequestupdates", "start_date=2026-11-19T17:00:00Z&end_date=2026-11-19T19:00:00Z"),
        expect=empty,
    ),
    Case("10.5 a bound that is no date", get("servicerequestupdates", "start_date=x"), 400, words=("start_date",)),
    Case("10.5 a key on a GET", get("servicerequestupdates", "api_key=x&jurisdiction_id="), expect=empty),
)
def test_updates(desk: Desk, case: Case) -> None:
    run(desk, case)


def test_10_6_an_update_is_read_back_by_the_time_it_bears(desk: Desk) -> None:
    made = desk.ask(update())[0]["update_id"]
    (item,) = desk.get("servicerequestupdates")
    assert (item["update_id"], item["service_request_id"]) == (made, desk.world["open"])
    assert (item["status"], item["description"]) == ("in_progress", "Va la cuadrilla")
    at = item["updated_datetime"].replace("+", "%2B")
    assert desk.get("servicerequestupdates", f"start_date={at}&end_date={at}") == [item]


def test_10_7_the_same_update_again_is_the_first(desk: Desk) -> None:
    first = desk.ask(update())
    assert desk.ask(update({"description": "Otra cosa"})) == first
    assert len(desk.get("servicerequestupdates")) == 1
