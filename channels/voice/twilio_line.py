"""The operator's line over Twilio: each talk is one of its conferences. Sources: docs/calls-and-recordings.md.

Of Twilio's client only the making of tokens is used, as with messages: every failure must say whether anything was done.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import quote, urlencode
from uuid import UUID

import structlog

from channels.errors import DeliveryError
from channels.media_fetching import Opening
from channels.twilio_api.account import Account, error_code
from channels.voice.line import (
    Dial,
    Gone,
    LineToken,
    Mode,
    NotDone,
    Recorded,
    RecordingState,
    Refused,
    Ring,
    Room,
    Seat,
    Uncertain,
    identity_of,
)
from kernel.settings import Settings

log = structlog.get_logger(__name__)

CHANNEL = "voice"
# What an operator does waits for it, and whoever was killed meanwhile is given up for dead a little later.
DEADLINE_S = 5.0
_MOST_PAGES = 5
_CLOCKS_DIFFER = timedelta(seconds=5)
_TOKEN_LIVES = timedelta(minutes=10)
# "Call is not in-progress", "call cannot be redirected", "participant is not in the conference", "recording is not in progress".
_GONE = frozenset((20404, 21220, 21221, 20085, 21218))
_LEG_EVENTS = ["initiated", "ringing", "answered", "completed"]
_ROOM_EVENTS = ["start", "end", "join", "leave", "hold"]
_OVER = frozenset(("completed", "busy", "failed", "no-answer", "canceled"))
_AFTER_TONE = "RecordVerb"
_RECORDING_STATES: dict[str, RecordingState] = {
    "in-progress": "recording",
    "paused": "paused",
    "stopped": "stopped",
    "processing": "stopped",
    "completed": "available",
    "absent": "absent",
    "deleted": "absent",
    "failed": "absent",
}


class TwilioLine:
    """One account. Safe to share between threads. api_key: its name and secret, for tokens."""

    name = "twilio"

    def __init__(self, account: Account, base_url: str, *, api_key: tuple[str, str] | None = None) -> None:
        self._account = account
        self._hooks = f"{base_url.rstrip('/')}/webhooks/voice"
        self._api_key = api_key

    @classmethod
    def from_settings(cls, settings: Settings) -> "TwilioLine | None":
        """None where there is no Twilio account."""
        if settings.sms is None:
            return None
        base_url = settings.web.public_base_url
        given = {name: value.get_secret_value() for name, value in settings.channels.get(CHANNEL, {}).items()}
        sid, secret = given.get("api_key"), given.get("api_secret")
        return cls(
            Account(CHANNEL, settings.sms, base_url), base_url, api_key=(sid, secret) if sid and secret else None
        )

    def close(self) -> None:
        self._account.close()

    # The caller

    def bridge(self, provider_call_id: str, room_name: str, *, is_announced: bool) -> None:
        url = f"{self._hooks}/bridge?{urlencode({'room': room_name, 'announced': int(is_announced)})}"
        self._change(f"Calls/{provider_call_id}", Url=url, Method="POST", FallbackUrl=url, FallbackMethod="POST")

    def send_back(self, provider_call_id: str) -> None:
        again = f"{self._hooks}/fallback"
        self._change(
            f"Calls/{provider_call_id}",
            Url=f"{self._hooks}/back",
            Method="POST",
            FallbackUrl=again,
            FallbackMethod="POST",
        )

    def is_up(self, provider_call_id: str) -> bool:
        try:
            return self._get(f"Calls/{provider_call_id}").get("status") not in _OVER
        except Gone:
            return False

    def hang_up(self, provider_call_id: str) -> None:
        self._change(f"Calls/{provider_call_id}", Status="completed")

    def dial(self, dial: Dial) -> str:
        about = urlencode({"call": dial.label})
        url = f"{self._hooks}/bridge?{urlencode({'room': dial.room_name, 'announced': 0})}"
        form: dict[str, Any] = {
            "From": dial.sender,
            "To": dial.number,
            "Timeout": str(dial.ring_s),
            "Url": url,
            "Method": "POST",
            "FallbackUrl": url,
            "FallbackMethod": "POST",
            "StatusCallback": f"{self._hooks}/called?{about}",
            "StatusCallbackEvent": _LEG_EVENTS,
            # Beside the talk, so that nobody who answers hears a silence first.
            "MachineDetection": "Enable",
            "AsyncAmd": "true",
            "AsyncAmdStatusCallback": f"{self._hooks}/machine?{about}",
        }
        sid = self._post("Calls", form).get("sid")
        if not (isinstance(sid, str) and sid):
            raise Uncertain("no_answer")
        return sid

    def calls_to(self, number: str, *, since: datetime) -> list[str]:
        query = {"To": number, "StartTime>": (since - timedelta(days=1)).date().isoformat(), "PageSize": "50"}
        return [
            str(one["sid"])
            for one in self._items(f"Calls.json?{urlencode(query)}", "calls")
            if str(one.get("direction", "")).startswith("outbound-api") and _is_since(one.get("date_created"), since)
        ]

    # The room

    def ring(self, room_name: str, ring: Ring) -> tuple[str, str]:
        form: dict[str, Any] = {
            "From": ring.sender,
            "To": ring.address,
            "Label": ring.label,
            "Timeout": str(ring.ring_s),
            "Beep": "false",
            "EarlyMedia": "false",
            "StartConferenceOnEnter": "true",
            # Whoever serves may come and go; with the caller the talk ends.
            "EndConferenceOnExit": "false",
            "WaitUrl": f"{self._hooks}/music",
            "WaitMethod": "GET",
            "StatusCallback": f"{self._hooks}/leg?{urlencode({'leg': ring.label})}",
            "StatusCallbackEvent": _LEG_EVENTS,
            **self.room_callbacks("ConferenceStatusCallback"),
            **({} if ring.is_heard else {"Muted": "true"}),
        }
        answer = self._post(f"Conferences/{quote(room_name)}/Participants", form)
        sid, conference = answer.get("call_sid"), answer.get("conference_sid")
        if not (isinstance(sid, str) and isinstance(conference, str) and sid and conference):
            raise Uncertain("no_answer")
        return sid, conference

    def room_callbacks(self, prefix: str) -> dict[str, Any]:
        """Where a conference tells who comes and goes. Twilio keeps those of whoever is first in it."""
        return {prefix: f"{self._hooks}/conference", f"{prefix}Event": _ROOM_EVENTS}

    def look(self, room_name: str) -> Room | None:
        query = {"FriendlyName": room_name, "PageSize": "20"}
        rooms = [
            one
            for one in self._items(f"Conferences.json?{urlencode(query)}", "conferences")
            if one.get("friendly_name") == room_name and one.get("status") != "completed"
        ]
        if not rooms:
            return None
        reference = str(rooms[0]["sid"])
        seats = [
            Seat(
                str(one["call_sid"]),
                str(one.get("label") or ""),
                is_connected=one.get("status") in ("connected", None),
                is_held=bool(one.get("hold")),
            )
            for one in self._items(f"Conferences/{reference}/Participants.json?PageSize=50", "participants")
            if one.get("status") not in ("complete", "failed")
        ]
        return Room(reference, tuple(seats))

    def hold(self, reference: str, provider_call_id: str) -> None:
        self._seat(reference, provider_call_id, Hold="true", HoldUrl=f"{self._hooks}/music", HoldMethod="GET")

    def unhold(self, reference: str, provider_call_id: str) -> None:
        self._seat(reference, provider_call_id, Hold="false")

    def coach(self, reference: str, provider_call_id: str, *, mode: Mode, coached: str | None) -> None:
        self._seat(reference, provider_call_id, **_how(mode, coached))

    # Recordings

    def start_recording(self, provider_call_id: str, *, label: str) -> Recorded:
        form = {
            "RecordingChannels": "dual",
            "RecordingTrack": "both",
            "Trim": "do-not-trim",
            "RecordingStatusCallback": f"{self._hooks}/recording?{urlencode({'recording': label})}",
            "RecordingStatusCallbackEvent": ["in-progress", "completed", "absent"],
        }
        answer = self._post(f"Calls/{provider_call_id}/Recordings", form)
        if not isinstance(answer.get("sid"), str):
            raise Uncertain("no_answer")
        return _recorded(answer)

    def recordings_of(self, provider_call_id: str) -> list[Recorded]:
        return [_recorded(one) for one in self._recordings(provider_call_id) if one.get("source") != _AFTER_TONE]

    def messages_of(self, provider_call_id: str) -> list[Recorded]:
        return [_recorded(one) for one in self._recordings(provider_call_id) if one.get("source") == _AFTER_TONE]

    def _recordings(self, provider_call_id: str) -> Iterator[Mapping[str, Any]]:
        """Of the talk, and of what was said after the tone."""
        return self._items(f"Calls/{provider_call_id}/Recordings.json", "recordings")

    def pause_recording(self, provider_call_id: str, reference: str) -> None:
        self._change(f"Calls/{provider_call_id}/Recordings/{reference}", Status="paused", PauseBehavior="skip")

    def resume_recording(self, provider_call_id: str, reference: str) -> None:
        self._change(f"Calls/{provider_call_id}/Recordings/{reference}", Status="in-progress")

    def stop_recording(self, provider_call_id: str, reference: str) -> None:
        self._change(f"Calls/{provider_call_id}/Recordings/{reference}", Status="stopped")

    def fetch_recording(self, reference: str) -> Opening:
        # By its name and our own path to it: no address that anybody told us is asked for with our password.
        return self._account.fetch(f"{self._url(f'Recordings/{reference}')}.mp3")

    def delete_recording(self, reference: str) -> None:
        self._ask("DELETE", f"Recordings/{reference}.json")

    # Tokens

    def token(self, agent_id: UUID, *, now: datetime) -> LineToken | None:
        if self._api_key is None:
            return None
        from twilio.jwt.access_token import AccessToken
        from twilio.jwt.access_token.grants import VoiceGrant

        key, secret = self._api_key
        expires_at = now + _TOKEN_LIVES
        # May be called and call nobody: whoever an operator is connected with, we ring.
        made = AccessToken(
            self._account.settings.account_sid,
            key,
            secret,
            identity=identity_of(agent_id),
            grants=[VoiceGrant(incoming_allow=True)],
            nbf=int(now.timestamp()) - 5,
            valid_until=int(expires_at.timestamp()),
        )
        return LineToken(made.to_jwt(), identity_of(agent_id), expires_at)

    # The wire

    def _seat(self, reference: str, provider_call_id: str, **values: str) -> None:
        self._change(f"Conferences/{reference}/Participants/{provider_call_id}", **values)

    def _change(self, path: str, **values: str) -> None:
        """To be at a state once more is no harm: what is uncertain may simply be asked for again."""
        self._post(path, values)

    def _post(self, path: str, form: Mapping[str, Any]) -> dict[str, Any]:
        return self._ask("POST", f"{path}.json", form)

    def _get(self, path: str) -> dict[str, Any]:
        return self._ask("GET", f"{path}.json")

    def _items(self, path: str, name: str) -> Iterator[Mapping[str, Any]]:
        """What a list holds, page by page. Half a list is none: raises Uncertain."""
        url = path
        for _ in range(_MOST_PAGES):
            page = self._ask("GET", url)
            if not isinstance(page.get(name), list):
                raise Uncertain("no_answer")
            yield from page[name]
            if not page.get("next_page_uri"):
                return
            url = self._account.settings.api_base_url + str(page["next_page_uri"])
        raise Uncertain("no_answer")

    def _url(self, path: str) -> str:
        settings = self._account.settings
        return f"{settings.api_base_url}/2010-04-01/Accounts/{settings.account_sid}/{path}"

    def _ask(self, method: str, path: str, form: Mapping[str, Any] | None = None) -> dict[str, Any]:
        url = path if "://" in path else self._url(path)
        try:
            status, answer = self._account.ask(method, url, data=form, deadline_s=DEADLINE_S)
        except DeliveryError as error:
            raise (Uncertain if error.uncertain else NotDone)(error.reason) from error
        if status == 204:
            return {}
        if 200 <= status < 300 and answer is not None:
            return answer
        code = error_code(answer)
        if status in (404, 410) or (status < 500 and code in _GONE):
            raise Gone(str(code or status))
        log.warning("voice.refused", http_status=status, code=code)
        if status == 429:
            raise NotDone("rate_limited")
        if status in (401, 403):
            raise NotDone("credentials")
        if 400 <= status < 500:
            raise Refused(f"vendor_{code}" if code else f"http_{status}")
        raise Uncertain("provider_down")


def _how(mode: Mode, coached: str | None) -> dict[str, str]:
    """Muted and coaching, as a seat has them. A whisper to nobody is none: all would hear it."""
    if mode == "whisper" and coached:
        return {"Muted": "false", "Coaching": "true", "CallSidToCoach": coached}
    return {"Muted": "false" if mode == "talk" else "true", "Coaching": "false"}


def _is_since(told: object, since: datetime) -> bool:
    """Their clock and ours may differ a little; what does not say when it began has just begun."""
    try:
        return parsedate_to_datetime(str(told)) >= since - _CLOCKS_DIFFER
    except ValueError:
        return True


def _recorded(item: Mapping[str, Any]) -> Recorded:
    state = _RECORDING_STATES.get(str(item.get("status")), "stopped")
    duration = str(item.get("duration") or "")
    return Recorded(str(item["sid"]), state, int(duration) if duration.isdecimal() else None)
