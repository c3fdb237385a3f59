"""The stand-in's telephone as one part of its application: opened with it, closed with it."""

from pathlib import Path
from typing import Annotated

from fastapi import Depends, Request

from channels.standin.voice.config import VoiceNumber
from channels.standin.voice.exchange import Exchange
from channels.standin.voice.ledger import VoiceLedger
from kernel.errors import NotFound


class VoicePart:
    """hang_s: how long a REST call that never answers hangs."""

    def __init__(
        self, number: VoiceNumber, state: Path, *, account_sid: str, auth_token: str, timeout_s: float, hang_s: float,
        own_url: str,
    ) -> None:  # fmt: skip
        self.hang_s = hang_s
        self.ledger = VoiceLedger(state)
        self.exchange = Exchange(
            self.ledger, number, account_sid=account_sid, auth_token=auth_token, timeout_s=timeout_s, own_url=own_url
        )

    def start(self) -> None:
        self.exchange.start()

    def stop(self) -> None:
        self.exchange.stop()
        self.ledger.close()


def _part(http_request: Request) -> VoicePart:
    part: VoicePart | None = http_request.app.state.voice
    if part is None:
        raise NotFound("Este ensayo no tiene teléfono.")
    return part


PartDep = Annotated[VoicePart, Depends(_part)]
