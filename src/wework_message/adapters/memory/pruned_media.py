"""Media assets that nobody needs any more, in memory."""

from collections.abc import Collection

from wework_message.adapters.memory.database import MemoryDatabase
from wework_message.adapters.memory.media import delete_with_previews, is_preview, row_of, users
from wework_message.domain.ids import MediaId, MessageId
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


def forget_uses(database: MemoryDatabase, message_ids: Collection[MessageId], now: int) -> None:
    """The messages are erased: they name no asset any more, and those that no other message names go."""
    used = [
        row.asset for media_id in drop_uses(database, message_ids) if (row := row_of(database, media_id)) is not None
    ]
    alone = [asset for asset in used if not is_preview(database, asset.media_id) and not users(database, asset)]
    delete_with_previews(database, alone, now)


def drop_uses(database: MemoryDatabase, message_ids: Collection[MessageId]) -> set[MediaId]:
    """Delete them; returns the assets that they named."""
    own = [key for key, _ in database.media_uses.items() if key[0] in message_ids]
    for key in own:
        database.media_uses.drop(key)
    return {media_id for _, media_id in own}
