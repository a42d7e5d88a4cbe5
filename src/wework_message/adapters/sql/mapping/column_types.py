"""Column types whose names differ between databases, and what only some of them know of tables and indexes."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Integer,
    LargeBinary,
    String,
    Text,
    column,
    literal_column,
)
from sqlalchemy.dialects import mysql
from sqlalchemy.types import TypeEngine

from wework_message.domain.ids import DEFAULT_TENANT
from wework_message.domain.trace import MAX_LENGTH

ID: Final = String(36)
"""A UUID as text."""
NAME: Final = String(64)
CODE: Final = String(32)
"""A value of a closed set, or a provider's code."""
GUID: Final = String(128)
ACCOUNT: Final = String(136)
CONVERSATION: Final = String(128)
VENDOR_ID: Final = String(64)

LONG: Final = Text().with_variant(mysql.MEDIUMTEXT(), "mysql")
"""Up to 16 MiB; MySQL's TEXT ends at 64 KiB, and a callback may have 4 MiB."""

LONG_BYTES: Final = LargeBinary().with_variant(mysql.MEDIUMBLOB(), "mysql")
"""The same for bytes."""

DIGEST: Final = LargeBinary(32).with_variant(mysql.VARBINARY(32), "mysql")
"""The 32 bytes of a SHA-256."""

SECRET: Final = String(128).with_variant(mysql.VARCHAR(512), "mysql")
"""A secret's text, which is longer where it is encrypted; SQLite takes any length."""

SECRET_BYTES: Final = LargeBinary(32).with_variant(mysql.VARBINARY(192), "mysql")
"""A key of 32 bytes, which is longer where it is encrypted."""

TRACE: Final = String(MAX_LENGTH)
"""The trace context of what is sampled, mostly 55 characters; NULL everywhere else. It is written with its row and never changed."""

SERIAL: Final = BigInteger().with_variant(Integer, "sqlite")
"""A number that the database assigns; SQLite assigns one to an INTEGER only."""


def tenant_column() -> Column[str]:
    """Whose the row is."""
    return Column("tenant_id", NAME, nullable=False, server_default="default")


def fixed_code(length: int) -> TypeEngine[str]:
    """ASCII codes of at most `length` that change: InnoDB overwrites a value where it lies only by one of the same size.

    Otherwise the row grows, and its page, which is full of rows of one time, is written anew as a whole (ADR 37).
    """
    return String(32).with_variant(mysql.CHAR(length, charset="ascii", collation="ascii_bin"), "mysql")


NEVER_REUSED: Final[Mapping[str, Any]] = MappingProxyType({"sqlite_autoincrement": True})
"""Options of a table: SQLite too does not reuse a serial number after a DELETE."""


def filled(name: str) -> dict[str, Any]:
    """Options of an index: SQLite keeps no entry for a row without a value in the column `name` (ADR 43)."""
    return {"sqlite_where": column(name).is_not(None)}


def of_others(name: str) -> ColumnElement[bool]:
    """Whether the tenant in the column `name` is not the operator, who reads lists by their primary keys."""
    return column(name) != literal_column(f"'{DEFAULT_TENANT}'")


def only_of_others(name: str) -> dict[str, Any]:
    """Options of an index: SQLite keeps no entry for a row of the operator."""
    return {"sqlite_where": of_others(name)}


def others_than(name: str, value: str) -> dict[str, Any]:
    """Options of an index: SQLite keeps no entry for a row that has `value` in the column `name`.

    A statement is served by the index only where it has the same condition, with the value in its text.
    """
    return {"sqlite_where": column(name) != value}
