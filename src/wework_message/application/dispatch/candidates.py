"""Candidates for a route: an account's bindings at configured providers, and what is known of them now."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

from wework_message.application.control.pause_board import PauseBoard
from wework_message.application.dispatch.fence import EpochFence
from wework_message.application.policy import Policy
from wework_message.domain.account import Binding
from wework_message.domain.budgets import provider_budgets_of
from wework_message.domain.ids import AccountId, BindingId
from wework_message.domain.ports.health import HealthBoard
from wework_message.domain.ports.rate_limiter import RateLimiter
from wework_message.domain.routing.filters import RouteHealth, known_state
from wework_message.domain.routing.selector import Candidate


@dataclass(frozen=True, slots=True)
class Candidates:
    """Nothing is asked of a provider or of a store."""

    policy: Policy
    board: HealthBoard
    limiter: RateLimiter
    pauses: PauseBoard
    fence: EpochFence

    def usable(self, bindings: Sequence[Binding]) -> Sequence[Binding]:
        """Those at providers that are configured."""
        return [binding for binding in bindings if binding.provider_code in self.policy.providers]

    def of(
        self, bindings: Sequence[Binding], message_type: str, *, now: int, without: BindingId | None = None
    ) -> list[Candidate]:
        """For a message of this type; of usable bindings only."""
        paused = self.pauses.providers
        return [
            Candidate(
                binding,
                self.policy.providers[binding.provider_code],
                self._health(binding, message_type, now),
                self.fence.is_old(binding),
                paused=binding.provider_code in paused,
            )
            for binding in bindings
            if without is None or binding.binding_id != without
        ]

    def of_account(self, bindings: Sequence[Binding], *, now: int) -> list[Candidate]:
        """For a message of no type in particular."""
        return self.of(self.usable(bindings), "", now=now)

    def is_stopped(self, account_id: AccountId) -> bool:
        """Whether an operator paused the account."""
        return account_id in self.pauses.now.accounts

    def observed(self, bindings: Sequence[Binding], *, now: int) -> Sequence[Binding]:
        """The bindings with the states that this process has observed, where it has."""
        known = {
            candidate.binding.binding_id: known_state(candidate.binding, candidate.health)
            for candidate in self.of_account(bindings, now=now)
        }
        return [
            dataclasses.replace(binding, state=known.get(binding.binding_id, binding.state)) for binding in bindings
        ]

    def _health(self, binding: Binding, message_type: str, now: int) -> RouteHealth:
        health = self.board.route(binding.provider_code, binding.binding_id, message_type, now)
        budgets = self.policy.providers[binding.provider_code].budgets
        if not budgets:
            return health
        return health._replace(room=self.limiter.room(provider_budgets_of(binding.provider_code, budgets)))
