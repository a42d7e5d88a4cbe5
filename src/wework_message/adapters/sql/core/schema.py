"""The schema's version: brought up at start by one process while the others wait, or checked only (decision 37)."""

from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from importlib import resources
from typing import Final

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from wework_message.domain.errors import UnavailableError

VERSION_TABLE: Final = "wm_schema_version"

LOCK_S: Final = 600
"""How long a process waits for another one that migrates."""


class SchemaState(StrEnum):
    """How the database's schema compares with this version's."""

    EMPTY = "EMPTY"
    CURRENT = "CURRENT"
    BEHIND = "BEHIND"
    AHEAD = "AHEAD"
    """A newer version has been here: this one must not write."""


def schema_state(connection: Connection) -> SchemaState:
    """Compare."""
    script = ScriptDirectory.from_config(_config())
    context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})
    current = context.get_current_revision()
    if current is None:
        return SchemaState.EMPTY
    if current == script.get_current_head():
        return SchemaState.CURRENT
    known = {revision.revision for revision in script.walk_revisions()}
    return SchemaState.BEHIND if current in known else SchemaState.AHEAD


def upgrade(connection: Connection) -> SchemaState:
    """Bring the schema up, in the connection's transaction; returns what it was. Others wait, then find it done."""
    with _alone(connection):
        before = schema_state(connection)
        if before in (SchemaState.EMPTY, SchemaState.BEHIND):
            command.upgrade(_config(connection), "head")
        return before


@contextmanager
def _alone(connection: Connection) -> Iterator[None]:
    """One process at a time. SQLite's transaction is that already; MySQL ends one with each change of the schema."""
    if connection.dialect.name != "mysql":
        yield
        return
    name = "LEFT(CONCAT('wm_schema.', DATABASE()), 64)"
    if connection.exec_driver_sql(f"SELECT GET_LOCK({name}, {LOCK_S})").scalar() != 1:
        raise UnavailableError("database", "another process has been migrating it for too long")
    try:
        yield
        # The version's row is no change of the schema: before it is committed, nobody else may look.
        connection.exec_driver_sql("COMMIT")
    finally:
        if not connection.invalidated:
            connection.exec_driver_sql(f"SELECT RELEASE_LOCK({name})")


def _config(connection: Connection | None = None) -> Config:
    config = Config()
    folder = resources.files("wework_message.adapters.sql").joinpath("migrations")
    config.set_main_option("script_location", str(folder).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config
