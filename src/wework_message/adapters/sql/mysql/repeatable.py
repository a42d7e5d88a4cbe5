"""Migrations on MySQL and MariaDB: each change is committed by itself, so a migration that failed goes on where it ended.

Importing this module replaces Alembic's implementation for both.
"""

from typing import Any, Final

from alembic.ddl.mysql import MariaDBImpl, MySQLImpl
from sqlalchemy import Table
from sqlalchemy.exc import DBAPIError
from sqlalchemy.schema import CreateTable

from wework_message.adapters.sql.mysql.failures import number_of
from wework_message.adapters.sql.mysql.schema_options import FORMAT, exact_tables

DONE: Final = frozenset({1050, 1060, 1061, 1091})
"""A table, column or index is there already, or is gone already. A change is whole or was not made, so it was made before."""


class _Repeatable(MySQLImpl):
    """Changes that were made before are no errors, and every table has our engine, row format and collation."""

    __dialect__ = "mysql"

    def _exec(self, construct: Any, *arguments: Any, **options: Any) -> Any:
        try:
            return super()._exec(construct, *arguments, **options)
        except DBAPIError as error:
            if number_of(error) not in DONE:
                raise
        if isinstance(construct, CreateTable):
            # By a version that left the format to the server: then the next index may not fit.
            name = self.dialect.identifier_preparer.format_table(construct.element)
            super()._exec(f"ALTER TABLE {name} ENGINE=InnoDB ROW_FORMAT={FORMAT}")
        return None

    def version_table_impl(self, **options: Any) -> Table:
        """Alembic's own table: the server's default engine may have no transactions."""
        table = super().version_table_impl(**options)
        if self.connection is not None:
            table.dialect_kwargs.update(exact_tables(self.connection))
        return table


class _RepeatableMariaDb(_Repeatable, MariaDBImpl):
    __dialect__ = "mariadb"
