"""The settings: `load` them, ask `require_startable`, show them with `render_check`."""

from wework_message.bootstrap.settings.check import check_document, check_rows, render_check
from wework_message.bootstrap.settings.effective import Origin, OriginKind
from wework_message.bootstrap.settings.errors import SettingsError
from wework_message.bootstrap.settings.loading import Loaded, load
from wework_message.bootstrap.settings.model import SIMULATOR, ProviderSettings, Settings
from wework_message.bootstrap.settings.secrets import Secret, SecretUrl
from wework_message.bootstrap.settings.validation import (
    is_embedded,
    listen_host,
    mysql_address,
    operating_port,
    refuse_missing_backends,
    require_startable,
    role_warnings,
    simulated_providers,
    sqlite_path,
    start_problems,
)

__all__ = [
    "SIMULATOR",
    "Loaded",
    "Origin",
    "OriginKind",
    "ProviderSettings",
    "Secret",
    "SecretUrl",
    "Settings",
    "SettingsError",
    "check_document",
    "check_rows",
    "is_embedded",
    "listen_host",
    "load",
    "mysql_address",
    "operating_port",
    "refuse_missing_backends",
    "render_check",
    "require_startable",
    "role_warnings",
    "simulated_providers",
    "sqlite_path",
    "start_problems",
]
