"""Echoes are applied in the transaction that stores them, where nothing stands in the way (ADR 34, ADR 38).

The projector's work is then done before the provider has its answer: the row is stored as APPLIED, and neither read nor
changed again. Everything that needs more than a message at rest and its echo waits for the projector.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

from wework_message.application.callbacks.own_user_ids import OwnUserIds
from wework_message.application.commit.scope import CommitScope, Report
from wework_message.application.policy import Policy
from wework_message.domain.ids import MessageId, ProviderCode, ProviderKey
from wework_message.domain.message.fitting import Expected
from wework_message.domain.message.projection import FactKind, StreamRecord
from wework_message.domain.message.sent_message import Echo, SentMessage
from wework_message.domain.ports.gateway import CallbackItem
from wework_message.domain.trace import TraceContext

MAX_AT_ONCE: Final = 200
"""Records that one transaction applies while it stores them: what others commit with it must not wait for more."""

_ECHO: Final = frozenset({FactKind.ECHO})


class ApplyAtOnce:
    """The part of a transaction that applies what it is about to store."""

    def __init__(self, policy: Policy) -> None:
        """`policy` has H, and the configured user ids."""
        self._wecom_user_ids = policy.wecom_user_ids
        self._horizon_ms = policy.horizon_ms

    async def __call__(
        self,
        scope: CommitScope,
        items: Sequence[tuple[ProviderCode, CallbackItem]],
        received_at: int,
        requests: Mapping[int, TraceContext] = MappingProxyType({}),
    ) -> Sequence[MessageId | None]:
        """For each item the message that knows it now; None where it must wait for the projector.

        `requests` are the spans of the callbacks, by the places of their items, as far as they are recorded.
        """
        fitting = await self.fitting(scope, items, received_at)
        applied: list[MessageId | None] = [None] * len(items)
        echoes: list[Echo] = []
        for place, message in fitting.items():
            applied[place] = message.id
            if message.deliver():
                echoes.append(Echo(message, items[place][1].event_key))
                if message.trace is not None:
                    report = Report(message.trace, message.id, message.number, received_at, requests.get(place))
                    scope.reports.append(report)
        await scope.deliver(echoes, received_at)
        return applied

    async def fitting(
        self, scope: CommitScope, items: Sequence[tuple[ProviderCode, CallbackItem]], received_at: int
    ) -> Mapping[int, SentMessage]:
        """The messages at rest, locked, of which items are echoes that fit, by the place of the item."""
        records = [
            (place, item.stream_record, key)
            for place, (code, item) in enumerate(items[:MAX_AT_ONCE])
            if item.stream_record is not None and (key := _echoed(code, item.stream_record)) is not None
        ]
        sent = await scope.unit.echoes.sent(list({key for _, _, key in records})) if records else {}
        own = OwnUserIds(scope.unit.accounts, self._wecom_user_ids)
        return {
            place: message
            for place, stream_record, key in records
            if (message := sent.get(key)) is not None and await self._fits(message, stream_record, received_at, own)
        }

    async def _fits(self, message: SentMessage, stream_record: StreamRecord, received_at: int, own: OwnUserIds) -> bool:
        own_user_id = message.sender_id or await own.of(message.account_id, message.guid)
        expected = Expected(message, message.conversation_id, self._horizon_ms, own_user_id)
        return expected.misfit(stream_record, received_at=received_at) is None


def _echoed(provider_code: ProviderCode, stream_record: StreamRecord) -> ProviderKey | None:
    """The id by which an echo names its message; None where the record is something else, too."""
    if stream_record.refers_to is not None or not stream_record.kinds <= _ECHO:
        return None
    own_id = stream_record.provider_message_id
    return (provider_code, stream_record.guid, own_id) if own_id is not None else None
