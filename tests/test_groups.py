"""Which tests run one after the other in one process."""

import pytest
import xdist.scheduler

from tests import conftest


@pytest.mark.parametrize(
    ("test", "group"),
    [
        ("tests/journeys/test_email.py::test_a_whole_report_in_one_mail", "journey"),
        ("tests/faults/test_hostile.py::test_x[a::b]", "messages"),
        ("tests/kernel/test_folio.py::test_x", "tests/kernel/test_folio.py::test_x"),
    ],
)
def test_a_group_is_what_the_file_says(test: str, group: str) -> None:
    scheduler = conftest.ByGroup.__new__(conftest.ByGroup)
    assert isinstance(scheduler, xdist.scheduler.LoadScopeScheduling)
    assert scheduler._split_scope(test) == group
