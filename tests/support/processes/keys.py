"""``wework-message keys create`` as a program, beside a service on the same database."""

import asyncio
import os
import sys
from pathlib import Path

LOCKED: dict[str, str] = {"SECURITY_MODE": "keys", "APP_CALLBACKS_ALLOW_NETWORKS": "127.0.0.1"}
"""Settings of a service that asks for keys; callbacks of the simulator need none."""


async def made_key(folder: Path, *arguments: str, **settings: str) -> str:
    """The text of a new key in the database of the folder, with these scopes or all."""
    inherited = {name: value for name, value in os.environ.items() if name in {"PATH", "PYTHONPATH"}}
    environ = {**inherited, "DATASOURCE_URL": f"sqlite:///{folder}/wework-message.db", **settings}
    command = ["-m", "wework_message", "keys", "create", "--name", "test", *(arguments or ("--all-scopes",))]
    ended = await asyncio.create_subprocess_exec(
        sys.executable, *command, cwd=folder, env=environ,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, err = await ended.communicate()
    assert ended.returncode == 0, err.decode()
    return out.decode().strip()
