"""Options of tables on MySQL and MariaDB."""

from typing import Any, Final

from sqlalchemy import Connection

COLLATIONS: Final = {True: "utf8mb4_nopad_bin", False: "utf8mb4_0900_bin"}
"""By whether the server is MariaDB: ids, keys and guids compare exactly, trailing blanks included, as they do in SQLite."""

FORMAT: Final = "DYNAMIC"
"""The row format: the server's default may be COMPACT or REDUNDANT, whose indexes take 767 bytes instead of 3072."""


def exact_tables(connection: Connection) -> dict[str, Any]:
    """Options of `create_table`."""
    collation = COLLATIONS[is_mariadb(connection)]
    return {
        "mysql_engine": "InnoDB", "mysql_charset": "utf8mb4", "mysql_collate": collation, "mysql_row_format": FORMAT,
    }  # fmt: skip


def is_mariadb(connection: Connection) -> bool:
    """SQLAlchemy knows it from the server's version."""
    return bool(getattr(connection.dialect, "is_mariadb", False))
