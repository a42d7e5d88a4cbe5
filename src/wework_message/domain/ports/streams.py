"""The ports for pulling the message stream of instances: a gateway's capability, and how far each stream was read."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from wework_message.domain.account import Binding
from wework_message.domain.ids import AccountId, Guid, ProviderCode
from wework_message.domain.ports.gateway import CallbackItem
from wework_message.domain.stream import PageEnd, StreamPosition


@dataclass(frozen=True, slots=True)
class PulledPage:
    """The answer to one pull."""

    end: PageEnd
    items: tuple[CallbackItem, ...] = ()
    """Its records as the protocol's `CallbackReader` gives them, so that what follows is the same for both."""
    notify_types: tuple[int, ...] = ()
    """Under which of these a callback brings the same records: one that came already is not stored again."""


@runtime_checkable
class StreamPuller(Protocol):
    """A gateway that has these methods lets the stream of an instance be pulled; a protocol that cannot do it leaves them out.

    No method raises.
    """

    def cursor_before(self, seq: str) -> str | None:
        """Where to begin so that the record at `seq` (`Receipt.seq`) and some before it are read; None = that is no place.

        A cursor has at most 64 characters.
        """
        ...

    async def pull(self, guid: Guid, cursor: str, limit: int) -> PulledPage:
        """About `limit` records behind `cursor`, oldest first, by a read-only call. It takes no connection from sends.

        The records may overlap with those before. The page is whole only where the answer itself shows that it joins the
        place where the pull began, such as by the record that was read last: one that was cut off does not.
        """
        ...


class StreamPositions(Protocol):
    """How far streams were read, inside a unit of work."""

    async def position(self, provider_code: ProviderCode, guid: Guid) -> StreamPosition | None:
        """That of one instance, locked; None where its stream was never read."""
        ...

    async def save(self, provider_code: ProviderCode, guid: Guid, position: StreamPosition) -> None:
        """Store it, in place of what is there."""
        ...

    async def tear(self) -> None:
        """`StreamPosition.torn` of every stored one: the store is older than what was read."""
        ...


class StreamReader(Protocol):
    """What is committed."""

    async def positions(self, provider_code: ProviderCode, guids: Collection[Guid]) -> Mapping[Guid, StreamPosition]:
        """How far the streams of these instances were read; those that were never read are left out."""
        ...

    async def uncertain(self, provider_code: ProviderCode, *, limit: int) -> Sequence[tuple[Binding, int]]:
        """Enabled bindings there that have an uncertain attempt among the newest `limit` UNKNOWN messages, by guid.

        Each with the instant (epoch ms) at which the newest of these attempts began.
        """
        ...

    async def newest_seq(self, provider_code: ProviderCode, guid: Guid, account_id: AccountId) -> str | None:
        """`Receipt.seq` of the newest accepted answer of this instance to a send of this account that has one."""
        ...
