"""Callbacks, events and dead letters that name the subject of an erasure: the database looks for its id in the texts.

No index knows who is named in a text, so each is looked at once, in the order of the primary key. The database compares
the texts where they are; those that it finds are read one by one, as each may be as long as a request.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import BindParameter, Column, ColumnElement, Connection, Table, bindparam, func, select

from wework_message.adapters.sql.core.dialect import literal_number
from wework_message.adapters.sql.core.index_hints import by_index
from wework_message.adapters.sql.core.prepared import Query, deleting
from wework_message.adapters.sql.mapping.tables import callback, dead_letter
from wework_message.adapters.sql.mapping.webhook_tables import webhook_delivery
from wework_message.adapters.sql.repositories.callback_owners import OWNER
from wework_message.adapters.sql.repositories.uncertainty import awaited_since
from wework_message.domain.erasure import ErasedRows, ErasureStep, Subject, is_evidence
from wework_message.domain.ids import Guid, ProviderCode
from wework_message.domain.inbox import InboxState

_LIMIT: Final[BindParameter[int]] = bindparam("limit", 0)


class _Texts:
    """The rows of a table in the order of a key, and the texts in one of its columns."""

    def __init__(
        self,
        table: Table,
        key: Column[Any],
        text: Column[Any],
        *others: Column[Any],
        within: Column[Any] | None = None,
        owner: ColumnElement[str] | None = None,
    ) -> None:
        """`owner` is the tenant of a row, where its own column does not say it; `key` is the primary key, or what follows `within` in it; `others` are read of what names the subject."""
        inside = [within == bindparam("within")] if within is not None else []
        tenant = table.c.tenant_id if owner is None else owner
        behind = [*inside, key > bindparam("after")]
        self._text = text
        self._walk = Query(by_index(select(key.label("key")).where(*behind).order_by(key).limit(_LIMIT), table))
        self._named = Query(
            by_index(
                select(key.label("key"), tenant.label("tenant_id"), *others)
                .where(*behind, key <= bindparam("reached"), func.instr(text, bindparam("name")) > literal_number(0))
                .order_by(key),
                table,
            )
        )
        self._text_of = Query(by_index(select(text.label("text")).where(*inside, key == bindparam("key")), table))

    def step(
        self, connection: Connection, step: ErasureStep, after: Any, limit: int, **within: str
    ) -> tuple[Sequence[dict[str, Any]], Any | None]:
        """The rows of the next `limit` that name the subject, and the last key, where there are more."""
        keys = [row["key"] for row in self._walk.rows(connection, after=after, limit=limit, **within)]
        if not keys:
            return (), None
        name: Any = step.subject.name
        if self._text.type.python_type is bytes:
            name = name.encode()
        matching = self._named.rows(connection, after=after, reached=keys[-1], name=name, **within)
        rows = [row for row in matching if row["tenant_id"] == step.tenant_id]
        named = [row for row in rows if self._is_named(connection, step.subject, key=row["key"], **within)]
        return named, keys[-1] if len(keys) == limit else None

    def _is_named(self, connection: Connection, subject: Subject, **key: Any) -> bool:
        texts = [row["text"] for row in self._text_of.rows(connection, **key)]
        return any(
            subject.is_named_in(bytes(text).decode(errors="replace") if isinstance(text, bytes | bytearray) else text)
            for text in texts
        )


_CALLBACKS: Final = _Texts(
    callback, callback.c.id, callback.c.raw,
    callback.c.state, callback.c.received_at, callback.c.provider_code, callback.c.guid, owner=OWNER,
)  # fmt: skip
_DELETE_CALLBACK: Final = deleting(callback, {"id": "key", "state": "state"})

_LETTERS: Final = _Texts(dead_letter, dead_letter.c.id, dead_letter.c.body)
_DELETE_LETTER: Final = deleting(dead_letter, {"id": "key"})

_EVENTS: Final = _Texts(
    webhook_delivery, webhook_delivery.c.event_id, webhook_delivery.c.body, within=webhook_delivery.c.endpoint_id
)
_DELETE_EVENT: Final = deleting(webhook_delivery, {"endpoint_id": "endpoint_id", "event_id": "key"})
_NEXT_ENDPOINT: Final = Query(
    by_index(
        select(webhook_delivery.c.endpoint_id)
        .where(webhook_delivery.c.endpoint_id > bindparam("after"))
        .order_by(webhook_delivery.c.endpoint_id)
        .limit(literal_number(1)),
        webhook_delivery,
    )
)


def erase_callbacks(connection: Connection, step: ErasureStep, limit: int) -> ErasedRows:
    """All but those that may still be evidence. One whose state has changed meanwhile is left."""
    named, reached = _CALLBACKS.step(connection, step, int(step.after or 0), limit)
    since = {
        instance: awaited_since(connection, *instance, step.now)
        for instance in {_instance(row) for row in named if row["state"] != InboxState.APPLIED.value}
    }
    evidence = [
        row for row in named if is_evidence(InboxState(row["state"]), row["received_at"], since.get(_instance(row)))
    ]
    waiting = sum(step.holds_up(row["received_at"]) for row in evidence)
    others = [row for row in named if row not in evidence]
    erased = len(others) if step.dry_run else _DELETE_CALLBACK.many(connection, others)
    return ErasedRows(erased, waiting + len(others) - erased, str(reached) if reached is not None else None)


def _instance(row: Mapping[str, Any]) -> tuple[ProviderCode, Guid]:
    return ProviderCode(row["provider_code"]), Guid(row["guid"])


def erase_dead_letters(connection: Connection, step: ErasureStep, limit: int) -> ErasedRows:
    """By id, replayed ones too."""
    named, reached = _LETTERS.step(connection, step, int(step.after or 0), limit)
    if not step.dry_run:
        _DELETE_LETTER.many(connection, named)
    return ErasedRows(len(named), 0, str(reached) if reached is not None else None)


def erase_events(connection: Connection, step: ErasureStep, limit: int) -> ErasedRows:
    """Endpoint by endpoint, whatever became of them; a position is an endpoint and the last event that was looked at."""
    endpoint_id, _, after = step.after.partition(" ")
    if not after:
        endpoints = _NEXT_ENDPOINT.rows(connection, after=endpoint_id)
        if not endpoints:
            return ErasedRows(0, 0, None)
        endpoint_id = endpoints[0]["endpoint_id"]
    named, reached = _EVENTS.step(connection, step, after, limit, within=endpoint_id)
    if not step.dry_run:
        _DELETE_EVENT.many(connection, [row | {"endpoint_id": endpoint_id} for row in named])
    return ErasedRows(len(named), 0, f"{endpoint_id} {reached}" if reached is not None else endpoint_id)
