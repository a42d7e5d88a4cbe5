"""Which binding takes a message: stored accounts, health and ProviderSelector together (D-19)."""

import asyncio
import dataclasses
from collections.abc import Collection, Mapping, Sequence
from typing import Final, NamedTuple

from wework_message.application.control.pause_board import PauseBoard
from wework_message.application.dispatch.candidates import Candidates
from wework_message.application.dispatch.fence import CACHE_TTL_S, EpochFence
from wework_message.application.dispatch.route_requests import RouteRequests, is_plain, with_what_is_known
from wework_message.application.dispatch.stranded import Stranded
from wework_message.application.dispatch.without_binding import borrowed, is_between_bindings
from wework_message.application.policy import Policy
from wework_message.domain.account import Account, Binding, BindingState, implicit_account_id
from wework_message.domain.ids import AccountId, BindingId, ProviderCode
from wework_message.domain.lifecycle import HoldReason
from wework_message.domain.message.attempt import Attempt
from wework_message.domain.message.decision import Decision
from wework_message.domain.message.message import Message
from wework_message.domain.ports.health import HealthBoard
from wework_message.domain.ports.repositories import UnitOfWork
from wework_message.domain.ports.system import RandomSource
from wework_message.domain.quota import NO_LIMITS, AccountLimits
from wework_message.domain.retry import Sibling
from wework_message.domain.routing.filters import RouteRequest
from wework_message.domain.routing.selector import (
    Candidate,
    Choice,
    ProviderSelector,
    Refusal,
    RefusalKind,
)
from wework_message.domain.routing.siblings import sibling_of
from wework_message.domain.standby import has_standby

MAX_ACCOUNTS: Final = 10_000
"""Accounts in the cache; above this all are dropped, and read again when they are needed."""

RECHECK_MS: Final = 5_000
"""When to recheck a message that no binding can take now: bindings and breakers are probed meanwhile."""

_STRANDED: Final = frozenset({RefusalKind.ALL_OFFLINE, RefusalKind.BREAKERS_OPEN, RefusalKind.PAUSED})
"""Refusals after which a standby is looked for."""


class _CachedAccount(NamedTuple):
    account: Account
    bindings: Sequence[Binding]
    valid_until: float
    """By the clock of the event loop, in seconds."""


class Router:
    """Routes messages of one process."""

    def __init__(
        self,
        policy: Policy,
        selector: ProviderSelector,
        board: HealthBoard,
        candidates: Candidates,
        random_source: RandomSource,
        pauses: PauseBoard,
        fence: EpochFence,
        stranded: Stranded,
        remember_s: float = CACHE_TTL_S,
    ) -> None:
        """`board` has the current health of providers, `candidates` says what is known of bindings.

        Accounts are cached for `remember_s`. Providers that `pauses` names get nothing; `fence` learns of the epochs that are read,
        `stranded` of accounts that need a standby.
        """
        self._policy = policy
        self._selector = selector
        self._board = board
        self._candidates = candidates
        self._requests = RouteRequests(policy, random_source)
        self._fence = fence
        self._stranded = stranded
        self._pauses = pauses
        self._remember_s = remember_s
        self._accounts: dict[AccountId, _CachedAccount] = {}
        self._routes: dict[tuple[AccountId, str], Choice | Refusal] = {}
        """Routes of plain messages of the set that was prepared last, by account and type."""
        self._changed: set[AccountId] = set()
        """Accounts whose limits turned out to be others, since they were asked for."""

    async def prepare(self, unit: UnitOfWork, messages: Sequence[Message]) -> None:
        """Make sure that the accounts of these messages are cached; an unregistered guid gets one of its own.

        An account that was named after a guid, and has no binding, sends through the instance of the account that has the
        guid by now (ADR 44).

        The health of a binding counts for the whole set as it was when the first of its messages was routed.
        """
        self._routes.clear()
        now = asyncio.get_running_loop().time()
        unknown = [message for message in messages if not self._knows(message, now)]
        if not unknown:
            return
        if len(self._accounts) > MAX_ACCOUNTS:
            self._accounts.clear()
            self._requests.forget()
        stored = await unit.accounts.accounts(sorted({message.account_id for message in unknown}))
        self._remember(stored, until=now + self._remember_s)
        if new := [message for message in unknown if not self._knows(message, now)]:
            await self._open(unit, new)
            # What another process has just bound must not fail here, so no cache is asked.
            opened = await unit.accounts.accounts(sorted({message.account_id for message in new}), latest=True)
            self._remember(opened, until=now)  # if this transaction is not committed, the next one must open them again
            for message in new:
                cached = None if self._reaches(message) else self._accounts.get(message.account_id)
                if cached is not None and (entry := await borrowed(unit, message, cached.account)) is not None:
                    self._fence.heard(entry[1])
                    self._accounts[message.account_id] = _CachedAccount(*entry, now)

    async def _open(self, unit: UnitOfWork, messages: Sequence[Message]) -> None:
        for tenant_id in {message.tenant_id for message in messages}:
            implicit = {
                (message.guid, code)
                for message in messages
                if message.tenant_id == tenant_id
                and message.guid is not None
                and self._is_implicit(message)
                and (code := message.options.provider_code or self._policy.default_code) is not None
            }
            await unit.accounts.open(tenant_id, sorted(implicit))

    def _is_implicit(self, message: Message) -> bool:
        """Whether its account is the implicit one of its guid, as far as is known."""
        cached = self._accounts.get(message.account_id)
        of_guid = message.guid is not None and message.account_id == implicit_account_id(message.guid)
        return of_guid and (cached is None or not cached.account.registered)

    def _remember(self, stored: Mapping[AccountId, tuple[Account, Sequence[Binding]]], *, until: float) -> None:
        for account_id, (account, bindings) in stored.items():
            if (before := self._accounts.get(account_id)) is not None and before.account.limits != account.limits:
                self._changed.add(account_id)
            self._accounts[account_id] = _CachedAccount(account, bindings, until)
            self._fence.heard(bindings)
            for binding in bindings:
                if binding.state is BindingState.OFFLINE:  # a notice of its login may have been missed
                    self._board.stored_offline(binding.provider_code, binding.binding_id, binding.guid)

    def _knows(self, message: Message, now: float) -> bool:
        cached = self._accounts.get(message.account_id)
        if cached is None or cached.valid_until <= now:
            return False
        return self._reaches(message)

    def _reaches(self, message: Message) -> bool:
        """Whether its account has an enabled binding at a provider that the message may go to."""
        cached = self._accounts.get(message.account_id)
        requested = message.options.provider_code
        codes = self._policy.providers if requested is None else (requested,)
        return cached is not None and any(
            binding.enabled and binding.provider_code in codes for binding in cached.bindings
        )

    def changed(self, account_id: AccountId, bindings: Sequence[Binding]) -> None:
        """This process has changed the account, which has these bindings now: read it again; calls decided on before do not start."""
        before = self._accounts.pop(account_id, None)
        # What it had borrowed is another account's, which keeps it.
        own = () if before is None else [known for known in before.bindings if known.account_id == account_id]
        self._fence.replaced(own, bindings)
        self._changed.add(account_id)

    def explain(self, account: Account, bindings: Sequence[Binding], message: Message, *, now: int) -> Decision:
        """Why a message would go where it would go now. Nothing is cached, and no trial of a breaker is used up."""
        entry = _CachedAccount(account, bindings, 0)
        request, candidates = self._question(message, now=now, entry=entry)
        return self._selector.choose(request, candidates).decision

    async def changed_limits(self, unit: UnitOfWork, account_ids: Collection[AccountId]) -> frozenset[AccountId]:
        """Accounts whose limits have changed since the last call, as far as is known; of `account_ids`, read anew where they are old."""
        now = asyncio.get_running_loop().time()
        # Whether those that are not cached any more have changed is not known.
        self._changed.update(account_id for account_id in account_ids if account_id not in self._accounts)
        old = [known for known in account_ids if (cached := self._accounts.get(known)) and cached.valid_until <= now]
        if old:
            self._remember(await unit.accounts.accounts(sorted(old)), until=now + self._remember_s)
        changed = frozenset(self._changed)
        self._changed.clear()
        return changed

    def limits(self, message: Message) -> AccountLimits:
        """Those of its account."""
        cached = self._accounts.get(message.account_id)
        return NO_LIMITS if cached is None else cached.account.limits

    def route(
        self, message: Message, *, now: int, paced_for: ProviderCode | None = None, media_size: int | None = None
    ) -> Choice | Refusal:
        """Pick a binding. A trial of a breaker must be admitted once its call begins.

        `paced_for`: the provider in whose budgets the message has its place. `media_size`: bytes of its media asset.
        """
        key = (message.account_id, message.message_type) if is_plain(message) else None
        if key is not None and (known := self._routes.get(key)) is not None:
            return known
        request, candidates = self._question(message, now=now)
        choice = self._selector.choose(with_what_is_known(request, paced_for, media_size), candidates)
        is_trial = isinstance(choice, Choice) and choice.trial
        if key is not None and not is_trial and len(choice.decision.candidates) == 1:
            self._routes[key] = choice
        return choice

    def instance(self, account_id: AccountId, attempt: Attempt) -> Binding | None:
        """The binding of an attempt, as its account has it now; None where it has it no more, or it was changed since it was read."""
        bindings = (self._accounts.get(account_id) or _NO_ACCOUNT).bindings
        binding = next((binding for binding in bindings if binding.binding_id == attempt.binding_id), None)
        return None if binding is None or self._fence.is_old(binding) else binding

    def admit(self, choice: Choice, message: Message, *, now: int) -> None:
        """The call begins: where it is a trial, no other one is let through meanwhile."""
        if choice.trial:
            self._board.admit(choice.provider.code, choice.binding.binding_id, message.message_type, now)

    def _question(
        self, message: Message, *, now: int, without: BindingId | None = None, entry: _CachedAccount | None = None
    ) -> tuple[RouteRequest, Sequence[Candidate]]:
        entry = entry or self._accounts.get(message.account_id) or _NO_ACCOUNT
        bindings = self._candidates.usable(entry.bindings)
        candidates = self._candidates.of(bindings, message.message_type, now=now, without=without)
        return self._requests.of(message, entry.account, bindings, several=len(candidates) > 1), candidates

    def is_paused(self, account_id: AccountId) -> bool:
        """Whether every binding of the account is at a provider that an operator paused."""
        paused = self._pauses.now.providers
        return all(binding.provider_code in paused for binding in self._bindings(account_id))

    def has_only(self, account_id: AccountId, provider_code: ProviderCode) -> bool:
        """Whether no other provider has a binding of the account that is switched on."""
        return self.provider_codes(account_id) <= {provider_code}

    def provider_codes(self, account_id: AccountId) -> frozenset[ProviderCode]:
        """The providers at which the account has a binding that is switched on."""
        return frozenset(binding.provider_code for binding in self._bindings(account_id) if binding.enabled)

    def _bindings(self, account_id: AccountId) -> Sequence[Binding]:
        return self._candidates.usable((self._accounts.get(account_id) or _NO_ACCOUNT).bindings)

    def learn_user_id(self, account_id: AccountId, wecom_user_id: str) -> bool:
        """Whether this user id of a cached account is new; an accepted answer is believed before any notice."""
        cached = self._accounts.get(account_id)
        if cached is None or cached.account.wecom_user_id == wecom_user_id:
            return False
        account = dataclasses.replace(cached.account, wecom_user_id=wecom_user_id)
        self._accounts[account_id] = cached._replace(account=account)
        return True

    def sent(self, message: Message, attempt: Attempt) -> None:
        """The provider has accepted it: its conversation stays with this binding."""
        cached = self._accounts.get(message.account_id)
        if cached is not None and len(cached.bindings) > 1:
            self._requests.last.sent((message.account_id, message.conversation_id), attempt.binding_id)

    def sibling(self, message: Message, attempt: Attempt, *, now: int) -> Sibling:
        """What another binding than that of the attempt can do for the message."""
        if message.account_id not in self._accounts:
            return Sibling.AWAY  # it was changed a moment ago: the next claim reads it
        if all(binding.binding_id == attempt.binding_id for binding in self._bindings(message.account_id)):
            return Sibling.NONE  # the usual account has one binding: nothing to choose from
        request, others = self._question(message, now=now, without=attempt.binding_id)
        return sibling_of(attempt.binding_id, request, others, self._selector)

    def refuse(self, message: Message, refusal: Refusal, *, now: int) -> None:
        """No binding can take it: fail it where that is final, else hold it (M-6.2)."""
        bindings = self._bindings(message.account_id)
        waits = is_between_bindings(message, bindings) and self._policy.default_code is not None
        if refusal.kind is RefusalKind.NO_CAPABILITY or (refusal.kind is RefusalKind.NO_BINDING and not waits):
            message.fail(refusal.kind.value, now=now)
        else:
            if refusal.kind in _STRANDED and has_standby(bindings):
                self._stranded.note(message.tenant_id, message.account_id)
            wait_ms = refusal.retry_in_ms or RECHECK_MS
            if refusal.sibling_may_return:
                wait_ms = min(wait_ms, RECHECK_MS)
            message.hold(HoldReason(refusal.kind.value), wait_ms, now=now)


_NO_ACCOUNT: Final = _CachedAccount(Account(AccountId("")), (), 0)
"""In the place of an account that is not cached."""
