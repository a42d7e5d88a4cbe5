"""The replay of stored callbacks: one range of an index for each state, or the one of a guid, and updates by key."""

from itertools import chain
from operator import attrgetter
from typing import Any, Final

from sqlalchemy import Connection, Select, literal, select

from wework_message.adapters.sql.core.index_hints import by_index
from wework_message.adapters.sql.core.prepared import updating
from wework_message.adapters.sql.mapping.tables import callback
from wework_message.adapters.sql.repositories.callback_owners import OWNER, may_have
from wework_message.domain.inbox import InboxState
from wework_message.domain.ports.inbox import ReplayedEntries, ReplaySelection

_REPLAY: Final = updating(callback, {"id": "the_id", "state": "old_state"}, ["state", "tries"])


def replay_step(
    connection: Connection, selection: ReplaySelection, limit: int, before: int | None, dry_run: bool
) -> ReplayedEntries:
    """What `CallbackInbox.replay` does."""
    if not may_have(connection, selection.tenant_id, selection.guid):
        return ReplayedEntries(0, None)
    states = [state.value for state in selection.states]
    ranges = [_newest(limit, before, state) for state in states]
    if selection.guid is not None:
        ranges = [_newest(limit, before, None).where(callback.c.guid == selection.guid)]
    rows = chain.from_iterable(connection.execute(statement) for statement in ranges)
    walked = sorted(rows, key=attrgetter("id"), reverse=True)[:limit]
    chosen = [
        {"the_id": row.id, "old_state": row.state, "tries": 0, "state": InboxState.PENDING.value}
        for row in walked
        if row.state in states
        and selection.tenant_id in (None, row.owner)
        and row.received_at >= selection.since
        and (row.state != InboxState.ORPHAN or row.waits_for is not None)
    ]
    entries = len(chosen) if dry_run else _REPLAY.many(connection, chosen)
    return ReplayedEntries(entries, walked[-1].id if len(walked) == limit else None)


def _newest(limit: int, before: int | None, state: str | None) -> Select[Any]:
    """What decides whether entries are replayed: of one state, or of the guid that the caller adds."""
    rows = select(callback.c.id, callback.c.state, callback.c.received_at, callback.c.waits_for, OWNER.label("owner"))
    rows = rows.order_by(callback.c.id.desc()).limit(limit)
    if before is not None:
        rows = rows.where(callback.c.id < before)
    if state is None:
        return by_index(rows, callback, "ix_wm_callback_guid")
    of_state = callback.c.state == literal(state, literal_execute=True)
    return by_index(rows.where(of_state), callback, "ix_wm_callback_state")
