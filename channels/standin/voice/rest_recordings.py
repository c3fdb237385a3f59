"""Twilio's REST of recordings: begin, pause, resume and end them on a call, look them up, fetch the sound, delete."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response

from channels.standin.answering import ConfigDep, Refusal, in_account
from channels.standin.voice import answers
from channels.standin.voice.asked import FormDep, MoodDep, found, paged
from channels.standin.voice.exchange import Exchange
from channels.standin.voice.fetching import NOWHERE
from channels.standin.voice.part import PartDep
from channels.standin.voice.recordings import Recording, sound_of

router = APIRouter(prefix="/2010-04-01/Accounts/{account_sid}", dependencies=[Depends(in_account)])
_MOST = 1000


@router.post("/Calls/{call_sid}/Recordings.json", status_code=201)
def begin(call_sid: str, form: FormDep, mood: MoodDep, config: ConfigDep, part: PartDep) -> Any:
    call = part.exchange.live(call_sid)
    if call is None or call.status != "in-progress":
        raise Refusal(21220 if part.exchange.row(call_sid) else 20404)
    made = part.exchange.recordings.begin(
        call,
        "StartCallRecordingAPI",
        callback=form.address("RecordingStatusCallback", code=21609)
        if form.get("RecordingStatusCallback")
        else NOWHERE,
        events=form.words("RecordingStatusCallbackEvent") or frozenset({"completed"}),
        channels=2 if form.get("RecordingChannels") == "dual" else 1,
    )
    mood.after()
    return _shown(part.exchange, made.sid, config.account_sid)


@router.post("/Calls/{call_sid}/Recordings/{sid}.json")
def change(call_sid: str, sid: str, form: FormDep, mood: MoodDep, config: ConfigDep, part: PartDep) -> Any:
    one = _running(part.exchange, call_sid, sid)
    match form.get("Status"):
        case "paused":
            part.exchange.recordings.pause(one)
        case "in-progress":
            part.exchange.recordings.resume(one)
        case "stopped":
            part.exchange.recordings.stop(one)
        case _:
            raise Refusal(20001)
    mood.after()
    return _shown(part.exchange, one.sid, config.account_sid)


def _running(exchange: Exchange, call_sid: str, sid: str) -> Recording:
    if sid == "Twilio.CURRENT":
        running = exchange.recordings.running_of(call_sid)
        if not running:
            raise Refusal(20404)
        return running[-1]
    one = exchange.recordings.find(sid)
    if one is None or call_sid not in (one.call.sid, one.conference_sid):
        raise Refusal(20404)
    if not one.is_running:
        raise Refusal(21220)
    return one


@router.get("/Calls/{call_sid}/Recordings.json")
def list_of_call(call_sid: str, http_request: Request, config: ConfigDep, part: PartDep) -> Any:
    return _listed(part, http_request, config.account_sid, call_sid=call_sid)


@router.get("/Calls/{call_sid}/Recordings/{sid}.json")
def fetch_of_call(call_sid: str, sid: str, config: ConfigDep, part: PartDep) -> Any:
    return _shown(part.exchange, sid, config.account_sid)


@router.get("/Conferences/{conference_sid}/Recordings.json")
def list_of_conference(conference_sid: str, http_request: Request, config: ConfigDep, part: PartDep) -> Any:
    return _listed(part, http_request, config.account_sid, conference_sid=conference_sid)


@router.post("/Conferences/{conference_sid}/Recordings/{sid}.json")
def change_of_conference(
    conference_sid: str, sid: str, form: FormDep, mood: MoodDep, config: ConfigDep, part: PartDep
) -> Any:
    return change(conference_sid, sid, form, mood, config, part)


@router.get("/Recordings.json")
def list_all(
    http_request: Request,
    config: ConfigDep,
    part: PartDep,
    call_sid: Annotated[str | None, Query(alias="CallSid")] = None,
    conference_sid: Annotated[str | None, Query(alias="ConferenceSid")] = None,
) -> Any:
    return _listed(part, http_request, config.account_sid, call_sid=call_sid, conference_sid=conference_sid)


@router.get("/Recordings/{sid}.json")
def fetch(sid: str, config: ConfigDep, part: PartDep) -> Any:
    return _shown(part.exchange, sid, config.account_sid)


@router.get("/Recordings/{name}")
def sound(name: str, part: PartDep) -> Response:
    """A WAV, whether its name says so or not."""
    row = found(part.exchange.recordings.row(name.removesuffix(".wav").removesuffix(".mp3")))
    if row["status"] != "completed":
        raise Refusal(20404)
    return Response(sound_of(row), media_type="audio/x-wav")


@router.delete("/Recordings/{sid}.json", status_code=204)
def delete(sid: str, mood: MoodDep, part: PartDep) -> Response:
    row = found(part.exchange.recordings.row(sid))
    if row["status"] in ("in-progress", "paused"):
        raise Refusal(20009)
    part.exchange.recordings.delete(sid)
    mood.after()
    return Response(status_code=204)


def _shown(exchange: Exchange, sid: str, account_sid: str) -> dict[str, Any]:
    return answers.recording(found(exchange.recordings.row(sid)), account_sid)


def _listed(
    part: PartDep, http_request: Request, account_sid: str, *, call_sid: str | None = None,
    conference_sid: str | None = None,
) -> dict[str, Any]:  # fmt: skip
    number, size, uri = paged(http_request)
    rows = [
        found(part.exchange.recordings.row(row["sid"]))
        for row in part.ledger.things("recording", parent=call_sid, limit=_MOST)
        if conference_sid is None or row["conference_sid"] == conference_sid
    ]
    shown = [answers.recording(row, account_sid) for row in rows[number * size : (number + 1) * size]]
    return answers.page("recordings", shown, uri, number, size, more=len(rows) > (number + 1) * size)
