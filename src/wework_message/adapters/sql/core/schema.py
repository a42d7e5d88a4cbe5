"""The schema's version: one process upgrades it at start while the others wait, or it is only checked (D-37)."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from enum import StrEnum
from importlib import resources
from typing import Final, TypeAlias

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

VERSION_TABLE: Final = "wm_schema_version"

MigrationLock: TypeAlias = Callable[[Connection], AbstractContextManager[None]]
"""Admits one process at a time: `DatabaseBackend.migration_lock` of the connection's database."""


class SchemaState(StrEnum):
    """How the database's schema compares with this version's."""

    EMPTY = "EMPTY"
    CURRENT = "CURRENT"
    BEHIND = "BEHIND"
    AHEAD = "AHEAD"
    """A newer version has upgraded it: this one must not write."""


def schema_state(connection: Connection) -> SchemaState:
    """Compare the database's revision with those of this version."""
    script = ScriptDirectory.from_config(_config())
    context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})
    current = context.get_current_revision()
    if current is None:
        return SchemaState.EMPTY
    if current == script.get_current_head():
        return SchemaState.CURRENT
    known = {revision.revision for revision in script.walk_revisions()}
    return SchemaState.BEHIND if current in known else SchemaState.AHEAD


def upgrade(connection: Connection, lock: MigrationLock) -> SchemaState:
    """Upgrade the schema in the connection's transaction; returns its state before. Other processes wait, then find it CURRENT."""
    with lock(connection):
        before = schema_state(connection)
        if before in (SchemaState.EMPTY, SchemaState.BEHIND):
            command.upgrade(_config(connection), "head")
        return before


def _config(connection: Connection | None = None) -> Config:
    config = Config()
    folder = resources.files("wework_message.adapters.sql").joinpath("migrations")
    config.set_main_option("script_location", str(folder).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config
