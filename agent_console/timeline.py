"""The story of a request as people read it: events and messages in one order, grouped by day. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from agent_console.entries import Entry
from agent_console.message_entries import entries_of, of_note
from agent_console.presentation import channel_look, outcome_text
from intake.catalog.definitions import text_in
from intake.conversations.attachment_models import MessageAttachment
from intake.conversations.models import ConversationNote, Message
from intake.service_requests.lifecycle import LIFE_TEXTS
from intake.service_requests.models import Report, ServiceRequestEvent
from kernel.dates import day_in_words
from kernel.folio import spaced
from kernel.i18n import translate

AUDIENCES: Mapping[str, tuple[str, str]] = {
    "public": ("Público", "web"),
    "reporter": ("Quien reporta", "user"),
    "agency": ("Dependencia", "building"),
    "internal": ("Interno", "lock"),
}
ACTORS: Mapping[str, str] = {
    "resident": "La persona",
    "agent": "Centro de atención",
    "agency": "Dependencia",
    "system": "Atiende",
    "api": "Open311",
}
PHOTOS: Mapping[str, str] = {
    "photo_added": "Foto {number} lista",
    "photo_unreadable": "La foto {number} no se pudo leer",
    "photo_hidden": "Ocultó la foto {number}",
    "photo_shown": "Volvió a mostrar la foto {number}",
}
DUPLICATES: Mapping[str, str] = {
    "merged": "Es duplicado del folio {folio}",
    "duplicate_added": "Se le unió el folio {folio}",
    "unmerged": "Se separó del folio {folio}",
    "duplicate_removed": "El folio {folio} se separó",
}
MOVED: Mapping[str, str] = {
    "waiting_resident": "La espera movió el plazo al {day}",
    "closed": "El tiempo que estuvo cerrado movió el plazo al {day}",
}
FILED: Mapping[str, str] = {
    "message_attached": "Se le añadió lo que llegó por {channel}",
    "message_detached": "Se le quitó lo que llegó por {channel}",
}
# The other channels are names and keep their capitals.
_COMMON_NOUNS = frozenset({"phone", "email", "counter", "console", "web"})


@dataclass(frozen=True)
class Day:
    """The entries of one local day, oldest first."""

    name: str
    entries: list[tuple[str, Entry]]


def story(
    events: Iterable[ServiceRequestEvent],
    messages: Iterable[Message],
    reports: Iterable[Report],
    *,
    people: Mapping[Any, str],
    timezone: str,
    language: str,
    now: datetime,
    attachments: Mapping[UUID, Sequence[MessageAttachment]] | None = None,
    opens: bool = False,
    notes: Iterable[ConversationNote] = (),
    others: Iterable[Entry] = (),
) -> list[Day]:
    """Everything in order, oldest first. `people` names persons by contact point or conversation id.

    attachments: by message; opens: the reader may see what was sent. others: entries of what else happened.
    """
    # Words that came in as messages are shown as messages. Of what happened at one instant, what was said comes first.
    entries = [_of_report(report, people, language) for report in reports if report.conversation_id is None]
    entries += entries_of(list(messages), attachments or {}, people, language, opens)
    entries += [of_note(note, language) for note in notes]
    entries += others
    for event in events:
        entry = _of_event(event, timezone, language, now)
        if entry is not None:
            entries.append(replace(entry, about=str(event.service_request_id)))
    zone = ZoneInfo(timezone)
    days: list[Day] = []
    for entry in sorted(entries, key=lambda found: found.at):
        local = entry.at.astimezone(zone)
        name = day_in_words(entry.at, timezone, language, now=now)
        if local.date() == now.astimezone(zone).date():
            name = translate(language, "hoy, {day}", day=name)
        if not days or days[-1].name != name:
            days.append(Day(name, []))
        days[-1].entries.append((f"{local.hour}:{local.minute:02d}", entry))
    return days


def _channel_in_a_sentence(channel: str, language: str) -> str:
    word = channel_look(channel, language).text
    return word.lower() if channel in _COMMON_NOUNS else word


def _of_report(report: Report, people: Mapping[Any, str], language: str) -> Entry:
    look = channel_look(report.channel, language)
    who = people.get(report.contact_point_id) or translate(language, "Anónimo")
    how = translate(language, "Reporte por {channel}", channel=_channel_in_a_sentence(report.channel, language))
    return Entry(report.at, "", look.icon, who, how, report.words or translate(language, "Sin descripción"))


def _of_event(event: ServiceRequestEvent, timezone: str, language: str, now: datetime) -> Entry | None:
    word, icon = AUDIENCES[event.audience]
    audience = (translate(language, word), icon)
    if event.name == "noted":
        if event.audience == "internal":
            how = translate(language, "Nota interna, la persona no la ve")
            return Entry(event.at, "nota", "lock", event.actor_name, how, event.note)
        if event.data.get("returned"):
            return Entry(
                event.at, "nota", "loop", _actor(event, language), _returned(event, language), event.note, audience
            )
        if event.audience == "agency":
            how = translate(language, "Nota entre el centro y la dependencia, la persona no la ve")
            return Entry(event.at, "nota", "building", event.actor_name, how, event.note)
        return Entry(event.at, "", "building", _actor(event, language), "", event.note, audience)
    line = _line(event, timezone, language, now)
    if line is None:
        return None
    if event.name == "status_changed" and event.note:
        css, icon = ("b", "building") if event.actor_kind in ("agency", "api") else ("", "work")
        return Entry(event.at, css, icon, _actor(event, language), line, event.note, audience)
    icons = {
        "submitted": "new",
        "placed": "pin",
        "routed": "go",
        "status_changed": "work",
        "joined": "users",
        "border_settled": "pin",
    }
    icons |= dict.fromkeys(PHOTOS, "photo") | dict.fromkeys(DUPLICATES, "layers")
    icons |= {"escalated": "alert", "promise_moved": "clock"} | dict.fromkeys(FILED, "go")
    said = f"{_actor(event, language)}: {line}" if event.actor_name else line
    return Entry(event.at, "sys", icons.get(event.name, "note"), "", said, "", audience)


def _returned(event: ServiceRequestEvent, language: str) -> str:
    return translate(language, "La devolvió: no le toca")


def _actor(event: ServiceRequestEvent, language: str) -> str:
    return event.actor_name or translate(language, ACTORS[event.actor_kind])


def _moved_to(data: Mapping[str, Any], timezone: str, language: str, now: datetime) -> str:
    return day_in_words(datetime.fromisoformat(str(data["after"])), timezone, language, now=now)


def _line(event: ServiceRequestEvent, timezone: str, language: str, now: datetime) -> str | None:
    data = event.data
    if event.name == "submitted":
        channel = _channel_in_a_sentence(str(data.get("channel", "")), language)
        return translate(language, "Folio creado, llegó por {channel}", channel=channel)
    if event.name == "placed":
        if data.get("placed"):
            return translate(
                language,
                "Ubicado por sus palabras en {label} (±{metres} m)",
                label=data.get("label", ""),
                metres=round(float(data.get("precision_m") or 0)),
            )
        return translate(language, "No pudimos ubicar la dirección por sus palabras")
    if event.name == "routed":
        agency = data.get("agency_name") or data.get("agency_code") or ""
        if data.get("by_hand"):
            before = data.get("before_name") or data.get("before") or translate(language, "nadie")
            return translate(language, "Pasó de {before} a {agency}", before=before, agency=agency)
        if not data.get("expected_at"):
            return translate(language, "Le toca a {agency}", agency=agency)
        due = day_in_words(datetime.fromisoformat(str(data["expected_at"])), timezone, language, now=now)
        return translate(language, "Le toca a {agency}, a más tardar el {day}", agency=agency, day=due)
    if event.name == "border_settled":
        return translate(language, "Aclarado: {side}", side=text_in(data["side"], language))
    if event.name == "joined":
        channel = _channel_in_a_sentence(str(data.get("channel", "")), language)
        if not data.get("is_new_person", True):
            return translate(language, "Quien ya lo reportó escribió de nuevo por {channel}", channel=channel)
        return translate(language, "Otra persona reportó lo mismo por {channel}", channel=channel)
    if event.name in DUPLICATES:
        folio = spaced(str(data.get("folio") or data.get("parent_folio") or ""))
        return translate(language, DUPLICATES[event.name], folio=folio)
    if event.name == "escalated":
        due = day_in_words(datetime.fromisoformat(str(data["due"])), timezone, language, now=now)
        name = text_in(data["name"], language)
        if "agency" in data["tells"]:
            return translate(language, "{step}, desde el {day}. Se avisó a la dependencia", step=name, day=due)
        return translate(language, "{step}, desde el {day}. Aviso para supervisión", step=name, day=due)
    if event.name == "promise_moved":
        return translate(language, MOVED[str(data["reason"])], day=_moved_to(data, timezone, language, now))
    if event.name in FILED:
        channel = _channel_in_a_sentence(str(data.get("channel", "")), language)
        return translate(language, FILED[event.name], channel=channel)
    if event.name in PHOTOS:
        return translate(language, PHOTOS[event.name], number=data.get("number", ""))
    if event.name == "status_changed":
        if data.get("life") == "closed":
            outcome = outcome_text(str(data.get("outcome_code", "")), language)
            return translate(language, "Cerrado: {outcome}", outcome=outcome)
        return translate(language, "Pasó a «{state}»", state=translate(language, LIFE_TEXTS[str(data["life"])]))
    return None
