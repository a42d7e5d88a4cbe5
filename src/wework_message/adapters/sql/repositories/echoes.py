"""Echoes of messages at rest on SQL: one query reads what they need, and each table is written by a list of keys."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, and_, bindparam, or_, select

from wework_message.adapters.sql.core.execution import Later, Run
from wework_message.adapters.sql.core.index_hints import beside_index, by_index, joined_in_order
from wework_message.adapters.sql.core.prepared import Query, inserting, updating
from wework_message.adapters.sql.mapping.tables import attempt, message, note
from wework_message.adapters.sql.mapping.widths import facts_text
from wework_message.adapters.sql.repositories.ownership import UNIQUE
from wework_message.domain.ids import ProviderKey
from wework_message.domain.inbox import CallbackSource
from wework_message.domain.message.projection import FactKind
from wework_message.domain.message.recall import RecallState
from wework_message.domain.message.sent_message import AT_REST, DELIVERED, Echo, SentMessage
from wework_message.domain.outcomes import OutcomeClass
from wework_message.domain.ports.echoes import EchoRepository

_BY_RECORD: Final = (
    select(
        # In the order of the fields of `SentMessage`: names would cost as much as the row.
        message.c.id, message.c.tenant_id, message.c.message_type, message.c.conversation_id, attempt.c.account_id,
        attempt.c.provider_code, attempt.c.guid, attempt.c.provider_message_id, attempt.c.number, attempt.c.started_at,
        attempt.c.ended_at, attempt.c.sent_at, attempt.c.app_info_key, attempt.c.receipt, message.c.status,
        message.c.version, message.c.trace,
    )
    .select_from(attempt.join(message, message.c.id == attempt.c.message_id))
    .where(
        attempt.c.provider_message_id.in_(bindparam("ids", expanding=True)),
        attempt.c.number == message.c.attempt_count,
        attempt.c.outcome == OutcomeClass.ACCEPTED.value,
        message.c.recall == RecallState.NONE.value,
        or_(*[
            and_(beside_index(message.c.status) == status.value, attempt.c.facts == facts_text(facts))
            for status, facts in AT_REST.items()
        ]),
    )
)  # fmt: skip
_SENT = Query(
    by_index(by_index(joined_in_order(_BY_RECORD), attempt, UNIQUE), message).with_for_update(skip_locked=True)
)
_DELIVER = updating(
    message, {"id": "the_id"}, ["status", "reason", "confirmed", "updated_at", "version"], plus="version"
)
_REPORT = updating(attempt, {"message_id": "the_id", "number": "the_number"}, ["facts"])
_NEW_NOTE = inserting(note, without=("id",))


class _Sender(msgspec.Struct):
    """What of a receipt is needed."""

    sender_id: str | None = None


_sender: Final = msgspec.json.Decoder(_Sender).decode


class SqlEchoes:
    """Inside one transaction."""

    def __init__(self, run: Run, later: Later) -> None:
        """`later` writes with the next step."""
        self._run = run
        self._later = later

    async def sent(self, keys: Sequence[ProviderKey]) -> Mapping[ProviderKey, SentMessage]:
        """By the unique index on provider ids, and the messages by primary key."""
        return await self._run(_sent, keys) if keys else {}

    async def deliver(self, echoes: Sequence[Echo], at: int) -> None:
        """Two updates and an insert, with the next step."""
        if echoes:
            self._later(_deliver, echoes, at)


def _sent(connection: Connection, keys: Sequence[ProviderKey]) -> Mapping[ProviderKey, SentMessage]:
    requested = set(keys)
    stored = [_sent_message(row) for row in _SENT.tuples(connection, ids=[key[2] for key in keys])]
    return {sent.key: sent for sent in stored if sent.key in requested}


def _sent_message(row: tuple[Any, ...]) -> SentMessage:
    *values, receipt, status, version, trace = row
    sender_id = _sender(receipt).sender_id if receipt is not None else None
    return SentMessage(*[*values, sender_id, status == DELIVERED.after.value, version, trace])


def _deliver(connection: Connection, echoes: Sequence[Echo], at: int) -> None:
    delivered = {
        "status": DELIVERED.after.value, "reason": DELIVERED.reason, "confirmed": None, "updated_at": at, "version": 1
    }  # fmt: skip
    facts = facts_text(AT_REST[DELIVERED.after])
    _DELIVER.many(connection, [{"the_id": sent.id, **delivered} for sent, _ in echoes])
    _REPORT.many(connection, [{"the_id": sent.id, "the_number": sent.number, "facts": facts} for sent, _ in echoes])
    _NEW_NOTE.many(
        connection,
        [
            {
                "tenant_id": sent.tenant_id, "message_id": sent.id, "kind": FactKind.ECHO.value, "at": at,
                "attempt": sent.number, "detail": None, "event_key": event_key, "source": CallbackSource.CALLBACK.value,
            }
            for sent, event_key in echoes
        ],
    )  # fmt: skip


def _conforms(echoes: SqlEchoes) -> EchoRepository:
    return echoes
