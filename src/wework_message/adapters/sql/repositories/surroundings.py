"""What the database has of records that come, before they are stored."""

from collections.abc import Sequence
from typing import Final

from sqlalchemy import Connection, bindparam, exists, false, or_, select

from wework_message.adapters.sql.core.index_hints import beside_index, by_index
from wework_message.adapters.sql.core.prepared import Query
from wework_message.adapters.sql.mapping.mass_tables import mass_chunk
from wework_message.adapters.sql.mapping.tables import account, attempt, binding, callback
from wework_message.adapters.sql.repositories import uncertainty
from wework_message.adapters.sql.repositories.ownership import sent_as
from wework_message.domain.ids import Guid, ProviderCode, TenantId
from wework_message.domain.outcomes import OutcomeClass
from wework_message.domain.ports.gateway import CallbackItem
from wework_message.domain.ports.inbox import RecordedInstance, Surroundings

_UNPROVEN: Final = by_index(
    select(attempt.c.number).where(
        attempt.c.guid == binding.c.guid,
        attempt.c.provider_code == binding.c.provider_code,
        or_(*[attempt.c.outcome == outcome for outcome in uncertainty.AND_ABSENT]),
        or_(attempt.c.outcome == OutcomeClass.UNCERTAIN.value, attempt.c.confirmed == false()),
        attempt.c.started_at >= bindparam("since"),
        beside_index(attempt.c.provider_message_id).is_(None),
    ),
    attempt,
    uncertainty.INDEX,
)
_MASS_SENDS: Final = select(mass_chunk.c.number).where(mass_chunk.c.account_id == binding.c.account_id)
_SIBLING: Final = binding.alias("sibling")
_SIBLINGS: Final = by_index(
    select(_SIBLING.c.binding_id).where(
        _SIBLING.c.account_id == binding.c.account_id, _SIBLING.c.binding_id != binding.c.binding_id
    ),
    _SIBLING,
    "ix_wm_binding_account",
)
_INSTANCES: Final = Query(
    select(
        binding.c.guid,
        binding.c.tenant_id,
        (binding.c.epoch > 0).label("moved"),
        account.c.vid.label("own_user_id"),
        or_(exists(_UNPROVEN), exists(_MASS_SENDS)).label("awaits_echoes"),
        exists(_SIBLINGS).label("siblings"),
    )
    .select_from(binding.outerjoin(account, account.c.account_id == binding.c.account_id))
    .where(binding.c.provider_code == bindparam("the_provider"), binding.c.guid.in_(bindparam("guids", expanding=True)))
)
_STORED: Final = Query(
    by_index(
        select(callback.c.event_key).where(
            callback.c.provider_code == bindparam("the_provider"),
            callback.c.guid == bindparam("the_guid"),
            callback.c.notify_type == bindparam("the_type"),
            callback.c.event_key.in_(bindparam("keys", expanding=True)),
        ),
        callback,
        "uq_wm_callback_provider_code_guid_notify_type_event_key",
    )
)


def surroundings_of(
    connection: Connection, provider_code: ProviderCode, items: Sequence[CallbackItem], now: int
) -> Surroundings:
    """Of items with records. The instances come last: a call that has ended since its id was looked for is seen there, or by the recheck."""
    keys: dict[tuple[Guid, int], list[str]] = {}
    for item in items:
        keys.setdefault((item.guid, item.notify_type), []).append(item.event_key)
    stored = frozenset(
        (guid, notify_type, row["event_key"])
        for (guid, notify_type), of_type in keys.items()
        for row in _STORED.rows(
            connection, the_provider=provider_code, the_guid=guid, the_type=notify_type, keys=of_type
        )
    )
    named = [
        (provider_code, item.guid, name)
        for item in items
        if item.stream_record is not None
        for name in item.stream_record.names
    ]
    owned = frozenset(sent_as(connection, named, latest=False)) if named else frozenset()
    rows = _INSTANCES.rows(
        connection,
        the_provider=provider_code,
        guids=[*{guid: None for guid, _ in keys}],
        since=now - uncertainty.UNCERTAIN_WINDOW_MS,
    )
    instances = {
        row["guid"]: RecordedInstance(
            row["own_user_id"],
            moved=bool(row["moved"]),
            awaits_echoes=bool(row["awaits_echoes"]),
            tenant_id=TenantId(row["tenant_id"]),
            siblings=bool(row["siblings"]),
        )
        for row in rows
    }
    return Surroundings(stored, owned, instances)
