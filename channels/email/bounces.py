"""What mail servers say became of a mail of ours: RFC 3464 reports, and the letters of those that write none."""

import re
from email.message import Message
from uuid import UUID

from channels.email import codes, headers
from intake.conversations.values import DeliveryReceipt

_UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_STATUS = re.compile(r"\b([245]\.\d{1,3}\.\d{1,3})\b")
_LOOKED_AT = 200_000
_DAEMONS = re.compile(r"(?:mailer-?daemon|postmaster|bounces?)(?:[-+=].*)?", re.I)


def message_id(message: UUID, domain: str) -> str:
    """What our mail with this message is called."""
    return f"<{message}@{domain}>"


def ours_in(ids: list[str], domain: str) -> str | None:
    """The last of these message ids that is one of ours."""
    pattern = re.compile(rf"<{_UUID}@{re.escape(domain)}>", re.I)
    return next((found for found in reversed(ids) if pattern.fullmatch(found)), None)


def receipts(mail: Message, sender: str, raw: bytes, *, channel: str, domain: str) -> list[DeliveryReceipt] | None:
    """What a report tells of a mail of ours, perhaps nothing new; None for a mail that is no such report."""
    report = _parameter(mail, "report-type")
    if mail.get_content_type() == "multipart/report" and report == "disposition-notification":
        return _read_receipt(mail, raw, channel, domain)
    is_report = mail.get_content_type() == "multipart/report" and report in ("delivery-status", "")
    if not is_report and not (_DAEMONS.fullmatch(sender.rpartition("@")[0]) or mail.get("x-failed-recipients")):
        return None
    ours = _about(mail, raw, domain)
    if ours is None:
        return None
    told = [outcome for fields in _fields(mail) if (outcome := _outcome(fields)) is not None]
    if not told and not is_report:
        told = [("undelivered", _in_words(raw))]
    return [DeliveryReceipt(channel, ours, ours[1:37], status, reason) for status, reason in told[:1]]


def _read_receipt(mail: Message, raw: bytes, channel: str, domain: str) -> list[DeliveryReceipt] | None:
    ours = _about(mail, raw, domain)
    return [DeliveryReceipt(channel, ours, ours[1:37], "read")] if ours else None


def _about(mail: Message, raw: bytes, domain: str) -> str | None:
    """Which mail of ours is meant: its headers are in the report, or at least its id is somewhere."""
    inside = [headers.ids(part, "message-id") for part in _parts(mail)[1:]]
    named = [found for ids in inside for found in ids] + headers.ids(mail, "references", "in-reply-to")
    if ours := ours_in(named, domain):
        return ours.lower()
    text = raw[:_LOOKED_AT].decode("ascii", "replace")
    return (ours_in(re.findall(r"<[^<>\s]{30,300}>", text), domain) or "").lower() or None


def _parts(mail: Message) -> list[Message]:
    """This mail and everything in it, mails inside included."""
    found: list[Message] = []
    waiting = [mail]
    while waiting and len(found) < 100:
        part = waiting.pop(0)
        found.append(part)
        inside = part.get_payload()
        if isinstance(inside, list):
            waiting.extend(one for one in inside if isinstance(one, Message))
    return found


def _fields(mail: Message) -> list[Message]:
    """The blocks of fields about one recipient each."""
    return [
        block
        for part in _parts(mail)
        if part.get_content_type() in ("message/delivery-status", "message/global-delivery-status")
        for block in (part.get_payload() if isinstance(part.get_payload(), list) else [])
        if isinstance(block, Message) and block.get("action") is not None
    ]


def _outcome(fields: Message) -> tuple[str, str | None] | None:
    action = headers.words(fields, "action").lower()
    if action in ("delivered", "relayed", "expanded"):
        return ("delivered" if action == "delivered" else "sent"), None
    if action != "failed":  # delayed: it is still being tried
        return None
    status = headers.words(fields, "status")
    return "undelivered", codes.reason(status, headers.words(fields, "diagnostic-code"))


def _in_words(raw: bytes) -> str:
    text = raw[:_LOOKED_AT].decode("utf-8", "replace")
    found = _STATUS.search(text)
    return codes.reason(found[1] if found else "", text)


def _parameter(mail: Message, name: str) -> str:
    try:
        value = mail.get_param(name)
    except (ValueError, LookupError, TypeError):
        return ""
    return str(value[2] if isinstance(value, tuple) else value or "").lower()
