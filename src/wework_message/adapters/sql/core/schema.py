"""The schema's version: one process upgrades it at start while the others wait, or it is only checked (D-37)."""

import logging
from collections.abc import Callable
from contextlib import AbstractContextManager
from enum import StrEnum
from importlib import resources
from typing import Final, TypeAlias

from sqlalchemy import Column, Connection, MetaData, PrimaryKeyConstraint, String, Table, inspect, select

from wework_message.adapters.sql.mapping import (
    audit_table,
    erasure_table,
    key_table,
    lease_table,
    mass_tables,
    media_tables,
    pause_table,
    placement_table,
    pool_table,
    replay_tables,
    secret_key_table,
    stream_table,
    token_table,
    webhook_tables,
)
from wework_message.adapters.sql.mapping.key_table import tenant
from wework_message.adapters.sql.mapping.tables import metadata
from wework_message.domain.ids import DEFAULT_TENANT

_log: Final = logging.getLogger(__name__)

VERSION_TABLE: Final = "wm_schema_version"
_VERSION: Final = Table(
    VERSION_TABLE,
    MetaData(),
    Column("version_num", String(32)),
    PrimaryKeyConstraint("version_num", name=f"{VERSION_TABLE}_pkc"),
)
"""Alembic's own table, as Alembic makes it."""

MigrationLock: TypeAlias = Callable[[Connection], AbstractContextManager[None]]
"""Admits one process at a time: `DatabaseBackend.migration_lock` of the connection's database."""

_OTHER_TABLES: Final = (
    audit_table,
    erasure_table,
    key_table,
    lease_table,
    mass_tables,
    media_tables,
    pause_table,
    placement_table,
    pool_table,
    replay_tables,
    secret_key_table,
    stream_table,
    token_table,
    webhook_tables,
)
"""Modules that add their tables to the metadata of all tables when they are imported."""


class SchemaState(StrEnum):
    """How the database's schema compares with this version's."""

    EMPTY = "EMPTY"
    CURRENT = "CURRENT"
    BEHIND = "BEHIND"
    AHEAD = "AHEAD"
    """A newer version has upgraded it: this one must not write."""


_TOLD: Final = {
    SchemaState.EMPTY: "the database is new: its tables are made now",
    SchemaState.BEHIND: "the database is of an older version: its tables are brought up now",
}
"""What the log says before the schema is changed."""


def revisions() -> list[str]:
    """The schema's revisions in this version, oldest first: the names of the migrations begin with them."""
    files = resources.files("wework_message.adapters.sql").joinpath("migrations", "versions").iterdir()
    return sorted(file.name.partition("_")[0] for file in files if file.name[:1].isdigit())


def schema_state(connection: Connection) -> SchemaState:
    """Compare the database's revision with those of this version; reads as Alembic does, without it."""
    if not inspect(connection).has_table(VERSION_TABLE):
        return SchemaState.EMPTY
    current = connection.scalars(select(_VERSION.c.version_num)).one_or_none()
    if current is None:
        return SchemaState.EMPTY
    known = revisions()
    if current == known[-1]:
        return SchemaState.CURRENT
    return SchemaState.BEHIND if current in known else SchemaState.AHEAD


def upgrade(connection: Connection, lock: MigrationLock, *, all_or_nothing: bool = False) -> SchemaState:
    """Upgrade the schema in the connection's transaction; returns its state before. Other processes wait, then find it CURRENT.

    `all_or_nothing` is that of the `DatabaseBackend`.
    """
    with lock(connection):
        before = schema_state(connection)
        if before in _TOLD:
            _log.info("%s, version %s", _TOLD[before], revisions()[-1])
        if before is SchemaState.EMPTY and all_or_nothing:
            create(connection)
        elif before in (SchemaState.EMPTY, SchemaState.BEHIND):
            from wework_message.adapters.sql.core.migrating import upgrade_to_head  # noqa: PLC0415 - see its module

            upgrade_to_head(connection)
        return before


def create(connection: Connection) -> None:
    """Make in one go what the migrations make of an empty database: without Alembic, whose import takes longer than all of it."""
    metadata.create_all(connection)
    connection.execute(tenant.insert(), {"tenant_id": DEFAULT_TENANT, "name": DEFAULT_TENANT, "created_at": 0})
    _VERSION.create(connection, checkfirst=True)
    connection.execute(_VERSION.insert(), {"version_num": revisions()[-1]})
