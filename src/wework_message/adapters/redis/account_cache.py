"""Accounts and bindings remembered in the process, and a word in Redis that says when to forget them.

Values stay here: to fetch them from Redis would cost what the database costs. Redis holds one word, which changes with every
committed change of the account book. A process looks at it each second, and believes nothing for longer than `LIFE_S`,
whatever Redis says: a word that was lost makes nothing older than that.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Final, Self

from redis.asyncio import Redis

from wework_message.adapters.redis.guarded import GuardedRedis, command
from wework_message.application.waiting import set_within
from wework_message.domain.account import Account, Binding
from wework_message.domain.errors import UnavailableError
from wework_message.domain.ids import AccountId, BindingId, Guid, ProviderCode, TenantId
from wework_message.domain.ports.dead_letters import DeadLetters
from wework_message.domain.ports.maintenance import LeaseStore, Pruning
from wework_message.domain.ports.repositories import (
    AccountRepository,
    CallbackInbox,
    MessageRepository,
    UnitOfWork,
    UnitOfWorkFactory,
)
from wework_message.domain.ports.system import Clock

TTL_MS: Final = 4_000
"""How long what was read is believed. With what the router remembers (1 s) nothing is older than 5 s."""

POLL_INTERVAL_S: Final = 1.0
"""Between two looks at the word."""

MAX_CACHED: Final = 10_000
"""Accounts, and guids, remembered at once; beyond, all are forgotten."""

AccountEntry = tuple[Account, Sequence[Binding]]
_log: Final = logging.getLogger(__name__)


class AccountCache:
    """What this process remembers of the account book."""

    def __init__(self, clock: Clock) -> None:
        """Runs on the clock that does not jump."""
        self._clock = clock
        self._accounts: dict[AccountId, tuple[AccountEntry, float]] = {}
        self._bindings: dict[Guid, tuple[Sequence[Binding], float]] = {}
        self._changing = 0
        self.edition = 0
        """Goes up whenever all is forgotten: what was read before that is not put here any more."""

    def account(self, account_id: AccountId) -> AccountEntry | None:
        """A book that may be believed."""
        kept = self._accounts.get(account_id)
        return kept[0] if kept is not None and self._fresh(kept[1]) else None

    def bindings(self, guid: Guid) -> Sequence[Binding] | None:
        """The bindings of a guid, if they may be believed."""
        kept = self._bindings.get(guid)
        return kept[0] if kept is not None and self._fresh(kept[1]) else None

    def keep(self, edition: int, read_at: float, entries: Mapping[AccountId, AccountEntry]) -> None:
        """Books that were read at `read_at`. An account whose own user id is not known yet is read again: it may be learnt at any moment."""
        if self._takes(edition, self._accounts):
            self._accounts.update(
                {one: (book, read_at) for one, book in entries.items() if book[0].wecom_user_id is not None}
            )

    def keep_bindings(self, edition: int, read_at: float, guid: Guid, bindings: Sequence[Binding]) -> None:
        """Bindings that were read; none at all is never remembered: callbacks of strangers are for good."""
        if bindings and self._takes(edition, self._bindings):
            self._bindings[guid] = (bindings, read_at)

    def forget(self) -> None:
        """All of it."""
        self.edition += 1
        self._accounts.clear()
        self._bindings.clear()

    def begin_change(self) -> None:
        """A commit that changes the book is under way: until it ended nothing is believed and nothing remembered."""
        self._changing += 1
        self.forget()

    def end_change(self) -> None:
        """It ended, one way or the other."""
        self._changing -= 1
        self.forget()

    def now(self) -> float:
        """Ms, for `read_at`."""
        return self._clock.boot()

    def _fresh(self, read_at: float) -> bool:
        return not self._changing and self._clock.boot() - read_at < TTL_MS

    def _takes(
        self,
        edition: int,
        kept: dict[AccountId, tuple[AccountEntry, float]] | dict[Guid, tuple[Sequence[Binding], float]],
    ) -> bool:
        if len(kept) >= MAX_CACHED:
            kept.clear()
        return edition == self.edition and not self._changing


class CachedAccountRepository:
    """The account book of one unit of work. Once it has changed anything, it asks the database only."""

    def __init__(self, book: AccountRepository, account_cache: AccountCache) -> None:
        """`shelf` is the process's."""
        self._book = book
        self._account_cache = account_cache
        self._asked: set[Guid] = set()
        self.changed = False

    async def open(self, tenant_id: TenantId, guids: Sequence[tuple[Guid, ProviderCode]]) -> None:
        """As the database's."""
        self.changed = True
        await self._book.open(tenant_id, guids)

    async def learn(
        self, binding_id: BindingId, *, wecom_user_id: str | None = None, online: bool | None = None
    ) -> None:
        """As the database's."""
        self.changed = True
        await self._book.learn(binding_id, wecom_user_id=wecom_user_id, online=online)

    async def accounts(self, account_ids: Sequence[AccountId]) -> Mapping[AccountId, AccountEntry]:
        """Those that are remembered, and the others from the database."""
        if self.changed:
            return await self._book.accounts(account_ids)
        known = {one: book for one in account_ids if (book := self._account_cache.account(one)) is not None}
        if not (unknown := [one for one in account_ids if one not in known]):
            return known
        edition, read_at = self._account_cache.edition, self._account_cache.now()
        found = await self._book.accounts(unknown)
        self._account_cache.keep(edition, read_at, found)
        return {**known, **found}

    async def binding_of(self, guid: Guid) -> Sequence[Binding]:
        """As remembered, once; whoever asks again in the same unit of work wants to know for sure."""
        again = guid in self._asked
        self._asked.add(guid)
        if not self.changed and not again and (known := self._account_cache.bindings(guid)) is not None:
            return known
        edition, read_at = self._account_cache.edition, self._account_cache.now()
        found = await self._book.binding_of(guid)
        if not self.changed:
            self._account_cache.keep_bindings(edition, read_at, guid, found)
        return found


class CachingUnitOfWork:
    """A unit of work that forgets what it changed around its commit, and tells the others afterwards."""

    def __init__(self, unit: UnitOfWork, account_cache: AccountCache, changed: Callable[[], None]) -> None:
        """`changed` is called after a commit that changed the account book, or may have."""
        self._unit = unit
        self._account_cache = account_cache
        self._changed = changed
        self._accounts: CachedAccountRepository | None = None

    @property
    def messages(self) -> MessageRepository:
        """The journal."""
        return self._unit.messages

    @property
    def inbox(self) -> CallbackInbox:
        """The inbox."""
        return self._unit.inbox

    @property
    def dead_letters(self) -> DeadLetters:
        """The dead letters."""
        return self._unit.dead_letters

    @property
    def leases(self) -> LeaseStore:
        """What is done once per cluster."""
        return self._unit.leases

    @property
    def pruning(self) -> Pruning:
        """Deleting what is old."""
        return self._unit.pruning

    @property
    def accounts(self) -> AccountRepository:
        """The account book, with its memory."""
        if self._accounts is None:
            self._accounts = CachedAccountRepository(self._unit.accounts, self._account_cache)
        return self._accounts

    async def commit(self) -> None:
        """Also where its answer is lost: then it may have happened."""
        if self._accounts is None or not self._accounts.changed:
            await self._unit.commit()
            return
        self._account_cache.begin_change()
        try:
            await self._unit.commit()
        finally:
            self._account_cache.end_change()
            self._changed()

    async def __aenter__(self) -> Self:
        await self._unit.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._unit.__aexit__(kind, error, trace)


class CachingUnitOfWorkFactory:
    """Units of work with one memory of the account book."""

    def __init__(self, units: UnitOfWorkFactory, account_cache: AccountCache, changed: Callable[[], None]) -> None:
        """See `CachingUnitOfWork`."""
        self._units = units
        self._account_cache = account_cache
        self._changed = changed

    def __call__(self) -> CachingUnitOfWork:
        """A new one, not yet begun."""
        return CachingUnitOfWork(self._units(), self._account_cache, self._changed)


class CacheInvalidation:
    """The word in Redis: writes it after our changes, and forgets what is remembered after those of others."""

    def __init__(
        self,
        guarded_redis: GuardedRedis,
        account_cache: AccountCache,
        new_word: Callable[[], str],
        *,
        prefix: str = "wm:",
    ) -> None:
        """`new_word` never gives the same twice; a counter would, after FLUSHALL."""
        self._redis = guarded_redis
        self._account_cache = account_cache
        self._new_word = new_word
        self._key = f"{prefix}books"
        self._seen: bytes | None = None
        self._untold = False
        self._woken = asyncio.Event()
        self._stopping = False

    def changed(self) -> None:
        """Our commit changed the account book: tell the others soon."""
        self._untold = True
        self._woken.set()

    def stop(self) -> None:
        """Return after the look at hand."""
        self._stopping = True
        self._woken.set()

    async def run(self) -> None:
        """Look each second, and write at once."""
        while not self._stopping:
            self._woken.clear()
            try:
                await self.look()
            except UnavailableError:
                pass  # the link has said so, once
            except Exception:  # noqa: BLE001 -- a defect here must not end the looking for good
                _log.exception("the account book's edition could not be read")
            await set_within(self._woken, POLL_INTERVAL_S)

    async def look(self) -> None:
        """One round trip; raises `UnavailableError`."""
        untold, self._untold = self._untold, False
        word = self._new_word().encode()
        words = ("SET", self._key, word, "GET") if untold else ("GET", self._key)

        async def ask(client: "Redis") -> bytes | None:
            before: bytes | None = await command(client, *words)
            return before

        try:
            before = await self._redis.call("books", ask)
        except UnavailableError:
            self._untold |= untold
            raise
        if before != self._seen:
            self._account_cache.forget()
        self._seen = word if untold else before


def _conforms(
    book: CachedAccountRepository, units: CachingUnitOfWorkFactory, unit: CachingUnitOfWork
) -> tuple[AccountRepository, UnitOfWorkFactory, UnitOfWork]:
    return book, units, unit
