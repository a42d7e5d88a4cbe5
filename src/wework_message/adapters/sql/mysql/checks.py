"""Checks of a MySQL or MariaDB server: whether it answers, is safe, has our schema, and agrees with this machine about the time."""

import time
from dataclasses import replace
from typing import Final

from sqlalchemy import Connection

from wework_message.adapters.http.checks import clear_text, expiry_finding, reaching
from wework_message.adapters.sql.core.execution import Run
from wework_message.adapters.sql.doctor.checks import CALL, NAME, offset_finding, schema_check
from wework_message.adapters.sql.mysql.server import objections
from wework_message.domain.ports.checks import Check, Fault, Finding

MAX_PREPARED_SHARE: Final = 0.8
"""Of the prepared statements that the server may keep; from it on, new ones are soon refused and sent as text."""


def mysql_checks(
    run: Run, host: str, port: int, *, auto_migrate: bool, accept_data_loss: bool, encrypted: bool = False
) -> tuple[Check, ...]:
    """Everything about a server; `run` reads from it. `encrypted`: the link is to be one of TLS."""

    async def call() -> Finding:
        return Finding.ok(f"{await run(_version)} answers a query")

    async def safety() -> Finding:
        return await _safety(run, accept_data_loss=accept_data_loss)

    async def clock() -> Finding:
        started, local_s = time.monotonic(), time.time()
        server_ms = await run(_server_ms)
        elapsed_ms = (time.monotonic() - started) * 1000
        return offset_finding("the database", server_ms - local_s * 1000 - elapsed_ms / 2)

    async def prepared() -> Finding:
        return _prepared_finding(*await run(_prepared_statements))

    async def link() -> Finding:
        return _link_finding(*await run(_session_tls))

    network_checks = reaching(NAME, host, port, setting="datasource.url")
    return (
        *network_checks,
        Check(
            CALL,
            call,
            after=network_checks[-1].name,
            advice="correct user, password, database or datasource.tls; the server's own log says more",
        ),
        Check(f"{NAME}.tls", link, after=CALL, fault=Fault.SETTINGS)
        if encrypted
        else clear_text(NAME, host, after=CALL, setting="datasource.tls.mode: verify"),
        Check(f"{NAME}.safety", safety, after=CALL, fault=Fault.SETTINGS),
        Check(f"{NAME}.prepared", prepared, after=CALL, fault=Fault.SETTINGS),
        schema_check(run, auto_migrate=auto_migrate),
        Check(f"{NAME}.clock", clock, after=CALL, fault=Fault.SETTINGS),
    )


async def _safety(run: Run, *, accept_data_loss: bool) -> Finding:
    raised = await run(objections)
    accepted = [objection for objection in raised if objection.loses_data and accept_data_loss]
    refused = [objection for objection in raised if objection not in accepted]
    text = "; ".join(f"{objection.variable}: {objection.text}" for objection in (*refused, *accepted))
    if refused:
        return Finding.failed(text, f"set {', '.join(objection.variable for objection in refused)} on the server")
    if accepted:
        return Finding.warning(
            text,
            "datasource.accept-data-loss lets it start; a crash of the server's machine may lose accepted messages",
        )
    return Finding.ok("every commit is on the disk before it is confirmed")


def _link_finding(version: str, valid_until: str) -> Finding:
    if not version:
        return Finding.failed("the session is in clear text", "look what is between this machine and the server")
    finding = expiry_finding(valid_until)
    return replace(finding, text=f"{version}; {finding.text}")


def _session_tls(connection: Connection) -> tuple[str, str]:
    """The version of TLS of this session, empty in clear text, and until when the server's certificate is valid."""
    states = connection.exec_driver_sql("SHOW SESSION STATUS LIKE 'Ssl_%%'").all()
    values = {str(name).lower(): str(value) for name, value in states}
    return values.get("ssl_version", ""), values.get("ssl_server_not_after", "")


def _prepared_finding(kept: int, limit: int) -> Finding:
    text = f"the server keeps {kept} prepared statements of at most {limit}"
    if kept >= limit * MAX_PREPARED_SHARE:
        advice = "set max_prepared_stmt_count higher on the server, or datasource.prepared-statements to false"
        return Finding.warning(text, advice)
    return Finding.ok(text)


def _prepared_statements(connection: Connection) -> tuple[int, int]:
    """How many the server keeps for all of its clients, and how many it may."""
    kept = connection.exec_driver_sql("SHOW GLOBAL STATUS LIKE 'Prepared_stmt_count'").one()
    limit = connection.exec_driver_sql("SELECT @@GLOBAL.max_prepared_stmt_count").scalar_one()
    return int(kept[1]), int(limit)


def _version(connection: Connection) -> str:
    version = str(connection.exec_driver_sql("SELECT VERSION()").scalar())
    return f"MariaDB {version}" if "mariadb" in version.lower() else f"MySQL {version}"


def _server_ms(connection: Connection) -> float:
    return float(connection.exec_driver_sql("SELECT UNIX_TIMESTAMP(NOW(6)) * 1000").scalar_one())
