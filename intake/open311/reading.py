"""The reading half of GeoReport v2: services, definitions, requests, tokens."""

from typing import Any

from sqlmodel import Session

from intake.catalog.definitions import LIST_DATATYPES, AttributeDefinition, ServiceDefinition, text_in
from intake.catalog.queries import unknown_service
from intake.open311.context import Audience, City
from intake.open311.formats import Value
from intake.open311.forms import Fields
from intake.open311.listing import Listing, by_filters, by_ids
from kernel.errors import NotFound

Answer = tuple[str, Value]


def services(city: City) -> Answer:
    return "services", [_service(definition, city.language) for definition in city.catalog.services]


def service_definition(city: City, service_code: str) -> Answer:
    """Raises NotFound. A service without questions has a definition too: an empty one."""
    found = city.catalog.by_code.get(service_code)
    if found is None:
        raise unknown_service(service_code)
    attributes = [_attribute(attribute, city.language) for attribute in found.attributes]
    return "service_definition", {"service_code": found.code, "attributes": attributes}


def service_requests(
    session: Session, query: Fields, city: City, audience: Audience, *, fmt: str, wants_count: bool = False
) -> Listing:
    """The list. `service_request_id` overrides every other argument, wrong ones included; what to print of each stays."""
    ids = query.listed("service_request_id")
    if ids:
        return by_ids(session, city, audience, ids, query)
    return by_filters(session, city, audience, query, fmt=fmt, wants_count=wants_count)


def service_request(
    session: Session, query: Fields, service_request_id: str, city: City, audience: Audience
) -> Listing:
    """The list of one request. Raises NotFound, also for one that the reader may not see: 403 would say that it exists."""
    found = by_ids(session, city, audience, [service_request_id], query)
    if not found.items:
        raise NotFound("No existe ese service_request_id.", field="service_request_id")
    return found


def _service(definition: ServiceDefinition, language: str) -> dict[str, Any]:
    return {
        "service_code": definition.code,
        "service_name": text_in(definition.name, language),
        "description": text_in(definition.description, language) or None,
        "metadata": definition.has_metadata,
        "type": definition.kind,
        # FixMyStreet splits on the comma and does not trim.
        "keywords": ",".join(definition.keywords) or None,
        "group": text_in(definition.group_name, language) or None,
    }


def _attribute(attribute: AttributeDefinition, language: str) -> dict[str, Any]:
    options = attribute.options if attribute.datatype in LIST_DATATYPES else ()
    return {
        "variable": attribute.is_variable,
        "code": attribute.code,
        "datatype": attribute.datatype,
        # Of a client that knows no conditions, no more is required than of anybody in any case.
        "required": attribute.is_required and attribute.is_variable and not attribute.only_if,
        "datatype_description": text_in(attribute.datatype_description, language) or None,
        "order": attribute.position,
        "description": text_in(attribute.description, language) or None,
        "values": [{"key": option.key, "name": text_in(option.name, language)} for option in options],
    }
