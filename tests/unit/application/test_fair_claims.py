"""A flood, a call that hangs and a budget that is used up cost their own account, and nobody else (ADR 31).

Judged by the order of the calls at the provider, and by which of them begin while others hang; never by time.
"""

import asyncio
from collections import Counter
from typing import Any

import pytest
from tests.support.apps.in_memory_app import FAR_MS, InMemoryApp, a_policy
from tests.support.builders.control import a_pause_board
from tests.support.builders.messages import BACKUP, NOW, PROVIDER

from wework_message.adapters.local.rate_limiter import MemoryRateLimiter
from wework_message.adapters.memory.gateway import MemoryGateway
from wework_message.adapters.memory.system import SettableClock
from wework_message.application.actions.change import RecallMessage
from wework_message.application.dispatch.in_flight import MAX_BY_AGE, InFlight
from wework_message.domain.budgets import Budgets
from wework_message.domain.ids import DEFAULT_TENANT, Guid, MessageId
from wework_message.domain.lifecycle import MessageStatus
from wework_message.domain.message.attempt import AttemptOutcome
from wework_message.domain.ports.gateway import Dispatch
from wework_message.domain.ports.rate_limiter import Place

ONE_PROVIDER = {PROVIDER: a_policy().providers[PROVIDER]}
LOUD, QUIET = Guid("loud"), Guid("quiet")


def hang(gateway: MemoryGateway, *guids: Guid) -> asyncio.Event:
    """Calls of these guids stay open until the event is set."""
    released = asyncio.Event()

    async def answer(dispatch: Dispatch) -> AttemptOutcome:
        if dispatch.guid in guids:
            await released.wait()
        return gateway.accepted()

    gateway.script(*[answer] * 500)
    return released


async def flood(app: InMemoryApp, guid: Guid, count: int, **changes: Any) -> list[MessageId]:
    return [await app.accept_text(to=f"S:{number + 1}", guid=guid, **changes) for number in range(count)]


async def claim_all(app: InMemoryApp) -> None:
    """Until no message may go."""
    looked_at = 1
    for _ in range(500):
        looked_at = await app.dispatcher.dispatch_due()
        if not looked_at:
            break
    assert looked_at == 0, "it looks at the same messages again and again"
    await asyncio.sleep(0)


def calls_of(app: InMemoryApp) -> Counter[Guid]:
    return Counter(call.guid for gateway in app.gateways.values() for call in gateway.calls)


@pytest.mark.parametrize("wakeup", [False, True])
async def test_an_account_whose_calls_hang_keeps_half_of_the_calls_at_most(wakeup: bool) -> None:
    async with InMemoryApp(providers=ONE_PROVIDER) as app:
        released = hang(app.gateway, LOUD)
        hanging = frozenset(await flood(app, LOUD, 60))
        if wakeup:
            assert await app.dispatcher.dispatch_due(hanging) == 25
            assert await app.dispatcher.dispatch_due(hanging) == 0
        await claim_all(app)
        await asyncio.sleep(0)
        assert calls_of(app) == {LOUD: 25}
        for _ in range(3):
            await flood(app, QUIET, 20)
            await claim_all(app)
            await asyncio.sleep(0)
        assert calls_of(app)[QUIET] >= 20
        released.set()
        await app.dispatch()
        assert calls_of(app) == {LOUD: 60, QUIET: 60}


async def test_accounts_whose_calls_hang_leave_a_call_to_the_next_one() -> None:
    async with InMemoryApp(providers=ONE_PROVIDER) as app:
        accounts = [Guid(f"loud-{number}") for number in range(4)]
        released = hang(app.gateway, *accounts)
        for guid in accounts:
            await flood(app, guid, 60)
        await claim_all(app)
        (message_id,) = await flood(app, QUIET, 1)
        await claim_all(app)
        await app.until(message_id, lambda message: message.status is MessageStatus.SENT)
        released.set()
        await app.dispatch()


async def test_a_provider_that_hangs_keeps_half_of_the_calls_at_most() -> None:
    async with InMemoryApp() as app:
        accounts = [Guid(f"loud-{number:02}") for number in range(60)]
        released = hang(app.gateway, *accounts)
        for guid in accounts:
            await flood(app, guid, 2, provider_code=PROVIDER)
        await claim_all(app)
        await asyncio.sleep(0)
        assert len(app.gateway.calls) == 25
        other = app.gateways[BACKUP]
        sent = await flood(app, QUIET, 5, provider_code=BACKUP)
        await claim_all(app)
        for message_id in sent:
            await app.until(message_id, lambda message: message.status is MessageStatus.SENT)
        assert (len(other.calls), len(app.gateway.calls)) == (5, 25)
        released.set()
        await app.dispatch()
        assert len(app.gateway.calls) == 120


@pytest.mark.parametrize("priority", [0, 9])
async def test_a_flood_delays_no_other_account(priority: int) -> None:
    async with InMemoryApp(providers=ONE_PROVIDER) as app:
        await flood(app, LOUD, 300, priority=priority)
        await app.accept_text(guid=QUIET, priority=0)
        await app.dispatch()
        order = [call.guid for call in app.gateway.calls]
        assert len(order) == 301
        assert order.index(QUIET) <= 25  # in the first claim


async def test_an_account_whose_budget_is_used_up_is_left_alone_and_keeps_its_rate() -> None:
    async with InMemoryApp(rate_per_minute=60) as app:
        messages = await flood(app, LOUD, 200)
        await app.dispatch()
        statuses = Counter([(await app.message(message_id)).status for message_id in messages])
        assert statuses == {MessageStatus.SENT: 60, MessageStatus.HELD: 4, MessageStatus.QUEUED: 136}
        assert await app.dispatcher.dispatch_due() == 0
        await app.accept_text(guid=QUIET)
        await app.dispatch()
        assert calls_of(app) == {LOUD: 60, QUIET: 1}
        for second in range(1, 31):
            await app.pass_time(1_000)
            assert calls_of(app)[LOUD] == 60 + second


async def test_a_claim_says_how_many_messages_of_an_account_are_about_to_ask_its_budget(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A limiter that is shared fetches so many tokens at once."""
    reserve, counts = MemoryRateLimiter.reserve, list[int]()

    async def noted(limiter: MemoryRateLimiter, budgets: Budgets, expected: int = 1) -> Place:
        counts.append(expected)
        return await reserve(limiter, budgets, expected)

    monkeypatch.setattr(MemoryRateLimiter, "reserve", noted)
    async with InMemoryApp(providers=ONE_PROVIDER) as app:
        await flood(app, LOUD, 3)
        await flood(app, QUIET, 1)
        await app.dispatch()
        assert sorted(counts) == [1, 3, 3, 3]


async def test_recalls_have_room_of_their_own() -> None:
    async with InMemoryApp(providers=ONE_PROVIDER, calls_in_flight=1) as app:
        first = await app.accept_text(guid=QUIET)
        await app.dispatch()
        released = hang(app.gateway, LOUD)
        await flood(app, LOUD, 3)
        await claim_all(app)
        await app.recalling(RecallMessage(DEFAULT_TENANT, QUIET, first))
        await claim_all(app)
        await asyncio.sleep(0)
        assert [recall.message_id for recall in app.gateway.recalls] == [first]
        released.set()
        await app.dispatch()


async def test_what_found_no_room_goes_when_a_call_ends_without_a_poll() -> None:
    async with InMemoryApp(providers=ONE_PROVIDER, poll_due_ms=FAR_MS) as app:
        released = hang(app.gateway, LOUD)
        messages = await flood(app, LOUD, 60)
        app.start()
        await app.until(messages[24], lambda message: message.status is MessageStatus.SENDING)
        released.set()
        await app.until(messages[-1], lambda message: message.status is MessageStatus.SENT)


async def test_who_waits_for_a_provider_that_hangs_costs_no_claim_when_a_call_of_another_one_ends() -> None:
    async with InMemoryApp(poll_due_ms=FAR_MS) as app:
        accounts = [Guid(f"loud-{number:02}") for number in range(30)]
        released = hang(app.gateway, *accounts)
        waiting = [message_id for guid in accounts for message_id in await flood(app, guid, 2, provider_code=PROVIDER)]
        await claim_all(app)
        app.notifier.wakeups.clear()
        others = [
            message_id
            for number in range(10)
            for message_id in await flood(app, Guid(f"quiet-{number}"), 2, provider_code=BACKUP)
        ]
        await claim_all(app)
        for message_id in others:
            await app.until(message_id, lambda message: message.status is MessageStatus.SENT)
        assert () not in app.notifier.wakeups
        app.start()
        released.set()
        for message_id in waiting:
            await app.until(message_id, lambda message: message.status is MessageStatus.SENT)
        assert () in app.notifier.wakeups


async def test_floods_that_share_evenly_keep_a_quiet_account_waiting_for_three_claims_at_most() -> None:
    async with InMemoryApp(providers=ONE_PROVIDER, calls_in_flight=4) as app:
        for number in range(30):
            for guid in (LOUD, Guid("as loud")):
                await app.accept_text(to=f"S:{number + 1}", guid=guid)
        app.clock.advance(1)
        await app.accept_text(guid=QUIET)
        while not calls_of(app)[QUIET]:
            await app.dispatcher.dispatch_due()
            await app.quiet()
        assert len(app.gateway.calls) <= 4 * (MAX_BY_AGE + 1)


def test_claims_go_by_age_until_they_are_uneven_and_every_fourth_goes_in_turn() -> None:
    clock = SettableClock(NOW)
    in_flight = InFlight(a_policy(), clock, a_pause_board(clock))

    def kinds(claims: int, *, even: bool) -> str:
        kinds = ""
        for _ in range(claims):
            kinds += "a" if in_flight.goes_by_age else "t"
            if in_flight.goes_by_age:
                in_flight.went_by_age(even=even)
            else:
                in_flight.went_in_turn()
        return kinds

    assert kinds(9, even=True) == "aaataaata"
    assert kinds(12, even=False) == "a" + "t" * 9 + "at"
