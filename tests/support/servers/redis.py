"""Redis with data that survives a crash."""

import shutil
import socket
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from tests.support.authority import LOCAL, Authority
from tests.support.servers.ports import free_port
from tests.support.servers.server import HOST, Server, ServerError

USUAL_PORT: Final = 6379
_CALL_S: Final = 5.0


class Redis(Server):
    """A private server with an append-only file."""

    host = HOST

    def __init__(self, data: Path, logs: Path, port: int | None = None) -> None:
        super().__init__("Redis", logs)
        self.port = port or free_port()
        self.url = f"redis://{HOST}:{self.port}/0"
        self._data = data / "redis"
        self.tls_port = free_port()
        self.tls_url = f"rediss://{HOST}:{self.tls_port}/0"
        self.authority = Authority(data, "redis-authority")
        """Of the certificate that it shows, and whose certificates it trusts."""
        self._certificate = self.authority.issue()

    @staticmethod
    def missing() -> str | None:
        """Why this machine cannot start one, or None."""
        return None if shutil.which("redis-server") else "no redis-server in PATH"

    def command(self) -> Sequence[str]:
        self._data.mkdir(exist_ok=True)
        return [
            "redis-server", "--bind", HOST, "--port", str(self.port), "--dir", str(self._data),
            "--save", "", "--appendonly", "yes", "--appendfsync", "everysec",
            "--tls-port", str(self.tls_port), "--tls-auth-clients", "no", "--tls-ca-cert-file", str(self.authority.ca_file),
            "--tls-cert-file", str(self._certificate[0]), "--tls-key-file", str(self._certificate[1]),
        ]  # fmt: skip

    def answers(self) -> bool:
        try:
            return self.ask("PING") == "+PONG"
        except OSError:
            return False

    def show(self, names: tuple[str, ...] = LOCAL, *, expired: bool = False) -> None:
        """Show another certificate from now on."""
        cert, key = self.authority.issue(names, expired=expired)
        self.set(f"tls-cert-file {cert} tls-key-file {key}")

    def set(self, options: str) -> None:
        """CONFIG SET; ServerError where it is refused."""
        if (answer := self.ask(f"CONFIG SET {options}")) != "+OK":
            raise ServerError(f"{self.title}: {answer}")

    def flush(self) -> None:
        """FLUSHALL; ServerError where it is refused."""
        if (answer := self.ask("FLUSHALL")) != "+OK":
            raise ServerError(f"{self.title}: {answer}")

    def ask(self, line: str) -> str:
        """First line of the answer to an inline command, with the sign of its type; OSError where the server does not answer."""
        with socket.create_connection((HOST, self.port), _CALL_S) as connection, connection.makefile("rb") as answer:
            connection.sendall(line.encode() + b"\r\n")
            return answer.readline().decode().rstrip()
