"""The port for arrived callbacks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from wework_message.domain.ids import Guid, MessageId, ProviderCode, ProviderKey, ProviderMessageId, TenantId
from wework_message.domain.inbox import CallbackSource, InboxState
from wework_message.domain.ports.gateway import CallbackItem

NEWEST_LOOKED_AT: Final = 20
"""Callbacks that `has_newer` looks at: whoever floods an instance with them makes no look slow."""


@dataclass(frozen=True, slots=True)
class RecordedInstance:
    """An instance, as the records that come from it are judged."""

    own_user_id: str | None
    """Of its account, as stored; None = not known."""
    moved: bool
    """It has been bound to another account, or anew: calls that began before may be of another one."""
    awaits_echoes: bool
    """An echo may still be matched by its content: a call there has ended without a proof, or its account makes mass sends (ADR 67)."""
    tenant_id: TenantId
    """Of its account."""
    siblings: bool
    """Its account has other instances: an answer may show another user id of its own at any time."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a store has of the records of a provider that come, before they are stored."""

    stored: frozenset[tuple[Guid, int, str]]
    """Those that are stored already: guid, notify type, event key."""
    owned: frozenset[ProviderKey]
    """The ids that they name and that attempts of ours have."""
    instances: Mapping[Guid, RecordedInstance]
    """Instances that accounts have, or had."""


@dataclass(frozen=True, slots=True)
class InboxEntry:
    """A stored callback."""

    id: int
    provider_code: ProviderCode
    guid: Guid
    notify_type: int
    raw: str
    tries: int
    received_at: int
    """Epoch ms."""
    source: CallbackSource = CallbackSource.CALLBACK
    waits_for: ProviderMessageId | None = None
    """Of an entry that was opened again: the id that it waited for since its last verdict. None = it is new."""


@dataclass(frozen=True, slots=True)
class InboxVerdict:
    """The result of handling an entry."""

    id: int
    state: InboxState
    message_id: MessageId | None = None
    provider_message_id: ProviderMessageId | None = None
    """For PARKED, and for ORPHAN where it has one: the id that it waits for, or would."""


@dataclass(frozen=True, slots=True)
class ReplaySelection:
    """Which entries are replayed."""

    states: tuple[InboxState, ...]
    """Some of `REPLAYABLE`."""
    since: int
    """Received then (epoch ms) or later."""
    guid: Guid | None = None
    tenant_id: TenantId | None = None
    """Whose they are, as `CallbackInbox.discard` says; None = of every tenant."""


@dataclass(frozen=True, slots=True)
class ReplayedEntries:
    """What one step of a replay did."""

    entries: int
    following: int | None
    """`before` of the next step; None where nothing is left."""


class CallbackInbox(Protocol):
    """Callbacks, stored raw before they are answered."""

    async def store(
        self,
        provider_code: ProviderCode,
        items: Sequence[CallbackItem],
        at: int,
        known_to: Sequence[MessageId] = (),
        *,
        states: Sequence[InboxState] = (),
        source: CallbackSource = CallbackSource.CALLBACK,
    ) -> int:
        """Keep the new ones as PENDING, defective ones as QUARANTINED; returns how many were new.

        With `known_to`, the message of each item, they are APPLIED. With `states`, PARKED or ORPHAN for each item, they are
        that, and wait for the id that their records name. Unique per (provider, guid, notify type, event key), for
        as long as they are kept.
        """
        ...

    async def surroundings(self, provider_code: ProviderCode, items: Sequence[CallbackItem]) -> Surroundings:
        """What says whether these items, which have records, are foreign."""
        ...

    async def repeat(self, provider_code: ProviderCode, items: Sequence[CallbackItem], at: int) -> int:
        """Some of these items, which have no defect, are stored already: what was not applied arrives again, at `at` (epoch ms).

        An entry that waits (PARKED, ORPHAN) has arrived at this time only: what arrived before may have been a guess. One
        that was QUARANTINED is PENDING again. Returns how many of these there are. PENDING, APPLIED and FAILED ones stay.
        """
        ...

    async def known(
        self, provider_code: ProviderCode, items: Sequence[CallbackItem], notify_types: Sequence[int]
    ) -> frozenset[str]:
        """Event keys of these items, all of one guid, that came already under one of the types; QUARANTINED ones are left out."""
        ...

    async def has_newer(self, provider_code: ProviderCode, guid: Guid, notify_type: int, than: int) -> bool:
        """Whether one of the last callbacks of this type from the instance was received after `than` (epoch ms).

        Of the `NEWEST_LOOKED_AT` that were stored last; QUARANTINED ones are left out.
        """
        ...

    async def unmatched(
        self, provider_code: ProviderCode, guid: Guid, *, since: int, limit: int
    ) -> Sequence[InboxEntry]:
        """Entries of an instance that no message knows, received at `since` (epoch ms) or later; at most `limit`, in no order."""
        ...

    async def pending(self, limit: int) -> Sequence[InboxEntry]:
        """The oldest PENDING entries, locked for this unit of work; fewer than `limit` where they are long (`PAGE_BYTES`)."""
        ...

    async def count(self, state: InboxState, *, limit: int, guid: Guid | None = None) -> int:
        """How many entries are in `state`, of `guid` where it is given; counts no further than `limit`."""
        ...

    async def discard(
        self,
        state: InboxState,
        *,
        limit: int,
        keep: int = 0,
        guid: Guid | None = None,
        before: int | None = None,
        tenant_id: TenantId | None = None,
    ) -> int:
        """Delete at most `limit` entries in `state`, never the newest `keep` of them; returns how many.

        Only those of `guid`, of the tenant, and those received before `before` (epoch ms), where these are given. A callback is
        the tenant's that has, or had, its instance; of an instance that nobody has had, the operator's.
        """
        ...

    async def reopen(
        self, keys: Sequence[ProviderKey], guids: Sequence[tuple[ProviderCode, Guid]], *, since: int
    ) -> int:
        """PARKED entries, and ORPHAN ones that have an id to wait for, become PENDING again; returns how many.

        Those that wait for one of `keys`, and all of `guids` that were received at `since` (epoch ms) or later.
        """
        ...

    async def replay(
        self, selection: ReplaySelection, *, limit: int, before: int | None, dry_run: bool = False
    ) -> ReplayedEntries:
        """Selected entries with ids smaller than `before` become PENDING, with all their tries; `dry_run` only counts them.

        Newest first, and examines `limit` entries at most. An ORPHAN without an id to wait for stays. The time of arrival
        stays too: it is a part of what a record proves (ADR 24).
        """
        ...

    async def orphan(self, *, limit: int, before: int | None = None, keep: int = 0) -> int:
        """At most `limit` PARKED entries become ORPHAN, never the newest `keep`; returns how many.

        Only those received before `before` (epoch ms), where it is given.
        """
        ...

    async def decide(self, verdicts: Sequence[InboxVerdict]) -> None:
        """Write the results; PENDING counts one more try."""
        ...
