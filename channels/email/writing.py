"""Our mails: plain text, the same as simple HTML, and headers that keep threads together and robots quiet."""

import re
from datetime import datetime
from email import policy
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime
from html import escape

from channels.email import bounces
from channels.email.flowing import flowed
from channels.email.headers import is_id, one_line, without_plus
from channels.values import OutboundMessage
from intake.conversations.wording import folio_in_words
from kernel.i18n import translate

_REPLY = re.compile(r"^(?:\s*(?:re|rv|aw|res|fwd?|reenv)\s*(?:\[\d+\])?\s*:)+\s*", re.I)
_LONGEST_SUBJECT = 150
_STYLE = "font:16px/1.5 system-ui,-apple-system,'Segoe UI',Roboto,Arial,sans-serif;max-width:36em;margin:0;padding:1em"


def compose(
    message: OutboundMessage, address: str, domain: str, *, now: datetime, plus_addresses: bool = False
) -> EmailMessage:
    """The whole mail. address: the city's own, which residents answer to; domain: the installation's, of all its message ids."""
    mail = EmailMessage(policy=policy.SMTPUTF8 if not message.recipient.isascii() else policy.SMTP)
    mail["From"] = Address(_footer(message)[0], addr_spec=address)
    mail["To"] = message.recipient
    mail["Subject"] = subject_of(message)
    mail["Date"] = format_datetime(now)
    mail["Message-ID"] = bounces.message_id(message.message_id, domain)
    mail["Content-Language"] = message.language
    if plus_addresses:
        local, _, host = address.rpartition("@")
        mail["Reply-To"] = f"{local}+{message.message_id}@{host}"
    _thread(mail, message)
    _tell_robots(mail, message, address)
    mail.set_content(flowed(text_of(message)), cte="quoted-printable", params={"format": "flowed"})
    mail.add_alternative(_html_of(message), subtype="html", cte="quoted-printable")
    return mail


def subject_of(message: OutboundMessage) -> str:
    """In a thread the resident's own subject, untouched, for some programs begin a new thread with every other one."""
    if message.author_kind == "proof":
        return translate(message.language, "Tu código del 311")
    asked = _REPLY.sub("", one_line(message.last_inbound.subject)) if message.last_inbound else ""
    if asked:
        return f"Re: {asked}"[:_LONGEST_SUBJECT]
    if message.service_request_folio:
        folio = folio_in_words(message.service_request_folio)
        return translate(message.language, "Tu reporte al 311, folio {folio}", folio=folio)
    return translate(message.language, "Tu mensaje al 311")


def _thread(mail: EmailMessage, message: OutboundMessage) -> None:
    is_answer = message.last_inbound is not None and message.author_kind != "proof"
    answered = message.last_inbound.provider_message_id if message.last_inbound and is_answer else ""
    # One without an id of its own cannot be referred to.
    if is_id(answered):
        mail["In-Reply-To"] = answered
        mail["References"] = answered


def _tell_robots(mail: EmailMessage, message: OutboundMessage, address: str) -> None:
    """RFC 3834: who answers automatically says so. Microsoft's servers read a header of their own."""
    if message.author_kind == "agent":
        return
    mail["Auto-Submitted"] = "auto-generated" if message.author_kind in ("notice", "proof") else "auto-replied"
    mail["X-Auto-Response-Suppress"] = "OOF, AutoReply"
    if message.author_kind == "notice":
        mail["List-Unsubscribe"] = f"<mailto:{without_plus(address)[0]}?subject=BAJA>"


def text_of(message: OutboundMessage) -> str:
    """What is read in plain text: options on lines of their own, where to answer, and who wrote it."""
    told = _told(message)
    lines = [told, ""]
    if _options(message):
        lines += [f"{number}. {label}" for number, label in enumerate(_options(message), start=1)]
        lines += ["", _how_to_answer(message), ""]
    return "\n".join([*lines, "-- ", *_footer(message)])


def _told(message: OutboundMessage) -> str:
    return message.prompt if message.prompt and message.choices else message.body


def _options(message: OutboundMessage) -> list[str]:
    """The labels, numbered as the dialogue numbers them."""
    if not message.prompt:
        return []
    return [f"{one.label}: {one.description}" if one.description else one.label for one in message.choices]


def _how_to_answer(message: OutboundMessage) -> str:
    return translate(message.language, "Contesta este correo con el número de tu respuesta.")


def _footer(message: OutboundMessage) -> list[str]:
    city = one_line(message.city_name)
    made = [translate(message.language, "311 de {city}", city=city) if city else "311"]
    if message.author_kind == "notice":
        made.append(translate(message.language, "Para no recibir avisos, contesta BAJA."))
    return made


def _html_of(message: OutboundMessage) -> str:
    head, *rest = _footer(message)
    paragraphs = "".join(f"<p>{escape(line)}</p>" for line in _told(message).split("\n") if line.strip())
    options = "".join(f"<li>{escape(label)}</li>" for label in _options(message))
    if options:
        options = f'<ol style="padding-left:1.5em">{options}</ol><p>{escape(_how_to_answer(message))}</p>'
    small = "".join(f'<p style="font-size:14px">{escape(line)}</p>' for line in rest)
    return (
        f'<!doctype html><html lang="{message.language}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width"><meta name="color-scheme" content="light dark">'
        f"<title>{escape(subject_of(message))}</title></head>"
        f'<body style="{_STYLE}"><p><b>{escape(head)}</b></p>{paragraphs}{options}{small}</body></html>'
    )
