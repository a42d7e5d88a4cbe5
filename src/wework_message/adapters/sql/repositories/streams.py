"""How far the message streams of instances were pulled, on SQL."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Connection, bindparam, select, update

from wework_message.adapters.sql.core.execution import Run
from wework_message.adapters.sql.core.index_hints import by_index
from wework_message.adapters.sql.core.prepared import Query, inserting, updating
from wework_message.adapters.sql.mapping.account_rows import binding_of
from wework_message.adapters.sql.mapping.stream_table import stream
from wework_message.adapters.sql.mapping.tables import attempt, binding, message
from wework_message.adapters.sql.repositories.ownership import accepted_seq
from wework_message.domain.account import Binding
from wework_message.domain.ids import DEFAULT_TENANT, AccountId, Guid, ProviderCode
from wework_message.domain.lifecycle import MessageStatus
from wework_message.domain.ports.streams import StreamPositions, StreamReader
from wework_message.domain.stream import PullOutcome, StreamPosition

_KEY: Final = {"provider_code": "the_provider", "guid": "the_guid"}
_CHANGING: Final = ("account_id", "epoch", "position", "whole_since", "reached_at", "pulled_at", "outcome")
_NEW: Final = inserting(stream)
_SAVE: Final = updating(stream, _KEY, _CHANGING)
_TEAR: Final = update(stream).values(whole_since=None)
_LOCKED: Final = Query(
    by_index(
        select(stream).where(
            stream.c.provider_code == bindparam("the_provider"), stream.c.guid == bindparam("the_guid")
        ),
        stream,
    ).with_for_update()
)
_OF_PROVIDER: Final = Query(
    select(stream).where(
        stream.c.provider_code == bindparam("the_provider"), stream.c.guid.in_(bindparam("guids", expanding=True))
    )
)
_NEWEST_UNKNOWN: Final = Query(
    by_index(
        select(message.c.id)
        .where(message.c.status == MessageStatus.UNKNOWN.value)
        .order_by(message.c.id.desc())
        .limit(bindparam("limit", 0)),
        message,
        "ix_wm_message_status",
    )
)
_THEIR_ATTEMPTS: Final = Query(
    by_index(
        select(attempt.c.message_id, attempt.c.number, attempt.c.guid, attempt.c.started_at).where(
            attempt.c.message_id.in_(bindparam("ids", expanding=True)),
            attempt.c.unsettled == 1,
            attempt.c.provider_code == bindparam("the_provider"),
        ),
        attempt,
    )
)
_BINDINGS: Final = Query(
    select(binding)
    .where(
        binding.c.provider_code == bindparam("the_provider"),
        binding.c.guid.in_(bindparam("guids", expanding=True)),
    )
    .order_by(binding.c.guid)
)


class SqlStreamPositions:
    """Inside one transaction."""

    def __init__(self, run: Run) -> None:
        """`run` is that of the transaction."""
        self._run = run

    async def position(self, provider_code: ProviderCode, guid: Guid) -> StreamPosition | None:
        """By primary key."""
        return await self._run(_position, provider_code, guid)

    async def save(self, provider_code: ProviderCode, guid: Guid, position: StreamPosition) -> None:
        """An update, or the insert of the first one: one process at a time pulls the streams of a provider."""
        await self._run(_save, provider_code, guid, position)

    async def tear(self) -> None:
        """All rows: there are no more than instances."""
        await self._run(_tear)


class SqlStreamReader:
    """Of what is committed."""

    def __init__(self, read: Run) -> None:
        """`read` runs a query on what is committed."""
        self._read = read

    async def positions(self, provider_code: ProviderCode, guids: Collection[Guid]) -> Mapping[Guid, StreamPosition]:
        """By primary key."""
        return await self._read(_positions, provider_code, guids) if guids else {}

    async def uncertain(self, provider_code: ProviderCode, *, limit: int) -> Sequence[tuple[Binding, int]]:
        """One range of the index by status, then by keys."""
        return await self._read(_uncertain, provider_code, limit)

    async def newest_seq(self, provider_code: ProviderCode, guid: Guid, account_id: AccountId) -> str | None:
        """The newest answers, by the index on uncertain attempts."""
        return await self._read(accepted_seq, provider_code, guid, account_id)


def _position(connection: Connection, provider_code: ProviderCode, guid: Guid) -> StreamPosition | None:
    rows = _LOCKED.rows(connection, the_provider=provider_code, the_guid=guid)
    return _position_of(rows[0]) if rows else None


def _save(connection: Connection, provider_code: ProviderCode, guid: Guid, position: StreamPosition) -> None:
    changing = {
        "account_id": position.account_id,
        "epoch": position.epoch,
        "position": position.cursor,
        "whole_since": position.whole_since,
        "reached_at": position.reached_at,
        "pulled_at": position.pulled_at,
        "outcome": position.outcome.value,
    }
    if _position(connection, provider_code, guid) is not None:
        _SAVE.many(connection, [{"the_provider": provider_code, "the_guid": guid, **changing}])
    else:
        new = {"provider_code": provider_code, "guid": guid, "tenant_id": DEFAULT_TENANT}
        _NEW.many(connection, [new | changing])


def _tear(connection: Connection) -> None:
    connection.execute(_TEAR)


def _positions(
    connection: Connection, provider_code: ProviderCode, guids: Collection[Guid]
) -> Mapping[Guid, StreamPosition]:
    rows = _OF_PROVIDER.rows(connection, the_provider=provider_code, guids=list(guids))
    return {Guid(row["guid"]): _position_of(row) for row in rows}


def _uncertain(connection: Connection, provider_code: ProviderCode, limit: int) -> Sequence[tuple[Binding, int]]:
    ids = [row["id"] for row in _NEWEST_UNKNOWN.rows(connection, limit=limit)]
    if not ids:
        return ()
    began: dict[Guid, int] = {}
    for row in _THEIR_ATTEMPTS.rows(connection, ids=ids, the_provider=provider_code):
        began[row["guid"]] = max(began.get(row["guid"], 0), row["started_at"])
    if not began:
        return ()
    bindings = map(binding_of, _BINDINGS.rows(connection, the_provider=provider_code, guids=sorted(began)))
    return [(usable, began[usable.guid]) for usable in bindings if usable.enabled and not usable.removed]


def _position_of(row: Mapping[str, Any]) -> StreamPosition:
    return StreamPosition(
        account_id=row["account_id"],
        epoch=row["epoch"],
        cursor=row["position"],
        whole_since=row["whole_since"],
        reached_at=row["reached_at"],
        pulled_at=row["pulled_at"],
        outcome=PullOutcome(row["outcome"]),
    )


def _conforms(positions: SqlStreamPositions, reader: SqlStreamReader) -> tuple[StreamPositions, StreamReader]:
    return positions, reader
