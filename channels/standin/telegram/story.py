"""What the page shows, in words: bubbles with their buttons, and what happened between the person's app and the centre."""

import io
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from itertools import pairwise

from channels.standin.config import StandinConfig
from channels.standin.story import Entry, links_to_folios
from channels.standin.telegram.ledger import Chatter, Happening, Said, TelegramLedger
from channels.standin.telegram.users import Picture
from kernel.i18n import translate

SLOW_S = 4.0
_SHOWN = 40
_GAP_S = 30 * 60


@dataclass(frozen=True)
class Button:
    label: str
    value: str
    is_pressed: bool


@dataclass(frozen=True)
class Bubble:
    """One message in the app. label: what it is, when it is no text; picture: the id of its file."""

    number: int
    mine: bool
    body: str
    label: str
    icon: str
    picture: str
    note: str
    time: str
    rows: tuple[tuple[Button, ...], ...]


def bubbles(thread: list[Said], language: str) -> list[Bubble]:
    """The chat as the app has it, oldest first."""
    made = []
    for before, said in pairwise([None, *thread]):
        assert said is not None
        is_later = before is None or said.at - before.at > _GAP_S
        label, icon, picture = _content(said, language)
        notes = [translate(language, "editado")] if "edit_date" in said.payload else []
        notes += [translate(language, "Enviando…")] if said.status == "receiving" else []
        made.append(
            Bubble(
                said.number,
                said.direction == "inbound",
                said.body if said.kind in ("text", "photo", "video", "document", "voice", "audio") else "",
                label,
                icon,
                picture,
                " · ".join(notes),
                _clock(said.at, "%H:%M") if is_later else "",
                _buttons(said),
            )
        )
    return made


def _content(said: Said, language: str) -> tuple[str, str, str]:
    """What it is in words, an icon for it, and a picture."""
    payload = said.payload
    match said.kind:
        case "text":
            return "", "", ""
        case "photo":
            return "", "", payload["photo"][-1]["file_id"]
        case "venue":
            return payload["venue"]["title"], "pin", ""
        case "location":
            spot = payload["location"]
            words = "Ubicación en tiempo real" if "live_period" in spot else "Mi ubicación"
            return f"{translate(language, words)}: {spot['latitude']:.5f}, {spot['longitude']:.5f}", "pin", ""
        case "contact":
            card = payload["contact"]
            named = " ".join(filter(None, (card["first_name"], card.get("last_name"))))
            return f"{named}, +{card['phone_number'].lstrip('+')}", "card", ""
        case "voice" | "audio":
            return translate(language, "Nota de voz"), "clip", ""
        case "video" | "video_note" | "document":
            return payload[said.kind].get("file_name") or translate(language, "Archivo"), "clip", ""
    return said.kind, "clip", ""


def _buttons(said: Said) -> tuple[tuple[Button, ...], ...]:
    rows = (said.payload.get("reply_markup") or {}).get("inline_keyboard", [])
    return tuple(
        tuple(
            Button(button["text"], button["callback_data"], button["callback_data"] == said.pressed)
            for button in row
            if "callback_data" in button
        )
        for row in rows
    )


def keyboard(thread: list[Said]) -> str:
    """The label of the button that shares the place, while the bot asks for it; "" else."""
    label = ""
    for said in thread:
        markup = said.payload.get("reply_markup") or {}
        if "keyboard" in markup:
            label = str(markup["keyboard"][0][0]["text"])
        elif "remove_keyboard" in markup or said.kind in ("location", "venue"):
            label = ""
    return label


def last_own_text(thread: list[Said]) -> Said | None:
    """What they could still correct."""
    return next((said for said in reversed(thread) if said.direction == "inbound" and said.kind == "text"), None)


def entries(ledger: TelegramLedger, chatter: Chatter, config: StandinConfig, language: str) -> list[Entry]:
    """What happened around one account, newest first."""
    found = (_entry(ledger, chatter, one, config, language) for one in ledger.happenings(chatter.id, _SHOWN))
    return [entry for entry in found if entry is not None]


_KINDS = {
    "text": "{who} escribió",
    "photo": "{who} mandó una foto",
    "location": "{who} compartió su ubicación",
    "venue": "{who} compartió un lugar",
    "contact": "{who} compartió un contacto",
}


def _entry(
    ledger: TelegramLedger, chatter: Chatter, happening: Happening, config: StandinConfig, language: str
) -> Entry | None:
    def t(msgid: str, **params: object) -> str:
        return translate(language, msgid, **params)

    detail, who, more = happening.detail, chatter.first_name, ""
    answer = detail.get("answer")
    if not isinstance(answer, int):
        answer = t("Sin respuesta")
    links: tuple[tuple[str, str], ...] = ()
    match happening.name:
        case "wrote":
            icon, what = "chat", t(_KINDS.get(detail["kind"], "{who} mandó un archivo"), who=who)
        case "edited":
            icon, what = "pen", t("{who} corrigió un mensaje", who=who)
        case "pressed":
            icon, what = "press", t("{who} tocó un botón", who=who)
        case "press_answered":
            icon, what = "ok", t("El centro contestó al botón")
        case "webhook_taken":
            icon, what = "in", t("El centro lo recibió")
            more = t("Intento {attempt}, contestó {answer}", attempt=detail["attempt"], answer=answer)
        case "webhook_again":
            icon, what = "wait", t("El centro no contestó")
            more = t("{answer}. Se intenta otra vez hasta que conteste", answer=answer)
        case "bot_wrote":
            said = ledger.said(chatter.id, detail["number"])
            icon, what = "out", t("El centro contestó")
            more = t("Con {count} botones", count=detail["buttons"]) if detail["buttons"] else ""
            links = links_to_folios(said.body, config, language) if said else ()
        case "twice":
            icon, what = "twice", t("Repetido a propósito")
            more = t("El centro debe contarlo una sola vez")
        case "blocked":
            icon, what = "stop", t("{who} bloqueó al bot", who=who)
            more = t("El centro deja de mandarle avisos")
        case "unblocked":
            icon, what = "ok", t("{who} desbloqueó al bot", who=who)
        case _:
            return None
    ours = happening.name in ("webhook_taken", "bot_wrote", "press_answered")
    return Entry(f"h{happening.id}", icon, ours, what, more, _clock(happening.at, "%H:%M:%S"), links)


@cache
def sample_photo() -> Picture:
    """A drawn pothole, for who has no photo at hand. It says where it was taken, as a phone's photos do."""
    from PIL import Image, ImageDraw

    image = Image.new("RGB", (960, 720), "#8a8d91")
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, 0, 960, 150), fill="#b9bcbf")
    draw.rectangle((0, 140, 960, 160), fill="#dcdcd6")
    for left in range(40, 960, 220):
        draw.rectangle((left, 640, left + 120, 656), fill="#f2efe2")
    draw.ellipse((250, 290, 700, 560), fill="#5d6064")
    draw.ellipse((290, 320, 660, 530), fill="#3b3e42")
    draw.ellipse((340, 350, 600, 480), fill="#4f6b7a")
    exif = Image.Exif()
    exif[0x010E] = "Bache"
    held = io.BytesIO()
    image.save(held, "JPEG", quality=82, exif=exif.tobytes())
    return Picture("photo", held.getvalue(), "image/jpeg")


def _clock(seconds: float, shape: str) -> str:
    # The clock of the computer it runs on: the page is for whoever sits at it.
    return datetime.fromtimestamp(seconds).astimezone().strftime(shape)
