"""What every RateLimiter does. Subclasses provide `limiter` and the `clock` it runs on."""

import pytest

from wework_message.adapters.memory.system import SettableClock
from wework_message.domain.budgets import Budgets, Owner, budgets_of, provider_budgets_of
from wework_message.domain.ids import AccountId, ProviderCode
from wework_message.domain.ports.rate_limiter import RateLimiter
from wework_message.domain.quota import NO_LIMITS, AccountLimits, Budget, Period

ACCOUNT, OTHER_ACCOUNT = AccountId("account-a"), AccountId("account-b")
PROVIDER = ProviderCode("A_PROVIDER")
MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS


def per_minute(limit: int, account_id: AccountId = ACCOUNT) -> Budgets:
    """The budgets of an account that has no limits of its own."""
    return budgets_of(account_id, NO_LIMITS, limit, PROVIDER)


def limited(
    account_id: AccountId = ACCOUNT, *, at_provider: int | None = None, bulk: bool = False, **limits: int
) -> Budgets:
    """With limits `minute`, `hour`, `day`; half of them for bulk."""
    budgets = tuple(Budget(Period(per.upper()), limit) for per, limit in limits.items())
    provider_budgets = () if at_provider is None else (Budget(Period.MINUTE, at_provider),)
    return budgets_of(account_id, AccountLimits(budgets, bulk_share=0.5), 1_000, PROVIDER, provider_budgets, bulk=bulk)


async def waits(limiter: RateLimiter, budgets: Budgets, messages: int) -> list[int]:
    return [(await limiter.reserve(budgets)).wait_ms for _ in range(messages)]


class RateLimiterContract:
    async def test_within_the_budget_there_is_no_wait(self, limiter: RateLimiter) -> None:
        assert await waits(limiter, per_minute(3), 3) == [0, 0, 0]

    async def test_over_the_budget_each_message_gets_a_place_of_its_own(self, limiter: RateLimiter) -> None:
        places = await waits(limiter, per_minute(60), 63)
        assert places[:60] == [0] * 60
        assert places[60:] == [1_000, 2_000, 3_000]

    async def test_a_set_of_messages_gets_the_places_that_they_would_get_one_by_one(self, limiter: RateLimiter) -> None:
        places = [(await limiter.reserve(per_minute(60), 63)).wait_ms for _ in range(63)]
        assert places == [0] * 60 + [1_000, 2_000, 3_000]

    async def test_a_place_comes_nearer_as_time_passes(self, limiter: RateLimiter, clock: SettableClock) -> None:
        await waits(limiter, per_minute(60), 61)
        clock.advance(500)
        assert await waits(limiter, per_minute(60), 1) == [1_500]

    async def test_a_minute_later_the_budget_is_whole_and_not_more(
        self, limiter: RateLimiter, clock: SettableClock
    ) -> None:
        await waits(limiter, per_minute(3), 3)
        clock.advance(10 * MINUTE_MS)
        assert await waits(limiter, per_minute(3), 4) == [0, 0, 0, 20_000]

    async def test_accounts_do_not_share(self, limiter: RateLimiter) -> None:
        assert await waits(limiter, per_minute(1), 1) == [0]
        assert await waits(limiter, per_minute(1, OTHER_ACCOUNT), 1) == [0]
        assert await waits(limiter, per_minute(1), 1) == [MINUTE_MS]

    @pytest.mark.parametrize(
        ("budgets", "wait_ms", "label"),
        [
            (limited(minute=3, hour=60, day=100), MINUTE_MS // 3, "MINUTE ACCOUNT"),
            (limited(minute=5, hour=3, day=100), HOUR_MS // 3, "HOUR ACCOUNT"),
            (limited(hour=5, day=3), DAY_MS // 3, "DAY ACCOUNT"),
            (limited(minute=6, bulk=True), MINUTE_MS // 3, "MINUTE BULK"),
            (limited(minute=5, at_provider=3), MINUTE_MS // 3, "MINUTE PROVIDER"),
        ],
    )
    async def test_the_tightest_of_several_budgets_decides(
        self, limiter: RateLimiter, budgets: Budgets, wait_ms: int, label: str
    ) -> None:
        assert await waits(limiter, budgets, 3) == [0, 0, 0]
        place = await limiter.reserve(budgets)
        assert (place.wait_ms, place.budget.label) == (wait_ms, label)

    async def test_bulk_leaves_the_rest_of_the_budget_to_the_others(self, limiter: RateLimiter) -> None:
        assert await waits(limiter, limited(minute=6, bulk=True), 3) == [0, 0, 0]
        assert await waits(limiter, limited(minute=6), 4) == [0, 0, 0, 10_000]

    async def test_accounts_share_the_budget_of_a_provider(self, limiter: RateLimiter) -> None:
        assert await waits(limiter, limited(at_provider=3), 2) == [0, 0]
        assert await waits(limiter, limited(OTHER_ACCOUNT, at_provider=3), 2) == [0, 20_000]

    async def test_what_was_used_counts_against_a_changed_limit(self, limiter: RateLimiter) -> None:
        await waits(limiter, per_minute(60), 60)
        assert await waits(limiter, per_minute(120), 61) == [0] * 60 + [500]
        (wait,) = await waits(limiter, per_minute(60), 1)
        assert 62_000 <= wait <= 70_000  # what was leased for the other limit was not given back yet

    async def test_the_room_of_a_provider_is_what_is_left_of_its_budget(
        self, limiter: RateLimiter, clock: SettableClock
    ) -> None:
        budgets = provider_budgets_of(PROVIDER, (Budget(Period.MINUTE, 4),))
        assert limiter.room(budgets) == 1.0
        await waits(limiter, limited(at_provider=4), 1)
        assert limiter.room(budgets) == 0.75
        await waits(limiter, limited(at_provider=4), 3)
        assert limiter.room(budgets) == 0.0
        clock.advance(14_999)
        assert limiter.room(budgets) == 0.0
        clock.advance(1)
        assert limiter.room(budgets) == 0.25
        assert [part.owner for part in budgets.parts] == [Owner.PROVIDER]


class SharedRateLimiterContract:
    """What limiters do that processes share. Subclasses also provide `other_limiter`, on the same store."""

    async def test_two_limiters_share_one_budget(self, limiter: RateLimiter, other_limiter: RateLimiter) -> None:
        both = (limiter, other_limiter)
        places = [(await both[number % 2].reserve(per_minute(60))).wait_ms for number in range(70)]
        assert places.count(0) == 60
        assert sorted(wait for wait in places if wait) == [1_000 * place for place in range(1, 11)]

    async def test_what_one_limiter_does_not_use_the_other_may_use(
        self, limiter: RateLimiter, other_limiter: RateLimiter
    ) -> None:
        assert await waits(limiter, per_minute(60), 1) == [0]
        assert (await waits(other_limiter, per_minute(60), 60)).count(0) == 59

    async def test_a_place_in_time_is_given_once(self, limiter: RateLimiter, other_limiter: RateLimiter) -> None:
        places = await waits(limiter, per_minute(6), 8) + await waits(other_limiter, per_minute(6), 3)
        assert places == [0] * 6 + [10_000 * place for place in range(1, 6)]

    async def test_unspent_tokens_of_a_day_are_given_back(
        self, limiter: RateLimiter, other_limiter: RateLimiter, clock: SettableClock
    ) -> None:
        budgets = limited(day=1_000)
        for _ in range(5):
            assert (await limiter.reserve(budgets, 40)).wait_ms == 0
            clock.advance(5_000)
        clock.advance(DAY_MS // 1_000)
        await waits(limiter, budgets, 1)
        assert (await waits(other_limiter, budgets, 995)).count(0) >= 994
