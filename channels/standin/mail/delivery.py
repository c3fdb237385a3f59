"""What the mail server does with a mail: to the centre, to a resident, back as a bounce, or answered by a holiday notice."""

import secrets
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage
from email.utils import formatdate, make_msgid

from channels.email.headers import addresses, ids, without_plus, words
from channels.email.parts import content_of
from channels.standin.mail.store import MailStore

_BOUNCE_AFTER_S = 0.2
# Addresses that behave as their name says, at any domain but the centre's.
NOBODY, FULL, REFUSED = "noexiste", "lleno", "rechaza"
_HOLIDAY = "Estoy de vacaciones y leo su correo cuando vuelva."
_RUDE = "Su mensaje fue recibido y en breve se le atiende. Muchas gracias por escribir."


@dataclass(frozen=True)
class MailAccount:
    """The centre's account. address, others: where residents write to; all that is at their domains lands in the one mailbox."""

    address: str
    user: str
    password: str
    others: tuple[str, ...] = ()

    def is_centers(self, address: str) -> bool:
        domains = {one.rpartition("@")[2].lower() for one in (self.address, *self.others)}
        return address.rpartition("@")[2].lower() in domains


def deliver(store: MailStore, account: MailAccount, sender: str, recipient: str, raw: bytes) -> None:
    """Takes one mail for one recipient, for good, and whatever follows from it."""
    with store.together():
        if account.is_centers(recipient):
            to_center(store, sender, recipient, raw)
        else:
            _to_resident(store, account, sender, recipient, raw)


def to_center(store: MailStore, sender: str, recipient: str, raw: bytes, *, after_s: float = 0.0) -> int:
    switches = store.switches()
    kept = f"Return-Path: <{sender}>\r\nDelivered-To: {recipient}\r\n".encode() + raw
    mail = message_from_bytes(raw, policy=policy.compat32)
    written_by = [address for _, address in addresses(mail, "from")]
    mail_id = store.add(
        "inbound",
        sender or (written_by[0] if written_by else ""),
        without_plus(recipient)[0],
        kept,
        message_id=_id(kept),
        subject=words(mail, "subject"),
        body=content_of(mail).text,
        status="receiving",
    )
    for _ in range(2 if switches.duplicate else 1):
        store.put("INBOX", mail_id, after_s=switches.slow_s + after_s)
    return mail_id


def _to_resident(store: MailStore, account: MailAccount, sender: str, recipient: str, raw: bytes) -> None:
    switches = store.switches()
    local = recipient.partition("@")[0].lower()
    bounces = sender and (switches.bounce or local.startswith((NOBODY, FULL)))
    mail = message_from_bytes(raw, policy=policy.compat32)
    mail_id = store.add(
        "outbound",
        sender,
        recipient,
        raw,
        message_id=_id(raw),
        subject=words(mail, "subject"),
        body=content_of(mail).text,
        status="undelivered" if bounces else "delivered",
    )
    store.put("Sent", mail_id, flags=("\\Seen",))
    if bounces:
        status, why = ("5.2.2", "mailbox full") if local.startswith(FULL) else ("5.1.1", "user unknown")
        report = _bounce(sender, recipient, raw, status, why)
        to_center(store, "", sender, report, after_s=_BOUNCE_AFTER_S)
        return
    is_automatic = words(mail, "auto-submitted").lower() not in ("", "no")
    if switches.auto_reply == "rude" or (switches.auto_reply == "polite" and not is_automatic):
        is_polite = switches.auto_reply == "polite"
        answer = _holiday_notice(recipient, account.address, words(mail, "subject"), _id(raw), is_polite=is_polite)
        to_center(store, "" if is_polite else recipient, account.address, answer)


def compose(
    sender: str,
    name: str,
    account: MailAccount,
    *,
    subject: str,
    text: str,
    answers: str = "",
    photo: tuple[str, str, bytes] | None = None,
) -> bytes:
    """A mail as a resident's program writes it. answers: the message id it is a reply to; photo: name, type, bytes."""
    made = EmailMessage()
    made["From"] = f"{name} <{sender}>" if name else sender
    made["To"] = account.address
    made["Subject"] = subject
    made["Date"] = formatdate(localtime=True)
    made["Message-ID"] = make_msgid(domain=sender.rpartition("@")[2])
    if answers:
        made["In-Reply-To"] = answers
        made["References"] = answers
    made.set_content(text)
    if photo is not None:
        file_name, content_type, data = photo
        main, _, sub = content_type.partition("/")
        made.add_attachment(data, maintype=main or "application", subtype=sub or "octet-stream", filename=file_name)
    return made.as_bytes(policy=policy.SMTP)


def _id(raw: bytes) -> str:
    found = ids(message_from_bytes(raw, policy=policy.compat32), "message-id")
    return found[0] if found else ""


def _holiday_notice(sender: str, recipient: str, subject: str, answers: str, *, is_polite: bool) -> bytes:
    made = EmailMessage()
    made["From"], made["To"] = sender, recipient
    made["Subject"] = f"Respuesta automática: {subject}" if is_polite else f"Re: {subject}"
    made["Date"] = formatdate(localtime=True)
    made["Message-ID"] = make_msgid(domain=sender.rpartition("@")[2])
    made["In-Reply-To"] = answers
    if is_polite:
        made["Auto-Submitted"] = "auto-replied"
    made.set_content(_HOLIDAY if is_polite else _RUDE)
    return made.as_bytes(policy=policy.SMTP)


def _bounce(sender: str, recipient: str, raw: bytes, status: str, why: str) -> bytes:
    """RFC 3464, as postfix writes it."""
    host = recipient.rpartition("@")[2]
    boundary = secrets.token_hex(12)
    head = raw.partition(b"\r\n\r\n")[0].decode("utf-8", "replace")
    text = f"""From: MAILER-DAEMON@{host} (Mail Delivery System)
To: {sender}
Subject: Undelivered Mail Returned to Sender
Date: {formatdate(localtime=True)}
Message-ID: {make_msgid(domain=host)}
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="{boundary}"

--{boundary}
Content-Type: text/plain; charset=us-ascii

This is the mail system at host {host}.
Your message could not be delivered: {why}.

--{boundary}
Content-Type: message/delivery-status

Reporting-MTA: dns; {host}

Final-Recipient: rfc822; {recipient}
Action: failed
Status: {status}
Diagnostic-Code: smtp; 550 {status} {why}

--{boundary}
Content-Type: text/rfc822-headers

{head}

--{boundary}--
"""
    return "\r\n".join(text.replace("\r\n", "\n").split("\n")).encode("utf-8", "surrogateescape")
