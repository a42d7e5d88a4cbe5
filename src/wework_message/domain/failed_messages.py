"""Failed messages as operators see them: what failed, why, and which of it a replay may send anew (ADR 47)."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from wework_message.domain.ids import MessageId, ProviderCode
from wework_message.domain.lifecycle import MessageStatus
from wework_message.domain.media.asset import MediaFailure
from wework_message.domain.message.message import Message
from wework_message.domain.outcomes import FailureReason
from wework_message.domain.routing.selector import RefusalKind

FAILURES: Final = (MessageStatus.FAILED, MessageStatus.EXPIRED)
"""Statuses that a replay may leave. UNKNOWN is none of them: evidence or a person settles it (D-15)."""

CAUSES: Final = (
    *FailureReason,
    *(failure for failure in MediaFailure if failure != FailureReason.MEDIA_EXPIRED),
    RefusalKind.NO_BINDING,
    RefusalKind.NO_CAPABILITY,
    MessageStatus.EXPIRED,
)
"""Every cause that a failed message can have: its `reason`."""


@dataclass(frozen=True, slots=True)
class FailureFilter:
    """Which failed messages; None = not filtered."""

    cause: str | None = None
    """One of `CAUSES`."""
    provider_code: ProviderCode | None = None
    """Of the newest attempt."""
    error_code: int | None = None
    """The provider's integer in the answer to the newest attempt."""
    account_id: str | None = None
    created_from: int | None = None
    """Accepted at this time or later, epoch ms."""
    created_to: int | None = None
    """Accepted before this time, epoch ms."""

    @property
    def statuses(self) -> Iterator[MessageStatus]:
        """The statuses that can pass: a cause has one of them only."""
        for status in FAILURES:
            if self.cause is None or (self.cause == MessageStatus.EXPIRED) == (status is MessageStatus.EXPIRED):
                yield status

    def matches(self, message: Message) -> bool:
        """Whether it failed, and passes."""
        last = message.attempts.last
        return (
            message.status in FAILURES
            and self.cause in (None, cause_of(message))
            and self.provider_code in (None, last.provider_code if last is not None else None)
            and self.error_code in (None, error_code_of(message))
            and self.account_id in (None, message.account_id)
            and (self.created_from is None or message.accepted_at >= self.created_from)
            and (self.created_to is None or message.accepted_at < self.created_to)
        )


def cause_of(message: Message) -> str:
    """Why it failed: its reason; its status where none is stored."""
    return message.reason or message.status.value


def error_code_of(message: Message) -> int | None:
    """The provider's code in the answer to the newest attempt."""
    last = message.attempts.last
    return last.outcome.error_code if last is not None and last.outcome is not None else None


@dataclass(frozen=True, slots=True)
class FailureGroup:
    """Failed messages with one cause, provider and code."""

    cause: str
    provider_code: ProviderCode | None
    """Of the newest attempt; None where there was none."""
    error_code: int | None
    count: int
    unconfirmed: int
    """How many of them are not proven unsent: a replay of these may reach the recipient a second time."""
    oldest_at: int
    """When the first of them was accepted, epoch ms."""
    newest_at: int
    sample_message_ids: tuple[MessageId, ...]
    """The oldest and the newest."""
