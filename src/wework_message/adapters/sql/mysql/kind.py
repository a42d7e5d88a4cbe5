"""MySQL and MariaDB as the settings name them: a database on a server, with a user and a password."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import unquote

from wework_message.adapters.host_names import host_and_port
from wework_message.adapters.sql.core.database_kind import (
    DatabaseAddressError,
    DatabaseKind,
    DatabaseLogin,
    DatabaseSource,
    Driver,
)
from wework_message.adapters.tls import ClientTls

DEFAULT_PORT: Final = 3306


@dataclass(frozen=True, slots=True)
class MysqlTarget:
    """Where the database is, and the user that opens it."""

    host: str
    port: int
    database: str
    username: str
    password: str
    tls: ClientTls | None = field(default=None, compare=False)
    """None = clear text."""

    def __repr__(self) -> str:
        """Without the password."""
        return f"MysqlTarget({self.username}@{self.host}:{self.port}/{self.database})"


class MysqlKind(DatabaseKind):
    """A database on a MySQL or MariaDB server. A user or password in the URL replaces the setting."""

    name = "mysql"
    title = "MySQL"
    prefixes = ("mysql://", "jdbc:mysql://", "jdbc:mariadb://")
    driver = Driver("asyncmy", "mysql")
    split_warning = None
    one_process = None

    def check(self, source: DatabaseSource) -> None:
        """One host and one database."""
        self.target(source)

    def missing(self, source: DatabaseSource) -> Mapping[str, str]:
        """User and password; an empty password counts where the URL gives it."""
        userinfo = _userinfo(source)
        user, colon, _ = userinfo.partition(":")
        values = {"username": user or source.username, "password": colon or source.password}
        return {name: "MySQL needs a user and a password" for name, value in values.items() if not value}

    def login(self, source: DatabaseSource) -> DatabaseLogin:
        """Of the URL, or of the settings beside it."""
        target = self.target(source)
        return DatabaseLogin(target.host, target.username, bool(target.password))

    def shown(self, source: DatabaseSource) -> str:
        """With user, server and database."""
        target = self.target(source)
        host = f"[{target.host}]" if ":" in target.host else target.host
        return f"{self.title} {target.username}@{host}:{target.port}/{target.database}"

    def target(self, source: DatabaseSource) -> MysqlTarget:
        """Where it is. Raises `DatabaseAddressError` where host or database are missing, or the port is none."""
        place = source.url.partition("://")[2].partition("?")[0].rpartition("@")[2]
        address, _, database = place.partition("/")
        host_port = host_and_port(address)
        if host_port is None or not database or "/" in database:
            raise DatabaseAddressError("must be mysql://host:port/database, with one host and one database")
        user, _, password = _userinfo(source).partition(":")
        return MysqlTarget(
            host=host_port[0],
            port=host_port[1] or DEFAULT_PORT,
            database=_decoded(database),
            username=_decoded(user) or source.username or "",
            password=_decoded(password) if password else source.password or "",
            tls=None if source.tls is None else ClientTls(source.tls),
        )


def _decoded(text: str) -> str:
    try:
        decoded = unquote(text, errors="strict")
    except UnicodeDecodeError:
        decoded = "\0"
    if "\0" in decoded:
        raise DatabaseAddressError("has a %XX in user, password or database that stands for no character")
    return decoded


def _userinfo(source: DatabaseSource) -> str:
    return source.url.partition("://")[2].partition("?")[0].rpartition("@")[0]
