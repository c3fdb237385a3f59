"""Reading what a channel or a form gives as "where to reach this person". Pure; nothing is looked up.

Mexican mobiles: until 2019 a `1` stood between country code and number, and some networks still send `+521…`. It is the
same person as `+52…`, so the key drops it; the reply goes to the address as it was received.
Source: https://www.ift.org.mx (marcación a 10 dígitos, August 2019).
"""

import re
from collections.abc import Collection
from dataclasses import dataclass

import phonenumbers

from kernel.errors import InvalidInput

REGION = "MX"
_SEPARATORS = re.compile(r"[\s\-.()/\u00a0\u202f]+")
_OLD_MOBILE = re.compile(r"\+521(\d{10})")
# Prefixes people still dial inside Mexico: national and local mobile, abolished in 2019.
_OLD_TRUNK = re.compile(r"(?:01|044|045)(\d{10})")
_PEOPLE_HAVE = (
    phonenumbers.PhoneNumberType.FIXED_LINE,
    phonenumbers.PhoneNumberType.MOBILE,
    phonenumbers.PhoneNumberType.FIXED_LINE_OR_MOBILE,
)
_EMAIL = re.compile(r"[^\s@]+@[^\s@.]+(?:\.[^\s@.]+)+")
_SHORT_CODE = re.compile(r"\*?\d{3,8}")
_WITHHELD_WORDS = frozenset(
    ("", "anonymous", "anonimo", "blocked", "private", "privado", "restricted", "unavailable", "unknown", "withheld")
)
# How a provider spells a hidden caller on a telephone keypad: ANONYMOUS, RESTRICTED, BLOCKED, UNKNOWN, UNAVAILABLE.
_WITHHELD_NUMBERS = frozenset(("+266696687", "+7378742833", "+2562533", "+8656696", "+86282452253"))


@dataclass(frozen=True)
class Address:
    """`kind` is phone, email, whatsapp, telegram, web_chat, sender (a short code or a name, usually a machine) or withheld.

    key: what two writings of one address have in common; None when the address must never be merged with another.
    reachable: where a reply is sent.
    """

    kind: str
    key: str | None
    reachable: str

    @property
    def last_digits(self) -> str:
        """The last four digits of a phone, for screens that must not show the rest."""
        return (self.phone or "")[-4:]

    @property
    def phone(self) -> str | None:
        """The telephone number (E.164) behind this address, where its network vouches for one."""
        is_number = self.kind == "phone" or (self.kind == "whatsapp" and (self.key or "").startswith("+"))
        return self.key if is_number else None


def read_phone(text: str) -> Address:
    """A telephone number as people or networks write it. Raises InvalidInput when it cannot be one."""
    plain = _SEPARATORS.sub("", text.strip())
    if plain.startswith("00"):
        plain = "+" + plain[2:]
    if old := _OLD_TRUNK.fullmatch(plain):
        plain = old[1]
    same_as = _OLD_MOBILE.sub(r"+52\1", plain)
    try:
        number = phonenumbers.parse(same_as, REGION)
    except phonenumbers.NumberParseException:
        number = None
    if number is None or not phonenumbers.is_possible_number(number) or not plain.lstrip("+").isdigit():
        raise InvalidInput("El teléfono tiene 10 números. Revisa y vuelve a escribirlo.", field="phone")
    key = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    return Address("phone", key, plain if plain.startswith("+") else key)


def read_phone_of(text: str, regions: Collection[str] = (REGION,)) -> Address:
    """As `read_phone`, for a form anybody may fill in: a home or mobile number of one of `regions` (ISO 3166-1 alpha-2).

    Raises InvalidInput for a foreign, premium, toll-free or satellite number: who profits from its messages may be who wrote it.
    """
    address = read_phone(text)
    number = phonenumbers.parse(address.key or "")
    if phonenumbers.region_code_for_number(number) not in regions or (
        phonenumbers.number_type(number) not in _PEOPLE_HAVE
    ):
        raise InvalidInput("Desde aquí solo mandamos mensajes a teléfonos de este país.", field="phone")
    return address


def read_email(text: str) -> Address:
    """An e-mail address; letters meet in lower case. Raises InvalidInput."""
    plain = text.strip()
    if len(plain) > 254 or not _EMAIL.fullmatch(plain):
        raise InvalidInput("Ese correo no parece completo. Ejemplo: nombre@correo.com", field="email")
    return Address("email", plain.lower(), plain)


def read(kind: str, text: str) -> Address:
    """An address of a known kind. Raises InvalidInput."""
    if kind == "email":
        return read_email(text)
    if kind == "phone":
        return read_phone(text)
    if kind == "whatsapp":
        return read_whatsapp(text)
    if kind in ("telegram", "web_chat"):
        return _read_id(kind, text)
    return read_sender(text)


def read_whatsapp(text: str) -> Address:
    """A WhatsApp user: a telephone number, or an id that is none. Raises InvalidInput for nothing at all."""
    plain = text.strip()
    try:
        number = read_phone(plain)
    except InvalidInput:
        return _read_id("whatsapp", plain)
    return Address("whatsapp", number.key, number.reachable)


def _read_id(kind: str, text: str) -> Address:
    plain = text.strip()
    if not plain or len(plain) > 254:
        raise InvalidInput("Falta de quién es el mensaje.", field="sender")
    return Address(kind, plain, plain)


def read_sender(text: str) -> Address:
    """Who a network says a message is from: a phone, a short code, a name, or nobody. Never raises."""
    plain = text.strip()
    if plain.casefold() in _WITHHELD_WORDS or plain in _WITHHELD_NUMBERS:
        return Address("withheld", None, plain)
    if _SHORT_CODE.fullmatch(plain):
        return Address("sender", plain, plain)
    try:
        return read_phone(plain)
    except InvalidInput:
        return Address("sender", plain.casefold(), plain)
