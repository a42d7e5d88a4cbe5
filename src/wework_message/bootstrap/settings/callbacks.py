"""Settings of callbacks: what they may prove, and who may bring them (ADR 57)."""

import ipaddress
from typing import Annotated, TypeAlias

from msgspec import Meta

from wework_message.bootstrap.settings.secrets import Secret
from wework_message.bootstrap.settings.section import Section, comma_separated
from wework_message.domain.networks import Network
from wework_message.domain.signatures import SigningSecret

_Networks: TypeAlias = Annotated[
    str,
    Meta(
        pattern=r"^([0-9A-Fa-f:./]+(\s*,\s*[0-9A-Fa-f:./]+)*)?$",
        extra={"allowed": "networks such as 10.0.0.0/8 or 2001:db8::/32, or addresses, separated by commas"},
    ),
]


class CallbackSettings(Section, frozen=True):
    """What callbacks may prove (D-63)."""

    admin_user_ids: Annotated[str, Meta(pattern="^([0-9]{1,32}( *, *[0-9]{1,32})*)?$")] = ""
    """User ids, with commas between: admins of rooms, whose recalls of the accounts' messages count too."""
    max_foreign_ids: Annotated[int, Meta(ge=1, le=10_000)] = 100
    """Message ids in one callback that are none of ours; a callback with more is logged and counted."""


class CallbackAccessSettings(Section, frozen=True):
    """Who may bring callbacks; everybody where nothing is set."""

    require_token: bool = False
    """A callback needs a token in its path, or an allowed peer, or a relay's signature; everything else is answered 404."""
    allow_networks: _Networks = ""
    """Peers that need no token."""
    trusted_proxies: _Networks = ""
    """Proxies in front of the service, whose `X-Forwarded-For` is believed for `allow-networks`."""
    relay_secret: Secret | None = None
    """A relay beside the provider signs with it as Standard Webhooks says: ``whsec_`` and the base64 of 24 to 64 bytes."""


def networks_in(text: str) -> tuple[Network, ...]:
    """The networks of a setting; raises `ValueError` for one that is none, or has bits behind its mask."""
    return tuple(ipaddress.ip_network(name) for name in comma_separated(text))


def relay_of(secret: Secret | None) -> SigningSecret | None:
    """The relay's secret; raises `InvalidValueError`, which does not quote it."""
    return None if secret is None else SigningSecret.parse(secret.reveal())
