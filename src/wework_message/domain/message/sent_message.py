"""A message that was sent and is at rest, as far as the echo of its newest attempt needs it (ADR 38).

Nearly every message is sent once and echoed once. `Message` has the rules for whatever else evidence may do; for these
messages an echo does what they say, and nothing of the content, the options or the other attempts has to be read for it.
"""

from dataclasses import dataclass
from typing import Final, NamedTuple, Self, TypeAlias

from wework_message.domain.ids import AccountId, Guid, MessageId, ProviderCode, ProviderKey, ProviderMessageId, TenantId
from wework_message.domain.lifecycle import MessageStatus, Moved
from wework_message.domain.message.message import Message
from wework_message.domain.message.projection import FactKind
from wework_message.domain.message.recall import RecallState
from wework_message.domain.outcomes import OutcomeClass
from wework_message.domain.trace import TraceContext

AT_REST: Final = {
    MessageStatus.SENT: frozenset[FactKind](),
    MessageStatus.DELIVERED: frozenset({FactKind.ECHO}),
}
"""The statuses of these messages, and the facts about their newest attempt that explain each."""

DELIVERED: Final = Moved(MessageStatus.SENT, MessageStatus.DELIVERED, None)
"""What an echo does to one that is SENT."""


@dataclass(slots=True)
class SentMessage:
    """SENT or DELIVERED by its newest attempt, which the provider accepted, and not to be recalled."""

    id: MessageId
    tenant_id: TenantId
    message_type: str
    conversation_id: str
    account_id: AccountId
    provider_code: ProviderCode
    guid: Guid
    provider_message_id: ProviderMessageId
    number: int
    """Of the newest attempt."""
    started_at: int
    """Instants are those of the newest attempt, epoch ms."""
    ended_at: int | None
    sent_at: int | None
    app_info_key: str | None
    sender_id: str | None
    """The account's own user id, as the accepted answer named it."""
    delivered: bool
    version: int
    trace: TraceContext | None = None
    """The span that accepted it; None where that is not recorded."""

    @classmethod
    def of(cls, message: Message) -> Self | None:
        """None where something else is known of `message`, or may happen to it: `Message` has the rules then."""
        attempt = message.attempts.last
        if attempt is None or attempt.provider_message_id is None or attempt.outcome is None:
            return None
        accepted = attempt.outcome.kind is OutcomeClass.ACCEPTED and message.recall.state is RecallState.NONE
        if not accepted or AT_REST.get(message.status) != attempt.facts:
            return None
        receipt = attempt.outcome.receipt
        return cls(
            message.id, message.tenant_id, message.message_type, message.conversation_id,
            attempt.account_id, attempt.provider_code, attempt.guid, attempt.provider_message_id,
            attempt.number, attempt.started_at, attempt.ended_at, attempt.sent_at, attempt.app_info_key,
            receipt.sender_id if receipt is not None else None,
            delivered=message.status is MessageStatus.DELIVERED,
            version=message.version,
            trace=message.trace,
        )  # fmt: skip

    @property
    def key(self) -> ProviderKey:
        """By which an echo names it."""
        return self.provider_code, self.guid, self.provider_message_id

    def deliver(self) -> bool:
        """An echo of it came; False where one had come before."""
        if self.delivered:
            return False
        self.delivered = True
        self.version += 1
        return True


class Echo(NamedTuple):
    """The first echo of a message."""

    message: SentMessage
    event_key: str


NewVersion: TypeAlias = Message | SentMessage
"""Has the id, the tenant and the version of a message that was written."""
