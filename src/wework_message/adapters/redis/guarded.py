"""The one way to Redis: a short time limit, and a pause after a failure. Redis holds nothing that correctness needs."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, TypeVar

from redis.asyncio import Redis
from redis.asyncio.connection import SSLConnection
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.commands.core import AsyncScript
from redis.exceptions import (
    AuthenticationError,
    AuthorizationError,
    NoPermissionError,
    OutOfMemoryError,
    ReadOnlyError,
    RedisError,
    ResponseError,
)

from wework_message.adapters.tls import ClientTls, refusal
from wework_message.adapters.unreached import why_unreached
from wework_message.application.queries.service import Backend, Condition
from wework_message.domain.errors import UnavailableError
from wework_message.domain.ports.system import Clock

CALL_TIMEOUT_S: Final = 0.1
"""How long one call may take, including a new connection."""

PAUSE_MS: Final = 2_000
"""No call is made for so long after a failure. Then one call tries, and the others do without Redis until it ends."""

MAX_CONNECTIONS: Final = 10
"""There are never more calls at once: units of work call one after the other, each loop once, polls four at a time, limits of requests two."""

OPS: Final = ("reserve", "health", "books", "status", "requests")
"""The operations; the label `op` of the metric."""

RESULTS: Final = ("ok", "timeout", "unreachable", "refused")
"""How a call ends; the label `result` of the metric."""

Result = TypeVar("Result")
Watch = Callable[[str, str, float], None]
"""Called after every call to Redis: op, result, seconds."""

_WORDS: Final[Mapping[type[RedisError], str]] = {
    AuthenticationError: "user or password are wrong",
    AuthorizationError: "this user may not do what is needed",
    NoPermissionError: "this user may not do what is needed",
    OutOfMemoryError: "out of memory",
    ReadOnlyError: "a replica that takes no writes",
}
_log: Final = logging.getLogger(__name__)


def connect(url: str, *, tls: ClientTls | None = None, limit_s: float = CALL_TIMEOUT_S) -> "Redis":
    """A pool that connects with its first call. Raises `ValueError` for an invalid URL.

    `tls` is for a ``rediss://`` URL; None = the authorities of the machine.

    The library does not retry: a call that may have happened is not made twice.
    """
    client: Redis = Redis.from_url(
        url, protocol=2, retry=Retry(NoBackoff(), 0), max_connections=MAX_CONNECTIONS,
        socket_connect_timeout=limit_s, socket_timeout=None,
    )  # fmt: skip
    return encrypted(client, tls)


class _Encrypted(SSLConnection):
    """The library makes a context, and loads the machine's authorities, for each connection; here all share one."""

    def __init__(self, *, tls: ClientTls, **options: Any) -> None:
        super().__init__(**options)
        self._tls = tls

    def _connection_arguments(self) -> Mapping[str, Any]:
        arguments = dict(super()._connection_arguments())
        return arguments | {"ssl": self._tls.context()}


def encrypted(client: "Redis", tls: ClientTls | None) -> "Redis":
    """The client of a ``rediss://`` URL with our own TLS; one of ``redis://`` as it is."""
    pool = client.connection_pool
    if issubclass(pool.connection_class, SSLConnection):
        pool.connection_class = _Encrypted
        pool.connection_kwargs["tls"] = tls or ClientTls()
    return client


def _silent(op: str, result: str, seconds: float) -> None:
    pass


class GuardedRedis:
    """Calls with a time limit. A pause follows a failure, so that callers do not wait for the limit again and again.

    Where the server does not answer, all operations pause. Where it refuses an operation, because memory or a
    permission is missing, only that operation pauses.
    """

    kind = "redis"
    server = True

    def __init__(
        self, client: "Redis", clock: Clock, *, watch: Watch | None = None, limit_s: float = CALL_TIMEOUT_S
    ) -> None:
        """Pauses end by `clock.boot`. `watch` is called after every call."""
        self._client = client
        self._clock = clock
        self._watch = watch if watch is not None else _silent
        self._limit_s = limit_s
        self._quiet_until: dict[str, float] = {}
        """By operation; the empty key means the whole server."""
        self._reasons: dict[str, str] = {}
        self._answered = False

    def condition(self) -> Condition:
        """The condition that the last calls showed."""
        for reason in self._reasons.values():
            return Condition(healthy=False, reason=reason)
        return Condition(healthy=True if self._answered else None)

    def is_quiet(self, op: str) -> bool:
        """Whether a call would be refused without being made."""
        now = self._clock.boot()
        return any(now < self._quiet_until.get(name, 0.0) for name in ("", op))

    async def call(self, op: str, ask: Callable[["Redis"], Awaitable[Result]]) -> Result:
        """Make one call, of one or a few round trips. Raises `UnavailableError` where it fails, or during a pause."""
        if self.is_quiet(op):
            raise UnavailableError("redis", self._reasons.get("") or self._reasons.get(op) or "is tried again soon")
        for name in self._reasons.keys() & {"", op}:
            self._pause(name)  # this call tries; others do without Redis meanwhile
        began = self._clock.boot()
        try:
            async with asyncio.timeout(self._limit_s):
                answer = await ask(self._client)
        except ResponseError as error:
            raise self._failed(op, op, "refused", _reason_of(error), began) from None
        except TimeoutError:
            raise self._failed(op, "", "timeout", "does not answer in time", began) from None
        except (RedisError, OSError) as error:
            raise self._failed(op, "", "unreachable", _reason_of(error), began) from None
        self._watch(op, "ok", (self._clock.boot() - began) / 1000)
        self._recovered(op)
        return answer

    def script(self, text: str) -> AsyncScript:
        """A Lua script, to be run within `call`: by its hash, and loaded again where the server has lost it."""
        return self._client.register_script(text)

    async def close(self) -> None:
        """End the connections."""
        await self._client.aclose()

    def _failed(self, op: str, name: str, result: str, reason: str, began: float) -> UnavailableError:
        self._watch(op, result, (self._clock.boot() - began) / 1000)
        self._pause(name)
        if name not in self._reasons:
            _log.warning("redis %s: %s; going on without it", op, reason)
        self._reasons[name] = reason
        return UnavailableError("redis", reason)

    def _pause(self, name: str) -> None:
        self._quiet_until[name] = self._clock.boot() + PAUSE_MS

    def _recovered(self, op: str) -> None:
        self._answered = True
        for name in self._reasons.keys() & {"", op}:
            del self._reasons[name]
            self._quiet_until.pop(name, None)
            _log.warning("redis %s: answers again", op)


def _reason_of(error: Exception) -> str:
    """The reason in our own words: the texts of servers and sockets may contain addresses, users and values."""
    for kind, words in _WORDS.items():
        if isinstance(error, kind):
            return words
    if isinstance(error, ResponseError):
        return "refuses what it is asked"
    if (reason := refusal(error)) is not None:
        return f"TLS: {reason}"
    return why_unreached(error)


async def command(client: "Redis", *words: Any) -> Any:
    """Run one command; raises its error."""
    return await client.execute_command(*words)  # type: ignore[no-untyped-call]  # the library has no annotation here


async def pipelined(client: "Redis", commands: list[tuple[Any, ...]]) -> list[Any]:
    """Run several commands in one round trip, without a transaction; raises the first error among the answers."""
    async with client.pipeline(transaction=False) as pipe:
        for command in commands:
            pipe.execute_command(*command)
        answers: list[Any] = await pipe.execute()
        return answers


def _conforms(guarded_redis: GuardedRedis) -> Backend:
    return guarded_redis
