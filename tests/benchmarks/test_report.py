import pytest

from tests.benchmarks.report import DOCUMENT, replaced


def test_a_block_is_exchanged_and_the_rest_stays() -> None:
    document = "a\n<!-- bench:x -->\nold\n<!-- end -->\nb\n<!-- bench:y -->\nkept\n<!-- end -->\n"
    changed = replaced(document, "x", ["new \\1", "line"])
    assert changed == document.replace("old\n", "```\nnew \\1\nline\n```\n")
    with pytest.raises(LookupError):
        replaced(document, "z", [])


@pytest.mark.parametrize(
    "block", ["routing-generated", "routing-mexico_city", "relay-in-process", "relay-valkey", "live-200", "live-1000"]
)
def test_every_block_is_in_the_document(block: str) -> None:
    assert replaced(DOCUMENT.read_text(), block, ["x"])
