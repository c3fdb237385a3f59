"""A page as TwiML. Every address in it is on our own host, and every document ends: nothing is asked twice by itself."""

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from urllib.parse import urlencode

from channels.voice.ivr.values import Ask, Page, Said

LOCALES: Mapping[str, str] = {"es": "es-MX", "en": "en-US"}
MOST_SAID = 3000  # Twilio takes 4,096
MOST_HINTS, MOST_OF_A_HINT = 500, 100
VOICEMAIL_S = 120
_FORBIDDEN = re.compile(r"[^\t\n\r\u0020-\ud7ff\ue000-\ufffd]")


def document(page: Page, number: int, base_url: str, *, language: str) -> str:
    """The document that is number `number` of its call; what the caller does comes back under it."""
    from twilio.twiml.voice_response import VoiceResponse  # vendors' libraries are read when they are needed

    response = VoiceResponse()
    next_url = _url(base_url, "/webhooks/voice/turn", k=number)
    _say(response, page.told)
    if page.ask is not None:
        gather = response.gather(**_gather(page.ask, next_url, language))
        _say(gather, page.says)
        if page.music:
            gather.play(f"{base_url}/webhooks/voice/music")
        # Only where the provider did not keep to `actionOnEmptyResult`.
        response.redirect(next_url, method="POST")
    elif page.record:
        _say(response, page.says)
        response.record(
            action=_url(base_url, "/webhooks/voice/turn", k=number),
            method="POST",
            max_length=VOICEMAIL_S,
            timeout=5,
            finish_on_key="#",
            play_beep=True,
            trim="trim-silence",
            recording_status_callback=f"{base_url}/webhooks/voice/message",
        )
        response.redirect(next_url, method="POST")
    else:
        _say(response, page.says)
        response.hangup()
    return str(response)


def alone(text: str, language: str, *, pause_s: int = 0, then: str | None = None) -> str:
    """A document that needs nothing of ours to be known: words, and the end of the call or another document after a pause."""
    from twilio.twiml.voice_response import VoiceResponse

    response = VoiceResponse()
    response.say(clean(text), language=LOCALES.get(language, "es-MX"))
    if then is None:
        response.hangup()
    else:
        response.pause(length=pause_s)
        response.redirect(then, method="POST")
    return str(response)


def clean(text: str) -> str:
    """Without what XML has no place for, and no longer than a voice takes."""
    return _FORBIDDEN.sub(" ", text)[:MOST_SAID]


def _say(parent: object, says: Iterable[Said]) -> None:
    for said in says:
        words = clean(said.text).strip()
        if words:
            parent.say(words, language=LOCALES.get(said.language, "es-MX"))  # type: ignore[attr-defined]  # untyped library


def _gather(ask: Ask, url: str, language: str) -> dict[str, object]:
    values: dict[str, object] = {
        "input": "dtmf speech" if ask.listens else "dtmf",
        "action": url,
        "method": "POST",
        "timeout": ask.timeout_s,
        "action_on_empty_result": True,
    }
    # One key of a choice is heard at once, `#` too; of a longer number `#` is the end.
    if ask.digits is not None:
        values["num_digits"] = ask.digits
    if ask.listens:
        values |= {"language": LOCALES.get(language, "es-MX"), "speech_timeout": "auto"}
        hints = ", ".join(hint for hint in ask.hints[:MOST_HINTS] if hint)
        if hints:
            values["hints"] = hints
    return values


@lru_cache(maxsize=64)
def hints(phrases: tuple[str, ...]) -> tuple[str, ...]:
    """What callers may say, as a recogniser takes it: no commas, none too long, no more than it takes, each once."""
    plain = (" ".join(clean(phrase).replace(",", " ").split())[:MOST_OF_A_HINT].strip() for phrase in phrases)
    return tuple(dict.fromkeys(one for one in plain if one))[:MOST_HINTS]


def _url(base_url: str, path: str, **query: object) -> str:
    return f"{base_url}{path}?{urlencode(query)}"
