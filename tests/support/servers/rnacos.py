"""r-nacos: a server in Rust that speaks Nacos's protocols. Built from source by cargo, so it is not installed everywhere."""

import json
import os
import shutil
import socket
import urllib.parse
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from tests.support.servers.ports import free_port
from tests.support.servers.server import HOST, Server, ServerError

PROGRAM: Final = "WM_RNACOS"
"""The variable with the path of the program, where it is not in PATH."""

HOW: Final = (
    f"cargo install rnacos --version 0.8.8 --locked builds it (20 minutes); then it is in PATH, or {PROGRAM} names it"
)
GRPC_OFFSET: Final = 1_000
MAX_STARTS: Final = 5
USER: Final = "nacos-tests"
PASSWORD: Final = "tests-secret-of-no-worth"


def program() -> str | None:
    """Where it is."""
    return os.environ.get(PROGRAM) or shutil.which("rnacos")


class Rnacos(Server):
    """An empty server; `auth` asks every caller for user and password."""

    poll_s = 0.05
    ready_s = 20.0

    def __init__(self, data: Path, logs: Path, *, auth: bool = False) -> None:
        super().__init__("r-nacos", logs)
        self.port = _two_ports()
        self.address = f"{HOST}:{self.port}"
        self._data = data
        self._auth = auth
        self._starts = 0
        self._has_answered = False

    def start(self) -> None:
        """On a busy machine a new server may come up unable to keep anything, for good: then another one is made."""
        while not self._has_answered:
            try:
                super().start()
                self._has_answered = True
            except ServerError:
                self.close()
                self._starts += 1
                if self._starts == MAX_STARTS:
                    raise
                shutil.rmtree(self._data)
                self._data.mkdir()
        if not self.running:
            super().start()

    @staticmethod
    def missing() -> str | None:
        """Why this machine cannot start one, or None."""
        return None if program() else HOW

    def command(self) -> Sequence[str]:
        return [program() or "rnacos"]

    def environment(self) -> Mapping[str, str]:
        usual = {
            "RNACOS_HTTP_PORT": str(self.port),
            "RNACOS_GRPC_PORT": str(self.port + GRPC_OFFSET),
            "RNACOS_HTTP_CONSOLE_PORT": str(free_port()),
            "RNACOS_DATA_DIR": str(self._data),
            "RNACOS_INIT_ADMIN_USERNAME": USER,
            "RNACOS_INIT_ADMIN_PASSWORD": PASSWORD,
        }
        return usual | ({"RNACOS_ENABLE_OPEN_API_AUTH": "true"} if self._auth else {})

    def answers(self) -> bool:
        """Whether what is published is there: the server answers before it can keep anything."""
        try:
            with socket.create_connection((HOST, self.port + GRPC_OFFSET), 1):
                self.publish("probe", "is there")
                return self._call(f"cs/configs?dataId=probe&group=DEFAULT_GROUP{self._token('&')}") == b"is there"
        except (OSError, ValueError, AssertionError):
            return False

    def instances(self, service: str = "message-service") -> list[dict[str, Any]]:
        """What others find."""
        query = urllib.parse.urlencode({"serviceName": service})
        answer: dict[str, Any] = json.loads(self._call(f"ns/instance/list?{query}"))
        hosts: list[dict[str, Any]] = answer["hosts"]
        return hosts

    def publish(self, data_id: str, content: str, group: str = "DEFAULT_GROUP") -> None:
        """Set one configuration."""
        form = urllib.parse.urlencode({"dataId": data_id, "group": group, "content": content}).encode()
        assert self._call(f"cs/configs{self._token('?')}", form) == b"true"

    def _token(self, before: str) -> str:
        if not self._auth:
            return ""
        login = urllib.parse.urlencode({"username": USER, "password": PASSWORD}).encode()
        return f"{before}accessToken={json.loads(self._call('auth/users/login', login))['accessToken']}"

    def _call(self, path: str, body: bytes | None = None) -> bytes:
        with urllib.request.urlopen(f"http://{self.address}/nacos/v1/{path}", body, timeout=5) as answer:
            content: bytes = answer.read()
            return content


def _two_ports() -> int:
    """A free port whose gRPC port is free, too."""
    while True:
        port = free_port()
        with socket.socket() as other:
            try:
                other.bind((HOST, port + GRPC_OFFSET))
            except OSError:
                continue
            return port
