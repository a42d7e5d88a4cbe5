"""``wework-message doctor`` as a program."""

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any


async def doctor(folder: Path, **settings: str) -> tuple[int, dict[str, Any], str]:
    """Exit code, checks by name, and everything it printed."""
    command = [sys.executable, "-m", "wework_message", "doctor", "--json"]
    environ = {"PATH": os.environ["PATH"], **settings}
    ended = await asyncio.create_subprocess_exec(
        *command, cwd=folder, env=environ, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    out, err = await ended.communicate()
    checks = {check["name"]: check for check in json.loads(out)["checks"]}
    return ended.returncode or 0, checks, (out + err).decode()
