"""What every RateLimiter does. Subclasses provide `limiter` and the `clock` it runs on."""

from wework_message.adapters.memory.system import SettableClock
from wework_message.domain.ids import AccountId
from wework_message.domain.ports.rate_limiter import RateLimiter

ACCOUNT = AccountId("account-a")
MINUTE_MS = 60_000


class RateLimiterContract:
    async def test_within_the_budget_there_is_no_wait(self, limiter: RateLimiter) -> None:
        assert [await limiter.reserve(ACCOUNT, 3) for _ in range(3)] == [0, 0, 0]

    async def test_over_the_budget_each_message_gets_a_place_of_its_own(self, limiter: RateLimiter) -> None:
        waits = [await limiter.reserve(ACCOUNT, 60) for _ in range(63)]
        assert waits[:60] == [0] * 60
        assert waits[60:] == [1_000, 2_000, 3_000]

    async def test_a_place_comes_nearer_as_time_passes(self, limiter: RateLimiter, clock: SettableClock) -> None:
        for _ in range(61):
            await limiter.reserve(ACCOUNT, 60)
        clock.advance(500)
        assert await limiter.reserve(ACCOUNT, 60) == 1_500

    async def test_a_minute_later_the_budget_is_whole_and_not_more(
        self, limiter: RateLimiter, clock: SettableClock
    ) -> None:
        for _ in range(3):
            await limiter.reserve(ACCOUNT, 3)
        clock.advance(10 * MINUTE_MS)
        waits = [await limiter.reserve(ACCOUNT, 3) for _ in range(4)]
        assert waits == [0, 0, 0, 20_000]

    async def test_accounts_do_not_share(self, limiter: RateLimiter) -> None:
        assert await limiter.reserve(ACCOUNT, 1) == 0
        assert await limiter.reserve(AccountId("account-b"), 1) == 0
        assert await limiter.reserve(ACCOUNT, 1) == MINUTE_MS


class SharedRateLimiterContract:
    """What limiters do that processes share. Subclasses also provide `other_limiter`, on the same store."""

    async def test_two_limiters_share_one_budget(self, limiter: RateLimiter, other_limiter: RateLimiter) -> None:
        both = (limiter, other_limiter)
        waits = [await both[number % 2].reserve(ACCOUNT, 60) for number in range(70)]
        assert waits.count(0) == 60
        assert sorted(wait for wait in waits if wait) == [1_000 * place for place in range(1, 11)]

    async def test_what_one_limiter_does_not_use_the_other_may_use(
        self, limiter: RateLimiter, other_limiter: RateLimiter
    ) -> None:
        assert await limiter.reserve(ACCOUNT, 60) == 0
        waits = [await other_limiter.reserve(ACCOUNT, 60) for _ in range(60)]
        assert waits.count(0) == 59

    async def test_a_place_in_time_is_given_once(self, limiter: RateLimiter, other_limiter: RateLimiter) -> None:
        waits = [await limiter.reserve(ACCOUNT, 6) for _ in range(8)]
        waits += [await other_limiter.reserve(ACCOUNT, 6) for _ in range(3)]
        assert waits == [0] * 6 + [10_000 * place for place in range(1, 6)]
