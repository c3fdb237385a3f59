"""Handlers of the staff page: who has an account, and stopping or restoring it."""

import uuid

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse, Response

from agent_console import accounts
from agent_console.access import BASE, ViewerDep, WriterDep, only
from agent_console.presentation import ago
from agent_console.rendering import render_for, see_other
from agent_console.rows import names
from kernel import clock
from kernel.bodies import FormDep
from kernel.sessions import SessionDep

router = APIRouter(prefix="/personal", include_in_schema=False, dependencies=[Depends(only("admin"))])


@router.get("")
def show(http_request: Request, session: SessionDep, viewer: ViewerDep) -> HTMLResponse:
    now = clock.now()
    people = [
        (user, ago(seen, now, viewer.timezone, viewer.language) if seen else "")
        for user, seen in accounts.staff(session, viewer)
    ]
    return render_for(http_request, viewer, "staff/staff.html", people=people, agencies=names(session, viewer).agencies)


@router.post("/{user_id}")
def allow(session: SessionDep, viewer: WriterDep, user_id: uuid.UUID, form: FormDep) -> Response:
    accounts.allow(session, viewer, user_id, allowed=form.flag("allowed"), now=clock.now())
    return see_other(f"{BASE}/personal")
