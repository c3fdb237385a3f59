"""What the phone page shows, in words: bubbles of the thread, and what happened between the phone and the centre."""

import re
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from channels.standin import network, people
from channels.standin.config import StandinConfig
from channels.standin.ledger import Happening, Ledger, Text
from kernel import folio as folios
from kernel.i18n import translate

SLOW_S = 4.0
_SHOWN = 40
GAP_S = 30 * 60
_FOLIO = re.compile(r"\b\d{2}[ \u00a0]?\d{4}[ \u00a0]?\d{4}\b")
# What a phone shows: texts that reached it, and those it sent itself.
_ON_PHONE = ("delivered",)


@dataclass(frozen=True)
class Bubble:
    """One text on the phone. time: shown above it, when a while has passed since the one before."""

    sid: str
    mine: bool
    body: str
    note: str
    time: str


@dataclass(frozen=True)
class Entry:
    """One thing that happened. icon: a name in the page's sprite; ours: the centre did it."""

    key: str
    icon: str
    ours: bool
    what: str
    detail: str
    time: str
    links: tuple[tuple[str, str], ...] = ()


def bubbles(texts: list[Text], language: str) -> list[Bubble]:
    """The thread as the phone has it, oldest first."""
    shown = [text for text in texts if text.direction == "inbound" or text.status in _ON_PHONE]
    made = []
    for before, text in pairwise([None, *shown]):
        assert text is not None
        is_later = before is None or text.created_at - before.created_at > GAP_S
        mine = text.direction == "inbound"
        waiting = mine and text.status == "receiving"
        note = translate(language, "Enviando…") if waiting else ""
        made.append(Bubble(text.sid, mine, text.body, note, clock(text.created_at, "%H:%M") if is_later else ""))
    return made


def entries(ledger: Ledger, phone: str, config: StandinConfig, language: str) -> list[Entry]:
    """What happened around one phone, newest first."""
    found = (_entry(ledger, happening, config, language) for happening in ledger.happenings(phone, _SHOWN))
    return [entry for entry in found if entry is not None]


def _entry(ledger: Ledger, happening: Happening, config: StandinConfig, language: str) -> Entry | None:
    def t(msgid: str, **params: object) -> str:
        return translate(language, msgid, **params)

    detail = happening.detail
    is_sms = ":" not in happening.phone
    phone = happening.phone.rpartition(":")[2]
    who = people.neighbour(phone).name or people.spoken(phone)
    answer, attempt = detail.get("answer"), detail.get("attempt", 1)
    if not isinstance(answer, int):
        answer = t("Sin respuesta")
    links: tuple[tuple[str, str], ...] = ()
    match happening.name:
        case "resident_sent":
            icon, more = "sms", ""
            what = t("{who} escribió un SMS", who=who) if is_sms else t("{who} mandó un mensaje", who=who)
        case "webhook_taken":
            icon, what = "in", t("El centro lo recibió")
            more = t("Intento {attempt}, contestó {answer}", attempt=attempt, answer=answer)
        case "webhook_again":
            icon, what = "wait", t("El centro no contestó")
            more = t("{answer}. Se intenta otra vez hasta que conteste", answer=answer)
        case "webhook_refused":
            icon, what, more = "stop", t("El centro lo rechazó"), t("Contestó {answer}", answer=answer)
        case "center_sent":
            text = ledger.text(detail["sid"])
            icon, what = "out", t("El centro contestó")
            count = detail["segments"]
            more = "" if not is_sms else t("1 SMS") if count == 1 else t("{count} SMS", count=count)
            links = links_to_folios(text.body, config, language)
        case "delivered":
            icon, what, more = "ok", t("Llegó al teléfono de {who}", who=who), ""
        case "read":
            icon, what, more = "ok", t("{who} lo leyó", who=who), ""
        case "failed":
            code = network.code_of(ledger.text(detail["sid"]), "failed")
            icon, what = "stop", t("WhatsApp no lo mandó: pasaron 24 horas desde el último mensaje de {who}", who=who)
            if code != network.WINDOW_CLOSED:
                what = t("WhatsApp no lo mandó: la plantilla no tiene tantos datos")
            more = t("Se avisa al centro con el código {code}", code=code)
        case "password_leaked":
            icon, what, more = "stop", t("El centro mandó su contraseña a otro servidor"), ""
        case "undelivered":
            icon, what = "stop", t("No llegó: el teléfono de {who} está apagado", who=who)
            more = t("Se avisa al centro con el código {code}", code=30003)
        case "report_lost":
            icon, what, more = "stop", t("Se perdió un aviso"), t("El centro no sabrá que llegó")
        case "report_again" | "report_refused":
            icon, what = "wait", t("El centro no tomó un aviso de entrega")
            more = t("Contestó {answer}", answer=answer)
        case "twice":
            icon, what = "twice", t("Repetido a propósito")
            more = t("El centro debe contarlo una sola vez")
        case "stopped":
            icon, what, more = "stop", t("STOP: la red ya no le entrega mensajes"), ""
        case "started":
            icon, what, more = "ok", t("START: la red le entrega mensajes otra vez"), ""
        case _:
            return None
    ours = happening.name in ("webhook_taken", "center_sent", "delivered")
    return Entry(f"h{happening.id}", icon, ours, what, more, clock(happening.at, "%H:%M:%S"), links)


def links_to_folios(body: str, config: StandinConfig, language: str) -> tuple[tuple[str, str], ...]:
    """To the tracking page of each folio that the text names."""
    if not config.track_url:
        return ()
    found = [re.sub(r"\D", "", match) for match in _FOLIO.findall(body)]
    return tuple(
        (
            translate(language, "Seguir el folio {folio}", folio=folios.spaced(folio)),
            config.track_url.format(folio=folio),
        )
        for folio in dict.fromkeys(found)
        if folios.is_valid(folio)
    )


def clock(seconds: float, shape: str) -> str:
    # The clock of the computer it runs on: the page is for whoever sits at it.
    return datetime.fromtimestamp(seconds).astimezone().strftime(shape)
