"""Messages as a story tells them: who, over which channel, what came with it, and what became of it. Pure."""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

from agent_console.attachments import parts_of
from agent_console.entries import Entry, Offered
from agent_console.presentation import channel_look
from channels.reasons import in_words
from intake.conversations.attachment_models import MessageAttachment
from intake.conversations.models import ConversationNote, Message
from intake.conversations.values import VOICE
from kernel.i18n import translate

DELIVERY: Mapping[str, str] = {
    "queued": "en cola",
    "sending": "enviando",
    "uncertain": "no sabemos si llegó",
    "accepted": "lo tiene la red",
    "sent": "enviado",
    "delivered": "entregado",
    "read": "leído",
    "undelivered": "no llegó",
    "failed": "no se pudo enviar",
    "suppressed": "no se envió",
}
_BAD_NEWS = frozenset({"uncertain", "undelivered", "failed", "suppressed"})
# Photos chosen together arrive within a few seconds of each other, each as a message.
ALBUM = timedelta(seconds=10)
# Where answers are typed: the numbered list is what the person saw.
_TYPED = ("sms", "email")


def entries_of(
    messages: Sequence[Message],
    attachments: Mapping[UUID, Sequence[MessageAttachment]],
    people: Mapping[Any, str],
    language: str,
    opens: bool,
) -> list[Entry]:
    """One entry for each message; what was sent as one album is one entry, though it came as many messages."""
    entries: list[Entry] = []
    # Of one thread in order: messages of a person's threads come between each other.
    newest: dict[UUID, tuple[Message, int]] = {}
    pressed = {(message.conversation_id, message.choice) for message in messages if message.choice}
    edited = {(message.channel, message.edits) for message in messages if message.edits}
    for message in messages:
        parts = parts_of(message, attachments.get(message.id, ()), language, opens=opens)
        before, at = newest.get(message.conversation_id, (None, 0))
        if before is not None and _is_of_album(before, message) and parts and entries[at].parts:
            told = [text for text in (entries[at].text, message.body) if text]
            entries[at] = replace(
                entries[at],
                parts=(*entries[at].parts, *parts),
                text="\n".join(told),
                received=(*entries[at].received, str(message.id)),
                about=entries[at].about or str(message.service_request_id or ""),
            )
        else:
            at = len(entries)
            entry = _of_message(message, people, language, bool(parts))
            entries.append(
                replace(
                    entry,
                    parts=parts,
                    about=str(message.service_request_id or ""),
                    subject=message.subject,
                    offered=_offered(message, pressed),
                    edited=(message.channel, message.provider_message_id) in edited,
                )
            )
        newest[message.conversation_id] = (message, at)
    return entries


def of_note(note: ConversationNote, language: str) -> Entry:
    how = translate(language, "Nota interna, la persona no la ve")
    return Entry(note.at, "nota", "lock", note.author_name, how, note.body)


def delivery_in_words(message: Message, language: str) -> tuple[str, bool]:
    """What became of a message that went out; True with it when that is bad news."""
    state = translate(language, DELIVERY[message.status])
    if message.error_code and message.status in ("failed", "undelivered", "suppressed"):
        state = f"{state}: {in_words(message.error_code, language)}"
    return state, message.status in _BAD_NEWS


def _offered(message: Message, pressed: AbstractSet[tuple[UUID, str | None]]) -> tuple[Offered, ...]:
    if message.channel in _TYPED:
        return ()
    return tuple(
        Offered(choice["label"], (message.conversation_id, choice["value"]) in pressed) for choice in message.choices
    )


def _is_of_album(before: Message, message: Message) -> bool:
    if {before.direction, message.direction} != {"inbound"}:
        return False
    if message.album is not None or before.album is not None:
        return message.album == before.album
    if message.service_request_id != before.service_request_id:
        return False
    # Where the network does not say so: several at once, of which at most one has words.
    return message.at - before.at <= ALBUM and not (message.body and before.body)


def _of_message(message: Message, people: Mapping[Any, str], language: str, has_parts: bool) -> Entry:
    look = channel_look(message.channel, language)
    anchor = f"m-{message.id}"
    if message.direction == "inbound":
        who = people.get(message.conversation_id) or translate(language, "Anónimo")
        how = translate(language, "{channel} recibido", channel=look.text)
        if message.channel == VOICE:
            how = translate(language, "Dicho en la llamada")
        if message.choice:
            how = translate(language, "{channel}, tocó un botón", channel=look.text)
        if message.edits:
            how = translate(language, "{channel}, corrige lo que había escrito", channel=look.text)
        text = message.body or ("" if has_parts else translate(language, "(sin texto)"))
        return Entry(message.at, "", look.icon, who, how, text, anchor=anchor, received=(str(message.id),))
    state, is_bad = delivery_in_words(message, language)
    if message.author_kind == "agent":
        who, how = message.author_name, translate(language, "{channel}, {state}", channel=look.text, state=state)
    else:
        who = "Atiende"
        how = translate(language, "{channel} automático, {state}", channel=look.text, state=state)
        if message.channel == VOICE:
            how = translate(language, "Dicho en la llamada")
    return Entry(
        message.at,
        "out",
        look.icon,
        who,
        how,
        message.prompt if message.prompt and message.choices and message.channel not in _TYPED else message.body,
        is_bad=is_bad,
        message_id=str(message.id) if message.status == "uncertain" else "",
        anchor=anchor,
    )
