"""Quotes of our own messages: the stored original gives the fields that the vendor requires (W-2)."""

import base64
from dataclasses import dataclass
from typing import Final, get_args

import msgspec

from wework_message.application.errors import UnquotableError
from wework_message.domain.content import Content, QuoteContent, QuotedContent, TextContent
from wework_message.domain.ids import MessageId, TenantId
from wework_message.domain.ports.queries import MessageReader

MAX_PREVIEW_CHARS: Final = 100
"""Characters of the original that the quote shows."""


@dataclass(frozen=True, slots=True)
class Quoting:
    """Completes quotes by id."""

    reader: MessageReader

    async def fill(self, tenant_id: TenantId, content: QuoteContent) -> QuoteContent:
        """The quote with every field that the vendor requires; raises `UnquotableError` where the original cannot be quoted."""
        original_id = MessageId(content.quote_message_id or "")
        view = (await self.reader.messages(tenant_id, [original_id])).get(original_id)
        if view is None:
            raise UnquotableError("no such message")
        attempt = view.message.attempts.named
        receipt = attempt.outcome.receipt if attempt is not None and attempt.outcome is not None else None
        if attempt is None or receipt is None:
            raise UnquotableError("the message is not proven sent yet")
        if view.message.content is None:
            raise UnquotableError("the content of the message is erased")
        if not isinstance(view.message.content, get_args(QuotedContent)):
            raise UnquotableError("a message of this type cannot be quoted")
        sender_name = receipt.text("sender_name")
        if not (attempt.app_info_key and receipt.sender_id and sender_name):
            raise UnquotableError("the provider's answer does not say who sent it")
        return msgspec.structs.replace(
            content,
            quote_content=_preview(view.message.content),
            quote_app_info=attempt.app_info_key,
            quote_content_type=receipt.number("content_type") or 0,
            quote_sender=receipt.sender_id,
            quote_sender_name=_plain(sender_name),
            quote_message=view.message.content,
        )


def _plain(encoded: str) -> str:
    """Answers carry the sender's name in base64, quotes want it plain (P-3 and P-4)."""
    try:
        return base64.b64decode(encoded, validate=True).decode()
    except ValueError:
        return encoded


def _preview(content: Content) -> str:
    return content.content[:MAX_PREVIEW_CHARS] if isinstance(content, TextContent) else f"[{content.message_type}]"
