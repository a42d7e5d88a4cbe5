"""What a MySQL or MariaDB server must be for the guarantees to hold: read once, at start (R-G5)."""

import re
from collections.abc import Iterator
from typing import Final

from sqlalchemy import Connection

from wework_message.adapters.sql.core.database_backend import Objection

MINIMUM_VERSIONS: Final = {True: (10, 6), False: (8, 0, 1)}
"""By whether it is MariaDB: the first versions with SKIP LOCKED."""

MINIMUM_PACKET: Final = 16_777_216
"""Bytes of one statement: a callback of 4 MiB, whose characters may be written as several bytes each."""

_VARIABLES: Final = """
SELECT VERSION() AS version, @@GLOBAL.innodb_flush_log_at_trx_commit AS flush, @@GLOBAL.log_bin AS log_bin,
       @@GLOBAL.sync_binlog AS sync_binlog, @@GLOBAL.binlog_format AS binlog_format,
       @@GLOBAL.max_allowed_packet AS max_allowed_packet
"""


def objections(connection: Connection) -> tuple[Objection, ...]:
    """Everything that the service cannot accept about this server; empty = nothing."""
    row = connection.exec_driver_sql(_VARIABLES).mappings().one()
    return tuple(
        _objections(
            str(row["version"]),
            flush=int(row["flush"]),
            log_bin=bool(int(row["log_bin"])),
            sync_binlog=int(row["sync_binlog"]),
            binlog_format=str(row["binlog_format"]),
            max_allowed_packet=int(row["max_allowed_packet"]),
        )
    )


def _objections(
    version: str, *, flush: int, log_bin: bool, sync_binlog: int, binlog_format: str, max_allowed_packet: int
) -> Iterator[Objection]:
    mariadb = "mariadb" in version.lower()
    if _numbers(version) < MINIMUM_VERSIONS[mariadb]:
        name = "MariaDB 10.6" if mariadb else "MySQL 8.0"
        yield Objection("version", f"it is {version}; {name} is the oldest that will do", loses_data=False)
    if flush != 1:
        yield Objection(
            "innodb_flush_log_at_trx_commit", f"it is {flush}; only 1 writes a commit to the disk", loses_data=True
        )
    if log_bin and sync_binlog != 1:
        yield Objection(
            "sync_binlog", f"it is {sync_binlog} and log_bin is on; only 1 writes it to the disk", loses_data=True
        )
    if log_bin and binlog_format.upper() == "STATEMENT":
        yield Objection("binlog_format", "it is STATEMENT; READ COMMITTED needs ROW or MIXED", loses_data=False)
    if max_allowed_packet < MINIMUM_PACKET:
        yield Objection(
            "max_allowed_packet",
            f"it is {max_allowed_packet}; a callback may need {MINIMUM_PACKET} (16 MiB)",
            loses_data=False,
        )


def _numbers(version: str) -> tuple[int, ...]:
    """Of ``10.11.6-MariaDB-log``, with or without the ``5.5.5-`` that some servers put before it."""
    return tuple(int(number) for number in re.findall(r"\d+", version.removeprefix("5.5.5-"))[:3])
