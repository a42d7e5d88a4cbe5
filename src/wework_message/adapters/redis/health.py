"""A health board that shares its events with other processes, through a capped stream in Redis (ADR 0017)."""

import asyncio
import logging
from collections.abc import Sequence
from typing import Any, Final

import msgspec
from redis.asyncio import Redis

from wework_message.adapters.redis.guarded import GuardedRedis, pipelined
from wework_message.adapters.redis.observations import (
    VERSION,
    Admitted,
    Called,
    Degraded,
    Echoed,
    Event,
    EventBuffer,
    Probed,
    Reached,
    Stated,
    decode,
    encode,
)
from wework_message.application.waiting import set_within
from wework_message.domain.errors import UnavailableError
from wework_message.domain.ids import BindingId, Guid, ProviderCode
from wework_message.domain.outcomes import OutcomeClass
from wework_message.domain.ports.gateway import ClientState
from wework_message.domain.ports.health import CallReport, HealthBoard, ProviderHealth, ReplicatedHealthBoard, Unechoed
from wework_message.domain.ports.system import Clock
from wework_message.domain.routing.selector import RouteHealth
from wework_message.domain.waits import on_boot_clock

EXCHANGE_INTERVAL_S: Final = 0.5
"""Between two exchanges. All processes know an event after at most twice this time."""

MAX_BATCHES: Final = 2_000
"""Batches in the stream, approximately. Each process writes up to two a second."""

HISTORY_MS: Final = 180_000
"""How much of the past a new process reads."""

MAX_AGE_MS: Final = 30_000
"""Older events are not published any more: breakers count no further back."""

PAGE_SIZE: Final = 200
"""Batches of one read."""

MAX_REPLAYED: Final = 100
"""Acceptances counted for one event. A breaker counts twenty calls."""

MAX_OWN: Final = 10_000
"""Providers and bindings whose last own event is remembered."""

_EMPTY_ID: Final = "0-0"
_log: Final = logging.getLogger(__name__)


class RedisHealthBoard:
    """Own observations count at once, those of other processes within a second. Without Redis a process has its own only."""

    def __init__(
        self,
        local: ReplicatedHealthBoard,
        guarded_redis: GuardedRedis,
        clock: Clock,
        *,
        name: str,
        prefix: str = "wm:",
        redis_clock: bool = True,
    ) -> None:
        """`local` holds the state. `name` is unique to this run of this process.

        `redis_clock=False` dates batches by `clock` (contract suites).
        """
        self._local = local
        self._redis = guarded_redis
        self._clock = clock
        self._name = name.encode()
        self._redis_clock = redis_clock
        self._stream = f"{prefix}health:{VERSION}"
        self._pending = EventBuffer()
        self._cursor: str | None = None
        """Id of the last batch read; None until the first exchange."""
        self._own: dict[str, int] = {}
        """The last own event of a provider or binding, by the boot clock: the wall clock may be set back."""
        self._stopped = asyncio.Event()
        self.ignored = 0
        """Batches that this version cannot read."""

    # -- the port: the local board keeps the state, other processes get the events ---------------------------------

    def report(self, call: CallReport) -> None:
        self._local.report(call)
        self._pending.called(call)

    def probed(self, provider_code: ProviderCode, answered: bool, at: int) -> None:
        self._local.probed(provider_code, answered, at)
        self._remember(provider_code, at)
        self._pending.add(at, Probed(provider_code, answered, 0))

    def binding_state(self, binding_id: BindingId, state: ClientState, at: int) -> None:
        self._local.binding_state(binding_id, state, at)
        if state is not ClientState.UNKNOWN:
            self._remember(binding_id, at)
            self._pending.add(at, Stated(binding_id, state, 0))

    def reachable(self, binding_id: BindingId, at: int) -> None:
        self._local.reachable(binding_id, at)
        self._pending.add(at, Reached(binding_id, 0))

    def ask(self, provider_code: ProviderCode, binding_id: BindingId, guid: Guid) -> None:
        """Not shared: the process that applied the notice probes."""
        self._local.ask(provider_code, binding_id, guid)

    def stored_offline(self, provider_code: ProviderCode, binding_id: BindingId, guid: Guid) -> None:
        """Not shared: every process reads the accounts itself."""
        self._local.stored_offline(provider_code, binding_id, guid)

    def route(self, provider_code: ProviderCode, binding_id: BindingId, message_type: str, now: int) -> RouteHealth:
        return self._local.route(provider_code, binding_id, message_type, now)

    def admit(self, provider_code: ProviderCode, binding_id: BindingId, message_type: str, now: int) -> None:
        """Shared too; until the next exchange another process may send a trial of its own."""
        self._local.admit(provider_code, binding_id, message_type, now)
        self._pending.add(now, Admitted(provider_code, binding_id, message_type, 0))

    def suspects(self) -> tuple[tuple[ProviderCode, BindingId, Guid], ...]:
        return self._local.suspects()

    def in_use(self, provider_code: ProviderCode) -> Sequence[tuple[BindingId, Guid]]:
        return self._local.in_use(provider_code)

    def echoed(self, provider_code: ProviderCode, guid: Guid) -> None:
        """Shared: the process that reads the echo is often another one than the process that sent."""
        self._local.echoed(provider_code, guid)
        self._pending.echoed(provider_code, guid)

    def unechoed(self, longer_than_ms: int) -> Sequence[Unechoed]:
        return self._local.unechoed(longer_than_ms)

    def degrade(self, binding_id: BindingId) -> None:
        self._local.degrade(binding_id)
        self._pending.add(self._clock.now(), Degraded(binding_id, 0))

    def provider(self, provider_code: ProviderCode) -> ProviderHealth:
        return self._local.provider(provider_code)

    # -- the exchange ----------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Exchange until `stop`. The first exchange is at once and reads the last `HISTORY_MS`."""
        while not self._stopped.is_set():
            try:
                await self.exchange()
            except UnavailableError:
                pass  # the guarded client has logged it, once
            except Exception:  # noqa: BLE001 -- one defect must not end the loop
                _log.exception("health exchange failed")
            await set_within(self._stopped, EXCHANGE_INTERVAL_S)

    def stop(self) -> None:
        """`run` returns after the exchange under way."""
        self._stopped.set()

    async def exchange(self) -> None:
        """Publish the pending events, and apply those of other processes.

        Raises `UnavailableError`; then the pending events stay for the next exchange.
        """
        events = self._pending.take(self._clock.now(), oldest_ms=MAX_AGE_MS)

        async def ask(client: "Redis") -> list[Any]:
            if self._cursor is None:
                self._cursor = await self._beginning(client)
            commands: list[tuple[Any, ...]] = [
                ("TIME",),
                ("XREAD", "COUNT", PAGE_SIZE, "STREAMS", self._stream, self._cursor),
            ]
            if events:
                batch = encode(events, self._clock.now())
                commands.append(
                    (
                        "XADD",
                        self._stream,
                        "MAXLEN",
                        "~",
                        MAX_BATCHES,
                        self._new_id(),
                        "from",
                        self._name,
                        "events",
                        batch,
                    )
                )
            return await pipelined(client, commands)

        try:
            time, read, *added = await self._redis.call("health", ask)
        except UnavailableError:
            self._pending.put_back(events)
            raise
        is_behind = self._apply_batches(self._redis_now(time), read)
        if added and _order(added[0]) <= _order(self._cursor or _EMPTY_ID):
            self._cursor = _EMPTY_ID  # the stream began anew, with a clock that is behind the old one's
        if is_behind:
            await self.exchange()

    async def _beginning(self, client: "Redis") -> str:
        (time,) = await pipelined(client, [("TIME",)])
        return f"{max(0, self._redis_now(time) - HISTORY_MS)}-0"

    def _redis_now(self, time: tuple[int, int]) -> int:
        return time[0] * 1000 + time[1] // 1000 if self._redis_clock else self._clock.now()

    def _new_id(self) -> str:
        return "*" if self._redis_clock else f"{self._clock.now()}-*"

    def _apply_batches(self, redis_now: int, answer: Any) -> bool:
        """Apply the events of other processes; returns whether there is more to read."""
        batches: Sequence[Any] = answer[0][1] if answer else ()
        offset = self._clock.now() - redis_now
        for batch_id, fields in batches:
            self._cursor = batch_id.decode()
            if fields.get(b"from") == self._name:
                continue
            try:
                events = decode(fields.get(b"events", b""))
            except (msgspec.MsgspecError, UnicodeDecodeError):
                self.ignored += 1
                continue
            published_at = _order(batch_id)[0] + offset
            for event in events:
                self._apply(event, published_at)
        return len(batches) == PAGE_SIZE

    def _apply(self, event: Event, published_at: int) -> None:
        """`published_at` is by our clock, ages are by the sender's; no event is in the future."""
        at = min(published_at - max(0, event.age_ms), self._clock.now())
        match event:
            case Called():
                times = min(event.count, MAX_REPLAYED) if event.outcome is OutcomeClass.ACCEPTED else 1
                self._local.heard(event.report(at), times, event.latencies)
            case Probed() if self._is_newest(event.provider_code, at):
                self._local.probed(event.provider_code, event.answered, at)
            case Stated() if self._is_newest(event.binding_id, at):
                self._local.binding_state(event.binding_id, event.state, at)
            case Admitted():
                self._local.admit(event.provider_code, event.binding_id, event.message_type, at)
            case Reached():
                self._local.reachable(event.binding_id, at)
            case Echoed():
                self._local.echoed(event.provider_code, event.guid)
            case Degraded():
                self._local.degrade(event.binding_id)
            case _:  # older than our own event
                pass

    def _remember(self, subject_id: str, at: int) -> None:
        if len(self._own) >= MAX_OWN and subject_id not in self._own:
            self._own.clear()
        self._own[subject_id] = on_boot_clock(at, self._clock)

    def _is_newest(self, subject_id: str, at: int) -> bool:
        own = self._own.get(subject_id)
        return own is None or on_boot_clock(at, self._clock) >= own


def _order(entry_id: bytes | str) -> tuple[int, int]:
    """Stream ids are two numbers: ms of the server's clock, and a serial number."""
    text = entry_id.decode() if isinstance(entry_id, bytes) else entry_id
    ms, _, serial = text.partition("-")
    return int(ms), int(serial)


def _conforms(board: RedisHealthBoard) -> HealthBoard:
    return board
