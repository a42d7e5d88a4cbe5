"""Events of providers and bindings that processes exchange, encoded in batches (version 2).

Events have ages, not instants: the clocks of two machines may differ by minutes, and a breaker must not stay open for that long.
"""

from collections import deque
from collections.abc import Sequence
from typing import Final, TypeAlias

import msgspec

from wework_message.domain.ids import BindingId, Guid, ProviderCode
from wework_message.domain.outcomes import OutcomeClass, Reason
from wework_message.domain.ports.gateway import ClientState
from wework_message.domain.ports.health import ANSWERED, CallReport
from wework_message.domain.routing.latency import bucket_of

VERSION: Final = 2
"""Of the encoding. Each version has its own stream: versions that run at the same time do not read each other."""

MAX_EVENTS: Final = 2_000
"""Events of one batch; the oldest ones beyond that are dropped."""


class Called(msgspec.Struct, array_like=True, frozen=True, tag="c", forbid_unknown_fields=True):
    """Calls with the same outcome."""

    provider_code: ProviderCode
    binding_id: BindingId
    guid: Guid
    message_type: str
    outcome: OutcomeClass
    reason: str | None
    confirmed: bool
    elapsed_ms: float
    """Mean."""
    age_ms: int
    count: int = 1
    retry_after_ms: int | None = None
    latencies: tuple[tuple[int, int], ...] = ()
    """Durations of answered calls: (bucket, calls), of `routing.latency`."""

    def report(self, at: int) -> CallReport:
        """One of the calls, at the instant `at` by our clock."""
        reason = Reason.stored(self.reason) if self.reason is not None else None
        return CallReport(
            self.provider_code, self.binding_id, self.guid, self.message_type, self.outcome, reason, self.confirmed,
            self.elapsed_ms, at, self.retry_after_ms,
        )  # fmt: skip


class Probed(msgspec.Struct, array_like=True, frozen=True, tag="p", forbid_unknown_fields=True):
    """A provider was probed."""

    provider_code: ProviderCode
    answered: bool
    age_ms: int


class Stated(msgspec.Struct, array_like=True, frozen=True, tag="s", forbid_unknown_fields=True):
    """An instance was observed online or offline."""

    binding_id: BindingId
    state: ClientState
    age_ms: int


class Admitted(msgspec.Struct, array_like=True, frozen=True, tag="a", forbid_unknown_fields=True):
    """A trial call of a half-open breaker was sent."""

    provider_code: ProviderCode
    binding_id: BindingId
    message_type: str
    age_ms: int


class Reached(msgspec.Struct, array_like=True, frozen=True, tag="r", forbid_unknown_fields=True):
    """A status call about an instance was answered, without its state."""

    binding_id: BindingId
    age_ms: int


class Echoed(msgspec.Struct, array_like=True, frozen=True, tag="e", forbid_unknown_fields=True):
    """Sends of an instance were seen in its stream."""

    provider_code: ProviderCode
    guid: Guid
    age_ms: int


class Degraded(msgspec.Struct, array_like=True, frozen=True, tag="d", forbid_unknown_fields=True):
    """An instance accepts sends and shows none of them again."""

    binding_id: BindingId
    age_ms: int


Event: TypeAlias = Called | Probed | Stated | Admitted | Reached | Echoed | Degraded

TimedEvent: TypeAlias = tuple[int, Event]
"""The instant by our clock, epoch ms, and the event; `encode` sets its age."""

_ENCODER: Final = msgspec.msgpack.Encoder()
_DECODER: Final = msgspec.msgpack.Decoder(tuple[Event, ...])


def encode(timed_events: Sequence[TimedEvent], now: int) -> bytes:
    """One batch for the stream, with the ages at `now` (epoch ms)."""
    return _ENCODER.encode([msgspec.structs.replace(event, age_ms=max(0, now - at)) for at, event in timed_events])


def decode(data: bytes) -> tuple[Event, ...]:
    """The events of a batch. Raises `msgspec.MsgspecError` for a batch of another version."""
    return _DECODER.decode(data)


class _Accepted:
    """Acceptances of one kind."""

    __slots__ = ("_count", "_elapsed_ms", "_latencies", "last")

    def __init__(self, first: CallReport) -> None:
        self.last = first
        self._count, self._elapsed_ms = 0, 0.0
        self._latencies: dict[int, int] = {}

    def add(self, call: CallReport) -> None:
        self.last = call
        self._count += 1
        self._elapsed_ms += call.elapsed_ms
        bucket = bucket_of(call.elapsed_ms)
        self._latencies[bucket] = self._latencies.get(bucket, 0) + 1

    def event(self) -> Called:
        return _called(self.last, self._elapsed_ms / self._count, self._count, tuple(self._latencies.items()))


class EventBuffer:
    """Pending events in their order. Acceptances between two other events become one event per kind.

    All acceptances count the same, so their order does not matter; their order relative to failures does.
    """

    def __init__(self) -> None:
        """Empty."""
        self._events: deque[TimedEvent] = deque()
        self._accepted: dict[tuple[str, str, str, str], _Accepted] = {}
        self._echoed: set[tuple[ProviderCode, Guid]] = set()

    def called(self, call: CallReport) -> None:
        """A call ended."""
        if call.outcome is not OutcomeClass.ACCEPTED:
            latencies = ((bucket_of(call.elapsed_ms), 1),) if call.outcome in ANSWERED else ()
            self.add(call.at, _called(call, call.elapsed_ms, 1, latencies))
            return
        kind = (call.provider_code, call.binding_id, call.message_type, call.guid)
        accepted = self._accepted.get(kind)
        if accepted is None:
            accepted = self._accepted[kind] = _Accepted(call)
        accepted.add(call)

    def echoed(self, provider_code: ProviderCode, guid: Guid) -> None:
        """An echo came; of one instance all those between two exchanges are one event."""
        self._echoed.add((provider_code, guid))

    def add(self, at: int, event: Event) -> None:
        """Add an event other than a call, at `at`, epoch ms by our clock."""
        self._add_accepted()
        self._append(at, event)

    def take(self, now: int, *, oldest_ms: int) -> list[TimedEvent]:
        """Take the events of the last `oldest_ms`; older ones are dropped."""
        self._add_accepted()
        for provider_code, guid in self._echoed:
            self._append(now, Echoed(provider_code, guid, 0))
        self._echoed.clear()
        taken = [(at, event) for at, event in self._events if now - at <= oldest_ms]
        self._events.clear()
        return taken

    def put_back(self, taken: Sequence[TimedEvent]) -> None:
        """Put events back that could not be published, before those that came since."""
        self._events.extendleft(reversed(taken))

    def _add_accepted(self) -> None:
        for accepted in self._accepted.values():
            self._append(accepted.last.at, accepted.event())
        self._accepted.clear()

    def _append(self, at: int, event: Event) -> None:
        if len(self._events) >= MAX_EVENTS:
            self._events.popleft()
        self._events.append((at, event))


def _called(call: CallReport, elapsed_ms: float, count: int, latencies: tuple[tuple[int, int], ...]) -> Called:
    return Called(
        call.provider_code, call.binding_id, call.guid, call.message_type, call.outcome, call.reason, call.confirmed,
        elapsed_ms, 0, count, call.retry_after_ms, latencies,
    )  # fmt: skip
