"""Providers as they are configured, and what they can send (D-20 and D-54)."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from wework_message.domain.ids import ProviderCode
from wework_message.domain.quota import Budget
from wework_message.domain.stream import StreamSupport


class Lack(StrEnum):
    """Why a provider can never send something."""

    TYPE = "TYPE_NOT_SUPPORTED"
    SIZE = "TOO_LARGE"
    UPLOADS = "NO_UPLOADS"
    """It takes no files of ours, only handles that clients have from it."""


@dataclass(frozen=True, slots=True)
class Capabilities:
    """Which message types a provider sends, and how large."""

    types: frozenset[str]
    """Names of message types, such as `TEXT`."""
    max_bytes: Mapping[str, int] = field(default_factory=dict, hash=False)
    """Largest body by type, bytes; a type without an entry has no limit."""

    uploads: bool = False
    """Whether it takes files (`MediaGateway`)."""

    def missing(self, message_type: str, size: int | None = None, *, needs_upload: bool = False) -> Lack | None:
        """What keeps a message of this type and size (bytes; None = unknown or without a body) from being sent, if anything.

        `needs_upload`: it names files of ours.
        """
        if message_type not in self.types:
            return Lack.TYPE
        if needs_upload and not self.uploads:
            return Lack.UPLOADS
        limit = self.max_bytes.get(message_type)
        return Lack.SIZE if limit is not None and size is not None and size > limit else None


@dataclass(frozen=True, slots=True)
class Provider:
    """One configured provider."""

    code: ProviderCode
    name: str
    capabilities: Capabilities
    protocol: str = ""
    """The protocol of its API, by name."""
    has_echoes: bool = True
    """Whether a send is seen again in its callbacks; without echoes, SENT is the most that is ever known."""
    has_callbacks: bool = True
    """Whether it posts callbacks at all; without any there are no echoes."""
    priority: int = 1
    """Smaller wins (D-54)."""
    weight: int = 100
    """Share among providers of one priority, at least 1."""
    enabled: bool = True
    timeout_ms: int = 30_000
    """Total deadline of one call, ms (D-39)."""
    retry_count: int = 3
    """Cap of the quick tries at this provider; below 1 counts as 1 (D-47)."""
    budgets: tuple[Budget, ...] = ()
    """How much all accounts together may send there; at most one for each period."""
    max_accounts: int | None = None
    """How many accounts may be placed there (`domain.placement`); None = any number. What people bind themselves is not limited."""
    sync: StreamSupport = StreamSupport.NONE
    """What a pull of the message stream of its instances proves (`settle.sync`)."""
    simulated: bool = False
    """It is our own simulator: no message reaches WeCom (D-35)."""


def default_provider(providers: Iterable[Provider]) -> Provider | None:
    """The enabled one with the smallest priority, ties by order, healthy or not; None = none is enabled (D-54)."""
    return min((provider for provider in providers if provider.enabled), key=_priority, default=None)


def healthy_default(providers: Iterable[Provider], healthy: Callable[[ProviderCode], bool | None]) -> Provider | None:
    """As `default_provider`, but healthy ones come first, those of which nothing is known next, and those that are down last.

    It only tells people whom to expect at work: where a new account belongs must not depend on the health of a moment.
    """

    def rank(provider: Provider) -> tuple[int, int]:
        return _HEALTH_RANKS[healthy(provider.code)], provider.priority

    return min((provider for provider in providers if provider.enabled), key=rank, default=None)


_HEALTH_RANKS: Final = {True: 0, None: 1, False: 2}


def _priority(provider: Provider) -> int:
    return provider.priority
