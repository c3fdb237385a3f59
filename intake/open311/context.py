"""Who is asked and who asks: the jurisdiction of a call, and the key that a writing call needs."""

from dataclasses import dataclass
from zoneinfo import ZoneInfo

from sqlalchemy import text
from sqlmodel import Session
from starlette.requests import Request

from intake.catalog import keys
from intake.catalog.models import ApiKey
from intake.catalog.queries import Catalog, catalog_at
from intake.open311.edge import BODY_KEY
from intake.open311.errors import BadKey
from intake.open311.forms import Fields, read_form, read_query
from kernel.errors import InvalidInput, NotFound
from kernel.i18n import LANGUAGES

# Two rows at most: enough to know whether the endpoint serves several cities.
_JURISDICTION = text(
    "SELECT id, catalog_changed_at, xmin::text AS xmin, timezone, language FROM jurisdiction"
    " WHERE CAST(:id AS text) IS NULL OR id = :id LIMIT 2"
)
_BEARER = "bearer "


@dataclass(frozen=True, slots=True)
class City:
    """The jurisdiction that a call is about. `language`: that of names and notices in the answer."""

    id: str
    zone: ZoneInfo
    language: str
    catalog: Catalog


def query_of(http_request: Request) -> Fields:
    return read_query(http_request.scope["query_string"])


def form_of(http_request: Request) -> Fields:
    return read_form(http_request.scope[BODY_KEY], http_request.headers.get("content-type", ""))


def city_of(session: Session, fields: Fields, also: Fields | None = None) -> City:
    """The jurisdiction named in `fields`, else in `also`.

    Raises NotFound for an unknown one, InvalidInput when none is named and the installation serves several.
    """
    asked = fields.one("jurisdiction_id") or (also.one("jurisdiction_id") if also else None)
    rows = session.connection().execute(_JURISDICTION, {"id": asked}).all()
    if not rows:
        if asked is None:
            raise NotFound("Todavía no hay ninguna ciudad instalada.")
        raise NotFound("No atendemos esa jurisdiction_id.", field="jurisdiction_id")
    if len(rows) > 1:
        raise InvalidInput("jurisdiction_id required: aquí atendemos varias ciudades.", field="jurisdiction_id")
    row = rows[0]
    locale = (fields.one("locale") or "").split("-")[0].lower()
    language = locale if locale in LANGUAGES else row.language
    return City(row.id, ZoneInfo(row.timezone), language, catalog_at(session, row.id, row))


def key_of(session: Session, http_request: Request, city: City, form: Fields, query: Fields) -> ApiKey:
    """The key sent in the form, the query or as a bearer token, in this order. Raises BadKey."""
    authorization = http_request.headers.get("authorization", "")
    bearer = authorization[len(_BEARER) :].strip() if authorization.lower().startswith(_BEARER) else ""
    given = form.one("api_key") or query.one("api_key") or bearer
    found = keys.find(session, city.id, given)
    if found is None:
        raise BadKey
    return found
