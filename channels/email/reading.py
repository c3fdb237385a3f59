"""From the bytes of a mail to what it tells: a message, what became of one of ours, or nothing. Pure, and it bears anything."""

from dataclasses import dataclass
from datetime import datetime
from email import message_from_bytes, policy
from email.message import Message
from hashlib import sha256

import structlog

from channels.email import bounces, headers, machines, quoting
from channels.email.parts import Content, content_of
from channels.errors import UnreadablePayload
from intake.conversations.dialogue.words import plain
from intake.conversations.values import DeliveryReceipt, InboundMessage

log = structlog.get_logger(__name__)

CHANNEL = "email"
# Parsing costs (lines) x (how deep they are nested); people's mails have a handful of boundaries.
_MOST_BOUNDARIES = 60
_LONGEST_ID = 250
_LONGEST_HEADERS = 256 * 1024
_REPLY = ("re:", "rv:", "aw:", "res:", "fwd:", "fw:", "reenv:")
_RECIPIENTS = ("delivered-to", "x-original-to", "envelope-to", "x-envelope-to", "to", "cc")
# A subject that says nothing which the words below it do not.
_EMPTY_SUBJECTS = frozenset(
    ("", "reporte", "queja", "hola", "sin asunto", "no subject", "311", "ayuda", "report", "hello", "foto")
)


class UnreadableMail(UnreadablePayload):
    """Nobody can say who wrote this. It is kept as it came, and a person looks at it."""


@dataclass(frozen=True)
class OurSide:
    """What of an installation a mail has to be compared with.

    addresses: the city's own, lower case; the first is written from by default. trusted_host: whose Authentication-Results count.
    """

    addresses: tuple[str, ...]
    trusted_host: str = ""

    @property
    def domain(self) -> str:
        """Of our message ids."""
        return self.addresses[0].rpartition("@")[2]


def read(raw: bytes, ours: OurSide, received_at: datetime) -> list[InboundMessage | DeliveryReceipt]:
    """What a mail tells. Raises UnreadableMail and nothing else, whatever the bytes."""
    mail = _parsed(raw)
    sender, name = _sender(mail)
    told = bounces.receipts(mail, sender, raw, channel=CHANNEL, domain=ours.domain)
    if told is not None:
        return list(told)
    if sender.lower() in ours.addresses:
        log.info("email.our_own", message_id=_id(mail, raw))
        return []
    automatic = machines.why_automatic(mail, sender)
    content = content_of(mail)
    subject = headers.words(mail, "subject")
    answered = bounces.ours_in(headers.ids(mail, "references", "in-reply-to"), ours.domain) or _token(mail, ours)
    if automatic is None and answered is not None and machines.sounds_automatic(content.text):
        automatic = "words"
    message = InboundMessage(
        CHANNEL,
        _id(mail, raw),
        sender,
        _recipient(mail, ours),
        _body(mail, subject, content),
        received_at,
        media=tuple(content.media),
        # Of a kind that no dialogue answers.
        sender_kind="sender" if automatic else "email",
        profile_name=name,
        reply_to=answered,
        subject=subject,
        language=_language(mail),
    )
    log.info(
        "email.read",
        message_id=message.provider_message_id,
        automatic=automatic,
        authenticated=_authenticated(mail, ours.trusted_host),
        is_cut=content.is_cut,
    )
    return [message]


def _parsed(raw: bytes) -> Message:
    head = raw[:_LONGEST_HEADERS]
    if raw.lower().count(b"boundary=") > _MOST_BOUNDARIES:
        raise UnreadableMail("too deeply nested")
    try:
        mail = message_from_bytes(raw, policy=policy.compat32)
    except (RecursionError, ValueError, LookupError, AttributeError, TypeError) as error:
        raise UnreadableMail(type(error).__name__) from error
    if not mail.keys() or b":" not in head:
        raise UnreadableMail("no headers")
    return mail


def _sender(mail: Message) -> tuple[str, str]:
    """Address and name of whoever wrote it. What `From` says is a hint and never proof: anybody can write it."""
    found = headers.addresses(mail, "from")
    if len({address.lower() for _, address in found}) > 1:
        found = headers.addresses(mail, "sender")
    if not found:
        # A mail server's own letters may come from nobody at all.
        if bounces_from := headers.addresses(mail, "x-failed-recipients"):
            return f"mailer-daemon@{bounces_from[0][1].rpartition('@')[2]}", ""
        raise UnreadableMail("no single sender")
    name, address = found[0]
    return address, "" if "@" in name else name[:120]


def _id(mail: Message, raw: bytes) -> str:
    found = headers.ids(mail, "message-id")
    if found and len(found[0]) <= _LONGEST_ID and found[0].isprintable():
        return found[0]
    return f"sha256:{sha256(raw).hexdigest()}"


def recipient_of(raw: bytes, ours: OurSide) -> str | None:
    """Which of our addresses a mail was written to that tells nothing else; None when its headers cannot be read either."""
    end = min((at for mark in (b"\r\n\r\n", b"\n\n") if (at := raw.find(mark)) >= 0), default=len(raw))
    try:
        # What is below is what may be nested without end.
        mail = message_from_bytes(raw[: min(end, _LONGEST_HEADERS)], policy=policy.compat32)
        return _named(mail, ours)
    except (RecursionError, ValueError, LookupError, AttributeError, TypeError):
        return None


def _recipient(mail: Message, ours: OurSide) -> str:
    """Which of our addresses was written to; the first of them when none is named (a blind copy)."""
    return _named(mail, ours) or ours.addresses[0]


def _named(mail: Message, ours: OurSide) -> str | None:
    for _, address in headers.addresses(mail, *_RECIPIENTS):
        plain = headers.without_plus(address)[0].lower()
        if plain in ours.addresses:
            return plain
    domains = {address.rpartition("@")[2] for address in ours.addresses}
    for _, address in headers.addresses(mail, *_RECIPIENTS):
        plain = headers.without_plus(address)[0].lower()
        if plain.rpartition("@")[2] in domains:
            return plain
    return None


def _token(mail: Message, ours: OurSide) -> str | None:
    """Our mail that is answered, from `atencion+<id>@…`: some programs write no References."""
    for _, address in headers.addresses(mail, *_RECIPIENTS):
        plain, token = headers.without_plus(address)
        if token and plain.lower() in ours.addresses:
            return bounces.ours_in([f"<{token.lower()}@{ours.domain}>"], ours.domain)
    return None


def _body(mail: Message, subject: str, content: Content) -> str:
    text = quoting.answer(quoting.fresh(content.text))
    if not text.strip():
        # `mailto:` links and hurried people write all of it into the subject.
        return "" if _is_reply(mail, subject) else subject
    if _is_reply(mail, subject) or quoting.is_command(text):
        return text
    told = plain(subject)
    if told in _EMPTY_SUBJECTS or told in plain(text):
        return text
    return f"{subject.rstrip(' .')}.\n{text}"


def _is_reply(mail: Message, subject: str) -> bool:
    return bool(headers.ids(mail, "in-reply-to", "references")) or subject.lower().startswith(_REPLY)


def _language(mail: Message) -> str | None:
    found = headers.words(mail, "content-language").partition(",")[0].partition("-")[0].strip().lower()
    return found if found in ("es", "en") else None


def _authenticated(mail: Message, trusted_host: str) -> str | None:
    """What our own mail server found out about the sender (RFC 8601); anybody else's word about it counts for nothing."""
    if not trusted_host:
        return None
    for value in mail.get_all("authentication-results", []):
        host, _, results = headers.decoded(value).partition(";")
        if host.split(" ")[0].strip().lower() == trusted_host.lower():
            return " ".join(sorted({each.strip().split(" ")[0] for each in results.split(";") if "=" in each}))
    return None
