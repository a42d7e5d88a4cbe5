"""Where messages stand, kept in Redis for clients that ask again and again (ADR 0018). No content, no people.

Three things keep an old status from being shown. A commit overwrites what is kept by its version alone, and a script never
lets an older version in. What this process committed itself it knows, whether Redis heard of it or not. And nothing is
kept for 5 s after it was read, should all of that be lost.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec
from redis.asyncio import Redis
from redis.exceptions import NoScriptError

from wework_message.adapters.redis.guarded import GuardedRedis, command, pipelined
from wework_message.adapters.redis.script import Script
from wework_message.domain.errors import UnavailableError
from wework_message.domain.ids import MessageId, ProviderCode, ProviderMessageId, TenantId
from wework_message.domain.lifecycle import MessageStatus
from wework_message.domain.message.message import Message
from wework_message.domain.outcomes import OutcomeClass
from wework_message.domain.ports.queries import StatusReader, StatusView
from wework_message.domain.ports.system import Clock

TTL_MS: Final = 4_400
"""How long Redis keeps a status."""

LATE_MS: Final = 400
"""What was read longer ago is not kept any more; with `LIFE_MS` and one call nothing is older than 5 s."""

OWN_MS: Final = 6_000
"""How long this process remembers which versions it committed itself: longer than Redis can know an older one."""

MAX_PENDING: Final = 1_000
"""Statuses sent to Redis at once, and waiting to be."""

MAX_CONCURRENT_CALLS: Final = 4
"""Polls that ask Redis at the same time, so that they leave connections for everything else; the others wait their turn."""

VERSION: Final = 1
"""Of the encoding."""

_KEEP: Final = Script(
    """
-- KEYS: the status. ARGV: version, the status or '', life in ms.
local kept = redis.call('GET', KEYS[1])
local there = kept and tonumber(string.match(kept, '^(%d+):'))
local given = tonumber(ARGV[1])
if there and (there > given or (there == given and ARGV[2] == '')) then return 0 end
redis.call('SET', KEYS[1], ARGV[1] .. ':' .. ARGV[2], 'PX', ARGV[3])
return 1
"""
)
_log: Final = logging.getLogger(__name__)


class _Kept(msgspec.Struct, array_like=True, frozen=True, forbid_unknown_fields=True):
    """A `StatusView` without its id."""

    status: MessageStatus
    reason: str | None
    confirmed: bool | None
    possible_duplicate: bool
    recall_confirmed: bool | None
    version: int
    updated_at: int
    next_attempt_at: int | None
    attempts: int
    provider_code: ProviderCode | None
    provider_message_id: ProviderMessageId | None
    outcome: OutcomeClass | None
    error_code: int | None
    error_message: str | None


_ENCODER: Final = msgspec.msgpack.Encoder()
_DECODER: Final = msgspec.msgpack.Decoder(_Kept)
_FIELDS: Final = _Kept.__struct_fields__


class RedisStatuses:
    """Reads through Redis; without Redis it reads the database."""

    def __init__(
        self, beneath: StatusReader, guarded_redis: GuardedRedis, clock: Clock, *, prefix: str = "wm:"
    ) -> None:
        """`beneath` reads what is committed."""
        self._beneath = beneath
        self._redis = guarded_redis
        self._clock = clock
        self._prefix = f"{prefix}status:{VERSION}:"
        self._waiting: deque[tuple[float, str, int, bytes]] = deque(maxlen=MAX_PENDING)
        """(read at, key, version, status or nothing)."""
        self._own: dict[MessageId, int] = {}
        self._own_until: deque[tuple[float, MessageId, int]] = deque()
        self._turns = asyncio.Semaphore(MAX_CONCURRENT_CALLS)
        self._woken = asyncio.Event()
        self._stopping = False

    async def statuses(self, tenant_id: TenantId, message_ids: Sequence[MessageId]) -> Mapping[MessageId, StatusView]:
        """As kept, as far as that is not older than what this process committed; the others from the database."""
        if not message_ids:
            return {}
        known = await self._kept(tenant_id, message_ids)
        if not (unknown := [one for one in message_ids if one not in known]):
            return known
        read_at = self._clock.boot()
        found = await self._beneath.statuses(tenant_id, unknown)
        for view in found.values():
            self._send(read_at, self._key(tenant_id, view.id), view.version, _encoded(view))
        return {**known, **found}

    def committed(self, messages: Sequence[Message]) -> None:
        """These versions are committed now; what Redis has of older ones is worth nothing."""
        now = self._clock.boot()
        for message in messages:
            self._own[message.id] = max(message.version, self._own.get(message.id, 0))
            self._own_until.append((now + OWN_MS, message.id, message.version))
            self._send(now, self._key(message.tenant_id, message.id), message.version, b"")
        while self._own_until and self._own_until[0][0] <= now:
            _, message_id, version = self._own_until.popleft()
            if self._own.get(message_id) == version:
                del self._own[message_id]

    def stop(self) -> None:
        """Send what waits, then return."""
        self._stopping = True
        self._woken.set()

    async def run(self) -> None:
        """Send what gathered: what one flush committed goes in one call."""
        while not self._stopping or self._waiting:
            await self._woken.wait()
            self._woken.clear()
            try:
                await self.send()
            except UnavailableError:
                pass  # the link has said so, once; what is kept in Redis ends by itself
            except Exception:  # noqa: BLE001 -- a defect here must not end the sending for good
                _log.exception("statuses could not be kept")

    async def send(self) -> None:
        """One round trip for all that waits; raises `UnavailableError`, and then it is lost."""
        waiting, now = [*self._waiting], self._clock.boot()
        self._waiting.clear()
        commands = [
            _KEEP.command([key], version, status, TTL_MS)
            for read_at, key, version, status in waiting
            if not status or now - read_at <= LATE_MS
        ]
        if commands:
            await self._redis.call("status", lambda client: _keep(client, commands))

    async def _kept(self, tenant_id: TenantId, message_ids: Sequence[MessageId]) -> dict[MessageId, StatusView]:
        keys = [self._key(tenant_id, one) for one in message_ids]

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
        self._waiting.append((read_at, key, version, status))
        self._woken.set()

    def _key(self, tenant_id: TenantId, message_id: MessageId) -> str:
        return f"{self._prefix}{tenant_id}:{message_id}"


async def _keep(client: "Redis", commands: list[tuple[Any, ...]]) -> None:
    try:
        await pipelined(client, commands)
    except NoScriptError:
        await _KEEP.load(client)
        await pipelined(client, commands)


def _encoded(view: StatusView) -> bytes:
    return _ENCODER.encode([getattr(view, name) for name in _FIELDS])


def _decoded(message_id: MessageId, value: bytes) -> StatusView | None:
    """None for a version alone, and for what nobody of this version wrote."""
    _, _, status = value.partition(b":")
    if not status:
        return None
    try:
        kept = _DECODER.decode(status)
    except msgspec.MsgspecError:
        return None
    return StatusView(message_id, *(getattr(kept, name) for name in _FIELDS))


def _conforms(statuses: RedisStatuses) -> StatusReader:
    return statuses
