"""Options of tables on MySQL and MariaDB."""

from typing import Any, Final

from sqlalchemy import Connection

COLLATIONS: Final = {True: "utf8mb4_nopad_bin", False: "utf8mb4_0900_bin"}
"""By whether the server is MariaDB: ids, keys and guids compare exactly, trailing blanks included, as they do in SQLite."""


def exact_tables(connection: Connection) -> dict[str, Any]:
    """Options of `create_table`."""
    collation = COLLATIONS[is_mariadb(connection)]
    return {"mysql_engine": "InnoDB", "mysql_charset": "utf8mb4", "mysql_collate": collation}


def is_mariadb(connection: Connection) -> bool:
    """SQLAlchemy knows it from the server's version."""
    return bool(getattr(connection.dialect, "is_mariadb", False))
