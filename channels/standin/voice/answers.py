"""How Twilio's REST shows calls, conferences, participants and recordings, and what it refuses."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

VERSION = "2010-04-01"


def date(seconds: float | None) -> str | None:
    return None if seconds is None else format_datetime(datetime.fromtimestamp(seconds, UTC))


def call(row: Mapping[str, Any], account: str) -> dict[str, Any]:
    uri = f"/{VERSION}/Accounts/{account}/Calls/{row['sid']}"
    is_over = row["ended_at"] is not None
    # To Twilio a call that is being set up is still queued.
    status = "queued" if row["status"] == "initiated" else row["status"]
    return {
        "account_sid": account,
        "annotation": None,
        "answered_by": None,
        "api_version": VERSION,
        "caller_name": "",
        "date_created": date(row["at"]),
        "date_updated": date(row["ended_at"] or row["answered_at"] or row["at"]),
        "direction": row["direction"],
        "duration": str(row["duration"]) if is_over else None,
        "end_time": date(row["ended_at"]),
        "forwarded_from": "",
        "from": row["from"],
        "from_formatted": row["from"],
        "group_sid": None,
        "parent_call_sid": row["parent_call_sid"],
        "phone_number_sid": "PN" + "0" * 32,
        "price": None,
        "price_unit": "USD",
        "queue_time": "0",
        "sid": row["sid"],
        "start_time": date(row["answered_at"] or (row["at"] if is_over else None)),
        "status": status,
        "subresource_uris": {"recordings": f"{uri}/Recordings.json"},
        "to": row["to"],
        "to_formatted": row["to"],
        "trunk_sid": "",
        "uri": f"{uri}.json",
    }


def conference(row: Mapping[str, Any], account: str) -> dict[str, Any]:
    uri = f"/{VERSION}/Accounts/{account}/Conferences/{row['sid']}"
    return {
        "account_sid": account,
        "api_version": VERSION,
        "call_sid_ending_conference": row["ended_by"] or None,
        "date_created": date(row["at"]),
        "date_updated": date(row["ended_at"] or row["at"]),
        "friendly_name": row["name"],
        "reason_conference_ended": row["reason"] or None,
        "region": "us1",
        "sid": row["sid"],
        "status": row["status"],
        "subresource_uris": {"participants": f"{uri}/Participants.json", "recordings": f"{uri}/Recordings.json"},
        "uri": f"{uri}.json",
    }


def participant(row: Mapping[str, Any], account: str) -> dict[str, Any]:
    at = date(row["at"])
    return {
        **{name: value for name, value in row.items() if name != "at"},
        "account_sid": account,
        "date_created": at,
        "date_updated": at,
        "queue_time": "0",
        "uri": f"/{VERSION}/Accounts/{account}/Conferences/{row['conference_sid']}/Participants/{row['call_sid']}.json",
    }


def recording(row: Mapping[str, Any], account: str) -> dict[str, Any]:
    is_ready = row["status"] in ("completed", "absent")
    return {
        "account_sid": account,
        "api_version": VERSION,
        "call_sid": row["call_sid"],
        "channels": row["channels"],
        "conference_sid": row["conference_sid"],
        "date_created": date(row["at"]),
        "date_updated": date(row["at"]),
        "duration": str(row["duration"]) if is_ready else None,
        "encryption_details": None,
        "error_code": None,
        "media_url": row["url"],
        "price": None,
        "price_unit": "USD",
        "sid": row["sid"],
        "source": row["source"],
        "start_time": date(row["at"]),
        "status": row["status"],
        "subresource_uris": {},
        "track": "both",
        "uri": f"/{VERSION}/Accounts/{account}/Recordings/{row['sid']}.json",
    }


def page(
    name: str, shown: Sequence[Mapping[str, Any]], uri: str, number: int, size: int, *, more: bool
) -> dict[str, Any]:
    """One page of a list. uri: the address without page and size."""

    def at(one: int) -> str:
        return f"{uri}{'&' if '?' in uri else '?'}PageSize={size}&Page={one}"

    return {
        name: list(shown),
        "page": number,
        "page_size": size,
        "start": number * size,
        "end": number * size + max(len(shown) - 1, 0),
        "uri": at(number),
        "first_page_uri": at(0),
        "next_page_uri": at(number + 1) if more else None,
        "previous_page_uri": at(number - 1) if number else None,
    }
