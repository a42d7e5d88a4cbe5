"""Whether a message that nothing of its lane is in front of is called now: one rule for claims and for what is accepted."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil

from wework_message.application.commit.scope import CommitScope
from wework_message.application.control.pause_board import PauseBoard
from wework_message.application.dispatch.in_flight import Admission
from wework_message.application.dispatch.intervals import Intervals
from wework_message.application.dispatch.routing import RECHECK_MS, Router
from wework_message.application.media.renderings import Rendered, Renderings
from wework_message.application.policy import Policy
from wework_message.domain.account import Binding
from wework_message.domain.budgets import Owner, budgets_of, is_bulk, provider_budgets_of
from wework_message.domain.content import Content
from wework_message.domain.control import PauseScope
from wework_message.domain.ids import HolderToken, ProviderCode
from wework_message.domain.lifecycle import HoldReason
from wework_message.domain.media.asset import MediaFailure
from wework_message.domain.message.attempt import Attempt
from wework_message.domain.message.echo_keys import echo_key
from wework_message.domain.message.message import Message
from wework_message.domain.ports.rate_limiter import RateLimiter
from wework_message.domain.ports.repositories import UnitOfWork
from wework_message.domain.ports.system import Clock
from wework_message.domain.routing.provider import Provider
from wework_message.domain.routing.selector import Choice, Refusal, RefusalKind

NO_ROOM_MS = 1_000
"""How long a message that needs no turn waits where there is no room for its call."""

MEDIA_RECHECK_MS = 60_000
"""When a message that waits for media is looked at, should nobody have made it due before."""

ASIDE_MS = 5 * 60_000
"""When a message of a paused batch is looked at, should nothing have made it due before: it is once the batch is resumed."""


@dataclass(frozen=True, slots=True)
class StartedCall:
    """A call whose intent is now durable: a send, or a recall of an earlier attempt."""

    message: Message
    attempt: Attempt
    epoch: int
    """Of the binding, when this was decided on; the call is not made under another one."""
    recalling: bool
    boot_ms: float
    """`Clock.boot` when the intent was written; the first byte must follow within W."""
    rendered: Rendered | None = None
    """What is sent; None for recalls."""


def new_attempt(message: Message, route: Choice, content: Content, *, holder: HolderToken, now: int) -> Attempt:
    """The intent of one call of the message by this route; `content` as it is sent."""
    binding = route.binding
    return Attempt(
        number=len(message.attempts) + 1,
        round=message.round,
        account_id=message.account_id,
        binding_id=binding.binding_id,
        provider_code=binding.provider_code,
        guid=binding.guid,
        epoch=binding.epoch,
        started_at=now,
        decision=route.decision,
        content_key=echo_key(content),
        holder=holder,
    )


class BeginCall:
    """Pauses, quiet hours, interval, route, media, room and budgets, in this order; then the message has its open attempt."""

    def __init__(
        self,
        policy: Policy,
        router: Router,
        limiter: RateLimiter,
        clock: Clock,
        pauses: PauseBoard,
        new_token: Callable[[], HolderToken],
        renderings: Renderings,
    ) -> None:
        """`router` picks bindings, `limiter` paces accounts and providers, `pauses` stop messages.

        `renderings` know which media are there; `new_token` makes a token that no other claim has, of any process (ADR 64).
        """
        self._policy = policy
        self._router = router
        self._intervals = Intervals(router)
        self._limiter = limiter
        self._clock = clock
        self._pauses = pauses
        self._new_token = new_token
        self._renderings = renderings

    async def prepare(self, unit: UnitOfWork, messages: Sequence[Message]) -> None:
        """Read what the decisions on these messages need. What they wait for is requested by `request_media`."""
        await self._router.prepare(unit, messages)
        await self._intervals.prepare(unit, messages)
        await self._renderings.prepare(unit, messages, self._router.provider_codes)

    async def request_media(self, scope: CommitScope) -> None:
        """Have made what the messages that were decided on wait for. Called once per transaction, after its last message."""
        await self._renderings.request(scope)

    async def __call__(
        self,
        admission: Admission,
        message: Message,
        *,
        paced: bool,
        now: int,
        paced_for: ProviderCode | None = None,
    ) -> StartedCall | None:
        """The call, once the message is committed; None where the message waits, or ends without a call. It must be prepared for.

        `paced`: the message has its place in its budgets already, those of the provider `paced_for` among them.
        """
        if self.is_stopped(admission, message, paced=paced, now=now) or self.waits_by_the_clock(message, now=now):
            return None
        route = self._router.route(message, now=now, paced_for=paced_for, media_size=self._renderings.size(message))
        if not isinstance(route, Choice):
            self._refuse(admission, message, route, paced=paced, now=now)
            return None
        if (ready := self._ready(admission, message, route.binding, paced=paced, now=now)) is None:
            return None
        # A trial is one call at a time, which its breaker counts.
        if not route.trial and not admission.has_room(message.account_id, route.binding.provider_code):
            if paced:  # it needs no turn, so it would be looked at again and again
                message.hold(HoldReason.BUDGET, NO_ROOM_MS, now=now)
            return None
        placed = paced and paced_for in (None, route.provider.code)
        if not placed and not await self._has_place(admission, message, route.provider, paced=paced, now=now):
            return None
        binding, attempt = route.binding, new_attempt(message, route, ready.content, holder=self._new_token(), now=now)
        message.begin_attempt(attempt, lease_ms=self._policy.lease_ms(binding.provider_code), now=now)
        admission.send(attempt)
        self._router.admit(route, message, now=now)
        return StartedCall(message, attempt, binding.epoch, recalling=False, boot_ms=self._clock.boot(), rendered=ready)

    def _refuse(self, admission: Admission, message: Message, route: Refusal, *, paced: bool, now: int) -> None:
        """No binding can take it now."""
        if route.kind is RefusalKind.PAUSED and self._router.is_paused(message.account_id):
            self._stop(admission, message, PauseScope.PROVIDER, paced=paced, now=now)
        else:
            self._router.refuse(message, route, now=now)
        # One message says so; others of its account are left as they are.
        if route.kind is RefusalKind.ACCOUNT_DISABLED:
            admission.stop(message, paced=paced)

    def _ready(
        self, admission: Admission, message: Message, binding: Binding, *, paced: bool, now: int
    ) -> Rendered | None:
        """What is sent; None where its media are not made yet, or never will be. It waits in its place in the lane.

        A place in its budgets is given back: when the media are there, many may begin at once.
        """
        rendering = self._renderings.of(message, binding.provider_code, binding.guid)
        if isinstance(rendering, Rendered):
            return rendering
        if isinstance(rendering, MediaFailure):
            message.fail(rendering.value, now=now)
            return None
        message.hold(HoldReason.MEDIA, MEDIA_RECHECK_MS, now=now)
        if paced:
            admission.unplaced.append(message.id)
        return None

    def is_stopped(self, admission: Admission, message: Message, *, paced: bool, now: int) -> bool:
        """Whether a pause stops it, whichever binding would take it. What is stopped is not written, but for messages of a batch."""
        if (scope := self._pauses.stops(message)) is None:
            return False
        self._stop(admission, message, scope, paced=paced, now=now)
        return True

    def waits_by_the_clock(self, message: Message, *, now: int, beyond_ms: int = 0) -> bool:
        """Whether it is held for the quiet hours of its account, or for more than `beyond_ms` of its conversation's interval."""
        limits = self._router.limits(message)
        if limits.quiet_hours is not None and (wait_ms := limits.quiet_hours.until_open(now)):
            message.hold(HoldReason.QUIET_HOURS, wait_ms, now=now)
            return True
        if (wait_ms := self._intervals.left_ms(message, now=now)) > beyond_ms:
            message.hold(HoldReason.INTERVAL, wait_ms, now=now)
            return True
        return False

    async def _has_place(
        self, admission: Admission, message: Message, provider: Provider, *, paced: bool, now: int
    ) -> bool:
        """Whether all budgets have a token for it now; else it is held until its place, or left as it is.

        `paced`: it has its place in those of its account, and in those of another provider, which keep its token (ADR 52).
        """
        account_id, code = message.account_id, provider.code
        if paced and not provider.budgets:
            return True
        if rest_ms := admission.used_up_for(code):
            if not paced and self._router.has_only(account_id, code):
                admission.left_alone[account_id] = code
            else:  # what others of its account wait for is not known: they may go elsewhere, and so may it later
                detail = f"{HoldReason.BUDGET} {Owner.PROVIDER}"
                message.hold(HoldReason.BUDGET, min(ceil(rest_ms), RECHECK_MS), now=now, detail=detail)
            return False
        if paced:
            budgets = provider_budgets_of(code, provider.budgets)
        else:
            limits, per_minute = self._router.limits(message), self._policy.rate_per_minute
            budgets = budgets_of(account_id, limits, per_minute, code, provider.budgets, bulk=is_bulk(message))
        place = await self._limiter.reserve(budgets, admission.expected[account_id])
        if place.wait_ms == 0:
            return True
        message.hold(HoldReason.BUDGET, place.wait_ms, now=now, detail=f"{HoldReason.BUDGET} {place.budget.label}")
        admission.pace(message, place, code)
        return False

    @staticmethod
    def _stop(admission: Admission, message: Message, scope: PauseScope, *, paced: bool, now: int) -> None:
        """Only messages of a batch are written: other messages of their accounts must not wait for them."""
        if scope is PauseScope.BATCH:
            message.hold(HoldReason.PAUSED, ASIDE_MS, now=now, aside=True)
            if paced:
                admission.unplaced.append(message.id)
        else:
            admission.stop(message, paced=paced)
