"""Takes the pictures of the README from a running demo: `.venv/bin/python docs/screenshots.py [data folder]`.

Sends one text message through the stand-in, waits until it is a request, and photographs what each kind of reader sees. Then
they call and ask for a person, and an operator who talks with them is photographed.
"""

import json
import os
import sys
import time
from pathlib import Path

import httpx
from playwright.sync_api import Page, sync_playwright

PICTURES = Path(__file__).with_name("images")
RESIDENT = "+525512345678"
SAYS = ("Es por la fuga que les escribí, en Sabinos y Niebla", "Ya llega el agua a la banqueta")
ANSWERS = "Buenas tardes, le atiende Marisol. Lo agrego a su reporte"
TEXT = "Hay una fuga grande en Av. Sabinos esquina Niebla, lleva toda la mañana"


def send_a_text(demo: dict[str, object], text: str) -> str:
    """The reply to `text`, once it has come. Raises SystemExit when none comes within a minute."""
    standin = str(demo["standin"]["url"])  # type: ignore[index]  # demo.json is a plain object
    before = len(_replies(standin))
    httpx.post(f"{standin}/phones/{RESIDENT}/messages", json={"body": text}).raise_for_status()
    for _ in range(120):
        replies = _replies(standin)
        if len(replies) > before:
            return replies[-1]
        time.sleep(0.5)
    raise SystemExit("no reply came within a minute")


def _replies(standin: str) -> list[str]:
    messages = httpx.get(f"{standin}/messages.json").json()
    return [message["body"] for message in messages if message["to"] == RESIDENT]


def sign_in(page: Page, demo: dict[str, object], role: str = "operator") -> None:
    console = demo["console"]
    login = next(login for login in console["logins"] if login["role"] == role)  # type: ignore[index]  # as above
    page.goto(f"{console['url']}/entrar")  # type: ignore[index]  # as above
    page.fill("input[name=email]", login["email"])
    page.fill("input[name=password]", login["password"])
    with page.expect_navigation():
        page.keyboard.press("Enter")


def talk(page: Page, demo: dict[str, object]) -> None:
    """The desk of whoever is signed on in `page`, in the middle of a call."""
    page.goto(f"{demo['console']['url']}/atencion")  # type: ignore[index]  # as above
    page.keyboard.press("F2")
    page.locator("#estado").get_by_text("Disponible").wait_for()
    script = [{"say": "quiero hablar con una persona"}, {"wait": 14}, *({"say": words} for words in SAYS), {"wait": 60}]
    call = {"from": RESIDENT, "to": demo["voice"]["number"], "script": script, "async": True, "speed": 1}  # type: ignore[index]  # as above
    httpx.post(f"{demo['standin']['url']}/calls", json=call).raise_for_status()  # type: ignore[index]  # as above
    page.locator("#strip .offer").wait_for(timeout=60_000)
    page.keyboard.press("F2")
    page.locator(".callbar").get_by_text("Grabando").wait_for(timeout=60_000)
    page.locator("#heard").get_by_text(SAYS[-1]).wait_for(timeout=60_000)
    page.locator("#words").fill(ANSWERS)
    page.keyboard.press("Enter")
    page.locator("#heard").get_by_text(ANSWERS).wait_for()
    page.screenshot(path=PICTURES / "console-desk.png")
    page.locator("#hang-up").click()
    page.locator("#wrap").wait_for()
    page.locator("#disposition-1").check()
    page.locator("#settle").click()


def main(data: Path) -> None:
    """Writes the pictures into docs/images."""
    demo = json.loads((data / "demo.json").read_text())
    PICTURES.mkdir(exist_ok=True)
    reply = send_a_text(demo, TEXT)
    for answer in ("1", "1"):
        if "olio" not in reply:
            reply = send_a_text(demo, answer)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=os.environ.get("ATIENDE_CHROMIUM", "/usr/bin/chromium"), args=["--no-sandbox"]
        )
        desk = browser.new_context(viewport={"width": 1366, "height": 768}, locale="es-MX").new_page()
        sign_in(desk, demo)
        desk.goto(f"{demo['console']['url']}/solicitudes")
        desk.wait_for_timeout(500)
        desk.screenshot(path=PICTURES / "console-queue.png")
        with desk.expect_navigation():
            desk.click("tbody a >> nth=0")
        desk.screenshot(path=PICTURES / "console-request.png")
        # The draft that the demo's supervisor tried last; a demo without one shows how to begin.
        planning = browser.new_context(viewport={"width": 1366, "height": 768}, locale="es-MX").new_page()
        sign_in(planning, demo, "supervisor")
        planning.goto(f"{demo['console']['url']}/ruteo")
        planning.screenshot(path=PICTURES / "console-whatif.png")
        desk.goto(demo["standin"]["url"])
        desk.screenshot(path=PICTURES / "phone.png")
        talk(desk, demo)
        handset = browser.new_context(viewport={"width": 360, "height": 640}, locale="es-MX").new_page()
        handset.goto(demo["base_url"])
        handset.screenshot(path=PICTURES / "resident-home.png")
        browser.close()


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else os.environ.get("ATIENDE_DATA", ".data/demo")))
