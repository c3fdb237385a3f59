"""Handlers of the list: the page, its parts for live updates, and the search that jumps to a folio."""

import uuid
from datetime import timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse, Response
from sqlmodel import col, select

from agent_console import lists, views
from agent_console.access import BASE, ViewerDep, visible_to
from agent_console.lists import FiltersDep
from agent_console.pages.queue.chips import chips_of, order_chip
from agent_console.rendering import render_for, see_other, wants_fragment
from agent_console.rows import names, rows_of
from intake.service_requests.models import ServiceRequest
from kernel import clock, folio
from kernel.errors import InvalidInput, NotFound
from kernel.sessions import SessionDep

router = APIRouter(prefix="/solicitudes", include_in_schema=False)
# A transaction that began before the page was drawn may commit after it, with ids a little older than now.
_OVERLAP = timedelta(seconds=20)


@router.get("")
def show(http_request: Request, session: SessionDep, viewer: ViewerDep, filters: FiltersDep) -> Response:
    if (digits := _folio_in(filters.q)) is not None:
        return see_other(f"{BASE}/solicitudes/{digits}")
    now, known = clock.now(), names(session, viewer)
    page = lists.page_of(session, viewer, filters, now=now)
    since = lists.since_mark(now - _OVERLAP)
    values: dict[str, Any] = {
        "filters": filters,
        "page": page,
        "rows": rows_of(page.requests, known, viewer, now=now),
        "title": views.title_of(filters, viewer, known),
        "count_limit": lists.COUNT_LIMIT,
        "since": since,
        "base_count": lists.newer(session, viewer, filters, since, now),
        "now": now,
        "arrived": 0,
    }
    if wants_fragment(http_request) and filters.after:
        return render_for(http_request, viewer, "queue/_more.html", **values)
    values |= {"chips": chips_of(filters, viewer, known), "order": order_chip(filters, viewer)}
    if wants_fragment(http_request):
        return render_for(http_request, viewer, "queue/_list.html", **values)
    values["groups"] = views.views_of(session, viewer, known, now=now)
    return render_for(http_request, viewer, "queue/queue.html", **values)


@router.get("/nuevas")
def show_arrivals(
    http_request: Request,
    session: SessionDep,
    viewer: ViewerDep,
    filters: FiltersDep,
    since: Annotated[uuid.UUID, Query()],
    base_count: Annotated[int, Query()] = 0,
) -> HTMLResponse:
    """How many requests entered this list since it was drawn; they wait until somebody asks for them."""
    arrived = max(0, lists.newer(session, viewer, filters, since, clock.now()) - base_count)
    return render_for(
        http_request,
        viewer,
        "queue/_new.html",
        filters=filters,
        since=since,
        base_count=base_count,
        arrived=arrived,
    )


@router.get("/vistas")
def show_views(http_request: Request, session: SessionDep, viewer: ViewerDep, filters: FiltersDep) -> HTMLResponse:
    groups = views.views_of(session, viewer, names(session, viewer), now=clock.now())
    return render_for(http_request, viewer, "queue/_views.html", groups=groups, filters=filters)


@router.get("/filas/{service_request_id}")
def show_row(
    http_request: Request, session: SessionDep, viewer: ViewerDep, filters: FiltersDep, service_request_id: uuid.UUID
) -> HTMLResponse:
    """One row as it is now; it stays where it is even if it no longer belongs to the list."""
    found = session.exec(
        select(ServiceRequest).where(visible_to(viewer), col(ServiceRequest.id) == service_request_id)
    ).one_or_none()
    if found is None:
        raise NotFound("No encontramos esa solicitud.")
    row = rows_of([found], names(session, viewer), viewer, now=clock.now())[0]
    return render_for(http_request, viewer, "queue/_row.html", row=row, filters=filters)


def _folio_in(text: str) -> str | None:
    """The folio somebody typed into the search box, if it is one."""
    try:
        return folio.normalize(text)
    except InvalidInput:
        return None
