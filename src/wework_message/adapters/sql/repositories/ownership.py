"""Which attempt owns a provider's message id, and who an accepted answer says has sent it."""

from collections.abc import Sequence
from typing import Final, TypeAlias

from sqlalchemy import Connection, bindparam, select

from wework_message.adapters.sql.core.index_hints import by_index
from wework_message.adapters.sql.core.prepared import Query
from wework_message.adapters.sql.mapping.receipts import receipt_of
from wework_message.adapters.sql.mapping.tables import attempt
from wework_message.domain.ids import AccountId, Guid, MessageId, ProviderCode, ProviderKey
from wework_message.domain.message.attempt import Receipt
from wework_message.domain.outcomes import OutcomeClass

Owners: TypeAlias = dict[ProviderKey, tuple[MessageId, int]]
"""Messages and the numbers of their attempts by provider ids."""

UNIQUE: Final = "uq_wm_attempt_provider_message_id_guid_provider_code"
"""The index by which an attempt is found by its provider's message id."""

_ANSWERS: Final = 10
"""Accepted answers of an instance that are looked through for a sender: an answer need not name one."""

_OWNERS = select(
    attempt.c.provider_code, attempt.c.guid, attempt.c.provider_message_id, attempt.c.message_id, attempt.c.number
).where(attempt.c.provider_message_id.in_(bindparam("ids", expanding=True)))
_COMMITTED = Query(_OWNERS)
_LATEST = Query(by_index(_OWNERS, attempt, UNIQUE).with_for_update(read=True))
_NEWEST_ACCEPTED = Query(
    by_index(
        select(attempt.c.account_id, attempt.c.receipt)
        .where(
            attempt.c.guid == bindparam("the_guid"),
            attempt.c.provider_code == bindparam("the_provider"),
            attempt.c.outcome == OutcomeClass.ACCEPTED.value,
        )
        .order_by(attempt.c.started_at.desc())
        .limit(_ANSWERS),
        attempt,
        "ix_wm_attempt_uncertain",
    )
)


def accepted_sender(connection: Connection, provider_code: ProviderCode, guid: Guid) -> str | None:
    """The sender in the newest accepted answer of an instance that names one."""
    receipts = _newest_receipts(connection, provider_code, guid)
    return next((receipt.sender_id for _, receipt in receipts if receipt.sender_id is not None), None)


def accepted_seq(connection: Connection, provider_code: ProviderCode, guid: Guid, account_id: AccountId) -> str | None:
    """The place in the stream in the newest accepted answer of an instance, to a send of this account, that names one."""
    receipts = _newest_receipts(connection, provider_code, guid)
    return next((receipt.seq for sender, receipt in receipts if sender == account_id and receipt.seq is not None), None)


def _newest_receipts(
    connection: Connection, provider_code: ProviderCode, guid: Guid
) -> list[tuple[AccountId, Receipt]]:
    rows = _NEWEST_ACCEPTED.rows(connection, the_guid=guid, the_provider=provider_code)
    return [(row["account_id"], receipt_of(row["receipt"])) for row in rows if row["receipt"] is not None]


def sent_as(connection: Connection, keys: Sequence[ProviderKey], latest: bool) -> Owners:
    """Owners by the unique index; a locking read where it must be the `latest`."""
    requested = set(keys)
    rows = (_LATEST if latest else _COMMITTED).rows(connection, ids=[key[2] for key in keys])
    return {
        key: (row["message_id"], row["number"])
        for row in rows
        if (key := (row["provider_code"], row["guid"], row["provider_message_id"])) in requested
    }
