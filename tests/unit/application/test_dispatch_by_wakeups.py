"""The messages of a wake-up are claimed together; those that do not fit, and those without one, come from the table."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from tests.support.apps.in_memory_app import InMemoryApp
from tests.support.polling import until
from tests.support.queues.memory_transport import MemoryTransport
from tests.support.queues.notifiers import a_notifier

from wework_message.adapters.rocketmq.wakeup.notifier import RocketmqNotifier
from wework_message.application.dispatch.claim import ClaimRequest
from wework_message.domain.lifecycle import MessageStatus
from wework_message.domain.message.attempt import AttemptOutcome
from wework_message.domain.ports.gateway import Dispatch

pytestmark = pytest.mark.usefixtures("through_the_table")


@pytest.fixture
def transport() -> MemoryTransport:
    return MemoryTransport()


@pytest.fixture
async def notifier(transport: MemoryTransport) -> AsyncIterator[RocketmqNotifier]:
    async with a_notifier(transport) as notifier:
        await transport.subscribe("due", "dispatch", lease_s=30)
        yield notifier


def sent(app: InMemoryApp) -> int:
    return len(app.gateway.calls)


async def test_what_a_wakeup_names_is_sent_and_the_wakeup_is_answered(
    notifier: RocketmqNotifier, transport: MemoryTransport
) -> None:
    async with InMemoryApp(notifier=notifier) as app:
        running = asyncio.create_task(app.dispatcher.run())
        for number in range(1, 31):
            await app.until(
                await app.accept_text(to=f"S:{number}"), lambda message: message.status is MessageStatus.SENT
            )

        async def answered() -> bool:
            return transport.lag("due", "dispatch") == 0

        await until(answered)
        await app.dispatcher.stop(1)
        await running


async def test_a_wakeup_is_not_answered_while_the_store_takes_no_claim(
    notifier: RocketmqNotifier, transport: MemoryTransport
) -> None:
    async with InMemoryApp(notifier=notifier) as app:
        running = asyncio.create_task(app.dispatcher.run())
        await until(lambda: _true(transport.receives > 0))
        message_id = await app.accept_text()
        app.database.away = True
        await until(lambda: _true(transport.taken("due", "dispatch") > 0))
        await settle()
        assert transport.acked == []
        app.database.away = False
        await app.until(message_id, lambda message: message.status is MessageStatus.SENT)
        await app.dispatcher.stop(1)
        await running


async def test_of_a_set_only_its_own_are_claimed(notifier: RocketmqNotifier) -> None:
    async with InMemoryApp(notifier=notifier) as app:
        first, second, other = [await app.accept_text(to=f"S:{number}") for number in range(1, 4)]
        claimed = await app.commits.submit(app.claiming, ClaimRequest(10, frozenset({first, second})))
        assert {call.message.id for call in claimed.started_calls} == {first, second}
        everything = await app.commits.submit(app.claiming, ClaimRequest(10))
        assert [call.message.id for call in everything.started_calls] == [other]


async def test_what_does_not_fit_into_the_free_slots_is_taken_as_they_get_free(
    notifier: RocketmqNotifier, transport: MemoryTransport
) -> None:
    async with InMemoryApp(notifier=notifier, calls_in_flight=3) as app:
        accepted = [await app.accept_text(to=f"S:{number}") for number in range(1, 41)]
        running = asyncio.create_task(app.dispatcher.run())
        for message_id in accepted:
            await app.until(message_id, lambda message: message.status is MessageStatus.SENT)
        assert sent(app) == len(accepted)
        await app.dispatcher.stop(1)
        await running


async def test_a_lane_that_gets_free_sends_this_process_to_the_table(
    notifier: RocketmqNotifier, transport: MemoryTransport
) -> None:
    async with InMemoryApp(notifier=notifier) as app:
        lane = [await app.accept_text(str(number)) for number in range(9)]
        running = asyncio.create_task(app.dispatcher.run())
        await app.until(lane[-1], lambda message: message.status is MessageStatus.SENT)
        assert [call.message_id for call in app.gateway.calls] == lane
        await app.dispatcher.stop(1)
        await running


@pytest.mark.parametrize("lost", ["never published", "taken by one that died"])
async def test_a_message_whose_wakeup_is_lost_is_found_in_the_table(
    lost: str, notifier: RocketmqNotifier, transport: MemoryTransport
) -> None:
    async with InMemoryApp(notifier=notifier) as app:
        transport.away = lost == "never published"
        message_id = await app.accept_text()
        if not transport.away:
            await until(lambda: _true(len(transport.published) == 1))
            await (await transport.subscribe("due", "dispatch", lease_s=30)).receive(1)
        running = asyncio.create_task(app.dispatcher.run())
        await app.until(message_id, lambda message: message.status is MessageStatus.SENT)
        await app.dispatcher.stop(1)
        await running


async def test_with_every_slot_taken_nothing_is_received(
    notifier: RocketmqNotifier, transport: MemoryTransport
) -> None:
    async with InMemoryApp(notifier=notifier, calls_in_flight=1) as app:
        answer: asyncio.Future[AttemptOutcome] = asyncio.get_running_loop().create_future()

        async def held(_: Dispatch) -> AttemptOutcome:
            return await answer

        app.gateway.script(held)
        running = asyncio.create_task(app.dispatcher.run())
        first = await app.accept_text(to="S:1")
        await until(lambda: _true(sent(app) == 1))
        before = transport.receives  # those that are under way are counted
        await app.accept_text(to="S:2")
        await until(lambda: _true(len(transport.published) == 2))
        await settle()
        assert transport.receives == before
        answer.set_result(app.gateway.accepted())
        await app.until(first, lambda message: message.status is MessageStatus.SENT)
        await app.dispatcher.stop(1)
        await running


async def settle() -> None:
    """Let every task that can go on do so."""
    for _ in range(50):
        await asyncio.sleep(0)


async def _true(holds: bool) -> bool:
    return holds
