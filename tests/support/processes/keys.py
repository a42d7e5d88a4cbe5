"""``wework-message keys`` as a program, beside a service on the same database."""

import asyncio
import os
import sys
from pathlib import Path

LOCKED: dict[str, str] = {"SECURITY_MODE": "keys", "APP_CALLBACKS_ALLOW_NETWORKS": "127.0.0.1"}
"""Settings of a service that asks for keys; callbacks of the simulator need none."""


async def made_key(folder: Path, *options: str) -> str:
    """The text of a new key in the database of the folder, for all scopes unless `options` name some."""
    return await keys_command(folder, "create", "--name", "test", *(options or ("--all-scopes",)))


async def revoked_key(folder: Path, text: str) -> None:
    """Revoke the key with this text."""
    await keys_command(folder, "revoke", text.split("_")[2], "--yes")


async def keys_command(folder: Path, *arguments: str) -> str:
    """What it printed."""
    environ = {name: value for name, value in os.environ.items() if name in {"PATH", "PYTHONPATH"}}
    ended = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "wework_message", "keys", *arguments,
        cwd=folder, env={**environ, "DATASOURCE_URL": f"sqlite:///{folder}/wework-message.db"},
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, err = await ended.communicate()
    assert ended.returncode == 0, err.decode()
    return out.decode().strip()
