"""This version of the service and, where it is named, another one: each on SQLite and on MariaDB."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from bench import processes
from bench.processes import Service
from bench.queries import MariaDbQueries
from tests.support.servers.mariadb import MariaDb


def running(
    stack: contextlib.ExitStack, folder: Path, mariadb: MariaDb, against: Path | None
) -> Iterator[tuple[str, Service, MariaDb | None]]:
    """Name, service, and the server where it has one; all with one fast provider. `against` is the src folder of the other version."""
    provider = stack.enter_context(processes.stub())
    for suffix, source in {"": None, **({", against": against} if against else {})}.items():
        settings = {"PYTHONPATH": str(source.resolve())} if source else {}
        for database in ("sqlite", "mariadb"):
            name = f"{database}{suffix}"
            queries = MariaDbQueries(mariadb.create_database()) if database == "mariadb" else None
            service = processes.service(folder / f"on {name}", provider, queries=queries, settings=settings)
            yield name, stack.enter_context(service), mariadb if queries else None
