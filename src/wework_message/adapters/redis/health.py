"""A health board that learns from the boards of other processes, through a capped stream in Redis (ADR 0017)."""

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
    Event,
    Gathering,
    Probed,
    Stated,
    decode,
    encode,
)
from wework_message.application.waiting import set_within
from wework_message.domain.errors import UnavailableError
from wework_message.domain.ids import BindingId, Guid, ProviderCode
from wework_message.domain.outcomes import OutcomeClass
from wework_message.domain.ports.gateway import ClientState
from wework_message.domain.ports.health import CallReport, HealthBoard, ProviderHealth
from wework_message.domain.ports.system import Clock
from wework_message.domain.routing.selector import RouteHealth

EVERY_S: Final = 0.5
"""Between two exchanges. What one process sees is known to all after at most twice that."""

LENGTH: Final = 2_000
"""Batches kept in the stream, about: each process writes up to two a second."""

BACK_MS: Final = 180_000
"""How much of the past a new process reads."""

STALE_MS: Final = 30_000
"""What could not be told for this long is not told any more: breakers count that far back."""

PAGE: Final = 200
"""Batches read at once."""

REPLAYED: Final = 100
"""Acceptances of one event that are counted: a breaker looks at twenty."""

MAX_NAMES: Final = 10_000
"""Providers and bindings of which the newest word is remembered."""

_EMPTY_ID: Final = "0-0"
_log: Final = logging.getLogger(__name__)


class RedisHealthBoard:
    """Our own observations count at once, those of others within a second. Without Redis a process knows its own."""

    def __init__(
        self,
        local: HealthBoard,
        guarded_redis: GuardedRedis,
        clock: Clock,
        *,
        name: str,
        prefix: str = "wm:",
        redis_clock: bool = True,
    ) -> None:
        """`local` holds what is known; `name` tells this process from others, for one run of it.

        `redis_clock=False` dates batches by `clock` (contract suites).
        """
        self._local = local
        self._redis = guarded_redis
        self._clock = clock
        self._name = name.encode()
        self._redis_clock = redis_clock
        self._stream = f"{prefix}health:{VERSION}"
        self._gathered = Gathering()
        self._cursor: str | None = None
        """Id of the last batch that was read; None until the first exchange."""
        self._own: dict[str, int] = {}
        """When this process itself last spoke of a provider or binding, epoch ms."""
        self._stopped = asyncio.Event()
        self.ignored = 0
        """Batches that nobody of this version wrote."""

    # -- the port: the local board knows, the others are told ------------------------------------------------------

    def report(self, call: CallReport) -> None:
        """Counted here, gathered for the others."""
        self._local.report(call)
        self._gathered.called(call)

    def probed(self, provider_code: ProviderCode, answered: bool, at: int) -> None:
        """Recorded here, gathered for the others."""
        self._local.probed(provider_code, answered, at)
        self._remember(provider_code, at)
        self._gathered.add(at, Probed(provider_code, answered, 0))

    def binding_state(self, binding_id: BindingId, state: ClientState, at: int) -> None:
        """Recorded here, gathered for the others unless it says nothing."""
        self._local.binding_state(binding_id, state, at)
        if state is not ClientState.UNKNOWN:
            self._remember(binding_id, at)
            self._gathered.add(at, Stated(binding_id, state, 0))

    def stored_offline(self, provider_code: ProviderCode, binding_id: BindingId, guid: Guid) -> None:
        """Here only: every process reads the account book."""
        self._local.stored_offline(provider_code, binding_id, guid)

    def route(self, provider_code: ProviderCode, binding_id: BindingId, message_type: str, now: int) -> RouteHealth:
        """As known here."""
        return self._local.route(provider_code, binding_id, message_type, now)

    def admit(self, provider_code: ProviderCode, binding_id: BindingId, message_type: str, now: int) -> None:
        """Marked here, gathered for the others: within their second they may send a trial of their own."""
        self._local.admit(provider_code, binding_id, message_type, now)
        self._gathered.add(now, Admitted(provider_code, binding_id, message_type, 0))

    def suspects(self) -> tuple[tuple[ProviderCode, BindingId, Guid], ...]:
        """As known here."""
        return self._local.suspects()

    def provider(self, provider_code: ProviderCode) -> ProviderHealth:
        """As known here."""
        return self._local.provider(provider_code)

    # -- the exchange ----------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Exchange until `stop`; the first exchange is at once and reads the past."""
        while not self._stopped.is_set():
            try:
                await self.exchange()
            except UnavailableError:
                pass  # the link has said so, once
            except Exception:  # noqa: BLE001 -- a defect here must not end the telling for good
                _log.exception("health exchange failed")
            await set_within(self._stopped, EVERY_S)

    def stop(self) -> None:
        """Return after the exchange at hand."""
        self._stopped.set()

    async def exchange(self) -> None:
        """Tell what gathered, and hear what others told. Raises `UnavailableError`; then nothing is lost but time."""
        events = self._gathered.take(self._clock.now(), oldest_ms=STALE_MS)

        async def ask(client: "Redis") -> list[Any]:
            if self._cursor is None:
                self._cursor = await self._beginning(client)
            commands: list[tuple[Any, ...]] = [
                ("TIME",),
                ("XREAD", "COUNT", PAGE, "STREAMS", self._stream, self._cursor),
            ]
            if events:
                told = encode(events, self._clock.now())
                commands.append(
                    ("XADD", self._stream, "MAXLEN", "~", LENGTH, self._new_id(), "from", self._name, "events", told)
                )
            return await pipelined(client, commands)

        try:
            time, read, *added = await self._redis.call("health", ask)
        except UnavailableError:
            self._gathered.put_back(events)
            raise
        behind = self._hear(self._redis_now(time), read)
        if added and _order(added[0]) <= _order(self._cursor or _EMPTY_ID):
            self._cursor = _EMPTY_ID  # the stream began anew, with a clock that is behind the old one's
        if behind:
            await self.exchange()

    async def _beginning(self, client: "Redis") -> str:
        (time,) = await pipelined(client, [("TIME",)])
        return f"{max(0, self._redis_now(time) - BACK_MS)}-0"

    def _redis_now(self, time: tuple[int, int]) -> int:
        return time[0] * 1000 + time[1] // 1000 if self._redis_clock else self._clock.now()

    def _new_id(self) -> str:
        return "*" if self._redis_clock else f"{self._clock.now()}-*"

    def _hear(self, redis_now: int, answer: Any) -> bool:
        """Apply what others told; returns whether there is more to read."""
        batches: Sequence[Any] = answer[0][1] if answer else ()
        offset = self._clock.now() - redis_now
        for batch_id, told in batches:
            self._cursor = batch_id.decode()
            if told.get(b"from") == self._name:
                continue
            try:
                events = decode(told.get(b"events", b""))
            except (msgspec.MsgspecError, UnicodeDecodeError):
                self.ignored += 1
                continue
            told_at = _order(batch_id)[0] + offset
            for event in events:
                self._apply(event, told_at)
        return len(batches) == PAGE

    def _apply(self, event: Event, told_at: int) -> None:
        """`told_at` by our clock; ages are the teller's own, and nobody knows the future."""
        at = min(told_at - max(0, event.age_ms), self._clock.now())
        match event:
            case Called():
                times = min(event.count, REPLAYED) if event.outcome is OutcomeClass.ACCEPTED else 1
                for _ in range(times):
                    self._local.report(event.report(at))
            case Probed() if at >= self._own.get(event.provider_code, at):
                self._local.probed(event.provider_code, event.answered, at)
            case Stated() if at >= self._own.get(event.binding_id, at):
                self._local.binding_state(event.binding_id, event.state, at)
            case Admitted():
                self._local.admit(event.provider_code, event.binding_id, event.message_type, at)
            case _:  # an older word than our own
                pass

    def _remember(self, name: str, at: int) -> None:
        if len(self._own) >= MAX_NAMES and name not in self._own:
            self._own.clear()
        self._own[name] = at


def _order(entry_id: bytes | str) -> tuple[int, int]:
    """Stream ids are two numbers: ms of the server's clock, and a serial number."""
    text = entry_id.decode() if isinstance(entry_id, bytes) else entry_id
    ms, _, serial = text.partition("-")
    return int(ms), int(serial)


def _conforms(board: RedisHealthBoard) -> HealthBoard:
    return board
