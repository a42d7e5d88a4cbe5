"""The claim of due rows that a wake-up named: read by their ids, and not more of them than their accounts may have.

Rows are sorted here and not by the database: it would lock them first and sort then, and a set of ids is small.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import BindParameter, ColumnElement, Select, bindparam, select

from wework_message.adapters.sql.core.index_hints import by_index
from wework_message.adapters.sql.mapping.tables import due

IDS: Final[BindParameter[str]] = bindparam("ids", expanding=True)

BY_MESSAGE: Final = "uq_wm_due_message_id"
"""The unique index on message ids."""


def claim_order(row: Mapping[str, Any]) -> tuple[int, int, int]:
    """Most urgent class first, then oldest due, then in the order of insertion."""
    return row["urgency"], row["due_at"], row["seq"]


def named(columns: Sequence[ColumnElement[Any]], now: ColumnElement[int]) -> Select[Any]:
    """`columns` of the due rows among `ids` whose time has come; `now` in epoch ms."""
    return by_index(select(*columns).where(due.c.message_id.in_(IDS), due.c.due_at <= now), due, BY_MESSAGE)
