"""Home, and the page that finds out what it is about."""

from itertools import groupby

from fastapi import APIRouter, Response
from sqlmodel import Session

from channels import composing
from channels.app import drafts
from channels.app.drafts import Answers
from channels.app.rendering import render
from channels.resident.edges import PageDep, see_other
from channels.resident.rendering import Page
from intake.catalog import queries as catalog
from intake.catalog.definitions import ServiceDefinition, text_in
from intake.catalog.queries import match_services
from intake.conversations.dialogue.words import is_emergency, plain
from intake.incidents import queries as incidents
from kernel.bodies import FormDep
from kernel.sessions import SessionDep

HOME_SERVICES = 12
MAX_WORDS = 500
MOST_ANNOUNCED = 2

router = APIRouter()


@router.get("/")
def home(page: PageDep, session: SessionDep) -> Response:
    return render(
        page,
        "home.html",
        here="/reportar",
        announced=incidents.open_for(session, page.city.id, now=page.now)[:MOST_ANNOUNCED],
        has_chat=composing.is_connected("web_chat"),
        services=_first_of_each(catalog.services(session, page.city.id))[:HOME_SERVICES],
    )


@router.get("/reportar")
def what(page: PageDep, session: SessionDep, q: str = "") -> Response:
    return what_page(page, session, q, here="/reportar", back="/")


def what_page(
    page: Page, session: Session, q: str, *, here: str, back: str, retired: ServiceDefinition | None = None
) -> Response:
    """What it may be about, by the words in `q`; a choice is posted to `here`. back: "" where there is nothing to go back to.

    retired: what was chosen and is not offered any more.
    """
    words = q.replace("\0", "").strip()[:MAX_WORDS]
    services = catalog.services(session, page.city.id)
    matches = [match.definition for match in match_services(services, words, limit=4)] if words else []
    return render(
        page,
        "what.html",
        here=here,
        back=back,
        retired=retired,
        words=words,
        matches=matches,
        is_danger=is_emergency(plain(words)),
        groups=_grouped(services, page.language),
    )


@router.post("/reportar")
def start_report(page: PageDep, session: SessionDep, form: FormDep) -> Response:
    known = catalog.catalog(session, page.city.id)
    code, words = form.get("service_code"), form.get("q").strip()[:MAX_WORDS]
    if retired := known.retired.get(code):
        return what_page(page, session, words, here="/reportar", back="/", retired=retired)
    service = catalog.service(session, page.city.id, code)
    answers = Answers(service_code=service.code, words=words)
    token = drafts.start(session, page.city.id, answers, now=page.now)
    return see_other(page.url(f"/r/{token}/lugar"))


@router.get("/ayuda")
def help_page(page: PageDep) -> Response:
    return render(page, "help.html")


def _grouped(services: list[ServiceDefinition], language: str) -> list[dict[str, object]]:
    in_groups = sorted(services, key=lambda service: service.group_code)
    groups = [
        (min(service.position for service in members), members)
        for members in (list(members) for _, members in groupby(in_groups, key=lambda service: service.group_code))
    ]
    return [
        {"name": text_in(members[0].group_name, language), "services": members}
        for _, members in sorted(groups, key=lambda group: group[0])
    ]


def _first_of_each(services: list[ServiceDefinition]) -> list[ServiceDefinition]:
    """The first service of every group, then the second of every group, and so on: a city's whole range in a dozen boxes."""
    turns: dict[str, int] = {}
    ranked: list[tuple[int, ServiceDefinition]] = []
    for service in services:
        turns[service.group_code] = turns.get(service.group_code, -1) + 1
        ranked.append((turns[service.group_code], service))
    return [service for _, service in sorted(ranked, key=lambda pair: pair[0])]
