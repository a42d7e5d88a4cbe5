"""Pruning on SQL: each step reads one range of an index, and deletes by key."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import BindParameter, Column, Connection, Select, bindparam, delete, exists, func, literal, select

from wework_message.adapters.sql.core.dialect import Dialect, literal_number
from wework_message.adapters.sql.core.execution import Run
from wework_message.adapters.sql.core.index_hints import by_index
from wework_message.adapters.sql.core.prepared import Query, deleting
from wework_message.adapters.sql.mapping.mass_tables import mass_chunk
from wework_message.adapters.sql.mapping.replay_tables import replay, replay_item
from wework_message.adapters.sql.mapping.tables import attempt, batch, callback, idempotency_key, message, note
from wework_message.adapters.sql.repositories.audit import prune_audit
from wework_message.adapters.sql.repositories.erasing import erase_contents
from wework_message.adapters.sql.repositories.erasures import prune_erasures
from wework_message.adapters.sql.repositories.pruned_choices import prune_choices
from wework_message.adapters.sql.repositories.pruned_deliveries import prune_deliveries
from wework_message.adapters.sql.repositories.pruned_mass_sends import prune_mass_sends
from wework_message.adapters.sql.repositories.pruned_media import DELETE_USES, prune_media
from wework_message.adapters.sql.repositories.raw_texts import erase_texts
from wework_message.domain.inbox import InboxState, Walk
from wework_message.domain.lifecycle import RESTING, MessageStatus
from wework_message.domain.ports.maintenance import START, Pruned, Pruning
from wework_message.domain.ports.system import Clock

_LIMIT: Final[BindParameter[int]] = bindparam("limit", 0)
_IDS: Final[BindParameter[str]] = bindparam("ids", expanding=True)
_RESTING: Final = [literal(status.value, literal_execute=True) for status in sorted(RESTING)]

_KEY = idempotency_key.c
_OLD_KEYS = Query(
    by_index(
        select(_KEY.tenant_id, _KEY.key, _KEY.target, _KEY.created_at)
        .where(_KEY.created_at > bindparam("after", 0), _KEY.created_at < bindparam("before", 0))
        .order_by(_KEY.created_at)
        .limit(_LIMIT),
        idempotency_key,
        "ix_wm_idempotency_key_created",
    )
)
_OLDEST_CALLBACKS = Query(
    by_index(
        select(callback.c.id, callback.c.received_at)
        .where(callback.c.state == bindparam("the_state"), callback.c.id > bindparam("after", 0))
        .order_by(callback.c.id)
        .limit(_LIMIT),
        callback,
        "ix_wm_callback_state",
    )
)
_NEWEST_CALLBACK = select(func.max(callback.c.id))
_OLDEST_MESSAGES = Query(
    by_index(
        select(message.c.id, message.c.batch_id, message.c.group_id, message.c.accepted_at, message.c.updated_at)
        .where(message.c.status == bindparam("the_status"), message.c.id > bindparam("after"))
        .order_by(message.c.id)
        .limit(_LIMIT),
        message,
        "ix_wm_message_status",
    ).with_for_update(skip_locked=True)
)
_OLD_REPLAYS = Query(
    by_index(
        select(replay.c.id)
        .where(replay.c.id > bindparam("after"), replay.c.finished_at < bindparam("before", 0))
        .order_by(replay.c.id)
        .limit(literal_number(1)),
        replay,
    )
)
_REPLAY_ITEMS = Query(
    by_index(
        select(replay_item.c.replay_id, replay_item.c.message_id)
        .where(replay_item.c.replay_id == bindparam("the_replay"))
        .limit(_LIMIT),
        replay_item,
    )
)
_DELETE_REPLAY = deleting(replay, {"id": "id"})
_DELETE_REPLAY_ITEM = deleting(replay_item, {"replay_id": "replay_id", "message_id": "message_id"})
_DELETE_KEY = deleting(idempotency_key, {"tenant_id": "tenant_id", "key": "key"})
_DELETE_CALLBACK = deleting(callback, {"id": "id"})
_DELETE_MESSAGE = deleting(message, {"id": "id"})
_DELETE_ATTEMPTS = deleting(attempt, {"message_id": "id"})
_DELETE_NOTES = deleting(note, {"message_id": "id"}, index="ix_wm_note_message")
_EMPTY_BATCHES = delete(batch).where(batch.c.id.in_(_IDS), ~exists().where(message.c.batch_id == batch.c.id))

_LOST_CHUNKS = delete(mass_chunk).where(
    mass_chunk.c.batch_id.in_(_IDS), ~exists().where(batch.c.id == mass_chunk.c.batch_id)
)


def _open_of(column: Column[Any]) -> Select[Any]:
    return select(column.label("target")).where(column.in_(_IDS), message.c.status.not_in(_RESTING))


_OPEN: Final = (
    Query(by_index(_open_of(message.c.id), message)),
    Query(by_index(_open_of(message.c.batch_id), message, "ix_wm_message_batch")),
    Query(by_index(_open_of(message.c.group_id), message, "ix_wm_message_group")),
)
"""The targets (messages, batches, groups) that have a message that does not rest."""


class SqlPruning:
    """Pruning inside one transaction."""

    def __init__(self, run: Run, dialect: Dialect, clock: Clock) -> None:
        """`clock` is the store's where the database has none of its own (D-61)."""
        self._run = run
        self._dialect = dialect
        self._clock = clock

    async def keys(self, *, older_than_ms: int, limit: int, after: str = START) -> Pruned:
        """By their age; `after` is the last millisecond that was read."""
        return await self._run(self._keys, older_than_ms, limit, int(after or 0))

    def _keys(self, connection: Connection, older_than_ms: int, limit: int, after: int) -> Pruned:
        before = self._before(connection, older_than_ms)
        old = _OLD_KEYS.rows(connection, after=after, before=before, limit=limit)
        busy = _open(connection, {row["target"] for row in old})
        deleted = [row for row in old if row["target"] not in busy]
        _DELETE_KEY.many(connection, deleted)
        return Pruned(len(deleted), str(_next_ms(old, deleted=len(deleted))) if len(old) == limit else None)

    async def callbacks(
        self, state: InboxState, *, older_than_ms: int, limit: int, after: str = START, beyond: int | None = None
    ) -> Pruned:
        """By state and id, until no more are old (`Walk`); rows are counted by their serial numbers."""
        return await self._run(self._callbacks, state, older_than_ms, limit, Walk.parse(after), beyond)

    def _callbacks(
        self, connection: Connection, state: InboxState, older_than_ms: int, limit: int, walk: Walk, beyond: int | None
    ) -> Pruned:
        before = self._before(connection, older_than_ms)
        newest_to_go = 0
        if beyond is not None:
            newest_to_go = (connection.execute(_NEWEST_CALLBACK).scalar() or 0) - beyond
        oldest = _OLDEST_CALLBACKS.rows(connection, the_state=state.value, after=walk.after, limit=limit)
        old = [row for row in oldest if row["received_at"] < before or row["id"] <= newest_to_go]
        _DELETE_CALLBACK.many(connection, old)
        following = walk.following([row["id"] for row in oldest], limit, old=bool(old))
        return Pruned(len(old), str(following) if following is not None else None)

    async def texts(self, state: InboxState, *, older_than_ms: int, limit: int, after: str = START) -> Pruned:
        """By state and id, also behind rows that are too young (`Walk`)."""
        return await self._run(self._texts, state, older_than_ms, limit, Walk.parse(after))

    def _texts(self, connection: Connection, state: InboxState, older_than_ms: int, limit: int, walk: Walk) -> Pruned:
        return erase_texts(connection, state, before=self._before(connection, older_than_ms), limit=limit, walk=walk)

    async def messages(self, status: MessageStatus, *, older_than_ms: int, limit: int, after: str = START) -> Pruned:
        """By status and id, which is the order of acceptance, up to the first row that is too young."""
        return await self._run(self._messages, status, older_than_ms, limit, after)

    async def contents(self, status: MessageStatus, *, older_than_ms: int, limit: int, after: str = START) -> Pruned:
        """The same walk; what is erased is written by key."""
        return await self._run(self._contents, status, older_than_ms, limit, after)

    def _contents(
        self, connection: Connection, status: MessageStatus, older_than_ms: int, limit: int, after: str
    ) -> Pruned:
        old, following = self._old(connection, status, older_than_ms, limit, after)
        return Pruned(erase_contents(connection, [row["id"] for row in old]), following)

    def _old(
        self, connection: Connection, status: MessageStatus, older_than_ms: int, limit: int, after: str
    ) -> tuple[list[dict[str, Any]], str | None]:
        """Of the next ones in `status` those that are old enough; and the last id, where more may be old."""
        before = self._before(connection, older_than_ms)
        oldest = _OLDEST_MESSAGES.rows(connection, the_status=status.value, after=after, limit=limit)
        old = [row for row in oldest if row["accepted_at"] < before]
        busy = _open(connection, {owner for row in old for owner in _owners(row)})
        ready = [row for row in old if row["updated_at"] < before and busy.isdisjoint(_owners(row))]
        return ready, str(oldest[-1]["id"]) if len(old) == len(oldest) == limit else None

    def _messages(
        self, connection: Connection, status: MessageStatus, older_than_ms: int, limit: int, after: str
    ) -> Pruned:
        deleted, following = self._old(connection, status, older_than_ms, limit, after)
        for deletion in (_DELETE_ATTEMPTS, _DELETE_NOTES, DELETE_USES, _DELETE_MESSAGE):
            deletion.many(connection, deleted)
        if batches := sorted({row["batch_id"] for row in deleted if row["batch_id"] is not None}):
            connection.execute(_EMPTY_BATCHES, {"ids": batches})
            connection.execute(_LOST_CHUNKS, {"ids": batches})
        return Pruned(len(deleted), following)

    async def mass_days(self, *, older_than_ms: int, limit: int, after: str = START) -> Pruned:  # noqa: ARG002 -- what is old goes
        """By the index on days; confirmations by theirs."""
        return await self._run(self._mass_days, older_than_ms, limit)

    def _mass_days(self, connection: Connection, older_than_ms: int, limit: int) -> Pruned:
        before = self._before(connection, older_than_ms)
        return prune_mass_sends(connection, before=before, now=before + older_than_ms, limit=limit)

    async def choices(self, *, older_than_ms: int, limit: int, after: str = START) -> Pruned:  # noqa: ARG002 -- what it has seen is not old any more
        """By the time of the choice, or of the last look at it. A choice that was replaced meanwhile is another one, and stays."""
        return await self._run(self._choices, older_than_ms, limit)

    def _choices(self, connection: Connection, older_than_ms: int, limit: int) -> Pruned:
        before = self._before(connection, older_than_ms)
        return prune_choices(connection, before=before, seen_at=before + older_than_ms, limit=limit)

    async def replays(self, *, older_than_ms: int, limit: int, after: str = START) -> Pruned:
        """By id: one replay in a step, and what it has come to first."""
        return await self._run(self._replays, older_than_ms, limit, after)

    def _replays(self, connection: Connection, older_than_ms: int, limit: int, after: str) -> Pruned:
        old = _OLD_REPLAYS.rows(connection, after=after, before=self._before(connection, older_than_ms))
        if not old:
            return Pruned(0, None)
        items = _REPLAY_ITEMS.rows(connection, the_replay=old[0]["id"], limit=limit)
        _DELETE_REPLAY_ITEM.many(connection, items)
        if len(items) == limit:
            return Pruned(len(items), after)
        _DELETE_REPLAY.many(connection, old)
        return Pruned(len(items) + 1, str(old[0]["id"]))

    async def erasures(self, *, older_than_ms: int, limit: int, after: str = START) -> Pruned:
        """By id."""
        return await self._run(self._erasures, older_than_ms, limit, after)

    def _erasures(self, connection: Connection, older_than_ms: int, limit: int, after: str) -> Pruned:
        return prune_erasures(connection, before=self._before(connection, older_than_ms), limit=limit, after=after)

    async def deliveries(
        self, *, older_than_ms: int, limit: int, after: str = START, beyond: int | None = None
    ) -> Pruned:
        """By state and time, of the next endpoint that has any; failed ones are counted by index entries."""
        return await self._run(self._deliveries, older_than_ms, limit, after, beyond)

    def _deliveries(
        self, connection: Connection, older_than_ms: int, limit: int, after: str, beyond: int | None
    ) -> Pruned:
        before = self._before(connection, older_than_ms)
        return prune_deliveries(connection, before=before, limit=limit, after=after, beyond=beyond)

    async def audit(self, *, older_than_ms: int, limit: int, after: str = START) -> Pruned:
        """By primary key, which is the order of time."""
        return await self._run(self._audit, older_than_ms, limit, after)

    def _audit(self, connection: Connection, older_than_ms: int, limit: int, after: str) -> Pruned:
        return prune_audit(connection, before=self._before(connection, older_than_ms), limit=limit, after=after)

    async def media(self, *, older_than_ms: int, limit: int, after: str = START) -> Pruned:
        """By id; uses by an index, newest first."""
        return await self._run(self._media, older_than_ms, limit, after)

    def _media(self, connection: Connection, older_than_ms: int, limit: int, after: str) -> Pruned:
        before = self._before(connection, older_than_ms)
        now = before + older_than_ms
        return prune_media(connection, self._dialect, before=before, limit=limit, after=after, now=now)

    def _before(self, connection: Connection, older_than_ms: int) -> int:
        return self._dialect.instant(connection, self._clock.now()) - older_than_ms


def _open(connection: Connection, targets: Collection[str]) -> set[str]:
    if not targets:
        return set()
    return {row["target"] for query in _OPEN for row in query.rows(connection, ids=sorted(targets))}


def _owners(row: Mapping[str, Any]) -> list[str]:
    return [owner for owner in (row["batch_id"], row["group_id"]) if owner is not None]


def _next_ms(old: Sequence[Mapping[str, Any]], *, deleted: int) -> int:
    """The last millisecond may have more rows: it is read again, unless it alone fills a step that deleted nothing."""
    first, last = old[0]["created_at"], old[-1]["created_at"]
    return int(last if first == last and not deleted else last - 1)


def _conforms(pruning: SqlPruning) -> Pruning:
    return pruning
