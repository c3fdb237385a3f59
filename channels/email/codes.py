"""What mail servers answer, in our words. Enhanced status codes: RFC 3463 and its registry; plain ones: RFC 5321 §4.2.3."""

import re

import structlog

from channels.errors import DeliveryError

log = structlog.get_logger(__name__)

# By subject and detail, the first number aside: it says only whether the server gave up.
REASONS: dict[str, str] = {
    "1.0": "no_such_address",
    "1.1": "no_such_address",
    "1.2": "no_such_domain",
    "1.3": "no_such_address",
    "1.6": "no_such_address",
    "1.10": "no_such_domain",
    "2.0": "mailbox_refuses",
    "2.1": "mailbox_refuses",
    "2.2": "mailbox_full",
    "2.3": "too_long",
    "3.4": "too_long",
    "4.1": "mail_server_silent",
    "4.3": "mail_server_silent",
    "4.4": "no_such_domain",
    "4.7": "mail_server_silent",
    "7.0": "mail_refused",
    "7.1": "mail_refused",
    "7.25": "mail_refused",
    "7.26": "mail_refused",
}
_SPAM = re.compile(r"\b(?:spam|blocklist|blacklist|reputation|unsolicited|junk|dnsbl|rbl)\b", re.I)
_NOBODY = re.compile(
    r"user unknown|unknown user|no such (?:user|mailbox|recipient)|does not exist|no existe|invalid recipient", re.I
)
_FULL = re.compile(r"(?:mailbox|quota|buz[oó]n).{0,30}(?:full|exceeded|lleno)|over ?quota", re.I)
_ENHANCED = re.compile(r"\b[245]\.(\d{1,3}\.\d{1,3})\b")


def reason(status: str, words: str = "") -> str:
    """Our reason for an enhanced status code and what the server wrote beside it."""
    if _SPAM.search(words):
        return "taken_for_spam"
    if _NOBODY.search(words):
        return "no_such_address"
    if _FULL.search(words):
        return "mailbox_full"
    found = _ENHANCED.search(status) or _ENHANCED.search(words)
    if found is None:
        return "mail_refused"
    if found[1] not in REASONS:
        log.warning("email.unknown_status", status=found[0])
    return REASONS.get(found[1], "mail_refused")


def refusal(code: int, words: str, *, of_recipient: bool) -> DeliveryError:
    """The failure behind an SMTP answer to a mail that was certainly not taken. of_recipient: it was about the address."""
    if code in (530, 534, 535, 538):
        return DeliveryError("credentials")
    if code < 500:
        return DeliveryError("rate_limited" if code in (450, 451, 452) and not of_recipient else "provider_down")
    if not of_recipient and code in (550, 553, 554) and not _SPAM.search(words):
        return DeliveryError("sender_refused", permanent=True)
    return DeliveryError(reason("", words) if _ENHANCED.search(words) or words else "no_such_address", permanent=True)
