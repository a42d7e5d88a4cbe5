"""What each part of an erasure does with rows: a range of an index or of a primary key in a step, and changes by key."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from sqlalchemy import BindParameter, Column, Connection, Select, bindparam, select

from wework_message.adapters.sql.core.dialect import Dialect, literal_number
from wework_message.adapters.sql.core.index_hints import beside_index, by_index
from wework_message.adapters.sql.core.prepared import Query, deleting, updating
from wework_message.adapters.sql.mapping.data_classes import DataClass, columns_of
from wework_message.adapters.sql.mapping.pool_table import pool_choice
from wework_message.adapters.sql.mapping.tables import idempotency_key, message
from wework_message.adapters.sql.repositories.erased_texts import erase_callbacks, erase_dead_letters, erase_events
from wework_message.adapters.sql.repositories.erasing import erase_conversations
from wework_message.adapters.sql.repositories.pruned_media import forget_uses
from wework_message.domain.conversation import ERASED_CONVERSATION
from wework_message.domain.erasure import ErasedRows, ErasureStep, Part, Subject
from wework_message.domain.lifecycle import MessageStatus
from wework_message.domain.message.erasing import may_be_erased
from wework_message.domain.message.recall import RecallState
from wework_message.domain.ports.repositories import ERASED_FINGERPRINT

_LIMIT: Final[BindParameter[int]] = bindparam("limit", 0)
_IDS: Final[BindParameter[str]] = bindparam("ids", expanding=True)
_MESSAGE: Final = message.c
_OF_CONVERSATION: Final = Query(
    by_index(
        select(_MESSAGE.id, _MESSAGE.tenant_id, _MESSAGE.status, _MESSAGE.recall)
        .where(
            _MESSAGE.conversation_id == bindparam("the_conversation"),
            _MESSAGE.id > bindparam("after"),
            _MESSAGE.id < bindparam("until"),
        )
        .order_by(_MESSAGE.id)
        .limit(_LIMIT),
        message,
        "ix_wm_message_conversation",
    )
)
_NEXT_SESSION: Final = Query(
    by_index(
        select(_MESSAGE.conversation_id)
        .where(_MESSAGE.conversation_id > bindparam("after"), _MESSAGE.conversation_id < bindparam("end"))
        .order_by(_MESSAGE.conversation_id)
        .limit(literal_number(1)),
        message,
        "ix_wm_message_conversation",
    )
)
_LOCKED: Final = Query(
    by_index(select(_MESSAGE.id, _MESSAGE.status, _MESSAGE.recall).where(_MESSAGE.id.in_(_IDS)), message)
    .with_for_update(skip_locked=True)
)  # fmt: skip

_KEY: Final = idempotency_key.c
_KEYS: Final = Query(
    by_index(
        select(_KEY.tenant_id, _KEY.key, _KEY.target, _KEY.fingerprint)
        .where(_KEY.tenant_id == bindparam("the_tenant"), _KEY.key > bindparam("after"))
        .order_by(_KEY.key)
        .limit(_LIMIT),
        idempotency_key,
    )
)
_OF_KEY: Final = columns_of(idempotency_key, DataClass.CONTENT)
_FORGET_KEY: Final = updating(idempotency_key, {"tenant_id": "tenant_id", "key": "key"}, _OF_KEY)


def _erased_of(column: Column[Any]) -> Select[Any]:
    erased = beside_index(_MESSAGE.conversation_id) == ERASED_CONVERSATION
    return select(column.label("target")).where(column.in_(_IDS), erased)


_ERASED_TARGETS: Final = (
    Query(by_index(_erased_of(_MESSAGE.id), message)),
    Query(by_index(_erased_of(_MESSAGE.batch_id), message, "ix_wm_message_batch")),
    Query(by_index(_erased_of(_MESSAGE.group_id), message, "ix_wm_message_group")),
)
"""The targets (messages, batches, groups) that have an erased message."""

_CHOICE: Final = pool_choice.c
_NEXT_POOL: Final = Query(
    by_index(
        select(_CHOICE.pool)
        .where(_CHOICE.tenant_id == bindparam("the_tenant"), _CHOICE.pool > bindparam("after"))
        .order_by(_CHOICE.pool)
        .limit(literal_number(1)),
        pool_choice,
    )
)
_CHOICES: Final = by_index(
    select(_CHOICE.tenant_id, _CHOICE.pool, _CHOICE.conversation_id).where(
        _CHOICE.tenant_id == bindparam("the_tenant"), _CHOICE.pool == bindparam("the_pool")
    ),
    pool_choice,
)
_CHOICE_OF_CONVERSATION: Final = Query(_CHOICES.where(_CHOICE.conversation_id == bindparam("the_conversation")))
_CHOICES_OF_SESSIONS: Final = Query(
    _CHOICES.where(_CHOICE.conversation_id > bindparam("first"), _CHOICE.conversation_id < bindparam("end"))
    .order_by(_CHOICE.conversation_id)
    .limit(_LIMIT)
)
_DELETE_CHOICE: Final = deleting(
    pool_choice, {"tenant_id": "tenant_id", "pool": "pool", "conversation_id": "conversation_id"}
)


def _messages(connection: Connection, dialect: Dialect, step: ErasureStep, limit: int) -> ErasedRows:
    """Conversation by conversation; a position is a conversation and the last id that was looked at."""
    conversation, _, after = (step.after or step.subject.conversation).partition(" ")
    rows = _OF_CONVERSATION.rows(connection, the_conversation=conversation, after=after, until=step.until, limit=limit)
    own = [row for row in rows if row["tenant_id"] == step.tenant_id]
    resting = [row["id"] for row in own if _rests(row)]
    erased = len(resting)
    if resting and not step.dry_run:
        locked = [row["id"] for row in _LOCKED.rows(connection, ids=resting) if _rests(row)]
        erase_conversations(connection, locked)
        forget_uses(connection, dialect, locked, step.now)
        erased = len(locked)
    if len(rows) == limit:
        return ErasedRows(erased, len(own) - erased, f"{conversation} {rows[-1]['id']}")
    return ErasedRows(erased, len(own) - erased, _next_session(connection, step.subject, conversation))


def _rests(row: Mapping[str, Any]) -> bool:
    return may_be_erased(MessageStatus(row["status"]), RecallState(row["recall"]))


def _next_session(connection: Connection, subject: Subject, conversation: str) -> str | None:
    first, end = subject.sessions
    rows = _NEXT_SESSION.rows(connection, after=max(conversation, first), end=end)
    return f"{rows[0]['conversation_id']} " if rows else None


def _keys(connection: Connection, step: ErasureStep, limit: int) -> ErasedRows:
    """By the messages that are erased, of whichever subject: a dry run, which erases none, has no keys."""
    if step.dry_run:
        return ErasedRows(0, 0, None)
    rows = _KEYS.rows(connection, the_tenant=step.tenant_id, after=step.after, limit=limit)
    hashed = [row for row in rows if bytes(row["fingerprint"]) != ERASED_FINGERPRINT]
    targets = sorted({row["target"] for row in hashed})
    erased = (
        {row["target"] for query in _ERASED_TARGETS for row in query.rows(connection, ids=targets)} if targets else ()
    )
    forgotten = [row | dict.fromkeys(_OF_KEY, ERASED_FINGERPRINT) for row in hashed if row["target"] in erased]
    _FORGET_KEY.many(connection, forgotten)
    return ErasedRows(len(forgotten), 0, rows[-1]["key"] if len(rows) == limit else None)


def _choices(connection: Connection, step: ErasureStep, limit: int) -> ErasedRows:
    """Pool by pool; a position is a pool, and the last session that was looked at of one that has more."""
    pool, _, after = step.after.partition("\n")
    rows = []
    if not after:
        pools = _NEXT_POOL.rows(connection, the_tenant=step.tenant_id, after=pool)
        if not pools:
            return ErasedRows(0, 0, None)
        pool = pools[0]["pool"]
    of_pool = {"the_tenant": step.tenant_id, "the_pool": pool}
    if not after:
        rows = _CHOICE_OF_CONVERSATION.rows(connection, **of_pool, the_conversation=step.subject.conversation)
    first, end = step.subject.sessions
    sessions = _CHOICES_OF_SESSIONS.rows(connection, **of_pool, first=after or first, end=end, limit=limit)
    rows += sessions
    if not step.dry_run:
        _DELETE_CHOICE.many(connection, rows)
    following = f"{pool}\n{sessions[-1]['conversation_id']}" if len(sessions) == limit else pool
    return ErasedRows(len(rows), 0, following)


_PARTS: Final[Mapping[Part, Callable[[Connection, ErasureStep, int], ErasedRows]]] = {
    Part.KEYS: _keys,
    Part.CALLBACKS: erase_callbacks,
    Part.EVENTS: erase_events,
    Part.DEAD_LETTERS: erase_dead_letters,
    Part.POOL_CHOICES: _choices,
}


def erase_rows(connection: Connection, dialect: Dialect, step: ErasureStep, limit: int) -> ErasedRows:
    """What `Erasures.erase` does."""
    if step.part is Part.MESSAGES:
        return _messages(connection, dialect, step, limit)
    return _PARTS[step.part](connection, step, limit)
