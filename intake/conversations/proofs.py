"""One-time codes in threads: asked for, sent to the other address, and typed back. Their rules: `intake/people/codes.py`.

The digits are in no row that anybody reads: the message that carries them has dots instead, which are filled in when it is handed
to the provider.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol
from uuid import UUID

from sqlmodel import Session

from intake.catalog import queries as catalog
from intake.catalog.models import Jurisdiction
from intake.conversations import actions, queries, wording
from intake.conversations.models import Conversation, Message
from intake.conversations.own_texts import own_texts
from intake.people import actions as people
from intake.people import addresses, codes, same
from intake.people import queries as people_queries
from intake.people.addresses import REGION, Address
from intake.people.code_models import ContactCode
from intake.people.codes import Answer, Refusal
from intake.people.linking import PROOF, By
from intake.people.models import ContactPoint
from intake.people.proving import LIVES_FOR
from kernel.errors import InvalidInput
from kernel.i18n import translate

AUTHOR = "proof"
TEMPLATE = "proof.code"
HIDDEN = "••••••"
# For staff; residents read the texts `link_…`.
REFUSALS: Mapping[str, str] = {
    "nobodys": "Un número oculto o un código corto no es de nadie: no se puede unir.",
    "own": "Es la dirección desde la que escribe.",
    "already": "Ya son la misma persona.",
    "opted_out": "Esa dirección pidió no recibir mensajes. Si es suya, que mande ALTA desde ahí.",
    "unreachable": "A esa dirección no se puede escribir ahora desde aquí. En WhatsApp, que escriba primero desde ahí.",
    "too_many": "Ya se mandaron varios códigos. Espera {minutes} min para pedir otro.",
}
VERDICTS: Mapping[str, str] = {
    "wrong": "Ese código no es. Intentos que quedan: {left}.",
    "expired": "Ese código ya venció. Manda otro.",
    "used_up": "Fueron 5 intentos y ese código ya no sirve. Manda otro.",
    "over": "Ese código ya se usó.",
    "none": "No hay ningún código por escribir.",
    "undone": "Una persona separó antes esas dos direcciones.",
}


class CanWrite(Protocol):
    def __call__(self, channel: str, *, last_inbound_at: datetime | None, has_template: bool, now: datetime) -> bool:
        """Whether that channel takes a code to somebody who wrote last then."""


@dataclass(frozen=True, slots=True)
class Said:
    """What the dialogue answers: a key of its texts, and what fills it."""

    key: str
    params: Mapping[str, object] = field(default_factory=dict)


def _always(channel: str, *, last_inbound_at: datetime | None, has_template: bool, now: datetime) -> bool:
    return True


# By kind of address, the channel that reaches it.
_channels: dict[str, str] = {"phone": "sms"}
_can_write: CanWrite = _always  # until a composition root says more


def configure(channels: Mapping[str, str], can_write: CanWrite = _always) -> None:
    """Called by the registry of channels whenever it connects or lets go."""
    global _can_write
    _channels.clear()
    _channels.update(channels)
    _can_write = can_write


def ways() -> Mapping[str, str]:
    """By kind of address that a code can go to, the channel that carries it."""
    return _channels


def ask(
    session: Session, thread: Conversation, address: Address, language: str, *, by: By = PROOF, now: datetime
) -> ContactCode | Refusal:
    """A code for this address, for whoever writes in the thread. by: the agent who asks for them."""
    channel = _channels.get(address.kind)
    city = catalog.jurisdiction(session, thread.jurisdiction_id)
    if channel is None or not _reaches(session, city, address, channel, language, now):
        return Refusal("unreachable")
    asker = session.get_one(ContactPoint, thread.contact_point_id)
    return codes.ask(
        session,
        asker,
        thread.person_id,
        address,
        channel=channel,
        asked_on=thread.channel,
        language=language,
        by=by,
        now=now,
    )


def _reaches(
    session: Session, city: Jurisdiction, address: Address, channel: str, language: str, now: datetime
) -> bool:
    known = people_queries.contact_point_of(session, city.id, address)
    last = queries.last_inbound_at(session, known.id, channel) if known else None
    has_template = language in city.settings.get("templates", {}).get(channel, {}).get(TEMPLATE, {})
    return _can_write(channel, last_inbound_at=last, has_template=has_template, now=now)


def answer(session: Session, thread: Conversation, digits: str, *, by: By = PROOF, now: datetime) -> Answer:
    """Tries a code that was asked for from the address of this thread; from any of the person's, where an agent types it."""
    asked_from = [thread.contact_point_id]
    if by.id is not None:
        asked_from = [contact.id for contact in same.contact_points_of(session, thread.person_id)]
    return codes.answer(session, {*asked_from, thread.contact_point_id}, digits, by=by, now=now)


def ask_in_dialogue(
    session: Session, thread: Conversation, kind: str, written: str, language: str, now: datetime
) -> Said:
    """As `ask`, for what a person wrote; numbers of other countries only where the city takes them."""
    regions = catalog.jurisdiction(session, thread.jurisdiction_id).settings.get("phone_regions") or [REGION]
    try:
        if kind == "email":
            address = addresses.read_email(written)
        else:
            phone = addresses.read_phone_of(written, regions)
            address = phone if kind == "phone" else addresses.read_whatsapp(phone.reachable)
    except InvalidInput:
        return Said("link_unread")
    asked = ask(session, thread, address, language, now=now)
    if isinstance(asked, Refusal):
        return Said(f"link_{asked.reason}", {"minutes": asked.minutes})
    return Said("link_sent", {"address": called(address, language), "minutes": int(LIVES_FOR.total_seconds() // 60)})


def answer_in_dialogue(session: Session, thread: Conversation, digits: str, language: str, now: datetime) -> Said:
    tried = answer(session, thread, digits, now=now)
    if tried.verdict == "right" and tried.target is not None:
        reached = addresses.read(tried.target.kind, people.address_of(tried.target))
        return Said("code_right", {"address": called(reached, language)})
    if tried.verdict == "undone":
        return Said("link_undone")
    keys = {"wrong": "code_wrong", "expired": "code_expired", "used_up": "code_used_up"}
    return Said(keys.get(tried.verdict, "code_known"), {"left": tried.left})


def called(address: Address, language: str) -> str:
    """An address as it is told to whoever says that it is theirs: enough to know it by."""
    if address.kind == "email":
        name, _, domain = address.reachable.partition("@")
        return wording.say(language, "labels", "ending_email", address=f"{name[:1]}...@{domain}")
    return wording.say(language, "labels", f"ending_{address.kind}", digits=address.last_digits)


def send(session: Session, code_id: UUID, *, now: datetime) -> None:
    """Queues the message that carries the code, once; nothing where it serves nobody any more, or its address has opted out."""
    code = session.get(ContactCode, code_id)
    if code is None or not codes.is_open(session, code.id, now=now):
        return
    target = session.get_one(ContactPoint, code.target_id)
    thread = actions.open_conversation(session, target, code.channel, language=code.language, now=now)
    people.lock(session, target.id)
    if people.is_opted_out(session, target.id):
        return
    city = catalog.jurisdiction(session, code.jurisdiction_id)
    params = {
        "code": HIDDEN,
        "city": city.name,
        "channel": wording.say(thread.language, "labels", f"by_{code.asked_on}"),
    }
    own = own_texts(session, code.jurisdiction_id, thread.language, code.channel)
    actions.queue_message(
        session,
        thread.id,
        wording.say(thread.language, "proof", "code" if code.thread_id is None else "code_for_call", own, **params),
        client_ref=ref_of(code.id),
        author_kind=AUTHOR,
        template=TEMPLATE,
        template_params=params,
        now=now,
    )


_REF = "code-"


def ref_of(code_id: UUID) -> str:
    """Our reference of the message that carries a code."""
    return f"{_REF}{code_id}"


def code_id_of(message: Message) -> UUID | None:
    """Which code a message carries."""
    if message.author_kind != AUTHOR or not (message.client_ref or "").startswith(_REF):
        return None
    return UUID((message.client_ref or "").removeprefix(_REF))


def is_wanted(session: Session, message: Message, *, now: datetime) -> bool:
    """False of a message whose code serves nobody any more."""
    code_id = code_id_of(message)
    return code_id is None or codes.is_open(session, code_id, now=now)


def carried(session: Session, message: Message) -> tuple[str, Mapping[str, str]]:
    """The words and the fields of a message as they are sent: with the digits, while there are any."""
    code_id = code_id_of(message)
    digits = codes.digits_of(session, code_id) if code_id else None
    if digits is None:
        return message.body, message.template_params
    filled = {name: value.replace(HIDDEN, digits) for name, value in message.template_params.items()}
    return message.body.replace(HIDDEN, digits), filled


def hide_typed(message: Message) -> None:
    """Takes an open code out of what somebody wrote where it does not belong: staff could read it there."""
    message.body = HIDDEN


def refusal_in_words(refusal: Refusal, language: str) -> str:
    return translate(language, REFUSALS[refusal.reason], minutes=refusal.minutes)


def verdict_in_words(tried: Answer, language: str) -> str:
    return translate(language, VERDICTS[str(tried.verdict)], left=tried.left)
