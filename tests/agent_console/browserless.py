"""A browser without scripts: fetches a page, fills in one of its forms, sends it."""

import re
from html import unescape
from typing import Any

from starlette.testclient import TestClient

_INPUT = re.compile(r"<input\b[^>]*>")
_FORM = re.compile(r"<form\b([^>]*)>(.*?)</form>", re.S)


def _attribute(tag: str, name: str) -> str:
    found = re.search(rf'\b{name}="([^"]*)"', tag)
    return unescape(found[1]) if found else ""


class Browser:
    """Keeps cookies; sends hidden fields as they are in the page."""

    def __init__(self, client: TestClient) -> None:
        self.client = client

    def get(self, path: str, **kwargs: Any) -> Any:
        return self.client.get(path, **kwargs)

    def sign_in(self, email: str, password: str) -> Any:
        return self.send("/consola/entrar", "/consola/entrar", email=email, password=password)

    def send(self, page: str, action: str, **values: str) -> Any:
        """Opens `page`, finds the form whose action begins with `action`, and posts it with `values`.

        Of several such forms the one that has a field for each of the values is meant.
        """
        answer = self.client.get(page)
        assert answer.status_code == 200, (page, answer.status_code)
        return self.send_from(answer.text, action, **values)

    def send_from(self, text: str, action: str, /, **values: str) -> Any:
        """As `send`, from a page that was opened before: of whoever looked a while ago."""
        for tag, body in _FORM.findall(text):
            target = _attribute(tag, "action")
            hidden = {
                _attribute(found, "name"): _attribute(found, "value")
                for found in _INPUT.findall(body)
                if _attribute(found, "type") == "hidden"
            }
            if target.split("?")[0] == action and all(f'name="{name}"' in body for name in values):
                return self.client.post(target, data=hidden | values)
        raise AssertionError(f"no form for {action} with {sorted(values)}")
