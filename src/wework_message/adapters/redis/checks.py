"""Checks of Redis. Nothing in it is needed for correctness: what it loses costs speed, so its ways of losing are told, not refused."""

import time
from collections.abc import Awaitable, Callable
from typing import Any, Final
from urllib.parse import urlsplit

from redis.asyncio import Redis
from redis.exceptions import AuthenticationError, NoPermissionError, RedisError, ResponseError

from wework_message.adapters.http.checks import reaching, secured
from wework_message.domain.errors import UnavailableError
from wework_message.domain.ports.checks import Check, Fault, Finding

CLOCK_WARNING_MS: Final = 1_000
"""Clocks that differ by more are a warning: leases of tokens end by Redis' clock."""

_NAME: Final = "redis"
_CALL: Final = f"{_NAME}.call"
_PORT: Final = 6379


def redis_checks(url: str) -> tuple[Check, ...]:
    """Everything about the server of a ``redis://`` or ``rediss://`` URL."""
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or _PORT
    way: tuple[Check, ...] = reaching(_NAME, host, port, setting="redis.url")
    if parts.scheme == "rediss":
        way = (*way, secured(_NAME, host, port))
    return (
        *way,
        Check(
            _CALL, lambda: _with(url, _ping), after=way[-1].name, advice="correct the password in redis.url, or its log"
        ),
        Check(f"{_NAME}.memory", lambda: _with(url, _memory), after=_CALL),
        Check(f"{_NAME}.clock", lambda: _with(url, _clock), after=_CALL, fault=Fault.SETTINGS),
    )


async def _with(url: str, ask: "Callable[[Redis], Awaitable[Finding]]") -> Finding:
    client = Redis.from_url(url, single_connection_client=True)
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
    """Whether it keeps what it has, over a full memory and over a restart."""
    about: dict[str, Any] = await client.info("memory")
    kept: dict[str, Any] = await client.info("persistence")
    policy, most = str(about.get("maxmemory_policy", "?")), int(about.get("maxmemory", 0))
    on_disk = "AOF" if kept.get("aof_enabled") else "RDB snapshots only"
    text = f"maxmemory {_mib(most) if most else 'unlimited'}, policy {policy}; persistence: {on_disk}"
    return Finding.ok(f"{text}. It holds nothing that a message needs")


async def _clock(client: "Redis") -> Finding:
    began, clocked = time.monotonic(), time.time()
    try:
        seconds, micros = await client.time()
    except ResponseError:
        return Finding.skipped("it does not tell the time")
    took = time.monotonic() - began
    offset_ms = ((seconds + micros / 1e6) - clocked - took / 2) * 1000
    text = f"its clock is {abs(offset_ms):.0f} ms {'ahead of' if offset_ms > 0 else 'behind'} this machine's"
    if abs(offset_ms) > CLOCK_WARNING_MS:
        return Finding.warning(text, "let both follow one time server (NTP)")
    return Finding.ok(text)


def _mib(size: int) -> str:
    return f"{size // 2**20} MiB"
