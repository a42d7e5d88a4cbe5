"""The current health of providers and bindings."""

from dataclasses import dataclass
from typing import Protocol

from wework_message.domain.ids import BindingId, Guid, ProviderCode
from wework_message.domain.outcomes import OutcomeClass, Reason
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


@dataclass(frozen=True, slots=True)
class ProviderHealth:
    """The health of one provider, for operators."""

    provider_code: ProviderCode
    healthy: bool | None
    """None until something was observed (D-48)."""
    checked_at: int | None
    breaker: str
    p50_ms: float | None
    p95_ms: float | None


class HealthBoard(Protocol):
    """Passive statistics and probes, kept in memory (shared between processes by a later adapter). No method blocks."""

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

    def provider(self, provider_code: ProviderCode) -> ProviderHealth:
        """One provider's health."""
        ...
