"""What the telephone's page shows, in words: the call as it is heard, and what happens between the phone and the centre."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from channels.standin import people
from channels.standin.config import StandinConfig
from channels.standin.story import Entry, clock, links_to_folios
from channels.standin.voice.calls import OVER
from channels.standin.voice.exchange import WITHHELD
from kernel.i18n import translate

SLOW_S = 4.0
_SHOWN_CALLS, _SHOWN_ENTRIES = 3, 60
_JUST_NOW_S = 600.0


@dataclass(frozen=True)
class Bubble:
    """One thing heard or done. kind: `city` and `other` are heard, `me` is done, `tm` is neither. sound: what sounds with it."""

    key: str
    kind: str
    who: str
    body: str
    language: str = ""
    note: str = ""
    sound: str = ""


@dataclass(frozen=True)
class Screen:
    """What the phone shows. state: idle, ringing (the city calls), calling, talking, over."""

    state: str
    sid: str = ""
    line: str = ""
    seconds: int = 0
    trouble: str = ""


def screen(row: Mapping[str, Any] | None, phone: str, language: str) -> Screen:
    """Of the newest call of this phone; one that ended a while ago is forgotten."""
    if row is None or (row["status"] in OVER and time.time() - (row["ended_at"] or row["at"]) > _JUST_NOW_S):
        return Screen("idle")
    trouble = _trouble(row, language)
    if row["status"] in OVER:
        words = {
            "busy": translate(language, "Ocupado"),
            "no-answer": translate(language, "Nadie contestó"),
            "failed": translate(language, "La llamada no entró"),
            "canceled": translate(language, "Llamada cancelada"),
        }.get(row["status"], translate(language, "Llamada terminada, {time}", time=spoken_time(row["duration"])))
        return Screen("over", row["sid"], words, trouble=trouble)
    if row["answered_at"] is None:
        if row["to"] == phone and row["direction"] != "inbound":
            return Screen("ringing", row["sid"], translate(language, "Te llama la ciudad"))
        return Screen("calling", row["sid"], translate(language, "Llamando…"), trouble=trouble)
    words = translate(language, "En llamada, {time}", time=spoken_time(row["duration"]))
    return Screen("talking", row["sid"], words, row["duration"], trouble)


def spoken_time(seconds: int) -> str:
    return f"{seconds // 60}:{seconds % 60:02}"


def _trouble(row: Mapping[str, Any], language: str) -> str:
    error = row.get("error")
    if not error:
        return ""
    if error["message"] == "HTTP 404":
        return translate(language, "Este centro no contesta llamadas: nada responde en {url} (404).", url=error["url"])
    return translate(
        language,
        "El centro no supo contestar: {message} (código {code}).",
        message=error["message"],
        code=error["code"],
    )


def bubbles(row: Mapping[str, Any] | None, language: str) -> list[Bubble]:
    """The call as somebody at the phone lives it, oldest first."""
    if row is None:
        return []
    made = []
    lines: Sequence[Mapping[str, Any]] = row["transcript"]
    for number, line in enumerate(lines):
        kind, who, body, note, sound = _heard(line, language)
        if kind:
            is_last = number == len(lines) - 1 and row["status"] not in OVER
            key, spoken = f"l{number}{row['sid'][-6:]}", str(line.get("language") or "")
            made.append(Bubble(key, kind, who, body, spoken, note, sound if is_last else ""))
    return made


def _heard(line: Mapping[str, Any], language: str) -> tuple[str, str, str, str, str]:
    """kind, who, body, note, sound; kind "" for what is not to be noticed on a phone."""

    def t(msgid: str, **params: object) -> str:
        return translate(language, msgid, **params)

    who, did, text = line["who"], line["did"], line["text"]
    note = t("Nadie escuchaba") if line.get("unheard") else ""
    match who, did:
        case "city", "said":
            return "city", t("Centro"), text, "", ""
        case "caller", "said":
            return "me", t("Tú"), text, note, ""
        case "caller", "pressed":
            return "me", t("Tú"), t("Tecla {keys}", keys=" ".join(text)), note, ""
        case (("operator" | "other"), "said"):
            return "other", t("Operador") if who == "operator" else t("Otra persona"), text, "", ""
        case "city", "played" | "music":
            return "tm", "", t("Suena música"), "", "music"
        case "city", "beep":
            return "tm", "", t("Suena un tono: se graba lo que digas"), "", "beep"
        case "city", "held":
            return "tm", "", t("Te dejaron en espera"), "", "music"
        case "city", "unheld":
            return "tm", "", t("De nuevo en la llamada"), "", ""
        case "city", "other joined":
            return "tm", "", t("Contestaron"), "", "ring"
        case "city", "other left":
            return "tm", "", t("La otra persona se fue"), "", ""
        case "city", "hung up":
            return "tm", "", t("Colgó el centro"), "", ""
        case "caller", "hung up":
            return "tm", "", t("Colgaste"), "", ""
    return "", "", "", "", ""


def entries(
    rows: Sequence[Mapping[str, Any]], told: Mapping[str, Sequence[Mapping[str, Any]]], config: StandinConfig, language: str
) -> list[Entry]:  # fmt: skip
    """What happened in the newest calls of one phone, newest first."""
    made: list[tuple[float, Entry]] = []
    for row in rows[:_SHOWN_CALLS]:
        made += _call_entries(row, config, language)
        made += _told_entries(row, told.get(row["sid"], ()), language)
    ordered = sorted(made, key=lambda one: one[0], reverse=True)
    return [entry for _, entry in ordered[:_SHOWN_ENTRIES]]


def _call_entries(row: Mapping[str, Any], config: StandinConfig, language: str) -> list[tuple[float, Entry]]:
    def t(msgid: str, **params: object) -> str:
        return translate(language, msgid, **params)

    start, key = row["at"], row["sid"][-8:]
    made: list[tuple[float, Entry]] = []

    def add(at: float, name: str, icon: str, what: str, more: str = "", *, ours: bool = False, links: Any = ()) -> None:
        entry = Entry(f"{name}{key}", icon, ours, what, more, clock(start + at, "%H:%M:%S"), links)
        made.append((start + at + len(made) * 1e-4, entry))

    if row["direction"] == "inbound":
        caller = people.spoken(row["from"])
        more = (
            t("Número oculto: no se une a nadie") if row["from"] == WITHHELD else t("Desde el {number}", number=caller)
        )
        add(0, "in", "call", t("Llamada al {number}", number=people.spoken(row["to"])), more)
    else:
        add(0, "out", "call", t("El centro llama a {number}", number=people.spoken(row["to"])), ours=True)
    failed = []
    for number, asked in enumerate(row.get("requests", ())):
        path, answer = asked["path"], asked["answer"]
        if isinstance(answer, str):
            more = t("{path}, en {ms} ms: {verbs}", path=path, ms=asked["ms"], verbs=answer or t("nada"))
            add(asked["at"], f"r{number}", "in", t("El centro contestó"), more, ours=True)
        else:
            failed.append(path)
            more = t("{path}: {why} (código {code})", path=path, why=asked["why"], code=answer)
            add(asked["at"], f"r{number}", "stop", t("El centro no supo qué decir"), more)
    for number, line in enumerate(row["transcript"]):
        icon, what, more, ours = _line(line, language)
        if what and not (line["did"] == "error" and any(f"{path}:" in line["text"] for path in failed)):
            links = links_to_folios(line["text"], config, language) if line["did"] == "said" else ()
            add(line["at"], f"e{number}", icon, what, more, ours=ours, links=links)
    if row["ended_at"]:
        words = t("Duró {time}", time=spoken_time(row["duration"])) if row["duration"] else ""
        add(row["ended_at"] - start, "end", "hangup", t("La llamada terminó"), words)
    return made


def _line(line: Mapping[str, Any], language: str) -> tuple[str, str, str, bool]:
    """icon, what, more, whether the centre did it; what "" for what the phone itself shows well enough."""

    def t(msgid: str, **params: object) -> str:
        return translate(language, msgid, **params)

    text = line["text"]
    unheard = t("Nadie escuchaba en ese momento") if line.get("unheard") else ""
    match line["who"], line["did"]:
        case "caller", "pressed":
            return "pad", t("Tecla {keys}", keys=" ".join(text)), unheard, False
        case "caller", "said":
            return "talk", t("Se dijo algo"), unheard or f"«{text}»", False
        case "city", "joined":
            return "people", t("Espera en la sala {room}", room=text), "", True
        case "city", "other joined":
            return "people", t("Contestó {who}", who=text), "", True
        case "city", "other left":
            return "people", t("Se fue {who}", who=text), "", True
        case "city", "held":
            return "wait", t("En espera"), "", True
        case "city", "unheld":
            return "people", t("Fuera de espera"), "", True
        case "city", "recording began":
            return "dot", t("Empieza la grabación"), "", True
        case "city", "recording paused":
            return "dot", t("Grabación en pausa"), "", True
        case "city", "recording resumed":
            return "dot", t("Sigue la grabación"), "", True
        case "city", "recording ended":
            return "dot", t("Termina la grabación"), "", True
        case "city", "error":
            return "stop", t("Algo falló"), text, False
    return "", "", "", False


def _told_entries(
    row: Mapping[str, Any], notices: Sequence[Mapping[str, Any]], language: str
) -> list[tuple[float, Entry]]:
    made = []
    for notice in notices:
        form = notice["form"]
        about = form.get("RecordingStatus") or form.get("StatusCallbackEvent") or form.get("CallStatus", "")
        is_open = notice["state"] == "due"
        taken = notice["state"] == "done"
        what = translate(language, "Se avisa al centro: {about}", about=about)
        more = (
            translate(language, "Contestó {answer}", answer=notice["answer"])
            if notice["answer"]
            else translate(language, "Todavía no")
        )
        icon = "ok" if taken else "wait" if is_open else "stop"
        entry = Entry(f"n{notice['id']}", icon, taken, what, more, clock(notice["born"], "%H:%M:%S"))
        made.append((notice["born"] + 1e-3, entry))
    return made
