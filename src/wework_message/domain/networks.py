"""Addresses and networks of IP, of either version."""

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import TypeAlias

Address: TypeAlias = IPv4Address | IPv6Address
Network: TypeAlias = IPv4Network | IPv6Network


def is_in(address: Address, networks: Iterable[Network]) -> bool:
    """Whether one of `networks` has `address`."""
    return any(address in network for network in networks)
