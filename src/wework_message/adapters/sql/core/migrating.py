"""Alembic on one of our connections. Only a schema that is not current needs it: it is a fifth of a start's imports (ADR 29)."""

from importlib import resources

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection


def upgrade_to_head(connection: Connection) -> None:
    """Upgrade the schema in the connection's transaction."""
    command.upgrade(config(connection), "head")


def config(connection: Connection | None = None) -> Config:
    """Alembic's configuration for our migrations."""
    alembic_config = Config()
    folder = resources.files("wework_message.adapters.sql").joinpath("migrations")
    alembic_config.set_main_option("script_location", str(folder).replace("%", "%%"))
    alembic_config.set_main_option("path_separator", "os")
    alembic_config.attributes["connection"] = connection
    return alembic_config
