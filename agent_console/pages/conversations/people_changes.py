"""Handlers of who somebody is: the same as another, not the same after all, somebody else of the household."""

import uuid
from dataclasses import replace

from fastapi import APIRouter
from fastapi.responses import Response

from agent_console.accounts import Viewer
from agent_console.forms import Problem, problem_of
from agent_console.pages.conversations.opened import STAFF, OpenedDep, Typed
from agent_console.pages.conversations.people_shown import find_people
from intake.conversations import actions as conversations
from intake.conversations import proofs
from intake.people import addresses, linking, proving, same
from intake.people.codes import Refusal
from intake.people.linking import By
from kernel import clock
from kernel.bodies import Form, FormDep
from kernel.errors import Conflict, InvalidInput, NotFound
from kernel.i18n import translate

router = APIRouter(prefix="/conversaciones/{conversation_id}", include_in_schema=False, dependencies=STAFF)


@router.post("/buscar")
def find_others(opened: OpenedDep, form: FormDep) -> Response:
    """By POST: what is typed here is an address of somebody, and addresses of pages are written down in logs."""
    found = find_people(opened.session, opened.viewer, opened.person, form.get("find")[:254], clock.now())
    return opened.after(None, Typed(), found=found)


@router.post("/unir")
def link(opened: OpenedDep, form: FormDep) -> Response:
    session, viewer, city = opened.session, opened.viewer, opened.viewer.jurisdiction_id
    try:
        other, why = _uuid(form, "person"), form.get("why")
        linking.link(session, city, opened.thread.person_id, other, why=why, by=_by(viewer), now=clock.now())
    except (InvalidInput, Conflict) as refusal:
        found = find_people(session, viewer, opened.person, form.get("find")[:254], clock.now())
        typed = Typed({"why": form.get("why"), "person": form.get("person")})
        return opened.after(problem_of(refusal, viewer, "why", "link"), typed, found=found)
    return opened.after(None, at="who")


@router.post("/separar")
def unlink(opened: OpenedDep, form: FormDep) -> Response:
    viewer, typed = opened.viewer, Typed({"why": form.get("why"), "link": form.get("link")})
    try:
        link_id = _uuid(form, "link")
        if link_id not in _links(opened):
            raise NotFound("No encontramos esa unión.")
        linking.undo(
            opened.session, viewer.jurisdiction_id, link_id, why=form.get("why"), by=_by(viewer), now=clock.now()
        )
    except (InvalidInput, Conflict) as refusal:
        return opened.after(problem_of(refusal, viewer, "why", "unlink"), typed)
    return opened.after(None, at="who")


@router.post("/quien")
def say_who(opened: OpenedDep, form: FormDep) -> Response:
    session, now = opened.session, clock.now()
    contact = opened.person.contacts[opened.thread.contact_point_id]
    try:
        # The thread before the address, as who takes a message in holds them.
        conversations.held(session, opened.thread.id)
        if form.get("person") == "new":
            person_id = linking.add_person(session, contact, form.get("name"), by=_by(opened.viewer), now=now).id
        else:
            person_id = _uuid(form, "person")
        conversations.say_who(session, opened.thread.id, person_id, now=now)
    except InvalidInput as refusal:
        return opened.after(problem_of(refusal, opened.viewer, "name", "who"), Typed({"name": form.get("name")}))
    return opened.after(None, at="who")


@router.post("/codigo")
def ask_for_code(opened: OpenedDep, form: FormDep) -> Response:
    """Sends a one-time code to an address that the person says is theirs too."""
    session, viewer = opened.session, opened.viewer
    typed = Typed({"address": form.get("address"), "way": form.get("way")})
    try:
        if form.get("way") not in proofs.ways():
            raise InvalidInput("Elige por dónde mandar el código.", field="address")
        address = addresses.read(form.get("way"), form.get("address")[:254])
        if address.kind != "email" and address.phone is None:
            raise InvalidInput("Ese no es un número de teléfono.", field="address")
    except InvalidInput as refusal:
        return opened.after(replace(problem_of(refusal, viewer, "address", "code"), field="address"), typed)
    asked = proofs.ask(session, opened.thread, address, opened.thread.language, by=_by(viewer), now=clock.now())
    if isinstance(asked, Refusal):
        return opened.after(_said(proofs.refusal_in_words(asked, viewer.language), "address", "code"), typed)
    return opened.after(None, at="code-typed")


@router.post("/codigo/probar")
def try_code(opened: OpenedDep, form: FormDep) -> Response:
    """The agent types what the person reads out."""
    digits = proving.read(form.get("code")[:40])
    if digits is None:
        words = translate(opened.viewer.language, "El código tiene 6 números.")
        return opened.after(_said(words, "code", "try"), Typed({"code": form.get("code")}))
    tried = proofs.answer(opened.session, opened.thread, digits, by=_by(opened.viewer), now=clock.now())
    if tried.verdict == "right" or (tried.verdict == "over" and tried.target is not None):
        return opened.after(None, at="who")
    return opened.after(_said(proofs.verdict_in_words(tried, opened.viewer.language), "code", "try"))


def _said(text: str, field: str, form: str) -> Problem:
    return Problem(field, text, 409, form)


def _links(opened: OpenedDep) -> set[uuid.UUID]:
    from_here = same.links_of(opened.session, list(opened.person.ids))
    return {link.id for link in from_here}


def _by(viewer: Viewer) -> By:
    return By(viewer.user_id, viewer.name)


def _uuid(form: Form, field: str) -> uuid.UUID:
    try:
        return uuid.UUID(form.get(field))
    except ValueError:
        raise InvalidInput("Elige a una persona.", field="person") from None
