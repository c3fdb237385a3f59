"""How values look on every page: channels, status, the SLA clock, times, masked phones. Pure; words come out translated."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from intake.service_requests import lifecycle
from kernel.dates import day_in_words, moment_in_words
from kernel.i18n import translate

CHANNELS: dict[str, tuple[str, str]] = {
    "sms": ("SMS", "sms"),
    "web": ("Web", "web"),
    "open311": ("Open311", "api"),
    "phone": ("Llamada", "phone"),
    "voice": ("Llamada", "phone"),
    "whatsapp": ("WhatsApp", "whatsapp"),
    "telegram": ("Telegram", "telegram"),
    "web_chat": ("Chat web", "sms"),
    "email": ("Correo", "mail"),
    "counter": ("Ventanilla", "counter"),
    "console": ("Consola", "building"),
    "import": ("Registro anterior", "note"),
}

_OWNERS = {"outside": "nadie: fuera de la ciudad", "default": "la general, por falta de regla"}
_MONTHS = {
    "es": ("ene", "feb", "mar", "abr", "may", "jun", "jul", "ago", "sep", "oct", "nov", "dic"),
    "en": ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"),
}

# Amber early enough that somebody can still act: a bit under half a shift.
_SOON = timedelta(hours=3, minutes=30)
_SOON_SHARE = 0.6


@dataclass(frozen=True)
class Look:
    """A word with its icon (a symbol's name without `i-`) and its class."""

    text: str
    icon: str
    css: str = ""


@dataclass(frozen=True)
class Clock:
    """The SLA clock. css: calm, soon, late, held; share: time used, 0 to 1, or None when there is no pie to draw."""

    text: str
    css: str
    share: float | None
    icon: str = ""


def channel_look(channel: str, language: str) -> Look:
    """A channel's word and icon; an unknown one is shown by its own name."""
    word, icon = CHANNELS.get(channel, (channel, "note"))
    return Look(translate(language, word), icon)


def status_look(life: str, outcome_code: str | None, handover: str, language: str) -> Look:
    """The one pill that stands for the state of a request."""
    pill = lifecycle.pill(life, outcome_code, handover)
    return Look(translate(language, lifecycle.PILL_TEXTS[pill.code]), pill.icon, pill.css)


def owner(code: str, agencies: Mapping[str, str], language: str) -> str:
    """To whom an example goes: the agency's name, or what stands for no rule and for outside the city."""
    return translate(language, _OWNERS[code]) if code in _OWNERS else agencies.get(code, code)


def outcome_text(outcome_code: str, language: str) -> str:
    """What people read about why a request is closed."""
    return translate(language, lifecycle.OUTCOMES.get(outcome_code, outcome_code))


def span_in_words(span: timedelta, language: str) -> str:
    """`2 h 18 min`, `48 min`, `3 días`: two units under a day, whole days above."""
    minutes = max(0, int(span.total_seconds() // 60))
    hours, days = minutes // 60, minutes // 1440
    if days >= 2:
        return translate(language, "{n} días", n=f"{days:,}")
    if hours >= 24:
        rest = hours - 24
        return translate(language, "1 día {h} h", h=rest) if rest else translate(language, "1 día")
    if hours:
        return translate(language, "{h} h {m:02d} min", h=hours, m=minutes % 60)
    return translate(language, "{m} min", m=max(1, minutes))


def ago(at: datetime, now: datetime, timezone: str, language: str) -> str:
    """`hace 11 min`, `Ayer, 16:02`, `Jueves 19, 13:00`, and from a week on `25 sep 2025`, in the city's zone."""
    if timedelta(0) <= now - at < timedelta(hours=12):
        if now - at < timedelta(minutes=1):
            return translate(language, "hace un momento")
        return translate(language, "hace {span}", span=span_in_words(now - at, language))
    local, today = at.astimezone(ZoneInfo(timezone)), now.astimezone(ZoneInfo(timezone)).date()
    if timedelta(0) <= today - local.date() < timedelta(days=7):
        return moment_in_words(at, timezone, language, now=now)
    month = _MONTHS[language if language in _MONTHS else "es"][local.month - 1]
    return f"{local.day} {month} {local.year}"


def sla_clock(
    *,
    requested_at: datetime,
    expected_at: datetime | None,
    closed_at: datetime | None,
    life: str,
    now: datetime,
    language: str,
    paused_at: datetime | None = None,
) -> Clock:
    """How the promise stands. paused_at: since when it stands still because it waits for the person."""
    if expected_at is None:
        return Clock(translate(language, "sin plazo"), "held", None, "minus")
    if closed_at is not None:
        if closed_at <= expected_at:
            return Clock(translate(language, "a tiempo"), "calm", None, "ok")
        late = span_in_words(closed_at - expected_at, language)
        return Clock(translate(language, "tarde por {span}", span=late), "held", None, "alert")
    if life == lifecycle.WAITING:
        # Where the clock stopped, not what the wall clock has made of it since.
        stopped = paused_at or now
        if stopped <= expected_at:
            return Clock(translate(language, "en pausa"), "held", None, "pause")
        late = span_in_words(stopped - expected_at, language)
        return Clock(translate(language, "en pausa, tarde por {span}", span=late), "late", None, "pause")
    if now >= expected_at:
        late = span_in_words(now - expected_at, language)
        return Clock(translate(language, "venció hace {span}", span=late), "late", None, "alert")
    left = expected_at - now
    promised = (expected_at - requested_at).total_seconds()
    share = min(1.0, max(0.0, (now - requested_at).total_seconds() / promised)) if promised > 0 else 1.0
    css = "soon" if share >= _SOON_SHARE or left < _SOON else "calm"
    words = translate(language, "quedan {span}", span=span_in_words(left, language))
    return Clock(words, css, share)


def due_in_words(expected_at: datetime, timezone: str, language: str, *, now: datetime) -> str:
    """`viernes 27 de noviembre, 13:00`."""
    local = expected_at.astimezone(ZoneInfo(timezone))
    return f"{day_in_words(expected_at, timezone, language, now=now)}, {local.hour}:{local.minute:02d}"


def masked_phone(address: str) -> str:
    """`55 •••• 5678`: enough to recognise a number by, not enough to call it. The address is E.164 or as received."""
    digits = "".join(c for c in address if c.isdigit())
    if len(digits) < 7:
        return "••••"
    national = digits[-10:]
    return f"{national[:2]} •••• {national[-4:]}" if len(national) == 10 else f"•••• {national[-4:]}"


def masked_email(address: str) -> str:
    """`a•••@correo.com`."""
    name, _, domain = address.partition("@")
    return f"{name[:1]}•••@{domain}" if domain else "•••"
