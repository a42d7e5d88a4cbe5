"""Alembic's entry: runs migrations on the connection that `schema.upgrade` hands over, inside its transaction."""

from alembic import context

from wework_message.adapters.sql.backends import BACKENDS
from wework_message.adapters.sql.mapping.tables import metadata

for backend in BACKENDS.values():
    backend().prepare_migrations()
context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    version_table="wm_schema_version",
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
