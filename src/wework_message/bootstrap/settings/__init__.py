"""The settings: `load` them, ask `require_startable`, show them with `render_check`."""

from wework_message.bootstrap.settings.check import check_document, check_rows, render_check
from wework_message.bootstrap.settings.database import database_kind, database_source
from wework_message.bootstrap.settings.effective import Origin, OriginKind
from wework_message.bootstrap.settings.errors import SettingsError
from wework_message.bootstrap.settings.loading import Loaded, load
from wework_message.bootstrap.settings.model import Settings
from wework_message.bootstrap.settings.providers import ProviderSettings
from wework_message.bootstrap.settings.secrets import SIMULATOR, ProviderUrl, Secret, SecretUrl, shown_origin
from wework_message.bootstrap.settings.validation import (
    is_embedded,
    listen_host,
    listens_openly,
    operating_port,
    refuse_missing_backends,
    require_startable,
    role_warnings,
    simulated_providers,
    start_problems,
)

__all__ = [
    "SIMULATOR",
    "Loaded",
    "Origin",
    "OriginKind",
    "ProviderSettings",
    "ProviderUrl",
    "Secret",
    "SecretUrl",
    "Settings",
    "SettingsError",
    "check_document",
    "check_rows",
    "database_kind",
    "database_source",
    "is_embedded",
    "listen_host",
    "listens_openly",
    "load",
    "operating_port",
    "refuse_missing_backends",
    "render_check",
    "require_startable",
    "role_warnings",
    "shown_origin",
    "simulated_providers",
    "start_problems",
]
