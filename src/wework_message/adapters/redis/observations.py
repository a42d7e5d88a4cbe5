"""What processes tell each other of providers and bindings: the events of one moment, as bytes (version 1).

Ages, not instants: the clocks of two machines may differ by minutes, and a breaker must not stay open for that long.
"""

from collections import deque
from collections.abc import Sequence
from typing import Final, TypeAlias

import msgspec

from wework_message.domain.ids import BindingId, Guid, ProviderCode
from wework_message.domain.outcomes import OutcomeClass
from wework_message.domain.ports.gateway import ClientState
from wework_message.domain.ports.health import CallReport

VERSION: Final = 1
"""Of the encoding. Another one is another stream: versions that run side by side do not read each other."""

MAX_EVENTS: Final = 2_000
"""Events of one batch; what is more is not told."""


class Called(msgspec.Struct, array_like=True, frozen=True, tag="c", forbid_unknown_fields=True):
    """Calls that ended alike."""

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

    def report(self, at: int) -> CallReport:
        """One of them, at this instant by our clock, as the statistics see it."""
        return CallReport(
            self.provider_code, self.binding_id, self.guid, self.message_type, self.outcome, self.reason,
            self.confirmed, self.elapsed_ms, at,
        )  # fmt: skip


class Probed(msgspec.Struct, array_like=True, frozen=True, tag="p", forbid_unknown_fields=True):
    """A provider was probed."""

    provider_code: ProviderCode
    answered: bool
    age_ms: int


class Stated(msgspec.Struct, array_like=True, frozen=True, tag="s", forbid_unknown_fields=True):
    """An instance said, or was said, to be there or not."""

    binding_id: BindingId
    state: ClientState
    age_ms: int


class Admitted(msgspec.Struct, array_like=True, frozen=True, tag="a", forbid_unknown_fields=True):
    """A trial of a half-open breaker went out."""

    provider_code: ProviderCode
    binding_id: BindingId
    message_type: str
    age_ms: int


Event: TypeAlias = Called | Probed | Stated | Admitted

Happened: TypeAlias = tuple[int, Event]
"""When by our clock, epoch ms, and what; its age is set when it is told."""

_ENCODER: Final = msgspec.msgpack.Encoder()
_DECODER: Final = msgspec.msgpack.Decoder(tuple[Event, ...])


def encode(happened: Sequence[Happened], now: int) -> bytes:
    """As it stands in the stream, with ages at `now`."""
    return _ENCODER.encode([msgspec.structs.replace(event, age_ms=max(0, now - at)) for at, event in happened])


def decode(data: bytes) -> tuple[Event, ...]:
    """Raises `msgspec.MsgspecError` for what nobody of this version wrote."""
    return _DECODER.decode(data)


class Gathering:
    """Events in their order, from now until they are taken; acceptances between two others are one event per kind.

    All acceptances weigh alike, so their order among themselves says nothing; their order with failures does.
    """

    def __init__(self) -> None:
        """Nothing happened yet."""
        self._events: deque[Happened] = deque()
        self._accepted: dict[tuple[str, str, str, str], tuple[CallReport, float, int]] = {}
        self.dropped = 0
        """Events that nobody will hear of: too many came at once, or Redis was away for long."""

    def called(self, call: CallReport) -> None:
        """A call ended."""
        if call.outcome is not OutcomeClass.ACCEPTED:
            self.add(call.at, _called(call, call.elapsed_ms, 1))
            return
        kind = (call.provider_code, call.binding_id, call.message_type, call.guid)
        _, elapsed_ms, count = self._accepted.get(kind, (call, 0.0, 0))
        self._accepted[kind] = (call, elapsed_ms + call.elapsed_ms, count + 1)

    def add(self, at: int, event: Event) -> None:
        """Something else happened at `at`, epoch ms by our clock."""
        self._close()
        self._keep(at, event)

    def take(self, now: int, *, oldest_ms: int) -> list[Happened]:
        """What happened in the last `oldest_ms`; the rest is forgotten."""
        self._close()
        taken = [(at, event) for at, event in self._events if now - at <= oldest_ms]
        self.dropped += len(self._events) - len(taken)
        self._events.clear()
        return taken

    def put_back(self, taken: Sequence[Happened]) -> None:
        """It could not be told; what happened since comes after it."""
        self._events.extendleft(reversed(taken))

    def _close(self) -> None:
        for call, elapsed_ms, count in self._accepted.values():
            self._keep(call.at, _called(call, elapsed_ms / count, count))
        self._accepted.clear()

    def _keep(self, at: int, event: Event) -> None:
        if len(self._events) >= MAX_EVENTS:
            self._events.popleft()
            self.dropped += 1
        self._events.append((at, event))


def _called(call: CallReport, elapsed_ms: float, count: int) -> Called:
    return Called(
        call.provider_code, call.binding_id, call.guid, call.message_type, call.outcome, call.reason, call.confirmed,
        elapsed_ms, 0, count,
    )  # fmt: skip
