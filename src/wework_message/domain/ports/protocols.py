"""The port of a provider protocol: all that the service needs from it before, during and after a send."""

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
    """What a provider does with a second, equal send. This version uses only NONE: it never repeats an uncertain send."""

    NONE = "NONE"
    """It sends twice."""
    CONTENT_WINDOW = "CONTENT_WINDOW"
    """It drops an equal content to the same recipient within a window of its own. Not wired yet: official channels."""
    CALLER_KEY = "CALLER_KEY"
    """It drops a send with a key of ours that it knows. Not wired yet: official channels."""


@dataclass(frozen=True, slots=True)
class MediaConnection:
    """How files are uploaded to one provider; what a protocol has no use for, it ignores."""

    uploads: int = 4
    """Uploads that may be open at once, at least 1, on connections of their own."""
    timeout_ms: int = 120_000
    """Total deadline of one upload."""
    file_types: Mapping[str, int] = field(default_factory=dict)
    """The provider's number of a kind of upload (`UploadKind`), over those that the protocol knows."""
    answer: Mapping[str, str] = field(default_factory=dict)
    """Where the answer has a field of a handle (`file-id`, `aes-key`, `md5`, `size`, `url`), over what the protocol assumes.

    A place is a path of names with dots between them; several, of which the first that is there counts, are separated by ``|``.
    """
    expired_codes: frozenset[int] = frozenset()
    """The provider's codes, as the answer to a send, for a handle that it does not know any more."""


@dataclass(frozen=True, slots=True)
class MassConnection:
    """How one provider makes mass sends; what a protocol has no use for, it ignores."""

    answer: Mapping[str, str] = field(default_factory=dict)
    """Where answers have what is read from them, over what the protocol assumes; places as in `MediaConnection.answer`."""
    statuses: Mapping[str, str] = field(default_factory=dict)
    """The provider's status of one recipient: ``SENT`` or ``FAILED``, over what the protocol assumes."""
    prefixed_ids: bool = False
    """Whether the recipients have the prefix of their conversation."""


@dataclass(frozen=True, slots=True)
class ProviderConnection:
    """One configured provider, as its protocol opens it."""

    url: str = field(repr=False)
    """Base URL of its API; its path may hold a token, so nothing prints it."""
    timeout_ms: int
    """Total deadline of one send or recall."""
    calls: int
    """Sends and recalls that may be open at once, at least 1."""
    outcome_codes: Mapping[str, OutcomeClass] = field(default_factory=dict)
    """The provider's non-zero codes over those that the protocol knows. The map may change while the provider is open."""
    options: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Options that passed `ProviderProtocol.check_options`; secrets are in clear, so nothing prints them."""
    media: MediaConnection = MediaConnection()
    mass: MassConnection = MassConnection()


class ProviderProtocol(Protocol):
    """The protocol of the providers of one kind. It is made without arguments, and has no connection and no state.

    An installed package registers its class in the entry-point group ``wework_message.providers``, by the name that a
    provider has in its setting `protocol`.
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
        """Whether callbacks show a send again.

        Without echoes SENT is the most that is ever known, only a person can settle an UNKNOWN, and the service does not
        wait for callbacks about sends.
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
        """Refuse unknown, missing and bad options of one provider.

        Raises `InvalidValueError` with the option's name as the path; its text never contains the value.
        """
        ...

    def reader(self) -> CallbackReader | None:
        """Reads its callbacks; None where it has none."""
        ...

    def open(self, connection: ProviderConnection) -> AbstractAsyncContextManager[MessageGateway]:
        """A gateway to one provider, usable inside the context.

        It may also be an `InstanceAdmin`, `StreamPuller`, `MediaGateway`, `MassGateway` and so on: what its provider cannot do,
        it has no methods for.
        """
        ...

    def checks(self, name: str) -> Sequence[Check]:
        """Checks of `doctor` in addition to reachability and a probe; each is named ``<name>.<what>``."""
        ...
