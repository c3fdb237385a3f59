"""Nobody makes us speak to our own network by naming an address."""

import ipaddress

import pytest

from intake.webhooks.addresses import check_url, may_reach
from kernel.errors import InvalidInput

PRIVATE = [
    "127.0.0.1",
    "127.8.8.8",
    "10.1.2.3",
    "172.16.0.1",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "0.0.0.0",
    "255.255.255.255",
    "224.0.0.1",
    "240.0.0.1",
    "192.0.2.1",
    "198.18.0.1",
    "::1",
    "::",
    "fe80::1",
    "fc00::1",
    "fd12:3456::1",
    "ff02::1",
    "2001:db8::1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:169.254.169.254",
    "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe",
    "2002:7f00:1::",
    "2002:a00:1::",
]


@pytest.mark.parametrize("address", PRIVATE)
def test_private_addresses_are_out_of_reach(address: str) -> None:
    assert not may_reach(ipaddress.ip_address(address), allow_loopback=False)


@pytest.mark.parametrize("address", ["8.8.8.8", "189.240.0.1", "2606:4700::1111", "64:ff9b::808:808"])
def test_public_addresses_are_not(address: str) -> None:
    assert may_reach(ipaddress.ip_address(address), allow_loopback=False)


@pytest.mark.parametrize("address", PRIVATE)
def test_the_demo_may_reach_this_machine_and_nothing_else(address: str) -> None:
    inside = ("127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::")
    assert may_reach(ipaddress.ip_address(address), allow_loopback=True) == (address in inside)


@pytest.mark.parametrize(
    "url",
    [
        "https://sistema.example/avisos",
        "https://sistema.example:8443/avisos?ciudad=1",
        "https://8.8.8.8/x",
        "https://[2606:4700::1111]/x",
        "https://acción.example/avisos",
    ],
)
def test_https_addresses_are_taken(url: str) -> None:
    check_url(url, allow_loopback=False)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "sistema.example",
        "http://sistema.example/avisos",
        "ftp://sistema.example/",
        "file:///etc/passwd",
        "https://",
        "https:///avisos",
        "https://usuario:clave@sistema.example/",
        "https://usuario@sistema.example/",
        "https://sistema.example/#x",
        "https://sistema.example:99999/",
        "https://sistema.example:x/",
        "https://[::1/",
        "https://sistema.example\\@127.0.0.1/",
        "https://sistema.example/a b",
        "https://sistema.example/\r\nx: y",
        "https://localhost/",
        "https://intranet/",
        "https://2130706433/",
        "https://127.0.0.1/",
        "https://169.254.169.254/latest/meta-data",
        "https://[::1]/",
        "https://[::ffff:10.0.0.1]/",
        "https://" + "a" * 2000 + ".example/",
    ],
)
def test_everything_else_is_refused(url: str) -> None:
    with pytest.raises(InvalidInput):
        check_url(url, allow_loopback=False)


def test_http_is_for_this_machine_and_only_where_that_is_allowed() -> None:
    for url in ("http://localhost:8399/", "http://127.0.0.1:8399/", "http://[::1]:8399/"):
        check_url(url, allow_loopback=True)
    for url in ("http://sistema.example/", "http://10.0.0.1/", "https://10.0.0.1/"):
        with pytest.raises(InvalidInput):
            check_url(url, allow_loopback=True)


@pytest.mark.parametrize("host", ["a" * 64 + ".example", ".".join(["abcdefghi"] * 26)])
def test_a_name_that_no_server_can_have_is_refused(host: str) -> None:
    with pytest.raises(InvalidInput):
        check_url(f"https://{host}/", allow_loopback=False)
    check_url(f"https://{'a' * 63}.example/", allow_loopback=False)
