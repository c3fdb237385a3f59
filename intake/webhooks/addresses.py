"""Where we may send: https, to machines that anybody on the internet could reach. Pure.

Whoever names an address must not be able to make us speak to our own network: the name is resolved by us, every address it has
must be public, and the connection goes to the address that was looked at (`sending.py`), so that it cannot change in between.
"""

import ipaddress
from urllib.parse import SplitResult, urlsplit

from kernel.errors import InvalidInput

MAX_URL = 2000
_V4_IN_V6 = ipaddress.ip_network("64:ff9b::/96")

# What a name may be in the DNS.
_LONGEST_HOST, _LONGEST_LABEL = 253, 63

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def check_url(url: str, *, allow_loopback: bool) -> SplitResult:
    """The address, split. Raises InvalidInput. Whether its name leads somewhere is found out at each call."""
    if not url or len(url) > MAX_URL or any(letter.isspace() or ord(letter) < 32 or letter == "\\" for letter in url):
        raise InvalidInput("Escribe la dirección completa, como https://sistema.example/avisos.", field="url")
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        host = None
    if not host or len(host) > _LONGEST_HOST or any(len(label) > _LONGEST_LABEL for label in host.split(".")):
        raise InvalidInput("Escribe la dirección completa, como https://sistema.example/avisos.", field="url")
    if parts.username is not None or parts.password is not None or parts.fragment:
        raise InvalidInput("La dirección no puede llevar usuario, contraseña ni #.", field="url")
    literal = read_address(host)
    is_local = host == "localhost" or (literal is not None and literal.is_loopback)
    if parts.scheme != "https" and not (parts.scheme == "http" and allow_loopback and is_local):
        raise InvalidInput("La dirección debe empezar con https://.", field="url")
    if literal is not None and not may_reach(literal, allow_loopback=allow_loopback):
        raise InvalidInput("Esa dirección es de una red privada: no se le puede avisar.", field="url")
    if literal is None and not allow_loopback and (host == "localhost" or "." not in host.strip(".")):
        raise InvalidInput("Esa dirección es de una red privada: no se le puede avisar.", field="url")
    return parts


def read_address(host: str) -> Address | None:
    """The address that `host` is, or None for a name."""
    try:
        return ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return None


def may_reach(address: Address, *, allow_loopback: bool) -> bool:
    """Whether this is a machine on the internet; with `allow_loopback` also this one."""
    inner = _inside(address)
    if inner is not None:
        return may_reach(inner, allow_loopback=allow_loopback)
    if address.is_loopback:
        return allow_loopback
    return address.is_global and not address.is_multicast and not address.is_reserved


def _inside(address: Address) -> Address | None:
    """The IPv4 address that an IPv6 address stands for, by any of the ways in which one can."""
    if not isinstance(address, ipaddress.IPv6Address):
        return None
    if address in _V4_IN_V6:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else None)
