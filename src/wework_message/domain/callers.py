"""Who may call the webhook: networks, and the address of whoever is behind a chain of proxies (ADR 57)."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv6Address, ip_address

from wework_message.domain.networks import Address, Network, is_in
from wework_message.domain.signatures import SigningSecret


class CallbackRefusal(StrEnum):
    """Why a callback was answered as a path that does not exist; the values are labels of a metric."""

    BARE_PATH = "bare_path"
    """No token, no address of `allow_networks`, no signature; and a proof is required."""
    UNKNOWN_TOKEN = "unknown_token"  # noqa: S105 -- a label
    """No such token: never made, revoked, or its end has come."""
    OTHER_GUID = "other_guid"
    """The token is another instance's."""
    SIGNATURE = "signature"
    """The relay's signature is wrong, too old, or of another body."""


@dataclass(frozen=True, slots=True)
class CallbackAccess:
    """Who may call without a token."""

    require_token: bool = False
    """False: everybody. True: peers of `allow_networks`, and whoever signs as the relay does."""
    allow_networks: tuple[Network, ...] = ()
    trusted_proxies: tuple[Network, ...] = ()
    """Proxies of ours: what they write into `X-Forwarded-For` is believed."""
    relay: SigningSecret | None = None
    """The secret of a relay that signs what it passes on; None = there is none."""

    def allows(self, peer: str | None, forwarded: Sequence[str]) -> bool:
        """Whether the caller's address is in `allow_networks`; `peer` and `forwarded` are those of `caller_address`."""
        address = caller_address(peer, forwarded, self.trusted_proxies)
        return address is not None and is_in(address, self.allow_networks)


def caller_address(peer: str | None, forwarded: Sequence[str], proxies: Sequence[Network]) -> Address | None:
    """The address of the caller: the rightmost one that is none of our `proxies`; None where it is not known.

    `peer` is the address at the other end of the connection, `forwarded` are the values of `X-Forwarded-For` in the order
    of the request. Each proxy adds at the right who called it, so what stands left of an address that is no proxy of ours
    was written by somebody we do not know, and is not looked at. Nothing is believed of a `peer` that is no proxy.
    """
    address = _parsed(peer or "")
    entries = [entry for value in forwarded for entry in value.split(",")]
    while address is not None and entries and is_in(address, proxies):
        address = _parsed(entries.pop())
    return address


def _parsed(text: str) -> Address | None:
    """An address without port and zone; one of IPv4 that is written as IPv6 is one of IPv4."""
    try:
        address = ip_address(text.strip())
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address
