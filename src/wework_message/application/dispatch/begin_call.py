"""Whether a message that nothing of its lane is in front of is called now: one rule for claims and for what is accepted."""

from dataclasses import dataclass

from wework_message.application.control.pause_board import PauseBoard
from wework_message.application.dispatch.in_flight import Admission
from wework_message.application.dispatch.routing import Router
from wework_message.application.policy import Policy
from wework_message.domain.control import PauseScope
from wework_message.domain.lifecycle import HoldReason
from wework_message.domain.message.attempt import Attempt
from wework_message.domain.message.matching import echo_key
from wework_message.domain.message.message import Message
from wework_message.domain.ports.rate_limiter import RateLimiter
from wework_message.domain.ports.system import Clock
from wework_message.domain.routing.selector import Choice, RefusalKind

NO_ROOM_MS = 1_000
"""How long a message that needs no turn waits where there is no room for its call."""

ASIDE_MS = 5 * 60_000
"""When a message of a paused batch is looked at, should nothing have made it due before: it is once the batch is resumed."""


@dataclass(frozen=True, slots=True)
class StartedCall:
    """A call whose intent is now durable: a send, or a recall of an earlier attempt."""

    message: Message
    attempt: Attempt
    recalling: bool
    boot_ms: float
    """`Clock.boot` when the intent was written; the first byte must follow within W."""


class BeginCall:
    """Pauses, route, room and budget, in this order; then the message has its open attempt."""

    def __init__(self, policy: Policy, router: Router, limiter: RateLimiter, clock: Clock, pauses: PauseBoard) -> None:
        """`router` picks bindings (it must be prepared for the message), `limiter` paces accounts, `pauses` stop messages."""
        self._policy = policy
        self._router = router
        self._limiter = limiter
        self._clock = clock
        self._pauses = pauses

    async def __call__(self, admission: Admission, message: Message, *, paced: bool, now: int) -> StartedCall | None:
        """The call, once the message is committed; None where the message waits, or ends without a call.

        `paced`: the message has its place in the budget of its account already.
        """
        if (scope := self._pauses.stops(message)) is not None:
            self._stop(admission, message, scope, paced=paced, now=now)
            return None
        route = self._router.route(message, now=now)
        if not isinstance(route, Choice):
            if route.kind is RefusalKind.PAUSED and self._router.is_paused(message.account_id):
                self._stop(admission, message, PauseScope.PROVIDER, paced=paced, now=now)
            else:
                self._router.refuse(message, route, now=now)
            return None
        # A trial is one call, which its breaker has counted already.
        if not route.trial and not admission.has_room(message.account_id, route.binding.provider_code):
            if paced:  # it needs no turn, so it would be looked at again and again
                message.hold(HoldReason.BUDGET, NO_ROOM_MS, now=now)
            return None
        if not paced and (wait_ms := await self._limiter.reserve(message.account_id, self._policy.rate_per_minute)):
            message.hold(HoldReason.BUDGET, wait_ms, now=now)
            admission.pace(message, wait_ms)
            return None
        binding = route.binding
        attempt = Attempt(
            number=len(message.attempts) + 1,
            round=message.round,
            account_id=message.account_id,
            binding_id=binding.binding_id,
            provider_code=binding.provider_code,
            guid=binding.guid,
            epoch=binding.epoch,
            started_at=now,
            decision=route.decision,
            content_key=echo_key(message.content),
        )
        message.begin_attempt(attempt, lease_ms=self._policy.lease_ms(binding.provider_code), now=now)
        admission.send(attempt)
        return StartedCall(message, attempt, recalling=False, boot_ms=self._clock.boot())

    @staticmethod
    def _stop(admission: Admission, message: Message, scope: PauseScope, *, paced: bool, now: int) -> None:
        """Only messages of a batch are written: other messages of their accounts must not wait for them."""
        if scope is PauseScope.BATCH:
            message.hold(HoldReason.PAUSED, ASIDE_MS, now=now, aside=True)
            if paced:
                admission.unplaced.append(message.id)
        else:
            admission.stop(message, paced=paced)
