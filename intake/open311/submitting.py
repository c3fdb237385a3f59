"""POST requests: from a form to a Submission, with everything that is wrong with it told at once."""

import hmac
import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from hashlib import sha256
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import orjson
from sqlmodel import Session

from georef.points import LonLat
from intake.catalog.clients import ApiClient
from intake.catalog.definitions import ServiceDefinition, text_in
from intake.catalog.queries import unknown_service
from intake.media.actions import attach
from intake.media.values import Received
from intake.open311.context import City
from intake.open311.forms import Fields
from intake.people import addresses
from intake.people.actions import find_or_create_address, remember_name
from intake.people.addresses import Address
from intake.service_requests import actions, queries
from intake.service_requests.answers import read_answers
from intake.service_requests.models import ServiceRequest
from intake.service_requests.values import MAX_DESCRIPTION, InvalidForm, Reporter, Submission
from kernel.dates import day_in_words
from kernel.errors import InvalidInput
from kernel.i18n import translate
from routing import queries as routing

CHANNEL = "open311"
MAX_LINE = 500
_DECIMAL = re.compile(r"[+-]?(?:[0-9]{1,4}(?:\.[0-9]{0,40})?|\.[0-9]{1,40})(?:[eE][+-]?[0-9]{1,2})?")
# A phone's own reading of where it is; clients of the standard do not say how good it is.
_PRECISION_M = 20.0
# Two equal forms under one key this close together are one client trying again; further apart, two residents.
_RETRY_WINDOW_S = 60
MAX_IDEMPOTENCY_KEY = 255
_LINES = ("address_string", "address_id", "zipcode")


def read_submission(city: City, form: Fields) -> tuple[Submission, ServiceDefinition]:
    """The report in the form. Raises InvalidInput without a service, NotFound for an unknown one, InvalidForm for the rest."""
    code = form.one("service_code")
    if code is None:
        raise InvalidInput("service_code required: di qué servicio.", field="service_code")
    definition = city.catalog.by_code.get(code)
    if definition is None:
        raise unknown_service(code)
    problems: list[InvalidInput] = []
    point = _point(form, problems)
    if point is None and not problems and not (form.one("address_string") or form.one("address_id")):
        problems.append(InvalidInput("lat, long required: di dónde, o manda address_string.", field="lat"))
    attributes = form.attributes()
    problems += read_answers(definition, attributes)[1]
    description = form.one("description") or ""
    if len(description) > MAX_DESCRIPTION:
        problems.append(
            InvalidInput(
                "La descripción es demasiado larga: caben {limit} letras.", field="description", limit=MAX_DESCRIPTION
            )
        )
    lines = {name: _line(form, name, problems) for name in _LINES}
    media_urls = [read_media_url(url.strip(), problems) for url in form.all("media_url")]
    if problems:
        raise InvalidForm(problems)
    submission = Submission(
        jurisdiction_id=city.id,
        service_code=definition.code,
        channel=CHANNEL,
        description=description,
        point=point,
        precision_m=_PRECISION_M if point else None,
        address_string=lines["address_string"],
        address_id=lines["address_id"],
        zipcode=lines["zipcode"],
        attributes=attributes,
        media_urls=media_urls,
        language=city.language,
    )
    return submission, definition


def _point(form: Fields, problems: list[InvalidInput]) -> LonLat | None:
    lat, long = form.one("lat"), form.one("long")
    if lat is None and long is None:
        return None
    if lat is None or long is None:
        problems.append(InvalidInput("lat y long van juntas: falta una.", field="long" if lat else "lat"))
        return None
    numbers: list[float] = []
    for name, value in (("lat", lat), ("long", long)):
        if not _DECIMAL.fullmatch(value.strip()):
            problems.append(InvalidInput("{name} debe ser un número en grados decimales.", field=name, name=name))
        else:
            numbers.append(float(value))
    if len(numbers) < 2:
        return None
    try:
        return LonLat(lon=numbers[1], lat=numbers[0])
    except InvalidInput as problem:
        problems.append(problem)
        return None


def _line(form: Fields, name: str, problems: list[InvalidInput]) -> str | None:
    value = form.one(name)
    if value is not None and len(value) > MAX_LINE:
        problems.append(
            InvalidInput("{name} es demasiado largo: caben {limit} letras.", field=name, name=name, limit=MAX_LINE)
        )
    return " ".join(value.split()) if value else None


def read_media_url(url: str, problems: list[InvalidInput]) -> str:
    try:
        parts = urlsplit(url)
        is_web = parts.scheme.lower() in ("http", "https") and bool(parts.hostname)
    except ValueError:
        is_web = False
    if not is_web or len(url) > 2000 or any(c.isspace() or c in '<>"' for c in url):
        problems.append(InvalidInput("media_url debe ser una dirección http o https.", field="media_url"))
    return url


def is_new(
    session: Session, city: City, client: ApiClient, form: Fields, *, idempotency_key: str | None, now: datetime
) -> bool:
    """Whether this form would become a request of its own. Raises what is wrong with it."""
    read_submission(city, form)
    sending = _sending(city, client, form, idempotency_key)
    known = queries.by_idempotency_key(session, city.id, sending.name)
    return known is None or sending.is_of_another(known, now)


def post(
    session: Session,
    city: City,
    client: ApiClient,
    form: Fields,
    *,
    idempotency_key: str | None,
    now: datetime,
    photos: Received,
) -> dict[str, Any]:
    """Submits the form and returns the answer element. The same form again is the same request and the same answer.

    photos: what became of the form's files, which are attached to a new request.
    """
    submission, definition = read_submission(city, form)
    sending = _sending(city, client, form, idempotency_key)
    # Read also for a form that was sent before: its answer is the same, with what it says of contacts.
    contacts, unreadable = _contacts(form)
    made = queries.by_idempotency_key(session, city.id, sending.name) if sending.is_clients_word else None
    if made is None:
        reporter = _reporter(session, city, form, contacts, now)
        submission = replace(submission, reporter=reporter, idempotency_key=sending.name)
        made, is_made_now = actions.submit_or_find(session, submission, now=now, definition=definition)
        while not is_made_now and sending.is_of_another(made, now):
            # Who said the same more than a minute ago keeps their request; its name is this one's now.
            actions.give_up_key(session, made.id, sending.name)
            made, is_made_now = actions.submit_or_find(session, submission, now=now, definition=definition)
        if is_made_now:
            attach(session, made, photos.ids, now=now)
    notices = [
        translate(city.language, "El dato de contacto «{field}» no se entendió y no se guardó.", field=kind)
        for kind in unreadable
    ]
    notices += [problem.public_text(city.language) for problem in photos.problems]
    if made.service_code != definition.code:
        # The client's own key, with another service than the first time: the answer is about the report that was made.
        definition = (city.catalog.by_code | city.catalog.retired).get(made.service_code, definition)
    return _answer(session, city, made, definition, notices, now)


class _Sending(NamedTuple):
    """What makes a second sending of a form the same request: its name is one request's at a time.

    is_clients_word: the client says so, whatever the form says and whenever; else it is the form's content, for a minute.
    """

    name: str
    is_clients_word: bool

    def is_of_another(self, known: ServiceRequest, now: datetime) -> bool:
        """Whether the request of this name is somebody else's, who said the very same some time ago."""
        return not self.is_clients_word and (now - known.requested_at).total_seconds() >= _RETRY_WINDOW_S


def _sending(city: City, client: ApiClient, form: Fields, idempotency_key: str | None) -> _Sending:
    if idempotency_key and "idempotency_key" not in city.extensions_off:
        if len(idempotency_key) > MAX_IDEMPOTENCY_KEY:
            raise InvalidInput("Idempotency-Key es demasiado larga.", field="Idempotency-Key")
        return _Sending(f"open311:{client.id}:key:{idempotency_key}", True)
    # FixMyStreet writes the fields of a form in another order each time; values of one field keep theirs.
    pairs = sorted(form.pairs, key=lambda pair: pair[0])
    said = orjson.dumps([pairs, sorted(one.digest().hex() for one in form.files)])
    return _Sending(f"open311:{client.id}:body:{hmac.digest(client.key_hash, said, sha256).hex()}", False)


def _contacts(form: Fields) -> tuple[list[Address], list[str]]:
    """The contacts in the form, and the kinds of those that cannot be read."""
    contacts: list[Address] = []
    unreadable: list[str] = []
    for kind in ("phone", "email"):
        given = form.one(kind)
        try:
            if given is not None:
                contacts.append(addresses.read(kind, given))
        except InvalidInput:
            unreadable.append(kind)
    return contacts, unreadable


def _reporter(
    session: Session, city: City, form: Fields, contacts: Sequence[Address], now: datetime
) -> Reporter | None:
    """The contacts, sealed. The app that posted tells its own user, so nobody is written to because of an API call."""
    reporter: Reporter | None = None
    for address in contacts:
        contact = find_or_create_address(session, city.id, address, now=now, language=city.language)
        reporter = reporter or Reporter(contact.person_id, contact.id, wants_notices=False)
    name = " ".join(part for part in (form.one("first_name"), form.one("last_name")) if part)
    if reporter is not None and name:
        remember_name(session, reporter.person_id, name[:MAX_LINE])
        return replace(reporter, name=name[:MAX_LINE])
    return reporter


def _answer(
    session: Session, city: City, made: ServiceRequest, definition: ServiceDefinition, notices: list[str], now: datetime
) -> dict[str, Any]:
    told = [_promise(session, city, made, definition, now), *notices]
    answer: dict[str, Any] = {}
    if definition.kind == "realtime":
        answer["service_request_id"] = made.folio
    elif definition.kind == "batch":
        answer["token"] = made.token
    answer["service_notice"] = " ".join(part for part in told if part) or None
    answer["account_id"] = None
    return answer


def _promise(session: Session, city: City, made: ServiceRequest, definition: ServiceDefinition, now: datetime) -> str:
    if made.outcome_code == "outside_jurisdiction":
        return made.status_notes
    parts = [text_in(definition.notice, city.language)]
    agency = _agency_name(session, made)
    if agency is not None and made.expected_at is not None and not definition.is_sensitive:
        day = day_in_words(made.expected_at, city.zone.key, city.language, now=now)
        parts.append(translate(city.language, "Lo atiende {agency}, a más tardar el {day}.", agency=agency, day=day))
    return " ".join(part for part in parts if part)


def _agency_name(session: Session, made: ServiceRequest) -> str | None:
    return routing.agency_name(session, made.jurisdiction_id, made.agency_code) if made.agency_code else None
