"""Addresses and networks of IP, of either version."""

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network
from typing import TypeAlias

Address: TypeAlias = IPv4Address | IPv6Address
Network: TypeAlias = IPv4Network | IPv6Network


def counted_as(address: Address) -> str:
    """What stands for a caller where callers are counted: an address of IPv4, or the /64 of IPv6 that one machine may have as a whole."""
    return str(ip_network((address, 64), strict=False)) if isinstance(address, IPv6Address) else str(address)


def is_in(address: Address, networks: Iterable[Network]) -> bool:
    """Whether one of `networks` has `address`."""
    return any(address in network for network in networks)
