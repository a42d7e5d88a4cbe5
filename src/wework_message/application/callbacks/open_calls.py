"""Echoes that an open call may have caused: they settle nothing else, and are looked at again when that call ends (ADR 59)."""

from collections.abc import Sequence

from wework_message.application.commit.scope import CommitScope
from wework_message.domain.ids import Guid, MessageId, ProviderCode
from wework_message.domain.message.matching import OpenAttempt, open_calls_of
from wework_message.domain.message.message import Message
from wework_message.domain.message.projection import StreamRecord


class OpenCalls:
    """The open calls of instances, as one batch of callbacks needs them: read only where a record fits something else."""

    def __init__(self, horizon_ms: int) -> None:
        """`horizon_ms` is H."""
        self._horizon_ms = horizon_ms
        self._read: dict[tuple[ProviderCode, Guid], Sequence[OpenAttempt]] = {}
        self._locked: set[tuple[MessageId, int]] = set()
        """Calls whose messages this transaction has locked and saved, by the numbers of their attempts: once is enough."""
        self.ended: list[tuple[tuple[ProviderCode, Guid], OpenAttempt]] = []
        """Calls, with their instances, that ended after they were read: what waits for them must be looked at again."""

    async def may_have_caused(
        self, scope: CommitScope, instance: tuple[ProviderCode, Guid], stream_record: StreamRecord
    ) -> bool:
        """Whether the record may be the echo of an open call of this instance.

        Then it must be parked. Answers of such calls are late ones: the message is saved here, so whoever made the call finds
        that it has changed, and reopens what is parked. Whatever that answer is, and whichever process dies.
        """
        if instance not in self._read:
            self._read[instance] = await scope.unit.messages.unanswered(*instance)
        calls = open_calls_of(stream_record, self._read[instance], horizon_ms=self._horizon_ms)
        await self._lock(
            scope, instance, [call for call in calls if (call.message_id, call.number) not in self._locked]
        )
        return bool(calls)

    async def _lock(
        self, scope: CommitScope, instance: tuple[ProviderCode, Guid], calls: Sequence[OpenAttempt]
    ) -> None:
        messages = await scope.unit.messages.get(sorted({call.message_id for call in calls})) if calls else {}
        awaited = [message for message in messages.values() if _is_open(message, calls)]
        ids = {message.id for message in awaited}
        self.ended += [(instance, call) for call in calls if call.message_id not in ids]
        await scope.save(awaited)
        self._locked |= {(call.message_id, call.number) for call in calls}


def _is_open(message: Message, calls: Sequence[OpenAttempt]) -> bool:
    """Whether the call of the message that is one of these has not ended, now that nobody else can change it."""
    return any(
        message.attempts.numbered(call.number).outcome is None for call in calls if call.message_id == message.id
    )
