"""The registered accounts as a process knows them: a message is accepted without a query for its sender (ADR 44)."""

import asyncio
from collections.abc import Mapping
from typing import Final

from wework_message.domain.account import Account, implicit_account_id
from wework_message.domain.ids import AccountId, Guid, ProviderCode
from wework_message.domain.ports.accounts import AccountReader, Registered
from wework_message.domain.ports.system import Clock

MAX_AGE_MS: Final = 4_000
"""How long what was read is used. A change by another process counts here within 5 s, with the read."""


class AccountDirectory:
    """All registered accounts and guids, read again when they are needed and too old."""

    def __init__(self, reader: AccountReader, clock: Clock) -> None:
        """Nothing is read before the first message. Ages go by `clock.boot`."""
        self._reader = reader
        self._clock = clock
        self._reading = asyncio.Lock()
        self._registered: Registered | None = None
        self._read_at = 0.0
        self._generation = 0
        """Goes up with every change that this process makes."""
        self._covers = 0
        """The generation in which the last read began: it has seen the changes before that."""

    def known(self) -> Registered | None:
        """What is known; None where it is too old, and `read` must be called."""
        return self._since(self._generation)

    async def read(self) -> Registered:
        """What is registered now, by one read for all who wait. Raises `UnavailableError`."""
        asked_in = self._generation
        async with self._reading:
            known = self._since(asked_in)
            return known if known is not None else await self._read()

    def _since(self, generation: int) -> Registered | None:
        fresh = self._covers >= generation and self._clock.boot() - self._read_at < MAX_AGE_MS
        return self._registered if fresh else None

    async def _read(self) -> Registered:
        read_at, generation, before = self._clock.boot(), self._generation, self._registered
        changed = await self._reader.registered(None if before is None else before.revision)
        registered = changed or before
        if registered is None:  # a reader that knows of no revision has always something to tell
            raise RuntimeError("the store has not told what is registered")
        self._registered, self._read_at, self._covers = registered, read_at, generation
        return registered

    def expire(self) -> None:
        """This process has changed an account: the next message needs a read that begins from now on."""
        self._generation += 1


def account_of_guid(
    registered: Registered, guid: Guid, *, requested: ProviderCode | None, default: ProviderCode | None
) -> Account | None:
    """The registered account that a message from `guid` belongs to; None where it is the implicit one.

    Where instances of the same name at several providers are of different accounts, the requested provider decides, then
    the default one. An account that was named after the guid keeps it, also without the binding.
    """
    bound = registered.guids.get(guid)
    if bound is None:
        return registered.accounts.get(implicit_account_id(guid))
    return registered.accounts.get(owner_of(bound, requested=requested, default=default))


def owner_of(
    bound: Mapping[ProviderCode, AccountId], *, requested: ProviderCode | None, default: ProviderCode | None
) -> AccountId:
    """Whose a guid is that is bound at these providers, one at least: by the requested one, then the default one, then the first."""
    for provider_code in (requested, default):
        if provider_code is not None and provider_code in bound:
            return bound[provider_code]
    return bound[min(bound)]
