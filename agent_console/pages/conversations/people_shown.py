"""Who somebody is, as the page shows it: addresses, household, and the evidence for it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlmodel import Session, col, select

from agent_console.accounts import Viewer
from agent_console.contacts import masked_beside
from agent_console.pages.conversations import proofs_shown
from agent_console.pages.conversations.proofs_shown import OpenCode, Way
from agent_console.presentation import Look, ago, channel_look
from agent_console.threads import CHANNEL_OF, Somebody
from intake.conversations.models import Conversation
from intake.people import actions as people
from intake.people import addresses, queries, same
from intake.people.models import ContactPoint, Person, PersonLink
from intake.service_requests.models import Report, ServiceRequest
from kernel import folio
from kernel.errors import InvalidInput
from kernel.i18n import translate

_MOST_FOUND = 8
_LAST_DIGITS = 4


@dataclass(frozen=True)
class Reached:
    """One address. says: what their network calls them, which they never told us."""

    channel: Look
    address: str
    says: str


@dataclass(frozen=True)
class Member:
    """Somebody of a household."""

    id: UUID
    name: str
    is_writing: bool


@dataclass(frozen=True)
class Evidence:
    """Why two rows are one person. undone: by whom and why it was taken back, "" while it holds."""

    id: UUID
    text: str
    why: str
    undone: str


@dataclass(frozen=True)
class Candidate:
    """Somebody who may be the same person."""

    id: UUID
    name: str
    addresses: Sequence[Reached]
    when: str


@dataclass(frozen=True)
class Identity:
    """can_link: not so for a short code or a hidden number. ways: what a code can go to; code: the one that is open."""

    reached: Sequence[Reached]
    household: Sequence[Member]
    evidence: Sequence[Evidence]
    can_link: bool
    ways: Sequence[Way]
    code: OpenCode | None


def identity_of(session: Session, viewer: Viewer, person: Somebody, thread: Conversation, now: datetime) -> Identity:
    contact = person.contacts[thread.contact_point_id]
    return Identity(
        reached=[_reached(one, viewer.language) for one in person.contacts.values()],
        household=[
            _member(session, viewer, id_, thread, number)
            for number, id_ in enumerate(same.people_at(session, contact.id), start=1)
        ],
        evidence=[_evidence(session, link, viewer, now) for link in same.evidence_of(session, list(person.ids))],
        can_link=not same.is_nobodys(session, list(person.ids)),
        ways=proofs_shown.ways(viewer.language),
        code=proofs_shown.open_code(session, viewer, person, now),
    )


def _reached(contact: ContactPoint, language: str) -> Reached:
    channel = CHANNEL_OF.get(contact.kind, contact.kind)
    look = channel_look(channel, language)
    return Reached(look, masked_beside(contact, look.text), people.profile_name_of(contact))


def _member(session: Session, viewer: Viewer, person_id: UUID, thread: Conversation, number: int) -> Member:
    name = people.name_of(session.get_one(Person, person_id))
    unnamed = translate(viewer.language, "Persona {n}, sin nombre", n=number)
    return Member(person_id, name or unnamed, person_id == thread.person_id)


def _evidence(session: Session, link: PersonLink, viewer: Viewer, now: datetime) -> Evidence:
    when = ago(link.linked_at, now, viewer.timezone, viewer.language)
    text = proofs_shown.evidence_text(session, link, viewer, when)
    undone = ""
    if link.undone_at is not None:
        undone = translate(
            viewer.language,
            "{name} lo deshizo, {when}: {why}",
            name=link.undone_by_name,
            when=ago(link.undone_at, now, viewer.timezone, viewer.language),
            why=link.undone_why,
        )
    return Evidence(link.id, text, link.why, undone)


def find_people(session: Session, viewer: Viewer, person: Somebody, text: str, now: datetime) -> list[Candidate]:
    """Others of the city by folio, whole address or last four digits. Nobody by name: names are not proof of anything."""
    found: list[Candidate] = []
    for id_ in dict.fromkeys(_matching(session, viewer.jurisdiction_id, text)):
        group = same.same_person(session, id_)
        is_new = not {one.id for one in found}.intersection(group)
        if id_ in person.ids or not is_new or same.is_nobodys(session, group):
            continue
        row = session.get_one(Person, id_)
        found.append(
            Candidate(
                id_,
                people.name_of(row),
                [_reached(contact, viewer.language) for contact in same.contact_points_of(session, id_)],
                ago(row.created_at, now, viewer.timezone, viewer.language),
            )
        )
    return found[:_MOST_FOUND]


def _matching(session: Session, jurisdiction_id: str, text: str) -> Sequence[UUID]:
    plain = text.strip()
    if len(plain) == _LAST_DIGITS and plain.isascii() and plain.isdigit():
        ending = select(ContactPoint.person_id).where(
            ContactPoint.jurisdiction_id == jurisdiction_id, ContactPoint.last_digits == plain
        )
        return session.exec(ending.order_by(col(ContactPoint.id).desc()).limit(_MOST_FOUND * 4)).all()
    try:
        digits = folio.normalize(plain)
    except InvalidInput:
        return _reached_at(session, jurisdiction_id, plain)
    reported = (
        select(Report.person_id)
        .join(ServiceRequest, col(ServiceRequest.id) == col(Report.service_request_id))
        .where(
            ServiceRequest.folio == digits,
            ServiceRequest.jurisdiction_id == jurisdiction_id,
            col(Report.person_id).is_not(None),
        )
    )
    return [*(id_ for id_ in session.exec(reported) if id_), *_reached_at(session, jurisdiction_id, plain)]


def _reached_at(session: Session, jurisdiction_id: str, text: str) -> list[UUID]:
    found = []
    for kind in ("email",) if "@" in text else ("phone", "whatsapp"):
        try:
            address = addresses.read(kind, text)
        except InvalidInput:
            continue
        contact = queries.contact_point_of(session, jurisdiction_id, address)
        if contact is not None:
            found += same.people_at(session, contact.id)
    return found
