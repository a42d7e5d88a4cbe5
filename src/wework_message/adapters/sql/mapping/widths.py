"""Values written at the width that they will have: a row that grows makes InnoDB write its whole page anew (ADR 37).

Rows come in the order of their ids, so a page is full of rows that change soon after each other. What is here also
reads what versions before 0008 wrote, and is read by them.
"""

from collections.abc import Collection
from typing import Final

from wework_message.domain.content import MentionContent, TextContent
from wework_message.domain.ids import MessageId
from wework_message.domain.message.message import Message
from wework_message.domain.message.projection import FactKind

NO_PROVIDER: Final = ""
"""The provider of a message without attempts; the column has one width on MySQL. NULL before 0008."""

ANSWER_ROOM: Final = 480
"""Bytes that the answer to a call adds to its attempt, but for the text that was sent; the most that one usually adds."""

MAX_ROOM: Final = 2_048
"""More is not kept free: few messages are so long, and a page has few rows of that size."""


def facts_text(facts: Collection[FactKind]) -> str:
    """Reported facts as a column, never shorter than that of an echo."""
    return ",".join(sorted(facts)).ljust(len(FactKind.ECHO), ",")


NO_FACTS: Final = facts_text(())
"""What the column has where nothing was reported. Every fact is greater; the empty text of versions before 0008 is not."""


def facts_of(text: str) -> frozenset[FactKind]:
    """The facts in a column."""
    return frozenset(FactKind(fact) for fact in text.split(",") if fact)


def answer_room(message: Message) -> str | None:
    """Blanks for the receipt of a call that has no answer yet; a receipt repeats a text in base64."""
    content = message.content
    text = content.content if isinstance(content, TextContent | MentionContent) else ""
    room = ANSWER_ROOM + len(text.encode()) * 4 // 3
    return " " * room if room <= MAX_ROOM else None


def message_id_column(message_id: MessageId | None) -> str:
    """The message of a callback that may be applied later."""
    return message_id or _NO_MESSAGE


def message_id_of(text: str | None) -> MessageId | None:
    """The message in a callback's column."""
    return MessageId(text) if text is not None and text != _NO_MESSAGE else None


_NO_MESSAGE: Final = " " * 36
