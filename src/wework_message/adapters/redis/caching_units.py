"""Units of work that read accounts from the cache of `account_cache`."""

from collections.abc import Callable
from types import TracebackType
from typing import Self

from wework_message.adapters.redis.account_cache import AccountCache, CachedAccountRepository
from wework_message.domain.ports.accounts import AccountRepository
from wework_message.domain.ports.api_keys import ApiKeyRepository, TenantRepository
from wework_message.domain.ports.audit import AuditRepository
from wework_message.domain.ports.callback_tokens import CallbackTokenRepository
from wework_message.domain.ports.control import PauseRepository
from wework_message.domain.ports.dead_letters import DeadLetters
from wework_message.domain.ports.echoes import EchoRepository
from wework_message.domain.ports.erasures import Erasures
from wework_message.domain.ports.maintenance import DueTimes, LeaseStore, Pruning
from wework_message.domain.ports.mass import MassRepository
from wework_message.domain.ports.media import MediaRepository
from wework_message.domain.ports.placements import Placements
from wework_message.domain.ports.replays import Replays
from wework_message.domain.ports.repositories import CallbackInbox, MessageRepository, UnitOfWork, UnitOfWorkFactory
from wework_message.domain.ports.streams import StreamPositions
from wework_message.domain.ports.webhooks import WebhookRepository


class CachingUnitOfWork:
    """A unit of work that clears the cache around a commit that changes accounts, and notifies the other processes afterwards."""

    def __init__(self, unit: UnitOfWork, account_cache: AccountCache, changed: Callable[[], None]) -> None:
        """`changed` is called after a commit that changed accounts, or may have changed them."""
        self._unit = unit
        self._account_cache = account_cache
        self._changed = changed
        self._accounts: CachedAccountRepository | None = None

    @property
    def alone(self) -> bool:
        return self._unit.alone

    @property
    def messages(self) -> MessageRepository:
        return self._unit.messages

    @property
    def echoes(self) -> EchoRepository:
        return self._unit.echoes

    @property
    def inbox(self) -> CallbackInbox:
        return self._unit.inbox

    @property
    def dead_letters(self) -> DeadLetters:
        return self._unit.dead_letters

    @property
    def pauses(self) -> PauseRepository:
        return self._unit.pauses

    @property
    def placements(self) -> Placements:
        return self._unit.placements

    @property
    def audit(self) -> AuditRepository:
        return self._unit.audit

    @property
    def callback_tokens(self) -> CallbackTokenRepository:
        return self._unit.callback_tokens

    @property
    def api_keys(self) -> ApiKeyRepository:
        return self._unit.api_keys

    @property
    def tenants(self) -> TenantRepository:
        return self._unit.tenants

    @property
    def replays(self) -> Replays:
        return self._unit.replays

    @property
    def erasures(self) -> Erasures:
        return self._unit.erasures

    @property
    def streams(self) -> StreamPositions:
        return self._unit.streams

    @property
    def webhooks(self) -> WebhookRepository:
        return self._unit.webhooks

    @property
    def mass(self) -> MassRepository:
        return self._unit.mass

    @property
    def media(self) -> MediaRepository:
        return self._unit.media

    @property
    def leases(self) -> LeaseStore:
        return self._unit.leases

    @property
    def due_times(self) -> DueTimes:
        return self._unit.due_times

    @property
    def pruning(self) -> Pruning:
        return self._unit.pruning

    @property
    def accounts(self) -> AccountRepository:
        if self._accounts is None:
            self._accounts = CachedAccountRepository(self._unit.accounts, self._account_cache)
        return self._accounts

    async def commit(self) -> None:
        """A commit whose answer is lost clears the cache too: it may have happened."""
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
    """Units of work that share one cache of accounts."""

    def __init__(self, units: UnitOfWorkFactory, account_cache: AccountCache, changed: Callable[[], None]) -> None:
        """See `CachingUnitOfWork`."""
        self._units = units
        self._account_cache = account_cache
        self._changed = changed

    def __call__(self) -> CachingUnitOfWork:
        """A new unit of work, not yet begun."""
        return CachingUnitOfWork(self._units(), self._account_cache, self._changed)


def _conforms(units: CachingUnitOfWorkFactory, unit: CachingUnitOfWork) -> tuple[UnitOfWorkFactory, UnitOfWork]:
    return units, unit
