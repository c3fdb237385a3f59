"""What a receiver gets, and how it can tell that it is from us: Standard Webhooks. The words are ids and public facts only."""

import base64
import secrets
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

import orjson
from sqlalchemy import Row
from standardwebhooks import Webhook as Signer

from intake.changes.queries import cursor_of
from intake.service_requests.lifecycle import open311_status

TEST = "webhook.test"
_PREFIX = "service_request."
# What can be chosen. Changes with other names go to those who chose nothing, which means all.
TYPES = tuple(
    _PREFIX + name
    for name in ("submitted", "routed", "transferred", "status_changed", "noted", "escalated", "promise_moved")
)
_SECRET_BYTES = 32


def new_secret() -> str:
    return secret_of(secrets.token_bytes(_SECRET_BYTES))


def secret_of(chance: bytes) -> str:
    """The secret as Standard Webhooks writes it; 24 to 64 bytes that nobody can guess."""
    return "whsec_" + base64.b64encode(chance).decode()


def type_of(change: Row[Any]) -> str:
    return _PREFIX + ("transferred" if change.is_farewell else str(change.name))


def body_of(change: Row[Any], jurisdiction_id: str, base_url: str) -> str:
    """The message about a change: which request, what happened, and where to read the rest. No words that anybody wrote."""
    folio = change.folio
    return _written(
        type_of(change),
        change.published_at,
        {
            "jurisdiction_id": jurisdiction_id,
            "sequence": change.seq,
            "cursor": cursor_of(change.seq, change.event_id, change.published_at),
            "change_id": str(change.event_id),
            "service_request_id": folio,
            "service_code": change.service_code,
            "status": open311_status(change.data.get("life", change.life)),
            "agency_responsible": change.agency_name,
            "url": f"{base_url}/open311/v2/requests/{folio}.json?{urlencode({'jurisdiction_id': jurisdiction_id})}",
        },
    )


def body_of_test(jurisdiction_id: str, now: datetime) -> str:
    return _written(TEST, now, {"jurisdiction_id": jurisdiction_id})


def _written(event_type: str, at: datetime, data: dict[str, Any]) -> str:
    moment = at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    return orjson.dumps({"type": event_type, "timestamp": moment, "data": data}).decode()


def message_id(delivery_id: UUID) -> str:
    """The `webhook-id`: the same at every try, so that a receiver can pass over what it has."""
    return f"msg_{delivery_id.hex}"


def headers(delivery_id: UUID, body: str, signing_secrets: Sequence[str], now: datetime) -> dict[str, str]:
    """The headers for exactly this body, signed with each secret: while one is replaced, both the old and the new fit."""
    name, at = message_id(delivery_id), now.astimezone(UTC)
    return {
        "content-type": "application/json; charset=utf-8",
        "webhook-id": name,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": " ".join(Signer(secret).sign(name, at, body) for secret in signing_secrets),
    }
