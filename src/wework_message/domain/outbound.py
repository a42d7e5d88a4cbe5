"""Which URLs of clients we call, and at which addresses (ADR 55).

Python's `is_global` is not used: it takes addresses for public that embed private ones (6to4, NAT64), and its answers
change with the version. The tables here are those of IANA's registries of special-purpose addresses.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Final

from wework_message.domain.errors import InvalidValueError
from wework_message.domain.networks import Address, Network, is_in

MAX_URL_LENGTH: Final = 2048
HTTPS_PORT: Final = 443
HTTP_PORT: Final = 80
FIRST_USER_PORT: Final = 1024
"""Ports below it belong to other protocols (mail, remote shells, directories), except those of HTTP."""

_MAX_PORT: Final = 65_535
_MAX_HOST_LENGTH: Final = 253


def _networks(*texts: str) -> tuple[Network, ...]:
    return tuple(ip_network(text) for text in texts)


_NOT_PUBLIC: Final = _networks(
    "0.0.0.0/8",  # this host and this network
    "10.0.0.0/8",  # private
    "100.64.0.0/10",  # behind a carrier's NAT; at Alibaba Cloud also metadata
    "127.0.0.0/8",  # loopback
    "169.254.0.0/16",  # link-local, with the metadata of most clouds
    "172.16.0.0/12",  # private
    "192.0.0.0/24",  # protocol assignments
    "192.0.2.0/24",  # documentation
    "192.31.196.0/24",  # AS112
    "192.52.193.0/24",  # automatic multicast tunnels
    "192.88.99.0/24",  # 6to4 relays
    "192.168.0.0/16",  # private
    "192.175.48.0/24",  # AS112
    "198.18.0.0/15",  # benchmarks
    "198.51.100.0/24",  # documentation
    "203.0.113.0/24",  # documentation
    "168.63.129.16/32",  # metadata and DNS of Azure, in a public network
    "224.0.0.0/4",  # multicast
    "240.0.0.0/4",  # reserved, and broadcast
    # IPv6: only 2000::/3 is given out. Outside are loopback, unspecified, IPv4-mapped and -compatible, NAT64, discard,
    # segment routing, unique-local, link-local, site-local and multicast addresses.
    "::/3",
    "4000::/2",
    "8000::/1",
    "2001::/23",  # protocol assignments: Teredo, benchmarks, ORCHID
    "2001:db8::/32",  # documentation
    "2002::/16",  # 6to4 embeds any IPv4 address
    "2620:4f:8000::/48",  # AS112
    "3fff::/20",  # documentation
)

_NEVER: Final = _networks(
    "0.0.0.0/8",
    "100.100.100.200/32",  # metadata of Alibaba Cloud
    "168.63.129.16/32",
    "169.254.0.0/16",
    "192.0.0.192/32",  # metadata of Oracle Cloud
    "224.0.0.0/4",
    "240.0.0.0/4",
    "::/128",
    "::ffff:0:0/96",  # IPv4-mapped: the IPv4 address itself is checked, not another spelling of it
    "64:ff9b::/96",  # NAT64, of any IPv4 address
    "64:ff9b:1::/48",  # NAT64 of a network's own
    "2002::/16",
    "fd00:ec2::254/128",  # metadata of AWS
    "fd20:ce::254/128",  # metadata of Google Cloud
    "fe80::/10",
    "ff00::/8",
)
"""No setting opens these: the credentials of the machine are there, or nothing that could receive."""

_URL: Final = re.compile(r"(?P<scheme>https?)://(?P<authority>[^/?]+)(?P<rest>.*)", re.IGNORECASE)
_AUTHORITY: Final = re.compile(r"(?P<host>\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::(?P<port>[0-9]{1,5}))?")
_LABEL: Final = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_NUMBER: Final = re.compile(r"[0-9]+|0x[0-9a-f]*")
"""A last label that makes other programs read the whole host as an IPv4 address, in one of its many forms."""


@dataclass(frozen=True, slots=True)
class Target:
    """A URL that may be called, if the addresses of its host may."""

    secure: bool
    """https."""
    host: str
    """A name in lower case, or an address without brackets."""
    port: int
    path: str
    """Path and query, beginning with ``/``."""
    address: Address | None
    """Of a host that is an address."""

    @property
    def origin(self) -> str:
        """``scheme://host:port``; the port is always there."""
        host = f"[{self.host}]" if isinstance(self.address, IPv6Address) else self.host
        return f"{'https' if self.secure else 'http'}://{host}:{self.port}"


class AddressPolicy:
    """What clients may let us call: public addresses over https, and the networks that the operator opened.

    Only in the opened networks is http allowed. Ports are those of http and https, and 1024 and above.
    """

    def __init__(self, allow_networks: Iterable[Network] = ()) -> None:
        """`allow_networks`: `app.outbound.allow-networks`."""
        self._allow_networks = tuple(allow_networks)

    def target(self, url: str, *, path: str = "url") -> Target:
        """What this URL names. Raises `InvalidValueError`, which names the field `path` and never quotes the URL.

        A host that is a name is not resolved here: `allows` decides on its addresses, at the time of each request.
        """
        target = _parse(url, path)
        if not target.secure and not self._allow_networks:
            raise InvalidValueError(path, "must begin with https://")
        if target.address is not None and not self.allows(target, (target.address,)):
            raise InvalidValueError(path, "must not name an address outside the public internet")
        return target

    def allows(self, target: Target, addresses: Iterable[Address]) -> bool:
        """Whether a request to `target` may go to any of these addresses, all that its host has; False without one.

        One address that is not allowed spoils the name: who answers so is broken, or tries out which one we take.
        """
        allowed = [self._allows(address, secure=target.secure) for address in addresses]
        return bool(allowed) and all(allowed)

    def _allows(self, address: Address, *, secure: bool) -> bool:
        if is_in(address, _NEVER):
            return False
        return is_in(address, self._allow_networks) or (secure and not is_in(address, _NOT_PUBLIC))


def networks_of(texts: Iterable[str]) -> tuple[Network, ...]:
    """Networks such as ``10.1.0.0/16``, or single addresses. Raises `ValueError` for another text, and for one that is never allowed."""
    networks = _networks(*texts)
    for network in networks:
        if any(_covers(never, network) for never in _NEVER):
            raise ValueError(f"{network} is never allowed")
    return networks


def _covers(outer: Network, inner: Network) -> bool:
    return inner.network_address in outer and inner.broadcast_address in outer


def _parse(url: str, path: str) -> Target:
    if len(url) > MAX_URL_LENGTH:
        raise InvalidValueError(path, f"must be at most {MAX_URL_LENGTH} characters")
    if not (url.isascii() and url.isprintable()) or not {" ", "\\", "#"}.isdisjoint(url):
        raise InvalidValueError(
            path,
            "must be printable ASCII without blanks, backslashes and #; a host in its xn-- form, a path percent-encoded",
        )
    parts = _URL.fullmatch(url)
    if parts is None:
        raise InvalidValueError(path, "must begin with https:// and a host")
    if "@" in parts["authority"]:
        raise InvalidValueError(path, "must not contain a user or a password")
    authority = _AUTHORITY.fullmatch(parts["authority"].lower())
    if authority is None:
        raise InvalidValueError(path, "must have a host of letters, digits, hyphens and dots, or an address")
    secure = parts["scheme"].lower() == "https"
    host, address = _host(authority["host"], path)
    rest = parts["rest"]
    return Target(
        secure, host, _port(authority["port"], path, secure=secure), rest if rest[:1] == "/" else f"/{rest}", address
    )


def _host(text: str, path: str) -> tuple[str, Address | None]:
    labels = text.split(".")
    bracketed = text.startswith("[")
    if bracketed or _NUMBER.fullmatch(labels[-1]):
        try:
            address = ip_address(text.strip("[]"))
        except ValueError:
            address = None
        if address is None or (address.version == 6) is not bracketed:  # noqa: PLR2004 -- the name of the protocol
            raise InvalidValueError(
                path, "must have an IPv4 address of four decimal numbers, or an IPv6 address in brackets"
            )
        return str(address), address
    if len(text) > _MAX_HOST_LENGTH or not all(_LABEL.fullmatch(label) for label in labels):
        raise InvalidValueError(path, "must have a host that is a name of the DNS, without a dot at its end")
    return text, None


def _port(text: str | None, path: str, *, secure: bool) -> int:
    if text is None:
        return HTTPS_PORT if secure else HTTP_PORT
    port = int(text)
    if port in {HTTP_PORT, HTTPS_PORT} or FIRST_USER_PORT <= port <= _MAX_PORT:
        return port
    raise InvalidValueError(
        path, f"must have the port {HTTP_PORT}, {HTTPS_PORT}, or one of {FIRST_USER_PORT} to {_MAX_PORT}"
    )
