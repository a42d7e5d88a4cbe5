"""``datasource.*``: the kind of database, and the problems that keep it from being opened."""

from wework_message.adapters.sql.core.database_kind import DatabaseAddressError, DatabaseKind, DatabaseSource
from wework_message.adapters.sql.database_kinds import kind_of
from wework_message.bootstrap.settings.environment import variables_of
from wework_message.bootstrap.settings.errors import (
    InvalidSettingError,
    MissingBackendError,
    MissingSettingError,
    SettingsError,
)
from wework_message.bootstrap.settings.model import DatasourceSettings
from wework_message.bootstrap.settings.tls import database_tls


def database_kind(datasource: DatasourceSettings) -> DatabaseKind | None:
    """The kind of the URL's database; None without a URL. Raises `InvalidSettingError` for one that does not exist."""
    if datasource.url is None:
        return None
    try:
        return kind_of(datasource.url.scheme)
    except DatabaseAddressError as error:
        raise InvalidSettingError("datasource.url", str(error)) from None


def database_source(datasource: DatasourceSettings) -> DatabaseSource:
    """URL, user and password in the clear, for the backend that opens the database."""
    return DatabaseSource(
        url=datasource.url.reveal() if datasource.url else "",
        username=datasource.username,
        password=datasource.password.reveal() if datasource.password else None,
        timeout_s=datasource.timeout_seconds,
        prepared_statements=datasource.prepared_statements,
        tls=database_tls(datasource.tls),
    )


def check_database(datasource: DatasourceSettings) -> None:
    """Raise `InvalidSettingError` where the URL is given and names no database that can be used."""
    if (kind := database_kind(datasource)) is None:
        return
    try:
        kind.check(database_source(datasource))
    except DatabaseAddressError as error:
        raise InvalidSettingError("datasource.url", str(error)) from None


def login_problems(datasource: DatasourceSettings) -> list[SettingsError]:
    """A problem per setting that the database of the URL needs and that is not set."""
    if (kind := database_kind(datasource)) is None:
        return []
    return [
        MissingSettingError(f"datasource.{name}", variables_of(f"datasource.{name}"), reason)
        for name, reason in kind.missing(database_source(datasource)).items()
    ]


def driver_problems(datasource: DatasourceSettings) -> list[MissingBackendError]:
    """The extra that the database of the URL needs, where it is not installed."""
    kind = database_kind(datasource)
    if kind is None or kind.driver is None or kind.driver.installed:
        return []
    return [missing_extra("datasource.url", kind.title, kind.driver.extra)]


def missing_extra(key: str, title: str, extra: str) -> MissingBackendError:
    """The problem that `key` needs an extra that is not installed."""
    return MissingBackendError(key, f"{title} needs the extra {extra}: pip install 'wework-message[{extra}]'")
