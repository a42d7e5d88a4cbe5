"""What a command does not use it does not import (ADR 29): one fresh interpreter a command, and what must not be loaded in it."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

PROGRAM: Final = """
import atexit, json, sys
from pathlib import Path
atexit.register(lambda: Path("loaded.json").write_text(json.dumps(sorted(sys.modules))))
sys.argv = ["wework-message", *{args!r}]
from wework_message.__main__ import main
main()
"""

SERVING: Final = {
    "alembic", "dependency_injector", "litestar", "prometheus_client", "sqlalchemy", "structlog", "uvicorn", "uvloop",
}  # fmt: skip
OF_OTHERS: Final = {"fastapi", "pydantic", "pydantic_settings", "werkzeug"}
"""Installed here for tools; dependency_injector and litestar look for them."""
CLIENTS: Final = {"httpx", "httpcore", "wework_message.entrypoints.cli.client"}
DRIVERS: Final = {"asyncmy", "redis", "rocketmq", "grpc"}
OUR_OWN: Final = {
    "wework_message.adapters", "wework_message.application", "wework_message.bootstrap.commands", "wework_message.demo",
    "wework_message.domain", "wework_message.simulator",
}  # fmt: skip


def loaded_by(folder: Path, *args: str, ends: int, program: str = PROGRAM) -> set[str]:
    """The modules that a process has loaded at its end; packages count with what they hold."""
    command = [sys.executable, "-c", program.format(args=args)]
    environment = {"PATH": "/usr/bin:/bin", "DATASOURCE_URL": f"sqlite:///{folder}/wm.db"}
    ended = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert ended.returncode == ends, ended.stderr[-2000:]
    return set(json.loads((folder / "loaded.json").read_text()))


@pytest.mark.parametrize(
    ("args", "ends", "absent"),
    [
        (["--version"], 0, SERVING | OF_OTHERS | CLIENTS | DRIVERS | OUR_OWN | {"msgspec", "asyncio"}),
        (["--help"], 0, SERVING | OF_OTHERS | CLIENTS | DRIVERS | OUR_OWN | {"msgspec", "asyncio"}),
        (["status", "m-1", "--url", "http://127.0.0.1:9"], 69, SERVING | OF_OTHERS | DRIVERS | OUR_OWN | {"asyncio"}),
        (["providers", "--url", "http://127.0.0.1:9"], 69, SERVING | OF_OTHERS | DRIVERS | OUR_OWN | {"asyncio"}),
        (["config", "check"], 0, SERVING - {"prometheus_client"} | OF_OTHERS | CLIENTS | DRIVERS | {"wework_message.simulator"}),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else None,
)  # fmt: skip
def test_a_command_does_not_import(args: list[str], ends: int, absent: set[str], tmp_path: Path) -> None:
    assert loaded_by(tmp_path, *args, ends=ends) & absent == set()
