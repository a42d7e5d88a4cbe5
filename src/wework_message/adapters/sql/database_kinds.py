"""The kinds of databases that exist, by the scheme of their URLs."""

import re
from typing import Final

from wework_message.adapters.sql.core.database_kind import DatabaseAddressError, DatabaseKind
from wework_message.adapters.sql.mysql.jdbc import JdbcAddress, read_jdbc
from wework_message.adapters.sql.mysql.kind import MysqlKind
from wework_message.adapters.sql.sqlite.kind import SqliteKind

KINDS: Final[tuple[DatabaseKind, ...]] = (SqliteKind(), MysqlKind())
"""Every kind. Each has its backend in `backends.BACKENDS`."""

_JDBC: Final = re.compile(r"(?=jdbc:[a-z0-9+._-]+:)(jdbc:[a-z0-9+.-]{1,31})")
_SCHEME: Final = re.compile(r"(jdbc:)?[a-z][a-z0-9+.-]{0,31}")


def kind_of(scheme: str) -> DatabaseKind:
    """The kind whose URLs have `scheme`; there is no default. Raises `DatabaseAddressError`, which lists those that exist."""
    for kind in KINDS:
        if kind.name == scheme:
            return kind
    *others, last = [prefix for kind in KINDS for prefix in kind.prefixes]
    unknown = f"there is no database of the kind {scheme}; it " if _SCHEME.fullmatch(scheme) else ""
    raise DatabaseAddressError(f"{unknown}must begin with {', '.join(others)} or {last}")


def read_java_url(text: str) -> JdbcAddress | None:
    """What the URL of a Java service says; None where it is a URL of ours without options.

    Raises `DatabaseAddressError`, which quotes no value, where it may mean several servers or another one than it names, and
    for databases of Java that do not exist here.
    """
    address = read_jdbc(text)
    if address is None and (scheme := _JDBC.match(text)):
        kind_of(scheme[1])
    return address
