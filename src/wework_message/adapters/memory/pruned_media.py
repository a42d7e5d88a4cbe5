"""Media assets that nobody needs any more, in memory."""

from wework_message.adapters.memory.database import MemoryDatabase
from wework_message.adapters.memory.media import delete_with_previews, is_preview, users
from wework_message.domain.lifecycle import RESTING
from wework_message.domain.message.message import Message
from wework_message.domain.ports.maintenance import Pruned


def prune_media(database: MemoryDatabase, older_than_ms: int, limit: int, after: str, now: int) -> Pruned:
    """What `Pruning.media` does."""
    before = now - older_than_ms
    rows = sorted(database.media.rows(), key=lambda row: row.asset.media_id)
    old = [row.asset for row in rows if row.asset.media_id > after and row.asset.created_at < before][:limit]
    free = [
        asset
        for asset in old
        if not is_preview(database, asset.media_id)
        and not any(_keeps(database.messages.get(message_id), before) for message_id in users(database, asset))
    ]
    return Pruned(delete_with_previews(database, free, now), old[-1].media_id if len(old) == limit else None)


def _keeps(message: Message | None, since: int) -> bool:
    return message is not None and (message.status not in RESTING or message.lifecycle.updated_at >= since)
