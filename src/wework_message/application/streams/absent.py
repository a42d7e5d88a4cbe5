"""Settle what a complete stream does not have: it was not sent, and the rules of retries go on (M-4.6, ADR 58)."""

from collections.abc import Mapping, Sequence
from typing import Final

from wework_message.application.commit.scope import CommitScope
from wework_message.application.dispatch.settle import SettleCalls, Settlement
from wework_message.application.policy import Policy
from wework_message.application.streams.current import is_current
from wework_message.domain.ids import AccountId, Guid, ProviderCode
from wework_message.domain.message.attempt import AttemptOutcome
from wework_message.domain.message.matching import OpenAttempt
from wework_message.domain.message.message import Message
from wework_message.domain.message.projection import StreamRecord
from wework_message.domain.outcomes import OutcomeClass, Reason
from wework_message.domain.ports.gateway import CallbackReader
from wework_message.domain.ports.inbox import InboxEntry
from wework_message.domain.stream import MAX_PAUSE_MS, may_be_of

MAX_UNMATCHED: Final = 1_000
"""Records without a message that are looked through; where there are more, nothing is decided."""

_ABSENT: Final = AttemptOutcome(OutcomeClass.NOT_SENT, reason=Reason.ABSENT, confirmed=False)
"""Not confirmed: a record that comes all the same is still compared with it, and would be a duplicate that we know of."""

Instance = tuple[ProviderCode, Guid]


class SettleAbsent:
    """The transaction's part. What is read here is what is committed, and the messages are locked first."""

    def __init__(self, settle: SettleCalls, readers: Mapping[ProviderCode, CallbackReader], policy: Policy) -> None:
        """`settle` applies the outcome, as it does that of a late answer; `policy` has H."""
        self._settle = settle
        self._readers = readers
        self._horizon_ms = policy.horizon_ms

    async def __call__(self, scope: CommitScope, items: Sequence[Instance], /) -> Sequence[int]:
        """How many attempts of each instance were proven not sent."""
        return [await self._settle_at(scope, *item) for item in items]

    async def _settle_at(self, scope: CommitScope, provider_code: ProviderCode, guid: Guid) -> int:
        position = await scope.unit.streams.position(provider_code, guid)
        if position is None or not await is_current(scope.unit.accounts, provider_code, guid, position):
            return 0
        attempts = [
            attempt
            for attempt in await scope.unit.messages.uncertain(provider_code, [guid])
            if position.proves_absent(attempt, horizon_ms=self._horizon_ms)
        ]
        if not attempts:
            return 0
        messages = await scope.unit.messages.get(sorted({attempt.message_id for attempt in attempts}))
        records = await self._unmatched(scope, provider_code, guid, min(attempt.started_at for attempt in attempts))
        if records is None:
            return 0
        absent = [
            Settlement(messages[attempt.message_id], attempt.number, _ABSENT)
            for attempt in attempts
            if attempt.message_id in messages
            and _is_uncertain(messages[attempt.message_id], attempt, position.account_id)
            and not any(may_be_of(record, attempt, horizon_ms=self._horizon_ms) for record in records)
        ]
        if absent:
            await self._settle(scope, absent)
        return len(absent)

    async def _unmatched(
        self, scope: CommitScope, provider_code: ProviderCode, guid: Guid, started_at: int
    ) -> Sequence[StreamRecord] | None:
        """Records since then that no message has taken; None where they are too many, or one cannot be read.

        From long before: the clock of the process that has stored them may be another one, and their own time decides.
        """
        entries = await scope.unit.inbox.unmatched(
            provider_code, guid, since=started_at - MAX_PAUSE_MS, limit=MAX_UNMATCHED + 1
        )
        if len(entries) > MAX_UNMATCHED:
            return None
        try:
            items = [self._read(entry) for entry in entries]
        except Exception:  # noqa: BLE001 -- whatever an entry holds: what cannot be read may be what is looked for
            return None
        return [record for record in items if record is not None]

    def _read(self, entry: InboxEntry) -> StreamRecord | None:
        return self._readers[entry.provider_code].reread(entry.notify_type, entry.raw).stream_record


def _is_uncertain(message: Message, attempt: OpenAttempt, account_id: AccountId) -> bool:
    """Whether the message still waits for evidence about this very attempt: it was locked after the attempt was read.

    An attempt of another account, which had the guid before, is in another stream.
    """
    unsettled = message.attempts.open
    return unsettled is not None and unsettled.number == attempt.number and unsettled.account_id == account_id
