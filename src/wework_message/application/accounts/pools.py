"""Pools as senders: a conversation that a pool begins keeps its account, also after a restart (M-5, ADR 50)."""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from wework_message.application.accounts.directory import MAX_AGE_MS
from wework_message.application.dispatch.candidates import Candidates
from wework_message.application.dispatch.last_bindings import EvenDraws
from wework_message.application.errors import AccountDisabledError, NoCapabilityError, UnknownNameError
from wework_message.application.policy import Policy
from wework_message.domain.account import Account, Standby
from wework_message.domain.budgets import budgets_of
from wework_message.domain.ids import AccountId, ProviderCode, TenantId
from wework_message.domain.pools import PoolChoice, PoolMember, first_of_pool
from wework_message.domain.ports.accounts import AccountReader, AccountWithBindings
from wework_message.domain.ports.rate_limiter import RateLimiter
from wework_message.domain.ports.system import Clock, RandomSource
from wework_message.domain.routing.filters import Candidate, RouteRequest, may_ever_take
from wework_message.domain.standby import is_gone

MAX_MEMBERS: Final = 10_000
"""Accounts of a pool that are considered, by id."""

MAX_POOLS: Final = 1_000
MAX_BEGUN: Final = 10_000
"""Choices that are remembered until they are stored."""

BEGUN_MS: Final = 10_000
"""How long they are: requests at the same time get the same account. A choice that was not stored by then was not to be."""


class _Pool(NamedTuple):
    members: dict[AccountId, AccountWithBindings]
    read_at: float


class _Able(NamedTuple):
    """An account that can send what is asked for."""

    account: Account
    candidates: Sequence[Candidate]


class _Begun(NamedTuple):
    account_id: AccountId
    at: float


class Pools:
    """Resolves pools of one process. A request for a pool costs one read by a primary key; others cost nothing."""

    def __init__(
        self,
        reader: AccountReader,
        candidates: Candidates,
        limiter: RateLimiter,
        policy: Policy,
        random_source: RandomSource,
        clock: Clock,
    ) -> None:
        """`candidates` knows how bindings are, `limiter` what is left of budgets."""
        self._reader = reader
        self._candidates = candidates
        self._limiter = limiter
        self._policy = policy
        self._random_source = random_source
        self._clock = clock
        self._draws = EvenDraws(random_source)
        self._pools: dict[tuple[TenantId, str], _Pool] = {}
        self._begun: dict[tuple[TenantId, str, str], _Begun] = {}
        """Choices that may not be stored yet, the oldest first."""

    async def sender(
        self, tenant_id: TenantId, pool: str, conversation_id: str, requests: Sequence[RouteRequest]
    ) -> tuple[Account, PoolChoice | None]:
        """The account that has this conversation, or begins it; then the choice must be stored with the message.

        It can send everything that is in `requests`. Raises `UnknownNameError` for a pool without accounts, `AccountDisabledError` where all
        are switched off, `NoCapabilityError` where no other one, or not the one that has the conversation, can send it.
        """
        asked_at = self._clock.boot()
        stored = await self._reader.chosen(tenant_id, pool, conversation_id)
        members = await self._members(tenant_id, pool)
        if stored is not None and not _is_enabled(members, stored) and self._pools[tenant_id, pool].read_at <= asked_at:
            # It may have come to the pool since that was read: a conversation moves only by what is known now.
            del self._pools[tenant_id, pool]
            members = await self._members(tenant_id, pool)
        enabled = {account_id: entry for account_id, entry in members.items() if entry[0].enabled}
        if not enabled:
            raise AccountDisabledError("pool") if members else UnknownNameError("pool", "pool")
        if stored in enabled:
            if not _cover(self._candidates_of(enabled[stored]), requests):
                raise NoCapabilityError("pool", "the account that has this conversation cannot send this")
            return enabled[stored][0], None
        candidates = {account_id: self._candidates_of(entry) for account_id, entry in enabled.items()}
        able = {
            account_id: _Able(enabled[account_id][0], its_candidates)
            for account_id, its_candidates in candidates.items()
            if _cover(its_candidates, requests)
        }
        if not able:
            raise NoCapabilityError("pool", "none of its accounts can send this")
        account_id = self._begin((tenant_id, pool, conversation_id), able, requests)
        return able[account_id].account, PoolChoice(tenant_id, pool, conversation_id, account_id, instead_of=stored)

    def _begin(
        self,
        key: tuple[TenantId, str, str],
        able: Mapping[AccountId, _Able],
        requests: Sequence[RouteRequest],
    ) -> AccountId:
        now = self._clock.boot()
        while self._begun and (len(self._begun) >= MAX_BEGUN or self._oldest_begun().at <= now - BEGUN_MS):
            del self._begun[next(iter(self._begun))]
        begun = self._begun.get(key)
        if begun is None or begun.account_id not in able:
            self._begun.pop(key, None)
            members = [self._member(account, candidates, requests) for account, candidates in able.values()]
            draw = self._draws.next(AccountId(" ".join(key[:2])))
            begun = self._begun[key] = _Begun(first_of_pool(members, draw, self._random_source.fraction()), now)
        return begun.account_id

    def _oldest_begun(self) -> _Begun:
        return next(iter(self._begun.values()))

    def _candidates_of(self, entry: AccountWithBindings) -> Sequence[Candidate]:
        return self._candidates.of_account(entry[1], now=self._clock.now())

    async def _members(self, tenant_id: TenantId, pool: str) -> dict[AccountId, AccountWithBindings]:
        known = self._pools.get((tenant_id, pool))
        now = self._clock.boot()
        if known is not None and now - known.read_at < MAX_AGE_MS:
            return known.members
        entries = await self._reader.members(tenant_id, pool, limit=MAX_MEMBERS)
        if len(self._pools) >= MAX_POOLS:
            self._pools.clear()
        members = {account.account_id: (account, bindings) for account, bindings in entries}
        self._pools[tenant_id, pool] = _Pool(members, now)
        return members

    def _member(
        self, account: Account, candidates: Sequence[Candidate], requests: Sequence[RouteRequest]
    ) -> PoolMember:
        hot = [
            candidate
            for candidate in candidates
            if candidate.binding.standby is Standby.HOT
            and any(may_ever_take(request, candidate) for request in requests)
        ]
        here = [candidate for candidate in hot if not is_gone(candidate) and not candidate.paused]
        ready = not self._candidates.is_stopped(account.account_id) and _cover(here, requests)
        budgets = budgets_of(account.account_id, account.limits, self._policy.rate_per_minute, ProviderCode(""))
        weight = max((candidate.weight for candidate in hot), default=1)
        return PoolMember(account.account_id, ready, weight, self._limiter.room(budgets))


def _cover(candidates: Sequence[Candidate], requests: Sequence[RouteRequest]) -> bool:
    """Whether they can send all of it, now or later: a binding that is away for a moment can, too."""
    return all(any(may_ever_take(request, candidate) for candidate in candidates) for request in requests)


def _is_enabled(members: Mapping[AccountId, AccountWithBindings], account_id: AccountId) -> bool:
    entry = members.get(account_id)
    return entry is not None and entry[0].enabled
