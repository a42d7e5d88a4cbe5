"""Whether a chunk is called now: pauses, quiet hours, route, media, days and budgets, in this order; then each recipient has its open attempt."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from wework_message.application.commit.scope import CommitScope
from wework_message.application.control.pause_board import PauseBoard
from wework_message.application.dispatch.begin_call import MEDIA_RECHECK_MS, StartedCall, new_attempt
from wework_message.application.dispatch.routing import Router
from wework_message.application.media.renderings import Rendered, Renderings
from wework_message.application.policy import Policy
from wework_message.domain.budgets import budgets_of, is_bulk
from wework_message.domain.ids import HolderToken, ProviderCode
from wework_message.domain.lifecycle import HoldReason
from wework_message.domain.mass.chunks import MassChunk
from wework_message.domain.mass.day import day_of
from wework_message.domain.media.asset import MediaFailure
from wework_message.domain.message.message import Message
from wework_message.domain.outcomes import FailureReason
from wework_message.domain.ports.mass import DueChunk
from wework_message.domain.ports.rate_limiter import RateLimiter
from wework_message.domain.ports.repositories import UnitOfWork
from wework_message.domain.ports.system import Clock
from wework_message.domain.routing.selector import Choice, RefusalKind

PAUSED_MS: Final = 5_000
"""When a chunk that a pause stops is looked at again: what ends the pause does not know of it."""


@dataclass(frozen=True, slots=True)
class StartedChunk:
    """A call whose intents are now durable."""

    chunk: MassChunk
    calls: tuple[StartedCall, ...]
    """One for each recipient, at least one, all with one binding and instant."""


class BeginChunk:
    """The decision about one due chunk, inside its transaction."""

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
        """As those of `BeginCall`; `renderings` are its own."""
        self._policy = policy
        self._router = router
        self._limiter = limiter
        self._clock = clock
        self._pauses = pauses
        self._new_token = new_token
        self._renderings = renderings

    async def __call__(self, unit: UnitOfWork, due: DueChunk, messages: Sequence[Message]) -> StartedChunk | None:
        """The call, once everything is committed; None where the chunk waits, or ends without a call.

        `messages` are locked, and saved by the caller. Those that wait longer than until now make their chunk due by themselves.
        """
        now = self._clock.now()
        waiting = [message for message in messages if message.waits_in_chunk and not _expires(message, now)]
        ready = [message for message in waiting if (message.options.scheduled_at or 0) <= now]
        if len(ready) < len(waiting):
            await unit.mass.later(due.chunk, max((message.options.scheduled_at or 0) - now for message in waiting))
        if not ready:
            return None
        ready.sort(key=lambda message: -len(message.attempts.tried_in(message.round)))  # the route is that of the first
        lead = ready[0]
        await self._router.prepare(unit, [lead])
        await self._renderings.prepare(unit, [lead], self._router.provider_codes)
        route = None if await self._is_stopped(unit, due, ready, now) else await self._routed(unit, due, ready, now)
        rendered = None if route is None else self._rendered(lead, route, ready, now)
        if route is None or rendered is None:
            return None
        first = await self._first_of_day(unit, due.chunk, ready, now)
        if not first or not await self._has_place(unit, due, first, route.provider.code, now):
            return None
        self._router.admit(route, lead, now=now)
        boot_ms = self._clock.boot()
        return StartedChunk(
            due.chunk, tuple([self._begun(message, route, rendered, now, boot_ms) for message in first])
        )

    async def _is_stopped(self, unit: UnitOfWork, due: DueChunk, ready: Sequence[Message], now: int) -> bool:
        """Whether a pause or the clock stops it."""
        if self._pauses.stops(ready[0]) is not None:
            await unit.mass.later(due.chunk, PAUSED_MS)
            return True
        limits = self._router.limits(ready[0])
        if limits.quiet_hours is not None and (wait_ms := limits.quiet_hours.until_open(now)):
            _hold(ready, HoldReason.QUIET_HOURS, wait_ms, now)
            return True
        return False

    async def _routed(self, unit: UnitOfWork, due: DueChunk, ready: Sequence[Message], now: int) -> Choice | None:
        """The binding for all of them; None where none can take them now."""
        lead = ready[0]
        route = self._router.route(lead, now=now, paced_for=due.paced_for, media_size=self._renderings.size(lead))
        if isinstance(route, Choice):
            return route
        if route.kind is RefusalKind.PAUSED and self._router.is_paused(lead.account_id):
            await unit.mass.later(due.chunk, PAUSED_MS)
        else:
            for message in ready:
                self._router.refuse(message, route, now=now)
        return None

    async def _first_of_day(
        self, unit: UnitOfWork, chunk: MassChunk, ready: Sequence[Message], now: int
    ) -> Sequence[Message]:
        """Without customers that had a mass send of the account today, whose messages fail. Rooms have no such rule."""
        if chunk.are_rooms:
            return ready
        quiet_hours = self._router.limits(ready[0]).quiet_hours
        day = day_of(now, self._policy.mass_zone if quiet_hours is None else quiet_hours.zone)
        owners = {message.conversation_id: message.id for message in ready}
        taken = await unit.mass.take_days(chunk.tenant_id, chunk.account_id, day, owners)
        for message in ready:
            if message.conversation_id in taken:
                message.fail(FailureReason.ONCE_A_DAY, now=now)
        return [message for message in ready if message.conversation_id not in taken]

    async def _has_place(
        self, unit: UnitOfWork, due: DueChunk, messages: Sequence[Message], code: ProviderCode, now: int
    ) -> bool:
        """Whether all budgets have a token for each recipient now; else they are held until the last one's place."""
        if due.paced_for == code and due.place_in_ms == 0:
            return True
        if due.paced_for == code:  # one of its messages made it due before
            _hold(messages, HoldReason.BUDGET, due.place_in_ms, now)
            await unit.mass.later(due.chunk, due.place_in_ms, paced_for=code)
            return False
        lead = messages[0]
        provider, limits = self._policy.providers[code], self._router.limits(lead)
        budgets = budgets_of(
            lead.account_id, limits, self._policy.rate_per_minute, code, provider.budgets, bulk=is_bulk(lead)
        )
        least_ms = max(part.budget.least_wait_ms(len(messages)) for part in budgets.parts)
        if now + least_ms >= max(message.expires_at for message in messages):  # never: others need the tokens
            _hold(messages, HoldReason.BUDGET, least_ms, now)
            return False
        places = [await self._limiter.reserve(budgets, len(messages)) for _ in messages]
        last = max(places, key=lambda place: place.wait_ms)
        if last.wait_ms == 0:
            return True
        detail = f"{HoldReason.BUDGET} {last.budget.label}"
        _hold(messages, HoldReason.BUDGET, last.wait_ms, now, detail)
        await unit.mass.later(due.chunk, last.wait_ms, paced_for=code)
        return False

    async def request_media(self, scope: CommitScope) -> None:
        """Have made what the chunk that was decided on last waits for."""
        await self._renderings.request(scope)

    def _rendered(self, lead: Message, route: Choice, ready: Sequence[Message], now: int) -> Rendered | None:
        """What all of them are sent; None where its media are not made yet, or never will be."""
        rendering = self._renderings.of(lead, route.binding.provider_code, route.binding.guid)
        if isinstance(rendering, Rendered):
            return rendering
        if isinstance(rendering, MediaFailure):
            for message in ready:
                message.fail(rendering.value, now=now)
        else:
            _hold(ready, HoldReason.MEDIA, MEDIA_RECHECK_MS, now)
        return None

    def _begun(self, message: Message, route: Choice, rendered: Rendered, now: int, boot_ms: float) -> StartedCall:
        binding = route.binding
        attempt = new_attempt(message, route, rendered.content, holder=self._new_token(), now=now)
        message.begin_attempt(attempt, lease_ms=self._policy.lease_ms(binding.provider_code), now=now)
        return StartedCall(message, attempt, binding.epoch, recalling=False, boot_ms=boot_ms, rendered=rendered)


def _expires(message: Message, now: int) -> bool:
    if now < message.expires_at:
        return False
    message.expire(now=now)
    return True


def _hold(messages: Sequence[Message], reason: HoldReason, wait_ms: int, now: int, detail: str | None = None) -> None:
    for message in messages:
        message.hold(reason, wait_ms, now=now, detail=detail)
