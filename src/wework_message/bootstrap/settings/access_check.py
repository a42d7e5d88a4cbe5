"""Whether the settings of who may bring callbacks fit each other (ADR 57)."""

import ipaddress
from collections.abc import Iterator
from typing import Final

from wework_message.bootstrap.settings.callbacks import CallbackAccessSettings, networks_in, relay_of
from wework_message.bootstrap.settings.environment import variables_of
from wework_message.bootstrap.settings.errors import InvalidSettingError, SettingsError
from wework_message.bootstrap.settings.model import Settings
from wework_message.domain.errors import InvalidValueError
from wework_message.domain.networks import Network, is_in

PREFIX: Final = "app.callbacks."
_LOOPBACK: Final = ipaddress.ip_address("127.0.0.1")


def token_required(settings: Settings) -> bool:
    """Whether callbacks need a proof: where a setting says so, and where everybody else needs a key (D-58)."""
    return settings.app.callbacks.require_token or settings.security.mode == "keys"


def access_problems(settings: CallbackAccessSettings, *, required: bool, simulated: bool) -> Iterator[SettingsError]:
    """Why the service cannot start with these.

    `required`: callbacks need a proof. `simulated`: a provider of its own calls it from this machine.
    """
    networks: dict[str, tuple[Network, ...]] = {}
    for name in ("allow-networks", "trusted-proxies"):
        key = f"{PREFIX}{name}"
        try:
            networks[name] = networks_in(getattr(settings, name.replace("-", "_")))
        except ValueError:
            yield InvalidSettingError(key, f"must be networks without bits behind the mask ({variables_of(key)})")
    try:
        relay_of(settings.relay_secret)
    except InvalidValueError as error:
        key = f"{PREFIX}relay-secret"
        yield InvalidSettingError(key, f"{error.message} ({variables_of(key)})")
    if not required:
        yield from _without_effect(settings)
    allowed = networks.get("allow-networks", ())
    if required and simulated and not is_in(_LOOPBACK, allowed):
        key = f"{PREFIX}allow-networks"
        yield InvalidSettingError(key, f"must have 127.0.0.1: a simulated provider has no token ({variables_of(key)})")


def _without_effect(settings: CallbackAccessSettings) -> Iterator[SettingsError]:
    """Who sets them believes that others are kept out."""
    values = {
        "allow-networks": settings.allow_networks,
        "trusted-proxies": settings.trusted_proxies,
        "relay-secret": settings.relay_secret,
    }
    for name, value in values.items():
        if value:
            key = f"{PREFIX}{name}"
            yield InvalidSettingError(
                key, f"needs {PREFIX}require-token: true, or security.mode: keys; it is set by {variables_of(key)}"
            )
