"""Items that a provider sends once more."""

from collections.abc import Sequence

from sqlalchemy import Connection, bindparam, or_, select

from wework_message.adapters.sql.core.index_hints import by_index
from wework_message.adapters.sql.core.prepared import Query, updating
from wework_message.adapters.sql.mapping.tables import callback
from wework_message.domain.ids import Guid, ProviderCode
from wework_message.domain.inbox import REPEATABLE
from wework_message.domain.ports.gateway import CallbackItem
from wework_message.domain.ports.repositories import InboxState

_REPEATED = Query(
    by_index(
        select(callback.c.id, callback.c.state).where(
            callback.c.provider_code == bindparam("the_provider"),
            callback.c.guid == bindparam("the_guid"),
            callback.c.notify_type == bindparam("the_type"),
            callback.c.event_key.in_(bindparam("keys", expanding=True)),
            or_(*[callback.c.state == state.value for state in REPEATABLE]),
        ),
        callback,
        "uq_wm_callback_provider_code_guid_notify_type_event_key",
    ).with_for_update()
)
_REPEAT = updating(callback, {"id": "the_id"}, ["state", "received_at"])


def repeat_known(connection: Connection, provider_code: ProviderCode, items: Sequence[CallbackItem], at: int) -> int:
    """The known ones that change are as if they had come now; returns how many of them leave the quarantine."""
    keys: dict[tuple[Guid, int], list[str]] = {}
    for item in items:
        keys.setdefault((item.guid, item.notify_type), []).append(item.event_key)
    states = {
        row["id"]: InboxState(row["state"])
        for (guid, notify_type), event_keys in sorted(keys.items())
        for row in _REPEATED.rows(
            connection, the_provider=provider_code, the_guid=guid, the_type=notify_type, keys=event_keys
        )
    }
    _REPEAT.many(
        connection,
        [{"the_id": id_, "state": REPEATABLE[state].value, "received_at": at} for id_, state in sorted(states.items())],
    )
    return sum(state is InboxState.QUARANTINED for state in states.values())
