from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Column, Connection, Integer, MetaData, Table, create_engine, event
from sqlalchemy.exc import IntegrityError

from wework_message.adapters.sql.core.prepared import ROW_WRITER, inserting, updating
from wework_message.adapters.sql.sqlite.sparse_rows import SparseInsert, SparseRows

TABLE = Table("t", MetaData(), Column("a", Integer), Column("b", Integer), Column("c", Integer, nullable=False))


@pytest.fixture
def statements() -> list[str]:
    return []


@pytest.fixture
def connection(statements: list[str]) -> Iterator[Connection]:
    engine = create_engine("sqlite://", execution_options={ROW_WRITER: SparseRows()})
    TABLE.metadata.create_all(engine)
    event.listen(engine, "before_cursor_execute", lambda *arguments: statements.append(arguments[2]))
    with engine.connect() as opened:
        yield opened
    engine.dispose()


def rows(connection: Connection) -> list[Any]:
    return [tuple(row) for row in connection.exec_driver_sql("SELECT a, b, c FROM t ORDER BY c")]


def test_a_column_that_no_row_fills_is_left_out(connection: Connection, statements: list[str]) -> None:
    assert inserting(TABLE).many(connection, [{"a": None, "b": 1, "c": 1}, {"a": None, "b": None, "c": 2}]) == 2
    assert statements == ["INSERT INTO t (b, c) VALUES (?, ?)"]
    assert rows(connection) == [(None, 1, 1), (None, None, 2)]


def test_a_column_that_some_row_fills_is_written(connection: Connection, statements: list[str]) -> None:
    assert inserting(TABLE).many(connection, [{"a": None, "b": 1, "c": 1}, {"a": 2, "b": None, "c": 2}]) == 2
    assert statements == ["INSERT INTO t (a, b, c) VALUES (?, ?, ?)"]
    assert rows(connection) == [(None, 1, 1), (2, None, 2)]


def test_a_single_column_is_enough(connection: Connection) -> None:
    assert inserting(TABLE).many(connection, iter([{"a": None, "b": None, "c": 1}])) == 1
    assert rows(connection) == [(None, None, 1)]


def test_no_rows_execute_nothing(connection: Connection, statements: list[str]) -> None:
    assert inserting(TABLE).many(connection, []) == 0
    assert statements == []


def test_a_column_that_must_not_be_null_is_refused_as_before(connection: Connection) -> None:
    with pytest.raises(IntegrityError, match="NOT NULL"):
        inserting(TABLE).many(connection, [{"a": 1, "b": 1, "c": None}])


def test_a_column_with_a_default_is_never_left_out() -> None:
    """Where it is left out, SQLite would write the default instead of refusing the NULL."""
    texts: list[str] = []

    class Recorded:
        def exec_driver_sql(self, sql: str, _parameters: object) -> Any:
            texts.append(sql)
            return type("Result", (), {"rowcount": 1})

    insert = SparseInsert("INSERT INTO wm_due (tenant_id, turn, lane) VALUES (?, ?, ?)", ["tenant_id", "turn", "lane"])
    insert(Recorded(), [{"tenant_id": None, "turn": None, "lane": None}])  # type: ignore[arg-type] # all that is used of it
    assert texts == ["INSERT INTO wm_due (tenant_id, turn) VALUES (?, ?)"]


def test_an_update_writes_its_nulls(connection: Connection) -> None:
    inserting(TABLE).many(connection, [{"a": 1, "b": 1, "c": 1}])
    assert updating(TABLE, {"c": "the_c"}, ["a", "b"]).many(connection, [{"a": None, "b": 2, "the_c": 1}]) == 1
    assert rows(connection) == [(None, 2, 1)]


def test_another_text_is_refused() -> None:
    with pytest.raises(ValueError, match="no insert"):
        SparseInsert("INSERT INTO t (a) VALUES (now())", ["a"])
