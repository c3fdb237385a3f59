"""Who is asked and who asks: the jurisdiction of a call, the key that a writing call needs, and for whom a reading call reads."""

from collections.abc import Callable, Sequence, Sized
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, NamedTuple, TypeVar
from zoneinfo import ZoneInfo

from sqlmodel import Session
from starlette.requests import Request

from intake.catalog import clients
from intake.catalog.clients import ApiClient
from intake.catalog.keys import READ_PRIVATE, SUBMIT, UPDATE
from intake.catalog.queries import Catalog, catalog_at
from intake.open311 import extensions
from intake.open311.edge import BODY_KEY
from intake.open311.errors import BadKey
from intake.open311.forms import Fields, read_form, read_query
from intake.open311.headers import answer_headers
from kernel import clock, db, memory
from kernel.errors import Forbidden, InvalidInput, NotFound
from kernel.i18n import LANGUAGES

# The version is another one after every change of
# the row, whoever made it: a row that is written anew has a new place or a new writer.
_JURISDICTION = (
    "SELECT j.id, j.catalog_changed_at, j.keys_version, j.xmin::text AS xmin, j.timezone, j.language,"
    " j.settings->'open311_extensions_off' AS extensions_off, j.id || ' ' || j.ctid::text || ' ' || j.xmin::text AS version"
    " FROM jurisdiction j"
)
# Two rows at most: enough to know whether the endpoint serves several cities. Both in one statement would be planned anew each
# time, for PostgreSQL sees that where no city is named it would cost less.
_ONLY_JURISDICTION = f"{_JURISDICTION} LIMIT 2"
_ASKED_JURISDICTION = f"{_JURISDICTION} WHERE j.id = %(asked_city)s"
# Looked at once for a whole statement: where it does not hold, PostgreSQL reads no row.
_IS_AS_REMEMBERED = (
    "(SELECT string_agg(j.id || ' ' || j.ctid::text || ' ' || j.xmin::text, ',') FROM jurisdiction j"
    " WHERE CAST(%(asked_city)s AS text) IS NULL OR j.id = %(asked_city)s) = %(city_version)s"
)
_QUERY_KEY = "atiende.open311.query"
_FORM_KEY = "atiende.open311.form"
_BEARER = "bearer "
_NOT_ALLOWED = {
    SUBMIT: "Esta api_key no puede mandar reportes.",
    UPDATE: "Esta api_key no puede actualizar reportes de ninguna dependencia.",
}


class _CityRow(NamedTuple):
    """A row of `_JURISDICTION`."""

    id: str
    catalog_changed_at: datetime
    keys_version: int
    xmin: str
    timezone: str
    language: str
    extensions_off: Any
    version: str


Found = TypeVar("Found")


class NotConfirmed(Exception):
    """A remembered city is no longer as it was."""


@dataclass(frozen=True, slots=True)
class City:
    """The jurisdiction that a call is about. `language`: that of names and notices in the answer.

    `keys_version`: as the call read it; what is remembered of the city's API keys is good for this version only.
    `extensions_off`: the names of `intake.open311.extensions` that it does without.
    `asked`: as the call named it, None where it named none. `version`: another one after every change of any of this.
    `is_remembered`: it was not read for this call, so the first statement must say by `claim` that it is still so.
    """

    id: str
    zone: ZoneInfo
    language: str
    catalog: Catalog
    keys_version: clients.Version
    extensions_off: frozenset[str]
    asked: str | None
    version: str
    is_remembered: bool = False

    @property
    def claim(self) -> str:
        """The condition, with `claim_values`, under which a statement may be believed to be about this city as it is now."""
        return _IS_AS_REMEMBERED if self.is_remembered else ""

    @property
    def claim_values(self) -> dict[str, str | None]:
        return {"asked_city": self.asked, "city_version": self.version} if self.is_remembered else {}


@dataclass(frozen=True, slots=True)
class Audience:
    """For whom requests are read: the public, or an agency, which also reads what is not public about its own requests."""

    agency_code: str | None = None

    @property
    def may_read(self) -> str:
        """The condition on `service_request r`, with `values`. The public's is the plain column, as partial indexes hold it."""
        return "r.is_public" if self.agency_code is None else "(r.is_public OR r.agency_code = %(audience)s)"

    @property
    def values(self) -> dict[str, str]:
        return {} if self.agency_code is None else {"audience": self.agency_code}


PUBLIC = Audience()
# As last read, by the name that a call had for it: as many entries as cities, and one.
_remembered: dict[str | None, City] = {}


def language_in(fields: Fields, default: str) -> str:
    """The language of names and notices: `locale` if it is one of ours."""
    locale = (fields.one("locale") or "").split("-")[0].lower()
    return locale if locale in LANGUAGES else default


def query_of(http_request: Request) -> Fields:
    """The query, read once for everybody who asks during this call."""
    query: Fields | None = http_request.scope.get(_QUERY_KEY)
    if query is None:
        query = http_request.scope[_QUERY_KEY] = read_query(http_request.scope["query_string"])
    return query


def form_of(http_request: Request) -> Fields:
    """The posted form, read once for everybody who asks during this call."""
    form: Fields | None = http_request.scope.get(_FORM_KEY)
    if form is None:
        form = read_form(http_request.scope[BODY_KEY], http_request.headers.get("content-type", ""))
        http_request.scope[_FORM_KEY] = form
    return form


def asked_city(*sent: Fields) -> str | None:
    """The jurisdiction_id of a call: that of the first of `sent` that has one."""
    return next((given for fields in sent if (given := fields.one("jurisdiction_id"))), None)


def city_of(session: Session, http_request: Request, *sent: Fields) -> City:
    """The jurisdiction named in the first of `sent` that names one. The answer loses the headers that this city does without.

    A unit of work that goes by memory has it as it was last read here, and claims that it still is so.
    Raises NotFound for an unknown one, InvalidInput when none is named and the installation serves several.
    """
    asked = asked_city(*sent)
    if memory.goes_by_memory(session) and (known := _remembered.get(asked)) is not None:
        extensions.take_back(answer_headers(http_request.scope), known.extensions_off)
        memory.claim(session, known.claim, known.claim_values)
        return replace(known, language=language_in(sent[0], known.language), is_remembered=False)
    rows = _jurisdictions(session, asked)
    if not rows:
        if asked is None:
            raise NotFound("Todavía no hay ninguna ciudad instalada.")
        raise NotFound("No atendemos esa jurisdiction_id.", field="jurisdiction_id")
    if len(rows) > 1:
        raise InvalidInput("jurisdiction_id required: aquí atendemos varias ciudades.", field="jurisdiction_id")
    row = _CityRow(*rows[0])
    off = extensions.off_in({extensions.SETTING: row.extensions_off})
    extensions.remember(asked, off)
    extensions.take_back(answer_headers(http_request.scope), off)
    keys_version, catalog = (row.keys_version, row.xmin), catalog_at(session, row.id, row)
    zone = ZoneInfo(row.timezone)
    _remembered[asked] = City(row.id, zone, row.language, catalog, keys_version, off, asked, row.version, True)
    language = language_in(sent[0], row.language)
    return City(row.id, zone, language, catalog, keys_version, off, asked, row.version)


def read_in_city(
    session: Session, http_request: Request, query: Fields, read: Callable[[City, Audience], Found]
) -> Found:
    """What `read` finds in the city that the query names, for whoever asks.

    The public's first statement is made for the city as last read here, and says itself whether it still is so: one question to
    the database where there were two, and a changed city is seen by the next call of every process. Where it is not, `read` runs
    again with the city as it is; and after an InvalidInput, since a city decides which parameters are read at all.
    """
    remembered = None if secret_of(http_request, query) else _remembered.get(asked_city(query))
    if remembered is not None:
        language = language_in(query, remembered.language)
        city = remembered if language == remembered.language else replace(remembered, language=language)
        headers = answer_headers(http_request.scope)
        told = dict(headers)
        extensions.take_back(headers, city.extensions_off)
        try:
            return read(city, PUBLIC)
        except (NotConfirmed, InvalidInput):
            headers.update(told)
    city = city_of(session, http_request, query)
    return read(city, audience_of(session, http_request, city, query))


def confirm(session: Session, city: City, rows: Sized = ()) -> None:
    """Whether a remembered city is still so. rows: of a statement with its `claim`; without any its row is looked at.

    Raises NotConfirmed.
    """
    if not city.is_remembered or rows:
        return
    if [_CityRow(*row).version for row in _jurisdictions(session, city.asked)] != [city.version]:
        raise NotConfirmed


def _jurisdictions(session: Session, asked: str | None) -> Sequence[Sequence[Any]]:
    sql, values = (_ONLY_JURISDICTION, {}) if asked is None else (_ASKED_JURISDICTION, {"asked_city": asked})
    return db.fetch(session, sql, values, prepare=True)


def secret_of(http_request: Request, *fields: Fields) -> str:
    """The API key sent in the form, the query or as a bearer token, in this order; "" when there is none."""
    for sent in fields:
        if given := sent.one("api_key"):
            return given
    authorization = http_request.headers.get("authorization", "")
    return authorization[len(_BEARER) :].strip() if authorization.lower().startswith(_BEARER) else ""


def client_of(
    session: Session, http_request: Request, city: City, scope: str, form: Fields, query: Fields
) -> ApiClient:
    """Who writes. Raises BadKey, or Forbidden for a key that may not do this."""
    secret = secret_of(http_request, form, query)
    found = clients.find_at(session, city.id, city.keys_version, secret, now=clock.now())
    if found is None:
        raise BadKey
    http_request.state.client = found
    if scope not in found.scopes:
        raise Forbidden(_NOT_ALLOWED[scope], field="api_key")
    return found


def audience_of(session: Session, http_request: Request, city: City, query: Fields) -> Audience:
    """For whom this call reads. A key that may not read more than the public is no error: clients send theirs everywhere."""
    secret = secret_of(http_request, query)
    found = clients.find_at(session, city.id, city.keys_version, secret, now=clock.now()) if secret else None
    if found is None or READ_PRIVATE not in found.scopes:
        return PUBLIC
    http_request.state.client = found
    answer_headers(http_request.scope)["cache-control"] = "private, no-store"
    return Audience(found.agency_code)


def follower_of(session: Session, http_request: Request, city: City, query: Fields) -> Audience:
    """Whose feed this call follows. Unlike elsewhere a key that is not known is an error (BadKey): whoever follows with one would
    miss everything private without noticing.
    """
    secret = secret_of(http_request, query)
    if secret and clients.find_at(session, city.id, city.keys_version, secret, now=clock.now()) is None:
        raise BadKey
    return audience_of(session, http_request, city, query)
