"""One-time codes as the page of a person shows them: the one that is open, what it proved, and all of it in the story."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlmodel import Session, select

from agent_console.accounts import Viewer
from agent_console.contacts import masked_beside
from agent_console.entries import Entry
from agent_console.message_entries import delivery_in_words
from agent_console.presentation import Look, ago, channel_look
from agent_console.threads import Somebody
from intake.conversations import proofs
from intake.conversations.models import Message
from intake.people import codes, same
from intake.people.code_models import ContactCode
from intake.people.models import ContactPoint, PersonLink
from kernel.i18n import translate

_MOST_TOLD = 50


@dataclass(frozen=True)
class Way:
    """A kind of address that a code can go to."""

    kind: str
    look: Look


@dataclass(frozen=True)
class OpenCode:
    """The code that somebody is about to read out. state: what became of its message; is_bad: it did not arrive."""

    channel: Look
    address: str
    until: str
    left: int
    state: str
    is_bad: bool


def ways(language: str) -> list[Way]:
    return [Way(kind, channel_look(channel, language)) for kind, channel in proofs.ways().items()]


def open_code(session: Session, viewer: Viewer, person: Somebody, now: datetime) -> OpenCode | None:
    """The newest code that is open and was asked for from one of the person's addresses."""
    for code in codes.of_askers(session, list(person.contacts), limit=5):
        standing = codes.standing_of(code).at(now)
        if standing.state != "open":
            continue
        look = channel_look(code.channel, viewer.language)
        message = session.exec(select(Message).where(Message.client_ref == proofs.ref_of(code.id))).first()
        state, is_bad = delivery_in_words(message, viewer.language) if message else ("", False)
        address = masked_beside(session.get_one(ContactPoint, code.target_id), look.text)
        local = standing.expires_at.astimezone(ZoneInfo(viewer.timezone))
        return OpenCode(look, address, f"{local.hour}:{local.minute:02d}", standing.left, state, is_bad)
    return None


def evidence_text(session: Session, link: PersonLink, viewer: Viewer, when: str) -> str:
    """Why two rows are one person, in a sentence."""
    say = viewer.language
    if link.basis == "shared_phone":
        return translate(say, "Compartió su propio número, {when}", when=when)
    if link.basis == "operator":
        return translate(say, "{name} dijo que es la misma persona, {when}", name=link.linked_by_name, when=when)
    code = session.exec(select(ContactCode).where(ContactCode.link_id == link.id)).first()
    where = _sent_to(session, code, say) if code else translate(say, "otra dirección")
    if link.linked_by_name:
        return translate(
            say,
            "{name} escribió el código que se mandó a {where}, {when}",
            name=link.linked_by_name,
            where=where,
            when=when,
        )
    return translate(say, "Escribió el código que se mandó a {where}, {when}", where=where, when=when)


def _sent_to(session: Session, code: ContactCode, language: str) -> str:
    look = channel_look(code.channel, language)
    return f"{look.text} {masked_beside(session.get_one(ContactPoint, code.target_id), look.text)}"


def happenings(
    session: Session, viewer: Viewer, person: Somebody, since: datetime | None, until: datetime | None, now: datetime
) -> list[Entry]:
    """What was asked, proved, linked and taken apart, for the story. Times are told by the story itself."""
    entries = [
        entry
        for code in codes.of_askers(session, list(person.contacts), limit=_MOST_TOLD)
        for entry in _of_code(session, code, viewer.language, now)
    ]
    for link in same.evidence_of(session, list(person.ids)):
        when = ago(link.linked_at, now, viewer.timezone, viewer.language)
        said = evidence_text(session, link, viewer, when).removesuffix(f", {when}")
        entries.append(_line(link.linked_at, "users", f"{said}: «{link.why}»" if link.why else said))
        if link.undone_at is not None:
            undone = translate(
                viewer.language, "{name} separó a las dos: «{why}»", name=link.undone_by_name, why=link.undone_why
            )
            entries.append(_line(link.undone_at, "minus", undone))
    return [entry for entry in entries if (not since or entry.at >= since) and (not until or entry.at < until)]


ENDS: Mapping[str, str] = {
    "used_up": "Cinco intentos malos con el código que se mandó a {where}",
    "expired": "Venció sin usarse el código que se mandó a {where}",
}


def _of_code(session: Session, code: ContactCode, language: str, now: datetime) -> Sequence[Entry]:
    where = _sent_to(session, code, language)
    asked = (
        translate(language, "{name} pidió un código para {where}", name=code.asked_by_name, where=where)
        if code.asked_by
        else translate(language, "La persona pidió un código para {where}", where=where)
    )
    told = [_line(code.asked_at, "send", asked)]
    standing = codes.standing_of(code).at(now)
    if standing.state in ENDS:
        at = code.settled_at if standing.state == "used_up" and code.settled_at else standing.expires_at
        told.append(_line(at, "stop", translate(language, ENDS[standing.state], where=where)))
    return told


def _line(at: datetime, icon: str, text: str) -> Entry:
    return Entry(at, "sys", icon, "", text, "")
