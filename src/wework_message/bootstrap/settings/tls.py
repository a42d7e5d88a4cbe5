"""How the links to servers are encrypted (ADR 75). There is no value that leaves a certificate unchecked."""

from pathlib import Path
from typing import Literal

from wework_message.adapters.tls import TlsFiles
from wework_message.bootstrap.settings.places import FilePath
from wework_message.bootstrap.settings.section import Section


class LinkFilesSettings(Section, frozen=True):
    """Files, PEM, that are read again where they have changed."""

    ca_file: FilePath | None = None
    """Authorities to trust; null = those of the machine."""
    cert_file: FilePath | None = None
    """Our certificate, with its chain, for a server that asks for one."""
    key_file: FilePath | None = None
    """Its key, without a passphrase."""


class DatabaseLinkSettings(LinkFilesSettings, frozen=True):
    """The link to a database server."""

    mode: Literal["off", "verify", "verify-ca"] = "off"
    """`verify` = the certificate is trusted and names the host; `verify-ca` = it is of `ca-file`, whatever its name."""


class QueueLinkSettings(LinkFilesSettings, frozen=True):
    """The links to a cluster of RocketMQ."""

    mode: Literal["off", "verify", "verify-endpoints"] = "off"
    """`verify` = to proxies, name servers and brokers; `verify-endpoints` = to the proxies alone."""


def tls_files(settings: LinkFilesSettings, *, names_host: bool = True) -> TlsFiles:
    """The files as adapters take them."""
    return TlsFiles(_path(settings.ca_file), _path(settings.cert_file), _path(settings.key_file), names_host=names_host)


def database_tls(settings: DatabaseLinkSettings) -> TlsFiles | None:
    """None = clear text."""
    return None if settings.mode == "off" else tls_files(settings, names_host=settings.mode == "verify")


def _path(text: str | None) -> Path | None:
    return None if text is None else Path(text)
