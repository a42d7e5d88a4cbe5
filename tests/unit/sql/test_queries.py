from collections.abc import Iterator

import pytest
from sqlalchemy import (
    Column,
    Connection,
    Integer,
    MetaData,
    String,
    Table,
    bindparam,
    create_engine,
    event,
    insert,
    select,
)

from wework_message.adapters.sql.core.prepared import Query

_TABLE = Table("t", MetaData(), Column("id", Integer, primary_key=True), Column("kind", String(8)))
_OF_KIND = Query(
    select(_TABLE)
    .where(_TABLE.c.id.in_(bindparam("ids", expanding=True)), _TABLE.c.kind == "good")
    .order_by(_TABLE.c.id)
)


@pytest.fixture
def connection() -> Iterator[Connection]:
    engine = create_engine("sqlite://")
    with engine.connect() as connection:
        _TABLE.create(connection)
        rows = [{"id": number, "kind": "bad" if number == 3 else "good"} for number in range(1, 40)]
        connection.execute(insert(_TABLE), rows)
        yield connection
    engine.dispose()


@pytest.mark.parametrize("ids", [[1], [1, 2], [5, 3, 9], list(range(4, 21)), [2, 2, 7], []])
def test_a_list_of_any_length_finds_its_rows_once_together_with_the_constants_of_the_statement(
    connection: Connection, ids: list[int]
) -> None:
    assert _OF_KIND.rows(connection, ids=ids) == [{"id": number, "kind": "good"} for number in sorted({*ids} - {3})]


def test_lists_of_many_lengths_share_few_texts(connection: Connection) -> None:
    texts: set[str] = set()
    event.listen(connection, "before_cursor_execute", lambda *event_arguments: texts.add(event_arguments[2]))
    for length in range(1, 33):
        _OF_KIND.rows(connection, ids=list(range(1, length + 1)))
    assert len(texts) == 6
