"""Numbers of errors of MySQL and MariaDB, by what they mean for a transaction or a connection."""

from types import MappingProxyType
from typing import Final

from sqlalchemy.exc import DBAPIError

RETRYABLE: Final = frozenset({1020, 1205, 1213, 1615, 3101})
"""The server ended this transaction in favour of another: changed since read, lock wait, deadlock, conflict in the group.

1615: tables changed too often while it prepared a statement.
"""

LOST: Final = frozenset({1053, 1159, 1161, 1243, 1927, 2006, 2013, 2014, 2055, 4031})
"""The connection is lost: shutting down, read and write timeouts, killed, gone away, lost during the query, out of step, lost, idle.

1243: the server does not know the prepared statement, so a proxy has put another session behind the connection.
"""

TLS_REFUSED: Final = 2026
"""No encrypted connection can be opened; the error's text says why, in words of ours."""

UNUSABLE_FILES: Final = "the files of datasource.tls cannot be used"

UNKNOWN_LOGIN: Final = 2059
"""The account logs in by a method that the driver does not speak."""

UNREACHED: Final = 2003
"""The server is not reached; the error's text says why, in words of ours."""

UNREACHABLE: Final = frozenset({1040, 1129, 1130, 1203, 2002, UNREACHED, 2005, TLS_REFUSED})
"""No connection can be opened."""

READ_ONLY: Final = "the server is read-only"

WRONG_SERVER: Final = MappingProxyType(
    {
        1036: f"{READ_ONLY}: a table of it",
        1047: "the server is no member of its cluster",
        1290: READ_ONLY,
        1792: f"{READ_ONLY}: its transactions are",
        1836: READ_ONLY,
        1874: f"{READ_ONLY}: InnoDB is",
        3098: "the server is no primary of its group",
        3100: "the server is no primary of its group",
    }
)
"""The connection leads to a server that takes no writes: an old primary after a failover, a replica, a reader endpoint.

The statement, a COMMIT too, was refused and not executed. Another connection may lead to the primary.
"""

ENCRYPTED_ONLY: Final = "the server takes encrypted connections only; set datasource.tls.mode"

REFUSED: Final = MappingProxyType(
    {
        1021: "the server's disk is full",
        1026: "the server cannot write to its disk",
        1030: "the server's storage reports an error; its disk may be full",
        1044: "this user may not use the database",
        1045: "user or password are wrong",
        1049: "there is no database of this name",
        1114: "a table is full, or the server's disk is",
        1142: "this user lacks a right on a table",
        1969: "a list took too long; ask again, or for less",
        3024: "a list took too long; ask again, or for less",
        1153: "a row is larger than the server's max_allowed_packet",
        1040: "the server has no connection left",
        1129: "the server has blocked this machine after too many failed connections; an administrator must FLUSH HOSTS",
        1130: "the server takes no connection from this machine",
        1143: "this user lacks a right on a column",
        1227: "this user lacks a privilege",
        1251: "the server asks for a log-in that the driver does not know",
        1698: "user or password are wrong",
        1820: "the password has expired and must be changed",
        1862: "the password has expired and must be changed",
        UNKNOWN_LOGIN: "the server asks for a log-in that the driver does not know",
        3118: "the account is locked",
        3159: ENCRYPTED_ONLY,
        4151: "the account is locked",
    }
)
"""Numbers that an operator can do something about."""


def number_of(error: BaseException | None) -> int:
    """The number of an error of the server or the driver; 0 = it has none."""
    original = error.orig if isinstance(error, DBAPIError) else error
    args = original.args if original is not None else ()
    return args[0] if args and isinstance(args[0], int) else 0
