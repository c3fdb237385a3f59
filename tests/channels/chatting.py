"""A visitor of the chat without scripts, and the jobs that answer them, for tests."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import unescape
from typing import Any

from sqlmodel import Session, col, select
from starlette.testclient import TestClient

from atiende.subscriptions import SUBSCRIPTIONS
from kernel.jobs import resolve
from kernel.outbox import OutboxEvent

_DONE = ("message.received", "message.queued")


def work(session: Session) -> None:
    """Runs what the events of messages start, until nothing is left."""
    while True:
        found = select(OutboxEvent).where(col(OutboxEvent.relayed_at).is_(None), col(OutboxEvent.name).in_(_DONE))
        events = session.exec(found.order_by(col(OutboxEvent.id))).all()
        if not events:
            return
        for event in events:
            event.relayed_at = event.at
            session.flush()
            for path in SUBSCRIPTIONS[event.name]:
                resolve(path)(**event.payload)
            session.expire_all()


@dataclass
class Visitor:
    """One browser: its cookies, and the page it looks at."""

    client: TestClient
    session: Session
    path: str = "/chat"
    headers: dict[str, str] = field(default_factory=lambda: {"sec-fetch-site": "same-origin"})

    def look(self) -> str:
        answer = self.client.get(self.path)
        assert answer.status_code == 200
        return answer.text

    def cid(self) -> str:
        found = re.search(r'name="cid" value="([\w-]+)"', self.look())
        assert found
        return found[1]

    def post(self, files: Sequence[tuple[str, bytes]] = (), **fields: str) -> Any:
        """Sends the form as the page would, without following where it leads."""
        parts = [("media", (name, data, "image/jpeg")) for name, data in files]
        data = {"cid": fields.pop("cid", None) or self.cid(), **fields}
        return self.client.post(
            self.path, data=data, files=parts or {"none": (None, b"")}, headers=self.headers, follow_redirects=False
        )

    def say(self, body: str) -> list[str]:
        """What the page says after it, once everybody has answered."""
        answer = self.post(body=body)
        assert answer.status_code == 303, answer.text
        work(self.session)
        return self.bubbles()

    def press(self, label: str) -> list[str]:
        found = re.search(rf'name="choice" value="([^"]+)"><span>{re.escape(label)}', self.look())
        assert found, self.look()
        answer = self.post(choice=unescape(found[1]))
        assert answer.status_code == 303, answer.text
        work(self.session)
        return self.bubbles()

    def bubbles(self) -> list[str]:
        return [unescape(text) for text in re.findall(r'<span class="said">(.*?)</span>', self.look(), re.S)]
