"""The current health of providers and bindings."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple, Protocol

from wework_message.domain.ids import BindingId, Guid, ProviderCode
from wework_message.domain.outcomes import REFUSALS, OutcomeClass, Reason
from wework_message.domain.ports.gateway import ClientState
from wework_message.domain.routing.selector import RouteHealth


@dataclass(frozen=True, slots=True)
class CallReport:
    """One finished call, as the statistics see it."""

    provider_code: ProviderCode
    binding_id: BindingId
    guid: Guid
    message_type: str
    outcome: OutcomeClass
    reason: Reason | None
    confirmed: bool
    elapsed_ms: float
    at: int
    retry_after_ms: int | None = None
    """How long the provider asked for no calls, where it did."""

    @property
    def awaits_echo(self) -> bool:
        """Whether the stream of the account should show it: an accepted send."""
        return self.outcome is OutcomeClass.ACCEPTED and self.message_type != RECALL


ANSWERED: Final = REFUSALS | {OutcomeClass.ACCEPTED, OutcomeClass.THROTTLED}
"""Outcomes for which the provider answered: their durations count."""

RECALL: Final = "RECALL"
"""The `message_type` of a recall."""


class Unechoed(NamedTuple):
    """A binding with accepted sends of which none was seen again."""

    provider_code: ProviderCode
    binding_id: BindingId
    guid: Guid
    for_ms: int
    """Since the first accepted send after the last echo."""
    degraded: bool


@dataclass(frozen=True, slots=True)
class ProviderHealth:
    """The health of one provider, for operators."""

    provider_code: ProviderCode
    healthy: bool | None
    """None until something was observed (D-48)."""
    checked_at: int | None
    breaker: str
    p50_ms: float | None
    """Of answered calls of the last 5 to 10 minutes, of all processes that share their health; to 1 %."""
    p95_ms: float | None
    throttled_ms: int = 0
    """How long the provider still asks for no calls."""
    degraded: int = 0
    """Its bindings that accept sends and show none of them again."""


class HealthBoard(Protocol):
    """Passive statistics and probes, kept in memory, and shared between processes by some adapters. No method blocks."""

    def report(self, call: CallReport) -> None:
        """Count a finished call; a refusal by the binding, or with an unknown code, makes it suspect (D-43)."""
        ...

    def probed(self, provider_code: ProviderCode, answered: bool, at: int) -> None:
        """Record a provider probe."""
        ...

    def binding_state(self, binding_id: BindingId, state: ClientState, at: int) -> None:
        """Record what a probe or a callback reported about an instance."""
        ...

    def ask(self, provider_code: ProviderCode, binding_id: BindingId, guid: Guid) -> None:
        """A notice says something about this instance that only the provider can confirm: probe it, and go on meanwhile."""
        ...

    def reachable(self, binding_id: BindingId, at: int) -> None:
        """A status call was answered without saying how the instance is: a half-open breaker begins its trials all the same."""
        ...

    def stored_offline(self, provider_code: ProviderCode, binding_id: BindingId, guid: Guid) -> None:
        """The stored state is OFFLINE: probe the instance until it answers otherwise. Observations stay as they are."""
        ...

    def route(self, provider_code: ProviderCode, binding_id: BindingId, message_type: str, now: int) -> RouteHealth:
        """The health of one candidate, for the selector."""
        ...

    def admit(self, provider_code: ProviderCode, binding_id: BindingId, message_type: str, now: int) -> None:
        """Admit the next message there as the trial of a half-open breaker; no other trial before it ends."""
        ...

    def suspects(self) -> tuple[tuple[ProviderCode, BindingId, Guid], ...]:
        """Bindings that wait for a probe: suspect ones, and those whose breaker wants a probe; (provider, binding, guid)."""
        ...

    def in_use(self, provider_code: ProviderCode) -> Sequence[tuple[BindingId, Guid]]:
        """Bindings with calls in the last 10 minutes that are not among the `suspects`, in a stable order."""
        ...

    def echoed(self, provider_code: ProviderCode, guid: Guid) -> None:
        """A send of this instance was seen in its stream: it is not degraded."""
        ...

    def unechoed(self, longer_than_ms: int) -> Sequence[Unechoed]:
        """Bindings whose oldest unseen send is older than this, and those that are degraded; the longest first."""
        ...

    def degrade(self, binding_id: BindingId) -> None:
        """It accepts sends and shows none again: siblings come first until `echoed`."""
        ...

    def provider(self, provider_code: ProviderCode) -> ProviderHealth:
        """One provider's health."""
        ...


class ReplicatedHealthBoard(HealthBoard, Protocol):
    """A board that also takes what another process has observed."""

    def heard(self, call: CallReport, times: int, latencies: Iterable[tuple[int, int]]) -> None:
        """Count `times` equal calls of another process, with their durations as (bucket, calls) (`routing.latency`)."""
        ...
