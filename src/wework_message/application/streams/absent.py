"""Settle what a complete stream does not have: it was not sent, and the rules of retries go on (M-4.6, ADR 58)."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final, NamedTuple, TypeAlias

from wework_message.application.big_work import computed
from wework_message.application.commit.scope import CommitScope
from wework_message.application.dispatch.settle import SettleCalls, Settlement
from wework_message.application.policy import Policy
from wework_message.application.streams.current import is_current
from wework_message.domain.ids import AccountId, Guid, MessageId, ProviderCode
from wework_message.domain.message.attempt import AttemptOutcome
from wework_message.domain.message.matching import OpenAttempt
from wework_message.domain.message.message import Message
from wework_message.domain.message.projection import StreamRecord
from wework_message.domain.outcomes import OutcomeClass, Reason
from wework_message.domain.ports.gateway import CallbackReader
from wework_message.domain.ports.inbox import InboxEntry
from wework_message.domain.ports.system import Clock
from wework_message.domain.stream import LOOKED_BACK_MS, may_be_of

MAX_UNMATCHED: Final = 1_000
"""Records without a message that are looked through; where there are more, nothing is decided.

So it is where the limit of those that are kept for people may have been reached, and older ones are gone.
"""

AT_ONCE: Final = 100
"""Attempts that one transaction settles: what others commit must not wait for more."""

_ABSENT: Final = AttemptOutcome(OutcomeClass.NOT_SENT, reason=Reason.ABSENT, confirmed=False)
"""Not confirmed: a record that comes all the same is still compared with it, and would be a duplicate that we know of."""

Instance: TypeAlias = tuple[ProviderCode, Guid]
_Key: TypeAlias = tuple[MessageId, int]


class _Seen(NamedTuple):
    """An uncertain attempt, and when this process found it."""

    attempt: OpenAttempt
    at: int
    """Epoch ms, by the clock of now."""


class SettleAbsent:
    """The transaction's part. What is read here is what is committed."""

    def __init__(
        self, settle: SettleCalls, readers: Mapping[ProviderCode, CallbackReader], policy: Policy, clock: Clock
    ) -> None:
        """`settle` applies the outcome, as it does that of a late answer; `policy` has H."""
        self._settle = settle
        self._readers = readers
        self._horizon_ms = policy.horizon_ms
        self._max_unmatched = min(MAX_UNMATCHED, policy.inbox.max_kept_per_guid - 1)
        self._clock = clock
        self._seen: dict[Instance, dict[_Key, float]] = {}
        """When this process found each attempt uncertain, by the clock that does not jump. One that begins anew waits for H again."""

    def forget(self, instance: Instance) -> None:
        """Nothing of this instance is uncertain any more."""
        self._seen.pop(instance, None)

    async def __call__(self, scope: CommitScope, items: Sequence[Instance], /) -> Sequence[int]:
        """How many attempts of each instance were proven not sent; at most `AT_ONCE`, the others by a later pull."""
        return [await self._settle_at(scope, item) for item in items]

    async def _settle_at(self, scope: CommitScope, instance: Instance) -> int:
        seen = await self._uncertain(scope, instance)
        position = await scope.unit.streams.position(*instance)
        if position is None or not await is_current(scope.unit.accounts, *instance, position):
            return 0
        over = [call for call in seen if position.proves_absent(call.attempt, **self._since(call))]
        absent = await self._unseen(scope, instance, over) if over else ()
        for start in range(0, len(absent), AT_ONCE):
            if settled := await self._settle_some(scope, position.account_id, absent[start : start + AT_ONCE]):
                return settled
        return 0

    async def _settle_some(self, scope: CommitScope, account_id: AccountId, absent: Sequence[OpenAttempt]) -> int:
        messages = await scope.unit.messages.get(sorted({attempt.message_id for attempt in absent}))
        settlements = [
            Settlement(messages[attempt.message_id], attempt.number, _ABSENT)
            for attempt in absent
            if attempt.message_id in messages and _is_uncertain(messages[attempt.message_id], attempt, account_id)
        ]
        if settlements:
            await self._settle(scope, settlements)
        return len(settlements)

    async def _uncertain(self, scope: CommitScope, instance: Instance) -> Sequence[_Seen]:
        """The uncertain attempts of an instance, and when each was found.

        An own user id that no accepted answer of the instance proves may be that of another login: then anybody may be the account.
        """
        provider_code, guid = instance
        proven = await scope.unit.messages.accepted_sender(provider_code, guid)
        offered = await scope.unit.messages.uncertain(provider_code, [guid])
        attempts = [
            attempt for attempt in offered if attempt.unsettled
        ]  # after an outage there may be thousands of others
        now, boot = self._clock.now(), self._clock.boot()
        before = self._seen.get(instance, {})
        noticed = self._seen[instance] = {key: before.get(key, boot) for key in map(_key, attempts)}
        return [
            _Seen(
                attempt if attempt.own_user_id == proven else replace(attempt, own_user_id=None),
                now - math.floor(boot - noticed[_key(attempt)]),
            )
            for attempt in attempts
        ]

    async def _unseen(self, scope: CommitScope, instance: Instance, over: Sequence[_Seen]) -> Sequence[OpenAttempt]:
        """Those of which no record that no message has taken could be; none where they are too many, or one cannot be read.

        From long before: the clock of the process that has stored them may be another one, and their own time decides.
        """
        since = min(call.attempt.started_at for call in over) - LOOKED_BACK_MS
        limit = self._max_unmatched + 1
        entries = await scope.unit.inbox.unmatched(*instance, since=since, limit=limit)
        if len(entries) >= limit:
            return ()
        work = sum(len(entry.raw) for entry in entries) + len(entries) * len(over)
        try:
            return await computed(work, self._not_among, entries, over)
        except Exception:  # noqa: BLE001 -- whatever an entry holds: what cannot be read may be what is looked for
            return ()

    def _not_among(self, entries: Sequence[InboxEntry], over: Sequence[_Seen]) -> Sequence[OpenAttempt]:
        records = [record for record in map(self._read, entries) if record is not None]
        return [
            call.attempt
            for call in over
            if not any(may_be_of(record, call.attempt, **self._since(call)) for record in records)
        ]

    def _read(self, entry: InboxEntry) -> StreamRecord | None:
        return self._readers[entry.provider_code].reread(entry.notify_type, entry.raw).stream_record

    def _since(self, seen: _Seen) -> Mapping[str, int]:
        return {"seen_at": seen.at, "horizon_ms": self._horizon_ms}


def _key(attempt: OpenAttempt) -> _Key:
    return attempt.message_id, attempt.number


def _is_uncertain(message: Message, attempt: OpenAttempt, account_id: AccountId) -> bool:
    """Whether the message still waits for evidence about this very attempt: it was locked after the attempt was read.

    An attempt of another account, which had the guid before, is in another stream. What a restored backup does not say may
    have been sent by any instance.
    """
    unsettled = message.attempts.open
    if message.is_mass:  # whether the stream has what the assistant sends is not documented
        return False
    if unsettled is None or unsettled.number != attempt.number or message.attempts.open_reason == Reason.RESTORED:
        return False
    return unsettled.account_id == account_id
