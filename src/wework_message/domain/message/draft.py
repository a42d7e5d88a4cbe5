"""What one client request asks, read and found valid, before an account is resolved or anything is stored."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from wework_message.domain.content import Content, MentionContent, QuoteContent
from wework_message.domain.conversation import Conversation
from wework_message.domain.errors import InvalidValueError
from wework_message.domain.ids import AccountId, Guid, ProviderCode

DEFAULT_PRIORITY: Final = 5
MAX_PRIORITY: Final = 9
MAX_RETRY_COUNT: Final = 10

_KEY: Final = re.compile(r"[ -~]{1,255}")


class Pin(StrEnum):
    """How far a message may move from the instance the client had in mind."""

    ACCOUNT = "account"
    """Any binding of the account (default)."""
    BINDING = "binding"
    """Only this binding: the message waits for it and never fails over."""


class OnUnknown(StrEnum):
    """What becomes of a message nobody can prove sent or unsent (decision 16)."""

    HOLD = "HOLD"
    """It stays UNKNOWN until evidence or a person settles it (default)."""
    FAIL = "FAIL"
    """It ends as FAILED with `confirmed: false` after a time; it is not sent again."""
    RESEND = "RESEND"
    """It is sent again and marked `possibleDuplicate`; needs `duplicateSafe`."""


@dataclass(frozen=True, slots=True)
class Draft:
    """One message as asked for. Instants are epoch ms UTC.

    Construction raises `InvalidValueError`, its path in the JSON's spelling, for values or pairs that no message may have.
    """

    conversation: Conversation
    content: Content
    guid: Guid | None = None
    """The sender by an instance's name; exactly one of this and `account_id`."""
    account_id: AccountId | None = None
    client_message_id: str | None = None
    """Idempotency key, 1-255 printable ASCII characters; None for the parts of a group, which has the key."""
    priority: int = DEFAULT_PRIORITY
    """0 (low) to 9 (urgent)."""
    scheduled_at: int | None = None
    expires_at: int | None = None
    """None = the application's default."""
    provider_code: ProviderCode | None = None
    """Only bindings at this provider; whether it exists is the application's to say."""
    pin: Pin = Pin.ACCOUNT
    on_unknown: OnUnknown | None = None
    """None = the account's, else the configured one."""
    duplicate_safe: bool = False
    extra: Mapping[str, Any] | None = None
    """The caller's own data: kept, returned, never sent to a provider."""
    retry_count: int | None = None
    """0-10 quick tries instead of the configured number; 0 is read as 1 (decision 47)."""

    def __post_init__(self) -> None:
        """Raises `InvalidValueError` for the first rule that is broken."""
        for problem in self._problems():
            raise problem

    def _problems(self) -> Iterator[InvalidValueError]:
        if (self.guid is None) is (self.account_id is None):
            yield InvalidValueError("guid", "exactly one of guid and accountId is needed")
        if self.client_message_id is not None and not is_idempotency_key(self.client_message_id):
            yield InvalidValueError("clientMessageId", "must be 1 to 255 printable ASCII characters")
        if not 0 <= self.priority <= MAX_PRIORITY:
            yield InvalidValueError("priority", f"must be 0 to {MAX_PRIORITY}")
        if self.retry_count is not None and not 0 <= self.retry_count <= MAX_RETRY_COUNT:
            yield InvalidValueError("retryCount", f"must be 0 to {MAX_RETRY_COUNT}")
        if self.on_unknown is OnUnknown.RESEND and not self.duplicate_safe:
            yield InvalidValueError("duplicateSafe", "must be true where onUnknown is RESEND")
        if self.expires_at is not None and self.scheduled_at is not None and self.expires_at <= self.scheduled_at:
            yield InvalidValueError("expiresAt", "must be after scheduledAt")
        yield from self._mention_problems()

    def _mention_problems(self) -> Iterator[InvalidValueError]:
        if self.conversation.is_room:
            return
        if isinstance(self.content, MentionContent):
            yield InvalidValueError("conversationId", "must be a room (R:<digits>) for MENTION")
        elif isinstance(self.content, QuoteContent) and self.content.at_list:
            yield InvalidValueError("atList", "is for rooms (R:<digits>) only")

    def check_at(self, now: int) -> None:
        """Raises `InvalidValueError` where the message would be too late already; `now` is epoch ms UTC."""
        if self.expires_at is not None and self.expires_at <= now:
            raise InvalidValueError("expiresAt", "is in the past")


def is_idempotency_key(key: str) -> bool:
    """Whether `key` has 1-255 printable ASCII characters."""
    return _KEY.fullmatch(key) is not None
