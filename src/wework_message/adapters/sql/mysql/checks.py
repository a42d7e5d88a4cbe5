"""Checks of a MySQL or MariaDB server: whether it answers, is safe, has our schema, and agrees with this machine about the time."""

import time

from sqlalchemy import Connection

from wework_message.adapters.http.checks import reaching
from wework_message.adapters.sql.core.execution import Run
from wework_message.adapters.sql.doctor.checks import CALL, NAME, schema_check, told_offset
from wework_message.adapters.sql.mysql.server import objections
from wework_message.domain.ports.checks import Check, Fault, Finding


def mysql_checks(run: Run, host: str, port: int, *, auto_migrate: bool, accept_data_loss: bool) -> tuple[Check, ...]:
    """Everything about a server; `run` reads from it."""

    async def call() -> Finding:
        return Finding.ok(f"{await run(_version)} answers a query")

    async def safety() -> Finding:
        return await _safety(run, accept_data_loss=accept_data_loss)

    async def clock() -> Finding:
        began, clocked = time.monotonic(), time.time()
        there = await run(_server_ms)
        took_ms = (time.monotonic() - began) * 1000
        return told_offset("the database", there - clocked * 1000 - took_ms / 2)

    way = reaching(NAME, host, port, setting="datasource.url")
    return (
        *way,
        Check(CALL, call, after=way[-1].name, advice="correct user, password and database, or the server's own log"),
        Check(f"{NAME}.safety", safety, after=CALL, fault=Fault.SETTINGS),
        schema_check(run, auto_migrate=auto_migrate),
        Check(f"{NAME}.clock", clock, after=CALL, fault=Fault.SETTINGS),
    )


async def _safety(run: Run, *, accept_data_loss: bool) -> Finding:
    found = await run(objections)
    accepted = [one for one in found if one.loses_data and accept_data_loss]
    refused = [one for one in found if one not in accepted]
    text = "; ".join(f"{one.variable}: {one.text}" for one in (*refused, *accepted))
    if refused:
        return Finding.failed(text, f"set {', '.join(one.variable for one in refused)} on the server")
    if accepted:
        return Finding.warning(
            text,
            "datasource.accept-data-loss lets it start; a crash of the server's machine may lose accepted messages",
        )
    return Finding.ok("every commit is on the disk before it is confirmed")


def _version(connection: Connection) -> str:
    version = str(connection.exec_driver_sql("SELECT VERSION()").scalar())
    return f"MariaDB {version}" if "mariadb" in version.lower() else f"MySQL {version}"


def _server_ms(connection: Connection) -> float:
    return float(connection.exec_driver_sql("SELECT UNIX_TIMESTAMP(NOW(6)) * 1000").scalar_one())
