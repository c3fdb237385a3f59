"""Twilio's REST of conferences and those who take part in them."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response

from channels.standin.answering import ConfigDep, Refusal, in_account
from channels.standin.voice import answers
from channels.standin.voice.asked import Form, FormDep, MoodDep, found, order_of, paged, recipient_of, sender_of
from channels.standin.voice.calls import Next
from channels.standin.voice.exchange import Exchange
from channels.standin.voice.fetching import NOWHERE, Address
from channels.standin.voice.part import PartDep
from channels.standin.voice.rooms import Manner, Member, Room, participant_row

router = APIRouter(prefix="/2010-04-01/Accounts/{account_sid}/Conferences", dependencies=[Depends(in_account)])
_MOST = 1000


def _row(exchange: Exchange, sid: str) -> dict[str, Any]:
    room = exchange.find_room(sid)
    return found(room.row() if room is not None else exchange.ledger.thing("conference", sid))


@router.get(".json")
def list_conferences(
    http_request: Request,
    config: ConfigDep,
    part: PartDep,
    name: Annotated[str | None, Query(alias="FriendlyName")] = None,
    status: Annotated[str | None, Query(alias="Status")] = None,
) -> Any:
    number, size, uri = paged(http_request)
    rows = [
        row
        for row in part.ledger.things("conference", status=status, limit=_MOST)
        if name is None or row["name"] == name
    ]
    shown = rows[number * size : (number + 1) * size]
    listed = [answers.conference(row, config.account_sid) for row in shown]
    return answers.page("conferences", listed, uri, number, size, more=len(rows) > (number + 1) * size)


@router.get("/{sid}.json")
def fetch_conference(sid: str, config: ConfigDep, part: PartDep) -> Any:
    return answers.conference(_row(part.exchange, sid), config.account_sid)


@router.post("/{sid}.json")
def update_conference(sid: str, form: FormDep, mood: MoodDep, config: ConfigDep, part: PartDep) -> Any:
    room = part.exchange.find_room(sid)
    if form.get("Status") == "completed" and room is not None:
        with part.exchange.lock:
            room.end("conference-ended-via-api")
    mood.after()
    return answers.conference(
        room.row() if room is not None else _row(part.exchange, sid), config.account_sid
    )  # fmt: skip


@router.get("/{sid}/Participants.json")
def list_participants(
    sid: str,
    http_request: Request,
    config: ConfigDep,
    part: PartDep,
    hold: Annotated[str | None, Query(alias="Hold")] = None,
    muted: Annotated[str | None, Query(alias="Muted")] = None,
) -> Any:
    """Those who are in; who left is not in Twilio's list either."""
    number, size, uri = paged(http_request)
    rows = [row for row in _row(part.exchange, sid)["participants"] if row["status"] != "disconnected"]
    for name, wanted in (("hold", hold), ("muted", muted)):
        rows = [row for row in rows if wanted is None or row[name] == (wanted.lower() == "true")]
    shown = [answers.participant(row, config.account_sid) for row in rows[number * size : (number + 1) * size]]
    return answers.page("participants", shown, uri, number, size, more=len(rows) > (number + 1) * size)


@router.post("/{sid}/Participants.json", status_code=201)
def create_participant(sid: str, form: FormDep, mood: MoodDep, config: ConfigDep, part: PartDep) -> Any:
    exchange = part.exchange
    recipient, sender = recipient_of(form), sender_of(form)
    manner = Manner(
        label=form.get("Label"),
        is_muted=form.is_on("Muted"),
        starts=form.is_on("StartConferenceOnEnter", default=True),
        ends=form.is_on("EndConferenceOnExit"),
        coaches=form.get("CallSidToCoach") if form.is_on("Coaching", default=form.has("CallSidToCoach")) else "",
        wait=(form.address("WaitUrl") if form.get("WaitUrl") else NOWHERE) if form.has("WaitUrl") else None,
    )
    order = order_of(form, Next(NOWHERE))
    callback = form.address("ConferenceStatusCallback", code=21609)
    # All of the form has been read: what is refused makes no room.
    room = exchange.find_room(sid) or (exchange.room(sid) if not sid.startswith("CF") else None)
    if room is None:
        raise Refusal(20404)
    with exchange.lock:
        if not room.callback.url and callback.url:
            room.callback = callback
            room.events = form.words("ConferenceStatusCallbackEvent") or frozenset({"start", "end"})
    call = exchange.ring_out(
        order, sender=sender, recipient=recipient, label=manner.label, join=(room.name, manner)
    )  # fmt: skip
    mood.after()
    row = participant_row(room, Member(call, manner), "queued")
    return answers.participant(row, config.account_sid)


def _member(exchange: Exchange, sid: str, who: str) -> tuple[Room, Member]:
    room = exchange.find_room(sid)
    if room is None:
        raise Refusal(20404)
    for member in room.members:
        if who in (member.call.sid, member.manner.label):
            return room, member
    raise Refusal(20404)


@router.get("/{sid}/Participants/{who}.json")
def fetch_participant(sid: str, who: str, config: ConfigDep, part: PartDep) -> Any:
    with part.exchange.lock:
        room, member = _member(part.exchange, sid, who)
        return answers.participant(participant_row(room, member, "connected"), config.account_sid)


@router.post("/{sid}/Participants/{who}.json")
def update_participant(sid: str, who: str, form: FormDep, mood: MoodDep, config: ConfigDep, part: PartDep) -> Any:
    with part.exchange.lock:
        room, member = _member(part.exchange, sid, who)
        room.change(member, **_changes(form, member))
        shown = answers.participant(participant_row(room, member, "connected"), config.account_sid)
    if form.get("AnnounceUrl"):
        member.call.note("city", "announced", form.get("AnnounceUrl"))
    mood.after()
    return shown


def _changes(form: Form, member: Member) -> dict[str, Any]:
    changes: dict[str, Any] = {}
    for name, ours in (("Muted", "is_muted"), ("Hold", "is_held"), ("EndConferenceOnExit", "ends")):
        if form.has(name):
            changes[ours] = form.is_on(name)
    if form.get("HoldUrl"):
        changes["hold"] = Address(form.get("HoldUrl"), form.get("HoldMethod", "POST").upper())
    if form.has("Coaching") or form.has("CallSidToCoach"):
        coached = form.get("CallSidToCoach") or member.manner.coaches
        changes["coaches"] = coached if form.is_on("Coaching", default=True) else ""
    return changes


@router.delete("/{sid}/Participants/{who}.json", status_code=204)
def remove_participant(sid: str, who: str, mood: MoodDep, part: PartDep) -> Response:
    with part.exchange.lock:
        room, member = _member(part.exchange, sid, who)
        room.leave(member)
        member.call.changed.notify_all()
    mood.after()
    return Response(status_code=204)
