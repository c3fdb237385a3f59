"""Line icons, 24 by 24, drawn for this product. Decoration only: a word always stands beside."""

from markupsafe import Markup

_PATHS = {
    "drop": '<path d="M12 3.5c4 5 6 7.8 6 11a6 6 0 0 1-12 0c0-3.2 2-6 6-11z"/><path d="M9.5 14.5A2.5 2.5 0 0 0 12 17"/>',
    "hole": '<ellipse cx="12" cy="15" rx="8" ry="4"/><path d="M7 15.5c2-1.8 8-1.8 10 0M6 11.5 3.5 8.5M18.5 11.5l2-2.5M12 11V7"/>',
    "bulb": '<path d="M9 17.5v-2C7 14 6 12.3 6 10a6 6 0 0 1 12 0c0 2.3-1 4-3 5.5v2zM9.5 20.5h5"/>',
    "bin": '<path d="M5 7h14M9.5 7V4.5h5V7M6.5 7l1 13h9l1-13M10.5 11v5M13.5 11v5"/>',
    "tree": '<path d="M12 21v-7M12 16.5l3.5-2.5M8 15a4.5 4.5 0 0 1-.5-8.7 4.8 4.8 0 0 1 9 0A4.5 4.5 0 0 1 16 15z"/>',
    "drain": '<circle cx="12" cy="12" r="8.5"/><path d="M6.5 9h11M5.5 12h13M6.5 15h11"/>',
    "light": '<path d="M8.5 3.5h7v17h-7z"/><path d="M12 7.5h.01M12 12h.01M12 16.5h.01" stroke-width="3"/>',
    "noise": '<path d="M4 9.5h3.5L12 5.5v13l-4.5-4H4zM15 9c1.5 1.5 1.5 4.5 0 6M17.5 6.5c3 3 3 8 0 11"/>',
    "car": '<path d="M4 16.5v-4l2-5h12l2 5v4zM4 12.5h16M7 16.5v2M17 16.5v2"/>',
    "paw": '<path d="M12 12.5c2.6 0 4.5 2.2 4.5 4.2 0 2-1.8 2.3-4.5 2.3s-4.5-.3-4.5-2.3c0-2 1.9-4.2 4.5-4.2z"/>'
    '<circle cx="5.5" cy="11" r="1.5"/><circle cx="9.3" cy="6.8" r="1.6"/>'
    '<circle cx="14.7" cy="6.8" r="1.6"/><circle cx="18.5" cy="11" r="1.5"/>',
    "note": '<path d="M6 3.5h8l4 4v13H6zM9 12h6M9 15.5h6M14 3.5v4h4"/>',
    "alert": '<path d="M12 4 3.5 19.5h17zM12 10v4.5M12 17h.01"/>',
    "building": '<path d="M5.5 20.5v-16h9v16M14.5 9.5h4v11M3.5 20.5h17M8.5 8h3M8.5 11.5h3M8.5 15h3"/>',
    "layers": '<path d="m12 4 8.5 4.5L12 13 3.5 8.5zM4 12.5l8 4.2 8-4.2M4 16.3l8 4.2 8-4.2"/>',
    "doc": '<path d="M6 3.5h8l4 4v13H6zM9 12h6M9 15.5h6M14 3.5v4h4"/>',
    "users": '<circle cx="9" cy="8.5" r="3.5"/><path d="M3 19.5c0-3.5 2.5-5.5 6-5.5s6 2 6 5.5"/>'
    '<path d="M16 5.5a3.5 3.5 0 0 1 0 6.5M17.5 14.5c2 .7 3.5 2.3 3.5 5"/>',
    "user": '<circle cx="12" cy="8" r="3.7"/><path d="M5 20c0-4 3-6.2 7-6.2s7 2.2 7 6.2"/>',
    "eye": '<path d="M3 12c2-4 5.2-6 9-6s7 2 9 6c-2 4-5.2 6-9 6s-7-2-9-6z"/><circle cx="12" cy="12" r="2.7"/>',
    "dots": '<path d="M5.5 12h.01M12 12h.01M18.5 12h.01" stroke-width="3"/>',
    "new": '<circle cx="12" cy="12" r="8.5"/><circle cx="12" cy="12" r="2.5" fill="currentColor" stroke="none"/>',
    "work": '<circle cx="12" cy="12" r="8.5"/><path d="M12 3.5a8.5 8.5 0 0 1 0 17z" fill="currentColor" stroke="none"/>',
    "pause": '<circle cx="12" cy="12" r="8.5"/><path d="M10 9v6M14 9v6"/>',
    "ok": '<circle cx="12" cy="12" r="8.5"/><path d="m8 12.5 2.7 2.7L16 9.5"/>',
    "minus": '<circle cx="12" cy="12" r="8.5"/><path d="M8 12h8"/>',
    "loop": '<path d="M18.5 8A8 8 0 1 0 20 12M19 4v4.5h-4.5"/>',
    "send": '<path d="M4 12 20.5 4.5 14 20l-3-6.5zM11 13.5l4-4"/>',
    "camera": '<path d="M4 7.5h3.5L9 5h6l1.5 2.5H20v11.5H4z"/><circle cx="12" cy="13" r="3.5"/>',
    "pin": '<path d="M12 21c-4.5-5-6.5-8-6.5-11a6.5 6.5 0 0 1 13 0c0 3-2 6-6.5 11z"/><circle cx="12" cy="10" r="2.3"/>',
    "go": '<circle cx="12" cy="12" r="8.5"/><path d="M8 12h8M13 9l3 3-3 3"/>',
}


def icon(name: str) -> Markup:
    """The icon as inline SVG; three dots for a name that is not ours."""
    paths = _PATHS.get(name, _PATHS["dots"])
    return Markup(f'<svg class="i" viewBox="0 0 24 24" aria-hidden="true">{paths}</svg>')  # noqa: S704  # our own drawing


def known_icons() -> frozenset[str]:
    """The names that `icon` draws."""
    return frozenset(_PATHS)
