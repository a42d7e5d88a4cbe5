"""A policy that follows another one counts at once for all who hold it."""

import dataclasses
from typing import Any

import pytest
from tests.support.apps.in_memory_app import InMemoryApp, a_policy
from tests.support.builders.messages import PROVIDER, an_outcome

from wework_message.application.policy import DAY_MS
from wework_message.domain.message.options import OnUnknown
from wework_message.domain.outcomes import OutcomeClass
from wework_message.domain.quota import Budget, Period
from wework_message.domain.retry import RetryPolicy
from wework_message.domain.routing.provider import Provider

MINUTE = 60_000


def follow(app: InMemoryApp, **changes: Any) -> None:
    app.policy.follow(dataclasses.replace(app.policy, **changes))


def follow_provider(app: InMemoryApp, **changes: Any) -> None:
    provider: Provider = dataclasses.replace(app.policy.providers[PROVIDER], **changes)
    follow(app, providers={**app.policy.providers, PROVIDER: provider})


def test_it_becomes_the_other_one_and_stays_the_same_object() -> None:
    held = a_policy()
    newer = a_policy(rate_per_minute=7, async_enabled=False, sync_wait_ms=1)
    held.follow(newer)
    assert (held, held is newer) == (newer, False)
    with pytest.raises(dataclasses.FrozenInstanceError):
        held.rate_per_minute = 8  # type: ignore[misc]  # that is what the test shows


async def flood(app: InMemoryApp, count: int) -> None:
    for number in range(count):
        await app.accept_text(to=f"S:{number + 1}")
    await app.dispatch()


async def test_the_rate_of_accounts_and_what_was_used_counts_against_it() -> None:
    async with InMemoryApp() as app:
        follow(app, rate_per_minute=2)
        await flood(app, 6)
        assert len(app.gateway.calls) == 2
        follow(app, rate_per_minute=600)
        await app.pass_time(MINUTE)
        assert len(app.gateway.calls) == 6


async def test_the_rates_of_a_provider() -> None:
    async with InMemoryApp() as app:
        follow_provider(app, budgets=(Budget(Period.HOUR, 2),))
        await flood(app, 6)
        assert len(app.gateway.calls) == 2
        follow_provider(app, budgets=())
        await app.pass_time(60 * MINUTE)
        assert len(app.gateway.calls) == 6


@pytest.mark.parametrize(("delay_ms", "calls"), [(1_000, 2), (60_000, 1)])
async def test_quick_tries(delay_ms: int, calls: int) -> None:
    async with InMemoryApp() as app:
        follow(app, retry=RetryPolicy(max_attempts=3, first_delay_ms=delay_ms))
        app.gateway.script(an_outcome(OutcomeClass.NOT_SENT))
        await app.accept_text()
        await app.dispatch()
        await app.pass_time(2_000)
        assert len(app.gateway.calls) == calls


async def test_what_becomes_of_what_is_uncertain() -> None:
    async with InMemoryApp() as app:
        follow(app, on_unknown=OnUnknown.FAIL, fail_unknown_after_ms=DAY_MS)
        assert (await app.message(await app.accept_text())).options.on_unknown is OnUnknown.FAIL
