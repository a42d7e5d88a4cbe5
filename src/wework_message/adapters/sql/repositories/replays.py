"""Replays on SQL."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, bindparam, select

from wework_message.adapters.sql.core.execution import Run
from wework_message.adapters.sql.core.index_hints import by_index
from wework_message.adapters.sql.core.prepared import Query, inserting, updating
from wework_message.adapters.sql.mapping.replay_tables import replay, replay_item
from wework_message.adapters.sql.mapping.tables import message
from wework_message.domain.ids import MessageId, ReplayId, TenantId
from wework_message.domain.lifecycle import MessageStatus
from wework_message.domain.ports.replays import ReplayReader, Replays
from wework_message.domain.replay import START, ItemState, Replay, ReplayItem, ReplayState, Selection, outcome_of

_CHANGING: Final = (
    "state", "position", "total", "unconfirmed", "replayed", "skipped", "failed", "open", "next_at", "finished_at",
    "active",
)  # fmt: skip
_UNFINISHED: Final = 1
_SETTLING: Final = 2
_NEW: Final = inserting(replay)
_NEW_ITEM: Final = inserting(replay_item)
_SAVE: Final = updating(replay, {"id": "the_id"}, _CHANGING)
_SETTLE: Final = updating(replay_item, {"replay_id": "the_replay", "message_id": "the_message"}, ["state"])
_LOCKED: Final = Query(select(replay).where(replay.c.id == bindparam("the_id")).with_for_update())
_LOCKED_OF_TENANT: Final = Query(
    select(replay)
    .where(replay.c.id == bindparam("the_id"), replay.c.tenant_id == bindparam("the_tenant_id"))
    .with_for_update()
)
_STATES: Final = Query(
    by_index(
        select(replay_item.c.message_id, replay_item.c.state).where(
            replay_item.c.replay_id == bindparam("the_replay"),
            replay_item.c.message_id.in_(bindparam("ids", expanding=True)),
        ),
        replay_item,
    ).with_for_update()
)
_ACTIVE: Final = Query(
    by_index(
        select(replay)
        .where(replay.c.active == bindparam("part"), replay.c.id > bindparam("after", ""))
        .order_by(replay.c.id)
        .limit(bindparam("limit", 0)),
        replay,
        "ix_wm_replay_active",
    )
)
_ITEMS: Final = Query(
    by_index(
        select(replay_item)
        .where(
            replay_item.c.replay_id == bindparam("the_replay"),
            replay_item.c.state == bindparam("the_state"),
            replay_item.c.message_id > bindparam("after", ""),
        )
        .order_by(replay_item.c.message_id)
        .limit(bindparam("limit", 0)),
        replay_item,
        "ix_wm_replay_item_state",
    )
)
_STATUSES: Final = Query(
    by_index(
        select(message.c.id, message.c.status, message.c.round).where(
            message.c.id.in_(bindparam("ids", expanding=True))
        ),
        message,
    )
)
_selections: Final = msgspec.json.Decoder(Selection)


class SqlReplays:
    """Replays inside one transaction."""

    def __init__(self, run: Run) -> None:
        """`run` is that of the transaction."""
        self._run = run

    async def add(self, replay: Replay, skipped: Sequence[ReplayItem]) -> None:
        """Two inserts."""
        await self._run(_add, replay, skipped)

    async def get(self, replay_id: ReplayId, *, tenant_id: TenantId | None = None) -> Replay | None:
        """By primary key."""
        return await self._run(_get, replay_id, tenant_id)

    async def save(self, replay: Replay, items: Sequence[ReplayItem], *, now: int) -> None:
        """By primary key; a second row of an item is refused by its own."""
        await self._run(_save, replay, items, now)

    async def settle(self, replay_id: ReplayId, ended: Collection[ReplayItem]) -> Sequence[ReplayItem]:
        """By primary key."""
        return await self._run(_settle, replay_id, ended) if ended else ()


class SqlReplayReader:
    """Reads what is committed."""

    def __init__(self, read: Run) -> None:
        """`read` runs a query on what is committed."""
        self._read = read

    async def replay(self, tenant_id: TenantId, replay_id: ReplayId) -> Replay | None:
        """By primary key."""
        return await self._read(_stored, tenant_id, replay_id)

    async def replays(self, tenant_id: TenantId, *, limit: int, before: ReplayId | None) -> Sequence[Replay]:
        """By primary key, from its end."""
        return await self._read(_page, tenant_id, limit, before)

    async def skipped(self, tenant_id: TenantId, replay_id: ReplayId, *, limit: int) -> Sequence[ReplayItem]:
        """By state."""
        return await self._read(_skipped, tenant_id, replay_id, limit)

    async def active(self, *, limit: int) -> Sequence[Replay]:
        """By an index whose other entries are NULL."""
        return await self._read(_active, _UNFINISHED, START, limit)

    async def settling(self, *, after: ReplayId, limit: int) -> Sequence[Replay]:
        """By the same index."""
        return await self._read(_active, _SETTLING, after, limit)

    async def ended(
        self, replay_id: ReplayId, *, after: MessageId, limit: int
    ) -> tuple[Sequence[ReplayItem], MessageId | None]:
        """The items by state, then the messages by primary key."""
        return await self._read(_ended, replay_id, after, limit)


def _add(connection: Connection, new: Replay, skipped: Sequence[ReplayItem]) -> None:
    fixed = {
        "id": new.id,
        "tenant_id": new.tenant_id,
        "selection": msgspec.json.encode(new.selection).decode(),
        "rate_milli": new.rate_milli,
        "dry_run": new.dry_run,
        "created_at": new.created_at,
    }
    _NEW.many(connection, [fixed | _state_row(new, new.created_at)])
    _NEW_ITEM.many(connection, [_item_row(new, item) for item in skipped])


def _state_row(changed: Replay, now: int) -> dict[str, Any]:
    row = {name: getattr(changed, name) for name in _CHANGING if name not in ("state", "active")}
    active = None
    if changed.is_active(now):
        active = _SETTLING if changed.done else _UNFINISHED
    return row | {"state": changed.state.value, "active": active}


def _item_row(owner: Replay, item: ReplayItem) -> dict[str, Any]:
    return {
        "replay_id": owner.id,
        "message_id": item.message_id,
        "tenant_id": owner.tenant_id,
        "state": item.state.value,
        "reason": item.reason,
        "round": item.round,
    }


def _save(connection: Connection, changed: Replay, items: Sequence[ReplayItem], now: int) -> None:
    _NEW_ITEM.many(connection, [_item_row(changed, item) for item in items])
    _SAVE.many(connection, [{"the_id": changed.id, **_state_row(changed, now)}])


def _settle(connection: Connection, replay_id: ReplayId, ended: Collection[ReplayItem]) -> Sequence[ReplayItem]:
    rows = _STATES.rows(connection, the_replay=replay_id, ids=sorted(item.message_id for item in ended))
    open_ids = {row["message_id"] for row in rows if row["state"] == ItemState.OPEN.value}
    settled = [item for item in ended if item.message_id in open_ids]
    _SETTLE.many(
        connection,
        [{"the_replay": replay_id, "the_message": item.message_id, "state": item.state.value} for item in settled],
    )
    return settled


def _get(connection: Connection, replay_id: ReplayId, tenant_id: TenantId | None) -> Replay | None:
    if tenant_id is None:
        stored = _LOCKED.rows(connection, the_id=replay_id)
    else:
        stored = _LOCKED_OF_TENANT.rows(connection, the_id=replay_id, the_tenant_id=tenant_id)
    return next((_replay_of(row) for row in stored), None)


def _skipped(connection: Connection, tenant_id: TenantId, replay_id: ReplayId, limit: int) -> Sequence[ReplayItem]:
    if _stored(connection, tenant_id, replay_id) is None:
        return ()
    return _of_state(connection, replay_id, ItemState.SKIPPED, MessageId(""), limit)


def _stored(connection: Connection, tenant_id: TenantId, replay_id: ReplayId) -> Replay | None:
    of_tenant = select(replay).where(replay.c.id == replay_id, replay.c.tenant_id == tenant_id)
    row = connection.execute(of_tenant).mappings().first()
    return _replay_of(row) if row is not None else None


def _page(connection: Connection, tenant_id: TenantId, limit: int, before: ReplayId | None) -> Sequence[Replay]:
    statement = select(replay).where(replay.c.tenant_id == tenant_id)
    if before is not None:
        statement = statement.where(replay.c.id < before)
    statement = by_index(statement, replay).order_by(replay.c.id.desc()).limit(limit)
    return [_replay_of(row) for row in connection.execute(statement).mappings()]


def _active(connection: Connection, part: int, after: str, limit: int) -> Sequence[Replay]:
    return [_replay_of(row) for row in _ACTIVE.rows(connection, part=part, after=after, limit=limit)]


def _of_state(
    connection: Connection, replay_id: ReplayId, state: ItemState, after: MessageId, limit: int
) -> Sequence[ReplayItem]:
    rows = _ITEMS.rows(connection, the_replay=replay_id, the_state=state.value, after=after, limit=limit)
    return [
        ReplayItem(MessageId(row["message_id"]), ItemState(row["state"]), row["reason"], row["round"]) for row in rows
    ]


def _ended(
    connection: Connection, replay_id: ReplayId, after: MessageId, limit: int
) -> tuple[Sequence[ReplayItem], MessageId | None]:
    items = _of_state(connection, replay_id, ItemState.OPEN, after, limit)
    if not items:
        return (), None
    stored = {row["id"]: row for row in _STATUSES.rows(connection, ids=[item.message_id for item in items])}
    ended = [
        ReplayItem(item.message_id, outcome, round=item.round)
        for item in items
        if (outcome := outcome_of(item, *_status_of(stored.get(item.message_id)))) is not ItemState.OPEN
    ]
    return ended, items[-1].message_id if len(items) == limit else None


def _status_of(row: Mapping[str, Any] | None) -> tuple[MessageStatus | None, int | None]:
    return (MessageStatus(row["status"]), row["round"]) if row is not None else (None, None)


def _replay_of(row: Mapping[Any, Any]) -> Replay:
    return Replay(
        id=ReplayId(row["id"]),
        tenant_id=TenantId(row["tenant_id"]),
        selection=_selections.decode(row["selection"]),
        rate_milli=row["rate_milli"],
        dry_run=bool(row["dry_run"]),
        created_at=row["created_at"],
        state=ReplayState(row["state"]),
        position=MessageId(row["position"]),
        **{name: row[name] for name in _CHANGING[2:-1]},
    )


def _conforms(replays: SqlReplays, reader: SqlReplayReader) -> tuple[Replays, ReplayReader]:
    return replays, reader
