"""A cache of message statuses in Redis, for clients that poll (ADR 0018). It holds no content and no ids of people.

Three things prevent an old status. A commit replaces the entry with the new version number alone, and a script never
replaces a version with an older one. A process knows the versions that it committed itself, also without Redis. And no
entry lives for 5 s after it was read, in case both of that fail.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import fields
from operator import attrgetter
from types import GenericAlias
from typing import Any, Final, get_type_hints

import msgspec
from redis.asyncio import Redis
from redis.exceptions import NoScriptError

from wework_message.adapters.redis.guarded import GuardedRedis, command, pipelined
from wework_message.domain.errors import UnavailableError
from wework_message.domain.ids import MessageId, TenantId
from wework_message.domain.message.sent_message import NewVersion
from wework_message.domain.ports.queries import StatusReader, StatusView
from wework_message.domain.ports.system import Clock

TTL_MS: Final = 4_400
"""How long Redis keeps a status."""

MAX_READ_AGE_MS: Final = 400
"""A status that was read longer ago is not stored; with `TTL_MS` and one call no entry is older than 5 s."""

OWN_VERSIONS_MS: Final = 6_000
"""How long this process remembers the versions that it committed itself: longer than Redis keeps an older one."""

MAX_PENDING: Final = 1_000
"""Statuses that wait for Redis; one more drops the oldest."""

MAX_CONCURRENT_CALLS: Final = 4
"""Reads of Redis at the same time, so that other calls find a connection; more reads wait for their turn."""

VERSION: Final = 1
"""Of the encoding."""

_PUT: Final = """
-- KEYS: the status. ARGV: version, the status or '', life in ms.
local entry = redis.call('GET', KEYS[1])
local stored = entry and tonumber(string.match(entry, '^(%d+):'))
local version = tonumber(ARGV[1])
if stored and (stored > version or (stored == version and ARGV[2] == '')) then return 0 end
redis.call('SET', KEYS[1], ARGV[1] .. ':' .. ARGV[2], 'PX', ARGV[3])
return 1
"""
_log: Final = logging.getLogger(__name__)


_NAMES: Final = tuple(field.name for field in fields(StatusView) if field.name != "id")
"""The fields of a `StatusView` in an entry, in this order: all but its id, which is in the key."""

_VALUES: Final = attrgetter(*_NAMES)
_ENCODER: Final = msgspec.msgpack.Encoder()
_DECODER: Final[msgspec.msgpack.Decoder[tuple[Any, ...]]] = msgspec.msgpack.Decoder(
    GenericAlias(tuple, tuple(get_type_hints(StatusView)[name] for name in _NAMES))
)


class RedisStatuses:
    """Reads through Redis; without Redis it reads the database."""

    def __init__(
        self, beneath: StatusReader, guarded_redis: GuardedRedis, clock: Clock, *, prefix: str = "wm:"
    ) -> None:
        """`beneath` reads what is committed."""
        self._beneath = beneath
        self._redis = guarded_redis
        self._put = guarded_redis.script(_PUT)
        self._clock = clock
        self._prefix = f"{prefix}status:{VERSION}:"
        self._pending: deque[tuple[float, str, int, bytes]] = deque(maxlen=MAX_PENDING)
        """(read at, key, version, encoded status or nothing)."""
        self._own: dict[MessageId, int] = {}
        self._own_until: deque[tuple[float, MessageId, int]] = deque()
        self._turns = asyncio.Semaphore(MAX_CONCURRENT_CALLS)
        self._woken = asyncio.Event()
        self._stopping = False

    async def statuses(self, tenant_id: TenantId, message_ids: Sequence[MessageId]) -> Mapping[MessageId, StatusView]:
        """Cached ones, unless this process has committed a newer version; the others from the database."""
        if not message_ids:
            return {}
        cached = await self._cached(tenant_id, message_ids)
        if not (missing := [message_id for message_id in message_ids if message_id not in cached]):
            return cached
        read_at = self._clock.boot()
        stored = await self._beneath.statuses(tenant_id, missing)
        for view in stored.values():
            self._send(read_at, self._key(tenant_id, view.id), view.version, _encoded(view))
        return {**cached, **stored}

    def committed(self, messages: Sequence[NewVersion]) -> None:
        """These versions are committed: entries of older versions are invalid."""
        now = self._clock.boot()
        for message in messages:
            self._own[message.id] = max(message.version, self._own.get(message.id, 0))
            self._own_until.append((now + OWN_VERSIONS_MS, message.id, message.version))
            self._send(now, self._key(message.tenant_id, message.id), message.version, b"")
        while self._own_until and self._own_until[0][0] <= now:
            _, message_id, version = self._own_until.popleft()
            if self._own.get(message_id) == version:
                del self._own[message_id]

    def stop(self) -> None:
        """`run` sends what is pending, then returns."""
        self._stopping = True
        self._woken.set()

    async def run(self) -> None:
        """Send what is pending, until `stop`: all versions of one commit go in one call."""
        while not self._stopping or self._pending:
            await self._woken.wait()
            self._woken.clear()
            try:
                await self.send()
            except UnavailableError:
                pass  # the guarded client has logged it, once; entries in Redis expire by themselves
            except Exception:  # noqa: BLE001 -- one defect must not end the loop
                _log.exception("statuses could not be kept")

    async def send(self) -> None:
        """Send all pending statuses in one round trip. Raises `UnavailableError`; then they are lost."""
        pending, now = [*self._pending], self._clock.boot()
        self._pending.clear()
        commands = [
            ("EVALSHA", self._put.sha, 1, key, version, status, TTL_MS)
            for read_at, key, version, status in pending
            if not status or now - read_at <= MAX_READ_AGE_MS
        ]
        if commands:
            await self._redis.call("status", lambda client: _run_all(client, commands))

    async def _cached(self, tenant_id: TenantId, message_ids: Sequence[MessageId]) -> dict[MessageId, StatusView]:
        keys = [self._key(tenant_id, message_id) for message_id in message_ids]

        async def ask(client: "Redis") -> list[bytes | None]:
            values: list[bytes | None] = await command(client, "MGET", *keys)
            return values

        try:
            async with self._turns:
                values = await self._redis.call("status", ask)
        except UnavailableError:
            return {}
        return {
            message_id: view
            for message_id, value in zip(message_ids, values, strict=True)
            if value is not None and (view := _decoded(message_id, value)) is not None
            and view.version >= self._own.get(message_id, 0)
        }  # fmt: skip

    def _send(self, read_at: float, key: str, version: int, status: bytes) -> None:
        self._pending.append((read_at, key, version, status))
        self._woken.set()

    def _key(self, tenant_id: TenantId, message_id: MessageId) -> str:
        return f"{self._prefix}{tenant_id}:{message_id}"


async def _run_all(client: "Redis", commands: list[tuple[Any, ...]]) -> None:
    """Run scripts by hash. The library's pipelines ask SCRIPT EXISTS each time, which is one more round trip."""
    try:
        await pipelined(client, commands)
    except NoScriptError:
        await command(client, "SCRIPT LOAD", _PUT)
        await pipelined(client, commands)


def _encoded(view: StatusView) -> bytes:
    return _ENCODER.encode(_VALUES(view))


def _decoded(message_id: MessageId, value: bytes) -> StatusView | None:
    """The status of an entry; None for a version alone, and for an entry that this version cannot read."""
    _, _, status = value.partition(b":")
    if not status:
        return None
    try:
        values = _DECODER.decode(status)
    except msgspec.MsgspecError:
        return None
    return StatusView(message_id, **dict(zip(_NAMES, values, strict=True)))


def _conforms(statuses: RedisStatuses) -> StatusReader:
    return statuses
