import os
import shutil
from contextlib import AbstractContextManager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import Connection, create_engine

from wework_message.adapters.sql.backends import BACKENDS, backend_of, migrate
from wework_message.adapters.sql.core.database_backend import DatabaseBackend
from wework_message.adapters.sql.core.database_kind import DatabaseAddressError, DatabaseKind, DatabaseSource
from wework_message.adapters.sql.core.schema import SchemaState, schema_state
from wework_message.adapters.sql.database_kinds import KINDS, kind_of, read_java_url
from wework_message.adapters.sql.mysql.kind import MysqlKind
from wework_message.adapters.sql.sqlite.backend import SqliteBackend
from wework_message.adapters.sql.sqlite.kind import SqliteKind
from wework_message.bootstrap.databases import open_store
from wework_message.bootstrap.settings import SecretUrl, SettingsError
from wework_message.bootstrap.settings.model import DatasourceSettings

UNKNOWN = ["postgresql", "oracle", "mssql", "mysql+pymysql", "jdbc:postgresql", "mariadb", "file"]


def test_every_kind_has_its_backend_and_every_backend_its_kind() -> None:
    assert [(name, type(backend().kind)) for name, backend in BACKENDS.items()] == [
        (kind.name, type(kind)) for kind in KINDS
    ]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_a_kind_is_found_by_the_scheme_of_its_urls(kind: DatabaseKind) -> None:
    assert kind_of(kind.name) is kind
    assert isinstance(backend_of(kind.name).kind, type(kind))
    assert any(prefix.startswith(f"{kind.name}://") for prefix in kind.prefixes)
    for prefix in kind.prefixes:
        address = read_java_url(f"{prefix}h/d") if prefix.startswith("jdbc:") else None
        assert address is None or address.url == f"{kind.name}://h/d"


@pytest.mark.parametrize("scheme", UNKNOWN)
def test_an_unknown_kind_is_refused_by_name_with_those_that_exist(scheme: str) -> None:
    with pytest.raises(DatabaseAddressError) as caught:
        kind_of(scheme)
    text = str(caught.value)
    assert f"kind {scheme};" in text
    assert all(prefix in text for kind in KINDS for prefix in kind.prefixes)
    with pytest.raises(DatabaseAddressError):
        backend_of(scheme)


@pytest.mark.parametrize("scheme", ["", "hunter2 and more", "user:hunter2@host"])
def test_what_is_no_scheme_is_not_repeated(scheme: str) -> None:
    with pytest.raises(DatabaseAddressError, match=r"^must begin with sqlite:///, mysql://"):
        kind_of(scheme)


@pytest.mark.parametrize("url", [None, "postgresql://u:hunter2@h/d", "sqlite://x.db", "mysql://h"])
async def test_nothing_is_opened_that_is_no_database_of_a_known_kind(
    url: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SettingsError, match=r"^datasource\.url: ") as caught:
        async with open_store(DatasourceSettings(url=SecretUrl(url) if url else None)):
            pass
    assert "hunter2" not in str(caught.value)
    assert _names(tmp_path) == []


def test_a_backend_without_a_lock_for_migrations_cannot_be_made() -> None:
    class Lockless(DatabaseBackend):
        kind = SqliteKind()
        open = SqliteBackend.open
        objections = SqliteBackend.objections
        examining = SqliteBackend.examining

    with pytest.raises(TypeError, match="migration_lock"):
        Lockless()  # type: ignore[abstract]  # the refusal is what is tested


class ThirdStore:
    """A store of a kind that has no backend."""

    name = "postgresql"

    def __init__(self) -> None:
        self.transactions = 0

    async def transact(self, work: Any, /, *arguments: Any) -> Any:
        self.transactions += 1


async def test_a_store_of_a_kind_without_a_backend_is_never_migrated() -> None:
    store: Any = ThirdStore()
    with pytest.raises(DatabaseAddressError, match="postgresql"):
        await migrate(store)
    assert store.transactions == 0


async def test_the_schema_is_read_and_changed_under_the_lock_of_the_kind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held: list[str] = []

    class Lock(AbstractContextManager[None]):
        def __init__(self, connection: Connection) -> None:
            self._connection = connection

        def __enter__(self) -> None:
            held.append(schema_state(self._connection))

        def __exit__(self, *_: object) -> None:
            held.append(schema_state(self._connection))

    monkeypatch.setattr(SqliteBackend, "migration_lock", lambda _backend, connection: Lock(connection))
    async with open_store(DatasourceSettings(url=SecretUrl(f"sqlite:///{tmp_path}/x.db"))) as store:
        await migrate(store)
    assert held == [SchemaState.EMPTY, SchemaState.CURRENT]


def test_the_lock_of_a_file_is_a_transaction_that_has_begun() -> None:
    with create_engine("sqlite://").connect() as connection:
        with pytest.raises(RuntimeError, match="IMMEDIATE"), SqliteBackend().migration_lock(connection):
            pass
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        with SqliteBackend().migration_lock(connection):
            pass


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("mysql://u:hunter2@h/d", "MySQL u@h:3306/d"),
        ("mysql://[::1]:3307/d", "MySQL me@[::1]:3307/d"),
        ("mysql://%E6%95%B0@数据/d", "MySQL 数@数据:3306/d"),
    ],
)
def test_a_server_is_shown_with_user_and_database(url: str, shown: str) -> None:
    source = DatabaseSource(url, "me", "hunter2")
    assert MysqlKind().shown(source) == shown
    assert MysqlKind().obstacle(source) is None


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("mysql://u:p@h:70000/d", "must be mysql://host:port/database"), ("mysql://u:p@256.1.1.1/d", "must be mysql://host:port/database"),
        ("mysql://u:p@[fe80::1%25lo]/d", "must be mysql://host:port/database"), ("mysql://u:%ff@h/d", "has a %XX"), ("mysql://u%00:p@h/d", "has a %XX"),
    ],
)  # fmt: skip
def test_an_address_that_no_server_has_is_refused(url: str, says: str) -> None:
    with pytest.raises(DatabaseAddressError, match=f"^{says}"):
        MysqlKind().check(DatabaseSource(url))


def test_what_on_this_machine_keeps_a_file_from_being_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def obstacle(path: Path) -> str | None:
        return SqliteKind().obstacle(DatabaseSource(f"sqlite:///{path}"))

    (tmp_path / "file").touch()
    (tmp_path / "x.db").touch()
    assert obstacle(tmp_path / "new" / "x.db") is obstacle(tmp_path / "x.db") is None
    assert obstacle(tmp_path / "file" / "x.db") == f"{tmp_path}/file is no folder"
    with monkeypatch.context() as patched:
        patched.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=1_000))
        assert obstacle(tmp_path / "x.db") == f"the disk of {tmp_path} has no room left"
    monkeypatch.setattr(os, "access", lambda path, _: Path(path).name != "x.db")
    assert obstacle(tmp_path / "x.db") == f"this user may not read and write {tmp_path}/x.db"
    monkeypatch.setattr(os, "access", lambda *_: False)
    assert obstacle(tmp_path / "y.db") == f"this user may not write to {tmp_path}"


@pytest.mark.parametrize("path", ["", ".", "/dev/null", "a/"])
def test_what_is_no_file_is_refused(path: str) -> None:
    with pytest.raises(DatabaseAddressError):
        SqliteKind().check(DatabaseSource(f"sqlite:///{path}"))


@pytest.mark.parametrize(
    "source",
    [
        DatabaseSource("mysql://u:hunter2@h/d", "u", "hunter2"),
        MysqlKind().target(DatabaseSource("mysql://u:hunter2@h/d")),
    ],
)
def test_a_password_is_not_printed(source: object) -> None:
    assert "hunter2" not in f"{source} {source!r}"


def _names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]
