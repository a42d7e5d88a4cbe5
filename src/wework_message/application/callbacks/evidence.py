"""Apply records to the attempts that they name or match: the one place where evidence must fit (D-63, ADR 24)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from wework_message.application.callbacks.own_user_ids import OwnUserIds
from wework_message.application.commit.scope import CommitScope, Report
from wework_message.application.policy import Policy
from wework_message.domain.ids import MessageId, ProviderCode, ProviderKey
from wework_message.domain.inbox import CallbackSource
from wework_message.domain.message.fitting import Expected, Misfit
from wework_message.domain.message.message import Message
from wework_message.domain.message.projection import FactKind, StreamRecord
from wework_message.domain.message.timeline import Note
from wework_message.domain.ports.system import Clock

Owner = tuple[MessageId, int]
"""A message and the number of its attempt."""


def names_of(provider_code: ProviderCode, stream_record: StreamRecord) -> list[ProviderKey]:
    """`StreamRecord.names`, with what they are unique within."""
    return [(provider_code, stream_record.guid, name) for name in stream_record.names]


@dataclass(frozen=True, slots=True)
class Fact:
    """A record, and the attempts that it may be about: the first that it fits is its own."""

    stream_record: StreamRecord
    owners: tuple[Owner, ...]
    received_at: int
    """Epoch ms."""
    source: CallbackSource


class ApplyEvidence:
    """Messages learn what fits."""

    def __init__(self, policy: Policy, clock: Clock) -> None:
        """`policy` has H, and the admins."""
        self._policy = policy
        self._clock = clock

    async def __call__(
        self, scope: CommitScope, facts: Sequence[Fact], own: OwnUserIds
    ) -> Sequence[MessageId | Misfit]:
        """For each fact the message that knows it now, or why it fits none."""
        messages = await scope.unit.messages.get(_owners(facts))
        changed: dict[MessageId, Message] = {}
        results: list[MessageId | Misfit] = []
        for fact in facts:
            owner, misfit = await self._fitting(messages, fact, own)
            if misfit is not None:
                results.append(misfit)
                continue
            message = messages[owner[0]]
            if self._learn(message, owner[1], fact):
                changed[message.id] = message
                if message.trace is not None:
                    scope.reports.append(Report(message.trace, message.id, owner[1], fact.received_at))
            results.append(message.id)
        await scope.save(list(changed.values()))
        return results

    async def _fitting(
        self, messages: Mapping[MessageId, Message], fact: Fact, own: OwnUserIds
    ) -> tuple[Owner, Misfit | None]:
        """The first attempt that the record fits; else the last one, and why it is not about that."""
        misfit = None
        for owner in fact.owners:
            message = messages[owner[0]]
            attempt = message.attempts.numbered(owner[1])
            expected = Expected(
                attempt,
                message.conversation_id,
                self._policy.horizon_ms,
                admin_user_ids=self._policy.admin_user_ids,
                own_user_id=await own.of_attempt(attempt),
            )
            misfit = expected.misfit(fact.stream_record, received_at=fact.received_at)
            if misfit is None:
                break
        return owner, misfit

    def _learn(self, message: Message, number: int, fact: Fact) -> bool:
        now, stream_record = self._clock.now(), fact.stream_record
        own_record = stream_record.refers_to is None
        learnt = [
            message.learn(
                number,
                kind,
                horizon_ms=self._policy.horizon_ms,
                now=now,
                note=Note(kind, now, attempt=number, event_key=stream_record.event_key, source=fact.source.value),
                provider_message_id=stream_record.provider_message_id if own_record else None,
                app_info_key=stream_record.app_info_key if own_record else None,
            )
            for kind in sorted(stream_record.kinds or {FactKind.ECHO})
        ]
        return any(learnt)


def _owners(facts: Sequence[Fact]) -> list[MessageId]:
    """Sorted, so that two units of work lock them in the same order."""
    return sorted({owner[0] for fact in facts for owner in fact.owners})
