"""What makes a package a provider protocol: all that the service asks of it before, while and after it sends."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from wework_message.domain.conversation import ConversationGrammar
from wework_message.domain.outcomes import OutcomeClass
from wework_message.domain.ports.checks import Check
from wework_message.domain.ports.gateway import CallbackReader, MessageGateway
from wework_message.domain.routing.provider import Capabilities


class Idempotency(StrEnum):
    """What a provider does with a second, equal send. Only NONE is used by this version: an uncertain send is never repeated."""

    NONE = "NONE"
    """It sends twice."""
    CONTENT_WINDOW = "CONTENT_WINDOW"
    """It drops an equal content to the same recipient within a window of its own. Not wired yet: official channels."""
    CALLER_KEY = "CALLER_KEY"
    """It drops a send with a key of ours that it knows. Not wired yet: official channels."""


@dataclass(frozen=True, slots=True)
class ProviderConnection:
    """One configured provider, as its protocol opens it."""

    url: str
    """Base URL of its API."""
    timeout_ms: int
    """Total deadline of one send or recall."""
    calls: int
    """Sends and recalls that may be open at once, at least 1."""
    outcome_codes: Mapping[str, OutcomeClass] = field(default_factory=dict)
    """The provider's non-zero codes over those that the protocol knows."""
    options: Mapping[str, str] = field(default_factory=dict, repr=False)
    """What `ProviderProtocol.check_options` has let pass; secrets are in clear, so nothing prints it."""


class ProviderProtocol(Protocol):
    """How to speak to the providers of one kind. Made without arguments; it holds no connection and no state.

    An installed package registers its class in the entry-point group ``wework_message.providers``, by the name that the
    setting `protocol` of a provider names.
    """

    @property
    def capabilities(self) -> Capabilities:
        """What it can send."""
        ...

    @property
    def conversations(self) -> ConversationGrammar:
        """How clients name the recipients."""
        ...

    @property
    def has_echoes(self) -> bool:
        """Whether a send is seen again in callbacks.

        Without echoes SENT is the most that is ever known, an UNKNOWN is settled by a person only, and nobody waits for
        callbacks about sends.
        """
        ...

    @property
    def idempotency(self) -> Idempotency:
        """What the provider does with a second, equal send. Not wired yet: official channels."""
        ...

    @property
    def has_simulator(self) -> bool:
        """Whether the simulator that comes with the service imitates it."""
        ...

    @property
    def secret_options(self) -> frozenset[str]:
        """Names of the options whose values must never be shown."""
        ...

    def check_options(self, options: Mapping[str, str]) -> None:
        """Refuse what its providers cannot be opened with: unknown, missing and bad options of one provider.

        Raises `InvalidValueError` with the option's name as the path; its text never contains the value.
        """
        ...

    def reader(self) -> CallbackReader | None:
        """Reads its callbacks; None where it has none."""
        ...

    def open(self, connection: ProviderConnection) -> AbstractAsyncContextManager[MessageGateway]:
        """A gateway to one provider, usable inside the context."""
        ...

    def checks(self, name: str) -> Sequence[Check]:
        """What `doctor` asks beside reachability and a probe; each check is named ``<name>.<what>``."""
        ...
