"""Handlers of the texts to residents."""

from collections.abc import Sequence
from dataclasses import dataclass

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse, Response
from sqlmodel import Session

from agent_console.access import BASE, REVIEWERS, ViewerDep, WriterDep, only
from agent_console.accounts import Viewer
from agent_console.presentation import channel_look
from agent_console.rendering import render_for, see_other
from channels import composing
from channels.voice.ivr import reading
from intake.catalog import queries as catalog
from intake.conversations import own_texts
from intake.conversations.models import OwnText
from intake.conversations.values import VOICE
from kernel import clock
from kernel.bodies import FormDep
from kernel.errors import AtiendeError, Conflict, InvalidInput, NotFound
from kernel.i18n import LANGUAGES
from kernel.sessions import SessionDep

router = APIRouter(prefix="/textos", include_in_schema=False, dependencies=[Depends(only(*REVIEWERS))])


@dataclass(frozen=True)
class Row:
    """One text of the list. only_on: the channels for which the city has words of its own, by name."""

    key: str
    text: str
    is_own: bool
    only_on: tuple[str, ...]


def _language(http_request: Request, viewer: Viewer) -> str:
    asked = http_request.query_params.get("lang", viewer.language)
    return asked if asked in LANGUAGES else viewer.language


@router.get("")
def show(http_request: Request, session: SessionDep, viewer: ViewerDep) -> HTMLResponse:
    language = _language(http_request, viewer)
    own = own_texts.every(session, viewer.jurisdiction_id, language)
    sections = {
        section: [
            _row(f"{section}.{name}", text, own, viewer.language, own_texts.ONLY_ON.get(section, ""))
            for name, text in own_texts.ours(language, section).items()
        ]
        for section in own_texts.SECTIONS
    }
    return render_for(http_request, viewer, "texts/list.html", sections=sections, written=language, languages=LANGUAGES)


def _row(key: str, text: str, own: dict[tuple[str, str], OwnText], language: str, only_on: str) -> Row:
    mine = {channel: row.text for (other, channel), row in own.items() if other == key}
    return Row(
        key,
        mine.get(only_on, text),
        bool(mine),
        tuple(channel_look(channel, language).text for channel in sorted(mine) if channel and not only_on),
    )


@router.get("/{key}")
def ask(http_request: Request, session: SessionDep, viewer: ViewerDep, key: str) -> HTMLResponse:
    language = _language(http_request, viewer)
    channel = _channel(key, http_request.query_params.get("channel", ""))
    own = _own(session, viewer, language, key, channel)
    text = own or own_texts.default_text(language, key, channel)
    return _page(http_request, session, viewer, key, language, channel, text, was=own)


@router.post("/{key}")
def change(http_request: Request, session: SessionDep, viewer: WriterDep, form: FormDep, key: str) -> Response:
    language = form.get("lang") if form.get("lang") in LANGUAGES else viewer.language
    channel = _channel(key, form.get("channel"))
    own_texts.default_text(language, key, channel)  # the key is one of ours, whatever else was sent
    city, was = viewer.jurisdiction_id, form.get("was")
    try:
        if form.get("decision") == "reset":
            own_texts.drop(session, city, language, channel, key, seen=was)
            return see_other(f"{BASE}/textos?lang={language}")
        text = own_texts.checked(language, key, form.get("text"), channel)
        _fits(session, viewer, language, channel, key, text)
        if form.get("decision") == "save":
            own_texts.save(session, city, language, channel, key, text, viewer.name, seen=was, now=clock.now())
            return see_other(f"{BASE}/textos?lang={language}")
    except (InvalidInput, Conflict) as problem:
        # Whoever was told of other words has seen them, and may decide again.
        was = _own(session, viewer, language, key, channel) if isinstance(problem, Conflict) else was
        return _page(http_request, session, viewer, key, language, channel, form.get("text"), was=was, problem=problem)
    return _page(http_request, session, viewer, key, language, channel, text, was=was)


def _own(session: Session, viewer: Viewer, language: str, key: str, channel: str) -> str:
    """The city's own text, "" while it says ours."""
    kept = own_texts.every(session, viewer.jurisdiction_id, language).get((key, channel))
    return kept.text if kept else ""


def _channel(key: str, asked: str) -> str:
    """For which channel a text is written; "" for all of them."""
    asked = asked or own_texts.ONLY_ON.get(key.partition(".")[0], "")
    if asked and asked not in _channels_of(key):
        raise NotFound("No hay tal canal.")
    return asked


def _channels_of(key: str) -> Sequence[str]:
    only = own_texts.ONLY_ON.get(key.partition(".")[0])
    return [only] if only else [*composing.names(), VOICE]


def _fits(session: Session, viewer: Viewer, language: str, channel: str, key: str, text: str) -> int | None:
    """How many SMS the sample costs, None where it goes by none. Raises InvalidInput when it is too long."""
    city = catalog.jurisdiction(session, viewer.jurisdiction_id)
    return composing.parts(channel or "sms", own_texts.preview(language, key, text), city)


def _page(
    http_request: Request,
    session: Session,
    viewer: Viewer,
    key: str,
    language: str,
    channel: str,
    text: str,
    *,
    was: str,
    problem: AtiendeError | None = None,
) -> HTMLResponse:
    """was: the city's own text as it is shown to whoever changes it, "" for none."""
    ours = own_texts.default_text(language, key, channel)
    shown = "" if problem else own_texts.preview(language, key, text)
    if channel == VOICE:
        shown = reading.aloud(shown, language)
    return render_for(
        http_request,
        viewer,
        "texts/text.html",
        status=problem.status if problem else 200,
        key=key,
        written=language,
        channel=channel,
        channels={one: channel_look(one, viewer.language).text for one in _channels_of(key)},
        is_only_there=key.partition(".")[0] in own_texts.ONLY_ON,
        is_spoken=channel == VOICE,
        text=text,
        ours=ours,
        fields=sorted(own_texts.fields_of(ours)),
        preview=shown,
        letters=len(shown),
        parts=_fits(session, viewer, language, channel, key, text) if not problem else None,
        was=was,
        problem=problem.public_text(viewer.language) if problem else "",
    )
