"""The address of whoever calls the webhook, behind proxies or not."""

from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wework_message.domain.callers import CallbackAccess, caller_address

PROXIES = (ip_network("10.0.0.0/8"), ip_network("fd00::/8"))
INSIDE = "198.51.100.7"
ACCESS = CallbackAccess(True, (ip_network("198.51.100.0/24"),), PROXIES)


@pytest.mark.parametrize(
    ("peer", "forwarded", "address"),
    [
        ("203.0.113.9", [], "203.0.113.9"),
        ("203.0.113.9", [INSIDE], "203.0.113.9"),  # no proxy of ours: what it says is not looked at
        ("10.0.0.1", [], "10.0.0.1"),
        ("10.0.0.1", ["203.0.113.9"], "203.0.113.9"),
        ("10.0.0.1", [f"{INSIDE}, 203.0.113.9"], "203.0.113.9"),  # the caller wrote the first one
        ("10.0.0.1", [INSIDE, "203.0.113.9"], "203.0.113.9"),  # in two headers
        ("10.0.0.1", ["203.0.113.9, 10.0.0.2"], "203.0.113.9"),  # two proxies of ours
        ("10.0.0.1", ["203.0.113.9", " 10.0.0.2 ,10.0.0.3 "], "203.0.113.9"),
        ("10.0.0.1", ["10.0.0.2"], "10.0.0.2"),  # everybody is one of us
        ("10.0.0.1", ["nonsense"], None),
        ("10.0.0.1", ["203.0.113.9, nonsense"], None),
        ("10.0.0.1", [f"{INSIDE},"], None),
        ("10.0.0.1", ["203.0.113.9:4711"], None),
        ("::ffff:10.0.0.1", ["203.0.113.9"], "203.0.113.9"),
        ("fd00::1", ["2001:db8::5"], "2001:db8::5"),
        ("fd00::1", ["::ffff:198.51.100.7"], INSIDE),
        (None, [INSIDE], None),
        ("", [INSIDE], None),
        ("a socket", [INSIDE], None),
    ],
)
def test_the_caller_is_the_rightmost_address_that_is_no_proxy_of_ours(
    peer: str | None, forwarded: list[str], address: str | None
) -> None:
    assert caller_address(peer, forwarded, PROXIES) == (None if address is None else ip_address(address))


@given(spoofed=st.lists(st.text() | st.ip_addresses().map(str), max_size=5))
def test_no_header_of_a_stranger_makes_it_somebody_else(spoofed: list[str]) -> None:
    assert not ACCESS.allows("203.0.113.9", spoofed)
    # our proxy adds at the right who called it
    assert not ACCESS.allows("10.0.0.1", [*spoofed, "203.0.113.9"])
    assert not ACCESS.allows("10.0.0.1", [", ".join([*spoofed, "203.0.113.9"])])


def test_an_allowed_address_is_allowed_with_and_without_a_proxy() -> None:
    assert ACCESS.allows(INSIDE, [])
    assert ACCESS.allows("10.0.0.1", [INSIDE])
    assert not ACCESS.allows("10.0.0.1", [])
    assert not CallbackAccess(True).allows(INSIDE, [])
    assert not CallbackAccess(True, (ip_network("fd00::/8"),)).allows(INSIDE, [])
