"""Somebody on the telephone: calls our webhooks as Twilio does, and hears what they answer. Every document is looked at."""

import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit
from xml.etree import ElementTree

from sqlmodel import Session, select

from intake.catalog.models import Service
from tests.channels.conftest import ACCOUNT, ANA, BASE_URL, Provider
from tests.channels.voice.ivr.grammar import faults
from tests.factories import SMS_NUMBER


def key_of(told: str, label: str) -> str:
    """The key that somebody was told to press for this."""
    found = re.search(rf"{label}[^:]*: oprima (\d)", told, re.IGNORECASE)
    assert found is not None, told
    return found[1]


def offer_duplicates(session: Session) -> None:
    """Whoever reports what is known near by, of any service, is asked whether it is the same."""
    for service in session.exec(select(Service)):
        service.duplicates = {"offer": True, "radius_m": 100}
        session.add(service)


@dataclass
class Caller:
    """`said` is all that was heard, `document` the newest one."""

    provider: Provider
    sid: str = "CA1"
    number: str = ANA
    document: str = ""
    said: list[str] = field(default_factory=list)
    is_over: bool = False

    def call(self) -> str:
        return self.ask("/webhooks/voice")

    def say(self, words: str, confidence: str = "0.9") -> str:
        return self._answer(SpeechResult=words, Confidence=confidence)

    def press(self, keys: str) -> str:
        return self._answer(Digits=keys)

    def keep_quiet(self) -> str:
        return self._answer()

    def hang_up(self, status: str = "completed") -> None:
        answer = self._post("/webhooks/voice/status", CallStatus=status)
        assert answer.status_code == 200
        self.is_over = True

    def ask(self, path: str, **more: str) -> str:
        answer = self._post(path, CallStatus="in-progress", **more)
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-type"].startswith("text/xml")
        return self.hear(answer.text)

    def hear(self, document: str) -> str:
        """The words of the document."""
        assert faults(document) == [], document
        self.document = document
        root = ElementTree.fromstring(document)  # our own
        words = " ".join((say.text or "") for say in root.iter("Say"))
        self.said.append(words)
        self.is_over = root.find("Hangup") is not None
        return words

    @property
    def action(self) -> str:
        """Where the answer to the newest document goes: path and query."""
        root = ElementTree.fromstring(self.document)  # our own
        asked = root.find("Gather")
        asked = root.find("Record") if asked is None else asked
        if asked is not None:
            url = asked.attrib["action"]
        else:
            redirect = root.find("Redirect")
            assert redirect is not None, self.document
            url = redirect.text or ""
        parts = urlsplit(url)
        return f"{parts.path}?{parts.query}"

    def _answer(self, **heard: str) -> str:
        assert not self.is_over, "nobody is on the line any more"
        return self.ask(self.action, **heard)

    def _post(self, path: str, **more: str) -> Any:
        values = {
            "CallSid": self.sid,
            "AccountSid": ACCOUNT,
            "From": self.number,
            "To": SMS_NUMBER,
            "Direction": "inbound",
        }
        return self.provider.post(list((values | more).items()), path, signed_url=BASE_URL + path)
