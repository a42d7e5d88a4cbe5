from ipaddress import IPv4Address, IPv4Network, IPv6Address, ip_address
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wework_message.domain.errors import InvalidValueError
from wework_message.domain.outbound import AddressPolicy, Target, networks_of, origin_of
from wework_message.domain.ports.outbound import OutboundAnswer, OutboundOutcome

PUBLIC: Final = AddressPolicy()
OPENED: Final = AddressPolicy(networks_of(("10.1.0.0/16", "127.0.0.1", "fd12::/16", "::1")))

LONG_NAME: Final = "a." * 125 + "com"
"""253 characters."""

NAMES: Final = {
    LONG_NAME: "8.8.8.8",
    "hooks.example.com": "93.184.216.34",
    "both.example.com": "93.184.216.34 2606:2800:220:1::1",
    "xn--fsqu00a.xn--0zwm56d": "8.8.8.8",
    "my_service.example.com": "8.8.8.8",
    "nowhere.example.com": "",
    "localhost": "127.0.0.1 ::1",
    "localtest.me": "127.0.0.1",
    "intranet": "10.1.2.3",
    "elsewhere.internal": "10.2.0.1",
    "metadata.google.internal": "169.254.169.254",
    "rebound.example.com": "93.184.216.34 127.0.0.1",
    "half-private.example.com": "10.1.2.3 93.184.216.34",
    "half-other.example.com": "10.1.2.3 10.2.0.1",
    "mapped.example.com": "::ffff:10.1.2.3",
    "nat64.example.com": "64:ff9b::808:808",
    "127.0.0.1.nip.io": "127.0.0.1",
    "1.1.1.1.example.com": "1.1.1.1",
}

# What a URL is: `ok` = called, `no` = its host's addresses are not allowed, otherwise a part of the text that refuses it.
TABLE: Final = (
    # (URL, without opened networks, with them)
    ("https://hooks.example.com", "ok", "ok"),
    ("https://hooks.example.com/wecom?x=1&y=%20", "ok", "ok"),
    ("HTTPS://Hooks.Example.COM/Path", "ok", "ok"),
    ("https://hooks.example.com?x=1", "ok", "ok"),
    ("https://hooks.example.com:443/", "ok", "ok"),
    ("https://hooks.example.com:8443/", "ok", "ok"),
    ("https://hooks.example.com:65535/", "ok", "ok"),
    ("https://hooks.example.com:1024/", "ok", "ok"),
    ("https://hooks.example.com/".ljust(2048, "a"), "ok", "ok"),
    (f"https://{LONG_NAME}/", "ok", "ok"),
    ("https://both.example.com/", "ok", "ok"),
    ("https://xn--fsqu00a.xn--0zwm56d/", "ok", "ok"),
    ("https://my_service.example.com/", "ok", "ok"),
    ("https://1.1.1.1.example.com/", "ok", "ok"),
    ("https://93.184.216.34/", "ok", "ok"),
    ("https://[2606:2800:220:1::1]:8443/x", "ok", "ok"),
    # Names of addresses that are not public, or not all of them
    ("https://nowhere.example.com/", "no", "no"),
    ("https://localhost/", "no", "ok"),
    ("https://localtest.me/", "no", "ok"),
    ("https://127.0.0.1.nip.io/", "no", "ok"),
    ("https://intranet/", "no", "ok"),
    ("https://elsewhere.internal/", "no", "no"),
    ("https://metadata.google.internal/computeMetadata/v1/", "no", "no"),
    ("https://rebound.example.com/", "no", "ok"),
    ("https://half-private.example.com/", "no", "ok"),
    ("https://half-other.example.com/", "no", "no"),
    ("https://mapped.example.com/", "no", "no"),
    ("https://nat64.example.com/", "no", "no"),
    # http only within the opened networks
    ("http://hooks.example.com/", "https://", "no"),
    ("http://half-private.example.com/", "https://", "no"),
    ("http://93.184.216.34/", "https://", "public internet"),
    ("http://intranet/", "https://", "ok"),
    ("http://intranet:8080/", "https://", "ok"),
    ("http://10.1.255.255/", "https://", "ok"),
    ("http://127.0.0.1:9000/", "https://", "ok"),
    ("http://[::1]:9000/", "https://", "ok"),
    # Addresses: loopback, private, shared, link-local, metadata
    ("https://127.0.0.1/", "public internet", "ok"),
    ("https://127.0.0.2/", "public internet", "public internet"),
    ("https://0.0.0.0/", "public internet", "public internet"),
    ("https://10.1.2.3/", "public internet", "ok"),
    ("https://10.2.0.1/", "public internet", "public internet"),
    ("https://172.31.255.255/", "public internet", "public internet"),
    ("https://192.168.1.1/", "public internet", "public internet"),
    ("https://100.64.0.1/", "public internet", "public internet"),
    ("https://100.100.100.200/latest/meta-data/", "public internet", "public internet"),
    ("https://169.254.169.254/latest/meta-data/", "public internet", "public internet"),
    ("https://168.63.129.16/", "public internet", "public internet"),
    ("https://192.0.0.8/", "public internet", "public internet"),
    ("https://192.0.2.1/", "public internet", "public internet"),
    ("https://192.88.99.1/", "public internet", "public internet"),
    ("https://198.19.0.1/", "public internet", "public internet"),
    ("https://203.0.113.9/", "public internet", "public internet"),
    ("https://224.0.0.1/", "public internet", "public internet"),
    ("https://255.255.255.255/", "public internet", "public internet"),
    ("https://[::]/", "public internet", "public internet"),
    ("https://[::1]/", "public internet", "ok"),
    ("https://[fd12::7]/", "public internet", "ok"),
    ("https://[fd00:ec2::254]/", "public internet", "public internet"),
    ("https://[fe80::1]/", "public internet", "public internet"),
    ("https://[ff02::1]/", "public internet", "public internet"),
    ("https://[2001:db8::1]/", "public internet", "public internet"),
    ("https://[2001:2::1]/", "public internet", "public internet"),
    ("https://[100::1]/", "public internet", "public internet"),
    ("https://[3fff::1]/", "public internet", "public internet"),
    # Addresses that embed another one
    ("https://[::ffff:127.0.0.1]/", "public internet", "public internet"),
    ("https://[::ffff:5db8:d822]/", "public internet", "public internet"),
    ("https://[::127.0.0.1]/", "public internet", "public internet"),
    ("https://[64:ff9b::7f00:1]/", "public internet", "public internet"),
    ("https://[64:ff9b:1::a00:1]/", "public internet", "public internet"),
    ("https://[2002:7f00:1::]/", "public internet", "public internet"),
    ("https://[2001:0:7f00:1::]/", "public internet", "public internet"),
    # Other spellings of an IPv4 address are refused, not interpreted
    ("https://2130706433/", "four decimal numbers", "four decimal numbers"),
    ("https://0x7f000001/", "four decimal numbers", "four decimal numbers"),
    ("https://0x7f.0.0.1/", "four decimal numbers", "four decimal numbers"),
    ("https://0177.0.0.1/", "four decimal numbers", "four decimal numbers"),
    ("https://017700000001/", "four decimal numbers", "four decimal numbers"),
    ("https://127.1/", "four decimal numbers", "four decimal numbers"),
    ("https://127.0.1/", "four decimal numbers", "four decimal numbers"),
    ("https://127.0.0.0x1/", "four decimal numbers", "four decimal numbers"),
    ("https://127.0.0.01/", "four decimal numbers", "four decimal numbers"),
    ("https://256.1.1.1/", "four decimal numbers", "four decimal numbers"),
    ("https://1.2.3.4.5/", "four decimal numbers", "four decimal numbers"),
    ("https://example.0x/", "four decimal numbers", "four decimal numbers"),
    ("https://[127.0.0.1]/", "in brackets", "in brackets"),
    ("https://[::1::]/", "in brackets", "in brackets"),
    ("https://[fe80::1%25eth0]/", "letters, digits", "letters, digits"),
    ("https://127.0.0.1./", "name of the DNS", "name of the DNS"),
    ("https://localhost./", "name of the DNS", "name of the DNS"),
    ("https://.example.com/", "name of the DNS", "name of the DNS"),
    ("https://-a.example.com/", "name of the DNS", "name of the DNS"),
    (f"https://{'a' * 64}.example.com/", "name of the DNS", "name of the DNS"),
    (f"https://a{LONG_NAME}/", "name of the DNS", "name of the DNS"),
    ("https://%31%32%37.0.0.1/", "letters, digits", "letters, digits"),
    # User information, other characters, other scripts
    ("https://user@hooks.example.com/", "user or a password", "user or a password"),
    ("https://hooks.example.com@127.0.0.1/", "user or a password", "user or a password"),
    ("https://user:pass@hooks.example.com/", "user or a password", "user or a password"),
    ("https://hooks.example.com\\@127.0.0.1/", "backslashes", "backslashes"),
    ("https://hooks.example.com#@127.0.0.1/", "#", "#"),
    ("https://①②⑦.⓪.⓪.①/", "printable ASCII", "printable ASCII"),
    ("https://127。0。0。1/", "printable ASCII", "printable ASCII"),
    ("https://例子.测试/", "xn--", "xn--"),
    ("https://faß.de/", "xn--", "xn--"),
    ("https://hooks.example.com/a b", "blanks", "blanks"),
    ("https://hooks.example.com/\r\nHost: x", "printable ASCII", "printable ASCII"),
    ("https://hoo\tks.example.com/", "printable ASCII", "printable ASCII"),
    # Ports
    ("https://hooks.example.com:22/", "port", "port"),
    ("https://hooks.example.com:25/", "port", "port"),
    ("https://hooks.example.com:1023/", "port", "port"),
    ("https://hooks.example.com:0/", "port", "port"),
    ("https://hooks.example.com:65536/", "port", "port"),
    ("https://hooks.example.com:/", "letters, digits", "letters, digits"),
    ("https://hooks.example.com:0x1bb/", "letters, digits", "letters, digits"),
    ("https://::1/", "letters, digits", "letters, digits"),
    # Schemes, and texts that are no URLs
    ("ftp://hooks.example.com/", "https://", "https://"),
    ("file:///etc/passwd", "https://", "https://"),
    ("gopher://127.0.0.1:6379/_", "https://", "https://"),
    ("javascript:alert(1)", "https://", "https://"),
    ("https:hooks.example.com", "https://", "https://"),
    ("https:///hooks.example.com", "https://", "https://"),
    ("//hooks.example.com/", "https://", "https://"),
    ("hooks.example.com", "https://", "https://"),
    ("", "https://", "https://"),
    ("https://hooks.example.com/".ljust(2049, "a"), "2048", "2048"),
)


def addresses_of(target: Target) -> list[IPv4Address | IPv6Address]:
    texts = str(target.address) if target.address is not None else NAMES[target.host]
    return [ip_address(text) for text in texts.split()]


def verdict(policy: AddressPolicy, url: str) -> str:
    try:
        target = policy.target(url)
    except InvalidValueError as error:
        return error.message
    return "ok" if policy.allows(target, addresses_of(target)) else "no"


@pytest.mark.parametrize(("url", "expected", "expected_opened"), TABLE, ids=[row[0][:60] for row in TABLE])
def test_a_url_is_called_where_all_addresses_of_its_host_may_be(url: str, expected: str, expected_opened: str) -> None:
    for policy, text in ((PUBLIC, expected), (OPENED, expected_opened)):
        said = verdict(policy, url)
        assert said == text if text in {"ok", "no"} else text in said


def test_an_error_names_the_field_and_does_not_quote_the_url() -> None:
    with pytest.raises(InvalidValueError) as raised:
        PUBLIC.target("https://secret-token@hooks.example.com/", path="endpoint.url")
    assert (raised.value.path, "secret-token" in str(raised.value)) == ("endpoint.url", False)


def test_the_table_is_long_and_has_urls_that_are_called() -> None:
    assert len(TABLE) >= 60
    assert sum(row[1] == "ok" for row in TABLE) >= 10


@pytest.mark.parametrize(
    ("url", "origin", "path"),
    [
        ("https://Hooks.example.com", "https://hooks.example.com:443", "/"),
        ("https://hooks.example.com?x=1", "https://hooks.example.com:443", "/?x=1"),
        ("http://10.1.2.3/a/%20?b=/c", "http://10.1.2.3:80", "/a/%20?b=/c"),
        ("https://[FD12:0:0::7]:8443//x", "https://[fd12::7]:8443", "//x"),
    ],
)
def test_a_target_has_one_origin_and_the_path_as_it_is(url: str, origin: str, path: str) -> None:
    target = OPENED.target(url)
    assert (target.origin, target.path) == (origin, path)


def test_an_origin_is_scheme_host_and_port_of_what_can_be_called() -> None:
    assert origin_of("https://Host.example/a") == origin_of("https://host.example:443/b") == "https://host.example:443"
    assert origin_of("http://host.example/a") == "http://host.example:80"
    for url in ("x", "https:///x", "https://u@h/", "https://h:99999/", "https://h:0/", "https://[::1/"):
        assert origin_of(url) is None


V4: Final = st.ip_addresses(v=4).map(IPv4Address)
A_NAME: Final = PUBLIC.target("https://hooks.example.com")


@given(V4, st.sampled_from(["::ffff:0:0", "::", "64:ff9b::", "64:ff9b:1::"]))
def test_no_address_that_embeds_an_ipv4_address_is_public(address: IPv4Address, prefix: str) -> None:
    embedding = IPv6Address(int(IPv6Address(prefix)) | int(address))
    assert not PUBLIC.allows(A_NAME, [embedding])
    assert not PUBLIC.allows(A_NAME, [IPv6Address((0x2002 << 112) | (int(address) << 80))])


@given(st.ip_addresses())
def test_what_python_calls_special_is_never_public(address: IPv4Address | IPv6Address) -> None:
    special = (
        address.is_multicast
        or address.is_reserved
        or address.is_loopback
        or address.is_link_local
        or address.is_private
    )
    assert not (special and PUBLIC.allows(A_NAME, [address]))


@given(st.lists(V4, min_size=1, max_size=4))
def test_one_address_that_is_not_allowed_spoils_the_name(addresses: list[IPv4Address]) -> None:
    assert not PUBLIC.allows(A_NAME, [*addresses, IPv4Address("10.1.2.3")])
    assert PUBLIC.allows(A_NAME, addresses) is all(PUBLIC.allows(A_NAME, [address]) for address in addresses)


@pytest.mark.parametrize(
    "address",
    [
        "169.254.169.254",
        "100.100.100.200",
        "0.0.0.0",  # noqa: S104 -- an address to refuse
        "255.255.255.255",
        "::ffff:a9fe:a9fe",
        "64:ff9b::a9fe:a9fe",
        "fe80::1",
    ],
)
def test_no_setting_opens_metadata(address: str) -> None:
    everything = AddressPolicy(networks_of(("0.0.0.0/0", "::/0")))
    assert not everything.allows(everything.target("https://hooks.example.com"), [ip_address(address)])
    assert everything.allows(everything.target("http://hooks.example.com"), [ip_address("192.168.1.1")])


def test_networks_are_read_from_their_usual_form() -> None:
    assert networks_of(("10.1.2.3", "10.1.0.0/16"))[0] == IPv4Network("10.1.2.3/32")
    assert networks_of(()) == ()


@pytest.mark.parametrize(
    "text", ["", "10.0.0.1/8", "10.0.0.0/33", "hooks.example.com", "169.254.169.254", "fe80::/64", "*"]
)
def test_another_text_or_a_network_that_is_never_allowed_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        networks_of(("10.1.0.0/16", text))


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (200, "DELIVERED"),
        (299, "DELIVERED"),
        (300, "REDIRECT"),
        (399, "REDIRECT"),
        (400, "REFUSED"),
        (503, "REFUSED"),
        (999, "REFUSED"),
    ],
)
def test_a_status_says_whether_it_was_delivered(status: int, outcome: str) -> None:
    assert OutboundAnswer.of_status(status) == OutboundAnswer(OutboundOutcome(outcome), status)
