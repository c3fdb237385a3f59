import re
from functools import cache

from babel.messages.pofile import read_po

from kernel.i18n import translate
from tests.agent_console.texts import ROOT, all_texts, in_code, in_templates


@cache
def _english() -> dict[str, str]:
    with (ROOT / "locale" / "en.po").open("rb") as file:
        return {str(m.id): str(m.string) for m in read_po(file, locale="en") if m.id}


def test_every_text_has_an_english_one() -> None:
    assert sorted(all_texts() - set(_english())) == []


def test_no_english_text_is_left_over() -> None:
    assert sorted(set(_english()) - all_texts()) == []


def test_the_search_for_texts_finds_them() -> None:
    """Otherwise the two tests above would pass on nothing."""
    assert "Entrar" in set(in_templates())
    assert "Tu sesión terminó. Entra otra vez." in set(in_code())
    assert len(all_texts()) > 150


def test_both_languages_fill_the_same_fields() -> None:
    """In one test: 1,500 of them would be made in every process of a run, and each would begin with a reading of the files."""
    fields = re.compile(r"\{(\w+)")
    english = {text: _english().get(text, "") for text in all_texts()}
    assert {
        text: said for text, said in english.items() if set(fields.findall(text)) != set(fields.findall(said))
    } == {}
    assert [text for text in english if not translate("en", text)] == []
