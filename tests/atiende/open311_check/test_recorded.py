"""Recorded answers of real cities: read without a crash, and their known deviations found."""

from pathlib import Path

import pytest

from atiende.open311_check import reports
from atiende.open311_check.exchanges import Call, Exchange
from atiende.open311_check.grading import Grade, grade
from atiende.open311_check.register import RULES
from atiende.open311_check.verdicts import Result
from atiende.open311_check.visit import Options, Visit

pytestmark = pytest.mark.shared_data
ROOT = "http://ciudad.example/open311/v2"
SAN_FRANCISCO = {
    "services.xml": "sf_services.xml",
    "services/001.xml": "sf_service_definition.xml",
    "requests.xml": "sf_service_requests.xml",
    "requests/638344.xml": "sf_get_service_request.xml",
    "tokens/12345.xml": "sf_request_id_from_token.xml",
}
TORONTO = {"requests.xml": "open311status_requests_many.xml", "services.json": "open311status_service_list.json"}
GIESSEN = {"services.xml": "open311status_services_giessen.xml"}
KOELN = {"requests.json": "koeln_requests.json"}
CHICAGO = {"requests.json": "open311status_service_requests.json", "services.json": "mysociety_adapter_services.json"}


class Recording:
    """Answers from files; everything else is an XML 404 as San Francisco said it."""

    def __init__(self, folder: Path, files: dict[str, str]) -> None:
        self.folder, self.files = folder, files

    def ask(self, call: Call) -> Exchange:
        name = self.files.get(call.url.removeprefix(f"{ROOT}/"))
        kind = "application/json" if call.url.endswith(".json") else "text/xml"
        if name is None or call.method != "GET":
            return Exchange(
                call,
                404,
                (("content-type", kind),),
                (self.folder / "sf_get_service_request_not_found.xml").read_bytes(),
            )
        return Exchange(call, 200, (("content-type", f"{kind}; charset=utf-8"),), (self.folder / name).read_bytes())


def graded(folder: Path, files: dict[str, str]) -> dict[str, Grade]:
    visit = Visit(ROOT, Recording(folder, files), Options(api_key="clave-311", may_write=True))
    grades = {g.rule.id: g for g in grade(visit, RULES).grades}
    assert [g.verdict.detail_in("en") for g in grades.values() if g.verdict.result is Result.CRASHED] == []
    return grades


@pytest.fixture
def folder(shared_data: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(reports, "WAIT_S", 0)
    return shared_data / "georeport_fixtures"


@pytest.mark.parametrize(
    ("files", "passed", "failed"),
    [
        (
            SAN_FRANCISCO,
            {"services.xml", "services.metadata-xml", "requests.times-xml", "requests.decimal-xml"},
            {"services.json", "format.no-namespace", "requests.json"},
        ),
        (
            TORONTO,
            {"requests.xml-root", "services.code", "requests.id-xml"},
            {"services.keywords-tight", "services.xml"},
        ),
        (GIESSEN, {"services.xml-root", "services.code-xml"}, {"format.no-attributes", "requests.xml"}),
        (
            KOELN,
            {"requests.id", "requests.requested", "requests.lat", "requests.zipcode"},
            {"requests.fields", "requests.xml"},
        ),
        (CHICAGO, {"requests.status", "requests.long"}, {"services.json-array"}),
    ],
    ids=["san-francisco", "toronto", "giessen", "koeln", "chicago"],
)
def test_a_real_city(folder: Path, files: dict[str, str], passed: set[str], failed: set[str]) -> None:
    grades = graded(folder, files)
    assert {i for i in passed if grades[i].verdict.result is not Result.PASSED} == set()
    assert {i for i in failed if grades[i].verdict.result is not Result.FAILED} == set()


def test_every_recording_can_stand_anywhere(folder: Path) -> None:
    for path in sorted(folder.iterdir()):
        for name in ("services", "requests", "discovery", "services/001", "servicerequestupdates"):
            graded(folder, {f"{name}{path.suffix}": path.name})
