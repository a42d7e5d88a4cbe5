"""What a command does not use it does not import (ADR 29)."""

import json
from pathlib import Path
from typing import Final

import httpx
import pytest
from tests.support.apps.loaded_modules import THEN
from tests.support.processes.programs import Program, ServiceProgram

MODULE: Final = "tests.support.apps.loaded_modules"

SERVING: Final = {
    "alembic", "dependency_injector", "litestar", "prometheus_client", "sqlalchemy", "uvicorn", "uvloop",
}  # fmt: skip
OF_OTHERS: Final = {"fastapi", "pydantic", "pydantic_settings", "werkzeug"}
"""Installed here for tools; dependency_injector and litestar look for them."""
CLIENTS: Final = {"httpx", "httpcore", "wework_message.entrypoints.cli.client"}
DRIVERS: Final = {"asyncmy", "redis", "rocketmq", "grpc", "opentelemetry", "requests"}
SIMULATOR: Final = {"wework_message.demo", "wework_message.simulator"}
NOT_SERVING: Final = {
    "alembic", "mako", "pygments", "rich.traceback", "sqlalchemy.dialects.postgresql", "wework_message.adapters.sql.mysql.backend",
}  # fmt: skip
OUR_OWN: Final = {
    "wework_message.adapters", "wework_message.application", "wework_message.bootstrap.commands", "wework_message.demo",
    "wework_message.domain", "wework_message.simulator",
}  # fmt: skip


VERSION, HELP, CHECK = ("--version",), ("--help",), ("config", "check")
STATUS = ("status", "m-1", "--url", "http://127.0.0.1:9")
PROVIDERS = ("providers", "--url", "http://127.0.0.1:9")


def ended_in(folder: Path) -> list[tuple[int, set[str]]]:
    """How each command line ended, and the modules that were loaded then."""
    return [(end["code"], set(end["loaded"])) for end in json.loads((folder / "loaded.json").read_text())]


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, ...], tuple[int, set[str]]]:
    """By command line. Those that may import the least come first in an interpreter, which no other may have used."""
    ends: dict[tuple[str, ...], tuple[int, set[str]]] = {}
    for command_lines in ([VERSION, HELP, STATUS, PROVIDERS], [CHECK]):
        folder = tmp_path_factory.mktemp("commands")
        arguments = [argument for command_line in command_lines for argument in (*command_line, THEN)]
        command = Program("command", folder, arguments, {}, MODULE)
        command.spawn()
        assert command.exit_code() == 0, command.tail()
        ends.update(zip(command_lines, ended_in(folder), strict=True))
    return ends


@pytest.mark.parametrize(
    ("command_line", "code", "absent"),
    [
        (VERSION, 0, SERVING | OF_OTHERS | CLIENTS | DRIVERS | OUR_OWN | {"msgspec", "asyncio"}),
        (HELP, 0, SERVING | OF_OTHERS | CLIENTS | DRIVERS | OUR_OWN | {"msgspec", "asyncio"}),
        (STATUS, 69, SERVING | OF_OTHERS | DRIVERS | OUR_OWN | {"asyncio"}),
        (PROVIDERS, 69, SERVING | OF_OTHERS | DRIVERS | OUR_OWN | {"asyncio"}),
        (CHECK, 0, SERVING - {"prometheus_client"} | OF_OTHERS | CLIENTS | DRIVERS | SIMULATOR),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else None,
)
def test_a_command_does_not_import(
    ended: dict[tuple[str, ...], tuple[int, set[str]]], command_line: tuple[str, ...], code: int, absent: set[str]
) -> None:
    ended_with, loaded = ended[command_line]
    assert (ended_with, loaded & absent) == (code, set())


def test_a_service_on_a_new_file_does_not_import(tmp_path: Path) -> None:
    service = ServiceProgram(tmp_path, "http://127.0.0.1:9", module=MODULE)
    try:
        service.start()
        body = {"guid": "g-1", "conversationId": "S:1", "messageType": "TEXT", "content": "hello"}
        answer = httpx.post(f"{service.url}/api/messages/send/async", json=body, trust_env=False, verify=False)  # noqa: S501 - plain HTTP
        assert answer.status_code == 202, answer.text
        assert service.stop() == 0
        ((_, loaded),) = ended_in(tmp_path)
        assert loaded & (OF_OTHERS | CLIENTS | DRIVERS | SIMULATOR | NOT_SERVING) == set()
    finally:
        service.close()
