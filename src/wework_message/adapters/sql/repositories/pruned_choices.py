"""Old choices of pools: those that a conversation still has stay."""

from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import BindParameter, Connection, bindparam, select

from wework_message.adapters.sql.core.dialect import literal_number
from wework_message.adapters.sql.core.index_hints import beside_index, by_index
from wework_message.adapters.sql.core.prepared import Query, deleting, updating
from wework_message.adapters.sql.mapping.pool_table import pool_choice
from wework_message.adapters.sql.mapping.tables import message
from wework_message.domain.ports.maintenance import Pruned

_LIMIT: Final[BindParameter[int]] = bindparam("limit", 0)
_OLD_CHOICES = Query(
    by_index(
        select(pool_choice)
        .where(pool_choice.c.chosen_at < bindparam("before", 0))
        .order_by(pool_choice.c.chosen_at)
        .limit(_LIMIT),
        pool_choice,
        "ix_wm_pool_choice_chosen",
    )
)
_MESSAGE_OF_CHOICE = Query(
    by_index(
        select(message.c.id)
        .where(
            message.c.conversation_id == bindparam("the_conversation"),
            beside_index(message.c.account_id) == bindparam("the_account"),
        )
        .order_by(message.c.id.desc())
        .limit(literal_number(1)),
        message,
        "ix_wm_message_conversation",
    )
)
_AS_READ: Final = {name: f"read_{name}" for name in ("tenant_id", "pool", "conversation_id", "chosen_at")}
_DELETE_CHOICE = deleting(pool_choice, _AS_READ)
_KEEP_CHOICE = updating(pool_choice, _AS_READ, ["chosen_at"])


def _is_in_use(connection: Connection, choice: Mapping[str, Any]) -> bool:
    key = {"the_conversation": choice["conversation_id"], "the_account": choice["account_id"]}
    return bool(_MESSAGE_OF_CHOICE.rows(connection, **key))


def prune_choices(connection: Connection, *, before: int, seen_at: int, limit: int) -> Pruned:
    """Delete those that no message needs, chosen before `before`; the others were seen at `seen_at` (epoch ms)."""
    old = _OLD_CHOICES.rows(connection, before=before, limit=limit)
    used, unused = list[dict[str, Any]](), list[dict[str, Any]]()
    for row in old:
        as_read = {read: row[name] for name, read in _AS_READ.items()}
        (used if _is_in_use(connection, row) else unused).append(as_read)
    _DELETE_CHOICE.many(connection, unused)
    _KEEP_CHOICE.many(connection, [{**as_read, "chosen_at": seen_at} for as_read in used])
    return Pruned(len(unused), str(seen_at) if len(old) == limit else None)
