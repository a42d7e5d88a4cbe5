"""Whether the links to servers are safe enough: their encryption, and who we are there (ADR 75)."""

import ssl
from collections.abc import Iterator
from typing import Final
from urllib.parse import urlsplit

from wework_message.adapters.http.checks import is_loopback
from wework_message.adapters.rocketmq.transport.cluster_address import addresses
from wework_message.adapters.sql.core.database_kind import DatabaseAddressError, DatabaseLogin
from wework_message.adapters.tls import TlsFiles
from wework_message.bootstrap.settings.database import database_kind, database_source
from wework_message.bootstrap.settings.environment import variables_of
from wework_message.bootstrap.settings.errors import InvalidSettingError, MissingSettingError, SettingsError
from wework_message.bootstrap.settings.model import RedisSettings, RocketmqSettings, Settings
from wework_message.bootstrap.settings.schema import PROVIDER_PREFIX
from wework_message.bootstrap.settings.tls import LinkFilesSettings, tls_files

KEYS: Final = "keys"
"""The mode of `security.mode` in which what is a warning elsewhere stops the start."""

_FILES: Final = ("ca-file", "cert-file", "key-file")
_ROOT: Final = "root"


def link_problems(settings: Settings) -> Iterator[SettingsError]:
    """Why the service cannot start with these links: files that cannot be used or have no effect, and careless accounts in `keys`."""
    login, redis, rocketmq = _login(settings), settings.redis, settings.rocketmq
    database = settings.datasource.tls
    if login is None and database.mode != "off" and settings.datasource.url is not None:
        yield _refused("datasource.tls.mode", "needs a database on a server")
    if database.mode == "verify-ca" and database.ca_file is None:
        key = "datasource.tls.ca-file"
        yield MissingSettingError(key, variables_of(key), "with verify-ca, anybody with a certificate would be trusted")
    encrypted = redis.url is not None and redis.url.scheme == "rediss"
    yield from _file_problems("datasource.tls", database, "datasource.tls.mode", in_use=database.mode != "off")
    yield from _file_problems("redis.tls", redis.tls, "a redis.url with rediss://", in_use=encrypted)
    if rocketmq.name_server is not None:
        yield from _file_problems("rocketmq.tls", rocketmq.tls, "rocketmq.tls.mode", in_use=rocketmq.tls.mode != "off")
    if settings.security.mode == KEYS:
        yield from (_refused(key, f"{text}, and security.mode is {KEYS}") for key, text in _careless(settings, login))


def link_warnings(settings: Settings) -> tuple[str, ...]:
    """Links to other machines in clear text, and accounts that are refused once `security.mode` is `keys`."""
    login = _login(settings)
    clear = ", ".join(_in_clear_text(settings, login))
    warnings = [f"in clear text to other machines, see docs/security.md: {clear}"] if clear else []
    if settings.security.mode != KEYS:
        warnings += [
            f"{key} {text} ({variables_of(key)})"
            for key, text in _careless(settings, login)
            if login is None or key != "datasource.username" or not is_loopback(login.host)
        ]
    return tuple(warnings)


def _login(settings: Settings) -> DatabaseLogin | None:
    try:
        kind = database_kind(settings.datasource)
        return None if kind is None else kind.login(database_source(settings.datasource))
    except (DatabaseAddressError, SettingsError):  # they are problems of their own
        return None


def _in_clear_text(settings: Settings, login: DatabaseLogin | None) -> Iterator[str]:
    if login is not None and settings.datasource.tls.mode == "off" and not is_loopback(login.host):
        yield "datasource.url"
    host = _redis_host(settings.redis)
    if (
        host is not None
        and settings.redis.url is not None
        and settings.redis.url.scheme == "redis"
        and not is_loopback(host)
    ):
        yield "redis.url"
    yield from _queue_links(settings.rocketmq)
    yield from (key for key, url in _http_links(settings) if _leaves_in_clear_text(url))


def _http_links(settings: Settings) -> Iterator[tuple[str, str]]:
    """Addresses that the operator has given, by the setting."""
    if settings.app.media.store == "s3" and settings.app.media.s3.endpoint is not None:
        yield "app.media.s3.endpoint", settings.app.media.s3.endpoint
    for name, provider in settings.app.wework.providers.items():
        url = provider.api_base_url
        if provider.enabled and url is not None and not url.is_simulator:
            yield f"{PROVIDER_PREFIX}{name}.api-base-url", url.reveal()


def _leaves_in_clear_text(url: str) -> bool:
    parts = urlsplit(url)
    return parts.scheme == "http" and parts.hostname is not None and not is_loopback(parts.hostname)


def _queue_links(rocketmq: RocketmqSettings) -> Iterator[str]:
    if rocketmq.name_server is None:
        return
    encrypted = {"verify": {"name-server", "endpoints"}, "verify-endpoints": {"endpoints"}}.get(
        rocketmq.tls.mode, set()
    )
    endpoints = None if rocketmq.transport == "native" else rocketmq.endpoints or rocketmq.name_server
    for key, text in (("name-server", rocketmq.name_server), ("endpoints", endpoints)):
        if text is not None and key not in encrypted and not all(map(is_loopback, _hosts(text))):
            yield f"rocketmq.{key}"


def _hosts(text: str) -> list[str]:
    try:
        return [host for host, _ in addresses(text)]
    except ValueError:  # a problem of its own
        return []


def _careless(settings: Settings, login: DatabaseLogin | None) -> Iterator[tuple[str, str]]:
    """Settings with what is wrong about them."""
    if login is not None and login.username == _ROOT:
        yield "datasource.username", "is root, who may do everything on the server"
    if login is not None and not login.has_password and not is_loopback(login.host):
        yield "datasource.password", "is empty"
    host = _redis_host(settings.redis)
    if host is not None and not is_loopback(host) and not _redis_password(settings.redis):
        yield "redis.url", "has no password: whoever reaches the server can change what is sent when"


def _redis_host(redis: RedisSettings) -> str | None:
    return urlsplit(redis.url.reveal()).hostname if redis.url is not None else None


def _redis_password(redis: RedisSettings) -> str | None:
    return urlsplit(redis.url.reveal()).password if redis.url is not None else None


def _file_problems(prefix: str, settings: LinkFilesSettings, needs: str, *, in_use: bool) -> Iterator[SettingsError]:
    values = (settings.ca_file, settings.cert_file, settings.key_file)
    present = [f"{prefix}.{name}" for name, value in zip(_FILES, values, strict=True) if value is not None]
    if not in_use:
        yield from (_refused(key, f"does nothing without {needs}") for key in present)
        return
    if (settings.cert_file is None) != (settings.key_file is None):
        key = f"{prefix}.{'cert' if settings.cert_file is None else 'key'}-file"
        yield MissingSettingError(key, variables_of(key), "certificate and key go together")
        return
    files = tls_files(settings)
    if files.ca_file is not None and (reason := _unusable(files)) is not None:
        yield _refused(f"{prefix}.ca-file", reason)
    if (reason := _unusable(TlsFiles(cert_file=files.cert_file, key_file=files.key_file))) is not None:
        yield _refused(f"{prefix}.cert-file or {prefix}.key-file", reason)


def _unusable(files: TlsFiles) -> str | None:
    """Why the authorities, or our certificate and key, cannot be used."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        if files.ca_file is not None:
            context.load_verify_locations(files.ca_file)
        else:
            files.load(context)
    except ssl.SSLError as error:
        return f"cannot be used: {(error.reason or 'it is no PEM').replace('_', ' ').lower()}"
    except OSError as error:
        return f"cannot be read: {error.strerror}"
    return None


def _refused(key: str, text: str) -> InvalidSettingError:
    return InvalidSettingError(key, f"{text} ({variables_of(key.partition(' ')[0])})")
