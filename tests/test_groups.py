"""Which tests run one after the other in one process."""

from types import SimpleNamespace
from typing import cast

import pytest
from xdist.remote import Producer
from xdist.workermanage import WorkerController

from tests.conftest import PART, ByGroup

JOURNEY = "tests/journeys/test_email.py::test_a_whole_report_in_one_mail"
HOSTILE = "tests/faults/test_hostile.py::test_x[a::b]"
MANY = [f"tests/kernel/test_folio.py::test_x[{number}]" for number in range(PART + 1)]


class Node:
    """A process that is handed tests."""

    shutting_down = False

    def __init__(self) -> None:
        self.gateway = SimpleNamespace(id="a process")
        self.given: list[int] = []

    def send_runtest_some(self, indices: list[int]) -> None:
        self.given += indices


@pytest.fixture
def scheduler(pytestconfig: pytest.Config, monkeypatch: pytest.MonkeyPatch) -> ByGroup:
    """Of a run with two processes."""
    monkeypatch.setattr(pytestconfig.option, "tx", ["popen", "popen"])
    monkeypatch.setattr(pytestconfig.option, "loadscopereorder", True)
    return ByGroup(pytestconfig, Producer("test", enabled=False))


@pytest.mark.parametrize(
    ("test", "group"),
    [(JOURNEY, "journey"), (HOSTILE, "messages"), (MANY[0], "tests/kernel/test_folio.py#0")],
)
def test_a_group_is_what_the_file_says(scheduler: ByGroup, test: str, group: str) -> None:
    assert scheduler._split_scope(test) == group


def test_other_files_go_out_in_parts(scheduler: ByGroup) -> None:
    scopes = [scheduler._split_scope(test) for test in MANY]
    assert scopes == ["tests/kernel/test_folio.py#0"] * PART + ["tests/kernel/test_folio.py#1"]
    assert [scheduler._split_scope(test) for test in MANY] == scopes


def test_groups_begin_first_and_leave_one_process_to_what_computes(scheduler: ByGroup) -> None:
    tests, nodes = [*MANY, JOURNEY, HOSTILE], [Node(), Node()]
    for node in cast("list[WorkerController]", nodes):
        scheduler.add_node(node)
        scheduler.add_node_collection(node, tests)
    scheduler.schedule()
    assert tests[nodes[0].given[0]] == JOURNEY
    assert [tests[index] for index in nodes[1].given] == MANY[:PART]
