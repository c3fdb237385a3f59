"""What a city says to residents in its own words, by text, channel and language: in place of ours, with the same fields."""

import string
from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import delete
from sqlmodel import Session, col, select

from intake.catalog.models import Jurisdiction
from intake.conversations import wording
from intake.conversations.dialogue.questions import numbered
from intake.conversations.models import OwnText
from intake.conversations.values import VOICE
from kernel import db
from kernel.errors import Conflict, InvalidInput, NotFound

# Labels are parts of other texts, and their length is counted on.
SECTIONS = ("dialogue", "prompts", "received", "joined", "status", "notice", "proof", "machine")
# What is said on one channel only.
ONLY_ON: Mapping[str, str] = {"machine": VOICE}
# What `say` is given besides the fields of our own text.
_OWN = """
    SELECT key, text, channel FROM own_text WHERE jurisdiction_id = $1 AND language = $2 AND channel IN ('', $3) ORDER BY channel
"""
_ALWAYS = frozenset(("emergency",))
# Without its answers a question cannot be answered; without its number a report cannot be asked for, nor a code typed.
_NEEDED = frozenset(("choices", "other", "folio", "question", "code", "digits", "number"))
MOST_LETTERS = 1600
# One of each field, for showing a text before anybody gets it.
SAMPLE: Mapping[str, Mapping[str, object]] = {
    "es": {
        "agency": "Aguas de la Ciudad", "city": "la ciudad", "date": "miércoles 25 de noviembre", "emergency": "911",
        "folio": "26 4817 3053", "note": "Cambiamos el tubo.", "place": "Av. Sabinos 214, El Carmen", "service": "Fuga de agua",
        "question": "¿Qué ocurre?", "choices": "1 No enciende, 2 Parpadea", "other": 3, "metres": 62, "span": "17 h",
        "words": '"Sale agua limpia" ', "summary": "Fuga de agua. Dónde: Av. Sabinos 214", "women": "765",
        "media": "tu foto", "code": "481 730", "channel": "WhatsApp", "address": "tu teléfono que termina en 5678",
        "minutes": 10, "left": 3, "hours": "mañana de las 9 a las 18", "label": "Fuga de agua", "number": 1,
        "street": "Av. Sabinos", "digits": "cinco, seis, siete, ocho", "position": 3, "text": "No hay agua en El Carmen.",
    },
    "en": {
        "agency": "City Water", "city": "the city", "date": "Wednesday, November 25", "emergency": "911",
        "folio": "26 4817 3053", "note": "We changed the pipe.", "place": "Av. Sabinos 214, El Carmen", "service": "Water leak",
        "question": "What is happening?", "choices": "1 Does not light, 2 Flickers", "other": 3, "metres": 62, "span": "17 h",
        "words": '"Clean water comes out" ', "summary": "Water leak. Where: Av. Sabinos 214", "women": "765",
        "media": "your photo", "code": "481 730", "channel": "WhatsApp", "address": "your phone ending in 5678",
        "minutes": 10, "left": 3, "hours": "tomorrow from 9 am to 6 pm", "label": "Water leak", "number": 1,
        "street": "Av. Sabinos", "digits": "five, six, seven, eight", "position": 3, "text": "There is no water in El Carmen.",
    },
}  # fmt: skip
# Where a text offers other answers than those.
_OFFERED: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "es": {
        "which": ("Fuga de agua", "Falta de agua"), "which_gone": ("Fuga de agua", "Falta de agua"),
        "which_place": ("Av. Sabinos 214, El Carmen", "Sabinos y Niebla, Centro"),
        "photo_whose": ("Bache 26 4817 3053", "Fuga de agua 26 4817 3061"),
        "fix": ("Qué pasa", "Dónde"), "side": ("Norte", "Sur"),
    },
    "en": {
        "which": ("Water leak", "No water"), "which_gone": ("Water leak", "No water"),
        "which_place": ("Av. Sabinos 214, El Carmen", "Sabinos y Niebla, Centro"),
        "photo_whose": ("Pothole 26 4817 3053", "Water leak 26 4817 3061"),
        "fix": ("What", "Where"), "side": ("North", "South"),
    },
}  # fmt: skip


def own_texts(session: Session, jurisdiction_id: str, language: str, channel: str) -> wording.Own:
    """What takes the place of the texts for all, by `section.key`: the city's own for this channel alone, before ours for it,
    before the city's own for all channels."""
    session.flush()
    rows = db.fetch(session, _OWN, [jurisdiction_id, language, channel], prepare=True)
    for_all = {key: text for key, text, where in rows if not where}
    own = {key: text for key, text, where in rows if where}
    return {**for_all, **wording.texts_of_channel(channel, language), **own}


def every(session: Session, jurisdiction_id: str, language: str) -> dict[tuple[str, str], OwnText]:
    """All of the city's own texts in a language, by key and channel."""
    found = select(OwnText).where(OwnText.jurisdiction_id == jurisdiction_id, OwnText.language == language)
    return {(row.key, row.channel): row for row in session.exec(found)}


def ours(language: str, section: str) -> Mapping[str, str]:
    """Our texts of one of `SECTIONS`, by name."""
    if section not in ONLY_ON:
        return wording.texts(language)[section]
    spoken = wording.texts_of_channel(ONLY_ON[section], language)
    return {key.removeprefix(f"{section}."): text for key, text in spoken.items() if key.startswith(f"{section}.")}


def default_text(language: str, key: str, channel: str = "") -> str:
    """Our text, as it is on this channel. Raises NotFound."""
    section, _, name = key.partition(".")
    is_there = section in SECTIONS and channel == ONLY_ON.get(section, channel)
    text = ours(language, section).get(name) if is_there else None
    text = wording.texts_of_channel(channel, language).get(key, text) if text is not None else None
    if text is None:
        raise NotFound("No existe ese texto.")
    return text


def fields_of(text: str) -> set[str]:
    """The names in braces. Raises InvalidInput for braces that name nothing or do not close."""
    try:
        parsed = list(string.Formatter().parse(text))
    except ValueError:
        raise InvalidInput("Una llave { } quedó sin abrir o sin cerrar.", field="text") from None
    names = set()
    for _, name, spec, conversion in parsed:
        if name is None:
            continue
        if not name.isidentifier() or spec or conversion:
            raise InvalidInput("Entre llaves { } va solo el nombre de un dato.", field="text")
        names.add(name)
    return names


def checked(language: str, key: str, text: str, channel: str = "") -> str:
    """The text as it may be kept, on one line. Raises InvalidInput, NotFound."""
    known = fields_of(default_text(language, key, channel))
    tidy = " ".join(text.replace("\0", "").split())
    if not tidy:
        raise InvalidInput("Escribe el texto, o vuelve al original.", field="text")
    if len(tidy) > MOST_LETTERS:
        raise InvalidInput("Caben {most} letras.", field="text", most=MOST_LETTERS)
    allowed = known | _ALWAYS
    unknown = sorted(fields_of(tidy) - allowed)
    if unknown:
        raise InvalidInput(
            "No hay el dato {field_name}. Los que hay: {allowed}.",
            field="text",
            field_name=unknown[0],
            allowed=", ".join(sorted(allowed)),
        )
    missing = sorted(_NEEDED & known - fields_of(tidy))
    if missing:
        raise InvalidInput("Falta el dato {field_name}.", field="text", field_name=missing[0])
    return tidy


def preview(language: str, key: str, text: str) -> str:
    """The text with a sample of each field, as a resident would read it. key: of the text, `section.name`."""
    offered = _OFFERED[language].get(key.partition(".")[2])
    fields = {**SAMPLE[language], **({"choices": numbered(list(offered))} if offered else {})}
    return " ".join(text.format(**fields).split())


def save(
    session: Session, jurisdiction_id: str, language: str, channel: str, key: str, text: str, by: str, *,
    seen: str | None = None, now: datetime,
) -> OwnText:  # fmt: skip
    """Keeps the city's own text; from the next message on it is what residents read.

    seen: the own text that whoever saves had before them, "" for none; None asks nothing. The same text twice is kept once.
    Raises InvalidInput, NotFound, Conflict when it is no longer the one seen.
    """
    tidy = checked(language, key, text, channel)
    _refuse_unseen(session, jurisdiction_id, language, channel, key, seen, tidy)
    row = OwnText(
        jurisdiction_id=jurisdiction_id, key=key, language=language, channel=channel,
        text=tidy, changed_by=by, changed_at=now,
    )  # fmt: skip
    kept = session.merge(row)
    session.flush()
    return kept


def drop(
    session: Session, jurisdiction_id: str, language: str, channel: str, key: str, *, seen: str | None = None
) -> None:
    """Back to our text (or to the city's own for all channels); doing it twice does it once.

    seen: as in `save`. Raises Conflict.
    """
    _refuse_unseen(session, jurisdiction_id, language, channel, key, seen, "")
    session.execute(
        delete(OwnText).where(
            col(OwnText.jurisdiction_id) == jurisdiction_id,
            col(OwnText.key) == key,
            col(OwnText.language) == language,
            col(OwnText.channel) == channel,
        )
    )


def _refuse_unseen(
    session: Session, jurisdiction_id: str, language: str, channel: str, key: str, seen: str | None, wanted: str
) -> None:
    """Raises Conflict for a text that is neither the one seen nor the one wanted; nobody else changes it until we commit."""
    # The city is held in its place: of two who are the first to write a text, neither finds a row to wait for.
    session.exec(
        select(Jurisdiction.id).where(Jurisdiction.id == jurisdiction_id).with_for_update(key_share=True)
    ).one()
    named = {"jurisdiction_id": jurisdiction_id, "key": key, "language": language, "channel": channel}
    kept = session.get(OwnText, named, populate_existing=True)
    if seen is None or (kept.text if kept else "") in (seen, wanted):
        return
    if kept is None:
        raise Conflict("Alguien devolvió este texto al original mientras lo veías. Decide otra vez.")
    raise Conflict(
        "{who} cambió este texto mientras lo veías: ahora dice «{words}». Decide otra vez.",
        who=kept.changed_by or "Atiende",
        words=kept.text,
    )
