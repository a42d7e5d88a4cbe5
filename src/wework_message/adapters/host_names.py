"""Whether a text can be the name or the address of a machine; nothing is looked up."""

import re
import socket
from ipaddress import AddressValueError, IPv6Address
from typing import Final

MAX_NAME: Final = 253
"""Characters of a name (RFC 1035)."""

PORTS: Final = range(1, 65_536)

NO_PORT: Final = 0
"""`host_and_port` of a text without one."""

_LABEL: Final = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?")
"""With the underscore: names of containers have it, and resolvers take it."""
_AUTHORITY: Final = re.compile(r"(\[(?P<v6>[0-9A-Fa-f:.]+)\]|(?P<name>[^:\[\]]+))(:(?P<port>[0-9]{1,5}))?")


def is_host(text: str) -> bool:
    """A name that a resolver takes, in any script, or an IPv4 or IPv6 address, the latter without brackets and zone."""
    if ":" in text:
        return _is_ipv6(text)
    try:
        name = text if text.isascii() else text.encode("idna").decode("ascii")
    except UnicodeError:
        return False
    labels = name.removesuffix(".").split(".")
    if len(name) > MAX_NAME or not all(map(_LABEL.fullmatch, labels)):
        return False
    return not labels[-1].isdigit() or _is_ipv4(name)


def host_and_port(text: str) -> tuple[str, int] | None:
    """Of ``host``, ``host:port`` or ``[IPv6]:port``, the host without brackets; None where it is none of these.

    A port is 1 to 65535; `NO_PORT` where there is none.
    """
    match = _AUTHORITY.fullmatch(text)
    if match is None or not (_is_ipv6(match["v6"]) if match["v6"] else is_host(match["name"])):
        return None
    port = NO_PORT if match["port"] is None else int(match["port"])
    if match["port"] is not None and port not in PORTS:
        return None
    return match["v6"] or match["name"], port


def _is_ipv6(text: str) -> bool:
    try:
        IPv6Address(text)
    except AddressValueError:
        return False
    return "%" not in text


def _is_ipv4(text: str) -> bool:
    """As a resolver reads it: ``127.1`` is an address, too."""
    try:
        socket.inet_aton(text)
    except OSError:
        return False
    return True
