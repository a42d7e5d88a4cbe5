"""Alembic's entry: runs migrations on the connection that `schema.upgrade` hands over, inside its transaction."""

from alembic import context

from wework_message.adapters.sql.mapping.lease_table import lease
from wework_message.adapters.sql.mysql import repeatable as _repeatable  # noqa: F401 -- for its effect on migrations

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=lease.metadata,
    version_table="wm_schema_version",
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
