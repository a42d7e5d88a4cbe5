import pytest
from sqlalchemy import select, update
from sqlalchemy.dialects import mysql, postgresql, sqlite

from wework_message.adapters.sql.core.index_hints import beside_index, by_index, updating_by_index
from wework_message.adapters.sql.mapping.tables import due, message

PLAIN = {"sqlite": sqlite.dialect, "postgresql": postgresql.dialect}


@pytest.mark.parametrize("name", PLAIN)
def test_where_the_planner_needs_no_hint_the_statement_stays_as_it_is(name: str) -> None:
    plain, dialect = select(message.c.id), PLAIN[name]()
    assert str(by_index(plain, message, "ix_wm_message_status").compile(dialect=dialect)) == str(
        plain.compile(dialect=dialect)
    )
    change = update(due).values(paced=True)
    assert str(updating_by_index(change, due, "ix_wm_due_lane").compile(dialect=dialect)) == str(
        change.compile(dialect=dialect)
    )


def test_mysql_gets_the_index_of_a_table_of_an_alias_and_of_an_update() -> None:
    other, dialect = due.alias("other"), mysql.dialect()
    assert str(by_index(select(other.c.seq), other, "ix_wm_due_lane").compile(dialect=dialect)).endswith(
        "wm_due AS other FORCE INDEX (ix_wm_due_lane)"
    )
    assert str(by_index(select(due.c.seq), due).compile(dialect=dialect)).endswith("wm_due FORCE INDEX (PRIMARY)")
    woken = updating_by_index(update(due).values(paced=True), due, "uq_wm_due_message_id")
    assert str(woken.compile(dialect=dialect)).startswith("UPDATE wm_due FORCE INDEX (uq_wm_due_message_id) SET")


@pytest.mark.parametrize("index", ["ix_wm_due_lanes", "pk_wm_due", "ix_wm_message_status", ""])
def test_an_index_that_the_table_does_not_have_is_refused_when_the_statement_is_written(index: str) -> None:
    with pytest.raises(ValueError, match="wm_due has no index"):
        by_index(select(due.c.seq), due, index)
    with pytest.raises(ValueError, match="wm_due has no index"):
        updating_by_index(update(due), due, index)


def test_sqlite_cannot_search_by_a_column_beside_the_index_and_others_get_the_column() -> None:
    condition = beside_index(message.c.status) == "SENT"
    assert str(condition.compile(dialect=sqlite.dialect())).startswith("+wm_message.status = ")
    assert str(condition.compile(dialect=mysql.dialect())).startswith("wm_message.status = ")
