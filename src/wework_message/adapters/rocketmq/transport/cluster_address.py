"""Where the cluster is, and who asks."""

import re
from dataclasses import dataclass, field
from ipaddress import AddressValueError, IPv4Address
from typing import Final

_HOST_PORT: Final = re.compile(r"(?P<host>[^\s:,;/\[\]@]+):(?P<port>\d{1,5})")


@dataclass(frozen=True, slots=True)
class Target:
    """A cluster as its clients see it."""

    endpoints: str
    """gRPC proxies, as `proxies` gives them."""
    access_key: str = field(default="", repr=False)
    secret_key: str = field(default="", repr=False)
    namespace: str = ""
    tls: bool = False
    """With the system's certificate authorities; the client knows no others."""
    request_timeout_s: int = 3
    tries: int = 3
    """Of one publish; the client makes up to three attempts in each."""


def addresses(text: str) -> tuple[tuple[str, int], ...]:
    """``host:port[;host:port]`` as pairs. Raises `ValueError` saying what is allowed."""
    found = []
    for one in filter(None, (part.strip() for part in text.replace(",", ";").split(";"))):
        match = _HOST_PORT.fullmatch(one)
        if match is None or not 0 < int(match["port"]) < 65_536:  # noqa: PLR2004 -- ports end there
            raise ValueError("must be host:port, several separated by semicolons; IPv6 addresses are not supported")
        found.append((match["host"], int(match["port"])))
    if not found:
        raise ValueError("must be host:port")
    return tuple(found)


def proxies(text: str) -> str:
    """The client's own writing of `text`: several IPv4 addresses, or one name. Raises `ValueError`.

    The client answers everything else with an AttributeError that names nothing.
    """
    found = addresses(text)
    if len(found) > 1 and not all(_is_ipv4(host) for host, _ in found):
        raise ValueError("must be one host:port, or several IPv4 addresses with ports")
    return ";".join(f"{host}:{port}" for host, port in found)


def _is_ipv4(host: str) -> bool:
    try:
        IPv4Address(host)
    except AddressValueError:
        return False
    return True
