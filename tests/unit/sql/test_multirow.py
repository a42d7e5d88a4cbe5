from collections.abc import Sequence
from typing import Any

import pytest
import sqlglot
from sqlalchemy.dialects import mysql, postgresql

from wework_message.adapters.sql.core.prepared import ROW_WRITER, Prepared, inserting
from wework_message.adapters.sql.mapping.tables import batch
from wework_message.adapters.sql.mysql import multirow
from wework_message.adapters.sql.mysql.dialect import MysqlDialect
from wework_message.adapters.sql.mysql.kind import MysqlTarget
from wework_message.adapters.sql.mysql.multirow import MultirowWriter
from wework_message.adapters.sql.mysql.store import MysqlStore
from wework_message.adapters.sql.repositories.attempt_writes import _UPDATE as _UPDATE_ATTEMPT
from wework_message.adapters.sql.repositories.messages import _DELETE_DUE

MYSQL_8, MARIADB = (8, 0, 36), (10, 11, 6)


class Result:
    rowcount = 1
    returns_rows = False


class Server:
    """A connection that records its statements, in the SQL of one server or the other."""

    def __init__(self, version: tuple[int, ...], *, is_mariadb: bool) -> None:
        self.dialect: Any = mysql.dialect(paramstyle="format", is_mariadb=is_mariadb)
        self.dialect.server_version_info = version
        self.dialect._requires_alias_for_on_duplicate_key = not is_mariadb  # what SQLAlchemy finds out at connect
        self.executed: list[tuple[str, tuple[Any, ...]]] = []

    def get_execution_options(self) -> dict[str, object]:
        return {ROW_WRITER: MultirowWriter()}

    def exec_driver_sql(self, sql: str, parameters: tuple[Any, ...]) -> Result:
        self.executed.append((sql, parameters))
        return Result()


@pytest.fixture(params=[(MYSQL_8, False), (MARIADB, True)], ids=["mysql8", "mariadb"])
def server(request: pytest.FixtureRequest) -> Server:
    version, is_mariadb = request.param
    return Server(version, is_mariadb=is_mariadb)


def run(statement: Prepared, server: Server, rows: Sequence[dict[str, Any]]) -> list[tuple[str, tuple[Any, ...]]]:
    connection: Any = server
    statement.many(connection, rows)
    return server.executed


def readable(sql: str) -> bool:
    return sqlglot.parse_one(sql.replace("%s", "?"), dialect="mysql") is not None


def test_an_insert_carries_all_its_rows_in_the_sql_of_the_server(server: Server) -> None:
    counted = [{"tenant_id": "t", "provider_code": "p", "message_type": "m", "outcome": o, "total": 1} for o in "ab"]
    ((sql, parameters),) = run(MysqlDialect().count, server, counted)
    assert sql.count("(%s, %s, %s, %s, %s)") == 2
    assert parameters == ("t", "p", "m", "a", 1, "t", "p", "m", "b", 1)
    assert ("AS new" in sql) is not server.dialect.is_mariadb
    assert sql.endswith(("wm_finished.total + new.total)", "wm_finished.total + VALUES(total))"))
    assert readable(sql)


def test_an_insert_that_leaves_known_rows_alone_ignores_nothing_else(server: Server) -> None:
    row = {"tenant_id": "t", "key": "k", "fingerprint": b"f", "target": "x", "created_at": 1}
    ((sql, _),) = run(MysqlDialect().new_key, server, [row])
    assert "IGNORE" not in sql
    assert readable(sql)


SETTLED = ("ended_at", "outcome", "reason", "error_code", "error_message", "confirmed", "receipt", "provider_message_id",
           "app_info_key", "sent_at", "facts", "unsettled", "lane_open")  # fmt: skip


def test_an_update_joins_what_differs_to_the_named_index_and_writes_what_is_shared_once(server: Server) -> None:
    rows = [
        {"the_id": str(number), "the_number": 1} | dict.fromkeys(SETTLED, "same") | {"receipt": f"r{number}"}
        for number in range(3)
    ]
    ((sql, parameters),) = run(_UPDATE_ATTEMPT, server, rows)
    assert sql.startswith(
        "UPDATE (SELECT %s AS the_id, %s AS receipt UNION ALL SELECT %s, %s UNION ALL SELECT %s, %s) AS v"
        " STRAIGHT_JOIN wm_attempt AS t FORCE INDEX (`PRIMARY`) ON t.message_id = v.the_id AND t.number = %s SET"
    )
    assert "t.receipt = v.receipt" in sql
    assert parameters == ("0", "r0", "1", "r1", "2", "r2", 1, *["same"] * 12)
    assert readable(sql)


def test_rows_that_differ_in_their_key_alone_are_a_list(server: Server) -> None:
    rows = [{"the_id": str(number), "the_number": 1} | dict.fromkeys(SETTLED, "same") for number in range(3)]
    ((sql, parameters),) = run(_UPDATE_ATTEMPT, server, rows)
    assert sql.startswith("UPDATE wm_attempt AS t FORCE INDEX (`PRIMARY`) SET")
    assert sql.endswith("WHERE t.message_id IN (%s, %s, %s) AND t.number = %s")
    assert parameters == (*["same"] * 13, "0", "1", "2", 1)
    assert readable(sql)


def test_rows_of_two_keys_are_pairs_and_not_two_lists(server: Server) -> None:
    rows = [{"the_id": str(number), "the_number": number} | dict.fromkeys(SETTLED) for number in range(2)]
    ((sql, parameters),) = run(_UPDATE_ATTEMPT, server, rows)
    assert "ON t.message_id = v.the_id AND t.number = v.the_number SET" in sql
    assert parameters[:4] == ("0", 0, "1", 1)


def test_one_row_needs_no_list(server: Server) -> None:
    ((sql, parameters),) = run(_DELETE_DUE, server, [{"the_id": "a"}])
    assert sql == "DELETE t FROM wm_due AS t FORCE INDEX (uq_wm_due_message_id) WHERE t.message_id = %s"
    assert parameters == ("a",)
    assert readable(sql)


def test_a_delete_names_its_index_too(server: Server) -> None:
    ((sql, parameters),) = run(_DELETE_DUE, server, [{"the_id": "a"}, {"the_id": "b"}])
    assert sql == "DELETE t FROM wm_due AS t FORCE INDEX (uq_wm_due_message_id) WHERE t.message_id IN (%s, %s)"
    assert parameters == ("a", "b")
    assert readable(sql)


def test_instants_of_the_server_are_not_parameters(server: Server) -> None:
    due = [
        {"message_id": message_id, "place": 2, "parked": False, "paced": False, "in_ms": 5, "now": 1}
        for message_id in "ab"
    ]
    ((sql, parameters),) = run(MysqlDialect()._moved("place", "parked", "in_ms", "paced"), server, due)
    assert "CURRENT_TIMESTAMP(3)) * 1000 AS SIGNED) + %s WHERE" in sql
    assert parameters == (2, False, 5, False, 5, "a", "b")
    assert readable(sql)


def test_without_rows_no_statement_is_executed(server: Server) -> None:
    assert run(_DELETE_DUE, server, []) == []


def test_statements_are_bounded_by_rows_and_by_text(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(multirow, "MAX_ROWS", 3)
    monkeypatch.setattr(multirow, "MAX_CHARACTERS", 10)
    many = MultirowWriter().inserting("INSERT INTO t (a) VALUES (%s)", ["a"], lambda row: (row["a"],))
    connection: Any = server
    texts = ["1", "2", "3", "4", "x" * 9, "yy", "z" * 50, "5"]
    assert many(connection, [{"a": text} for text in texts]) == len(server.executed)
    assert [parameters for _, parameters in server.executed] == [
        ("1", "2", "3"), ("4", "x" * 9), ("yy",), ("z" * 50,), ("5",),
    ]  # fmt: skip


def test_sets_of_any_size_have_few_texts(server: Server) -> None:
    connection: Any = server
    many = MultirowWriter().inserting("INSERT INTO t (a) VALUES (%s)", ["a"], lambda row: (row["a"],))
    for size in range(1, 501):
        server.executed.clear()
        many(connection, [{"a": number} for number in range(size)])
        assert [value for _, parameters in server.executed for value in parameters] == list(range(size))
        assert {len(parameters) for _, parameters in server.executed} <= set(multirow.SET_SIZES)


def test_an_update_names_its_last_row_again_up_to_such_a_size(server: Server) -> None:
    ((_, parameters),) = run(_DELETE_DUE, server, [{"the_id": str(number)} for number in range(5)])
    assert parameters == ("0", "1", "2", "3", "4", "4")


@pytest.mark.parametrize(
    "sql",
    [
        "INSERT INTO t (a, b) VALUES (%s, DEFAULT)",
        "INSERT INTO t (a, b) SELECT %s, %s",
        "INSERT INTO t (a, b) VALUES (%s, 1) ON DUPLICATE KEY UPDATE a = %s",
        "REPLACE t SET a = %s, b = %s",
    ],
)
def test_a_text_whose_row_cannot_be_repeated_is_refused(sql: str) -> None:
    with pytest.raises(ValueError, match="no row"):
        MultirowWriter().inserting(sql, ["a", "b"], lambda row: (row["a"], row["b"]))


def test_every_engine_of_the_server_has_the_writer_of_many_rows() -> None:
    store = MysqlStore(MysqlTarget("h", 1, "d", "u", "p"))
    for engine in (store._writing, store._reading, store._maintenance):
        assert isinstance(engine.sync_engine.get_execution_options()[ROW_WRITER], MultirowWriter)


def test_a_driver_that_wants_its_parameters_by_name_is_refused_and_not_sent_none(server: Server) -> None:
    dialect: Any = postgresql.dialect
    server.dialect = dialect(paramstyle="pyformat")
    with pytest.raises(TypeError, match="pyformat"):
        run(inserting(batch), server, [{"id": "x"}])
