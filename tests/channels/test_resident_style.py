import re

from channels.resident.style import minified, resident_css, with_fallbacks


def test_every_custom_property_has_a_literal_written_before_it() -> None:
    css = resident_css()
    for name, value in re.findall(r"(?<![a-z-])([a-z-]+):([^;{}]*var\(--[^;{}]*)", css):
        if name.startswith("--"):
            continue
        for use in re.finditer(rf"(?<![a-z-]){name}:{re.escape(value)}", css):
            assert re.search(rf"{name}:[^;{{}}]*;$", css[: use.start()]), f"{name}:{value}"


def test_old_engines_meet_nothing_they_cannot_read() -> None:
    css = resident_css()
    assert "grid" not in css
    assert ":has(" not in css
    # A selector list with one unknown selector is dropped whole, so :focus-visible stands alone.
    assert ":focus,:focus-visible" not in css


def test_a_city_changes_its_colours_and_nothing_else() -> None:
    css = resident_css({"light": {"brand": "#9f2241", "danger": "#00ff00"}, "dark": {"brand": "#ffb3c0"}})
    assert "--brand:#9f2241" in css
    assert "background:#9f2241;background:var(--brand)" in css
    assert "#00ff00" not in css
    assert "--brand:#ffb3c0" in css
    assert resident_css({"light": {"brand": "red;}body{display:none"}}) == resident_css()


def test_minifying_and_fallbacks_by_example() -> None:
    css = minified(":root{--a:#fff;--b:#000}\n/* why */\n.x { color: var(--a); border: 1px solid var(--b) }")
    assert with_fallbacks(css) == (
        ":root{--a:#fff;--b:#000}.x{color:#fff;color:var(--a);border:1px solid #000;border:1px solid var(--b)}"
    )
