"""How a connection to a server is opened, and what its session is like."""

from typing import Any, Final

import asyncmy
from asyncmy.errors import MySQLError, OperationalError

from wework_message.adapters.sql.mysql.failures import (
    TLS_REFUSED,
    UNKNOWN_LOGIN,
    UNREACHED,
    UNUSABLE_FILES,
    number_of,
)
from wework_message.adapters.sql.mysql.kind import MysqlTarget
from wework_message.adapters.sql.mysql.schema_options import COLLATIONS
from wework_message.adapters.tls import refusal
from wework_message.adapters.unreached import why_unreached

CONNECT_TIMEOUT_S: Final = 5
"""How long a server may take to accept a connection."""

LOCK_WAIT_TIMEOUT_S: Final = 5
"""How long a statement waits for a row; then the whole transaction is tried again."""

MAX_IDLE_IN_TRANSACTION_S: Final = 20
"""A transaction that is idle for so long is rolled back: its process hangs or is out of reach.

Otherwise claims would skip the rows it has locked until it comes back, or for the server's `wait_timeout` of 8 h. MariaDB
only.
"""

MAX_IDLE_S: Final = 300
"""The same on MySQL, which has no limit for transactions alone: it closes any connection that is idle for so long."""

PREPARED_STATEMENTS: Final = 256
"""Statements that a connection keeps prepared on the server; the one that was used longest ago makes room."""

_PACKAGE_MISSING: Final = "package is required for"
"""In the driver's error where an account logs in by a method that it has no package for."""


class Connector:
    """Opens connections to one database."""

    def __init__(
        self,
        target: MysqlTarget,
        *,
        autocommit: bool = False,
        prepared: bool = False,
        statement_s: float | None = None,
    ) -> None:
        """`statement_s`: the server stops a statement after so many seconds; None = its default.

        `prepared`: a MariaDB server keeps the connection's statements prepared.

        Not MySQL: it decides on the type of a parameter when it prepares the statement, and by another type than the
        column's it may not find the row by its index.
        """
        self._target = target
        self._autocommit = autocommit
        self._prepared_statements = PREPARED_STATEMENTS if prepared else 0
        self._statement_s = statement_s

    async def __call__(self) -> Any:
        """A new connection of asyncmy. Raises the driver's errors and `OSError`."""
        connection = await self._opened()
        mariadb = "mariadb" in connection.get_server_info().lower()
        if self._prepared_statements and not mariadb:
            self._prepared_statements = 0
            connection.close()
            connection = await self._opened()
        try:
            async with connection.cursor() as cursor:
                for statement in _session(self._statement_s, mariadb=mariadb):
                    await cursor.execute(statement)
        except BaseException:
            connection.close()
            raise
        return connection

    async def _opened(self) -> Any:
        target = self._target
        try:
            context = None if target.tls is None else target.tls.context()
        except OSError as error:
            raise OperationalError(TLS_REFUSED, UNUSABLE_FILES) from error
        try:
            return await asyncmy.connect(
                host=target.host, port=target.port, user=target.username,
                password=target.password.encode(),  # of a text, the driver would send Latin-1, and fail for all other scripts
                database=target.database, charset="utf8mb4", autocommit=self._autocommit,
                connect_timeout=CONNECT_TIMEOUT_S, stmt_cache_size=self._prepared_statements,
                # A context is never left unused: the driver sends the password after the handshake only, whatever the server offers.
                ssl=context,
                # Without FOUND_ROWS, which SQLAlchemy would set: a known callback is not a changed row.
                client_flag=0,
            )  # fmt: skip
        except RuntimeError as error:
            if _PACKAGE_MISSING in str(error):
                raise OperationalError(UNKNOWN_LOGIN, "") from error
            # A server that dies while it accepts the connection closes the socket before the driver has set its options.
            raise ConnectionResetError(str(error)) from error
        except MySQLError as error:
            if context is not None and (reason := refusal(error)) is not None:
                raise OperationalError(TLS_REFUSED, reason) from error
            if number_of(error) == UNREACHED:
                raise OperationalError(UNREACHED, why_unreached(error.__cause__)) from error
            raise


def _session(statement_s: float | None, *, mariadb: bool) -> tuple[str, ...]:
    """Independent of the server's defaults: exact comparison, errors instead of cut values, no snapshot older than a statement.

    Statements are stopped after `statement_s`; None = the server's default.
    """
    limits = {
        True: f"max_statement_time = {statement_s}",
        False: f"max_execution_time = {(statement_s or 0) * 1000:.0f}",
    }
    return (
        *([f"SET SESSION {limits[mariadb]}"] if statement_s is not None else []),
        f"SET NAMES utf8mb4 COLLATE {COLLATIONS[mariadb]}",
        "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED",
        "SET SESSION sql_mode = 'STRICT_ALL_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION'",
        f"SET SESSION time_zone = '+00:00', innodb_lock_wait_timeout = {LOCK_WAIT_TIMEOUT_S}",
        f"SET SESSION idle_transaction_timeout = {MAX_IDLE_IN_TRANSACTION_S}"
        if mariadb
        else f"SET SESSION wait_timeout = {MAX_IDLE_S}",
    )
