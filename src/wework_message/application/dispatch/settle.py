"""Settle calls: the answer becomes a fact, and the message moves to what is now proven (D-12)."""

import dataclasses
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from wework_message.application.callbacks.early_echoes import reconsider, reopen
from wework_message.application.commit.scope import CommitScope
from wework_message.application.dispatch.groups import stop_groups
from wework_message.application.dispatch.routing import Router
from wework_message.application.media.renderings import used_handles
from wework_message.application.policy import Policy
from wework_message.domain.ids import MessageId, ProviderCode, ProviderKey
from wework_message.domain.media.handles import HandleKey
from wework_message.domain.message.attempt import Attempt, AttemptOutcome
from wework_message.domain.message.handling import MAX_HANDLING_FAILURES
from wework_message.domain.message.message import Message
from wework_message.domain.message.recall import RecallState
from wework_message.domain.outcomes import FailureReason, OutcomeClass, Reason
from wework_message.domain.ports.system import Clock, RandomSource
from wework_message.domain.retry import NEVER_RETRIED, GiveUp, RetryAt, RetryBudget, Settle, Verdict

RECALL_RETRY_MS = 2_000
"""When to repeat a recall that provably did not reach the provider."""

_AT_ONCE: Final = RetryAt(1)
"""Nobody was asked: there is nothing to wait for."""


@dataclass(frozen=True, slots=True)
class Settlement:
    """The result of a call. `message` is as it was claimed; if it has changed since, it is read again."""

    message: Message
    attempt: int
    outcome: AttemptOutcome
    recalling: bool = False
    handles: Mapping[HandleKey, str] | None = None
    """The file ids of the provider that were sent; None = not known any more."""
    late: bool = False
    """Read for this settlement: its version does not say whether it has changed since it was claimed."""


class SettleCalls:
    """The transaction's part of settling."""

    def __init__(self, policy: Policy, router: Router, clock: Clock, random_source: RandomSource) -> None:
        """`router` knows what a sibling binding can do for a refused message."""
        self._policy = policy
        self._router = router
        self._clock = clock
        self._random_source = random_source
        self._budgets: defaultdict[ProviderCode, RetryBudget] = defaultdict(RetryBudget)

    async def __call__(self, scope: CommitScope, items: Sequence[Settlement], /) -> Sequence[None]:
        """The only answer is that the results are durable."""
        items = await self._unmask_reused_ids(scope, items)
        now = self._clock.now()  # one instant for all: rows that differ less cost less to write
        fresh = [item for item in items if _is_fresh(item)]
        stale = [item for item in items if not _is_fresh(item)]
        for item in fresh:
            self._apply(item.message, item, now)
        lost = await scope.save_unchanged([item.message for item in fresh])
        stale += [item for item in fresh if item.message.id in lost]
        settled = [item.message for item in fresh if item.message.id not in lost]
        settled += await self._settle_late(scope, stale, now)
        await self._reopen_callbacks(scope, items, late=[*stale, *(item for item in fresh if item.late)])
        await self._learn_senders(scope, items)
        await self._forget_handles(scope, items)
        await stop_groups(scope, settled, now=now)
        stored = {message.id for message in settled}
        await scope.unit.messages.count(_finished([item for item in items if item.message.id in stored]))
        return [None] * len(items)

    def _apply(self, message: Message, item: Settlement, now: int) -> None:
        horizon = self._policy.horizon_ms
        if item.recalling:
            message.settle_recall(item.outcome, retry_ms=RECALL_RETRY_MS, horizon_ms=horizon, now=now)
            return
        if item.outcome.reason is Reason.UNBUILDABLE:
            message.handling_failures += 1
        if item.outcome.reason is Reason.COMMIT_LOST:  # neither a send nor a retry of this provider
            message.settle(item.attempt, item.outcome, _AT_ONCE, horizon_ms=horizon, now=now)
            return
        attempt = message.attempts.numbered(item.attempt)
        boot_ms = int(self._clock.boot())  # a budget is counted over a minute, whatever the wall clock says (ADR 27)
        budget = self._budgets[attempt.provider_code]
        budget = budget.sent(boot_ms) if message.tries <= 1 else budget
        verdict: Verdict = Settle()
        if item.outcome.kind not in NEVER_RETRIED:
            verdict = self._verdict(message, attempt, item.outcome, now, budget_left=budget.allows(boot_ms))
        if isinstance(verdict, RetryAt):
            budget = budget.retried(boot_ms)
        self._budgets[attempt.provider_code] = budget
        message.settle(item.attempt, item.outcome, verdict, horizon_ms=horizon, now=now)
        if item.outcome.kind is OutcomeClass.ACCEPTED:
            self._router.sent(message, attempt)

    def _verdict(
        self, message: Message, attempt: Attempt, outcome: AttemptOutcome, now: int, *, budget_left: bool
    ) -> Verdict:
        """The verdict of RetryPolicy, for the case that nothing was sent."""
        if outcome.reason is Reason.UNBUILDABLE and message.handling_failures >= MAX_HANDLING_FAILURES:
            return GiveUp(FailureReason.POISON)
        provider = self._policy.providers[attempt.provider_code]
        return self._policy.retry.after(
            outcome.kind,
            tries=message.tries,
            provider_tries=sum(
                1 for other in message.attempts.tried_in(message.round) if other.provider_code == attempt.provider_code
            ),
            provider_cap=provider.retry_count,
            max_attempts=message.options.retry_count,
            retry_after_ms=outcome.retry_after_ms,
            jitter=self._random_source.fraction(),
            remaining_ms=message.expires_at - now,
            budget_left=budget_left,
            sibling=self._router.sibling(message, attempt, now=now),
            old_handles=_old_handles(message, attempt, outcome),
        )

    async def _settle_late(self, scope: CommitScope, items: Sequence[Settlement], now: int) -> Sequence[Message]:
        """The stored message has changed since the claim: the late answer is evidence all the same (R-R3)."""
        if not items:
            return ()
        stored = await scope.unit.messages.get(sorted({item.message.id for item in items}))
        for item in items:
            if item.message.id in stored:
                self._apply(stored[item.message.id], item, now)
        await scope.save(list(stored.values()))
        return list(stored.values())

    async def _unmask_reused_ids(self, scope: CommitScope, items: Sequence[Settlement]) -> Sequence[Settlement]:
        """An id that another attempt has already is contradictory evidence: UNCERTAIN (D-14)."""
        keys = [key for item in items if (key := _provider_key(item)) is not None]
        owners = dict(await scope.unit.messages.sent_as(keys)) if keys else {}
        return [_unmasked(item, owners) for item in items]

    async def _reopen_callbacks(
        self, scope: CommitScope, items: Sequence[Settlement], *, late: Sequence[Settlement]
    ) -> None:
        """Reopen echoes that came before their answer. Behind a `late` one others may wait, too (`OpenCalls`).

        What a provider accepts without an id, as a mass send, is known by its content like what is uncertain.
        """
        named = [key for item in items if (key := _provider_key(item)) is not None]
        unnamed = [item for item in items if item.outcome.unproven or _is_unnamed(item.outcome)]
        ended = [*unnamed, *late]
        await reopen(
            scope,
            named=named,
            ended=[item.message.attempts.numbered(item.attempt) for item in ended if not item.recalling],
        )

    async def _learn_senders(self, scope: CommitScope, items: Sequence[Settlement]) -> None:
        """An accepted answer has the user id of its sender, which is the account itself (D-44)."""
        for item in items:
            receipt = item.outcome.receipt
            if _provider_key(item) is None or receipt is None or receipt.sender_id is None:
                continue
            if self._router.learn_user_id(item.message.account_id, receipt.sender_id):
                attempt = item.message.attempts.numbered(item.attempt)
                if await scope.unit.accounts.learn(attempt.binding_id, receipt.sender_id):
                    await reconsider(scope, item.message.account_id, (attempt.provider_code, attempt.guid))

    async def _forget_handles(self, scope: CommitScope, items: Sequence[Settlement]) -> None:
        """Handles that their provider has refused: the next claim has new ones made.

        Where it is not known any more which they were, as after a restart, it is those that the call would have now: at worst a
        file is uploaded once more.
        """
        for item in items:
            if not item.outcome.is_of_old_handle:
                continue
            code = item.message.attempts.numbered(item.attempt).provider_code
            handles = item.handles
            if handles is None:
                handles = await used_handles(scope.unit, item.message, code, self._clock)
            for key, file_id in handles.items():
                await scope.unit.media.forget_handle(key, file_id)


def _is_fresh(item: Settlement) -> bool:
    """Whether the message is as it was claimed; False where a failed transaction has applied this answer to it."""
    if item.recalling:
        return item.message.recall.state is RecallState.CALLING
    return item.message.attempts.numbered(item.attempt).outcome is None


def _provider_key(item: Settlement) -> ProviderKey | None:
    receipt = item.outcome.receipt
    if item.recalling or receipt is None or item.outcome.kind is not OutcomeClass.ACCEPTED:
        return None
    attempt = item.message.attempts.numbered(item.attempt)
    return (attempt.provider_code, attempt.guid, receipt.provider_message_id)


def _is_unnamed(outcome: AttemptOutcome) -> bool:
    return outcome.kind is OutcomeClass.ACCEPTED and outcome.receipt is None


def _unmasked(item: Settlement, owners: dict[ProviderKey, tuple[MessageId, int]]) -> Settlement:
    """The first attempt with an id owns it; for any other attempt it proves nothing."""
    key, attempt = _provider_key(item), (item.message.id, item.attempt)
    if key is None or owners.setdefault(key, attempt) == attempt:
        return item
    reused = dataclasses.replace(item.outcome, kind=OutcomeClass.UNCERTAIN, reason=Reason.REUSED_ID)
    return dataclasses.replace(item, outcome=reused)


def _old_handles(message: Message, attempt: Attempt, outcome: AttemptOutcome) -> int:
    """How often its provider has refused its own handle in this round, this answer included; 0 = this answer is none of these."""
    before = message.attempts.old_handles(message.round, attempt.provider_code)
    return before + 1 if outcome.is_of_old_handle else 0


def _finished(items: Sequence[Settlement]) -> Counter[tuple[ProviderCode, str, str]]:
    return Counter(
        (item.message.attempts.numbered(item.attempt).provider_code, item.message.message_type, item.outcome.kind.value)
        for item in items
        if not item.recalling
    )
