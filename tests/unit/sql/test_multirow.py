from collections.abc import Sequence
from typing import Any

import pytest
import sqlglot
from sqlalchemy.dialects import mysql

from wework_message.adapters.sql import multirow
from wework_message.adapters.sql.journal import _FORGET, _UPDATE_ATTEMPT
from wework_message.adapters.sql.multirow import ManyRows, inserts
from wework_message.adapters.sql.mysql_dialect import MysqlDialect
from wework_message.adapters.sql.prepared import Prepared

MYSQL_8, MARIADB = (8, 0, 36), (10, 11, 6)


class Result:
    rowcount = 1


class Server:
    """A connection that remembers what it was told, with the words of one server or the other."""

    def __init__(self, version: tuple[int, ...], *, is_mariadb: bool) -> None:
        self.dialect: Any = mysql.dialect(paramstyle="format", is_mariadb=is_mariadb)
        self.dialect.server_version_info = version
        self.dialect._requires_alias_for_on_duplicate_key = not is_mariadb  # what SQLAlchemy finds out at connect
        self.told: list[tuple[str, tuple[Any, ...]]] = []

    def exec_driver_sql(self, sql: str, parameters: tuple[Any, ...]) -> Result:
        self.told.append((sql, parameters))
        return Result()


@pytest.fixture(params=[(MYSQL_8, False), (MARIADB, True)], ids=["mysql8", "mariadb"])
def server(request: pytest.FixtureRequest) -> Server:
    version, is_mariadb = request.param
    return Server(version, is_mariadb=is_mariadb)


def run(statement: Prepared, server: Server, rows: Sequence[dict[str, Any]]) -> list[tuple[str, tuple[Any, ...]]]:
    connection: Any = server
    statement.many(connection, rows)
    return server.told


def readable(sql: str) -> bool:
    return sqlglot.parse_one(sql.replace("%s", "?"), dialect="mysql") is not None


def test_an_insert_carries_all_its_rows_in_the_words_of_the_server(server: Server) -> None:
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


def test_an_update_goes_from_its_rows_to_the_named_index(server: Server) -> None:
    names = ("ended_at", "outcome", "reason", "error_code", "error_message", "confirmed", "receipt", "provider_message_id",
             "app_info_key", "sent_at", "facts", "unsettled", "lane_open")  # fmt: skip
    rows = [{"the_id": str(number), "the_number": number} | dict.fromkeys(names) for number in range(3)]
    ((sql, parameters),) = run(_UPDATE_ATTEMPT, server, rows)
    assert sql.count("UNION ALL SELECT") == 2
    assert "STRAIGHT_JOIN wm_attempt AS t FORCE INDEX (`PRIMARY`) ON" in sql
    assert [parameters[place] for place in (0, 15, 30)] == ["0", "1", "2"]
    assert readable(sql)


def test_a_delete_names_its_index_too(server: Server) -> None:
    ((sql, parameters),) = run(_FORGET, server, [{"the_id": "a"}, {"the_id": "b"}])
    assert sql.startswith(
        "DELETE t FROM (SELECT %s AS the_id UNION ALL SELECT %s) AS v STRAIGHT_JOIN wm_due AS t FORCE"
    )
    assert parameters == ("a", "b")
    assert readable(sql)


def test_nothing_to_do_is_nothing_told(server: Server) -> None:
    assert run(_FORGET, server, []) == []


def test_statements_are_bounded_by_rows_and_by_text(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(multirow, "MOST_ROWS", 3)
    monkeypatch.setattr(multirow, "MOST_CHARACTERS", 10)
    many: ManyRows = inserts("INSERT INTO t (a) VALUES (%s)", lambda row: (row["a"],))
    connection: Any = server
    texts = ["1", "2", "3", "4", "x" * 9, "yy", "z" * 50, "5"]
    assert many(connection, [{"a": one} for one in texts]) == len(server.told)
    assert [parameters for _, parameters in server.told] == [
        ("1", "2", "3"), ("4", "x" * 9), ("yy",), ("z" * 50,), ("5",),
    ]  # fmt: skip
