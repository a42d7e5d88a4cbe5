"""Which attempt does a stream record belong to? (M-4.6, D-44).

An id identifies its attempt. Without an id, only a *text* that the account itself sent, in the same conversation, equal in
content and in time, may settle an uncertain attempt; everything else stays UNKNOWN for a person.
"""

import hashlib
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

from wework_message.domain.content import Content, MentionContent, TextContent
from wework_message.domain.ids import Guid, MessageId
from wework_message.domain.message.fitting import SKEW_MS, is_in, is_overdue
from wework_message.domain.message.projection import StreamRecord


def content_key(text: str) -> str:
    """The key by which texts of echoes are compared: SHA-256 (hex) in Unicode NFC, line ends as LF, outer white space removed."""
    plain = unicodedata.normalize("NFC", text).replace("\r\n", "\n").replace("\r", "\n").strip()
    return hashlib.sha256(plain.encode("utf-8", "surrogatepass")).hexdigest()


def echo_key(content: Content | None) -> str | None:
    """The key that an echo of this content must have; None for types that only an id identifies (D-44), and where it is erased."""
    return content_key(content.content) if isinstance(content, TextContent | MentionContent) else None


@dataclass(frozen=True, slots=True)
class OpenAttempt:
    """An uncertain attempt that an echo may settle."""

    message_id: MessageId
    number: int
    guid: Guid
    conversation_id: str
    content_key: str | None
    started_at: int
    """Epoch ms."""
    ended_at: int
    """Epoch ms."""
    own_user_id: str | None = None
    """The account's own user id, where it is known."""


def is_own(stream_record: StreamRecord, own_user_id: str | None) -> bool:
    """Whether the account itself sent the record; the provider's mark counts until the account's user id is known."""
    return stream_record.sender == own_user_id if own_user_id is not None else stream_record.marked_own


def match(
    stream_record: StreamRecord, attempts: Iterable[OpenAttempt], *, horizon_ms: int, received_at: int
) -> OpenAttempt | None:
    """The attempt that this record, which arrived at `received_at`, settles by content, oldest first, or None.

    `horizon_ms` is H: how long after the end of an attempt its echo may still be stamped, and a failure may be reported.
    """
    if stream_record.text is None:
        return None
    key = content_key(stream_record.text)
    fitting = [attempt for attempt in attempts if _fits(stream_record, key, attempt, horizon_ms, received_at)]
    return min(fitting, key=lambda attempt: (attempt.started_at, attempt.number), default=None)


def _fits(stream_record: StreamRecord, key: str, attempt: OpenAttempt, horizon_ms: int, received_at: int) -> bool:
    return (
        attempt.guid == stream_record.guid
        and attempt.content_key == key
        and is_own(stream_record, attempt.own_user_id)
        and is_in(stream_record, attempt.conversation_id)
        and stream_record.sent_at is not None
        and attempt.started_at - SKEW_MS <= stream_record.sent_at <= attempt.ended_at + horizon_ms
        and attempt.started_at <= received_at
        and not is_overdue(stream_record, attempt.ended_at, horizon_ms, received_at)
    )
