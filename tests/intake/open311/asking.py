"""One way to ask in either format and to read either answer back into the same values."""

from typing import Any
from xml.etree import ElementTree

from starlette.testclient import TestClient

from tests.factories import API_KEY, IN_NORTE

MEDIA_TYPES = {"json": "application/json; charset=utf-8", "xml": "text/xml; charset=utf-8"}
ROOTS = {
    "services": "services",
    "requests": "service_requests",
    "tokens": "service_requests",
    "servicerequestupdates": "service_request_updates",
}


def form(**changes: Any) -> dict[str, Any]:
    """A report that is accepted as it is; None takes a field away."""
    lon, lat = IN_NORTE
    fields: dict[str, Any] = {
        "api_key": API_KEY,
        "service_code": "BACHE",
        "lat": str(lat),
        "long": str(lon),
        "description": "Un hoyo enorme",
    }
    fields |= {name.replace("__", "."): value for name, value in changes.items()}
    return {name: value for name, value in fields.items() if value is not None}


def read(response: Any, fmt: str) -> Any:
    """The answer as JSON values: in XML every leaf is text, None or a nested list."""
    assert response.headers["content-type"] == MEDIA_TYPES[fmt], response.text
    if fmt == "json":
        return response.json()
    assert response.content.startswith(b'<?xml version="1.0" encoding="utf-8"?>')
    return _plain(ElementTree.fromstring(response.content))


_LISTS = {
    "services",
    "service_requests",
    "errors",
    "attributes",
    "values",
    "service_request_updates",
    "areas",
    "media_urls",
    "notes",
    "changes",
}


def _plain(element: ElementTree.Element) -> Any:
    assert not element.attrib
    children = list(element)
    if not children:
        return [] if element.tag in _LISTS else element.text
    if element.tag in _LISTS | {"formats", "endpoints", "extensions", "possible_duplicates"}:
        return [_plain(child) for child in children]
    return {child.tag: _plain(child) for child in children}


def errors_of(response: Any, fmt: str, status: int) -> list[str]:
    """The descriptions of an error answer; each code equals the HTTP status."""
    assert response.status_code == status, response.text
    errors = read(response, fmt)
    assert errors, "an error answer names at least one error"
    for error in errors:
        assert set(error) == {"code", "description"}
        assert error["code"] == (status if fmt == "json" else str(status))
        assert error["description"].strip()
    return [error["description"] for error in errors]


def posted(client: TestClient, **changes: Any) -> str:
    """The id of a new request."""
    response = client.post("requests.json", data=form(**changes))
    assert response.status_code == 200, response.text
    service_request_id: str = response.json()[0]["service_request_id"]
    return service_request_id


def ids(response: Any, fmt: str = "json") -> list[str]:
    assert response.status_code == 200, response.text
    return [item["service_request_id"] for item in read(response, fmt)]
