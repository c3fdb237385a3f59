"""Twilio's numbers and words in our words. One table each; what is in none is logged and kept as `vendor_<code>`."""

import structlog

from channels.errors import DeliveryError
from channels.reasons import of_vendor_code

log = structlog.get_logger(__name__)

# code: (our reason, whether trying again is useless)
ERRORS: dict[int, tuple[str, bool]] = {
    20003: ("credentials", False),
    20404: ("credentials", False),
    20429: ("rate_limited", False),
    20503: ("provider_down", False),
    21211: ("not_a_number", True),
    21212: ("sender_refused", True),
    21408: ("blocked_region", True),
    21602: ("empty", True),
    21606: ("sender_refused", True),
    21610: ("opted_out", True),
    21611: ("rate_limited", False),
    21612: ("carrier_rejected", True),
    21614: ("not_a_mobile", True),
    21617: ("too_long", True),
    21655: ("template_refused", True),
    21656: ("template_refused", True),
    21659: ("sender_refused", True),
    30001: ("rate_limited", False),
    30002: ("credentials", False),
    30003: ("line_unreachable", True),
    30004: ("carrier_rejected", True),
    30005: ("not_a_number", True),
    30006: ("not_a_mobile", True),
    30007: ("message_filtered", True),
    30008: ("unknown", True),
    30022: ("rate_limited", False),
    63001: ("credentials", False),
    63003: ("not_on_channel", True),
    63005: ("carrier_rejected", True),
    63007: ("sender_refused", True),
    63013: ("message_filtered", True),
    63016: ("window_closed", True),
    63017: ("rate_limited", False),
    63018: ("rate_limited", False),
    63024: ("not_on_channel", True),
    63027: ("template_refused", True),
    63028: ("template_refused", True),
    63032: ("message_filtered", True),
    63033: ("opted_out", True),
    63036: ("not_on_channel", True),
    63038: ("rate_limited", False),
    63040: ("template_refused", True),
    63041: ("template_refused", True),
    63042: ("template_refused", True),
    63049: ("message_filtered", True),
    63051: ("sender_refused", True),
}

# None: it says nothing about a message of ours.
STATUSES: dict[str, str | None] = {
    "accepted": "accepted",
    "scheduled": "accepted",
    "queued": "accepted",
    "sending": "accepted",
    "sent": "sent",
    "partially_delivered": "sent",
    "delivered": "delivered",
    "read": "read",
    "undelivered": "undelivered",
    "failed": "failed",
    "canceled": "failed",
    "receiving": None,
    "received": None,
}


def status(word: str) -> str | None:
    """Our status for Twilio's, or None for one that moves nothing."""
    if word not in STATUSES:
        log.warning("twilio.unknown_status", status=word)
    return STATUSES.get(word)


def reason(code: int | str) -> str:
    """Our reason for Twilio's error code."""
    known = ERRORS.get(int(code)) if str(code).isdigit() else None
    if known is None:
        log.warning("twilio.unknown_error_code", code=str(code))
        return of_vendor_code(str(code))
    return known[0]


def refusal(http_status: int, code: int | None) -> DeliveryError:
    """The failure behind an answer of the REST API that is not a success.

    A 5xx is uncertain: Twilio says that sending is not idempotent and that a repeated request may send twice. A 4xx was not
    taken, and its code says whether trying again helps.
    """
    if http_status >= 500:
        return DeliveryError("provider_down", uncertain=True)
    if http_status == 429:
        return DeliveryError("rate_limited")
    if code is not None and code in ERRORS:
        ours, permanent = ERRORS[code]
        return DeliveryError(ours, permanent=permanent)
    if http_status in (401, 403):
        return DeliveryError("credentials")
    return DeliveryError(reason(code) if code is not None else "unknown", permanent=True)
