"""Lua scripts: called by their hash, sent whole where the server has lost them."""

from hashlib import sha1
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import NoScriptError

from wework_message.adapters.redis.guarded import command


class Script:
    """One script. SCRIPT FLUSH, a restart or another server only cost one more round trip."""

    def __init__(self, text: str) -> None:
        """`text` in Lua; it must name every key it touches."""
        self.text = text
        self.sha = sha1(text.encode(), usedforsecurity=False).hexdigest()

    def command(self, keys: list[str], *arguments: str | int | bytes) -> tuple[Any, ...]:
        """As one command of a pipeline whose `NoScriptError` somebody answers with `load`."""
        return ("EVALSHA", self.sha, len(keys), *keys, *arguments)

    async def run(self, client: "Redis", keys: list[str], *arguments: str | int | bytes) -> Any:
        """Its answer."""
        try:
            return await command(client, *self.command(keys, *arguments))
        except NoScriptError:
            return await command(client, "EVAL", self.text, len(keys), *keys, *arguments)

    async def load(self, client: "Redis") -> None:
        """Have the server know it."""
        await command(client, "SCRIPT LOAD", self.text)
