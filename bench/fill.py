"""Millions of rows as the service leaves them: one message goes through the product, then SQL multiplies its rows."""

import random
import time
from collections.abc import Callable
from typing import Any, Final

from sqlalchemy import Connection
from tests.support.builders.messages import (
    GUID,
    NOW,
    PROVIDER,
    a_due_message,
    a_receipt,
    an_outcome,
    begin_call,
    settle,
)

from wework_message.adapters.sql.backends import migrate
from wework_message.adapters.sql.core.store import Store
from wework_message.adapters.sql.mapping.tables import metadata
from wework_message.adapters.sql.repositories.unit_of_work import SqlUnitOfWorkFactory
from wework_message.domain.account import implicit_account_id
from wework_message.domain.ids import DEFAULT_TENANT, Guid, MessageId
from wework_message.domain.message.attempt import Receipt
from wework_message.domain.message.message import Message
from wework_message.domain.message.projection import FactKind
from wework_message.domain.message.timeline import Note
from wework_message.domain.outcomes import OutcomeClass
from wework_message.domain.ports.gateway import CallbackItem
from wework_message.domain.ports.repositories import IdempotencyKey, InboxState, InboxVerdict

DUE: Final = 1_000
"""Messages that wait to be sent, spread over the age of all others."""
IN_CONVERSATION: Final = 20
"""Messages of one conversation, spread as well."""
CHUNK: Final = 50_000
"""Rows of one INSERT and transaction."""

IN_ACCOUNT: Final = 10
"""Messages for each account: every other message is one of `GUID`, the others are spread."""
UNCERTAIN_EVERY: Final = 1_000
"""One message of so many is UNKNOWN, one FAILED, and the callback of one of so many is parked."""
POOL: Final = "north"
"""The pool of one account of so many."""

_MODEL: Final = MessageId("01960000-0000-7000-8000-000000000000")
_MIX: Final = 7_919


def message_id(number: int, *, due: bool = False) -> MessageId:
    """The UUIDv7 of message `number`, or of a due message that was accepted right after it."""
    time = f"{NOW + number:012x}"
    return MessageId(f"{time[:8]}-{time[8:]}-7000-8000-{number:011x}{8 if due else 0}")


def guid(number: int, total: int) -> Guid:
    """The guid of message `number`."""
    return GUID if number % 2 else Guid(f"guid-{number % (total // IN_ACCOUNT)}")


def key(number: int) -> str:
    """The client's key of message `number`."""
    return f"client-{number}"


def conversation(number: int, total: int) -> str:
    """The conversation of message `number`, one of `total` / 20."""
    return f"S:{number * _MIX % (total // IN_CONVERSATION)}"


async def fill(store: Store, units: SqlUnitOfWorkFactory, total: int, say: Callable[[str], None]) -> None:
    """`total` messages that are DELIVERED, with attempt, key, note and callback, and 1,000 that are due; accounts and bindings.

    Some are UNKNOWN, without a due row: their lane is open, and nothing is known about them.
    """
    began = time.perf_counter()
    await migrate(store)
    await _create_model(units)
    for first in range(1, total + 1, CHUNK):
        await store.transact(_multiply, first, min(first + CHUNK - 1, total), total)
    random_source = random.Random(total)
    numbers = random_source.sample(range(1, total), DUE)
    waiting = [
        a_due_message(
            id=message_id(number, due=True),
            accepted_at=NOW + number,
            conversation_id=f"R:{number}",
            client_message_id=f"due-{number}",
        )
        for number in numbers
    ]
    async with units() as unit:
        await unit.messages.add(waiting)
        await unit.commit()
    say(f"  {store.name}: {total} messages in {time.perf_counter() - began:.0f} s")


async def _create_model(units: SqlUnitOfWorkFactory) -> None:
    """Store the message to copy: accepted with a key, sent, echoed."""
    message = a_due_message(id=_MODEL, conversation_id="S:model", client_message_id="model")
    async with units() as unit:
        await unit.messages.claim_keys([IdempotencyKey(DEFAULT_TENANT, "model", b"f" * 32, message.id)])
        await unit.messages.add([message])
        await unit.accounts.open(DEFAULT_TENANT, [(GUID, PROVIDER)])
        await unit.commit()
    async with units() as unit:
        begin_call(message)
        await unit.messages.save([message])
        item = CallbackItem(guid=GUID, notify_type=11010, event_key="model", raw='{"id":"model","content":"hello"}' * 8)
        await unit.inbox.store(PROVIDER, [item], message.accepted_at)
        await unit.commit()
    async with units() as unit:
        receipt = a_receipt("model")
        settle(message, an_outcome(OutcomeClass.ACCEPTED, receipt=receipt))
        _echo(message, receipt)
        await unit.messages.save([message])
        (entry,) = await unit.inbox.pending(1)
        await unit.inbox.decide([InboxVerdict(entry.id, InboxState.APPLIED, message_id=message.id)])
        await unit.commit()


def _echo(message: Message, receipt: Receipt) -> None:
    note = Note(FactKind.ECHO, message.accepted_at, attempt=1, event_key="model", source="callback")
    message.learn(
        1, FactKind.ECHO, horizon_ms=1, now=message.accepted_at, note=note,
        provider_message_id=receipt.provider_message_id,
    )  # fmt: skip


def _multiply(connection: Connection, first: int, last: int, total: int) -> None:
    mysql = connection.dialect.name == "mysql"
    for table, changes in _changes(total, mysql=mysql).items():
        columns = [column.name for column in metadata.tables[table].columns if column.name not in _SERIALS[table]]
        names = ", ".join([f"`{column}`" for column in columns])
        values = ", ".join([changes.get(column, f"t.`{column}`") for column in columns])
        numbers = (
            f"(SELECT seq AS n FROM seq_{first}_to_{last})"
            if mysql
            else f"(WITH RECURSIVE q(n) AS (SELECT {first} UNION ALL SELECT n + 1 FROM q WHERE n < {last}) SELECT n FROM q)"
        )
        column, value = _MODELS[table]
        sql = f"INSERT INTO {table} ({names}) SELECT {values} FROM {numbers} AS q, {table} AS t WHERE t.`{column}` = '{value}'"
        if table in _PER_ACCOUNT:
            sql += f" AND q.n <= {total // IN_ACCOUNT}"
        connection.exec_driver_sql(sql.replace("%", "%%") if mysql else sql)


_SERIALS: Final[dict[str, tuple[str, ...]]] = {
    "wm_idempotency_key": (),
    "wm_message": (),
    "wm_attempt": (),
    "wm_note": ("id",),
    "wm_callback": ("id",),
    "wm_account": (),
    "wm_binding": (),
}
"""Columns that the database fills, by table."""
_MODELS: Final = {
    "wm_idempotency_key": ("key", "model"),
    "wm_message": ("id", _MODEL),
    "wm_attempt": ("message_id", _MODEL),
    "wm_note": ("event_key", "model"),
    "wm_callback": ("event_key", "model"),
    "wm_account": ("account_id", implicit_account_id(GUID)),
    "wm_binding": ("guid", GUID),
}
"""The row to copy, by table."""
_PER_ACCOUNT: Final = frozenset({"wm_account", "wm_binding"})
"""Tables with a row for each account."""


def _changes(total: int, *, mysql: bool) -> dict[str, dict[str, Any]]:
    """By table and column, the SQL of what differs from the model in copy number ``q.n``."""

    def joined(*parts: str) -> str:
        return f"CONCAT({', '.join(parts)})" if mysql else " || ".join(parts)

    hexed = "LPAD(LOWER(HEX(q.n)), 11, '0')" if mysql else "printf('%011x', q.n)"
    time = f"LPAD(LOWER(HEX({NOW} + q.n)), 12, '0')" if mysql else f"printf('%012x', {NOW} + q.n)"
    message_id = joined(f"substr({time}, 1, 8)", "'-'", f"substr({time}, 9, 4)", "'-7000-8000-'", hexed, "'0'")
    own_guid = joined("'guid-'", f"(q.n % {total // IN_ACCOUNT})")
    guid = f"CASE WHEN q.n % 2 = 1 THEN '{GUID}' ELSE {own_guid} END"
    account = joined("'guid:'", f"({guid})")
    waited = joined("'8'", "q.n")
    unknown, parked, failed = (f"CASE WHEN q.n % {UNCERTAIN_EVERY} = {rest} THEN" for rest in (0, 1, 2))
    when_failed = f"WHEN q.n % {UNCERTAIN_EVERY} = 2 THEN"
    lane = joined("'S:'", f"(q.n * {_MIX} % {total // IN_CONVERSATION})")
    client_key, event = joined("'client-'", "q.n"), joined("'event-'", "q.n")
    times = {column: f"t.{column} + q.n" for column in ("accepted_at", "expires_at", "updated_at")}
    provider_message_id, info = joined("'9'", "q.n"), joined("'info-'", "q.n")
    return {
        "wm_idempotency_key": {"key": client_key, "target": message_id},
        "wm_message": {
            "id": message_id, "conversation_id": lane, "client_message_id": client_key, "guid": guid, "account_id": account,
            "status": f"{unknown} 'UNKNOWN' {when_failed} 'FAILED' ELSE t.status END",
            "reason": f"{failed} 'POISON' ELSE NULL END", **times,
        },
        "wm_attempt": {
            "message_id": message_id, "conversation_id": lane, "provider_message_id": provider_message_id, "app_info_key": info,
            "started_at": "t.started_at + q.n", "guid": guid, "account_id": account,
            "outcome": f"{unknown} 'UNCERTAIN' ELSE t.outcome END", "unsettled": f"{unknown} 1 ELSE NULL END",
        },
        "wm_note": {"message_id": message_id, "event_key": event},
        "wm_callback": {
            "event_key": event, "received_at": "t.received_at + q.n", "guid": guid,
            "message_id": f"{parked} NULL ELSE {message_id} END", "state": f"{parked} 'PARKED' ELSE t.state END",
            "waits_for": f"{parked} {waited} ELSE NULL END",
        },
        "wm_account": {
            "account_id": joined("'guid:'", own_guid), "registered": "q.n % 2", "version": "q.n % 2",
            "pools": f"{parked} '[\"{POOL}\"]' ELSE NULL END",
        },
        "wm_binding": {
            "binding_id": joined("'bind:'", own_guid), "guid": own_guid, "account_id": joined("'guid:'", own_guid),
        },
    }  # fmt: skip
