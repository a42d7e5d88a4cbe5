"""Checks of Redis. It holds nothing that correctness needs: lost data cost speed, so the checks report how it may lose them."""

import time
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, Final
from urllib.parse import urlsplit

from redis.asyncio import Redis
from redis.exceptions import AuthenticationError, NoPermissionError, RedisError, ResponseError

from wework_message.adapters.http.checks import clear_text, reaching, secured
from wework_message.adapters.redis.guarded import encrypted
from wework_message.adapters.tls import ClientTls
from wework_message.domain.errors import UnavailableError
from wework_message.domain.ports.checks import Check, Fault, Finding

CLOCK_WARNING_MS: Final = 1_000
"""A larger difference between the clocks is a warning: leases of tokens end by the clock of Redis."""

_NAME: Final = "redis"
_CALL: Final = f"{_NAME}.call"
_PORT: Final = 6379


def redis_checks(url: str, tls: ClientTls | None = None) -> tuple[Check, ...]:
    """The checks of the server of a ``redis://`` or ``rediss://`` URL; `tls` is for the latter."""
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or _PORT
    checks: tuple[Check, ...] = reaching(_NAME, host, port, setting="redis.url")
    checks = (
        (*checks, secured(_NAME, host, port, tls=tls))
        if parts.scheme == "rediss"
        else (*checks, clear_text(_NAME, host, after=checks[-1].name, setting="redis.url with rediss://"))
    )
    ask = partial(_with, url, tls)
    return (
        *checks,
        Check(
            _CALL,
            lambda: ask(_ping),
            after=checks[-1].name,
            advice="correct the password in redis.url, or its log",
        ),
        Check(f"{_NAME}.memory", lambda: ask(_memory), after=_CALL),
        Check(f"{_NAME}.clock", lambda: ask(_clock), after=_CALL, fault=Fault.SETTINGS),
    )


async def _with(url: str, tls: ClientTls | None, ask: "Callable[[Redis], Awaitable[Finding]]") -> Finding:
    client = encrypted(Redis.from_url(url, single_connection_client=True), tls)
    try:
        return await ask(client)
    except AuthenticationError:
        raise UnavailableError("redis", "user or password are wrong") from None
    except NoPermissionError:
        return Finding.skipped("this user may not ask for it")
    except (RedisError, OSError) as error:
        raise UnavailableError("redis", type(error).__name__) from None
    finally:
        await client.aclose()


async def _ping(client: "Redis") -> Finding:
    began = time.monotonic()
    await client.ping()
    return Finding.ok(f"PING is answered in {(time.monotonic() - began) * 1000:.1f} ms")


async def _memory(client: "Redis") -> Finding:
    """Whether it keeps its data when the memory is full, and over a restart."""
    memory: dict[str, Any] = await client.info("memory")
    persistence: dict[str, Any] = await client.info("persistence")
    policy, limit = str(memory.get("maxmemory_policy", "?")), int(memory.get("maxmemory", 0))
    on_disk = "AOF" if persistence.get("aof_enabled") else "RDB snapshots only"
    text = f"maxmemory {_mib(limit) if limit else 'unlimited'}, policy {policy}; persistence: {on_disk}"
    return Finding.ok(f"{text}. It holds nothing that a message needs")


async def _clock(client: "Redis") -> Finding:
    began, local_time = time.monotonic(), time.time()
    try:
        seconds, micros = await client.time()
    except ResponseError:
        return Finding.skipped("it does not tell the time")
    elapsed = time.monotonic() - began
    offset_ms = ((seconds + micros / 1e6) - local_time - elapsed / 2) * 1000
    text = f"its clock is {abs(offset_ms):.0f} ms {'ahead of' if offset_ms > 0 else 'behind'} this machine's"
    if abs(offset_ms) > CLOCK_WARNING_MS:
        return Finding.warning(text, "let both follow one time server (NTP)")
    return Finding.ok(text)


def _mib(size: int) -> str:
    return f"{size // 2**20} MiB"
