"""Settings of who may bring callbacks (ADR 57)."""

import ipaddress
from collections.abc import Iterator
from typing import Annotated, Final, TypeAlias

from msgspec import Meta

from wework_message.bootstrap.settings.environment import variables_of
from wework_message.bootstrap.settings.errors import InvalidSettingError, SettingsError
from wework_message.bootstrap.settings.secrets import Secret
from wework_message.bootstrap.settings.section import Section, comma_separated
from wework_message.domain.callers import Network
from wework_message.domain.errors import InvalidValueError
from wework_message.domain.signatures import SigningSecret

PREFIX: Final = "app.callbacks."

_Networks: TypeAlias = Annotated[
    str,
    Meta(
        pattern=r"^([0-9A-Fa-f:./]+(\s*,\s*[0-9A-Fa-f:./]+)*)?$",
        extra={"allowed": "networks such as 10.0.0.0/8 or 2001:db8::/32, or addresses, separated by commas"},
    ),
]


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


def networks_of(text: str) -> tuple[Network, ...]:
    """The networks of a setting; raises `ValueError` for one that is none, or has bits behind its mask."""
    return tuple(ipaddress.ip_network(name) for name in comma_separated(text))


def relay_of(secret: Secret | None) -> SigningSecret | None:
    """The relay's secret; raises `InvalidValueError`, which does not quote it."""
    return None if secret is None else SigningSecret.parse(secret.reveal())


def access_problems(settings: CallbackAccessSettings, simulated: bool) -> Iterator[SettingsError]:
    """Why the service cannot start with these; `simulated`: a provider of its own calls it from this machine."""
    allowed = None
    for name in ("allow-networks", "trusted-proxies"):
        key = f"{PREFIX}{name}"
        try:
            networks = networks_of(getattr(settings, name.replace("-", "_")))
        except ValueError:
            yield InvalidSettingError(key, f"must be networks without bits behind the mask ({variables_of(key)})")
            continue
        allowed = networks if name == "allow-networks" else allowed
    try:
        relay_of(settings.relay_secret)
    except InvalidValueError as error:
        key = f"{PREFIX}relay-secret"
        yield InvalidSettingError(key, f"{error.message} ({variables_of(key)})")
    yield from _without_effect(settings)
    if settings.require_token and simulated and not any(_LOOPBACK in network for network in allowed or ()):
        key = f"{PREFIX}allow-networks"
        yield InvalidSettingError(key, f"must have 127.0.0.1: a simulated provider has no token ({variables_of(key)})")


def _without_effect(settings: CallbackAccessSettings) -> Iterator[SettingsError]:
    """Who sets them believes that others are kept out."""
    given = {
        "allow-networks": settings.allow_networks,
        "trusted-proxies": settings.trusted_proxies,
        "relay-secret": settings.relay_secret,
    }
    for name, value in given.items():
        if value and not settings.require_token:
            key = f"{PREFIX}{name}"
            yield InvalidSettingError(key, f"needs {PREFIX}require-token: true; it is set by {variables_of(key)}")


_LOOPBACK: Final = ipaddress.ip_address("127.0.0.1")
