"""MariaDB with the durability that production demands, and fresh databases."""

import getpass
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from typing import Final

from tests.support.authority import LOCAL, Authority
from tests.support.servers.ports import free_port
from tests.support.servers.server import HOST, Server, ServerError

USUAL_PORT: Final = 3306

_PROGRAMS: Final = ("mariadbd", "mariadb-install-db", "mariadb", "mariadb-dump")
_CALL_S: Final = 60
_DEPLOYMENT: Final = Path(__file__).parents[3] / "docs" / "deployment.md"
_SBIN: Final = "/usr/local/sbin:/usr/sbin:/sbin"
"""Debian installs the server outside the PATH of most users."""


@dataclass(frozen=True, slots=True)
class Database:
    """An empty database, utf8mb4, and a user with all rights on it and on nothing else."""

    name: str
    username: str
    password: str
    host: str
    port: int

    @property
    def url(self) -> str:
        """Value of ``datasource.url``."""
        return f"mysql://{self.username}:{self.password}@{self.host}:{self.port}/{self.name}"


class MariaDb(Server):
    """A private server, not the machine's: its own data and socket; it reads no option file."""

    host = HOST

    def __init__(self, data: Path, logs: Path, port: int | None = None) -> None:
        super().__init__("MariaDB", logs)
        self.port = port or free_port()
        self._data = data / "mariadb"
        self._scratch = data / "mariadb-tmp"
        """A folder for this server alone: at its start a server deletes all temporary tables in the folder."""
        self._socket = data / "mariadb.sock"
        self._numbers = count(1)
        self.authority = Authority(data, "mariadb-authority")
        """Of the certificate that it shows to who asks for TLS, and whose certificates it trusts."""
        self.certificate = self.authority.issue()
        self.tls = True
        """Whether it offers TLS, read at each start."""

    @staticmethod
    def missing() -> str | None:
        """Why this machine cannot start one, or None."""
        absent = [program for program in _PROGRAMS if _program(program) is None]
        return f"no {', '.join(absent)} in PATH" if absent else None

    def command(self) -> Sequence[str]:
        return [
            _program("mariadbd") or "mariadbd",
            "--no-defaults",
            f"--user={getpass.getuser()}",
            f"--datadir={self._data}",
            f"--tmpdir={self._scratch}",
            f"--socket={self._socket}",
            f"--pid-file={self._data / 'pid'}",
            f"--bind-address={HOST}",
            f"--port={self.port}",
            "--skip-name-resolve",
            "--character-set-server=utf8mb4",
            "--innodb-flush-log-at-trx-commit=1",
            "--innodb-buffer-pool-size=128M",
            "--max-connections=200",
            *self._tls_options(),
            # Neither UTC nor the time zone of most machines: times must not depend on it.
            "--default-time-zone=+08:00",
        ]

    def _tls_options(self) -> Sequence[str]:
        if not self.tls:
            return ["--skip-ssl"]
        cert, key = self.certificate
        return [f"--ssl-cert={cert}", f"--ssl-key={key}", f"--ssl-ca={self.authority.ca_file}"]

    def show(self, names: tuple[str, ...] = LOCAL, *, expired: bool = False) -> None:
        """Show another certificate from now on."""
        self.authority.issue(names, expired=expired, into=self.certificate)
        self.sql("FLUSH SSL")

    def restore(self) -> None:
        if not self.tls:
            self.tls = True
            self.close()
        super().restore()

    def spawn(self) -> None:
        if not self._data.exists():
            self._install()
        super().spawn()

    def answers(self) -> bool:
        return self._client("SELECT 1").stdout == b"1\n"

    def sql(self, statements: str) -> str:
        """Run `statements` with all rights; rows are lines of values with tabs between them. ServerError where one fails."""
        done = self._client(statements)
        if done.returncode:
            raise ServerError(f"{self.title}: {done.stderr.decode('utf-8', 'replace')}")
        return done.stdout.decode()

    def create_database(self, name: str | None = None) -> Database:
        """A new database, with a user of the same name; ServerError where the name is taken."""
        name = name or f"wm_{next(self._numbers)}"
        database = Database(name, name, f"secret-of-{name}", self.host, self.port)
        pattern = name.replace("_", "\\_")  # an underscore in GRANT matches any character
        self.sql(
            f"CREATE DATABASE `{name}` CHARACTER SET utf8mb4;"
            f"CREATE USER '{name}'@'%' IDENTIFIED BY '{database.password}';"
            f"GRANT ALL ON `{pattern}`.* TO '{name}'@'%'"
        )
        return database

    def create_app_user(self, database: Database) -> Database:
        """The database as another user sees it, who has no rights yet."""
        name = f"{database.name}_app"
        self.sql(f"CREATE USER '{name}'@'%' IDENTIFIED BY '{database.password}'")
        return replace(database, username=name)

    def grant_rows(self, database: str, username: str) -> None:
        """Let the user read and write rows, change no table, and change nothing of the audit trail: by what the page says."""
        page = _DEPLOYMENT.read_text("utf-8")
        start = page.index("SELECT CONCAT('GRANT ")
        making = page[start : page.index("```", start)]
        self.sql(self.sql(making.replace("'wework'@'10.%'", f"'{username}'@'%'").replace("wework_platform", database)))

    def drop_database(self, database: Database) -> None:
        """Drop the database and its user."""
        self.sql(f"DROP DATABASE `{database.name}`; DROP USER '{database.username}'@'%'")

    @contextmanager
    def fresh_database(self) -> Iterator[Database]:
        """A new database, dropped afterwards."""
        database = self.create_database()
        try:
            yield database
        finally:
            self.restore()
            self.drop_database(database)

    def _client(self, statements: str) -> "subprocess.CompletedProcess[bytes]":
        command = [
            "mariadb", "--no-defaults", f"--socket={self._socket}", "--batch", "--skip-column-names",
            "--default-character-set=utf8mb4", f"--execute={statements}",
        ]  # fmt: skip
        return subprocess.run(command, check=False, capture_output=True, timeout=_CALL_S)

    def _install(self) -> None:
        owner = getpass.getuser()
        self._scratch.mkdir(exist_ok=True)
        command = [
            "mariadb-install-db", "--no-defaults", f"--user={owner}", f"--datadir={self._data}", "--skip-test-db",
            f"--tmpdir={self._scratch}",
            # The user that started the server has all rights over its socket; no password gives them.
            "--auth-root-authentication-method=socket", f"--auth-root-socket-user={owner}", "--skip-name-resolve",
        ]  # fmt: skip
        with self.log.open("ab") as log:
            done = subprocess.run(command, check=False, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        if done.returncode:
            raise ServerError(f"{self.title} could not be installed into {self._data}\n{self.tail()}")


def _program(name: str) -> str | None:
    return shutil.which(name) or shutil.which(name, path=_SBIN)
