import socket
from contextlib import suppress
from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wework_message.adapters.host_names import NO_PORT, host_and_port, is_host


@pytest.mark.parametrize(
    "text",
    ["a", "localhost", "db.example.com.", "my_db", "x--y", "1a", "a.1b", "bücher.example", "数据库", "10.0.0.1", "127.1", "::1", "::ffff:10.0.0.1", "a" * 63],
)  # fmt: skip
def test_what_a_resolver_can_be_asked_for(text: str) -> None:
    assert is_host(text)


@pytest.mark.parametrize(
    "text",
    [
        "", ".", "..", "a..b", ".a", "-a", "a-", "a b", "a\n", "a/b", "*", "%", "a@b", "a:1", "tcp://10.0.0.1:23456", "http://a", "[::1]", "::g", ":::",
        "fe80::1%eth0", "256.1.1.1", "999.9.9.9", "10.0.0.1.5", "a.1", "99999999999", "a" * 64, "a." * 127 + "b", "é" * 80, "\udc80", "a\0b",
    ],
)  # fmt: skip
def test_what_no_machine_is_called(text: str) -> None:
    assert not is_host(text)


@given(st.from_type(IPv4Address) | st.from_type(IPv6Address))
def test_every_address_is_a_host(address: IPv4Address | IPv6Address) -> None:
    assert is_host(str(address).partition("%")[0])


@given(st.text(max_size=40))
def test_a_host_can_be_given_to_a_resolver(text: str) -> None:
    """Which asks nobody here, and takes an address or says that there is none."""
    if is_host(text):
        with suppress(socket.gaierror):
            socket.getaddrinfo(text, 1, flags=socket.AI_NUMERICHOST)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a", ("a", NO_PORT)), ("a:1", ("a", 1)), ("a:65535", ("a", 65_535)), ("[::1]", ("::1", NO_PORT)), ("[::1]:80", ("::1", 80)),
        ("10.0.0.1:08", ("10.0.0.1", 8)),
        *[(text, None) for text in ("", ":1", "a:", "a:0", "a:65536", "a:99999999", "a:b", "a:1:2", "::1", "[::1", "[]:1", "[a]:1", "[::1]1", "[::1]:", "[10.0.0.1]", "[v1.x]", "a:٣", "u@a:1", "a:1 ")],
    ],
)  # fmt: skip
def test_a_host_with_its_port(text: str, expected: tuple[str, int] | None) -> None:
    assert host_and_port(text) == expected
