"""What every RequestLimiter does. Subclasses provide `limiter` and the `clock` it runs on."""

from collections.abc import Sequence
from typing import Final

from wework_message.adapters.memory.system import SettableClock
from wework_message.domain.access.rates import Limited, Over, RequestBudget, RequestRate
from wework_message.domain.ports.request_limiter import RequestLimiter

RATE: Final = RequestRate(10, 5)
TENANT: Final = RequestBudget("tenant a", Limited.TENANT, RATE)
OTHER_TENANT: Final = RequestBudget("tenant b", Limited.TENANT, RATE)
KEY: Final = RequestBudget("key 1", Limited.KEY, RequestRate(2, 2))
OTHER_KEY: Final = RequestBudget("key 2", Limited.KEY, RequestRate(2, 2))


async def taken(limiter: RequestLimiter, budgets: Sequence[RequestBudget], requests: int) -> int:
    """How many of so many requests are taken."""
    return sum([await limiter.take(budgets) is None for _ in range(requests)])


async def refusal(limiter: RequestLimiter, budgets: Sequence[RequestBudget]) -> Over:
    over = await limiter.take(budgets)
    assert over is not None
    return over


class RequestLimiterContract:
    async def test_a_quiet_caller_has_its_burst_and_then_its_rate(
        self, limiter: RequestLimiter, clock: SettableClock
    ) -> None:
        assert await taken(limiter, [TENANT], 9) == 5
        clock.advance(1_000)
        assert await taken(limiter, [TENANT], 20) == 5
        clock.advance(200)
        assert await taken(limiter, [TENANT], 20) == 2

    async def test_a_refusal_says_whose_limit_it_is_and_how_long_to_wait_and_that_is_true(
        self, limiter: RequestLimiter, clock: SettableClock
    ) -> None:
        await taken(limiter, [TENANT], 5)
        over = await refusal(limiter, [TENANT])
        assert over.limited is Limited.TENANT
        assert 99 <= over.wait_ms <= 101
        clock.advance(int(over.wait_ms) - 2)
        assert await limiter.take([TENANT]) is not None
        clock.advance(4)
        assert await limiter.take([TENANT]) is None

    async def test_others_are_not_concerned(self, limiter: RequestLimiter) -> None:
        await taken(limiter, [TENANT], 9)
        assert await taken(limiter, [OTHER_TENANT], 9) == 5

    async def test_a_request_needs_a_token_of_each_budget_and_takes_none_where_one_is_used_up(
        self, limiter: RequestLimiter
    ) -> None:
        assert await taken(limiter, [KEY, TENANT], 9) == 2
        assert (await refusal(limiter, [KEY, TENANT])).limited is Limited.KEY
        assert await taken(limiter, [OTHER_KEY, TENANT], 2) == 2
        assert await taken(limiter, [TENANT], 9) == 1

    async def test_a_charge_is_owed(self, limiter: RequestLimiter, clock: SettableClock) -> None:
        assert await taken(limiter, [TENANT], 1) == 1
        await limiter.charge([TENANT], 24)
        assert 2_099 <= (await refusal(limiter, [TENANT])).wait_ms <= 2_101
        clock.advance(2_102)
        assert await taken(limiter, [TENANT], 9) == 1

    async def test_a_charge_within_the_budget_leaves_the_rest(self, limiter: RequestLimiter) -> None:
        assert await taken(limiter, [TENANT], 1) == 1
        await limiter.charge([TENANT], 2)
        assert await taken(limiter, [TENANT], 9) == 2

    async def test_a_budget_that_nobody_used_for_long_is_full_and_not_more(
        self, limiter: RequestLimiter, clock: SettableClock
    ) -> None:
        await taken(limiter, [TENANT], 5)
        clock.advance(3_600_000)
        assert await taken(limiter, [TENANT], 99) == 5

    async def test_over_a_long_time_it_grants_the_rate(self, limiter: RequestLimiter, clock: SettableClock) -> None:
        busy = RequestBudget("tenant busy", Limited.TENANT, RequestRate(100, 100))
        granted = 0
        for _ in range(200):
            granted += await taken(limiter, [busy], 10)
            clock.advance(50)
        assert 1_050 <= granted <= 1_100


class SharedRequestLimiterContract:
    """Of limiters that share their budgets. Subclasses also provide `other_limiter`, of another process."""

    async def test_two_processes_have_the_limit_of_one_within_five_percent(
        self, limiter: RequestLimiter, other_limiter: RequestLimiter, clock: SettableClock
    ) -> None:
        busy = RequestBudget("tenant busy", Limited.TENANT, RequestRate(100, 100))
        granted = 0
        for _ in range(200):
            granted += await taken(limiter, [busy], 10) + await taken(other_limiter, [busy], 5)
            clock.advance(50)
        assert 0.95 * 1_095 <= granted <= 1.05 * 1_095

    async def test_a_charge_is_owed_in_every_process(
        self, limiter: RequestLimiter, other_limiter: RequestLimiter, clock: SettableClock
    ) -> None:
        await limiter.charge([TENANT], 25)
        assert await taken(other_limiter, [TENANT], 9) == 0
        clock.advance(2_102)
        assert await taken(other_limiter, [TENANT], 9) == 1

    async def test_tokens_that_a_process_does_not_use_are_back_once_it_asks_for_more(
        self, limiter: RequestLimiter, other_limiter: RequestLimiter, clock: SettableClock
    ) -> None:
        """Leased blocks grow with what is used; what expires of them is not lost for long."""
        wide = RequestBudget("tenant wide", Limited.TENANT, RequestRate(100, 400))
        assert await taken(limiter, [wide], 50) == 50
        clock.advance(10_000)
        assert await taken(limiter, [wide], 1) == 1
        assert await taken(other_limiter, [wide], 500) >= 395
