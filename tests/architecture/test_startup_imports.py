"""What a command does not use it does not import (ADR 29): one fresh interpreter a command, and what must not be loaded in it."""

import json
from pathlib import Path
from typing import Final

import httpx
import pytest
from tests.support.processes.programs import Program, ServiceProgram

MODULE: Final = "tests.support.apps.loaded_modules"

SERVING: Final = {
    "alembic", "dependency_injector", "litestar", "prometheus_client", "sqlalchemy", "uvicorn", "uvloop",
}  # fmt: skip
OF_OTHERS: Final = {"fastapi", "pydantic", "pydantic_settings", "werkzeug"}
"""Installed here for tools; dependency_injector and litestar look for them."""
CLIENTS: Final = {"httpx", "httpcore", "wework_message.entrypoints.cli.client"}
DRIVERS: Final = {"asyncmy", "redis", "rocketmq", "grpc"}
SIMULATOR: Final = {"wework_message.demo", "wework_message.simulator"}
NOT_SERVING: Final = {"alembic", "mako", "sqlalchemy.dialects.postgresql"}
OUR_OWN: Final = {
    "wework_message.adapters", "wework_message.application", "wework_message.bootstrap.commands", "wework_message.demo",
    "wework_message.domain", "wework_message.simulator",
}  # fmt: skip


def loaded_by(folder: Path) -> set[str]:
    """The modules that a process had loaded at its end."""
    return set(json.loads((folder / "loaded.json").read_text()))


@pytest.mark.parametrize(
    ("args", "ends", "absent"),
    [
        (["--version"], 0, SERVING | OF_OTHERS | CLIENTS | DRIVERS | OUR_OWN | {"msgspec", "asyncio"}),
        (["--help"], 0, SERVING | OF_OTHERS | CLIENTS | DRIVERS | OUR_OWN | {"msgspec", "asyncio"}),
        (["status", "m-1", "--url", "http://127.0.0.1:9"], 69, SERVING | OF_OTHERS | DRIVERS | OUR_OWN | {"asyncio"}),
        (["providers", "--url", "http://127.0.0.1:9"], 69, SERVING | OF_OTHERS | DRIVERS | OUR_OWN | {"asyncio"}),
        (["config", "check"], 0, SERVING - {"prometheus_client"} | OF_OTHERS | CLIENTS | DRIVERS | SIMULATOR),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else None,
)  # fmt: skip
def test_a_command_does_not_import(args: list[str], ends: int, absent: set[str], tmp_path: Path) -> None:
    command = Program("command", tmp_path, args, {}, MODULE)
    command.spawn()
    assert command.exit_code() == ends, command.tail()
    assert loaded_by(tmp_path) & absent == set()


def test_a_service_on_a_current_schema_does_not_import(tmp_path: Path) -> None:
    service = ServiceProgram(tmp_path, "http://127.0.0.1:9", module=MODULE)
    try:
        service.start()
        assert service.stop() == 0
        assert "alembic" in loaded_by(tmp_path)
        service.start()
        body = {"guid": "g-1", "conversationId": "S:1", "messageType": "TEXT", "content": "hello"}
        answer = httpx.post(f"{service.url}/api/messages/send/async", json=body, trust_env=False, verify=False)  # noqa: S501 - plain HTTP
        assert answer.status_code == 202, answer.text
        assert service.stop() == 0
        assert loaded_by(tmp_path) & (OF_OTHERS | CLIENTS | DRIVERS | SIMULATOR | NOT_SERVING) == set()
    finally:
        service.close()
