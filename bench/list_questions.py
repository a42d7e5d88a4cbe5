"""Every list as a question of the growth table: filters that some message passes, and filters that none does."""

import functools
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from bench import fill as filling
from tests.support.builders.messages import GUID, NOW, PROVIDER

from wework_message.adapters.sql.repositories.reader import SqlMessageReader
from wework_message.domain.account import implicit_account_id
from wework_message.domain.ids import DEFAULT_TENANT, BatchId, Guid, ProviderCode
from wework_message.domain.inbox import InboxState
from wework_message.domain.lifecycle import MessageStatus
from wework_message.domain.message_filter import MessageFilter

NOBODY: Final = "nobody"
DAY_MS: Final = 24 * 3_600_000


def list_questions(reader: SqlMessageReader, total: int) -> dict[str, Callable[[], Awaitable[object]]]:
    """By name; each is one page of 50 of a database with `total` messages."""
    middle = NOW + total // 2
    filters: Mapping[str, dict[str, Any]] = {
        "status UNKNOWN": {"status": MessageStatus.UNKNOWN},
        "status no message has": {"status": MessageStatus.EXPIRED},
        "guid": {"guid": filling.guid(2, total)},
        "guid of half the messages": {"guid": GUID},
        "guid of nobody": {"guid": Guid(NOBODY)},
        "account": {"account_id": implicit_account_id(filling.guid(2, total))},
        "account of nobody": {"account_id": NOBODY},
        "conversation of nobody": {"conversation_id": NOBODY},
        "type": {"message_type": "TEXT"},
        "type no message has": {"message_type": "VIDEO"},
        "provider": {"provider_code": PROVIDER},
        "provider of nobody": {"provider_code": ProviderCode(NOBODY)},
        "batch of nobody": {"batch_id": BatchId(NOBODY)},
        "campaign of nobody": {"campaign_id": NOBODY},
        "key": {"client_message_id": filling.key(total // 2)},
        "key of nobody": {"client_message_id": NOBODY},
        "from after the newest": {"created_from": NOW + 2 * DAY_MS},
        "until before the oldest": {"created_to": NOW - DAY_MS},
        "a window of 100 ms": {"created_from": middle, "created_to": middle + 100},
        "DELIVERED, type no message has": {"status": MessageStatus.DELIVERED, "message_type": "VIDEO"},
        "guid of half the messages, type none has": {"guid": GUID, "message_type": "VIDEO"},
    }
    lists: dict[str, Callable[[], Awaitable[object]]] = {
        f"list: {name}": functools.partial(_page, reader, MessageFilter(**values)) for name, values in filters.items()
    }
    return lists | {
        "callbacks: guid of half of them": lambda: _callbacks(reader, GUID, None),
        "callbacks: guid of nobody": lambda: _callbacks(reader, Guid(NOBODY), None),
        "callbacks: a type": lambda: _callbacks(reader, GUID, 11010),
        "callbacks: a type the guid never had": lambda: _callbacks(reader, GUID, 11011),
        "callbacks: quarantine": lambda: _callbacks(reader, None, None, InboxState.QUARANTINED),
    }


async def _page(reader: SqlMessageReader, filters: MessageFilter) -> object:
    return await reader.page(DEFAULT_TENANT, filters, limit=50, before=None)


async def _callbacks(
    reader: SqlMessageReader, guid: Guid | None, notify_type: int | None, state: InboxState | None = None
) -> object:
    return await reader.callbacks(None, guid, notify_type=notify_type, limit=50, before=None, state=state)
