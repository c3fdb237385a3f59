"""What somebody wrote just now, without the history below it and without their signature. The whole mail stays in its payload."""

import re

from intake.conversations.dialogue import words

_BLOCK_LINES = 4
_ATTRIBUTION = re.compile(
    r"(?:^|\s)(?:El|On|Em|Le|Am|Il)\s.{4,300}?(?:escribi[oó]|wrote|escreveu|a écrit|schrieb|ha scritto)\s*:\s*$",
    re.I | re.S,
)
_RULE = re.compile(
    r"^[\s>]*(?:-{2,}\s*(?:mensaje original|mensaje reenviado|original message|forwarded message|mensaje adjunto)\s*-{2,}"
    r"|_{20,}|-{20,}|begin forwarded message:|inicio del mensaje reenviado:)\s*$",
    re.I,
)
_HEADER = re.compile(r"^\*?(de|from|enviado(?: el)?|sent|fecha|date|para|to|asunto|subject|cc)\s*:\*?\s", re.I)
_MOBILE = re.compile(
    r"^(?:enviado|sent|obtener|get|descarga|mandado|escrito)\b.{0,20}\b(?:iphone|ipad|android|outlook|samsung|galaxy|huawei|xiaomi"
    r"|motorola|blackberry|windows|yahoo|gmail|correo|mail|celular|m[oó]vil|mobile|phone|tel[eé]fono|proton)\b.{0,40}$",
    re.I,
)
_CLOSING = re.compile(
    r"^(?:muchas gracias|mil gracias|gracias|de antemano gracias|gracias de antemano|saludos|saludos cordiales|un saludo"
    r"|un cordial saludo|cordialmente|atentamente|atte|quedo atent[oa]|buen d[ií]a|excelente d[ií]a|thanks|thank you"
    r"|many thanks|regards|best regards|kind regards|best|cheers|sincerely)(?: y (?:saludos|gracias))?$",
    re.I,
)
_SMALL = frozenset(("de", "del", "la", "las", "los", "y", "e", "van", "von", "da", "dos"))
_REACH = re.compile(r"^[\w.: ]{0,12}?(?:\+?[\d\s().-]{8,20}|[^\s@]+@[^\s@]+|(?:https?://|www\.)\S+)$")
_MOST_NAME_LINES = 4


def fresh(text: str) -> str:
    """The new words of a mail. When all of it is history (a forwarded mail), the history."""
    lines = text.split("\n")
    kept = _without_signature(_without_history(lines))
    if kept:
        return kept
    return _without_signature([line.lstrip("> ") for line in lines]) or text.strip()


def answer(text: str) -> str:
    """The first line alone when it is a whole answer (`1`, `sí`, `BAJA`) and only a goodbye follows; else the text."""
    first, _, rest = text.partition("\n")
    said = words.plain(first)
    if said in words.OPT_OUT | words.OPT_IN:
        return first.strip()
    is_answer = (
        said in words.HELP | words.AGENT | words.CANCEL
        or words.option_number(said)
        or words.yes_or_no(said) is not None
    )
    if is_answer and not _without_goodbye([line.strip() for line in rest.split("\n")]):
        return first.strip()
    return text


def is_command(text: str) -> bool:
    """Whether the whole text is a word that always means the same, such as `BAJA`."""
    said = words.plain(text)
    return said in words.OPT_OUT | words.OPT_IN | words.HELP | words.AGENT


def _without_history(lines: list[str]) -> list[str]:
    kept: list[str] = []
    for at, line in enumerate(lines):
        if (_RULE.match(line) and _says_who(lines[at + 1 :])) or _is_header_block(lines[at:]):
            break
        if line.startswith(">"):
            _drop_attribution(kept)
            continue
        kept.append(line)
    _drop_attribution(kept)
    return kept


def _says_who(following: list[str]) -> bool:
    """A line across the page is history's only when a header follows it: people draw lines too."""
    told = [line.lstrip("> ") for line in following if line.strip("> ")]
    return bool(told) and bool(_HEADER.match(told[0]))


def _is_header_block(lines: list[str]) -> bool:
    """Outlook's way: `De: … Enviado: … Para: … Asunto: …` without a rule above."""
    names = [found[1].lower() for line in lines[:6] if (found := _HEADER.match(line))]
    return len(names) >= 3 and names[0] in ("de", "from") and bool(_HEADER.match(lines[0]))


def _drop_attribution(kept: list[str]) -> None:
    """Takes back the `El lunes … escribió:` that stands before a quotation, on up to three lines."""
    end = len(kept)
    while end and not kept[end - 1].strip():
        end -= 1
    for count in range(1, _BLOCK_LINES):
        begin = end - count
        if begin < 0:
            return
        if re.match(r"\s*(?:El|On|Em|Le|Am|Il)\s", kept[begin]) and _ATTRIBUTION.search(" ".join(kept[begin:end])):
            del kept[begin:]
            return


def _without_signature(lines: list[str]) -> str:
    for at, line in enumerate(lines):
        if line.rstrip("\r") in ("-- ", "--"):
            lines = lines[:at]
            break
    told = [line.strip() for line in lines if not _MOBILE.match(line.strip())]
    while told and not told[0]:
        told = told[1:]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(_without_goodbye(told))).strip()


def _without_goodbye(lines: list[str]) -> list[str]:
    """Without `Saludos` and the name, telephone and address below it; a name alone is left, for it may be an answer."""
    while lines and not lines[-1]:
        lines = lines[:-1]
    for count in range(1, _MOST_NAME_LINES + 4):
        at = len(lines) - count
        if at < 0:
            break
        below = [line for line in lines[at + 1 :] if line]
        if len(below) > _MOST_NAME_LINES or not all(_is_name(line) or _REACH.match(line) for line in below):
            break
        if _CLOSING.match(lines[at].strip(" .,;!¡")):
            return _without_goodbye(lines[:at])
    return lines


def _is_name(line: str) -> bool:
    told = re.sub(r"[.,|/-]", " ", line).split()
    return (
        0 < len(told) <= 5
        and all(word[:1].isupper() or word.lower() in _SMALL for word in told)
        and not any(letter.isdigit() for letter in line)
    )
